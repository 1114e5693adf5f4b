"""omen_hnsw for Django: all that a project needs."""

from pgvector.django import HnswIndex


class OmenHnswIndex(HnswIndex):
    suffix = 'omen_hnsw'

    def __init__(self, *expressions, storage=None, **kwargs):
        self.storage = storage
        super().__init__(*expressions, **kwargs)

    def deconstruct(self):
        path, args, kwargs = super().deconstruct()
        if self.storage is not None:
            kwargs['storage'] = self.storage
        return path, args, kwargs

    def get_with_params(self):
        params = super().get_with_params()
        if self.storage is not None:
            params.append(f'storage = {self.storage}')
        return params

"""A model with an index that is ours, with a key column."""

from django.contrib.postgres.indexes import OpClass

from django_clients.fields import BaseItem
from django_clients.omen.indexes import OmenHnswIndex


class Item(BaseItem):
    class Meta:
        indexes = [
            OmenHnswIndex(OpClass('embedding', name='vector_cosine_ops'), 'topic',
                          name='item_embedding', m=16, ef_construction=64,
                          storage='sq8'),
        ]

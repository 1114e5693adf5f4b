"""A model as it is written for pgvector."""

from pgvector.django import HnswIndex

from django_clients.fields import BaseItem


class Item(BaseItem):
    class Meta:
        indexes = [
            HnswIndex(name='item_embedding', fields=['embedding'],
                      opclasses=['vector_cosine_ops'],
                      m=16, ef_construction=64),
        ]

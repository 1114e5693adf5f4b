"""What the models of both apps have."""

from django.db import models
from pgvector.django import VectorField

from embedding import DIMS


class BaseItem(models.Model):
    id = models.BigIntegerField(primary_key=True)
    topic = models.TextField()
    embedding = VectorField(dimensions=DIMS)

    class Meta:
        abstract = True

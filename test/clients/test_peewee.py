"""peewee with pgvector-python."""

import numpy as np
import pytest
from peewee import (SQL, BigIntegerField, Model, PostgresqlDatabase, TextField)
from pgvector.peewee import VectorField

from client_cycle import client_cycle
from embedding import DIMS


@pytest.fixture
def Item(db):
    """A model on the test's database."""
    database = PostgresqlDatabase(db.name, user='postgres', host=db.server.socket)

    class Item(Model):
        id = BigIntegerField(primary_key=True)
        topic = TextField()
        embedding = VectorField(dimensions=DIMS)

        class Meta:
            table_name = 'item'

    database.bind([Item])
    with database.connection_context():
        database.execute_sql('CREATE EXTENSION IF NOT EXISTS vector')
        yield Item


def test_declared(db, Item, docs, rows):
    """An index of the model, as it is written for pgvector."""
    Item.add_index('embedding vector_cosine_ops', using='hnsw')
    run_cycle(db, Item, docs, rows)


def test_ours(db, Item, docs, rows):
    """One with a key column and an option."""
    Item.add_index(SQL(
        'CREATE INDEX item_embedding ON item USING omen_hnsw'
        ' (embedding vector_cosine_ops, topic) WITH (storage = sq8)'))
    run_cycle(db, Item, docs, rows)


def run_cycle(db, Item, docs, rows):
    Item._meta.database.create_tables([Item])
    Item.insert_many((d.id, d.topic, d.embedding) for d in docs).execute()
    assert len(db.take_over()) == 1
    db.sql('ANALYZE')

    def search(vector, count, topic):
        distance = Item.embedding.cosine_distance(vector)
        query = Item.select(Item.id, distance).order_by(distance).limit(count)
        if topic is not None:
            query = query.where(Item.topic == topic)
        return list(query.tuples())

    def delete(ids):
        Item.delete().where(Item.id.in_(ids)).execute()

    client_cycle(db, docs, rows, search, delete)
    for item in Item.select().limit(3):
        assert np.array_equal(np.float32(item.embedding), rows[item.id])

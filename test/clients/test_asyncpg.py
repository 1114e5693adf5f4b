"""asyncpg with pgvector-python: all values in binary."""

import asyncio

import asyncpg
import pytest
from pgvector import HalfVector, SparseVector, Vector
from pgvector.asyncpg import register_vector

from client_cycle import client_cycle
from embedding import DIMS


@pytest.fixture
def run(db):
    """Run what a function of a connection gives, all on one connection."""
    loop = asyncio.new_event_loop()

    async def connect():
        connection = await asyncpg.connect(
            host=db.parameters['host'], user='postgres', database=db.name)
        await connection.execute('CREATE EXTENSION IF NOT EXISTS vector')
        await register_vector(connection)
        await connection.execute(
            'CREATE TABLE item (id bigint PRIMARY KEY, topic text,'
            f' embedding vector({DIMS}))')
        return connection

    connection = loop.run_until_complete(connect())
    yield lambda act: loop.run_until_complete(act(connection))
    loop.run_until_complete(connection.close())
    loop.close()


def insert(connection, docs):
    return connection.executemany(
        'INSERT INTO item VALUES ($1, $2, $3)',
        [(d.id, d.topic, d.embedding) for d in docs])


def copy(connection, docs):
    return connection.copy_records_to_table(
        'item', records=[(d.id, d.topic, Vector(d.embedding)) for d in docs])


@pytest.mark.parametrize('load', (insert, copy))
def test_cycle(db, run, docs, rows, load):
    run(lambda connection: load(connection, docs))
    run(lambda connection: connection.execute(
        f'CREATE INDEX item_embedding ON item USING {db.method}'
        ' (embedding vector_cosine_ops)'))
    run(lambda connection: connection.execute('ANALYZE item'))

    def search(vector, count, topic):
        # by statements that are prepared, and planned once for all values in time
        if topic is None:
            found = run(lambda connection: connection.fetch(
                'SELECT id, embedding <=> $1 AS distance FROM item'
                ' ORDER BY embedding <=> $1 LIMIT $2', vector, count))
        else:
            found = run(lambda connection: connection.fetch(
                'SELECT id, embedding <=> $1 AS distance FROM item WHERE topic = $3'
                ' ORDER BY embedding <=> $1 LIMIT $2', vector, count, topic))
        return [tuple(row) for row in found]

    def delete(ids):
        run(lambda connection: connection.execute(
            'DELETE FROM item WHERE id = ANY ($1)', ids))

    client_cycle(db, docs, rows, search, delete)


def test_types(run):
    values = {'vector': Vector([1.5, -2, 3]), 'halfvec': HalfVector([1.5, -2, 3]),
              'sparsevec': SparseVector([1.5, 0, 3, 0])}
    for name, value in values.items():
        row = run(lambda connection: connection.fetchrow(
            f'SELECT $1::{name}, $2::{name}[]', value, [value, value]))
        assert tuple(row) == (value, [value, value]), name

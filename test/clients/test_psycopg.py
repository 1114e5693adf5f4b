"""psycopg 3 with pgvector-python: parameters as text and in binary, and COPY in
binary."""

import numpy as np
import psycopg
import pytest
from pgvector import Bit, HalfVector, SparseVector, Vector
from pgvector.psycopg import register_vector

from cycle import cycle
from embedding import DIMS


@pytest.fixture
def connection(db):
    with psycopg.connect(**db.parameters, autocommit=True) as connection:
        connection.execute('CREATE EXTENSION IF NOT EXISTS vector')
        register_vector(connection)
        connection.execute('CREATE TABLE item (id bigint PRIMARY KEY, topic text,'
                           f' embedding vector({DIMS}))')
        yield connection


def run_cycle(db, connection, docs, rows, binary, value):
    connection.execute(f'CREATE INDEX item_embedding ON item USING {db.method}'
                       ' (embedding vector_cosine_ops)')
    connection.execute('ANALYZE item')

    def search(vector, count, topic):
        condition = '' if topic is None else 'WHERE topic = %(topic)s'
        return connection.execute(
            f'SELECT id, embedding <=> %(vector)s FROM item {condition}'
            ' ORDER BY embedding <=> %(vector)s LIMIT %(count)s',
            {'vector': value(vector), 'topic': topic, 'count': count},
            binary=binary).fetchall()

    def delete(ids):
        connection.execute('DELETE FROM item WHERE id = ANY (%s)', [ids])

    cycle(db, docs, rows, search, delete)


@pytest.mark.parametrize('binary', (False, True), ids=('text', 'binary'))
def test_insert(db, connection, docs, rows, binary):
    place = '%b' if binary else '%t'
    with connection.cursor() as cursor:
        cursor.executemany(
            f'INSERT INTO item VALUES (%s, %s, {place})',
            [(d.id, d.topic, Vector(d.embedding)) for d in docs])
    run_cycle(db, connection, docs, rows, binary, Vector)


def test_copy_binary(db, connection, docs, rows):
    with connection.cursor().copy(
            'COPY item FROM STDIN WITH (FORMAT BINARY)') as copy:
        copy.set_types(['bigint', 'text', 'vector'])
        for d in docs:
            copy.write_row((d.id, d.topic, np.array(d.embedding)))
    with connection.cursor().copy(
            'COPY item TO STDOUT WITH (FORMAT BINARY)') as copy:
        copy.set_types(['bigint', 'text', 'vector'])
        assert {row[0]: row[2].to_list() for row in copy.rows()} == rows
    run_cycle(db, connection, docs, rows, True, np.array)


@pytest.mark.parametrize('binary', (False, True), ids=('text', 'binary'))
def test_types(connection, binary):
    """All types, and arrays of them, there and back."""
    place = '%b' if binary else '%t'
    values = {'vector': Vector([1.5, -2, 3]), 'halfvec': HalfVector([1.5, -2, 3]),
              'sparsevec': SparseVector([1.5, 0, 3, 0])}
    for name, value in values.items():
        row = connection.execute(f'SELECT {place}::{name}, {place}::{name}[]',
                                 (value, [value, value]), binary=binary).fetchone()
        assert row == (value, [value, value]), name
    # which is given as PostgreSQL's own
    assert connection.execute(f'SELECT {place}::bit(5)::text', (Bit('10110'),)
                              ).fetchone() == ('10110',)

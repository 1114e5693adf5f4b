"""psycopg2 with pgvector-python."""

import io

import numpy as np
import psycopg2
import psycopg2.extras
import pytest
from pgvector import HalfVector, SparseVector, Vector
from pgvector.psycopg2 import register_vector

from client_cycle import client_cycle
from embedding import DIMS


@pytest.fixture
def cursor(db):
    connection = psycopg2.connect(**db.parameters)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute('CREATE EXTENSION IF NOT EXISTS vector')
        register_vector(connection)
        cursor.execute('CREATE TABLE item (id bigint PRIMARY KEY, topic text,'
                       f' embedding vector({DIMS}))')
        yield cursor
    connection.close()


def insert(cursor, docs):
    psycopg2.extras.execute_values(
        cursor, 'INSERT INTO item VALUES %s',
        [(d.id, d.topic, np.array(d.embedding)) for d in docs])


def copy(cursor, docs):
    cursor.copy_expert('COPY item FROM STDIN', io.StringIO(''.join(
        f'{d.id}\t{d.topic}\t{d.embedding}\n' for d in docs)))


@pytest.mark.parametrize('load', (insert, copy))
def test_cycle(db, cursor, docs, rows, load):
    load(cursor, docs)
    cursor.execute(f'CREATE INDEX item_embedding ON item USING {db.method}'
                   ' (embedding vector_cosine_ops)')
    cursor.execute('ANALYZE item')

    def search(vector, count, topic):
        cursor.execute(
            'SELECT id, embedding <=> %(vector)s FROM item'
            + ('' if topic is None else ' WHERE topic = %(topic)s') +
            ' ORDER BY embedding <=> %(vector)s LIMIT %(count)s',
            {'vector': Vector(vector), 'topic': topic, 'count': count})
        return cursor.fetchall()

    def delete(ids):
        cursor.execute('DELETE FROM item WHERE id = ANY (%s)', (ids,))

    client_cycle(db, docs, rows, search, delete)


def test_types(cursor):
    values = {'vector': Vector([1.5, -2, 3]), 'halfvec': HalfVector([1.5, -2, 3]),
              'sparsevec': SparseVector([1.5, 0, 3, 0])}
    for name, value in values.items():
        cursor.execute(f'SELECT %s::{name}, %s::{name}[]', (value, [value, value]))
        assert cursor.fetchone() == (value, [value, value]), name

"""pgvector-python with psycopg 3: text, binary, and COPY in binary."""

import numpy as np
import psycopg
import pytest
from pgvector.psycopg import register_vector

from embedding import DIMS, QUESTIONS, embed
from exact import check_answer


@pytest.fixture
def connection(db):
    with psycopg.connect(**db.parameters, autocommit=True) as connection:
        connection.execute('CREATE EXTENSION IF NOT EXISTS vector')
        register_vector(connection)
        yield connection


@pytest.mark.parametrize('binary', (False, True), ids=('text', 'binary'))
def test_cycle(db, connection, docs, rows, binary):
    connection.execute(f'CREATE TABLE item (id bigint PRIMARY KEY, year int, embedding vector({DIMS}))')
    with connection.cursor(binary=binary) as cursor:
        cursor.executemany('INSERT INTO item VALUES (%s, %s, %s)',
                           [(d.id, d.year, np.array(d.embedding)) for d in docs])
    connection.execute(f'CREATE INDEX item_embedding ON item USING {db.method} (embedding vector_cosine_ops)')
    connection.execute('ANALYZE item')
    with db.plans() as plans:
        for question in QUESTIONS:
            found = connection.execute(
                'SELECT id, embedding <=> %s FROM item ORDER BY 2 LIMIT 5',
                (np.array(embed(question)),), binary=binary).fetchall()
            check_answer(found, rows, embed(question), 'cosine', 5)
    assert set(plans.use_ours(len(QUESTIONS), filtered=False)) == {'item_embedding'}

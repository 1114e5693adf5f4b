"""psycopg 3 with pgvector-python: parameters as text and in binary, and COPY in
binary."""

import numpy as np
import psycopg
import pytest
from pgvector import Bit, HalfVector, SparseVector, Vector
from pgvector.psycopg import register_vector

from client_cycle import client_cycle
from embedding import DIMS, QUESTIONS, embed
from exact import check_answer


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

    client_cycle(db, docs, rows, search, delete)


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


# Other types and distances, as pgvector-python's documentation has them: column,
# what is indexed, operator class, operator, and what the client compares with.
OTHERS = {
    'l2': ('vector(64)', '{}', 'vector_l2_ops', '<->', Vector),
    'ip': ('vector(64)', '{}', 'vector_ip_ops', '<#>', Vector),
    'l1': ('vector(64)', '{}', 'vector_l1_ops', '<+>', Vector),
    'half': ('halfvec(64)', '{}', 'halfvec_cosine_ops', '<=>', HalfVector),
    'half precision': ('vector(64)', '({}::halfvec(64))', 'halfvec_l2_ops', '<->',
                       HalfVector),
    'sparse': ('sparsevec(64)', '{}', 'sparsevec_ip_ops', '<#>', SparseVector),
    'binary': ('vector(64)', '(binary_quantize({})::bit(64))', 'bit_hamming_ops',
               '<~>', lambda v: Bit([x > 0 for x in v])),
    'jaccard': ('vector(64)', '(binary_quantize({})::bit(64))', 'bit_jaccard_ops',
                '<%%>', lambda v: Bit([x > 0 for x in v])),
}


def values(rows, name):
    """The rows as a column of that type has them, and the distance's name."""
    column, _, operators, _, _ = OTHERS[name]
    metric = operators.split('_')[1]
    if 'bit' in operators:
        return {i: np.array(v) > 0 for i, v in rows.items()}, metric
    if 'halfvec' in operators:
        return {i: np.float16(v) for i, v in rows.items()}, metric
    return rows, metric


@pytest.mark.parametrize('name', OTHERS)
def test_others(db, connection, docs, rows, name):
    column, indexed, operators, operator, value = OTHERS[name]
    indexed = indexed.format('embedding')
    connection.execute(f'ALTER TABLE item ALTER embedding TYPE {column}')
    with connection.cursor().copy(
            'COPY item FROM STDIN WITH (FORMAT BINARY)') as copy:
        copy.set_types(['bigint', 'text', column.split('(')[0]])
        make = value if 'bit' not in operators and 'half' not in name else \
            HalfVector if column.startswith('half') else Vector
        for d in docs:
            copy.write_row((d.id, d.topic, make(d.embedding)))
    connection.execute(f'CREATE INDEX ON item USING {db.method}'
                       f' ({indexed} {operators})')
    connection.execute('ANALYZE item')
    matrix, metric = values(rows, name)
    topics = {d.id: d.topic for d in docs}
    for topic in (None, 'sea'):
        condition = '' if topic is None else 'WHERE topic = %(topic)s'
        with db.plans() as plans:
            for question in QUESTIONS:
                query = embed(question)
                found = connection.execute(
                    f'SELECT id, {indexed} {operator} %(value)s FROM item'
                    f' {condition} ORDER BY {indexed} {operator} %(value)s LIMIT 5',
                    {'value': value(query), 'topic': topic}).fetchall()
                query, = values({0: query}, name)[0].values()
                check_answer(found, matrix, query, metric, 5,
                             topic and (lambda i: topics[i] == topic))
        plans.use_ours(len(QUESTIONS), filtered=topic is not None)


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

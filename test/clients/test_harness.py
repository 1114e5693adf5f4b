"""What the tests of clients go by finds what is wrong."""

import socket

import pytest

from conftest import attempts
from embedding import DIMS, embed
from exact import check_answer, distances


def test_answers(rows):
    query = embed('anchor tide gull')
    ids = list(rows)
    far = dict(zip(ids, distances([rows[i] for i in ids], query, 'cosine')))
    best = sorted(ids, key=far.get)
    even = [i for i in best if i % 2 == 0]

    check_answer(best[:5], rows, query, 'cosine', 5)
    check_answer([(i, far[i]) for i in even[:5]], rows, query, 'cosine', 5,
                 keep=lambda i: i % 2 == 0)
    check_answer([], rows, query, 'cosine', 5, keep=lambda i: False)
    for wrong in (best[1:6], best[:4], best[:6], best[:4] + best[5:6],
                  best[:4] + best[3:4], best[:5][::-1], even[:5],
                  best[:4] + [len(ids) + 1],
                  [(i, far[i] + (i == best[2]) * 1e-4) for i in best[:5]]):
        with pytest.raises(AssertionError):
            check_answer(wrong, rows, query, 'cosine', 5)
    with pytest.raises(AssertionError):
        check_answer(best[:5], rows, query, 'cosine', 5, lambda i: i % 2 == 0)


def test_plans(db, docs):
    db.sql('CREATE EXTENSION IF NOT EXISTS vector')
    db.sql(f'CREATE TABLE item (id int, topic text, embedding vector({DIMS}))')
    with db.connection.cursor() as cursor:
        cursor.executemany('INSERT INTO item VALUES (%s, %s, %s::real[])',
                           [(d.id, d.topic, d.embedding) for d in docs])
    vector = embed('anchor tide gull')
    search = ('SELECT id FROM item {}'
              ' ORDER BY embedding <=> (%s::real[])::vector LIMIT 5')

    def plans_of(*statements):
        with db.plans() as plans, db.server.connect(db.name) as connection:
            connection.execute('SET auto_explain.log_min_duration = 0')
            for statement in statements:
                connection.execute(statement, [vector])
        return plans

    without = plans_of(search.format(''))
    with pytest.raises(AssertionError, match='no index of'):
        without.use_ours()
    db.sql('CREATE INDEX theirs ON item USING hnsw (embedding vector_cosine_ops)')
    db.sql('ANALYZE item')
    if db.route == 'companion':
        assert (db.indexes(), db.indexes(ours=False)) == ([], ['theirs'])
        theirs = plans_of(search.format(''))
        assert theirs.searches[0]['Plan']['Plans'][0]['Index Name'] == 'theirs'
        with pytest.raises(AssertionError, match='no index of'):
            theirs.use_ours()
    assert db.take_over() == ['theirs']
    assert db.indexes(ours=False) == []

    plain, filtered = search.format(''), search.format("WHERE topic = 'sea'")
    assert plans_of(plain, plain).use_ours(2, filtered=False) == ['theirs'] * 2
    assert plans_of(filtered).use_ours(filtered=True) == ['theirs']
    for plans, least, has_filter in (
            (plans_of(plain), 2, None), (plans_of(plain), 1, True),
            (plans_of(filtered), 1, False),
            (plans_of('SELECT (%s::real[])::vector'), 1, None)):
        with pytest.raises(AssertionError):
            plans.use_ours(least, has_filter)


def test_network():
    """What asks for another machine is refused, and noted."""
    with socket.socket() as client, pytest.raises(OSError, match='no network'):
        client.connect(('192.0.2.1', 80))
    with pytest.raises(OSError, match='no network'):
        socket.getaddrinfo('example.invalid', 80)
    assert len(attempts) == 2
    attempts.clear()
    with socket.create_server(('127.0.0.1', 0)) as server:
        socket.create_connection(server.getsockname()).close()

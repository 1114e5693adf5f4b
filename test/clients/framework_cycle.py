"""What every framework is asked to do, and what its answers have to be."""

import re

import numpy as np
import pytest
from database import index_of, nodes
from embedding import QUESTIONS, embed
from exact import check_answer

# How many rows are asked for, and how many come after the index.
COUNT = 5
LATER = 100

TOPIC = 'sea'

# hnsw.ef_search, where a framework sets it: not the default.
EF_SEARCH = 45


def by_metric(metrics):
    """Have a test run by all of a framework's distances, but for time's sake by
    other than cosine where all of its statements are ours to serve only."""
    return pytest.mark.parametrize('metric', [
        metric if metric == 'cosine'
        else pytest.param(metric, marks=pytest.mark.routes('vector'))
        for metric in metrics])


def cycle(store, db, docs, rows, metric='cosine', key=None, sets_ef_search=False,
          always_filtered=False, stored=np.float32):
    """Create, load, index, search, search with a filter, delete, and search again.

    store: works a framework by these methods, with documents of embedding.py
        open()          as a new process does: the first one makes the table
        load(docs)
        index()         as the framework does, or its documentation says
        search(question, count, topic=None)
                        gives ids, or pairs of id and distance, in their order;
                        of documents on the topic, if one is named
        delete(docs)
    key: has the index made anew with this key, which searches by topic then use
    sets_ef_search: the framework tells the server EF_SEARCH
    always_filtered: each search has a condition on rows
    stored: what becomes of a vector in the store
    """
    rows = {id: stored(vector) for id, vector in rows.items()}

    def search(docs, rows):
        """Ask all questions, without a topic and with one."""
        topics = {doc.id: doc.topic for doc in docs}
        for topic in (None, TOPIC):
            with db.plans() as plans:
                for question in QUESTIONS:
                    check_answer(store.search(question, COUNT, topic), rows,
                                 stored(embed(question)), metric, COUNT,
                                 topic and (lambda row: topics[row] == topic))
            plans.use_ours(len(QUESTIONS),
                           filtered=bool(topic or always_filtered))
            if topic:
                check_scans(plans, key, sets_ef_search)

    store.open()
    store.load(docs[:-LATER])
    store.index()
    ours = db.take_over()
    assert ours, 'the framework has made no index'
    if key:
        add_key(db, ours, key)
    store.open()
    assert not db.indexes(ours=False), 'another index has been made'
    store.load(docs[-LATER:])
    db.sql('ANALYZE')

    search(docs, rows)
    # some of the nearest, and all of a place
    nearest = [found[0] if isinstance(found, tuple) else found
               for question in QUESTIONS for found in store.search(question, 2)]
    gone = [doc for doc in docs if doc.id in nearest or doc.place == 'inland']
    store.delete(gone)
    left = [doc for doc in docs if doc not in gone]
    search(left, {doc.id: rows[doc.id] for doc in left})


def add_key(db, indexes, key):
    """Make indexes anew, by their names, with a key after the vector."""
    for name in indexes:
        definition, = db.sql('SELECT pg_get_indexdef(%s::regclass)', [name])[0]
        db.sql(f'DROP INDEX {name}')
        db.sql(re.sub(r'(_ops)\)', rf'\1, {key})', definition))


def check_scans(plans, key, sets_ef_search):
    """Hold that scans by our index, with a condition, go by its key and by the
    framework's setting."""
    for plan in plans.searches:
        for node in nodes(plan['Plan']):
            if not index_of(node) or 'Order By' not in node:
                continue
            assert not key or 'Key Filter' in node, f'no key is used: {node}'
            assert not sets_ef_search or \
                'by hnsw.ef_search' in node.get('Candidate List', ''), \
                f'hnsw.ef_search does not count: {node}'

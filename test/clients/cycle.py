"""What every framework is asked to do, and what its answers have to be."""

from embedding import QUESTIONS, embed
from exact import check_answer

# Rows that an answer has, and rows that come after the index.
COUNT = 5
LATER = 100

TOPIC = 'sea'


def cycle(store, db, docs, rows, metric='cosine', always_filtered=False,
          stored=lambda vector: vector):
    """Create, load, index, search, search with a filter, delete, and search again.

    store: works a framework by these methods, with documents of embedding.py
        open()                        at first it makes the table, later it finds it
        load(docs)
        index()                       as the framework does or documents it
        search(question, count, topic=None)    pairs of id and distance, or ids;
                                      of documents on the topic if one is named
        delete(docs)
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

    store.open()
    store.load(docs[:-LATER])
    store.index()
    ours = db.take_over()
    assert ours, 'the framework has made no index'
    # a process that comes later
    store.open()
    assert not db.indexes(ours=False), 'it has made another index'
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

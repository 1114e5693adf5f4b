"""What each driver and ORM goes through once its table is filled and indexed."""

from embedding import QUESTIONS, embed
from exact import check_answer


def client_cycle(db, docs, rows, search, delete, metric='cosine', count=5):
    """Search, search among the documents of a topic, delete, and search again.

    search(vector, count, topic): what the client finds, as ids or as pairs of id
    and distance; of all topics if that is None
    delete(ids): through the client
    """
    topics = {document.id: document.topic for document in docs}
    left = dict(rows)

    def ask(topic=None):
        with db.plans() as plans:
            for question in QUESTIONS:
                vector = embed(question)
                check_answer(search(vector, count, topic), left, vector, metric,
                             count, topic and (lambda i: topics[i] == topic))
        assert plans.use_ours(len(QUESTIONS), filtered=topic is not None)

    ask()
    ask('sea')
    # the nearest of all are no more
    with_ids = [search(embed(question), count, None) for question in QUESTIONS]
    gone = {row[0] if isinstance(row, tuple) else row
            for found in with_ids for row in found}
    assert len(gone) > count
    delete(sorted(gone))
    for row in gone:
        del left[row]
    ask()
    ask('sea')

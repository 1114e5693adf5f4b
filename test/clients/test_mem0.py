"""mem0: its memory, and the store pgvector below that."""

import uuid

import pytest
from embedding import DIMS, QUESTIONS, embed
from exact import check_answer, distances
from framework_cycle import COUNT, TOPIC, cycle
from mem0 import Memory
from mem0.configs.vector_stores.pgvector import PGVectorConfig
from mem0.utils.factory import (EmbedderFactory, LlmFactory,
                                VectorStoreFactory)


class Store:
    """It makes its index with the table."""

    def __init__(self, db):
        self.db = db

    def open(self):
        self.store = VectorStoreFactory.create('pgvector', PGVectorConfig(
            connection_string=self.db.url(), collection_name='item',
            embedding_model_dims=DIMS))

    @staticmethod
    def key(doc):
        return str(uuid.UUID(int=doc.id))

    def load(self, docs):
        self.store.insert(
            [doc.embedding for doc in docs],
            [{'data': doc.text, 'user_id': doc.topic} for doc in docs],
            [self.key(doc) for doc in docs])

    def index(self):
        pass

    def search(self, question, count, topic=None):
        found = self.store.search(question, embed(question), count,
                                  topic and {'user_id': topic})
        return [(uuid.UUID(memory.id).int, 1 - memory.score)
                for memory in found]

    def delete(self, docs):
        for doc in docs:
            self.store.delete(self.key(doc))


@pytest.mark.parametrize('key', (None, "(payload ->> 'user_id')"),
                         ids=('no_key', 'by_key'))
def test_cycle(db, docs, rows, key):
    cycle(Store(db), db, docs, rows, key=key)


class Words:
    """What it takes for a model of embeddings."""

    def embed(self, text, memory_action=None):
        return embed(text)


def test_memory(db, docs, monkeypatch):
    """Rows that come, are searched and go by what applications call."""
    monkeypatch.setattr(EmbedderFactory, 'create', lambda *_: Words())
    monkeypatch.setattr(LlmFactory, 'create', lambda *_: None)
    memory = Memory.from_config({
        'vector_store': {'provider': 'pgvector', 'config': {
            'connection_string': db.url(), 'collection_name': 'item',
            'embedding_model_dims': DIMS}},
        'history_db_path': ':memory:'})
    store = Store(db)
    store.store = memory.vector_store
    store.load(docs[:-10])
    assert db.take_over()
    for doc in docs[-10:]:
        memory.add(doc.text, user_id=doc.topic, infer=False)
    db.sql('ANALYZE')
    rows = {doc.text: doc.embedding for doc in docs if doc.topic == TOPIC}

    def search(question):
        with db.plans() as plans:
            found = memory.search(question, filters={'user_id': TOPIC},
                                  top_k=COUNT)['results']
        plans.use_ours(filtered=True)
        # words that occur count, too, so the order may be another
        texts = [result['memory'] for result in found]
        exact = distances([rows[text] for text in texts], embed(question),
                          'cosine')
        check_answer([text for _, text in sorted(zip(exact, texts))], rows,
                     embed(question), 'cosine', COUNT)
        return found

    for question in QUESTIONS:
        nearest = search(question)[0]
        memory.delete(nearest['id'])
        del rows[nearest['memory']]
        search(question)

"""mem0: its store pgvector."""

import uuid

import pytest
from cycle import cycle
from embedding import DIMS, embed
from mem0.configs.vector_stores.pgvector import PGVectorConfig
from mem0.utils.factory import VectorStoreFactory


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

"""agno: PgVector."""

from dataclasses import dataclass

import pytest
from agno.knowledge.document import Document
from agno.knowledge.embedder.base import Embedder
from agno.vectordb.distance import Distance
from agno.vectordb.pgvector import HNSW, PgVector
from cycle import cycle
from embedding import DIMS, embed

METRICS = {'cosine': Distance.cosine, 'l2': Distance.l2,
           'ip': Distance.max_inner_product}


@dataclass
class Words(Embedder):
    dimensions: int = DIMS

    def get_embedding(self, text):
        return embed(text)

    def get_embedding_and_usage(self, text):
        return embed(text), None


class Store:
    """It makes its index when it is told to optimize."""

    def __init__(self, db, metric):
        self.db = db
        self.metric = metric

    def open(self):
        self.store = PgVector(
            'item', db_url=self.db.url('postgresql+psycopg2'),
            embedder=Words(), distance=METRICS[self.metric],
            vector_index=HNSW(ef_search=40, configuration={}))
        self.store.create()

    def load(self, docs):
        self.store.insert('docs', [
            Document(id=str(doc.id), name=str(doc.id), content=doc.text,
                     meta_data={'topic': doc.topic}) for doc in docs])

    def index(self):
        self.store._create_vector_index()

    def search(self, question, count, topic=None):
        found = self.store.search(question, count, topic and {'topic': topic})
        return [int(doc.name) for doc in found]

    def delete(self, docs):
        for doc in docs:
            assert self.store.delete_by_name(str(doc.id))


@pytest.mark.parametrize('metric', METRICS)
def test_cycle(db, docs, rows, metric):
    cycle(Store(db, metric), db, docs, rows, metric)

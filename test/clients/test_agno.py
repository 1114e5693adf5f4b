"""agno: PgVector."""

from dataclasses import dataclass

from agno.filters import EQ
from agno.knowledge.document import Document
from agno.knowledge.embedder.base import Embedder
from agno.vectordb.distance import Distance
from agno.vectordb.pgvector import HNSW, PgVector
from embedding import DIMS, embed
from framework_cycle import EF_SEARCH, by_metric, cycle

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

    driver = 'psycopg2'

    def __init__(self, db, metric='cosine'):
        self.db = db
        self.metric = metric

    def open(self):
        # its index for keywords takes the language as it stands
        self.store = PgVector(
            'item', db_url=self.db.url(f'postgresql+{self.driver}'),
            embedder=Words(), distance=METRICS[self.metric],
            vector_index=HNSW(ef_search=EF_SEARCH),
            content_language="'english'")
        self.store.create()

    def load(self, docs):
        self.store.insert('docs', [
            Document(id=str(doc.id), name=str(doc.id), content=doc.text,
                     meta_data={'topic': doc.topic}) for doc in docs])

    def index(self):
        self.store.optimize()

    def on_topic(self, topic):
        return topic and {'topic': topic}

    def search(self, question, count, topic=None):
        found = self.store.search(question, count, self.on_topic(topic))
        return [int(doc.name) for doc in found]

    def delete(self, docs):
        for doc in docs:
            assert self.store.delete_by_name(str(doc.id))


class NewDriverStore(Store):
    """By psycopg, with which it cannot make an index, pgvector's neither: one is
    made by hand, of the name that it looks for."""

    driver = 'psycopg'

    def index(self):
        self.db.sql(f'CREATE INDEX item_hnsw_index ON ai.item USING '
                    f'{self.db.method} (embedding vector_cosine_ops)')
        self.store.optimize()

    def on_topic(self, topic):
        return topic and [EQ('topic', topic)]


@by_metric(METRICS)
def test_cycle(db, docs, rows, metric):
    cycle(Store(db, metric), db, docs, rows, metric, sets_ef_search=True)


def test_by_key(db, docs, rows):
    cycle(NewDriverStore(db), db, docs, rows, key="(meta_data ->> 'topic')",
          sets_ef_search=True)

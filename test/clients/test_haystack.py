"""Haystack: PgvectorDocumentStore and the retriever that asks it."""

import numpy as np
from embedding import DIMS, embed
from framework_cycle import EF_SEARCH, by_metric, cycle
from haystack import Document
from haystack.utils import Secret
from haystack_integrations.components.retrievers.pgvector import \
    PgvectorEmbeddingRetriever
from haystack_integrations.document_stores.pgvector import \
    PgvectorDocumentStore

# What it calls them, and the distance of what it calls score.
METRICS = {'cosine': ('cosine_similarity', lambda score: 1 - score),
           'ip': ('inner_product', lambda score: -score),
           'l2': ('l2_distance', lambda score: score)}


class Store:
    """It makes its index with the table, unless there is one of that name."""

    def __init__(self, db, metric='cosine', type_name='vector'):
        self.db = db
        self.type_name = type_name
        self.function, self.distance = METRICS[metric]

    def open(self):
        self.store = PgvectorDocumentStore(
            connection_string=Secret.from_token(self.db.url()),
            table_name='item', embedding_dimension=DIMS,
            vector_type=self.type_name, vector_function=self.function,
            search_strategy='hnsw', hnsw_ef_search=EF_SEARCH)
        self.retriever = PgvectorEmbeddingRetriever(document_store=self.store)

    def load(self, docs):
        self.store.write_documents([
            Document(id=str(doc.id), content=doc.text,
                     meta={'topic': doc.topic}, embedding=doc.embedding)
            for doc in docs])

    def index(self):
        pass

    def search(self, question, count, topic=None):
        filters = topic and {'field': 'meta.topic', 'operator': '==',
                             'value': topic}
        found = self.retriever.run(embed(question), filters, count)
        return [(int(doc.id), self.distance(doc.score))
                for doc in found['documents']]

    def delete(self, docs):
        self.store.delete_documents([str(doc.id) for doc in docs])


@by_metric(METRICS)
def test_cycle(db, docs, rows, metric):
    cycle(Store(db, metric), db, docs, rows, metric, sets_ef_search=True)


def test_halfvec(db, docs, rows):
    cycle(Store(db, type_name='halfvec'), db, docs, rows, sets_ef_search=True,
          stored=np.float16)


def test_by_key(db, docs, rows):
    cycle(Store(db), db, docs, rows, key="(meta ->> 'topic')",
          sets_ef_search=True)

"""langchain-postgres: PGVectorStore, and PGVector, which is older."""

import uuid

import pytest
from cycle import cycle
from embedding import DIMS, embed
from langchain_core.embeddings import Embeddings
from langchain_postgres import Column, PGEngine, PGVector, PGVectorStore
from langchain_postgres.v2.indexes import (DistanceStrategy, HNSWIndex,
                                           HNSWQueryOptions)

STRATEGIES = {'cosine': DistanceStrategy.COSINE_DISTANCE,
              'l2': DistanceStrategy.EUCLIDEAN,
              'ip': DistanceStrategy.INNER_PRODUCT}


class Words(Embeddings):
    def embed_documents(self, texts):
        return [embed(text) for text in texts]

    def embed_query(self, text):
        return embed(text)


def on_topic(topic):
    return topic and {'topic': {'$eq': topic}}


class Store:
    """PGVectorStore: its index is of the method that it is told."""

    def __init__(self, db, metric):
        self.db = db
        self.metric = metric
        self.engine = PGEngine.from_connection_string(
            db.url('postgresql+asyncpg'))
        self.engine.init_vectorstore_table(
            'item', DIMS, metadata_columns=[Column('topic', 'text')])

    def open(self):
        self.store = PGVectorStore.create_sync(
            self.engine, Words(), 'item', metadata_columns=['topic'],
            distance_strategy=STRATEGIES[self.metric],
            index_query_options=HNSWQueryOptions(ef_search=40))

    def load(self, docs):
        self.store.add_texts(
            [doc.text for doc in docs],
            [{'topic': doc.topic, 'number': doc.id} for doc in docs],
            ids=[self.key(doc) for doc in docs])

    @staticmethod
    def key(doc):
        return str(uuid.UUID(int=doc.id))

    def index(self):
        self.store.apply_vector_index(
            HNSWIndex(index_type=self.db.method,
                      distance_strategy=STRATEGIES[self.metric]),
            concurrently=True)
        self.store.reindex()
        assert self.store.is_valid_index()

    def search(self, question, count, topic=None):
        found = self.store.similarity_search_with_score(
            question, count, filter=on_topic(topic))
        # an inner product is given as it is
        sign = -1 if self.metric == 'ip' else 1
        return [(doc.metadata['number'], sign * score) for doc, score in found]

    def delete(self, docs):
        self.store.delete(ids=[self.key(doc) for doc in docs])

    def close(self):
        self.engine._run_as_sync(self.engine.close())


class OldStore:
    """PGVector makes no index: one is made by hand.  Its table is for all
    collections, and a search is of one of them."""

    def __init__(self, db):
        self.db = db

    def open(self):
        self.store = PGVector(
            Words(), connection=self.db.url('postgresql+psycopg'),
            embedding_length=DIMS, collection_name='items')

    def load(self, docs):
        self.store.add_texts(
            [doc.text for doc in docs],
            [{'topic': doc.topic, 'number': doc.id} for doc in docs],
            ids=[str(doc.id) for doc in docs])

    def index(self):
        self.db.sql('CREATE INDEX ON langchain_pg_embedding'
                    f' USING {self.db.method} (embedding vector_cosine_ops)')

    def search(self, question, count, topic=None):
        found = self.store.similarity_search_with_score(
            question, count, filter=on_topic(topic))
        return [(doc.metadata['number'], score) for doc, score in found]

    def delete(self, docs):
        self.store.delete(ids=[str(doc.id) for doc in docs])


@pytest.mark.parametrize('metric', STRATEGIES)
def test_pgvectorstore(db, docs, rows, metric):
    store = Store(db, metric)
    cycle(store, db, docs, rows, metric)
    store.close()


def test_pgvector(db, docs, rows):
    cycle(OldStore(db), db, docs, rows, always_filtered=True)

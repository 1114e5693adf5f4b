"""langchain-postgres: PGVectorStore, and PGVector, which is older."""

import uuid

import pytest
from embedding import DIMS, embed
from framework_cycle import EF_SEARCH, by_metric, cycle
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


def attributes(docs):
    return [{'topic': doc.topic, 'number': doc.id} for doc in docs]


def on_topic(topic):
    return topic and {'topic': {'$eq': topic}}


class Store:
    """PGVectorStore.  Its index is by the method that it is told."""

    def __init__(self, db, metric='cosine'):
        self.db = db
        self.strategy = STRATEGIES[metric]
        # an inner product is given as it is, not as the operator's distance
        self.sign = -1 if metric == 'ip' else 1
        self.engine = PGEngine.from_connection_string(
            db.url('postgresql+asyncpg'))
        self.engine.init_vectorstore_table(
            'item', DIMS, metadata_columns=[Column('topic', 'text')])

    def open(self):
        self.store = PGVectorStore.create_sync(
            self.engine, Words(), 'item', metadata_columns=['topic'],
            distance_strategy=self.strategy,
            index_query_options=HNSWQueryOptions(ef_search=EF_SEARCH))

    @staticmethod
    def keys(docs):
        return [str(uuid.UUID(int=doc.id)) for doc in docs]

    def load(self, docs):
        self.store.add_texts([doc.text for doc in docs], attributes(docs),
                             ids=self.keys(docs))

    def index(self):
        self.store.apply_vector_index(
            HNSWIndex(index_type=self.db.method,
                      distance_strategy=self.strategy), concurrently=True)
        self.store.reindex()
        assert self.store.is_valid_index()

    def search(self, question, count, topic=None):
        found = self.store.similarity_search_with_score(
            question, count, filter=on_topic(topic))
        return [(doc.metadata['number'], self.sign * score)
                for doc, score in found]

    def delete(self, docs):
        self.store.delete(ids=self.keys(docs))

    def close(self):
        self.engine._run_as_sync(self.engine.close())


class OldStore:
    """PGVector.  It makes no index: that is done by hand.  A table is for all
    collections, and a search in one of them."""

    def __init__(self, db):
        self.db = db

    def open(self):
        self.store = PGVector(
            Words(), connection=self.db.url('postgresql+psycopg'),
            embedding_length=DIMS, collection_name='items')

    def load(self, docs):
        self.store.add_texts([doc.text for doc in docs], attributes(docs),
                             ids=[str(doc.id) for doc in docs])

    def index(self):
        self.db.sql(f'CREATE INDEX ON langchain_pg_embedding USING '
                    f'{self.db.method} (embedding vector_cosine_ops)')

    def search(self, question, count, topic=None):
        found = self.store.similarity_search_with_score(
            question, count, filter=on_topic(topic))
        return [(doc.metadata['number'], score) for doc, score in found]

    def delete(self, docs):
        self.store.delete(ids=[str(doc.id) for doc in docs])


@by_metric(STRATEGIES)
def test_pgvectorstore(db, docs, rows, metric):
    store = Store(db, metric)
    cycle(store, db, docs, rows, metric, sets_ef_search=True)
    store.close()


def test_pgvectorstore_by_key(db, docs, rows):
    store = Store(db)
    cycle(store, db, docs, rows, key='topic', sets_ef_search=True)
    store.close()


@pytest.mark.parametrize('key', (None, 'collection_id'))
def test_pgvector(db, docs, rows, key):
    cycle(OldStore(db), db, docs, rows, key=key, always_filtered=True)

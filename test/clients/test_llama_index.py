"""llama-index: PGVectorStore, with vectors of single and of half precision."""

import asyncio
import logging

import numpy as np
import pytest
from embedding import DIMS, embed
from framework_cycle import EF_SEARCH, cycle
from llama_index.core.schema import TextNode
from llama_index.core.vector_stores.types import (
    MetadataFilter, MetadataFilters, VectorStoreQuery)
from llama_index.vector_stores.postgres import PGVectorStore

# What becomes of a vector in a column.
TYPES = {'vector': np.float32, 'halfvec': np.float16}


class Store:
    """It makes its index with the table, and only logs it if that fails."""

    def __init__(self, db, type_name='vector'):
        self.db = db
        self.type_name = type_name

    def open(self):
        self.store = PGVectorStore.from_params(
            connection_string=self.db.url('postgresql+psycopg2'),
            async_connection_string=self.db.url('postgresql+asyncpg'),
            table_name='item', embed_dim=DIMS, use_jsonb=True,
            use_halfvec=self.type_name == 'halfvec',
            hnsw_kwargs={'hnsw_m': 16, 'hnsw_ef_construction': 64,
                         'hnsw_ef_search': EF_SEARCH,
                         'hnsw_dist_method': f'{self.type_name}_cosine_ops'})

    def load(self, docs):
        self.store.add([
            TextNode(id_=str(doc.id), text=doc.text,
                     metadata={'topic': doc.topic}, embedding=doc.embedding)
            for doc in docs])

    def index(self):
        pass

    def query(self, query):
        return self.store.query(query)

    def search(self, question, count, topic=None):
        filters = topic and MetadataFilters(
            filters=[MetadataFilter(key='topic', value=topic)])
        found = self.query(VectorStoreQuery(
            query_embedding=embed(question), similarity_top_k=count,
            filters=filters))
        return [(int(id), 1 - similarity)
                for id, similarity in zip(found.ids, found.similarities)]

    def delete(self, docs):
        self.store.delete_nodes([str(doc.id) for doc in docs])


class AsyncStore(Store):
    """By asyncpg, which sends vectors apart from statements."""

    def __init__(self, db, loop):
        super().__init__(db)
        self.loop = loop

    def query(self, query):
        return self.loop.run_until_complete(self.store.aquery(query))

    def close(self):
        self.loop.run_until_complete(self.store.close())


@pytest.fixture
def no_warnings(caplog):
    """What failed is only in the log."""
    yield
    assert not [record for record in caplog.get_records('call')
                if record.levelno >= logging.WARNING], caplog.text


@pytest.mark.parametrize('type_name', TYPES)
def test_cycle(db, docs, rows, no_warnings, type_name):
    cycle(Store(db, type_name), db, docs, rows, sets_ef_search=True,
          stored=TYPES[type_name])


def test_async(db, docs, rows, no_warnings):
    with asyncio.Runner() as runner:
        store = AsyncStore(db, runner.get_loop())
        cycle(store, db, docs, rows, sets_ef_search=True)
        store.close()


def test_by_key(db, docs, rows, no_warnings):
    cycle(Store(db), db, docs, rows, key="(metadata_ ->> 'topic')",
          sets_ef_search=True)

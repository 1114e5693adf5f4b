"""llama-index: PGVectorStore, with vectors of single and of half precision."""

import logging

import numpy as np
import pytest
from cycle import cycle
from embedding import DIMS, embed
from llama_index.core.schema import TextNode
from llama_index.core.vector_stores.types import (
    MetadataFilter, MetadataFilters, VectorStoreQuery)
from llama_index.vector_stores.postgres import PGVectorStore


# What becomes of a vector.
TYPES = {'vector': np.float32, 'halfvec': np.float16}


class Store:
    """It makes its index with the table, and only logs it if that fails."""

    def __init__(self, db, type_name):
        self.db = db
        self.type_name = type_name

    def open(self):
        self.store = PGVectorStore.from_params(
            connection_string=self.db.url('postgresql+psycopg2'),
            async_connection_string=self.db.url('postgresql+asyncpg'),
            table_name='item', embed_dim=DIMS, use_jsonb=True,
            use_halfvec=self.type_name == 'halfvec',
            hnsw_kwargs={'hnsw_m': 16, 'hnsw_ef_construction': 64,
                         'hnsw_ef_search': 40,
                         'hnsw_dist_method': f'{self.type_name}_cosine_ops'})

    def load(self, docs):
        self.store.add([
            TextNode(id_=str(doc.id), text=doc.text,
                     metadata={'topic': doc.topic}, embedding=doc.embedding)
            for doc in docs])

    def index(self):
        pass

    def search(self, question, count, topic=None):
        filters = topic and MetadataFilters(
            filters=[MetadataFilter(key='topic', value=topic)])
        found = self.store.query(VectorStoreQuery(
            query_embedding=embed(question), similarity_top_k=count,
            filters=filters))
        return [(int(id), 1 - similarity)
                for id, similarity in zip(found.ids, found.similarities)]

    def delete(self, docs):
        self.store.delete_nodes([str(doc.id) for doc in docs])


@pytest.mark.parametrize('type_name', TYPES)
def test_cycle(db, docs, rows, caplog, type_name):
    cycle(Store(db, type_name), db, docs, rows, stored=TYPES[type_name])
    assert not [record for record in caplog.records
                if record.levelno >= logging.WARNING], caplog.text

"""vecs, Supabase's client."""

import warnings

import pytest
import vecs
from cycle import cycle
from embedding import DIMS, embed

METRICS = {'cosine': vecs.IndexMeasure.cosine_distance,
           'l2': vecs.IndexMeasure.l2_distance,
           'ip': vecs.IndexMeasure.max_inner_product,
           'l1': vecs.IndexMeasure.l1_distance}


class Store:
    """It goes by the name of an index, whether there is one for a distance."""

    def __init__(self, db, metric):
        self.db = db
        self.measure = METRICS[metric]

    def open(self):
        self.client = vecs.create_client(
            self.db.url('postgresql+psycopg2'))
        self.store = self.client.get_or_create_collection('item',
                                                          dimension=DIMS)

    def load(self, docs):
        self.store.upsert([(str(doc.id), doc.embedding, {'topic': doc.topic})
                           for doc in docs])

    def index(self):
        self.store.create_index(self.measure, vecs.IndexMethod.hnsw)

    def search(self, question, count, topic=None):
        found = self.store.query(
            embed(question), count, topic and {'topic': {'$eq': topic}},
            self.measure, include_value=True, ef_search=40)
        return [(int(id), distance) for id, distance in found]

    def delete(self, docs):
        self.store.delete([str(doc.id) for doc in docs])


@pytest.mark.parametrize('metric', METRICS)
def test_cycle(db, docs, rows, metric):
    with warnings.catch_warnings():
        # of a search that no index is for
        warnings.simplefilter('error')
        cycle(Store(db, metric), db, docs, rows, metric)

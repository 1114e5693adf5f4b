"""vecs, Supabase's client."""

import pytest
import vecs
from embedding import DIMS, embed
from framework_cycle import EF_SEARCH, by_metric, cycle
from sqlalchemy.exc import DBAPIError

METRICS = {'cosine': vecs.IndexMeasure.cosine_distance,
           'l2': vecs.IndexMeasure.l2_distance,
           'ip': vecs.IndexMeasure.max_inner_product,
           'l1': vecs.IndexMeasure.l1_distance}


class Store:
    """It goes by extensions' versions, which method an index has, and by indexes'
    names, which distances there is one for."""

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
        self.store.create_index(self.measure)

    def search(self, question, count, topic=None):
        found = self.store.query(
            embed(question), count, topic and {'topic': {'$eq': topic}},
            self.measure, include_value=True, ef_search=EF_SEARCH)
        return [(int(id), distance) for id, distance in found]

    def delete(self, docs):
        self.store.delete([str(doc.id) for doc in docs])


# It warns of a search that no index is for.
@pytest.mark.filterwarnings('error::UserWarning')
@by_metric(METRICS)
def test_cycle(db, docs, rows, metric):
    cycle(Store(db, metric), db, docs, rows, metric, sets_ef_search=True)


@pytest.mark.routes('vector')
def test_ivfflat(db):
    store = Store(db, 'cosine')
    store.open()
    with pytest.raises(DBAPIError, match='"ivfflat" is not supported'
                       '(.|\n)*HINT:  Write USING hnsw'):
        store.store.create_index(method=vecs.IndexMethod.ivfflat)

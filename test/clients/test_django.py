"""Django with pgvector-python: a model with its index, migrations made and run,
there and back, and queries by the ORM."""

import importlib
import io
import sys

import django
import numpy as np
import pytest
from django.conf import settings
from django.core.management import call_command

settings.configure(
    DATABASES={'default': {'ENGINE': 'django.db.backends.postgresql',
                           'USER': 'postgres', 'NAME': 'postgres'}},
    INSTALLED_APPS=['django.contrib.postgres', 'django_clients.hnsw',
                    'django_clients.omen'],
    DEFAULT_AUTO_FIELD='django.db.models.BigAutoField')
django.setup()

from django.apps import apps  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.models import F, Q  # noqa: E402
from django.test.utils import override_settings  # noqa: E402
from pgvector.django import CosineDistance  # noqa: E402

from client_cycle import client_cycle  # noqa: E402
from embedding import embed  # noqa: E402
from exact import check_answer  # noqa: E402

# The first migration of a project, by route: written by hand, as it is for
# pgvector.
FIRST = {
    'vector': '''
from django.db import migrations
from pgvector.django import VectorExtension

class Migration(migrations.Migration):
    operations = [VectorExtension()]
''',
    'companion': '''
from django.contrib.postgres.operations import CreateExtension
from django.db import migrations
from pgvector.django import VectorExtension

class Migration(migrations.Migration):
    operations = [VectorExtension(), CreateExtension('omendb_pgvector')]
''',
}


@pytest.fixture(params=('hnsw', 'omen'))
def app(request):
    """Which of both apps: what it is called in Django."""
    return request.param


@pytest.fixture
def manage(db, app, tmp_path, monkeypatch):
    """manage.py, for the app, in a project whose database is new and whose
    migrations are as they are in a new project."""
    folder = tmp_path / 'made_migrations'
    folder.mkdir()
    (folder / '__init__.py').write_text('')
    (folder / '0001_extension.py').write_text(FIRST[db.route])
    monkeypatch.syspath_prepend(tmp_path)
    connection.close()
    connection.settings_dict.update(NAME=db.name, HOST=db.server.socket)

    def run(command, *arguments):
        # what it has imported of a project before
        for name in [n for n in sys.modules if n.startswith('made_migrations')]:
            del sys.modules[name]
        importlib.invalidate_caches()
        output = io.StringIO()
        call_command(command, app, *arguments, stdout=output, verbosity=1)
        return output.getvalue()

    with override_settings(MIGRATION_MODULES={app: 'made_migrations'}):
        yield run
    connection.close()


def test_cycle(db, app, manage, docs, rows):
    Item = apps.get_model(app, 'Item')
    manage('makemigrations')
    sql = manage('sqlmigrate', '0002')
    assert ('USING hnsw' if app == 'hnsw' else 'USING omen_hnsw') in sql, sql
    manage('migrate')
    Item.objects.bulk_create(
        Item(id=d.id, topic=d.topic, embedding=d.embedding) for d in docs)
    assert db.take_over() == ['item_embedding']
    db.sql('ANALYZE')

    def search(vector, count, topic):
        items = Item.objects if topic is None else Item.objects.filter(topic=topic)
        return list(items.annotate(distance=CosineDistance('embedding', vector))
                    .order_by('distance').values_list('id', 'distance')[:count])

    def delete(ids):
        Item.objects.filter(id__in=ids).delete()

    client_cycle(db, docs, rows, search, delete)
    for item in Item.objects.all()[:3]:
        assert np.array_equal(np.float32(item.embedding), rows[item.id])


def test_queries(db, app, manage, docs, rows):
    """Other ways to say it."""
    Item = apps.get_model(app, 'Item')
    manage('makemigrations')
    manage('migrate')
    Item.objects.bulk_create(
        Item(id=d.id, topic=d.topic, embedding=d.embedding) for d in docs)
    assert db.take_over() == ['item_embedding']
    db.sql('ANALYZE')
    topics = {d.id: d.topic for d in docs}
    vector = embed('anchor hearth comet')
    near = CosineDistance('embedding', vector)
    ways = (
        (Item.objects.order_by(near)[:5], None),
        (Item.objects.annotate(distance=near).order_by(F('distance'))[:5], None),
        (Item.objects.filter(Q(topic='sea') | Q(topic='sky')).order_by(near)[:5],
         lambda i: topics[i] in ('sea', 'sky')),
        (Item.objects.exclude(topic='sea').order_by(near)[:5],
         lambda i: topics[i] != 'sea'),
        (Item.objects.filter(id__lte=1500, topic__gte='forge').order_by(near)[:5],
         lambda i: i <= 1500 and topics[i] >= 'forge'),
    )
    for query, keep in ways:
        with db.plans() as plans:
            found = [item.id for item in query]
        check_answer(found, rows, vector, 'cosine', 5, keep)
        plans.use_ours(1, filtered=keep is not None)


def test_migrations(db, app, manage):
    """What was made is all there is to make, whoever has made the index since; and
    it can be taken back."""
    manage('makemigrations')
    manage('makemigrations', '--check')
    manage('migrate')
    assert db.take_over() == ['item_embedding']
    manage('makemigrations', '--check')
    assert 'No migrations to apply' in manage('migrate')
    manage('migrate', 'zero')
    assert db.indexes() == []
    manage('migrate')
    assert db.take_over() == ['item_embedding']

"""pgvector-python's own tests, as its source distribution has them, on the
extension vector.

Said of them here, and nowhere else changed:

- They want a file that the distribution leaves out, tests/conftest.py, for numpy.
- Two of their statements make an index USING ivfflat, which is refused: hnsw.
- One test fails on pgvector too, without a word from the server: it has a bit
  string of pgvector-python's be equal to one of asyncpg's.
- Eight convert matrices of SciPy, which is not installed; no server is asked.
- One event loop for all: theirs is new for each test, while their pools of
  connections are not, and then some fail, on pgvector too.
"""

import getpass
import importlib.metadata
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from relay import relay

DATABASE = 'pgvector_python_test'

# file, what is written there, and what instead
CHANGES = (
    ('test_django.py',
     "pgvector.django.IvfflatIndex(fields=['embedding'], lists=1, ",
     "pgvector.django.HnswIndex(fields=['embedding'], "),
    ('test_sqlalchemy.py',
     "postgresql_using='ivfflat',\n            postgresql_with={'lists': 1}",
     "postgresql_using='hnsw',\n            postgresql_with={'m': 4}"),
)

FAILS = 'test_sqlalchemy.py::TestSqlalchemyAsync::test_bit[engine2]'
PASSED = 513
SKIPPED = 8


@pytest.fixture
def tests(tmp_path):
    """The folder of their tests."""
    version = importlib.metadata.version('pgvector')
    archive = pathlib.Path(sys.prefix, 'sources', f'pgvector-{version}.tar.gz')
    shutil.unpack_archive(archive, tmp_path)
    # below a name of its own: the package beside it is not the one to try
    folder = tmp_path / 'theirs'
    shutil.move(tmp_path / f'pgvector-{version}' / 'tests', folder)
    (folder / '__init__.py').write_text('')
    (folder / 'conftest.py').write_text('import numpy\n')
    for name, theirs, instead in CHANGES:
        text = (folder / name).read_text()
        assert text.count(theirs) == 1, name
        (folder / name).write_text(text.replace(theirs, instead))
    return folder


@pytest.fixture
def database(server):
    """The name that they have, and a role that has the user's name."""
    user = getpass.getuser()
    with server.connect('postgres') as connection:
        if not connection.execute('SELECT FROM pg_roles WHERE rolname = %s',
                                  [user]).fetchall():
            connection.execute(f'CREATE ROLE "{user}" SUPERUSER LOGIN')
        connection.execute(f'CREATE DATABASE {DATABASE}')
        yield
        connection.execute(f'DROP DATABASE {DATABASE} WITH (FORCE)')


@pytest.mark.routes('vector')
def test_suite(server, database, tests):
    with relay(os.path.join(server.socket, '.s.PGSQL.5432')):
        result = subprocess.run(
            [sys.executable, '-m', 'pytest', '-q', '-p', 'no:cacheprovider',
             '--rootdir', tests, '-o', 'asyncio_mode=auto',
             '-o', 'asyncio_default_fixture_loop_scope=session',
             '-o', 'asyncio_default_test_loop_scope=session',
             '--deselect', FAILS, '.'],
            cwd=tests, env={**os.environ, 'PGHOST': server.socket},
            capture_output=True, text=True)
    said = result.stdout[-8000:] + result.stderr[-2000:]
    counts = dict((what, int(count)) for count, what in
                  re.findall(r'(\d+) (\w+)', result.stdout.splitlines()[-1]))
    assert result.returncode == 0, said
    assert (counts['passed'], counts['skipped'], counts['deselected']) == \
        (PASSED, SKIPPED, 1), said

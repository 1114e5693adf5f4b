"""What all tests of clients have: a database for each, on each route, and no
network.  Nothing is reported to anybody: what would do so is told not to, and is
found out if it tries all the same."""

import ipaddress
import itertools
import os
import socket

import pytest

os.environ.update({
    'DO_NOT_TRACK': '1',
    'AGNO_TELEMETRY': 'false',
    'ANONYMIZED_TELEMETRY': 'False',
    'HAYSTACK_TELEMETRY_ENABLED': 'False',
    'HF_HUB_OFFLINE': '1',
    'LANGCHAIN_TRACING_V2': 'false',
    'LANGSMITH_TRACING': 'false',
    'MEM0_TELEMETRY': 'False',
    'SCARF_NO_ANALYTICS': 'true',
})

from database import ROUTES, Database, Server  # noqa: E402
from embedding import documents  # noqa: E402

# ---------- no network ----------

attempts = []


def is_here(address):
    """Is it a unix socket's, or of this machine?"""
    if not isinstance(address, tuple):
        return True
    host = address[0]
    if host in ('', 'localhost'):
        return True
    try:
        return ipaddress.ip_address(host.split('%')[0]).is_loopback
    except ValueError:
        return False


def guard(owner, name, address_of):
    """Have a function refuse addresses elsewhere, and note them: who asks may not
    let the error be seen."""
    original = getattr(owner, name)

    def guarded(*arguments, **keywords):
        address = address_of(*arguments, **keywords)
        if address is not None and not is_here(address):
            attempts.append(address)
            raise OSError(f'the test has no network: {address}')
        return original(*arguments, **keywords)

    setattr(owner, name, guarded)


guard(socket.socket, 'connect', lambda self, address: address)
guard(socket.socket, 'connect_ex', lambda self, address: address)
guard(socket.socket, 'sendto', lambda self, data, *rest: rest[-1])
guard(socket, 'getaddrinfo',
      lambda host=None, port=None, *rest, **keywords: host and (host, port))


@pytest.fixture(autouse=True)
def no_network():
    """A test fails if something has asked for an address elsewhere."""
    attempts.clear()
    yield
    assert not attempts, f'somebody called {attempts}'


# ---------- routes ----------

servers = Server.all()
numbers = itertools.count(1)


def pytest_generate_tests(metafunc):
    if 'server' in metafunc.fixturenames:
        metafunc.parametrize('server', ROUTES, indirect=True, scope='session')


def pytest_collection_modifyitems(config, items):
    """Leave out routes that are not there, or that a test is not for."""
    def wanted(item):
        route = getattr(item, 'callspec', None) and \
            item.callspec.params.get('server')
        marker = item.get_closest_marker('routes')
        return route is None or \
            route in servers and (marker is None or route in marker.args)

    left_out = [item for item in items if not wanted(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if wanted(item)]


@pytest.fixture(scope='session')
def server(request):
    return servers[request.param]


@pytest.fixture
def db(server):
    """A new database on the route: see Database."""
    database = Database(server, f'client_{os.getpid()}_{next(numbers)}')
    yield database
    database.drop()


@pytest.fixture(scope='session')
def docs():
    """Documents to load: see embedding.py."""
    return documents()


@pytest.fixture(scope='session')
def rows(docs):
    """Their vectors by id, for check_answer."""
    return {document.id: document.embedding for document in docs}

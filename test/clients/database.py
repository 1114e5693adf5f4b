"""A server that a client is tried against, a database of its own, and the plans
of what a client says to it."""

import contextlib
import json
import os
import re
from urllib.parse import quote

import psycopg

# What a route gives: the access method to write for our index.
METHODS = {'vector': 'hnsw', 'companion': 'omen_hnsw'}
ROUTES = tuple(METHODS)

OPERATORS = re.compile(r'<->|<=>|<#>|<\+>|<~>|<%>')


class Server:
    """One that test/clients/run has started for a route."""

    def __init__(self, folder, route):
        self.route = route
        self.socket = os.path.join(folder, route, 'socket')
        self.log = os.path.join(folder, route, 'log', 'postgres.log')

    @classmethod
    def all(cls):
        folder = os.environ['OMEN_SERVERS']
        return {route: cls(folder, route) for route in ROUTES
                if os.path.isdir(os.path.join(folder, route))}

    def connect(self, dbname):
        """For the tests' own statements, whose plans are not looked at."""
        return psycopg.connect(
            host=self.socket, user='postgres', dbname=dbname, autocommit=True,
            options='-c auto_explain.log_min_duration=-1')


class Database:
    """A new database.

    On the route "vector" it is empty: clients write CREATE EXTENSION vector, and
    USING hnsw, and get ours.  On "companion" it has pgvector, and our index for
    its types: USING hnsw makes pgvector's, USING omen_hnsw ours.
    """

    def __init__(self, server, name):
        self.server = server
        self.name = name
        self.route = server.route
        self.method = METHODS[server.route]
        with server.connect('postgres') as connection:
            connection.execute(f'CREATE DATABASE {name}')
        self.connection = server.connect(name)
        if self.route == 'companion':
            self.sql('CREATE EXTENSION omendb_pgvector CASCADE')

    def drop(self):
        self.connection.close()
        with self.server.connect('postgres') as connection:
            connection.execute(f'DROP DATABASE {self.name} WITH (FORCE)')

    # ---------- for clients ----------

    def url(self, scheme='postgresql'):
        """As SQLAlchemy and libpq read it: url('postgresql+asyncpg')."""
        return (f'{scheme}://postgres@/{self.name}'
                f'?host={quote(self.server.socket, safe="")}')

    @property
    def parameters(self):
        """Keywords of connect() of psycopg, psycopg2."""
        return {'host': self.server.socket, 'user': 'postgres',
                'dbname': self.name}

    # ---------- for tests ----------

    def sql(self, statement, parameters=None):
        """Run a statement, and give its rows if it has any."""
        cursor = self.connection.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else None

    def indexes(self, ours=True):
        """Names of vector indexes: ours, or those of other libraries."""
        return [name for name, in self.sql(f'''
            SELECT c.oid::regclass::text FROM pg_class c
            JOIN pg_am a ON a.oid = c.relam JOIN pg_proc p ON p.oid = a.amhandler
            WHERE c.relkind IN ('i', 'I') AND p.oid >= 16384
                AND (p.probin = '$libdir/omendb') = {bool(ours)}
            ORDER BY 1''')]

    def take_over(self):
        """Where a framework has made pgvector's index: drop it, and make ours in
        its place, of the same name.  Gives the names of ours; where the framework
        has made ours itself, nothing is done."""
        for name in self.indexes(ours=False):
            definition, = self.sql('SELECT pg_get_indexdef(%s::regclass)',
                                   [name])[0]
            self.sql(f'DROP INDEX {name}')
            self.sql(re.sub(r' USING (hnsw|ivfflat) ', ' USING omen_hnsw ',
                            re.sub(r" WITH \(lists='?\d+'?\)", '', definition)))
        return self.indexes()

    @contextlib.contextmanager
    def plans(self):
        """The plans of what clients say meanwhile, to be looked at after."""
        start = os.path.getsize(self.server.log)
        plans = Plans(self)
        yield plans
        plans.read(start)


class Plans:
    """Plans of statements, as the server chose them when it ran them."""

    def __init__(self, database):
        self.database = database
        self.all = []

    def read(self, start):
        """From the server's log.  A statement's plan is there before its client
        is told that it has ended; its lines but the first begin with a tab."""
        with open(self.database.server.log, encoding='utf-8') as file:
            file.seek(start)
            text = file.read()
        for entry in re.finditer(
                r'^omendb (\S*) LOG:  duration: .*?  plan:\n((?:\t.*\n)+)',
                text, re.M):
            if entry[1] == self.database.name:
                self.all.append(json.loads(entry[2].replace('\n\t', '\n')))

    @property
    def searches(self):
        """Those of statements that are ordered by a distance."""
        return [plan for plan in self.all
                if re.search(r'order\s+by', plan['Query Text'], re.I) and
                OPERATORS.search(plan['Query Text'])]

    def use_ours(self, at_least=1, filtered=None):
        """Hold that there were so many searches, each by an index of ours; with a
        condition on rows, if filtered says so.  Gives the names of the indexes."""
        # plans do not say in which schema an index is
        ours = [name.rpartition('.')[2] for name in self.database.indexes()]
        assert len(self.searches) >= at_least, \
            f'{len(self.searches)} searches: {self.all}'
        used = []
        for plan in self.searches:
            scans = [node for node in nodes(plan['Plan'])
                     if index_of(node) in ours and 'Order By' in node]
            assert scans, f'no index of {ours} is used: {shown(plan)}'
            if filtered is not None:
                assert filtered == any(has_filter(node) for node in scans), \
                    f'filtered should be {filtered}: {shown(plan)}'
            used += [index_of(node) for node in scans]
        return used


def nodes(plan):
    """A plan and all below it."""
    yield plan
    for child in plan.get('Plans', ()):
        yield from nodes(child)


def index_of(node):
    return node.get('Index Name') or node.get('Index')


def has_filter(node):
    return any('Filter' in key and 'Rows' not in key for key in node)


def shown(plan):
    """A plan, without most of each vector."""
    return re.sub(r'\[(-?[0-9.e-]+,)[^]]{40,}\]', r'[\1 ...]',
                  json.dumps(plan, indent=1))[:6000]

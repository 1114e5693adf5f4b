#!/usr/bin/python3
"""Searches of a column of pgvector's type beside those of omendb's own.

    bench/companion.py FOLDER [--sets SET,...] [--queries N] [--rounds N]
        [--ef-search N] [--cache FOLDER]

Expects a server at PGHOST that has pgvector and omendb_pgvector; bench/run
--companion starts one.  The same rows are in two databases, one with omendb and
one with pgvector and omendb_pgvector, with the same index of omen_hnsw.  Prepared
queries are asked in turn, for 10 and for 100 rows, with their distances and
without; what counts is the processor time of the server's process, which is less
disturbed by other work than time is.  Prints microseconds a query, the medians of
the rounds, and the median of their ratios.  Writes companion.json to FOLDER.
"""
import argparse
import json
import os
import statistics

import numpy
import psycopg

import compare
import datasets
import knn

# Databases by name: what is created in them.
DATABASES = {"own": "CREATE EXTENSION omendb",
             "companion": "CREATE EXTENSION omendb_pgvector CASCADE"}
LIMITS = (10, 100)
COLUMNS = {"rows": "id", "rows and distances": "id, embedding <-> q.embedding"}


def load(name, data):
    with psycopg.connect(dbname="postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}")
        connection.execute(f"CREATE DATABASE {name}")
    with psycopg.connect(dbname=name, autocommit=True) as connection:
        connection.execute(DATABASES[name])
        for table, vectors in (("items", data.rows),
                               ("queries", data.queries)):
            knn.load(connection, table, vectors,
                     numpy.zeros(len(vectors), numpy.int16))
        connection.execute("SET maintenance_work_mem = '1GB'")
        connection.execute("SET max_parallel_maintenance_workers = 0")
        connection.execute("CREATE INDEX items_index ON items USING omen_hnsw "
                           "(embedding vector_l2_ops)")
        connection.execute("VACUUM ANALYZE items")


class Session:
    """One that asks prepared queries, and tells what they took."""

    def __init__(self, database, options):
        self.connection = knn.connect(database)
        # else the first plan of a session is made before the library can
        # look at it (src/planner/README)
        self.connection.execute("LOAD 'omendb'")
        self.connection.execute(f"SET omendb.ef_search = {options.ef_search}")
        self.connection.execute("SET plan_cache_mode = force_generic_plan")
        self.queries = options.queries
        self.process = self.connection.info.backend_pid

    def prepare(self, columns, limit):
        self.connection.execute("DEALLOCATE ALL")
        self.connection.execute(
            f"PREPARE ask(int) AS SELECT near.* FROM queries q, LATERAL "
            f"(SELECT {columns} FROM items "
            f"ORDER BY embedding <-> q.embedding LIMIT {limit}) near "
            f"WHERE q.id = $1")
        plan = "\n".join(line for line, in self.connection.execute(
            "EXPLAIN EXECUTE ask(0)"))
        if "items_index" not in plan:
            raise SystemExit(f"the index is not used:\n{plan}")

    def processor_ns(self):
        with open(f"/proc/{self.process}/schedstat") as file:
            return int(file.read().split()[0])

    def ask_all(self):
        """Microseconds of processor time a query."""
        before = self.processor_ns()
        for query in range(self.queries):
            self.connection.execute(f"EXECUTE ask({query})").fetchall()
        return (self.processor_ns() - before) / 1000 / self.queries


def measure(name, columns, limit, sessions, rounds):
    taken = {database: [] for database in sessions}
    for session in sessions.values():
        session.prepare(COLUMNS[columns], limit)
        session.ask_all()               # into the caches
    for _ in range(rounds):
        for database, session in sessions.items():
            taken[database].append(session.ask_all())
    ratio = statistics.median(theirs / ours for ours, theirs in
                              zip(taken["own"], taken["companion"]))
    result = {"set": name, "columns": columns, "limit": limit, "ratio": ratio,
              **{database: statistics.median(times)
                 for database, times in taken.items()}}
    print(f"{name}, {limit} {columns}: {result['own']:.0f} us, "
          f"{result['companion']:.0f} us, {ratio:.3f}", flush=True)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder")
    parser.add_argument("--sets", type=compare.words,
                        default=["clustered30k", "embeddings15k"])
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--ef-search", type=int, default=100)
    parser.add_argument("--cache", default=".")
    options = parser.parse_args()
    results = []

    for name in options.sets:
        data = datasets.load(name, options.cache, queries=options.queries)
        for database in DATABASES:
            load(database, data)
        sessions = {database: Session(database, options)
                    for database in DATABASES}
        for limit in LIMITS:
            for columns in COLUMNS:
                results.append(measure(name, columns, limit, sessions,
                                       options.rounds))
        for session in sessions.values():
            session.connection.close()
    with open(os.path.join(options.folder, "companion.json"), "w") as file:
        json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()

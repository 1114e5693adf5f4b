#!/usr/bin/python3
"""Two versions of omendb, in turn: does a change make search, build or VACUUM
slower?

    bench/paired.py OLD NEW [--pairs N] [--rows N] [--only WHAT,...]

OLD and NEW are the socket folders of two servers; bench/paired starts them.
A pair is the same work by both, the one that begins taking turns, so that what
else the machine does meets both.  Printed is, of the ratios new / old of the
times, the median and its 95 % confidence interval: the order statistics that
enclose the median with that probability whatever the distribution (binomial).
"""
import argparse
import math
import time

import numpy
import psycopg

import datasets
import knn

DATABASE = "paired"
QUERIES = 200

# What is compared: the set's name, operator class, options, and the filter.
INDEXES = {
    "sq8": ("clustered", "vector_l2_ops", ""),
    "cosine": ("clustered", "vector_cosine_ops", ""),
    "sq4": ("embeddings", "vector_ip_ops", "storage = sq4"),
}
OPERATORS = {"vector_l2_ops": "<->", "vector_cosine_ops": "<=>",
             "vector_ip_ops": "<#>"}
DELETED = (10, 30)  # percent of the rows, before a VACUUM
FILTERS = {"label < 3": "filter 30 %", "label = 3": "filter 10 %"}


def interval(ratios):
    """Median and its 95 % confidence interval, by order statistics."""
    ratios = sorted(ratios)
    count = len(ratios)
    low = 0
    tail = 0.0
    while tail + math.comb(count, low) / 2 ** count <= 0.025:
        tail += math.comb(count, low) / 2 ** count
        low += 1
    low = max(low - 1, 0)
    return float(numpy.median(ratios)), ratios[low], ratios[count - 1 - low]


class Side:
    """One server."""

    def __init__(self, socket):
        with psycopg.connect(host=socket, dbname="postgres",
                             autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}")
        self.connection = psycopg.connect(host=socket, dbname=DATABASE,
                                          autocommit=True)
        self.connection.execute("CREATE EXTENSION omendb")

    def load(self, name, data):
        labels = numpy.arange(len(data.rows)) * 7919 % 10
        knn.load(self.connection, name, data.rows,
                 labels.astype(numpy.int16))
        knn.load(self.connection, f"{name}_queries", data.queries,
                 numpy.zeros(len(data.queries), numpy.int16))

    def build(self, index):
        """Seconds of CREATE INDEX."""
        table, opclass, options = INDEXES[index]
        options = f" WITH ({options})" if options else ""
        self.connection.execute(f"DROP INDEX IF EXISTS {index}")
        self.connection.execute("CHECKPOINT")
        start = time.monotonic()
        self.connection.execute(
            f"CREATE INDEX {index} ON {table} USING omen_hnsw "
            f"(embedding {opclass}){options}")
        return time.monotonic() - start

    def prepare(self, index, condition):
        table, opclass, _ = INDEXES[index]
        where = f" WHERE {condition}" if condition else ""
        self.connection.execute("DEALLOCATE ALL")
        self.connection.execute(
            f"PREPARE nearest(int) AS SELECT id FROM {table}{where} ORDER BY "
            f"embedding {OPERATORS[opclass]} (SELECT embedding FROM "
            f"{table}_queries WHERE id = $1) LIMIT 10")

    def search(self):
        """Seconds of all queries.  So little that what else the machine does
        has hardly changed when the other side's turn comes."""
        with self.connection.cursor() as cursor:
            start = time.monotonic()
            for query in range(QUERIES):
                cursor.execute(f"EXECUTE nearest({query})", prepare=False)
                cursor.fetchall()
            return time.monotonic() - start


    def vacuum(self, index, percent):
        """Seconds of VACUUM after a DELETE of so many of a copy's rows."""
        table, opclass, options = INDEXES[index]
        options = f" WITH ({options})" if options else ""
        for statement in (
                "DROP TABLE IF EXISTS copy",
                f"CREATE TABLE copy WITH (autovacuum_enabled = off) AS "
                f"SELECT * FROM {table}",
                f"CREATE INDEX ON copy USING omen_hnsw "
                f"(embedding {opclass}){options}",
                f"DELETE FROM copy WHERE abs(hashint4(id)) % 100 < {percent}",
                "CHECKPOINT"):
            self.connection.execute(statement)
        start = time.monotonic()
        self.connection.execute("VACUUM (INDEX_CLEANUP ON, PARALLEL 0) copy")
        return time.monotonic() - start


def compare(what, old, new, measure, pairs):
    ratios = []
    for pair in range(pairs):
        turns = (old, new) if pair % 2 == 0 else (new, old)
        seconds = {side: measure(side) for side in turns}
        ratios.append(seconds[new] / seconds[old])
    median, low, high = interval(ratios)
    print(f"{what:24} median {median:.3f}, 95 % interval {low:.3f} to "
          f"{high:.3f}, {pairs} pairs", flush=True)


def compare_index(index, old, new, options):
    for side in (old, new):
        side.build(index)
    if "search" in options.only:
        for condition, name in (("", "search"), *FILTERS.items()):
            for side in (old, new):
                side.prepare(index, condition)
                side.search()
            compare(f"{index} {name}", old, new, Side.search, options.pairs)
    if "build" in options.only:
        compare(f"{index} build", old, new, lambda side: side.build(index),
                options.pairs)
    if "vacuum" in options.only:
        for percent in DELETED:
            compare(f"{index} vacuum {percent} %", old, new,
                    lambda side, some=percent: side.vacuum(index, some),
                    options.pairs)
    for side in (old, new):
        side.connection.execute(f"DROP INDEX {index}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("--pairs", type=int, default=21)
    parser.add_argument("--rows", type=int, default=20000)
    parser.add_argument("--indexes", default=",".join(INDEXES))
    parser.add_argument("--only", default="search,build")
    options = parser.parse_args()
    if options.pairs < 6:
        parser.error("fewer than 6 pairs have no 95 % interval")
    old, new = Side(options.old), Side(options.new)
    indexes = options.indexes.split(",")
    for name in sorted({INDEXES[index][0] for index in indexes}):
        data = getattr(datasets, name)(options.rows, QUERIES)
        for side in (old, new):
            side.load(name, data)
    for index in indexes:
        compare_index(index, old, new, options)


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""Kinds of codes beside each other: size, recall, time, rows fetched.

    bench/codes.py FOLDER [--sets SET,...] [--storage KIND,...] [--metric l2]
        [--rounds N] [--queries N] [--cache FOLDER]

Expects a server at PGHOST; bench/run --codes starts one.  For each kind of
code there is an index on one table, and for each ef_search the recall of the
ten nearest, the microseconds of a query, and how many rows it fetched to put
the ten in exact order.  The kinds take turns at each ef_search; the least of
the rounds counts, since nothing but other work makes a query slower.  Recall
and counts do not depend on that.  Writes codes.json to FOLDER.
"""
import argparse
import json
import math
import os
import time

import numpy

import compare
import datasets
import knn

DATABASE = "codes"
EF_SEARCH = (15, 20, 30, 40, 60, 80, 120, 160, 240)
TARGETS = (0.95, 0.98, 0.99)
OPERATORS = {"ip": "<#>", "cosine": "<=>", "l2": "<->"}
CLASSES = {"ip": "vector_ip_ops", "cosine": "vector_cosine_ops",
           "l2": "vector_l2_ops"}


def load(connection, data):
    for table, vectors in (("items", data.rows), ("queries", data.queries)):
        connection.execute(f"DROP TABLE IF EXISTS {table}")
        knn.load(connection, table, vectors,
                 numpy.zeros(len(vectors), numpy.int16))


def build(connection, storage, metric, rows):
    """Seconds and bytes a row of an index on a table of its own name."""
    start = time.perf_counter()
    connection.execute(
        f"CREATE INDEX items_{storage} ON items USING omen_hnsw "
        f"(embedding {CLASSES[metric]}) WITH (storage = {storage})")
    took = time.perf_counter() - start
    size, = connection.execute(
        f"SELECT pg_relation_size('items_{storage}')").fetchone()
    return {"build_s": took, "bytes_per_row": size / rows, "points": {}}


def use_only(connection, storage):
    """Hide the other indexes from the planner."""
    connection.execute(
        "UPDATE pg_index SET indisvalid = (indexrelid = %s::regclass) "
        "FROM pg_am, pg_class c WHERE indrelid = 'items'::regclass "
        "AND c.oid = indexrelid AND c.relam = pg_am.oid "
        "AND amname = 'omen_hnsw'", [f"items_{storage}"])


def ask_all(connection, metric):
    """Seconds for all queries, in one statement in the server."""
    start = time.perf_counter()
    connection.execute(
        f"SELECT count(*) FROM queries q, LATERAL (SELECT id FROM items "
        f"ORDER BY embedding {OPERATORS[metric]} q.embedding "
        f"LIMIT {knn.K}) found")
    return time.perf_counter() - start


def answers(connection, metric, queries):
    """The ids that are found for each query, and rows fetched on average."""
    found, counts = [], []
    for number in range(queries):
        rows = connection.execute(
            f"SELECT id FROM items ORDER BY embedding {OPERATORS[metric]} "
            f"(SELECT embedding FROM queries WHERE id = {number}) "
            f"LIMIT {knn.K}", prepare=False).fetchall()
        found.append([row[0] for row in rows])
        counts.append(connection.execute(
            "SELECT reranked, visits, late FROM omen_hnsw_last_scan()"
        ).fetchone())
    return found, numpy.mean(counts, axis=0)


def measure(connection, result, options, data, truth):
    for ef in EF_SEARCH:
        connection.execute(f"SET omendb.ef_search = {ef}")
        points = {}
        for storage in options.storage:
            use_only(connection, storage)
            found, counts = answers(connection, options.metric,
                                    len(data.queries))
            points[storage] = {
                "recall": float(datasets.recall(
                    options.metric, found, data.queries, data.rows, truth)),
                "rows": float(counts[0]), "visits": float(counts[1]),
                "late": float(counts[2]), "us": math.inf}
        for _ in range(options.rounds):
            for storage in options.storage:
                use_only(connection, storage)
                took = ask_all(connection, options.metric)
                points[storage]["us"] = min(
                    points[storage]["us"], took * 1e6 / len(data.queries))
        for storage, point in points.items():
            result[storage]["points"][ef] = point


def at_recall(points, target):
    """Microseconds and rows fetched at a recall, between measured points."""
    before = None
    for point in points.values():
        if point["recall"] >= target:
            if before is None:
                return point["us"], point["rows"]
            part = ((target - before["recall"])
                    / (point["recall"] - before["recall"]))
            return (before["us"] * (point["us"] / before["us"]) ** part,
                    before["rows"] + part * (point["rows"] - before["rows"]))
        before = point
    return math.nan, math.nan


def report(storage, result):
    print(f"  {storage}: built in {result['build_s']:.1f} s, "
          f"{result['bytes_per_row']:.0f} bytes a row")
    for ef, point in result["points"].items():
        print(f"    ef_search {ef}: recall {point['recall']:.4f}, "
              f"{point['us']:.0f} us, {point['rows']:.1f} rows fetched, "
              f"{point['late']:.3f} late, {point['visits']:.0f} visits")
    for target in TARGETS:
        us, rows = at_recall(result["points"], target)
        print(f"    at recall {target}: {us:.0f} us, {rows:.1f} rows")


def measure_set(connection, name, options):
    data = datasets.load(name, options.cache or options.folder,
                         queries=options.queries)
    truth = datasets.nearest(options.metric, data.queries, data.rows, knn.K)
    rows, dim = data.rows.shape
    load(connection, data)
    print(f"{name}: {rows:,} rows of {dim}, {options.metric}", flush=True)
    result = {storage: build(connection, storage, options.metric, rows)
              for storage in options.storage}
    for storage in options.storage:     # into the cache
        connection.execute(f"SELECT * FROM omen_hnsw_info('items_{storage}')")
    measure(connection, result, options, data, truth)
    for storage in options.storage:
        report(storage, result[storage])
    return {"rows": rows, "dim": dim, "storages": result}


def parse_options():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder")
    parser.add_argument("--sets", type=compare.words,
                        default=["embeddings50k", "medium50k", "large50k"])
    parser.add_argument("--storage", type=compare.words,
                        default=["sq8", "sq4", "sq2"])
    parser.add_argument("--metric", choices=OPERATORS, default="l2")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--cache", help="keep sets that take long here")
    return parser.parse_args()


def main():
    options = parse_options()
    compare.System("omendb", DATABASE, "omendb", "omen_hnsw",
                   "omendb.ef_search").create()
    results = {"processor": compare.processor(), "metric": options.metric,
               "sets": {}}
    with knn.connect(DATABASE) as connection:
        connection.execute("SET enable_seqscan = off")
        connection.execute("SET max_parallel_workers_per_gather = 0")
        for name in options.sets:
            results["sets"][name] = measure_set(connection, name, options)
            with open(os.path.join(options.folder, "codes.json"),
                      "w") as file:
                json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()

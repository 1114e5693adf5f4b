#!/usr/bin/python3
"""What a number of pgvector's ef_search is to be multiplied by for omen_hnsw.

    bench/alias.py FOLDER [--sets SET,...] [--queries N] [--rows N]

Expects a server at PGHOST that has pgvector and omendb_pgvector; bench/run
--alias starts one.  Each set is indexed by both, one after the other, on the
same column.  For each ef_search of pgvector's it prints its recall@10, and that of
omen_hnsw with so many times as much; and at last the least factor of those that
never finds less.  Writes alias.json to FOLDER.
"""
import argparse
import json
import math
import os

import numpy
import psycopg

import datasets
import knn

DATABASE = "alias"
NUMBERS = (10, 20, 40, 80, 160, 320)
FACTORS = (1, 1.2, 1.4, 1.6, 1.8, 2, 2.5)
K = 10

# Sets by name: what makes them of a number of rows and of queries.
SETS = {
    "gauss128": lambda rows, queries: datasets.blobs(rows, 128, 1, 1.0,
                                                     queries),
    "blobs64": lambda rows, queries: datasets.blobs(rows, 64, 300, 0.5,
                                                    queries),
    "embeddings": datasets.embeddings,
    "fashion": datasets.fashion_images,
}
METRICS = {"l2": ("<->", "vector_l2_ops"),
           "cosine": ("<=>", "vector_cosine_ops")}


def build(statement):
    with psycopg.connect(dbname=DATABASE, autocommit=True) as connection:
        connection.execute("DROP INDEX IF EXISTS items_index")
        connection.execute("SET maintenance_work_mem = '1GB'")
        connection.execute("SET max_parallel_maintenance_workers = 0")
        connection.execute(f"CREATE INDEX items_index ON items {statement}")


def recalls(setting, numbers, operator, data, truth, metric):
    """Recall by each number of the setting."""
    found = {}
    with knn.connect(DATABASE) as connection:
        connection.execute("SET enable_seqscan = off")
        for number in numbers:
            connection.execute(f"SET {setting} = {number}")
            answers = knn.answers(connection, "items", len(data.queries), K,
                                  operator)
            found[number] = float(datasets.recall(
                metric, numpy.array(answers), data.queries, data.rows,
                truth))
    return found


def load(data):
    with psycopg.connect(dbname="postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
        connection.execute(f"CREATE DATABASE {DATABASE}")
    with psycopg.connect(dbname=DATABASE, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION omendb_pgvector CASCADE")
        for table, vectors in (("items", data.rows),
                               ("queries", data.queries)):
            knn.load(connection, table, vectors,
                     numpy.zeros(len(vectors), numpy.int16))


def compare(name, data, metric):
    """Rows of the table for a set and a metric."""
    operator, opclass = METRICS[metric]
    truth = datasets.nearest(metric, data.queries, data.rows, K)
    build(f"USING hnsw (embedding {opclass})")
    theirs = recalls("hnsw.ef_search", NUMBERS, operator, data, truth, metric)
    build(f"USING omen_hnsw (embedding {opclass})")
    numbers = sorted({math.ceil(n * f) for n in NUMBERS for f in FACTORS})
    ours = recalls("omendb.ef_search", numbers, operator, data, truth, metric)
    rows = []
    for number in NUMBERS:
        by_factor = {factor: ours[math.ceil(number * factor)]
                     for factor in FACTORS}
        rows.append({"set": name, "metric": metric, "ef_search": number,
                     "pgvector": theirs[number], "omen_hnsw": by_factor})
        print(f"{name} {metric} {number}: {theirs[number]:.4f} |",
              " ".join(f"{f}: {r:.4f}" for f, r in by_factor.items()),
              flush=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--rows", type=int, default=30000)
    options = parser.parse_args()
    results = []

    for name in options.sets.split(","):
        data = SETS[name](options.rows, options.queries)
        load(data)
        for metric in METRICS:
            results += compare(name, data, metric)
    enough = [factor for factor in FACTORS
              if all(row["omen_hnsw"][factor] >= row["pgvector"]
                     for row in results)]
    print("enough everywhere:", enough[0] if enough else "none of them")
    with open(os.path.join(options.folder, "alias.json"), "w") as file:
        json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""What omendb's searches and VACUUM do on Fashion-MNIST, in counts.

    bench/counts.py

Expects an empty server at PGHOST; bench/run --counts starts one.  Counts and
recall do not depend on how busy the machine is; the seconds do.
"""
import time

import numpy

import fashion
import knn

DATABASE = "counts"
QUERIES = 300
FEW = 5000
CHURN = 20000
COUNTERS = ("hops", "visits", "distances", "reranked", "late")


def search(connection, table, operator, query):
    """Distances of the K nearest rows as returned, and what it took."""
    rows = connection.execute(
        f"SELECT embedding {operator} (SELECT embedding FROM queries "
        f"WHERE id = {query}) FROM {table} ORDER BY 1 LIMIT {knn.K}")
    distances = [row[0] for row in rows]
    counts = connection.execute(
        f"SELECT {', '.join(COUNTERS)} FROM omen_hnsw_last_scan()").fetchone()
    return distances, counts


def report(connection, table, operator, truth, ef_search):
    """One line; truth holds each query's exact K-th distance."""
    connection.execute(f"SET omendb.ef_search = {ef_search}")
    right = 0
    total = numpy.zeros(len(COUNTERS))
    for query, limit in enumerate(truth):
        distances, counts = search(connection, table, operator, query)
        right += sum(d <= limit + abs(limit) * 1e-6 for d in distances)
        total += counts
    means = ", ".join(f"{name} {mean:.1f}" for name, mean
                      in zip(COUNTERS, total / len(truth)))
    print(f"{table} {operator} ef_search {ef_search}: "
          f"recall@10 {right / len(truth) / knn.K:.4f}, {means}", flush=True)


def index(connection, table, opclass):
    connection.execute(f"CREATE INDEX {table}_index ON {table} "
                       f"USING omen_hnsw (embedding {opclass})")


def copy_rows(connection, table, count):
    connection.execute(f"CREATE TABLE {table} AS SELECT id, embedding "
                       f"FROM images WHERE id < {count}")


def timed(connection, what, statement):
    start = time.monotonic()
    connection.execute(statement)
    print(f"{what}: {time.monotonic() - start:.2f} s", flush=True)


def l2_distances(queries, rows):
    return numpy.sqrt(fashion.nearest_distances(queries, rows, knn.K)[:, -1])


def churn(connection, queries, rows):
    copy_rows(connection, "churn", CHURN)
    index(connection, "churn", "vector_l2_ops")
    connection.execute("DELETE FROM churn WHERE id % 2 = 0")
    timed(connection, f"VACUUM after half of {CHURN:,} rows were deleted",
          "VACUUM churn")
    timed(connection, "inserting them again",
          f"INSERT INTO churn SELECT id, embedding FROM images "
          f"WHERE id < {CHURN} AND id % 2 = 0")
    degree, = connection.execute(
        "SELECT mean_degree FROM omen_hnsw_info('churn_index')").fetchone()
    print(f"mean degree afterwards: {degree:.1f}")
    report(connection, "churn", "<->", l2_distances(queries, rows[:CHURN]), 40)


def main():
    rows = fashion.images("train")
    queries = fashion.images("t10k")[:QUERIES]
    with knn.connect("postgres") as connection:
        connection.execute(f"CREATE DATABASE {DATABASE}")
    with knn.connect(DATABASE) as connection:
        connection.execute("CREATE EXTENSION omendb")
        knn.load(connection, "images", rows, fashion.labels("train"))
        knn.load(connection, "queries", queries,
                 fashion.labels("t10k")[:QUERIES])
        connection.execute("SET enable_seqscan = off")
        index(connection, "images", "vector_l2_ops")
        truth = l2_distances(queries, rows)
        for ef_search in (20, 30, 40, 60, 80):
            report(connection, "images", "<->", truth, ef_search)

        copy_rows(connection, "few", FEW)
        index(connection, "few", "vector_ip_ops")
        products = queries.astype(numpy.float64) @ rows[:FEW].T.astype(numpy.float64)
        truth = -numpy.sort(products, axis=1)[:, -knn.K]
        for ef_search in (40, 200):
            report(connection, "few", "<#>", truth, ef_search)
        churn(connection, queries, rows)


if __name__ == "__main__":
    main()

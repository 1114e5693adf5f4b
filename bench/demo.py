#!/usr/bin/python3
"""The demo: nearest neighbours among 60,000 real images, found by omen_hnsw.

    bench/demo.py PICTURE

Expects an empty server at PGHOST; bench/demo starts one.  Prints one line
that begins with "demo:", and fails if the answers are not what they should be.
"""
import sys
import time

import matplotlib
import numpy

import fashion
import knn

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402 (the backend comes first)

DATABASE = "demo"
TABLE = "images"
INDEX = "images_embedding"
QUERIES = 1000
EF_SEARCH = (20, 40, 60, 80, 100)
RECALL = 0.99
SECONDS = 10


def say(text):
    print(text, flush=True)


class Progress:
    """Shows how far an index build is: in place on a terminal, else a line
    every few seconds."""

    INTERVAL = 5

    def __init__(self, rows):
        self.rows = rows
        self.terminal = sys.stdout.isatty()
        self.last = -self.INTERVAL
        self.shown = False

    def __call__(self, phase, done, total, size):
        text = (f"  {phase}: {done:,} of {total or self.rows:,} rows, "
                f"index {size / 1e6:.0f} MB")
        if self.terminal:
            print(f"\r{text:<76}", end="", flush=True)
            self.shown = True
        elif time.monotonic() - self.last >= self.INTERVAL:
            self.last = time.monotonic()
            say(text)

    def end(self):
        if self.shown:
            print()


def load(rows, queries):
    with knn.connect("postgres") as connection:
        connection.execute(f"CREATE DATABASE {DATABASE}")
    with knn.connect(DATABASE) as connection:
        connection.execute("CREATE EXTENSION omendb")
        knn.load(connection, TABLE, rows, fashion.labels("train"))
        knn.load(connection, "queries", queries, fashion.labels("t10k"))


def build(rows):
    statement = (f"CREATE INDEX {INDEX} ON {TABLE} "
                 f"USING omen_hnsw (embedding)")
    say(statement)
    progress = Progress(rows)
    seconds = knn.build(DATABASE, statement, progress)
    progress.end()
    say(f"  {seconds:.1f} s")
    return seconds


def sweep(connection, rows, queries, truth):
    """The smallest ef_search with enough recall, its recall and answers."""
    for ef_search in EF_SEARCH:
        connection.execute(f"SET omendb.ef_search = {ef_search}")
        found = knn.answers(connection, TABLE, QUERIES)
        recall, ordered = knn.judge(found, queries, rows, truth)
        say(f"  ef_search={ef_search}: recall@10={recall:.4f}, "
            f"{'in exact order' if ordered else 'NOT IN ORDER'}")
        if not ordered:
            raise SystemExit("an answer is not in the order of its distances")
        if recall >= RECALL:
            break
    return ef_search, recall, found


def explain(connection):
    """Show the plan of one query, and insist that it uses the index."""
    plan = [line for line, in connection.execute(
        f"EXPLAIN (ANALYZE, BUFFERS) SELECT id FROM {TABLE} ORDER BY "
        f"embedding <-> (SELECT embedding FROM queries WHERE id = 0) "
        f"LIMIT {knn.K}")]
    say("\n".join("  " + line for line in plan))
    if not any(f"Index Scan using {INDEX}" in line for line in plan):
        raise SystemExit("the query did not use the index")


def picture(path, rows, queries, found):
    """One query image of each kind, each beside its ten nearest."""
    kinds = fashion.labels("t10k")[:QUERIES]
    chosen = [int(numpy.flatnonzero(kinds == kind)[0]) for kind in range(10)]
    figure, cells = pyplot.subplots(len(chosen), knn.K + 1,
                                    figsize=(knn.K + 1.5, len(chosen)))
    for cell in cells.flat:
        cell.axis("off")
    for line, query in zip(cells, chosen):
        line[0].imshow(queries[query].reshape(fashion.SIDE, -1),
                       cmap="viridis")
        for cell, row in zip(line[1:], found[query]):
            cell.imshow(rows[row].reshape(fashion.SIDE, -1), cmap="gray_r")
    cells[0][0].set_title("query", fontsize=9)
    cells[0][1].set_title("ten nearest, nearest first", fontsize=9,
                          loc="left")
    figure.tight_layout()
    figure.savefig(path, dpi=100)


def main(path):
    rows = fashion.images("train")
    queries = fashion.images("t10k")
    say(f"Loading {len(rows):,} images of {rows.shape[1]} dimensions")
    load(rows, queries)
    seconds = build(len(rows))
    say(f"Exact answers of {QUERIES:,} queries, by numpy")
    truth = fashion.nearest_distances(queries[:QUERIES], rows, knn.K)
    with knn.connect(DATABASE) as connection:
        say(f"Answers of the index, LIMIT {knn.K}")
        ef_search, recall, found = sweep(connection, rows, queries, truth)
        explain(connection)
        index_size, table_size = connection.execute(
            f"SELECT pg_relation_size('{INDEX}'), pg_table_size('{TABLE}')"
        ).fetchone()
    say(f"Throughput of one client, {SECONDS} s")
    qps = knn.queries_per_second(DATABASE, TABLE, QUERIES, SECONDS,
                                 f"-c omendb.ef_search={ef_search}")
    picture(path, rows, queries, found)
    say(f"demo: recall@10={recall:.4f} ef_search={ef_search} qps={qps:.0f} "
        f"build_s={seconds:.1f} "
        f"index_bytes_per_row={index_size / len(rows):.0f} "
        f"table_bytes_per_row={table_size / len(rows):.0f}")
    if recall < RECALL:
        raise SystemExit(f"recall is below {RECALL}")


if __name__ == "__main__":
    main(*sys.argv[1:])

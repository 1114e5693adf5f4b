#!/usr/bin/python3
"""Recall of inner products for queries of any length, omendb alone.

    bench/products.py FOLDER [--sets SET,...] [--queries N]

Expects a server at PGHOST; bench/run --products starts one.  A query is asked
as it is and multiplied by factors.  That changes no order of inner products,
so it should change neither recall nor what a search takes.  Each index is
built at once, and once more by inserting rows one by one.  Cosine and L2
distance of the same vectors stand beside it.  Recall and counts do not depend
on how busy the machine is.  Writes products.json to FOLDER.
"""
import itertools
import json
import os

import numpy

import compare
import datasets
import knn

DATABASE = "products"
ROWS = 4000
EF_SEARCH = 50
FACTORS = (1, 0.03, 0.003, 1e-4, 1e4)
OPERATORS = {"ip": "<#>", "cosine": "<=>", "l2": "<->"}

# Metric, options, and by what queries are multiplied.
INDEXES = (("ip", "storage = full", FACTORS),
           ("ip", "storage = sq8", FACTORS),
           ("ip", "storage = sq4", FACTORS),
           ("ip", "storage = sq8, m = 6", FACTORS),
           ("cosine", "storage = sq8", (1,)),
           ("l2", "storage = sq8", (1,)))
WAYS = ("built", "inserted")


# ---------- sets ----------

def like_sift(generator, count):
    """Integers from 0 to 255 in clusters, many of them 0."""
    centers = generator.gamma(0.6, 40, (100, 64))
    points = (centers[generator.integers(100, size=count)]
              + generator.normal(0, 18, (count, 64)))
    return numpy.clip(numpy.rint(points), 0, 255)


def shifted(generator, count):
    """A Gaussian around a point that is not 0."""
    return 1.5 + generator.standard_normal((count, 16))


def uniform(generator, count):
    """Integers from 0 to 255."""
    return generator.integers(0, 256, (count, 64))


def drawn(function):
    """A set of a function that draws points."""
    def make(queries):
        points = function(numpy.random.default_rng(datasets.SEED),
                          ROWS + queries).astype(numpy.float32)
        return datasets.Data(function.__name__, points[:ROWS], points[ROWS:])
    return make


SETS = {
    "sift64": drawn(like_sift),
    "shifted16": drawn(shifted),
    "uniform64": drawn(uniform),
    "clusters16": lambda queries: datasets.blobs(ROWS, 16, 30, 0.125, queries),
    "embeddings768": lambda queries: datasets.embeddings(ROWS, queries),
}


class Questions:
    """The queries times all factors, one block after the other, and the exact
    answers for each metric.  These are the same for all factors, so answers
    are judged by the query as it was: rounding would part rows that are
    equally near."""

    def __init__(self, data):
        self.data = data
        self.count = len(data.queries)
        self.vectors = numpy.concatenate(
            [data.queries * numpy.float32(factor) for factor in FACTORS])
        self.truth = {metric: datasets.nearest(metric, data.queries,
                                               data.rows, knn.K)
                      for metric in OPERATORS}

    def right(self, metric, number, answer):
        """The part of an answer to a vector that is right."""
        query = slice(number % self.count, number % self.count + 1)
        return datasets.recall(metric, [answer], self.data.queries[query],
                               self.data.rows, self.truth[metric][query])


# ---------- what is measured ----------

def load(connection, questions):
    for table, vectors in (("source", questions.data.rows),
                           ("queries", questions.vectors)):
        connection.execute(f"DROP TABLE IF EXISTS {table}")
        knn.load(connection, table, vectors,
                 numpy.zeros(len(vectors), numpy.int16))


def make_index(connection, metric, storage, way):
    steps = ["INSERT INTO items SELECT * FROM source ORDER BY id",
             f"CREATE INDEX items_index ON items USING omen_hnsw "
             f"(embedding vector_{metric}_ops) WITH ({storage})"]
    connection.execute("DROP TABLE IF EXISTS items")
    connection.execute("CREATE TABLE items (LIKE source INCLUDING INDEXES)")
    for step in steps if way == "built" else steps[::-1]:
        connection.execute(step)
    connection.execute("VACUUM ANALYZE items")


def search(connection, metric, number):
    """Ids of the nearest rows, rows fetched and nodes visited."""
    rows = connection.execute(
        f"SELECT id FROM items ORDER BY embedding {OPERATORS[metric]} "
        f"(SELECT embedding FROM queries WHERE id = {number}) "
        f"LIMIT {knn.K}", prepare=False).fetchall()
    return [row[0] for row in rows], connection.execute(
        "SELECT reranked, visits FROM omen_hnsw_last_scan()").fetchone()


def measure(connection, metric, factor, questions):
    first = FACTORS.index(factor) * questions.count
    right, counts = [], []
    for number in range(first, first + questions.count):
        answer, count = search(connection, metric, number)
        right.append(questions.right(metric, number, answer))
        counts.append(count)
    rows, visits = numpy.mean(counts, axis=0)
    if visits == 0:
        raise SystemExit("searches do not use the index")
    return {"factor": factor, "recall": float(numpy.mean(right)),
            "rows": float(rows), "visits": float(visits),
            "none": right.count(0)}


def lines(points):
    """What was found, once for all factors next to each other that agree."""
    def told(point):
        return (f"recall {point['recall']:.4f}, {point['rows']:.1f} rows "
                f"fetched, {point['visits']:.0f} visits, none found by "
                f"{point['none']}")

    for text, same in itertools.groupby(points, told):
        factors = ", ".join(f"{point['factor']:g}" for point in same)
        yield f"    times {factors}: {text}"


def measure_set(connection, name, queries):
    questions = Questions(SETS[name](queries))
    rows, dim = questions.data.rows.shape
    load(connection, questions)
    print(f"{name}: {rows:,} rows of {dim}, {queries} queries", flush=True)
    results = []
    for way in WAYS:
        for metric, storage, factors in INDEXES:
            make_index(connection, metric, storage, way)
            points = [measure(connection, metric, factor, questions)
                      for factor in factors]
            results.append({"way": way, "metric": metric, "options": storage,
                            "points": points})
            print(f"  {way}, {metric}, {storage}")
            for line in lines(points):
                print(line, flush=True)
    return {"rows": rows, "dim": dim, "indexes": results}


# ---------- the command ----------

def main():
    options = compare.sets_parser(__doc__, SETS, 200).parse_args()
    compare.System("omendb", DATABASE, "omendb", "omen_hnsw",
                   "omendb.ef_search").create()
    result = {"processor": compare.processor(), "queries": options.queries,
              "ef_search": EF_SEARCH, "sets": {}}
    with knn.connect(DATABASE) as connection:
        connection.execute(f"SET omendb.ef_search = {EF_SEARCH}")
        connection.execute("SET enable_seqscan = off")
        for name in options.sets:
            result["sets"][name] = measure_set(connection, name,
                                               options.queries)
            with open(os.path.join(options.folder, "products.json"),
                      "w") as file:
                json.dump(result, file, indent=1)


if __name__ == "__main__":
    main()

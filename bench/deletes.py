#!/usr/bin/python3
"""Recall after one big DELETE, and what VACUUM takes: omendb beside pgvector.

    bench/deletes.py FOLDER [--sets SET,...] [--fractions PART,...]
        [--queries N] [--only SYSTEM]

Expects a server at PGHOST that has both extensions and nothing else to do;
bench/run --deletes starts one.  Each set is loaded and indexed anew for each
part of its rows that is deleted: rows at random, or whole clusters.  VACUUM
takes them out, and then the index is rebuilt.  Recall@20 is that of the index
as built, after VACUUM, and after REINDEX; a row as near as the 20th counts as
right.  Queries are drawn as the rows were, so some lie where a cluster was.
omen_hnsw_check must find nothing after either.  Writes deletes.json to FOLDER.
"""
import dataclasses
import json
import os
from collections.abc import Callable

import numpy

import compare
import datasets
import knn
import writes

K = 20
CLUSTERS = 100
FRACTIONS = (0.1, 0.3, 0.5, 0.75, 0.9)


def uniform(count, dim, queries):
    """From a cube."""
    generator = numpy.random.default_rng([datasets.SEED, dim])
    points = generator.random((count + queries, dim), numpy.float32)
    return datasets.Data("uniform", points[:count], points[count:])


@dataclasses.dataclass
class Trial:
    """Vectors, how they are indexed and searched, and which rows go."""
    make: Callable      # of a number of queries
    m: int
    ef_construction: int
    ef_search: int
    ways: tuple = ("random",)


SETS = {
    "uniform3": Trial(lambda queries: uniform(10000, 3, queries), 4, 8, 20),
    "clusters64": Trial(
        lambda queries: datasets.blobs(20000, 64, CLUSTERS, 0.5, queries),
        16, 64, 40, ("random", "clusters")),
    "uniform8": Trial(lambda queries: uniform(20000, 8, queries), 8, 64, 40),
    "embeddings": Trial(lambda queries: datasets.embeddings(10000, queries),
                        16, 64, 40),
}


class Side(writes.Side):
    """A system, with one table for a trial at a time."""

    table = "items"

    def load(self, data):
        """All rows and the queries; no index yet."""
        self.system.create()
        with self.connect() as connection:
            for table, vectors in ((self.table, data.rows),
                                   ("queries", data.queries)):
                connection.execute(f"DROP TABLE IF EXISTS {table}")
                knn.load(connection, table, vectors,
                         numpy.zeros(len(vectors), numpy.int16))
            connection.execute(f"ALTER TABLE {self.table} SET "
                               "(autovacuum_enabled = off)")

    def build(self, trial):
        with self.connect() as connection:
            connection.execute(
                f"CREATE INDEX {self.table}_index ON {self.table} USING "
                f"{self.system.method} (embedding vector_l2_ops) WITH "
                f"(m = {trial.m}, ef_construction = {trial.ef_construction})")

    def answers(self, trial, count):
        """Ids, by the index."""
        with self.connect() as connection:
            connection.execute(f"SET {self.system.setting} = "
                               f"{trial.ef_search}")
            connection.execute("SET enable_seqscan = off")
            plan = "\n".join(line for line, in connection.execute(
                f"EXPLAIN SELECT id FROM {self.table} ORDER BY embedding <-> "
                f"(SELECT embedding FROM queries WHERE id = 0) LIMIT {K}"))
            if f"{self.table}_index" not in plan:
                raise SystemExit(f"{self.name} does not use its index:\n"
                                 f"{plan}")
            return knn.answers(connection, self.table, count, K)

    def degree(self):
        """Mean degree of the graph; None if the system does not tell."""
        if self.name != "omendb":
            return None
        with self.connect() as connection:
            return connection.execute(
                f"SELECT mean_degree FROM "
                f"omen_hnsw_info('{self.table}_index')").fetchone()[0]


# ---------- what is measured ----------

def condemned(data, way, fraction):
    """Ids of the rows to delete."""
    if way == "clusters":
        return numpy.flatnonzero(data.clusters < round(fraction * CLUSTERS))
    order = numpy.random.default_rng(datasets.SEED).permutation(len(data.rows))
    return order[:round(fraction * len(data.rows))]


def look(side, trial, data, alive):
    """Recall, of the rows that are there, and mean degree."""
    truth = datasets.nearest("l2", data.queries, data.rows[alive], K)
    found = side.answers(trial, len(data.queries))
    return {"recall": datasets.recall("l2", found, data.queries, data.rows,
                                      truth),
            "mean_degree": side.degree()}


def measure(side, trial, data, gone):
    """All figures of one DELETE."""
    everything = numpy.arange(len(data.rows))
    alive = numpy.setdiff1d(everything, gone)
    result = {}
    side.load(data)
    side.build(trial)
    result["built"] = look(side, trial, data, everything)
    side.delete(gone)
    result["vacuum"] = side.vacuum()
    side.check()
    result["vacuumed"] = look(side, trial, data, alive)
    side.rebuild()
    side.check()
    result["reindexed"] = look(side, trial, data, alive)
    return result


def report(name, result):
    """One line."""
    steps = [result[when] for when in ("built", "vacuumed", "reindexed")]
    lost = 100 * (steps[1]["recall"] - steps[2]["recall"])
    line = (f"    {name:8} recall "
            + ", ".join(f"{step['recall']:.4f}" for step in steps)
            + f" ({lost:+.2f}); VACUUM {result['vacuum']['seconds']:.2f} s")
    if steps[0]["mean_degree"]:
        line += "; mean degree " + ", ".join(f"{step['mean_degree']:.1f}"
                                             for step in steps)
    print(line, flush=True)


def compare_delete(sides, trial, data, way, fraction):
    """The same DELETE in all systems."""
    gone = condemned(data, way, fraction)
    print(f"  {way}, {100 * fraction:g} %: {len(gone):,} rows deleted",
          flush=True)
    results = {}
    for side in sides:
        results[side.name] = measure(side, trial, data, gone)
        report(side.name, results[side.name])
    if len(sides) == 2:
        ours, theirs = (results[side.name]["vacuum"]["seconds"]
                        for side in sides)
        print(f"    {sides[1].name}'s VACUUM takes {theirs / ours:.1f} times "
              f"as long", flush=True)
    return {"way": way, "fraction": fraction, "rows": len(gone),
            "systems": results}


def compare_set(sides, name, options):
    trial = SETS[name]
    data = trial.make(options.queries)
    rows, dim = data.rows.shape
    print(f"{name}: {rows:,} rows of {dim}, m = {trial.m}, ef_construction = "
          f"{trial.ef_construction}, ef_search {trial.ef_search}; recall@{K} "
          f"as built, after VACUUM, after REINDEX (points between these two)",
          flush=True)
    return {"rows": rows, "dim": dim, "m": trial.m,
            "ef_construction": trial.ef_construction,
            "ef_search": trial.ef_search,
            "deletes": [compare_delete(sides, trial, data, way, fraction)
                        for way in trial.ways
                        for fraction in options.fractions]}


# ---------- the command ----------

def parse_options():
    parser = compare.sets_parser(__doc__, SETS, 400)
    parser.add_argument("--fractions", default=list(FRACTIONS),
                        type=lambda text: [float(part)
                                           for part in text.split(",")])
    parser.add_argument("--only", choices=[side[0] for side in writes.SIDES])
    options = parser.parse_args()
    if not all(0 < fraction < 1 for fraction in options.fractions):
        parser.error("--fractions are between 0 and 1")
    return options


def main():
    options = parse_options()
    sides = [Side(*side) for side in writes.SIDES
             if options.only in (None, side[0])]
    result = {"processor": compare.processor(), "queries": options.queries,
              "sets": {}}
    for name in options.sets:
        result["sets"][name] = compare_set(sides, name, options)
        with open(os.path.join(options.folder, "deletes.json"), "w") as file:
            json.dump(result, file, indent=1)


if __name__ == "__main__":
    main()

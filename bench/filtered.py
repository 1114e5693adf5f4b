#!/usr/bin/python3
"""Compare filtered searches: by strategy, and with pgvector's.

Each query has a column of its own that says how a row stands to it, so that a
filter can be as selective and as correlated with the query as is wanted.  Every
way of finding the nearest ten rows that pass is timed, one client, prepared, in
turn; answers are judged against exact distances.  Of a set's own attributes the
labels and a Zipf-distributed tenant are filtered by as well.

The columns have indexes of their own, or with --keys are columns of omendb's
index.

Writes filtered.json.
"""
import argparse
import contextlib
import json
import math
import os
import statistics
import time

import numpy

import compare
import datasets
import fashion
import knn

SELECTIVITIES = (0.0001, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.6, 0.9)
CORRELATIONS = (-1, -0.5, 0, 0.5, 1)
SCALE = 10000                   # of the columns that filters are on
FASTEST = 0.0002                # seconds; regret is not asked of what is faster

# Ways of omendb, as settings; the first is what a user gets.
OURS = {
    "auto": {},
    "exact": {"omendb.filter_strategy": "exact"},
    "graph": {"omendb.filter_strategy": "graph"},
    "sweep": {"omendb.filter_strategy": "sweep"},
    # what PostgreSQL would do without the index
    "core": {"omendb.enable_scan": "off",
             "enable_indexscan": "off"},
}
# What its users get, whose planner takes exact plans where few rows pass; and
# its iterative scan whatever that costs: as it is, as far as it goes, and with
# longer lists, so that there is one of a recall like ours.
ITERATIVE = {"hnsw.iterative_scan": "strict_order", "enable_seqscan": "off",
             "enable_bitmapscan": "off", "enable_sort": "off"}
THEIRS = {
    "planned": {"hnsw.iterative_scan": "strict_order"},
    "iterative": ITERATIVE,
    "iterative, far": ITERATIVE | {"hnsw.max_scan_tuples": "1000000"},
    "iterative, 100": ITERATIVE | {"hnsw.ef_search": "100",
                                   "hnsw.max_scan_tuples": "1000000"},
    "iterative, 200": ITERATIVE | {"hnsw.ef_search": "200",
                                   "hnsw.max_scan_tuples": "1000000"},
}
TURNS = 5                       # of each way
LEAST_TIMED = 0.1               # seconds; all queries are asked again until then
SLOW = 0.01                     # seconds; what takes so long has one turn
VERY_SLOW = 0.1                 # seconds; and here all queries are asked once


class Attributes:
    """Columns for filters, by row: for each query its rank of the distances,
    and random numbers; in units of 1 / SCALE."""

    def __init__(self, data, seed=1):
        rows = len(data.rows)
        generator = numpy.random.default_rng(seed)
        self.random = generator.integers(0, SCALE, rows).astype(numpy.int16)
        self.second = generator.integers(0, SCALE, rows).astype(numpy.int16)
        self.tenant = numpy.minimum(generator.zipf(1.3, rows), 10000)
        self.ranks = []
        for query in data.queries:
            distances = ((data.rows - query) ** 2).sum(axis=1)
            order = numpy.empty(rows, numpy.int64)
            order[numpy.argsort(distances)] = numpy.arange(rows)
            self.ranks.append((order * SCALE // rows).astype(numpy.int16))
        self.labels = (data.clusters if data.clusters is not None
                       else fashion.labels("train")[:rows].astype(numpy.int16))


class Filter:
    """A condition on rows for each query, in SQL and as a mask."""

    def __init__(self, name, make):
        self.name = name
        self.make = make            # query -> (SQL, mask)


def correlated(attributes, selectivity, correlation):
    """A part of the rows pass: `correlation` of them the nearest (or the
    farthest), the others at random."""
    fixed = round(SCALE * selectivity * abs(correlation))
    free = round(SCALE * selectivity * (1 - abs(correlation)))

    def make(query):
        ranks = attributes.ranks[query]
        parts = []
        mask = numpy.zeros(len(ranks), bool)
        if fixed > 0 and correlation > 0:
            parts.append(f"rank_{query} < {fixed}")
            mask |= ranks < fixed
        elif fixed > 0:
            parts.append(f"rank_{query} >= {SCALE - fixed}")
            mask |= ranks >= SCALE - fixed
        if free > 0:
            parts.append(f"random < {free}")
            mask |= attributes.random < free
        return " OR ".join(parts) or "false", mask

    return Filter(f"{selectivity:g}, {correlation:+g}", make)


def plain(name, condition, mask):
    return Filter(name, lambda query: (condition, mask))


def other_filters(attributes):
    """Filters on columns as tables have them."""
    label = attributes.labels
    random, second = attributes.random, attributes.second
    return [
        plain("label = 3", "label = 3", label == 3),
        plain("label <> 3", "label <> 3", label != 3),
        plain("tenant = 1", "tenant = 1", attributes.tenant == 1),
        plain("tenant = 30", "tenant = 30", attributes.tenant == 30),
        plain("tenant > 9000", "tenant > 9000", attributes.tenant > 9000),
        plain("two columns", "random < 1000 AND second < 1000",
              (random < 1000) & (second < 1000)),
        plain("no index", "(second + 0) % 100 < 3", second % 100 < 3),
        plain("no index, rare", "(second + 0) % 1000 = 3",
              second % 1000 == 3),
        plain("nothing passes", "random < 0", random < 0),
    ]


class Side:
    """One extension's table, and the ways to search it."""

    def __init__(self, system, ways):
        self.system = system
        self.ways = ways

    def prepare(self, data, attributes, with_keys):
        self.system.prepare(data)
        table = self.system.table
        with knn.connect(self.system.database) as connection:
            columns = {"label": attributes.labels, "random": attributes.random,
                       "second": attributes.second,
                       "tenant": attributes.tenant}
            columns |= {f"rank_{query}": ranks
                        for query, ranks in enumerate(attributes.ranks)}
            names = list(columns)
            connection.execute(f"DROP INDEX {table}_index")
            connection.execute(
                "CREATE TABLE filtered (id integer, "
                + ", ".join(f"{name} smallint" for name in names) + ")")
            with connection.cursor().copy("COPY filtered FROM STDIN") as copy:
                for row, values in enumerate(zip(*columns.values())):
                    copy.write_row((row, *map(int, values)))
            connection.execute(
                f"CREATE TABLE {table}_all AS SELECT f.*, t.embedding "
                f"FROM {table} t JOIN filtered f USING (id) ORDER BY id")
            connection.execute(f"DROP TABLE {table}, filtered")
            connection.execute(f"ALTER TABLE {table}_all RENAME TO {table}")
            # our index has the columns, and is alone, or else they have theirs
            for name in ("id",) if with_keys else ("id", *names):
                connection.execute(f"CREATE INDEX ON {table} ({name})")
            connection.execute(f"VACUUM ANALYZE {table}")
        self.system.build(len(data.rows), names if with_keys else ())

    def session(self, way):
        connection = knn.connect(self.system.database, prepare_threshold=0)
        connection.execute("SET max_parallel_workers_per_gather = 0")
        connection.execute("SET jit = off")
        for name, value in self.ways[way].items():
            connection.execute(f"SET {name} = '{value}'")
        return connection

    def statement(self, condition, query):
        return (f"SELECT id FROM {self.system.table} WHERE {condition} "
                f"ORDER BY embedding <-> (SELECT embedding FROM queries "
                f"WHERE id = {query}) LIMIT {knn.K}")


def judge(found, data, query, passing):
    """Of the right rows, how many were found; whether all came, in order."""
    if len(passing) == 0:
        return 1.0, len(found) == 0, True
    exact = numpy.sort(fashion.distances_to(data.queries[query], data.rows,
                                            passing))[:knn.K]
    distances = fashion.distances_to(data.queries[query], data.rows, found)
    passing = set(passing.tolist())
    # the server computes in float32
    right = sum(row in passing and distance <= exact[-1] * (1 + 1e-6)
                for row, distance in zip(found, distances))
    return (right / len(exact), len(set(found)) == len(exact),
            bool((numpy.diff(distances) >= -1e-6 * distances[1:]).all()))


# Runs each of some prepared statements once, in turn, and tells how many seconds each
# took; so neither planning nor the way to the client counts.
TIMED = """
CREATE OR REPLACE FUNCTION timed(statements int) RETURNS float8[]
LANGUAGE plpgsql AS $$
DECLARE
    took float8[];
    start timestamptz;
BEGIN
    FOR i IN 0 .. statements - 1 LOOP
        start := clock_timestamp();
        EXECUTE 'EXECUTE timed_' || i;
        took[i + 1] := extract(epoch FROM clock_timestamp() - start);
    END LOOP;
    RETURN took;
END $$"""


class Way:
    """One way to search, with a filter: a session in which all queries are
    prepared, what they found, and how long they took."""

    def __init__(self, side, way, a_filter, data):
        self.recalls = []
        self.complete = self.ordered = 0
        self.queries = len(data.queries)
        self.rounds = []
        self.connection = side.session(way)
        self.connection.execute(TIMED)
        for query in range(self.queries):
            condition, mask = a_filter.make(query)
            statement = side.statement(condition, query)
            found = [row for row, in self.connection.execute(statement,
                                                             prepare=False)]
            result = judge(found, data, query, numpy.nonzero(mask)[0])
            self.recalls.append(result[0])
            self.complete += result[1]
            self.ordered += result[2]
            for prefix in (f"PREPARE timed_{query} AS {statement}",
                           f"EXPLAIN EXECUTE timed_{query}"):  # plans it
                self.connection.execute(prefix, prepare=False)

    def run(self, repeat):
        """Ask all queries in turn, as a server is asked: the same one again and
        again would find all that it needs in the processor's caches.  At least
        `repeat` times, and often if they are fast."""
        if self.rounds and self.mean() > SLOW:
            return
        start = time.monotonic()
        rounds = 0
        while rounds < repeat or time.monotonic() < start + LEAST_TIMED:
            took, = self.connection.execute("SELECT timed(%s)",
                                            (self.queries,)).fetchone()
            self.rounds.append(took)
            rounds += 1
            if self.mean() > VERY_SLOW:
                break

    def mean(self):
        return float(numpy.mean(numpy.median(self.rounds, axis=0)))

    def result(self):
        times = sorted(numpy.median(self.rounds, axis=0).tolist())
        count = self.queries
        return {"mean_s": self.mean(), "p50_s": times[count // 2],
                "p95_s": times[min(count - 1, count * 95 // 100)],
                "p99_s": times[min(count - 1, count * 99 // 100)],
                "recall": statistics.mean(self.recalls),
                "complete": self.complete / count,
                "ordered": self.ordered / count}


def measure(sides, a_filter, data, repeat):
    """Results by way.  The ways take turns, so that what else goes on in the
    machine meets all of them."""
    ways = {}
    with contextlib.ExitStack() as sessions:
        for side in sides:
            for way in side.ways:
                ways[way] = Way(side, way, a_filter, data)
                sessions.enter_context(ways[way].connection)
        for _ in range(TURNS):
            for way in ways.values():
                way.run(repeat)
    return {name: way.result() for name, way in ways.items()}


def plan_of(side, a_filter):
    """The strategy that the planner chooses for the first query."""
    with side.session("auto") as connection:
        lines = [line for line, in connection.execute(
            "EXPLAIN " + side.statement(a_filter.make(0)[0], 0),
            prepare=False)]
    for line in lines:
        if "Strategy:" in line:
            return line.split(":")[1].strip()
    return "core"


def at_recall(ways, recall):
    """Seconds of the fastest way of a recall, give or take a row in 200; if
    none reaches it, of the one that comes nearest."""
    reach = [way["mean_s"] for way in ways if way["recall"] >= recall - 0.005]
    return min(reach) if reach else max(
        ways, key=lambda way: way["recall"])["mean_s"]


def compare_cell(a_filter, sides, data, repeat):
    ways = measure(sides, a_filter, data, repeat)
    cell = {"ways": ways, "plan": plan_of(sides[0], a_filter)}
    enough = min(0.95, ways["auto"]["recall"])
    best = min(ways[way]["mean_s"] for way in OURS
               if ways[way]["recall"] >= enough)
    cell["best_s"] = best
    cell["regret"] = ways["auto"]["mean_s"] / best
    cell["of_exact"] = ways["auto"]["mean_s"] / min(ways["exact"]["mean_s"],
                                                    ways["core"]["mean_s"])
    if len(sides) > 1:
        iterative = [ways[way] for way in THEIRS if way != "planned"]
        cell["speedup"] = (at_recall(iterative, ways["auto"]["recall"])
                           / ways["auto"]["mean_s"])
        cell["of_planned"] = (ways["planned"]["mean_s"]
                              / ways["auto"]["mean_s"])
    return cell


def print_cell(name, cell):
    ways = cell["ways"]
    columns = [f"{ways[way]['mean_s'] * 1e3:.2f} {ways[way]['recall']:.2f}"
               for way in ways]
    print(f"| {name} | {cell['plan']} | " + " | ".join(columns)
          + f" | {cell['regret']:.2f} | {cell['of_exact']:.2f} | "
          + f"{cell.get('of_planned', math.nan):.1f} | "
          + f"{cell.get('speedup', math.nan):.1f} |", flush=True)


def summary(cells):
    slow = [cell for cell in cells.values() if cell["best_s"] >= FASTEST]
    regrets = [cell["regret"] for cell in slow]
    autos = [cell["ways"]["auto"] for cell in cells.values()]
    result = {
        "complete": min(auto["complete"] for auto in autos),
        "ordered": min(auto["ordered"] for auto in autos),
        "least_recall": min(auto["recall"] for auto in autos),
        "regret_mean": statistics.geometric_mean(regrets) if regrets else 1,
        "regret_worst": max(regrets, default=1),
        "of_exact_worst": max((cell["of_exact"] for cell in slow), default=1)}
    print(", ".join(f"{name} {value:.3f}" for name, value in result.items()))
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder")
    parser.add_argument("--sets", type=compare.words, default=["fashion"])
    parser.add_argument("--selectivities", type=compare.words,
                        default=[f"{s:g}" for s in SELECTIVITIES])
    parser.add_argument("--correlations", type=compare.words,
                        default=[f"{c:g}" for c in CORRELATIONS])
    parser.add_argument("--queries", type=int, default=30)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--no-columns", action="store_true",
                        help="leave out filters on a table's own columns")
    parser.add_argument("--only", action="store_true",
                        help="omendb alone")
    parser.add_argument("--keys", action="store_true",
                        help="omendb's index has the columns to filter by, and "
                        "there is no other; 12 queries at most")
    parser.add_argument("--cache", default=".",
                        help="folder of what takes long to make")
    options = parser.parse_args()

    sides = [Side(compare.System("omendb", "omendb", "omendb", "omen_hnsw",
                                 "omendb.ef_search"), OURS)]
    if not options.only:
        sides.append(Side(compare.System("pgvector", "pgvector", "vector",
                                         "hnsw", "hnsw.ef_search"), THEIRS))
    result = {"sets": {}}
    for name in options.sets:
        data = datasets.load(name, options.cache, queries=options.queries)
        attributes = Attributes(data)
        for side in sides:
            side.prepare(data, attributes,
                         options.keys and side is sides[0])
        filters = [correlated(attributes, float(s), float(c))
                   for s in options.selectivities
                   for c in options.correlations]
        if not options.no_columns:
            filters += other_filters(attributes)
        print(f"{name}, {len(data.rows):,} rows: milliseconds a query and "
              "recall")
        print("| selectivity, correlation | plan | "
              + " | ".join(way for side in sides for way in side.ways)
              + " | regret | of exact | planned | iterative |")
        print("|---" * (6 + sum(len(side.ways) for side in sides)) + "|")
        cells = {}
        for a_filter in filters:
            cells[a_filter.name] = compare_cell(a_filter, sides, data,
                                                options.repeat)
            print_cell(a_filter.name, cells[a_filter.name])
        result["sets"][name] = {"cells": cells, "summary": summary(cells)}
        with open(os.path.join(options.folder, "filtered.json"), "w") as file:
            json.dump(result, file, indent=1)
        for side in sides:
            side.system.drop()


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""omendb beside pgvector: recall, throughput, build time, index size.

    bench/compare.py FOLDER [--sets SET,...] [--storage KIND,...]
        [--references NAME,...] [--rounds N] [--seconds N] [--queries N]
        [--clients N] [--small-cache] [--cache FOLDER] [--simd NAME]

Expects a server at PGHOST that has both extensions and nothing else to do, and
runs as the same operating system user; bench/run starts one.  Each extension
gets a database of its own, since both name their type "vector".  Sets are those
of datasets.py, storage that of omendb's indexes.  References are hnswlib and
faiss, in the memory of this process and with one thread.  Writes compare.json
and a plot for each set to FOLDER.
"""
import argparse
import json
import math
import os
import statistics
import subprocess
import threading
import time

import matplotlib
import numpy

import datasets
import fashion
import knn

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402 (the backend comes first)

EF_SEARCH = (10, 15, 20, 30, 40, 60, 80, 100, 150, 200, 300, 400)
TARGETS = (0.90, 0.95, 0.98, 0.99)
M = 16
EF_CONSTRUCTION = 64

# How queries are asked: in one statement, prepared, unprepared with a literal.
WAYS = {"server": "in server", "pgbench": "by pgbench",
        "literal": "by literal"}

# What of the small cache is measured.
SMALL_CACHE_QUERIES = 200


class System:
    """An extension and a way to index with it, in the extension's database."""

    type = "vector"
    operator = "<->"

    @property
    def opclass(self):
        return f"{self.type}_l2_ops"

    def __init__(self, name, database, extension, method, setting, options=""):
        self.name = name
        self.database = database
        self.extension = extension
        self.method = method
        self.setting = setting
        self.options = options
        self.ef_construction = EF_CONSTRUCTION
        self.result = None
        self.table = None

    def create(self):
        """The database with the extension, unless it is there."""
        with knn.connect("postgres") as connection:
            if not connection.execute(
                    "SELECT 1 FROM pg_database WHERE datname = %s",
                    [self.database]).fetchone():
                connection.execute(f"CREATE DATABASE {self.database}")
        with knn.connect(self.database) as connection:
            connection.execute(
                f"CREATE EXTENSION IF NOT EXISTS {self.extension}")

    def prepare(self, data):
        """Load a set, into a table of this system's own, and index it."""
        self.result = {"points": []}
        self.table = "".join(
            c if c.isalnum() else "_" for c in f"{self.name}_{data.name}")
        self.create()
        with knn.connect(self.database) as connection:
            self.result["version"], = connection.execute(
                "SELECT extversion FROM pg_extension WHERE extname = %s",
                [self.extension]).fetchone()
            connection.execute("DROP TABLE IF EXISTS queries")
            for table, vectors in ((self.table, data.rows),
                                   ("queries", data.queries)):
                self.load(connection, table, vectors)
        self.build(len(data.rows))

    def load(self, connection, table, vectors):
        knn.load(connection, table, vectors,
                 numpy.zeros(len(vectors), numpy.int16), self.type)

    def build(self, rows, keys=()):
        index = f"{self.table}_index"
        self.result["build_s"] = knn.build(
            self.database,
            f"CREATE INDEX {index} ON {self.table} USING {self.method} "
            f"({', '.join([f'embedding {self.opclass}', *keys])}) "
            f"WITH (m = {M}, "
            f"ef_construction = {self.ef_construction}{self.options})")
        with knn.connect(self.database) as connection:
            size, = connection.execute(
                f"SELECT pg_relation_size('{index}')").fetchone()
            plan = "\n".join(line for line, in connection.execute(
                f"EXPLAIN SELECT id FROM {self.table} ORDER BY embedding "
                f"{self.operator} (SELECT embedding FROM queries WHERE id = 0)"
                f" LIMIT {knn.K}"))
        self.result["index_bytes"] = size
        self.result["index_bytes_per_row"] = size / rows
        if f"Index Scan using {index}" not in plan:
            raise SystemExit(f"{self.name} does not use its index:\n{plan}")
        print(f"  {self.name}: built in {self.result['build_s']:.1f} s",
              flush=True)

    def drop(self):
        with knn.connect(self.database) as connection:
            connection.execute(f"DROP TABLE {self.table}")

    def answers(self, ef_search, count):
        with knn.connect(self.database) as connection:
            connection.execute(f"SET {self.setting} = {ef_search}")
            return knn.answers(connection, self.table, count,
                               operator=self.operator)

    def by_pgbench(self, ef_search, queries, seconds):
        """Queries a second of one client, as an application asks them."""
        return knn.queries_per_second(self.database, self.table, queries,
                                      seconds,
                                      f"-c {self.setting}={ef_search}")

    def by_literals(self, ef_search, queries, seconds):
        """The same, planned anew for each, with the vector as a literal."""
        return knn.literals_per_second(self.database, self.table, seconds,
                                       f"-c {self.setting}={ef_search}")

    def session(self, ef_search):
        """A session that answers all queries in one statement."""
        connection = knn.connect(self.database)
        for setting in (f"{self.setting} = {ef_search}",
                        "max_parallel_workers_per_gather = 0",
                        "enable_memoize = off"):
            connection.execute(f"SET {setting}")
        return connection

    def statement(self):
        return (f"SELECT count(near.id) FROM queries q, LATERAL (SELECT id "
                f"FROM {self.table} t ORDER BY t.embedding {self.operator} "
                f"q.embedding LIMIT {knn.K}) near")

    def in_server(self, ef_search, queries, seconds, clients=1):
        """Queries a second of one statement that asks all, in as many
        sessions at a time; the median over the seconds."""
        rates = []

        def run(connection):
            connection.execute(self.statement())    # into the caches
            start.wait()
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                before = time.monotonic()
                connection.execute(self.statement())
                rates.append(queries / (time.monotonic() - before))

        start = threading.Barrier(clients)
        connections = [self.session(ef_search) for _ in range(clients)]
        threads = [threading.Thread(target=run, args=[connection])
                   for connection in connections]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for connection in connections:
            connection.close()
        return clients * statistics.median(rates)

    def pages_read(self, ef_search, count):
        """Pages that a query reads into shared buffers, on average."""
        read = 0
        with knn.connect(self.database) as connection:
            connection.execute(f"SET {self.setting} = {ef_search}")
            for query in range(count):
                plan, = connection.execute(
                    f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT id FROM "
                    f"{self.table} ORDER BY embedding <-> (SELECT embedding "
                    f"FROM queries WHERE id = {query}) LIMIT {knn.K}",
                    prepare=False).fetchone()
                read += plan[0]["Plan"]["Shared Read Blocks"]
        return read / count


class Hnswlib:
    """hnswlib, called from Python one query at a time."""

    name = "hnswlib"

    def __init__(self, data):
        import hnswlib
        self.index = hnswlib.Index("l2", data.rows.shape[1])
        self.index.init_index(len(data.rows), M=M, random_seed=1,
                              ef_construction=EF_CONSTRUCTION)
        self.index.add_items(data.rows)
        self.index.set_num_threads(1)

    def set_ef(self, ef_search):
        self.index.set_ef(ef_search)

    def search(self, query):
        return self.index.knn_query(query, knn.K)[0][0]


class Faiss:
    """FAISS's HNSW on floats, called from Python one query at a time."""

    name = "faiss"

    def __init__(self, data):
        import faiss
        self.index = faiss.IndexHNSWFlat(data.rows.shape[1], M)
        self.index.hnsw.efConstruction = EF_CONSTRUCTION
        self.index.add(data.rows)
        faiss.omp_set_num_threads(1)

    def set_ef(self, ef_search):
        self.index.hnsw.efSearch = ef_search

    def search(self, query):
        return self.index.search(query[None, :], knn.K)[1][0]


REFERENCES = {"hnswlib": Hnswlib, "faiss": Faiss}


# ---------- curves ----------

def frontier(points, key):
    """The points that no other beats in both recall and throughput."""
    best = []
    for point in sorted(points, key=lambda p: (-p["recall"], -p[key])):
        if not best or point[key] > best[-1][key]:
            best.append(point)
    return best[::-1]


def throughput_at(points, target, key):
    """Queries a second at a recall, between points on a logarithmic scale.

    A curve that starts above the target counts with its fastest point, one
    that ends below it with None."""
    points = frontier(points, key)
    if points[0]["recall"] >= target:
        return points[0][key]
    for low, high in zip(points, points[1:]):
        if low["recall"] < target <= high["recall"]:
            part = ((target - low["recall"])
                    / (high["recall"] - low["recall"]))
            return math.exp((1 - part) * math.log(low[key])
                            + part * math.log(high[key]))
    return None


def ef_for(points, target):
    """The smallest ef_search of those measured that reaches a recall."""
    return next((p["ef_search"] for p in points if p["recall"] >= target),
                points[-1]["ef_search"])


# ---------- measuring ----------

def measure(systems, data, truth, options):
    """Fill in every system's points.

    The systems take turns, and each round goes through all of ef_search, so
    that what else the machine does spreads over all curves."""
    count = len(data.queries)
    for system in systems:
        for ef_search in EF_SEARCH:
            system.result["points"].append({
                "ef_search": ef_search, **{f"{way}_runs": [] for way in WAYS},
                "recall": knn.recall(system.answers(ef_search, count), data,
                                     truth)})
    for turn in range(options.rounds):
        print(f"  round {turn + 1} of {options.rounds}", flush=True)
        for number, ef_search in enumerate(EF_SEARCH):
            for system in systems:
                point = system.result["points"][number]
                point["server_runs"].append(system.in_server(
                    ef_search, count, options.seconds))
                point["pgbench_runs"].append(system.by_pgbench(
                    ef_search, count, options.seconds))
                point["literal_runs"].append(system.by_literals(
                    ef_search, count, options.seconds))
    for system in systems:
        for point in system.result["points"]:
            for way in WAYS:
                point[way] = statistics.median(point[f"{way}_runs"])


def measure_reference(kind, data, truth, options):
    """The curve of a library, timed as often as the systems are."""
    start = time.monotonic()
    reference = kind(data)
    result = {"build_s": time.monotonic() - start, "points": []}
    for ef_search in EF_SEARCH:
        reference.set_ef(ef_search)
        found = [reference.search(query) for query in data.queries]
        rates = []
        for _ in range(options.rounds):
            start = time.monotonic()
            for query in data.queries:
                reference.search(query)
            rates.append(len(data.queries) / (time.monotonic() - start))
        result["points"].append({
            "ef_search": ef_search, "recall": knn.recall(found, data, truth),
            "server": statistics.median(rates)})
    return result


def measure_clients(systems, data, options):
    """How much more several sessions do than one."""
    for system in systems:
        ef_search = ef_for(system.result["points"], 0.95)
        ratios = []
        for _ in range(5):
            one = system.in_server(ef_search, len(data.queries),
                                   options.seconds)
            many = system.in_server(ef_search, len(data.queries),
                                    options.seconds, options.clients)
            ratios.append(many / one)
        system.result["clients"] = {"clients": options.clients,
                                    "ratio": statistics.median(ratios)}
        print(f"  {system.name}: {options.clients} clients do "
              f"{statistics.median(ratios):.2f} times as much as one",
              flush=True)


def restart(shared_buffers):
    """Restart the server, with other shared buffers; None: as it was."""
    with knn.connect("postgres") as connection:
        folder, = connection.execute("SHOW data_directory").fetchone()
        connection.execute(
            f"ALTER SYSTEM SET shared_buffers = '{shared_buffers}'"
            if shared_buffers else "ALTER SYSTEM RESET shared_buffers")
    subprocess.run(["pg_ctl", "-s", "-w", "-m", "fast", "-D", folder, "-l",
                    os.path.join(folder, "restarted.log"), "restart"],
                   check=True, stdout=subprocess.DEVNULL)


def measure_small_cache(systems):
    """Pages read for a query where the cache is a tenth of the index."""
    for system in systems:
        ef_search = ef_for(system.result["points"], 0.95)
        restart(f"{max(1024, system.result['index_bytes'] // 10 // 1024)}kB")
        system.pages_read(ef_search, SMALL_CACHE_QUERIES)
        pages = system.pages_read(ef_search, SMALL_CACHE_QUERIES)
        system.result["pages_read"] = pages
        print(f"  {system.name}: {pages:.0f} pages read for a query at "
              f"ef_search {ef_search}, in a cache of a tenth of the index",
              flush=True)
    restart(None)


# ---------- reporting ----------

def processor():
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return "unknown"


def cell(value, form):
    return "-" if value is None else format(value, form)


def table(ours, theirs, references):
    """Lines of what was measured: the first of ours beside theirs last."""
    columns = [*ours, theirs]
    names = [system.name for system in columns] + list(references)
    lines = [f"{'':34}" + "".join(f"{name:>12}" for name in names)
             + "".join(f"{'/ ' + name:>12}" for name in
                       [theirs.name] + list(references))]

    def row(title, values, form, invert=False):
        first = values[0]
        others = values[len(ours):]
        ratios = [None if None in (first, other) else
                  (other / first if invert else first / other)
                  for other in others]
        lines.append(f"{title:34}" + "".join(f"{cell(value, form):>12}"
                                             for value in values)
                     + "".join(f"{cell(ratio, '.2f'):>12}"
                               for ratio in ratios))

    results = [system.result for system in columns] + list(references.values())
    for way, title in WAYS.items():
        for target in TARGETS:
            row(f"queries/s {title}, recall {target:.2f}",
                [throughput_at(r["points"], target, way)
                 if way in r["points"][0] else None for r in results], ".0f")
    row("build, seconds", [r["build_s"] for r in results], ".1f", True)
    row("index, bytes a row",
        [r.get("index_bytes_per_row") for r in results], ".0f", True)
    return "\n".join(lines)


def plot(systems, references, title, path):
    figure, axes = pyplot.subplots(figsize=(7, 4.5))
    for system in systems:
        points = frontier(system.result["points"], "server")
        axes.plot([p["recall"] for p in points],
                  [p["server"] for p in points], marker="o",
                  label=f"{system.name} {system.result['version']}")
    for name, result in references.items():
        points = frontier(result["points"], "server")
        axes.plot([p["recall"] for p in points],
                  [p["server"] for p in points], marker=".", linestyle="--",
                  label=f"{name}, in process")
    axes.set_title(title)
    axes.set_xlabel("recall@10")
    axes.set_ylabel("queries per second, one core")
    axes.set_yscale("log")
    axes.grid(True, which="both", alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def compare_set(name, ours, theirs, options):
    """All measurements of one set."""
    data = datasets.load(name, options.cache, queries=options.queries)
    if options.type == "halfvec":
        # what is stored is what answers are judged by
        data.rows = data.rows.astype(numpy.float16).astype(numpy.float32)
        data.queries = data.queries.astype(numpy.float16).astype(numpy.float32)
    rows, dim = data.rows.shape
    print(f"{name}: {rows:,} rows of {dim}", flush=True)
    systems = [*ours, theirs]
    for system in systems:
        system.prepare(data)
    truth = fashion.nearest_distances(data.queries, data.rows, knn.K)
    measure(systems, data, truth, options)
    references = {reference: measure_reference(REFERENCES[reference], data,
                                               truth, options)
                  for reference in options.references}
    if options.clients > 1:
        measure_clients(systems, data, options)
    if options.small_cache:
        measure_small_cache(systems)
    print(table(ours, theirs, references), flush=True)
    plot(systems, references, f"{name}: {rows:,} rows of {dim}",
         os.path.join(options.folder, f"compare_{name}.png"))
    result = {"rows": rows, "dim": dim,
              "systems": {system.name: system.result for system in systems},
              "references": references}
    for system in systems:
        system.drop()
    return result


def words(text):
    return [word for word in text.split(",") if word]


def sets_parser(description, sets, queries):
    """For scripts with sets of their own: a folder, which sets, and how many
    queries."""
    def chosen(text):
        if not set(words(text)) <= set(sets):
            raise argparse.ArgumentTypeError(f"the sets are {', '.join(sets)}")
        return words(text)

    parser = argparse.ArgumentParser(
        description=description.split("\n", maxsplit=1)[0])
    parser.add_argument("folder")
    parser.add_argument("--sets", type=chosen, default=list(sets),
                        help=f"of {', '.join(sets)}")
    parser.add_argument("--queries", type=int, default=queries)
    return parser


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder")
    parser.add_argument("--sets", type=words, default=["fashion"])
    parser.add_argument("--storage", type=words, default=["auto"])
    parser.add_argument("--type", choices=knn.ELEMENTS, default="vector",
                        help="of the column that is indexed")
    parser.add_argument("--references", type=words, default=[],
                        help=f"of {', '.join(REFERENCES)}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=1,
                        help="sessions at a time, beside one")
    parser.add_argument("--small-cache", action="store_true",
                        help="count the pages read in a small cache, too")
    parser.add_argument("--cache", default=".",
                        help="folder of what takes long to make")
    parser.add_argument("--simd", help="omendb.simd")
    options = parser.parse_args()

    if options.simd:
        knn.set_simd(options.simd)
    System.type = options.type
    ours = [System("omendb" if kind == "auto" else f"omendb {kind}", "omendb",
                   "omendb", "omen_hnsw", "omendb.ef_search",
                   f", storage = {kind}") for kind in options.storage]
    theirs = System("pgvector", "pgvector", "vector", "hnsw",
                    "hnsw.ef_search")
    with knn.connect("postgres") as connection:
        server, = connection.execute("SHOW server_version").fetchone()
    result = {"processor": processor(), "server": server,
              "type": options.type, "simd": options.simd, "m": M,
              "ef_construction": EF_CONSTRUCTION, "rounds": options.rounds,
              "seconds": options.seconds, "queries": options.queries,
              "sets": {}}
    for name in options.sets:
        result["sets"][name] = compare_set(name, ours, theirs, options)
        result["load_average"] = os.getloadavg()[0]
        with open(os.path.join(options.folder, "compare.json"), "w") as file:
            json.dump(result, file, indent=1)
    print(f"{result['processor']}; PostgreSQL {server}")
    # A session keeps about one processor busy.
    if result["load_average"] > 1.5 and options.clients < 2:
        print(f"The machine was doing other work too (load average "
              f"{result['load_average']:.1f}): throughput means little.")


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""How fast CREATE INDEX is, in how much memory, and how good the index.

    bench/build.py FOLDER [--sets SET,...] [--workers N,...]
        [--memory SIZE,...] [--repeat N] [--quality] [--scale ROWS,...]
        [--rows N] [--only SYSTEM] [--metric METRIC] [--simd NAME]
        [--cache FOLDER]

omendb beside pgvector.  Expects a server at PGHOST that has the extensions,
runs as the same operating system user, and has nothing else to do; bench/run
--build starts one.  Sets are those of datasets.py.  Writes build.json and
build.png to FOLDER.
"""
import argparse
import glob
import heapq
import importlib.util
import itertools
import json
import math
import os
import re
import statistics
import threading
import time

import matplotlib
import numpy

import compare
import datasets
import knn

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402 (the backend comes first)

M = compare.M
EF_CONSTRUCTION = compare.EF_CONSTRUCTION
TARGETS = (0.90, 0.95, 0.99)
OPERATORS = {"l2": "<->", "ip": "<#>", "cosine": "<=>"}
MB = 1 << 20

# What a build may take beyond maintenance_work_mem.
SLACK = 64 * MB
SLACK_PER_PARTICIPANT = 16 * MB


class System:
    """One of the two extensions, in the database of its name."""

    def __init__(self, name, extension, method):
        self.name = name
        self.extension = extension
        self.method = method
        self.version = None

    def prepare(self):
        with knn.connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {self.name}")
        with knn.connect(self.name) as connection:
            connection.execute(f"CREATE EXTENSION {self.extension}")
            self.version, = connection.execute(
                "SELECT extversion FROM pg_extension WHERE extname = %s",
                [self.extension]).fetchone()


SYSTEMS = {"omendb": System("omendb", "omendb", "omen_hnsw"),
           "pgvector": System("pgvector", "vector", "hnsw")}


# ---------- what a build takes ----------

ACTIVITY = """
SELECT a.pid, p.phase
FROM pg_stat_activity a LEFT JOIN pg_stat_progress_create_index p USING (pid)
WHERE a.pid = %(pid)s OR a.leader_pid = %(pid)s"""


def private_memory(pid):
    """Bytes of a process that are its own; 0 if it has ended."""
    try:
        with open(f"/proc/{pid}/status") as file:
            for line in file:
                if line.startswith("RssAnon:"):
                    return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0


def sizes(paths):
    """Bytes of each of the files that are still there."""
    found = {}
    for path in paths:
        try:
            found[path] = os.stat(path).st_size
        except FileNotFoundError:
            pass
    return found


def shared_memory():
    return sizes(glob.glob("/dev/shm/PostgreSQL.*"))


def temporary_files(data_directory):
    """Bytes in the server's temporary files, in all tablespaces."""
    total = 0
    for place in (os.path.join(data_directory, "base", "pgsql_tmp"),
                  *glob.glob(os.path.join(data_directory, "pg_tblspc", "*",
                                          "PG_*", "pgsql_tmp"))):
        for folder, _, names in os.walk(place):
            total += sum(sizes(os.path.join(folder, name)
                               for name in names).values())
    return total


class Sampler:
    """Watches one backend and its parallel workers from another thread,
    twenty times a second, for as long as the context lasts."""

    INTERVAL = 0.05

    def __init__(self, database, pid, data_directory):
        self.database = database
        self.pid = pid
        self.data_directory = data_directory
        self.memory = {"total": 0, "private": 0, "shared": 0}
        self.temporary = 0
        self.workers = 0
        self.samples = 0
        self.phases = {}
        self.failure = None
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self.connection = knn.connect(self.database)
        self.before = shared_memory()
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()
        self.connection.close()
        if self.failure:
            raise self.failure

    def _watch(self):
        try:
            due = time.monotonic()
            while not self.done.is_set():
                self._sample()
                due = max(due + self.INTERVAL, time.monotonic())
                self.done.wait(due - time.monotonic())
        except Exception as failure:
            self.failure = failure

    def _sample(self):
        seen = dict(self.connection.execute(
            ACTIVITY, {"pid": self.pid}).fetchall())
        private = sum(map(private_memory, seen))
        shared = sum(max(0, size - self.before.get(path, 0))
                     for path, size in shared_memory().items())
        if private + shared > self.memory["total"]:
            self.memory = {"total": private + shared, "private": private,
                           "shared": shared}
        self.temporary = max(self.temporary,
                             temporary_files(self.data_directory))
        self.workers = max(self.workers, len(seen) - 1)
        phase = seen.get(self.pid) or "elsewhere"
        phase = phase.removeprefix("building index: ")
        self.phases[phase] = self.phases.get(phase, 0) + 1
        self.samples += 1


# ---------- builds ----------

class Case:
    """One way to build the index of a set, and what each run of it took."""

    def __init__(self, system, workers, memory):
        self.system = system
        self.workers = workers
        self.memory = memory
        self.runs = []
        self.index_bytes = None

    def __str__(self):
        return (f"{self.system.name} {self.memory} "
                f"{self.workers} worker{'s' * (self.workers != 1)}")

    def run(self, bench, table):
        """Build the index once."""
        with knn.connect(self.system.name) as connection:
            notices = []
            connection.add_notice_handler(
                lambda notice: notices.append(notice.message_primary))
            connection.execute(f"DROP INDEX IF EXISTS {table}_index")
            connection.execute(f"ALTER TABLE {table} SET "
                               f"(parallel_workers = {self.workers})")
            connection.execute(f"SET maintenance_work_mem = '{self.memory}'")
            connection.execute(f"SET max_parallel_maintenance_workers = "
                               f"{self.workers}")
            connection.execute("CHECKPOINT")
            with Sampler(self.system.name, connection.info.backend_pid,
                         bench.data_directory) as sampler:
                start = time.monotonic()
                connection.execute(bench.create_index(self.system, table))
                seconds = time.monotonic() - start
            for notice in notices:
                if "no longer fits" in notice:
                    raise SystemExit(
                        f"{self}: {notice}; --pgvector-memory gives more")
            self.check(connection, table)
            self.index_bytes, allowed = connection.execute(
                f"SELECT pg_relation_size('{table}_index'), "
                f"pg_size_bytes('{self.memory}')").fetchone()
        limit = (allowed + SLACK
                 + SLACK_PER_PARTICIPANT * (1 + sampler.workers))
        self.runs.append({
            "seconds": seconds, "workers": sampler.workers,
            "memory": sampler.memory, "memory_limit": limit,
            "temporary": sampler.temporary, "notices": notices,
            "phases": {phase: count / sampler.samples for phase, count
                       in sampler.phases.items()}})
        print(f"  {self}: {seconds:.2f} s", flush=True)

    def check(self, connection, table):
        if self.system.name != "omendb":
            return
        broken, = connection.execute(
            f"SELECT count(*) FROM omen_hnsw_check('{table}_index')"
        ).fetchone()
        if broken:
            raise SystemExit(f"{self}: omen_hnsw_check has {broken} "
                             f"complaints about the index of {table}")

    def median(self):
        return statistics.median(run["seconds"] for run in self.runs)

    def phases(self):
        """Share of each phase, all runs taken together."""
        shares = {}
        for run in self.runs:
            for phase, share in run["phases"].items():
                shares[phase] = shares.get(phase, 0) + share / len(self.runs)
        return dict(sorted(shares.items(), key=lambda item: -item[1]))

    def worst(self):
        """The run that took most memory, compared with what it might."""
        return max(self.runs, key=lambda run: run["memory"]["total"]
                   / run["memory_limit"])

    def result(self, rows):
        return {"system": self.system.name, "workers": self.workers,
                "maintenance_work_mem": self.memory, "median": self.median(),
                "rows_per_s": rows / self.median(), "phases": self.phases(),
                "index_bytes_per_row": self.index_bytes / rows,
                "runs": self.runs}


def ample(rows, dim):
    """maintenance_work_mem in which pgvector keeps its whole graph.

    No more than that, since parallel builds take it from the system at once,
    which is a part of their time."""
    links = 16 * 2 * M + 16 * M // 2
    return f"{64 + math.ceil(1.25 * rows * (4 * dim + links + 240) / MB)}MB"


def alternate(*series):
    """An element of each in turn, for as long as any has one."""
    return [x for some in itertools.zip_longest(*series) for x in some
            if x is not None]


class Bench:
    """What all measurements share."""

    def __init__(self, options):
        self.options = options
        self.metric = options.metric
        self.systems = [system for system in SYSTEMS.values()
                        if options.only in (None, system.name)]
        with knn.connect("postgres") as connection:
            self.data_directory, = connection.execute(
                "SHOW data_directory").fetchone()
            self.server, = connection.execute(
                "SHOW server_version").fetchone()
            available, = connection.execute(
                "SHOW max_parallel_maintenance_workers").fetchone()
        if not os.access(self.data_directory, os.R_OK | os.X_OK):
            raise SystemExit(f"cannot look into {self.data_directory}: run "
                             f"this as the server's user")
        if max(options.workers) > int(available):
            raise SystemExit(f"the server's max_parallel_maintenance_workers "
                             f"is {available}")
        for system in self.systems:
            system.prepare()

    def create_index(self, system, table):
        return (f"CREATE INDEX {table}_index ON {table} USING "
                f"{system.method} (embedding vector_{self.metric}_ops) "
                f"WITH (m = {M}, ef_construction = {EF_CONSTRUCTION})")

    def load_set(self, name):
        start = time.monotonic()
        data = datasets.load(name, self.options.cache, self.options.rows)
        print(f"{name}: {len(data.rows):,} rows of {data.rows.shape[1]}, "
              f"made in {time.monotonic() - start:.1f} s", flush=True)
        return data

    def fill(self, system, table, data):
        with knn.connect(system.name) as connection:
            for name, vectors in ((table, data.rows),
                                  (f"{table}_queries", data.queries)):
                knn.load(connection, name, vectors,
                         numpy.zeros(len(vectors), numpy.int16))

    def drop(self, system, table):
        with knn.connect(system.name) as connection:
            connection.execute(f"DROP TABLE {table}, {table}_queries")

    def cases(self, system, rows, dim, workers):
        """A system's cases; only omendb builds in little memory, too."""
        sizes = self.options.memory
        if system.name == "pgvector":
            sizes = [self.options.pgvector_memory or ample(rows, dim)]
        return [Case(system, workers, size) for size in sizes]

    def builds(self, table, data, systems):
        """Load a set and build its indexes, the systems taking turns.
        Leaves the tables and the indexes that were built last."""
        for system in systems:
            self.fill(system, table, data)
        cases = alternate(*(
            [case for workers in self.options.workers
             for case in self.cases(system, *data.rows.shape, workers)]
            for system in systems))
        for turn in range(self.options.repeat):
            print(f" run {turn + 1} of {self.options.repeat}", flush=True)
            for case in cases:
                case.run(self, table)
        return cases


def table_name(name):
    return re.sub(r"\W", "_", name)


# ---------- how good the index is ----------

def search(connection, statement, count):
    """Ids that the statement finds for each query, and the mean distances
    and visits that a query took."""
    found, counts = [], []
    for query in range(count):
        found.append([row[0] for row in connection.execute(
            statement.format(query), prepare=False)])
        counts.append(connection.execute(
            "SELECT distances, visits FROM omen_hnsw_last_scan()").fetchone())
    return found, numpy.mean(counts, 0)


def omendb_curve(bench, table, queries_table, data, truth):
    statement = (f"SELECT id FROM {table} ORDER BY embedding "
                 f"{OPERATORS[bench.metric]} (SELECT embedding FROM "
                 f"{queries_table} WHERE id = {{}}) LIMIT {knn.K}")
    points = []
    with knn.connect("omendb") as connection:
        connection.execute("SET enable_seqscan = off")
        plan = "\n".join(line for line, in connection.execute(
            "EXPLAIN " + statement.format(0)))
        if f"Index Scan using {table}_index" not in plan:
            raise SystemExit(f"omendb does not use its index:\n{plan}")
        for ef_search in compare.EF_SEARCH:
            connection.execute(f"SET omendb.ef_search = {ef_search}")
            found, (distances, visits) = search(connection, statement,
                                                len(data.queries))
            points.append({
                "ef_search": ef_search, "distances": distances,
                "visits": visits,
                "recall": datasets.recall(bench.metric, found, data.queries,
                                          data.rows, truth)})
    return points


def insert_rows(bench, source):
    """A copy of a table whose index was there before the rows; its name and
    the seconds that filling it took."""
    table = f"{source}_inserted"
    with knn.connect("omendb") as connection:
        connection.execute(f"CREATE TABLE {table} (LIKE {source})")
        connection.execute(bench.create_index(SYSTEMS["omendb"], table))
        start = time.monotonic()
        connection.execute(f"INSERT INTO {table} SELECT * FROM {source} "
                           f"ORDER BY id")
        seconds = time.monotonic() - start
        connection.execute(f"VACUUM ANALYZE {table}")
    return table, seconds


class HnswlibGraph:
    """hnswlib's search in the graph that hnswlib made, to count distances,
    which its Python interface does not tell."""

    def __init__(self, index):
        state, = index.__getstate__()
        rows = state["cur_element_count"]
        elements = state["data_level0"].reshape(rows, -1).view("<u4")
        data = state["offset_data"] // 4
        self.product = state["space"] != "l2"
        self.labels = elements[:, state["label_offset"] // 4]
        self.vectors = elements[:, data:data + state["dim"]].view("<f4")
        self.links = elements[:, :1 + state["max_M0"]]
        self.levels = state["element_levels"]
        self.upper = state["link_lists"].view("<u4").reshape(
            -1, state["size_links_per_element"] // 4)
        self.upper_start = self.levels.cumsum() - self.levels
        self.entry = state["enterpoint_node"]
        self.normalize = state["normalize"]

    @staticmethod
    def _neighbors(links):
        return links[1:1 + (int(links[0]) & 0xffff)]

    def _distances(self, query, ids):
        self.counted += len(ids)
        vectors = self.vectors[ids]
        if self.product:
            return -(vectors @ query)
        vectors -= query
        return numpy.einsum("ij,ij->i", vectors, vectors)

    def _descend(self, query):
        """The node where the search of layer 0 begins, and its distance."""
        node = self.entry
        nearest = self._distances(query, [node])[0]
        level = int(self.levels[node])
        while level > 0:
            ids = self._neighbors(
                self.upper[self.upper_start[node] + level - 1])
            found = self._distances(query, ids)
            if len(ids) and found.min() < nearest:
                node, nearest = int(ids[found.argmin()]), found.min()
            else:
                level -= 1
        return node, nearest

    def search(self, query, ef_search):
        """Ids of the nearest rows, and how many distances it took."""
        self.counted = 0
        if self.normalize:
            query = query / numpy.linalg.norm(query)
        node, nearest = self._descend(query)
        visited = {node}
        candidates = [(nearest, node)]
        best = [(-nearest, node)]
        while candidates:
            distance, node = heapq.heappop(candidates)
            if distance > -best[0][0]:
                break
            fresh = [other for other
                     in self._neighbors(self.links[node]).tolist()
                     if other not in visited]
            if not fresh:
                continue
            visited.update(fresh)
            for distance, other in zip(
                    self._distances(query, fresh).tolist(), fresh):
                if len(best) < ef_search or distance < -best[0][0]:
                    heapq.heappush(candidates, (distance, other))
                    heapq.heappush(best, (-distance, other))
                    if len(best) > ef_search:
                        heapq.heappop(best)
        best = sorted(best, reverse=True)[:knn.K]
        return self.labels[[node for _, node in best]], self.counted


def hnswlib_curve(bench, data, truth):
    """The curve of hnswlib's index and the seconds that one thread took."""
    import hnswlib
    rows, dim = data.rows.shape
    index = hnswlib.Index(space=bench.metric, dim=dim)
    index.init_index(max_elements=rows, M=M, ef_construction=EF_CONSTRUCTION,
                     random_seed=1)
    start = time.monotonic()
    index.add_items(data.rows, numpy.arange(rows), num_threads=1)
    seconds = time.monotonic() - start
    graph = HnswlibGraph(index)
    points = []
    for ef_search in compare.EF_SEARCH:
        found, counts = zip(*(graph.search(query, ef_search)
                              for query in data.queries))
        point = {"ef_search": ef_search, "distances": statistics.mean(counts),
                 "recall": datasets.recall(bench.metric, found, data.queries,
                                           data.rows, truth)}
        points.append(point)
        index.set_ef(ef_search)
        theirs = datasets.recall(
            bench.metric, index.knn_query(data.queries, k=knn.K,
                                          num_threads=1)[0].astype(int),
            data.queries, data.rows, truth)
        if abs(point["recall"] - theirs) > 0.005:
            raise SystemExit(f"hnswlib's own search has recall {theirs:.4f}, "
                             f"ours in its graph {point['recall']:.4f}")
    return points, seconds


def cost_at(points, key, target):
    """What a recall costs, between points on a logarithmic scale of cost;
    None outside of the curve, and where it lacks the key."""
    if key not in points[0]:
        return None
    curve = []
    for point in sorted(points, key=lambda p: (p[key], -p["recall"])):
        if not curve or point["recall"] > curve[-1]["recall"]:
            curve.append(point)
    if curve[0]["recall"] == target:
        return curve[0][key]
    for low, high in zip(curve, curve[1:]):
        if low["recall"] < target <= high["recall"]:
            part = ((target - low["recall"])
                    / (high["recall"] - low["recall"]))
            return math.exp((1 - part) * math.log(low[key])
                            + part * math.log(high[key]))
    return None


def quality(bench, table, data):
    """Curves of the index as CREATE INDEX builds it, with each memory, as
    inserting row by row builds it, and as hnswlib does."""
    print(" quality", flush=True)
    queries_table = f"{table}_queries"
    truth = datasets.nearest(bench.metric, data.queries, data.rows, knn.K)
    curves, seconds = {}, {}
    for memory in bench.options.memory:
        case = Case(SYSTEMS["omendb"], bench.options.workers[-1], memory)
        case.run(bench, table)
        curves[f"built, {memory}"] = omendb_curve(bench, table, queries_table,
                                                  data, truth)
    built = list(curves)
    inserted, seconds["inserted"] = insert_rows(bench, table)
    curves["inserted"] = omendb_curve(bench, inserted, queries_table, data,
                                      truth)
    with knn.connect("omendb") as connection:
        connection.execute(f"DROP TABLE {inserted}")
    curves["hnswlib"], seconds["hnswlib"] = hnswlib_curve(bench, data, truth)
    costs = {name: {key: {f"{target:.2f}": cost_at(points, key, target)
                          for target in TARGETS}
                    for key in ("distances", "visits", "ef_search")}
             for name, points in curves.items()}
    return {"curves": curves, "seconds": seconds, "at_recall": costs,
            "ratios": {f"{name} / {other}": ratios(costs[name], costs[other])
                       for name in built for other in curves
                       if other not in built}}


def ratios(ours, theirs):
    """Cost by cost and recall by recall."""
    return {key: {target: ours[key][target] / theirs[key][target]
                  if ours[key][target] and theirs[key][target] else None
                  for target in ours[key]} for key in ours}


# ---------- results ----------

def cell(value, form):
    return "-" if value is None else format(value, form)


def print_builds(name, rows, cases):
    """One line for each case, with the ratio to pgvector's time."""
    theirs = {case.workers: case.median() for case in cases
              if case.system.name == "pgvector"}
    print(f"\n{name}, {rows:,} rows")
    print(f"{'':9}{'memory':>8}{'workers':>9}{'seconds':>9}{'range':>15}"
          f"{'rows/s':>9}{'ratio':>7}{'MB':>7}{'limit':>7}{'temp MB':>9}"
          f"{'B/row':>7}")
    for case in cases:
        run = case.worst()
        seconds = [run["seconds"] for run in case.runs]
        over = run["memory"]["total"] > run["memory_limit"]
        ratio = (theirs[case.workers] / case.median()
                 if case.workers in theirs else None)
        print(f"{case.system.name:9}{case.memory:>8}"
              f"{min(r['workers'] for r in case.runs):>4} of "
              f"{case.workers}{case.median():>9.2f}"
              f"{f'{min(seconds):.2f}-{max(seconds):.2f}':>15}"
              f"{rows / case.median():>9.0f}{cell(ratio, '.2f'):>7}"
              f"{run['memory']['total'] / MB:>7.0f}"
              f"{run['memory_limit'] / MB:>7.0f}"
              f"{max(r['temporary'] for r in case.runs) / MB:>9.0f}"
              f"{case.index_bytes / rows:>7.0f}"
              f"{'  MORE THAN THE LIMIT' * over}")
    for case in cases:
        print(f"  {case}: " + ", ".join(
            f"{phase} {100 * share:.1f} %"
            for phase, share in case.phases().items()))


def print_quality(name, result):
    print(f"\n{name}: cost of recall@{knn.K}")
    for key, form in (("distances", ".0f"), ("visits", ".0f"),
                      ("ef_search", ".1f")):
        print(f"{key:34}" + "".join(f"{t:>9.2f}" for t in TARGETS))
        for table, form in ((result["at_recall"], form),
                            (result["ratios"], ".3f")):
            for title, costs in table.items():
                if any(costs[key].values()):
                    print(f"  {title:32}" + "".join(
                        f"{cell(x, form):>9}" for x in costs[key].values()))


def build_title(build):
    """What bars of different sets have in common; pgvector's memory is
    chosen for each set."""
    title = f"{build['system']}, {build['workers']} w."
    if build["system"] == "omendb":
        title += f", {build['maintenance_work_mem']}"
    return title


def plot_builds(axes, results):
    """Bars of seconds, a group for each set."""
    groups = [{build_title(build): build["median"]
               for build in result["builds"]} for result in results.values()]
    width = 0.8 / len(groups[0])
    for number, title in enumerate(groups[0]):
        axes.bar(numpy.arange(len(groups)) + width * number,
                 [group[title] for group in groups], width, label=title)
    axes.set_xticks(numpy.arange(len(groups)) + 0.4 - width / 2,
                    [name.replace("+", "\n+") for name in results],
                    fontsize=8)
    axes.set_ylabel("CREATE INDEX, seconds")
    axes.legend(fontsize=7)


def plot_scale(axes, results):
    lines = {}
    for result in results.values():
        for build in result["builds"]:
            lines.setdefault((build["workers"],
                              build["maintenance_work_mem"]), []).append(
                (result["rows"], build["rows_per_s"]))
    for (workers, memory), points in lines.items():
        axes.plot(*zip(*sorted(points)), marker="o",
                  label=f"{workers} w., {memory}")
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("rows (clustered, 128 dimensions)")
    axes.set_ylabel("omendb, rows a second")
    axes.grid(True, which="both", alpha=0.3)
    axes.legend(fontsize=7)


def plot_quality(axes, name, result, key):
    for title, points in result["curves"].items():
        if key in points[0]:
            axes.plot([p["recall"] for p in points],
                      [p[key] for p in points], marker=".", label=title)
    axes.set_yscale("log")
    axes.set_xlabel(f"{name}: recall@{knn.K}")
    axes.set_ylabel({"distances": "distances per query"}.get(key, key))
    axes.grid(True, which="both", alpha=0.3)
    axes.legend(fontsize=7)


def plot(result, path):
    drawings = []
    if result["sets"]:
        drawings.append((plot_builds, result["sets"]))
    if result["scale"]:
        drawings.append((plot_scale, result["scale"]))
    for name, of_set in result["sets"].items():
        if "quality" in of_set:
            for key in ("distances", "ef_search"):
                drawings.append((plot_quality, name, of_set["quality"], key))
    columns = min(2, len(drawings))
    lines = math.ceil(len(drawings) / columns)
    figure, cells = pyplot.subplots(lines, columns, squeeze=False,
                                    figsize=(6.5 * columns, 4.2 * lines))
    for axes in cells.flat[len(drawings):]:
        axes.axis("off")
    for axes, (draw, *arguments) in zip(cells.flat, drawings):
        draw(axes, *arguments)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


# ---------- the command ----------

def words(text):
    return [word for word in text.split(",") if word]


def parse_options():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder")
    parser.add_argument("--sets", type=words,
                        default="fashion,clustered500k,embeddings100k",
                        help="names of datasets.py; \"\" for none")
    parser.add_argument("--workers", default="0,1",
                        type=lambda text: [int(n) for n in words(text)])
    parser.add_argument("--memory", default="64MB,4GB", type=words,
                        help="maintenance_work_mem of omendb's builds")
    parser.add_argument("--pgvector-memory", metavar="SIZE",
                        help="default: as much as its graph takes")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--quality", action="store_true")
    parser.add_argument("--scale", default="", metavar="ROWS,...",
                        type=lambda text: [datasets.number(n)
                                           for n in words(text)])
    parser.add_argument("--rows", type=datasets.number, metavar="N",
                        help="take no more rows of any set")
    parser.add_argument("--only", choices=list(SYSTEMS))
    parser.add_argument("--metric", choices=list(OPERATORS), default="l2")
    parser.add_argument("--simd", help="omendb.simd")
    parser.add_argument("--cache", metavar="FOLDER",
                        help="for what takes long to compute; "
                        "default: FOLDER")
    options = parser.parse_args()
    options.cache = options.cache or options.folder
    try:
        for name in options.sets:
            datasets.parse(name)
    except ValueError as error:
        parser.error(str(error))
    if not options.sets and not options.scale:
        parser.error("nothing to measure")
    if options.only == "pgvector" and (options.quality or options.scale):
        parser.error("--quality and --scale are about omendb")
    if options.quality and importlib.util.find_spec("hnswlib") is None:
        parser.error("--quality needs Debian's package python3-hnswlib")
    return options


def main():
    options = parse_options()
    os.makedirs(options.cache, exist_ok=True)
    if options.simd:
        knn.set_simd(options.simd)
    bench = Bench(options)
    result = {
        "processor": compare.processor(), "server": bench.server,
        "simd": options.simd or "auto", "metric": options.metric, "m": M,
        "ef_construction": EF_CONSTRUCTION,
        "versions": {system.name: system.version
                     for system in bench.systems},
        "sets": {}, "scale": {}}

    def keep():
        result["load_average"] = os.getloadavg()[0]
        with open(os.path.join(options.folder, "build.json"), "w") as file:
            json.dump(result, file, indent=1)
        plot(result, os.path.join(options.folder, "build.png"))

    def measure(name, systems, of_sets, judge):
        data = bench.load_set(name)
        table = table_name(name)
        rows = len(data.rows)
        cases = bench.builds(table, data, systems)
        of_sets[name] = {"rows": rows, "dim": data.rows.shape[1],
                         "builds": [case.result(rows) for case in cases]}
        print_builds(name, rows, cases)
        if judge:
            of_sets[name]["quality"] = quality(bench, table, data)
            print_quality(name, of_sets[name]["quality"])
        for system in systems:
            bench.drop(system, table)
        keep()

    for name in options.sets:
        measure(name, bench.systems, result["sets"], options.quality)
    for rows in options.scale:
        measure(f"clustered{rows}", [SYSTEMS["omendb"]], result["scale"],
                False)
    print(f"\n{result['processor']}; PostgreSQL {bench.server}; "
          + ", ".join(f"{name} {version}" for name, version
                      in result["versions"].items()))


if __name__ == "__main__":
    main()

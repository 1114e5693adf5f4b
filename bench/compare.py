#!/usr/bin/python3
"""omendb beside pgvector: recall, throughput, build time, index size.

    bench/compare.py FOLDER [--rounds N] [--seconds N] [--queries N]

Expects a server at PGHOST that has both extensions and nothing else to do;
bench/run starts one.  Each extension gets a database of its own, since both
name their type "vector".  Writes compare.json and compare.png to FOLDER.
"""
import argparse
import json
import math
import os
import statistics

import matplotlib

import fashion
import knn

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402 (the backend comes first)

TABLE = "images"
INDEX = "images_embedding"
EF_SEARCH = (10, 15, 20, 30, 40, 60, 80, 100, 150, 200, 300, 400)
TARGETS = (0.90, 0.95, 0.98, 0.99)
M = 16
EF_CONSTRUCTION = 64


class System:
    """One of the two extensions, in the database of its name."""

    def __init__(self, name, extension, method, setting):
        self.name = name
        self.extension = extension
        self.method = method
        self.setting = setting
        self.result = {"points": []}

    def prepare(self, rows, queries):
        with knn.connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {self.name}")
        with knn.connect(self.name) as connection:
            connection.execute(f"CREATE EXTENSION {self.extension}")
            self.result["version"], = connection.execute(
                "SELECT extversion FROM pg_extension WHERE extname = %s",
                [self.extension]).fetchone()
            knn.load(connection, TABLE, rows, fashion.labels("train"))
            knn.load(connection, "queries", queries, fashion.labels("t10k"))

    def build(self, rows):
        self.result["build_s"] = knn.build(
            self.name,
            f"CREATE INDEX {INDEX} ON {TABLE} USING {self.method} "
            f"(embedding vector_l2_ops) "
            f"WITH (m = {M}, ef_construction = {EF_CONSTRUCTION})")
        with knn.connect(self.name) as connection:
            size, = connection.execute(
                f"SELECT pg_relation_size('{INDEX}')").fetchone()
            plan = "\n".join(line for line, in connection.execute(
                f"EXPLAIN SELECT id FROM {TABLE} ORDER BY embedding <-> "
                f"(SELECT embedding FROM queries WHERE id = 0) "
                f"LIMIT {knn.K}"))
        self.result["index_bytes_per_row"] = size / rows
        if f"Index Scan using {INDEX}" not in plan:
            raise SystemExit(f"{self.name} does not use its index:\n{plan}")

    def recall(self, ef_search, queries, rows, truth):
        with knn.connect(self.name) as connection:
            connection.execute(f"SET {self.setting} = {ef_search}")
            found = knn.answers(connection, TABLE, len(queries))
        return knn.judge(found, queries, rows, truth)[0]

    def throughput(self, ef_search, queries, seconds):
        return knn.queries_per_second(self.name, TABLE, queries, seconds,
                                      f"-c {self.setting}={ef_search}")


def frontier(points):
    """The points that no other beats in both recall and throughput."""
    best = []
    for point in sorted(points, key=lambda p: (-p["recall"], -p["qps"])):
        if not best or point["qps"] > best[-1]["qps"]:
            best.append(point)
    return best[::-1]


def throughput_at(points, target):
    """Queries a second at a recall, between points on a logarithmic scale.

    A curve that starts above the target counts with its fastest point, one
    that ends below it with None."""
    points = frontier(points)
    if points[0]["recall"] >= target:
        return points[0]["qps"]
    for low, high in zip(points, points[1:]):
        if low["recall"] < target <= high["recall"]:
            part = ((target - low["recall"])
                    / (high["recall"] - low["recall"]))
            return math.exp((1 - part) * math.log(low["qps"])
                            + part * math.log(high["qps"]))
    return None


def measure(systems, rows, queries, truth, options):
    """Fill in every system's points.

    The systems take turns, and each round goes through all of ef_search, so
    that what else the machine does spreads over both curves."""
    for system in systems:
        for ef_search in EF_SEARCH:
            system.result["points"].append({
                "ef_search": ef_search, "runs": [],
                "recall": system.recall(ef_search, queries, rows, truth)})
    for turn in range(options.rounds):
        print(f"round {turn + 1} of {options.rounds}", flush=True)
        for number, ef_search in enumerate(EF_SEARCH):
            for system in systems:
                system.result["points"][number]["runs"].append(
                    system.throughput(ef_search, len(queries),
                                      options.seconds))
    for number, ef_search in enumerate(EF_SEARCH):
        points = [system.result["points"][number] for system in systems]
        for point in points:
            point["qps"] = statistics.median(point["runs"])
        print(f"  ef_search {ef_search:3d}: " + ", ".join(
            f"{system.name} recall {point['recall']:.4f} "
            f"{point['qps']:6.0f} qps"
            for system, point in zip(systems, points)))


def processor():
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return "unknown"


def table(ours, theirs, ratios):
    lines = [f"{'':24}{ours.name:>12}{theirs.name:>12}{'ratio':>8}"]

    def row(title, a, b, ratio, form):
        cells = [format(x, form) if x is not None else "-" for x in (a, b)]
        lines.append(f"{title:24}{cells[0]:>12}{cells[1]:>12}"
                     f"{ratio if ratio is not None else math.nan:8.2f}")

    for target in TARGETS:
        row(f"qps at recall {target:.2f}",
            throughput_at(ours.result["points"], target),
            throughput_at(theirs.result["points"], target),
            ratios[f"{target:.2f}"], ".0f")
    for title, key, form in (("build, seconds", "build_s", ".1f"),
                             ("index, bytes per row", "index_bytes_per_row",
                              ".0f")):
        a, b = ours.result[key], theirs.result[key]
        row(title, a, b, b / a, form)
    return "\n".join(lines)


def plot(systems, path):
    figure, axes = pyplot.subplots(figsize=(7, 4.5))
    for system in systems:
        points = system.result["points"]
        axes.plot([p["recall"] for p in points], [p["qps"] for p in points],
                  marker="o", label=f"{system.name} "
                  f"{system.result['version']}")
    axes.set_xlabel("recall@10")
    axes.set_ylabel("queries per second, one client")
    axes.set_yscale("log")
    axes.grid(True, which="both", alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--queries", type=int, default=1000)
    options = parser.parse_args()

    ours = System("omendb", "omendb", "omen_hnsw", "omendb.ef_search")
    theirs = System("pgvector", "vector", "hnsw", "hnsw.ef_search")
    rows = fashion.images("train")
    queries = fashion.images("t10k")
    for system in (ours, theirs):
        system.prepare(rows, queries)
        system.build(len(rows))
        print(f"{system.name} {system.result['version']}: built in "
              f"{system.result['build_s']:.1f} s", flush=True)
    queries = queries[:options.queries]
    truth = fashion.nearest_distances(queries, rows, knn.K)
    measure((ours, theirs), rows, queries, truth, options)

    ratios = {}
    for target in TARGETS:
        a, b = (throughput_at(system.result["points"], target)
                for system in (ours, theirs))
        ratios[f"{target:.2f}"] = a / b if a and b else None
    with knn.connect("postgres") as connection:
        server, = connection.execute("SHOW server_version").fetchone()
    load = os.getloadavg()[0]
    result = {
        "load_average": load,
        "data": f"Fashion-MNIST, {len(rows)} rows of {rows.shape[1]}",
        "processor": processor(), "server": server,
        "m": M, "ef_construction": EF_CONSTRUCTION,
        "rounds": options.rounds, "seconds": options.seconds,
        "queries": options.queries,
        "systems": {system.name: system.result for system in (ours, theirs)},
        "qps_ratio_at_recall": ratios}
    with open(os.path.join(options.folder, "compare.json"), "w") as file:
        json.dump(result, file, indent=1)
    plot((ours, theirs), os.path.join(options.folder, "compare.png"))
    print(f"{result['data']}; {result['processor']}; PostgreSQL {server}")
    print(table(ours, theirs, ratios))
    # The client and its backend keep about one processor busy.
    if load > 1.5:
        print(f"The machine was doing other work too (load average "
              f"{load:.1f}): throughput means little.")


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""omendb beside pgvector for each type of column: searches, builds, sizes.

    bench/column_types.py FOLDER [--columns COLUMN,...] [--rows N]
        [--storage KIND,...] [--targets RECALL,...] [--queries N] [--rounds N]
        [--seconds N] [--simd NAME]

Expects a server at PGHOST that has both extensions and nothing else to do;
bench/run --types starts one.  Columns are

    vector768  vector1536  halfvec768  halfvec1536  bit1024
    sparse_ip  sparse_cosine  sparse_l2

Each extension has its own database.  For each column both make the same index;
then, for a list of ef_search, queries are asked in turn by one statement that
asks all (LATERAL).  Recall is judged against exact distances.  Prints queries
a second at the recalls that were asked for, seconds of the build and bytes a
row, and what part pgvector has of each.  Writes column_types.json to FOLDER.
"""
import argparse
import dataclasses
import json
import os
import statistics

import numpy

import compare
import datasets
import knn

EF_SEARCH = (10, 15, 20, 30, 40, 60, 80, 120, 160, 240, 320, 400)
# What pgvector does not go beyond.
MORE_EF_SEARCH = (500, 600, 800, 1000)


# ---------- columns ----------

@dataclasses.dataclass
class Column:
    """A type with a metric, and a set to fill it with."""
    name: str
    opclass: str
    operator: str
    type: str               # with its dimensions
    make: object            # rows -> (rows, queries), as loaded
    convert: str = None     # from the vector that was loaded
    cast: object = None     # what becomes of an array by that
    distances: object = None    # query, rows -> distances


def l2(query, rows):
    difference = rows.astype(numpy.float64) - query.astype(numpy.float64)
    return (difference * difference).sum(-1)


def as_half(vectors):
    return vectors.astype(numpy.float16).astype(numpy.float32)


def as_bits(vectors):
    return numpy.packbits(vectors > 0, axis=1)


BITS_OF = numpy.array([bin(byte).count("1") for byte in range(256)],
                      numpy.uint8)


def hamming(query, rows):
    return BITS_OF[rows ^ query].sum(-1, dtype=numpy.int64)


def sparse_distances(metric):
    def distances(query, rows):
        """Of datasets.Sparse to others."""
        products = rows.products(query)
        if metric == "ip":
            return -products
        if metric == "cosine":
            return 1 - products / (rows.norms() * query.norms()[0])
        return rows.norms() ** 2 - 2 * products + query.norms()[0] ** 2
    return distances


def dense(kind):
    def make(rows, queries):
        data = kind(rows, queries)
        return data.rows, data.queries
    return make


def columns():
    found = []
    for dim, kind in ((768, datasets.embeddings), (1536, datasets.large)):
        found.append(Column(f"vector{dim}", "vector_l2_ops", "<->",
                            f"vector({dim})", dense(kind), distances=l2))
        found.append(Column(f"halfvec{dim}", "halfvec_l2_ops", "<->",
                            f"halfvec({dim})", dense(kind),
                            f"embedding::halfvec({dim})", as_half, l2))
    found.append(Column("bit1024", "bit_hamming_ops", "<~>", "bit(1024)",
                        dense(datasets.signs),
                        "binary_quantize(embedding)::bit(1024)", as_bits,
                        hamming))
    for metric, operator in (("ip", "<#>"), ("cosine", "<=>"), ("l2", "<->")):
        found.append(Column(f"sparse_{metric}", f"sparsevec_{metric}_ops",
                            operator, f"sparsevec({datasets.TERMS})",
                            datasets.terms,
                            distances=sparse_distances(metric)))
    return {column.name: column for column in found}


# ---------- systems ----------

class System(compare.System):
    """An extension with an index on such a column."""

    def __init__(self, column, *arguments):
        super().__init__(*arguments)
        self.column = column
        self.operator = column.operator

    @property
    def opclass(self):
        return self.column.opclass

    def load(self, connection, table, vectors):
        if isinstance(vectors, datasets.Sparse):
            self.load_sparse(connection, table, vectors)
            return
        super().load(connection, table, vectors)
        if self.column.convert:
            connection.execute(
                f"ALTER TABLE {table} ALTER embedding TYPE {self.column.type} "
                f"USING {self.column.convert}")
            connection.execute(f"VACUUM ANALYZE {table}")

    def load_sparse(self, connection, table, vectors):
        connection.execute(f"CREATE TABLE {table} (id integer PRIMARY KEY, "
                           f"embedding {self.column.type})")
        with connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
            for number, text in enumerate(vectors.texts()):
                copy.write(f"{number}\t{text}\n")
        connection.execute(f"VACUUM ANALYZE {table}")


# ---------- measuring ----------

def recall(column, found, rows, queries, truth):
    """A row as near as the last of the nearest counts as right."""
    right = 0
    for number, answer in enumerate(found):
        limit = truth[number]
        limit = limit + 1e-6 * abs(limit)
        right += int((column.distances(queries[number], rows[answer])
                      <= limit).sum())
    return right / (knn.K * len(found))


def farthest_of_nearest(column, rows, queries):
    return numpy.array([
        numpy.partition(column.distances(query, rows), knn.K - 1)[knn.K - 1]
        for query in (queries[number] for number in range(len(queries)))])


def enough(points, targets):
    return points and points[-1]["recall"] >= max(targets)


def find_points(system, judged, options):
    """The values of ef_search up to what reaches the highest target."""
    steps = EF_SEARCH + (MORE_EF_SEARCH if system.name == "pgvector" else
                         MORE_EF_SEARCH + (1500, 2000, 3000))
    for ef_search in steps:
        if enough(system.result["points"], options.targets):
            break
        found = system.answers(ef_search, options.queries)
        system.result["points"].append({"ef_search": ef_search,
                                        "recall": judged(found), "runs": []})


def measure(systems, options):
    """Systems take turns, so that what else the machine does meets all."""
    for _ in range(options.rounds):
        for number in range(max(len(s.result["points"]) for s in systems)):
            for system in systems:
                if number >= len(system.result["points"]):
                    continue
                point = system.result["points"][number]
                point["runs"].append(system.in_server(
                    point["ef_search"], options.queries, options.seconds))
    for system in systems:
        for point in system.result["points"]:
            point["server"] = statistics.median(point["runs"])


def compare_column(column, options):
    rows, queries = column.make(options.rows, options.queries)
    print(f"{column.name}: {len(rows):,} rows", flush=True)
    kinds = options.storage if column.opclass.startswith(
        ("vector", "halfvec")) else ["auto"]
    systems = [System(column, "omendb" if kind == "auto" else
                      f"omendb {kind}", "omendb", "omendb", "omen_hnsw",
                      "omendb.ef_search",
                      "" if kind == "auto" else f", storage = {kind}")
               for kind in kinds]
    systems.append(System(column, "pgvector", "pgvector", "vector", "hnsw",
                          "hnsw.ef_search"))
    data = datasets.Data(column.name, rows, queries)
    for system in systems:
        system.prepare(data)
    if column.cast:
        rows, queries = column.cast(rows), column.cast(queries)
    truth = farthest_of_nearest(column, rows, queries)
    for system in systems:
        find_points(system, lambda found: recall(column, found, rows, queries,
                                                 truth), options)
    measure(systems, options)
    report(systems, options)
    result = {system.name: system.result for system in systems}
    for system in systems:
        system.drop()
    return result


def report(systems, options):
    theirs = systems[-1]
    print(f"{'':28}" + "".join(f"{s.name:>14}" for s in systems)
          + "".join(f"{'/ ' + s.name:>14}" for s in systems[:-1]))

    def row(title, values, form, faster):
        ratios = [None if None in (value, values[-1]) else
                  faster(value, values[-1]) for value in values[:-1]]
        print(f"{title:28}"
              + "".join(f"{compare.cell(value, form):>14}" for value in values)
              + "".join(f"{compare.cell(ratio, '.2f'):>14}"
                        for ratio in ratios), flush=True)

    for target in options.targets:
        row(f"queries/s, recall {target:.2f}",
            [compare.throughput_at(s.result["points"], target, "server")
             for s in systems], ".0f", lambda ours, other: ours / other)
    row("build, seconds", [s.result["build_s"] for s in systems], ".1f",
        lambda ours, other: other / ours)
    row("index, bytes a row",
        [s.result["index_bytes_per_row"] for s in systems], ".0f",
        lambda ours, other: ours / other)
    assert theirs.name == "pgvector"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    known = columns()
    parser.add_argument("folder")
    parser.add_argument("--columns", type=compare.words, default=list(known),
                        help=f"of {', '.join(known)}")
    parser.add_argument("--rows", type=datasets.number, default=50000)
    parser.add_argument("--storage", type=compare.words, default=["auto"])
    parser.add_argument("--targets", default=[0.95, 0.99], type=lambda text:
                        [float(word) for word in compare.words(text)])
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--simd", help="omendb.simd of omendb's database")
    options = parser.parse_args()
    result = {"processor": compare.processor(), "rows": options.rows,
              "queries": options.queries, "simd": options.simd, "columns": {}}
    if options.simd:
        knn.set_simd(options.simd)
    for name in options.columns:
        result["columns"][name] = compare_column(known[name], options)
        result["load_average"] = os.getloadavg()[0]
        with open(os.path.join(options.folder, "column_types.json"),
                  "w") as file:
            json.dump(result, file, indent=1)
    print(f"{result['processor']}; load average "
          f"{result['load_average']:.1f}")


if __name__ == "__main__":
    main()

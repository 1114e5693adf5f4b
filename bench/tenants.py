#!/usr/bin/python3
"""Searches of one tenant's rows in a table of many: by a leading column, and by what
else there is.

    bench/tenants.py FOLDER [--sizes zipf | loguniform] [--rows N] [--dims N]
        [--parts PART,...] [--queries N] [--repeat N] [--fresh N]
        [--inserted N] [--pgvector-rows N] [--simd NAME]

Expects a server at PGHOST with nothing else to do; bench/run --tenants starts
one.  Sizes of tenants follow Zipf's law, a thousand of them, and some have
just 1,000, 10,000 and 100,000 rows; or their logarithms are uniform, from 5
rows to 500.  Rows are those of datasets.clustered, and which tenant has a row
has nothing to do with where it lies.  The tenants' rows are mixed in the
table.

The ways to search, each with no other index for the planner to choose:

    (tenant, embedding)     omen_hnsw with a leading column
    (embedding, tenant)     omen_hnsw with a column to filter by
    B-tree and sort         a B-tree on the tenant, and exact distances
    alone                   a table of this tenant's rows with an index
    pgvector, ...           a partition a tenant, and an iterative scan

ef_search is the least one with a recall@10 of 0.95.  Parts:

    builds      seconds and bytes, beside an index without the column
    queries     time, recall, visits, and pages read with none in the cache
    pgvector    the same of pgvector, of a part of the rows
    inserts     rows a second into the built index, beside the plain one
    vacuum      after deleting a tenth of the tenants, twice, likewise
    turn        rows of all tenants in turn into an empty index, likewise

Writes tenants.json to FOLDER.
"""
import argparse
import json
import os
import statistics
import time

import numpy

import compare
import datasets
import fashion
import filtered
import knn
import writes

DATABASE = "tenants"
TARGET = 0.95
LADDER = (10, 12, 14, 16, 18, 20, 23, 26, 30, 35, 40, 46, 53, 60, 70, 80, 92,
          106, 120, 140, 160, 185, 215, 250, 290, 335, 400, 600, 1000)
ZIPF_TENANTS = 1000
# Of tenants of just so many rows, how many there are.
EXACT_SIZES = {1000: 10, 10000: 5, 100000: 2}
LEAST, MOST = 5, 500            # rows of a tenant, if their logarithm is uniform
LARGER = 100                    # rows; what the other half of these have
SAMPLED = 200                   # tenants of such sizes that are asked
COLD_QUERIES = 30               # of which pages are counted
PARTS = ("builds", "queries", "pgvector", "inserts", "vacuum", "turn")


# ---------- tables ----------

def zipf_sizes(rows, generator):
    """How many rows each tenant has, and the tenants by size."""
    counts = {size: count for size, count in EXACT_SIZES.items()
              if size <= rows // 20}
    exact = numpy.repeat(list(counts), list(counts.values()))
    others = ZIPF_TENANTS - len(exact)
    shares = numpy.cumsum(1 / numpy.arange(1, others + 1))
    ends = numpy.rint(shares / shares[-1] * (rows - exact.sum()))
    sizes = numpy.concatenate([exact, numpy.diff(ends, prepend=0)])
    order = generator.permutation(len(sizes))
    sizes = sizes[order].astype(numpy.int64)
    return sizes, {f"{size:,}": numpy.nonzero(sizes == size)[0][:count]
                   for size, count in counts.items()}


def loguniform_sizes(rows, generator):
    logs = generator.uniform(numpy.log(LEAST), numpy.log(MOST + 1),
                             rows // LEAST)
    ends = numpy.minimum(numpy.cumsum(numpy.exp(logs).astype(numpy.int64)),
                         rows)
    sizes = numpy.diff(ends, prepend=0)
    sizes = sizes[sizes > 0]
    return sizes, {
        f"{LARGER} to {MOST}": numpy.nonzero(sizes >= LARGER)[0][:SAMPLED],
        f"{LEAST} to {LARGER - 1}": numpy.nonzero(
            (sizes >= LEAST) & (sizes < LARGER))[0][:SAMPLED]}


SIZES = {"zipf": zipf_sizes, "loguniform": loguniform_sizes}


class Rows:
    """Vectors, whose they are, and which tenants are asked for theirs."""

    def __init__(self, vectors, tenants, classes):
        self.vectors = vectors
        self.tenants = tenants.astype(numpy.int32)
        self.classes = classes

    def of(self, tenants):
        """Which rows these tenants have."""
        return numpy.nonzero(numpy.isin(self.tenants, tenants))[0]

    def load(self, connection, table):
        knn.load(connection, table, self.vectors, self.tenants,
                 label="tenant")

    def questions(self, name, queries, count):
        """So many questions of the tenants of a class, in turn."""
        found = []
        for place, tenant in enumerate(self.classes[name]):
            asked = queries[place:count:len(self.classes[name])]
            if len(asked) == 0:
                break
            mine = self.of([tenant])
            limits = fashion.nearest_distances(
                asked, self.vectors[mine], min(knn.K, len(mine)))[:, -1]
            found.append([Question(self, int(tenant), len(mine), *pair)
                          for pair in zip(asked, limits)])
        return [asked[turn] for turn in range(max(map(len, found)))
                for asked in found if turn < len(asked)]


def make_rows(options):
    """The table's rows, rows to insert later, and queries."""
    generator = numpy.random.default_rng(datasets.SEED)
    data = datasets.clustered(options.rows + options.fresh, options.queries,
                              options.dims)
    sizes, classes = SIZES[options.sizes](options.rows, generator)
    tenants = generator.permutation(numpy.repeat(numpy.arange(len(sizes)),
                                                 sizes))
    later = generator.choice(tenants, options.fresh)
    print(f"{options.rows:,} rows of {options.dims}, {len(sizes):,} tenants "
          f"of {sizes.min():,} to {sizes.max():,} rows ({options.sizes})",
          flush=True)
    return (Rows(data.rows[:options.rows], tenants, classes),
            Rows(data.rows[options.rows:], later, {}), data.queries)


class Question:
    """A query of one tenant, and the distance of the last of its nearest."""

    def __init__(self, rows, tenant, size, query, limit):
        self.rows, self.tenant, self.size = rows, tenant, size
        self.query, self.limit = query, limit
        self.literal = "[" + ",".join(f"{x:.9g}" for x in query) + "]"

    def recall(self, found):
        if len(set(found)) != len(found):
            raise SystemExit("an answer has a row twice")
        if any(self.rows.tenants[found] != self.tenant):
            raise SystemExit("an answer has a row of another tenant")
        distances = fashion.distances_to(self.query, self.rows.vectors, found)
        # the server computes in float32
        right = int((distances <= self.limit * (1 + 1e-6)).sum())
        return right / min(knn.K, self.size)


# ---------- ways to search ----------

# So that small tables are searched by their index as well.
BY_INDEX = {"enable_seqscan": "off", "enable_sort": "off",
            "enable_bitmapscan": "off"}


class Method:
    """A way to search: which index, and the settings of a session."""

    def __init__(self, name, index, ef, settings, source="items WHERE "
                 "tenant = {}", heap="items", database=DATABASE):
        self.name, self.database = name, database
        self.ef, self.settings = ef, settings
        # what may depend on the tenant
        self.index, self.source, self.heap = index, source, heap

    def statement(self, question):
        source = self.source.format(question.tenant)
        return (f"SELECT id FROM {source} ORDER BY embedding <-> "
                f"'{question.literal}' LIMIT {knn.K}")

    def session(self):
        """One that knows no other index of the table."""
        connection = knn.connect(self.database, prepare_threshold=None)
        if self.heap == "items":
            connection.execute(
                "UPDATE pg_index SET indisvalid = (indexrelid = %s::regclass) "
                "WHERE indrelid = 'items'::regclass", [self.index])
            connection.close()
            connection = knn.connect(self.database, prepare_threshold=None)
        for name, value in {"max_parallel_workers_per_gather": 0, "jit": "off",
                            **self.settings}.items():
            connection.execute(f"SET {name} = '{value}'")
        return connection

    def check_plan(self, connection, question, statement):
        plan = "\n".join(line for line, in
                         connection.execute("EXPLAIN " + statement))
        if self.index.format(question.tenant) not in plan:
            raise SystemExit(f"{self.name} does not use its index:\n{plan}")

    def cold(self, question, ef):
        """Pages of the index and of the table that a query reads in a new
        session, with none of them in the cache."""
        with self.session() as connection:
            if ef:
                connection.execute(f"SET {self.ef} = {ef}")
            statement = self.statement(question)
            explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}"
            reads = []
            for relations in ((self.index, self.heap), (self.index,)):
                for relation in relations:
                    connection.execute(
                        "SELECT pg_buffercache_evict_relation(%s::regclass)",
                        [relation.format(question.tenant)])
                plan = connection.execute(explain).fetchone()[0][0]
                reads.append(plan["Plan"]["Shared Read Blocks"] + plan.get(
                    "Planning", {}).get("Shared Read Blocks", 0))
        return reads[1], reads[0] - reads[1]


class Way(filtered.Way):
    """A session in which all questions of a class are prepared for a method,
    with the least ef_search that finds enough."""

    def __init__(self, method, questions):
        self.method, self.all = method, questions
        self.queries = len(questions)
        self.rounds = []
        self.connection = method.session()
        method.check_plan(self.connection, questions[0],
                          method.statement(questions[0]))
        self.connection.execute(filtered.TIMED)
        self.ef = self._find_ef() if method.ef else None
        self.recall, self.visits = self._ask(self.ef)
        for number, question in enumerate(questions):
            for prefix in ("PREPARE timed_{} AS " + method.statement(question),
                           "EXPLAIN EXECUTE timed_{}"):     # plans it
                self.connection.execute(prefix.format(number))

    def _ask(self, ef):
        """Recall and visits of all questions, on average."""
        recalls, visits = [], []
        if ef:
            self.connection.execute(f"SET {self.method.ef} = {ef}")
        for question in self.all:
            found = [row for row, in self.connection.execute(
                self.method.statement(question))]
            recalls.append(question.recall(found))
            if self.method.ef == "omendb.ef_search":
                visits += self.connection.execute(
                    "SELECT visits FROM omen_hnsw_last_scan()").fetchone()
        return (statistics.mean(recalls),
                statistics.mean(visits) if visits else None)

    def _find_ef(self):
        low, high = 0, len(LADDER) - 1
        while low < high:
            middle = (low + high) // 2
            if self._ask(LADDER[middle])[0] >= TARGET:
                high = middle
            else:
                low = middle + 1
        return LADDER[low]

    def result(self):
        self.method.check_plan(self.connection, self.all[0],
                               "EXECUTE timed_0")
        pages = numpy.mean([self.method.cold(question, self.ef) for question
                            in self.all[:COLD_QUERIES]], axis=0).tolist()
        times = numpy.median(self.rounds, axis=0)
        return {"ef_search": self.ef, "recall": self.recall,
                "visits": self.visits, "median_s": float(numpy.median(times)),
                "index_pages": pages[0], "table_pages": pages[1]}


def overhead(database):
    """Seconds that timing a prepared statement takes by itself."""
    with knn.connect(database) as connection:
        connection.execute(filtered.TIMED)
        connection.execute("PREPARE timed_0 AS SELECT 1")
        return statistics.median(
            connection.execute("SELECT timed(1)").fetchone()[0][0]
            for _ in range(1000))


def measure(methods, questions, repeat):
    """Results by name of the method; the methods take turns."""
    ways = [Way(method, questions) for method in methods]
    for _ in range(filtered.TURNS):
        for way in ways:
            way.run(repeat)
    results = {way.method.name: way.result() for way in ways}
    for way in ways:
        way.connection.close()
    return results


def report(size, results, bound=None):
    bound = results.get("alone", bound)
    for name, result in results.items():
        cells = [size, name, compare.cell(result["ef_search"], "d"),
                 f"{result['recall']:.3f}", f"{result['median_s'] * 1e3:.3f}",
                 compare.cell(result["visits"], ".0f"),
                 f"{result['index_pages']:.0f}",
                 f"{result['table_pages']:.0f}"]
        for what in ("median_s", "index_pages"):
            cells.append(f"{result[what] / bound[what]:.2f}" if bound else "-")
        print("| " + " | ".join(cells) + " |", flush=True)


def print_head(database):
    print("A statement that does nothing takes "
          f"{overhead(database) * 1e3:.3f} ms.")
    columns = ("rows of the tenant", "way", "ef_search", "recall", "ms",
               "visits", "index pages cold", "table pages cold",
               "time / alone", "index pages / alone")
    print("| " + " | ".join(columns) + " |")
    print("|---" * len(columns) + "|", flush=True)


# ---------- omendb ----------

class Side(writes.Side):
    """A table with one index of omen_hnsw, to write to."""

    def __init__(self, name, table, columns):
        self.name, self.table, self.columns = name, table, columns
        self.inserter = None

    def connect(self):
        return knn.connect(DATABASE)

    def build(self):
        return knn.build(DATABASE,
                         f"CREATE INDEX {self.table}_index ON {self.table} "
                         f"USING omen_hnsw ({self.columns})")

    def create_like(self, table):
        """An empty table like another, with an index."""
        with self.connect() as connection:
            connection.execute(f"DROP TABLE IF EXISTS {self.table}")
            connection.execute(f"CREATE TABLE {self.table} (LIKE {table} "
                               "INCLUDING ALL)")
        self.build()

    def take(self, source, base, first, end):
        """Seconds of inserting rows of another table, all by one session."""
        if self.inserter is None:
            self.inserter = self.connect()
            self.inserter.execute("LOAD 'omendb'")
        start = time.monotonic()
        self.inserter.execute(
            f"INSERT INTO {self.table} SELECT id + {base}, tenant, embedding "
            f"FROM {source} WHERE id >= {first} AND id < {end} ORDER BY id")
        return time.monotonic() - start

    def delete_tenants(self, tenants):
        with self.connect() as connection:
            connection.execute(
                f"DELETE FROM {self.table} WHERE tenant = ANY(%s)",
                [tenants.tolist()])

    def complain(self):
        """About what omen_hnsw_check finds."""
        with self.connect() as connection:
            broken, = connection.execute(
                f"SELECT count(*) FROM omen_hnsw_check('{self.table}_index', "
                "true) WHERE severity = 'error'").fetchone()
        if broken:
            raise SystemExit(f"omen_hnsw_check has {broken} complaints about "
                             f"{self.table}_index")


COLUMNS = {"(tenant, embedding)": "tenant, embedding",
           "(embedding)": "embedding"}


def sides_of(*tables):
    return [Side(name, table, columns)
            for (name, columns), table in zip(COLUMNS.items(), tables)]


def create_database(name, extension):
    with knn.connect("postgres") as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}")
        connection.execute(f"CREATE DATABASE {name}")
    with knn.connect(name) as connection:
        for each in (extension, "pg_buffercache"):
            connection.execute(f"CREATE EXTENSION {each}")


def measure_builds(options, rows):
    """Make all indexes that are needed on the table items, and the plain one
    on the table plain."""
    sides = sides_of("items", "plain")
    for side in sides:
        with side.connect() as connection:
            rows.load(connection, side.table)
    built = {side.name: (side.build(), side.index_bytes()) for side in sides}
    if "queries" in options.parts:
        others = {"B-tree": ("items_tenant", "btree (tenant)")}
        if options.sizes == "zipf":
            others["(embedding, tenant)"] = (
                "items_trailing", "omen_hnsw (embedding, tenant)")
        for name, (index, method) in others.items():
            seconds = knn.build(DATABASE, f"CREATE INDEX {index} ON items "
                                f"USING {method}")
            with knn.connect(DATABASE) as connection:
                built[name] = (seconds, connection.execute(
                    f"SELECT pg_relation_size('{index}')").fetchone()[0])
    print("| index | seconds | MB | bytes a row | seconds / plain | bytes / "
          "plain |\n|---|---|---|---|---|---|")
    plain = built["(embedding)"]
    for name, (seconds, size) in built.items():
        print(f"| {name} | {seconds:.1f} | {size / 1e6:.1f} | "
              f"{size / options.rows:.1f} | {seconds / plain[0]:.2f} | "
              f"{size / plain[1]:.2f} |", flush=True)
    return {name: {"seconds": seconds, "bytes": size}
            for name, (seconds, size) in built.items()}


def make_alone(tenants):
    """Tables of one tenant's rows each, indexed."""
    with knn.connect(DATABASE) as connection:
        for tenant in map(int, tenants):
            connection.execute(
                f"CREATE TABLE alone_{tenant} AS SELECT id, embedding FROM "
                f"items WHERE tenant = {tenant} ORDER BY id")
            connection.execute(f"VACUUM ANALYZE alone_{tenant}")
            connection.execute(f"CREATE INDEX alone_{tenant}_index ON "
                               f"alone_{tenant} USING omen_hnsw (embedding)")


def our_methods(options):
    ef = "omendb.ef_search"
    methods = [Method("(tenant, embedding)", "items_index", ef, BY_INDEX),
               Method("B-tree and sort", "items_tenant", None,
                      {"enable_seqscan": "off"})]
    if options.sizes == "zipf":
        methods += [Method("(embedding, tenant)", "items_trailing", ef,
                           BY_INDEX),
                    Method("alone", "alone_{}_index", ef, BY_INDEX,
                           "alone_{}", "alone_{}")]
    return methods


def measure_queries(options, rows, queries):
    if options.sizes == "zipf":
        make_alone(numpy.concatenate(list(rows.classes.values())))
    methods = our_methods(options)
    print_head(DATABASE)
    results = {}
    for size in rows.classes:
        results[size] = measure(methods,
                                rows.questions(size, queries, options.queries),
                                options.repeat)
        report(size, results[size])
    with knn.connect(DATABASE) as connection:
        for index in ("items_tenant", "items_trailing"):
            connection.execute(f"DROP INDEX IF EXISTS {index}")
        connection.execute("UPDATE pg_index SET indisvalid = true "
                           "WHERE indrelid = 'items'::regclass")
    return results


# ---------- writing ----------

def quartiles(values):
    return [float(value) for value in numpy.percentile(values, (25, 50, 75))]


def insert_in_pairs(sides, source, base, rows, batches, what):
    """Insert rows of another table into both, a batch each in turn."""
    ends = numpy.linspace(0, rows, batches + 1).astype(int).tolist()
    rates = {side.name: [] for side in sides}
    for number, (first, end) in enumerate(zip(ends, ends[1:])):
        for side in sides[::1 if number % 2 else -1]:
            seconds = side.take(source, base, first, end)
            rates[side.name].append((end - first) / seconds)
    for side in sides:
        side.inserter.close()
    ratios = [ours / plain for ours, plain in zip(*rates.values())]
    low, middle, high = quartiles(ratios)
    print(f"{what}: " + ", ".join(
        f"{name} {statistics.median(some):.0f} rows/s" for name, some
        in rates.items()) + f"; {middle:.2f} times ({low:.2f} to {high:.2f} "
        f"in half of {batches} pairs)", flush=True)
    return {"rates": rates, "ratio": middle, "ratios": ratios}


def measure_inserts(options, fresh):
    with knn.connect(DATABASE) as connection:
        fresh.load(connection, "fresh")
    result = insert_in_pairs(sides_of("items", "plain"), "fresh",
                             options.rows, options.fresh, 40,
                             "inserted into the built index")
    return result


def measure_vacuum(rows):
    """VACUUM of both after a tenth of the tenants went, and another."""
    sides = sides_of("items", "plain")
    generator = numpy.random.default_rng(datasets.SEED)
    tenants = generator.permutation(rows.tenants.max() + 1)
    tenth = len(tenants) // 10
    results = []
    for turn in range(2):
        gone = tenants[turn * tenth:(turn + 1) * tenth]
        taken = {}
        for side in sides[::-1 if turn else 1]:
            side.delete_tenants(gone)
            taken[side.name] = side.vacuum()
        ours, plain = (taken[side.name]["seconds"] for side in sides)
        for name, one in taken.items():
            print(f"VACUUM after a tenth of the tenants, {len(rows.of(gone)):,}"
                  f" rows: {name} {one['seconds']:.2f} s, "
                  f"{one['wal_bytes'] / 1e6:.1f} MB of WAL", flush=True)
        print(f"  {ours / plain:.2f} times", flush=True)
        results.append(taken)
    sides[0].complain()
    return results


def measure_turn(options, rows):
    """Rows of all tenants of a part of the table, in turn, into empty indexes;
    and these built anew."""
    sides = sides_of("turn_leading", "turn_plain")
    counts = numpy.cumsum(numpy.bincount(rows.tenants))
    some = rows.of(numpy.nonzero(counts <= options.inserted)[0])
    part = Rows(rows.vectors[some], rows.tenants[some], {})
    with knn.connect(DATABASE) as connection:
        connection.execute("DROP TABLE IF EXISTS turn")
        part.load(connection, "turn")
    for side in sides:
        side.create_like("turn")
    what = (f"{len(some):,} rows of {len(numpy.unique(part.tenants)):,} "
            "tenants in turn into an empty index")
    result = insert_in_pairs(sides, "turn", 0, len(some), 20, what)
    sides[0].complain()
    result["bytes"] = {}
    for side in sides:
        before = side.index_bytes()
        side.rebuild()
        result["bytes"][side.name] = (before, side.index_bytes())
    plain = result["bytes"][sides[1].name][1]
    for name, sizes in result["bytes"].items():
        print(f"  {name}: {sizes[0] / len(some):.1f} bytes a row, built anew "
              f"{sizes[1] / len(some):.1f}; {sizes[0] / plain:.2f} and "
              f"{sizes[1] / plain:.2f} times those of a built plain index",
              flush=True)
    return result


# ---------- pgvector ----------

def part_for_pgvector(options, rows):
    """Half of the tenants of each class, and others up to a number of
    rows."""
    classes = {name: tenants[:(len(tenants) + 1) // 2]
               for name, tenants in rows.classes.items()}
    asked = numpy.isin(rows.tenants, numpy.concatenate(list(classes.values())))
    others = numpy.nonzero(~asked)[0][:max(0, options.pgvector_rows
                                           - int(asked.sum()))]
    chosen = numpy.sort(numpy.concatenate([numpy.nonzero(asked)[0], others]))
    return Rows(rows.vectors[chosen], rows.tenants[chosen], classes)


def make_partitions(connection, rows, dims):
    """A table with a partition, and an index of its own, for each tenant that
    is asked."""
    connection.execute(f"CREATE TABLE parts (id int, tenant int, embedding "
                       f"vector({dims})) PARTITION BY LIST (tenant)")
    tenants = [int(tenant) for some in rows.classes.values()
               for tenant in some]
    for tenant in tenants:
        connection.execute(f"CREATE TABLE parts_{tenant} PARTITION OF parts "
                           f"FOR VALUES IN ({tenant})")
    connection.execute("CREATE TABLE parts_others PARTITION OF parts DEFAULT")
    connection.execute("INSERT INTO parts SELECT id, tenant, embedding "
                       "FROM items ORDER BY id")
    connection.execute("VACUUM ANALYZE parts")
    for tenant in tenants:
        connection.execute(f"CREATE INDEX parts_{tenant}_index ON "
                           f"parts_{tenant} USING hnsw "
                           "(embedding vector_l2_ops)")


def measure_pgvector(options, rows, queries, ours):
    part = part_for_pgvector(options, rows)
    create_database("pgvector", "vector")
    with knn.connect("pgvector") as connection:
        part.load(connection, "items")
        start = time.monotonic()
        make_partitions(connection, part, options.dims)
        took = time.monotonic() - start
    seconds = knn.build("pgvector", "CREATE INDEX items_index ON items USING "
                        "hnsw (embedding vector_l2_ops)")
    print(f"pgvector: {len(part.tenants):,} rows; index built in "
          f"{seconds:.1f} s, partitions of "
          f"{sum(map(len, part.classes.values()))} tenants in {took:.1f} s",
          flush=True)
    far = filtered.ITERATIVE | {"hnsw.max_scan_tuples": "1000000",
                                "hnsw.scan_mem_multiplier": "100"}
    methods = [Method("pgvector, partitions", "parts_{}_index",
                      "hnsw.ef_search", BY_INDEX, "parts WHERE tenant = {}",
                      "parts_{}", database="pgvector"),
               Method("pgvector, iterative", "items_index", "hnsw.ef_search",
                      far, database="pgvector")]
    results = {"rows": len(part.tenants), "build_s": seconds,
               "partitions_s": took}
    print_head("pgvector")
    for size in part.classes:
        asked = part.questions(size, queries, options.queries)
        results[size] = measure(methods, asked, options.repeat)
        report(size, results[size], ours.get(size, {}).get("alone"))
    return results


# ---------- the command ----------

def parse_options():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("folder")
    parser.add_argument("--sizes", choices=SIZES, default="zipf",
                        help="of tenants")
    parser.add_argument("--rows", type=datasets.number, default=2000000)
    parser.add_argument("--dims", type=int, default=96)
    parser.add_argument("--parts", type=compare.words,
                        help=f"of {', '.join(PARTS)}")
    parser.add_argument("--queries", type=int, default=200,
                        help="for each size of tenants")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--fresh", type=datasets.number, default=20000,
                        help="rows to insert into the built indexes")
    parser.add_argument("--inserted", type=datasets.number, default=200000,
                        help="rows to insert into empty indexes")
    parser.add_argument("--pgvector-rows", type=datasets.number,
                        default=400000)
    parser.add_argument("--simd", help="omendb.simd")
    options = parser.parse_args()
    if options.parts is None:
        options.parts = (PARTS[:3] if options.sizes == "zipf"
                         else ("builds", "queries", *PARTS[3:]))
    if not set(options.parts) <= set(PARTS):
        parser.error(f"the parts are {', '.join(PARTS)}")
    return options


def main():
    options = parse_options()
    if options.simd:
        knn.set_simd(options.simd)
    rows, fresh, queries = make_rows(options)
    result = {"processor": compare.processor(), "options": vars(options)}

    def finish(part, value):
        result[part] = value
        with open(os.path.join(options.folder, "tenants.json"), "w") as file:
            json.dump(result, file, indent=1)

    if set(options.parts) != {"pgvector"}:
        create_database(DATABASE, "omendb")
        finish("builds", measure_builds(options, rows))
    if "queries" in options.parts:
        finish("queries", measure_queries(options, rows, queries))
    if "pgvector" in options.parts:
        finish("pgvector", measure_pgvector(options, rows, queries,
                                            result.get("queries", {})))
    if "inserts" in options.parts:
        finish("inserts", measure_inserts(options, fresh))
    if "vacuum" in options.parts:
        finish("vacuum", measure_vacuum(rows))
    if "turn" in options.parts:
        finish("turn", measure_turn(options, rows))
    print(f"{result['processor']}; load average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()

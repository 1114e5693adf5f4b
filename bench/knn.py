"""Load vectors, ask for nearest neighbours, judge and time the answers.

Works with any extension that has pgvector's type, wire format and operators.
Ids are row numbers of the arrays that were loaded, from 0.
"""
import math
import os
import subprocess
import tempfile
import threading
import time

import numpy
import psycopg

import fashion

K = 10

# How many scripts pgbench takes, less some.
MOST_SCRIPTS = 100


def connect(database, **options):
    return psycopg.connect(dbname=database, autocommit=True, **options)


def set_simd(name):
    """Have omendb use this instruction set, from the next session on."""
    with connect("postgres") as connection:
        connection.execute(f"ALTER SYSTEM SET omendb.simd = '{name}'")
        connection.execute("SELECT pg_reload_conf()")


# Elements of a type of vectors, on the wire.
ELEMENTS = {"vector": ">f4", "halfvec": ">f2"}


def load(connection, table, vectors, labels, kind="vector", label="label"):
    """Make a table (id, label, embedding) of an array, by binary COPY."""
    rows, dim = vectors.shape
    label_bytes = 4 if labels.dtype.itemsize > 2 else 2
    label_type = "integer" if label_bytes == 4 else "smallint"
    record = numpy.dtype([
        ("fields", ">i2"),
        ("id_size", ">i4"), ("id", ">i4"),
        ("label_size", ">i4"), ("label", f">i{label_bytes}"),
        ("vector_size", ">i4"), ("dim", ">i2"), ("unused", ">i2"),
        ("elements", ELEMENTS[kind], dim)])
    connection.execute(f"CREATE TABLE {table} (id integer PRIMARY KEY, "
                       f"{label} {label_type}, embedding {kind}({dim}))")
    with connection.cursor().copy(
            f"COPY {table} FROM STDIN WITH (FORMAT binary)") as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        for start in range(0, rows, 1000):
            some = vectors[start:start + 1000]
            records = numpy.zeros(len(some), record)
            records["fields"] = 3
            records["id_size"] = 4
            records["id"] = numpy.arange(start, start + len(some))
            records["label_size"] = label_bytes
            records["label"] = labels[start:start + 1000]
            records["vector_size"] = 4 + record["elements"].itemsize
            records["dim"] = dim
            records["elements"] = some
            copy.write(records.tobytes())
        copy.write(b"\xff\xff")
    connection.execute(f"VACUUM ANALYZE {table}")


# Other sessions cannot see an index in the making, only that the database
# grows.
PROGRESS = """
SELECT phase, tuples_done, tuples_total, pg_database_size(datid)
FROM pg_stat_progress_create_index"""


def build(database, statement, report=None):
    """Run CREATE INDEX; returns seconds.  Every second while it runs, calls
    report(phase, rows done, rows in all or 0, bytes of the index)."""
    done = threading.Event()

    def watch():
        with connect(database) as connection:
            before, = connection.execute(
                "SELECT pg_database_size(current_database())").fetchone()
            while not done.wait(1):
                row = connection.execute(PROGRESS).fetchone()
                if row:
                    report(*row[:3], row[3] - before)

    watcher = threading.Thread(target=watch, daemon=True)
    with connect(database) as connection:
        start = time.monotonic()
        if report:
            watcher.start()
        try:
            connection.execute(statement)
        finally:
            seconds = time.monotonic() - start
            done.set()
            if report:
                watcher.join()
    return seconds


def answers(connection, table, count, k=K, operator="<->"):
    """Ids of the k nearest rows of each of the first queries, as returned."""
    found = []
    with connection.cursor() as cursor:
        for query in range(count):
            cursor.execute(
                f"SELECT id FROM {table} ORDER BY embedding {operator} "
                f"(SELECT embedding FROM queries WHERE id = {query}) "
                f"LIMIT {k}", prepare=False)
            found.append([row[0] for row in cursor])
    return found


def judge(found, queries, rows, truth):
    """Recall and whether every answer is in order.

    A row as near as the k-th nearest is right, whichever of several such
    rows it is; truth holds the exact squared distances."""
    right = 0
    ordered = True
    for answer, query, exact in zip(found, queries, truth):
        if len(set(answer)) != K:
            raise SystemExit(f"{len(set(answer))} distinct rows, not {K}")
        distances = fashion.distances_to(query, rows, answer)
        right += int((distances <= exact[-1]).sum())
        ordered = ordered and bool((numpy.diff(distances) >= 0).all())
    return right / (K * len(found)), ordered


def recall(found, data, truth):
    """Recall of answers to a set's queries; truth holds the exact squared
    distances of the K nearest, give or take float64's rounding."""
    right = 0
    for answer, query, exact in zip(found, data.queries, truth):
        if len(set(answer)) != K:
            raise SystemExit(f"{len(set(answer))} distinct rows, not {K}")
        distances = fashion.distances_to(query, data.rows, answer)
        right += int((distances <= exact[-1] * (1 + 1e-9)).sum())
    return right / (K * len(found))


def _pgbench(database, mode, scripts, seconds, settings):
    """Throughput of one client that runs scripts, a random one each time."""
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for number, script in enumerate(scripts):
            files += ["-f", os.path.join(folder, f"{number}.sql")]
            with open(files[-1], "w") as file:
                file.write(script)
        output = subprocess.run(
            ["pgbench", "-n", "-M", mode, "-c", "1", "-T",
             str(math.ceil(seconds)), "--random-seed=1", *files, database],
            check=True, capture_output=True, text=True,
            env={**os.environ, "PGOPTIONS": settings}).stdout
    line = next(line for line in output.split("\n")
                if line.startswith("tps = "))
    return float(line.split()[2])


def queries_per_second(database, table, count, seconds, settings=""):
    """Throughput of one client that asks prepared queries, by pgbench; the
    query vectors come from a table, as they would from an application's."""
    script = (f"\\set query random(0, {count - 1})\n"
              f"SELECT id FROM {table} ORDER BY embedding <-> "
              f"(SELECT embedding FROM queries WHERE id = :query) "
              f"LIMIT {K};\n")
    return _pgbench(database, "prepared", [script], seconds, settings)


def literals_per_second(database, table, seconds, settings=""):
    """The same of statements that are planned each time, each with its query
    vector as a literal."""
    with connect(database) as connection:
        queries = connection.execute(
            "SELECT embedding::text FROM queries ORDER BY id LIMIT %s",
            [MOST_SCRIPTS]).fetchall()
    return _pgbench(database, "simple",
                    [f"SELECT id FROM {table} ORDER BY embedding <-> "
                     f"'{query}' LIMIT {K};\n" for query, in queries],
                    seconds, settings)

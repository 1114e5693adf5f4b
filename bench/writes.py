#!/usr/bin/python3
"""What inserts, deletes and VACUUM take: omendb beside pgvector.

    bench/writes.py FOLDER [--set SET] [--fresh N] [--clients N,...]
        [--rounds N] [--ef-construction N] [--only SYSTEM] [--cache FOLDER]

Expects a server at PGHOST that has both extensions and nothing else to do,
with fsync and full_page_writes on; bench/run --writes starts one.  The index is
built on all rows of the set (datasets.py) but the last N, which are inserted
then: one row a transaction, and a thousand; by one client and by more.  Then a
tenth of the rows is deleted, and VACUUM takes them out.  With --rounds the same
goes on: in each round a tenth is deleted, vacuumed and inserted anew, and
another column of a tenth is updated; in the end a fresh index on the same rows
tells what was lost.  Recall is that of one ef_search for both systems;
--ef-construction is omendb's alone, to compare at another recall.  Writes
writes.json to FOLDER.
"""
import argparse
import json
import os
import re
import subprocess
import tempfile
import time

import numpy

import compare
import datasets
import fashion
import knn

EF_SEARCH = 100
TRANSACTIONS = {1: "one row", 1000: "1,000 rows"}


class Side:
    """A system with a table of its own, and what was measured of it."""

    def __init__(self, name, extension, method, setting):
        self.name = name
        self.system = compare.System(name, name, extension, method, setting)
        self.result = {"inserts": [], "vacuums": [], "recall": {}}

    def connect(self):
        return knn.connect(self.name)

    def prepare(self, data, fresh):
        """Load all rows but the fresh ones and index them; the fresh ones
        are in a table to be inserted from."""
        some = datasets.Data(data.name, data.rows[:-fresh], data.queries)
        self.system.prepare(some)
        self.table = self.system.table
        with self.connect() as connection:
            connection.execute("DROP TABLE IF EXISTS fresh")
            knn.load(connection, "fresh", data.rows,
                     numpy.zeros(len(data.rows), numpy.int16))
            connection.execute("CREATE SEQUENCE IF NOT EXISTS fresh_id")
            connection.execute(f"ALTER TABLE {self.table} SET "
                               "(autovacuum_enabled = off)")

    def insert(self, ids, per_transaction, clients):
        """Insert rows of the set by their ids, with pgbench."""
        with self.connect() as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS wanted "
                               "(place int PRIMARY KEY, id int)")
            connection.execute("TRUNCATE wanted")
            with connection.cursor().copy("COPY wanted FROM STDIN") as copy:
                for place, number in enumerate(ids):
                    copy.write_row((place, int(number)))
            connection.execute("ANALYZE wanted")
            connection.execute("ALTER SEQUENCE fresh_id RESTART")
            connection.execute("CHECKPOINT")
            before, = connection.execute(
                "SELECT pg_current_wal_insert_lsn()").fetchone()
        script = (f"INSERT INTO {self.table} SELECT id, label, embedding FROM "
                  f"(SELECT {per_transaction} * (nextval('fresh_id') - 1) AS "
                  f"first) s, wanted JOIN fresh USING (id) WHERE place >= "
                  f"first AND place < first + {per_transaction};\n")
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
            file.write(script)
            file.flush()
            start = time.monotonic()
            subprocess.run(
                ["pgbench", "-n", "-c", str(clients), "-j", str(clients), "-t",
                 str(len(ids) // per_transaction // clients), "-f", file.name,
                 self.name],
                check=True, capture_output=True)
            seconds = time.monotonic() - start
        with self.connect() as connection:
            wal, = connection.execute(
                "SELECT pg_current_wal_insert_lsn() - %s::pg_lsn",
                [before]).fetchone()
        return {"clients": clients, "per_transaction": per_transaction,
                "rows": len(ids), "rows_per_s": len(ids) / seconds,
                "wal_bytes_per_row": float(wal) / len(ids)}

    def delete(self, ids):
        with self.connect() as connection:
            connection.execute(
                f"DELETE FROM {self.table} WHERE id = ANY(%s)",
                [[int(number) for number in ids]])

    def touch(self, ids):
        """Update a column that is in no index."""
        with self.connect() as connection:
            connection.execute(
                f"UPDATE {self.table} SET label = label + 1 "
                f"WHERE id = ANY(%s)", [[int(number) for number in ids]])

    def vacuum(self):
        """VACUUM of the table with all its indexes: seconds, pages, WAL."""
        with self.connect() as connection:
            notices = []
            connection.add_notice_handler(
                lambda notice: notices.append(notice.message_detail or ""))
            connection.add_notice_handler(
                lambda notice: notices.append(notice.message_primary or ""))
            connection.execute("CHECKPOINT")
            start = time.monotonic()
            connection.execute(f"VACUUM (VERBOSE, INDEX_CLEANUP ON, "
                               f"PARALLEL 0) {self.table}")
            seconds = time.monotonic() - start
        text = "\n".join(notices)
        pages = re.search(r"buffer usage: (\d+) hits, (\d+) (?:misses|reads), "
                          r"(\d+) dirtied", text)
        wal = re.search(r"WAL usage: (\d+) records, (\d+) full page images, "
                        r"(\d+) bytes", text)
        return {"seconds": seconds,
                "pages_read": int(pages[1]) + int(pages[2]),
                "pages_written": int(pages[3]), "wal_bytes": int(wal[3])}

    def recall(self, data, alive):
        """At EF_SEARCH, of the rows that are there."""
        truth = fashion.nearest_distances(data.queries, data.rows[alive],
                                          knn.K)
        found = self.system.answers(EF_SEARCH, len(data.queries))
        return knn.recall(found, data, truth)

    def index_bytes(self):
        with self.connect() as connection:
            return connection.execute(
                f"SELECT pg_relation_size('{self.table}_index')"
            ).fetchone()[0]

    def rebuild(self):
        with self.connect() as connection:
            connection.execute(f"REINDEX INDEX {self.table}_index")

    def check(self):
        if self.name != "omendb":
            return
        with self.connect() as connection:
            broken, = connection.execute(
                f"SELECT count(*) FROM omen_hnsw_check('{self.table}_index', "
                f"true)").fetchone()
        if broken:
            raise SystemExit(f"omen_hnsw_check has {broken} complaints")


SIDES = (("omendb", "omendb", "omen_hnsw", "omendb.ef_search"),
         ("pgvector", "vector", "hnsw", "hnsw.ef_search"))


# ---------- what is measured ----------

def compare_inserts(sides, ids, clients):
    """Each way of inserting an equal part of the fresh rows."""
    ways = [(per, n) for per in TRANSACTIONS for n in clients]
    parts = numpy.array_split(ids, len(ways))
    for (per, n), part in zip(ways, parts):
        part = part[:len(part) // (1000 * n) * 1000 * n]
        for side in sides:
            result = side.insert(part, per, n)
            side.result["inserts"].append(result)
            print(f"  {side.name}: {TRANSACTIONS[per]} a transaction, "
                  f"{n} client{'s' * (n > 1)}: {result['rows_per_s']:.0f} "
                  f"rows/s, {result['wal_bytes_per_row']:.0f} bytes of WAL a "
                  f"row", flush=True)
        yield part


def compare_vacuums(sides, ids, which):
    for side in sides:
        side.delete(ids)
        result = side.vacuum()
        side.result["vacuums"].append(result)
        print(f"  {side.name}: {which}: {result['seconds']:.2f} s, "
              f"{result['pages_read']} pages read, "
              f"{result['pages_written']} written, "
              f"{result['wal_bytes'] / 1e6:.1f} MB of WAL", flush=True)


def compare_recall(sides, data, alive, when):
    for side in sides:
        recall = side.recall(data, alive)
        side.result["recall"][when] = recall
        print(f"  {side.name}: recall {recall:.4f} {when}", flush=True)


def churn(sides, data, alive, rounds):
    """Delete, vacuum, insert anew and update, round by round; then compare
    with a fresh index."""
    generator = numpy.random.default_rng(datasets.SEED)
    tenth = len(alive) // 10 // 1000 * 1000
    for number in range(1, rounds + 1):
        gone, touched = numpy.split(
            generator.permutation(alive)[:2 * tenth], 2)
        for side in sides:
            side.touch(touched)
        compare_vacuums(sides, gone, f"vacuum of round {number}")
        for side in sides:
            side.result["inserts"].append(side.insert(gone, 1000, 1))
        if number % 5 == 0 or number == rounds:
            compare_recall(sides, data, alive, f"after round {number}")
    for side in sides:
        side.check()
        side.result["index_bytes"] = side.index_bytes()
        side.rebuild()
        side.result["fresh_index_bytes"] = side.index_bytes()
        print(f"  {side.name}: the index has "
              f"{side.result['index_bytes'] / side.result['fresh_index_bytes']:.2f}"
              f" times the bytes of a fresh one", flush=True)
    compare_recall(sides, data, alive, "of a fresh index")


def summary(sides):
    """Lines with the ratios of the first system to the second."""
    ours, theirs = (side.result for side in sides)
    lines = []
    for mine, other in zip(ours["inserts"], theirs["inserts"]):
        lines.append(
            f"{TRANSACTIONS[mine['per_transaction']]:>10}, "
            f"{mine['clients']} client(s): "
            f"{mine['rows_per_s'] / other['rows_per_s']:.2f} times the rows "
            f"a second, {mine['wal_bytes_per_row'] / other['wal_bytes_per_row']:.2f}"
            f" times the WAL")
    for mine, other in zip(ours["vacuums"], theirs["vacuums"]):
        lines.append(f"vacuum: {other['seconds'] / mine['seconds']:.2f} times "
                     f"as fast, {mine['wal_bytes'] / max(1, other['wal_bytes']):.2f}"
                     f" times the WAL")
    return "\n".join(lines)


# ---------- the command ----------

def parse_options():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder")
    parser.add_argument("--set", default="embeddings100k",
                        help="a name of datasets.py")
    parser.add_argument("--fresh", type=datasets.number, default=8000)
    parser.add_argument("--clients", default="1,2",
                        type=lambda text: [int(n) for n in text.split(",")])
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--ef-construction", type=int)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--only", choices=[side[0] for side in SIDES])
    parser.add_argument("--cache", metavar="FOLDER")
    options = parser.parse_args()
    options.cache = options.cache or options.folder
    return options


def main():
    options = parse_options()
    os.makedirs(options.cache, exist_ok=True)
    data = datasets.load(options.set, options.cache, queries=options.queries)
    rows = len(data.rows)
    least = (1000 * len(TRANSACTIONS) * len(options.clients)
             * max(options.clients))
    if options.fresh < least or (options.rounds and rows < 10000):
        raise SystemExit(f"--fresh must be at least {least} for these clients"
                         ", and --rounds needs 10,000 rows")
    sides = [Side(*side) for side in SIDES
             if options.only in (None, side[0])]
    if options.ef_construction:
        sides[0].system.ef_construction = options.ef_construction
    print(f"{options.set}: {rows:,} rows of {data.rows.shape[1]}", flush=True)
    for side in sides:
        side.prepare(data, options.fresh)
    inserted = list(compare_inserts(
        sides, numpy.arange(rows - options.fresh, rows), options.clients))
    alive = numpy.concatenate([numpy.arange(rows - options.fresh), *inserted])
    compare_recall(sides, data, alive, "after inserts")
    generator = numpy.random.default_rng(datasets.SEED)
    gone = generator.permutation(alive)[:len(alive) // 10]
    compare_vacuums(sides, gone, "vacuum after a tenth was deleted")
    alive = numpy.setdiff1d(alive, gone)
    compare_recall(sides, data, alive, "after vacuum")
    for side in sides:
        side.check()
    if options.rounds:
        churn(sides, data, alive, options.rounds)
    if len(sides) == 2:
        print(summary(sides))
    with open(os.path.join(options.folder, "writes.json"), "w") as file:
        json.dump({"processor": compare.processor(), "set": options.set,
                   "ef_search": EF_SEARCH,
                   "systems": {side.name: side.result for side in sides}},
                  file, indent=1)
    for side in sides:
        side.system.drop()


if __name__ == "__main__":
    main()

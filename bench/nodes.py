#!/usr/bin/python3
"""The nodes of an index, told by the rows they stand for: to compare two
indexes of one table, whatever their pages look like.

    bench/nodes.py INDEX [--md5] [--ordered] [-- PSQL_ARGUMENT...]

Prints the facts of an index in lines that sort and diff well, whatever its
format version and wherever its nodes lie:

    root     TID of the node that all others hang below
    entry    TID and level of the entry point
    null     TID of a row whose vector is NULL; nan: of one without a direction
    node     TID, level, all TIDs, code header, code, filter keys, and the
             edges of each layer as TIDs, the parent's marked with a star

A node goes by the smallest TID of its rows; edges are sorted, unless --ordered
keeps the order of the slot; stale ones are left out.  Nodes without a row go by
their codes.  --md5 prints digests instead: of the root and entry point, of
codes, keys, and edges of each layer, and of all.

Two indexes have the same nodes if

    diff <(bench/nodes.py one) <(bench/nodes.py other)

is silent.  Reads pages through pageinspect, which must be in the database, by
psql, which takes PGHOST, PGDATABASE and so on from the environment and the
arguments behind "--".
"""
import argparse
import collections
import hashlib
import struct
import subprocess
import sys

PAGE = 8192
PAGE_START = 24
NO_ID = 0xFFFFFFFF
NO_BLOCK = 0xFFFFFFFF

# src/hnsw/store/format.h and src/page/page.h, by format version: offset and
# struct's letter of each field.  A new version names its changes.
FORMATS = {
    1: {
        "special": {"next": (PAGE - 16, "I"), "kind": (PAGE - 12, "B"),
                    "used": (PAGE - 10, "H")},
        "kinds": {"node": 1, "upper": 2, "posting": 3, "payload": 4},
        "meta": {"dims": (8, "I"), "m": (12, "H"), "metric": (16, "B"),
                 "storage": (17, "B"), "key_bytes": (20, "H"),
                 "root": (36, "I"), "entry": (40, "I"),
                 "entry_level": (46, "H"), "side_null": (68, "I"),
                 "side_nan": (72, "I"), "node_stride": (104, "I"),
                 "upper_stride": (108, "I")},
        # of both kinds of slots
        "slot": {"flags": (0, "B"), "level": (1, "B"), "version": (2, "H"),
                 "degree": (4, "H"), "epoch": (6, "H"), "payload": (20, "I")},
        "node": {"tid": (8, "6s"), "key_nulls": (14, "H"),
                 "posting": (16, "I")},
        "upper": {"node": (8, "I")},
        "code_header": (24, 24),    # offset and bytes
        "slot_header": 48,          # bytes before the code
        "used": 0x01, "mixed": 0x10,
        "tag_version": 0x7F, "tag_parent": 0x80,
        "chunk": {"bytes": 72, "owner": (0, "I"), "flags": (6, "B"),
                  "count": (7, "B"), "next": (8, "I"), "tids": 12},
        "payload": {"bytes": (8, "I"), "start": 16},
        "storages": {0: ("sq8", lambda dims: dims),
                     1: ("full", lambda dims: 4 * dims),
                     2: ("sq4", lambda dims: (dims + 1) // 2),
                     3: ("sq2", lambda dims: (dims + 3) // 4)},
    },
}
FORMATS[2] = {
    **FORMATS[1],
    "special": {"next": (PAGE - 24, "I"), "kind": (PAGE - 8, "B"),
                "used": (PAGE - 6, "H")},
    "kinds": {"node": 0x10, "upper": 0x11, "posting": 0x12,
              "payload": 0x14},
    "meta": {"dims": (16, "I"), "m": (20, "H"), "metric": (32, "B"),
             "storage": (33, "B"), "key_bytes": (14, "H"),
             "root": (72, "I"), "entry": (76, "I"),
             "entry_level": (84, "H"), "side_null": (92, "I"),
             "side_nan": (96, "I"), "node_stride": (48, "I"),
             "upper_stride": (52, "I")},
}
# the dimensions of values, which are not looked at here
FORMATS[3] = FORMATS[2]
META_VERSION = (4, "I")
MAGIC = b"OMEN"

Node = collections.namedtuple("Node", "tids level header code keys edges")


def align(size, to=8):
    return -(-size // to) * to


def field(data, place, start=0):
    offset, letter = place
    return struct.unpack_from("<" + letter, data, start + offset)[0]


def tid_of(raw):
    """(block, offset) of an ItemPointerData; None if it is invalid."""
    high, low, offset = struct.unpack("<HHH", raw)
    return (high << 16 | low, offset) if offset else None


def tid_text(tid):
    return "({},{})".format(*tid)


# ---------- pages ----------

def read_pages(index, arguments):
    """All pages of a relation."""
    name = "'" + index.replace("'", "''") + "'"
    query = ("COPY (SELECT encode(get_raw_page({0}, b::int), 'hex') FROM "
             "generate_series(0, pg_relation_size({0}::regclass) / {1} - 1) b) "
             "TO STDOUT").format(name, PAGE)
    psql = subprocess.Popen(
        ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", query, *arguments],
        stdout=subprocess.PIPE)
    pages = [bytes.fromhex(line.decode().strip()) for line in psql.stdout]
    if psql.wait() != 0:
        sys.exit(1)
    return pages


class Index:
    """The pages of an index, and what they say."""

    def __init__(self, pages):
        self.pages = pages
        meta = pages[0][PAGE_START:]
        if meta[:4] != MAGIC:
            sys.exit("this is no omen_hnsw index")
        version = field(meta, META_VERSION)
        if version not in FORMATS:
            sys.exit(f"format version {version} is not known")
        self.format = FORMATS[version]
        self.meta = {name: field(meta, place)
                     for name, place in self.format["meta"].items()}
        code_bytes = self.format["storages"][self.meta["storage"]][1]
        self.code_bytes = code_bytes(self.meta["dims"])
        self.slots = {"node": {}, "upper": {}}
        self.lay_out()
        for kind in self.slots:
            self.find_slots(kind)

    def lay_out(self):
        """Where things stand in a slot of each kind."""
        header = self.format["slot_header"]
        m, key_bytes = self.meta["m"], self.meta["key_bytes"]
        room = PAGE - 16 - PAGE_START
        node = align(align(header + self.code_bytes) + key_bytes + 2 * m * 5)
        self.out_of_line = node > room
        inline = 0 if self.out_of_line else self.code_bytes
        self.layout = {}
        for kind, keys, capacity in (("node", key_bytes, 2 * m),
                                     ("upper", 0, m)):
            at = align(header + inline)
            ids = at + keys
            tags = ids + 4 * capacity
            stride = align(tags + capacity)
            if stride != self.meta[kind + "_stride"]:
                sys.exit(f"the slots of kind {kind} are of another layout")
            self.layout[kind] = {"keys": at, "ids": ids, "tags": tags,
                                 "stride": stride,
                                 "per_page": room // stride}

    def special(self, page, name):
        return field(page, self.format["special"][name])

    def find_slots(self, kind):
        """Where each slot in use starts, by its id."""
        layout = self.layout[kind]
        for block, page in enumerate(self.pages[1:], 1):
            if self.special(page, "kind") != self.format["kinds"][kind]:
                continue
            used = min(self.special(page, "used"), layout["per_page"])
            for slot in range(used):
                start = PAGE_START + slot * layout["stride"]
                if self.slot_field((page, start), "flags") & self.format["used"]:
                    self.slots[kind][block * layout["per_page"] + slot] = \
                        (page, start)

    def slot_field(self, slot, name, kind="slot"):
        page, start = slot
        return field(page, self.format[kind][name], start)

    # ---------- what a slot has ----------

    def chain(self, chunk):
        """TIDs of a chain of posting chunks."""
        form = self.format["chunk"]
        per_page = (PAGE - 16 - PAGE_START) // form["bytes"]
        tids = []
        while chunk != NO_ID:
            page = self.pages[chunk // per_page]
            start = PAGE_START + chunk % per_page * form["bytes"]
            for i in range(field(page, form["count"], start)):
                at = start + form["tids"] + 6 * i
                tids.append(tid_of(page[at:at + 6]))
            chunk = field(page, form["next"], start)
        return tids

    def tids(self, slot):
        """Of all rows of a node, sorted."""
        own = tid_of(self.slot_field(slot, "tid", "node"))
        tids = self.chain(self.slot_field(slot, "posting", "node"))
        return sorted(tids + ([own] if own else []))

    def code(self, slot):
        page, start = slot
        at = start + self.format["slot_header"]
        if not self.out_of_line:
            return page[at:at + self.code_bytes]
        form, code = self.format["payload"], b""
        block = self.slot_field(slot, "payload")
        while len(code) < self.code_bytes and block != NO_BLOCK:
            page = self.pages[block]
            at = PAGE_START + form["start"]
            code += page[at:at + field(page, form["bytes"], PAGE_START)]
            block = self.special(page, "next")
        return code

    def code_header(self, slot):
        page, start = slot
        at, size = self.format["code_header"]
        epoch = self.slot_field(slot, "epoch")
        return f"{epoch}:{page[start + at:start + at + size].hex()}"

    def keys(self, slot):
        page, start = slot
        at = start + self.layout["node"]["keys"]
        if self.slot_field(slot, "flags") & self.format["mixed"]:
            return "mixed"
        nulls = self.slot_field(slot, "key_nulls", "node")
        return f"{nulls:x}:{page[at:at + self.meta['key_bytes']].hex()}"

    def edges(self, slot, kind):
        """(id, is it the parent's edge?) of all edges that are not stale."""
        page, start = slot
        layout = self.layout[kind]
        found = []
        for i in range(self.slot_field(slot, "degree")):
            target = struct.unpack_from("<I", page,
                                        start + layout["ids"] + 4 * i)[0]
            tag = page[start + layout["tags"] + i]
            there = self.slots[kind].get(target)
            version = self.format["tag_version"]
            if there and (self.slot_field(there, "version") ^ tag) & version == 0:
                found.append((target, bool(tag & self.format["tag_parent"])))
        return found


# ---------- what is told ----------

def name_nodes(index):
    """What each node goes by, and its TIDs, by id."""
    names, rows = {}, {}
    for number, slot in index.slots["node"].items():
        rows[number] = index.tids(slot)
        names[number] = (tid_text(rows[number][0]) if rows[number] else
                         "code:" + hashlib.md5(index.code(slot)).hexdigest())
    return names, rows


def tell_edges(index, slot, kind, names, ordered):
    edges = [names[target] + ("*" if parent else "")
             for target, parent in index.edges(slot, kind)]
    return "".join(edges if ordered else sorted(edges))


def collect(index, ordered):
    """All nodes, by name; edges are a text for each layer."""
    names, rows = name_nodes(index)
    upper_names = {
        number: names.get(index.slot_field(slot, "node", "upper"), "nothing")
        for number, slot in index.slots["upper"].items()}
    layers = collections.defaultdict(dict)
    for number, slot in index.slots["upper"].items():
        layers[upper_names[number]][index.slot_field(slot, "level")] = \
            tell_edges(index, slot, "upper", upper_names, ordered)
    nodes = {}
    for number, slot in index.slots["node"].items():
        name = names[number]
        edges = {0: tell_edges(index, slot, "node", names, ordered),
                 **layers[name]}
        nodes[name] = Node("".join(map(tid_text, rows[number])),
                           index.slot_field(slot, "level"),
                           index.code_header(slot), index.code(slot).hex(),
                           index.keys(slot), edges)
    return nodes, names, upper_names


def tell_ends(index, names, upper_names):
    """Where searches begin, and rows that no node stands for."""
    meta = index.meta
    lines = [f"root {names.get(meta['root'])}",
             f"entry {upper_names.get(meta['entry'])} {meta['entry_level']}"]
    for kind in ("null", "nan"):
        lines += [f"{kind} {tid_text(tid)}"
                  for tid in sorted(index.chain(meta["side_" + kind]))]
    return lines


def tell_node(name, node):
    edges = " ".join(f"edges{layer}={node.edges[layer]}"
                     for layer in sorted(node.edges))
    return (f"node {name} level={node.level} tids={node.tids} "
            f"header={node.header} code={node.code} keys={node.keys} {edges}")


def digest(lines):
    return hashlib.md5("\n".join(lines).encode()).hexdigest()


def tell_digests(nodes, ends):
    names = sorted(nodes)
    top = max((max(node.edges) for node in nodes.values()), default=0)
    print(f"nodes {len(nodes)} rows and side lists",
          digest([nodes[name].tids for name in names] + ends[2:]))
    print("root and entry", digest(ends[:2]))
    for part in ("level", "header", "code", "keys"):
        print(part, digest(f"{name} {getattr(nodes[name], part)}"
                           for name in names))
    for layer in range(top + 1):
        print(f"edges{layer}", digest(
            f"{name} {nodes[name].edges[layer]}" for name in names
            if layer in nodes[name].edges))
    print("all", digest(ends + [tell_node(name, nodes[name])
                                for name in names]))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("index")
    parser.add_argument("--md5", action="store_true")
    parser.add_argument("--ordered", action="store_true")
    arguments, rest = sys.argv[1:], []
    if "--" in arguments:
        at = arguments.index("--")
        arguments, rest = arguments[:at], arguments[at + 1:]
    options = parser.parse_args(arguments)
    index = Index(read_pages(options.index, rest))
    nodes, names, upper_names = collect(index, options.ordered)
    ends = tell_ends(index, names, upper_names)
    if options.md5:
        tell_digests(nodes, ends)
        return
    print("\n".join(ends))
    for name in sorted(nodes):
        print(tell_node(name, nodes[name]))


if __name__ == "__main__":
    main()

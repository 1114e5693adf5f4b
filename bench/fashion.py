"""Fashion-MNIST as Debian's package dataset-fashion-mnist installs it.

Images are rows of 784 bytes.  Distances are computed from them in float64,
where every squared distance is an integer and hence exact.
"""
import gzip
import subprocess

import numpy

PACKAGE = "dataset-fashion-mnist"
SIDE = 28


def _path(name):
    """Where the package put a file."""
    listing = subprocess.run(["dpkg", "-L", PACKAGE], check=True,
                             capture_output=True, text=True).stdout
    return next(line for line in listing.split("\n") if line.endswith(name))


def _idx(name):
    """The array in an IDX file of bytes."""
    with gzip.open(_path(name)) as file:
        content = file.read()
    rank = content[3]
    shape = numpy.frombuffer(content, ">i4", rank, 4)
    return numpy.frombuffer(content, numpy.uint8,
                            offset=4 + 4 * rank).reshape(shape)


def images(part):
    """The images of "train" (60,000) or "t10k" (10,000), one a row."""
    pixels = _idx(part + "-images-idx3-ubyte.gz")
    return pixels.reshape(len(pixels), -1)


def labels(part):
    return _idx(part + "-labels-idx1-ubyte.gz")


def nearest_distances(queries, rows, k):
    """Squared L2 distances of each query's k nearest rows, ascending."""
    rows = rows.astype(numpy.float64)
    norms = (rows * rows).sum(1)
    found = []
    for start in range(0, len(queries), 500):
        some = queries[start:start + 500].astype(numpy.float64)
        distances = norms - 2 * (some @ rows.T)
        distances += (some * some).sum(1)[:, None]
        found.append(numpy.sort(
            numpy.partition(distances, k - 1, axis=1)[:, :k], axis=1))
    return numpy.concatenate(found)


def distances_to(query, rows, ids):
    """Squared L2 distances of one query to the rows that ids name."""
    difference = rows[ids].astype(numpy.float64) - query.astype(numpy.float64)
    return (difference * difference).sum(1)

"""Answers by an exact computation, and clients' answers held against them."""

import numpy as np

# Distances are of float32 values, summed in an order of the library's.
TOLERANCE = 1e-5


def distances(vectors, query, metric):
    """Of each row of a matrix from a vector, by the name of an operator class."""
    vectors = np.asarray(vectors, dtype='float64').reshape(-1, len(query))
    query = np.asarray(query, dtype='float64')
    if metric == 'l2':
        return np.sqrt(((vectors - query) ** 2).sum(axis=1))
    if metric == 'l1':
        return np.abs(vectors - query).sum(axis=1)
    if metric == 'ip':
        return -(vectors @ query)
    if metric == 'cosine':
        return 1 - (vectors @ query) / (np.linalg.norm(vectors, axis=1) *
                                        np.linalg.norm(query))
    if metric == 'hamming':
        return (vectors != query).sum(axis=1).astype('float64')
    if metric == 'jaccard':
        both = ((vectors == 1) & (query == 1)).sum(axis=1)
        either = ((vectors == 1) | (query == 1)).sum(axis=1)
        return 1 - both / np.maximum(either, 1)
    raise ValueError(metric)


def check_answer(found, rows, query, metric, count, keep=None):
    """Hold one answer against the exact one.

    found: what the client gave, in its order: ids, or pairs of id and distance
    rows: all there are, id to vector; keep: which ids the filter lets through
    count: how many were asked for

    It has to be as many as there are, each one let through and none twice, in
    order, with the right distances, and the nearest: rows that are equally far
    may stand for one another.
    """
    ids = [row for row in rows if keep is None or keep(row)]
    matching = dict(zip(ids, distances([rows[i] for i in ids], query, metric)))
    found = [row if isinstance(row, tuple) else (row, None) for row in found]
    wanted = sorted(matching.values())[:count]
    for row, distance in found:
        assert row in rows, f'{row!r} is no row'
        assert row in matching, f'{row!r} should be filtered out'
        assert distance is None or \
            abs(distance - matching[row]) <= TOLERANCE, \
            f'distance of {row!r} is {matching[row]}, not {distance}'
    assert len({row for row, _ in found}) == len(found), f'twice: {found}'
    got = [matching[row] for row, _ in found]
    assert len(got) == len(wanted), f'{len(got)} rows, not {len(wanted)}'
    for place, (here, there) in enumerate(zip(got, wanted)):
        assert abs(here - there) <= TOLERANCE, \
            f'at place {place} a row {here} far, where one {there} far is'


def as_distance(metric, score):
    """A distance from what frameworks call similarity."""
    return -score if metric == 'ip' else 1 - score

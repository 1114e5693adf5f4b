"""Embeddings that are the same everywhere, and documents to embed: no model, no
network.  A word is a fixed direction, a text the sum of its words', so that texts
that share words are near one another."""

import functools
import hashlib

import numpy as np

DIMS = 64

TOPICS = {
    'sea': 'harbour tide anchor gull salt wave sail reef pilot lantern',
    'field': 'barley plough furrow hedge crow scythe harvest clover mill oxen',
    'forge': 'anvil hammer ember iron bellows rivet quench tongs steel spark',
    'sky': 'comet lens orbit eclipse meteor zenith dusk aurora nebula moon',
    'house': 'kettle hearth rafter quilt candle ladder cellar shutter broom cradle',
}
PLACES = 'north south east west inland upstream'.split()


@functools.lru_cache(maxsize=None)
def direction(word, dims):
    """A word's direction: numbers in [-1, 1), by its hash."""
    raw = b''.join(hashlib.blake2b(f'{word}/{part}'.encode()).digest()
                   for part in range((dims + 31) // 32))
    return np.frombuffer(raw, '<i2')[:dims] / 32768.0


def embed(text, dims=DIMS):
    """A text's vector, of length 1: a list of floats that float32 has exactly."""
    vector = np.sum([direction(word, dims) for word in text.lower().split()]
                    or [direction('', dims)], axis=0)
    return (vector / np.linalg.norm(vector)).astype('float32').tolist()


class Document:
    """A text with attributes to filter by."""

    def __init__(self, number):
        def pick(choices, what):
            digest = hashlib.blake2b(f'{what} {number}'.encode()).digest()
            return choices[int.from_bytes(digest[:8], 'little') % len(choices)]

        self.id = number
        self.topic = pick(list(TOPICS), 'topic')
        self.place = pick(PLACES, 'place')
        self.year = 1900 + number % 50
        words = TOPICS[self.topic].split()
        self.text = ' '.join([pick(words, 'a'), pick(words, 'b'),
                              pick(words, 'c'), self.place, f'no{number}'])
        self.embedding = embed(self.text)


@functools.lru_cache(maxsize=None)
def documents(count=2000):
    """The first so many, numbered from 1."""
    return tuple(Document(number) for number in range(1, count + 1))


QUESTIONS = (
    'anchor tide gull north', 'barley harvest oxen', 'hammer ember quench west',
    'eclipse orbit moon', 'candle cradle quilt upstream', 'sail wave comet east',
    'no1234 lantern reef', 'iron kettle spark inland')

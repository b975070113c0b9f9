"""The uniform numbers that Julia's own generator draws from a seed, for instances that a paper's script has drawn.

Julia up to 1.6 draws doubles by the dSFMT of period 2^19937 − 1 (Saito & Matsumoto, A PRNG specialized in double
precision floating point numbers using an affine transition, 2009), of which this is the definition, word by word.
"""

import functools

import numpy as np

WORDS = 191
"""Pairs of 64-bit words that are remembered, beside one that is carried along."""

AHEAD, SHIFT = 117, 19
MASKS = 0x000FFAFFFFFFFB3F, 0x000FFDFFFC90FFFD
FIXED, PARITY = (0x90014964B32F4329, 0x3B8D12AC548A7C7A), (0x3D84E1AC0DC82880, 1)

SHORT, LONG = (1 << 32) - 1, (1 << 64) - 1


@functools.lru_cache(maxsize=8)
def uniform(seed: int, count: int) -> tuple[float, ...]:
    """Return the first numbers on [0, 1) after `Random.seed!(seed)`, seed below 2^32, as `rand()` gives one by one.

    >>> uniform(1234, 2)
    (0.5908446386657102, 0.7667970365022592)
    """
    state, found = _seeded(seed), []
    while len(found) < count:
        _advance(state)
        # The 52 last bits of a word are those of a number from 1 to 2.
        found += (np.array(state[: 2 * WORDS], np.uint64).view(np.float64) - 1).tolist()
    return tuple(found[:count])


def _advance(state: list[int]) -> None:
    """Replace all words by the next ones."""
    low, high = state[2 * WORDS :]
    for i in range(WORDS):
        one, two = state[2 * i : 2 * i + 2]
        j = 2 * ((i + AHEAD) % WORDS)
        low, high = (
            (one << SHIFT & LONG) ^ (high >> 32) ^ (high << 32 & LONG) ^ state[j],
            (two << SHIFT & LONG) ^ (low >> 32) ^ (low << 32 & LONG) ^ state[j + 1],
        )
        state[2 * i] = (low >> 12) ^ (low & MASKS[0]) ^ one
        state[2 * i + 1] = (high >> 12) ^ (high & MASKS[1]) ^ two
    state[2 * WORDS :] = low, high


def _seeded(seed: int) -> list[int]:
    """Return the words that a seed begins with: it is stirred into 32-bit halves of a constant in two rounds."""
    size, lag = 4 * (WORDS + 1), 11
    middle = (size - lag) // 2
    half = [0x8B8B8B8B] * size

    def stir(x: int, factor: int) -> int:
        return (x ^ x >> 27) * factor & SHORT

    for i in range(size):
        r = stir(half[i] ^ half[(i + middle) % size] ^ half[i - 1], 1664525)
        half[(i + middle) % size] = half[(i + middle) % size] + r & SHORT
        # The key has one word: its length comes first, then the word itself, then nothing but the place.
        r = r + (1 if i == 0 else i + seed if i == 1 else i) & SHORT
        half[(i + middle + lag) % size] = half[(i + middle + lag) % size] + r & SHORT
        half[i] = r
    for i in range(size):
        r = stir(half[i] + half[(i + middle) % size] + half[i - 1] & SHORT, 1566083941)
        half[(i + middle) % size] ^= r
        r = r - i & SHORT
        half[(i + middle + lag) % size] ^= r
        half[i] = r
    words = [half[2 * k] | half[2 * k + 1] << 32 for k in range(size // 2)]
    words[: 2 * WORDS] = [word & (1 << 52) - 1 | 0x3FF << 52 for word in words[: 2 * WORDS]]
    # Of the carried pair a parity has to be odd for the whole period to be run through.
    bits = (words[-2] ^ FIXED[0]) & PARITY[0] ^ (words[-1] ^ FIXED[1]) & PARITY[1]
    words[-1] ^= 1 - bits.bit_count() % 2
    return words

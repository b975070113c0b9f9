"""The class of all data sets, and the generator of random numbers that draws them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Array, Float

from meanfield.arguments import said
from meanfield.arguments.typing import Inputs, Outputs
from meanfield.particles import Particles


@dataclass(frozen=True)
class Dataset:
    """Training and test samples: inputs [n, d], targets [n] or [n, k]; `statement` says how they were made.

    >>> import jax, meanfield as mf
    >>> data, key = mf.datasets.teacher(jax.random.key(0), n=64, d=5), jax.random.key(1)
    >>> x, y = data.sampler(key, 8)  # fresh ones
    >>> flow = mf.SGD(0.1, batch=8, sampler=data.sampler)  # one pass over an endless stream of them
    """

    name: str
    x: Inputs
    y: Outputs
    x_test: Float[Array, "n_test d"]
    y_test: Float[Array, "n_test *k"]
    statement: str
    truth: Particles | None = None
    """The teacher's neurons with their masses, where there is one: the targets are ∫ Φ dtruth, plus noise."""
    sampler: Callable | None = None
    """A function (key, B) ↦ (x [B, d], y) that makes fresh samples of the same law. Of real data, of which there are no
    more, it draws training samples with replacement; of random labels the targets are new, too.
    """

    @property
    def d(self) -> int:
        return self.x.shape[1]

    @property
    def outputs(self) -> int:
        """Number of outputs that a network for these targets has."""
        return 1 if self.y.ndim == 1 else self.y.shape[1]


def generator(name: str, seed) -> np.random.Generator:
    """Return NumPy's generator from a whole number, or several; never from the machine's entropy, as None would."""
    seed = seed.tolist() if isinstance(seed, np.ndarray) else seed
    words = seed if isinstance(seed, list | tuple) else [seed]
    whole = all(isinstance(word, int | np.integer) and not isinstance(word, bool) and word >= 0 for word in words)
    if not whole or not words:
        raise ValueError(f"{said(name, seed)}: expected a whole number of at least 0, or several.")
    return np.random.default_rng(seed)

"""What every data set is made of."""

from dataclasses import dataclass

from jaxtyping import Array, Float

from meanfield._typing import Inputs, Outputs
from meanfield.particles import Particles


@dataclass(frozen=True)
class Dataset:
    """Training and test samples: inputs [n, d], targets [n] or [n, k]; `statement` says how they were made."""

    name: str
    x: Inputs
    y: Outputs
    x_test: Float[Array, "n_test d"]
    y_test: Float[Array, "n_test *k"]
    statement: str
    truth: Particles | None = None
    """The teacher's neurons with their masses, where there is one: the targets are ∫ Φ dtruth, plus noise."""

    @property
    def d(self) -> int:
        return self.x.shape[1]

    @property
    def outputs(self) -> int:
        """Number of outputs that a network for these targets has."""
        return 1 if self.y.ndim == 1 else self.y.shape[1]

r"""The function of a direction whose largest absolute value a certificate needs.

    h(u) = Σ_i c_i σ(u·z_i),    C = max over |u| ≤ 1 of |h(u)|,

for σ with slopes s₋ below and s₊ above 0. It is positively homogeneous, linear on every cell of {u : z_i·u = 0}, and
Lipschitz with constant L = max(|s₋|, |s₊|) Σ_i |c_i||z_i|, the scale of all rounding errors here.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

ROUNDOFF = 2.0**-53


def accumulated(operations: int) -> float:
    """γ_k = ku/(1 − ku): the relative error of k rounded operations in a row, u = 2⁻⁵³."""
    return operations * ROUNDOFF / (1 - operations * ROUNDOFF)


@dataclass(frozen=True, eq=False)
class Slope:
    """h: weights c [n], rows z [n, q], and the two slopes of σ."""

    c: Array
    z: Array
    below: float
    above: float

    def reduced(self) -> "Slope":
        """Without the rows that are zero or carry no weight."""
        keep = (self.c != 0) & np.any(self.z != 0, axis=1)
        return Slope(self.c[keep], self.z[keep], self.below, self.above)

    def negative(self) -> "Slope":
        """−h."""
        return Slope(-self.c, self.z, self.below, self.above)

    @property
    def kink(self) -> Array:
        """c_i (s₊ − s₋): where positive the term of i is convex, where negative it is concave."""
        return self.c * (self.above - self.below)

    @property
    def lipschitz(self) -> float:
        """L, rounded up."""
        steepest = max(abs(self.below), abs(self.above))
        total = steepest * float(np.abs(self.c) @ np.linalg.norm(self.z, axis=1))
        return total * (1 + accumulated(2 * len(self.c) + self.z.shape[1] + 8))

    def gradient(self, u: Array) -> Array:
        """∇h at each row of u, [k, q], one-sided where h has a kink."""
        return (self.c * np.where(u @ self.z.T > 0, self.above, self.below)) @ self.z

    def __call__(self, u: Array) -> Array:
        """h at each row of u, [k]."""
        return np.sum(self.gradient(u) * u, axis=1)

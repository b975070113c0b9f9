r"""The function of a direction whose largest absolute value a certificate needs.

    h(u) = Σ_i c_i σ(u·z_i),    C = max over |u| ≤ 1 of |h(u)|,

for σ with slopes s₋ below and s₊ above 0. It is positively homogeneous, linear on every cell of {u : z_i·u = 0}, and
Lipschitz with constant L = max(|s₋|, |s₊|) Σ_i |c_i||z_i|, the scale of all rounding errors here.

For a network of several outputs c_i is a vector, and h(u) = |Σ_i c_i σ(u·z_i)| ≥ 0 its length.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

ROUNDOFF = 2.0**-53


def accumulated(operations: int) -> float:
    """γ_k = ku/(1 − ku): the relative error of k rounded operations in a row, u = 2⁻⁵³."""
    return operations * ROUNDOFF / (1 - operations * ROUNDOFF)


class Largest(NamedTuple):
    """A proved upper bound of C, the largest |h| found, and the unit vector where it was found, [q]."""

    bound: float
    height: float
    direction: Array


@dataclass(frozen=True, eq=False)
class Slope:
    """h: weights c, [n] or [n, k], rows z [n, q], and the two slopes of σ."""

    c: Array
    z: Array
    below: float
    above: float

    def reduced(self) -> "Slope":
        """Without the rows that are zero or carry no weight."""
        keep = (self.sizes != 0) & np.any(self.z != 0, axis=1)
        return Slope(self.c[keep], self.z[keep], self.below, self.above)

    def negative(self) -> "Slope":
        """−h."""
        return Slope(-self.c, self.z, self.below, self.above)

    def signs(self) -> tuple["Slope", ...]:
        """The functions whose largest value is C: h and −h, or the length alone."""
        return (self, self.negative()) if self.c.ndim == 1 else (self,)

    def outputs(self) -> list["Slope"]:
        """One slope for each output."""
        return [Slope(c, self.z, self.below, self.above) for c in np.atleast_2d(self.c.T)]

    @property
    def sizes(self) -> Array:
        """|c_i|, [n]."""
        return np.abs(self.c) if self.c.ndim == 1 else np.linalg.norm(self.c, axis=1)

    @property
    def kink(self) -> Array:
        """c_i (s₊ − s₋): where positive the term of i is convex, where negative it is concave."""
        return self.c * (self.above - self.below)

    @property
    def lipschitz(self) -> float:
        """L, rounded up."""
        steepest = max(abs(self.below), abs(self.above))
        total = steepest * float(self.sizes @ np.linalg.norm(self.z, axis=1))
        return total * (1 + accumulated(2 * len(self.c) + self.z.shape[1] + self.c[:1].size + 8))

    def gradient(self, u: Array) -> Array:
        """∇h at each row of u, [k, q], one-sided where h has a kink."""
        t = u @ self.z.T
        sigma = np.where(t > 0, self.above, self.below)
        if self.c.ndim == 1:
            return (self.c * sigma) @ self.z
        f = (sigma * t) @ self.c
        towards = f / np.maximum(np.linalg.norm(f, axis=1, keepdims=True), 1e-300)
        return ((towards @ self.c.T) * sigma) @ self.z

    def __call__(self, u: Array) -> Array:
        """h at each row of u, [k]."""
        return np.sum(self.gradient(u) * u, axis=1)


def highest(slope: Slope, directions: Array, heights: Array) -> Largest:
    """The largest of these heights, 0 if there is none, with the bound left open where there is a height at all."""
    if len(heights) == 0:
        return Largest(0.0, 0.0, np.eye(slope.z.shape[1])[0])
    k = int(np.argmax(heights))
    return Largest(np.inf, max(0.0, float(heights[k])), directions[k])

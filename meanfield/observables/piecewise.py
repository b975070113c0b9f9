"""A network of one input, read as the piecewise-linear function that it is: its knots, slopes and pieces."""

from typing import NamedTuple

import numpy as np

from meanfield.arguments import finite_numbers, finite_result, host, positive_number, real_number
from meanfield.arguments.meant import instance
from meanfield.particles import Particles
from meanfield.units.neuron import AbstractUnit, Neuron


class LinearSpline(NamedTuple):
    """f(x) = offset + slope·x + Σ_k bends_k (x − knots_k)₊, with increasing knots; float64 on the host.

    `slope` is f'(−∞), and `bends` are the changes of f' at the knots.
    """

    knots: np.ndarray
    bends: np.ndarray
    slope: float
    offset: float

    def __call__(self, x) -> np.ndarray:
        """f at any x, of the shape of x."""
        x = finite_numbers("x", x)
        with np.errstate(over="ignore", invalid="ignore"):
            right = np.maximum(x[..., None] - self.knots, 0)
            f = np.asarray(self.offset + self.slope * x + right @ self.bends)
        return finite_result(f, "f", x=x)

    @property
    def slopes(self) -> np.ndarray:
        """f' on every piece, from the left, [knots + 1]."""
        return self.slope + np.append(0.0, np.cumsum(self.bends))

    @property
    def variation(self) -> float:
        """∫|f''|, the total variation of f'."""
        return float(np.abs(self.bends).sum())

    def within(self, low, high) -> "LinearSpline":
        """Return the function that is this one on [low, high] and goes on straight outside, without further knots."""
        low, high = real_number("low", low), real_number("high", high)
        if not low < high:
            raise ValueError(f"low={low!r}, high={high!r}: expected low below high.")
        left = self.knots <= low
        inside = ~left & (self.knots < high)
        slope = float(self.slope + self.bends[left].sum())
        offset = float(self(low) - slope * low)
        return LinearSpline(self.knots[inside], self.bends[inside], slope, offset)

    def merged(self, distance) -> "LinearSpline":
        """Knots with gaps of at most `distance` as one, where their |bends| have their mean: another f, near by.

        Slopes between groups are kept. Groups are chains: a long row of knots at small gaps becomes one.
        """
        distance = positive_number("distance", distance, zero=True)
        if len(self.knots) == 0:
            return self
        group = np.append(0, np.cumsum(np.diff(self.knots) > distance))
        bends, size = np.bincount(group, self.bends), np.bincount(group, np.abs(self.bends))
        plain = np.bincount(group, self.knots) / np.bincount(group)
        knots = np.where(
            size > 0, np.bincount(group, self.knots * np.abs(self.bends)) / np.where(size > 0, size, 1), plain
        )
        return LinearSpline(knots, bends, self.slope, self.offset)

    def pieces(self, distance=0.0, share=0.0) -> int:
        """Linear pieces: one more than the knots, those within `distance` of each other counted once.

        Of these, as many of the weakest are left out as together make up no more than a `share` of the variation.
        """
        share = positive_number("share", share, zero=True)
        bends = np.sort(np.abs(self.merged(distance).bends))
        return 1 + int(np.sum(np.cumsum(bends) > share * bends.sum()))


def linear_spline(unit: AbstractUnit, mu: Particles, scale=1.0) -> LinearSpline:
    r"""The function f(x) = α Σ_j p_j a_j σ(w_j x + b_j) of one input, for a piecewise-linear σ, as a linear spline.

    Every particle with w ≠ 0 has a knot at −b/w, where f' changes by α p a |w| (σ'(0⁺) − σ'(0⁻)).

    **Arguments:** `unit`: a `Neuron` of one output with slopes, such as `Neuron("relu", bias=True)`. `mu`: particles
    (a, w, b), or (a, w) without bias. `scale`: α.

    Raises `ValueError` for other units, for particles of more inputs, and under `jit`.

    >>> import jax.numpy as jnp, meanfield as mf
    >>> mu = mf.Particles(jnp.array([[2.0, 1.0, -1.0], [2.0, -1.0, 0.0]]))
    >>> spline = mf.observables.linear_spline(mf.Neuron("relu", bias=True), mu)
    >>> spline.knots.tolist(), spline.slopes.tolist(), spline.pieces(), float(spline(3.0))
    ([0.0, 1.0], [-1.0, 0.0, 1.0], 3, 2.0)

    Source: Savarese, Evron, Soudry & Srebro (2019).
    """
    instance("mu", mu, Particles)
    instance("unit", unit, AbstractUnit)
    if type(unit) is not Neuron or unit.slopes is None or unit.outputs != 1:
        raise ValueError("unit: expected a piecewise-linear neuron of one output, such as Neuron('relu', bias=True).")
    if mu.position.shape[1] != unit.size(1):
        raise ValueError(f"position has {mu.position.shape[1]} columns: expected {unit.size(1)}, as for one input.")
    position, mass, alpha = host(mu.position), host(mu.mass), host(positive_number("scale", scale))
    if position is None or mass is None or alpha is None:
        raise ValueError("mu is traced or lies elsewhere: linear_spline runs on the host, outside of jit.")
    theta = np.asarray(position, np.float64)
    weight = float(alpha) * np.asarray(mass, np.float64) * theta[:, 0]
    w, b = theta[:, 1], theta[:, 2] if unit.bias else np.zeros(len(theta))
    below, above = unit.slopes
    bent = w != 0
    # Left of its knot a particle has the slope σ'(0⁻) if w > 0, σ'(0⁺) if w < 0.
    left = np.where(w > 0, below, above)
    flat = np.sum((weight * np.where(b > 0, above, below) * b)[~bent])
    knots, bends = -b[bent] / w[bent], (weight * np.abs(w) * (above - below))[bent]
    order = np.argsort(knots, kind="stable")
    slope, offset = np.sum((weight * left * w)[bent]), flat + np.sum((weight * left * b)[bent])
    return LinearSpline(knots[order], bends[order], float(slope), float(offset))

r"""Optimisers on weights in frameworks' shapes, whose step is the value of an array: a grid of steps is one program.

Weights are a dictionary of `hidden` [m, d] (or [m, d + 1], biases in its last column) and `readout` [k, m].
Muon's update of a layer G [out, in] is the polar factor of its gradient, U Vᵀ of G = U Σ Vᵀ, times one of

    none: 1,   ratio: √(out/in),   clipped: √max(1, out/in),   rms: 0.2 √max(out, in).

It normalises away any multiplier s, so that its factors mean something for s = 1 alone: in muP its weights are those
with a(0) = O(1/m). "spectral" is `mf.SpectralFlow`: √m times the polar factor for the particles' own parameters.

Source: Jordan et al. (2024) for Muon; Bernstein & Newhouse (2024) for √(out/in); Liu et al. (2025) for the last one.
"""

import math
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

import meanfield as mf
from meanfield.arguments import one_of

Factor = Callable[[int, int], float]

FACTORS: dict[str, Factor] = {
    "none": lambda out, into: 1.0,
    "ratio": lambda out, into: math.sqrt(out / into),
    "clipped": lambda out, into: math.sqrt(max(1.0, out / into)),
    "rms": lambda out, into: 0.2 * math.sqrt(max(out, into)),
}
"""What the polar factor of a layer is multiplied by, a function of its sizes."""

READOUT_STEP = 0.25
"""The step θ ← θ + h v of a readout that is trained by gradient descent beside a hidden layer by Muon: the particles'
own, which is right at all widths.
"""

Make = Callable[[Any], optax.GradientTransformation]
"""A function of the step that makes an optimiser of it, such as `optax.adam`."""


class Weights(mf.steppers.AbstractStepperWithMemory):
    """An optax optimiser of a step, on the particles' weights in frameworks' shapes; time is the number of updates."""

    rate: jax.Array
    factor: jax.Array
    """What −v is multiplied by to make the gradient that the optimiser is given."""
    unit: jax.Array
    """Of the readout: particles have `unit` times the framework's output weights."""
    factors: jax.Array
    """What the changes of the readout and of the hidden layer are multiplied by, [2]."""
    length: jax.Array
    make: Make = eqx.field(static=True)
    outputs: int = eqx.field(static=True)
    layers: str = eqx.field(static=True)
    """"both", or "hidden" where the optimiser trains the hidden layer alone, beside gradient descent of the readout."""

    def init(self, field, position):
        return self.make(self.rate).init(self._layers(position, 1 / self.unit))

    def step(self, field, position, memory, time, number):
        velocity = field.velocity()
        gradient = self._layers(-self.factor * velocity, self.unit)
        weights = self._layers(position, 1 / self.unit)
        update: Any = self.make(self.rate).update
        change, memory = update(gradient, memory, weights)
        # Changes are added to the particles themselves, so that what does not move keeps its bits.
        readout = self.factors[0] * self.unit * change["readout"].T
        if self.layers == "hidden":
            readout = READOUT_STEP * velocity[:, : self.outputs]
        moved = position + jnp.concatenate([readout, self.factors[1] * change["hidden"]], axis=1)
        return mf.steppers.Move(moved, self.length.astype(time.dtype), memory)

    def _layers(self, theta, unit):
        return {"hidden": theta[:, self.outputs :], "readout": theta[:, : self.outputs].T * unit}


def polar(matrix: jax.Array) -> jax.Array:
    """Return the polar factor U Vᵀ of a matrix, by the eigenvectors of its smaller Gram matrix.

    Directions whose singular values are below √(size ε) of the largest are left out: the Gram matrix has lost them.
    """
    if matrix.shape[0] < matrix.shape[1]:
        return polar(matrix.T).T
    size = jnp.max(jnp.abs(matrix))
    matrix = matrix / jnp.where(size > 0, size, 1)
    squares, vectors = jnp.linalg.eigh(matrix.T @ matrix)
    kept = squares > matrix.shape[1] * jnp.finfo(matrix.dtype).eps * squares[-1]
    return (matrix @ vectors * jnp.where(kept, jax.lax.rsqrt(jnp.where(kept, squares, 1)), 0)) @ vectors.T


def muon(rate, momentum: float = 0.0) -> optax.GradientTransformation:
    """Return steps along the polar factor of every layer's gradient, averaged with (Nesterov's) momentum."""
    trace = optax.trace(momentum, nesterov=True) if momentum else optax.identity()

    def update(updates, state, params=None):
        along, state = trace.update(updates, state, params)
        return jax.tree.map(lambda part: -rate * polar(part), along), state

    return optax.GradientTransformation(trace.init, update)


@cache  # so that one optimiser is one object, and its program is compiled once
def optimiser(name: str | Make, momentum: float = 0.9) -> Make:
    """Return the function of a step that makes the optimiser of this name; a function is returned as it is."""
    if callable(name):
        return name
    one_of("optimiser", name, OPTIMISERS)
    return {
        "sgd": optax.sgd,
        "momentum": partial(optax.sgd, momentum=momentum),
        "adam": optax.adam,
        "muon": partial(muon, momentum=momentum),
        "spectral": muon,
    }[name]


def factor_of(name: Any, factor: str) -> Factor:
    """Return what an optimiser's changes of a layer are multiplied by, a function of its sizes (out, in)."""
    one_of("factor", factor, FACTORS)
    if name == "muon":
        return FACTORS[factor]
    return _square_root_of_width if name == "spectral" else FACTORS["none"]


def _square_root_of_width(out: int, into: int) -> float:
    return math.sqrt(max(out, into))


OPTIMISERS = ("sgd", "momentum", "adam", "muon", "spectral")
"""The optimisers that have a name."""

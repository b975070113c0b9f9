"""Samplers: functions (key, B) ↦ (x [B, d], y) that make fresh samples of a data set's law, for one pass over a stream.

They are what `Objective.population`, `gradients.Stream` and `SGD` take as `sampler`. Their numbers are arrays, so that
runs with other data are computed in one program.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from meanfield.arguments.described import html, text
from meanfield.arguments.pickling import getstate, setstate
from meanfield.arguments.typing import Inputs, Outputs, Random, Scalar
from meanfield.integrals.dense import Dense
from meanfield.particles import Particles
from meanfield.streams import normal, stream
from meanfield.units.neuron import AbstractUnit

Samples = tuple[Inputs, Outputs]


def sphere(key: Random, n: int, d: int, dtype) -> Inputs:
    """Return n inputs uniform on the unit sphere, [n, d]."""
    draw = normal(key, (n, d), dtype)
    return draw / jnp.linalg.norm(draw, axis=1, keepdims=True)


class AbstractSampler(eqx.Module):
    """A law of samples."""

    __getstate__, __setstate__ = getstate, setstate
    __repr__, _repr_html_ = text, html


class OfTeacher(AbstractSampler):
    """Inputs uniform on the unit sphere, targets ∫ Φ(θ; x) dtruth + N(0, noise²)."""

    unit: AbstractUnit
    truth: Particles
    noise: Scalar

    def __call__(self, key: Random, batch: int) -> Samples:
        dtype = self.truth.dtype
        x = sphere(stream(key, "inputs of a sampler"), batch, self.truth.position.shape[1] - 1, dtype)
        errors = jax.random.normal(stream(key, "targets of a sampler"), (batch,), dtype)
        return x, Dense().predict(self.unit, self.truth, x) + self.noise * errors


class OfRandomLabels(AbstractSampler):
    """Inputs uniform on the unit sphere of ℝ^d, independent N(0, 1) targets."""

    like: Float[Array, " d"]

    def __call__(self, key: Random, batch: int) -> Samples:
        x = sphere(stream(key, "inputs of a sampler"), batch, len(self.like), self.like.dtype)
        return x, jax.random.normal(stream(key, "targets of a sampler"), (batch,), x.dtype)


class OfClusters(AbstractSampler):
    """Squares or discs on a grid with given labels, uniform coordinates that say nothing, and the constant 1.

    A sample falls on each of them with the same probability; of a disc angle and distance from the centre are uniform.
    """

    corner: Float[Array, "clusters 2"]
    """The lowest corner of a square, or the centre of a disc."""
    size: Scalar
    """The side of a square, or the radius of a disc."""
    label: Float[Array, " clusters"]
    rest: int = eqx.field(static=True)
    """Coordinates that say nothing (count)."""
    round: bool = eqx.field(static=True)

    def __call__(self, key: Random, batch: int) -> Samples:
        k, dtype = len(self.label), self.label.dtype
        which = jax.random.randint(stream(key, "rows of a sampler"), (batch,), 0, k)
        draws = jax.random.uniform(stream(key, "inputs of a sampler"), (batch, 2 + self.rest), dtype)
        inside = draws[:, :2]
        if self.round:
            angle = 2 * jnp.pi * draws[:, 0]
            inside = draws[:, 1:2] * jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=1)
        plane = self.corner[which] + self.size * inside
        return jnp.concatenate([plane, draws[:, 2:] - 0.5, jnp.ones((batch, 1), dtype)], axis=1), self.label[which]


class OfSamples(AbstractSampler):
    """The samples of a table, drawn with replacement, each as often; of a target N(0, noise²) more."""

    x: Inputs
    y: Outputs
    noise: Scalar

    def __call__(self, key: Random, batch: int) -> Samples:
        row = jax.random.randint(stream(key, "rows of a sampler"), (batch,), 0, len(self.x))
        y = self.y[row]
        return self.x[row], y + self.noise * jax.random.normal(stream(key, "targets of a sampler"), y.shape, y.dtype)

"""The empirical measure μ = Σ_j p_j δ_{θ_j}, and the laws it is drawn from."""

import math
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from meanfield.arguments import (
    array_of,
    float_type,
    floating_array,
    host,
    nonnegative_array,
    one_of,
    positive_count,
    positive_scalar,
    said,
)
from meanfield.arguments.conversion import traced
from meanfield.arguments.described import Described, Phrase, html, text
from meanfield.arguments.meant import instance
from meanfield.arguments.typing import Mass, Position, Random, Scalar
from meanfield.environment.watching import note
from meanfield.streams import normal, stream
from meanfield.units.neuron import AbstractUnit


class Particles(eqx.Module):
    r"""Particles: a measure μ = Σ_j p_j δ_{θ_j} on parameter space.

    **Arguments:**

    - `position`: θ, shape [m, p], one row a particle.
    - `mass`: p, shape [m], non-negative; 1/m each if not given.

    Raises `ValueError` for ragged or non-finite values, a wrong shape or a negative mass.

    >>> import jax.numpy as jnp, meanfield as mf
    >>> mf.Particles(jnp.zeros((4, 3))).mass.tolist()
    [0.25, 0.25, 0.25, 0.25]
    """

    __repr__, _repr_html_ = text, html

    position: Position
    mass: Mass

    def __init__(self, position, mass=None):
        self.position = floating_array("position", position, "m p")
        note(self.position.dtype)
        m = self.position.shape[0]
        if mass is None:
            self.mass = _equal(m, self.position)
            return
        self.mass = nonnegative_array("mass", mass, "m", dtype=self.position.dtype)
        if self.mass.shape != (m,):
            raise ValueError(f"mass has shape {self.mass.shape}: expected ({m},), one number a particle.")

    def _described(self) -> Described:
        masses = host(self.mass)
        yield "m", self.m
        yield "p", self.position.shape[1]
        yield "", Phrase(self.dtype)
        if masses is not None and not np.all(masses == masses[0]):
            yield "masses", Phrase(f"{masses.min():.3g} to {masses.max():.3g}")

    @property
    def m(self) -> int:
        """Number of particles."""
        return self.position.shape[0]

    @property
    def dtype(self):
        return self.position.dtype

    def moved(self, position: Position) -> "Particles":
        """Return particles with these masses at other positions, of the same shape."""
        if not isinstance(position, jax.Array):
            position = floating_array("position", position, "m p", dtype=self.dtype)
        if position.shape != self.position.shape:
            raise ValueError(f"position has shape {position.shape}: expected {self.position.shape}, as the particles.")
        return eqx.tree_at(lambda mu: mu.position, self, position)

    @staticmethod
    def gaussian(
        key: Random,
        unit: AbstractUnit,
        m: int,
        d: int,
        *,
        output: str = "gaussian",
        output_scale=1.0,
        input_scale=1.0,
        dtype=None,
    ) -> "Particles":
        r"""m particles with independent Gaussian parameters.

        Input weights and bias are N(0, `input_scale`²). Output weights are N(0, `output_scale`²) for
        `output="gaussian"`, ±`output_scale` with equal odds for `"signs"`, and 0 for `"zero"`.

        >>> import jax, meanfield as mf
        >>> mf.Particles.gaussian(jax.random.key(0), mf.Neuron("relu"), 10, 3).position.shape
        (10, 4)
        """
        one_of("output", output, ("gaussian", "signs", "zero"))
        shape, dtype = _shape(unit, m, d, dtype)
        scales = {"output_scale": output_scale, "input_scale": input_scale}
        of_output, of_input = (_scale(name, value, dtype, zero=True) for name, value in scales.items())
        key = stream(key, "gaussian particles")
        return Particles(_gaussian(key, shape, unit.outputs, output, of_output, of_input))

    @staticmethod
    def sphere(
        key: Random,
        unit: AbstractUnit,
        m: int,
        d: int,
        *,
        output: str = "joint",
        radius=1.0,
        output_radius=None,
        dtype=None,
    ) -> "Particles":
        r"""m particles uniform on a sphere of the given radius.

        `output="joint"`: all of θ lies on the sphere of ℝ^p. `"signs"`: input weights (and bias) lie on their own
        sphere and output weights are ±`output_radius` (the `radius`, if not given), the law of Chizat & Bach (2020);
        `"zero"`: the same with zero output weights. Raises `ValueError` for an `output_radius` without signs.

        >>> import jax, meanfield as mf
        >>> mu = mf.Particles.sphere(jax.random.key(0), mf.Neuron("relu"), 9, 3, output="signs", output_radius=2.0)
        >>> set(abs(mu.position[:, 0]).tolist())
        {2.0}
        """
        one_of("output", output, ("joint", "signs", "zero"))
        shape, dtype = _shape(unit, m, d, dtype)
        radius = _scale("radius", radius, dtype)
        if output_radius is not None and output != "signs":
            raise ValueError(f"{said('output_radius', output_radius)}: expected none, since output={output!r}.")
        of_output = radius if output_radius is None else _scale("output_radius", output_radius, dtype)
        draw = normal(stream(key, "particles on a sphere"), shape, dtype)
        # Not in one program with the draw, where norms and quotients would round otherwise than they do alone.
        if output == "joint":
            return Particles(radius * _direction(draw))
        rest = _direction(draw[:, unit.outputs :])
        signs = _output(draw, unit.outputs, output)
        return Particles(jnp.concatenate([of_output * signs, radius * rest], axis=1))

    @staticmethod
    def doubled(key: Random, unit: AbstractUnit, m: int, d: int, *, law: str = "gaussian", **options) -> "Particles":
        r"""m particles in pairs (±a, w, b), so that f = 0 at the start while the tangent kernel is that of m/2 units.

        `law` is "gaussian" or "sphere", and `options` are the options of that law. Only m/2 particles are independent.
        Raises `ValueError` for an odd m.
        """
        m = positive_count("m", m)
        if m % 2:
            raise ValueError(f"m={m}: expected an even number, since a doubled law comes in pairs.")
        one_of("law", law, ("gaussian", "sphere"))
        draw = Particles.gaussian if law == "gaussian" else Particles.sphere
        half = draw(stream(key, "doubled particles"), unit, m // 2, d, **options).position
        return Particles(_with_twins(half, unit.outputs))

    @staticmethod
    def grid(unit: AbstractUnit, axes: Sequence, *, dtype=None) -> "Particles":
        r"""Particles with zero output weights on the product of `axes`: the law {0} × grid of Chizat & Bach (2018).

        `axes` holds one sequence of coordinates for each remaining parameter (w_1 … w_d[, b]).

        >>> import meanfield as mf, numpy as np
        >>> mf.Particles.grid(mf.Neuron("tanh"), [np.linspace(-1, 1, 5), [0.0, 1.0]]).position.shape
        (10, 3)
        """
        instance("unit", unit, AbstractUnit)
        if not isinstance(axes, Sequence | np.ndarray) or isinstance(axes, str | bytes) or len(axes) == 0:
            raise ValueError(
                f"{said('axes', axes)}: expected one sequence of coordinates for each parameter behind the output "
                f"weights."
            )
        lines = [np.asarray(floating_array(f"axes[{i}]", line, "points")) for i, line in enumerate(axes)]
        points = np.stack([axis.ravel() for axis in np.meshgrid(*lines, indexing="ij")], axis=1)
        position = np.concatenate([np.zeros((math.prod(map(len, lines)), unit.outputs)), points], axis=1)
        return Particles(jnp.asarray(position, float_type(dtype)))


def _shape(unit: AbstractUnit, m: int, d: int, dtype) -> tuple[tuple[int, int], np.dtype]:
    """The shape [m, p] of all parameters, and their type."""
    m, d, dtype = positive_count("m", m), positive_count("d", d), float_type(dtype)
    p = instance("unit", unit, AbstractUnit).size(d)
    array_of("d", d, 1, dtype)
    return array_of("m", m, p, dtype), dtype


def _equal(m: int, position: jax.Array) -> jax.Array:
    """Masses 1/m, of the type of the positions."""
    if traced(position):  # not as a constant of m numbers
        return jnp.full((m,), 1 / m, position.dtype)
    return jax.device_put(np.full((m,), 1 / m, position.dtype))  # spares a program for every m


def _scale(name: str, value, dtype, *, zero: bool = False) -> jax.Array:
    """A factor on normal numbers, of their type."""
    scale = positive_scalar(name, value, dtype, zero=zero)
    known = host(scale)
    if known is not None:  # a normal number is below 16, whatever the draw
        most = float(jnp.finfo(dtype).max) / 16
        if known > most:
            raise ValueError(f"{name}={known:.3g}: expected at most {most:.3g}, for normal numbers in {dtype}.")
    return scale


@eqx.filter_jit
def _gaussian(key: Random, shape: tuple[int, int], outputs: int, law: str, of_output: Scalar, of_input: Scalar):
    draw = normal(key, shape, of_output.dtype)
    return jnp.concatenate([of_output * _output(draw, outputs, law), of_input * draw[:, outputs:]], axis=1)


@eqx.filter_jit
def _with_twins(half: Float[Array, "half p"], outputs: int) -> Position:
    return jnp.concatenate([half, half.at[:, :outputs].multiply(-1)])


def _output(normal, outputs: int, law: str):
    """The output weights of a law, from the normal numbers in their place."""
    a = normal[:, :outputs]
    if law == "signs":
        return jnp.where(a < 0, -1, 1).astype(a.dtype)
    return a if law == "gaussian" else jnp.zeros_like(a)


def _direction(rows):
    return rows / jnp.linalg.norm(rows, axis=1, keepdims=True)

"""The empirical measure μ = Σ_j p_j δ_{θ_j}, and the laws it is drawn from."""

import math
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from meanfield._typing import Mass, Position, Random
from meanfield._watching import note
from meanfield.arguments import float_type, floating_array, host, one_of, positive_count, positive_number
from meanfield.units import AbstractUnit


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

    position: Position
    mass: Mass

    def __init__(self, position, mass=None):
        self.position = floating_array("position", position, "m p")
        note(self.position.dtype)
        m = self.position.shape[0]
        if mass is None:
            self.mass = jnp.full((m,), 1 / m, self.position.dtype)
            return
        self.mass = floating_array("mass", mass, "m", dtype=self.position.dtype)
        if self.mass.shape != (m,):
            raise ValueError(f"mass has shape {self.mass.shape}: expected ({m},), one number a particle.")
        known = host(self.mass)
        if known is not None and known.min() < 0:
            raise ValueError(f"mass holds {known.min()}: expected numbers of at least 0.")

    @property
    def m(self) -> int:
        """Number of particles."""
        return self.position.shape[0]

    @property
    def dtype(self):
        return self.position.dtype

    def moved(self, position: Position) -> "Particles":
        """The same masses at other positions."""
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
        normal = _normal(key, unit, m, d, dtype)
        weights = positive_number("output_scale", output_scale, zero=True) * _output(normal, unit, output)
        rest = positive_number("input_scale", input_scale, zero=True) * normal[:, unit.outputs :]
        return Particles(jnp.concatenate([weights, rest], axis=1))

    @staticmethod
    def sphere(
        key: Random, unit: AbstractUnit, m: int, d: int, *, output: str = "joint", radius=1.0, dtype=None
    ) -> "Particles":
        r"""m particles uniform on a sphere of the given radius.

        `output="joint"`: all of θ lies on the sphere of ℝ^p. `"signs"`: input weights (and bias) lie on their own
        sphere and output weights are ±`radius`, the law of Chizat & Bach (2020); `"zero"`: the same with zero output
        weights.
        """
        one_of("output", output, ("joint", "signs", "zero"))
        normal = _normal(key, unit, m, d, dtype)
        radius = positive_number("radius", radius)
        if output == "joint":
            return Particles(radius * _direction(normal))
        rest = _direction(normal[:, unit.outputs :])
        return Particles(radius * jnp.concatenate([_output(normal, unit, output), rest], axis=1))

    @staticmethod
    def doubled(key: Random, unit: AbstractUnit, m: int, d: int, *, law: str = "gaussian", **options) -> "Particles":
        r"""m particles in pairs (±a, w, b), so that f = 0 at the start while the tangent kernel is that of m/2 units.

        `law` is "gaussian" or "sphere", and `options` are the options of that law. Only m/2 particles are independent.
        Raises `ValueError` for an odd m.
        """
        if positive_count("m", m) % 2:
            raise ValueError(f"m={m}: expected an even number, since a doubled law comes in pairs.")
        one_of("law", law, ("gaussian", "sphere"))
        draw = Particles.gaussian if law == "gaussian" else Particles.sphere
        half = draw(key, unit, m // 2, d, **options).position
        twin = half.at[:, : unit.outputs].multiply(-1)
        return Particles(jnp.concatenate([half, twin]))

    @staticmethod
    def grid(unit: AbstractUnit, axes: Sequence, *, dtype=None) -> "Particles":
        r"""Particles with zero output weights on the product of `axes`: the law {0} × grid of Chizat & Bach (2018).

        `axes` holds one sequence of coordinates for each remaining parameter (w_1 … w_d[, b]).

        >>> import meanfield as mf, numpy as np
        >>> mf.Particles.grid(mf.Neuron("tanh"), [np.linspace(-1, 1, 5), [0.0, 1.0]]).position.shape
        (10, 3)
        """
        if len(axes) == 0:
            raise ValueError(
                "axes=[]: expected one sequence of coordinates for each parameter behind the output weights."
            )
        lines = [np.asarray(floating_array(f"axes[{i}]", line, "points")) for i, line in enumerate(axes)]
        points = np.stack([axis.ravel() for axis in np.meshgrid(*lines, indexing="ij")], axis=1)
        position = np.concatenate([np.zeros((math.prod(map(len, lines)), unit.outputs)), points], axis=1)
        return Particles(jnp.asarray(position, float_type(dtype)))


def _normal(key: Random, unit: AbstractUnit, m: int, d: int, dtype):
    """One draw for all parameters: random numbers take longer to compile than all the rest of a law."""
    return jax.random.normal(key, (positive_count("m", m), unit.size(positive_count("d", d))), float_type(dtype))


def _output(normal, unit: AbstractUnit, law: str):
    """The output weights of a law, from the normal numbers in their place."""
    a = normal[:, : unit.outputs]
    if law == "signs":
        return jnp.where(a < 0, -1, 1).astype(a.dtype)
    return a if law == "gaussian" else jnp.zeros_like(a)


def _direction(normal):
    return normal / jnp.linalg.norm(normal, axis=1, keepdims=True)

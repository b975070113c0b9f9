"""The population risk of ReLU students of a ReLU teacher, in closed form: no data, no noise."""

# pyright: reportIncompatibleVariableOverride=false
# (an abstract field of equinox may be overridden by a property; pyright does not know)

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from meanfield.arguments import positive_scalar
from meanfield.arguments.meant import instance
from meanfield.arguments.typing import Inputs, Outputs, Position, Scalar
from meanfield.objectives.abstract import AbstractObjective
from meanfield.objectives.losses import Square
from meanfield.objectives.network import Objective
from meanfield.particles import Particles
from meanfield.units.neuron import Neuron


class ReluPopulation(AbstractObjective):
    r"""F(μ) = ½ E (f(x; μ) − f*(x))²/α² + ∫ V dμ for ReLU neurons, f* = ∫ a relu(v·x) dtruth, and isotropic inputs.

    With φ the angle of w and v, E relu(w·x) relu(v·x) = s |w||v| (sin φ + (π − φ) cos φ)/2π for every law of inputs
    that rotations leave alone, with s = E|x|²/d: 1 for N(0, I), 1/d on the unit sphere. Its gradient in w is
    s (|v| sin φ w/|w| + (π − φ) v)/2π.

    **Arguments:**

    - `truth`: the teacher's neurons (a, v) with their masses, such as `Dataset.truth` of `datasets.teacher`.
    - `square_norm`: E|x|²; d if not given.
    - `scale`: α. `penalty`: V, as for `Objective`.

    Predictions are those at the inputs v, unless others are given. `observables.PopulationRisk` tells the risk of
    particles that another problem moves. Raises `ValueError` for what are no particles, and numbers that are not
    positive.

    >>> import jax, meanfield as mf
    >>> data = mf.datasets.teacher(jax.random.key(0), n=8, d=5)
    >>> exact = mf.objectives.ReluPopulation(data.truth, square_norm=1.0)
    >>> nothing = mf.Particles.gaussian(jax.random.key(1), exact.unit, m=4, d=5, output="zero")
    >>> abs(float(exact.risk(nothing)) - 0.5) < 0.02  # half the power of the targets, which is 1 to sampling error
    True

    Source: Cho & Saul (2009), the kernel of order one.
    """

    network: Objective
    truth: Particles
    factor: Scalar
    """s."""

    def __init__(self, truth: Particles, square_norm: Any = None, scale: Any = 1.0, penalty: Callable | None = None):
        self.truth = instance("truth", truth, Particles)
        d = truth.position.shape[1] - 1
        if d < 1:
            raise ValueError("truth has one column: expected output and input weights, [m, 1 + d].")
        norm = positive_scalar("square_norm", d if square_norm is None else square_norm, truth.dtype)
        self.factor = norm / d
        v = truth.position[:, 1:]
        y = jnp.maximum(v @ v.T, 0) @ (truth.mass * truth.position[:, 0])
        self.network = Objective(Neuron("relu"), Square(), v, y, scale=scale, penalty=penalty)

    @property
    def unit(self):
        return self.network.unit

    @property
    def loss(self):
        return self.network.loss

    @property
    def x(self):
        return self.network.x

    @property
    def y(self):
        return self.network.y

    @property
    def scale(self):
        return self.network.scale

    @property
    def penalty(self):
        return self.network.penalty

    def bind(self, mu: Particles) -> "ReluPopulation":
        self.network.fits(mu)
        return self

    def predict(self, mu: Particles, x: Inputs | None = None) -> Outputs:
        return self.network.predict(mu, x)

    def value(self, mu: Particles) -> Scalar:
        value = self.risk(mu) / self.scale**2
        return value if self.penalty is None else value + jnp.dot(mu.mass, jax.vmap(self.penalty)(mu.position))

    def risk(self, mu: Particles) -> Scalar:
        c, v = self._difference(mu)
        cosine, sine, turned = _angles(v, v)
        length = jnp.linalg.norm(v, axis=1)
        return 0.5 * self.factor * (c * length) @ (sine + turned * cosine) @ (c * length) / (2 * jnp.pi)

    def velocity(self, mu: Particles) -> Position:
        c, v = self._difference(mu)
        a, w = mu.position[:, :1], mu.position[:, 1:]
        cosine, sine, turned = _angles(w, v)
        own, length = jnp.linalg.norm(w, axis=1, keepdims=True), jnp.linalg.norm(v, axis=1)
        slope = own * ((sine + turned * cosine) @ (c * length))[:, None]
        turn = (sine @ (c * length))[:, None] * w / jnp.where(own > 0, own, 1.0) + (turned * c) @ v
        moved = -(self.factor / self.scale) * jnp.concatenate([slope, a * turn], axis=1) / (2 * jnp.pi)
        return moved if self.penalty is None else moved - jax.vmap(jax.grad(self.penalty))(mu.position)

    def _difference(self, mu: Particles) -> tuple[Float[Array, " k"], Float[Array, "k d"]]:
        """(weights, directions) of f − f*; raises `ValueError` for what are no particles of such neurons."""
        self.network.fits(mu)
        c = jnp.concatenate([self.scale * mu.mass * mu.position[:, 0], -self.truth.mass * self.truth.position[:, 0]])
        return c, jnp.concatenate([mu.position[:, 1:], self.truth.position[:, 1:]])


def _angles(w, v):
    """cos φ, sin φ and π − φ of all pairs of rows; a zero row is at a right angle to all."""
    length = jnp.linalg.norm(w, axis=1)[:, None] * jnp.linalg.norm(v, axis=1)
    cosine = jnp.clip(w @ v.T / jnp.where(length > 0, length, 1.0), -1.0, 1.0)
    return cosine, jnp.sqrt(1 - cosine**2), jnp.pi - jnp.arccos(cosine)

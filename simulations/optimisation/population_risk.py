"""The population risk of ReLU students of a ReLU teacher under normal inputs, in closed form: no data, no noise."""

# pyright: reportIncompatibleVariableOverride=false
# (an abstract field of equinox may be overridden by a property; pyright does not know)

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

import meanfield as mf


class PopulationObjective(mf.objectives.AbstractObjective):
    r"""F(μ) = ½ E (f(x; μ) − f*(x))², x ~ N(0, I), for ReLU neurons and f*(x) = Σ_k c_k relu(v_k·x).

    E relu(w·x) relu(v·x) = |w||v| (sin φ + (π − φ) cos φ)/2π, φ the angle of w and v; its gradient in w is
    (|v| sin φ w/|w| + (π − φ) v)/2π.

    **Arguments:** the `teacher`, rows (c_k, v_k), [k, 1 + d]. Predictions are those at the inputs v_k.

    Source: Cho & Saul (2009), the kernel of order one.
    """

    network: mf.Objective
    teacher: Float[Array, "k q"]

    def __init__(self, teacher):
        c, v = np.asarray(teacher)[:, 0], np.asarray(teacher)[:, 1:]
        self.teacher = jnp.asarray(teacher)
        self.network = mf.Objective(mf.Neuron("relu"), mf.Square(), v, np.maximum(v @ v.T, 0) @ c)

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

    def bind(self, mu: mf.Particles) -> "PopulationObjective":
        return self

    def predict(self, mu: mf.Particles, x=None):
        return self.network.predict(mu, x)

    def value(self, mu: mf.Particles):
        return self.risk(mu)

    def risk(self, mu: mf.Particles):
        c, v = self._difference(mu)
        cosine, sine, turned = _angles(v, v)
        length = jnp.linalg.norm(v, axis=1)
        return 0.5 * (c * length) @ (sine + turned * cosine) @ (c * length) / (2 * jnp.pi)

    def velocity(self, mu: mf.Particles):
        c, v = self._difference(mu)
        a, w = mu.position[:, :1], mu.position[:, 1:]
        cosine, sine, turned = _angles(w, v)
        own, length = jnp.linalg.norm(w, axis=1, keepdims=True), jnp.linalg.norm(v, axis=1)
        slope = own * ((sine + turned * cosine) @ (c * length))[:, None]
        turn = (sine @ (c * length))[:, None] * w / jnp.where(own > 0, own, 1.0) + (turned * c) @ v
        return -jnp.concatenate([slope, a * turn], axis=1) / (2 * jnp.pi)

    def _difference(self, mu: mf.Particles):
        """(weights, directions) of f − f*."""
        c = jnp.concatenate([mu.mass * mu.position[:, 0], -self.teacher[:, 0]])
        return c, jnp.concatenate([mu.position[:, 1:], self.teacher[:, 1:]])


def _angles(w, v):
    """cos φ, sin φ and π − φ of all pairs of rows; a zero row is at a right angle to all."""
    length = jnp.linalg.norm(w, axis=1)[:, None] * jnp.linalg.norm(v, axis=1)
    cosine = jnp.clip(w @ v.T / jnp.where(length > 0, length, 1.0), -1.0, 1.0)
    return cosine, jnp.sqrt(1 - cosine**2), jnp.pi - jnp.arccos(cosine)

"""The first variation F'[μ] of a network of 2-homogeneous particles, by theory and by differentiation of the engine.

For F = R/α² + ∫ (λ/2)|θ|² dμ the gradient by a particle is m ∇_{θ_j} F = ∇F'[μ](θ_j), its velocity is −∇F'[μ](θ_j),
and the derivative of F from μ towards ν is ∫ F' d(ν − μ). All hold but for rounding, whose bound is kept beside them.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from simulations.records.record import Record
from simulations.study.experiment import Experiment, grid
from simulations.study.parameters import choice, count, number
from theory import conic

SMOOTHING = {"rounded": 0.5, "relu": 0.0}
"""ε of the unit a (z + √(z² + ε²|w|²))/2, by the name of its activation."""

VARIED = {"activation": ("rounded", "relu"), "particles": (1, 7, 1000), "alpha": (1.0, 50.0), "seeds": 4}


class Rounded(mf.AbstractUnit):
    """Φ(θ; x) = a (z + √(z² + ε²|w|²))/2 with z = w·x: a rounded ReLU that is still 2-homogeneous in (a, w)."""

    outputs: int = eqx.field(default=1, init=False, static=True)

    def size(self, d: int) -> int:
        return 1 + d

    def __call__(self, theta, x):
        w = theta[1:]
        z = jnp.dot(w, x)
        return theta[0] * (z + jnp.sqrt(z * z + SMOOTHING["rounded"] ** 2 * jnp.dot(w, w))) / 2


class Homogeneous(Experiment):
    """Experiments on a network of 2-homogeneous particles (a, w), with normal targets on normal inputs of length one.

    They start with Gaussian w and |a| = |w|/2: w then never vanishes, where the rounded unit has a kink.
    """

    activation: str = choice("rounded", "rounded, (z + √(z² + |w|²/4))/2, or relu", among=tuple(SMOOTHING))
    particles: int = count(20, "m", "particles")
    dimension: int = count(3, "d", "inputs")
    samples: int = count(10, "n", "samples")
    alpha: float = number(2.0, "α", "output scale", unit="output units", above=0)
    decay: float = number(0.02, "λ", "weight decay", unit="1 / mean-field time", at_least=0)

    @property
    def ratio(self) -> float:
        """|a|/|w| at the start."""
        return 0.5

    @cached_property
    def data(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(θ [R, m, 1 + d], x [R, n, d], y [R, n]) of R networks at the start; one, if there are no replicas."""
        rng, networks = self.generator("networks and their data"), getattr(self, "replicas", 1)
        theta = rng.normal(size=(networks, self.particles, 1 + self.dimension))
        theta[..., 0] = self.ratio * np.sign(theta[..., 0]) * np.linalg.norm(theta[..., 1:], axis=2)
        x = rng.normal(size=(networks, self.samples, self.dimension))
        return theta, x / np.linalg.norm(x, axis=2, keepdims=True), rng.normal(size=(networks, self.samples))

    def objective(self, x: np.ndarray, y: np.ndarray) -> mf.Objective:
        """Return F of a network with these data."""
        unit = mf.Neuron("relu") if self.activation == "relu" else Rounded()
        return mf.Objective(unit, mf.Square(), x, y, scale=self.alpha, penalty=mf.WeightDecay(self.decay))


@dataclass(frozen=True)
class Rounding:
    """A model gives the standard deviation of what rounding does to sums over samples and particles.

    Every operation errs by some half unit in the last place, u = 2^−53, of its result, each on its own, so that squares
    of errors add: those of the worst case, in which absolute values add, are far from what is seen. A term of a sum
    takes d + 4 operations, a sum of k terms another log₂ k for each, and theory and engine err alike.
    """

    theta: np.ndarray
    x: np.ndarray
    y: np.ndarray
    scale: float
    decay: float
    smoothing: float

    @cached_property
    def residual(self) -> tuple[np.ndarray, np.ndarray]:
        """Squares of the size of f − y, […, n], and of its deviation in units of u."""
        m = self.theta.shape[-2]
        f = self.scale / m * np.sqrt(np.sum(self.terms(self.theta)[0] ** 2, axis=-2))
        # Units have both signs: their sum is of the size of the root of the sum of squares.
        return f**2 + self.y**2, (self._operations(m) * f**2 + self.y**2)

    def _operations(self, terms: int) -> float:
        return self.x.shape[-1] + 4 + math.log2(terms)

    def terms(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Bounds on |Φ| […, m, n] and on |∇Φ| […, m, n, p], with absolute values of what adds up to w·x."""
        a, w, x = np.abs(theta[..., :1]), np.abs(theta[..., 1:]), np.abs(self.x)
        z = w @ np.swapaxes(x, -1, -2) + self.smoothing * np.linalg.norm(w, axis=-1, keepdims=True)
        inner = a[..., None] * (x[..., None, :, :] + self.smoothing)
        return a * z, np.concatenate([z[..., None], inner], axis=-1)

    def gradient(self) -> np.ndarray:
        """The deviation of ∇F'[μ](θ_j), […, m, p]."""
        size, deviation = self.residual
        squares, n = self.terms(self.theta)[1] ** 2, self.x.shape[-2]
        of_terms = np.einsum("...mnp,...n->...mp", squares, deviation + self._operations(n) * size)
        return UNIT * np.sqrt(of_terms / (self.scale * n) ** 2 + (self.decay * self.theta) ** 2)

    def along(self, toward: np.ndarray) -> np.ndarray:
        """The deviation of ∫ F' d(ν − μ), ν the mean of the particles `toward`."""
        size, deviation = self.residual
        m, n = self.theta.shape[-2], self.x.shape[-2]
        both = sum(np.sum(self.terms(theta)[0] ** 2, axis=-2) for theta in (self.theta, toward)) / m**2
        of_risk = np.sum(both * (deviation + (self._operations(n) + math.log2(m)) * size), axis=-1)
        # Terms of the penalty have one sign, and what rounds their sum in pairs is of its own size.
        of_penalty = (self.decay / 2) ** 2 * sum(np.sum(theta**2) ** 2 for theta in (self.theta, toward)) / m**2
        of_penalty *= self._operations(m)
        return UNIT * np.sqrt(of_risk / (self.scale * n) ** 2 + of_penalty)


UNIT = float(np.finfo(float).eps) / 2
"""The largest relative error of one operation."""

WIDE = 6.0
"""Standard deviations in the bound of an error: beyond it is one of 5·10⁸ errors that are normal."""


class FirstVariation(Homogeneous):
    """m ∇_{θ_j} F and −v_j beside ∇F'[μ](θ_j) of one network; and d F(μ + ε(ν − μ))/dε beside ∫ F' d(ν − μ)."""

    sizes = grid(
        smoke={"activation": "relu", "particles": 1000, "alpha": (1.0, 50.0), "seeds": 4},
        default=VARIED,
        large=VARIED,
    )

    def run(self):
        ((theta,), (x,), (y,)) = self.data
        toward = self.generator("another network").normal(size=theta.shape)
        seen = _differentiated(self.objective(x, y), mf.Particles(theta), jnp.asarray(toward))
        setting = {"smoothing": SMOOTHING[self.activation], "strength": self.decay, "scale": self.alpha}
        values, gradients = conic.first_variation(theta, x, y, np.concatenate([theta, toward]), **setting)
        rounding = Rounding(theta, x, y, self.alpha, self.decay, SMOOTHING[self.activation])
        there, here = values[self.particles :], values[: self.particles]
        return {
            **seen,
            "variation": gradients[: self.particles],
            "along_variation": np.mean(there - here),
            "gradient_rounding": WIDE * rounding.gradient(),
            "along_rounding": WIDE * rounding.along(toward),
            "penalty": self.decay * theta,
        }


@eqx.filter_jit
def _differentiated(objective: mf.Objective, mu: mf.Particles, toward: jax.Array) -> dict[str, jax.Array]:
    """∇_{θ_j} F and the derivative of F towards the particles `toward`, of the value F, and the velocity."""
    m = mu.m
    both = mf.Particles(jnp.concatenate([mu.position, toward]), jnp.concatenate([mu.mass, jnp.zeros(m)]))
    direction = jnp.concatenate([jnp.full(m, -1 / m), jnp.full(m, 1 / m)])
    along = jax.jvp(
        lambda mass: objective.value(eqx.tree_at(lambda nu: nu.mass, both, mass)), (both.mass,), (direction,)
    )
    gradient = jax.grad(lambda theta: objective.value(mu.moved(theta)))(mu.position)
    return {"gradient": gradient, "velocity": objective.velocity(mu), "along": along[1]}


def gradient_error(record: Record, factor: float = 1.0) -> float:
    """Largest difference of `factor` ∇_{θ_j} F and ∇F'[μ](θ_j), over its bound for rounding."""
    error = np.abs(factor * record["gradient"] - record["variation"])
    return float(np.max(error / record["gradient_rounding"]))


def scaled_gradient_error(record: Record) -> float:
    """Return the `gradient_error` with the factor m, which the gradient in a record is without."""
    return gradient_error(record, record["particles"])


def velocity_error(record: Record, alpha: float = 0.0) -> float:
    """Largest error of v_j = −∇F'[μ](θ_j), with the risk's part times α^`alpha`, over its bound for rounding."""
    exact = record["alpha"] ** alpha * (record["variation"] - record["penalty"]) + record["penalty"]
    return float(np.max(np.abs(record["velocity"] + exact) / record["gradient_rounding"]))


def direction_error(record: Record, factor: float = 1.0) -> float:
    """Largest error of d F(μ + ε(ν − μ))/dε = ∫ F' d(ν − μ), over its bound for rounding."""
    error = np.abs(factor * record["along"] - record["along_variation"])
    return float(np.max(error / record["along_rounding"]))

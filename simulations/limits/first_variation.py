"""The first variation F'[μ] of a network of 2-homogeneous particles, by the engine and by differentiation.

For F = R/α² + ∫ (λ/2)|θ|² dμ the gradient by a particle is m ∇_{θ_j} F = ∇F'[μ](θ_j), its velocity is −∇F'[μ](θ_j),
and the derivative of F from μ towards ν is ∫ F' d(ν − μ). All hold but for rounding, whose bound is kept beside them.
"""

from functools import cached_property

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from simulations.records.record import Record
from simulations.study.experiment import Experiment, grid
from simulations.study.parameters import choice, count, number

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


class FirstVariation(Homogeneous):
    """m ∇_{θ_j} F, −v_j and ∇F'[μ](θ_j) of one network; and d F(μ + ε(ν − μ))/dε beside ∫ F' d(ν − μ)."""

    sizes = grid(
        smoke={"activation": "relu", "alpha": (1.0, 50.0), "seeds": 4},
        default=VARIED,
        paper=VARIED,
    )

    def run(self):
        ((theta,), (x,), (y,)) = self.data
        m, n, eps = self.particles, self.samples, np.finfo(float).eps
        toward = self.generator("another network").normal(size=theta.shape)
        seen = _variations(self.objective(x, y), mf.Particles(theta), jnp.asarray(toward))
        # Rounding of sums of n and m terms, every term in absolute value: the standard bound, with room for σ.
        terms = eps * (n + m + self.dimension + 16)
        phi, slopes = self._absolute(theta, x)
        size = self.alpha / m * np.sum(phi, axis=0) + np.abs(y)
        gradient = np.einsum("mnp,n->mp", slopes, size) / (self.alpha * n) + self.decay * np.abs(theta)
        both = (np.sum(phi, axis=0) + np.sum(self._absolute(toward, x)[0], axis=0)) / m
        along = np.mean(size * both) / self.alpha + self.decay / 2 * (np.sum(theta**2) + np.sum(toward**2)) / m
        rounding = {"gradient_rounding": terms * gradient, "along_rounding": terms * along}
        return {**seen, **rounding, "penalty": self.decay * theta}

    def _absolute(self, theta: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Bounds on |Φ| [m, n] and on |∇Φ| [m, n, p], every term of a sum in absolute value."""
        a, w, x = np.abs(theta[:, :1]), np.abs(theta[:, 1:]), np.abs(x)
        smoothing = SMOOTHING[self.activation]
        z = w @ x.T + smoothing * np.linalg.norm(w, axis=1, keepdims=True)
        return a * z, np.concatenate([z[..., None], a[..., None] * (x + smoothing)], axis=2)


@eqx.filter_jit
def _variations(objective: mf.Objective, mu: mf.Particles, toward: jax.Array) -> dict[str, jax.Array]:
    m = mu.m
    both = mf.Particles(jnp.concatenate([mu.position, toward]), jnp.concatenate([mu.mass, jnp.zeros(m)]))
    direction = jnp.concatenate([jnp.full(m, -1 / m), jnp.full(m, 1 / m)])
    along = jax.jvp(
        lambda mass: objective.value(eqx.tree_at(lambda nu: nu.mass, both, mass)), (both.mass,), (direction,)
    )
    return {
        "gradient": jax.grad(lambda theta: objective.value(mu.moved(theta)))(mu.position),
        "variation": jax.vmap(jax.grad(lambda theta: objective.first_variation(mu, theta)))(mu.position),
        "velocity": objective.velocity(mu),
        "along": along[1],
        "along_variation": jnp.dot(direction, objective.first_variation(mu, both.position)),
    }


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

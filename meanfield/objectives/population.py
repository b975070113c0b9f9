"""The problem of a law of samples: risk and velocity on samples that nobody has seen, with error bars."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from meanfield.arguments import INT32, positive_count
from meanfield.arguments.meant import function, instances, random_key
from meanfield.arguments.typing import Inputs, Position, Random, Scalar
from meanfield.objectives.abstract import AbstractObjective, AbstractSampleMean, losses, sample_mean
from meanfield.particles import Particles
from meanfield.streams import stream

AT_A_TIME = 64
"""Samples whose velocities are held at a time."""


class Estimated(NamedTuple):
    """Risk and velocity of a law, each with its standard error: of the mean over so many independent samples."""

    risk: Scalar
    risk_error: Scalar
    velocity: Position
    velocity_error: Position


def estimate(problem: AbstractObjective, mu: Particles, key: Random, samples: int = 4096) -> Estimated:
    r"""Return estimates of the population's risk E ℓ(f(x; μ), y) and velocity −∇F'[μ](θ_j), with error bars.

    Both are means over B = `samples` samples made with `key`, and an error bar is the deviation of one sample over √B,
    for every entry of the velocity on its own. They are unbiased for particles that have not seen these samples, as
    those that `gradients.Stream` has moved.

    **Arguments:** a `problem` with a sampler, such as `Objective.population` makes, also linearised or trained in part;
    particles `mu`; `key`; `samples`: B, at least 2. Cost: B velocities on one sample each.

    **Returns:** `Estimated(risk, risk_error, velocity [m, p], velocity_error [m, p])`.

    Raises `ValueError` for a problem without a sampler, for fewer than two samples, and for a loss that is no mean.

    >>> import jax, jax.numpy as jnp, meanfield as mf
    >>> def sampler(key, batch):
    ...     x = jax.random.normal(key, (batch, 1))
    ...     return x, jnp.zeros(batch)
    >>> unit, key = mf.Neuron("linear"), jax.random.key(0)
    >>> problem = mf.Objective.population(unit, mf.Square(), sampler, key=key)
    >>> found = mf.objectives.estimate(problem, mf.Particles(jnp.ones((1, 2))), key)  # f(x) = x, E ½x² = ½
    >>> bool(jnp.abs(found.risk - 0.5) < 4 * found.risk_error), bool(0.009 < found.risk_error < 0.013)
    (True, True)
    """
    instances(problem=(problem, AbstractObjective), mu=(mu, Particles))
    random_key("key", key)
    samples = positive_count("samples", samples, most=INT32)
    whole = sample_mean(problem)
    whole.samples()
    if whole.sampler is None:
        raise ValueError(
            "problem has no sampler: expected one such as Objective.population(unit, loss, sampler, key=key)."
        )
    if samples < 2:
        raise ValueError("samples=1: expected at least 2, whose deviation tells the error.")
    return _estimate(sample_mean(whole.bind(mu)), mu, key, samples)


@eqx.filter_jit
def _estimate(problem: AbstractSampleMean, mu: Particles, key: Random, samples: int) -> Estimated:
    assert problem.sampler is not None
    x, y = problem.sampler(stream(key, "samples of an estimate"), samples)
    few = problem.fresh(mu, x, y)
    risks = losses(few, few.predict(mu))

    def alone(sample: tuple[Array, Array]) -> Position:
        return problem.fresh(mu, sample[0][None], sample[1][None]).velocity(mu)

    # The squares of differences from the mean, and not the difference of means: it would lose the smaller one.
    velocity = few.velocity(mu)
    count = min(samples, AT_A_TIME)

    def add(total: Position, rows: Array) -> tuple[Position, None]:
        apart = jax.vmap(lambda i: jnp.square(alone((x[i], y[i])) - velocity))(jnp.minimum(rows, samples - 1))
        return total + jnp.sum(jnp.where((rows < samples)[:, None, None], apart, 0), axis=0), None

    rows = jnp.arange(-(-samples // count) * count).reshape(-1, count)
    squares, _ = jax.lax.scan(add, jnp.zeros_like(velocity), rows)
    return Estimated(jnp.mean(risks), standard_error(risks), velocity, jnp.sqrt(squares / (samples - 1) / samples))


def standard_error(values: Float[Array, " n"]) -> Scalar:
    """Return the standard error of the mean of independent values."""
    return jnp.std(values, ddof=1) / values.shape[0] ** 0.5


def drawn(sampler: Callable, key: Random, samples: int) -> tuple[Inputs, Array]:
    """Return the samples at which the risk of a law is looked at."""
    known_sampler(sampler)
    samples = positive_count("samples", samples, most=INT32)
    random_key("key", key)
    return pair(sampler(stream(key, "samples to look at"), samples))


def known_sampler(sampler: Any) -> Callable:
    """Return the sampler; raise `ValueError` for what is no function of a key and a number."""
    return function("sampler", sampler, 2, "a function of a key and a number of samples")


def pair(made: Any) -> tuple[Any, Any]:
    """Return (x, y) as a sampler has made it; raise `ValueError` for anything else."""
    if not isinstance(made, tuple | list) or len(made) != 2:
        raise ValueError(f"sampler returned a value of type {type(made).__name__}: expected the pair (x, y).")
    x, y = made
    return x, y

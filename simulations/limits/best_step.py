"""The step that is best for one step of descent: how far that of m particles is from that of infinitely many.

Who tunes a step on a narrow network and uses it on a wide one relies on a limit: in mean-field time the best step h*_m
tends to h_∞. It does so in two ways at once. From start to start it fluctuates by m^−½, which is what one sees, and on
average it is off by c/m only. Both constants follow from the law of the start: h*_m is a smooth functional of the
empirical measure, and its expansion to second order gives the variance E ψ²/m and the bias c/m. A step that is tuned
at one start costs R'' E ψ²/m at another, R'' the curvature of the risk after the step.
"""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from simulations.records.record import Record
from simulations.study.experiment import Experiment, grid
from simulations.study.panel import Panel
from simulations.study.parameters import count, number
from simulations.study.study import Study, claim
from simulations.verdicts import checks
from theory import one_step
from theory.prediction import Prediction

ANGLES = 2 * np.pi * (np.arange(12) + 0.5) / 12
X, Y = np.column_stack([np.cos(ANGLES), np.sin(ANGLES)]), np.cos(ANGLES) + np.sin(2 * ANGLES) / 2
"""Twelve points of the circle, and a function of first and second order on it."""

REACH, CORRECTIONS = 3.0, 5
"""The best step is looked for up to so many times that of infinitely many, then corrected so often (Newton)."""


@cache
def law(spread: float) -> one_step.BestStep:
    """The limit for input weights of this standard deviation."""
    return one_step.best_step(X, Y, spread=spread)


class OneStep(Experiment):
    """Networks of tanh units that take one step each; numbers of a run are statistics over its networks."""

    particles: int = count(64, "m", "particles")
    spread: float = number(1.0, "s", "standard deviation of input weights at the start", above=0)
    networks: int = count(512, "", "networks", at_least=2)
    sizes = grid(
        smoke={"particles": (16, 64, 256), "seeds": 8},
        default={"particles": (16, 64, 256), "spread": (0.7, 1.0), "networks": 2048, "seeds": 10},
        paper={"particles": (16, 64, 256, 1024), "spread": (0.7, 1.0, 1.4), "networks": 16384, "seeds": 20},
    )

    def run(self):
        theta = self.generator("starts").normal(size=(self.networks, self.particles, 3))
        theta *= [1.0, self.spread, self.spread]
        limit = law(self.spread)
        steps, own, other, infinite = (np.asarray(part) for part in tuned(theta, limit.step))
        shift = limit.influence(theta.reshape(-1, 3)).reshape(theta.shape[:2]).mean(axis=1)
        values = {"mean": steps.mean(), "deviation": steps.std(ddof=1), "bias": np.mean(steps - shift) - limit.step}
        values |= {"regret": np.mean(other - own), "regret_of_limit": np.mean(infinite - own)}
        exact = {"limit": limit.step, "variance": limit.variance, "constant": limit.bias, "curvature": limit.curvature}
        return values | {f"exact_{name}": value for name, value in exact.items()}


@jax.jit
def tuned(theta, guess):
    """Return the best steps of networks [R, m, 3], and the risks after them, after another's, and after `guess`."""
    problem = mf.Objective(mf.Neuron("tanh"), mf.Square(), X, Y, kernel=mf.integrals.Dense())

    def risk(start, velocity, h):
        return problem.risk(mf.Particles(start + h * velocity))

    def best(start, velocity):
        steps = jnp.linspace(0, REACH * guess, 16)
        at = steps[jnp.argmin(jax.vmap(lambda h: risk(start, velocity, h))(steps))]
        slope = jax.grad(lambda h: risk(start, velocity, h))
        for _ in range(CORRECTIONS):
            at = jnp.clip(at - slope(at) / jax.grad(slope)(at), at - steps[1], at + steps[1])
        return at

    velocity = jax.vmap(lambda start: problem.velocity(mf.Particles(start)))(theta)
    steps = jax.lax.map(lambda one: best(*one), (theta, velocity), batch_size=64)
    several = steps, jnp.roll(steps, 1), jnp.full_like(steps, guess)
    return steps, *(jax.vmap(risk)(theta, velocity, h) for h in several)


def over_limit(record: Record, *, spread: float | None = None) -> float:
    """Return E h*_m / h_∞; with another spread h_∞ is that of its law."""
    return float(record["mean"] / (record["exact_limit"] if spread is None else law(spread).step))


def over_constant(record: Record, *, spread: float | None = None) -> float:
    """Return m (E h*_m − h_∞)/c, what fluctuates to first order taken off."""
    constant = record["exact_constant"] if spread is None else law(spread).bias
    return float(record["particles"] * record["bias"] / constant)


def over_variance(record: Record, *, spread: float | None = None) -> float:
    """Return m Var h*_m / E ψ²."""
    variance = record["exact_variance"] if spread is None else law(spread).variance
    return float(record["particles"] * record["deviation"] ** 2 / variance)


def regret(record: Record, *, name: str = "regret") -> float:
    """Return m E[R(h) − R(h*_m)] / (R'' E ψ²), h the best step of another start, or of infinitely many particles."""
    return float(record["particles"] * record[name] / record["exact_curvature"] / record["exact_variance"])


def size_of_bias(record: Record) -> float:
    """Return |E h*_m − h_∞|."""
    return abs(float(record["bias"]))


def deviation(record: Record) -> float:
    """Return the standard deviation of h*_m."""
    return float(record["deviation"])


HOLDS = "one step from independent tanh units, mean-field time, m → ∞"
LIMIT, CONSTANT, VARIANCE, REGRET = (Prediction(1.0, "=", HOLDS, "meanfield") for _ in range(4))
BIAS_RATE = Prediction(-1.0, "slope", HOLDS, "meanfield")
FLUCTUATION_RATE = Prediction(-0.5, "slope", HOLDS, "meanfield")
OTHER = 0.5
"""The spread of input weights in controls."""

CLAIMS = (
    claim(
        "limit", "the best step in mean-field time, E h*_m / h_∞, m → ∞", LIMIT, checks.limit,
        select=OneStep.at(), x="particles", value=over_limit, order=1.0, what="E h*_m / h_∞",
        wrong="input weights half as large", control={"value": partial(over_limit, spread=OTHER)},
    ),
    claim(
        "bias", "m (E h*_m − h_∞) over its constant c, m → ∞", CONSTANT, checks.limit,
        select=OneStep.at(), x="particles", value=over_constant, order=1.0, what="m (E h*_m − h_∞) / c",
        wrong="input weights half as large", control={"value": partial(over_constant, spread=OTHER)},
    ),
    claim(
        "variance", "m Var h*_m over its constant E ψ², m → ∞", VARIANCE, checks.limit,
        select=OneStep.at(), x="particles", value=over_variance, order=1.0, what="m Var h*_m / E ψ²",
        wrong="input weights half as large", control={"value": partial(over_variance, spread=OTHER)},
    ),
    claim(
        "bias_rate", "on average it is off by O(1/m)", BIAS_RATE, checks.asymptotic_slope,
        select=OneStep.at(), x="particles", value=size_of_bias,
        wrong="its standard deviation", control={"value": deviation},
    ),
    claim(
        "fluctuation_rate", "from start to start it fluctuates by m^−½", FLUCTUATION_RATE, checks.asymptotic_slope,
        select=OneStep.at(), x="particles", value=deviation,
        wrong="its bias", control={"value": size_of_bias},
    ),
    claim(
        "regret", "a step tuned at another start costs R'' E ψ²/m", REGRET, checks.limit,
        select=OneStep.at(), x="particles", value=regret, order=1.0, what="m E[R(h) − R(h*_m)] / (R'' E ψ²)",
        wrong="tuned on infinitely many particles",
        control={"value": partial(regret, name="regret_of_limit")},
    ),
)  # fmt: skip

STUDY = Study(
    "best_step",
    "limits",
    "the step that is best for one step of m particles: its limit, its bias and its fluctuation",
    experiments=(OneStep,),
    claims=CLAIMS,
    panels=(
        Panel("Off by 1/m on average", OneStep.at(), "particles", size_of_bias, theory=BIAS_RATE,
              ylabel="|E h*$_m$ − h$_∞$| (mean-field time)"),
        Panel("Fluctuating by m$^{−1/2}$", OneStep.at(), "particles", deviation, theory=FLUCTUATION_RATE,
              ylabel="deviation of h*$_m$ (mean-field time)"),
        Panel("What another's step costs", OneStep.at(), "particles", regret, theory=REGRET, log="x",
              ylabel="m E[R(h) − R(h*$_m$)] / (R'' E ψ²)"),
    ),
)  # fmt: skip

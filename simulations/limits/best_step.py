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

REACH, CORRECTIONS = 3.0, 4
"""The best step is looked for up to so many times that of infinitely many, then corrected so often (Newton)."""


@cache
def law(spread: float) -> one_step.BestStep:
    """Return the limit for input weights of this standard deviation."""
    return one_step.best_step(X, Y, spread=spread)


def constants(spread: float) -> dict[str, float]:
    """Return what the values of a run tend to, by their names."""
    limit = law(spread)
    cost = limit.curvature * limit.variance
    return {"step": limit.step, "bias": limit.bias, "variance": limit.variance, "regret": cost}


class OneStep(Experiment):
    """Networks of tanh units that take one step each; numbers of a run are statistics over its networks."""

    particles: int = count(64, "m", "particles")
    spread: float = number(1.0, "s", "standard deviation of input weights at the start", above=0)
    networks: int = count(512, "", "networks", at_least=2)
    sizes = grid(
        smoke={"particles": (16, 64, 256), "networks": 1280, "seeds": 10},
        default={"particles": (16, 64, 256), "spread": (0.7, 1.0), "networks": 2048, "seeds": 16},
        large={"particles": (16, 64, 256, 1024), "spread": (0.7, 1.0, 1.4), "networks": 16384, "seeds": 20},
    )

    def run(self):
        theta = self.generator("starts").normal(size=(self.networks, self.particles, 3))
        theta *= [1.0, self.spread, self.spread]
        limit = law(self.spread)
        steps, own, other, infinite = (np.asarray(part) for part in tuned(theta, limit.step))
        shift = limit.influence(theta.reshape(-1, 3)).reshape(theta.shape[:2]).mean(axis=1)
        # The shift has mean zero: without it the bias would be lost in what fluctuates to first order.
        values = {"bias": np.mean(steps - shift) - limit.step, "variance": steps.var(ddof=1)}
        values |= {"regret": np.mean(other - own), "regret_of_limit": np.mean(infinite - own)}
        values = {"step": steps.mean()} | {name: self.particles * value for name, value in values.items()}
        return values | {f"exact_{name}": value for name, value in constants(self.spread).items()}


@jax.jit
def tuned(theta, guess):
    """Return the best steps of networks [R, m, 3], and the risks after them, after another's, and after `guess`."""
    problem = mf.Objective(mf.Neuron("tanh"), mf.Square(), X, Y, kernel=mf.integrals.Dense())

    def risk(start, velocity, h):
        return problem.risk(mf.Particles(start + h * velocity))

    def best(start, velocity):
        steps = jnp.linspace(0, REACH * guess, 16)
        at = steps[jnp.argmin(jax.vmap(lambda h: risk(start, velocity, h))(steps))]
        slope = jax.jacfwd(lambda h: risk(start, velocity, h))  # of one number: cheaper than backwards
        for _ in range(CORRECTIONS):
            at = jnp.clip(at - slope(at) / jax.jacfwd(slope)(at), at - steps[1], at + steps[1])
        return at

    velocity = jax.vmap(lambda start: problem.velocity(mf.Particles(start)))(theta)
    steps = jax.lax.map(lambda one: best(*one), (theta, velocity), batch_size=64)
    several = steps, jnp.roll(steps, 1), jnp.full_like(steps, guess)
    return steps, *(jax.vmap(risk)(theta, velocity, h) for h in several)


def ratio(record: Record, *, name: str, to: str = "", spread: float | None = None) -> float:
    """Return a value over the constant that it or another tends to; with a spread, over that of another law."""
    to = to or name
    return float(record[name] / (record[f"exact_{to}"] if spread is None else constants(spread)[to]))


REGRET_OF_LIMIT = partial(ratio, name="regret_of_limit", to="regret")
CONSTANT = Prediction(1.0, "=", "one step from independent tanh units, mean-field time, m → ∞", "meanfield")
OTHER = 0.5
"""The spread of input weights in controls."""


def constant(name: str, statement: str, what: str, wrong: str, control):
    """Return the claim that a ratio tends to 1."""
    return claim(
        name, f"{statement}, m → ∞", CONSTANT, checks.limit, select=OneStep.at(), x="particles", order=1.0, what=what,
        value=partial(ratio, name=name), wrong=wrong, control={"value": control},
    )  # fmt: skip


NARROW = "input weights half as large"
CLAIMS = (
    constant("step", "the best step in mean-field time, E h*_m / h_∞", "E h*_m / h_∞", NARROW,
             partial(ratio, name="step", spread=OTHER)),
    constant("bias", "m (E h*_m − h_∞) over its constant c", "m (E h*_m − h_∞) / c", NARROW,
             partial(ratio, name="bias", spread=OTHER)),
    constant("variance", "m Var h*_m over its constant E ψ²", "m Var h*_m / E ψ²", NARROW,
             partial(ratio, name="variance", spread=OTHER)),
    constant("regret", "m times what a step costs that was tuned at another start, over R'' E ψ²",
             "m E[R(h) − R(h*_m)] / (R'' E ψ²)", "tuned on infinitely many particles", REGRET_OF_LIMIT),
)  # fmt: skip

STUDY = Study(
    "best_step",
    "limits",
    "the step that is best for one step of m particles: its limit, its bias and its fluctuation",
    experiments=(OneStep,),
    claims=CLAIMS,
    panels=(
        Panel("The bias is c/m", OneStep.at(), "particles", partial(ratio, name="bias"), series="spread",
              theory=CONSTANT, log="x", ylabel="m (E h*$_m$ − h$_∞$) / c"),
        Panel("The variance is E ψ²/m", OneStep.at(), "particles", partial(ratio, name="variance"), series="spread",
              theory=CONSTANT, log="x", ylabel="m Var h*$_m$ / E ψ²"),
        Panel("What another's step costs", OneStep.at(), "particles", partial(ratio, name="regret"), series="spread",
              theory=CONSTANT, log="x", ylabel="m E[R(h) − R(h*$_m$)] / (R'' E ψ²)"),
    ),
)  # fmt: skip

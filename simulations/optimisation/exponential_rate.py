"""Weight decay on scale-invariant weights is a learning rate that grows: the same function, to rounding.

Neurons that see their weights by direction alone, a σ(w·x/|w|), turn by η/|w|² a step: weight decay keeps |w| from
growing, and with it the effective rate from falling. Li and Arora (2020): descent with decay λ and a constant rate, and
descent without decay and with a rate that grows exponentially, go through the same functions. With momentum there are
two such rates, one for each root of x² − (1 + γ − ηλ)x + γ, each with a buffer to start from, and none at all if
ηλ > (1 − √γ)². From rest, an exact equivalent of any schedule follows from the same recursion.

Runs are compared step by step with what rounding adds, by a model of independent errors that follows the path and grows
where descent is unstable. Wrong rates, buffers and decays are run beside the right ones.
"""

from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from simulations.optimisation import normalised_measures as measure
from simulations.optimisation.scheduled_heavy_ball import by_optax, heavy_ball
from simulations.records.record import between
from simulations.study.experiment import Experiment, grid
from simulations.study.parameters import choice, count, number
from simulations.study.study import Study, claim
from simulations.verdicts import checks
from theory import exponential_rate, normalised_descent
from theory.prediction import Prediction

UNITS = 240
"""Parameters of all particles at most: the analysis of rounding multiplies matrices of twice that size at each step."""

KINDS = (
    {},
    {"momentum": 0.5, "start": "larger"},
    {"momentum": 0.5, "start": "smaller"},
    {"momentum": 0.5, "schedule": "drop"},
    {"momentum": 0.5, "batch": 4},
)
MORE = (
    {"momentum": 0.9, "strength": 0.002, "start": "larger"},
    {"momentum": 0.9, "strength": 0.002, "schedule": "cosine"},
    {"momentum": 0.5, "activation": "relu"},
    {"momentum": 0.5, "activation": "erf", "batch": 4, "schedule": "cosine"},
)
FAR = ((0.9, 0.01), (0.5, 0.12))
FURTHER = ((0.5, 0.2), (0.7, 0.05), (0.8, 0.02), (0.9, 0.004), (0.9, 0.03), (0.95, 0.002), (0.95, 0.01))
"""Momentum and decay beyond (1 − √γ)²."""

LARGE = {"particles": 8, "samples": 24, "steps": 150}
HUGE = LARGE | {"particles": 30, "dimension": 7, "samples": 100}


def several(kinds: tuple, beyond: tuple, **common: Any) -> list[dict[str, Any]]:
    """Return the settings of one size."""
    far = [{"momentum": momentum, "strength": strength} for momentum, strength in beyond]
    return [common | kind for kind in (*kinds, *far)]


class Descents(Experiment):
    """Heavy-ball descent with decay of the weights of normalised neurons, its equivalent without, and wrong ones."""

    momentum: float = number(0.0, "γ", "share of the buffer that a step keeps", at_least=0, below=1)
    strength: float = number(0.01, "ηλ", "share of the weights that decay takes in a step of the first rate", above=0)
    rate: float = number(0.1, "η", "first rate", unit="mean-field time a step", above=0)
    schedule: str = choice(
        "constant",
        "rates; drop: to a tenth half way, cosine: to a tenth at the end",
        among=("constant", "drop", "cosine"),
    )
    start: str = choice(
        "rest", "of the equivalent run; else with the buffer of that root", among=("rest", "larger", "smaller")
    )
    batch: int = count(
        0, "", "samples that a step sees, the same ones in all runs; 0: all", at_least=0, at_most="samples"
    )
    activation: str = choice("tanh", "σ", among=tuple(normalised_descent.ACTIVATIONS))
    particles: int = count(5, "m", "neurons")
    dimension: int = count(3, "d", "inputs of a neuron")
    samples: int = count(12, "n", "training samples")
    steps: int = count(100, "T", "steps that are taken")
    sizes = grid(
        smoke=several(KINDS, FAR, seeds=3),
        default=several(KINDS + MORE, FAR + FURTHER, seeds=12, **LARGE),
        large=several(KINDS + MORE, FAR + FURTHER, seeds=100, **HUGE),
    )

    def refusal(self):
        if self.particles * (1 + self.dimension) > UNITS:
            return f"particles={self.particles}: expected at most {UNITS // (1 + self.dimension)} here."
        if self.start != "rest":
            if self.schedule != "constant" or (self.start == "smaller" and self.momentum == 0):
                return f"start={self.start!r}: expected 'rest' for this schedule and momentum."
            if self.beyond:
                return f"strength={self.strength:g}: expected at most {self.largest:.6g} for real roots."
        try:
            _ = self.factors
        except ValueError:
            return f"steps={self.steps}: expected fewer, the equivalent rate leaves float64."
        return None

    @property
    def largest(self) -> float:
        """(1 − √γ)², the strongest decay for which some positive rate is equivalent for ever."""
        return float(exponential_rate.largest_strength(self.momentum))

    @property
    def beyond(self) -> bool:
        return self.strength > self.largest

    @property
    def decay(self) -> float:
        """λ."""
        return self.strength / self.rate

    @cached_property
    def rates(self) -> np.ndarray:
        """η_t with decay, [T]."""
        t = np.arange(self.steps) / self.steps
        if self.schedule == "drop":
            return self.rate * np.where(t < 0.5, 1.0, 0.1)
        if self.schedule == "cosine":
            return self.rate * (0.1 + 0.9 * np.cos(np.pi * t / 2) ** 2)
        return np.full(self.steps, self.rate)

    @cached_property
    def factors(self) -> np.ndarray:
        """c_t, by which the weights of both runs differ, [T + 1]."""
        if self.start == "rest":
            return exponential_rate.factors(self.rates, self.decay, self.momentum)
        return exponential_rate.root_factors(self.momentum, self.strength, self.steps, self.start)

    @cached_property
    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Samples [n, d], and targets of two neurons of opposite sign."""
        random = self.generator("samples")
        x = random.normal(size=(self.samples, self.dimension))
        return x, np.tanh(x @ random.normal(size=(self.dimension, 2))) @ np.array([1.0, -1.0])

    @cached_property
    def fresh(self) -> np.ndarray:
        """Inputs at which functions are compared, [32, d]."""
        return self.generator("fresh inputs").normal(size=(32, self.dimension))

    @cached_property
    def theta(self) -> np.ndarray:
        """Neurons at the start, [m, 1 + d]."""
        theta = self.generator("start").normal(size=(self.particles, 1 + self.dimension))
        # A neuron near the origin turns at once, and by as much as its rounding errors.
        norm = np.linalg.norm(theta[:, 1:], axis=1, keepdims=True)
        theta[:, 1:] *= np.maximum(1, np.sqrt(self.dimension) / norm)
        return theta

    @cached_property
    def kinds(self) -> dict[str, dict[str, Any]]:
        """Rates of input weights, and what else is not as in descent without decay, by the name of the run."""
        eta, c = self.rates, self.factors
        first = {"buffer": exponential_rate.initial_buffer(1.0, self.rate, c[1])}
        buffered = {} if self.start == "rest" else first
        same, weights, both = exponential_rate.equivalent_rates(eta, c), (0.0, self.decay), (self.decay, self.decay)
        return {
            "decay": {"rates": eta, "decay": weights},
            "same": {"rates": same, **buffered},
            "plain": {"rates": eta},
            "even": {"rates": eta / c[:-1] ** 2, **buffered},
            "half": {"rates": eta / np.abs(c[:-1]), **buffered},
            "unbuffered": {"rates": same},
            "everywhere": {"rates": eta, "decay": both},
            "decoupled": {"rates": eta, "decoupled": weights},
        }

    def run(self):
        paths, status = self.paths()
        values = {"factors": self.factors, "rates": self.rates, "equivalent_rates": self.kinds["same"]["rates"]}
        with np.errstate(over="ignore", invalid="ignore"):  # where descent is unstable the bound may be infinite
            return values | self.theory() | measure.compared(paths, self.factors) | self.bounds(
                paths["decay"]["positions"]
            ), status

    def paths(self) -> tuple[measure.Paths, str]:
        """Return positions, functions at new inputs and risk in time by the name of the run, and how runs ended that
        must not diverge.
        """
        unit, (x, y), eta = mf.units.NormalisedNeuron(self.activation), self.data, self.rates
        objective = mf.Objective(unit, mf.Square(), x, y, kernel=mf.integrals.Dense())
        watched = [mf.Positions(), mf.Predictions(self.fresh), mf.Risk()]
        descend = partial(mf.simulate_replicas, times=np.arange(self.steps + 1.0), observables=watched)
        mu, batch, kinds = mf.Particles(self.theta), self.batch or None, self.kinds
        flows = [heavy_ball(self.theta, eta, self.momentum, batch=batch, **kind) for kind in kinds.values()]
        # One key, so that a step sees the same samples in all runs.
        runs = dict(zip(kinds, descend(objective, flows, mu, keys=[self.key("batches")] * len(flows)), strict=True))
        if not self.batch:
            flows = [by_optax(self.theta, eta, self.momentum, **kinds[name]) for name in ("decay", "same")]
            runs |= zip(("optax_decay", "optax_same"), descend(objective, flows, mu), strict=True)
        # Wrong rates may diverge: what is missing then is infinitely far away.
        paths = {
            name: {kind: measure.until(self.steps + 1, np.asarray(value)) for kind, value in run.values.items()}
            for name, run in runs.items()
        }
        needed = ["decay"] if self.beyond else ["decay", "same", "plain"]
        return paths, next((runs[name].status for name in needed if not runs[name].done), "done")

    def bounds(self, path: np.ndarray) -> dict[str, np.ndarray]:
        """Return how far apart rounding may drive the two: parameters, and the function, [T + 1]."""
        if not np.all(np.isfinite(path)):
            return dict.fromkeys(("error_bound", "gap_bound"), np.full(self.steps + 1, np.inf))
        roundoff, (x, y), rows = float(np.finfo(float).eps) / 2, self.data, self.rows()
        moved = np.concatenate([np.zeros_like(path[:1]), path[:-1] - path[1:]])
        known = normalised_descent.Path(path, moved, x[rows], y[rows], self.rates, self.momentum, self.decay)
        spread = normalised_descent.rounding_covariance(known, self.factors, roundoff, self.activation)
        gap = normalised_descent.prediction_bound(path, spread, self.fresh, roundoff, self.activation)
        return {"error_bound": normalised_descent.rounding_bound(spread), "gap_bound": gap}

    def rows(self) -> np.ndarray:
        """Return the samples that every step sees, [T, samples of a step]."""
        if not self.batch:
            return np.broadcast_to(np.arange(self.samples), (self.steps, self.samples))
        draws, key = mf.gradients.Minibatch(self.batch), self.key("batches")
        return np.asarray(jax.vmap(lambda k: draws.rows(key, k, self.samples))(jnp.arange(self.steps)))

    def theory(self) -> dict[str, Any]:
        """Return when no positive rate is equivalent any more, and half a turn of complex roots."""
        gamma, strength = self.momentum, self.strength
        angle = np.pi / np.arccos((1 + gamma - strength) / (2 * gamma**0.5)) if self.beyond else np.inf
        return {"exact_lasts": exponential_rate.lasts(gamma, strength), "exact_half_turn": angle}


within = Descents.at("same_error").where(lambda record: record["exact_lasts"] > record["steps"])
"""Runs in which a positive rate is equivalent at all steps."""

beyond = Descents.at("same_error").where(lambda record: record["exact_lasts"] <= record["steps"])
"""Runs in which none is after some steps, and which have that many."""

descent = within.where(momentum=0.0, schedule="constant", batch=0)
from_rest = within.where(start="rest", batch=0, momentum=between(1e-9, 1))
stochastic = within.where(batch=between(1, np.inf))

EXACT = "exact for scale-invariant weights; six deviations of independent rounding errors, carried along the path"
ROUNDING = Prediction(1.0, "<=", EXACT, "li2020exponential")
OWN = Prediction(1.0, "<=", EXACT, "meanfield")
SIGN = Prediction(1.0, "=", "constant rate from rest, ηλ > (1 − √γ)²", "meanfield")

identity = partial(claim, check=checks.largest, kind="identity", what="distance / bound")

CLAIMS = (
    identity(
        "descent", "rates η(1 − ηλ)^(−2t−1) without decay: parameters, over the bound on rounding", ROUNDING,
        select=descent, value=measure.over_bound("same_error"),
        wrong="exponent −2t", control={"value": measure.over_bound("even_error")},
    ),
    identity(
        "momentum", "rates η r^(−2t−1), r the larger root, with its buffer: over the bound on rounding", ROUNDING,
        select=within.where(start="larger"), value=measure.over_bound("same_error"),
        wrong="no buffer at the start", control={"value": measure.over_bound("unbuffered_error")},
    ),
    identity(
        "smaller_root", "the same for the smaller root, another rate for the same run", OWN,
        select=within.where(start="smaller"), value=measure.over_bound("same_error"),
        wrong="exponent −2t", control={"value": measure.over_bound("even_error")},
    ),
    identity(
        "schedule", "momentum from rest, any schedule: rates η_t/(c_t c_(t+1)), over the bound on rounding", OWN,
        select=from_rest, value=measure.over_bound("same_error"),
        wrong="decay after the momentum", control={"value": measure.over_bound("decoupled_error")},
    ),
    identity(
        "stochastic", "a few samples a step, the same in both runs: over the bound on rounding", ROUNDING,
        select=stochastic, value=measure.over_bound("same_error"),
        wrong="decay of output weights, too", control={"value": measure.over_bound("everywhere_error")},
    ),
    identity(
        "function", "both runs go through the same functions, at new inputs: over the bound on rounding", ROUNDING,
        select=within, value=measure.over_bound("same_gap", bound="gap_bound"),
        wrong="rates η_t/c_t", control={"value": measure.over_bound("half_gap", bound="gap_bound")},
    ),
    claim(
        "condition", "beyond (1 − √γ)² the equivalence ends at the step at which c_t turns negative", SIGN, checks.mean,
        select=beyond.where(start="rest", schedule="constant"), value=measure.lasts_over, what="steps / predicted",
        widest=0.01, wrong="half a turn of the complex roots",
        control={"value": partial(measure.lasts_over, name="exact_half_turn")},
    ),
)  # fmt: skip

# Another implementation of both runs: the engine's, but for the last bits.
SANITY = (
    identity(
        "optax", "both runs by another implementation: over the bound on rounding", OWN,
        select=within.where(batch=0), value=measure.over_bound("optax_decay_error", "optax_same_error"),
        wrong="decay beyond (1 − √γ)²", control={"select": beyond.where(batch=0)},
    ),
)  # fmt: skip

STUDY = Study(
    name="exponential_rate",
    group="optimisation",
    summary="weight decay of normalised weights is a rate that grows exponentially, to rounding; and when it is not",
    experiments=(Descents,),
    claims=CLAIMS,
    sanity=SANITY,
)

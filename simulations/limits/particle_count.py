"""How a network of m particles leaves its limit: the law of large numbers and the central limit theorem in m.

At the start units are independent, so all is exact at every m: the covariance of f is that of the limiting Gaussian
process over m, and the excess kurtosis of f is 15/m. At the output scale α = √m the covariance stays and f becomes a
Gaussian process. At α = 1 it vanishes and f has a deterministic limit f_∞ in training, E|f_m − f_∞|² = C(t)/m
+ O(m⁻²): C(t) is the variance of ψ_t(θ), the linear response of the limit to mass at θ in its initial measure, which
is computed without sampling and without the engine. Fluctuations stay below the Monte-Carlo error of fresh draws, and
where the limit interpolates they heal: on the samples, though not between them (Rotskoff & Vanden-Eijnden 2018; Chen
et al. 2020).

A run has many networks, which differ in their initial draw alone. Their variance tells C(t) to a tenth; each network
beside its own linear response (1/m) Σ_j ψ_t(θ_j) − ∫ ψ_t dμ_0 tells ψ_t to a hundredth, by the same runs.
"""

from collections.abc import Mapping
from functools import cached_property, partial
from typing import Any

import jax.numpy as jnp
import numpy as np

import meanfield as mf
from simulations.limits import fluctuations as measure
from simulations.limits.box_limit import BOX, LONGEST, Limit, limit, looks, on_a_line
from simulations.limits.conditional_moments import conditional_moments
from simulations.records.record import Select, between, widest
from simulations.study.experiment import Experiment, grid
from simulations.study.parameters import choice, count, number
from simulations.study.simulation import Setup, Simulations
from simulations.study.starts import masses
from simulations.study.study import Study, claim
from simulations.verdicts import checks
from theory import initial_law
from theory.prediction import Prediction

MEAN_FIELD, TANGENT = 0.0, 0.5
"""Exponents of m in the output scale."""

ROOM = 256
"""Particles in training come in multiples of this, those beyond m with no mass: all m up to it share one program."""

PENALTY = 0.02
CONTROLS = 5
"""Seeds with runs for controls alone."""
EARLY, HALF, LATE, END = 2.0, 5.0, 10.0, 20.0
"""Times of the claims in training (mean-field time)."""

MANY = 50
"""Particles from which on what is O(1/m) beside a constant is less than its error."""


def ensembles(replicas: Mapping[int, int], exponent: float, seeds: int) -> list[dict[str, Any]]:
    """Return runs with so many networks of every m, and fewer for controls with the other exponent."""
    kinds = ((exponent, seeds), (TANGENT + MEAN_FIELD - exponent, CONTROLS))
    return [
        {"particles": m, "replicas": networks, "exponent": power, "seeds": several}
        for m, networks in replicas.items()
        for power, several in kinds
    ]


class Ensemble(Experiment):
    """Experiments on networks of m particles that differ in their initial draw alone."""

    particles: int = count(64, "m", "particles")
    exponent: float = number(MEAN_FIELD, "", "exponent of m in the output scale: 0 mean-field, 0.5 neural-tangent")
    alpha: float = number(1.0, "α", "output scale at m = 1; it is alpha · m^exponent", unit="output units", above=0)
    replicas: int = count(60, "", "networks, whose variance and law are measured", at_least=2)

    @property
    def scale(self) -> float:
        """The output scale α."""
        return self.alpha * self.particles**self.exponent


class Untrained(Ensemble):
    """ReLU networks with Gaussian weights at the start: moments of f, and of its law given the input weights."""

    output: str = choice("gaussian", "law of the output weights: N(0, 1) or ±1", among=("gaussian", "signs"))
    dimension: int = count(3, "d", "inputs")
    samples: int = count(4, "n", "samples, of every length and angle")
    sizes = grid(
        smoke=[
            *ensembles(dict.fromkeys((4, 16, 64), 1200), TANGENT, 7),
            {"output": "signs", "particles": (4, 16, 64), "replicas": 1200, "exponent": TANGENT, "seeds": 16},
        ],
        default=[
            *ensembles({4: 20000, 16: 20000, 64: 20000, 256: 8000, 1024: 4000}, TANGENT, 10),
            {"output": "signs", "particles": 16, "replicas": 20000, "exponent": TANGENT, "seeds": 10},
        ],
        large=[
            *ensembles({4: 200000, 16: 200000, 64: 200000, 256: 100000, 1024: 40000, 4096: 10000}, TANGENT, 20),
            {"output": "signs", "particles": 16, "replicas": 200000, "exponent": TANGENT, "seeds": 20},
        ],
    )

    def run(self):
        x = self.generator("inputs").normal(size=(self.samples, self.dimension))
        objective = mf.Objective(mf.Neuron("relu"), mf.Square(), x, np.zeros(len(x)), scale=self.scale)
        # Both laws have input weights of their own, so that what is claimed of one is no echo of the other.
        law = " with signs" if self.output == "signs" else ""
        key = self.key(f"networks of {self.particles} particles{law}")
        mass = masses(self.particles, 64)
        drawn = conditional_moments(np.asarray(self.output == "signs"), self.replicas, key, objective, mass)
        f, variance, quartic = (np.asarray(part) for part in drawn)
        half = self.replicas // 2
        fourth = 3.0 if self.output == "gaussian" else 1.0
        return {
            "x": x,
            "outputs": f[:, 0].astype(np.float32),
            "second": np.mean(f**2, axis=0),
            "covariance_halves": np.stack([part.T @ part / half for part in (f[:half], f[half : 2 * half])]),
            "conditional": np.stack([variance.mean(axis=0), np.mean(variance**2, axis=0), quartic.mean(axis=0)]),
            "limit_covariance": initial_law.output_covariance(x, self.particles, self.scale),
            "limit_kurtosis": np.array([initial_law.output_kurtosis(self.particles, fourth_moment=fourth).value]),
        }


class Trained(Ensemble, Simulations):
    """tanh networks with bias that descend on the line from a box, beside the limit of infinitely many particles."""

    samples: int = count(3, "n", "samples; the network is tested between them", at_least=2)
    penalty: float = number(0.0, "λ", "strength of the penalty (λ/2)|θ|²", unit="output² / parameter²", at_least=0)
    time: float = number(END, "T", "final time", unit="mean-field time", above=0, batched=False)
    step: float = number(0.5, "h", "step of gradient descent", unit="mean-field time", above=0, batched=False)
    sizes = grid(
        smoke=[
            *ensembles(dict.fromkeys((16, 64, 256), 24), MEAN_FIELD, 20),
            {"particles": 256, "replicas": 24, "penalty": PENALTY, "seeds": 20},
        ],
        default=[
            *ensembles(dict.fromkeys((32, 128, 512, 2048, 8192), 60), MEAN_FIELD, 10),
            {"particles": 2048, "penalty": PENALTY, "seeds": 10},
            {"particles": 8192, "penalty": (0.0, PENALTY), "time": 50.0, "seeds": 10},
        ],
        large=[
            *ensembles({128: 300, 512: 300, 2048: 300, 8192: 300, 32768: 100}, MEAN_FIELD, 20),
            {"particles": 8192, "replicas": 300, "penalty": PENALTY, "seeds": 20},
            {"particles": 32768, "replicas": 100, "penalty": (0.0, PENALTY), "time": 100.0, "seeds": 20},
        ],
    )

    def refusal(self):
        steps = self.time / self.step
        if not 0.5 < steps < LONGEST + 0.5:
            return f"step={self.step:g}: makes {steps:g} steps up to time={self.time:g}; expected 1 to {LONGEST}."
        return None

    @property
    def limit(self) -> Limit:
        """The descent of infinitely many particles, at the scale α of m = 1."""
        return limit(self.samples, self.alpha, self.penalty, self.time, self.step)

    @cached_property
    def theta(self) -> np.ndarray:
        """The particles at the start, with room for as many as share a program: [replicas, …, 3]."""
        rng, room = self.generator(f"networks of {self.particles} particles"), len(masses(self.particles, ROOM))
        return rng.uniform(-1, 1, (self.replicas, room, len(BOX))) * BOX

    def setups(self):
        x, between, y = on_a_line(self.samples)
        unit, mass = mf.Neuron("tanh", bias=True), masses(self.particles, ROOM)
        problem = mf.Objective(unit, mf.Square(), x, y, scale=self.scale, penalty=mf.WeightDecay(self.penalty))
        observe = {"train": mf.Predictions(), "test": mf.Predictions(jnp.asarray(between))}
        flow, times = mf.GradientFlow(self.step), self.step * looks(self.time, self.step)
        return {"networks": [Setup(problem, mf.Particles(one, mass), flow, times, observe) for one in self.theta]}

    def measure(self, runs):
        """The limit, mean squared distances to it, and how they agree with each network's own linear response."""
        networks, exact = runs["networks"], self.limit
        apart = np.stack([run.values["train"] for run in networks]) - exact.values["predictions"]
        test_apart = np.stack([run.values["test"] for run in networks]) - exact.values["test_predictions"]
        values = {"times": exact.times, "y": on_a_line(self.samples)[2]}
        values |= {f"limit_{name}": value for name, value in exact.values.items()}
        values |= {"distance": np.mean(apart**2, axis=(0, 2)), "test_distance": np.mean(test_apart**2, axis=(0, 2))}
        if self.exponent == MEAN_FIELD:
            linear = exact.linear(self.theta[:, : self.particles])
            everywhere = np.concatenate([apart, test_apart], axis=2)[:, exact.seen]
            values["response_times"] = exact.times[exact.seen]
            parts = {"": slice(self.samples), "test_": slice(self.samples, None), "all_": slice(None)}
            for name, inputs in parts.items():
                found = measure.responses(everywhere[..., inputs], linear[..., inputs])
                values |= {f"{name}{kind}": value for kind, value in found.items()}
        return values


start_runs = partial(Untrained.at, "conditional")
"""Untrained ensembles."""


def trained_runs(at: float, exponent: float = MEAN_FIELD, penalty: float = 0.0, **more: Any) -> Select:
    """Ensembles in training that were looked at at this time."""
    return Trained.at("distance", exponent=exponent, penalty=penalty, alpha=1.0, **more).where(measure.seen_at(at))


EXACT = "ReLU, w ~ N(0, I), m independent units, every m"
FOURTH = Prediction(1.0, "=", f"excess kurtosis over (6 E a⁴ − 3)/m; {EXACT}", "meanfield")
VARIANCE = Prediction(1.0, "=", f"E f² over α²|x|²/2m; {EXACT}", "lee2018deep")
STAYS = Prediction(0.0, "slope", f"E f² in m at α = √m; {EXACT}", "lee2018deep")
COVARIANCE = Prediction(0.0, "=", f"covariance of f less (α²/m) times the arc-cosine kernel; {EXACT}", "lee2018deep")
AT_START = Prediction(1.0, "=", "m E|f_m − f_∞|²/C(0), independent units, every m", "rotskoff2022trainability")
CONSTANT = Prediction(1.0, "=", "m E|f_m − f_∞|²/C(t), smooth units, m → ∞", "chen2020dynamical")
RATE = Prediction(-1.0, "slope", "E|f_m − f_∞|² in m → ∞ at a fixed time, α = 1", "rotskoff2022trainability")
SECOND = Prediction(-1.0, "slope", "relative squared remainder of the linear response, m → ∞", "meanfield")
RESPONSE = Prediction(1.0, "=", "f_m − f_∞ on (1/m) Σ_j ψ_t(θ_j) − ∫ ψ_t dμ_0, smooth units, m → ∞", "meanfield")
RESAMPLED = Prediction(1.0, "<=", "m E|f_m − f_∞|² over that of fresh draws at t, t → ∞", "chen2020dynamical")
HEALED = Prediction(0.0, "<=", "the limit interpolates: training fluctuations vanish as t → ∞", "chen2020dynamical")

late, ended = widest(trained_runs(LATE)), widest(trained_runs(END))
lazy_start = start_runs(exponent=TANGENT, output="gaussian")

CLAIMS = (
    claim(
        "variance", "start: variance of f over α²|x|²/2m, α = √m, every m", VARIANCE, checks.mean,
        select=lazy_start, value=measure.variance_ratio, what="E f² / exact",
        wrong="the law of linear units", control={"value": partial(measure.variance_ratio, activation="linear")},
    ),
    claim(
        "covariance", "start: squared distance of the covariance of f to the arc-cosine kernel, α = √m (share)",
        COVARIANCE, checks.mean,
        select=lazy_start, value=measure.covariance_error, what="‖Cov f − C‖²/‖C‖²",
        widest=0.05,
        wrong="1/π for 1/2π", control={"value": lambda record: measure.covariance_error(record, factor=2.0)},
    ),
    claim(
        "kurtosis_gaussian", "start: f becomes Gaussian, its excess kurtosis over 15/m, Gaussian output weights",
        FOURTH, checks.mean,
        select=lazy_start, value=measure.kurtosis_ratio, what="m κ / 15",
        wrong="output weights ±1", control={"select": start_runs(exponent=TANGENT, output="signs")},
    ),
    claim(
        "kurtosis_signs", "start: excess kurtosis of f over 3/m, output weights ±1", FOURTH, checks.mean,
        select=start_runs(exponent=TANGENT, output="signs"), what="m κ / 3",
        value=lambda record: measure.kurtosis_ratio(record, fourth_moment=1.0),
        wrong="Gaussian output weights", control={"select": lazy_start},
    ),
    claim(
        "fluctuation_start", "training, t = 0: m E|f_m − f_∞|² over C(0), every m", AT_START, checks.mean,
        select=trained_runs(0.0), value=measure.over_limit(0.0), what="m E|f_m − f_∞|²/C(0)",
        wrong="C(2) for C(0)", control={"value": measure.over_limit(0.0, of=EARLY)},
    ),
    claim(
        "fluctuation_early", f"training, t = 2: m E|f_m − f_∞|² over C(t), m ≥ {MANY}", CONSTANT, checks.mean,
        select=trained_runs(EARLY, particles=between(MANY, np.inf)), value=measure.over_limit(EARLY),
        what="m E|f_m − f_∞|²/C(2)", wrong="C(0) for C(t)", control={"value": measure.over_limit(EARLY, of=0.0)},
    ),
    claim(
        "rate", "training, t = 2: E|f_m − f_∞|² falls as 1/m", RATE, checks.slope,
        select=trained_runs(EARLY), x="particles", value=measure.distance(EARLY),
        wrong="α = √m", control={"select": trained_runs(EARLY, exponent=TANGENT)},
    ),
    claim(
        "linear_response", "training, t = 5: the share of |f_m − f_∞|² that the linear response leaves falls as 1/m",
        SECOND, checks.slope,
        select=trained_runs(HALF), x="particles", value=measure.remainder(HALF),
        wrong="the response of the start", control={"value": measure.remainder(HALF, of=0.0)},
    ),
    claim(
        "fluctuation_late", "training, t = 10: f_m − f_∞ on its linear response, largest m", RESPONSE, checks.mean,
        select=late, value=measure.on_response(LATE), what="coefficient",
        wrong="the response to t = 2", control={"value": measure.on_response(LATE, of=EARLY)},
    ),
    claim(
        "healing_samples", "training, t = 20: f_m − f_∞ on its linear response where the limit interpolates",
        RESPONSE, checks.mean,
        select=ended, value=measure.on_response(END), what="coefficient",
        wrong="the response to t = 10", control={"value": measure.on_response(END, of=LATE)},
    ),
    claim(
        "healing_between", "training, t = 20: between the samples deviations remain, f_m − f_∞ on its linear response",
        RESPONSE, checks.mean,
        select=ended, value=measure.on_response(END, kind="test_"), what="coefficient between samples",
        wrong="the response to t = 2", control={"value": measure.on_response(END, of=EARLY, kind="test_")},
    ),
    claim(
        "penalised", "training with penalty, t = 20: f_m − f_∞ on its linear response", RESPONSE, checks.mean,
        select=widest(trained_runs(END, penalty=PENALTY)), value=measure.on_response(END), what="coefficient",
        wrong="the response to t = 10", control={"value": measure.on_response(END, of=LATE)},
    ),
)  # fmt: skip

SANITY = (
    claim(
        "resampling", "training, t = 10: m E|f_m − f_∞|² over that of m fresh draws of the law at t", RESAMPLED,
        checks.mean,
        select=late, value=measure.over_limit(LATE, "resampling"), what="m E|f_m − f_∞|² / Monte Carlo",
        wrong="α = √m", control={"select": widest(trained_runs(LATE, exponent=TANGENT))},
    ),
    claim(
        "healed", "training, t = 20: log(E|f_m − f_∞|² on the samples / between them)", HEALED, checks.mean,
        select=ended, value=measure.log_train_over_test(END), what="log ratio at the largest m",
        wrong="t = 0", control={"value": measure.log_train_over_test(0.0)},
    ),
)  # fmt: skip

STUDY = Study(
    "particle_count",
    "limits",
    "the law of large numbers and the central limit theorem in m, with exact constants, at the start and in training",
    experiments=(Untrained, Trained),
    claims=CLAIMS,
    sanity=SANITY,
)

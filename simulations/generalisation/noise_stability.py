"""How much noise a trained network forgives, and what compression bounds make of that: true against random labels.

Arora, Ge, Neyshabur & Zhang (2018): a layer that hands on its signal better than noise of a random direction can be
compressed, and what can be compressed generalises. The cushions say how well it does. That they are what they say is
exact: Gaussian noise through a layer grows, relative to the signal, by 1/μ₁² in the mean, and infinitesimal noise on
the hidden units reaches the output multiplied by 1/(m μ₁₂²).

ReLU networks of m units, both layers trained by Adam on the logistic loss of two digits, labels of which a growing
share is random, from the same starts. Trained on true labels they forgive much more noise: the order is as it should
be. But the norms of the same networks order them as well; and the theorem's bound, constants and logarithms left out,
is vacuous at every share and counts more parameters than the network has. It takes the worse of μ₁₂ and 1/√m, so that
an interlayer cushion above 1/√m, which is what training leaves, gains nothing; and it takes the worst sample. From
half to all labels random it does not even grow.

An interval over seeds is one over random splits of the same images.
"""

import functools
from functools import cached_property, partial

import jax
import jax.numpy as jnp
import numpy as np
import optax

import meanfield as mf
from simulations.generalisation.compression import error_bounds, noise_response
from simulations.generalisation.digits import PIXELS, corrupted, digits_refusal, replaced, two_digits
from simulations.records.record import Record, Records
from simulations.study.experiment import grid
from simulations.study.parameters import count, number
from simulations.study.simulation import Setup, Simulations
from simulations.study.study import Study, claim
from simulations.verdicts import checks
from theory.prediction import Prediction

KEPT = ("input", "output", "interlayer", "contraction", "attenuation", "rank_input")
"""Values of `mf.observables.cushions` that records hold, a number a sample each."""


@functools.cache
def adam(rate: float) -> mf.Flow:
    """Return Adam, as one object for all runs of a rate: they share a program, and are prepared once."""
    return mf.OptimiserFlow(optax.adam(rate))


def cushions(objective: mf.Objective, mu: mf.Particles) -> jax.Array:
    """Return `KEPT` of the network, [kept, n]."""
    found = mf.observables.cushions(objective, mu)
    return jnp.stack([jnp.broadcast_to(getattr(found, name), objective.y.shape) for name in KEPT])


def norm(theta: np.ndarray) -> float:
    """Return ½ mean |θ|² over the particles."""
    return float(np.mean(np.sum(theta**2, axis=1)) / 2)


class Networks(Simulations):
    """Networks of one start, trained on labels of two digits of which a growing share is random."""

    first: int = count(3, "", "digit labelled +1", at_least=0, at_most=9)
    second: int = count(8, "", "digit labelled −1", at_least=0, at_most=9)
    samples: int = count(100, "n", "training samples", at_least=4)
    tested: int = count(200, "", "test samples, whose labels are the true ones")
    levels: int = count(3, "", "shares of random labels, evenly from 0 to 1", at_least=2)
    particles: int = count(64, "m", "particles")
    steps: int = count(400, "", "updates of Adam")
    rate: float = number(0.01, "", "step of Adam", unit="parameter units", above=0, batched=False)
    spread: float = number(0.5, "", "standard deviation of parameters at the start", unit="parameter units", above=0)
    alpha: float = number(8.0, "α", "output scale", unit="output units", above=0)
    draws: int = count(10, "", "draws of noise for every sample")
    precision = "float32"
    sizes = grid(
        smoke={"seeds": 24},
        default={"samples": 150, "levels": 5, "particles": 128, "steps": 600, "seeds": 32},
        paper={"samples": 250, "tested": 107, "levels": 6, "particles": (64, 256, 1024, 4096), "steps": 20_000,
               "seeds": 100},
    )  # fmt: skip

    def refusal(self):
        return digits_refusal(self.first, self.second, self.samples, self.tested)

    @cached_property
    def data(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        return two_digits(self.first, self.second, self.samples, self.tested, self.generator("split"))

    @cached_property
    def replaced(self) -> np.ndarray:
        return replaced(self.samples, self.levels)

    @cached_property
    def labels(self) -> np.ndarray:
        return corrupted(self.data[1], self.replaced, self.generator("labels"))

    @cached_property
    def theta(self) -> np.ndarray:
        return self.spread * self.generator("start").normal(size=(self.particles, 1 + PIXELS))

    def setups(self):
        x, start = self.data[0].astype(np.float32), mf.Particles(self.theta.astype(np.float32))
        flow, times = adam(self.rate), [0.0, float(self.steps)]
        problems = [
            mf.Objective(mf.Neuron("relu"), mf.Logistic(), x, y, scale=self.alpha)
            for y in self.labels.astype(np.float32)
        ]
        return {"levels": [Setup(problem, start, flow, times, {"cushions": cushions}) for problem in problems]}

    def measure(self, runs):
        """Return cushions (before training, and after it), noise, bounds and errors, a row a level."""
        shares = {"shares": self.replaced / self.samples}
        if not all(run.done for run in runs["levels"]):
            return shares
        seen = np.stack([run.values["cushions"] for run in runs["levels"]]).astype(float)
        kept = {name: seen[:, 1, i] for i, name in enumerate(KEPT)}
        before = {f"start_{name}": seen[:, 0, i] for i, name in enumerate(KEPT)}
        before["start_norm"] = np.full(self.levels, norm(self.theta))
        random = self.generator("noise")
        rows = [
            self.after(np.asarray(run.particles.position, float), y, {name: kept[name][i] for name in KEPT}, random)
            for i, (run, y) in enumerate(zip(runs["levels"], self.labels, strict=True))
        ]
        return shares | before | kept | {name: np.stack([row[name] for row in rows]) for name in rows[0]}

    def after(self, theta: np.ndarray, y: np.ndarray, kept: dict, random: np.random.Generator) -> dict:
        """Return noise through one trained network, its bounds, norm, margin and errors."""
        x, _, x_test, y_test = self.data
        w, a = theta[:, 1:], self.alpha / self.particles * theta[:, 0]
        sure, tested = y * (np.maximum(x @ w.T, 0) @ a), np.maximum(x_test @ w.T, 0) @ a
        values = noise_response(w, a, x, self.draws, random)
        values |= {"norm": np.asarray(norm(theta)), "margin": np.min(sure)}
        values |= {"train_error": np.mean(sure <= 0), "test_error": np.mean((tested > 0) != (y_test > 0))}
        return values | {f"bound_{name}": bound for name, bound in error_bounds(w, a, x, y, kept).items()}

    def theory(self):
        """Return the mean of |φ|²/|z|² for weights with a symmetric law, and a bound by counting parameters."""
        return {"exact_passed": 0.5, "count_bound": (self.particles * (PIXELS + 1) / self.samples) ** 0.5}


def trained(records: Records) -> Records:
    """Return networks without an error on their training samples, of the width that most runs have."""
    chosen = Networks.at("gain")(records).where(lambda record: bool(np.all(record["train_error"] == 0)))
    chosen = chosen.where(lambda record: record["samples"] >= 30 and record["particles"] >= 8)
    widths = list(chosen.column("particles"))
    return chosen.where(particles=max(widths, key=lambda m: (widths.count(m), -m), default=None))


def gain_over_exact(record: Record, norm: str = "frobenius") -> float:
    """Return relative noise behind the first layer over 1/μ₁²; with "spectral" over the same with ‖W‖ for ‖W‖_F."""
    ratio = record["gain"] / record["exact_gain"]
    return float(np.mean(ratio * record["rank_input"] if norm == "spectral" else ratio))


def response_over_exact(record: Record, on: str = "active") -> float:
    """Return relative noise of the output over that of the hidden units, over 1/(m μ₁₂²), for the least noise; with
    "all" the units that are off at a sample are counted as well.
    """
    exact = record["attenuation"]
    if on == "all":
        exact = record["contraction"] ** 2 / (record["particles"] * record["output"] ** 2)
    return float(np.mean(record["response"][:, 0] / exact))


def passed(record: Record, power: float = 2.0) -> float:
    """Return (|φ|/|z|)^power before training, mean over samples."""
    return float(np.mean(record["start_contraction"][0] ** -power))


def log_attenuation(record: Record, start: str = "") -> float:
    """Return log 1/(m μ₁₂²) after training on true labels, mean over samples."""
    return float(np.mean(np.log(record[f"{start}attenuation"][0])))


def log_ratio(record: Record, *, of: str, sign: float = 1.0) -> float:
    """Return log(mean over samples of a quantity after random labels / after true ones)."""
    last, first = (np.mean(record[of][level]) for level in (-1, 0))
    return float(sign * np.log(last / first))


def log_bound(record: Record, name: str = "compression", samples: float = 1.0) -> float:
    """Return the log of a bound for true labels; with so many times the samples."""
    return float(np.log(record[f"bound_{name}"][0] / np.sqrt(samples)))


def log_counted(record: Record, name: str = "compression") -> float:
    """Return log(bound / √(parameters/n)) for true labels."""
    return log_bound(record, name) - float(np.log(record["count_bound"]))


def more_errors(record: Record, sign: float = 1.0) -> float:
    """Return the test error after random labels less that after true ones."""
    return float(sign * (record["test_error"][-1] - record["test_error"][0]))


GAIN = Prediction(1.0, "=", "Gaussian noise through a linear layer, every sample", "arora2018stronger")
RESPONSE = Prediction(1.0, "=", "infinitesimal isotropic noise on the hidden units, σ = ReLU", "arora2018stronger")
PASSED = Prediction(0.5, "=", "input weights with a symmetric law: half of |z|² passes the ReLU", "meanfield")
FORGIVEN = Prediction(0.0, "<=", "observed on two digits: a trained network forgives noise", "arora2018stronger")
ORDER = Prediction(0.0, ">=", "observed on two digits, not a theorem", "arora2018stronger")
NORM = Prediction(0.0, ">=", "observed on two digits, not a theorem", "neyshabur2015norm")
VACUOUS = Prediction(0.0, ">=", "observed at these n and m; constants and logarithms left out", "arora2018stronger")

CLAIMS = (
    claim(
        "input_noise", "relative noise behind the first layer over 1/μ₁²", GAIN, checks.mean,
        select=trained, value=gain_over_exact, what="noise / exact mean",
        wrong="‖W‖ for ‖W‖_F", control={"value": partial(gain_over_exact, norm="spectral")},
    ),
    claim(
        "hidden_noise", "relative noise of the output over that of the hidden units, times m μ₁₂²", RESPONSE,
        checks.mean,
        select=trained, value=response_over_exact, what="noise / exact mean",
        wrong="all units taken to be on", control={"value": partial(response_over_exact, on="all")},
    ),
    claim(
        "contraction", "1/c² = |φ|²/|z|² before training", PASSED, checks.mean,
        select=trained, value=passed, what="share of |z|²",
        wrong="1/c", control={"value": partial(passed, power=1.0)},
    ),
    claim(
        "forgives", "log 1/(m μ₁₂²) after training on true labels", FORGIVEN, checks.mean,
        select=trained, value=log_attenuation, what="log attenuation",
        wrong="before training", control={"value": partial(log_attenuation, start="start_")},
    ),
    claim(
        "interlayer_cushion", "log(μ₁₂ after true labels / after random ones)", ORDER, checks.mean,
        select=trained, value=partial(log_ratio, of="interlayer", sign=-1.0), what="log ratio of means",
        wrong="before training", control={"value": partial(log_ratio, of="start_interlayer", sign=-1.0)},
    ),
    claim(
        "output_cushion", "log(μ₂ after true labels / after random ones)", ORDER, checks.mean,
        select=trained, value=partial(log_ratio, of="output", sign=-1.0), what="log ratio of means",
        wrong="before training", control={"value": partial(log_ratio, of="start_output", sign=-1.0)},
    ),
    claim(
        "stable_rank", "log(stable rank of W after random labels / after true ones)", ORDER, checks.mean,
        select=trained, value=partial(log_ratio, of="rank_input"), what="log ratio",
        wrong="before training", control={"value": partial(log_ratio, of="start_rank_input")},
    ),
    claim(
        "norm", "the plain norm tells them apart as well: log(mean ½|θ|², random / true)", NORM, checks.mean,
        select=trained, value=partial(log_ratio, of="norm"), what="log ratio",
        wrong="before training", control={"value": partial(log_ratio, of="start_norm")},
    ),
    claim(
        "test_error", "test error after random labels less after true ones", ORDER, checks.mean,
        select=trained, value=more_errors, what="difference of shares",
        wrong="the roles exchanged", control={"value": partial(more_errors, sign=-1.0)},
    ),
    claim(
        "compression_order", "the compression bound is larger for random labels: log ratio", ORDER, checks.mean,
        select=trained, value=partial(log_ratio, of="bound_compression"), what="log ratio",
        wrong="a count of parameters", control={"value": partial(log_ratio, of="bound_parameters")},
    ),
    claim(
        "path_order", "so is the bound from the path norm: log ratio", NORM, checks.mean,
        select=trained, value=partial(log_ratio, of="bound_path"), what="log ratio",
        wrong="a count of parameters", control={"value": partial(log_ratio, of="bound_parameters")},
    ),
    claim(
        "vacuous", "true labels: log of the compression bound on the error", VACUOUS, checks.mean,
        select=trained, value=log_bound, what="log bound",
        wrong="a hundred million times as many samples", control={"value": partial(log_bound, samples=1e8)},
    ),
    claim(
        "no_compression", "true labels: log(compression bound / that of a count of the network's parameters)", VACUOUS,
        checks.mean,
        select=trained, value=log_counted, what="log ratio of bounds",
        wrong="path norm", control={"value": partial(log_counted, name="path")},
    ),
)  # fmt: skip

STUDY = Study(
    name="noise_stability",
    group="generalisation",
    summary="how much noise trained networks forgive, true against random labels; compression and norm bounds",
    experiments=(Networks,),
    claims=CLAIMS,
)

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

from functools import partial

import numpy as np

from simulations.generalisation._stability import Parameters, predict, run
from simulations.records.record import Record
from simulations.study.study import Study, claim
from simulations.verdicts.checks import above, below, equals
from theory.prediction import Prediction

SIZES = {
    "smoke": {"seeds": 8, "samples": 100, "levels": 3, "particles": (64,), "replicas": 3, "steps": 400},
    "default": {"seeds": 8, "samples": 150, "levels": 5, "particles": (128,), "replicas": 4, "steps": 600},
    "paper": {"seeds": 10, "samples": 250, "levels": 6, "particles": (64, 256, 1024, 4096), "replicas": 10,
              "steps": 20000},
}  # fmt: skip


def grid(size: str, seeds: int | None = None, first: int = 0) -> list[Parameters]:
    """The runs of one size; every seed has a split, labels and particles of its own."""
    sizes = dict(SIZES[size])
    count, widths = sizes.pop("seeds"), sizes.pop("particles")
    chosen = range(first, first + (count if seeds is None else seeds))
    tested = min(200, 357 - sizes["samples"])
    return [Parameters(**sizes, tested=tested, particles=m, seed=seed) for seed in chosen for m in widths]  # type: ignore


def trained(records):
    """Networks without an error on their training samples, of the width that most runs have."""
    chosen = records.where(lambda record: "gain" in record and np.all(record["train_error"] == 0))
    chosen = chosen.where(lambda record: record["samples"] >= 30 and record["particles"] >= 8)
    widths = list(chosen.column("particles"))
    return chosen.where(particles=max(widths, key=lambda m: (widths.count(m), -m), default=None))


def gain_over_exact(record: Record, norm: str = "frobenius") -> float:
    """Relative noise behind the first layer over 1/μ₁²; with "spectral" over the same with ‖W‖ for ‖W‖_F."""
    ratio = record["gain"] / record["exact_gain"]
    return float(np.mean(ratio * record["rank_input"] if norm == "spectral" else ratio))


def response_over_exact(record: Record, on: str = "active") -> float:
    """Relative noise of the output over that of the hidden units, over 1/(m μ₁₂²), for the least noise; with "all" the
    units that are off at a sample are counted as well.
    """
    exact = record["attenuation"]
    if on == "all":
        exact = record["contraction"] ** 2 / (record["particles"] * record["output"] ** 2)
    return float(np.mean(record["response"][:, :, 0] / exact))


def passed(record: Record, power: float = 2.0) -> float:
    """(|φ|/|z|)^power before training, mean over samples and networks."""
    return float(np.mean(record["start_contraction"] ** -power))


def log_attenuation(record: Record, start: str = "") -> float:
    """log 1/(m μ₁₂²) after training on true labels, mean over samples and networks."""
    return float(np.mean(np.log(record[f"{start}attenuation"][0])))


def log_ratio(name: str, sign: float = 1.0):
    """log(mean over samples of a quantity after random labels / after true ones), mean over starts."""

    def value(record: Record) -> float:
        means = np.mean(np.atleast_3d(record[name]), axis=2)
        return float(sign * np.mean(np.log(means[-1] / means[0])))

    return value


def log_bound(record: Record, name: str = "compression", samples: float = 1.0) -> float:
    """log of a bound for true labels, mean over networks; with so many times the samples."""
    return float(np.mean(np.log(record[f"bound_{name}"][0] / np.sqrt(samples))))


def log_counted(record: Record, name: str = "compression") -> float:
    """log(bound / √(parameters/n)) for true labels, mean over networks."""
    return log_bound(record, name) - float(np.log(record["count_bound"]))


def more_errors(record: Record) -> float:
    """Test error after random labels less that after true ones."""
    return float(np.mean(record["test_error"][-1] - record["test_error"][0]))


GAIN = Prediction(1.0, "=", "Gaussian noise through a linear layer, every sample", "arora2018stronger")
RESPONSE = Prediction(1.0, "=", "infinitesimal isotropic noise on the hidden units, σ = ReLU", "arora2018stronger")
PASSED = Prediction(0.5, "=", "input weights with a symmetric law: half of |z|² passes the ReLU", "meanfield")
FORGIVEN = Prediction(0.0, "<=", "observed on two digits: a trained network forgives noise", "arora2018stronger")
ORDER = Prediction(0.0, ">=", "observed on two digits, not a theorem", "arora2018stronger")
NORM = Prediction(0.0, ">=", "observed on two digits, not a theorem", "neyshabur2015norm")
VACUOUS = Prediction(0.0, ">=", "observed at these n and m; constants and logarithms left out", "arora2018stronger")

CLAIMS = (
    claim(
        "input_noise", "relative noise behind the first layer over 1/μ₁²", GAIN, equals,
        select=trained, value=gain_over_exact, what="noise / exact mean",
        wrong="‖W‖ for ‖W‖_F", control={"value": partial(gain_over_exact, norm="spectral")},
    ),
    claim(
        "hidden_noise", "relative noise of the output over that of the hidden units, times m μ₁₂²", RESPONSE, equals,
        select=trained, value=response_over_exact, what="noise / exact mean",
        wrong="all units taken to be on", control={"value": partial(response_over_exact, on="all")},
    ),
    claim(
        "contraction", "1/c² = |φ|²/|z|² before training", PASSED, equals,
        select=trained, value=passed, what="share of |z|²",
        wrong="1/c", control={"value": partial(passed, power=1.0)},
    ),
    claim(
        "forgives", "log 1/(m μ₁₂²) after training on true labels", FORGIVEN, below,
        select=trained, value=log_attenuation, what="log attenuation",
        wrong="before training", control={"value": partial(log_attenuation, start="start_")},
    ),
    claim(
        "interlayer_cushion", "log(μ₁₂ after true labels / after random ones)", ORDER, above,
        select=trained, value=log_ratio("interlayer", -1.0), what="log ratio of means",
        wrong="before training", control={"value": log_ratio("start_interlayer", -1.0)},
    ),
    claim(
        "output_cushion", "log(μ₂ after true labels / after random ones)", ORDER, above,
        select=trained, value=log_ratio("output", -1.0), what="log ratio of means",
        wrong="before training", control={"value": log_ratio("start_output", -1.0)},
    ),
    claim(
        "stable_rank", "log(stable rank of W after random labels / after true ones)", ORDER, above,
        select=trained, value=log_ratio("rank_input"), what="log ratio",
        wrong="before training", control={"value": log_ratio("start_rank_input")},
    ),
    claim(
        "norm", "the plain norm tells them apart as well: log(mean ½|θ|², random / true)", NORM, above,
        select=trained, value=log_ratio("norm"), what="log ratio",
        wrong="before training", control={"value": log_ratio("start_norm")},
    ),
    claim(
        "test_error", "test error after random labels less after true ones", ORDER, above,
        select=trained, value=more_errors, what="difference of shares",
        wrong="the roles exchanged", control={"value": lambda record: -more_errors(record)},
    ),
    claim(
        "compression_order", "the compression bound is larger for random labels: log ratio", ORDER, above,
        select=trained, value=log_ratio("bound_compression"), what="log ratio",
        wrong="a count of parameters", control={"value": log_ratio("bound_parameters")},
    ),
    claim(
        "path_order", "so is the bound from the path norm: log ratio", NORM, above,
        select=trained, value=log_ratio("bound_path"), what="log ratio",
        wrong="a count of parameters", control={"value": log_ratio("bound_parameters")},
    ),
    claim(
        "vacuous", "true labels: log of the compression bound on the error", VACUOUS, above,
        select=trained, value=log_bound, what="log bound",
        wrong="a hundred million times as many samples", control={"value": partial(log_bound, samples=1e8)},
    ),
    claim(
        "no_compression", "true labels: log(compression bound / that of a count of the network's parameters)", VACUOUS,
        above,
        select=trained, value=log_counted, what="log ratio of bounds",
        wrong="path norm", control={"value": partial(log_counted, name="path")},
    ),
)  # fmt: skip

STUDY = Study(
    name="noise_stability",
    group="generalisation",
    summary="how much noise trained networks forgive, true against random labels; compression and norm bounds",
    parameters=Parameters,
    grid=grid,
    run=run,
    predict=predict,
    claims=CLAIMS,
    cost={"smoke": "5 s", "default": "40 s", "paper": "hours"},
    precision="float32",
)

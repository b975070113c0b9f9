"""Mean-field Langevin dynamics: noisy gradient descent, the law of its particles, and what finitely many of them add.

Noise of temperature τ turns training into a gradient flow of the free energy F + τ ∫ μ log μ, which has one minimum,
the Gibbs measure of its own first variation, and falls to it exponentially (Mei, Montanari & Nguyen 2018; Chizat 2022;
Nitanda, Wu & Suzuki 2022). m particles stay within O(1/m) of it, in squared distance and in bias, for all times (Chen,
Ren & Wang 2022).

Everything is compared with exact laws of the discrete steps, so that no claim hides a bias of h. The runs fall into
parts. `plane`: linear units, for which every moment is known at every m. `line`: tanh units at one temperature, against
the exact law and its first correction in 1/m. `wells`: two wells, a start in the worse one, and a temperature that
falls.
"""

from functools import partial
from typing import Any

from simulations.limits import _langevin_measures as measure
from simulations.limits._langevin import Parameters, predict, simulate
from simulations.records.record import narrowest, runs, widest
from simulations.study.study import Study, claim
from simulations.verdicts.checks import below, bounded, equals, slope
from theory.prediction import Prediction

PLANE = {"problem": "linear", "temperature": 0.3, "final_temperature": 0.3, "strength": 0.5, "step": 0.4, "time": 16.0}
LINE = {"problem": "tanh", "temperature": 0.15, "final_temperature": 0.15, "time": 8.0}
COLD: dict[str, Any] = {
    "problem": "wells", "temperature": 0.05, "final_temperature": 0.05, "strength": 0.25, "step": 0.1, "time": 12.0,
}  # fmt: skip
COOLED: dict[str, Any] = COLD | {"temperature": measure.HOT, "cooling": 10.0}

GRIDS = {
    "smoke": {
        "seeds": 7,
        "plane": {10: 200, 100: 200, 1000: 30},
        "line": {8: 3000, 64: 160},
        "wells": (64, 160),
    },
    "default": {
        "seeds": 10,
        "plane": {10: 1000, 100: 1000, 1000: 200},
        "line": {32: 16000, 128: 4000, 512: 1000},
        "wells": (512, 1000),
    },
    "paper": {
        "seeds": 20,
        "plane": {10: 10000, 100: 10000, 1000: 1000, 10000: 100},
        "line": {32: 160000, 64: 160000, 256: 40000, 1024: 10000},
        "wells": (1024, 4000),
    },
}


def grid(size: str, seeds: int | None = None, first: int = 0) -> list[Parameters]:
    """The runs of one size, with seeds from `first` on."""
    sizes = GRIDS[size]
    made = []
    for seed in range(first, first + (sizes["seeds"] if seeds is None else seeds)):
        made += [Parameters(**PLANE, particles=m, replicas=count, seed=seed) for m, count in sizes["plane"].items()]
        made += [Parameters(**LINE, particles=m, replicas=count, seed=seed) for m, count in sizes["line"].items()]
        m, count = sizes["wells"]
        made += [Parameters(**part, particles=m, replicas=count, seed=seed) for part in (COLD, COOLED)]
    return made


def many(record) -> bool:
    """Return True for networks enough for a standard error, and particles enough for a covariance within a cloud."""
    return record["replicas"] >= 30 and record["particles"] >= 2


def exact_runs(name: str, **parameters):
    """Runs with this value (those on the line carry a histogram if their law is known), of networks enough."""
    return lambda records: runs(name, **parameters)(records).where(many)


plane_runs = partial(exact_runs, "means", problem="linear")
line_runs = partial(exact_runs, "histogram", problem="tanh", cooling=0.0)
cooled_runs = partial(exact_runs, "histogram", **COOLED)
cold_runs = partial(exact_runs, "histogram", **COLD)

EXACT = Prediction(0.0, "=", "linear units, any m and step size h < 2/(λ + λ_max(A))", "meanfield")
ONE = Prediction(1.0, "=", "linear units, any m and step size h < 2/(λ + λ_max(A))", "meanfield")
ROOT = Prediction(-0.5, "slope", "linear units, every m", "meanfield")
LAW = Prediction(0.0, "=", "smooth bounded units, m → ∞ at fixed step size and time", "mei2018mean")
FLUCTUATION = Prediction(1.0, "=", "smooth bounded units, m → ∞ at fixed step size and time", "chen2020dynamical")
BIAS = Prediction(1.0, "=", "smooth bounded units, m → ∞ at fixed step size and time", "meanfield")
FREE = Prediction(1.0, "=", "the law of the particles, up to O(1/m²)", "meanfield")
DECAY = Prediction(
    1.0, "<=", "convex F; every Gibbs measure on the way has log-Sobolev constant ρ", "nitanda2022convex"
)
ANNEALED = Prediction(0.0, "<=", "two wells, a start in the worse one; exact for m → ∞", "chizat2022langevin")

CLAIMS = (
    claim(
        "linear_mean", "mean of a cloud after the first steps, from its exact law (0) to that in continuous time (1)",
        EXACT, equals,
        select=plane_runs(), value=measure.mean_on_the_way, what="share of the way",
        wrong="the law of continuous time", control={"value": partial(measure.mean_on_the_way, wrong=True)},
    ),
    claim(
        "linear_fluctuation", "variance of a cloud's mean, m = 10 … 1000, over its exact value", ONE, equals,
        select=plane_runs(), value=measure.mean_fluctuation, what="ratio",
        wrong="independent particles", control={"value": partial(measure.mean_fluctuation, independent=True)},
    ),
    claim(
        "linear_spread", "covariance within a cloud at rest over (1 − 1/m) τ/(λ(1 − hλ/2))", ONE, equals,
        select=plane_runs(), value=measure.within_cloud, what="ratio",
        wrong="the Gibbs measure's τ/λ", control={"value": partial(measure.within_cloud, wrong=True)},
    ),
    claim(
        "linear_rate", "distance of a cloud's mean to its limit in m", ROOT, slope,
        select=plane_runs(), x="particles", value=measure.mean_distance,
        wrong="the radius of the cloud", control={"value": measure.cloud_radius},
    ),
    claim(
        "law", "E f_m along the way against the exact law of the steps, in standard errors", LAW, equals,
        select=widest(line_runs()), value=partial(measure.law_score, against="continuous time"), what="z",
        wrong="the law of continuous time",
        control={"value": partial(measure.law_score, against="continuous time", wrong=True)},
    ),
    claim(
        "fluctuation", "m E|f_m − f|² at all times over its limit", FLUCTUATION, equals,
        select=widest(line_runs()), value=measure.fluctuation, what="ratio",
        wrong="independent particles of the same law",
        control={"value": partial(measure.fluctuation, independent=True)},
    ),
    claim(
        "bias", "m (E f_m − f) at all times over its limit", BIAS, equals,
        select=narrowest(line_runs()), value=measure.bias, what="ratio",
        wrong="a bias that falls as m^{-1/2}", control={"value": partial(measure.bias, power=0.5)},
    ),
    claim(
        "free_energy", "free energy above its minimum over that of the exact law, along the way", FREE, equals,
        select=widest(line_runs()), value=measure.gap_ratio, what="ratio",
        wrong="twice the entropy", control={"value": partial(measure.gap_ratio, entropy=2.0)},
    ),
    claim(
        "log_sobolev", "free energy above its minimum over the bound of the log-Sobolev constants", DECAY, bounded,
        select=widest(line_runs()), value=measure.gap_over_bound, what="largest ratio",
        wrong="twice the rate at the minimum", control={"value": partial(measure.gap_over_bound, linearised=2.0)},
    ),
    claim(
        "annealed_law", "E f_m at a falling temperature against the exact law, in standard errors", LAW, equals,
        select=cooled_runs(), value=partial(measure.law_score, against="constant temperature"), what="z",
        wrong="the final temperature throughout",
        control={"value": partial(measure.law_score, against="constant temperature", wrong=True)},
    ),
    claim(
        "annealing", "log of the energy left by a falling temperature over that left by the better constant one",
        ANNEALED, below,
        select=cooled_runs(), value=measure.excess, what="log ratio",
        wrong="the final temperature throughout", control={"select": cold_runs()},
    ),
)  # fmt: skip

STUDY = Study(
    name="langevin",
    group="limits",
    summary="noisy gradient descent against exact laws: Gibbs measures, free energy, what m particles add, annealing",
    parameters=Parameters,
    grid=grid,
    run=simulate,
    predict=predict,
    claims=CLAIMS,
    cost={"smoke": "9 s", "default": "2 min", "paper": "1 hour"},
    precision="float32",
)

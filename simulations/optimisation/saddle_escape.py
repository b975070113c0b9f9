"""A strict saddle is left in a time that is logarithmic in how near one starts, or in the noise; symmetry never.

At θ = 0 the network is zero and its risk critical: starts of size ε leave at T = log(1/ε)/|λ_min| + const, λ_min the
least eigenvalue of m∇²F. The constant is predicted, too, from the path on the unstable manifold. For relu the origin is
no differentiable point: neurons turn to the direction that grows fastest, and its rate takes the place of |λ_min|.
Noise of temperature τ acts as a start of size √(τ/|λ_min|). Where data and neurons are symmetric under a reflection,
descent stays so, and comes to rest at a risk that every small perturbation leads below: but for rounding, for ever.
"""

from functools import partial

import numpy as np

from simulations.optimisation._saddle_escape import LOOKS, Parameters, escape, predict
from simulations.records.record import Record, Records, runs
from simulations.study.study import Study, claim
from simulations.verdicts.checks import at_least, bounded, equals
from theory.prediction import Prediction

NOISE = {"start": "noise", "activation": "linear", "largest": 1e-3, "smallest": 1e-5, "levels": 3}
MIRROR = {"start": "mirror", "largest": 1e-1, "smallest": 1e-6}

GRIDS = {
    "smoke": {
        "seeds": 6,
        "symmetric": 3,
        "activations": ("tanh",),
        "network": {"replicas": 6},
        "stable": {"largest": 1e-2, "smallest": 1e-3},
        "noise": {"replicas": 24},
    },
    "default": {
        "seeds": 8,
        "symmetric": 8,
        "activations": ("tanh", "linear", "softplus"),
        "network": {"particles": 12, "dimension": 5, "samples": 32, "levels": 11, "smallest": 1e-12},
        "stable": {"largest": 1e-2, "smallest": 1e-4},
        "noise": {"replicas": 128, "levels": 5, "smallest": 1e-7},
    },
    "paper": {
        "seeds": 10,
        "symmetric": 10,
        "activations": ("tanh", "linear", "softplus"),
        "network": {"particles": 100, "dimension": 20, "samples": 200, "levels": 11, "smallest": 1e-12, "replicas": 32},
        "stable": {"largest": 1e-2, "smallest": 1e-4},
        "noise": {"replicas": 1000, "levels": 7, "smallest": 1e-9},
    },
}


def grid(size: str, seeds: int | None = None, first: int = 0) -> list[Parameters]:
    """The runs of one size; every seed has data, starts and noise of its own."""
    sizes = GRIDS[size]
    made = []
    for seed in range(first, first + (sizes["seeds"] if seeds is None else seeds)):
        common = sizes["network"] | {"seed": seed}
        made += [Parameters(**common, activation=name) for name in sizes["activations"]]
        made.append(Parameters(**(common | {"activation": "relu", "dimension": 3, "samples": 12})))
        made.append(Parameters(**(common | NOISE | sizes["noise"])))
        if seed < first + sizes["symmetric"]:
            made.append(Parameters(**(common | {"start": "stable", "levels": 6} | sizes["stable"])))
            made.append(Parameters(**(common | {"levels": 6} | MIRROR)))
    return made


def _near(record: Record) -> bool:
    """Starts of several sizes within the linear regime, whose steps follow the growth."""
    return bool(np.sum(record["sizes"] <= NEAR) >= 2) and record["step"] <= 0.1 and record["replicas"] >= 4


NEAR = 1e-3 * (1 + 1e-9)
"""Sizes from here on are in the linear regime."""

small = partial(runs, "exit_times", start="small")


def smooth(records: Records) -> Records:
    """Small starts of smooth units."""
    return small()(records).where(lambda record: record["activation"] != "relu" and _near(record))


def kinked(records: Records) -> Records:
    """Small starts of relu units."""
    return small(activation="relu")(records).where(_near)


def stable(records: Records) -> Records:
    """Starts on the stable eigenspace."""
    return runs("exit_times", start="stable")(records)


def noisy(records: Records) -> Records:
    """Starts at the origin with noise."""
    chosen = runs("exit_times", start="noise")(records)
    return chosen.where(lambda record: _near(record) and record["replicas"] >= 16)


mirrored = runs("tilt", start="mirror")


def local_slope(record: Record) -> float:
    """dT/dlog(1/ε), times the rate: fitted to all sizes within the linear regime, mean over directions."""
    near = record["sizes"] <= max(NEAR, np.sort(record["sizes"])[1])
    logs = -np.log(record["sizes"][near])
    spread = logs - logs.mean()
    slopes = spread @ record["exit_times"][near] / (spread @ spread)
    return float(np.mean(slopes) * record["exact_rate"])


def kinked_slope(record: Record) -> float:
    """Return dT/dlog(1/ε), times the rate, from the two smallest sizes at least a decade apart.

    There rivals of the fastest direction are faint.
    """
    far = np.flatnonzero(record["sizes"] >= 9.9 * record["sizes"][-1])
    gone = np.log(record["sizes"][far[-1]] / record["sizes"][-1])
    return float(np.mean(record["exit_times"][-1] - record["exit_times"][far[-1]]) / gone * record["exact_rate"])


def smooth_slope(record: Record) -> float:
    """Return the `kinked_slope` in units of |g|/2, as if relu were smooth at its kink with the mean of both slopes."""
    return kinked_slope(record) * float(record["exact_smooth_rate"] / record["exact_rate"]) / 2


def lateness(record: Record) -> float:
    """λ (T − prediction) at the largest size within the linear regime, mean over directions."""
    k = int(np.argmax(record["sizes"] <= NEAR))
    return float(np.mean(record["exit_times"][k] - record["exact_exit_times"][k]) * record["exact_rate"])


def unnormalised_lateness(record: Record) -> float:
    """Return the `lateness` if what a start has in the unstable direction were √2 times as much."""
    return lateness(record) + np.log(2) / 2


def noise_lateness(record: Record, missing: str | None = None) -> float:
    """λ (T − its mean as predicted) with noise, mean over replicas and temperatures."""
    late = (record["exit_times"] - record["exact_exit_times"][:, None]) * record["exact_rate"]
    return float(np.mean(late) - (0.0 if missing is None else record[missing]))


def noise_slope(record: Record) -> float:
    """dT/dlog(1/√τ), times the rate, of the mean over replicas."""
    logs = -np.log(record["sizes"])
    spread = logs - logs.mean()
    return float(spread @ record["exit_times"].mean(axis=1) / (spread @ spread) * record["exact_rate"])


def noise_spread(record: Record) -> float:
    """Variance of T over its prediction, mean over temperatures."""
    return float(np.mean(np.var(record["exit_times"], axis=1, ddof=1)) / record["exact_spread"] ** 2)


def spread_of_one(record: Record) -> float:
    """Return the variance of T over its prediction for a single neuron, mean over temperatures."""
    from theory.saddle_escape import log_chi

    return noise_spread(record) * log_chi(record["particles"])[1] / log_chi(1)[1]


def rounding_bound(record: Record) -> np.ndarray:
    """How far rounding may tilt a symmetric start, [R, T]: errors of every step, carried on as a small tilt is."""
    small = record["tilt"][-3]
    growth = small / small[:, :1]
    made = LOOKS["mirror"] * _operations(record) * np.finfo(float).eps * np.maximum(1.0, record["size"][-1]) ** 3
    return growth * np.cumsum(made / np.minimum.accumulate(growth[:, ::-1], axis=1)[:, ::-1], axis=1)


def over_rounding(record: Record, level: int = -1) -> np.ndarray:
    """Tilt of a symmetric start over what rounding explains, at every look while a small tilt is small."""
    linear = np.maximum.accumulate(record["tilt"][-3], axis=1) < 1e-2
    return (record["tilt"][level] / rounding_bound(record))[linear]


def least_symmetric(record: Record, level: int = -1) -> np.ndarray:
    """Risk of a start over the least that symmetry allows, at every look as long as symmetry lasts.

    The risk of even targets changes with the square of the tilt, which may then be as large as rounding.
    """
    lasts = (record["tilt"][level] < 1e-8) if level == -1 else np.ones(record["tilt"][level].shape, bool)
    rounding = 1 + _operations(record) * np.finfo(float).eps * record["exact_risk"] / record["exact_symmetric_risk"]
    return record["risk"][level][lasts] / record["exact_symmetric_risk"] * rounding


def _operations(record: Record) -> int:
    """Of one evaluation of the risk and its gradient, one after the other, at most."""
    return record["samples"] + record["particles"] + 6 * record["dimension"] + 60


def largest_size(record: Record, level: int = -2) -> float:
    """Size of the parameters at the end, the largest of all starts."""
    return float(np.max(record["size"][level][:, -1]))


RATE = Prediction(1.0, "=", "ε → 0, a start with a part in the unstable eigenspace", "lee2016gradient")
CONSTANT = Prediction(0.0, "=", "mean over directions, to first order in ε", "meanfield")
RELU = Prediction(1.0, "=", "ε → 0, a neuron that turns to the fastest direction", "meanfield")
NOISY = Prediction(1.0, "=", "τ → 0, linear units, noise of all parameters", "kifer1981exit")
NOISY_TIME = Prediction(0.0, "=", "τ → 0, linear units, all neurons alike but for noise", "meanfield")
INVARIANT = Prediction(
    1.0, "<=", "neurons and data symmetric under one reflection; rounding carried along", "meanfield"
)
STUCK = Prediction(1.0, ">=", "a function that does not depend on the mirrored input", "meanfield")
ORIGIN = Prediction(0.0, "<=", "gradient flow at a critical point", "meanfield")

CLAIMS = (
    claim(
        "rate", "smooth units: slope of the exit time in log(1/ε), times |λ_min|", RATE, equals,
        select=smooth, value=local_slope, what="dT/dlog(1/ε) |λ_min|",
        wrong="start on the stable eigenspace", control={"select": stable},
    ),
    claim(
        "time", "smooth units: the exit time itself, from the path on the unstable manifold", CONSTANT, equals,
        select=smooth, value=lateness, what="|λ_min| (T − prediction)",
        wrong="(1, ĝ) for the unit vector (1, ĝ)/√2", control={"value": unnormalised_lateness},
    ),
    claim(
        "relu", "relu units: slope times max_u |(1/n) Σ y relu(u·x)|", RELU, equals,
        select=kinked, value=kinked_slope, what="dT/dlog(1/ε) × rate",
        wrong="|g|/2, the rate of a smooth unit", control={"value": smooth_slope},
    ),
    claim(
        "noise_rate", "noise at the saddle: slope of the mean exit time in log(1/√τ), times |λ_min|", NOISY, equals,
        select=noisy, value=noise_slope, what="dT/dlog(1/√τ) |λ_min|",
        wrong="slope in log(1/τ)", control={"value": lambda record: noise_slope(record) / 2},
    ),
    claim(
        "noise_time", "the mean exit time itself, E log χ_m for a random direction included", NOISY_TIME, equals,
        select=noisy, value=noise_lateness, what="|λ_min| (T − prediction)",
        wrong="a start of size √(τ/λ) for noise",
        control={"value": partial(noise_lateness, missing="exact_log_chi")},
    ),
    claim(
        "noise_spread", "variance of the exit time over ψ'(m/2)/4|λ_min|²", NOISY, equals,
        select=noisy, value=noise_spread, what="variance / prediction",
        wrong="a single neuron", control={"value": spread_of_one},
    ),
    claim(
        "mirror", "a mirrored start stays mirrored: tilt over what rounding explains", INVARIANT, bounded,
        select=mirrored, value=over_rounding, what="tilt / bound",
        wrong="a start that is slightly tilted", control={"value": partial(over_rounding, level=-3)},
    ),
    claim(
        "stuck", "and stays above the least risk that symmetry allows", STUCK, at_least,
        select=mirrored, value=least_symmetric, what="risk / least symmetric risk",
        wrong="a start that is tilted", control={"value": partial(least_symmetric, level=0)},
    ),
    claim(
        "origin", "a start at the saddle stays there, to the bit", ORIGIN, bounded,
        select=mirrored, value=largest_size, what="size of θ at the end",
        wrong="a mirrored start", control={"value": partial(largest_size, level=-1)},
    ),
)  # fmt: skip

STUDY = Study(
    name="saddle_escape",
    group="optimisation",
    summary="saddles are left in a time logarithmic in the size of the start or of noise; symmetric starts never leave",
    parameters=Parameters,
    grid=grid,
    run=escape,
    predict=predict,
    claims=CLAIMS,
    cost={"smoke": "8 s", "default": "1 min", "paper": "hours"},
)

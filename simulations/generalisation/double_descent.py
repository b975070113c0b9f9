"""Test risk against the number of parameters: down, up to a peak where they are as many as the samples, and down again.

Least squares of least norm is what gradient descent from zero ends at. For isotropic normal inputs its risk is known
exactly, at any n. Random features peak where m = n, on synthetic data and on digits with wrong labels, and beyond it
fall below the best of what came before. A little ridge takes the peak away. Tangent models (lazy networks) of m neurons
peak where m d = n for relu, for scaling a neuron's output and input weights against each other is not felt, and where
m (d + 1) = n for tanh; trained by steps of a flow they follow their closed form to rounding, peak included.
"""

from functools import partial

import numpy as np

from simulations.generalisation._double_descent import Parameters, curve, exact
from simulations.records.record import Record, runs
from simulations.study.study import Study, claim
from simulations.verdicts.checks import below, bounded, equals, share_above
from theory.prediction import Prediction

GRIDS = {
    "smoke": {
        "seeds": 8,
        "isotropic": {"replicas": 30},
        "features": {"samples": 30, "dimension": 20, "replicas": 15},
        "digits": {"samples": 30, "replicas": 15},
        "tangent": {"relu": {"samples": 30, "replicas": 40}, "tanh": {"samples": 30, "replicas": 15}},
        "trained": {"samples": 20, "dimension": 4, "replicas": 9, "steps": 3000},
    },
    "default": {
        "seeds": 10,
        "isotropic": {"replicas": 100, "samples": 100},
        "features": {"samples": 100, "dimension": 20, "replicas": 15},
        "digits": {"samples": 100, "replicas": 15},
        "tangent": {name: {"samples": 60, "replicas": 40} for name in ("relu", "tanh")},
        "trained": {"samples": 30, "replicas": 9, "steps": 10000},
    },
    "paper": {
        "seeds": 10,
        "isotropic": {"replicas": 500, "samples": 400},
        "features": {"samples": 1000, "dimension": 100, "replicas": 15},
        "digits": {"samples": 150, "replicas": 50},
        "tangent": {name: {"samples": 600, "replicas": 40} for name in ("relu", "tanh")},
        "trained": {"samples": 60, "replicas": 15, "steps": 200000},
    },
}


NEAR = 0.15
"""Numbers of parameters that are still at the peak (share of it)."""


def grid(size: str, seeds: int | None = None, first: int = 0) -> list[Parameters]:
    """The runs of one size; every seed has data, features and networks of its own."""
    sizes = GRIDS[size]
    made = []
    for seed in range(first, first + (sizes["seeds"] if seeds is None else seeds)):
        made.append(Parameters(**{"part": "isotropic", "noise": 1.0, "seed": seed} | sizes["isotropic"]))
        made.append(Parameters(**{"part": "features", "noise": 0.2, "seed": seed} | sizes["features"]))
        made.append(Parameters(**{"part": "features", "data": "digits", "noise": 0.1, "seed": seed} | sizes["digits"]))
        for activation, tangent in sizes["tangent"].items():
            made.append(Parameters(**{"part": "tangent", "activation": activation, "seed": seed} | tangent))
        made.append(Parameters(**{"part": "trained", "seed": seed} | sizes["trained"]))
    return made


def fair(record: Record) -> bool:
    """Errors in the targets, and enough draws that a median means something."""
    noise = record["noise"] >= (0.05 if record["data"] == "digits" else 0.2)
    return bool(noise and record["replicas"] >= 5 and record["samples"] >= 20)


isotropic = partial(runs, "excess", part="isotropic")


def curves(**parameters):
    """Curves that have a peak in their middle: a width with as many parameters as samples, and others on both sides."""
    select = runs("risk", **parameters)

    def peaked(record: Record) -> bool:
        count, n = record["parameters"], record["samples"]
        return bool(fair(record) and count[0] <= 0.7 * n and n in count and count[-1] >= 2 * n)

    return lambda records: select(records).where(peaked)


features = partial(curves, part="features")
lazy = partial(curves, part="tangent")
trained = partial(runs, "predictions", part="trained")


def excess_over_exact(name: str, record: Record) -> float:
    """Mean over widths of the mean excess risk over its exact value."""
    return float(np.mean(record["excess"].mean(axis=1) / record[name]))


def medians(record: Record, name: str = "risk") -> np.ndarray:
    """Median over draws at every width, [k]; at as many parameters as samples the mean is infinite."""
    return np.median(record[name], axis=1)


def place(record: Record, parameters: float) -> int:
    """The width whose number of parameters is nearest to this."""
    return int(np.argmin(np.abs(record["parameters"] - parameters)))


def peaks(share: float, record: Record) -> np.ndarray:
    """Draws whose risk where there are share · n parameters exceeds all that are more than `NEAR` away from there."""
    risk, count = record["risk"], record["parameters"]
    at = place(record, share * record["samples"])
    return risk[at] > np.max(risk[np.abs(count / count[at] - 1) > NEAR], axis=0)


def miscounted_peaks(record: Record) -> np.ndarray:
    """Return the `peaks` where m (d + 1) = n for relu, or m d = n for tanh: the other activation's place."""
    d = record["dimension"]
    return peaks(d / (d + 1) if record["activation"] == "relu" else (d + 1) / d, record)


def rises(share: float, record: Record) -> np.ndarray:
    """Draws whose risk where there are share · n parameters exceeds those at half and at twice as many."""
    risk, count = record["risk"], share * record["samples"]
    return risk[place(record, count)] > np.maximum(risk[place(record, count / 2)], risk[place(record, 2 * count)])


def log_second(which: int, record: Record) -> float:
    """log(risk at a width, counted from the widest / least risk below the threshold)."""
    risk = medians(record)
    return float(np.log(risk[which] / np.min(risk[record["parameters"] < record["samples"]])))


def log_risen(name: str, record: Record) -> float:
    """log(risk at as many parameters as samples / at a quarter as many), the median over draws."""
    risk, n = record[name], record["samples"]
    return float(np.median(np.log(risk[place(record, n)] / risk[place(record, n / 4)])))


def log_lowered(sign: float, record: Record) -> float:
    """log(peak with ridge / without), and the roles exchanged for a sign of −1."""
    at = place(record, record["samples"])
    return float(sign * np.log(medians(record, "ridge_risk")[at] / medians(record)[at]))


def residual_over_rounding(inside: bool, record: Record) -> float:
    """Largest |Φa − y| over its rounding, of widths from the threshold on, or of those below it."""
    wide = record["parameters"] >= record["samples"]
    return float(np.max((record["train_residual"] / record["rounding"])[wide if inside else ~wide]))


def off_over_rounding(name: str, record: Record) -> float:
    """Largest difference of test predictions from the closed form, over the bound on rounding."""
    off = np.max(np.abs(record["predictions"] - record[name]), axis=2)
    return float(np.max(off / record["exact_rounding"]))


EXACT = Prediction(1.0, "=", "normal inputs, least squares of least norm, any n and p", "hastie2022surprises")
PEAK = Prediction(0.5, ">=", "targets with errors: risks have no mean at interpolation", "belkin2019reconciling")
SECOND = Prediction(0.0, "<=", "observed for random features, not proved in general", "belkin2019reconciling")
RIDGE = Prediction(
    0.0, "<=", "a little ridge bounds the coefficients where features are dependent", "hastie2022surprises"
)
ZERO = Prediction(1.0, "<=", "as many independent features as samples: rounding alone is left", "meanfield")
COUNT = Prediction(0.5, ">=", "parameters of a tangent model that count: m d (relu), m (d + 1) (tanh)", "meanfield")
FLOW = Prediction(1.0, "<=", "heavy-ball descent of a linear model in closed form; rounding bounded", "polyak1964some")

CLAIMS = (
    claim(
        "isotropic", "mean excess risk over its exact value, normal inputs, p/n from 1/4 to 4", EXACT, equals,
        select=isotropic(), value=partial(excess_over_exact, "exact_excess"), what="risk / exact",
        wrong="without the part of the signal that is not seen",
        control={"value": partial(excess_over_exact, "exact_noise_excess")},
    ),
    claim(
        "peak", "random features: in most draws the risk is largest at m = n, teacher", PEAK, share_above,
        select=features(data="teacher"), value=partial(peaks, 1.0), what="draws with the peak at n",
        wrong="the peak at m = 2n", control={"value": partial(peaks, 2.0)},
    ),
    claim(
        "peak_digits", "the same for digits with wrong labels", PEAK, share_above,
        select=features(data="digits"), value=partial(peaks, 1.0), what="draws with the peak at n",
        wrong="the peak at m = 2n", control={"value": partial(peaks, 2.0)},
    ),
    claim(
        "interpolation", "from m = n on the training residual is rounding", ZERO, bounded,
        select=features(), value=partial(residual_over_rounding, True), what="residual / rounding",
        wrong="below m = n", control={"value": partial(residual_over_rounding, False)},
    ),
    claim(
        "second_descent", "log(median risk at the widest / least below the threshold)", SECOND, below,
        select=features(data="teacher"), value=partial(log_second, -1), what="log(widest / best of m < n)",
        wrong="at m = 5n/4", control={"value": partial(log_second, -5)},
    ),
    claim(
        "ridge", "with ridge the risk falls towards m = n: log(at n / at n/4), teacher", RIDGE, below,
        select=features(data="teacher"), value=partial(log_risen, "ridge_risk"), what="log(risk at n / at n/4)",
        wrong="without ridge", control={"value": partial(log_risen, "risk")},
    ),
    claim(
        "ridge_digits", "log(median risk at m = n with ridge / without), digits", RIDGE, below,
        select=features(data="digits"), value=partial(log_lowered, 1.0), what="log(with ridge / without)",
        wrong="the roles exchanged", control={"value": partial(log_lowered, -1.0)},
    ),
    claim(
        "lazy_relu", "tangent models of relu networks peak at m d = n", COUNT, share_above,
        select=lazy(activation="relu"), value=partial(peaks, 1.0), what="draws with the peak at m d = n",
        wrong="at m (d + 1) = n, all parameters", control={"value": miscounted_peaks},
    ),
    claim(
        "lazy_tanh", "tangent models of tanh networks peak at m (d + 1) = n", COUNT, share_above,
        select=lazy(activation="tanh"), value=partial(peaks, 1.0), what="draws with the peak at m (d + 1) = n",
        wrong="at m d = n", control={"value": miscounted_peaks},
    ),
    claim(
        "trained", "a tangent model trained by steps follows its closed form, within rounding", FLOW, bounded,
        select=trained(), value=partial(off_over_rounding, "exact_predictions"), what="difference / rounding",
        wrong="the closed form of infinitely many steps",
        control={"value": partial(off_over_rounding, "exact_limit_predictions")},
    ),
    claim(
        "trained_peak", "it has the peak: in most draws more risk at m d = n than at half and twice", PEAK, share_above,
        select=curves(part="trained", activation="relu"), value=partial(rises, 1.0), what="draws with the peak",
        wrong="the peak at m d = 2n", control={"value": partial(rises, 2.0)},
    ),
)  # fmt: skip

STUDY = Study(
    name="double_descent",
    group="generalisation",
    summary="test risk against parameters over samples: the peak at interpolation, its exact height, what removes it",
    parameters=Parameters,
    grid=grid,
    run=curve,
    predict=exact,
    claims=CLAIMS,
    cost={"smoke": "8 s", "default": "40 s", "paper": "a day (not timed)"},
)

"""How a network of m particles leaves its limit: the law of large numbers and the central limit theorem in m.

At the start units are independent, so all is exact at every m: the covariance of f is that of the limiting Gaussian
process over m, and the excess kurtosis of f is 15/m. At the output scale α = √m the covariance stays and f becomes a
Gaussian process. At α = 1 it vanishes and f has a deterministic limit f_∞ in training, E|f_m − f_∞|² = C(t)/m
+ O(m⁻²): C(t) is computed without sampling and without the engine, from the linear response of the limit to its
initial measure. Fluctuations stay below the Monte-Carlo error of fresh draws, and where the limit interpolates they
heal: on the samples, though not between them (Rotskoff & Vanden-Eijnden 2018; Chen et al. 2020).

Runs are of two kinds. `start`: untrained ReLU networks, in both scalings. `training`: tanh networks on the line, at
α = 1, at α = √m, and with a penalty that keeps the limit from interpolating.
"""

from simulations.limits import _fluctuations as measure
from simulations.limits._ensemble import RESPONSE_TIME, Parameters, predict, simulate
from simulations.records.record import Records, Select, widest
from simulations.study.study import Study, claim
from simulations.verdicts.checks import below, equals, slope
from theory.prediction import Prediction

MEAN_FIELD, TANGENT = 0.0, 0.5
"""Exponents of m in the output scale."""

PENALTY = 0.02
CONTROLS = 5
"""Seeds with runs for controls alone."""
EARLY, LATE, END = 2.0, 10.0, 20.0
"""Times of the claims in training (mean-field time)."""

START = {"stage": "start", "dimension": 3, "samples": 4}
TRAINING = {"stage": "training", "samples": 3, "step": 0.5}

GRIDS = {
    "smoke": {
        "seeds": 7,
        "start": {4: 1200, 16: 1200, 64: 1200},
        "training": {32: 40, 128: 40, 512: 40},
        "times": {END: 512},
    },
    "default": {
        "seeds": 10,
        "start": {4: 20000, 16: 20000, 64: 20000, 256: 8000, 1024: 4000},
        "training": {32: 60, 128: 60, 512: 60, 2048: 60, 8192: 60},
        "times": {END: 2048, 50.0: 8192},
    },
    "paper": {
        "seeds": 20,
        "start": {4: 200000, 16: 200000, 64: 200000, 256: 100000, 1024: 40000, 4096: 10000},
        "training": {128: 300, 512: 300, 2048: 300, 8192: 300, 32768: 100},
        "times": {END: 8192, 100.0: 32768},
    },
}


def grid(size: str, seeds: int | None = None, first: int = 0) -> list[Parameters]:
    """The runs of one size; `seeds` ensembles for every setting, the first of them with seed `first`."""
    sizes = GRIDS[size]
    made = []
    for seed in range(first, first + (sizes["seeds"] if seeds is None else seeds)):
        for m, count in sizes["start"].items():
            made.append(Parameters(**START, exponent=TANGENT, particles=m, replicas=count, seed=seed))
        m, count = list(sizes["start"].items())[1]
        made.append(Parameters(**START, exponent=TANGENT, particles=m, replicas=count, output="signs", seed=seed))
        for m, count in sizes["training"].items():
            made.append(Parameters(**TRAINING, particles=m, replicas=count, seed=seed))
        for time, m in sizes["times"].items():
            count = sizes["training"][m]
            made.append(Parameters(**TRAINING, particles=m, replicas=count, time=time, penalty=PENALTY, seed=seed))
            if time > END:
                made.append(Parameters(**TRAINING, particles=m, replicas=count, time=time, seed=seed))
        if seed < first + CONTROLS:
            for m, count in sizes["start"].items():
                made.append(Parameters(**START, exponent=MEAN_FIELD, particles=m, replicas=count, seed=seed))
            for m, count in sizes["training"].items():
                made.append(Parameters(**TRAINING, exponent=TANGENT, particles=m, replicas=count, seed=seed))
    return made


def start_runs(**parameters) -> Select:
    """Untrained ensembles."""
    return lambda records: records.where(lambda record: "conditional" in record, **parameters)


def trained_runs(at: float, exponent: float = MEAN_FIELD, penalty: float = 0.0) -> Select:
    """Ensembles in training that were looked at at this time."""

    def select(records: Records) -> Records:
        return records.where(measure.seen_at(at), exponent=exponent, penalty=penalty, alpha=1.0)

    return select


EXACT = "ReLU, w ~ N(0, I), m independent units, every m"
FOURTH = Prediction(1.0, "=", f"excess kurtosis over (6 E a⁴ − 3)/m; {EXACT}", "meanfield")
CUMULANT = Prediction(-1.0, "slope", f"E f⁴ − 3 (E f²)² in m at α = √m; {EXACT}", "meanfield")
VARIANCE = Prediction(1.0, "=", f"E f² over α²|x|²/2m; {EXACT}", "lee2018deep")
STAYS = Prediction(0.0, "slope", f"E f² in m at α = √m; {EXACT}", "lee2018deep")
COVARIANCE = Prediction(0.0, "=", f"covariance of f less (α²/m) times the arc-cosine kernel; {EXACT}", "lee2018deep")
AT_START = Prediction(1.0, "=", "m E|f_m − f_∞|²/C(0), independent units, every m", "rotskoff2022trainability")
CONSTANT = Prediction(1.0, "=", "m E|f_m − f_∞|²/C(t), smooth units, m → ∞", "chen2020dynamical")
RATE = Prediction(-1.0, "slope", "E|f_m − f_∞|² in m → ∞ at a fixed time, α = 1", "rotskoff2022trainability")
SECOND = Prediction(-1.0, "slope", "relative squared remainder of the linear response, m → ∞", "meanfield")
RESAMPLED = Prediction(1.0, "<=", "m E|f_m − f_∞|² over that of fresh draws of the law at t", "chen2020dynamical")
HEALED = Prediction(0.0, "<=", "the limit interpolates: training fluctuations vanish as t → ∞", "chen2020dynamical")

trained = widest(trained_runs(LATE))
ended = widest(trained_runs(END))
lazy_start = start_runs(exponent=TANGENT, output="gaussian")

CLAIMS = (
    claim(
        "variance", "start: variance of f over α²|x|²/2m, α = √m", VARIANCE, equals,
        select=lazy_start, value=measure.variance_ratio, what="E f² / exact",
        wrong="α for α²", control={"value": lambda record: measure.variance_ratio(record, power=1)},
    ),
    claim(
        "covariance", "start: squared distance of the covariance of f to the arc-cosine kernel, α = √m (share)",
        COVARIANCE, equals,
        select=lazy_start, value=measure.covariance_error, what="‖Cov f − C‖²/‖C‖²",
        wrong="1/π for 1/2π", control={"value": lambda record: measure.covariance_error(record, factor=2.0)},
    ),
    claim(
        "variance_stays", "start: variance of f in m, α = √m", STAYS, slope,
        select=lazy_start, x="particles", value=measure.variance,
        wrong="α = 1", control={"select": start_runs(exponent=MEAN_FIELD, output="gaussian")},
    ),
    claim(
        "kurtosis_gaussian", "start: excess kurtosis of f over 15/m, Gaussian output weights", FOURTH, equals,
        select=lazy_start, value=measure.kurtosis_ratio, what="m κ / 15",
        wrong="output weights ±1", control={"select": start_runs(exponent=TANGENT, output="signs")},
    ),
    claim(
        "kurtosis_signs", "start: excess kurtosis of f over 3/m, output weights ±1", FOURTH, equals,
        select=start_runs(exponent=TANGENT, output="signs"), what="m κ / 3",
        value=lambda record: measure.kurtosis_ratio(record, fourth_moment=1.0),
        wrong="Gaussian output weights", control={"select": lazy_start},
    ),
    claim(
        "cumulant_rate", "start: f becomes Gaussian, its fourth cumulant in m, α = √m", CUMULANT, slope,
        select=lazy_start, x="particles", value=measure.fourth_cumulant,
        wrong="α = 1", control={"select": start_runs(exponent=MEAN_FIELD, output="gaussian")},
    ),
    claim(
        "fluctuation_start", "training, t = 0: m E|f_m − f_∞|² over C(0)", AT_START, equals,
        select=trained_runs(0.0), value=measure.over_limit(0.0), what="m E|f_m − f_∞|²/C(0)",
        wrong="C(2) for C(0)", control={"value": measure.over_limit(0.0, of=EARLY)},
    ),
    claim(
        "fluctuation_early", "training, t = 2: m E|f_m − f_∞|² over C(t), largest m", CONSTANT, equals,
        select=widest(trained_runs(EARLY)), value=measure.over_limit(EARLY), what="m E|f_m − f_∞|²/C(2)",
        wrong="C(0) for C(t)", control={"value": measure.over_limit(EARLY, of=0.0)},
    ),
    claim(
        "fluctuation_late", "training, t = 10: m E|f_m − f_∞|² over C(t), largest m", CONSTANT, equals,
        select=trained, value=measure.over_limit(LATE), what="m E|f_m − f_∞|²/C(10)",
        wrong="C(2) for C(10)", control={"value": measure.over_limit(LATE, of=EARLY)},
    ),
    claim(
        "rate", "training, t = 2: E|f_m − f_∞|² falls as 1/m", RATE, slope,
        select=trained_runs(EARLY), x="particles", value=measure.distance(EARLY),
        wrong="α = √m", control={"select": trained_runs(EARLY, exponent=TANGENT)},
    ),
    claim(
        "linear_response", "training, t = 5: what the linear response leaves of |f_m − f_∞|² (share) falls as 1/m",
        SECOND, slope,
        select=trained_runs(RESPONSE_TIME), x="particles", value=measure.remainder(),
        wrong="the response of the start", control={"value": measure.remainder("frozen")},
    ),
    claim(
        "resampling", "training, t = 10: m E|f_m − f_∞|² over that of m fresh draws of the law at t", RESAMPLED, below,
        select=trained, value=measure.over_limit(LATE, "resampling"), what="m E|f_m − f_∞|² / Monte Carlo",
        wrong="α = √m", control={"select": widest(trained_runs(LATE, exponent=TANGENT))},
    ),
    claim(
        "healing_samples", "training, t = 20: m E|f_m − f_∞|² over C(t) where the limit interpolates", CONSTANT, equals,
        select=ended, value=measure.over_limit(END), what="m E|f_m − f_∞|²/C(20)",
        wrong="between the samples", control={"value": measure.over_limit(END, name="test_distance")},
    ),
    claim(
        "healing_between", "training, t = 20: between the samples C(t) remains, m E|f_m − f_∞|² over it", CONSTANT,
        equals,
        select=ended, what="m E|f_m − f_∞|²/C(20) between samples",
        value=measure.over_limit(END, "test_constant", name="test_distance"),
        wrong="on the samples", control={"value": measure.over_limit(END, "test_constant")},
    ),
    claim(
        "healed", "training, t = 20: log(E|f_m − f_∞|² on the samples / between them)", HEALED, below,
        select=ended, value=measure.log_train_over_test(END), what="log ratio at the largest m",
        wrong="t = 0", control={"value": measure.log_train_over_test(0.0)},
    ),
    claim(
        "penalised", "training with penalty, t = 20: m E|f_m − f_∞|² over C(t)", CONSTANT, equals,
        select=widest(trained_runs(END, penalty=PENALTY)), value=measure.over_limit(END), what="m E|f_m − f_∞|²/C(20)",
        wrong="C(10) for C(20)", control={"value": measure.over_limit(END, of=LATE)},
    ),
)  # fmt: skip

STUDY = Study(
    name="particle_count",
    group="limits",
    summary="the law of large numbers and the central limit theorem in m, with exact constants, at the start and in "
    "training",
    parameters=Parameters,
    grid=grid,
    run=simulate,
    predict=predict,
    claims=CLAIMS,
    cost={"smoke": "8 s", "default": "2 min", "paper": "hours"},
)

"""Deep networks of random weights: a Gaussian process and a kernel as their width grows, and what depth does to both.

Two parts. `networks`: outputs, features and tangent kernels of random networks at a few inputs, against the recursions
in depth, with what is of first order in 1/width. `regression`: what the kernels of infinitely wide networks are worth
on test data, depth by depth.
"""

from functools import partial

from simulations.records.record import Records, runs
from simulations.regimes import _deep_measures as measure
from simulations.regimes._deep import Parameters, predict, run
from simulations.study.study import Study, claim
from simulations.verdicts.checks import above, bounded, equals, limit, not_below, slope
from theory.prediction import Prediction

RELU = {"activation": "relu", "weight_scale": 2**0.5}
ERF = {"activation": "erf", "weight_scale": 1.5, "bias_scale": 0.3}

# Of networks: replicas at the first width, and the share of them at every width.
SIZES = {
    "smoke": {
        "seeds": 8,
        "widths": {24: 1.0, 48: 1.0, 96: 1.0},
        "relu": {"depth": 6, "replicas": 128},
        "erf": {"depth": 3, "replicas": 320},
        "splits": 10,
        "regression": {"digits": {"samples": 100, "tested": 250, "depth": 32}},
    },
    "default": {
        "seeds": 8,
        "widths": {32: 1.0, 64: 1.0, 128: 1.0, 256: 0.25},
        "relu": {"depth": 16, "replicas": 256},
        "erf": {"depth": 3, "replicas": 1024},
        "splits": 8,
        "regression": {
            "digits": {"samples": 300, "tested": 700, "depth": 32},
            "mnist1d": {"samples": 300, "tested": 700, "depth": 32},
        },
    },
    "paper": {
        "seeds": 10,
        "widths": {32: 1.0, 128: 1.0, 512: 0.25, 2048: 0.03125},
        "relu": {"depth": 64, "replicas": 4096},
        "erf": {"depth": 3, "replicas": 4096},
        "splits": 10,
        "regression": {
            "digits": {"samples": 1000, "tested": 797, "depth": 128},
            "mnist1d": {"samples": 4000, "tested": 1000, "depth": 128},
        },
    },
}


def grid(size: str, seeds: int | None = None, first: int = 0) -> list[Parameters]:
    """The runs of one size; `seeds` of every setting, the first of them with seed `first`."""
    sizes = SIZES[size]
    made = []
    for seed in range(first, first + (sizes["seeds"] if seeds is None else seeds)):
        for law in (RELU, ERF):
            many = sizes[law["activation"]]
            for n, share in sizes["widths"].items():
                count = round(share * many["replicas"])
                made.append(Parameters(**law, depth=many["depth"], width=n, replicas=count, seed=seed))
    for seed in range(first, first + (sizes["splits"] if seeds is None else seeds)):
        for data, settings in sizes["regression"].items():
            made += [Parameters("regression", data, **law, **settings, seed=seed) for law in (RELU, ERF)]
    return made


networks = partial(runs, "conjugate", "constant")
"""Networks whose first order in 1/N is known."""


def he(records: Records) -> Records:
    """ReLU networks without biases that keep norms."""
    return networks(activation="relu", bias_scale=0.0, weight_scale=RELU["weight_scale"])(records)


def deep(records: Records) -> Records:
    """Return the `he` networks of at least three layers."""
    return he(records).where(lambda record: record["depth"] >= 3)


def several(activation: str):
    """Networks of at least two layers, whose first order in 1/N is not that of one layer."""
    return lambda records: networks(activation=activation)(records).where(lambda record: record["depth"] >= 2)


def regressions(activation: str, data: str = "digits"):
    """Kernels of depths up to 32 and more."""
    law = RELU if activation == "relu" else ERF
    chosen = runs("accuracy_tangent", data=data, **law)
    return lambda records: chosen(records).where(lambda record: record["depth"] >= 32)


PROCESS = Prediction(0.0, "=", "random networks, output weights of mean 0", "lee2018deep")
MOMENTS = Prediction(1.0, "=", "He-scaled ReLU without biases, mean to first order in 1/N", "lee2018deep")
KURTOSIS = Prediction(1.0, "=", "ReLU without biases, every N and L", "hanin2020products")
CONSTANT = Prediction(1.0, "=", "equal widths N → ∞, depth fixed", "yaida2020nongaussian")
RATE = Prediction(-1.0, "slope", "equal widths N → ∞, depth fixed, smooth activation", "yaida2020nongaussian")
TANGENT_RATE = Prediction(-1.0, "slope", "equal widths N → ∞, depth fixed, smooth activation", "jacot2018neural")
TANGENT = Prediction(1.0, "=", "ReLU without biases, diagonal, every N and L", "jacot2018neural")
MAP = Prediction(1.0, "=", "ReLU without biases, N → ∞", "cho2009kernel")
FALL = Prediction(1.0, "<=", "the correlation map of ReLU, any two inputs", "meanfield")
OBSERVED = Prediction(0.0, ">=", "an observation on this data set, not a theorem", "meanfield")

CLAIMS = (
    claim(
        "mean", "mean of the outputs, in standard deviations of the limit", PROCESS, equals,
        select=networks(), value=measure.mean_output, what="mean of f",
        wrong="their absolute values", control={"value": partial(measure.mean_output, absolute=True)},
    ),
    claim(
        "covariance", "covariance of outputs at two inputs over the recursion's, layer 3, first order in 1/N included",
        MOMENTS, equals,
        select=deep, value=measure.covariance, what="covariance / prediction",
        wrong="one layer's weights of variance 1/N, not 2/N",
        control={"value": partial(measure.covariance, unscaled=True)},
    ),
    claim(
        "kurtosis", "excess kurtosis of outputs over 3(1 + 5/N)^L − 3, ReLU, L = 3", KURTOSIS, equals,
        select=deep, value=measure.kurtosis, what="excess kurtosis / exact",
        wrong="15/N, that of one layer", control={"value": partial(measure.kurtosis, one_layer=True)},
    ),
    claim(
        "kurtosis_constant", "N × excess kurtosis over the recursion's constant, erf", CONSTANT, limit,
        select=several("erf"), x="width", value=measure.kurtosis_constant, order=1.0, what="N κ / constant",
        wrong="15 L, that of ReLU", control={"value": partial(measure.kurtosis_constant, relu=True)},
    ),
    claim(
        "kernel_constant", "N E‖K_N − K‖² over the recursion's constant, erf", CONSTANT, limit,
        select=several("erf"), x="width", value=measure.distance_constant, order=1.0, what="N ‖K_N − K‖² / C",
        wrong="the constants of single layers added up",
        control={"value": partial(measure.distance_constant, added=True)},
    ),
    claim(
        "kernel_rate", "E‖K_N − K‖² to the conjugate kernel falls as 1/N, erf", RATE, slope,
        select=several("erf"), x="width", value=measure.distance, drift=True,
        wrong="limit of the first layer", control={"value": measure.from_another_layer},
    ),
    claim(
        "tangent_rate", "E‖Θ_N − Θ‖² to the tangent kernel of depth L falls as 1/N, erf", TANGENT_RATE, slope,
        select=several("erf"), x="width", value=measure.tangent_distance, drift=True,
        wrong="the conjugate kernel as its limit",
        control={"value": partial(measure.tangent_distance, name="tangent_wrong")},
    ),
    claim(
        "tangent_mean", "mean tangent kernel at one input over the recursion's, L layers of ReLU", TANGENT, equals,
        select=he, value=measure.tangent_mean, what="E Θ_N(x, x)/Θ(x, x)",
        wrong="the conjugate kernel", control={"value": partial(measure.tangent_mean, of="limit_conjugate")},
    ),
    claim(
        "correlation", "1 − cosine of two inputs behind L layers over the correlation map's, N → ∞", MAP, limit,
        select=deep, x="width", value=measure.deficit, order=1.0, what="(1 − cosine)/(1 − c_L)",
        wrong="the map of one layer", control={"value": partial(measure.deficit, layers=1)},
    ),
    claim(
        "degeneration", "1 − c_L lies between two bounds that are both (9π²/2)/L² but for log L/L", FALL, bounded,
        select=he, value=measure.fall, what="place between the bounds at L = 300, −1 to 1, absolute value",
        wrong="π² for 9π²/2", control={"value": partial(measure.fall, factor=2 / 9)},
    ),
    claim(
        "depth_helps_not", "digits: tangent kernels of one layer are no worse than those of four", OBSERVED, not_below,
        select=regressions("relu"), value=measure.over_four, what="difference of test accuracy",
        wrong="guessing for one layer", control={"value": partial(measure.over_four, guess=True)},
    ),
    claim(
        "too_deep", "digits: log(test errors, tangent kernel of the most layers / of one layer), ReLU", OBSERVED, above,
        select=regressions("relu"), value=measure.log_errors, what="log ratio",
        wrong="guessing for one layer", control={"value": partial(measure.log_errors, guess=True)},
    ),
    claim(
        "too_deep_erf", "digits: log(test errors, tangent kernel of the most layers / of one layer), erf", OBSERVED,
        above,
        select=regressions("erf"), value=measure.log_errors, what="log ratio",
        wrong="guessing for one layer", control={"value": partial(measure.log_errors, guess=True)},
    ),
)  # fmt: skip

STUDY = Study(
    name="infinite_width",
    group="regimes",
    summary="deep random networks against their Gaussian process and tangent kernel, and what depth does to both",
    parameters=Parameters,
    grid=grid,
    run=run,
    predict=predict,
    claims=CLAIMS,
    cost={"smoke": "10 s", "default": "75 s", "paper": "hours"},
    precision="float32",
)

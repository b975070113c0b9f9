"""The tangent kernel of two-layer networks: its limit, what it says of training on digits, and what it is worth.

Three questions. `start`: tangent kernels of untrained networks against their closed form, with the constant of their
distance, for several activations and for either layer. `directions`: networks at α = √m on odd against even digits;
Arora et al. (2019) predict the residual along every eigenvector of the kernel, v_i·(y − u_k) = (1 − hλ_i/n)^k v_i·y.
`accuracy`: ridge regression with this kernel and others, random features and both kinds of network on test data.

An interval over seeds of `accuracy` is one over random splits of the same data set.
"""

from functools import cache, partial

from threadpoolctl import ThreadpoolController

from simulations.records.record import runs
from simulations.regimes import _tangent_measures as measure
from simulations.regimes._accuracy import accuracy
from simulations.regimes._tangent import Parameters, constants, directions, directions_limit, start
from simulations.regimes._tangent_measures import limit
from simulations.study.study import Study, claim
from simulations.verdicts.checks import above, equals, not_below, slope
from theory import scaling
from theory.prediction import Prediction

START = {"part": "start", "data": "sphere", "output": "gaussian", "initial": "plain", "dimension": 3, "samples": 6}
DIRECTIONS = {"part": "directions", "data": "digits"}
ACCURACY = {"part": "accuracy", "share": 0.4}

SIZES = {
    "smoke": {
        "seeds": 7,
        "activations": ("relu", "erf", "cosine"),
        "start": {16: 80, 64: 80, 256: 80},
        "labels": ("true", "even"),
        "directions": {64: 4, 256: 4, 1024: 2},
        "problem": {"samples": 64, "steps": 120},
        "particles": 64,
        "others": 3,
        "accuracy": {
            "digits": {"samples": 300, "tested": 1000, "steps": 100},
            "breast_cancer": {"samples": 300, "tested": 269, "steps": 100},
            "mnist1d": {"samples": 300, "tested": 600, "steps": 100},
        },
    },
    "default": {
        "seeds": 8,
        "activations": ("relu", "leaky_relu", "squared_relu", "erf", "cosine"),
        "start": {64: 100, 256: 100, 1024: 100, 4096: 50, 16384: 20},
        "labels": ("true", "random", "even"),
        "directions": {64: 4, 256: 4, 1024: 4, 4096: 2},
        "problem": {"samples": 100, "steps": 200},
        "particles": 256,
        "others": 8,
        "accuracy": {
            "digits": {"samples": 1000, "tested": 797, "steps": 300},
            "breast_cancer": {"samples": 400, "tested": 169, "steps": 300},
            "mnist1d": {"samples": 1000, "tested": 1000, "steps": 300},
        },
    },
    "paper": {
        "seeds": 10,
        "activations": ("relu", "leaky_relu", "squared_relu", "erf", "cosine"),
        "start": {64: 1000, 256: 1000, 1024: 1000, 10000: 100, 100000: 20},
        "labels": ("true", "random", "even"),
        "directions": {256: 4, 1024: 4, 4096: 4, 16384: 4},
        "problem": {"samples": 1000, "steps": 10000},
        "particles": 10000,
        "others": 10,
        "accuracy": {
            "digits": {"samples": 1000, "tested": 797, "steps": 10000},
            "breast_cancer": {"samples": 400, "tested": 169, "steps": 10000},
            "mnist1d": {"samples": 4000, "tested": 1000, "steps": 10000},
        },
    },
}


def grid(size: str, seeds: int | None = None, first: int = 0) -> list[Parameters]:
    """The runs of one size; `seeds` of every setting, the first of them with seed `first`."""
    sizes = SIZES[size]
    made = []
    for seed in range(first, first + (sizes["seeds"] if seeds is None else seeds)):
        for activation in sizes["activations"]:
            of = START | {"activation": activation, "seed": seed}
            made += [Parameters(**of, particles=m, replicas=count) for m, count in sizes["start"].items()]
        pairs = START | {"initial": "doubled", "seed": seed}
        made += [Parameters(**pairs, particles=m, replicas=count) for m, count in sizes["start"].items()]
        problem = DIRECTIONS | sizes["problem"] | {"seed": seed}
        for labels in sizes["labels"]:
            made += [
                Parameters(**problem, labels=labels, particles=m, replicas=count)
                for m, count in sizes["directions"].items()
            ]
        for data, settings in sizes["accuracy"].items():
            if data != "digits" and seed >= first + sizes["others"]:
                continue
            made.append(Parameters(**ACCURACY, **settings, data=data, particles=sizes["particles"], seed=seed))
    return made


def run(parameters: Parameters):
    """Everything the claims look at."""
    # Matrices of a few hundred rows: several threads of linear algebra would mostly wait for each other.
    with _threads().limit(limits=1, user_api="blas"):
        return {"start": start, "directions": directions, "accuracy": accuracy}[parameters.part](parameters)


@cache
def _threads() -> ThreadpoolController:
    """The libraries of linear algebra, looked for once: it takes longer than a small run."""
    return ThreadpoolController()


def predict(parameters: Parameters):
    """Return the predictions of theory for a run; of accuracy it says nothing."""
    known = {"start": constants, "directions": directions_limit}
    return known[parameters.part](parameters) if parameters.part in known else {}


start_runs = partial(runs, "distance_both", initial="plain")
direction_runs = partial(runs, "residuals")
accuracy_runs = partial(runs, "accuracy_linear")

CONSTANT = Prediction(1.0, "=", "independent units, Gaussian weights of variance 1, every m", "meanfield")
EXPONENT = Prediction(-1.0, "slope", "α = √m, m → ∞, gradient descent on the square loss", "arora2019fine")
PREFACTOR = Prediction(1.0, "=", "α = √m, m → ∞, gradient descent on the square loss", "arora2019fine")
OBSERVED = Prediction(0.0, ">=", "an observation on this data set, not a theorem", "meanfield")
CHANCE = Prediction(0.1, "=", "training labels permuted at random, ten classes of nearly equal size", "meanfield")

CLAIMS = (
    claim(
        "kernel_constant", "m E‖K_m − K‖² over its constant C, both layers trained", CONSTANT, equals,
        select=start_runs(), value=measure.over_constant, what="m ‖K_m − K‖² / C",
        wrong="doubled: half the independent units", control={"select": start_runs(initial="doubled")},
    ),
    claim(
        "layer_constant", "m E‖K_m − K‖² over its constant C, output or input layer alone", CONSTANT, equals,
        select=start_runs(), value=measure.one_layer, what="m ‖K_m − K‖² / C, mean of both layers",
        wrong="the constant of both layers together", control={"value": partial(measure.one_layer, constant="both")},
    ),
    claim(
        "doubled_constant", "m E‖K_m − K‖² over 2C, doubled units", CONSTANT, equals,
        select=start_runs(initial="doubled"), value=measure.half_over_constant, what="m ‖K_m − K‖² / 2C",
        wrong="independent units", control={"select": start_runs()},
    ),
    claim(
        "kernel_rate", "E‖K_m − K‖² to the closed form falls as 1/m, erf", scaling.kernel_distance_exponent(), slope,
        select=start_runs(activation="erf"), x="particles", value=measure.distance,
        wrong="limit of the output layer alone", control={"value": measure.wrong_limit},
    ),
    claim(
        "curve_true", "digits: distance to the predicted residuals falls as m^−½", scaling.kernel_limit_exponent(),
        slope,
        select=direction_runs(labels="true"), x="particles", value=measure.residual_error,
        drift=True, last=3,
        wrong="kernel without its 1/n", control={"value": measure.slow_error},
    ),
    claim(
        "curve_random", "random labels (plain, or even in all directions): the same distance falls as m^−½",
        scaling.kernel_limit_exponent(), slope,
        select=direction_runs(labels=("random", "even")), x="particles", value=measure.residual_error,
        drift=True, last=3,
        wrong="eigenvalues dealt to other eigenvectors", control={"value": measure.dealt_error},
    ),
    claim(
        "learning_time", "time to learn direction i is a power of its rate hλ_i/n", EXPONENT, limit,
        select=measure.learning, x="particles", value=measure.exponent, what="exponent",
        wrong="eigenvalues dealt to other eigenvectors", control={"value": measure.dealt_exponent},
    ),
    claim(
        "learning_constant", "rate at which direction i is learnt, over hλ_i/n", PREFACTOR, limit,
        select=measure.learning, x="particles", value=measure.prefactor, what="mean over directions",
        wrong="rate without its 1/n", control={"value": measure.undivided_prefactor},
    ),
    claim(
        "learning_scatter", "scatter of log learning times about the prediction falls as m^−½",
        scaling.kernel_limit_exponent(), slope,
        select=measure.learning, x="particles", value=measure.scatter, drift=True, last=3,
        wrong="eigenvalues dealt to other eigenvectors", control={"value": measure.dealt_scatter},
    ),
    claim(
        "linear_worst", "digits: the worst of three kernels and 4096 random features less linear regression",
        OBSERVED, above,
        select=accuracy_runs(data="digits"), value=measure.above_linear, what="difference of test accuracy",
        wrong="breast cancer, where linear is as good", control={"select": accuracy_runs(data="breast_cancer")},
    ),
    claim(
        "networks", "digits: tangent-kernel regression is no worse than the better network", OBSERVED, not_below,
        select=accuracy_runs(data="digits"), value=measure.over_networks("tangent"), what="difference of test accuracy",
        wrong="trained on shuffled labels", control={"value": measure.over_networks("shuffled")},
    ),
    claim(
        "output_layer", "digits: the arc-cosine kernel, output layer alone, is no worse than the tangent kernel",
        OBSERVED, not_below,
        select=accuracy_runs(data="digits"), value=measure.difference("arc_cosine", "tangent"),
        what="difference of test accuracy",
        wrong="linear regression", control={"value": measure.difference("linear", "tangent")},
    ),
    claim(
        "chance", "digits: test accuracy after training on shuffled labels", CHANCE, equals,
        select=accuracy_runs(data="digits"), value=partial(measure.score, method="shuffled"), what="test accuracy",
        wrong="true labels", control={"value": partial(measure.score, method="tangent")},
    ),
)  # fmt: skip

STUDY = Study(
    name="tangent_kernel",
    group="regimes",
    summary="the tangent kernel against its closed form, as a prediction of training on digits, and on test data",
    parameters=Parameters,
    grid=grid,
    run=run,
    predict=predict,
    claims=CLAIMS,
    cost={"smoke": "10 s", "default": "90 s", "paper": "hours (minutes on a GPU)"},
)

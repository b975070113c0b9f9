"""Feature learning: kernels that turn to the targets, and a hidden direction that is found among many.

Two parts. `kernel`: networks on sign(x₁x₂) at several output scales α; how their kernels change, align with the targets
and spread over dimensions. `adaptivity`: test error on a target of one direction among d, along d and n, beside kernel
regression with the tangent kernel (whose ridge is the best on the test samples); the same on data of few dimensions.
"""

from functools import partial
from math import log
from typing import Any

from simulations.records.record import Records, runs
from simulations.regimes import _representation_measures as measure
from simulations.regimes._representation import Parameters, alike, batch_bytes, train, train_together
from simulations.study.study import Study, Together, claim
from simulations.verdicts.checks import above, bounded, equals, slope, slope_above
from theory.prediction import Prediction

KERNEL = {"part": "kernel", "dimension": 8, "time": 100.0, "step": 0.5, "precision": "float64"}
LAWS: dict[str, dict[str, Any]] = {
    "doubled": {"activation": "tanh"},
    "centred": {"activation": "tanh", "initial": "centred"},
    "relu": {"activation": "relu"},
}
RICH, LAZY = 1.0, 1000.0
"""Output scales at either end."""

LARGE = (100.0, 300.0, 1000.0)
"""Output scales between which exponents are taken."""

INTRINSIC = 5
"""k, dimensions of the manifold (count)."""

SIZES = {
    "smoke": {
        "seeds": 8,
        "kernel": {"particles": 48, "samples": 48, "replicas": 4},
        "alphas": (RICH, *LARGE),
        "adaptivity": {"samples": 128},
        "dimensions": (5, 10, 20),
        "samples": {64: 6, 256: 2},
    },
    "default": {
        "seeds": 8,
        "kernel": {"particles": 128, "samples": 64, "replicas": 8},
        "alphas": (RICH, 3.0, 10.0, 30.0, *LARGE),
        "adaptivity": {"samples": 256, "particles": 100, "tested": 1000, "replicas": 4},
        "dimensions": (5, 10, 20, 40),
        "samples": {64: 8, 128: 6, 512: 4},
    },
    "paper": {
        "seeds": 10,
        "kernel": {"particles": 1000, "samples": 256, "replicas": 8},
        "alphas": (RICH, 3.0, 10.0, 30.0, *LARGE),
        "adaptivity": {"samples": 1024, "particles": 1000, "time": 400.0, "tested": 5000},
        "dimensions": (5, 10, 20, 40, 80),
        "samples": {128: 8, 256: 6, 512: 4, 2048: 2},
    },
}


def grid(size: str, seeds: int | None = None, first: int = 0) -> list[Parameters]:
    """The runs of one size; `seeds` of every setting, the first of them with seed `first`."""
    sizes = SIZES[size]
    made = []
    for seed in range(first, first + (sizes["seeds"] if seeds is None else seeds)):
        for name, law in LAWS.items():
            alphas = [alpha for alpha in sizes["alphas"] if alpha in LARGE or name != "centred"]
            made += [Parameters(**KERNEL, **sizes["kernel"], **law, alpha=alpha, seed=seed) for alpha in alphas]
        task, most = sizes["adaptivity"] | {"seed": seed}, max(sizes["dimensions"])
        once = task | {"replicas": 1}
        for d in sizes["dimensions"]:
            made.append(Parameters(**task, dimension=d))
            made.append(Parameters(**once, dimension=d, data="manifold", intrinsic=INTRINSIC))
        made.append(Parameters(**once, dimension=most, intrinsic=INTRINSIC))
        made.append(Parameters(**once, dimension=most, target="many"))
        made += [Parameters(**(task | {"samples": n, "replicas": count})) for n, count in sizes["samples"].items()]
    return made


kernels = partial(runs, "features_alignment")
tested = partial(runs, "net_error", target="direction", data="filled", alpha=RICH)


def large(name: str):
    """Runs of one law at output scales large enough for an exponent."""
    law = {"initial": "doubled"} | LAWS[name]
    return lambda records: kernels(**law)(records).where(lambda record: record["alpha"] >= LARGE[0])


def at(alpha: float, name: str):
    """Runs of one law at one output scale."""
    return kernels(**({"initial": "doubled"} | LAWS[name]), alpha=alpha)


def along_dimensions(records: Records) -> Records:
    """Networks on inputs that fill the sphere, at the number of samples that most of them have."""
    return _most(tested(intrinsic=0)(records), "samples")


def along_samples(records: Records) -> Records:
    """Return networks on inputs that fill the sphere, at the dimension that most of them have."""
    return _most(tested(intrinsic=0)(records), "dimension")


def _most(records: Records, name: str) -> Records:
    """Those that share the value of a parameter which has the most different values of the other ones."""
    values = records.column(name).tolist()
    other = "dimension" if name == "samples" else "samples"
    count = {value: len(set(records.where(**{name: value}).column(other))) for value in values}
    return records.where(**{name: max(count, key=lambda value: count[value], default=None)})


def many(records: Records) -> Records:
    """Targets of 400 directions."""
    return runs("net_error", target="many", data="filled", alpha=RICH)(records)


manifold = runs("reference_net_error", target="direction", data="manifold", alpha=RICH)


def widest_manifold(records: Records) -> Records:
    """Of these, the ones in the most dimensions: at other d they share their samples and their reference."""
    chosen = manifold(records)
    return chosen.where(dimension=max(chosen.column("dimension"), default=None))


ambient = runs("reference_net_error", target="direction", data="filled", alpha=RICH)

SMOOTH = "α → ∞, fixed horizon, smooth activation"
DOUBLED = Prediction(-2.0, "slope", f"{SMOOTH}, doubled start", "meanfield")
CENTRED = Prediction(-1.0, "slope", f"{SMOOTH}, centred", "chizat2019lazy")
SWITCHES = Prediction(
    -0.5, "slope", "ReLU, root mean square over starts, where units still switch in some of them", "meanfield"
)
LIPSCHITZ = Prediction(1.0, "<=", "any two kernels", "cortes2012algorithms")
TWICE, HALF_MORE, TENTH_MORE = (
    Prediction(log(factor), ">=", "an observation on sign(x₁x₂), not a theorem", "meanfield")
    for factor in (2, 1.5, 1.1)
)
THREE = Prediction(log(3), ">=", "a target of one direction; observed, not proved", "bach2017breaking")
HALF = Prediction(0.5, ">=", "a target of one direction; observed, not proved", "bach2017breaking")
FASTER = Prediction(1.0, ">=", "fixed n; observed, not proved", "meanfield")
ROOT = Prediction(0.5, ">=", "fixed n, or fixed d; observed, not proved", "meanfield")
INVARIANT = Prediction(1.0, "<=", "a kernel of inner products, up to rounding", "jacot2018neural")
SAME = Prediction(0.0, "=", "w off the subspace has no part in f; law N(0, I/k) of w", "meanfield")

CLAIMS = (
    claim(
        "change_doubled", "relative change of the tangent kernel in α: −2, tanh, doubled start", DOUBLED, slope,
        select=large("doubled"), x="alpha", value=measure.last("tangent_drift"), drift=True,
        wrong="centred, not doubled", control={"select": large("centred")},
    ),
    claim(
        "change_centred", "relative change of the tangent kernel in α: −1, tanh, centred", CENTRED, slope,
        select=large("centred"), x="alpha", value=measure.last("tangent_drift"), drift=True,
        wrong="doubled, not centred", control={"select": large("doubled")},
    ),
    claim(
        "change_relu", "relative change of the tangent kernel in α, root mean square: −½, ReLU", SWITCHES, slope,
        select=large("relu"), x="alpha", value=measure.last("tangent_drift"), drift=True,
        wrong="tanh", control={"select": large("doubled")},
    ),
    claim(
        "alignment_lazy", "change of the tangent kernel's alignment with the targets in α: −2, tanh, doubled start",
        DOUBLED, slope,
        select=large("doubled"), x="alpha", value=measure.last("tangent_realigned"), drift=True,
        wrong="centred, not doubled", control={"select": large("centred")},
    ),
    claim(
        "dimension_lazy", "change of the tangent kernel's effective dimension in α: −2, tanh, doubled start",
        DOUBLED, slope,
        select=large("doubled"), x="alpha", value=measure.last("tangent_respread"), drift=True,
        wrong="centred, not doubled", control={"select": large("centred")},
    ),
    claim(
        "alignment_bound", "change of alignment over 2 ‖change of the centred kernel‖/‖kernel‖", LIPSCHITZ, bounded,
        select=kernels(), value=lambda record: float(record["features_over_bound"]), what="change / bound",
        wrong="a hundredth of the bound",
        control={"value": lambda record: float(100 * record["features_over_bound"])},
    ),
    claim(
        "alignment_grows", "α = 1: the alignment of the features with the targets more than doubles, tanh", TWICE,
        above,
        select=at(RICH, "doubled"), value=measure.feature_alignment, what="log ratio",
        wrong="α = 1000", control={"select": at(LAZY, "doubled")},
    ),
    claim(
        "tangent_alignment", "α = 1: the alignment of the tangent kernel grows by more than a tenth, tanh", TENTH_MORE,
        above,
        select=at(RICH, "doubled"), value=measure.tangent_alignment, what="log ratio",
        wrong="α = 1000", control={"select": at(LAZY, "doubled")},
    ),
    claim(
        "dimension_grows", "α = 1: the effective dimension of the tangent kernel grows by more than half, tanh",
        HALF_MORE, above,
        select=at(RICH, "doubled"), value=measure.tangent_dimension, what="log ratio",
        wrong="α = 1000", control={"select": at(LAZY, "doubled")},
    ),
    claim(
        "hidden_direction", "log(test error of the kernel / of the network) above log 3, mean over d and n", THREE,
        above,
        select=tested(intrinsic=0), value=measure.advantage, what="log ratio",
        wrong="a target of 400 directions", control={"select": many},
    ),
    claim(
        "features_found", "share of the network along the hidden direction at the end above ½", HALF, above,
        select=tested(intrinsic=0), value=measure.direction, what="mean cos²(w, e₁)",
        wrong="at the start", control={"value": lambda record: float(record["along"][0])},
    ),
    claim(
        "kernel_in_d", "the kernel's test error grows faster than d", FASTER, slope_above,
        select=along_dimensions, x="dimension", value=measure.kernel_error,
        wrong="data of 5 dimensions in d", control={"select": manifold},
    ),
    claim(
        "network_in_d", "nor is the network free of d: its test error grows faster than √d", ROOT, slope_above,
        select=along_dimensions, x="dimension", value=measure.net_error,
        wrong="data of 5 dimensions in d", control={"select": manifold},
    ),
    claim(
        "network_in_n", "the network's test error falls faster than 1/√n", ROOT, slope_above,
        select=along_samples, x="samples", value=measure.inverse_error,
        wrong="before training", control={"value": partial(measure.inverse_error, at=0)},
    ),
    claim(
        "manifold_kernel", "data on a sphere of 5 dimensions in d: the kernel predicts as it does in 5, to rounding",
        INVARIANT, bounded,
        select=manifold, value=lambda record: float(record["kernel_difference"]), what="difference / rounding",
        wrong="data that fill d dimensions", control={"select": ambient},
    ),
    claim(
        "manifold_network", "the same data: log(the network's test error / in 5 dimensions)", SAME, equals,
        select=widest_manifold, value=measure.excess, what="log ratio",
        wrong="data that fill d dimensions", control={"select": ambient},
    ),
)  # fmt: skip

STUDY = Study(
    name="representation_learning",
    group="regimes",
    summary="features turn to the targets and find a hidden direction, where those of the lazy regime stay",
    parameters=Parameters,
    grid=grid,
    run=train,
    predict=lambda parameters: {},
    claims=CLAIMS,
    cost={"smoke": "10 s", "default": "45 s", "paper": "hours"},
    together=Together(alike, train_together, batch_bytes),
)

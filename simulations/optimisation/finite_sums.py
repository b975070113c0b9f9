"""A linearised network with a ridge is a convex finite sum: what incremental gradients do on it, and what is proved.

Stochastic gradient descent at a constant step comes down to a floor, at steps ∝ 1/k it falls like 1/k. Methods that
remember (SAG, SAGA) or correct by snapshots (SVRG) fall geometrically at the same cost a step. Their theorems bound
risk or distance at every step with explicit constants; what is seen is faster, but never twice as fast as λ allows in
the directions that no sample sees. Where the samples can all be fitted, plain SGD has no floor either, and its exact
factor is known.
"""

from functools import partial

from simulations.optimisation import _finite_sums_measures as measure
from simulations.optimisation._finite_sums import Parameters, descend, predict
from simulations.records.record import Records, runs
from simulations.study.study import Study, claim
from simulations.verdicts.checks import above, bounded, equals
from theory.prediction import Prediction

REMEMBERING = ("saga", "adapted", "sag", "svrg")
LONG = 150
"""Passes of the methods whose late behaviour is claimed."""

GRIDS = {
    "smoke": {"seeds": 8, "common": {}, "ridges": [], "long": {"passes": LONG, "replicas": 32}},
    "default": {
        "seeds": 8,
        "common": {"replicas": 32, "samples": 40, "dimension": 80},
        "ridges": [0.005, 0.5],
        "long": {"passes": LONG, "replicas": 64},
    },
    "paper": {
        "seeds": 10,
        "common": {"replicas": 256, "samples": 200, "dimension": 400, "particles": 20},
        "ridges": [0.0005, 0.005, 0.5],
        "long": {"passes": 10 * LONG},
    },
}


def grid(size: str, seeds: int | None = None, first: int = 0) -> list[Parameters]:
    """The runs of one size; every seed has data, a network and draws of its own."""
    sizes = GRIDS[size]
    made = []
    for seed in range(first, first + (sizes["seeds"] if seeds is None else seeds)):
        common = sizes["common"] | {"seed": seed}
        made += [Parameters(method=name, **common) for name in REMEMBERING]
        made += [Parameters(method=name, ridge=ridge, **common) for ridge in sizes["ridges"] for name in REMEMBERING]
        late = common | sizes["long"]
        made += [Parameters(method="sgd", **late), Parameters(method="decaying", **late)]
        made += [Parameters(method="decaying", decay=0.25, **late)]
        made += [Parameters(method="sgd", ridge=0.0, noise=0.0, **late)]
    return made


def of(*methods: str):
    """Runs of these methods, long enough to have a rate, and with enough replicas for a mean."""

    def select(records: Records) -> Records:
        chosen = runs("excess", method=methods)(records).where(lambda record: record["ridge"] > 0)
        return chosen.where(lambda record: record["passes"] >= 20 and record["replicas"] >= 8)

    return select


def noisy(records: Records) -> Records:
    """Runs of SGD with a constant step on labels that can't all be fitted, long enough to be at the floor."""
    chosen = of("sgd")(records).where(lambda record: record["noise"] > 0)
    return chosen.where(lambda record: record["passes"] * record["samples"] * record["ridge"] >= 50)


def fitted(records: Records) -> Records:
    """Runs of SGD with a constant step on samples that are all fitted at the minimum."""
    return runs("excess", method="sgd", ridge=0.0, noise=0.0)(records).where(
        lambda record: (
            record["samples"] <= record["dimension"] / 2
            and record["particles"] >= 2
            and record["passes"] >= LONG
            and record["replicas"] >= 8
        )
    )


def decaying(c: float):
    """Runs with steps c/(μ(k + k₀))."""
    return lambda records: of("decaying")(records).where(lambda record: record["passes"] >= LONG).where(decay=c)


SAGA = Prediction(1.0, "<=", "E|b − b*|² over its bound, step 1/3L or 1/(2(λn + L))", "defazio2014saga")
SAG = Prediction(1.0, "<=", "E F − min F over its bound, step 1/16L, memory zero", "schmidt2017minimizing")
SVRG = Prediction(1.0, "<=", "E|b − b*|² over its bound, step 1/6L, snapshots at 1/2n", "kovalev2020loopless")
SAGA_RATE = Prediction(1.0, ">=", "rate over min{1/4n, λ/3L}, or over λh with h = 1/(2(λn + L))", "defazio2014saga")
SAG_RATE = Prediction(1.0, ">=", "rate over min{μ/16L, 1/8n}", "schmidt2017minimizing")
SVRG_RATE = Prediction(1.0, ">=", "rate over min{μ/6L, 1/4n}", "kovalev2020loopless")
FLOOR = Prediction(1.0, "=", "stationary excess risk, exact second moments, step 1/2L", "meanfield")
SLOPE = Prediction(-1.0, "=", "steps c/(μ(k + k₀)), c > 1/2, excess risk in k + k₀", "chung1954stochastic")
EXACT = Prediction(1.0, "=", "exact second moments of least squares", "meanfield")
FITTED = Prediction(1.0, ">=", "rate over μ/2L, step 1/2L, all ∇F_i(b*) = 0", "needell2014stochastic")

CLAIMS = (
    claim(
        "saga_bound", "squared distance of SAGA over its theorem's bound, at all times", SAGA, bounded,
        select=of("saga", "adapted"), value=measure.over_bound, what="mean |b − b*|² / bound",
        wrong="SGD with a constant step", control={"select": noisy, "value": partial(measure.over_bound, name="saga")},
    ),
    claim(
        "saga_rate", "rate of SAGA over its theorem's, both steps", SAGA_RATE, above,
        select=of("saga", "adapted"), value=measure.rate_ratio, what="rate / theorem",
        wrong="SGD with a constant step", control={"select": noisy, "value": partial(measure.rate_ratio, name="saga")},
    ),
    claim(
        "sag_bound", "excess risk of SAG over its theorem's bound, at all times", SAG, bounded,
        select=of("sag"), value=measure.over_bound, what="mean excess / bound",
        wrong="SGD with a constant step", control={"select": noisy, "value": partial(measure.over_bound, name="sag")},
    ),
    claim(
        "sag_rate", "rate of SAG over its theorem's", SAG_RATE, above,
        select=of("sag"), value=measure.rate_ratio, what="rate / theorem",
        wrong="SGD with a constant step", control={"select": noisy, "value": partial(measure.rate_ratio, name="sag")},
    ),
    claim(
        "svrg_bound", "squared distance of SVRG over its theorem's bound, at all times", SVRG, bounded,
        select=of("svrg"), value=measure.over_bound, what="mean |b − b*|² / bound",
        wrong="SGD with a constant step", control={"select": noisy, "value": partial(measure.over_bound, name="svrg")},
    ),
    claim(
        "svrg_rate", "rate of SVRG over its theorem's", SVRG_RATE, above,
        select=of("svrg"), value=measure.rate_ratio, what="rate / theorem",
        wrong="SGD with a constant step", control={"select": noisy, "value": partial(measure.rate_ratio, name="svrg")},
    ),
    claim(
        "floor", "late excess risk of SGD with a constant step over its exact floor", FLOOR, equals,
        select=noisy, value=measure.floor_ratio, what="excess / floor",
        wrong="SAGA", control={"select": of("saga")},
    ),
    claim(
        "decay_slope", "exponent of the excess risk of SGD with decaying steps, c = 2", SLOPE, equals,
        select=decaying(2.0), value=measure.decay_slope, what="slope in k + k₀ over the tail",
        wrong="c = 1/4, for which it is −1/2", control={"select": decaying(0.25)},
    ),
    claim(
        "decay_constant", "excess risk of SGD with decaying steps over the exact one, in the tail", EXACT, equals,
        select=decaying(2.0), value=measure.decay_ratio, what="excess / exact",
        wrong="the limit of steps half as large", control={"value": measure.decay_over_limit},
    ),
    claim(
        "fitted_factor", "excess risk of SGD with a constant step on fitted samples over the exact one", EXACT, equals,
        select=fitted, value=measure.early_ratio, what="excess / exact",
        wrong="exact for a quarter of the step", control={"value": partial(measure.early_ratio, share=0.25)},
    ),
    claim(
        "no_floor", "rate of SGD with a constant step on fitted samples, late, over its theorem's", FITTED, above,
        select=fitted, value=measure.late_rate, what="rate / theorem",
        wrong="labels with noise", control={"select": noisy},
    ),
)  # fmt: skip

STUDY = Study(
    name="finite_sums",
    group="optimisation",
    summary="the lazy model as a convex finite sum: SGD, SAG, SAGA and SVRG against the rates of their theorems",
    parameters=Parameters,
    grid=grid,
    run=descend,
    predict=predict,
    claims=CLAIMS,
    cost={"smoke": "9 s", "default": "1 min", "paper": "hours"},
)

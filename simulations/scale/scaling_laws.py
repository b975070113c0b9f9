"""Scaling laws: test risk against particles m, samples n and operations, mean-field and lazy.

Four exponents that are none of those one would guess from dimensions alone, each against theory. In m: training costs
what a finite number of particles costs, an excess risk ∝ 1/m, in the mean-field limit and in the lazy one, there with
its constant. In n: ridge regression with the tangent kernel on the circle, whose spectrum is a power law, learns noisy
labels at the best rate n^(−bc/(bc+1)), and follows the learning curve that its eigenvalues give. In both together:
with risk(m, t) = R_∞(t) + V(t)/m the least risk that a number of operations C buys falls as C^(−c/(c+1/b)). The
particles that it takes grow as C^((c−1+1/b)/(c+1/b)), which is drawn and not claimed: they are a quarter more than the
expansion says at m = 50, and still a seventh at m = 100. And no fixed features learn a neuron of unknown direction from
n ≪ d² samples, which networks do that move theirs.

The runs fall into parts. `mean_field`: tanh networks on the line, trained by the engine. `lazy`: tangent models of ReLU
networks on the whole circle. `samples`: the same with infinitely many particles on some of it. `teacher`: ReLU networks
that learn one neuron, mean-field and lazy.
"""

from functools import partial
from typing import Any

from simulations.records.record import Records, Select, runs, widest
from simulations.scale import _frontier as measure
from simulations.scale._risk_parameters import Parameters
from simulations.scale._risks import predict, simulate
from simulations.study.study import Study, claim
from simulations.verdicts.checks import above, below, equals, slope
from theory.circle import CAPACITY
from theory.compute_frontier import frontier_exponent
from theory.learning_curve import sample_exponent
from theory.prediction import Prediction

LAZY_SCALE = 1000.0
"""α of the lazy networks that learn a neuron."""

SOURCE, ROUGH = 1.75, 0.75
"""Source conditions of the targets of `lazy` and of `samples`."""

MEAN_FIELD: dict[str, Any] = {"part": "mean_field", "samples": 4, "time": 5.0, "step": 0.5}
LAZY: dict[str, Any] = {"part": "lazy", "source": SOURCE, "step": 1.0}
EXCESS = 64.0
"""Time at which the lazy excess is looked at (mean-field time)."""
SAMPLES: dict[str, Any] = {"part": "samples", "source": ROUGH, "ridge": 0.3, "noise": 0.1}
TEACHER: dict[str, Any] = {"part": "teacher", "dimension": 16, "particles": 64, "time": 200.0, "step": 0.1}

GRIDS: dict[str, dict[str, Any]] = {
    "smoke": {
        "seeds": 7,
        "mean_field": {16: 24, 64: 24, 256: 24},
        "lazy": dict.fromkeys((16, 22, 32, 45, 64, 90, 128, 181, 256), 8),
        "lazy_time": 2048.0,
        "inputs": 256,
        "samples": {64: 16, 128: 12, 256: 8, 512: 3, 1024: 1},
        "teacher": [32, 64, 128],
    },
    "default": {
        "seeds": 10,
        "mean_field": {16: 400, 64: 400, 256: 200, 1024: 100, 4096: 40},
        "lazy": dict.fromkeys((16, 22, 32, 45, 64, 90, 128, 181, 256, 362, 512), 10),
        "lazy_time": 4096.0,
        "inputs": 512,
        "samples": {64: 64, 128: 32, 256: 16, 512: 8, 1024: 4, 2048: 4},
        "teacher": [32, 64, 128, 192, 256],
    },
    "paper": {
        "seeds": 20,
        "mean_field": {16: 1000, 64: 1000, 256: 400, 1024: 200, 4096: 100, 16384: 40},
        "lazy": dict.fromkeys((round(16 * 2 ** (i / 2)) for i in range(15)), 20),
        "lazy_time": 65536.0,
        "inputs": 4096,
        "samples": {64: 200, 128: 100, 256: 50, 512: 25, 1024: 12, 2048: 10, 4096: 10, 8192: 10},
        "teacher": [32, 64, 128, 192, 256, 512, 1024],
    },
}


def grid(size: str, seeds: int | None = None, first: int = 0) -> list[Parameters]:
    """The runs of one size; everything is drawn anew for every seed, the first of which is `first`."""
    sizes = GRIDS[size]
    made = []
    for seed in range(first, first + (sizes["seeds"] if seeds is None else seeds)):
        for m, count in sizes["mean_field"].items():
            made.append(Parameters(**MEAN_FIELD, particles=m, replicas=count, seed=seed))
        long = {"samples": sizes["inputs"], "time": sizes["lazy_time"]}
        for m, count in sizes["lazy"].items():
            made.append(Parameters(**LAZY, **long, particles=m, replicas=count, seed=seed))
        for n, count in sizes["samples"].items():
            made.append(Parameters(**SAMPLES, samples=n, replicas=count, seed=seed))
        for n in sizes["teacher"]:
            made += [Parameters(**TEACHER, samples=n, alpha=a, replicas=1, seed=seed) for a in (1.0, LAZY_SCALE)]
    return made


mean_field_runs = partial(runs, "risk", part="mean_field", alpha=1.0)
lazy_runs = partial(runs, "variance", part="lazy", source=SOURCE)
sample_runs = partial(runs, "excess", part="samples", source=ROUGH)
teacher_runs = partial(runs, "bound", part="teacher")


def excess_runs(records: Records) -> Records:
    """Lazy runs that were looked at at the time of the excess."""
    return lazy_runs()(records).where(measure.seen_at(EXCESS))


def most(select: Select) -> Select:
    """Restrict `select` to the runs with the most samples."""

    def chosen(records: Records) -> Records:
        found = select(records)
        return found.where(samples=max(found.column("samples"), default=None))

    return chosen


IN_M = Prediction(-1.0, "slope", "E R_m − R_∞ at a fixed time, smooth units, α = 1, m → ∞", "chen2020dynamical")
LAZY_M = Prediction(-1.0, "slope", "E R_m − R_∞ at a fixed time, tangent model, m → ∞", "meanfield")
CONSTANT = Prediction(1.0, "=", "m (E R_m − R_∞) over V, tangent model, m → ∞", "meanfield")
CURVE = Prediction(
    1.0, "=", "excess risk of ridge regression over the curve of its spectrum, n → ∞", "bordelon2020spectrum"
)
BOUND = Prediction(
    1.0, ">=", "mean over directions of the teacher; predictors in n fixed functions", "hsu2021approximation"
)
FEATURES = Prediction(1.0, "<=", "networks that move their features; observed, not proved", "bach2017breaking")

CLAIMS = (
    claim(
        "particles_mean_field", "mean-field: excess test risk over infinitely many particles, in m", IN_M, slope,
        select=mean_field_runs(exponent=0.0), x="particles", value=measure.excess, drift=True,
        wrong="the test risk itself", control={"value": measure.final_risk},
    ),
    claim(
        "particles_lazy", "lazy: excess risk over infinitely many particles at t = 64, in m", LAZY_M, slope,
        select=excess_runs, x="particles", value=measure.excess_at(EXCESS), drift=True,
        wrong="the risk itself", control={"value": measure.risk_at(EXCESS)},
    ),
    claim(
        "constant_lazy", "lazy: m times the excess risk over V(t) at t = 64", CONSTANT, equals,
        select=widest(excess_runs), value=measure.over_variance(EXCESS), what="m (R_m − R_∞)/V, largest m",
        wrong="V at an eighth of the time", control={"value": measure.over_variance(EXCESS, of=EXCESS / 8)},
    ),
    claim(
        "samples_lazy", "lazy: excess risk in n, noisy labels, best ridge", sample_exponent(CAPACITY, ROUGH), slope,
        select=sample_runs(), x="samples", value=measure.sample_excess, drift=True,
        wrong="the distance for its square", control={"value": measure.distance},
    ),
    claim(
        "curve_lazy", "lazy: excess risk over the learning curve of the kernel's eigenvalues, most samples", CURVE,
        equals,
        select=most(sample_runs()), value=measure.over_curve(), what="excess / curve",
        wrong="the curve of twice the ridge", control={"value": measure.over_curve("other_curve")},
    ),
    claim(
        "frontier_lazy", "lazy: least risk in the number of operations", frontier_exponent(SOURCE), slope,
        select=measure.frontier(lazy_runs()), x="operations", value=measure.least_risk, drift=True,
        wrong="the fewest particles throughout", control={"select": measure.at_fewest(lazy_runs()), "last": 7},
    ),
    claim(
        "bound_lazy", "a neuron of unknown direction, α = 1000: test risk over the least of fixed features", BOUND,
        above,
        select=teacher_runs(alpha=LAZY_SCALE), value=measure.over_bound, what="risk / bound",
        wrong="α = 1", control={"select": teacher_runs(alpha=1.0)},
    ),
    claim(
        "features_mean_field", "a neuron of unknown direction, α = 1: test risk over the least of fixed features",
        FEATURES, below,
        select=most(teacher_runs(alpha=1.0)), value=measure.over_bound, what="risk / bound, most samples",
        wrong="α = 1000", control={"select": most(teacher_runs(alpha=LAZY_SCALE))},
    ),
)  # fmt: skip

STUDY = Study(
    name="scaling_laws",
    group="scale",
    summary="test risk against particles, samples and operations, mean-field and lazy, with theory's exponents",
    parameters=Parameters,
    grid=grid,
    run=simulate,
    predict=predict,
    claims=CLAIMS,
    cost={"smoke": "9 s", "default": "90 s", "paper": "hours"},
    precision=lambda run: "float32" if run.part == "teacher" else "float64",
)

"""Steps that are too large for the curvature at hand, in three models.

In the linearised network an error along an eigenvector of K/n is multiplied by |1 − hλ| at a step: descent converges up
to h = 2/λ_max and not beyond. A network answers. Its sharpness rises under small steps; once it reaches 2/h it rises no
further, the risk rises at every other step and still falls in the long run (Cohen et al., 2021). The least model of why
is a two-layer linear network with one datum (Lewkowycz et al., 2020): for 2 < hλ < 4 its loss is thrown up to a height
proportional to m, comes down where the curvature is below 2/h, and stays there; the two ends are sharp.
"""

from functools import partial

from simulations.optimisation import _large_step_measures as measure
from simulations.optimisation._large_step import Parameters, descend, exact
from simulations.records.record import Records, runs
from simulations.study.study import Study, claim
from simulations.verdicts.checks import above, at_least, below, bounded, equals, slope
from theory.prediction import Prediction

SMALL = 0.3
"""A step (mean-field time) that stays below the edge."""

LINEAR = {"part": "linear", "steps": 1000}
CATAPULT = {"part": "catapult", "steps": 256, "replicas": 8}

GRIDS = {
    "smoke": {
        "seeds": 8,
        "few": 3,
        "linear": (1.998, 2.002, 2.02),
        "edge": {"steps": 6000},
        "edges": (SMALL, measure.LARGE),
        "widths": (64, 256, 1024),
        "catapult": (1.9, 2.2, 3.8, 4.2),
    },
    "default": {
        "seeds": 10,
        "few": 5,
        "linear": (1.0, 1.9, 1.98, 1.998, 2.002, 2.02, 2.1),
        "edge": {"steps": 12000},
        "edges": (0.1, 0.2, SMALL, 0.5, 0.65, measure.LARGE, 1.0, 1.2),
        "widths": (64, 256, 1024, 4096),
        "catapult": (1.0, 1.9, 2.2, 2.5, 3.4, 3.8, 4.2, 5.0),
    },
    "paper": {
        "seeds": 10,
        "few": 10,
        "linear": (1.0, 1.9, 1.98, 1.998, 2.002, 2.02, 2.1),
        "edge": {"steps": 100_000, "particles": 200},
        "edges": (0.1, 0.2, SMALL, 0.5, 0.65, measure.LARGE, 1.0, 1.2),
        "widths": (64, 256, 1024, 4096, 16384, 65536),
        "catapult": (1.0, 1.9, 2.2, 2.5, 3.4, 3.8, 4.2, 5.0),
    },
}


def grid(size: str, seeds: int | None = None, first: int = 0) -> list[Parameters]:
    """The runs of one size; every seed has starts of its own."""
    sizes = GRIDS[size]
    made = []
    for seed in range(first, first + (seeds or sizes["seeds"])):
        made += [Parameters(**sizes["edge"], step=step, seed=seed) for step in sizes["edges"]]
        made += [Parameters(**CATAPULT, step=3.0, particles=m, seed=seed) for m in sizes["widths"]]
        if seed < first + sizes["few"]:
            made += [Parameters(**LINEAR, step=step, seed=seed) for step in sizes["linear"]]
            m = sizes["widths"][0]
            made += [Parameters(**CATAPULT, step=step, particles=m, seed=seed) for step in sizes["catapult"]]
    return made


def between(select, low: float, high: float):
    """Restrict `select` to runs with a step above `low` and below `high`."""
    return lambda records: select(records).where(lambda record: low < record["step"] < high)


def long(least: int, select):
    """Restrict `select` to runs with so many steps at least."""
    return lambda records: select(records).where(lambda record: record["steps"] >= least)


def edge(records: Records) -> Records:
    """Networks with time to come to the edge, and parameters enough to fit the targets."""
    chosen = long(2000, runs("sharpness", part="edge"))(records)
    return chosen.where(lambda record: record["particles"] >= 20 and record["samples"] >= 10 and all(record["reached"]))


linear = runs("predictions", part="linear")
converging, diverging = between(linear, 0, 2), long(1000, between(linear, 2.01, 4))
small, large = between(edge, 0.25, 0.35), between(edge, 0.75, 0.85)
catapult = long(256, runs("output", part="catapult"))
quiet, thrown, lost = between(catapult, 0, 2), between(catapult, 2.1, 3.9), between(catapult, 4.1, 1e6)

SHARP, THROWN = "cohen2021gradient", "lewkowycz2020large"
GROWTH = Prediction(1.0, "<=", "linear model, |1 − hλ| but for rounding", "meanfield")
CONVERGES = Prediction(0.0, "<=", "linear model, h < 2/λ_max", SHARP)
DIVERGES = Prediction(0.0, ">=", "linear model, h > 2/λ_max", SHARP)
SHARPENS = Prediction(1.0, ">=", "tanh network, square loss; observed, not proved", SHARP)
HOVERS = Prediction(1.0, "=", "tanh network, square loss, as the oscillation dies; observed, not proved", SHARP)
UNEVEN = Prediction(0.0, ">=", "at the edge of stability; observed, not proved", SHARP)
FALLS = Prediction(0.0, "<=", "at the edge of stability; observed, not proved", SHARP)
MAP = Prediction(1.0, "<=", "two-layer linear network, one datum, but for rounding", THROWN)
QUIET = Prediction(1.0, "<=", "hλ < 2, any width", "meanfield")
THROW = Prediction(1.0, ">=", "2 < hλ < 4, a start small against the width", "meanfield")
FLAT = Prediction(1.0, "<=", "2 < hλ < 4 at the start, any width", "meanfield")
LOST = Prediction(1.0, ">=", "hλ > 4 at the start, any width", "meanfield")
HEIGHT = Prediction(1.0, "slope", "2 < hλ < 4, height of the loss in m", THROWN)

CLAIMS = (
    claim(
        "growth", "linearised: the leading error grows by |1 − hλ| a step; deviation over rounding", GROWTH, bounded,
        select=linear, value=measure.growth_error, what="|error − |1 − hλ|^k error₀| / rounding",
        wrong="half of the step", control={"value": partial(measure.growth_error, share=0.5)},
    ),
    claim(
        "converges", "linearised, h < 2/λ_max: the risk never rises", CONVERGES, bounded,
        select=converging, value=measure.largest_rise, what="largest log(later / earlier risk)",
        wrong="h > 2/λ_max", control={"select": diverging},
    ),
    claim(
        "diverges", "linearised, h > 2/λ_max: the risk ends above its start", DIVERGES, at_least,
        select=diverging, value=measure.total_rise, what="log(risk at the end / at the start)",
        wrong="h < 2/λ_max", control={"select": converging},
    ),
    claim(
        "sharpening", f"small steps lead to a sharpness above 2/h of h = {measure.LARGE}", SHARPENS, above,
        select=small, value=measure.too_sharp, what="S at the end / (2/h)",
        wrong="S at the start", control={"value": partial(measure.too_sharp, at=0)},
    ),
    claim(
        "hovers", f"h = {measure.LARGE}: the sharpness stays at 2/h", HOVERS, equals,
        select=large, value=measure.hovering, what="hS/2, second half, oscillation → 0",
        wrong="1/h for 2/h", control={"value": measure.reciprocal},
    ),
    claim(
        "uneven", f"h = {measure.LARGE}: the risk rises at a share of late steps", UNEVEN, above,
        select=large, value=measure.rising, what="share of rising steps",
        wrong=f"h = {SMALL}", control={"select": small},
    ),
    claim(
        "falls", f"h = {measure.LARGE}: and yet it falls, log(risk of the last tenth / of the sixth)", FALLS, below,
        select=large, value=measure.late_change, what="log ratio of mean risks",
        wrong="linearised, h > 2/λ_max", control={"select": diverging},
    ),
    claim(
        "map", "catapult: output and curvature after a step, over the map of those before, in units of rounding",
        MAP, bounded,
        select=catapult, value=measure.map_error, what="|network − map| / rounding",
        wrong="without the terms in f²", control={"value": partial(measure.map_error, linear=True)},
    ),
    claim(
        "quiet", "hλ < 2: the loss never exceeds that of the start", QUIET, bounded,
        select=quiet, value=measure.largest_of_rises, what="largest loss / loss at the start",
        wrong="2 < hλ < 4", control={"select": thrown},
    ),
    claim(
        "thrown", "2 < hλ < 4: a loss that starts below m/32 rises above its start", THROW, at_least,
        select=thrown, value=measure.rises_of_small, what="largest loss / loss at the start",
        wrong="hλ < 2", control={"select": quiet},
    ),
    claim(
        "height", "2 < hλ < 4: it rises to a height ∝ m", HEIGHT, slope,
        select=between(thrown, 2.9, 3.1), x="particles", value=measure.peak, drift=True,
        wrong="|f| for f²", control={"value": partial(measure.peak, power=0.5)},
    ),
    claim(
        "flattened", "2 < hλ < 4 at the start: hλ < 2 at the end, where the loss falls for ever", FLAT, bounded,
        select=thrown, value=measure.end_curvature, what="hλ/2 at the end",
        wrong="hλ > 4 at the start", control={"select": lost},
    ),
    claim(
        "lost", "hλ > 4 at the start: share of runs that diverge", LOST, at_least,
        select=lost, value=measure.diverged, what="share of divergence",
        wrong="2 < hλ < 4 at the start", control={"select": thrown},
    ),
)  # fmt: skip

STUDY = Study(
    name="large_step",
    group="optimisation",
    summary="steps beyond 2/curvature: divergence if linear, the edge of stability and the catapult if not",
    parameters=Parameters,
    grid=grid,
    run=descend,
    predict=exact,
    claims=CLAIMS,
    cost={"smoke": "8 s", "default": "30 s", "paper": "an hour (not timed)"},
)

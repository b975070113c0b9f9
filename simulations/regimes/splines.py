"""A ReLU network of one input is a linear spline; which one, the training decides.

Output weights alone, over many breakpoints: the interpolant of a kernel, and for breakpoints that reach far beyond the
samples the natural cubic spline (Williams et al. 2019), up to a term of order one over that reach which is known here;
with one orientation of the units a cubic spline for every reach. Both layers in the lazy limit: a kernel again, with
corners at the samples. Both layers with weight decay: as little variation of f' as possible (Savarese et al. 2019),
which few knots at samples attain. Knots are read off the particles (`mf.observables.linear_spline`).
"""

from functools import partial

import numpy as np

from simulations.records.record import Record, runs
from simulations.regimes._splines import Parameters, exact, train
from simulations.study.study import Study, claim
from simulations.verdicts.checks import above, below, bounded, equals
from theory.prediction import Prediction

GRIDS = {
    "smoke": {"seeds": 7, "reaches": (12.0,), "adaptive": {}, "particles": (200,), "outputs": (1.0,)},
    "default": {
        "seeds": 10,
        "reaches": (12.0, 24.0),
        "adaptive": {"particles": 100, "time": 6000.0, "step": 0.02},
        "particles": (40, 200, 1000),
        "outputs": (0.1, 0.3, 1.0),
    },
    "paper": {
        "seeds": 20,
        "reaches": (12.0, 24.0, 48.0),
        "adaptive": {"particles": 1000, "time": 20000.0, "step": 0.02, "strength": 0.001},
        "particles": (40, 200, 1000, 10000),
        "outputs": (0.1, 0.3, 1.0, 3.0),
    },
}


def grid(size: str, seeds: int | None = None, first: int = 0) -> list[Parameters]:
    """The runs of one size; every seed has samples and starts of its own, the same for all trainings."""
    sizes = GRIDS[size]
    made = []
    for seed in range(first, first + (sizes["seeds"] if seeds is None else seeds)):
        made += [Parameters(training="output", reach=reach, seed=seed) for reach in sizes["reaches"]]
        made.append(Parameters(training="output", sides="right", reach=6.0, seed=seed))
        made += [
            Parameters(training="tangent", reach=2.0, cells=12, output=size, seed=seed) for size in sizes["outputs"]
        ]
        made += [Parameters(decay=decay, **sizes["adaptive"], seed=seed) for decay in ("input", "all")]
        made += [Parameters(training="none", particles=m, seed=seed) for m in sizes["particles"]]
    return made


kernels = partial(runs, "predictions", training="output")
lazy = partial(runs, "predictions", training="tangent")
decayed = partial(runs, "energy", training="adaptive")
untrained = partial(runs, "all_pieces", training="none")


def largest(select, name: str):
    """Restrict `select` to the largest parameter of this name, since runs of a seed share their samples."""

    def chosen(records):
        records = select(records)
        return records.where(**{name: max(records.column(name), default=None)})

    return chosen


furthest = largest(kernels(sides="both"), "reach")


def far(records):
    """Output layer, both orientations, the furthest reach there is, of at least 12."""
    return furthest(records).where(lambda record: record["reach"] >= 12)


def converged(records):
    """Adaptive training with free biases that is long and fine enough, and wide enough not to be stuck."""
    return decayed(decay="input")(records).where(
        lambda record: (
            record["particles"] >= 48
            and record["time"] >= 2000
            and record["step"] <= 0.05
            and 5 <= record["samples"] <= 8
            and 0.001 <= record["strength"] <= 0.005
        )
    )


def log_distance(record: Record, name: str = "interpolant") -> float:
    """log(distance to a function / distance to the natural cubic spline), at the edges of cells and the largest L."""
    f, other = np.atleast_2d(record["predictions"])[-1], np.atleast_2d(record[f"exact_{name}"])[-1]
    return float(np.log(np.abs(f - other).max() / np.abs(f - record["exact_natural"]).max()))


def correction(record: Record, share: float = 1.0) -> float:
    """L (f_L − natural spline) along its limit, or a share of that, extrapolated from L/2 and L."""
    limit, size = share * record["exact_correction"], len(record["predictions"])
    reach = record["reach"] / 2.0 ** np.arange(size)[::-1]
    along = reach * ((record["predictions"] - record["exact_natural"]) @ limit) / (limit @ limit)
    return float(2 * along[-1] - along[-2])


def variation_over_least(record: Record) -> float:
    """∫|f''| between the outer samples over that of the linear spline."""
    return float(record["variation"] / record["exact_linear_variation"])


def log_excess(record: Record, time: int = -1) -> float:
    """log(F − min F of the network / of the natural cubic spline)."""
    least = record["exact_minimum"]
    return float(np.log((record["energy"][time] - least) / (record["exact_cubic"] - least)))


def cost_over_bound(record: Record, cubic: bool = False) -> np.ndarray:
    """|R − R*| over what the excess ΔF of the network allows, R = max(∫|f''|, |f'(−∞) + f'(∞)|); nothing where the
    minimum is 0.

    F is 1/n-strongly convex in f, so that |f − f*|² ≤ 2n ΔF, and λ|R − R*| ≤ ΔF + |½MSE − ½MSE*|.
    """
    least, strength = record["exact_minimum"], record["strength"]
    cost = record["exact_cubic"] / strength if cubic else record["cost"]
    excess = record["energy"][-1] - record["exact_lower"]
    residual = np.sqrt(np.mean((record["exact_values"] - record["y"]) ** 2))
    bound = (2 * excess + residual * np.sqrt(2 * excess)) / strength
    return np.ravel(abs(cost - record["exact_cost"]) / bound) if least > 0 else np.empty(0)


def share_of_pieces(record: Record) -> float:
    """Linear pieces, as they look, over n + 1."""
    return float(record["pieces"] / (record["samples"] + 1))


def log_reach(record: Record, middles: bool = False) -> float:
    """log(mean distance of ∫|f''| to the nearest sample, or middle between two / that of an even one to a sample)."""
    x, weight = record["x"], np.abs(record["bends"])
    places = (x[1:] + x[:-1]) / 2 if middles else x
    near = np.abs(record["knots"][:, None] - places).min(axis=1)
    even = np.sum(np.diff(x) ** 2) / 4 / (x[-1] - x[0])
    return float(np.log(near @ weight / weight.sum() / even))


def excess_over_gap(record: Record, time: int = -1) -> float:
    """Excess over the certified gap at the end: the largest of all times, or the excess at one of them."""
    excess = record["energy"] - record["exact_minimum"]
    return float(np.max(excess / record["gap"]) if time < 0 else excess[time] / record["gap"][-1])


def knots_over_half(record: Record, share: float = 0.5) -> float:
    """Knots in (−1, 1) over half the particles."""
    return float((record["all_pieces"] - 1) / (share * record["particles"]))


KERNEL = Prediction(0.0, "<=", "gradient flow of the output layer from 0, to the end", "williams2019gradient")
NATURAL = Prediction(1.0, "=", "first order in 1/L, breakpoints even on [−L, L], both orientations", "meanfield")
CUBIC = Prediction(0.0, "<=", "breakpoints even on [−L, L], units relu(x − b) alone", "meanfield")
TANGENT = Prediction(0.0, "<=", "tangent model of both layers from f = 0, |a| = κ, |w| = 1", "meanfield")
LEAST = Prediction(1.0, ">=", "an interpolant: no less than the linear spline", "savarese2019infinite")
MINIMUM = Prediction(0.0, "<=", "over all widths, free biases; reached by training: observed", "savarese2019infinite")
CERTIFIED = Prediction(1.0, "<=", "strong convexity of the square loss", "savarese2019infinite")
FEW = Prediction(1.0, "<=", "a minimiser has its knots at samples", "savarese2019infinite")
DUAL = Prediction(1.0, "<=", "weak duality, rounding included", "bach2017breaking")
CAUCHY = Prediction(1.0, "=", "−b/w of independent normal numbers is Cauchy", "meanfield")

CLAIMS = (
    claim(
        "kernel", "output layer: log(distance to the kernel's interpolant / to the natural cubic spline)",
        KERNEL, below,
        select=furthest, value=log_distance, what="log ratio of distances",
        wrong="the not-a-knot spline", control={"value": partial(log_distance, name="not_a_knot")},
    ),
    claim(
        "natural", "output layer: L (f − natural cubic spline) over its limit, L → ∞", NATURAL, equals,
        select=far, value=correction, what="extrapolated ratio",
        wrong="half of that limit", control={"value": partial(correction, share=0.5)},
    ),
    claim(
        "one_sided", "units relu(x − b): log(distance to the cubic spline with f = f' = 0 at −L / to the natural one)",
        CUBIC, below,
        select=kernels(sides="right"), value=partial(log_distance, name="one_sided"), what="log ratio of distances",
        wrong="both orientations", control={"select": furthest},
    ),
    claim(
        "corners", "lazy, both layers: log(distance to the tangent kernel's interpolant / to the natural cubic spline)",
        TANGENT, below,
        select=largest(lazy(), "output"), value=log_distance, what="log ratio of distances",
        wrong="the not-a-knot spline", control={"value": partial(log_distance, name="not_a_knot")},
    ),
    claim(
        "lazy_variation", "output layer: ∫|f''| over the least of all interpolants", LEAST, above,
        select=furthest, value=variation_over_least, what="∫|f''| / least",
        wrong="both layers with weight decay", control={"select": decayed()},
    ),
    claim(
        "minimum", "weight decay: log(F − min F over all widths / that of the natural cubic spline)", MINIMUM, below,
        select=converged, value=log_excess, what="log ratio of excesses",
        wrong="at the start", control={"value": partial(log_excess, time=0)},
    ),
    claim(
        "variation", "weight decay: |R − R*| over what the excess allows, R the cost of f''", CERTIFIED, bounded,
        select=converged, value=cost_over_bound, what="deviation / bound",
        wrong="the natural cubic spline", control={"value": partial(cost_over_bound, cubic=True)},
    ),
    claim(
        "pieces", "weight decay: linear pieces over samples + 1", FEW, below,
        select=converged, value=share_of_pieces, what="pieces / (n + 1)",
        wrong="output layer alone", control={"select": furthest},
    ),
    claim(
        "knots", "weight decay: log(mean distance of ∫|f''| to the nearest sample / that of an even one)",
        MINIMUM, below,
        select=converged, value=log_reach, what="log ratio of distances",
        wrong="to the nearest middle of two samples", control={"value": partial(log_reach, middles=True)},
    ),
    claim(
        "certificate", "decay of biases too: excess over the minimum, over the certified gap", DUAL, bounded,
        select=runs("gap"), value=excess_over_gap, what="excess / gap",
        wrong="the gap of another network: the trained one's", control={"value": partial(excess_over_gap, time=0)},
    ),
    claim(
        "regions", "random network: knots in (−1, 1) over half the particles", CAUCHY, equals,
        select=largest(untrained(), "particles"), value=knots_over_half, what="knots / (m/2)",
        wrong="over all particles", control={"value": partial(knots_over_half, share=1.0)},
    ),
)  # fmt: skip

STUDY = Study(
    name="splines",
    group="regimes",
    summary="a ReLU network of one input is a linear spline: cubic-like when lazy, of few knots with weight decay",
    parameters=Parameters,
    grid=grid,
    run=train,
    predict=exact,
    claims=CLAIMS,
    cost={"smoke": "10 s", "default": "35 s", "paper": "an hour (not timed)"},
)

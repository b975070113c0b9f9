"""Williams et al. (2019): a ReLU network of one input ends as a cubic spline when lazy, as a linear one when not.

Units c (w x − b)₊ with knots b/w even on [−L, L] start at c = 0 and |w| = W; both layers are trained, without penalty.
What the paper calls δ = c² − |w|², which the flow keeps for every unit, is −W²: for large W output weights alone have
to move, and f ends as the interpolant of their kernel, a cubic spline for knots that are even; for small W knots move
to the samples and f ends as the linear spline.

Samples and kernel are those of the study `splines`, which has the laws of both ends apart.
"""

from functools import cached_property, partial

import jax.numpy as jnp
import numpy as np

import meanfield as mf
from simulations.records.record import Record
from simulations.regimes.breakpoints import edges
from simulations.regimes.least_bending import Sampled, read, spline_of
from simulations.study.experiment import grid
from simulations.study.parameters import count, number
from simulations.study.published import PublishedFigure, reading
from simulations.study.simulation import Simulation
from simulations.study.study import Study, claim
from simulations.verdicts import checks
from theory import splines
from theory.prediction import Prediction

PER_CELL = 10
"""Cells between two samples at which functions are compared."""

TOLERANCE = 1e-4
"""Relative tolerance of the flow."""


class Layers(Simulation, Sampled):
    """Both layers, from output weights of zero and input weights of one size."""

    particles: int = count(200, "m", "particles, an even number", at_least=20)
    size: float = number(2.0, "W", "size of the input weights at the start", unit="parameter units", above=0)
    reach: float = number(3.0, "L", "knots are even on [−L, L]", unit="input units", above=1, batched=False)
    remainder: float = number(1e-4, "", "what the kernel of the start leaves of its slowest mode", above=0, at_most=0.5)
    sizes = grid(
        smoke={"size": (2.0, 128.0), "seeds": 6},
        default={"size": (0.5, 1.0, 2.0, 8.0, 32.0, 128.0), "particles": 200, "seeds": 8},
        large={"size": (0.5, 1.0, 2.0, 8.0, 32.0, 128.0), "particles": 1000, "seeds": 20},
    )

    def refusal(self):
        return f"particles={self.particles}: expected an even number." if self.particles % 2 else None

    @cached_property
    def points(self) -> np.ndarray:
        """Where functions are compared."""
        x = self.data[0]
        return edges(x, PER_CELL)

    def problem(self):
        return self.objective()

    def start(self):
        m = self.particles // 2
        knots = self.reach * (2 * (np.arange(m) + 0.5) / m - 1)
        sides = [np.column_stack([0 * knots, sign + 0 * knots, -sign * knots]) for sign in (1.0, -1.0)]
        return mf.Particles(self.size * np.concatenate(sides))

    def flow(self):
        return mf.StabilisedFlow(rtol=TOLERANCE, atol=1e-7)

    def times(self):
        x = self.data[0]
        slowest = self.size**2 * np.linalg.eigvalsh(splines.breakpoint_kernel(x, x, self.reach))[0]
        return [0.0, float(self.samples / slowest * np.log(1 / self.remainder))]

    def observe(self):
        return [mf.Risk(), mf.Predictions(jnp.asarray(self.points[:, None]))]

    def measure(self, run):
        return read(spline_of(run.particles))

    def theory(self, start):
        """The kernel's interpolant, the natural cubic spline and the linear one at the points."""
        (x, y), points = self.data, self.points
        known = splines.breakpoint_kernel(x, x, self.reach)
        return {
            "x": x,
            "y": y,
            "points": points,
            "exact_kernel": splines.interpolant(known, splines.breakpoint_kernel(points, x, self.reach), y),
            "exact_natural": splines.natural_spline(x, y)(points),
            "exact_linear": np.interp(points, x, y),
        }


def final(record: Record) -> np.ndarray:
    """Return f at the end, at the points."""
    return np.asarray(record["predictions"][-1], float).ravel()


def distance(record: Record, to: str) -> float:
    """Return |f − one end| over the distance of the kernel's interpolant and the linear spline."""
    way = record["exact_kernel"] - record["exact_linear"]
    return float(np.linalg.norm(final(record) - record[f"exact_{to}"]) / np.linalg.norm(way))


def nearness(record: Record, middles: bool = False) -> float:
    """Return log(mean distance of ∫|f''| to the nearest sample / that of an even one), or to the nearest middle of two.

    Knots beyond the outer samples are left out.
    """
    x, inside = record["x"], np.abs(record["knots"]) < 1 - 1e-9
    knots, weight = record["knots"][inside], np.abs(record["bends"][inside])
    places = (x[1:] + x[:-1]) / 2 if middles else x
    near = np.abs(knots[:, None] - places).min(axis=1)
    even = np.sum(np.diff(x) ** 2) / 4 / (x[-1] - x[0])
    return float(np.log(near @ weight / weight.sum() / even))


SOURCE = "williams2019gradient"
CUBIC = reading(0.0, 0.05, SOURCE, relation="<=")
LINEAR = reading(0.0, 0.05, SOURCE, relation="<=")
CLUSTER = Prediction(-1.0, "<=", "adaptive regime, knots cluster at samples", SOURCE)
SPREAD = Prediction(-0.5, ">=", "kernel regime, smooth interpolants", SOURCE)

LAZY = Layers.at("exact_kernel", size=max)
RICH = Layers.at("exact_kernel", size=2.0)

CLAIMS = (
    claim(
        "cubic", "kernel regime: |f − cubic spline of the kernel| over the distance of both splines", CUBIC,
        checks.mean,
        select=LAZY, value=partial(distance, to="kernel"), what="distance / distance of both ends",
        wrong="the linear spline", control={"value": partial(distance, to="linear")},
    ),
    claim(
        "linear", "adaptive regime: |f − linear spline| over the distance of both splines", LINEAR, checks.mean,
        select=RICH, value=partial(distance, to="linear"), what="distance / distance of both ends",
        wrong="the kernel's spline", control={"value": partial(distance, to="kernel")},
    ),
    claim(
        "knots", "adaptive regime: log(mean distance of ∫|f''| to the nearest sample / that of an even one)", CLUSTER,
        checks.mean,
        select=RICH, value=nearness, what="log ratio of distances",
        wrong="to the nearest middle of two samples", control={"value": partial(nearness, middles=True)},
    ),
    claim(
        "spread", "kernel regime: the same, where f bends everywhere", SPREAD, checks.mean,
        select=LAZY, value=nearness, what="log ratio of distances",
        wrong="the adaptive regime", control={"select": RICH},
    ),
)  # fmt: skip

STUDY = Study(
    name="williams2019gradient",
    group="published",
    summary="a ReLU network of one input: a cubic spline when lazy, linear with knots at the samples when not",
    experiments=(Layers,),
    claims=CLAIMS,
    published=(
        PublishedFigure(
            name="regimes",
            statement="Kernel regime: cubic splines for uniform knots; adaptive: linear ones with knots at samples.",
            experiments=(Layers,),
            claims=("cubic", "linear", "knots", "spread"),
            stated=(
                "The two regimes, their splines, uniform initialisation and the relative size of the layers as what "
                "decides are in the paper's abstract. Of its figures a review says that they have ten samples of a "
                "square wave or a sinusoid, 1/m before the sum and 10 000 steps; no value could be read off them."
            ),
            chosen=(
                "Samples (five, about even, of targets that alternate), knots even on [−3, 3], output weights of zero, "
                "f = (1/m) Σ, sizes of the input weights, the end of training by the start's kernel; splines agree "
                "within a twentieth of the distance between the two. For weights much smaller than W = 2, as W = 0.5, "
                "f interpolates too, but ends as neither: some of its knots stay between samples."
            ),
        ),
    ),
)

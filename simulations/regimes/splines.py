"""A ReLU network of one input is a linear spline; which one, the training decides.

Output weights alone, over many breakpoints: the interpolant of a kernel, and for breakpoints that reach far beyond the
samples the natural cubic spline (Williams et al. 2019), up to a term of order one over that reach which is known here;
with one orientation of the units a cubic spline for every reach. Both layers in the lazy limit: a kernel again, with
corners at the samples. Both layers with weight decay: as little variation of f' as possible (Savarese et al. 2019),
which few knots at samples attain. Knots are read off the particles (`mf.observables.linear_spline`).
"""

from abc import abstractmethod
from functools import cached_property, partial

import jax.numpy as jnp
import numpy as np

import meanfield as mf
from simulations import Experiment, Setup, Simulation, Simulations, Study, checks, choice, claim, count, grid, number
from simulations.records.record import Records
from simulations.regimes import bends as measure
from simulations.regimes.breakpoints import edges, units
from simulations.regimes.least_bending import Adaptive, Sampled, converged, read, spline_of
from theory import splines
from theory.prediction import Prediction

HALVINGS = 3
"""Training of the output layer is looked at for the reach L, L/2 and L/4."""


class Linear(Sampled):
    """Linear models of units with breakpoints even on [−L, L], trained until little of the slowest mode is left."""

    reach: float = number(12.0, "L", "breakpoints lie in [−L, L]", unit="input units", above=1)
    cells: int = count(4, "", "cells of breakpoints between two samples")
    remainder: float = number(1e-5, "", "what training leaves of the slowest mode", unit="share", above=0, at_most=0.99)

    @cached_property
    def points(self) -> np.ndarray:
        """Edges of the cells: where finitely many units are as good as all."""
        return edges(self.data[0], self.cells)

    @abstractmethod
    def kernel(self, x: np.ndarray, z: np.ndarray, reach: float) -> np.ndarray:
        """Return the kernel of infinitely many units."""

    def spectrum(self, reach: float) -> np.ndarray:
        """Return the eigenvalues of the kernel at the samples, the least first."""
        return np.linalg.eigvalsh(self.kernel(self.data[0], self.data[0], reach))

    def duration(self, reach: float) -> float:
        """Return the time of training."""
        return float(self.samples / self.spectrum(reach)[0] * np.log(1 / self.remainder))

    def watched(self) -> list:
        """Return the observables: predictions at the edges."""
        return [mf.Predictions(jnp.asarray(self.points[:, None]))]

    def interpolant(self, reach: float) -> np.ndarray:
        """Return what training ends at, at the edges."""
        (x, y), points = self.data, self.points
        return splines.interpolant(self.kernel(x, x, reach), self.kernel(points, x, reach), y)

    def near(self) -> dict[str, np.ndarray]:
        """Return the samples and the cubic splines through them, at the edges."""
        (x, y), points = self.data, self.points
        cubic = {"exact_natural": splines.natural_spline(x, y), "exact_not_a_knot": splines.CubicSpline(x, y)}
        return {"x": x, "y": y, "exact_points": points} | {name: spline(points) for name, spline in cubic.items()}


class Output(Simulations, Linear):
    """The output layer alone, for the reaches L/4, L/2 and L."""

    reach: float = number(12.0, "L", "breakpoints lie in [−L, L]", unit="input units", above=2 ** (HALVINGS - 1))
    sides: str = choice("both", "orientations of the units; right: relu(x − b) alone", among=("both", "right"))
    sizes = grid(
        smoke=[{"reach": 12.0, "seeds": 7}, {"sides": "right", "reach": 6.0, "seeds": 7}],
        default=[{"reach": (12.0, 24.0), "seeds": 10}, {"sides": "right", "reach": 6.0, "seeds": 10}],
        large=[{"reach": (12.0, 24.0, 48.0), "seeds": 20}, {"sides": "right", "reach": 6.0, "seeds": 20}],
    )

    @property
    def reaches(self) -> list[float]:
        return [self.reach / 2**k for k in reversed(range(HALVINGS))]

    def kernel(self, x, z, reach):
        return splines.breakpoint_kernel(x, z, reach, sides=self.sides)

    def setups(self):
        problem, flow = self.objective(), mf.OutputFlow(mf.StabilisedFlow(rtol=measure.TOLERANCE, atol=1e-7))
        found = []
        for reach in self.reaches:
            start = mf.Particles(*units(self.points, reach, left=self.sides == "both"))
            found.append(Setup(problem, start, flow, [0.0, self.duration(reach)], self.watched()))
        return {"reaches": found}

    def measure(self, runs):
        predictions = np.stack([run.values["predictions"][-1] for run in runs["reaches"]])
        return {"predictions": predictions} | read(spline_of(runs["reaches"][-1].particles))

    def theory(self):
        """The kernel's interpolant for every reach, cubic splines, and the first order in 1/L."""
        x, y = self.data
        return self.near() | {
            "exact_interpolant": np.stack([self.interpolant(reach) for reach in self.reaches]),
            "exact_correction": splines.finite_reach_correction(x, y)(self.points),
            "exact_one_sided": splines.one_sided_spline(x, y, self.reach)(self.points),
            "exact_linear_variation": np.array(splines.linear_variation(x, y)),
        }


class Tangent(Simulation, Linear):
    """Both layers, linearised at units of output weights ±κ and input weights ±1."""

    reach: float = number(2.0, "L", "breakpoints lie in [−L, L]", unit="input units", above=1)
    cells: int = count(12, "", "cells of breakpoints between two samples")
    output: float = number(1.0, "κ", "size of the output weights at the start", unit="parameter units", above=0)
    sizes = grid(
        smoke={"output": 1.0, "seeds": 7},
        default={"output": (0.1, 0.3, 1.0), "seeds": 10},
        large={"output": (0.1, 0.3, 1.0, 3.0), "seeds": 20},
    )

    def kernel(self, x, z, reach):
        return splines.tangent_kernel(x, z, reach, self.output)

    def problem(self):
        return self.objective()

    def start(self):
        return mf.Particles(*units(self.points, self.reach, self.output))

    def flow(self):
        return mf.TangentFlow(self.samples / self.spectrum(self.reach)[-1])

    def times(self):
        return [0.0, self.duration(self.reach)]

    def observe(self):
        return self.watched()

    def theory(self, start):
        return self.near() | {"exact_interpolant": self.interpolant(self.reach)}


class Random(Experiment):
    """A network of normal parameters, not trained."""

    particles: int = count(200, "m", "particles")
    sizes = grid(
        smoke={"particles": 1000, "seeds": 7},
        default={"particles": (40, 200, 1000), "seeds": 10},
        large={"particles": (40, 200, 1000, 10_000), "seeds": 20},
    )

    def run(self):
        theta = self.generator("particles").normal(size=(self.particles, 3))
        return read(spline_of(mf.Particles(theta)))


nearest, furthest = (Output.at(sides="both", reach=choose) for choose in (min, max))


def far(records: Records) -> Records:
    """Return runs of the furthest reach there is, of at least 12."""
    return furthest(records).where(lambda record: record["reach"] >= 12)


ENDS = "gradient flow from f = 0, to the end"
KERNEL = Prediction(1.0, "=", f"output layer, {ENDS}", "williams2019gradient")
NATURAL = Prediction(1.0, "=", "first order in 1/L, breakpoints even on [−L, L], both orientations", "meanfield")
CUBIC = Prediction(1.0, "=", f"breakpoints even on [−L, L], units relu(x − b) alone, {ENDS}", "meanfield")
TANGENT = Prediction(1.0, "=", f"tangent model of both layers, |a| = κ, |w| = 1, {ENDS}", "meanfield")
COST = Prediction(1.0, "=", "over all widths, free biases, to what the excess allows", "savarese2019infinite")
FEW = Prediction(1.0, "=", "targets that alternate: the minimiser bends at every inner sample", "savarese2019infinite")
DUAL = Prediction(1.0, "<=", "weak duality, rounding included", "bach2017breaking")
CAUCHY = Prediction(1.0, "=", "−b/w of independent normal numbers is Cauchy", "meanfield")
OBSERVED = Prediction(0.0, "<=", "after training of this length; observed", "meanfield")
LEAST = Prediction(1.0, ">=", "an interpolant: no less than the linear spline", "savarese2019infinite")

CLAIMS = (
    claim(
        "kernel", "output layer: f on the way from the natural cubic spline (0) to the kernel's interpolant (1)",
        KERNEL, checks.mean,
        select=nearest, value=partial(measure.share, place=0), left=partial(measure.left, place=0),
        what="share of the way",
        wrong="the not-a-knot spline", control={"value": partial(measure.share, name="not_a_knot", place=0)},
    ),
    claim(
        "natural", "output layer: L (f − natural cubic spline) over its limit, L → ∞", NATURAL, checks.mean,
        select=far, value=measure.correction, what="extrapolated ratio",
        wrong="L² for L", control={"value": partial(measure.correction, power=2)},
    ),
    claim(
        "one_sided", "units relu(x − b): f on the way from the natural spline to that with f = f' = 0 at −L",
        CUBIC, checks.mean,
        select=Output.at(sides="right"), value=partial(measure.share, name="one_sided"),
        left=partial(measure.left, name="one_sided"), what="share of the way",
        wrong="both orientations", control={"select": furthest},
    ),
    claim(
        "corners", "lazy, both layers: f on the way from the natural spline to the tangent kernel's interpolant",
        TANGENT, checks.mean,
        select=Tangent.at(output=max), value=measure.share, left=measure.left, what="share of the way",
        wrong="the not-a-knot spline", control={"value": partial(measure.share, name="not_a_knot")},
    ),
    claim(
        "variation", "weight decay: the cost R of f'' over that of the least F", COST, checks.mean,
        select=converged, value=measure.cost_over_least, left=measure.cost_left, what="R / R*",
        wrong="the natural cubic spline", control={"value": partial(measure.cost_over_least, cubic=True)},
    ),
    claim(
        "pieces", "weight decay: linear pieces over samples − 1", FEW, checks.mean,
        select=converged, value=measure.share_of_pieces, what="pieces / (n − 1)",
        wrong="output layer alone", control={"select": furthest},
    ),
    claim(
        "knots", "weight decay: log(mean distance of ∫|f''| to the nearest sample / that of an even one)",
        OBSERVED, checks.mean,
        select=converged, value=measure.log_reach, what="log ratio of distances",
        wrong="to the nearest middle of two samples", control={"value": partial(measure.log_reach, middles=True)},
    ),
    claim(
        "certificate", "decay of biases too: excess over the minimum, over the certified gap", DUAL, checks.largest,
        select=Adaptive.at("gap"), value=measure.excess_over_gap, what="excess / gap",
        wrong="the gap of another network: the trained one's",
        control={"value": partial(measure.excess_over_gap, time=0)},
    ),
    claim(
        "regions", "random network: knots in (−1, 1) over half the particles", CAUCHY, checks.mean,
        select=Random.at(particles=max), value=measure.knots_over_half, what="knots / (m/2)",
        wrong="knots in (−½, ½)", control={"value": partial(measure.knots_over_half, within=0.5)},
    ),
)  # fmt: skip

SANITY = (
    claim(
        "lazy_variation", "output layer: ∫|f''| over the least of all interpolants", LEAST, checks.mean,
        select=furthest, value=measure.variation_over_least, what="∫|f''| / least",
        wrong="both layers with weight decay", control={"select": Adaptive.at("energy")},
    ),
    claim(
        "minimum", "weight decay: log(F − min F over all widths / that of the natural cubic spline)", OBSERVED,
        checks.mean,
        select=converged, value=measure.log_excess, what="log ratio of excesses",
        wrong="at the start", control={"value": partial(measure.log_excess, time=0)},
    ),
)  # fmt: skip

STUDY = Study(
    name="splines",
    group="regimes",
    summary="a ReLU network of one input is a linear spline: cubic-like when lazy, of few knots with weight decay",
    experiments=(Output, Tangent, Adaptive, Random),
    claims=CLAIMS,
    sanity=SANITY,
)

"""Steps that are too large for the curvature at hand, in three models.

In the linearised network an error along an eigenvector of K/n is multiplied by |1 − hλ| at a step: descent converges up
to h = 2/λ_max and not beyond. A network answers. Its sharpness rises under small steps; once it reaches 2/h it rises no
further, the risk rises at every other step and still falls in the long run (Cohen et al., 2021). The least model of why
is a two-layer linear network with one datum (Lewkowycz et al., 2020): for 2 < hλ < 4 its loss is thrown up to a height
proportional to m, comes down where the curvature is below 2/h, and stays there; the two ends are sharp.
"""

from functools import cached_property, partial

import numpy as np

import meanfield as mf
from simulations.optimisation import large_step_measures as measure
from simulations.records.record import Select, between
from simulations.study.experiment import grid
from simulations.study.parameters import count, number
from simulations.study.simulation import Simulation
from simulations.study.study import Study, claim
from simulations.verdicts import checks
from theory import kernel_flow, large_steps
from theory.neurons import Network
from theory.prediction import Prediction

SMALL, LARGE = 0.3, measure.LARGE
"""Steps (mean-field time): one that stays below the edge, and one that is at it."""

EDGES = (0.1, 0.2, SMALL, 0.5, 0.65, LARGE, 1.0, 1.2)
LINEAR = (1.0, 1.9, 1.98, 1.998, 2.002, 2.02, 2.1)
THROWS = (1.0, 1.9, 2.2, 2.5, 3.4, 3.8, 4.2, 5.0)

WINDOWS = 32
"""Pairs of consecutive steps at which a late network is seen (count)."""


def looks(steps: int, *more: np.ndarray) -> np.ndarray:
    """Return the numbers of the steps after which a run is looked at."""
    few = np.rint(np.geomspace(1, steps, 24))
    return np.unique(np.minimum(np.concatenate([[0], few, *more]), steps)).astype(int)


class Chebyshev(Simulation):
    """Experiments on a tanh network whose targets are T₄ at Chebyshev points, with steps that may be too large."""

    step: float = number(0.8, "h", "step", unit="mean-field time", above=0, batched=False)
    steps: int = count(2000, "", "steps")
    particles: int = count(30, "m", "particles")
    samples: int = count(20, "n", "Chebyshev points")
    divergence = True

    @cached_property
    def data(self) -> tuple[np.ndarray, np.ndarray]:
        angle = np.pi * (np.arange(self.samples) + 0.5) / self.samples
        return np.cos(angle)[:, None], np.cos(4 * angle)

    @cached_property
    def theta(self) -> np.ndarray:
        return 2 * self.generator("start").normal(size=(self.particles, 3))

    def problem(self):
        # Dense, so that one program serves all.
        return mf.Objective(mf.Neuron("tanh", bias=True), mf.Square(), *self.data, kernel=mf.integrals.Dense())

    def start(self):
        return mf.Particles(self.theta)


class Edge(Chebyshev):
    """A tanh network that fits T₄ at Chebyshev points."""

    sizes = grid(
        smoke={"step": (SMALL, LARGE), "steps": 6000, "seeds": 16},
        default={"step": EDGES, "steps": 12000, "seeds": 20},
        large={"step": EDGES, "steps": 100_000, "particles": 200, "seeds": 20},
    )

    @cached_property
    def seen(self) -> np.ndarray:
        late = np.rint(np.linspace(self.steps / 2, self.steps - 1, WINDOWS))
        return looks(self.steps, late, late + 1)

    def flow(self):
        return mf.GradientFlow(self.step)

    def times(self):
        return self.seen * self.step

    def observe(self):
        return [mf.Risk(), mf.observables.Sharpness()]

    def measure(self, run):
        return {"seen": self.seen}


class Linear(Chebyshev):
    """A tanh network, linearised at its start: λ is the largest eigenvalue of its K/n."""

    step: float = number(2.1, "hλ", "step times the largest curvature of the start", above=0, batched=False)
    steps: int = count(1000, "", "steps")
    sizes = grid(
        smoke={"step": (1.998, 2.002, 2.02), "seeds": 6},
        default={"step": LINEAR, "seeds": 10},
        large={"step": LINEAR, "seeds": 20},
    )

    @cached_property
    def seen(self) -> np.ndarray:
        return looks(self.steps)

    @cached_property
    def network(self) -> Network:
        return Network(self.theta, "tanh", bias=True)

    @cached_property
    def spectrum(self) -> tuple[np.ndarray, np.ndarray]:
        """Eigenvalues and eigenvectors of K/n, the curvature of the linear model, from its formula."""
        return np.linalg.eigh(self.network.tangent_kernel(self.data[0])[:, 0, :, 0] / self.samples)

    @property
    def length(self) -> float:
        """The step in mean-field time."""
        return self.step / self.spectrum[0][-1]

    def flow(self):
        return mf.TangentFlow(self.length)

    def times(self):
        return self.seen * self.length

    def observe(self):
        return [mf.Risk(), mf.Predictions()]

    def measure(self, run):
        return {"seen": self.seen, "y": self.data[1]}

    def theory(self, start):
        """The risk after every step seen, the spectrum of K/n, and the deviation that rounding adds at a step."""
        (x, y), (values, vectors) = self.data, self.spectrum
        f0, kernel = self.network.predict(x)[:, 0], self.network.tangent_kernel(x)[:, 0, :, 0]
        path = kernel_flow.train_discrete(kernel, y, self.length, self.seen, f0)
        # A parameter is rounded by its size; a mean over particles moves by 1/√m of that, times the tangent features.
        size = np.sqrt(self.samples * values[-1] / self.particles * np.mean(self.theta**2))
        local = np.finfo(float).eps / 2 * np.sqrt(large_steps.ROUNDINGS / 3) * size
        found = {"exact_risk": kernel_flow.risk(path, y), "curvatures": values, "leading": vectors[:, -1]}
        return found | {"rounding": np.asarray(local)}


class Catapult(Simulation):
    """A two-layer linear network with the one datum x = 1, y = 0 and α = √m, descending by steps of 1."""

    step: float = number(3.0, "hλ", "step times the largest curvature of the start", above=0)
    steps: int = count(256, "", "steps")
    particles: int = count(64, "m", "particles")
    divergence = True
    sizes = grid(
        smoke=[{"particles": (64, 256, 1024), "seeds": 64}, {"step": (1.9, 2.2, 3.8, 4.2), "seeds": 24}],
        default=[{"particles": (64, 256, 1024, 4096), "seeds": 80}, {"step": THROWS, "seeds": 40}],
        large=[{"particles": (64, 256, 1024, 4096, 16384, 65536), "seeds": 80}, {"step": THROWS, "seeds": 80}],
    )

    @cached_property
    def seen(self) -> np.ndarray:
        return looks(self.steps, np.arange(129))

    def problem(self):
        unit, scale = mf.Neuron("linear"), np.sqrt(self.particles)
        return mf.Objective(unit, mf.Square(), np.ones((1, 1)), np.zeros(1), scale=scale, kernel=mf.integrals.Dense())

    def start(self):
        theta = self.generator("start").normal(size=(self.particles, 2))
        return mf.Particles(theta * np.sqrt(self.step / np.mean(np.sum(theta**2, axis=1))))

    def flow(self):
        return mf.GradientFlow(1.0)

    def times(self):
        return self.seen * 1.0

    def observe(self):
        return {"output": measure.output, "curvature": measure.curvature}

    def measure(self, run):
        return {"seen": self.seen}

    def theory(self, start):
        """f of the map from the same start."""
        theta, scale = np.asarray(start.position, float), np.sqrt(self.particles)
        f = np.sum(theta[:, 0] * theta[:, 1]) / scale
        path = large_steps.catapult(f, self.step, 1.0, scale, self.steps)[0]
        return {"map_output": path[self.seen]}


def fitting(low: float, high: float) -> Select:
    """Return the networks at steps of this range, with time to come to the edge, and parameters enough to fit the
    targets.
    """
    chosen = Edge.at(step=between(low, high), steps=between(1999, np.inf), samples=between(9, np.inf))
    return chosen.where(lambda record: record["particles"] >= 20 and bool(record["reached"]))


LONG = between(255, np.inf)
small, large = fitting(0.25, 0.35), fitting(0.75, 0.85)
converging, diverging = Linear.at(step=between(0, 2)), Linear.at(step=between(2.01, 4), steps=between(999, np.inf))
catapult = Catapult.at(steps=LONG)
quiet, thrown, lost = (Catapult.at(steps=LONG, step=between(*at)) for at in ((0, 2), (2.1, 3.9), (4.1, 1e6)))

within = catapult.where(lambda record: abs(record["output"][1]) < np.sqrt(record["particles"]))
"""Catapults whose first step does not leave |f| < α: beyond it steps square what is wrong."""

starting_small = thrown.where(lambda record: record["output"][0] ** 2 / 2 <= record["particles"] / 32)
"""Catapults whose loss starts below m/32: the first step of a larger one may take the curvature below 2/h."""

SHARP, THROWN = "cohen2021gradient", "lewkowycz2020large"
GROWTH = Prediction(1.0, "<=", "linear model, |1 − hλ| but for rounding: six deviations", "meanfield")
HOVERS = Prediction(1.0, "=", "tanh network, square loss, as the oscillation dies; observed, not proved", SHARP)
SHARPENS = Prediction(1.0, ">=", "tanh network, square loss; observed, not proved", "meanfield")
MAP = Prediction(1.0, "<=", "two-layer linear network, one datum, but for rounding: six deviations", THROWN)
HEIGHT = Prediction(1.0, "slope", "2 < hλ < 4, height of the loss in m", THROWN)
FLAT = Prediction(1.0, "<=", "2 < hλ < 4 at the start, any width", "meanfield")

CLAIMS = (
    claim(
        "growth", "linearised: the leading error grows by |1 − hλ| a step; deviation over rounding", GROWTH,
        checks.largest, kind="identity",
        select=Linear.at(), value=measure.growth_error, what="|error − |1 − hλ|^k error₀| / rounding",
        wrong="half of the step", control={"value": partial(measure.growth_error, share=0.5)},
    ),
    claim(
        "hovers", f"h = {LARGE}: the sharpness stays at 2/h", HOVERS, checks.mean,
        select=large, value=measure.hovering, what="hS/2, second half, oscillation → 0",
        wrong=f"h = {SMALL}, below the edge", control={"select": small},
    ),
    claim(
        "sharpening", f"small steps lead to a sharpness above 2/h of h = {LARGE}", SHARPENS, checks.mean,
        select=small, value=measure.too_sharp, what="S at the end / (2/h)",
        wrong="S at the start", control={"value": partial(measure.too_sharp, at=0)},
    ),
    claim(
        "map", "catapult: output and curvature after a step, over the map of those before, in units of rounding",
        MAP, checks.largest, kind="identity",
        select=within, value=measure.map_error, what="|network − map| / rounding",
        wrong="without the terms in f²", control={"value": partial(measure.map_error, linear=True)},
    ),
    claim(
        "height", "2 < hλ < 4: the loss rises to a height ∝ m", HEIGHT, checks.asymptotic_slope,
        select=Catapult.at(steps=LONG, step=between(2.9, 3.1)), x="particles", value=measure.peak,
        wrong="the loss at the start", control={"value": partial(measure.peak, steps=0)},
    ),
    claim(
        "flattened", "2 < hλ < 4 at the start: hλ < 2 at the end, where the loss falls for ever", FLAT, checks.largest,
        select=thrown, value=measure.end_curvature, what="hλ/2 at the end",
        wrong="hλ > 4 at the start", control={"select": lost},
    ),
)  # fmt: skip

CONVERGES = Prediction(0.0, "<=", "linear model, h < 2/λ_max", "meanfield")
DIVERGES = Prediction(0.0, ">=", "linear model, h > 2/λ_max", "meanfield")
UNEVEN = Prediction(0.0, ">=", "at the edge of stability; observed, not proved", "meanfield")
QUIET = Prediction(1.0, "<=", "hλ < 2, any width", "meanfield")
THROW = Prediction(1.0, ">=", "2 < hλ < 4, a start small against the width", "meanfield")
LOST = Prediction(1.0, ">=", "hλ > 4 at the start, any width", "meanfield")

# What growth and map imply for signs of 1 − hλ and for where a path ends, and an observation beside that of sharpness.
SANITY = (
    claim(
        "converges", "linearised, h < 2/λ_max: the risk never rises", CONVERGES, checks.largest,
        select=converging, value=measure.largest_rise, what="largest log(later / earlier risk)",
        wrong="h > 2/λ_max", control={"select": diverging},
    ),
    claim(
        "diverges", "linearised, h > 2/λ_max: the risk ends above its start", DIVERGES, checks.least,
        select=diverging, value=measure.total_rise, what="log(risk at the end / at the start)",
        wrong="h < 2/λ_max", control={"select": converging},
    ),
    claim(
        "uneven", f"h = {LARGE}: the risk rises at a share of late steps", UNEVEN, checks.mean,
        select=large, value=measure.rising, what="share of rising steps",
        wrong=f"h = {SMALL}", control={"select": small},
    ),
    claim(
        "quiet", "hλ < 2: the loss never exceeds that of the start", QUIET, checks.largest,
        select=quiet, value=measure.rise, what="largest loss / loss at the start",
        wrong="2 < hλ < 4", control={"select": thrown},
    ),
    claim(
        "thrown", "2 < hλ < 4: a loss that starts below m/32 rises above its start", THROW, checks.least,
        select=starting_small, value=measure.rise, what="largest loss / loss at the start",
        wrong="hλ < 2", control={"select": quiet},
    ),
    claim(
        "lost", "hλ > 4 at the start: the curvature never falls below 4/h", LOST, checks.least,
        select=lost, value=measure.least_curvature, what="least hλ/4",
        wrong="2 < hλ < 4 at the start", control={"select": thrown},
    ),
)  # fmt: skip

STUDY = Study(
    "large_step",
    "optimisation",
    "steps beyond 2/curvature: divergence if linear, the edge of stability and the catapult if not",
    experiments=(Linear, Edge, Catapult),
    claims=CLAIMS,
    sanity=SANITY,
)

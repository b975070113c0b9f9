"""Cohen et al. (2021): descent of a two-layer network at the edge of stability.

The network is that of the author's script for regression: f = Σ v_j tanh(u_j x + b_j) of 100 units on twenty even
points of [−1, 1] with a Chebyshev polynomial for targets, the loss ½ mean (f − y)², all parameters descended by steps
η. Here every particle has the mass 1, so that f is a sum, and a step, the loss and the sharpness are the author's own.

The sharpness rises as long as it is below 2/η. Once there it stays, the loss goes up and down and falls in the long
run; the mean of ηS/2 over two consecutive steps, since descent has period two there, is 1 to a few per cent.
"""

from functools import cached_property, partial

import numpy as np

import meanfield as mf
from simulations.optimisation import large_step_measures as measure
from simulations.records.record import Record, Records, between
from simulations.study.experiment import grid
from simulations.study.parameters import count, number
from simulations.study.published import PublishedFigure, reading
from simulations.study.simulation import Simulation
from simulations.study.study import Study, claim
from simulations.verdicts import checks
from theory.prediction import Prediction

RATES = (0.1, 0.2, 0.4)
"""Steps η that come to the edge."""

GAIN = 1.9
"""The author's factor on the input weights of the start."""

WINDOWS = 32
"""Pairs of consecutive steps at which a late network is seen (count)."""


class Descent(Simulation):
    """A tanh network of one input that fits a Chebyshev polynomial, by steps η."""

    step: float = number(0.4, "η", "step", unit="the author's time", above=0)
    duration: float = number(5000.0, "T", "steps times η", unit="the author's time", above=0)
    degree: int = count(4, "", "degree of the Chebyshev polynomial")
    particles: int = count(100, "h", "units")
    samples: int = count(20, "n", "points")
    divergence = True
    sizes = grid(
        smoke=[{"step": RATES, "seeds": 8}, {"step": 0.02, "seeds": 8}],
        default=[
            {"step": RATES, "degree": (3, 4, 5), "duration": 20_000.0, "seeds": 12},
            {"step": 0.01, "degree": (3, 4, 5), "seeds": 12},
        ],
        large=[
            {"step": (0.05, *RATES), "degree": (3, 4, 5), "duration": 100_000.0, "seeds": 20},
            {"step": 0.005, "degree": (3, 4, 5), "duration": 20_000.0, "seeds": 20},
        ],
    )

    @cached_property
    def data(self) -> tuple[np.ndarray, np.ndarray]:
        x = np.linspace(-1, 1, self.samples)
        return x[:, None], np.polynomial.chebyshev.chebval(x, [0.0] * self.degree + [1.0])

    @cached_property
    def seen(self) -> np.ndarray:
        steps = round(self.duration / self.step)
        late = np.rint(np.linspace(steps / 2, steps - 1, WINDOWS))
        few = np.rint(np.geomspace(1, steps, 48))
        return np.unique(np.minimum(np.concatenate([[0], few, late, late + 1]), steps)).astype(int)

    @cached_property
    def theta(self) -> np.ndarray:
        """Rows (v_j, u_j, b_j): normal weights of variance 2/(h + 1), those of the input 1.9 times that, no biases."""
        weights = np.sqrt(2 / (self.particles + 1)) * self.generator("start").normal(size=(self.particles, 2))
        return np.column_stack([weights[:, 0], GAIN * weights[:, 1], np.zeros(self.particles)])

    def problem(self):
        return mf.Objective(mf.Neuron("tanh", bias=True), mf.Square(), *self.data, kernel=mf.integrals.Dense())

    def start(self):
        return mf.Particles(self.theta, np.ones(self.particles))

    def flow(self):
        return mf.HeavyBall(self.step)  # without momentum it is descent, and its times are numbers of steps

    def times(self):
        return self.seen

    def observe(self):
        return [mf.Risk(), mf.observables.Sharpness()]

    def measure(self, run):
        return {"seen": self.seen}


def edge(record: Record) -> float:
    """ηS/2, mean of the late pairs of steps."""
    return float(np.mean(measure.pairs(record)[0]))


def sharpened(record: Record, *, at: int = -1) -> float:
    """The sharpness at a time, over that at which the largest of `RATES` is at the edge."""
    return float(record["sharpness"][at] * RATES[-1] / 2)


def below(record: Record, *, at: int = 0) -> float:
    """ηS/2 at a time."""
    return float(record["step"] * record["sharpness"][at] / 2)


def fallen(record: Record, *, late: bool = True) -> float:
    """log(risk in the second half / risk when the sharpness first was at 2/η), or the same of the risk just after."""
    at = int(np.argmax(record["step"] * record["sharpness"] >= 2))
    then = np.mean(record["risk"][record["seen"] >= record["seen"][-1] // 2]) if late else record["risk"][at]
    return float(np.log(then / record["risk"][at]))


def arrived(records: Records) -> Records:
    """Return runs of steps that come to the edge, long enough to be there for half of the time."""
    chosen = Descent.at("sharpness", step=between(0.05, 0.5), duration=between(4999, np.inf))(records)
    return chosen.where(lambda record: bool(record["reached"] and np.any(record["step"] * record["sharpness"] >= 2)))


slow = Descent.at("sharpness", step=between(0, 0.03), duration=between(4999, np.inf))

PAPER = "cohen2021gradient"
EDGE = reading(1.0, 0.05, PAPER)
RISES = Prediction(1.0, ">=", "observed, not proved", PAPER)
STARTS = Prediction(1.0, "<=", "observed, not proved", PAPER)
UNEVEN = Prediction(0.0, ">=", "observed, not proved", PAPER)
FALLS = Prediction(0.0, "<=", "observed, not proved", PAPER)

CLAIMS = (
    claim(
        "hovers", "late in training the sharpness is at 2/η", EDGE, checks.mean,
        select=arrived, value=edge, what="ηS/2, second half",
        wrong="a step that stays below the edge", control={"select": slow},
    ),
    claim(
        "uneven", "at the edge the loss rises at a share of steps", UNEVEN, checks.mean,
        select=arrived, value=measure.rising, what="share of rising steps",
        wrong="a step that stays below the edge", control={"select": slow},
    ),
    claim(
        "falls", "at the edge the loss falls in the long run: log of its late mean over that on arrival", FALLS,
        checks.mean,
        select=arrived, value=fallen, what="log ratio",
        wrong="the loss on arrival for that of the second half", control={"value": partial(fallen, late=False)},
    ),
    claim(
        "rises", f"small steps: the sharpness passes that at which η = {RATES[-1]:g} is at the edge", RISES,
        checks.mean,
        select=slow, value=sharpened, what="S at the end / (2/η)",
        wrong="S at the start", control={"value": partial(sharpened, at=0)},
    ),
    claim(
        "starts", "descent starts below the edge", STARTS, checks.mean,
        select=arrived, value=below, what="ηS/2 at the start",
        wrong="at the end of small steps, which are at the edge of larger ones",
        control={"select": slow, "value": sharpened},
    ),
)  # fmt: skip

STATED = (
    "The network of 100 units, its start (Xavier's normal weights, those of the input 1.9 times as large, biases 0 and "
    "none at the output), twenty points from −1 to 1 and polynomials of degree 3, 4, 5, and the loss ½ (f − y)² are in "
    "the author's public script (its architecture `regression`); 2/η and what is seen there are the paper's text."
)

FIGURES = (
    PublishedFigure(
        "1", "The sharpness rises to 2/η and hovers there, while the loss goes up and down and falls in the long run.",
        (Descent,), ("hovers", "uneven", "falls", "starts"), STATED,
        "Steps .1, .2 and .4, times up to 20 000 and seeds: the script takes them as arguments. The paper's first "
        "figure is of deep networks on CIFAR-10, of which only the statement is compared. Its \"at or just above\" is "
        "taken as 1 to within 5 %, for means over two steps.",
    ),
    PublishedFigure(
        "sharpening", "As long as it is below 2/η the sharpness rises.",
        (Descent,), ("rises", "starts"), STATED,
        "The smallest step stands for gradient flow, which the author integrates by Runge and Kutta's method; of how "
        "far the sharpness rises no number was at hand, and it is compared with the largest step's 2/η.",
    ),
)  # fmt: skip

STUDY = Study(
    name="cohen2021gradient",
    group="published",
    summary="the edge of stability: a two-layer network sharpens to 2/step and hovers there",
    experiments=(Descent,),
    claims=CLAIMS,
    published=FIGURES,
)

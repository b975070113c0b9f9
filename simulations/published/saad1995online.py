"""Saad & Solla (1995): a committee of three learns another on-line, and its overlaps tell all.

Students erf(w·x/√2) of fixed output weights see a new sample at every step, w_i ← w_i + (η/d) δ_i x. Figure `plateau`:
three students of an isotropic teacher at η = 0.1 fall on a plateau where they are all alike, and leave it for one
teacher each. Figure `rates`: near the teacher the error decays below a largest learning rate, and grows above it.

The paper solves equations for d → ∞ from overlaps of students and teachers of at most 1e-12. Networks of finite d have
such overlaps for a few samples only: the noise of samples, of order 1/√d, is what the plateau amplifies. So its height
is the paper's, and its end comes earlier.
"""

import dataclasses
from functools import cached_property, lru_cache, partial
from typing import ClassVar

import numpy as np

from simulations.limits import committee_order_parameters as order
from simulations.limits.online_learning import Committees, until
from simulations.records.record import Record, Records
from simulations.study.experiment import grid
from simulations.study.parameters import count, number
from simulations.study.published import PublishedFigure, reading
from simulations.study.study import Study, claim
from simulations.verdicts import checks
from theory.order_parameters import Committee
from theory.prediction import Prediction

SMALL = 1e-12
"""Overlaps at the paper's start that are not those of a student with itself: uniform up to here."""

LARGEST = 0.5
"""The squared lengths of students at the paper's start are uniform up to here."""

NEAR = 1e-4
"""How far the start of `Near` is from the teacher, along the mode that is the first to grow."""

SHARES = (0.94, 0.98, 1.01, 1.04)
"""Learning rates of `Near`, in units of the one in the middle."""

FLAT = 120.0, 220.0
"""When the plateau is looked at (samples over d): at η = 0.1 it is reached, and noise has not yet ended it."""

LONG = 2500.0
"""In this time nearly all networks leave the plateau."""

LATE = 5.0
"""The equations need so many times longer than networks to leave the plateau."""

DIFFERENCE = 1e-5
"""Step of the differences by which the equations are linearised; they are smooth at distances of one."""


def linearised(pair: Committee, state: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the largest rate at which the equations leave a fixed point, and the mode that grows at it."""
    units = DIFFERENCE * np.eye(len(state))
    jacobian = np.array([pair.drift(state + one) - pair.drift(state - one) for one in units]).T / (2 * DIFFERENCE)
    values, modes = np.linalg.eig(jacobian)
    first = int(np.argmax(np.real(values)))
    return float(np.real(values)[first]), np.real(modes)[:, first]


def alike(pair: Committee) -> np.ndarray:
    """Return the state of students that are their teachers."""
    one = np.eye(pair.students)
    return pair.pack(one, one)


@lru_cache
def largest_rate(neurons: int) -> float:
    """Return the learning rate above which students that are near their teachers leave them, by the equations."""
    from scipy.optimize import root_scalar

    def growth(rate: float) -> float:
        pair = order.committee(neurons, rate)
        return linearised(pair, alike(pair))[0]

    rates = np.linspace(1.0, 12.0, 221) / neurons
    first = int(np.argmax([growth(rate) > 0 for rate in rates]))
    return float(root_scalar(growth, bracket=(rates[first - 1], rates[first])).root)


@lru_cache
def first_to_grow(neurons: int) -> np.ndarray:
    """Return the mode that grows just above the largest rate, with the sign at which students are longer."""
    pair = order.committee(neurons, 1.01 * largest_rate(neurons))
    mode = linearised(pair, alike(pair))[1]
    return mode * np.sign(mode[0])


@lru_cache
def solved(neurons: int, rate: float, start: tuple[float, ...], times: tuple[float, ...]) -> np.ndarray:
    """Return the states of the equations at these times, once for all numbers of inputs."""
    return order.committee(neurons, rate).integrate(np.array(start), np.array(times))


class Threes(Committees):
    """Committees of three, looked at often."""

    neurons: int = count(3, "K", "hidden neurons of the student, and of the teacher", at_least=2, at_most=6)

    looks: ClassVar[int]
    """Intervals between observations."""

    @cached_property
    def seen(self) -> np.ndarray:
        return np.unique(np.rint(np.linspace(0, self.time, self.looks + 1) * self.dimension)) / self.dimension


class Ignorant(Threes):
    """Students that know nothing of their teachers, over the plateau and beyond it."""

    rate: float = number(0.1, "η", "learning rate: w ← w + (η/d) δ x", above=0)
    time: float = number(3000.0, "T", "samples seen, over d", above=0, batched=False)
    sizes = grid(
        smoke=[
            {"dimension": 384, "time": 220.0, "replicas": 10, "seeds": 5},
            {"dimension": 48, "replicas": 14, "seeds": 5},
        ],
        default=[
            {"dimension": 768, "time": 220.0, "replicas": 16, "seeds": 6},
            {"dimension": (48, 96), "replicas": 24, "seeds": 6},
        ],
        large=[
            {"dimension": (768, 3072), "time": 220.0, "replicas": 48, "seeds": 10},
            {"dimension": (48, 96, 192, 384, 768), "replicas": 96, "seeds": 10},
        ],
    )
    looks = 120

    def refusal(self):
        return self.without_plateau() or super().refusal()

    @property
    def initial(self):
        """Overlaps as the paper draws them."""
        drawn, k = self.generator("overlaps of the start"), self.neurons
        apart = np.triu(drawn.uniform(0, SMALL, (k, k)), 1)
        return self.pair.pack(apart + apart.T + np.diag(drawn.uniform(0, LARGEST, k)), drawn.uniform(0, SMALL, (k, k)))

    def theory(self):
        """The equations from the same overlaps, until long after the networks; the plateau, and how fast it is left."""
        plateau, times = self.pair.plateau(), np.linspace(0, LATE * self.time, 201)
        return {
            "exact_times": times,
            "exact_states": solved(self.neurons, self.rate, tuple(self.initial), tuple(times)),
            "exact_plateau": plateau,
            "exact_height": self.pair.error(plateau),
            "exact_growth": np.array(linearised(self.pair, plateau)[0]),
        }


class Near(Threes):
    """Students near their teachers, at learning rates below and above the largest at which they come nearer."""

    rate: float = number(1.62, "η", "learning rate in the middle: w ← w + (η/d) δ x", above=0)
    time: float = number(40.0, "T", "samples seen, over d", above=0, batched=False)
    sizes = grid(
        smoke={"dimension": 192, "replicas": 24, "seeds": 5},
        default={"dimension": 384, "replicas": 64, "seeds": 8},
        large={"dimension": (384, 768, 1536), "replicas": 128, "seeds": 10},
    )
    looks = 20

    @property
    def initial(self):
        return alike(self.pair) + NEAR * first_to_grow(self.neurons)

    def setups(self):
        rates = {f"{share:g} η": dataclasses.replace(self, rate=share * self.rate) for share in SHARES}
        return {name: Committees.setups(one)["students"] for name, one in rates.items()}

    def measure(self, runs):
        """Collect generalisation errors [rates, R, T]."""
        errors = [[run.values["error"] for run in several] for several in runs.values()]
        return {"times": self.seen, "rates": self.rate * np.array(SHARES), "error": np.array(errors)}

    def theory(self):
        """Errors [rates, T] by the equations, from the same overlaps."""
        pairs = [order.committee(self.neurons, share * self.rate) for share in SHARES]
        errors = [pair.error(pair.integrate(self.initial, self.seen)) for pair in pairs]
        return {"exact_error": np.array(errors), "exact_rate": np.array(largest_rate(self.neurons))}


def on_plateau(record: Record) -> slice:
    """Return the observations on the plateau, which is reached, and left, in times of 1/η."""
    start, end = (until(record["times"], 0.1 / record["rate"] * time) for time in FLAT)
    return slice(start, end + 1)


def height(record: Record) -> float:
    """Return the mean generalisation error on the plateau."""
    return float(record["error"][:, on_plateau(record)].astype(float).mean())


def overlap(record: Record, part: str, of: str | None = None) -> float:
    """Return an overlap on the plateau, mean over students and time, over the equations' (or over another, `of`).

    Parts are "R" with teachers, "Q" of students with themselves, "C" with each other.
    """
    times = record["times"][on_plateau(record)]
    seen = record["overlaps"][:, on_plateau(record)].astype(float).mean(axis=0)
    exact = np.array([np.interp(times, record["exact_times"], one) for one in record["exact_states"].T]).T
    return _parts(record, seen)[part] / _parts(record, exact)[part if of is None else of]


def _parts(record: Record, states: np.ndarray) -> dict[str, float]:
    """Return the means of overlaps of one kind in states [T, s]."""
    q, r = order.committee(record["neurons"], record["rate"]).unpack(states)
    own = np.diagonal(q, axis1=1, axis2=2)
    others = (q.sum(axis=(1, 2)) - own.sum(axis=1)) / (own.shape[1] * (own.shape[1] - 1))
    return {"R": float(r.mean()), "Q": float(own.mean()), "C": float(others.mean())}


def escape(times: np.ndarray, errors: np.ndarray, level: float) -> np.ndarray:
    """Return when errors [R, T], once on the plateau, fall below a level; infinite where they do not."""
    below = (errors < level) & (np.maximum.accumulate(errors[:, ::-1], axis=1)[:, ::-1] < level)
    return np.where(below[:, -1], times[np.argmax(below, axis=1)], np.inf)


def lengths(record: Record) -> tuple[np.ndarray, float]:
    """Return when each network's error has fallen to half the plateau's, and when the equations' has."""
    level, pair = record["exact_height"] / 2, order.committee(record["neurons"], record["rate"])
    found = escape(record["times"], record["error"], level)
    return found, float(escape(record["exact_times"], pair.error(record["exact_states"])[None], level)[0])


def log_length(record: Record, doubled: bool = False) -> float:
    """Return log(median time at which networks leave the plateau, or twice the plateau's end / the equations' time)."""
    found, exact = lengths(record)
    return float(np.log(exact if doubled else np.median(found)) - np.log(exact))


def specialised(record: Record, time: float = np.inf) -> np.ndarray:
    """Return which students' largest cosines are with teachers of their own."""
    state = record["overlaps"][:, until(record["times"], time)].astype(float)
    q, r = order.committee(record["neurons"], record["rate"]).unpack(state)
    cosines = r / np.sqrt(np.diagonal(q, axis1=1, axis2=2))[:, :, None]
    own = np.sort(cosines.argmax(axis=2), axis=1) == np.arange(record["neurons"])
    return own.all(axis=1) & (cosines.max(axis=2) > 0.8).all(axis=1)


def growth(times: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Return d log ε/dt of errors [rates, T], over the last three quarters of the time."""
    late = times >= times[-1] / 4
    return np.polyfit(times[late], np.log(errors[:, late].T), 1)[0]


def threshold(record: Record) -> float:
    """Return the learning rate at which the mean error neither grows nor decays, between two at which it does."""
    found, rates = growth(record["times"], record["error"].astype(float).mean(axis=1)), record["rates"]
    if found[0] > 0 or found[-1] < 0:
        return float("nan")
    above = int(np.argmax(found > 0))
    return float(np.interp(0.0, found[above - 1 : above + 1], rates[above - 1 : above + 1]))


FLAT_RUNS = Ignorant.at("exact_height", neurons=3, rate=0.1, dimension=max)
"""Runs of the paper's setting with the most inputs, in which noise is latest to end the plateau."""


def left(records: Records) -> Records:
    """Return the runs of the paper's setting that have the time to leave the plateau."""
    chosen = Ignorant.at("exact_height", neurons=3, rate=0.1)(records)
    return chosen.where(lambda record: record["time"] >= LONG)


SOURCE = "saad1995online"
THREE = order.committee(3, 0.1)
HEIGHT = reading(round(float(THREE.error(THREE.plateau())), 4), 0.001, SOURCE)
FOLLOWED = reading(1.0, 0.02, SOURCE)
LARGEST_RATE = reading(round(largest_rate(3), 3), 0.01, SOURCE)
OWN = Prediction(0.9, ">=", "K = M, after the plateau", SOURCE)
EARLIER = Prediction(-0.5, "<=", "noise of 1/√d in the place of overlaps of 1e-12", "kampen2007stochastic")

CLAIMS = (
    claim(
        "height", "generalisation error on the plateau", HEIGHT, checks.mean,
        select=FLAT_RUNS, value=height, what="ε_g on the plateau",
        wrong="the plateau of two students", control={"predicted": 0.0116},
    ),
    claim(
        "teachers", "overlap R with teachers on the way to the plateau, over the equations'", FOLLOWED, checks.mean,
        select=FLAT_RUNS, value=partial(overlap, part="R"), what="R / equations",
        wrong="C, the overlap of students", control={"value": partial(overlap, part="R", of="C")},
    ),
    claim(
        "lengths", "squared length Q of students on the way to the plateau, over the equations'", FOLLOWED, checks.mean,
        select=FLAT_RUNS, value=partial(overlap, part="Q"), what="Q / equations",
        wrong="C, the overlap of students", control={"value": partial(overlap, part="Q", of="C")},
    ),
    claim(
        "others", "overlap C of two students on the way to the plateau, over the equations'", FOLLOWED, checks.mean,
        select=FLAT_RUNS, value=partial(overlap, part="C"), what="C / equations",
        wrong="R, the overlap with teachers", control={"value": partial(overlap, part="C", of="R")},
    ),
    claim(
        "own", "after the plateau each student has a teacher of its own", OWN, checks.share,
        select=left, value=specialised, what="one-to-one with cosines above 0.8 at the end",
        wrong="on the plateau", control={"value": partial(specialised, time=FLAT[1])},
    ),
    claim(
        "earlier", "log(when networks leave the plateau / when the equations do, from overlaps of 1e-12)", EARLIER,
        checks.mean,
        select=left, value=log_length, what="log ratio of times",
        wrong="the equations for the networks", control={"value": partial(log_length, doubled=True)},
    ),
    claim(
        "largest_rate", "learning rate above which students leave their teachers", LARGEST_RATE, checks.mean,
        select=Near.at("exact_rate", neurons=3, dimension=max), value=threshold, what="η at which ε_g stays",
        wrong="the largest rate of two students", control={"predicted": 2.307},
    ),
)  # fmt: skip

STATED = (
    "Units, update rule and equations are the paper's. T = I and a start with Q_ii uniform on [0, ½] and all other "
    "overlaps uniform and tiny are those of the public code pyscm (S. Goldt), which implements these equations; "
    "K = M = 3, η = 0.1 and 1e-12 are cited from memory: of the text only the abstract was at hand. The paper's "
    "values are those of its own equations, solved again in this setting; for η → 0 its plateau has "
    "ε_g = (K/π)(π/6 − K asin(1/2K)) = 0.0203."
)
CHOSEN = (
    "Networks of finite d in the place of equations: overlaps of 1e-12 are lost in the noise of the first samples, so "
    "that the plateau ends near t = 1300 for d = 48, the equations' near 6900. How its end moves with d is not tested."
)
RATES_CHOSEN = (
    "Where learning rates are compared: the paper linearises its equations about the teacher; here networks start 1e-4 "
    "from it along the mode that is the first to grow, and the rate at which their error stays is interpolated. The "
    "formula η_max = √3π/(K + 3/√5 − 1), cited from memory, gives 1.628: one in two hundred more than the equations do."
)

STUDY = Study(
    name="saad1995online",
    group="published",
    summary="three students of three teachers on-line: the height of the plateau, what ends it, the largest rate",
    experiments=(Ignorant, Near),
    claims=CLAIMS,
    published=(
        PublishedFigure(
            name="plateau",
            statement="Three students fall on a plateau where they are all alike, and leave it for one teacher each.",
            experiments=(Ignorant,),
            claims=("height", "teachers", "lengths", "others", "own", "earlier"),
            stated=STATED,
            chosen=CHOSEN,
        ),
        PublishedFigure(
            name="rates",
            statement="Students near their teachers come nearer below a largest learning rate, and leave above it.",
            experiments=(Near,),
            claims=("largest_rate",),
            stated=STATED,
            chosen=RATES_CHOSEN,
        ),
    ),
)

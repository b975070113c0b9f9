"""Mei, Montanari & Nguyen (2018): two isotropic Gaussians, told apart by one pass of stochastic gradient descent.

Classes N(0, (1 ± Δ)² I) in d = 40, N = 800 units σ(w·x) without offset or output weight, σ = −2.5 below ½, 7.5 above
3/2, linear between. Figure 1: radii of particles follow the radial equation, Δ = 0.8. Figure 2: the risk at the end
along Δ, against the least risk of all laws of radii, and that of one radius alone, which is the least up to some Δ.

Time and steps are the paper's, half of mean-field time (`simulations.limits.radial_limit`, whose networks these are).
"""

from functools import lru_cache, partial
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar, nnls

from simulations.limits.radial_limit import Networks, equation, excess
from simulations.records.record import Record, Records, between
from simulations.study.experiment import Experiment, grid
from simulations.study.parameters import count, number
from simulations.study.published import PublishedFigure, reading
from simulations.study.study import Study, claim
from simulations.verdicts import checks
from theory.prediction import Prediction
from theory.radial_pde import RadialProblem

RADII = np.concatenate([np.linspace(0, 6, 241), np.geomspace(6.1, 400, 120)])
"""Radii among which the least risk is sought: nothing is gained from larger ones, for which σ is a step."""

HEAVY = 1e4
"""Weight of the condition that masses add up to one, in least squares."""

GAIN = 1e-5
"""By so much another radius must lower the first variation for one radius not to be the least."""

BISECTIONS = 14
"""The separation at which one radius ceases to be the least is known to 1e-4 after so many."""


def _problem(dimension: int, separation: float) -> RadialProblem:
    return RadialProblem(dimension, separation)


@lru_cache
def least_risk(dimension: int, separation: float) -> float:
    """Return min R(ρ) over laws ρ of radii, a convex quadratic program on the grid of `RADII`."""
    problem = _problem(dimension, separation)
    z, weight, y = problem.inputs
    root = np.sqrt(weight)
    columns = (problem.average(np.multiply.outer(RADII, z)) * root).T
    mass, _ = nnls(np.vstack([columns, np.full(len(RADII), HEAVY)]), np.append(y * root, HEAVY))
    return float(np.sum((y * root - columns @ (mass / mass.sum())) ** 2))


@lru_cache
def one_radius(dimension: int, separation: float) -> tuple[float, float]:
    """Return the best single radius and its risk."""
    problem = _problem(dimension, separation)
    z, weight, y = problem.inputs

    def risk(radius: float) -> float:
        return float(weight @ (y - problem.average(radius * z)) ** 2)

    first = int(np.argmin([risk(radius) for radius in RADII[:241]]))
    found: Any = minimize_scalar(risk, bounds=(RADII[max(first - 1, 0)], RADII[first + 1]), method="bounded")
    return float(found.x), float(found.fun)


def one_is_least(dimension: int, separation: float) -> bool:
    """Return True if no other radius has a lower first variation than the best single one: then it is the least."""
    problem = _problem(dimension, separation)
    z, weight, y = problem.inputs
    own = problem.average(one_radius(dimension, separation)[0] * z)
    variation = 2 * (problem.average(np.multiply.outer(RADII, z)) - own) @ (weight * (own - y))
    return bool(variation.min() > -GAIN)


@lru_cache
def law(dimension: int, separation: float, length: float, times: tuple[float, ...]) -> np.ndarray:
    """Return quantiles [T, 400] of the equation's radii at times, once for all who ask."""
    return equation(dimension, separation, length, np.inf).integrate(times, step=0.1).radii


class Radii(Networks):
    """The paper's networks over time, at Δ = 0.8."""

    particles: int = count(800, "N", "particles")
    replicas: int = count(1, "", "independent networks, whose mean is the risk of N particles")
    tested: int = count(1000, "", "test samples, common to the networks of a run and to the equation; an even number")
    sizes = grid(
        smoke={"time": 8.0, "steps": 96, "batch": 200, "seeds": 6},
        default={"time": 10.0, "steps": 192, "batch": 400, "seeds": 6},
        large={"time": 10.0, "steps": 1_000_000, "batch": 1, "seeds": 5},
    )


class Separations(Networks):
    """The paper's networks at the end of training, along Δ."""

    particles: int = count(800, "N", "particles")
    replicas: int = count(1, "", "independent networks, whose mean is the risk of N particles")
    tested: int = count(4000, "", "test samples, common to the networks of a run and to the equation; an even number")
    time: float = number(5.0, "T", "final time", unit="the paper's time", above=0, batched=False)
    sizes = grid(
        smoke=[
            {"separation": (0.2, 0.4), "time": 5.0, "steps": 48, "batch": 200, "seeds": 5},
            {"separation": 0.8, "time": 12.0, "steps": 96, "batch": 200, "seeds": 5},
        ],
        default=[
            {"separation": (0.1, 0.2, 0.3, 0.4), "time": 10.0, "steps": 96, "batch": 200, "seeds": 5},
            {"separation": (0.5, 0.6, 0.7, 0.8, 0.9), "time": 50.0, "steps": 192, "batch": 200, "seeds": 5},
        ],
        large=[
            {"separation": (0.1, 0.2, 0.3, 0.4), "time": 10.0, "steps": 1_000_000, "batch": 1},
            {"separation": (0.5, 0.6, 0.7, 0.8, 0.9), "time": 100.0, "steps": 100_000, "batch": 1},
        ],
    )

    def theory(self):
        """The least risk of all laws of radii, and that of one radius."""
        at = self.dimension, self.separation
        return super().theory() | {"exact_least": np.array(least_risk(*at)), "exact_one": np.array(one_radius(*at)[1])}


class Threshold(Experiment):
    """The separation up to which one radius is the least, in d, 2d and 4d inputs; nothing is random in it."""

    dimension: int = count(80, "d", "inputs, at least twenty", at_least=20)
    sizes = grid(smoke={"dimension": 80}, default={"dimension": 160}, large={"dimension": 320})

    def run(self):
        return {"thresholds": np.array([self._threshold(self.dimension * times) for times in (1, 2, 4)])}

    @staticmethod
    def _threshold(dimension: int) -> float:
        low, high = 0.2, 0.7
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            low, high = (middle, high) if one_is_least(dimension, middle) else (low, middle)
        return (low + high) / 2


def extrapolated(record: Record, last: bool = False) -> float:
    """Return the threshold for d → ∞, of an error in 1/d; or the one of d inputs."""
    found = record["thresholds"]
    return float(found[0] if last else 2 * found[2] - found[1])


def distance(record: Record, share: float = 1.0) -> float:
    """Return Kolmogorov's distance of radii at the end to the equation's at that time, or at a share of it."""
    time = float(share * record["times"][-1])
    exact = np.sort(law(record["dimension"], record["separation"], record["length"], (time,))[0])
    seen = np.sort(record["radii"][-1])
    points = np.concatenate([exact, seen])
    shares = [np.searchsorted(some, points, side="right") / len(some) for some in (exact, seen)]
    return float(np.abs(shares[0] - shares[1]).max())


def risk(record: Record) -> float:
    """Return the population risk of the networks at the end, the samples' own error taken off."""
    return float(record["excess"][0, :, -1].mean() + record["euler_risk"][0, -1])


def in_small_steps(record: Record) -> float:
    """Return the risk at the end, extrapolated from steps of ε and 2ε to steps of zero: the paper's are of 1e-6."""
    return float(record["risk"][-1] + excess(record))


def fall(record: Record, share: float = 1.0) -> float:
    """Return by how much the risk has fallen, over what the equation says for so large a share of the time."""
    times, exact = record["times"], record["risk"]
    return float((exact[0] - risk(record)) / (exact[0] - np.interp(share * times[-1], times, exact)))


def over_least(record: Record) -> float:
    """Return log(risk at the end, in small steps / the least risk of all laws)."""
    return float(np.log(in_small_steps(record) / record["exact_least"]))


def over_one(record: Record) -> float:
    """Return log(risk at the end / the least of one radius)."""
    return float(np.log(risk(record) / record["exact_one"]))


def over_equation(record: Record, time: int = -1) -> float:
    """Return log(risk at the end / the equation's risk, at the end or at another time)."""
    return float(np.log(risk(record) / record["risk"][time]))


def small(records: Records) -> Records:
    """Return runs at separations at which one radius is the least, long enough to have come there."""
    return Separations.at("excess", dimension=40, separation=between(0.05, 0.43), time=between(4.9, np.inf))(records)


def large(records: Records) -> Records:
    """Return runs at separations at which one radius is not the least, long enough to see it."""
    return Separations.at("excess", dimension=40, separation=between(0.55, 1.0), time=between(11.9, np.inf))(records)


SOURCE = "mei2018mean"
SAME = reading(0.0, 0.08, SOURCE, relation="<=")
FALL = reading(1.0, 0.02, SOURCE)
AT_LEAST = reading(0.0, 0.05, SOURCE)
THRESHOLD = reading(0.47, 0.006, SOURCE)
NOT_ONE = Prediction(-0.5, "<=", "Δ above the threshold, late times", SOURCE)
ON_EQUATION = reading(0.0, 0.1, SOURCE)

CLAIMS = (
    claim(
        "radii", "Kolmogorov's distance of the radii of 800 particles to the equation's, Δ = 0.8", SAME, checks.mean,
        select=Radii.at("radii", separation=0.8, time=max), value=distance, what="distance at the end",
        wrong="the equation at a third of the time", control={"value": partial(distance, share=1 / 3)},
    ),
    claim(
        "fall", "by how much the risk of 800 particles falls, over the equation", FALL, checks.mean,
        select=Radii.at("excess", separation=0.8, time=max), value=fall, what="fall of the risk / equation",
        wrong="the equation without its factor 2, at half the time", control={"value": partial(fall, share=0.5)},
    ),
    claim(
        "below", "log(risk at the end, in small steps / least of all laws), Δ up to 0.4", AT_LEAST, checks.mean,
        select=small, value=over_least, what="log ratio of risks", widest=0.1,
        wrong="Δ = 0.6 and more, where it takes longer", control={"select": large},
    ),
    claim(
        "above", "log(risk at the end / that of one radius), Δ = 0.6 and more", NOT_ONE, checks.mean,
        select=large, value=over_one, what="log ratio of risks",
        wrong="Δ up to 0.4", control={"select": small},
    ),
    claim(
        "equation", "log(risk at the end / the radial equation's), Δ = 0.6 and more", ON_EQUATION, checks.mean,
        select=large, value=over_equation, what="log ratio of risks", widest=0.3,
        wrong="the equation at half the time", control={"value": partial(over_equation, time=4)},
    ),
    claim(
        "threshold", "the separation up to which one radius is the least, d → ∞", THRESHOLD, checks.single,
        select=Threshold.at(dimension=max), value=extrapolated, what="Δ",
        wrong="in d inputs", control={"value": partial(extrapolated, last=True)},
    ),
)  # fmt: skip

STATED = (
    "Model, equation and d = 40, N = 800, Δ = 0.8, σ's corners, start N(0, 0.8²/d) and ε = 1e-6 are those that the "
    "package's study `radial_limit` has of the paper; that one radius is the least up to Δ = 0.47 for d → ∞ is cited "
    "from memory, as only the abstract could be read, and no value was read off a curve: lines are computed as the "
    "paper says it computes them."
)

STUDY = Study(
    "mei2018mean",
    "published",
    "two Gaussians: radii of 800 particles follow the equation; the risk at the end along the separation",
    experiments=(Radii, Separations, Threshold),
    claims=CLAIMS,
    published=(
        PublishedFigure(
            name="1",
            statement="Histograms of radii lie on the solution of the radial equation.",
            experiments=(Radii,),
            claims=("radii", "fall"),
            stated=STATED,
            chosen=(
                "Steps of 1/96 or 1/192 with 200 or 400 fresh samples for steps of 1e-6 with one, but for `--full`; "
                "times 1 to 10; histograms agree where the distance of their laws is at most 0.08."
            ),
        ),
        PublishedFigure(
            name="2",
            statement="The risk at the end lies on the least risk of all laws, that of one radius for small Δ.",
            experiments=(Separations, Threshold),
            claims=("below", "above", "equation", "threshold"),
            stated=STATED,
            chosen=(
                "Risks are extrapolated to steps of zero below Δ = 0.5, where networks of 800 units still err by 4 %. "
                "How long the paper trains is not known: above Δ = 0.5 the equation still falls at t = 100, by a "
                "few radii that grow without end, so that there networks are compared with the equation at their time. "
                "At the default size they are 13 % above it, which the quick size is too noisy to tell; why was not "
                "found. The threshold is the paper's, but its control, that of "
                "160 inputs, is as near: only the quick size, of 80, tells them apart."
            ),
        ),
    ),
)  # fmt: skip

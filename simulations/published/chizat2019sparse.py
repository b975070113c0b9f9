"""Chizat, Sparse optimization on measures with over-parameterized gradient descent (2019; Math. Programming 2022).

Positive spikes on the torus are seen through their first Fourier modes, and found by particles whose weights follow
mirror steps and whose places follow gradient steps of J(ν) = ½|∫φ dν − y|² + λ ν(Θ). Two figures are made again: how
the gap closes in two dimensions with three, four and a hundred particles, and how many particles it takes in one.

The settings are those of the author's public scripts `cvgce_deconv2D.jl` and `success_deconv1D.jl`, whose figures he
published beside them as vector graphics: values are read off these, to the pixel or to the shade of grey. The spikes of
the second figure are the ten instances that the script draws, from Julia's generator with the seed 2
(`simulations.published.julia_numbers`), and so the comparison is of the same numbers, and not of their law.

What the first figure calls the gap is J less its value at the iteration 3000. For λ = 0, where the minimum is 0 and is
approached as a power of time, that is not the distance to the minimum: at the iteration 1000 the curve of m = 100 shows
.025 where J over its value at the iteration 30 is .031.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

import meanfield as mf
from simulations.published.julia_numbers import uniform
from simulations.records.record import Record, Records, Select
from simulations.study.experiment import grid
from simulations.study.parameters import choice, count, flag, number
from simulations.study.published import PublishedFigure, reading
from simulations.study.simulation import Simulation
from simulations.study.study import Study, claim
from simulations.verdicts import checks
from simulations.verdicts.checks import Estimate, check
from simulations.verdicts.measured import Untested, chosen

FIRST, SHOWN = 30, 1500
"""Iterations, counted from one: the figure of the gap begins at the first, which is its unit, and ends at the last."""

CLOSED = 1e-7
"""The gap at which the figure ends."""

WIDTHS = (3, 4, 100)

RATIOS = tuple(2.0**-k for k in range(5))

INSTANCES, SPIKES = 10, 5


@dataclass(frozen=True)
class Units:
    """The paper's units in those of this package, for a Dirichlet kernel of some order and dimension.

    The paper's places have the period 2π, and here 1; its φ is a sum over n = (2 order + 1)^dimension waves, of which
    `mf.Square` takes the mean. So its J is n times that of here with λ/n; a step α of the mirror is one of nα, since
    F' is smaller; and a step β of places is one of nβ/(2π)², as both θ and ∇ are in other units. A particle of the
    paper has the weight r²/m.
    """

    order: int
    dimension: int

    @property
    def waves(self) -> int:
        """n, by which the paper's J is larger."""
        return (2 * self.order + 1) ** self.dimension

    def strength(self, strength: float) -> float:
        """Return the strength of `mf.penalties.TotalMass` for the paper's λ."""
        return strength / self.waves

    def growth(self, alpha: float) -> float:
        """Return the growth of `mf.ConicFlow` with step 1 for the paper's α."""
        return self.waves * alpha

    def transport(self, beta: float) -> float:
        """Return the transport of `mf.ConicFlow` with step 1 for the paper's β."""
        return self.waves * beta / (2 * np.pi) ** 2

    def places(self, theta: np.ndarray) -> np.ndarray:
        """Return places of period 1 for those of period 2π."""
        return np.asarray(theta) / (2 * np.pi)

    def particles(self, r: np.ndarray, theta: np.ndarray) -> mf.Particles:
        """Return the particles of the paper's r [m] and θ [m, dimension]."""
        return mf.Particles(np.column_stack([np.ones(len(r)), self.places(theta)]), np.square(r) / len(r))


class Deconvolution(Simulation):
    """Particles of weight r² = ¼ that look for positive spikes. Iterations are counted from one, as in the scripts."""

    strength: float = number(4.0, "λ", "strength of the penalty", unit="the paper's", at_least=0)
    alpha: float = number(0.01, "α", "step of the weights, r changes by exp(−2αJ')", unit="the paper's", above=0)
    units: ClassVar[Units]
    """The units of the paper's kernel."""
    converted: bool = flag(True, "whether steps are converted to this package's units, as the penalty is")

    @property
    @abstractmethod
    def beta(self) -> float:
        """The paper's step of the places."""

    @property
    @abstractmethod
    def spikes(self) -> tuple[np.ndarray, np.ndarray]:
        """Places and weights of the spikes, in the paper's units."""

    @property
    @abstractmethod
    def places(self) -> np.ndarray:
        """Places of the particles at the start, in the paper's units."""

    def problem(self):
        theta, weights = self.spikes
        data = mf.datasets.spikes_at(self.units.places(theta), weights, self.units.order)
        penalty = mf.penalties.TotalMass(self.units.strength(self.strength))
        return mf.Objective(mf.units.Spike(), mf.Square(), data.x, data.y, penalty=penalty)

    def start(self):
        return self.units.particles(np.full(len(self.places), 0.5), self.places)

    def flow(self):
        steps = self.units.growth(self.alpha), self.units.transport(self.beta)
        return mf.ConicFlow(1.0, *(steps if self.converted else (self.alpha, self.beta)), signed=True)

    def observe(self):
        return [mf.observables.Energy()]

    def measure(self, run):
        """Compute J in the paper's units, at the iterations that are observed."""
        return {"iteration": run.times + 1, "loss": self.units.waves * run.values["energy"]}


class Gap(Deconvolution):
    """Three spikes in two dimensions, seen to order 2."""

    particles: int = count(100, "m", "particles: 3 or 4 at places near the spikes, or a square number on a lattice")
    steps: int = count(3000, "", "iterations, after which the gap counts as 0", at_least=SHOWN + 1)
    sizes = grid(
        **{
            size: [
                {"particles": WIDTHS, "strength": (0.0, 1.0, 4.0)},
                {"particles": WIDTHS, "strength": (0.0, 1.0, 4.0), "converted": False},
            ]
            for size in ("smoke", "default", "large")
        }
    )
    units = Units(order=2, dimension=2)

    @property
    def beta(self):
        return 0.01

    def refusal(self):
        if self.particles > 4 and round(self.particles**0.5) ** 2 != self.particles:
            return f"particles={self.particles}: expected 3, 4, or a square number, of a lattice."
        return None

    @property
    def spikes(self):
        return np.pi + np.array([[0.0, 0.0], [1.7, -0.3], [0.7, 1.3]]), np.square([1.1, 0.8, 1.0])

    @property
    def places(self):
        if self.particles in (3, 4):
            return np.pi + np.array([[0.5, -0.5], [2.1, -0.7], [0.3, 1.8], [0.5, 1.5]])[: self.particles]
        side = round(self.particles**0.5)
        line = np.pi * (1 + 2 * np.arange(side)) / side
        return np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)

    def times(self):
        return [*range(SHOWN), self.steps - 1]


class Success(Deconvolution):
    """Five spikes in one dimension, seen to order 8, and m particles evenly spaced."""

    particles: int = count(10, "m", "particles")
    ratio: float = number(1.0, "β/α", "step of the places over that of the weights", unit="1", above=0)
    strength: float = number(0.3, "λ", "strength of the penalty", unit="the paper's", at_least=0)
    alpha: float = number(0.002, "α", "step of the weights, r changes by exp(−2αJ')", unit="the paper's", above=0)
    steps: int = count(1000, "", "iterations", at_least=2)
    drawn: str = choice(
        "author", "instances of the author's script, of which the seed is the number, or fresh ones of their law",
        among=("author", "fresh"),
    )  # fmt: skip
    sizes = grid(
        smoke={"particles": range(4, 11), "ratio": RATIOS, "seeds": INSTANCES},
        default=[
            {"particles": range(4, 11), "ratio": RATIOS, "seeds": INSTANCES},
            {"particles": range(4, 11), "drawn": "fresh", "seeds": 100},
        ],
        large=[
            {"particles": range(4, 11), "ratio": RATIOS, "seeds": INSTANCES},
            {"particles": range(4, 11), "ratio": RATIOS, "drawn": "fresh", "seeds": 200},
        ],
    )
    units = Units(order=8, dimension=1)

    def refusal(self):
        if self.drawn == "author" and self.seed >= INSTANCES:
            return f"seed={self.seed}: expected a number below {INSTANCES}, of the author's instances; or drawn=fresh."
        return None

    @property
    def beta(self):
        return self.ratio * self.alpha

    @property
    def spikes(self):
        if self.drawn == "author":
            numbers = np.array(uniform(2, 2 * SPIKES * INSTANCES)).reshape(INSTANCES, 2, SPIKES)[self.seed]
        else:
            numbers = self.generator("spikes").uniform(size=(2, SPIKES))
        # The script sorts the places, and then draws the weights.
        return 2 * np.pi * np.sort(numbers[0])[:, None], numbers[1]

    @property
    def places(self):
        return 2 * np.pi * np.arange(self.particles)[:, None] / self.particles

    def times(self):
        return [0, self.steps - 1]


def normalised_gap(record: Record) -> np.ndarray:
    """Return J less its last value, over the same at the iteration `FIRST`, at all iterations but the last."""
    loss = record["loss"] - record["loss"][-1]
    return loss[:-1] / loss[FIRST - 1]


def closing(record: Record) -> float:
    """Return the first iteration at which the gap is below `CLOSED`; one more than are shown where none is."""
    below = np.flatnonzero(normalised_gap(record)[FIRST - 1 :] < CLOSED)
    return float(below[0] + FIRST) if len(below) else SHOWN + 1.0


def log_gap(record: Record) -> float:
    """Return log10 of the gap at the iteration 1000."""
    return float(np.log10(max(normalised_gap(record)[999], 1e-16)))


def own_excess(losses: dict[tuple[int, float], float]) -> dict[tuple[int, float], float]:
    """Return J less the least J of an instance over all its runs."""
    least = min(losses.values())
    return {setting: loss - least for setting, loss in losses.items()}


def nothing_taken_off(losses: dict[tuple[int, float], float]) -> dict[tuple[int, float], float]:
    """Return J itself, which is what the figure does not show."""
    return losses


def share_of_largest(records: Records, excess=own_excess) -> dict[tuple[int, float], float]:
    """Return the mean over instances of the excess for every (m, β/α), over the largest of these means.

    Raises `ValueError` where instances have different settings.
    """
    losses: dict[int, dict[tuple[int, float], float]] = {}
    for record in records:
        losses.setdefault(record["seed"], {})[record["particles"], record["ratio"]] = float(record["loss"][-1])
    settings = {tuple(sorted(one)) for one in losses.values()}
    if len(settings) != 1:
        raise ValueError("needs the same particles and ratios for every instance")
    apart = [excess(one) for one in losses.values()]
    means = {setting: float(np.mean([one[setting] for one in apart])) for setting in settings.pop()}
    largest = max(means.values())
    return {setting: mean / largest for setting, mean in means.items()}


@check("=", "<=")
def shade(
    records: Records, *, select: Select, m: tuple[int, ...], ratio: tuple[float, ...], excess=own_excess
) -> Estimate:
    """Compare the largest shade that the figure has at these m and β/α: nothing is random in the author's instances."""
    found = chosen(records, select)
    seeds = {record["seed"] for record in found}
    try:
        shades = share_of_largest(found, excess)
    except ValueError as reason:
        raise Untested(str(reason)) from None
    there = [shades[one, two] for one in m for two in ratio if (one, two) in shades]
    if len(seeds) != INSTANCES or len(there) < len(m) * len(ratio):
        raise Untested(f"needs {INSTANCES} instances with m = {m}")
    return Estimate(max(there), 0.0, f"mean excess over the largest, {len(seeds)} instances")


PAPER = "chizat2022sparse"


def closes(particles: int, strength: float, at: float):
    """Return the claim on where the gap closes; the lines of the figure are thinned out to a few points, 5 apart."""
    return claim(
        f"closing_{particles}_{strength:g}", f"m = {particles}, λ = {strength:g}: iteration at which the gap is 1e-7",
        reading(at, 3.0, PAPER), checks.single,
        select=Gap.at("loss", particles=particles, strength=strength, converted=True), value=closing,
        what="iteration", wrong="the penalty converted, the steps not",
        control={"select": Gap.at("loss", particles=particles, strength=strength, converted=False)},
    )  # fmt: skip


def remains(particles: int, strength: float, gap: float):
    """Return the claim on the gap at the iteration 1000."""
    return claim(
        f"gap_{particles}_{strength:g}", f"m = {particles}, λ = {strength:g}: log10 of the gap at the iteration 1000",
        reading(round(float(np.log10(gap)), 3), 0.01, PAPER), checks.single,
        select=Gap.at("loss", particles=particles, strength=strength, converted=True), value=log_gap,
        what="log10 gap", wrong="the penalty converted, the steps not",
        control={"select": Gap.at("loss", particles=particles, strength=strength, converted=False)},
    )  # fmt: skip


def shaded(name: str, statement: str, level: int, m: tuple[int, ...], ratio: tuple[float, ...]):
    """Return the claim on a shade, one of 256, of the figure of success."""
    return claim(
        name, statement, reading((level + 0.5) / 256, 0.5 / 256, PAPER), shade,
        select=Success.at("loss", drawn="author", converted=True, strength=0.3, alpha=0.002), m=m, ratio=ratio,
        wrong="J itself, from which no least value is taken off", control={"excess": nothing_taken_off},
    )  # fmt: skip


GAPS = (
    *(closes(3, strength, at) for strength, at in ((0.0, 140.7), (1.0, 141.0), (4.0, 143.2))),
    closes(4, 4.0, 648.6),
    closes(100, 4.0, 731.7),
    remains(100, 0.0, 0.0250),
    remains(4, 0.0, 0.0155),
    remains(100, 1.0, 6.84e-4),
    remains(4, 1.0, 3.50e-4),
)
SHADES = (
    shaded("share_5", "β = α: mean excess at m = 5 over the largest", 77, (5,), (1.0,)),
    shaded("share_6", "β = α: mean excess at m = 6 over the largest", 70, (6,), (1.0,)),
    shaded("share_7", "β = α: mean excess at m = 7 over the largest", 2, (7,), (1.0,)),
    shaded("share_8_to_10", "all β: largest mean excess at m = 8, 9, 10 over that of all", 1, (8, 9, 10), RATIOS),
    shaded("slow_share_5", "β = α/16: mean excess at m = 5 over the largest", 65, (5,), RATIOS[-1:]),
)

PUBLISHED = (
    PublishedFigure(
        "gap",
        "In two dimensions the gap closes exponentially for λ > 0, at a rate that hardly depends on m once m > 3.",
        (Gap,),
        tuple(one.name for one in GAPS),
        "All of it: the author's script cvgce_deconv2D.jl; values from the lines of his cvgce_deconv2D_loss.pdf, which "
        "are thinned out to 4 to 24 points each.",
        "Nothing.",
    ),
    PublishedFigure(
        "success",
        "Five spikes in one dimension are found from m = 7 particles on, however slowly they move.",
        (Success,),
        tuple(one.name for one in SHADES),
        "All of it, with the seed of the instances: the author's script success_deconv1D.jl; values from the shades of "
        "his success_deconv1D.pdf, of which there are 256.",
        "Nothing; that the instances are those of Julia's generator before version 1.7 was found by trying. The table "
        "is that of these ten: over ten fresh instances the share at m = 5 is .10 to .82 in nine of ten draws.",
    ),
)

STUDY = Study(
    name="chizat2019sparse",
    group="published",
    summary="Chizat (2019): sparse deconvolution in one and two dimensions by conic particle descent",
    experiments=(Gap, Success),
    claims=(*GAPS, *SHADES),
    published=PUBLISHED,
)

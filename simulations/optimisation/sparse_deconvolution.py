"""Sparse deconvolution by particles that move and grow: from where do they find all spikes, and how fast.

Chizat (2019): spikes on the torus are seen through their first Fourier modes, with noise, and recovered by minimising
½|∫φ dν − y|² + λ|ν| over measures. Conic particle descent does so with particles of fixed signs: masses change by
mirror steps, positions by gradient steps. With enough particles all over the torus it ends in the global optimum, which
a dual certificate proves; near a non-degenerate one it converges exponentially, at rates that do not depend on how many
particles there are.

There are two experiments. `uniform`: particles from all over the torus, in one and two dimensions, for many and few
particles, with moves and signs taken away as controls. `local`: particles near the optimum, every mode excited, at
several m. The optimum is found by Newton's method, apart from the particles; instances are screened on its predicted
rates before any particle moves, and `tried` counts those that were looked at.
"""

from abc import abstractmethod
from functools import cached_property, partial

import numpy as np

import meanfield as mf
from simulations.optimisation import sparse_modes as modes
from simulations.optimisation.sparse_spikes import Deconvolution, Instance, masses, slowest
from simulations.optimisation.spikes import SCENE, Spikes
from simulations.records.record import Record, Select, narrowest, widest
from simulations.study.animation import Animation
from simulations.study.experiment import grid
from simulations.study.parameters import choice, count, flag, number
from simulations.study.simulation import Setup
from simulations.study.study import Study, claim
from simulations.verdicts import checks
from theory.prediction import Prediction

LOOKS = 4
"""Gaps are certified at the last time and every so many times before it."""

SHOWN = 64
"""Up to this many particles, a record keeps their paths."""

PLANE = {"dimension": 2, "order": 2, "spikes": 3, "separation": 0.3}
WEAK = {"strength": 0.02, "growth": 0.02, "transport": 1e-4, "steps": 30_000}
FEW = (5, 6, 8, 10, 12, 14, 20, 40, 100)


class Descent(Deconvolution):
    """Conic descent from some start; of where all its particles are, a record keeps what is said of it."""

    dimension: int = count(1, "d", "dimension of the torus [0, 1)^d", at_most=2)
    positive: bool = flag(False, "whether all true weights are positive; if not, signs alternate")
    growth: float = number(0.05, "α", "a mass changes by exp(−4αJ') a step", unit="1 / output units²", above=0)
    transport: float = number(5e-4, "β", "a position moves by −β∇J' a step", unit="period² / output units²", above=0)
    steps: int = count(3000, "", "steps")
    folds: float = number(15.0, "", "e-folds by which theory's slowest mode falls in these steps, at least", above=0)

    @cached_property
    def one(self) -> Instance:
        return self.screened(self.growth, self.transport, self.steps, self.folds)

    @abstractmethod
    def start(self) -> mf.Particles:
        """Return the particles at time zero."""

    @abstractmethod
    def flow(self) -> mf.Flow:
        """Return the flow that they follow."""

    def setups(self):
        times = np.unique(np.concatenate([[0.0], np.rint(np.geomspace(1, self.steps, 40))]))
        watched = {"positions": mf.Positions(), "masses": masses}
        return {"descent": Setup(self.objective(self.one), self.start(), self.flow(), times, watched)}

    def excess(self, run: mf.Trajectory) -> dict[str, np.ndarray]:
        """Return the times of a run, and J − min J at them."""
        excess = modes.excess(self.one.optimum, run.values["masses"], run.values["positions"])
        return {"times": run.times, "excess": excess}

    def theory(self):
        """Return min J, its spikes beside the true ones, the slowest rate (1 / step) and what the grid leaves open."""
        one, rate = self.one, slowest(self.one, self.growth, self.transport)
        spikes = {"truth": one.truth, "found": one.found, "y": one.problem.y}
        return {"least": one.optimum.value, "slowest": rate, "floor": one.floor, "tried": one.tried, **spikes}


class Uniform(Descent):
    """Particles from all over the torus, of mass 1 in all."""

    signs: str = choice("both", "signs of the particles", among=("both", "plus"))
    moving: bool = flag(True, "whether particles move; if not, only masses change")
    growth: float = number(0.15, "α", "a mass changes by exp(−4αJ') a step", unit="1 / output units²", above=0)
    steps: int = count(1000, "", "steps")
    sizes = grid(
        smoke=[
            {"particles": (6, 24), "seeds": 20},
            {"particles": 24, "moving": False, "seeds": 20},
            {**PLANE, "signs": ("both", "plus"), "growth": 0.2, "transport": 0.01, "steps": 500, "seeds": 20},
        ],
        default=[
            {"particles": FEW, "seeds": 64},
            {"particles": 24, "moving": False, "seeds": 24},
            {**WEAK, "particles": 60, "seeds": 32},
            {**PLANE, "growth": 0.1, "transport": 0.005, "particles": (3, 4, 8, 16, 100), "seeds": 64},
            {**PLANE, "growth": 0.1, "transport": 0.005, "particles": 24, "signs": "plus", "seeds": 24},
        ],
        # The paper's own settings, in its units, are the study chizat2019sparse.
        large=[
            {"particles": FEW, "seeds": 200},
            {"particles": 24, "moving": False, "seeds": 60},
            {**WEAK, "particles": (6, 8, 10, 14, 20, 60, 100), "seeds": 40},
            {**PLANE, "growth": 0.1, "transport": 0.005, "particles": (3, 4, 8, 16, 100), "seeds": 200},
            {**PLANE, "growth": 0.1, "transport": 0.005, "particles": 24, "signs": "plus", "seeds": 60},
        ],
    )

    def start(self):
        return self.lattice(1 if self.signs == "plus" else 2)

    def flow(self):
        return mf.ConicFlow(1.0, self.growth, self.transport if self.moving else 0.0, signed=True)

    def measure(self, runs):
        """Compute excess over time, certified gaps at every `LOOKS`-th time, and paths."""
        run, problem = runs["descent"], self.one.problem
        mass, place = run.values["masses"], run.values["positions"]
        late = [(p * at[:, 0], at[:, 1:]) for p, at in zip(mass[::-LOOKS], place[::-LOOKS], strict=True)][::-1]
        paths = {"positions": place, "masses": mass} if self.particles <= SHOWN else {}
        return self.excess(run) | paths | {
            "gap": np.array([problem.gap(*pair, self.side) for pair in late]),
            "naive_gap": np.array([problem.gap(*pair, self.side, feasible=False) for pair in late]),
        }  # fmt: skip


class Local(Descent):
    """Particles near the optimum."""

    folds: float = number(1.0, "", "e-folds by which theory's slowest mode falls in these steps, at least", above=0)
    steps: int = count(400, "", "steps")
    offset: float = number(
        1e-4, "", "size of the perturbation", unit="share of the weights, and of 1/(2π order)", above=0, at_most=0.1
    )
    metric: str = choice(
        "mass",
        "mass (the conic metric) or plain (α/m and β/m: gradient descent on all r_j and θ_j)",
        among=("mass", "plain"),
    )
    sizes = grid(
        smoke={"particles": (6, 12, 24), "metric": ("mass", "plain"), "seeds": 20},
        default=[
            {"particles": (6, 12, 24, 100, 1000), "seeds": 64},
            {"strength": 0.02, "steps": 4000, "seeds": 64},
            {"particles": (6, 12, 24), "metric": "plain", "seeds": 24},
        ],
        large=[
            {"particles": (6, 12, 24, 100, 1000, 10_000), "seeds": 200},
            {"particles": (6, 12, 24), "metric": "plain", "seeds": 60},
        ],
    )

    def refusal(self):
        if self.particles < self.spikes:
            return f"particles={self.particles}: expected at least one particle for each of {self.spikes} spikes."
        return super().refusal()

    @cached_property
    def clusters(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Sign and place, mass, and cluster of all particles."""
        setting = self.particles, self.growth, self.transport, self.offset, self.side
        # Drawn anew at every m: what signs of the modes do to a rate at this offset is noise, and not to be repeated.
        return modes.local_start(self.one.optimum, *setting, self.generator(f"start of {self.particles}"))

    def start(self):
        return mf.Particles(*self.clusters[:2])

    def flow(self):
        share = self.particles if self.metric == "plain" else 1
        return mf.ConicFlow(1.0, self.growth / share, self.transport / share, signed=True)

    def measure(self, runs):
        """Compute excess over time, and predicted and measured rates."""
        run, setting = runs["descent"], (self.one.optimum, self.growth, self.transport, self.side)
        return self.excess(run) | modes.measured(*setting, self.clusters[2], run)


def with_modes(family: str, metric: str = "mass") -> Select:
    """Return the selection of local runs with particles to spare for this family."""
    return Local.at("spread_rates", metric=metric).where(lambda record: len(record[f"{family}_rates"]) > 0)


def enough_folds(folds: float) -> bool:
    """Return True for a screen that leaves time to converge, as that of these sizes does."""
    return folds >= 15


def ratio(family: str, record: Record) -> float:
    """Return measured over predicted rate, on average over all modes of a family."""
    predicted, measured = record[f"{family}_rates"].T
    return float(np.mean(measured / predicted))


def over_half_spread(record: Record) -> float:
    """Return the same of variances, which fall by (1 − βh)² a step, predicted for half of β."""
    predicted, measured = record["spread_rates"].T
    return float(np.mean(measured / (-2 * np.log1p(np.expm1(-predicted / 2) / 2))))


def log_excess(name: str, record: Record) -> np.ndarray:
    """Return log(measured/predicted J − min J) at the times at which rounding can't be seen."""
    resolved = record["predicted_excess"].sum(axis=0) > 1e4 * np.finfo(float).eps * record["least"]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log(record["excess"] / record[name].sum(axis=0))
    return ratio[resolved]


def collective_rate(record: Record) -> float:
    """Return the geometric mean of the measured rates of all collective modes (1 / step)."""
    return float(np.exp(np.mean(np.log(record["collective_rates"][:, 1]))))


def certified(record: Record) -> bool:
    """Return True if the gap that is certified at the end is within twice what the grid leaves open."""
    return bool(record["gap"][-1] <= 2 * record["floor"])


def gap_over_excess(name: str, record: Record) -> np.ndarray:
    """Return gap / excess, of the gap of that name, at the times at which rounding of J can't be seen in the excess."""
    excess = record["excess"][::-LOOKS][::-1]
    seen = excess > 1e6 * np.finfo(float).eps * record["least"]
    return record[name][seen] / excess[seen]


local, plain = Local.at("spread_rates", metric="mass"), Local.at("spread_rates", metric="plain")
line = partial(Uniform.at, "gap", dimension=1, moving=True, signs="both", strength=0.1, spikes=5, folds=enough_folds)
plane = partial(Uniform.at, "gap", dimension=2)

WHOLE = "non-degenerate optimum, linearised steps of any size, every m"
ONE = partial(Prediction, 1.0, "=")
PLAIN = "plain gradient descent, without the factor m"
OBSERVED = Prediction(
    0.5, ">=", "screened instances; observed: theory says only that all are solved as m → ∞", "meanfield"
)
CLAIMS = (
    claim(
        "collective", "clusters: distance to the spikes falls by 1 − κ a step, κ of diag(4α|w|, β/|w|)·∇²J",
        ONE(WHOLE, "chizat2022sparse"), checks.mean,
        select=local, value=partial(ratio, "collective"), what="measured / predicted rate",
        wrong="2α for 4α", control={"value": partial(ratio, "half_metric")},
    ),
    claim(
        "spread", "within a cluster: variances fall by (1 − βh)² a step, h of ∇²J'(x)",
        ONE(WHOLE, "chizat2022sparse"), checks.mean,
        select=with_modes("spread"), value=partial(ratio, "spread"), what="measured / predicted rate",
        wrong="β/2 for β", control={"value": over_half_spread},
    ),
    claim(
        "far", "far particles: masses fall by exp(−4αJ'(x)) a step at the minima of J'",
        ONE(WHOLE, "chizat2022sparse"), checks.mean,
        select=with_modes("far"), value=partial(ratio, "far"), what="measured / predicted rate",
        wrong=PLAIN, control={"select": with_modes("far", metric="plain")},
    ),
    claim(
        "excess", "J − min J over time is the sum of the three families",
        Prediction(0.0, "=", WHOLE, "meanfield"), checks.mean,
        select=local, value=partial(log_excess, "predicted_excess"), what="log(measured / predicted excess)",
        widest=0.2, wrong="2α for 4α", control={"value": partial(log_excess, "half_metric_excess")},
    ),
    claim(
        "width", "the local rate does not depend on m", Prediction(0.0, "slope", WHOLE, "chizat2022sparse"),
        checks.slope,
        select=local, x="particles", value=collective_rate,
        widest=0.2, wrong=PLAIN, control={"select": plain},
    ),
    claim(
        "certificate", "the certified gap is never below the excess, at no time of no run: least of gap / excess",
        Prediction(1.0, ">=", "λ > 0, any measure", "ehlich1964schwankung"), checks.least,
        select=Uniform.at("gap"), value=partial(gap_over_excess, "gap"), what="gap / excess",
        wrong="residual as dual point, not made feasible", control={"value": partial(gap_over_excess, "naive_gap")},
    ),
    claim(
        "enough_particles", "m ≥ 14 particles do for 5 spikes: share of instances solved", OBSERVED, checks.share,
        select=line(particles=range(14, 1001)), value=certified, what="certified instances",
        wrong="the smallest m", control={"select": narrowest(line())},
    ),
)  # fmt: skip

SANITY = (
    claim(
        "recovery", "the global optimum from all over the torus, certified: share of instances", OBSERVED, checks.share,
        select=widest(line()), value=certified, what="certified instances",
        wrong="particles do not move", control={"select": Uniform.at("gap", dimension=1, moving=False)},
    ),
    claim(
        "recovery_plane", "the same in two dimensions", OBSERVED, checks.share,
        select=widest(plane(signs="both", folds=enough_folds)), value=certified, what="certified instances",
        wrong="one sign only", control={"select": plane(signs="plus")},
    ),
)  # fmt: skip

STUDY = Study(
    "sparse_deconvolution",
    "optimisation",
    "spikes found by particles that move and grow, certified, and at the rates that theory predicts",
    experiments=(Uniform, Local),
    claims=CLAIMS,
    sanity=SANITY,
    animation=Animation(Spikes, SCENE),
)

"""On-line learning of a committee: a few overlaps tell all, up to fluctuations of 1/√d.

Saad & Solla (1995): a student of K hidden neurons that sees every sample once follows closed equations for its overlaps
as d → ∞. First it is stuck on a plateau where its neurons are all alike; then noise decides who takes which teacher.

Two experiments. `apart`: students that lean to their teachers from the start, along d. `plateau`: students at the
symmetric fixed point, which they leave by the noise of their samples alone.
"""

from abc import abstractmethod
from dataclasses import replace
from functools import cached_property, partial

import jax.numpy as jnp
import numpy as np
from scipy.special import erf

import meanfield as mf
from simulations.limits import committee_order_parameters as order
from simulations.records.record import Record
from simulations.study.experiment import grid
from simulations.study.parameters import count, number
from simulations.study.simulation import Setup, Simulations
from simulations.study.study import Study, claim
from simulations.verdicts import checks
from theory.order_parameters import Committee
from theory.prediction import Prediction

ROUND = 96
"""Inputs are filled up to a multiple of so many with zeros, so that one program serves several d."""

ON_PLATEAU = 20.0
"""When the plateau is looked at (samples over d): noise has grown, and has not yet ended it."""

APART = np.array([0.0, 0.0, 0.0, 1.0, -1.0, -1.0, 1.0]) / 2
"""What tells the teachers of two neurons apart, as a linear function of the state."""


def until(times: np.ndarray, time: float) -> int:
    """Return the last observation up to that time."""
    return int(np.searchsorted(times, time + 1e-9) - 1)


class Committees(Simulations):
    """Students that start at the same overlaps and see samples of their own."""

    precision = "float32"
    dimension: int = count(200, "d", "inputs, at least twice the neurons")
    neurons: int = count(2, "K", "hidden neurons of the student, and of the teacher")
    rate: float = number(1.0, "η", "learning rate: w ← w + (η/d) δ x", above=0)
    time: float = number(4.0, "T", "samples seen, over d", above=0, batched=False)
    replicas: int = count(32, "R", "independent students", at_least=2)
    tested: int = count(1000, "", "test inputs, common to the students of a run")

    def refusal(self):
        if self.dimension < 2 * self.neurons:
            return f"dimension={self.dimension}: expected at least {2 * self.neurons}, twice the neurons."
        if self.time * self.dimension < 1:
            return f"time={self.time:g}: shorter than one sample; expected at least {1 / self.dimension:g}."
        return None

    def without_plateau(self) -> str | None:
        """Return the sentence for a learning rate at which these students have no plateau, None where they have one."""
        try:
            self.pair.plateau()
        except ValueError:
            return f"rate={self.rate:g}: expected one at which {self.neurons} neuron(s) have a plateau."
        return None

    @property
    @abstractmethod
    def initial(self) -> np.ndarray:
        """The overlaps at the start."""

    @property
    def pair(self) -> Committee:
        return order.committee(self.neurons, self.rate)

    @cached_property
    def seen(self) -> np.ndarray:
        """When overlaps are looked at: thirteen times, in units of d samples."""
        return np.unique(np.rint(np.linspace(0, self.time, 13) * self.dimension)) / self.dimension

    def setups(self):
        # The engine descends ½ (f − y)²/α² in f = (α/K) Σ_i erf(w_i·x/√2). With α = K its velocity is δ_i x/K, and
        # steps of h = K η/d are the ones of the committee; d of them are a time of K η.
        k, d, filled = self.neurons, self.dimension, -(-self.dimension // ROUND) * ROUND
        x = np.pad(self.generator(f"tests of {d} inputs").normal(size=(self.tested, d)), [(0, 0), (0, filled - d)])
        tests = x.astype(np.float32), erf(x[:, :k] / np.sqrt(2)).sum(axis=1).astype(np.float32)
        problem = mf.Objective(order.HiddenNeuron(), mf.Square(), *tests, scale=float(k))
        start = mf.Particles(order.students(self.pair, self.initial, filled).astype(np.float32))
        fresh = order.FreshSamples(k, jnp.asarray(np.arange(filled) < d, jnp.float32))
        flow = mf.SGD(k * self.rate / d, 1, sampler=fresh)
        one = Setup(problem, start, flow, self.seen * k * self.rate, {"overlaps": order.overlaps, "error": order.error})
        return {"students": [one] * self.replicas}

    def measure(self, runs):
        """Collect states [R, T, s] and, on test inputs, generalisation errors [R, T] of all students."""
        seen = {name: np.stack([run.values[name] for run in runs["students"]]) for name in ("overlaps", "error")}
        return {"times": self.seen, **seen}


class Apart(Committees):
    """Students that lean to their teachers from the start."""

    sizes = grid(
        smoke={"dimension": (48, 96, 192), "replicas": 64, "seeds": 9},
        default={"dimension": (96, 192, 384, 768), "replicas": 96, "seeds": 8},
        large={"dimension": (192, 480, 960, 1920, 4800), "replicas": 256, "seeds": 10},
    )

    @property
    def initial(self):
        return order.apart(self.neurons)

    def theory(self):
        """Limit, first order in 1/d and covariance of the state; the mean error with its first order in 1/d.

        Beside it limit and error without the terms in η², which are wrong.
        """
        of = self.neurons, self.rate, tuple(self.initial), tuple(self.seen)
        found, wrong = order.expansion(*of), order.without_noise(*of)
        return {
            "limit": found.limit,
            "shift": found.shift,
            "covariance": found.covariance,
            "mean_error": found.mean(self.pair.error, self.dimension),
            "wrong_limit": wrong,
            "wrong_mean_error": replace(found, limit=wrong).mean(self.pair.error, self.dimension),
        }


class Plateau(Committees):
    """Students at the symmetric fixed point, all alike."""

    rate: float = number(1.25, "η", "learning rate: w ← w + (η/d) δ x", above=0)
    time: float = number(80.0, "T", "samples seen, over d", above=0, batched=False)
    sizes = grid(
        smoke=[
            {"dimension": 48, "time": 20.0, "replicas": 128, "seeds": 10},
            {"dimension": 48, "replicas": 32, "seeds": 5},
        ],
        default=[
            {"dimension": 192, "time": 20.0, "replicas": 384, "seeds": 12},
            {"dimension": 192, "replicas": 96, "seeds": 8},
        ],
        large=[
            {"dimension": 960, "time": 20.0, "replicas": 1024, "seeds": 16},
            {"dimension": 960, "replicas": 256, "seeds": 10},
        ],
    )

    def refusal(self):
        return self.without_plateau() or super().refusal()

    @property
    def initial(self):
        return self.pair.plateau()

    def theory(self):
        """The mean error on the plateau with its first order in 1/d, and the height of the plateau for η → 0.

        Of two neurons also the variance of what tells teachers apart, and what the noise of all steps would add up to
        without amplification, which is wrong.
        """
        k, soon, late = self.neurons, *(self.seen[until(self.seen, time)] for time in (ON_PLATEAU / 2, ON_PLATEAU))
        height = k / np.pi * (np.pi / 6 - k * np.arcsin(1 / (2 * k)))
        known = {"small_rate_error": np.array(height)}
        if soon > 0:
            of = k, self.rate, tuple(self.initial)
            known["mean_error"] = order.expansion(*of, (0.0, soon / 50, soon)).mean(self.pair.error, self.dimension)[-1]
            if k == 2:
                covariance = order.expansion(*of, (0.0, late / 50, late)).covariance / self.dimension
                variance = np.einsum("tij,i,j->t", covariance, APART, APART)
                known |= {"variance": variance[2], "wrong_variance": 50 * variance[1]}
        return known


def error_ratio(record: Record, name: str = "mean_error") -> float:
    """Return the mean generalisation error at the end, over that of the equations with their first order in 1/d."""
    return float(record["error"][:, -1].mean() / record[name][-1])


def overlap_change(record: Record, name: str = "limit") -> float:
    """Return ⟨ΔX̄, ΔE X⟩/|ΔE X|² of the changes of the mean overlaps from the start, at all times: one, if E X is right.

    E X is the limit of that name with its first order in 1/d.
    """
    mean = record["overlaps"].astype(float).mean(axis=0)
    seen, exact = (part[1:] - mean[0] for part in (mean, record[name] + record["shift"] / record["dimension"]))
    return float(np.sum(seen * exact) / np.sum(exact**2))


def fluctuation_ratio(record: Record, rate: float | None = None) -> float:
    """Return d (X − X̄)'Σ⁻¹(X − X̄)/s at the end, mean over replicas: one; or with the Σ of another learning rate."""
    state, covariance = record["overlaps"][:, -1].astype(float), record["covariance"]
    if rate is not None:
        at = tuple(record["limit"][0]), tuple(record["times"])
        covariance = order.expansion(record["neurons"], rate, *at).covariance
    gap = state - state.mean(axis=0)
    squares = np.sum(gap * np.linalg.solve(covariance[-1], gap.T).T)
    return record["dimension"] * float(squares) / ((len(state) - 1) * gap.shape[1])


def plateau_height(record: Record, name: str = "mean_error") -> float:
    """Return the mean generalisation error on the plateau over that of its fixed point."""
    return float(record["error"][:, until(record["times"], ON_PLATEAU / 2)].mean() / record[name])


def symmetry_breaking(record: Record, name: str = "variance") -> float:
    """Return d Σ_r S_r²/R Σ_S on the plateau, S what tells the teachers of two neurons apart, of mean zero."""
    seen = record["overlaps"][:, until(record["times"], ON_PLATEAU)].astype(float) @ APART
    return float(np.mean(seen**2) / record[name])


def specialised(record: Record, time: float = np.inf) -> np.ndarray:
    """Return which replicas have one student for each teacher, at an angle of cosine above 0.8."""
    k, state = record["neurons"], record["overlaps"][:, until(record["times"], time)].astype(float)
    q, r = order.committee(k, record["rate"]).unpack(state)
    cosines = r / np.sqrt(np.diagonal(q, axis1=1, axis2=2))[:, :, None]
    favourite = np.sort(cosines.argmax(axis=2), axis=1)
    return (favourite == np.arange(k)).all(axis=1) & (cosines.max(axis=2) > 0.8).all(axis=1)


def several(record: Record) -> bool:
    """Return True if a run has replicas enough for a variance, and inputs enough for an expansion in 1/d."""
    return record["replicas"] >= 8 and record["dimension"] >= 10 * record["neurons"]


apart = Apart.at("overlaps").where(several)
plateau = Plateau.at("overlaps", "variance", neurons=2).where(several)
plateau = plateau.where(lambda record: record["time"] >= ON_PLATEAU)
at_once, left = plateau.where(replicas=max), plateau.where(lambda record: record["time"] * record["rate"] >= 100)
"""Runs for the equations in time; of two neurons that start on the plateau, and stay there for a while; with the most
students, for what is of noise alone; and with time to leave the plateau.
"""

SOURCE = "saad1995online"
EQUATIONS = Prediction(1.0, "=", "erf committees, Gaussian inputs, mean to first order in 1/d", SOURCE)
COVARIANCE = Prediction(1.0, "=", "covariance Σ/d of the overlaps, to first order in 1/d", "kampen2007stochastic")
HEIGHT = Prediction(1.0, "=", "fixed point of students that are all alike, K = M, orthogonal teachers", SOURCE)
NOISE = Prediction(1.0, "=", "linearised at the plateau, before it is left", "kampen2007stochastic")
PERMUTED = Prediction(0.5, ">=", "K = M, after the plateau", SOURCE)

CLAIMS = (
    claim(
        "error", "generalisation error at the end over that of the equations, first order in 1/d included",
        EQUATIONS, checks.mean,
        select=apart, value=error_ratio, what="ε_g / prediction",
        wrong="no terms in η²", control={"value": partial(error_ratio, name="wrong_mean_error")},
    ),
    claim(
        "overlaps", "change of the mean overlaps along that of the equations, first order in 1/d included",
        EQUATIONS, checks.mean,
        select=apart, value=overlap_change, what="⟨ΔX̄, ΔE X⟩ / |ΔE X|²",
        wrong="no terms in η²", control={"value": partial(overlap_change, name="wrong_limit")},
    ),
    claim(
        "fluctuations", "covariance of the overlaps over the predicted one", COVARIANCE, checks.mean,
        select=apart, value=fluctuation_ratio, what="d |X − X̄|² in the metric Σ⁻¹, over its mean",
        wrong="the covariance of half the learning rate", control={"value": partial(fluctuation_ratio, rate=0.5)},
    ),
    claim(
        "plateau", "height of the plateau over that of its fixed point, first order in 1/d included", HEIGHT,
        checks.mean,
        select=plateau, value=plateau_height, what="ε_g at t ≤ 10 / prediction",
        wrong="the height for η → 0", control={"value": partial(plateau_height, name="small_rate_error")},
    ),
    claim(
        "symmetry_breaking", "the plateau amplifies noise: variance of what tells teachers apart, over prediction",
        NOISE, checks.mean,
        select=at_once, value=symmetry_breaking, what="d E S²/Σ_S at t ≤ 20",
        wrong="noise that adds up and is not amplified",
        control={"value": partial(symmetry_breaking, name="wrong_variance")},
    ),
)  # fmt: skip

SANITY = (
    claim(
        "specialisation", "after the plateau each student has a teacher of its own", PERMUTED, checks.share,
        select=left, value=specialised, what="one-to-one with cosines above 0.8 at the end",
        wrong="on the plateau, t = 20", control={"value": partial(specialised, time=ON_PLATEAU)},
    ),
)  # fmt: skip

STUDY = Study(
    name="online_learning",
    group="limits",
    summary="a committee that learns on-line follows the equations of its overlaps; noise of 1/√d ends the plateau",
    experiments=(Apart, Plateau),
    claims=CLAIMS,
    sanity=SANITY,
)

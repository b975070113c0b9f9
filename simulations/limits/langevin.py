"""Mean-field Langevin dynamics: noisy gradient descent, the law of its particles, and what finitely many of them add.

Noise of temperature τ turns training into a gradient flow of the free energy F + τ ∫ μ log μ, which has one minimum,
the Gibbs measure of its own first variation, and falls to it exponentially (Mei, Montanari & Nguyen 2018; Chizat 2022;
Nitanda, Wu & Suzuki 2022). m particles stay within O(1/m) of it, in squared distance and in bias, for all times (Chen,
Ren & Wang 2022).

Everything is compared with exact laws of the discrete steps, so that no claim hides a bias of h. In the plane, with
linear units, every moment is known at every m. On the line, with tanh units at one temperature, so is the exact law and
its first correction in 1/m. Two wells, and a start in the worse one, ask for a temperature that falls.
"""

from dataclasses import replace
from functools import cached_property, partial

import jax
import numpy as np

import meanfield as mf
from simulations.limits import deviations_from_laws as measure
from simulations.limits import laws_on_the_line as laws
from simulations.limits import noisy_networks as networks
from simulations.limits.diffusion import SCENE, Diffusion
from simulations.limits.mirror_images import OnTheLine, stops
from simulations.records.record import between, narrowest, widest
from simulations.study.animation import Animation
from simulations.study.experiment import grid
from simulations.study.parameters import count, number
from simulations.study.simulation import Simulation
from simulations.study.study import Study, claim
from simulations.verdicts import checks
from theory import linear_langevin
from theory.prediction import Prediction

SAMPLES, MEAN, DEVIATION = 20, np.array([2.0, -1.0]), 1.0
"""In the plane: samples (count), and mean and deviation of the initial particles."""

HOT, COLD = 0.5, 0.05
"""Temperatures with two wells: the one from which it falls, and the last."""


class Plane(Simulation):
    """Networks of linear units in the plane."""

    temperature: float = number(0.3, "τ", "temperature", unit="objective", above=0)
    strength: float = number(0.5, "λ", "in the penalty λ|θ|²/2", unit="objective / parameter²", above=0)
    step: float = number(0.4, "h", "step", unit="mean-field time", above=0)
    time: float = number(16.0, "T", "final time", unit="mean-field time", at_least="step", batched=False)
    particles: int = count(10, "m", "particles of a network")
    replicas: int = count(200, "", "networks in a run", at_least=2)
    precision = "float32"
    sizes = grid(
        smoke=[{"particles": (10, 100), "seeds": 7}, {"particles": 1000, "replicas": 30, "seeds": 7}],
        default=[
            {"particles": (10, 100), "replicas": 1000, "seeds": 10},
            {"particles": 1000, "seeds": 10},
        ],
        large=[
            {"particles": (10, 100), "replicas": 10000, "seeds": 20},
            {"particles": 1000, "replicas": 1000, "seeds": 20},
            {"particles": 10000, "replicas": 100, "seeds": 20},
        ],
    )

    @cached_property
    def data(self) -> tuple[np.ndarray, np.ndarray]:
        random = self.generator("samples in the plane")
        return random.normal(size=(SAMPLES, 2)), random.normal(size=SAMPLES)

    def key(self, name: str) -> jax.Array:
        """Return the key of a stream for this number of particles: runs that differ in it are independent."""
        return super().key(f"{name} of {self.particles} particles")

    def problem(self):
        return networks.side_by_side(self.replicas, networks.linear, *self.data, self.strength)

    def start(self):
        normal = self.generator(f"start of {self.particles} particles").normal(size=(self.particles, 2 * self.replicas))
        return mf.Particles(np.tile(MEAN, self.replicas) + DEVIATION * normal)

    def flow(self):
        return mf.Langevin(self.step, self.temperature)

    def times(self):
        return stops(self.step, self.time) * self.step

    def observe(self):
        return {"means": networks.cloud_means, "within": networks.cloud_covariance}

    def theory(self, start):
        """Mean and spread of a cloud, m times the variance of its mean, at the observed and at all steps."""
        setting, law = (*self.data, self.strength, self.temperature), {"mean": MEAN, "deviation": DEVIATION}
        seen = stops(self.step, self.time)
        every = linear_langevin.discrete(*setting, self.step, np.arange(seen[-1] + 1), **law)
        continuous = linear_langevin.continuous(*setting, seen * self.step, **law)
        return {
            "exact_mean": every.mean[seen],
            "exact_spread": every.spread[seen],
            "exact_fluctuation": every.fluctuation[seen],
            "continuous_mean": continuous.mean,
            "continuous_spread": continuous.spread,
            "path_spread": every.spread,
            "path_fluctuation": np.trace(every.fluctuation, axis1=1, axis2=2) / 2,
        }


class Line(OnTheLine):
    """Two neurons to be found at one temperature."""

    targets = laws.NEURONS
    sizes = grid(
        smoke=[{"particles": 8, "replicas": 3000, "seeds": 7}, {"particles": 64, "seeds": 7}],
        default=[
            {"particles": 32, "replicas": 16000, "seeds": 10},
            {"particles": 128, "replicas": 4000, "seeds": 10},
            {"particles": 512, "replicas": 1000, "seeds": 10},
        ],
        large=[
            {"particles": (32, 64), "replicas": 160_000, "seeds": 20},
            {"particles": 256, "replicas": 40_000, "seeds": 20},
            {"particles": 1024, "replicas": 10_000, "seeds": 20},
        ],
    )

    def theory(self, stops):
        return laws.at_one_temperature(self.descent, self.particles, stops)


class Wells(OnTheLine):
    """Two wells, and a start in the worse one, at a constant temperature."""

    temperature: float = number(COLD, "τ", "temperature", unit="objective", above=0)
    time: float = number(12.0, "T", "final time", unit="mean-field time", at_least="step")
    targets = laws.WELLS
    sizes = grid(
        smoke={"seeds": 7},
        default={"particles": 512, "replicas": 1000, "seeds": 10},
        large={"particles": 1024, "replicas": 4000, "seeds": 20},
    )

    def theory(self, stops):
        return laws.annealed(self.descent, self.particles, stops, HOT)


class Cooled(Wells):
    """Two wells, and a start in the worse one, at a temperature that falls linearly and then stays."""

    temperature: float = number(HOT, "τ", "temperature at the start", unit="objective", above=0)
    final_temperature: float = number(COLD, "", "temperature in the end", unit="objective", above=0)
    cooling: float = number(10.0, "", "time in which it falls", unit="mean-field time", above=0)

    @property
    def descent(self):
        return replace(super().descent, final_temperature=self.final_temperature, cooling=self.cooling)


MANY = {"replicas": between(29, np.inf), "particles": between(1, np.inf)}
"""Networks enough for a standard error, and particles enough for a covariance within a cloud."""

COMMON = {"temperature": COLD, "strength": 0.25, "step": 0.1, "time": 12.0}
plane, line = Plane.at("means", **MANY), Line.at("exact_mean", **MANY)
cold = Wells.at("exact_mean", **COMMON, **MANY)
cooled = Cooled.at("exact_mean", **COMMON | {"temperature": HOT, "final_temperature": COLD, "cooling": 10.0}, **MANY)

ONE = Prediction(1.0, "=", "linear units, any m and step size h < 2/(λ + λ_max(A))", "meanfield")
LAW = Prediction(
    1.0, "=", "law of the steps and what m particles add, up to O(1/m²); smooth bounded units", "meanfield"
)
LIMIT = Prediction(1.0, "=", "smooth bounded units, m → ∞ at fixed step size and time", "meanfield")
FREE = Prediction(1.0, "=", "the law of the particles, up to O(1/m²)", "meanfield")
DECAY = Prediction(
    1.0, "<=", "convex F; every Gibbs measure on the way has log-Sobolev constant ρ", "nitanda2022convex"
)
ANNEALED = Prediction(0.0, "<=", "two wells, a start in the worse one; exact for m → ∞", "meanfield")

ratio = partial(claim, check=checks.mean, what="ratio")

CLAIMS = (
    ratio(
        "linear_mean", "how far a cloud's mean has moved after the first steps, over its exact law", ONE,
        select=plane, value=measure.mean_moved,
        wrong="the law of continuous time", control={"value": partial(measure.mean_moved, law="continuous")},
    ),
    ratio(
        "linear_fluctuation", "variance of a cloud's mean, m = 10 … 1000, over its exact value", ONE,
        select=plane, value=measure.mean_fluctuation,
        wrong="independent particles", control={"value": partial(measure.mean_fluctuation, independent=True)},
    ),
    ratio(
        "linear_spread", "covariance within a cloud at rest over (1 − 1/m) τ/(λ(1 − hλ/2))", ONE,
        select=plane, value=measure.within_cloud,
        wrong="the Gibbs measure's τ/λ", control={"value": partial(measure.within_cloud, wrong=True)},
    ),
    ratio(
        "law", "how far E f_m has moved along the way, over the exact law of the steps", LAW,
        select=widest(line), value=measure.moved,
        wrong="the law of continuous time", control={"value": partial(measure.moved, law="other")},
    ),
    ratio(
        "fluctuation", "m E|f_m − f|² at all times over its limit", LIMIT,
        select=widest(line), value=measure.fluctuation,
        wrong="independent particles of the same law",
        control={"value": partial(measure.fluctuation, independent=True)},
    ),
    ratio(
        "bias", "m (E f_m − f) at all times over its limit", LIMIT,
        select=narrowest(line), value=measure.bias,
        wrong="the limit in the end for all times", control={"value": partial(measure.bias, late=True)},
    ),
    ratio(
        "free_energy", "free energy above its minimum over that of the exact law, along the way", FREE,
        select=widest(line), value=measure.gap_ratio,
        wrong="twice the entropy", control={"value": partial(measure.gap_ratio, entropy=2.0)},
    ),
    claim(
        "log_sobolev", "free energy above its minimum over the bound of the log-Sobolev constants", DECAY,
        checks.largest,
        select=widest(line), value=measure.gap_over_bound, what="largest ratio",
        wrong="twice the rate at the minimum", control={"value": partial(measure.gap_over_bound, linearised=2.0)},
    ),
    ratio(
        "annealed_law", "how far E f_m has moved at a falling temperature, over the exact law", LAW,
        select=cooled, value=measure.moved,
        wrong="the final temperature throughout", control={"value": partial(measure.moved, law="other")},
    ),
    ratio(
        "annealing", "energy that a falling temperature leaves above the Gibbs measure's, over the exact law", LAW,
        select=cooled, value=measure.energy_left,
        wrong="the final temperature throughout", control={"value": partial(measure.energy_left, constant=True)},
    ),
)  # fmt: skip

SANITY = (
    claim(
        "cooling_wins", "log of the energy left by a falling temperature over that left by the better constant one",
        ANNEALED, checks.mean,
        select=cooled, value=measure.excess, what="log ratio",
        wrong="the final temperature throughout", control={"select": cold},
    ),
)  # fmt: skip

STUDY = Study(
    "langevin",
    "limits",
    "noisy gradient descent against exact laws: Gibbs measures, free energy, what m particles add, annealing",
    experiments=(Plane, Line, Wells, Cooled),
    claims=CLAIMS,
    sanity=SANITY,
    animation=Animation(Diffusion, SCENE),
)

"""A strict saddle is left in a time that is logarithmic in how near one starts, or in the noise; symmetry never.

At θ = 0 the network is zero and its risk critical: starts of size ε leave at T = log(1/ε)/|λ_min| + const, λ_min the
least eigenvalue of m∇²F. The constant is predicted, too, from the path on the unstable manifold. For relu the origin is
no differentiable point: neurons turn to the direction that grows fastest, and its rate takes the place of |λ_min|.
Noise of temperature τ acts as a start of size √(τ/|λ_min|). Where data and neurons are symmetric under a reflection,
descent stays so, and comes to rest at a risk that every small perturbation leads below: but for rounding, for ever.
"""

from functools import cached_property, partial
from typing import Any, ClassVar

import numpy as np

import meanfield as mf
from simulations.optimisation import saddle_data
from simulations.optimisation import saddle_measures as measure
from simulations.optimisation.near_saddle import NearSaddle, size, tilt
from simulations.records.record import between
from simulations.study.experiment import grid
from simulations.study.parameters import choice, count, number
from simulations.study.study import Study, claim
from simulations.verdicts import checks
from theory import saddle_escape
from theory.prediction import Prediction

WIDE: dict[str, Any] = {"particles": 12, "dimension": 5, "samples": 32}
LARGE: dict[str, Any] = {"particles": 100, "dimension": 20, "samples": 200}
DEEP: dict[str, Any] = {"levels": 11, "smallest": 1e-12}


class Flowing(NearSaddle):
    """Experiments on starts that leave by the flow alone, of which exit times are read off the risk."""

    folds: ClassVar[int]
    """They are followed for so many times log(1/ε), of the smallest ε, in units of the time of e-fold growth."""
    every: ClassVar[int]
    """Steps from one observation to the next."""

    def setups(self):
        times, flow = self.times(self.folds * np.log(1 / self.smallest) + 9, self.every), mf.RungeKutta(self.length)
        return {"starts": [self.setup(theta, flow, times) for theta in self.starts]}

    def measure(self, runs):
        starts = runs["starts"]
        risks = np.stack([one.values["risk"] for one in starts])
        return {"sizes": self.epsilon, "times": starts[0].times, "risk": risks, "exit_times": self.exits(starts)}

    def theory(self):
        return self.rates()


class SmallStarts(Flowing):
    """Starts of size ε in one direction."""

    folds, every = 1, 2
    activation: str = choice("tanh", "σ", among=(*saddle_escape.SMOOTH, "relu"))
    name = "small"
    sizes = grid(
        smoke=[{"seeds": 16}, {"activation": "relu", "seeds": 16}],
        default=[
            WIDE | DEEP | {"activation": ("tanh", "linear", "softplus"), "seeds": 24},
            {"particles": 12, "activation": "relu", "seeds": 24} | DEEP,
        ],
        large=[
            LARGE | DEEP | {"activation": ("tanh", "linear", "softplus"), "seeds": 100},
            {"particles": 100, "activation": "relu", "seeds": 100} | DEEP,
        ],
    )

    @property
    def starts(self):
        relu = self.activation == "relu"
        xi = saddle_data.leaning(self.generator("start"), self.saddle, self.particles) if relu else self.normal
        return self.epsilon[:, None, None] * xi

    def theory(self):
        values = self.rates()
        if self.activation == "relu":
            return values
        # Smooth units of odd σ are off by O(ε²) from here, others by O(ε).
        small = 1e-6 if self.activation == "softplus" else 1e-4
        unstable = self.normal @ self.saddle.direction
        amplitude = np.linalg.norm(unstable)
        late = self.from_manifold(small * np.outer(unstable / amplitude, self.saddle.direction))
        exits = late + np.log(small / (self.epsilon * amplitude)) / values["exact_rate"]
        # As if all of the start grew.
        whole = exits - np.log(np.linalg.norm(self.normal) / amplitude) / values["exact_rate"]
        return values | {"exact_exit_times": exits, "whole_exit_times": whole}


class StableStarts(Flowing):
    """Starts of size ε on the stable eigenspace, from which they leave by what is not linear."""

    folds, every = 3, 4
    name = "stable"
    largest: float = number(1e-2, "", "largest ε", unit="parameter units", above=0)
    smallest: float = number(1e-3, "", "smallest ε", unit="parameter units", above=0, below="largest")
    sizes = grid(
        smoke={"seeds": 6},
        default=WIDE | {"smallest": 1e-4, "seeds": 16},
        large=LARGE | {"smallest": 1e-4, "seeds": 40},
    )

    @property
    def starts(self):
        direction = self.saddle.direction * np.append(-1.0, np.ones(self.dimension))
        return self.epsilon[:, None, None] * np.outer(self.normal @ direction, direction)


class Noise(NearSaddle):
    """Linear networks that start at the origin, with Langevin noise of temperature λε²."""

    name = "noise"
    largest: float = number(1e-3, "", "largest ε", unit="parameter units", above=0)
    smallest: float = number(1e-5, "", "smallest ε", unit="parameter units", above=0, below="largest")
    levels: int = count(3, "", "values of ε, evenly spaced in their logarithm", at_least=2)
    replicas: int = count(24, "", "paths of every temperature, of which mean and variance are taken", at_least=2)
    activation: str = choice("linear", "σ", among=("linear",))
    sizes = grid(
        smoke={"replicas": 32, "step": 0.1, "seeds": 16},
        default=WIDE | {"levels": 5, "smallest": 1e-7, "replicas": 128, "seeds": 8},
        large=LARGE | {"levels": 7, "smallest": 1e-9, "replicas": 1000, "seeds": 10},
    )

    @property
    def starts(self):
        return np.zeros((self.levels, self.particles, 1 + self.dimension))

    @cached_property
    def predicted(self) -> dict[str, Any]:
        """The mean exit time of every temperature, its standard deviation, and the rate of a unit with σ'(0) = ½."""
        rate, small, growth = self.saddle.rate, 1e-4, self.rates(order=1)["exact_rate"]
        outer = small * np.outer(np.full(self.particles, self.particles**-0.5), self.saddle.direction)
        mean, variance = saddle_escape.log_chi(self.particles)
        scale = [saddle_escape.noise_amplitude(rate, rate * one**2, self.length) for one in self.epsilon]
        late = self.from_manifold(outer, order=1) + (np.log(small / np.array(scale)) - mean) / growth
        other = saddle_escape.origin_mode(self.saddle.x, self.saddle.y, "softplus").rate
        return {"exact_exit_times": late, "exact_spread": np.sqrt(variance) / growth, "softplus_rate": other}

    def setups(self):
        # Ten deviations later than the mean: of 10⁸ paths none is.
        late = np.max(self.predicted["exact_exit_times"]) + 10 * self.predicted["exact_spread"]
        times, rate = self.times(self.saddle.rate * late, 4), self.saddle.rate
        flows = [mf.Langevin(self.length, rate * one**2) for one in self.epsilon for _ in range(self.replicas)]
        return {"paths": [self.setup(self.starts[0], flow, times) for flow in flows]}

    def measure(self, runs):
        return {"sizes": self.epsilon, "exit_times": self.exits(runs["paths"]).reshape(self.levels, self.replicas)}

    def theory(self):
        return self.rates(order=1) | self.predicted


class Mirror(NearSaddle):
    """Mirrored data, and neurons that are mirror-symmetric but for ε; the last two starts are the origin and exact."""

    name = "mirror"
    dimension: int = count(3, "d", "inputs of a neuron", at_least=2)
    samples: int = count(12, "n", "training samples, a multiple of 4", multiple_of=4)
    largest: float = number(1e-1, "", "largest ε", unit="parameter units", above=0)
    smallest: float = number(1e-6, "", "smallest ε", unit="parameter units", above=0, below="largest")
    levels: int = count(6, "", "starts, of which two have ε = 0", at_least=4)
    sizes = grid(smoke={"seeds": 6}, default=WIDE | {"seeds": 24}, large=LARGE | {"seeds": 100})

    @cached_property
    def saddle(self):
        return saddle_data.mirrored(self.generator("data"), self.samples, self.dimension, self.activation)

    @property
    def starts(self):
        theta = np.repeat(0.5 * self.normal[None], self.levels, axis=0)
        theta[..., -1] *= self.epsilon[:, None]
        theta[-2], theta[-1, :, -1] = 0.0, 0.0
        return theta

    def setups(self):
        times, flow = self.times(40, measure.LOOKS), mf.RungeKutta(self.length)
        return {"starts": [self.setup(theta, flow, times, tilt=tilt, size=size) for theta in self.starts]}

    def measure(self, runs):
        starts = runs["starts"]
        watched = {name: np.stack([one.values[name] for one in starts]) for name in ("risk", "tilt", "size")}
        return {"sizes": self.epsilon, "times": starts[0].times, **watched}

    def theory(self):
        alike = self.saddle.y.reshape(-1, 4)
        least = np.mean((alike - alike.mean(axis=1, keepdims=True)) ** 2) / 2
        return self.rates() | {"exact_symmetric_risk": least}


smooth = SmallStarts.at("exit_times", activation=saddle_escape.SMOOTH).where(measure.near)
kinked = SmallStarts.at("exit_times", activation="relu").where(measure.near)
noisy = Noise.at("exit_times", replicas=between(15, np.inf)).where(measure.near)
"""Small starts of smooth units and of relu units, and starts at the origin with noise, of paths enough for a variance.
"""
stable, mirrored = StableStarts.at("exit_times"), Mirror.at("tilt")


RATE = Prediction(1.0, "=", "ε → 0, a start with a part in the unstable eigenspace", "meanfield")
CONSTANT = Prediction(0.0, "=", "mean over directions, to first order in ε", "meanfield")
RELU = Prediction(1.0, "=", "ε → 0, a neuron that turns to the fastest direction", "meanfield")
NOISY = Prediction(1.0, "=", "τ → 0, linear units, noise of all parameters", "kifer1981exit")
NOISY_TIME = Prediction(0.0, "=", "τ → 0, linear units, all neurons alike but for noise", "meanfield")
SPREAD = Prediction(1.0, "=", "τ → 0, linear units, noise of all parameters", "meanfield")
STUCK = Prediction(1.0, ">=", "a function that does not depend on the mirrored input", "meanfield")

CLAIMS = (
    claim(
        "rate", "smooth units: slope of the exit time in log(1/ε), times |λ_min|", RATE, checks.mean,
        select=smooth, value=measure.local_slope, what="dT/dlog(1/ε) |λ_min|",
        wrong="start on the stable eigenspace", control={"select": stable},
    ),
    claim(
        "time", "smooth units: the exit time itself, from the path on the unstable manifold", CONSTANT, checks.mean,
        select=smooth, value=measure.lateness, what="|λ_min| (T − prediction)",
        widest=0.1, wrong="all of the start grows, not its unstable part",
        control={"value": partial(measure.lateness, name="whole_exit_times")},
    ),
    claim(
        "relu", "relu units: slope times max_u |(1/n) Σ y relu(u·x)|", RELU, checks.mean,
        select=kinked, value=measure.kinked_slope, what="dT/dlog(1/ε) × rate",
        wrong="|g|/2, the rate of a smooth unit", control={"value": measure.smooth_slope},
    ),
    claim(
        "noise_rate", "noise at the saddle: slope of the mean exit time in log(1/√τ), times |λ_min|", NOISY,
        checks.mean,
        select=noisy, value=measure.noise_slope, what="dT/dlog(1/√τ) |λ_min|",
        wrong="|λ_min| of softplus units", control={"value": partial(measure.noise_slope, rate="softplus_rate")},
    ),
    claim(
        "noise_time", "the mean exit time itself, E log χ_m for a random direction included", NOISY_TIME, checks.mean,
        select=noisy, value=measure.noise_lateness, what="|λ_min| (T − prediction)",
        widest=0.2, wrong="E log χ of a single neuron", control={"value": partial(measure.noise_lateness, neurons=1)},
    ),
    claim(
        "noise_spread", "standard deviation of the exit time over √ψ'(m/2)/2|λ_min|", SPREAD, checks.mean,
        select=noisy, value=measure.noise_spread, what="deviation / prediction",
        wrong="a single neuron", control={"value": partial(measure.noise_spread, neurons=1)},
    ),
    claim(
        "stuck", "a mirrored start stays above the least risk that symmetry allows", STUCK, checks.least,
        select=mirrored, value=measure.least_symmetric, what="risk / least symmetric risk",
        wrong="a start that is tilted", control={"value": partial(measure.least_symmetric, level=0)},
    ),
)  # fmt: skip

INVARIANT = Prediction(1.0, "<=", "neurons and data symmetric under a reflection; rounding carried along", "meanfield")
ORIGIN = Prediction(0.0, "<=", "gradient flow at a critical point", "meanfield")

# Both are exact in any arithmetic whose sums over mirrored samples cancel, and nearly so in this one.
SANITY = (
    claim(
        "mirror", "a mirrored start stays mirrored: tilt over what rounding explains", INVARIANT, checks.largest,
        kind="identity",
        select=mirrored, value=measure.over_rounding, what="tilt / bound",
        wrong="a start that is slightly tilted", control={"value": partial(measure.over_rounding, level=-3)},
    ),
    claim(
        "origin", "a start at the saddle stays there, to the bit", ORIGIN, checks.largest,
        select=mirrored, value=measure.largest_size, what="size of θ at the end",
        wrong="a mirrored start", control={"value": partial(measure.largest_size, level=-1)},
    ),
)  # fmt: skip

STUDY = Study(
    name="saddle_escape",
    group="optimisation",
    summary="saddles are left in a time logarithmic in the size of the start or of noise; symmetric starts never leave",
    experiments=(SmallStarts, StableStarts, Noise, Mirror),
    claims=CLAIMS,
    sanity=SANITY,
)

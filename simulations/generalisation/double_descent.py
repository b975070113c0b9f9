"""Test risk against the number of parameters: down, up to a peak where they are as many as the samples, and down again.

Least squares of least norm is what gradient descent from zero ends at. For isotropic normal inputs its risk is known
exactly, at any n, and a linear neuron that is trained has it. Random features peak where m = n, on synthetic data and
on digits with wrong labels, and beyond it fall below the best of what came before. A little ridge takes the peak away.
Tangent models (lazy networks) of m neurons peak where m d = n for relu, for scaling a neuron's output and input weights
against each other is not felt, and where m (d + 1) = n for tanh; trained by steps of a flow they follow their closed
form to rounding, peak included.
"""

from functools import cached_property, partial

import jax.numpy as jnp
import numpy as np

import meanfield as mf
from simulations import Experiment, Setup, Simulations, Study, checks, choice, claim, count, grid, number
from simulations.generalisation import interpolation_peak as peak
from simulations.generalisation.feature_curves import Digits, Tangent, Teacher
from simulations.generalisation.random_features import (
    Sample,
    activated,
    neurons,
    of_a_teacher,
    tangent_features,
    tangent_widths,
)
from simulations.records.record import Records, between
from theory.double_descent import descended, descended_rounding, isotropic_risk, least_squares
from theory.prediction import Prediction

SIGNAL = 2.0
"""r, length of the linear teacher of isotropic inputs (target units)."""

MOMENTUM, FAST = 0.99, 0.95
"""Of tangent models and of linear ones: 1/(1 − γ) = 100 or 20 steps of descent for the price of one."""

ISOTROPIC = (0.25, 0.5, 2 / 3, 1.5, 2.0, 3.0)
"""p/n of isotropic inputs, where risks have a variance."""


class Isotropic(Simulations):
    """Normal inputs as they are, targets of a linear teacher with errors: descent of one linear neuron from zero."""

    samples: int = count(40, "n", "training samples, enough that risks near n have a variance", at_least=20)
    noise: float = number(1.0, "σ", "standard deviation of targets about the truth", unit="target units", at_least=0)
    replicas: int = count(9, "R", "draws of data in a curve")
    steps: int = count(600, "", "steps of training")
    sizes = grid(
        smoke={"replicas": 6, "samples": 24, "steps": 400, "seeds": 12},
        default={"replicas": 40, "seeds": 16},
        large={"replicas": 100, "samples": 100, "steps": 2000, "seeds": 16},
    )

    @property
    def widths(self) -> np.ndarray:
        """Numbers of inputs, [k]."""
        return np.rint(np.array(ISOTROPIC) * self.samples).astype(int)

    def setups(self):
        # One neuron with a = 1, whose input weights are trained: f = w·x. Inputs beyond p are zero, and their weights
        # stay so: one program serves all p.
        n, most, random = self.samples, max(self.widths), self.generator("draws")
        start, unit = mf.Particles(np.eye(1, 1 + most)), mf.Neuron("linear")
        found = []
        for p in np.repeat(self.widths, self.replicas):
            x = random.normal(size=(n, p))
            y = SIGNAL * x[:, 0] + self.noise * random.normal(size=n)
            problem = mf.Objective(unit, mf.Square(), np.pad(x, [(0, 0), (0, most - p)]), y)
            flow = mf.InputFlow(mf.HeavyBall(n / np.linalg.norm(x, 2) ** 2, momentum=FAST))
            found.append(Setup(problem, start, flow, [0, self.steps], [mf.Risk()]))
        return {"draws": found}

    def measure(self, runs):
        """The excess risk at every number of inputs in every draw, [k, R]."""
        found = np.array([np.asarray(run.particles.position, float)[0, 1:] for run in runs["draws"]])
        excess = np.sum((found - SIGNAL * np.eye(1, found.shape[1])) ** 2, axis=1)
        return {"widths": self.widths, "excess": excess.reshape(len(self.widths), self.replicas)}

    def theory(self):
        return {
            name: np.array([isotropic_risk(self.samples, int(p), signal, self.noise) for p in self.widths])
            for name, signal in (("exact_excess", SIGNAL), ("exact_noise_excess", 0.0))
        }


class Rank(Experiment):
    """The tangent kernel of a network at many inputs, whose rank is the number of parameters that count."""

    activation: str = choice("relu", "of the neurons", among=("relu", "tanh"))
    particles: int = count(6, "m", "neurons")
    dimension: int = count(3, "d", "inputs")
    sizes = grid(
        smoke={"activation": ("relu", "tanh"), "seeds": 5},
        default={"activation": ("relu", "tanh"), "particles": (6, 12), "seeds": 5},
        large={"activation": ("relu", "tanh"), "particles": (6, 12, 24), "dimension": 4, "seeds": 10},
    )

    def run(self):
        random, m, d = self.generator("draw"), self.particles, self.dimension
        # So many inputs that enough of them lie between the kinks of any two neurons.
        theta, x = neurons(random, m, d), random.normal(size=(20 * m * (d + 1), d))
        kernel = np.asarray(mf.tangent_kernel(mf.Neuron(self.activation), mf.Particles(theta), x), float)
        sizes = np.linalg.eigvalsh(kernel)[::-1]
        # Rounding moves eigenvalues by some ε of the largest one.
        return {"sizes": sizes, "rank": int(np.sum(sizes > 1e-13 * sizes[0]))}


class Trained(Simulations):
    """Tangent models of several widths, trained by steps of a flow, in one draw of data and neurons."""

    activation: str = choice("relu", "of the neurons", among=("relu", "tanh"))
    samples: int = count(40, "n", "training samples")
    dimension: int = count(5, "d", "inputs")
    noise: float = number(0.5, "σ", "standard deviation of targets about the truth", unit="target units", at_least=0)
    steps: int = count(2000, "", "steps of training")
    sizes = grid(
        smoke={"samples": 20, "dimension": 4, "steps": 3000, "seeds": 64},
        default={"samples": 30, "steps": 10_000, "seeds": 90},
        large={"samples": 60, "steps": 200_000, "seeds": 150},
    )

    @cached_property
    def data(self) -> Sample:
        return of_a_teacher(self.generator("data"), self.samples, self.dimension, self.noise)

    @cached_property
    def networks(self) -> list[np.ndarray]:
        random, (widths, _) = self.generator("neurons"), tangent_widths(self.samples, self.dimension, self.activation)
        return [neurons(random, int(m), self.dimension) for m in widths]

    @cached_property
    def step(self) -> float:
        """1/λ for the largest eigenvalue λ, over all widths, of the kernel over n."""
        features = [tangent_features(self.activation, theta, self.data.x) for theta in self.networks]
        return self.samples / max(float(np.linalg.norm(inside, 2) ** 2) for inside in features)

    def at_start(self, theta: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return f of a network at its start."""
        return activated(self.activation, theta, x) @ theta[:, 0] / len(theta)

    def setups(self):
        # Neurons beyond a width have no mass: one program serves all widths. What a network is at its start is added to
        # its targets, and taken off its predictions below: the model starts at 0.
        flow, most = mf.TangentFlow(mf.HeavyBall(self.step, momentum=MOMENTUM)), max(map(len, self.networks))
        unit, seen = mf.Neuron(self.activation), [mf.Predictions(jnp.asarray(self.data.x_test))]
        found = []
        for theta in self.networks:
            m = len(theta)
            start = mf.Particles(np.pad(theta, [(0, most - m), (0, 0)]), np.pad(np.full(m, 1 / m), (0, most - m)))
            targets = self.data.y + self.at_start(theta, self.data.x)
            problem = mf.Objective(unit, mf.Square(), self.data.x, targets)
            found.append(Setup(problem, start, flow, [0, self.steps], seen))
        return {"networks": found}

    def measure(self, runs):
        pairs = zip(runs["networks"], self.networks, strict=True)
        ends = [run.values["predictions"][-1] - self.at_start(theta, self.data.x_test) for run, theta in pairs]
        widths, counted = tangent_widths(self.samples, self.dimension, self.activation)
        risk = np.mean((np.array(ends) - self.data.y_test) ** 2, axis=1)
        return {"widths": widths, "parameters": counted, "predictions": np.array(ends), "risk": risk}

    def theory(self):
        """Test predictions after the steps and after infinitely many, and how far rounding can be from the former."""
        rows = []
        for theta in self.networks:
            inside, outside = (tangent_features(self.activation, theta, x) for x in (self.data.x, self.data.x_test))
            end = descended(inside, self.data.y, self.step, self.steps, MOMENTUM)
            offset = float(np.linalg.norm(self.at_start(theta, self.data.x)))
            error = descended_rounding(inside, outside, self.data.y, self.step, self.steps, MOMENTUM, offset=offset)
            rows.append((outside @ end, outside @ least_squares(inside, self.data.y), error))
        names = ("exact_predictions", "exact_limit_predictions", "exact_rounding")
        return {name: np.array(parts) for name, parts in zip(names, zip(*rows, strict=True), strict=True)}


ENOUGH = {"samples": between(19, np.inf)}
MANY = {**ENOUGH, "replicas": between(4, np.inf)}
"""Draws enough that a median means something."""

teacher = partial(peak.in_the_middle, Teacher.at("risk", noise=between(0.19, np.inf), **MANY))
digits = partial(peak.in_the_middle, Digits.at("risk", flipped=between(0.04, np.inf), **MANY))
relu, tanh = (
    partial(peak.in_the_middle, Tangent.at("risk", activation=name, noise=between(0.19, np.inf), **MANY))
    for name in ("relu", "tanh")
)
trained = partial(peak.in_the_middle, Trained.at("risk", activation="relu", noise=between(0.19, np.inf), **ENOUGH))


def features(records: Records) -> Records:
    """Return the curves of random features, on either data."""
    return Records([*teacher(records), *digits(records)])


EXACT = Prediction(1.0, "=", "normal inputs, least squares of least norm, any n and p", "meanfield")
COUNT = Prediction(1.0, "=", "m d parameters of a tangent model count for relu, m (d + 1) for tanh", "meanfield")
FLOW = Prediction(1.0, "<=", "heavy-ball descent of a linear model in closed form; rounding modelled", "polyak1964some")
PEAK = Prediction(0.5, ">=", "targets with errors; observed, not proved", "belkin2019reconciling")
PLACE = Prediction(0.5, ">=", "targets with errors; observed where parameters that count are as many", "meanfield")
SECOND = Prediction(0.0, "<=", "observed for random features, not proved in general", "belkin2019reconciling")
RIDGE = Prediction(0.0, "<=", "observed: coefficients are bounded where features are dependent", "meanfield")
ZERO = Prediction(1.0, "<=", "as many independent features as samples: rounding alone is left", "meanfield")

CLAIMS = (
    claim(
        "isotropic", "mean excess risk of a linear neuron trained from 0 over the exact one, normal inputs, p/n ¼ to 3",
        EXACT, checks.mean,
        select=Isotropic.at("excess"), value=partial(peak.excess_over_exact, "exact_excess"), what="risk / exact",
        wrong="without the part of the signal that is not seen",
        control={"value": partial(peak.excess_over_exact, "exact_noise_excess")},
    ),
    claim(
        "rank", "rank of tangent kernels over m d (relu) and m (d + 1) (tanh)", COUNT, checks.mean,
        select=Rank.at("rank"), value=peak.rank_over_count, what="rank / parameters that count",
        wrong="the other activation's number", control={"value": partial(peak.rank_over_count, other=True)},
    ),
    claim(
        "trained", "a tangent model trained by steps follows its closed form, within rounding", FLOW, checks.largest,
        select=Trained.at("predictions"), value=partial(peak.off_over_rounding, "exact_predictions"),
        what="difference / rounding", kind="identity",
        wrong="the closed form of infinitely many steps",
        control={"value": partial(peak.off_over_rounding, "exact_limit_predictions")},
    ),
    claim(
        "trained_peak", "it has the peak: in most draws more risk at m d = n than at half and twice", PEAK,
        checks.share,
        select=trained, value=partial(peak.rises, 1.0), what="draws with the peak",
        wrong="the peak at m d = 2n", control={"value": partial(peak.rises, 2.0)},
    ),
)  # fmt: skip

SANITY = (
    claim(
        "peak", "random features: in most draws the risk is largest at m = n, teacher and digits", PEAK, checks.share,
        select=features, value=partial(peak.peaks, 1.0), what="draws with the peak at n",
        wrong="the peak at m = 2n", control={"value": partial(peak.peaks, 2.0)},
    ),
    claim(
        "interpolation", "from m = n on the training residual is rounding", ZERO, checks.largest,
        select=features, value=partial(peak.residual_over_rounding, True), what="residual / rounding",
        kind="identity", wrong="below m = n", control={"value": partial(peak.residual_over_rounding, False)},
    ),
    claim(
        "second_descent", "log(median risk at the widest / least below the threshold)", SECOND, checks.mean,
        select=teacher, value=partial(peak.log_second, -1), what="log(widest / best of m < n)",
        wrong="at m = 5n/4", control={"value": partial(peak.log_second, -5)},
    ),
    claim(
        "ridge", "with ridge the risk falls towards m = n: log(at n / at n/4), teacher", RIDGE, checks.mean,
        select=teacher, value=partial(peak.log_risen, "ridge_risk"), what="log(risk at n / at n/4)",
        wrong="without ridge", control={"value": partial(peak.log_risen, "risk")},
    ),
    claim(
        "lazy_relu", "tangent models of relu networks peak at m d = n", PLACE, checks.share,
        select=relu, value=partial(peak.peaks, 1.0), what="draws with the peak at m d = n",
        wrong="at m (d + 1) = n, all parameters", control={"value": peak.miscounted_peaks},
    ),
    claim(
        "lazy_tanh", "tangent models of tanh networks peak at m (d + 1) = n", PLACE, checks.share,
        select=tanh, value=partial(peak.peaks, 1.0), what="draws with the peak at m (d + 1) = n",
        wrong="at m d = n", control={"value": peak.miscounted_peaks},
    ),
)  # fmt: skip

STUDY = Study(
    name="double_descent",
    group="generalisation",
    summary="test risk against parameters over samples: the peak at interpolation, its exact height, what removes it",
    experiments=(Isotropic, Rank, Teacher, Digits, Tangent, Trained),
    claims=CLAIMS,
    sanity=SANITY,
)

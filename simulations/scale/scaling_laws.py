"""Scaling laws: test risk against particles m, samples n and operations, mean-field and lazy.

Four exponents that are none of those one would guess from dimensions alone, each against theory. In m: training costs
what a finite number of particles costs, an excess risk ∝ 1/m, in the mean-field limit and in the lazy one, there with
its constant. In n: ridge regression with the tangent kernel on the circle, whose spectrum is a power law, learns noisy
labels at the best rate n^(−bc/(bc+1)), and follows the learning curve that its eigenvalues give. In both together:
with risk(m, t) = R_∞(t) + V(t)/m the least risk that a number of operations C buys falls as C^(−c/(c+1/b)). The
particles that it takes grow as C^((c−1+1/b)/(c+1/b)), which is drawn and not claimed: they are a quarter more than the
expansion says at m = 50, and still a seventh at m = 100. And no fixed features learn a neuron of unknown direction from
n ≪ d² samples, which networks do that move theirs.
"""

import math
from collections.abc import Mapping
from functools import cached_property, partial

import numpy as np

import meanfield as mf
from simulations import Experiment, Setup, Simulation, Simulations, Study, checks, claim, count, grid, last, number
from simulations.records.record import Records
from simulations.scale import circle_models, ramp
from simulations.scale import risks as measure
from simulations.study.starts import doubled, filled, independent, masses
from theory.circle import CAPACITY
from theory.compute_frontier import frontier_exponent
from theory.learning_curve import best_strength, sample_exponent
from theory.prediction import Prediction

LAZY_SCALE = 1000.0
"""α of the lazy networks that learn a neuron."""

SOURCE, ROUGH = 1.75, 0.75
"""Source conditions of the targets of `Lazy` and of `Samples`."""

ROOM = 256
"""Particles come in arrays of a multiple of this, those beyond m without mass: most m share a program."""

LONGEST = 5000
"""Steps of a descent on the line at most: theory keeps all of them."""

SHARED = 128
"""Fewer training samples come several times over where this is a multiple of them: the mean over samples is the
same, and so is the program.
"""

TESTED = 1000
"""Test inputs of networks that learn a neuron (count)."""

FEWEST = 64
"""Samples for which a ridge that does not fall is the best one (count)."""

WIDTHS = tuple(round(16 * 2 ** (i / 2)) for i in range(15))


def averaged(name: str, replicas: Mapping[int, int], seeds: int) -> list[dict[str, int]]:
    """Return the parts of a size in which each value of a parameter has its number of replicas."""
    return [{name: value, "replicas": many, "seeds": seeds} for value, many in replicas.items()]


def looks(step: float, time: float) -> np.ndarray:
    """Return the numbers of the steps after which a descent is observed, closer together at the start."""
    return np.unique(np.rint(np.append(0, np.geomspace(step, time, 12)) / step)).astype(int)


class MeanField(Simulations):
    """tanh networks on the line, which learn a ramp, and infinitely many particles that do."""

    particles: int = count(64, "m", "particles")
    samples: int = count(4, "n", "training samples", at_least=2)
    alpha: float = number(1.0, "α", "output scale", unit="output units", above=0)
    time: float = number(5.0, "T", "final time", unit="mean-field time, 1 / rate", at_least="step", batched=False)
    step: float = number(0.5, "h", "step of gradient descent", unit="mean-field time", above=0, batched=False)
    replicas: int = count(24, "", "networks of a run, whose mean risk is taken")
    sizes = grid(
        smoke=averaged("particles", {16: 40, 64: 100, 1024: 40}, 8),
        default=averaged("particles", {16: 400, 64: 400, 256: 200, 1024: 100, 4096: 40}, 10),
        large=averaged("particles", {16: 1000, 64: 1000, 256: 400, 1024: 200, 4096: 100, 16384: 40}, 20),
    )

    def refusal(self):
        if (steps := self.time / self.step) > LONGEST:
            return f"step={self.step:g}: makes {steps:g} steps up to time={self.time:g}; expected at most {LONGEST}."
        return None

    @cached_property
    def seen(self) -> np.ndarray:
        return looks(self.step, self.time)

    @cached_property
    def theta(self) -> np.ndarray:
        # Every m has numbers of its own, so that any two records of a seed are independent.
        random = self.generator(f"starts of {self.particles}")
        return random.uniform(-1, 1, (self.replicas, self.particles, 3)) * ramp.BOX

    def setups(self):
        x, z = ramp.line(self.samples)
        problem = mf.Objective(mf.Neuron("tanh", bias=True), mf.Square(), x, ramp.target(x), scale=self.alpha)
        flow, observe = mf.GradientFlow(self.step), {"risk": mf.TestRisk(z, ramp.target(z))}
        position, mass = filled(self.theta, ROOM)
        starts = [mf.Particles(theta, mass) for theta in position]
        return {"networks": [Setup(problem, start, flow, self.seen * self.step, observe) for start in starts]}

    def measure(self, runs):
        reached = min(len(run.times) for run in runs["networks"])
        risk = np.mean([run.values["risk"][:reached] for run in runs["networks"]], axis=0)
        return {"times": self.seen[:reached] * self.step, "risk": risk}

    def theory(self):
        """The test risk of infinitely many particles, and at the end the part of the networks' linear in the draw."""
        setting, seen = (self.samples, self.alpha, self.step), self.seen
        linear = ramp.linear_part(self.theta, *setting, int(seen[-1]))
        return {"limit_risk": ramp.limit_risk(*setting, seen), "linear": linear}


class Lazy(Experiment):
    """Tangent models of ReLU networks on the whole circle, by gradient flow."""

    particles: int = count(64, "m", "particles")
    inputs: int = count(256, "N", "inputs on the circle, a multiple of 4", at_least=8, multiple_of=4)
    source: float = number(SOURCE, "c", "source condition: the target's power at eigenvalues below λ is ∝ λ^c", above=0)
    time: float = number(2048.0, "T", "final time", unit="mean-field time, 1 / rate", at_least="step")
    step: float = number(1.0, "h", "step by which operations are counted", unit="mean-field time", above=0)
    replicas: int = count(8, "", "networks of a run, whose mean risk is taken")
    sizes = grid(
        smoke={"particles": WIDTHS[:9], "seeds": 7},
        default={"particles": WIDTHS[:11], "replicas": 16, "inputs": 512, "time": 4096.0, "seeds": 10},
        large={"particles": WIDTHS, "replicas": 20, "inputs": 4096, "time": 65536.0, "seeds": 20},
    )

    def refusal(self):
        if self.time > 1e12 * self.step:
            return f"time={self.time:g}: expected at most 1e12 steps of {self.step:g}."
        return None

    def run(self):
        times = np.geomspace(self.step, self.time, 1 + max(4, round(4 * math.log2(self.time / self.step))))
        random, x = self.generator(f"networks of {self.particles}"), circle_models.problem(self.inputs, self.source).x
        mass, risks, linear = masses(self.particles, ROOM), [], []
        for _ in range(self.replicas):
            theta = independent(random, len(mass), 2)
            kernel = np.asarray(circle_models.tangent_kernel(mf.Neuron("relu"), mf.Particles(theta, mass), x))
            risks.append(circle_models.risk(kernel, self.inputs, self.source, times))
            linear.append(circle_models.linear_part(kernel, self.inputs, self.source, times))
        limit, variance = circle_models.expansion(self.inputs, self.source, tuple(times))
        measured = {"times": times, "risk": np.mean(risks, axis=0), "linear": np.mean(linear, axis=0)}
        measured["operations"] = 4 * self.particles * self.inputs * 2 * times / self.step
        return measured | {"limit_risk": limit, "variance": variance}


class Samples(Experiment):
    """Infinitely many lazy particles with weight decay towards their start: ridge regression, on noisy labels."""

    samples: int = count(128, "n", "training samples")
    source: float = number(ROUGH, "c", "source condition of the target on the circle", above=0, at_most=2)
    ridge: float = number(0.3, "λ", "weight decay at n = 1, from where it falls as n^(−b/(bc+1))", above=0)
    noise: float = number(0.1, "s", "noise of the labels, whose target has variance 1", unit="output units", at_least=0)
    replicas: int = count(8, "", "data sets of a run, whose mean excess is taken")
    sizes = grid(
        smoke=averaged("samples", {64: 12, 128: 8, 256: 8, 512: 5, 1024: 2}, 7),
        default=averaged("samples", {64: 64, 128: 32, 256: 16, 512: 8, 1024: 4, 2048: 4}, 10),
        large=averaged("samples", {64: 200, 128: 100, 256: 50, 512: 25, 1024: 12, 2048: 10, 4096: 10, 8192: 10}, 20),
    )

    def run(self):
        random = self.generator(f"data of {self.samples}")
        strength = best_strength(self.samples, CAPACITY, self.source, self.ridge)
        data, fixed = (self.samples, self.source, self.noise), best_strength(FEWEST, CAPACITY, self.source, self.ridge)
        fits = [circle_models.ridge_excess(random, *data, (strength, fixed)) for _ in range(self.replicas)]
        # A ridge that does not fall, and the curve of twice the ridge, are wrong, for controls.
        excess, fixed_excess = np.mean(fits, axis=0)
        curve, other = (circle_models.curve(*data, at).excess for at in (strength, 2 * strength))
        return {"excess": excess, "fixed_excess": fixed_excess, "curve": curve, "other_curve": other}


class Teacher(Simulation):
    """ReLU networks that learn one neuron of unknown direction on the sphere of radius √d."""

    particles: int = count(64, "m", "particles", multiple_of=2)
    samples: int = count(64, "n", "training samples")
    dimension: int = count(16, "d", "inputs", at_least=3)
    alpha: float = number(1.0, "α", "output scale: large is lazy", unit="output units", above=0)
    time: float = number(200.0, "T", "final time", unit="mean-field time, 1 / rate", at_least="step", batched=False)
    step: float = number(0.1, "h", "step of gradient descent", unit="mean-field time", above=0, batched=False)
    precision = "float32"
    sizes = grid(
        smoke={"samples": (32, 64, 128), "alpha": (1.0, LAZY_SCALE), "seeds": 7},
        default={"samples": (32, 64, 128, 192, 256), "alpha": (1.0, LAZY_SCALE), "seeds": 10},
        large={"samples": (32, 64, 128, 192, 256, 512, 1024), "alpha": (1.0, LAZY_SCALE), "seeds": 20},
    )

    @cached_property
    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and labels, training samples first; both α have the same."""
        random = self.generator(f"data of {self.samples}")
        direction = random.normal(size=self.dimension)
        x = random.normal(size=(self.samples + TESTED, self.dimension))
        x *= np.sqrt(self.dimension) / np.linalg.norm(x, axis=1, keepdims=True)
        return x.astype(np.float32), np.maximum(x @ direction / np.linalg.norm(direction), 0).astype(np.float32)

    def problem(self):
        (x, y), n = self.data, self.samples
        again = max(1, SHARED // n) if SHARED % n == 0 else 1
        data = np.tile(x[:n], (again, 1)), np.tile(y[:n], again)
        return mf.Objective(mf.Neuron("relu"), mf.Square(), *data, scale=self.alpha)

    def start(self):
        theta = independent(self.generator(f"start of {self.samples}"), self.particles // 2, self.dimension)
        theta[:, 1:] /= np.sqrt(self.dimension)
        return mf.Particles(doubled(theta).astype(np.float32))

    def flow(self):
        return mf.GradientFlow(self.step)

    def times(self):
        return looks(self.step, self.time) * self.step

    def observe(self):
        x, y = self.data
        return {"risk": mf.TestRisk(x[self.samples :], y[self.samples :])}

    def theory(self, start):
        """The least test risk of predictors in n fixed functions, mean over directions of the teacher."""
        return {"bound": measure.fixed_features(self.dimension, self.samples)}


def excess_runs(records: Records) -> Records:
    """Return the lazy runs that were observed at the time of the excess."""
    return lazy_runs(records).where(lambda record: bool(np.any(np.isclose(record["times"], measure.EXCESS))))


mean_field_runs, lazy_runs = MeanField.at("risk", alpha=1.0), Lazy.at("variance", source=SOURCE)
sample_runs = partial(Samples.at, "excess", source=ROUGH)
feature, fixed = (partial(Teacher.at, "bound", alpha=alpha) for alpha in (1.0, LAZY_SCALE))

IN_M = Prediction(-1.0, "slope", "E R_m − R_∞ at a fixed time, smooth units, α = 1, m → ∞", "chen2020dynamical")
CONSTANT = Prediction(1.0, "=", "m (E R_m − R_∞) over V, tangent model, m → ∞", "meanfield")
CURVE = Prediction(
    1.0, "=", "excess risk of ridge regression over the curve of its spectrum, n → ∞", "bordelon2020spectrum"
)
BOUND = Prediction(
    1.0, ">=", "mean over directions of the teacher; predictors in n fixed functions", "hsu2021approximation"
)
FEATURES = Prediction(1.0, "<=", "networks that move their features; observed, not proved", "meanfield")

CLAIMS = (
    claim(
        "particles_mean_field", "mean-field: excess test risk over infinitely many particles, in m", IN_M,
        checks.asymptotic_slope,
        select=mean_field_runs, x="particles", value=measure.excess,
        wrong="the test risk itself", control={"value": last("risk")},
    ),
    claim(
        "particles_lazy", "lazy: m times the excess risk over infinitely many particles over V(t), at t = 128",
        CONSTANT, measure.intercept,
        select=excess_runs, x="particles", value=measure.over_variance, what="m (R_m − R_∞)/V",
        wrong="V at an eighth of the time", control={"value": partial(measure.over_variance, of=measure.EXCESS / 8)},
    ),
    claim(
        "samples_lazy", "lazy: excess risk in n, noisy labels, best ridge", sample_exponent(CAPACITY, ROUGH),
        checks.asymptotic_slope,
        select=sample_runs(), x="samples", value=last("excess"),
        wrong="a ridge that does not fall", control={"value": last("fixed_excess")},
    ),
    claim(
        "curve_lazy", "lazy: excess risk over the learning curve of the kernel's eigenvalues, every n", CURVE,
        checks.mean,
        select=sample_runs(), value=measure.over_curve, what="excess / curve",
        wrong="the curve of twice the ridge", control={"value": partial(measure.over_curve, curve="other_curve")},
    ),
    claim(
        "frontier_lazy", "lazy: least risk in the number of operations", frontier_exponent(SOURCE),
        checks.asymptotic_slope,
        select=measure.frontier(lazy_runs), x="operations", value=last("risk"),
        wrong="the fewest particles throughout", control={"select": measure.at_fewest(lazy_runs), "last": 7},
    ),
    claim(
        "bound_lazy", "a neuron of unknown direction, α = 1000: test risk over the least of fixed features", BOUND,
        checks.mean, kind="bound",
        select=fixed(), value=measure.over_bound, what="risk / bound",
        wrong="α = 1", control={"select": feature()},
    ),
    claim(
        "features_mean_field", "a neuron of unknown direction, α = 1: test risk over the least of fixed features",
        FEATURES, checks.mean,
        select=feature(samples=max), value=measure.over_bound, what="risk / bound, most samples",
        wrong="α = 1000", control={"select": fixed(samples=max)},
    ),
)  # fmt: skip

STUDY = Study(
    name="scaling_laws",
    group="scale",
    summary="test risk against particles, samples and operations, mean-field and lazy, with theory's exponents",
    experiments=(MeanField, Lazy, Samples, Teacher),
    claims=CLAIMS,
)

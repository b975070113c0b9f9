"""Global convergence: many particles find the global minimum, few often do not, and a certificate tells which.

Chizat & Bach (2018): the Wasserstein gradient flow of a two-layer network that starts spread out can only settle at a
global minimum of the objective over all measures. How many particles that takes, no theorem says. Here the minimum is
known: by a convex program over activation cells, or because students can be the teacher.

There are four experiments, and in each every run has a teacher and a start of its own. `relu`: students with weight
decay in the plane (and in four dimensions), against the convex minimum; as controls with a frozen input layer, and with
output weights of one sign, whose limit is another minimum. `dimensions`: the same students in ten and more dimensions,
certified one by one, against the best network known. `population`: the exact risk over all inputs, students
smaller and larger than their teacher. `sigmoid`: neurons that are homogeneous in the output weight only, started at
{0} × sphere, against convex minimisation over the output weights of the same neurons left where they start. `paths` is
one run of `relu` whose particles are drawn on their way.
"""

import dataclasses
import functools
from functools import cached_property, partial
from typing import ClassVar

import numpy as np

import meanfield as mf
from simulations.optimisation import shares_of_success as success
from simulations.optimisation.many_dimensions import Dimensions
from simulations.optimisation.nesterov_descent import Students
from simulations.optimisation.screened_teachers import Instance, certificate, objective, samples, screened
from simulations.records.record import Select, Selection, narrowest, widest
from simulations.study.experiment import grid
from simulations.study.parameters import choice, count, number
from simulations.study.study import Study, claim
from simulations.verdicts import checks
from theory import convex, kernel_flow
from theory.arc_cosine import conjugate_kernel
from theory.prediction import Prediction


class Relu(Students):
    """Students with weight decay on samples of a ReLU teacher."""

    layers: str = choice(
        "both",
        "both layers, the output layer alone, or both with output weights kept positive",
        among=("both", "output", "positive"),
    )
    samples: int = count(15, "n", "training samples")
    strength: float = number(0.01, "λ", "strength of the weight decay (λ/2)|θ|²", unit="loss units", above=0)
    atoms: int = count(3, "", "atoms, of both signs, of the convex optimum, at least; 0: any optimum", at_least=0)
    places: ClassVar[int] = 32
    sizes = grid(
        smoke=[
            {"particles": 32, "layers": ("both", "positive"), "updates": 4000, "seeds": 80},
            {"particles": 32, "layers": "output", "updates": 4000, "seeds": 40},
            {"particles": 4, "updates": 4000, "seeds": 40},
        ],
        default=[
            {"particles": (2, 3, 4, 6, 8, 12, 16, 24, 32, 64), "updates": 8000, "seeds": 100},
            {"layers": ("output", "positive"), "updates": 8000, "seeds": 100},
            {"momentum": 0.0, "step": 0.5, "updates": 40_000, "seeds": 25},
            {"dimension": 4, "particles": (3, 6, 12, 50), "updates": 8000, "seeds": 16},
        ],
        large=[
            {"particles": (2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128), "updates": 40_000, "seeds": 240},
            {"layers": ("output", "positive"), "updates": 40_000, "seeds": 240},
            {"momentum": 0.0, "step": 0.5, "updates": 400_000, "seeds": 30},
            {"dimension": 4, "particles": (3, 6, 12, 50, 100), "updates": 40_000, "seeds": 16},
        ],
    )

    def refusal(self):
        if not convex.enumerable(self.samples, self.dimension):
            return (
                f"samples={self.samples}, dimension={self.dimension}: expected so few that all activation cells can "
                f"be listed; take dimension=2, fewer samples, or the experiment population."
            )
        return None

    @property
    def instance(self) -> Instance:
        """The samples and their optimum, the same for all students of a seed."""
        return instance_of(dataclasses.replace(self, particles=1, layers="both", step=1.0, momentum=0.0, updates=1))

    def problem(self):
        return objective(self.instance.x, self.instance.y, self.strength)

    def output(self, signs):
        return self.length * (np.abs(signs) if self.layers == "positive" else signs)

    def measure(self, run):
        """Certify the trained network; `penalty` is what its weights cost."""
        position = np.asarray(run.particles.position)[: self.particles]
        found = certificate(position, self.instance.x, self.instance.y, self.strength)
        return found | {"penalty": run.values["energy"][-1] - self.problem().risk(run.particles)}

    def theory(self, start):
        """Return F at 0, and the least value of all networks, of positive ones and of fixed features, with bounds."""
        one, (x, y) = self.instance, (self.instance.x, self.instance.y)
        values = {"nothing": np.mean(y**2) / 2, "minimum": one.minimum.value, "lower": one.minimum.lower}
        values |= {"dearer_lower": one.dearer.lower, "optimum": one.minimum.measure}
        costs = {"cost": one.minimum, "dearer_cost": one.dearer}
        values |= {name: self.strength * np.abs(least.measure[:, 0]).sum() for name, least in costs.items()}
        if self.layers == "positive":
            values |= {"positive_minimum": one.positive.value, "positive_lower": one.positive.lower}
        if self.layers == "both":
            features = np.maximum(x @ self.position[: self.particles, 1:].T, 0) / self.length
            values["feature_minimum"] = convex.feature_minimum(features, y, self.strength)[0]
        if self.layers == "output":
            # Ridge regression on the neurons as they start: half the mean of y (y − f), and the decay of input weights.
            heights = np.maximum(x @ self.position[: self.particles, 1:].T, 0)
            kernel = heights @ heights.T / self.particles
            left = y - kernel_flow.ridge(kernel, kernel, y, self.strength)
            values["ridge_minimum"] = np.mean(y * left) / 2 + self.strength / 2 * self.length**2
            values["energy_of_optimum"] = self.problem().value(mf.Particles(convex.network(one.minimum.measure)))
        return values


class Paths(Relu):
    """Students whose particles are kept on their way."""

    sizes = grid(smoke={"updates": 4000}, default={"updates": 8000}, large={"updates": 40_000})

    def observe(self):
        return [mf.observables.Energy(), mf.Positions()]


class Population(Students):
    """Students that see all inputs of a ReLU teacher, and pay no penalty: the minimum is 0 from m = m* on."""

    neurons: int = count(4, "m*", "neurons of the teacher, of alternating signs")
    dimension: int = count(6, "d", "inputs")
    momentum: float = number(0.9, "", "Nesterov momentum; 0 is gradient descent", unit="share", at_least=0, below=1)
    sizes = grid(
        smoke=[
            {"particles": (4, 8), "updates": 1000, "seeds": 80},
            {"particles": 3, "updates": 1000, "seeds": 40},
        ],
        default={"neurons": 6, "particles": (4, 5, 6, 8, 10, 12, 18, 24), "updates": 3000, "seeds": 100},
        large={
            "neurons": 10, "dimension": 100, "particles": (5, 9, 10, 12, 15, 20, 30, 40, 60), "updates": 20_000,
            "seeds": 240,
        },
    )  # fmt: skip

    @cached_property
    def neuron_rows(self) -> np.ndarray:
        return self.teacher(self.generator("teacher"))

    def problem(self):
        return mf.objectives.ReluPopulation(mf.Particles(self.neuron_rows, np.ones(len(self.neuron_rows))))

    def theory(self, start):
        """Return the risk at 0."""
        c, v = self.neuron_rows[:, 0], self.neuron_rows[:, 1:]
        return {"nothing": c @ conjugate_kernel(v) @ c / 2}


class Sigmoid(Students):
    """Sigmoid students of a sigmoid teacher, without a penalty, that start at {0} × sphere."""

    layers: str = choice("both", "both layers, or the output layer alone", among=("both", "output"))
    dimension: int = count(3, "d", "inputs")
    samples: int = count(100, "n", "training samples, normal")
    length: float = number(4.0, "", "length of all input weights at the start", unit="parameter units", above=0)
    step: float = number(1.0, "h", "step of the descent in its first half", unit="mean-field time", above=0)
    momentum: float = number(0.98, "", "Nesterov momentum; 0 is gradient descent", unit="share", at_least=0, below=1)
    places: ClassVar[int] = 16
    sizes = grid(
        smoke={"particles": 12, "layers": ("both", "output"), "updates": 1000, "seeds": 40},
        default=[
            {"particles": (1, 2, 3, 4, 6, 12, 24), "updates": 3000, "seeds": 100},
            {"particles": 24, "layers": "output", "updates": 3000, "seeds": 100},
        ],
        large=[
            {
                "particles": (5, 10, 20, 40, 80, 160), "neurons": 20, "dimension": 100, "samples": 1000,
                "updates": 20_000, "seeds": 240,
            },
            {
                "particles": 160, "layers": "output", "neurons": 20, "dimension": 100, "samples": 1000,
                "updates": 20_000, "seeds": 240,
            },
        ],
    )  # fmt: skip

    @cached_property
    def data(self) -> tuple[np.ndarray, np.ndarray]:
        random = self.generator("data")
        teacher, x = self.teacher(random), random.normal(size=(self.samples, self.dimension))
        return x, sigmoid(x @ teacher[:, 1:].T) @ teacher[:, 0]

    def problem(self):
        return mf.Objective(mf.Neuron("sigmoid"), mf.Square(), *self.data, kernel=mf.integrals.Dense())

    def output(self, signs):
        return np.zeros(self.room)

    def theory(self, start):
        """Return the loss at 0, and its least value over the output weights of the neurons at the start."""
        x, y = self.data
        features = sigmoid(x @ self.position[: self.particles, 1:].T)
        missed = features @ np.linalg.lstsq(features, y, rcond=None)[0] - y
        return {"nothing": np.mean(y**2) / 2, "feature_minimum": np.mean(missed**2) / 2}


def sigmoid(z: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(−z))."""
    return 1 / (1 + np.exp(-z))


@functools.lru_cache(maxsize=4096)
def instance_of(run: Relu) -> Instance:
    """Return the first instance of a run's seed that passes the screening."""
    random = run.generator("instances")
    return screened(lambda: samples(random, run.teacher(random), run.samples), run.strength, run.atoms)


def at_ratio(lowest: float, highest: float) -> Select:
    """Return a selection of students on the population risk with m/m* from `lowest` to `highest`."""
    return Population.at("energy").where(lambda record: lowest <= record["particles"] / record["neurons"] <= highest)


def relu(**parameters) -> Selection:
    """Return a selection of students in the plane whose optimum has several atoms, by momentum descent."""
    return Relu.at("gap", dimension=2, momentum=0.99, atoms=(3, 4, 5), **parameters)


plane, every, beyond = relu(layers="both"), Relu.at("gap"), Dimensions.at("gap")

PROVED = Prediction(1.0, "<=", "any network with weight decay: weak duality, certified slope", "bach2017breaking")
FLOOR = Prediction(
    1.0, ">=", "any width: weight decay (λ/2)|θ|² costs at least λ times the total variation", "pilanci2020neural"
)
RIDGE = Prediction(1.0, "<=", "fixed input weights, to rounding", "meanfield")
VALUE = Prediction(1.0, "<=", "equal layers of every neuron, to rounding", "pilanci2020neural")
SAME = Prediction(1.0, "=", "global minima: balanced neurons, and a fit that is unique", "pilanci2020neural")
GLOBAL = Prediction(0.8, ">=", "spread-out start; observed: what is proved is the limit m → ∞", "meanfield")
MORE = Prediction(0.0, ">=", "more particles succeed more often; observed, not proved at any m", "meanfield")
FEATURES = Prediction(0.0, "<=", "students that move against the best of those that do not; observed", "meanfield")
fixed = relu(layers="output")

CLAIMS = (
    claim(
        "output", "trained alone, the output layer ends in the ridge minimum of its features: deviation of F", RIDGE,
        checks.largest, kind="identity",
        select=fixed, value=partial(success.from_ridge, "ridge_minimum"), what="|F − F_ridge| / rounding",
        wrong="the minimum of both layers", control={"value": partial(success.from_ridge, "minimum")},
    ),
    claim(
        "optimum", "the network of the convex optimum has the value of the convex program", VALUE,
        checks.largest, kind="identity",
        select=fixed, value=partial(success.from_optimum, "minimum"), what="|F − F*| / rounding",
        wrong="a convex program with 2λ for λ", control={"value": partial(success.from_optimum, "dearer_lower")},
    ),
    claim(
        "gap", "no run is further from the convex minimum than its certified gap", PROVED, checks.largest,
        select=success.where_some_are_trapped(every), value=success.excess_over_gap, what="(F − F*) / gap",
        wrong="the slope is bounded at the network's own neurons only",
        control={"value": success.excess_over_own_gap},
    ),
    claim(
        "dimensions", "in ten and more dimensions no run is further from the best known than its certified gap", PROVED,
        checks.largest,
        select=success.where_some_are_trapped(beyond), value=success.excess_over_gap, what="(F − F_known) / gap",
        wrong="the slope is bounded at the network's own neurons only",
        control={"value": success.excess_over_own_gap},
    ),
    claim(
        "cost", "weights of certified networks cost what the convex optimum does: ∫ (λ/2)|θ|² dμ over λ‖ν*‖", SAME,
        checks.mean,
        select=plane.where(success.certified), value=success.over_cost, what="penalty / λ‖ν*‖",
        wrong="a convex program with 2λ for λ", control={"value": partial(success.over_cost, of="dearer_cost")},
    ),
)  # fmt: skip

SANITY = (
    claim(
        "floor", "no run goes below the convex minimum: least F / F_low", FLOOR, checks.least,
        select=success.where_some_arrive(every), value=success.over_floor, what="F / F_low",
        wrong="a convex program with 2λ for λ", control={"value": success.over_dearer_floor},
    ),
    claim(
        "certified", "probability of a certificate within 1 % of the global minimum at the largest m, plane", GLOBAL,
        checks.share,
        select=widest(plane), value=success.certified, what="certified",
        wrong="the smallest m", control={"select": narrowest(plane)},
    ),
    claim(
        "width", "certified success at the largest m less that at the smallest, plane", MORE, success.more_often,
        select=widest(plane), fewer=narrowest(plane), value=success.certified, what="certified",
        wrong="only the output layer is trained at the largest m", control={"select": widest(fixed)},
    ),
    claim(
        "positive", "probability that a ≥ 0 ends within 1e-3 of the least value of all networks with a ≥ 0", GLOBAL,
        checks.share,
        select=widest(relu(layers="positive")), value=success.at_positive_minimum, what="at that minimum",
        wrong="the minimum with both signs", control={"value": success.at_minimum},
    ),
    claim(
        "over_provisioned", "population risk: success at m = 2m* less that at m = m*", MORE, success.more_often,
        select=at_ratio(2, 2), fewer=at_ratio(1, 1), value=success.fitted,
        what="risk < 1e-3 of that of f = 0",
        wrong="under-provisioned, m < m*", control={"select": at_ratio(0, 0.99)},
    ),
    claim(
        "sigmoid_features", "sigmoid: log(loss / least loss of as many random features) at the largest m", FEATURES,
        checks.mean,
        select=widest(Sigmoid.at("feature_minimum", layers="both")), value=success.log_feature_ratio, what="log ratio",
        wrong="only the output layer is trained",
        control={"select": widest(Sigmoid.at("feature_minimum", layers="output"))},
    ),
)  # fmt: skip

STUDY = Study(
    "global_convergence",
    "optimisation",
    "how often networks of m particles reach the global minimum, which a convex program and a certificate know",
    experiments=(Relu, Dimensions, Paths, Population, Sigmoid),
    claims=CLAIMS,
    sanity=SANITY,
)

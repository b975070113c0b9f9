"""On lazy training: a two-layer ReLU network of a ReLU teacher, by the scale of its start and by its width.

Chizat, Oyallon & Bach (2019), figures 1 (c), 2 (a) and 2 (b). Gradient descent from a large start, or with the scaling
1/√m of a wide network, ends in the tangent model, and is worse on new data than what learns features; and with fresh
samples at every step, too, a large start ends in the larger population loss.

Settings are those of the authors' own code (the folder `shallow-nn` of their repository `lazy-training-CNN`): teacher,
starts, steps, seeds and what is plotted. Its descent multiplies the output by a scaling s and takes steps along the
gradient of R/s²; its stochastic descent writes f = (1/m) Σ, leaves that factor out of the gradient, divides the
teacher's output by the batch size, and takes d times larger steps in the input weights. `mf.Parametrisation` converts
all of them.
"""

from functools import cached_property, partial

import numpy as np

import meanfield as mf
from simulations.records.record import Record, between
from simulations.study.experiment import grid
from simulations.study.parameters import choice, count, number
from simulations.study.published import PublishedFigure, reading
from simulations.study.simulation import Simulation
from simulations.study.study import Study, claim
from simulations.verdicts import checks
from theory.arc_cosine import conjugate_kernel
from theory.prediction import Prediction

PAPER = "chizat2019lazy"
NEURONS = 3
"""Neurons of the teacher."""

EVERY = 25
"""Steps between two looks at the test loss."""

LAST = 2000
"""Steps of stochastic descent at the end, over which the loss is averaged."""

SHOWN = 0.1
"""What figure 2 (a) multiplies the test loss by."""

SMALLEST = 10**-2.2
SCALES = tuple(float(f"{tau:.6g}") for tau in 10.0 ** np.arange(-2.2, 1.05, 0.1))
"""Standard deviations of the start in figure 1 (c), from 10^−2.2 to 10."""

ONLINE = (0.01, 0.02, 0.04, *(float(f"{tau:.6g}") for tau in 10.0 ** np.arange(-1.0, 0.05, 0.1)), 2.0, 4.0, 8.0)
WIDTHS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128, 256, 512)


class Students(Simulation):
    """ReLU students of three ReLU neurons, on the unit sphere."""

    particles: int = count(50, "m", "neurons of the student")
    dimension: int = count(100, "d", "inputs")

    def teacher(self, samples: int, amplitude: float) -> mf.datasets.Dataset:
        """Return the data of this seed, which are the same for all scales and widths."""
        options = {"neurons": NEURONS, "n_test": 1000, "signs": "random", "amplitude": amplitude}
        return mf.datasets.teacher(self.key("data"), samples, self.dimension, **options)


class Descent(Students):
    """Gradient descent on a thousand samples."""

    samples: int = count(1000, "n", "training samples")
    steps: int = count(10_000, "k", "steps")
    amplitude = 1.0

    @cached_property
    def data(self) -> mf.datasets.Dataset:
        return self.teacher(self.samples, self.amplitude)

    @property
    def paper(self) -> mf.Parametrisation:
        """The network as the authors write it."""
        raise NotImplementedError

    @property
    def rate(self) -> float:
        """The authors' step."""
        raise NotImplementedError

    def problem(self):
        return mf.Objective(mf.Neuron("relu"), mf.Square(), self.data.x, self.data.y, scale=self.paper.scale)

    def flow(self):
        return mf.GradientFlow(self.paper.step(self.rate))

    def times(self):
        every = np.arange(0, self.steps + 1, min(EVERY, self.steps))
        return self.paper.step(self.rate) * np.unique(np.append(every, self.steps))

    def observe(self):
        return [mf.Risk(), mf.TestRisk(self.data.x_test, self.data.y_test)]

    def measure(self, run):
        """Add the test loss at the end of training, and the least one throughout."""
        test = np.asarray(run.values["test_risk"])
        return {"final": test[-1], "best": test.min()}


class InitialScale(Descent):
    """Figure 1 (c): f = Σ_j a_j relu(w_j·x) from pairs (±a, w), all of whose parameters are N(0, τ²)."""

    tau: float = number(1.0, "τ", "standard deviation of the start", unit="parameter units", above=0)
    sizes = grid(
        smoke={"tau": (SCALES[0], 0.1, 1.0), "seeds": 4},
        default={"tau": (*SCALES[::4], 1.0), "seeds": 10},
        large={"tau": SCALES, "seeds": 10},
    )

    @property
    def paper(self):
        return mf.Parametrisation(self.particles, radius=self.tau)

    @property
    def rate(self):
        return min(10.0, 0.1 / self.tau**2)

    def start(self):
        return mf.Particles.doubled(self.key("start"), mf.Neuron("relu"), self.particles, self.dimension)


class Width(Descent):
    """Figure 2 (a): f = s Σ_j a_j relu(w_j·x) with s = 1/√m or 1/m, from N(0, 1), of a teacher a hundred times larger.

    The descent is along the gradient of R/s².
    """

    precision = "float32"
    steps: int = count(25_000, "k", "steps")
    scaling: str = choice("1/√m", "the scaling s, and the step of the descent: 1/m for 1/√m, .05/m for 1/m",
                          among=("1/√m", "1/m"))  # fmt: skip
    amplitude = 100.0
    sizes = grid(
        smoke=[
            {"particles": 2, "scaling": ("1/√m", "1/m"), "seeds": 6},
            {"particles": 16, "scaling": "1/m", "seeds": 3},
        ],
        default=[
            {"particles": (2, 4, 8, 16, 32, 64, 128), "scaling": ("1/√m", "1/m"), "seeds": 6},
            {"particles": 512, "scaling": ("1/√m", "1/m"), "seeds": 4},
        ],
        large={"particles": WIDTHS, "scaling": ("1/√m", "1/m"), "seeds": 10},
    )

    @property
    def paper(self):
        s = self.particles**-0.5 if self.scaling == "1/√m" else 1 / self.particles
        return mf.Parametrisation(self.particles, multiplier=s, weight=s**-2)

    @property
    def rate(self):
        return (1.0 if self.scaling == "1/√m" else 0.05) / self.particles

    def start(self):
        name = f"start of {self.particles} with {self.scaling}"
        return mf.Particles.gaussian(self.key(name), mf.Neuron("relu"), self.particles, self.dimension)


class Online(Students):
    """Figure 2 (b): stochastic descent with fresh samples at every step, from pairs (±a, w) that are N(0, τ²)."""

    tau: float = number(1.0, "τ", "standard deviation of the start", unit="parameter units", above=0)
    batch: int = count(200, "B", "fresh samples of a step")
    steps: int = count(20_000, "k", "steps")
    sizes = grid(
        smoke={"tau": (0.01, 0.3, 8.0), "steps": 3000, "seeds": 5},
        default={"tau": (0.01, 0.04, 0.1, 0.2, 0.4, 0.7, 1.0, 2.0, 8.0), "seeds": 4},
        large={"tau": ONLINE, "seeds": 10},
    )

    @property
    def paper(self) -> mf.Parametrisation:
        m = self.particles
        return mf.Parametrisation(m, multiplier=1 / m, radius=self.tau, weight=m, input_rate=self.dimension)

    @property
    def rate(self) -> float:
        return min(0.25 / self.tau**2, 25.0)

    @cached_property
    def data(self) -> mf.datasets.Dataset:
        return self.teacher(1, 1 / self.batch)

    @property
    def truth(self) -> mf.Particles:
        """The teacher's neurons."""
        assert self.data.truth is not None
        return self.data.truth

    def problem(self):
        return mf.Objective(
            mf.Neuron("relu"), mf.Square(), self.paper.inputs(self.data.x), self.data.y, scale=self.paper.scale
        )

    def start(self):
        unit, key = mf.Neuron("relu"), self.key(f"start at {self.tau:g}")
        return self.paper.start(mf.Particles.doubled(key, unit, self.particles, self.dimension))

    def flow(self):
        assert self.data.sampler is not None
        return mf.SGD(self.paper.step(self.rate), self.batch, sampler=self.paper.sampler(self.data.sampler))

    def times(self):
        last = np.linspace(max(0, self.steps - LAST), self.steps, 21)
        seen = np.unique(np.rint(np.concatenate([np.linspace(0, last[0], 10), last])))
        return self.paper.step(self.rate) * seen

    def observe(self):
        # Inputs on the sphere of radius √κ = √d: E|x|² = d.
        exact = mf.objectives.ReluPopulation(self.paper.start(self.truth), scale=self.paper.scale)
        return [mf.observables.PopulationRisk(exact)]

    def measure(self, run):
        """Add the mean population loss of the last steps."""
        return {"final": np.asarray(run.values["population_risk"])[-21:].mean()}

    def theory(self, start):
        """Return the loss of the prediction 0, half the power of the targets, by the arc-cosine kernel."""
        truth = self.truth
        c, v = np.asarray(truth.mass * truth.position[:, 0], float), np.asarray(truth.position[:, 1:], float)
        return {"nothing": np.asarray(c @ conjugate_kernel(v) @ c / (2 * self.dimension))}


def thousandfold(record: Record, name: str) -> float:
    return 1000 * float(record[name])


def shown(record: Record) -> float:
    return SHOWN * float(record["final"])


def of_scale(**tau):
    return InitialScale.at("final", "best", particles=50, dimension=100, steps=10_000, **tau)


def of_width(particles: int, scaling: str):
    return Width.at("final", particles=particles, scaling=scaling, steps=25_000, dimension=100)


def nothing(record: Record) -> float:
    return float(record["nothing"])


def ratio(record: Record) -> float:
    """The loss at the end over that of the prediction 0."""
    return float(record["final"]) / float(record["nothing"])


FROM_NOTHING = Prediction(
    0.0,
    ">=",
    "The population loss at the end grows with the scale of the start; fresh samples at every step.",
    PAPER,
)

LAZY = {"select": of_scale(tau=between(0.99, 20.0)), "what": "1000 × test loss"}
FEATURES = {"select": of_scale(tau=between(0.05, 0.2))}

CLAIMS = (
    claim(
        "1c: end, large start",
        "1000 × the test loss at the end of training, for τ ≥ 1.",
        reading(3.1, 0.1, PAPER),
        checks.mean,
        value=partial(thousandfold, name="final"),
        wrong="starts of τ about 0.1, which learn features",
        control=FEATURES,
        **LAZY,
    ),
    claim(
        "1c: best, large start",
        "1000 × the least test loss throughout training, for τ ≥ 1.",
        reading(1.95, 0.1, PAPER),
        checks.mean,
        value=partial(thousandfold, name="best"),
        wrong="the loss at the end",
        control={"value": partial(thousandfold, name="final")},
        **LAZY,
    ),
    claim(
        "1c: end, small start",
        "1000 × the test loss at the end of training, for τ = 10^−2.2.",
        reading(0.05, 0.05, PAPER),
        checks.mean,
        select=of_scale(tau=between(0.006, 0.007)),
        value=partial(thousandfold, name="final"),
        what="1000 × test loss",
        wrong="large starts",
        control={"select": LAZY["select"]},
    ),
    *(
        claim(
            f"2a: {scaling}, m = {m}",
            f"0.1 × the test loss at the end, {m} neurons with scaling {scaling}.",
            reading(value, accuracy, PAPER),
            checks.mean,
            select=of_width(m, scaling),
            value=shown,
            what="0.1 × test loss",
            wrong=wrong,
            widest=widest,
            control={"select": of_width(*other)},
        )
        for m, scaling, value, accuracy, widest, wrong, other in (
            (2, "1/√m", 1.7, 0.1, 0.6, "sixteen neurons with scaling 1/m", (16, "1/m")),
            (2, "1/m", 1.7, 0.1, 0.6, "sixteen neurons", (16, "1/m")),
            (512, "1/√m", 0.90, 0.03, 0.2, "the scaling 1/m", (512, "1/m")),
            (512, "1/m", 0.18, 0.03, 0.1, "the scaling 1/√m", (512, "1/√m")),
        )
    ),
    claim(
        "2b: loss grows with the start",
        "The exponent of the population loss at the end against τ is positive, from 0.01 to 8.",
        FROM_NOTHING,
        checks.slope,
        select=Online.at("final", "nothing", particles=50, dimension=100, batch=200),
        x="tau",
        value=ratio,
        wrong="the loss of the prediction 0",
        control={"value": nothing},
    ),
)

CODE = """Dimension, samples, widths, teacher, starts, steps, runs and what is plotted are those of the authors' code
(shallow-nn/{} and lazy.ipynb in edouardoyallon/lazy-training-CNN); the paper's text has the same m, d and n."""

FIGURES = (
    PublishedFigure(
        "1c",
        "Gradient descent from a large start, which is lazy, is worse on new data than from a small one.",
        (InitialScale,),
        tuple(one.name for one in CLAIMS if one.name.startswith("1c")),
        f"""{CODE.format("test_vs_scale.jl")} The step is min(10, .1/τ²), 10 000 of them, in f = Σ a relu(w·x); the loss
        is the mean of ½ (f − y)², and the figure shows a thousand times that.""",
        f"""The test loss is looked at every {EVERY} steps and not at every one: the least of them is the best
        throughout. In 32-bit numbers the steps of a start of τ = 10 would be lost in rounding, and the loss at the end
        be 2.7. At the default every fourth τ.""",
    ),
    PublishedFigure(
        "2a",
        "As networks widen the test loss stays high with scaling 1/√m, which is lazy, and falls with 1/m.",
        (Width,),
        tuple(one.name for one in CLAIMS if one.name.startswith("2a")),
        f"""{CODE.format("test_vs_m.jl")} The teacher is multiplied by 100, the start is N(0, 1) without pairs, and
        25 000 steps of 1/m (scaling 1/√m) or .05/m (scaling 1/m) are along the gradient of R/s² for the scaling s: in
        lazy.ipynb the step is divided by s and the gradient leaves the factor s out. The figure shows a tenth of the
        test loss.""",
        "32-bit numbers. At the default seven widths up to 128 with 6 runs, and 512 with 4.",
    ),
    PublishedFigure(
        "2b",
        "With fresh samples at every step a large start still ends in a larger population loss than a small one.",
        (Online,),
        tuple(one.name for one in CLAIMS if one.name.startswith("2b")),
        f"""{CODE.format("populationSGD.jl")} Batches of 200, 20 000 steps of min(.25/τ², 25) in f = (1/m) Σ a
        relu(w·x) from pairs; in lazy.ipynb the gradient leaves 1/m out, that of the input weights is multiplied by d,
        and the teacher's output is divided by 200. The figure shows the mean loss of the last 2000 steps over the
        largest.""",
        """The loss is the exact population loss at 21 times of the last 2000 steps, and not that of their batches,
        which has the same mean. Steps times d in the input weights are inputs of norm √d, and weights that are
        smaller by it.""",
    ),
)

STUDY = Study(
    name="chizat2019lazy",
    group="published",
    summary="On lazy training: test loss by the scale of the start and by width; population loss of one-pass descent",
    experiments=(InitialScale, Width, Online),
    claims=CLAIMS,
    published=FIGURES,
)

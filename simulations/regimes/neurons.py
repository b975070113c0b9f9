"""Neurons in the plane, lazy and not: at α = 1 they turn to the teacher's and grow, at large α they hardly move.

The picture of Chizat, Oyallon & Bach (2019), Fig. 1. A homogeneous ReLU neuron is the vector |a|w with the sign of a.
All start on the unit circle in pairs ±a, so that f = 0, and both networks learn the same samples of the same teacher in
the same time. On the circle of inputs the predictor is a function of one angle, and can be seen whole.
"""

from functools import cached_property

import numpy as np

import meanfield as mf
from simulations import Animation, Scene, Setup, Simulations, count, grid, number
from simulations.regimes import few_neurons
from simulations.study.animation import frame_times
from simulations.study.starts import doubled

ANGLES = np.linspace(-180, 180, 181)
"""Directions of the inputs at which functions are shown (degrees)."""

CIRCLE = np.column_stack([np.cos(np.radians(ANGLES)), np.sin(np.radians(ANGLES))]).astype(np.float32)
"""The same as inputs [181, 2]."""

TESTED = 500
"""Test samples (count)."""


class Neurons(Simulations):
    """A ReLU network with inputs on the unit circle, and its teacher, as `simulations.study.animation` draws them."""

    alpha: float = number(1.0, "α", "output scale: 1 is mean-field, a large one lazy", unit="output units", above=0)
    particles: int = count(100, "m", "neurons", multiple_of=2)
    teachers: int = count(3, "", "neurons of the teacher, of alternating signs")
    samples: int = count(15, "n", "training samples")
    time: float = number(300.0, "T", "final time", unit="mean-field time", above=0, batched=False)
    step: float = number(0.05, "h", "step of gradient descent", unit="mean-field time", above=0, batched=False)
    frames: int = count(80, "", "times at which the neurons are kept, logarithmically even", at_least=3)
    precision = "float32"
    sizes = grid(
        smoke={"particles": 20, "alpha": (1.0, 100.0), "time": 60.0, "step": 0.2, "frames": 24},
        default={"particles": (20, 100, 500), "alpha": (1.0, 3.0, 10.0, 30.0, 100.0)},
        large={
            "particles": (20, 100, 500, 1000),
            "alpha": (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 1000.0),
            "frames": 120,
        },
    )

    def refusal(self):
        if self.time < 2 * self.step:
            return f"time={self.time:g}: expected at least two steps of {self.step:g}."
        return None

    @cached_property
    def data(self) -> mf.datasets.Dataset:
        # In the first seed of this stream the teacher's neurons point well apart.
        random = self.generator("teacher, samples")
        return few_neurons.teacher(random, self.samples, 2, tested=TESTED, neurons=self.teachers)

    def setups(self):
        data, random = self.data, self.generator("neurons")
        half = np.column_stack([random.choice([-1.0, 1.0], self.particles // 2), np.empty((self.particles // 2, 2))])
        half[:, 1:] = few_neurons.sphere(random, self.particles // 2, 2)
        start = mf.Particles(doubled(half).astype(np.float32))
        problem = mf.Objective(
            mf.Neuron("relu"), mf.Square(), data.x, data.y, scale=self.alpha, kernel=mf.integrals.Dense()
        )
        times = frame_times(self.step, self.time, self.frames, first=self.time / 300)
        observe = {
            "positions": mf.Positions(),
            "functions": mf.Predictions(CIRCLE),
            "curve_risk": mf.Risk(),
            "curve_displacement": mf.Displacement(),
            "curve_test_risk": mf.TestRisk(data.x_test, data.y_test),
        }
        return {"network": Setup(problem, start, mf.GradientFlow(self.step), times, observe)}

    def measure(self, runs):
        run, x = runs["network"], np.asarray(self.data.x)
        values = dict(run.values)
        theta = values.pop("positions")
        a, w = theta[:, :, 0], theta[:, :, 1:]
        return values | {
            "times": run.times,
            "particles": np.abs(a)[:, :, None] * w,
            "weights": self.alpha / self.particles * a * np.linalg.norm(w, axis=2),
            "grid": ANGLES,
            "samples": np.column_stack([np.degrees(np.arctan2(x[:, 1], x[:, 0])), self.data.y]),
        }

    def theory(self):
        """The teacher's function, and where its neurons lie as those of a network of so many at α = 1."""
        truth = self.data.truth
        assert truth is not None
        theta, mass = np.asarray(truth.position, float), np.asarray(truth.mass, float)
        share = mass * len(mass) * theta[:, 0]
        return {
            "target": np.maximum(CIRCLE @ theta[:, 1:].T, 0) @ (mass * theta[:, 0]),
            "marks": np.abs(share)[:, None] * theta[:, 1:],
        }


ANIMATION = Animation(
    Neurons,
    Scene(
        title="Mean-field neurons find the teacher, lazy neurons hardly move",
        plane=("|a| w₁ (parameter²)", "|a| w₂ (parameter²)"),
        function=("direction of the input x (degrees)", "output f(x)"),
        target="teacher",
        curves={
            "risk": "training risk R (output²)",
            "displacement": "movement ‖θ − θ₀‖ (parameter)",
            "test_risk": "test risk (output²)",
        },
        sliders={"alpha": "output scale α", "particles": "neurons m"},
        dot=(
            "A dot is a neuron a max(w·x, 0), drawn at |a| w; it runs down its potential, θ' = −∇F'[μ](θ), "
            "and has to move less the larger α is."
        ),
        beside="alpha",
        logarithmic=("risk", "displacement", "test_risk"),
        marks="teacher's neuron",
        story=(
            ("At the start neurons of either sign lie on a circle in pairs, and the network is f = 0.", "alpha=1&t=0"),
            ("At scale α = 1 they begin to turn: each is drawn to where it lowers the risk most.", "alpha=1&t=4"),
            ("In the end they lie along the teacher's neurons, the dashed rays: they are features.", "alpha=1&t=1000"),
            (
                "At scale α = 100 the same start fits the samples, too, and neurons hardly move: it is lazy.",
                "alpha=100&t=1000",
            ),
            (
                "Beside the network at α = 1, in grey: the lazy one is off between samples, and learned no features.",
                "alpha=100&t=1000&pin=1",
            ),
        ),
        rays=True,
    ),
)

"""ReLU networks that learn, and the kernel regression that they are at infinite width and α → ∞, trained as long."""

from abc import abstractmethod
from typing import ClassVar

import numpy as np

import meanfield as mf
from simulations import Setup, Simulations, count, flag, number, shared
from simulations.study.starts import doubled, filled, independent
from theory import arc_cosine, kernel_flow

TESTED = 500
"""Test samples (count)."""

ALIKE = shared(particles=2, alpha=1.0, exponent=0.0, tangent=False)
"""Of methods on which these do not bear."""


def whole_steps(step: float, time: float) -> np.ndarray:
    """Return the numbers of steps after which a descent is observed: 0, and then evenly in the logarithm."""
    return np.unique(np.rint(np.append(0.0, np.geomspace(time / 300, time, 18)) / step)).astype(int)


def padded(theta: np.ndarray, room: int) -> mf.Particles:
    """Return particles of equal mass, more than 64 of them filled up to a multiple of `room`."""
    return mf.Particles(*filled(theta, room if len(theta) > 64 else 1))


class Learner(Simulations):
    """Doubled ReLU networks at one output scale, and beside them, if asked for, their own tangent models."""

    particles: int = count(1000, "m", "particles, an even number", multiple_of=2)
    samples: int = count(64, "n", "training samples")
    alpha: float = number(1.0, "α", "output scale at m = 1; it is α m^p", unit="output units", above=0, batched=False)
    exponent: float = number(0.0, "p", "exponent of m in the output scale: 0 mean-field, 0.5 neural-tangent")
    time: float = number(100.0, "T", "final time", unit="mean-field time", at_least="step", batched=False)
    step: float = number(0.5, "h", "step of gradient descent", unit="mean-field time", above=0, batched=False)
    tangent: bool = flag(False, "whether the model linearised at the start is trained beside the network")
    precision = "float32"
    room: ClassVar[int] = 512

    @abstractmethod
    def draw(self) -> mf.datasets.Dataset:
        """Draw the data, which all runs of a seed share."""

    @property
    @ALIKE
    def data(self) -> mf.datasets.Dataset:
        return self.draw()

    def start(self) -> mf.Particles:
        """Return the particles at time zero; another m has others."""
        random, outputs = self.generator(f"start of {self.particles}"), self.data.outputs
        half = independent(random, self.particles // 2, self.data.d, outputs=outputs)
        return padded(doubled(half, outputs), self.room)

    def setups(self):
        drawn, times = self.data, self.step * whole_steps(self.step, self.time)
        unit, scale = mf.Neuron("relu", outputs=drawn.outputs), self.alpha * self.particles**self.exponent
        problem, flow = mf.Objective(unit, mf.Square(), drawn.x, drawn.y, scale=scale), mf.GradientFlow(self.step)
        start, tested = self.start(), {"tested": mf.Predictions(drawn.x_test)}
        observe = {"risk": mf.Risk(), "displacement": mf.Displacement(), **tested}
        if drawn.outputs == 1:  # the kernel of k outputs is (nk)²: more work than the training
            observe["kernel_drift"] = mf.observables.KernelDrift()
        setups = {"network": Setup(problem, start, flow, times, observe)}
        if self.tangent:
            setups["tangent"] = Setup(problem, start, mf.TangentFlow(flow), times[[0, -1]], tested)
        return setups

    def measure(self, runs):
        network = runs["network"]
        values = {"times": network.times, **network.values}
        values |= scores(np.asarray(values.pop("tested"), float), np.asarray(self.data.y_test, float))
        if self.tangent:
            values["tangent_test_predictions"] = runs["tangent"].values["tested"][-1]
        return values

    def theory(self):
        """Kernel regression with the arc-cosine kernel, by the same steps."""
        return {f"limit_{name}": value for name, value in self.kernel_regression().items()}

    @ALIKE
    def kernel_regression(self) -> dict[str, np.ndarray]:
        """Return risks and errors of kernel regression at the times of a run, and its predictions at the end."""
        drawn = self.data
        x, y, x_test, y_test = (np.asarray(part, float) for part in (drawn.x, drawn.y, drawn.x_test, drawn.y_test))
        kernel, cross = (arc_cosine.tangent_kernel(z, x, "relu") for z in (x, x_test))
        steps = whole_steps(self.step, self.time)
        trained = kernel_flow.train_discrete(kernel, y, self.step, steps)
        tested = kernel_flow.test_discrete(kernel, cross, y, self.step, steps)
        return {"risk": np.array([kernel_flow.risk(f, y) for f in trained]), **scores(tested, y_test)}


def scores(tested: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """Return risks and shares of errors of predictions in time, [T, n] or [T, n, k], and the last of them."""
    wrong = (tested > 0) != (y > 0) if y.ndim == 1 else tested.argmax(2) != y.argmax(1)
    return {
        "test_risk": np.array([kernel_flow.risk(f, y) for f in tested]),
        "test_error": wrong.mean(axis=1),
        "test_predictions": tested[-1],
    }

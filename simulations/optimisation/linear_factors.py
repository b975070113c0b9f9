"""Descent on the factors of a linear model, for a regression of a few outputs."""

from functools import cached_property

import numpy as np

import meanfield as mf
from simulations.study.parameters import count, number
from simulations.study.simulation import Setup, Simulations
from theory import depth

INPUTS, OUTPUTS, SAMPLES = 4, 3, 20
"""d, k and n of the regression (counts)."""


class Factors(Simulations):
    """Descent on the factors of a linear model, beside the end-to-end rule."""

    depth: int = count(2, "N", "factors")
    hidden: int = count(5, "", "width of each hidden layer", at_least=min(INPUTS, OUTPUTS))
    steps: float = number(100, "1/η", "steps in a unit of time, a whole number", at_least=1)

    def refusal(self):
        return None if self.steps == round(self.steps) else f"steps={self.steps:g}: expected a whole number."

    @cached_property
    def regression(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Normal inputs [n, d], noiseless targets [n, k], and an end-to-end matrix to start from, [k, d]."""
        random = self.generator("regression")
        x, ends = random.normal(size=(SAMPLES, INPUTS)), []
        for values in ((1.5, 1.0, 0.5), (1.0, 0.7, 0.4)):
            u, _, vt = np.linalg.svd(random.normal(size=(OUTPUTS, INPUTS)), full_matrices=False)
            ends.append((u * values) @ vt)
        return x, x @ ends[0].T, ends[1]

    @property
    def unit(self) -> mf.units.DeepLinear:
        return mf.units.DeepLinear((self.hidden,) * (self.depth - 1), OUTPUTS)

    @property
    def balanced(self) -> list[np.ndarray]:
        """Balanced factors W_1 … W_N of the matrix."""
        return self.unit.factors(np.asarray(self.unit.balanced(self.regression[2]).position[0]), INPUTS)

    def descent(self, factors: list[np.ndarray], steps: np.ndarray) -> Setup:
        """Return the descent from these factors, observed after these numbers of steps."""
        x, y, _ = self.regression
        problem = mf.Objective(self.unit, mf.Square(), x, y, kernel=mf.integrals.Dense())
        start, flow = self.unit.particle(factors), mf.GradientFlow(1 / self.steps)
        return Setup(problem, start, flow, steps / self.steps, [mf.Risk(), mf.Positions()])

    def matrices(self, run: mf.Trajectory) -> np.ndarray:
        """Return W at the times observed, [T, k, d]."""
        return np.stack([self.unit.matrix(np.asarray(theta[0]), INPUTS) for theta in run.values["positions"]])

    def rule(self, steps: np.ndarray, exponent: float = 1.0) -> np.ndarray:
        """Return W by the end-to-end rule after these numbers of steps, [T, k, d]."""
        x, y, matrix = self.regression
        path = [matrix]
        for more in np.diff(steps):
            path.append(depth.end_to_end(path[-1], x, y, 1 / self.steps, int(more), self.depth, exponent=exponent))
        return np.stack(path)

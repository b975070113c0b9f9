"""Curves of test risk against numbers of random features and of tangent models, by closed forms on either data."""

from abc import abstractmethod

import numpy as np

from simulations import Experiment, choice, count, grid, number
from simulations.generalisation.digits import IMAGES
from simulations.generalisation.random_features import (
    Sample,
    activated,
    neurons,
    of_a_teacher,
    of_digits,
    tangent_features,
    tangent_widths,
)
from theory.double_descent import least_squares

FEATURES = (0.1, 0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 4.0, 10.0)
"""m/n of random features."""


class Features(Experiment):
    """Test risks of features of random neurons at several widths, in several draws of data and neurons."""

    activation: str = choice("relu", "of the neurons", among=("relu", "tanh"))
    samples: int = count(40, "n", "training samples")
    ridge: float = number(0.01, "λ", "penalty (λ/2)|a|²", unit="share of the mean feature, squared", at_least=0)
    replicas: int = count(9, "R", "draws of data and neurons in a curve")

    @abstractmethod
    def sample(self, random: np.random.Generator) -> Sample:
        """Return the data of one draw."""

    def features(self, theta: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return the features of neurons, [n, p]."""
        return activated(self.activation, theta, x) / np.sqrt(len(theta))

    def widths(self) -> tuple[np.ndarray, np.ndarray]:
        """Return numbers of neurons, and of parameters that count, [k] each."""
        widths = np.unique([max(1, round(ratio * self.samples)) for ratio in FEATURES])
        return widths, widths

    def run(self):
        """Risks of least norm and with ridge, residuals of training and their rounding, [k, R] each."""
        random, (widths, counted) = self.generator("draws"), self.widths()
        table = np.empty((4, len(widths), self.replicas))
        for replica in range(self.replicas):
            x, y, x_test, y_test = self.sample(random)
            for k, m in enumerate(widths):
                theta = neurons(random, int(m), x.shape[1])
                inside, outside = self.features(theta, x), self.features(theta, x_test)
                free, held = least_squares(inside, y), least_squares(inside, y, self.ridge)
                residual = np.linalg.norm(inside @ free - y)
                size = np.linalg.norm(inside) * np.linalg.norm(free) + np.linalg.norm(y)
                risks = [np.mean((outside @ a - y_test) ** 2) for a in (free, held)]
                table[:, k, replica] = *risks, residual, np.finfo(float).eps * sum(inside.shape) * size
        names = ("risk", "ridge_risk", "train_residual", "rounding")
        return {"widths": widths, "parameters": counted} | dict(zip(names, table, strict=True))


class Teacher(Features):
    """Random features of normal inputs, targets of a network of three neurons."""

    dimension: int = count(20, "d", "inputs")
    noise: float = number(0.2, "σ", "standard deviation of targets about the truth", unit="target units", at_least=0)
    sizes = grid(
        smoke={"samples": 30, "replicas": 15, "seeds": 8},
        default={"samples": 100, "replicas": 15, "seeds": 10},
        large={"samples": 1000, "dimension": 100, "replicas": 15, "seeds": 10},
    )

    def sample(self, random):
        return of_a_teacher(random, self.samples, self.dimension, self.noise)


class Digits(Features):
    """Random features of the digits 3 and 8, with labels of which some are wrong."""

    samples: int = count(40, "n", "training samples, at most half of the images", at_most=(IMAGES[3] + IMAGES[8]) // 2)
    flipped: float = number(0.1, "", "labels that are wrong", unit="share", at_least=0, at_most=1)
    sizes = grid(
        smoke={"samples": 30, "replicas": 8, "seeds": 8},
        default={"samples": 100, "replicas": 15, "seeds": 10},
        large={"samples": 150, "replicas": 50, "seeds": 10},
    )

    def sample(self, random):
        return of_digits(random, self.samples, self.flipped)


class Tangent(Teacher):
    """Tangent models of networks, on the data of the same teacher."""

    dimension: int = count(5, "d", "inputs")
    noise: float = number(0.5, "σ", "standard deviation of targets about the truth", unit="target units", at_least=0)
    sizes = grid(
        smoke=[
            {"activation": "relu", "samples": 30, "replicas": 24, "seeds": 8},
            {"activation": "tanh", "samples": 30, "replicas": 15, "seeds": 8},
        ],
        default={"activation": ("relu", "tanh"), "samples": 60, "replicas": 40, "seeds": 10},
        large={"activation": ("relu", "tanh"), "samples": 600, "replicas": 40, "seeds": 10},
    )

    def features(self, theta, x):
        return tangent_features(self.activation, theta, x)

    def widths(self):
        return tangent_widths(self.samples, self.dimension, self.activation)

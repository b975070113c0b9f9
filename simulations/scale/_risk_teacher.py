"""The part teacher: ReLU networks, mean-field and lazy, that learn one neuron of unknown direction."""

import functools

import numpy as np

import meanfield as mf
from simulations.scale._risk_parameters import Parameters, clock
from theory.linear_bound import linear_bound

SHARED = 128
"""Fewer training samples come several times over where this is a multiple of them: the mean over samples is the
same, and so is the program.
"""

TESTED = 1000
"""Test inputs (count)."""


def simulate(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Test risk [T] of ReLU networks trained on inputs on the sphere of radius √d; the teacher is ReLU(u·x)."""
    random = np.random.default_rng([run.seed, run.samples, run.dimension])  # data and start are shared by every α
    direction = random.normal(size=(run.replicas, run.dimension))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    x = random.normal(size=(run.replicas, run.samples + TESTED, run.dimension))
    x *= np.sqrt(run.dimension) / np.linalg.norm(x, axis=2, keepdims=True)
    y = np.maximum(np.einsum("rnd,rd->rn", x, direction), 0)
    theta = random.normal(size=(run.replicas, run.particles // 2, 1 + run.dimension))
    theta[..., 0], theta[..., 1:] = np.sign(theta[..., 0]), theta[..., 1:] / np.sqrt(run.dimension)
    theta = np.concatenate([theta, theta * np.where(np.arange(1 + run.dimension) < 1, -1.0, 1.0)], axis=1)
    n = run.samples
    again = max(1, SHARED // n) if SHARED % n == 0 else 1
    risks, times = [], clock(run)
    for i in range(run.replicas):
        inputs, labels, start = (part[i].astype(np.float32) for part in (x, y, theta))
        data = np.tile(inputs[:n], (again, 1)), np.tile(labels[:n], again)
        objective = mf.Objective(mf.Neuron("relu"), mf.Square(), *data, scale=run.alpha)
        trained = mf.simulate(
            objective,
            mf.GradientFlow(run.step),
            mf.Particles(start),
            times=times,
            observables=[mf.TestRisk(inputs[n:], labels[n:])],
        )
        if not trained.done:
            return {"times": trained.times}, trained.status
        risks.append(trained.values["test_risk"])
    return {"times": times, "risk": np.mean(risks, axis=0)}, "done"


def predict(run: Parameters) -> dict[str, np.ndarray]:
    """Lower bound of the test risk of predictors in n fixed functions, mean over directions of the teacher."""
    return {"bound": np.array([_bound(run.dimension, run.samples)])}


@functools.lru_cache(maxsize=64)
def _bound(dimension: int, samples: int) -> float:
    return linear_bound(lambda z: np.maximum(z, 0), dimension, samples)

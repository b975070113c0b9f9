"""The part lazy: tangent models of m ReLU particles on the whole circle, by gradient flow.

Risks are averaged over the phases of the target.
"""

import functools
import math

import equinox as eqx
import jax
import numpy as np

import meanfield as mf
from simulations.scale._risk_parameters import Parameters, alone, generator, masses
from theory import compute_frontier


def simulate(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Risk [T] of tangent models, the mean over networks, and its linear part, whose mean is zero."""
    problem, times, random = _circle(run.samples, run.source), _clock(run), generator(run)
    covariance = _covariance(run.samples, run.source)
    mass, risk, linear = masses(run.particles), np.zeros(len(times)), np.zeros(len(times))
    for _ in range(run.replicas):
        theta = random.normal(size=(len(mass), 3))
        theta[:, 0] = np.sign(theta[:, 0])
        with jax.enable_x64(True):
            kernel = np.asarray(_kernel(mf.Neuron("relu"), theta, mass, problem.x))
        values, vectors = np.linalg.eigh(_reduced(kernel, problem.x) / run.samples)
        shares = np.sum(vectors * (covariance @ vectors), axis=0)
        risk += np.exp(-2 * np.outer(times, np.maximum(values, 0))) @ shares / 2
        linear += compute_frontier.linear_term(problem, kernel, times)
    operations = 4 * run.particles * run.samples * 2 * times / run.step
    return {
        "times": times,
        "operations": operations,
        "risk": risk / run.replicas,
        "linear": linear / run.replicas,
    }, "done"


def predict(run: Parameters) -> dict[str, np.ndarray]:
    """Risk [T] of infinitely many particles, and V [T], its excess in m particles times m, as m → ∞."""
    risk, variance = _expansion(alone(run))
    return {"limit_risk": risk, "variance": variance}


def _clock(run: Parameters) -> np.ndarray:
    """Times that are looked at, four per octave and five at least (mean-field time)."""
    return np.geomspace(run.step, run.time, 1 + max(4, round(4 * math.log2(run.time / run.step))))


@functools.lru_cache(maxsize=4)
def _circle(inputs: int, source: float) -> compute_frontier.Circle:
    return compute_frontier.circle(inputs, source)


@functools.lru_cache(maxsize=8)
def _expansion(run: Parameters) -> tuple[np.ndarray, np.ndarray]:
    problem = _circle(run.samples, run.source)
    return compute_frontier.limit_risk(problem, _clock(run)), compute_frontier.variance(problem, _clock(run))


@functools.lru_cache(maxsize=4)
def _covariance(inputs: int, source: float) -> np.ndarray:
    """Covariance of the target in the basis of `_reduced`."""
    problem, shifts = _circle(inputs, source), np.arange(inputs)
    return _reduced(np.fft.ifft(problem.power).real[(shifts[:, None] - shifts) % inputs], problem.x)


def _reduced(matrix: np.ndarray, x: np.ndarray) -> np.ndarray:
    """A matrix [N, N] of the inputs in an orthonormal basis of what ReLU networks reach on the circle: N/2 even
    functions and two linear ones.
    """
    half, linear = len(x) // 2, x * np.sqrt(2 / len(x))
    top, bottom = matrix[:half], matrix[half:]
    even = (top[:, :half] + top[:, half:] + bottom[:, :half] + bottom[:, half:]) / 2
    mixed = matrix @ linear
    across = (mixed[:half] + mixed[half:]) / np.sqrt(2)
    return np.block([[even, across], [across.T, linear.T @ mixed]])


@eqx.filter_jit
def _kernel(unit, theta, mass, x):
    return mf.tangent_kernel(unit, mf.Particles(theta, mass), x)

"""The part mean_field: excess risk of m tanh particles over infinitely many, both trained on a ramp on the line."""

import functools

import jax
import numpy as np

import meanfield as mf
from simulations.scale._risk_parameters import Parameters, alone, clock, generator, masses
from theory import chaos

BOX = (1.5, 2.0, 2.0)
"""Half-widths of the box on which (a, w, b) starts uniformly (parameter)."""

NODES = (10, 16, 16)
"""Quadrature nodes of the box, for the limit."""


def simulate(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Test risk of trained networks [T], and its part at the end that is linear in the draw, whose mean is zero."""
    x, z = line(run.samples)
    mass = masses(run.particles)
    theta = generator(run).uniform(-1, 1, (run.replicas, len(mass), len(BOX))) * BOX
    with jax.enable_x64(True):
        objective = mf.Objective(mf.Neuron("tanh", bias=True), mf.Square(), x, target(x), scale=run.scale)
        networks = mf.simulate_replicas(
            objective,
            mf.GradientFlow(run.step),
            [mf.Particles(position, mass) for position in theta],
            times=clock(run),
            observables=[mf.TestRisk(z, target(z))],
        )
    values = {
        "times": np.asarray(networks[0].times),
        "risk": np.mean([network.values["test_risk"] for network in networks], axis=0),
    }
    values["operations"] = 4 * run.particles * run.samples * values["times"] / run.step
    if run.exponent == 0:
        path_z, psi = _limit(alone(run))[1][-1], _response(alone(run), float(clock(run)[-1]))
        parts = np.array_split(theta[:, : run.particles].reshape(-1, len(BOX)), max(1, theta[..., 0].size // 20_000))
        moved = np.concatenate([psi[0].at(part) for part in parts]).reshape(run.replicas, run.particles, -1)
        values["linear"] = np.mean((moved.mean(axis=(0, 1)) - psi[1]) * (path_z - target(z)))
    return values, next((network.status for network in networks if not network.done), "done")


def predict(run: Parameters) -> dict[str, np.ndarray]:
    """Test risk [T] of infinitely many particles."""
    return {"limit_risk": _limit(alone(run))[2]}


def target(z: np.ndarray) -> np.ndarray:
    """Return the targets of networks on the line: a ramp [n] of inputs [n, 1]."""
    return 0.3 + 0.5 * np.tanh(z[:, 0])


def line(samples: int) -> tuple[np.ndarray, np.ndarray]:
    """(training inputs [n, 1], test inputs [33, 1]) on the line."""
    return np.linspace(-1.5, 1.5, samples)[:, None], np.linspace(-1.5, 1.5, 33)[:, None]


@functools.lru_cache(maxsize=8)
def _limit(run: Parameters) -> tuple[chaos.Descent, np.ndarray, np.ndarray]:
    """(the descent of infinitely many particles, what it predicts on the test inputs [T, q], its test risk [T])."""
    (x, z), steps = line(run.samples), np.rint(clock(run) / run.step).astype(int)
    nodes, mass = chaos.box_nodes(BOX, NODES)
    path = chaos.descend(nodes, mass, x, target(x), step=run.step, steps=int(steps[-1]), scale=run.alpha)
    f = np.stack([chaos.predict(path, z, k) for k in steps])
    return path, f, np.mean((f - target(z)) ** 2, axis=1) / 2


@functools.lru_cache(maxsize=8)
def _response(run: Parameters, time: float) -> tuple[chaos.Response, np.ndarray]:
    path, _, _ = _limit(run)
    psi = chaos.response(path, line(run.samples)[1], round(time / run.step))
    return psi, path.mass @ psi.at(path.position[0])

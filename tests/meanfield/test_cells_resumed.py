"""A dozen cells of flows, with a memory of every kind, killed and resumed, in chunks, and as replicas."""

import signal

import jax
import numpy as np
import pytest

import meanfield as mf
from tests.meanfield import cells
from tests.meanfield.cells import Cell

pytestmark = pytest.mark.usefixtures("x64")

CELLS = [
    Cell("full", "HeavyBall", None, "BirthDeath", variant=True),
    Cell("full", "RK4", "Brownian", "Growth", "input", outputs=3),
    Cell("full", "RKC", None, None, "output"),
    Cell("full", "Tsit5", None, None, "mask", "linearised"),
    Cell("batch", "adam", "Brownian", "BirthDeath", loss="logistic"),
    Cell("distinct", "Heun", None, "Growth", "mask", centred=True),
    Cell("scheduled", "adam", None, None, "output", "linearised", 3),
    Cell("stream", "HeavyBall", "Brownian", None, "input", outputs=3, loss="logistic"),
    Cell("SAGA", "Euler", None, "BirthDeath"),
    Cell("SAGA", "sgd", "Brownian", None, "mask", "linearised", variant=True),
    Cell("SAG", "Heun", None, "Growth", "input"),
    Cell("SVRG", "HeavyBall", "Brownian", "Growth", "output", variant=True),
]
TIMES = [0.0, 1.5, 6.0]


class Interrupt:
    """A reporter that presses Ctrl-C when it is told for the second time."""

    def __init__(self):
        self.told = 0

    def update(self, *_):
        self.told += 1
        if self.told == 2:
            signal.raise_signal(signal.SIGINT)

    def close(self):
        return None


def bits(run):
    """All that a trajectory holds but the seconds."""
    arrays = [run.times, *run.values.values(), run.particles.position, run.particles.mass]
    return run.status, run.stats["steps"], run.stats["evaluations"], [np.asarray(array).tobytes() for array in arrays]


@pytest.mark.parametrize("cell", CELLS, ids=str)
@pytest.mark.turns(8)
def test_pieces_and_replicas_are_the_whole(cell, tmp_path):
    """Chunks, and a run that was stopped and went on, to the bit; replicas within the rounding that they state."""
    (problem, mu, _), flow = cells.problem(cell), cells.flow(cell)
    options = {"times": TIMES, "observables": [mf.Risk(), mf.Displacement()]}
    keys = list(jax.random.split(jax.random.key(1)))
    whole = mf.simulate(problem, flow, mu, key=keys[0], **options)
    assert whole.done
    assert whole.stats["steps"] > 4
    for chunk in (3, 7):
        assert bits(mf.simulate(problem, flow, mu, key=keys[0], chunk=chunk, **options)) == bits(whole)

    stopped = mf.simulate(problem, flow, mu, key=keys[0], chunk=1, progress=Interrupt(), checkpoint=tmp_path, **options)
    assert stopped.status.endswith("interrupted")
    assert 0 < stopped.stats["steps"] < whole.stats["steps"]
    resumed = mf.simulate(problem, flow, mu, key=keys[0], checkpoint=tmp_path, **options)
    assert bits(resumed) == bits(whole)
    # control: the same positions with the memory and the key of a start are another simulation
    fresh = mf.simulate(problem, flow, stopped.particles, key=keys[0], **options)
    assert bits(fresh) != bits(whole)

    others = [mu, mu.moved(mu.position * 1.01)]
    alone = [whole, mf.simulate(problem, flow, others[1], key=keys[1], **options)]
    batch = mf.simulate_replicas(problem, flow, others, keys=keys, **options)
    for run, other in zip(batch, alone, strict=True):
        assert run.status == other.status
        assert all(run.stats[name] == other.stats[name] for name in ("steps", "evaluations"))
        unit = 4 * (1 + other.stats["evaluations"]) * np.finfo(float).eps
        pairs = [(run.particles.position, other.particles.position), (run.particles.mass, other.particles.mass)]
        pairs += [(run.values[name], other.values[name]) for name in run.values]
        for a, b in pairs:
            assert np.abs(np.asarray(a) - b).max() <= unit * max(1, np.abs(b).max())
    assert np.any(batch[0].particles.position != batch[1].particles.position)

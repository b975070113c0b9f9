"""How simulations end: each outcome, the sentence that says it, and the file that keeps it."""

import re

import jax
import numpy as np
import pytest

import meanfield as mf
from meanfield.flows import clocks
from meanfield.simulation import simulate as loop
from meanfield.simulation.outcome import Ending

pytestmark = pytest.mark.fast

UNIT = mf.Neuron("linear")
OBJECTIVE = mf.Objective(UNIT, mf.Square(), x=np.eye(2), y=np.ones(2))
MU = mf.Particles.gaussian(jax.random.key(0), UNIT, m=8, d=2)


class Interrupts:
    """A reporter that presses Ctrl-C."""

    def update(self, time, final, step, risk):
        raise KeyboardInterrupt

    def close(self):
        pass


def ended(flow=None, **options):
    return mf.simulate(OBJECTIVE, flow or mf.GradientFlow(0.5), MU, **{"times": [0, 400.0], "chunk": 10} | options)


WAYS = {
    mf.Outcome.DONE: ({}, "done"),
    mf.Outcome.DIVERGED: ({"flow": mf.GradientFlow(10.0)}, r"diverged at t = .*: lower the step .*"),
    mf.Outcome.TIME_LIMIT: ({"time_limit": 0.0}, r"stopped at t = 0: the time limit was reached"),
    mf.Outcome.INTERRUPTED: ({"progress": Interrupts()}, r"stopped at t = [05]: interrupted"),
}


@pytest.mark.parametrize("outcome", WAYS)
def test_outcomes(outcome, tmp_path):
    """Alone, as a replica, and read from a file: the same outcome, advice and sentence."""
    options, sentence = WAYS[outcome]
    run = ended(**options)
    assert run.outcome is outcome
    assert run.done == (outcome is mf.Outcome.DONE)
    assert re.fullmatch(sentence, run.status)
    run.save(tmp_path / "run.npz")
    again = mf.Trajectory.load(tmp_path / "run.npz")
    assert again.ended == run.ended
    assert again.status == run.status
    flow, rest = options.get("flow", mf.GradientFlow(0.5)), {k: v for k, v in options.items() if k != "flow"}
    (one,) = mf.simulate_replicas([OBJECTIVE], [flow], [MU], **{"times": [0, 400.0], "chunk": 10} | rest)
    assert one.outcome is outcome
    assert one.ended.advice == run.ended.advice


def test_more_steps_than_can_be_counted(monkeypatch):
    monkeypatch.setattr(loop, "MAX_STEPS", 7)
    run = ended(mf.AdaptiveFlow(rtol=1e-5, atol=1e-6), times=[0, 500.0])
    assert run.outcome is mf.Outcome.STEP_LIMIT
    assert run.stats["steps"] == 7
    assert clocks.MAX_STEPS == 2**31 - 1
    assert "can be counted" in run.status


def test_a_checkpoint_is_advice(tmp_path):
    run = ended(progress=Interrupts(), checkpoint=tmp_path / "there")
    assert run.outcome is mf.Outcome.INTERRUPTED
    assert str(tmp_path / "there") in run.ended.advice
    assert run.status == f"stopped at t = {run.ended.time:.6g}, {run.ended.advice}: interrupted"


def test_files_of_an_earlier_format_are_told(tmp_path):
    path = tmp_path / "run.npz"
    ended().save(path)
    with np.load(path) as archive:
        arrays = dict(archive)
    about = arrays["about"].tobytes().replace(b"trajectory 2", b"trajectory 1")
    np.savez(path, **arrays | {"about": np.frombuffer(about, np.uint8)})
    with pytest.raises(ValueError, match=r"written by meanfield .* earlier format"):
        mf.Trajectory.load(path)


def test_every_outcome_is_said():
    assert len({str(Ending(outcome, 1.0, "a")) for outcome in mf.Outcome}) == len(mf.Outcome)
    assert not any(Ending(way, 1.0).stopped for way in (mf.Outcome.DONE, mf.Outcome.DIVERGED))

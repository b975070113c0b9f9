"""Experiments whose run is several simulations: each is as it is alone, and a status is never lost."""

import jax
import numpy as np
import pytest

import meanfield as mf
import simulations
from simulations import count, grid, number
from simulations.study.simulation import simulated

X = np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])
UNIT = mf.Neuron("tanh")


class Compared(simulations.Simulations):
    """One start that follows two flows, and several that follow one with noise."""

    step: float = number(0.1, "h", "step", above=0)
    copies: int = count(2, "", "noisy copies")
    sizes = grid(smoke={"step": (0.1, 0.05), "seeds": 9})

    def parts(self):
        problem = mf.Objective(UNIT, mf.Square(), X, X[:, 0] - X[:, 1])
        return problem, mf.Particles.gaussian(self.key("start"), UNIT, m=6, d=2)

    def setups(self):
        problem, start = self.parts()
        noisy = simulations.Setup(problem, start, mf.Langevin(self.step, 0.1), [0.0, 1.0], [mf.Positions()])
        plain = {
            "descent": simulations.Setup(problem, start, mf.GradientFlow(self.step), [0.0, 1.0]),
            "momentum": simulations.Setup(problem, start, mf.HeavyBall(self.step, 0.9), [0.0, 1.0]),
        }
        return {**plain, "noisy": [noisy] * self.copies}

    def measure(self, runs):
        ends = np.array([run.values["positions"][-1] for run in runs["noisy"]])
        return {"ends": ends, **{name: runs[name].values["risk"] for name in ("descent", "momentum")}}

    def theory(self):
        return {"starts_at": 0.0}


STUDY = simulations.Study("compared", "limits", "flows compared", experiments=(Compared,))


def test_each_simulation_is_as_it_is_alone():
    """18 runs in one program a name; noise differs from copy to copy, from run to run, and not by company."""
    records = simulations.run(STUDY, "smoke")
    assert len(records) == 18
    for record in list(records)[::5]:
        run = Compared(step=record["step"], seed=record["seed"])
        with jax.enable_x64(True):
            ((alone, status),) = simulated([run])
            problem, start = run.parts()
            plain = mf.simulate(problem, mf.GradientFlow(run.step), start, times=[0.0, 1.0])
        assert (status, record.status) == ("done", "done")
        np.testing.assert_allclose(record["descent"], plain.values["risk"], rtol=1e-12)
        for name in ("descent", "momentum", "ends"):
            np.testing.assert_allclose(record[name], alone[name], rtol=1e-11, atol=1e-13)
        assert float(record["starts_at"]) == 0
    ends = np.array([record["ends"] for record in records])
    assert len(np.unique(ends.reshape(36, -1)[:, 0])) == 36


class Lost(Compared):
    """The same with a step that is far too long for one of them."""

    name = "lost"
    sizes = grid(smoke={"seeds": 2})

    def setups(self):
        problem, start = self.parts()
        good = simulations.Setup(problem, start, mf.GradientFlow(0.1), [0.0, 1.0])
        return {"good": good, "bad": simulations.Setup(problem, start, mf.GradientFlow(1e30), [0.0, 1e31])}

    def measure(self, runs):
        return {"reached": runs["bad"].done}

    def theory(self):
        return {}


def test_a_simulation_that_diverges_is_the_status_of_the_run():
    records = simulations.run(simulations.Study("lost", "limits", "lost", experiments=(Lost,)), "smoke")
    assert all(record.status.startswith("diverged") for record in records)
    assert all(record.values == {} for record in records)  # nothing is measured
    assert len(records.done) == 0


def test_where_divergence_is_a_finding_the_run_is_done():
    class Found(Lost):
        divergence = True

    records = simulations.run(simulations.Study("found", "limits", "found", experiments=(Found,)), "smoke")
    assert [record.status for record in records] == ["done"] * 2
    assert not any(bool(record["reached"]) for record in records)


def test_a_value_that_is_measured_and_predicted_is_refused():
    class Twice(Lost):
        divergence = True

        def theory(self):
            return {"reached": True}

    with pytest.raises(ValueError, match="twice: reached is observed, measured or predicted twice"):
        Twice().run()


def test_an_animation_is_of_an_experiment():
    scene = simulations.Scene("a", ("x",), ("x", "f"), "t", {"risk": "risk"}, {"step": "h"}, "a dot", "step")
    study = simulations.Study(
        "compared", "limits", "flows", experiments=(Lost,), animation=simulations.Animation(Compared, scene)
    )
    assert simulations.motion(study).study.experiments == (Compared,)
    assert study.experiment("compared") is Compared
    assert {run.experiment for run in study.grid("smoke", None, 0)} == {"lost"}
    with pytest.raises(ValueError, match="experiment='int': expected a subclass of Experiment"):
        simulations.Animation("int", scene)
    with pytest.raises(ValueError, match="scene="):
        simulations.Animation(Compared, "scene")

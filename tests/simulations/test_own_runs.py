"""Runs of a user's own as a moving picture: what is drawn is what the network is, computed here without the engine."""

import jax
import numpy as np
import pytest

import meanfield as mf
import simulations
from meanfield.command.main import main

KEY = jax.random.key(0)


def run(d=2, scale=1.0, bias=False, times=(0, 1, 2)):
    unit = mf.Neuron("relu", bias=bias)
    data = mf.datasets.teacher(KEY, n=12, d=d)
    problem = mf.Objective(unit, mf.Square(), data.x, data.y, scale=scale)
    start = mf.Particles.gaussian(jax.random.key(1), unit, m=6, d=d)
    return mf.simulate(problem, mf.GradientFlow(0.5), start, times=times, observables=[mf.Positions(), mf.Risk()])


@pytest.mark.parametrize(("d", "bias", "scale"), [(1, True, 1.0), (2, False, 10.0), (5, False, 1.0)])
def test_particles_and_predictor(d, bias, scale):
    mine = run(d, scale, bias=bias)
    motion, (record,) = simulations.own_motion(mine)
    assert motion.scene.plane[0].startswith("|a| w")
    for k, theta in enumerate(np.asarray(mine.values["positions"], float)):
        a, rest = theta[:, 0], theta[:, 1:]
        np.testing.assert_allclose(record["weights"][k], a * np.linalg.norm(rest, axis=1) / 6, rtol=1e-5)
        drawn = np.abs(a)[:, None] * rest
        if drawn.shape[1] == 2:
            np.testing.assert_allclose(record["particles"][k], drawn, rtol=1e-5, atol=1e-6)
        else:  # an orthogonal projection: no longer than what is projected, and all of it for two directions
            lengths = np.linalg.norm(record["particles"][k], axis=1)
            assert np.all(lengths <= np.linalg.norm(drawn, axis=1) * (1 + 1e-5))
        if d == 1:
            x = record["grid"][:, None]
            f = scale * np.mean(a * np.maximum(x @ rest[:, :1].T + rest[:, 1], 0), axis=1)
            np.testing.assert_allclose(record["functions"][k], f, atol=1e-5)
    np.testing.assert_array_equal(record["target"], record["functions"][-1])
    np.testing.assert_allclose(record["curve_risk"], mine.values["risk"])
    assert ("samples" in record.values) == (d <= 2)


def test_inputs_on_a_circle_are_an_angle():
    unit, angles = mf.Neuron("tanh"), np.linspace(-3, 3, 9)
    x = 2 * np.column_stack([np.cos(angles), np.sin(angles)])
    problem = mf.Objective(unit, mf.Square(), x, np.sin(angles))
    start = mf.Particles.gaussian(KEY, unit, m=4, d=2)
    mine = mf.simulate(problem, mf.GradientFlow(0.1), start, times=[0, 1], observables=[mf.Positions()])
    motion, (record,) = simulations.own_motion(mine)
    assert motion.scene.function[0] == "direction of the input x (degrees)"
    np.testing.assert_allclose(record["samples"][:, 0], np.degrees(angles), atol=1e-3)
    at = int(np.argmin(np.abs(record["grid"] - 30)))
    turned = np.radians(record["grid"][at])
    theta = np.asarray(mine.values["positions"][-1], float)
    f = np.mean(theta[:, 0] * np.tanh(2 * (theta[:, 1] * np.cos(turned) + theta[:, 2] * np.sin(turned))))
    np.testing.assert_allclose(record["functions"][-1][at], f, atol=1e-5)


def test_several_runs_are_a_slider_in_the_order_of_their_numbers():
    motion, records = simulations.own_motion({100.0: run(scale=100.0), 1.0: run()}, title="Mine")
    assert (motion.scene.title, dict(motion.scene.sliders)) == ("Mine", {"run": "run"})
    assert sorted(record.parameters["run"] for record in records) == [1.0, 100.0]
    assert motion.study.summary == "2 runs of 6 particles"


@pytest.mark.parametrize(
    ("runs", "sentence"),
    [
        (dict, "expected a Trajectory, or several"),
        (lambda: 3, "runs=3: expected a Trajectory, as mf.simulate returns it"),
        (lambda: {"a": run(), "b": "run"}, r"runs\['b'\]='run': expected a Trajectory"),
        (lambda: run(times=(1,)), "no positions at two times or more; observe mf.Positions"),
        (lambda: {"a": run(), "b": run(3)}, "expected networks of one unit and as many inputs"),
    ],
)
def test_refusals(runs, sentence):
    with pytest.raises(ValueError, match=sentence):
        simulations.own_motion(runs())


def test_several_outputs_are_refused():
    unit = mf.Neuron("relu", outputs=2)
    problem = mf.Objective(unit, mf.Square(), np.eye(2), np.ones((2, 2)))
    start = mf.Particles.gaussian(KEY, unit, m=4, d=2)
    mine = mf.simulate(problem, mf.GradientFlow(0.1), start, times=[0, 1], observables=[mf.Positions()])
    with pytest.raises(ValueError, match="runs: has several outputs; expected one"):
        simulations.own_motion(mine)


def test_the_command_takes_files(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run().save("rich.npz")
    run(scale=100.0).save("lazy.npz")
    assert main(["explore", "rich.npz", "lazy.npz", "--title", "Mine & yours"]) == 0
    page = (tmp_path / "rich.html").read_text("utf-8")
    assert "<h1>Mine &amp; yours</h1>" in page
    assert capsys.readouterr().out.strip() == "rich.html"
    for words, sentence in (
        (["explore", "none.npz"], "none.npz"),
        (["explore", "rich.npz", "rich.npz"], "expected files of different names"),
        (["explore", "rich.npz", "--out", "rich.txt"], "expected the path of an .html file"),
    ):
        assert main(words) == 2
        assert sentence in capsys.readouterr().err

"""Motions: every record holds what a film and an explorer need, and shows what its title says."""

import dataclasses
import functools

import numpy as np
import pytest

import simulations
from simulations.optimisation.spikes import signed
from simulations.study.motion import Motion

pytestmark = pytest.mark.fast


@functools.cache
def smoke(study: str) -> tuple[Motion, simulations.Records]:
    motion = simulations.motion(study)
    return motion, simulations.run(motion.study, "smoke")


def ends(study: str) -> tuple[dict, dict]:
    """The values at the smallest and at the largest of what is shown side by side."""
    motion, records = smoke(study)
    ordered = sorted(records, key=lambda record: record.parameters[motion.scene.beside])
    return ordered[0].values, ordered[-1].values


@pytest.mark.parametrize("study", simulations.MOTIONS)
def test_records_fulfil_the_schema(study):
    motion, records = smoke(study)
    for record in records:
        assert record.status == "done"
        v = record.values
        frames, m, coordinates = v["particles"].shape
        assert frames == len(v["times"]) >= 10
        assert m == record.parameters["particles"]
        assert coordinates == len(motion.scene.plane)
        assert v["weights"].shape == (frames, m)
        assert v["functions"].shape == (frames, len(v["grid"]))
        assert v["target"].shape in ((len(v["grid"]),), (frames, len(v["grid"])))
        assert v["times"][0] == 0
        assert np.all(np.diff(v["times"]) > 0)
        assert np.all(np.diff(v["grid"]) > 0)
        for name in ("samples", "marks"):
            assert name not in v or (v[name].ndim, v[name].shape[1]) == (2, 2)
        assert {"curve_risk", "curve_energy"} & set(v)
        assert {f"curve_{name}" for name in motion.scene.curves} == {name for name in v if name.startswith("curve_")}
        assert all(v[f"curve_{name}"].shape == (frames,) for name in motion.scene.curves)
        # At first nothing has moved yet.
        assert all(np.all(v[f"curve_{name}"][1:] > 0) for name in motion.scene.logarithmic)
        assert all(np.all(np.isfinite(value)) for value in v.values())
        assert v["particles"].dtype == v["weights"].dtype == np.float32


@pytest.mark.parametrize("study", simulations.MOTIONS)
def test_scene_and_grids_fit(study):
    """Sliders are documented parameters; every size has two values to be shown side by side; seeds are disjoint."""
    motion = simulations.motion(study)
    found, scene = motion.study, motion.scene
    fields = {field.name for field in dataclasses.fields(found.parameters) if field.init}
    assert set(simulations.field_docs(found.parameters)) == fields
    assert scene.beside in scene.sliders
    assert set(scene.sliders) <= fields
    assert set(scene.logarithmic) <= set(scene.curves)
    runs = {size: found.grid(size, None, 0) for size in ("smoke", "default", "large")}
    assert len(runs["smoke"]) < len(runs["default"]) < len(runs["large"])
    for several in runs.values():
        assert len({getattr(run, scene.beside) for run in several}) > 1
    assert not {run.seed for run in found.grid("smoke", None, 1000)} & {run.seed for run in runs["smoke"]}
    assert len(found.grid("smoke", 3, 0)) == 3 * len(runs["smoke"])


def test_spikes_weigh_what_their_masses_and_output_weights_say():
    positions, masses = np.array([[[1.0, 0.2], [-3.0, 0.7]]]), np.array([[0.5, 2.0]])
    assert signed(positions, masses).tolist() == [[0.5, -6.0]]


def test_mean_field_neurons_move_and_lazy_ones_do_not():
    feature, lazy = ends("lazy_scaling")
    moved = [np.abs(v["particles"][-1] - v["particles"][0]).max() for v in (feature, lazy)]
    assert moved[0] > 20 * moved[1]
    for v in (feature, lazy):
        assert np.all(np.diff(v["curve_risk"]) < 0)  # a gradient flow of the risk alone
    # How far the lazy one is by then depends on the slow modes of its draw; the other one is far ahead of it.
    assert feature["curve_risk"][-1] < 0.05 * feature["curve_risk"][0]
    assert feature["curve_risk"][-1] < 0.5 * lazy["curve_risk"][-1] < 0.05 * lazy["curve_risk"][0]
    # The predictor is the sum of what particles contribute: f(x) = Σ weight · σ(direction · x).
    length = np.maximum(np.linalg.norm(feature["particles"][-1], axis=1, keepdims=True), 1e-12)

    def predicted(degrees):
        turn = np.radians(degrees)
        units = np.maximum(feature["particles"][-1] / length @ np.array([np.cos(turn), np.sin(turn)]), 0)
        return feature["weights"][-1] @ units

    np.testing.assert_allclose(predicted(feature["grid"]), feature["functions"][-1], atol=1e-4)
    # The functions are drawn where the samples lie: what the predictor misses there is the risk.
    angle, y = feature["samples"].T
    drawn = np.interp(angle, feature["grid"], feature["functions"][-1])
    np.testing.assert_allclose(drawn, predicted(angle), atol=0.01)
    np.testing.assert_allclose(np.mean((predicted(angle) - y) ** 2) / 2, feature["curve_risk"][-1], rtol=1e-2)


def test_few_particles_miss_spikes_and_enough_find_all():
    few, enough = ends("sparse_deconvolution")
    assert few["curve_certificate"][-1] > 2
    assert enough["curve_certificate"][-1] < 1.01
    assert enough["curve_excess"][-1] < 1e-3 * enough["curve_excess"][0]
    np.testing.assert_array_equal(enough["particles"][:, :, 1], enough["weights"])


def test_many_noisy_particles_follow_their_law():
    few, many = ends("langevin")
    assert many["curve_distance"].mean() < 0.3 * few["curve_distance"].mean()
    for name in ("functions", "target"):
        mass = many[name].sum(axis=1) * np.diff(many["grid"])[0]
        np.testing.assert_allclose(mass, 1, atol=1e-2)


def test_a_strong_critic_spreads_the_points():
    weak, strong = ends("mode_collapse")
    assert weak["curve_modes"][-1] < 5
    assert strong["curve_modes"][-1] > 7
    assert strong["target"].sum() * np.diff(strong["grid"])[0] == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    ("study", "values", "sentence"),
    [
        ("lazy_scaling", {"particles": 3}, "particles=3: expected an even number"),
        ("lazy_scaling", {"frames": 2}, "frames=2: expected a whole number of at least 3"),
        ("langevin", {"time": 0.01}, "time=0.01: expected at least two steps"),
        ("langevin", {"temperature": 1.0}, "temperature=1: particles leave the line"),
        ("sparse_deconvolution", {"strength": 0.0}, "strength=0.0: expected"),
        ("mode_collapse", {"kinds": 1}, "kinds=1: expected a whole number from 2 to 24"),
    ],
)
def test_bad_parameters(study, values, sentence):
    with pytest.raises(ValueError, match=sentence):
        simulations.motion(study).study.make(values)


def test_a_study_without_a_motion_says_which_have_one():
    with pytest.raises(
        ValueError, match="study='depth': has no moving particles to show; expected one of lazy_scaling"
    ):
        simulations.motion("depth")


def test_records_of_a_motion_lie_among_those_of_its_study(tmp_path):
    """They are loaded with them, are no study of their own, and no size of the study."""
    motion = simulations.motion("lazy_scaling")
    made = simulations.sweep(motion.study, {"particles": 20, "alpha": [1.0, 100.0], "time": 1.0}, out=tmp_path)
    (row,) = simulations.status(tmp_path)
    assert (row.study, row.done) == ("lazy_scaling", 2)
    assert row.sizes["smoke"].startswith("0 of ")
    assert len(simulations.load(tmp_path, "lazy_scaling")) == len(simulations.load(tmp_path)) == len(made) == 2
    with pytest.raises(ValueError, match="study='neurons': expected one of lazy_scaling"):
        simulations.find("neurons")
    with pytest.raises(ValueError, match="size='smoke': 0 of its 2 runs are in"):
        simulations.complete(motion.study, tmp_path, "smoke")

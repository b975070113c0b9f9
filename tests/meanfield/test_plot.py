"""Plots of a user's own runs: what is drawn is what was computed, and what can't be drawn is one sentence."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.figure import Figure

import meanfield as mf

pytestmark = pytest.mark.fast

KEY = jax.random.key(0)


def trained(d=2, bias=False, **settings):
    unit = mf.Neuron("relu", bias=bias)
    x = jax.random.normal(jax.random.key(1), (12, d))
    objective = mf.Objective(unit, mf.Square(), x, jnp.sin(x[:, 0]))
    mu = mf.Particles.doubled(KEY, unit, m=10, d=d)
    return mf.simulate(objective, mf.GradientFlow(0.1), mu, times=[0.0, 1.0, 5.0], **settings)


@pytest.fixture(scope="module")
def run():
    return trained(observables=[mf.Risk(), mf.Displacement(), mf.Positions()])


@pytest.fixture
def ax():
    return Figure().subplots()


def test_risk_in_time(run, ax):
    assert mf.plot.risk(run, ax=ax, color="red") is ax
    [line] = ax.get_lines()
    np.testing.assert_allclose(line.get_xdata(), run.times[1:])
    np.testing.assert_allclose(line.get_ydata(), run.values["risk"][1:])
    assert (ax.get_xscale(), ax.get_yscale(), line.get_color()) == ("log", "log", "red")
    assert ax.get_ylabel() == "R (loss)"


def test_all_numbers_in_time_and_runs_told_apart(run, ax):
    mf.plot.trajectory(run, ax=ax, label="lazy")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["lazy: R", "lazy: ‖θ − θ₀‖"]
    mf.plot.trajectory(run, "risk", ax=ax, label="again")
    assert ax.get_legend().get_texts()[-1].get_text() == "again"


def test_what_is_not_positive_has_a_linear_axis(ax):
    run = trained(observables={"sign": lambda objective, mu: jnp.mean(objective.predict(mu)) - 10.0})
    mf.plot.trajectory(run, ax=ax)
    assert ax.get_yscale() == "linear"
    assert ax.get_ylabel() == "sign (value)"


def test_neurons_at_what_they_contribute(run, ax):
    mf.plot.particles(run, ax=ax)
    theta = np.asarray(run.particles.position)
    np.testing.assert_allclose(ax.collections[0].get_offsets(), np.abs(theta[:, :1]) * theta[:, 1:], rtol=1e-5)
    paths = [line for line in ax.get_lines() if len(line.get_xdata()) == 3]
    assert len(paths) == 10
    np.testing.assert_allclose(ax.collections[0].get_sizes(), 20.0)
    assert len({tuple(color) for color in ax.collections[0].get_facecolors()}) == 2


def test_particles_alone_and_of_other_units(ax):
    mu = mf.Particles(jnp.array([[1.0, 0.25], [2.0, 0.5]]), mass=jnp.array([0.25, 0.75]))
    mf.plot.particles(mu, mf.units.Spike(), ax=ax)
    np.testing.assert_allclose(ax.collections[0].get_offsets(), mu.position)
    np.testing.assert_allclose(ax.collections[0].get_sizes(), [10.0, 30.0])
    assert ax.get_xlabel() == "parameter θ₁"


@pytest.mark.parametrize(("d", "bias"), [(1, True), (2, False), (3, False)])
@pytest.mark.turns(6)
def test_predictor_of_one_two_and_more_inputs(d, bias, ax):
    run = trained(d=d, bias=bias)
    mf.plot.predictor(run, ax=ax)
    if d == 1:
        line = ax.get_lines()[0]
        inputs = jnp.asarray(line.get_xdata())[:, None]
        np.testing.assert_allclose(line.get_ydata(), run.objective.predict(run.particles, inputs), rtol=1e-4, atol=1e-5)
    elif d == 2:
        assert ax.collections[0].get_array().size == 201**2
        np.testing.assert_allclose(ax.collections[1].get_array(), run.objective.y)
    else:
        shown = np.stack(ax.get_lines()[0].get_data())
        np.testing.assert_allclose(shown, [run.objective.y, run.objective.predict(run.particles)], rtol=1e-5)


@pytest.mark.parametrize("d", [1, 2])
def test_predictors_are_drawn_a_tenth_beyond_their_samples(d, ax):
    unit = mf.Neuron("relu")
    x = np.array([[2.0, -1.0], [6.0, 0.0], [3.0, 1.0]])[:, :d]
    mf.plot.predictor(mf.Objective(unit, mf.Square(), x, np.ones(3)), mf.Particles(np.ones((2, 1 + d))), ax=ax)
    drawn = [ax.get_lines()[0].get_xdata()] if d == 1 else np.moveaxis(ax.collections[0].get_coordinates(), 2, 0)
    middles = (
        [drawn[0]] if d == 1 else [(drawn[0][0, 1:] + drawn[0][0, :-1]) / 2, (drawn[1][1:, 0] + drawn[1][:-1, 0]) / 2]
    )
    for found, (low, high) in zip(middles, [(1.6, 6.4), (-1.2, 1.2)][:d], strict=True):
        np.testing.assert_allclose(found[[0, -1]], [low, high], atol=1e-6)


def test_without_axes_the_current_ones(run):
    import matplotlib.pyplot as plt

    figure, own = plt.subplots()
    assert mf.plot.risk(run) is own
    plt.close(figure)


def test_refusals(run, ax):
    with pytest.raises(ValueError, match="name='positions': expected one of risk, displacement"):
        mf.plot.trajectory(run, "positions", ax=ax)
    with pytest.raises(ValueError, match="run: observed sign; expected Risk or TestRisk"):
        mf.plot.risk(trained(observables={"sign": lambda objective, mu: jnp.sum(objective.y)}), ax=ax)
    with pytest.raises(ValueError, match="unit=None: expected the unit"):
        mf.plot.particles(run.particles, ax=ax)
    with pytest.raises(ValueError, match=r"coordinates=\(0, 2\): expected two of 0 to 1"):
        mf.plot.particles(run, coordinates=(0, 2), ax=ax)
    with pytest.raises(ValueError, match="mu=None: expected the particles"):
        mf.plot.predictor(run.objective, ax=ax)
    wide = mf.Objective(mf.Neuron("relu", outputs=2), mf.Square(), jnp.eye(2), jnp.eye(2))
    with pytest.raises(ValueError, match=r"y has shape \(2, 2\): expected one output"):
        mf.plot.predictor(wide, mf.Particles(jnp.ones((3, 4))), ax=ax)


def test_labels_do_not_depend_on_what_was_loaded_before():
    """In a process of its own: names are loaded on first use, and none of the observables has been."""
    program = "from meanfield.plot import _words; print(*_words('risk'), *_words('mine'))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["R", "loss", "mine", "value"]

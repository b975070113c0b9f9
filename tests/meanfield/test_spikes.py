"""Spikes: the unit against its formula, the filter against the Dirichlet kernel, and the data against its statement."""

import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf
from theory.deconvolution import dirichlet_kernel, features

pytestmark = pytest.mark.fast

EPS = float(jnp.finfo(jnp.result_type(float)).eps)


def test_unit_is_its_formula(x64):
    """a c cos(2πk·t − φ), homogeneous of degree 1 in a and of period 1 in t."""
    unit, theta, x = mf.units.Spike(), np.array([1.5, 0.2, 0.7]), np.array([0.5, 2.0, -1.0, 0.3])
    expected = 1.5 * 0.5 * np.cos(2 * np.pi * (2 * 0.2 - 0.7) - 0.3)
    assert abs(float(unit(jnp.asarray(theta), jnp.asarray(x))) - expected) < 1e-15
    assert abs(float(unit(jnp.asarray(theta + np.array([0, 1, -2])), jnp.asarray(x))) - expected) < 1e-14
    assert abs(float(unit(jnp.asarray(theta * [-2, 1, 1]), jnp.asarray(x))) + 2 * expected) < 1e-15
    assert (unit.size(4), unit.outputs) == (3, 1)
    with pytest.raises(ValueError, match="x has 2 columns"):
        unit.size(2)


@pytest.mark.parametrize(("order", "dimension"), [(4, 1), (2, 2)])
def test_filter_is_the_dirichlet_kernel(order, dimension, x64):
    """(1/n) Σ Φ(1, s; x_i) Φ(1, t; x_i), by the engine; and the layout is the one of the theory."""
    rng = np.random.default_rng(0)
    s, t = rng.uniform(size=(2, 5, dimension))
    x = mf.units.spikes.fourier(order, dimension)
    assert x.shape == ((2 * order + 1) ** dimension, dimension + 2)
    objective = mf.Objective(mf.units.Spike(), mf.Square(), x, np.zeros(len(x)))
    seen = [np.stack([objective.predict(mf.Particles(np.r_[1.0, at][None])) for at in points]) for points in (s, t)]
    assert np.abs(seen[0] - features(s, order)[0]).max() < 1e-14
    assert np.abs((seen[0] * seen[1]).mean(axis=1) - dirichlet_kernel(s - t, order)).max() < 1e-14


def test_data_are_as_stated():
    """Targets are ∫ Φ dtruth plus noise; weights and distances in their ranges; the same for the same seed."""
    data = mf.datasets.spikes(3, 7, noise=0.5)
    truth = data.truth
    clean = mf.Objective(mf.units.Spike(), mf.Square(), data.x, data.y).predict(truth)
    assert np.abs(clean - data.y_test).max() < 200 * EPS
    assert 0.2 < float(np.std(data.y - data.y_test)) < 1.0
    assert np.array_equal(data.y, mf.datasets.spikes(3, 7, noise=0.5).y)
    assert not np.array_equal(data.y, mf.datasets.spikes([3, 1], 7, noise=0.5).y)
    assert truth.position[:, 0].tolist() == [1, -1, 1, -1, 1]
    assert 0.5 <= float(truth.mass.min()) < float(truth.mass.max()) <= 1.5
    assert set(np.asarray(mf.datasets.spikes(3, 7, positive=True).truth.position[:, 0])) == {1.0}
    assert data.statement == "5 spikes in dimension 1, 0.14 apart, seen to order 7, noise 0.5"


def test_positions_are_uniform_given_the_separation():
    """Three spikes a quarter apart: no two closer, and the mean of cos 2πt within four standard errors of 0."""
    at = np.stack([mf.datasets.spikes(s, 1, spikes=3, separation=0.25).truth.position[:, 1] for s in range(100)])
    away = np.abs(at[:, :, None] - at[:, None])
    away = np.minimum(away, 1 - away) + np.eye(3)
    assert away.min() >= 0.25 - 10 * EPS
    # one spike a draw, since those of one draw keep their distance
    assert abs(np.cos(2 * np.pi * at[:, 0]).mean()) < 4 * np.sqrt(0.5 / len(at))
    plane = mf.datasets.spikes(0, 2, spikes=3, dimension=2, separation=0.3).truth.position[:, 1:]
    gap = np.abs(plane[:, None] - plane)
    assert (np.linalg.norm(np.minimum(gap, 1 - gap), axis=2) + np.eye(3)).min() >= 0.3 - 10 * EPS


def test_total_mass_is_the_penalty_of_measures():
    """∫ V dμ = strength · mass, and F' holds the strength itself."""
    data = mf.datasets.spikes(0, 3)
    objective = mf.Objective(mf.units.Spike(), mf.Square(), data.x, data.y, penalty=mf.penalties.TotalMass(0.25))
    bare = mf.Objective(mf.units.Spike(), mf.Square(), data.x, data.y)
    mu = mf.Particles([[1.0, 0.2], [-1.0, 0.6]], [0.5, 1.5])
    assert float(objective.value(mu) - bare.value(mu)) == pytest.approx(0.5, rel=100 * EPS)
    here = objective.first_variation(mu, mu.position) - bare.first_variation(mu, mu.position)
    assert np.allclose(here, 0.25, rtol=0, atol=100 * EPS)
    with pytest.raises(ValueError, match="strength=-1"):
        mf.penalties.TotalMass(-1)


def test_bad_input():
    with pytest.raises(ValueError, match=r"separation=0\.3: no room for 5 spikes"):
        mf.datasets.spikes(0, 7, separation=0.3)
    with pytest.raises(ValueError, match="seed='now'"):
        mf.datasets.spikes("now", 7)
    with pytest.raises(ValueError, match="order=0"):
        mf.datasets.spikes(0, 0)
    with pytest.raises(ValueError, match="noise=-1"):
        mf.datasets.spikes(0, 7, noise=-1)


def test_masses_are_uniform_from_a_half_to_three_halves():
    """2000 draws: mean 1 and variance 1/12, each within five standard errors (of the variance: (1/80 − 1/144)/2000)."""
    mass = np.concatenate(
        [np.asarray(mf.datasets.spikes(s, 1, spikes=20, separation=0).truth.mass) for s in range(100)]
    )
    assert abs(mass.mean() - 1) < 5 / np.sqrt(12 * len(mass))
    assert abs(mass.var() - 1 / 12) < 5 * np.sqrt((1 / 80 - 1 / 144) / len(mass))


def test_spikes_at_are_where_they_are_put():
    """Targets are ∫ Φ dtruth, of both signs and in two dimensions; a place is one of a torus of period 1."""
    places, weights = np.array([[0.5, 0.5], [0.77, 0.45], [0.1, 0.9]]), np.array([1.2, -0.6, 1.0])
    data = mf.datasets.spikes_at(places, weights, 2)
    clean = mf.Objective(mf.units.Spike(), mf.Square(), data.x, data.y).predict(data.truth)
    assert np.abs(clean - data.y).max() < 200 * EPS
    assert np.abs(data.y - features(places, 2)[0].T @ weights).max() < 200 * EPS
    assert np.abs(mf.datasets.spikes_at(places + np.array([2, -1]), weights, 2).y - data.y).max() < 2000 * EPS
    assert np.array_equal(data.truth.position[:, 0], [1, -1, 1])
    assert data.statement == "3 given spikes in dimension 2, seen to order 2"


def test_spikes_at_refuse():
    with pytest.raises(ValueError, match=r"weights has shape \(2,\): expected \(1,\), one number a spike"):
        mf.datasets.spikes_at([[0.1]], [1.0, 2.0], 2)
    with pytest.raises(ValueError, match="weights holds 0 in place 1: expected numbers other than 0"):
        mf.datasets.spikes_at([[0.1], [0.2]], [1.0, 0.0], 2)
    with pytest.raises(ValueError, match=r"places has shape \(1,\): expected \[spikes, dimension\]"):
        mf.datasets.spikes_at([0.1], [1.0], 2)

"""Cushions against their definitions, written out, and against noise that is really drawn."""

import jax
import numpy as np
import pytest

import meanfield as mf

pytestmark = pytest.mark.fast


@pytest.fixture
def scene(x64):
    rng = np.random.default_rng(0)
    x, theta, mass = rng.normal(size=(6, 3)), rng.normal(size=(8, 4)), rng.uniform(0.5, 1.5, 8) / 8
    objective = mf.Objective(mf.Neuron("relu"), mf.Square(), x, np.ones(6), 3.0)
    return objective, mf.Particles(theta, mass), x, theta[:, 1:], 3.0 * mass * theta[:, 0]


def test_definitions(scene):
    objective, mu, x, w, a = scene
    found = mf.observables.cushions(objective, mu)
    for i, one in enumerate(x):
        z = w @ one
        phi, through = np.maximum(z, 0), a * (z > 0)
        assert found.input[i] == pytest.approx(np.linalg.norm(z) / (np.linalg.norm(w) * np.linalg.norm(one)))
        assert found.output[i] == pytest.approx(abs(a @ phi) / (np.linalg.norm(a) * np.linalg.norm(phi)))
        interlayer = abs(a @ phi) / (np.linalg.norm(through) * np.linalg.norm(z))
        assert found.interlayer[i] == pytest.approx(interlayer)
        assert found.contraction[i] == pytest.approx(np.linalg.norm(z) / np.linalg.norm(phi))
        assert found.attenuation[i] == pytest.approx(1 / (8 * interlayer**2))
    values = np.linalg.svd(w, compute_uv=False)
    assert float(found.rank_input) == pytest.approx(np.sum(values**2) / values[0] ** 2)
    assert float(found.rank_output) == pytest.approx(1)


def test_noise_on_the_hidden_units_is_attenuated_as_told(scene):
    """4000 draws: the mean of a squared normal number has a standard error of √(2/4000); 5 of them."""
    objective, mu, x, w, a = scene
    z = x @ w.T
    f = np.maximum(z, 0) @ a
    noise = 1e-7 * np.random.default_rng(1).normal(size=(4000, *z.shape)) * np.linalg.norm(z, axis=1)[:, None]
    response = np.mean(((np.maximum(z + noise, 0) @ a - f) / (1e-7 * f)) ** 2, axis=0) / 8
    np.testing.assert_allclose(
        response / mf.observables.cushions(objective, mu).attenuation, 1, rtol=0, atol=5 * (2 / 4000) ** 0.5
    )


def test_units_without_mass_and_scales_do_not_count(scene):
    objective, mu, x, *_ = scene
    padded = mf.Particles(np.pad(mu.position, ((0, 3), (0, 0)), constant_values=7.0), np.pad(mu.mass, (0, 3)))
    doubled = mf.Particles(mu.position * 2, mu.mass)
    plain = mf.observables.cushions(objective, mu, x[:2])
    for other in (padded, doubled):
        for one, two in zip(
            jax.tree.leaves(plain), jax.tree.leaves(mf.observables.cushions(objective, other, x[:2])), strict=True
        ):
            np.testing.assert_allclose(one, two, rtol=1e-12)


def test_bias_and_outputs(x64):
    """A bias is the weight of an input that is always 1; outputs are rows of A."""
    rng = np.random.default_rng(2)
    x, theta = rng.normal(size=(4, 2)), rng.normal(size=(5, 5))
    ones = np.column_stack([x, np.ones(4)])
    biased = mf.Objective(mf.Neuron("relu", bias=True, outputs=2), mf.Square(), x, np.ones((4, 2)))
    plain = mf.Objective(mf.Neuron("relu", outputs=2), mf.Square(), ones, np.ones((4, 2)))
    mu = mf.Particles(theta)
    found, other = mf.observables.cushions(biased, mu), mf.observables.cushions(plain, mu)
    for one, two in zip(jax.tree.leaves(found), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-12)
    values = np.linalg.svd(theta[:, :2], compute_uv=False)
    assert float(found.rank_output) == pytest.approx(np.sum(values**2) / values[0] ** 2)


def test_a_sample_that_no_unit_sees(x64):
    objective = mf.Objective(mf.Neuron("relu"), mf.Square(), np.array([[-1.0, 0.0]]), np.ones(1))
    found = mf.observables.cushions(objective, mf.Particles(np.array([[1.0, 2.0, 0.0]])))
    assert float(found.interlayer[0]) == 0
    assert float(found.output[0]) == 0
    assert np.isinf(found.contraction[0])
    assert np.isinf(found.attenuation[0])


def test_bad_input():
    objective = mf.Objective(mf.Neuron("relu"), mf.Square(), np.ones((1, 2)), np.ones(1))
    with pytest.raises(ValueError, match="x has 3 columns: expected 2"):
        mf.observables.cushions(objective, mf.Particles(np.ones((1, 3))), np.ones((1, 3)))
    spike = mf.Objective(mf.units.Spike(), mf.Square(), np.ones((1, 3)), np.ones(1))
    with pytest.raises(ValueError, match="unit=Spike: cushions are defined for a Neuron"):
        mf.observables.cushions(spike, mf.Particles(np.ones((1, 2))))

"""A network of one input as a linear spline: its values, its knots and how many pieces there are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf

pytestmark = pytest.mark.fast


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "linear"])
@pytest.mark.parametrize("bias", [True, False])
def test_spline_is_the_network(activation, bias):
    rng = np.random.default_rng(0)
    unit = mf.Neuron(activation, bias=bias)
    theta = rng.normal(size=(9, unit.size(1)))
    theta[3, 1] = 0.0
    mu = mf.Particles(theta, rng.uniform(size=9))
    spline = mf.observables.linear_spline(unit, mu, scale=2.5)
    x = np.concatenate([np.linspace(-30, 30, 500), spline.knots])
    objective = mf.Objective(unit, mf.Square(), x[:, None], 0 * x, scale=2.5)
    assert spline(x) == pytest.approx(np.asarray(objective.predict(mu)), rel=1e-4, abs=1e-4)
    assert len(spline.knots) == 8
    assert np.all(np.diff(spline.knots) >= 0)
    far = spline(np.array([-2e3, -1e3, 1e3, 2e3]))
    assert spline.slopes[[0, -1]] == pytest.approx(
        [(far[1] - far[0]) / 1e3, (far[3] - far[2]) / 1e3], rel=1e-6, abs=1e-9
    )


def test_pieces_by_brute_force():
    """As many pieces as there are different slopes in a row on a grid that separates all knots."""
    unit = mf.Neuron("relu", bias=True)
    mu = mf.Particles.gaussian(jax.random.key(3), unit, m=12, d=1)
    spline = mf.observables.linear_spline(unit, mu)
    inside = spline.within(-1.0, 1.0)
    x = np.linspace(-1, 1, 20_001)
    slopes = np.diff(spline(x)) / np.diff(x)
    # A knot falls into one step of the grid, whose slope is neither that before nor that after.
    jumps = np.flatnonzero(np.abs(np.diff(slopes)) > 1e-6)
    groups = 1 + int(np.sum(np.diff(jumps) > 1))
    assert inside.pieces() == groups + 1
    assert inside(x) == pytest.approx(spline(x), abs=1e-9)
    assert inside.variation == pytest.approx(np.abs(np.diff(slopes)).sum(), rel=1e-6)


def test_merging_and_leaving_out():
    spline = mf.observables.LinearSpline(np.array([0.0, 0.01, 1.0, 2.0]), np.array([1.0, 3.0, -2.0, 1e-4]), 0.5, 0.0)
    assert spline.pieces() == 5
    assert spline.pieces(distance=0.02) == 4
    assert spline.pieces(distance=0.02, share=0.01) == 3
    merged = spline.merged(0.02)
    assert merged.knots.tolist() == [0.0075, 1.0, 2.0]
    assert merged.slopes[[0, -1]] == pytest.approx(spline.slopes[[0, -1]])
    empty = spline.within(3, 4)
    assert (empty.pieces(0.1), float(empty(3.5)), empty.merged(0.1).variation) == (1, float(spline(3.5)), 0.0)
    # Bends that cancel make no piece.
    assert mf.observables.LinearSpline(np.zeros(2), np.array([1.0, -1.0]), 0.0, 0.0).pieces(0.0) == 1


def test_refuses_what_is_no_spline():
    mu = mf.Particles(jnp.ones((2, 3)))
    for unit in (mf.Neuron("tanh", bias=True), mf.Neuron("relu", outputs=2)):
        with pytest.raises(ValueError, match="unit: expected"):
            mf.observables.linear_spline(unit, mu)
    with pytest.raises(ValueError, match="position has 3 columns"):
        mf.observables.linear_spline(mf.Neuron("relu"), mu)
    with pytest.raises(ValueError, match="outside of jit"):
        jax.jit(lambda p: mf.observables.linear_spline(mf.Neuron("relu", bias=True), mf.Particles(p)).slope)(
            mu.position
        )
    with pytest.raises(ValueError, match="expected low below high"):
        mf.observables.linear_spline(mf.Neuron("relu", bias=True), mu).within(1.0, 1.0)

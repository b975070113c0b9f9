"""Deep linear networks, the ℓ_p loss and a decay for each parameter, against formulas and numpy."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf

pytestmark = pytest.mark.fast


@pytest.fixture
def network():
    rng = np.random.default_rng(0)
    unit = mf.units.DeepLinear(hidden=(4, 3), outputs=2)
    factors = [rng.normal(size=shape).astype(np.float32) for shape in ((4, 5), (3, 4), (2, 3))]
    return unit, factors, rng.normal(size=(6, 5)).astype(np.float32), rng.normal(size=(6, 2)).astype(np.float32)


def test_particle_and_back(network):
    unit, factors, x, y = network
    mu = unit.particle(factors)
    assert mu.position.shape == (1, unit.size(5))
    for found, given in zip(unit.factors(mu.position[0], 5), factors, strict=True):
        assert np.array_equal(found, given)
    matrix = factors[2] @ factors[1] @ factors[0]
    assert unit.matrix(mu.position[0], 5) == pytest.approx(matrix, rel=1e-5, abs=1e-5)
    objective = mf.Objective(unit, mf.Square(), x, y)
    assert objective.predict(mu) == pytest.approx(x @ matrix.T, rel=1e-4, abs=1e-4)
    assert unit.depth == 3
    assert mf.units.DeepLinear()(jnp.array([2.0, 3.0]), jnp.array([1.0, 1.0])).shape == ()


def test_velocity_is_the_gradient_of_every_factor(network):
    unit, factors, x, y = network
    objective = mf.Objective(unit, mf.Square(), x, y)
    v = objective.velocity(unit.particle(factors))
    first, second, third = factors
    gradient = (x @ (third @ second @ first).T - y).T @ x / len(x)
    expected = [(third @ second).T @ gradient, third.T @ gradient @ first.T, gradient @ (second @ first).T]
    for found, want in zip(unit.factors(v[0], 5), expected, strict=True):
        assert -np.asarray(found) == pytest.approx(want, rel=1e-3, abs=1e-3)


def test_balanced_factors(network):
    matrix = np.random.default_rng(1).normal(size=(2, 5))
    for hidden in ((), (2,), (4, 3)):
        unit = mf.units.DeepLinear(hidden, outputs=2)
        factors = [np.asarray(w, np.float64) for w in unit.factors(unit.balanced(matrix).position[0], 5)]
        product = factors[0]
        for below, above in pairwise(factors):
            product = above @ product
            assert above.T @ above == pytest.approx(below @ below.T, abs=1e-5)
        assert product == pytest.approx(matrix, abs=1e-5)


def test_refuses_what_does_not_fit(network):
    unit, factors, *_ = network
    with pytest.raises(ValueError, match="factors have the shapes"):
        unit.particle(factors[::-1])
    with pytest.raises(ValueError, match="factors have the shapes"):
        unit.particle([])
    with pytest.raises(ValueError, match=r"hidden=\(1,\)"):
        mf.units.DeepLinear((1,), outputs=2).balanced(np.eye(2))
    with pytest.raises(ValueError, match="matrix has 3 rows"):
        unit.balanced(np.eye(3))
    with pytest.raises(ValueError, match="hidden=0"):
        mf.units.DeepLinear((0,))


def test_power_loss():
    f, y = jnp.array([1.5, -2.0, 0.25]), jnp.array([1.0, 1.0, 0.25])
    for p in (1.0, 1.5, 2.0, 4.0):
        loss = mf.losses.Power(p)
        assert float(loss.risk(f, y)) == pytest.approx(np.mean(np.abs(f - y) ** p) / p, rel=1e-6)
        slope = jax.grad(lambda g, loss=loss: 3 * loss.risk(g, y))(f)
        assert loss.residual(f, y) == pytest.approx(np.asarray(slope), rel=1e-5, abs=1e-6)
    square = mf.Square()
    assert mf.losses.Power(2.0).residual(f, y) == pytest.approx(np.asarray(square.residual(f, y)), rel=1e-6)
    # Values, not programs: one trace for all p.
    traces = []

    @jax.jit
    def risk(loss):
        traces.append(1)
        return loss.risk(f, y)

    assert float(risk(mf.losses.Power(4.0))) != float(risk(mf.losses.Power(3.0)))
    assert len(traces) == 1
    for wrong in (0.5, -1.0, float("nan"), "two"):
        with pytest.raises(ValueError, match="exponent="):
            mf.losses.Power(wrong)


def test_parameter_decay():
    theta = jnp.array([2.0, -1.0, 5.0])
    assert float(mf.penalties.ParameterDecay([0.1, 0.1, 0.1])(theta)) == pytest.approx(
        float(mf.WeightDecay(0.1)(theta)), rel=1e-6
    )
    objective = mf.Objective(
        mf.Neuron("relu", bias=True), mf.Square(), [[1.0]], [0.0], penalty=mf.penalties.ParameterDecay([0.0, 0.0, 0.5])
    )
    off = mf.Particles(jnp.array([[0.0, 1.0, -3.0]]))
    assert objective.velocity(off)[0].tolist() == [0.0, 0.0, 1.5]
    for wrong, why in (([-1.0], "strengths holds -1"), ([[1.0]], "strengths has shape")):
        with pytest.raises(ValueError, match=why):
            mf.penalties.ParameterDecay(wrong)
    with pytest.raises(ValueError, match="as a particle"):
        mf.penalties.ParameterDecay([1.0, 1.0])(theta)

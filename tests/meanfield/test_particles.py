"""The empirical measure and the laws it is drawn from. Statistics are accepted within z = 5 standard errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf

UNIT = mf.Neuron("relu", bias=True, outputs=2)
KEY = jax.random.key(0)
M, D, Z = 20_000, 3, 5
# Fixed keys: these tests are deterministic. Over all keys z = 5 would fail one in a million a number.


def columns(mu):
    """(output weights, the rest) of every particle."""
    theta = np.asarray(mu.position, dtype=float)
    return theta[:, :2], theta[:, 2:]


def assert_moments(values, mean, variance, fourth):
    """First and second moment of independent numbers within Z standard errors; `fourth` is their fourth moment."""
    count = values.size
    assert abs(values.mean() - mean) <= Z * np.sqrt((variance - mean**2) / count)
    assert abs((values**2).mean() - variance) <= Z * np.sqrt((fourth - variance**2) / count)


def test_gaussian():
    """Independent N(0, s²) with s of its own for output and input weights (and bias)."""
    a, rest = columns(mf.Particles.gaussian(KEY, UNIT, M, D, output_scale=2.0, input_scale=0.5))
    assert_moments(a, 0, 4, 3 * 16)
    assert_moments(rest, 0, 0.25, 3 * 0.0625)
    # no correlation between columns: products of independent numbers have variance 1
    both = np.hstack([a / 2, rest * 2])
    correlation = both.T @ both / M
    assert np.abs(correlation - np.diag(np.diag(correlation))).max() <= Z / np.sqrt(M)


def test_signs_and_zero_outputs():
    """±scale with equal odds, input weights as before; and exactly zero."""
    a, rest = columns(mf.Particles.gaussian(KEY, UNIT, M, D, output="signs", output_scale=3.0))
    assert set(np.unique(a)) == {-3.0, 3.0}
    assert abs((a > 0).mean() - 0.5) <= Z * 0.5 / np.sqrt(a.size)
    assert_moments(rest, 0, 1, 3)
    a, rest = columns(mf.Particles.gaussian(KEY, UNIT, M, D, output="zero"))
    assert np.all(a == 0)
    assert_moments(rest, 0, 1, 3)


def test_sphere():
    """Norms are the radius; a coordinate of a uniform direction in ℝ^p has moments 1/p and 3/(p(p+2))."""
    p, eps = UNIT.size(D), float(jnp.finfo(jnp.result_type(float)).eps)
    theta = np.asarray(mf.Particles.sphere(KEY, UNIT, M, D, radius=2.0).position, dtype=float)
    assert np.abs(np.linalg.norm(theta, axis=1) / 2 - 1).max() <= 8 * eps
    for column in theta.T / 2:
        assert_moments(column, 0, 1 / p, 3 / (p * (p + 2)))
    for output, values in (("signs", {-2.0, 2.0}), ("zero", {0.0})):
        a, rest = columns(mf.Particles.sphere(KEY, UNIT, M, D, output=output, radius=2.0))
        assert set(np.unique(a)) == values
        assert np.abs(np.linalg.norm(rest, axis=1) / 2 - 1).max() <= 8 * eps
        q = D + 1
        for column in rest.T / 2:
            assert_moments(column, 0, 1 / q, 3 / (q * (q + 2)))


@pytest.mark.parametrize("options", [{"law": "gaussian", "output_scale": 2.0}, {"law": "sphere", "output": "signs"}])
def test_doubled(options):
    """f = 0 up to the rounding of the sum, for every α, and the tangent kernel is that of half the particles."""
    m, x = 200, mf.datasets.on_sphere(KEY, 6, D)
    mu = mf.Particles.doubled(KEY, UNIT, m, D, **options)
    half = mf.Particles(mu.position[: m // 2])
    assert np.array_equal(mu.position[m // 2 :, 2:], half.position[:, 2:])
    assert np.array_equal(mu.position[m // 2 :, :2], -half.position[:, :2])
    objective = mf.Objective(UNIT, mf.Square(), x, np.ones((6, 2)), scale=1000.0)
    size = 1000 * float(
        jnp.max(
            mf.integrals.Dense().predict(
                mf.Neuron("relu", bias=True, outputs=2), mf.Particles(jnp.abs(mu.position)), jnp.abs(x)
            )
        )
    )
    eps = float(jnp.finfo(mu.dtype).eps)
    assert float(jnp.abs(objective.predict(mu)).max()) <= m * eps * size
    kernel, other = mf.tangent_kernel(UNIT, mu, x), mf.tangent_kernel(UNIT, half, x)
    assert float(jnp.abs(kernel - other).max()) <= m * eps * float(jnp.abs(kernel).max())


def test_grid():
    """The product of the axes, output weights zero, so that f = 0 exactly."""
    unit = mf.Neuron("tanh", bias=True)
    mu = mf.Particles.grid(unit, [[-1.0, 0.0, 1.0], [2.0], [0.5, 0.25]])
    assert mu.position.tolist() == [[0, w, 2, b] for w in (-1, 0, 1) for b in (0.5, 0.25)]
    objective = mf.Objective(unit, mf.Square(), np.ones((2, 2)), np.ones(2))
    assert np.all(np.asarray(objective.predict(mu)) == 0)


LAWS = {
    "gaussian": lambda key, **o: mf.Particles.gaussian(key, UNIT, 10, D, **o),
    "sphere": lambda key, **o: mf.Particles.sphere(key, UNIT, 10, D, **o),
    "doubled": lambda key, **o: mf.Particles.doubled(key, UNIT, 10, D, **o),
}


@pytest.mark.parametrize("law", LAWS)
def test_same_key_same_particles(law):
    first, again, other = (LAWS[law](jax.random.key(k)) for k in (1, 1, 2))
    assert np.array_equal(first.position, again.position)
    assert not np.array_equal(first.position, other.position)
    assert first.position.shape == (10, UNIT.size(D))
    assert np.all(np.asarray(first.mass) == np.asarray(0.1, first.dtype))


@pytest.mark.parametrize("law", LAWS)
def test_types(law, x64):
    """JAX's default float, or the one that is asked for."""
    assert LAWS[law](KEY).dtype == jnp.float64
    assert LAWS[law](KEY, dtype=jnp.float32).dtype == jnp.float32


def test_float64_that_jax_does_not_give_is_an_error():
    """No float32 in the place of float64, silently."""
    with jax.enable_x64(False):
        for law in LAWS.values():
            with pytest.raises(ValueError, match=r"dtype=float64: .*jax.enable_x64\(True\)"):
                law(KEY, dtype=jnp.float64)


def test_particles_of_integers_and_masses():
    """Integers become the default float; masses are kept and follow `moved`."""
    mu = mf.Particles([[1, 2], [3, 4]], [1, 3])
    assert mu.dtype == jnp.result_type(float)
    assert mu.mass.tolist() == [1, 3]
    assert mu.m == 2
    moved = mu.moved(mu.position + 1)
    assert moved.mass.tolist() == [1, 3]
    assert moved.position.tolist() == [[2, 3], [4, 5]]

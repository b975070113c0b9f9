"""Places of kinks among samples, against signs in exact rational arithmetic."""

from fractions import Fraction

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf
from meanfield.integrals.angular_order import AngularOrder

pytestmark = pytest.mark.turns(4)

N = 40


def samples(kind, rng):
    if kind == "gaussian":
        return rng.normal(size=(N, 2))
    if kind == "lattice":
        return rng.integers(-3, 4, size=(N, 2)).astype(float)
    if kind == "narrow":  # all samples in a cone of one hundredth, with one far outside: most cells are empty
        return np.concatenate([[[-5.0, 1.0]], np.stack([np.ones(N - 1), 0.01 * rng.uniform(size=N - 1)], 1)])
    if kind == "axes":
        return np.resize([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0], [-0.0, 2.0], [3.0, -0.0]], (N, 2))
    return np.stack([1000 + rng.integers(0, 9, size=N) * 2.0**-10, np.ones(N)], 1)  # far from the origin on the line


KINDS = ["gaussian", "lattice", "narrow", "axes", "far"]


@pytest.mark.parametrize("ready", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_sides_are_those_of_exact_arithmetic(kind, ready):
    """Kinks on samples, opposite to samples, and anywhere; by look-up and (traced, so not knowing) by search."""
    rng = np.random.default_rng(1)
    x = samples(kind, rng).astype(np.float32)
    normal = np.stack([-x[:, 1], x[:, 0]], 1)
    v = np.concatenate([normal, -4 * normal, rng.integers(-3, 4, size=(N, 2)), rng.normal(size=(N, 2))])
    v = v.astype(np.float32)

    def sides(order, v):
        """1[v·x_i > 0] as the kernel reads it off, from residuals that are one sample each."""
        kernel, unit = mf.integrals.Sorted(order), mf.Neuron("relu")
        mu = mf.Particles(jnp.concatenate([jnp.ones((len(v), 1), v.dtype), v], axis=1))
        place = order.locate(v[:, 0], v[:, 1])
        return jax.vmap(lambda r: kernel.backward(unit, mu, jnp.asarray(x), place, r))(jnp.eye(N, dtype=v.dtype))

    if ready:
        order = AngularOrder(jnp.asarray(x))
        assert kind != "gaussian" or order.probes is not None
        assert kind != "narrow" or order.probes is None
        g = eqx.filter_jit(sides)(order, jnp.asarray(v))
    else:
        g = jax.jit(lambda x, v: sides(AngularOrder(x), v))(jnp.asarray(x), jnp.asarray(v))
    exact = np.array([[Fraction(float(a)) * Fraction(float(p)) + Fraction(float(b)) * Fraction(float(q)) > 0
                       for a, b in v] for p, q in x])  # fmt: skip
    # ∂_w of particle j for r = e_i is x_i or nothing; a cone narrower than a rounding is seen as one direction.
    got = np.any(np.asarray(g)[:, :, 1:] != 0, axis=2)
    assert np.array_equal(got, exact & np.any(x != 0, axis=1)[:, None])


def test_zero_weights_are_on_no_side():
    order = AngularOrder(jnp.asarray(samples("gaussian", np.random.default_rng(0))))
    assert int(order.locate(jnp.zeros(1), jnp.zeros(1))[0]) == order.places // 2 - 1
    mu = mf.Particles(jnp.asarray([[2.0, 0.0, 0.0]]))
    x = jnp.asarray(samples("gaussian", np.random.default_rng(0)))
    f, kept = mf.integrals.Sorted(order).forward(mf.Neuron("relu"), mu, x)
    assert np.all(f == 0)
    assert np.all(mf.integrals.Sorted(order).backward(mf.Neuron("relu"), mu, x, kept, jnp.ones(N)) == 0)


def test_a_non_finite_particle_is_not_hidden():
    """Divergence has to show in the predictions, or a simulation would go on."""
    x = jnp.asarray(samples("gaussian", np.random.default_rng(0)))
    position = jnp.ones((3, 3)).at[1, 2].set(jnp.nan)
    mu = eqx.tree_at(lambda nu: nu.position, mf.Particles(jnp.ones((3, 3))), position)
    assert np.any(np.isnan(mf.integrals.Sorted().predict(mf.Neuron("relu"), mu, x)))


@pytest.mark.full
def test_derivatives_of_predict(x64):
    """Forward and reverse mode, against the dense kernel."""
    rng = np.random.default_rng(3)
    x, unit = jnp.asarray(rng.normal(size=(N, 2))), mf.Neuron("leaky_relu", outputs=2)
    q, dq = jnp.asarray(rng.normal(size=(2, 17, 4)))
    r = jnp.asarray(rng.normal(size=(N, 2)))
    mu = mf.Particles(q, rng.uniform(size=17))

    def derivatives(kernel):
        def f(q):
            return kernel.predict(unit, mu.moved(q), x)

        return jax.jvp(f, (q,), (dq,))[1], jax.vjp(f, q)[1](r)[0]

    for mine, other in zip(derivatives(mf.integrals.Sorted()), derivatives(mf.integrals.Dense()), strict=True):
        # Sums of at most N + 17 terms, each below 20 in size.
        assert np.abs(mine - other).max() <= (N + 17) * 20 * (N + 17) * np.finfo(float).eps


@pytest.mark.full
def test_replicas_share_an_order():
    """Under vmap over particles the samples stay sorted once, and every replica gets its own sums."""
    rng = np.random.default_rng(4)
    x, unit = jnp.asarray(rng.normal(size=(N, 2))), mf.Neuron("relu")
    q = jnp.asarray(rng.normal(size=(3, 5, 3)))
    kernel = mf.integrals.Sorted().at(unit, x)
    together = jax.vmap(lambda q: kernel.predict(unit, mf.Particles(q), x))(q)
    alone = jnp.stack([kernel.predict(unit, mf.Particles(each), x) for each in q])
    eps = jnp.finfo(x.dtype).eps
    assert np.abs(together - alone).max() <= 20 * eps * np.abs(q).max() ** 2 * np.abs(x).max()

"""Rounding of float32 sums over many particles: what is promised, measured against float64."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf
from meanfield.integrals import Blocked, Compiled, Sorted
from meanfield.integrals.summation import CHAIN, compensated

pytestmark = pytest.mark.fast

EPS = float(np.finfo(np.float32).eps)


def test_compensated_sums_do_not_drift():
    """One tenth a million times. Plainly added in float32 the sum is off by about a hundredth."""
    terms = jnp.full((10**6, 1), 0.1, jnp.float32)
    with jax.enable_x64(False):
        total = float(jax.jit(lambda t: compensated(lambda each: (each[0], ()), t)[0])(terms))
        plain = float(jax.jit(lambda t: jax.lax.scan(lambda s, each: (s + each[0], None), jnp.float32(0), t)[0])(terms))
    exact = float(np.float32(0.1)) * 10**6
    assert abs(total - exact) <= 2 * EPS * exact
    assert abs(plain - exact) > 1000 * 2 * EPS * exact


def relative_errors(kernel, unit, m, x, position):
    """max_i |f_i − exact| / Σ_j |p_j a_j| (|w_j||x_i| + |b_j|): float32 against float64, in units of ε."""
    with jax.enable_x64(False):
        mu = mf.Particles(jnp.asarray(position))
        f = eqx.filter_jit(lambda mu, x: kernel.predict(unit, mu, x))(mu, jnp.asarray(x))
    exact, size = np.zeros(len(x)), np.zeros(len(x))
    v = np.hstack([x, np.ones((len(x), 1))]) if unit.bias else x
    for block in np.array_split(position.astype(float), max(1, m // 10**5)):
        a, w = block[:, 0] / m, block[:, 1:]
        exact += a @ np.maximum(w @ v.T.astype(float), 0)
        size += np.abs(a) @ (np.abs(w) @ np.abs(v.T).astype(float))
    return float(np.max(np.abs(np.asarray(f, float) - exact) / size)) / EPS


@pytest.mark.parametrize("spread", ["gaussian", "all alike"])
@pytest.mark.parametrize(
    ("name", "d", "bound"),
    [
        # Additions in one tile at worst, which is what a product with a vector may do.
        ("blocked", 3, CHAIN),
        ("compiled", 3, CHAIN),
        # Additions in one bin: at most 2^20 / (2^15/18) = 576 for eight samples.
        ("sorted", 2, 600),
    ],
)
@pytest.mark.turns(6)
def test_error_does_not_grow_with_m(name, d, bound, spread):
    """From 1e4 to 3e6 particles (1e7 by --validate) the error stays below a constant times ε."""
    errors = [_error(name, d, spread, m) for m in (10**4, 3 * 10**6)]
    assert max(errors) <= bound


@pytest.mark.parametrize("outputs", [1, 2])
def test_no_chain_of_one_array_is_longer_than_that(outputs):
    """Particles all alike make all roundings alike: eight chains, added last, have an eighth of the error of one."""
    m, n = 8 * CHAIN - 3, 4
    rng = np.random.default_rng(1)
    x = rng.normal(size=(n, 3)).astype(np.float32)
    theta = rng.normal(size=(1, outputs + 3)).astype(np.float32)
    unit = mf.Neuron("relu", outputs=outputs)
    h = np.maximum(x.astype(float) @ theta[0, outputs:].astype(float), 0)[:, None]
    exact, size = h * theta[0, :outputs], h * np.abs(theta[0, :outputs])
    with jax.enable_x64(False):
        mu = mf.Particles(jnp.asarray(np.broadcast_to(theta, (m, outputs + 3))))
        found = np.asarray(mf.integrals.Dense().predict(unit, mu, jnp.asarray(x)), float).reshape(n, outputs)
        table = jnp.asarray(np.broadcast_to(h[:, 0], (m, n)), jnp.float32)
        one_chain = np.asarray(jax.jit(jnp.matmul)(mu.mass * mu.position[:, 0], table), float)
    seen = h[:, 0] > 0
    error = np.max(np.abs(found - exact)[seen] / size[seen])
    assert np.all(found[~seen] == 0)
    assert error <= CHAIN / 16 * EPS
    # A product with a vector adds all particles in a row; with several columns processors add in blocks of their own.
    assert np.max(np.abs(one_chain - exact[:, 0])[seen] / size[seen, 0]) >= CHAIN / 16 * EPS


@pytest.mark.full
@pytest.mark.parametrize("spread", ["gaussian", "all alike"])
@pytest.mark.parametrize(("name", "d", "bound"), [("blocked", 3, CHAIN), ("compiled", 3, CHAIN), ("sorted", 2, 600)])
def test_error_at_thirty_million(name, d, bound, spread):
    assert _error(name, d, spread, 3 * 10**7) <= bound


def _error(name, d, spread, m):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(8, d)).astype(np.float32)
    shape = (m, d + 1) if spread == "gaussian" else (1, d + 1)
    position = np.broadcast_to(rng.normal(size=shape).astype(np.float32), (m, d + 1))
    unit = mf.Neuron("relu")
    if name == "compiled":
        pytest.importorskip("llvmlite", reason="llvmlite is not installed: no kernel is compiled")
    kernels = {"blocked": Blocked(CHAIN), "compiled": Compiled(), "sorted": Sorted()}
    with jax.enable_x64(False):
        kernel = kernels[name].at(unit, jnp.asarray(x))
    return relative_errors(kernel, unit, m, x, position)

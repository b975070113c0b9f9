"""Rounding of float32 sums over many particles: what is promised, measured against float64."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf
from meanfield.integrals import Blocked, Compiled, Sorted
from meanfield.integrals.offer import CHAIN
from meanfield.integrals.summation import compensated

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

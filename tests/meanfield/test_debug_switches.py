"""JAX's debugging switches raise no false alarm: what is not a number is never formed on the way to one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf

pytestmark = pytest.mark.turns(4)

SWITCHES = {
    "debug_nans": lambda: jax.debug_nans(True),
    "debug_infs": lambda: jax.debug_infs(True),
    "enable_checks": lambda: jax.enable_checks(True),
    "rank_promotion": lambda: jax.numpy_rank_promotion("raise"),
    "dtype_promotion": lambda: jax.numpy_dtype_promotion("strict"),
    "tracer_leaks": lambda: jax.checking_leaks(),
    "disable_jit": lambda: jax.disable_jit(),
}
FLOWS = {
    "gradient": mf.GradientFlow(0.1),
    "adaptive": mf.AdaptiveFlow(),
    "stabilised": mf.StabilisedFlow(),
    "scheduled": mf.ScheduledSGD(0.1, 2, most=3),
    "langevin": mf.Langevin(0.1, 0.1),
    "conic": mf.ConicFlow(0.1),
}

# Samples at zero, twice and opposite, and a particle at the kink of the unit.
X = np.random.default_rng(0).standard_normal((6, 2))
X[0], X[1], X[3] = 0, X[2], -X[4]
Y = np.array([1.0, -1, 1, -1, 1, -1])
THETA = np.random.default_rng(1).standard_normal((5, 3))
THETA[0] = 0


@pytest.mark.parametrize("switch", SWITCHES)
@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.turns(12)
def test_flows(flow, switch):
    plain = mf.simulate(_objective(), FLOWS[flow], mf.Particles(THETA), times=[0.2], key=jax.random.key(0))
    with SWITCHES[switch]():
        run = mf.simulate(_objective(), FLOWS[flow], mf.Particles(THETA), times=[0.2], key=jax.random.key(0))
    assert run.done
    # a few steps in single precision, whose sums the compiler may take in another order
    assert np.abs(run.particles.position - plain.particles.position).max() < 1e-5


@pytest.mark.parametrize("switch", ["debug_nans", "debug_infs", "rank_promotion", "dtype_promotion"])
@pytest.mark.parametrize(
    "kernel",
    [mf.integrals.Dense(), mf.integrals.Blocked(3), mf.integrals.Blocked(2, 4, keep_signs=True), mf.integrals.Sorted()],
)
@pytest.mark.turns(16)
def test_kernels_and_losses(kernel, switch):
    mu = mf.Particles(THETA)
    with SWITCHES[switch]():
        for loss in (mf.Square(), mf.Logistic(), mf.Exponential()):
            objective = _objective(loss, kernel)
            assert bool(jnp.isfinite(objective.velocity(mu)).all())
            assert bool(jnp.isfinite(objective.value(mu)))


def _objective(loss=None, kernel=None):
    return mf.Objective(
        mf.Neuron("relu"), mf.Square() if loss is None else loss, X, Y, penalty=mf.WeightDecay(1e-3), kernel=kernel
    )

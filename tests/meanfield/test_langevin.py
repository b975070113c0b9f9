"""The noisy step by hand, its noise in law, and that neither chunks, replicas nor devices change it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf
from meanfield.streams import stream

pytestmark = [pytest.mark.turns(4), pytest.mark.fast]

KEY = jax.random.key(3)
DRAW = np.random.default_rng(0)
X, Y, THETA = DRAW.normal(size=(5, 2)), DRAW.normal(size=5), DRAW.normal(size=(6, 3))


class Free(mf.AbstractUnit):
    """A unit that does nothing: particles that feel noise and penalty alone."""

    outputs: int = 1

    def size(self, d):
        return 2

    def __call__(self, theta, x):
        return 0.0 * theta[0]


def network(penalty=0.1):
    return mf.Objective(mf.Neuron("tanh"), mf.Square(), X, Y, penalty=mf.WeightDecay(penalty))


def by_hand(objective, theta, steps, temperatures):
    """θ ← θ + h v + √(2τh) ξ, v from the engine and ξ from the key, one step after the other in Python."""
    theta, velocity = jnp.asarray(theta), eqx.filter_jit(lambda theta: objective.velocity(mf.Particles(theta)))
    for k, (h, tau) in enumerate(zip(steps, temperatures, strict=True)):
        noise = jax.random.normal(stream(KEY, "noise of Langevin", k), theta.shape, theta.dtype)
        theta = theta + h * velocity(theta) + np.sqrt(2 * tau * h) * noise
    return np.asarray(theta)


def test_steps_by_hand(x64):
    run = mf.simulate(network(), mf.Langevin(0.25, 0.3), mf.Particles(THETA), times=[5.0], key=KEY)
    assert run.stats["steps"] == 20
    exact = by_hand(network(), THETA, [0.25] * 20, [0.3] * 20)
    assert np.abs(run.particles.position - exact).max() <= 1e-13 * np.abs(exact).max()
    without_two = by_hand(network(), THETA, [0.25] * 20, [0.15] * 20)
    assert np.abs(run.particles.position - without_two).max() > 0.1


def test_schedules_of_step_and_temperature(x64):
    steps, temperatures = [0.5 / (1 + k) for k in range(6)], [0.4 * 0.5**k for k in range(6)]
    flow = mf.Langevin(lambda k: 0.5 / (1 + k), lambda k: 0.4 * 0.5**k)
    run = mf.simulate(network(), flow, mf.Particles(THETA), times=[sum(steps)], key=KEY)
    exact = by_hand(network(), THETA, steps, temperatures)
    assert run.stats["steps"] == 6
    assert np.abs(run.particles.position - exact).max() <= 1e-13 * np.abs(exact).max()


def test_at_temperature_zero_it_is_gradient_descent(x64):
    mu = mf.Particles(THETA)
    cold = mf.simulate(network(), mf.Langevin(0.25, 0.0), mu, times=[5.0], key=KEY)
    plain = mf.simulate(network(), mf.GradientFlow(0.25), mu, times=[5.0])
    assert np.abs(cold.particles.position - plain.particles.position).max() <= 1e-14 * np.abs(THETA).max() * 20


def test_chunks_and_looks_are_no_part_of_the_result():
    """70 + 130 steps are 200 steps, bit for bit."""
    mu, flow = mf.Particles(THETA), mf.Langevin(0.0625, 0.2)  # times of steps are exact in any precision
    whole = mf.simulate(network(), flow, mu, times=[200 * 0.0625], key=KEY)
    parts = mf.simulate(network(), flow, mu, times=[70 * 0.0625, 200 * 0.0625], key=KEY, chunk=13)
    assert whole.stats["steps"] == parts.stats["steps"] == 200
    assert np.array_equal(whole.particles.position, parts.particles.position)
    other = mf.simulate(network(), flow, mu, times=[200 * 0.0625], key=jax.random.key(4))
    assert not np.array_equal(whole.particles.position, other.particles.position)


def test_noise_is_white_normal_and_of_variance_two_tau_h():
    """Increments of free particles: moments, and no correlation between steps, particles or parameters."""
    h, tau, m, steps = 0.5, 0.4, 1000, 8
    free = mf.Objective(Free(), mf.Square(), X, Y)
    run = mf.simulate(
        free,
        mf.Langevin(h, tau),
        mf.Particles(np.zeros((m, 2))),
        times=h * np.arange(steps + 1),
        key=KEY,
        observables=[mf.Positions()],
    )
    xi = np.diff(run.values["positions"].astype(float), axis=0) / np.sqrt(2 * tau * h)  # [steps, m, 2]
    count, z = xi.size, 5.0  # 5 standard errors in seven comparisons: a false alarm of 4e-6
    assert abs(xi.mean()) < z / np.sqrt(count)
    assert abs(np.mean(xi**2) - 1) < z * np.sqrt(2 / count)
    assert abs(np.mean(xi**4) - 3) < z * np.sqrt(96 / count)
    for product in (xi[1:] * xi[:-1], xi[:, 1:] * xi[:, :-1], xi[..., 0] * xi[..., 1]):
        assert abs(product.mean()) < z / np.sqrt(product.size)
    # Control: √(τh) for √(2τh).
    assert abs(np.mean(xi**2) / 2 - 1) > 8 * z * np.sqrt(2 / count)


class Cooling(eqx.Module):
    """A schedule with an array for a field, in which replicas may differ."""

    first: jax.Array

    def __call__(self, k):
        return self.first / (1 + k)


def test_replicas_have_keys_and_temperatures_of_their_own():
    """As alone, up to rounding; and unequal noise for unequal keys."""
    objective, mu, keys = network(), mf.Particles(THETA), jax.random.split(KEY, 3)
    taus = [0.1, 0.2, 0.2]
    flows = [mf.Langevin(0.25, Cooling(jnp.asarray(tau))) for tau in taus]
    runs = mf.simulate_replicas(objective, flows, mu, times=[0.0, 2.5], keys=keys)
    for run, flow, key in zip(runs, flows, keys, strict=True):
        alone = mf.simulate(objective, flow, mu, times=[0.0, 2.5], key=key)
        bound = 1e4 * np.finfo(mu.dtype).eps  # ten steps, each rounded, that stretch by less than e² together
        assert np.abs(run.particles.position - alone.particles.position).max() <= bound
    assert np.abs(runs[1].particles.position - runs[2].particles.position).max() > 0.1


def test_bad_input_is_named():
    simulate = lambda flow, key: mf.simulate(network(), flow, mf.Particles(THETA), times=[1.0], key=key)  # noqa: E731
    with pytest.raises(ValueError, match=r"key=None: Brownian draws noise; expected a key such as jax.random.key\(0\)"):
        simulate(mf.Langevin(0.1, 0.1), None)
    with pytest.raises(ValueError, match=r"temperature=-0.1: expected a finite number at least 0"):
        mf.Langevin(0.1, -0.1)
    with pytest.raises(ValueError, match=r"step=0.0: expected a finite number above 0"):
        mf.Langevin(0.0, 0.1)


def test_a_temperature_below_zero_is_a_divergence():
    flow = mf.Langevin(0.25, lambda k: 0.25 - 0.125 * k)
    run = mf.simulate(network(), flow, mf.Particles(THETA), times=[2.5], key=KEY)
    assert run.status.startswith("diverged at t = 0.75: lower the step (now 0.25) or see that the temperature's")


SHARDED = """
import json, jax, numpy as np, meanfield as mf
jax.config.update("jax_enable_x64", True)
draw = np.random.default_rng(0)
x, y, theta = draw.normal(size=(5, 2)), draw.normal(size=5), draw.normal(size=(64, 3))
objective = mf.Objective(mf.Neuron("tanh"), mf.Square(), x, y)
ends = []
for mu in (mf.Particles(theta), mf.shard(mf.Particles(theta))):
    run = mf.simulate(objective, mf.Langevin(0.1, 0.3), mu, times=[2.0], key=jax.random.key(0))
    ends.append(np.asarray(run.particles.position))
    devices = len(run.particles.position.sharding.device_set)
gap = np.abs(ends[0] - ends[1]).max()
print(json.dumps([devices, float(gap), float(np.abs(ends[0][:32] - theta[:32] - ends[0][32:] + theta[32:]).max())]))
"""


@pytest.mark.full
def test_four_devices_draw_the_noise_of_one():
    """The same particles to rounding on either, and no two devices with the same noise."""
    settings = {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_force_host_platform_device_count=4"}
    done = subprocess.run(
        [sys.executable, "-c", SHARDED],
        capture_output=True,
        text=True,
        env=os.environ | settings,
        cwd=Path(__file__).parents[2],
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    devices, gap, unlike = json.loads(done.stdout.splitlines()[-1])
    assert devices == 4
    assert gap <= 1e-12
    assert unlike > 0.1

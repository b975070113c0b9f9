"""The compiled kernel: what it serves, its derivatives, its bits on any number of threads, and life without it."""

import hashlib
import os
import subprocess
import sys
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf
from meanfield.integrals import Blocked, Compiled, Sorted
from meanfield.integrals.compiled import unavailable
from meanfield.integrals.plan import choose

compiles = pytest.importorskip("llvmlite", reason="llvmlite is not installed: no kernel is compiled")


def problem(m, n, d, k=1, bias=False, seed=0):
    rng = np.random.default_rng(seed)
    mu = mf.Particles(jnp.asarray(rng.normal(size=(m, k + d + bias))))
    return mu, jnp.asarray(rng.normal(size=(n, d))), jnp.asarray(rng.normal(size=(n,) if k == 1 else (n, k)))


SIZES = [(1, 1, 1, 1, 0), (97, 33, 5, 1, 1), (9000, 17, 6, 2, 0), (200, 4200, 3, 1, 0), (130, 700, 40, 6, 1)]


# Sizes around those of blocks, chains and tiles; dimensions on either side of what stays in registers.
@pytest.mark.turns(2)
@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "gelu"])
@pytest.mark.parametrize(("m", "n", "d", "k", "bias"), SIZES)
def test_sums_are_those_of_the_plain_kernel(x64, activation, m, n, d, k, bias):
    unit = mf.Neuron(activation, bias=bool(bias), outputs=k)
    mu, x, r = problem(m, n, d, k, bias)
    one, other = Compiled(), Blocked(64)
    f, g = other.predict(unit, mu, x), other.backward(unit, mu, x, (), r)
    assert np.abs(one.predict(unit, mu, x) - f).max() <= 1e-13 * (1 + np.abs(f).max()) * (d + 10)
    assert np.abs(one.backward(unit, mu, x, (), r) - g).max() <= 1e-13 * (1 + np.abs(g).max()) * (d + 10)


@pytest.mark.parametrize("kernel", [Compiled(), Sorted()])
def test_derivatives_of_both_integrals(x64, kernel):
    unit = mf.Neuron("relu")
    mu, x, r = problem(50, 40, 2)
    kernel, plain = kernel.at(unit, x), Blocked(64)
    moved = jax.random.normal(jax.random.key(1), mu.position.shape)

    def both(kernel, position):
        nu = mf.Particles(position, mu.mass)
        f, kept = kernel.forward(unit, nu, x)
        return f, kernel.backward(unit, nu, x, kept, r * f)

    for one, other in zip(
        jax.jvp(lambda p: both(kernel, p), (mu.position,), (moved,)),
        jax.jvp(lambda p: both(plain, p), (mu.position,), (moved,)),
        strict=True,
    ):
        for a, b in zip(one, other, strict=True):
            assert np.abs(a - b).max() < 1e-12
    value = [jax.grad(lambda p, k=k: jnp.sum(both(k, p)[0] ** 2))(mu.position) for k in (kernel, plain)]
    assert np.abs(value[0] - value[1]).max() < 1e-12


def test_one_at_a_time_or_as_a_batch():
    unit = mf.Neuron("tanh")
    mus = [problem(300, 40, 4, seed=seed)[0] for seed in range(3)]
    _, x, r = problem(1, 40, 4)
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *mus)
    f, g = jax.vmap(lambda mu: (Compiled().predict(unit, mu, x), Compiled().backward(unit, mu, x, (), r)))(stacked)
    for i, mu in enumerate(mus):
        assert np.array_equal(f[i], Compiled().predict(unit, mu, x))
        assert np.array_equal(g[i], Compiled().backward(unit, mu, x, (), r))


BITS = """
import os, sys, hashlib
os.sched_setaffinity(0, set(list(os.sched_getaffinity(0))[:int(sys.argv[1])]))
import jax, numpy as np, meanfield as mf
key = jax.random.key(0)
for d in (2, 3, 20):
    unit = mf.Neuron("relu")
    mu = mf.Particles.gaussian(key, unit, 30_000, d)
    x, y = jax.random.normal(key, (900, d)), jax.random.normal(key, (900,))
    objective = mf.Objective(unit, mf.Square(), x, y)
    assert objective.plan(30_000).kernel.label() in ("compiled", "sorted"), objective.plan(30_000)
    print(hashlib.sha256(np.asarray(objective.bind(mu).velocity(mu)).tobytes()).hexdigest())
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system does not let a process choose processors")
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="there is one processor only")
def test_bits_do_not_depend_on_the_number_of_threads():
    said = [
        subprocess.run([sys.executable, "-c", BITS, count], capture_output=True, text=True, check=True).stdout
        for count in ("1", "2")
    ]
    assert said[0] == said[1]
    assert len(said[0].split()) == 3


def test_several_calls_at_once():
    """Threads of the caller's, each with a call under way: none waits for another, and each has its own sums."""
    unit = mf.Neuron("relu")
    _, x, r = problem(1, 300, 5)
    mus = [problem(5000, 1, 5, seed=seed)[0] for seed in range(8)]
    step = jax.jit(lambda mu: Compiled().backward(unit, mu, x, (), r))
    alone = [digest(step(mu)) for mu in mus]
    together: list[str | None] = [None] * len(mus)

    def work(i):
        for _ in range(20):
            together[i] = digest(step(mus[i]))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(mus))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert together == alone


def digest(array):
    return hashlib.sha256(np.asarray(array).tobytes()).hexdigest()


DEVICES = """
import jax, numpy as np, meanfield as mf
from meanfield.integrals import Blocked
key, unit = jax.random.key(0), mf.Neuron("tanh")
mu = mf.Particles.gaussian(key, unit, 40_000, 3)
x = jax.random.normal(key, (500, 3))
planned = mf.Objective(unit, mf.Square(), x, np.ones(500))
assert planned.plan(10_000).kernel.label() == "compiled"
plain = mf.Objective(unit, mf.Square(), x, np.ones(500), kernel=Blocked(1000))
one = mf.simulate(planned, mf.GradientFlow(0.1), mf.shard(mu), times=[0.0, 2.0])
other = mf.simulate(plain, mf.GradientFlow(0.1), mu, times=[0.0, 2.0])
print(len(jax.devices()), float(np.abs(one.particles.position - other.particles.position).max()))
"""


def test_on_several_devices():
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=4"}
    done = subprocess.run([sys.executable, "-c", DEVICES], env=environment, capture_output=True, text=True, check=True)
    count, difference = done.stdout.split()
    assert count == "4"
    assert float(difference) < 1e-5


def test_many_that_have_come_together():
    """The bound of the documentation: 8192 ε Σ_j |p_j a_j| |w_j|·|x|, however many there are."""
    unit, m = mf.Neuron("relu"), 3_000_000
    with jax.enable_x64(False):
        mu = mf.Particles(jnp.tile(jnp.asarray([[0.1, 0.3, 0.7, -0.1]], jnp.float32), (m, 1)))
        x = jnp.asarray([[1.0, 1.0, 1.0], [0.1, 2.0, 0.3]], jnp.float32)
        f = np.asarray(Compiled().predict(unit, mu, x), float)
    exact = np.float32(0.1) * np.maximum(np.asarray(x, float) @ np.asarray(mu.position[0, 1:], float), 0)
    exact = exact * float(np.float32(1 / m)) * m
    bound = 8192 * np.finfo(np.float32).eps * 0.1 * np.abs(np.asarray(x, float)) @ [0.3, 0.7, 0.1]
    assert np.all(np.abs(f - exact) <= bound)
    # One after the other they would be off by more.
    assert abs(np.cumsum(np.full(m, np.float32(exact[0] / m)))[-1] - exact[0]) > bound[0]


def test_a_non_finite_particle_is_not_hidden():
    mu, x, _ = problem(500, 20, 5)
    for bad in (jnp.nan, jnp.inf):
        position = mu.position.at[77, 3].set(bad)
        f = Compiled().predict(mf.Neuron("relu"), mf.Particles(mu.position, mu.mass), x)
        assert np.all(np.isfinite(f))
        nu = jax.tree.map(lambda leaf: leaf, mu)
        object.__setattr__(nu, "position", position)
        assert not np.all(np.isfinite(Compiled().predict(mf.Neuron("relu"), nu, x)))


@pytest.mark.parametrize(
    ("unit", "dtype", "why"),
    [
        (mf.Neuron(jnp.sin), "float32", "the activation is a function of your own"),
        (mf.Neuron("relu", outputs=17), "float32", "17 outputs are too many"),
        (mf.units.NormalisedNeuron("relu"), "float32", "not a Neuron"),
    ],
)
def test_others_are_refused(unit, dtype, why):
    mu = mf.Particles(jnp.ones((4, unit.size(3)), dtype))
    with pytest.raises(ValueError, match=rf"kernel=Compiled\(\): .*{why}.*use Blocked"):
        Compiled().predict(unit, mu, jnp.ones((5, 3), dtype))
    assert not isinstance(choose(unit, 10**6, 1000, 3, dtype).kernel, Compiled)


def test_other_types_and_platforms_are_refused():
    assert "the type is float16" in (unavailable(mf.Neuron("relu"), "float16", "cpu") or "")
    assert "this is a gpu" in (unavailable(mf.Neuron("relu"), "float32", "gpu") or "")


def test_without_a_compiler_other_kernels_serve(uncompiled):
    plan = choose(mf.Neuron("relu"), 10**6, 1000, 10, np.float32)
    assert isinstance(plan.kernel, Blocked)
    reason = "llvmlite is not installed, which comes with the extra `native`"
    assert dict(plan.others)["compiled"] == reason
    assert f"it would be faster compiled: {reason}" in str(plan)


WITHOUT = """
import sys
sys.modules["llvmlite"] = None
import jax, numpy as np, meanfield as mf
key, unit = jax.random.key(0), mf.Neuron("relu")
for d in (2, 3):
    mu = mf.Particles.gaussian(key, unit, 20_000, d)
    objective = mf.Objective(unit, mf.Square(), jax.random.normal(key, (300, d)), np.ones(300))
    run = mf.simulate(objective, mf.GradientFlow(0.1), mu, times=[0.0, 1.0])
    print(objective.plan(20_000).kernel.label().split()[0], float(objective.risk(run.particles)))
"""


def test_a_process_without_llvmlite():
    said = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True).stdout.split()
    assert said[::2] == ["sorted", "blocked"]
    assert np.all(np.isfinite([float(value) for value in said[1::2]]))

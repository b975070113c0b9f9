"""Kernels at the ends of a type's range, against the same sums by NumPy in longer numbers."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf
from meanfield.integrals import Blocked, Dense, Interpolated, Sorted
from meanfield.integrals.plan import choose

pytestmark = pytest.mark.turns(4)

KERNELS = {"dense": Dense(), "blocked": Blocked(2, 3), "signs": Blocked(3, keep_signs=True), "sorted": Sorted()}


def oracle(theta, mass, x):
    """f of a relu network, and the size of its largest term, in extended precision."""
    theta, mass, x = (np.asarray(value, np.longdouble) for value in (theta, mass, x))
    terms = mass[:, None] * theta[:, :1] * np.maximum(theta[:, 1:] @ x.T, 0)
    return terms.sum(axis=0), np.abs(terms).max(axis=0)


SAMPLES = {
    "one of both ends": [[1e20, 1e-20]],
    "both ends, both ways": [[1e17, 1e-23], [1e-23, 1e17], [-1e17, 2e-23], [1.0, 1.0], [0.0, 1.0]],
    "tiny": [[1e-30, 2e-30], [-3e-30, 1e-30], [1e-30, -1e-30]],
    "huge": [[1e15, 2e15], [-3e15, 1e15], [1e15, -1e15]],
    "on the axes": [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0], [0.0, 0.0]],
    "collinear": [[1.0, 2.0], [2.0, 4.0], [-1.0, -2.0], [3.0, 6.0]],
    "one": [[0.3, -0.7]],
}
PARTICLES = {
    "both ends": [[1.0, -0.5e-20, 1e20], [1.0, 1e-18, -1e-18], [2.0, 1e18, 1e-20], [1.0, -1e-18, 1e18]],
    "zero and twice": [[1.0, 0.0, 0.0], [1.0, 0.5, -0.25], [1.0, 0.5, -0.25], [0.0, 1.0, 1.0]],
    "one": [[-1.5, 2.0, 0.5]],
    "axes": [[1.0, 1e-30, 1e8], [1.0, -1e-30, 1e8], [1.0, 1e8, 1e-30], [1.0, 1e8, -1e-30]],
}


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("samples", SAMPLES)
@pytest.mark.parametrize("particles", PARTICLES)
@pytest.mark.turns(6)
def test_sums_of_a_relu_in_the_plane(kernel, samples, particles):
    """Up to roundings of the largest product of a particle and a sample: what forming v·x itself loses."""
    x, theta = (jnp.asarray(rows, jnp.float32) for rows in (SAMPLES[samples], PARTICLES[particles]))
    mu, unit = mf.Particles(theta), mf.Neuron("relu")
    exact, _ = oracle(theta, mu.mass, x)
    products = np.abs(np.asarray(theta, float))[:, 1:] @ np.abs(np.asarray(x, float)).T
    size = (np.asarray(mu.mass, float) * np.abs(np.asarray(theta, float)[:, 0])) @ products
    eps, tiny = np.finfo(np.float32).eps, np.finfo(np.float32).tiny
    got = np.asarray(KERNELS[kernel].predict(unit, mu, x), float)
    assert (np.abs(got - exact.astype(float)) <= 20 * eps * size + 20 * tiny).all()


def test_signs_where_a_quotient_leaves_the_range():
    """relu(−0.5e-20 · 1e20 + 1e20 · 1e-20) is ½, with the order prepared, found on the way, and under jit."""
    unit, mu = mf.Neuron("relu"), mf.Particles([[1.0, -0.5e-20, 1e20]])
    x = jnp.asarray([[1e20, 1e-20]])
    for kernel in (Sorted(), Sorted().at(unit, x)):
        assert float(kernel.predict(unit, mu, x)[0]) == pytest.approx(0.5)
        assert float(jax.jit(lambda kernel: kernel.predict(unit, mu, x))(kernel)[0]) == pytest.approx(0.5)
        _, kept = kernel.forward(unit, mu, x)
        g = kernel.backward(unit, mu, x, kept, jnp.ones(1))
        assert np.asarray(g[0], float) == pytest.approx([0.5, 1e20, 1e-20])


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
@pytest.mark.parametrize(("unit", "d"), [(mf.Neuron("relu"), 2), (mf.Neuron("tanh", bias=True), 1)])
@pytest.mark.turns(8)
def test_half_precision_is_planned_for_by_plain_kernels(dtype, unit, d):
    for m, n in ((300, 200), (10**5, 10**4)):
        assert isinstance(choose(unit, m, n, d, dtype, platform="cpu").kernel, Dense | Blocked)
    rng = np.random.default_rng(0)
    x, theta = jnp.asarray(rng.normal(size=(200, d)), dtype), jnp.asarray(rng.normal(size=(300, 3)), dtype)
    velocity = mf.Objective(unit, mf.Square(), x, x[:, 0]).velocity(mf.Particles(theta))
    wide = mf.Objective(unit, mf.Square(), x.astype(jnp.float32), x[:, 0].astype(jnp.float32))
    exact = wide.velocity(mf.Particles(theta.astype(jnp.float32)))
    assert velocity.dtype == jnp.float32  # half precision is widened at the door
    # some ten roundings of numbers of the largest velocity's size
    assert np.abs(velocity - exact).max() < 30 * float(jnp.finfo(jnp.float32).eps) * np.abs(exact).max()


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
def test_sorting_refuses_half_precision(dtype):
    x, mu = jnp.ones((3, 2), dtype), mf.Particles(jnp.ones((2, 3), dtype))
    with pytest.raises(ValueError, match=f"the type is {jnp.dtype(dtype)}, and its sums are of float32 or float64"):
        Sorted().predict(mf.Neuron("relu"), mu, x)


@pytest.mark.parametrize("kernel", [*KERNELS.values(), None], ids=[*KERNELS, "planned"])
@pytest.mark.turns(10)
def test_derivatives_in_inputs(kernel, x64):
    """Of what the user differentiates, against the plain kernel: in inputs, and in inputs and particles."""
    unit, mu = mf.Neuron("relu"), mf.Particles(np.random.default_rng(0).normal(size=(40, 3)))
    x = jnp.asarray(np.random.default_rng(1).normal(size=(900, 2)))
    _derivatives_agree(unit, mu, x, kernel)


@pytest.mark.parametrize("kernel", [Interpolated(96, Blocked(64)), None], ids=["interpolated", "planned"])
def test_derivatives_in_inputs_of_smooth_units_on_the_line(kernel, x64):
    unit, mu = mf.Neuron("tanh", bias=True), mf.Particles(np.random.default_rng(0).normal(size=(500, 3)))
    _derivatives_agree(unit, mu, jnp.linspace(-1, 1, 400)[:, None], kernel)


def _derivatives_agree(unit, mu, x, kernel):
    y = jnp.sin(x[:, 0])
    chosen, plain = (mf.Objective(unit, mf.Square(), x, y, kernel=one) for one in (kernel, Dense()))
    direction = jnp.cos(7 * x)

    @eqx.filter_jit  # operation by operation it takes ten times as long
    def each(objective):
        def along(position):
            return jax.jvp(lambda z: objective.predict(mu.moved(position), z), (x,), (direction,))[1].sum()

        return (
            jax.grad(lambda z: jnp.vdot(y, objective.predict(mu, z)))(x),
            jax.grad(along)(mu.position),
            jax.grad(lambda z: mf.Objective(unit, mf.Square(), z, y, kernel=objective.kernel).value(mu))(x),
            jax.grad(lambda position: objective.value(mu.moved(position)))(mu.position),
            mf.observables.loss_sensitivity(objective, mu),
        )

    for one, other in zip(each(chosen), each(plain), strict=True):
        assert np.abs(one - other).max() < 1e-10 * max(1, np.abs(other).max())

"""Dense and blocked kernels: they agree to rounding, one particle at a time included, and memory stays bounded."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf

pytestmark = [pytest.mark.turns(4), pytest.mark.fast]

M, N, D = 10, 6, 3


class Direction(mf.AbstractUnit):
    """A unit whose derivative is NaN at w = 0: Φ = a (w·x)/|w|. Padding a block with zeros would poison it."""

    outputs: int = eqx.field(static=True)

    def size(self, d):
        return self.outputs + d

    def __call__(self, theta, x):
        w = theta[self.outputs :]
        a = theta[0] if self.outputs == 1 else theta[: self.outputs]
        return a * jnp.dot(w, x) / jnp.sqrt(jnp.sum(w**2))


UNITS = {
    "neuron": mf.Neuron("tanh", bias=True),
    "neuron_3": mf.Neuron("relu", outputs=3),
    "custom": Direction(1),
    "custom_3": Direction(3),
}


def problem(unit):
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(size=(N, D)))
    r = jnp.asarray(rng.normal(size=N if unit.outputs == 1 else (N, unit.outputs)))
    mu = mf.Particles(rng.normal(size=(M, unit.size(D))), rng.uniform(0.5, 1.5, M))
    return mu, x, r


@eqx.filter_jit
def both(kernel, unit, mu, x, r):
    f, kept = kernel.forward(unit, mu, x)
    return f, kernel.predict(unit, mu, x), kernel.backward(unit, mu, x, kept, r)


@pytest.mark.parametrize("name", UNITS)
@pytest.mark.turns(1)  # each has other shapes
def test_blocked_equals_dense(name, x64):
    """For blocks of one, blocks that do and do not divide m or n, blocks larger than either, with and without signs."""
    unit = UNITS[name]
    mu, x, r = problem(unit)
    f, predicted, g = both(mf.integrals.Dense(), unit, mu, x, r)
    assert np.all(np.isfinite(g))
    # Sums of at most m + n + d terms, each at most |Φ| or |r ∇Φ| of size below 20 here.
    bound = (M + N + D) * np.finfo(float).eps * 20
    for sizes in ((1,), (3,), (M,), (64,), (3, 4), (4, 1), (64, 64)):
        f_b, predicted_b, g_b = both(mf.integrals.Blocked(*sizes, keep_signs=sum(sizes) % 2 == 1), unit, mu, x, r)
        assert g_b.shape == mu.position.shape
        assert float(jnp.abs(f_b - f).max()) <= bound * M
        assert float(jnp.abs(predicted_b - predicted).max()) <= bound * M
        assert float(jnp.abs(g_b - g).max()) <= bound * N


@pytest.mark.parametrize("name", UNITS)
def test_dense_against_one_particle_at_a_time(name, x64):
    """f_i = Σ_j p_j Φ(θ_j; x_i) and g_j = Σ_i r_i ∇Φ(θ_j; x_i), with the unit called on its own."""
    unit = UNITS[name]
    mu, x, r = problem(unit)
    f, predicted, g = both(mf.integrals.Dense(), unit, mu, x, r)
    phi, jacobian = (
        jax.jit(jax.vmap(jax.vmap(each, (None, 0)), (0, None)))(mu.position, x) for each in (unit, jax.jacrev(unit))
    )
    # einsum on the host, in another order of summation
    expected_f = np.einsum("j,ji...->i...", mu.mass, phi)
    expected_g = np.einsum("ic,jicp->jp", np.reshape(r, (N, -1)), np.reshape(jacobian, (M, N, unit.outputs, -1)))
    bound = (M + N + D) * np.finfo(float).eps * 20
    assert np.abs(f - expected_f).max() <= bound * M
    assert np.abs(predicted - expected_f).max() <= bound * M
    assert np.abs(g - expected_g).max() <= bound * N


@pytest.mark.full
def test_reverse_and_forward_mode_pass_through_blocks(x64):
    """∇F runs backward through the blocks, and the tangent model forward."""
    unit = UNITS["neuron"]
    mu, x, r = problem(unit)
    position = mu.position

    def f(kernel, q):
        return kernel.predict(unit, mu.moved(q), x)

    for transform in (
        lambda kernel: jax.vjp(lambda q: f(kernel, q), position)[1](r)[0],
        lambda kernel: jax.jvp(lambda q: f(kernel, q), (position,), (position,))[1],
    ):
        dense, blocked = transform(mf.integrals.Dense()), transform(mf.integrals.Blocked(4))
        assert float(jnp.abs(dense - blocked).max()) <= (M + N + D) * np.finfo(float).eps * 20 * M


def objective(n, unit=None):
    return mf.Objective(unit or mf.Neuron("relu"), mf.Square(), np.ones((n, 2)), np.ones(n))


def test_memory_does_not_grow_with_m_times_n():
    """What XLA reserves for one velocity: below 1/50 of the m × n array by the plan, at least that array when dense."""
    m, n, d = 10**6, 1000, 3
    array = m * n * jnp.result_type(float).itemsize
    shape = jax.ShapeDtypeStruct((m, 1 + d), jnp.result_type(float))

    def temporaries(kernel):
        target = mf.Objective(mf.Neuron("relu"), mf.Square(), np.ones((n, d)), np.ones(n), kernel=kernel)
        compiled = jax.jit(lambda q: target.velocity(mf.Particles(q))).lower(shape).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    # m p numbers are there anyway: positions by blocks, and the velocity before and after the padding is cut.
    assert temporaries(None) < array / 50
    assert temporaries(mf.integrals.Dense()) >= array


def test_first_variation_memory():
    """Probing many points does not make a points × n array either."""
    points, n = 10**5, 1000
    target, mu = objective(n), mf.Particles(np.ones((1, 3)))
    shape = jax.ShapeDtypeStruct((points, 3), jnp.result_type(float))
    compiled = jax.jit(lambda q: target.first_variation(mu, q)).lower(shape).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < points * n * jnp.result_type(float).itemsize / 50


@pytest.mark.gpu
def test_blocked_equals_dense_on_a_gpu():
    """In float32 at full precision: TF32, with its 10 bits, would miss this bound by a factor of a thousand."""
    unit = UNITS["neuron"]
    mu, x, r = problem(unit)
    with jax.default_device(jax.devices("cpu")[0]):
        expected = [np.asarray(part) for part in both(mf.integrals.Dense(), unit, mu, x, r)]
    for kernel in (mf.integrals.Dense(), mf.integrals.Blocked(3)):
        for part, other in zip(both(kernel, unit, mu, x, r), expected, strict=True):
            assert np.abs(part - other).max() <= (M + N + D) * np.finfo(np.float32).eps * 20 * M

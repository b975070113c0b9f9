"""The empirical tangent kernel against Jacobians of the whole network and against a loop in numpy."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf
from meanfield.observables import empirical_kernel as tangent

pytestmark = [pytest.mark.turns(4), pytest.mark.fast]

M, D, N1, N2 = 7, 3, 5, 4
EPS = np.finfo(float).eps


class Bump(mf.AbstractUnit):
    """Φ(θ; x) = a exp(−|x − w|²/2)."""

    outputs: int = eqx.field(static=True)

    def size(self, d):
        return self.outputs + d

    def __call__(self, theta, x):
        a = theta[0] if self.outputs == 1 else theta[: self.outputs]
        return a * jnp.exp(-jnp.sum((x - theta[self.outputs :]) ** 2) / 2)


UNITS = {
    "tanh": mf.Neuron("tanh", bias=True),
    "relu_3": mf.Neuron("relu", outputs=3),
    "bump": Bump(1),
    "bump_3": Bump(3),
}


def problem(unit):
    rng = np.random.default_rng(0)
    mu = mf.Particles(rng.normal(size=(M, unit.size(D))), rng.uniform(0.5, 1.5, M))
    return mu, jnp.asarray(rng.normal(size=(N1, D))), jnp.asarray(rng.normal(size=(N2, D)))


@pytest.mark.parametrize("name", UNITS)
def test_kernel_is_the_gram_matrix_of_jacobians(name, monkeypatch, x64):
    """K = Σ_j p_j ∇Φ∇Φ' = Σ_j ∂_j f ∂_j f'/p_j, for each layer, in one tile and in tiles that do not divide m."""
    unit = UNITS[name]
    mu, x1, x2 = problem(unit)
    k = unit.outputs

    def f(position, x):
        out = mf.integrals.Dense().predict(unit, mu.moved(position), x)
        return out.reshape(-1, k)

    j1, j2 = (np.asarray(jax.jit(jax.jacrev(f))(mu.position, x)) for x in (x1, x2))
    kept = {"both": slice(None), "output": slice(None, k), "input": slice(k, None)}
    size = np.abs(j1).max() * np.abs(j2).max() * j1[0, 0].size / float(mu.mass.min())
    bound = EPS * (M + D + 16) * size  # sums over M particles of products, each of relative error (D + 16) ε
    # bytes for all particles, for three at a time (which does not divide seven), and for less than one
    one = (N1 + N2) * k * 8 * (1 if isinstance(unit, mf.Neuron) else mu.position.shape[1])
    cases = [(1 << 24, layers) for layers in kept] + [(3 * one, "both"), (1, "both")]
    for tile, layers in cases:
        monkeypatch.setattr(tangent, "TILE_BYTES", tile)
        part = kept[layers]
        expected = np.einsum("acjp,bejp,j->acbe", j1[..., part], j2[..., part], 1 / np.asarray(mu.mass))
        measured = mf.tangent_kernel(unit, mu, x1, x2, layers=layers)
        assert measured.shape == ((N1, N2) if k == 1 else (N1, k, N2, k))
        assert np.abs(measured - expected.reshape(measured.shape)).max() <= bound


def test_layers_add_up_and_the_kernel_is_symmetric_positive(x64):
    unit = UNITS["tanh"]
    mu, x1, _ = problem(unit)
    both, output, input_ = (np.asarray(mf.tangent_kernel(unit, mu, x1, layers=s)) for s in ("both", "output", "input"))
    size = np.abs(both).max() * EPS * (M + D + 16)
    assert np.abs(both - output - input_).max() <= size
    assert np.abs(both - both.T).max() <= size
    for kernel in (both, output, input_):
        assert np.linalg.eigvalsh((kernel + kernel.T) / 2).min() >= -N1 * size


def test_against_a_loop_in_numpy(x64):
    """relu with two outputs, every derivative written out; masses enter once."""
    unit = mf.Neuron("relu", outputs=2)
    rng = np.random.default_rng(1)
    theta, p, x = rng.normal(size=(4, 5)), rng.uniform(0.5, 1.5, 4), rng.normal(size=(3, 3))
    expected = np.zeros((3, 2, 3, 2))
    for j in range(4):
        a, w = theta[j, :2], theta[j, 2:]
        for i in range(3):
            for q in range(3):
                z, y = x[i] @ w, x[q] @ w
                expected[i, :, q] += p[j] * max(z, 0) * max(y, 0) * np.eye(2)
                expected[i, :, q] += p[j] * (z > 0) * (y > 0) * (x[i] @ x[q]) * np.outer(a, a)
    measured = mf.tangent_kernel(unit, mf.Particles(theta, p), x)
    assert np.abs(measured - expected).max() <= 32 * EPS * np.abs(expected).max()


def test_kernel_moves_predictions(x64):
    """df/dt = −K r/n for the square loss, whatever α: the derivative of f along the velocity."""
    unit = UNITS["tanh"]
    mu, x1, _ = problem(unit)
    kernel = mf.tangent_kernel(unit, mu, x1)
    for scale in (1.0, 30.0):
        objective = mf.Objective(unit, mf.Square(), x1, np.ones(N1), scale)
        v = objective.velocity(mu)
        f, change = jax.jvp(lambda q, o=objective: o.predict(mu.moved(q)), (mu.position,), (v,))
        expected = -kernel @ (f - 1) / N1
        assert float(jnp.abs(change - expected).max()) <= EPS * 64 * float(jnp.abs(kernel).max() * jnp.abs(f - 1).max())

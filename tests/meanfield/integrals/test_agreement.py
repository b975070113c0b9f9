"""Every kernel against float64 sums written out here, on inputs made to hurt, within bounds from rounding analysis.

With u = ε(d + 2) and s_ji = |w_j||x_i| + |b_j| (coordinate by coordinate) a pre-activation z_ji is known up to u·s_ji,
so that its sign, and with it σ', is not known where |z_ji| ≤ u·s_ji. A sum of N terms adds Nε times the sum of their
absolute values. Every bound below is made of these, and of nothing measured.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import meanfield as mf

M, N = 23, 11
SLOPES = {"relu": (0.0, 1.0), "leaky_relu": (0.01, 1.0), "linear": (1.0, 1.0)}
SHAPES = {
    "plane": (2, False),
    "line": (1, False),
    "line_bias": (1, True),
    "space": (3, False),
    "space_bias": (7, True),
    "many": (19, True),
}
KERNELS = {
    "dense": mf.integrals.Dense(),
    "blocked": mf.integrals.Blocked(8),
    "tiled": mf.integrals.Blocked(8, 4),
    "signs": mf.integrals.Blocked(8, 4, keep_signs=True),
    "sorted": mf.integrals.Sorted(),
    "ordered": mf.integrals.Sorted(),
    "compiled": mf.integrals.Compiled(),
}


SORTED = ("sorted", "ordered")


def sigma(activation, z):
    if activation == "tanh":
        return np.tanh(z), 1 - np.tanh(z) ** 2
    below, above = SLOPES[activation]
    return np.where(z > 0, above, below) * z, np.where(z > 0, above, below)


def sums(activation, bias, k, position, mass, x, r, ties_are_exact=True):
    """(f, bound on its error, g, bound on its error) per unit of ε, in float64."""
    a, w = position[:, :k], position[:, k:]
    x = np.hstack([x, np.ones((len(x), 1))]) if bias else x
    z, size = w @ x.T, np.abs(w) @ np.abs(x).T
    h, slope = sigma(activation, z)
    unknown = (x.shape[1] + 2) * size  # times ε: what is not known of z
    terms = len(position) + len(x) + 8
    smooth = activation == "tanh"
    # What is not known of h: |σ'| ≤ 1, and four roundings of a library's tanh.
    fuzz = unknown + 4 * smooth
    weight = mass[:, None] * np.abs(a)
    f = h.T @ (mass[:, None] * a)
    f_bound = fuzz.T @ weight + terms * (np.abs(h) + size).T @ weight
    s = a @ r.T
    s_size = np.abs(a) @ np.abs(r).T
    g = np.hstack([h @ r, (s * slope) @ x])
    # |σ''| ≤ 1 for tanh; for a kink the whole term, where the sign is not known.
    eps = np.finfo(np.float32).eps
    jump = (np.abs(z) <= 2 * eps * unknown) if not smooth else np.zeros_like(z, bool)
    if ties_are_exact:
        jump = jump & (z != 0)
    g_bound = np.hstack(
        [
            fuzz @ np.abs(r) + terms * (size + np.abs(h)) @ np.abs(r),
            (terms * s_size + (s_size * (unknown + 4) if smooth else 0) + s_size * jump / eps) @ np.abs(x),
        ]
    )
    return f, f_bound, g, g_bound


@eqx.filter_jit
def both(kernel, unit, mu, x, r):
    f, kept = kernel.forward(unit, mu, x)
    return f, kernel.predict(unit, mu, x), kernel.backward(unit, mu, x, kept, r)


def excess(kernel, activation, bias, k, position, mass, x, r, ties_are_exact=True, ordered=False):
    """The largest error of f and of g in units of their bounds; at most one for a right kernel."""
    unit = mf.Neuron(activation, bias=bias, outputs=k)
    # What the kernel is given is float32, and so is what it is compared on.
    position, mass, x, r = (np.asarray(part, np.float32) for part in (position, mass, x, r))
    exact = [np.asarray(part, np.float64) for part in (position, mass, x, r)]
    f, f_bound, g, g_bound = sums(activation, bias, k, *exact, ties_are_exact)
    mu = mf.Particles(jnp.asarray(position), jnp.asarray(mass))
    if ordered:  # the samples before the particles, as a simulation does: then the sums are compiled where they can be
        kernel = kernel.at(unit, jnp.asarray(x))
    got = both(kernel, unit, mu, jnp.asarray(x), jnp.asarray(r[:, 0] if k == 1 else r))
    eps, least = np.finfo(np.float32).eps, 1e-37
    worst = [
        np.max(np.abs(np.reshape(part, value.shape) - value) / (eps * bound + least))
        for part, value, bound in zip(got, (f, f, g), (f_bound, f_bound, g_bound), strict=True)
    ]
    return max(worst[:2]), worst[2]


def adversarial(seed, kind, d, k, bias):
    """Lattices (ties everywhere), repeats, zeros, and scales from 1e-8 to 1e8 in one problem."""
    rng = np.random.default_rng(seed)
    p = k + d + bias
    if kind == "gaussian":
        position, x, r = rng.normal(size=(M, p)), rng.normal(size=(N, d)), rng.normal(size=(N, k))
    else:
        position, x, r = (rng.integers(-2, 3, size=shape).astype(float) for shape in ((M, p), (N, d), (N, k)))
    if kind == "scales":
        position[:, k:] *= 10.0 ** rng.integers(-8, 9, size=(M, 1))
        position[:, :k] *= 10.0 ** rng.integers(-8, 9, size=(M, 1))
        x *= 10.0 ** rng.integers(-8, 9, size=(N, 1)) if not bias else 1.0
        r *= 10.0 ** rng.integers(-4, 5, size=(N, 1))
    if kind == "crowded":  # all directions within a few roundings of each other
        x = np.tile([[1.0] * d], (N, 1)) * (1 + np.finfo(np.float32).eps * rng.integers(0, 6, size=(N, d)))
        position[:, k:] = np.resize([1.0, -1.0], p - k) * (1 + 1e-7 * rng.normal(size=(M, p - k)))
    if kind == "repeats":
        position, x = position[rng.integers(0, 4, size=M)], x[rng.integers(0, 3, size=N)]
    mass = rng.uniform(size=M) * (rng.uniform(size=M) > 0.2) + (np.arange(M) == 0)
    return position, mass, x, r


def cases():
    for shape, (d, bias) in SHAPES.items():
        for name in KERNELS:
            if name not in SORTED or d + bias <= 2:
                yield shape, name


@pytest.mark.parametrize(("shape", "name"), list(cases()))
@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**31),
    kind=st.sampled_from(["gaussian", "lattice", "scales", "crowded", "repeats"]),
    activation=st.sampled_from([*SLOPES, "tanh"]),
)
@pytest.mark.turns(8)
def test_agreement(shape, name, seed, kind, activation):
    # Every kernel meets every activation with one output and with three, on shapes that take turns: each pair of
    # them is a program to compile.
    k = (1, 3)[([*SLOPES, "tanh"].index(activation) + [*SHAPES].index(shape) + [*KERNELS].index(name)) % 2]
    if name in SORTED and activation == "tanh":
        activation = "relu"
    d, bias = SHAPES[shape]
    # Fused multiply-adds give w₁x₁ + w₂x₂ = 0 the sign of a rounding error, unless the products fit 24 bits. Sorting
    # compares quotients, and is exact about ties always.
    exact = name in SORTED or kind in ("lattice", "repeats")
    with jax.enable_x64(False):
        problem = adversarial(seed, kind, d, k, bias)
        f_error, g_error = excess(
            KERNELS[name], activation, bias, k, *problem, ties_are_exact=exact, ordered=name == "ordered"
        )
    assert f_error <= 1
    assert g_error <= 1


class RightBranch(mf.integrals.Sorted):  # type: ignore[misc]
    """Wrong on purpose: kinks on samples count as the right branch."""

    def backward(self, unit, mu, x, kept, r):
        on = kept % 2 == 1
        return super().backward(unit, mu, x, jnp.where(on, kept - 1, kept), r)


class LostMass(mf.integrals.Sorted):  # type: ignore[misc]
    """Wrong on purpose: every particle has the same mass."""

    def predict(self, unit, mu, x):
        return self.forward(unit, mf.Particles(mu.position), x)[0]


@pytest.mark.parametrize("wrong", [RightBranch(), LostMass()])
def test_the_comparison_rejects_wrong_kernels(wrong):
    d, bias = SHAPES["plane"]
    with jax.enable_x64(False):
        errors = excess(wrong, "relu", bias, 1, *adversarial(1, "lattice", d, 1, bias))
    assert max(errors) > 100


@pytest.mark.parametrize("name", ["blocked", "signs", "sorted", "compiled"])
def test_float64_agrees_too(name, x64):
    """The same sums in the longer type: the bound shrinks with ε, and the kernels follow."""
    d, bias = SHAPES["line_bias"]
    position, mass, x, r = adversarial(5, "gaussian", d, 3, bias)
    unit = mf.Neuron("leaky_relu", bias=bias, outputs=3)
    f, f_bound, g, g_bound = sums("leaky_relu", bias, 3, position, mass, x, r)
    got = both(KERNELS[name], unit, mf.Particles(position, mass), jnp.asarray(x), jnp.asarray(r))
    eps = np.finfo(float).eps
    assert np.all(np.abs(got[0] - f) <= eps * f_bound)
    assert np.all(np.abs(got[2] - g) <= eps * g_bound)

"""The fused kernel: interpreted against a float64 oracle, lowered for CUDA without a GPU, run where there is one.

The bound of a sum of N rounded terms t is (N + few) ε Σ|t| (Higham, ch. 3); a pre-activation is off by at most
e = (d + 2) ε (|w|·|x| + |b|), which moves σ by its Lipschitz constant times e, and a slope that jumps at zero by the
whole jump where |z| ≤ e. ε is twice the unit roundoff, which leaves room for the second order.
"""

import contextlib
import re
import subprocess
import sys
from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf
from meanfield.integrals import pallas, pallas_tile
from meanfield.integrals.pallas import Pallas, unavailable

# JAX 0.11 and later say so at each lowering.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The Pallas Triton backend is deprecated:DeprecationWarning"),
    pytest.mark.turns(4),
]


class Sigma(NamedTuple):
    """σ and σ' in NumPy, their Lipschitz constants at (z, e), the jump of σ' at zero, and how well a library computes
    them: to (relative |value| + absolute) ε."""

    value: Callable
    slope: Callable
    lipschitz: Callable
    slope_lipschitz: float = 0.0
    jump: float = 0.0
    relative: float = 0.0
    absolute: float = 0.0


def logistic(z):
    return 0.5 * (1 + np.tanh(z / 2))


def one(z, e):
    return 1.0


SIGMAS = {
    "relu": Sigma(lambda z: np.maximum(z, 0), lambda z: 1.0 * (z > 0), one, jump=1),
    "leaky_relu": Sigma(
        lambda z: np.where(z > 0, z, 0.01 * z), lambda z: np.where(z > 0, 1, 0.01), one, jump=1, relative=1
    ),
    "squared_relu": Sigma(
        lambda z: np.maximum(z, 0) ** 2, lambda z: 2 * np.maximum(z, 0), lambda z, e: 2 * (np.abs(z) + e), 2, relative=1
    ),
    "tanh": Sigma(np.tanh, lambda z: 1 - np.tanh(z) ** 2, one, 1, absolute=8),
    "sigmoid": Sigma(logistic, lambda z: logistic(z) * (1 - logistic(z)), one, 1, absolute=8),
    "softplus": Sigma(lambda z: np.logaddexp(z, 0), logistic, one, 1, relative=8, absolute=8),
    "cosine": Sigma(np.cos, lambda z: -np.sin(z), one, 1, absolute=8),
    "linear": Sigma(lambda z: z, np.ones_like, one),
}
REFUSED = {"erf": "erf", "gelu": "erfc"}
"""Activations whose primitive the Triton backend does not know."""


class Case(NamedTuple):
    activation: str
    d: int
    k: int = 1
    bias: bool = False
    m: int = 70
    n: int = 45


CASES = [
    Case("relu", 1, m=1, n=1),
    Case("relu", 2),
    Case("relu", 10, 3, True, m=33, n=130),
    Case("relu", 16, 1, True),
    Case("relu", 40, 3, m=32, n=64),
    Case("leaky_relu", 2, 3, True),
    Case("leaky_relu", 40),
    Case("squared_relu", 10),
    Case("squared_relu", 1, 1, True),
    Case("tanh", 2, 1, True, m=128, n=31),
    Case("tanh", 40, 1, True),
    Case("sigmoid", 10, 3),
    Case("softplus", 2),
    Case("cosine", 1, 3, True),
    Case("cosine", 100),
    Case("linear", 10),
]


def problem(case, dtype=np.float32, scales=(1.0, 1.0, 1.0)):
    """(unit, particles, x, r): a tenth of the weights, a tenth of the masses and some samples zero, so that z = 0."""
    rng = np.random.default_rng(0)
    a, w, xs = scales
    unit = mf.Neuron(case.activation, bias=case.bias, outputs=case.k)
    position = rng.normal(size=(case.m, unit.size(case.d))) * w / np.sqrt(case.d)
    position[:, : case.k] *= a / w * np.sqrt(case.d)
    position[::10, case.k :] = 0
    mass = rng.uniform(0.1, 2, case.m) / case.m
    mass[3::10] = 0
    x = rng.normal(size=(case.n, case.d)) * xs
    x[5::10] = 0
    r = rng.normal(size=(case.n, case.k))
    mu = mf.Particles(position.astype(dtype), mass.astype(dtype))
    return unit, mu, jnp.asarray(x.astype(dtype)), jnp.asarray((r[:, 0] if case.k == 1 else r).astype(dtype))


def oracle(case, mu, x, r, eps):
    """(f, its bound), (g, its bound), in float64."""
    sigma, d, k = SIGMAS[case.activation], case.d, case.k
    position, p, x, r = (np.asarray(each, np.float64) for each in (mu.position, mu.mass, x, r))
    m, n = len(p), len(x)
    a, w = position[:, :k], position[:, k:]
    if case.bias:
        x = np.pad(x, ((0, 0), (0, 1)), constant_values=1)
    r = r.reshape(n, k)
    eps = eps + np.finfo(float).eps  # the oracle rounds too
    z, e = w @ x.T, (d + 2) * eps * (np.abs(w) @ np.abs(x.T))
    h, s = sigma.value(z), sigma.slope(z)
    off_h = sigma.lipschitz(z, e) * e + eps * (sigma.relative * np.abs(h) + sigma.absolute)
    off_s = sigma.slope_lipschitz * e + eps * (sigma.relative * np.abs(s) + sigma.absolute)
    off_s = off_s + sigma.jump * ((np.abs(z) <= e) & (e > 0))
    pa, ar = np.abs(p[:, None] * a), np.abs(a) @ np.abs(r.T)
    f = h.T @ (p[:, None] * a)
    f_off = off_h.T @ pa + (m + 6) * eps * (np.abs(h).T @ pa)
    g = np.concatenate([h @ r, ((a @ r.T) * s) @ x], axis=1)
    g_off = np.concatenate(
        [
            off_h @ np.abs(r) + (n + 6) * eps * (np.abs(h) @ np.abs(r)),
            (ar * off_s) @ np.abs(x) + (n + k + 6) * eps * ((ar * np.abs(s)) @ np.abs(x)),
        ],
        axis=1,
    )
    return (f[:, 0] if k == 1 else f, f_off[:, 0] if k == 1 else f_off), (g, g_off)


@eqx.filter_jit
def both(kernel, unit, mu, x, r):
    f, kept = kernel.forward(unit, mu, x)
    return f, kernel.backward(unit, mu, x, kept, r)


def excess(case, computed, mu, x, r, eps):
    """How far outside its bound the worst number lies; at most one is agreement."""
    worst = 0.0
    for value, (exact, bound) in zip(computed, oracle(case, mu, x, r, eps), strict=True):
        assert value.shape == exact.shape
        off = np.abs(np.asarray(value, np.float64) - exact)
        assert np.all(np.isfinite(off))
        outside = np.where(off > 0, np.inf, 0.0)
        worst = max(worst, float(np.max(np.divide(off, bound, out=outside, where=bound > 0))))
    return worst


def excess_in(case, kernel, scales=(1.0, 1.0, 1.0), dtype=np.float32, run=both):
    unit, mu, x, r = problem(case, dtype, scales)
    return excess(case, run(kernel, unit, mu, x, r), mu, x, r, np.finfo(dtype).eps)


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.turns(4)
def test_agrees_with_float64(case):
    assert excess_in(case, Pallas(interpret=True)) <= 1


@pytest.mark.parametrize("case", [Case("relu", 2, 3, True), Case("tanh", 40)], ids=str)
@pytest.mark.parametrize(("programs", "steps"), [(1, 1024), (1, 2), (20, 1024)])
@pytest.mark.turns(1)
def test_every_division_of_the_sum(case, programs, steps, monkeypatch):
    """One program with several steps, and several programs with several steps, of which the last has less to do."""
    monkeypatch.setattr(pallas_tile, "PROGRAMS", programs)
    monkeypatch.setattr(pallas_tile, "STEPS", steps)
    # Not jitted: a compiled run would be found again, whatever the division is now.
    kernel = Pallas(held=16, streamed=32, interpret=True)
    assert (
        pallas_tile.division(150, 140, 16, 32)
        == {(1, 1024): (1, 5), (1, 2): (3, 2), (20, 1024): (2, 3)}[programs, steps]
    )
    assert excess_in(case._replace(m=150, n=140), kernel, run=both.__wrapped__) <= 1


def test_programs_read_what_is_theirs():
    """Row t of a program is where its step t starts: an interpreted kernel would find numbers before the first, too."""
    from jax.experimental import pallas as pl

    tiles, splits, steps, held, streamed = 3, 4, 5, 16, 32

    def kernel(out):
        rows, _, columns = pallas_tile.axes(held, streamed, steps)
        for t in range(steps):
            out[0, 0, t] = rows.start
            out[0, 1, t] = columns(t).start

    shape, block = jax.ShapeDtypeStruct((tiles * splits, 2, steps), jnp.int32), pl.BlockSpec((1, 2, steps), place)
    found = pl.pallas_call(kernel, out_shape=shape, out_specs=block, grid=(tiles, splits), interpret=True)()
    starts = np.asarray(found).reshape(tiles, splits, 2, steps)
    assert np.all(starts[:, :, 0] == held * np.arange(tiles)[:, None, None])
    assert np.all(starts[:, :, 1].reshape(tiles, -1) == streamed * np.arange(splits * steps))


def place(tile, split):
    return tile * 4 + split, 0, 0


@pytest.mark.parametrize(("kept", "summed"), [(1, 1), (100, 100_000), (10**6, 10**6), (70_000, 5000), (1, 10**8)])
def test_a_sum_is_divided_so_that_the_gpu_is_full(kept, summed):
    """Pieces cover the sum and are no longer than float32 bears, nor twice as long as leaves enough programs."""
    held, streamed = 64, 32
    splits, steps = pallas_tile.division(kept, summed, held, streamed)
    assert (splits - 1) * steps * streamed < summed <= splits * steps * streamed
    assert steps <= pallas_tile.STEPS
    assert steps == 1 or 2 * splits * np.ceil(kept / held) >= pallas_tile.PROGRAMS


@pytest.mark.parametrize("case", [Case("relu", 10, 3, True), Case("squared_relu", 40), Case("softplus", 2)], ids=str)
def test_agrees_in_double_precision(case, x64):
    assert excess_in(case, Pallas(interpret=True), dtype=np.float64) <= 1


@pytest.mark.parametrize("scales", [(1e12, 1e10, 1e-15), (1e-9, 1e-12, 1e3), (1.0, 1e15, 1e10), (1e-10, 1e10, 1e-10)])
@pytest.mark.parametrize("case", [Case("relu", 10), Case("linear", 40, 3), Case("relu", 2, 1, True)], ids=str)
def test_bounds_are_relative(case, scales):
    """Output weights, input weights and inputs of any size: no constant hides in kernel or bound."""
    assert excess_in(case, Pallas(interpret=True), scales) <= 1


@pytest.mark.parametrize("activation", ["relu", "squared_relu", "linear"])
@pytest.mark.parametrize(("d", "bias"), [(2, True), (40, False)])
def test_whole_numbers_are_exact(activation, d, bias):
    """Small whole numbers and masses 2⁻ʲ leave nothing to round: no bound, and relu'(0) = 0 at every tie."""
    case = Case(activation, d, 1, bias)
    rng = np.random.default_rng(1)
    unit = mf.Neuron(activation, bias=bias)
    mu = mf.Particles(
        rng.integers(-2, 3, (case.m, unit.size(d))).astype(np.float32),
        (0.5 ** rng.integers(0, 4, case.m)).astype(np.float32),
    )
    x, r = (jnp.asarray(rng.integers(-2, 3, shape).astype(np.float32)) for shape in ((case.n, d), case.n))
    w = np.asarray(mu.position[:, 1:])
    assert np.sum(w @ np.asarray(jnp.pad(x, ((0, 0), (0, int(bias))), constant_values=1)).T == 0) > 100
    for value, (exact, _) in zip(
        both(Pallas(interpret=True), unit, mu, x, r), oracle(case, mu, x, r, 0.0), strict=True
    ):
        np.testing.assert_array_equal(np.asarray(value), exact)


def test_padding_does_not_poison():
    """σ(z) = √z has no slope at zero: a tile filled with zeros would give 0 · ∞."""
    unit = mf.Neuron(jnp.sqrt)
    mu = mf.Particles(np.ones((3, 3), np.float32))
    computed = both(Pallas(interpret=True), unit, mu, jnp.ones((5, 2), jnp.float32), jnp.ones(5, jnp.float32))
    assert all(np.all(np.isfinite(value)) for value in computed)


def forgets_masses(monkeypatch, mu):
    return mf.Particles(mu.position)


def fills_weights_with_the_last(monkeypatch, mu):
    monkeypatch.setattr(pallas, "zero_filled", pallas_tile.edge)
    return mu


def loses_a_step(monkeypatch, mu):
    division = pallas_tile.division
    monkeypatch.setattr(pallas_tile, "PROGRAMS", 1)
    monkeypatch.setattr(pallas, "division", lambda *sizes: (1, division(*sizes)[1] - 1))
    monkeypatch.setattr(pallas, "edge", lambda rows, count: pallas_tile.edge(rows, max(count, len(rows))))
    monkeypatch.setattr(pallas, "zero_filled", lambda rows, count: pallas_tile.zero_filled(rows, max(count, len(rows))))
    return mu


def keeps_ten_bits(monkeypatch, mu):
    """What a product in TF32 does to its operands."""
    product = pallas_tile.Product.product
    short = lambda pieces: [jax.lax.reduce_precision(piece, 8, 10) for piece in pieces]  # noqa: E731
    monkeypatch.setattr(pallas_tile.Product, "product", lambda self, u, v: product(self, short(u), short(v)))
    return mu


@pytest.mark.parametrize("fault", [forgets_masses, fills_weights_with_the_last, loses_a_step, keeps_ten_bits])
def test_the_comparison_rejects(fault, monkeypatch):
    """Negative controls: the same comparison, a kernel with one fault."""
    case = Case("tanh", 40)
    unit, mu, x, r = problem(case)
    wrong = fault(monkeypatch, mu)
    kernel = Pallas(held=16, interpret=True)
    computed = kernel.predict(unit, wrong, x), kernel.backward(unit, wrong, x, (), r)
    assert excess(case, computed, mu, x, r, np.finfo(np.float32).eps) > 1


@pytest.mark.parametrize("case", [Case("tanh", 2, 1, True, m=33, n=20), Case("cosine", 40, 3, m=20, n=6)], ids=str)
def test_derivatives_of_predict(case):
    """Forward mode along v is Σ_j p_j ⟨∇Φ(θ_j), v_j⟩, reverse mode p_j times the pullback; the oracle knows ∇Φ."""
    unit, mu, x, r = problem(case)
    rng, eps = np.random.default_rng(2), np.finfo(np.float32).eps
    v = jnp.asarray(rng.normal(size=mu.position.shape).astype(np.float32))

    def f(position):
        return Pallas(interpret=True).predict(unit, mu.moved(position), x)

    value, pushed = jax.jit(lambda q: jax.jvp(f, (q,), (v,)))(mu.position)
    (pulled,) = jax.jit(lambda q, r: jax.vjp(f, q)[1](r))(mu.position, r)
    _, (g, g_off) = oracle(case, mu, x, r, eps)
    mass = np.asarray(mu.mass, np.float64)[:, None]
    assert np.all(np.abs(np.asarray(pulled) - mass * g) <= mass * g_off + 2 * eps * np.abs(mass * g))
    assert np.array_equal(np.asarray(value), np.asarray(jax.jit(f)(mu.position)))
    # ⟨r, Df v⟩ = ⟨Dfᵀ r, v⟩ for the residual of each sample and output: Df v from pullbacks of unit residuals.
    terms = np.zeros_like(np.asarray(pushed, np.float64))
    bound = np.zeros_like(terms)
    for index in np.ndindex(*terms.shape):
        unit_residual = np.zeros(terms.shape)
        unit_residual[index] = 1
        _, (g, g_off) = oracle(case, mu, x, unit_residual, eps)
        terms[index] = np.sum(mass * g * np.asarray(v))
        bound[index] = np.sum(mass * (g_off + (case.m + 6) * eps * np.abs(g)) * np.abs(np.asarray(v)))
    assert np.all(np.abs(np.asarray(pushed) - terms) <= bound)


class Bump(mf.AbstractUnit):
    outputs: int = eqx.field(static=True, default=1)

    def size(self, d):
        return 1 + d

    def __call__(self, theta, x):
        return theta[0] * jnp.exp(-jnp.sum((x - theta[1:]) ** 2))


@contextlib.contextmanager
def no_gpu_needed():
    """Newer JAX asks which GPU a kernel is lowered for; an abstract one will do."""
    if not hasattr(jax.sharding, "AbstractDevice"):
        yield
        return
    device = jax.sharding.AbstractDevice(device_kind="NVIDIA H100 80GB HBM3", num_cores=None, platform="gpu")
    auto = (jax.sharding.AxisType.Auto,)
    with jax.sharding.use_abstract_mesh(
        jax.sharding.AbstractMesh((1,), ("x",), axis_types=auto, abstract_device=device)
    ):
        yield


@pytest.mark.parametrize(
    ("unit", "d", "dtype", "platform", "reason"),
    [
        (mf.Neuron("relu"), 2, jnp.float32, "cpu", "no NVIDIA GPU, but cpu"),
        (Bump(), 2, jnp.float32, "gpu", "the unit is a Bump, not a Neuron"),
        (mf.Neuron("relu"), 2, np.float64, "gpu", "the type is float64, not float32"),
        (mf.Neuron("relu"), 129, jnp.float32, "gpu", "d = 129 is too large"),
        (mf.Neuron("relu", bias=True), 128, jnp.float32, "cuda", "d = 128 is too large"),
        (mf.Neuron("relu", outputs=9), 2, jnp.float32, "gpu", "9 outputs are too many"),
    ],
)
def test_reasons(unit, d, dtype, platform, reason):
    assert unavailable(unit, d, dtype, platform).startswith(reason)


@pytest.mark.parametrize("name", REFUSED)
def test_reason_of_the_backend(name):
    """The primitive that Triton lacks is named. Where this fails because it is there now, the activation is served."""
    with no_gpu_needed():
        assert f"lowering: {REFUSED[name]}." in unavailable(mf.Neuron(name), 2, jnp.float32, "gpu")


def test_reason_without_the_backend(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax.experimental.pallas.triton", None)
    monkeypatch.delattr("jax.experimental.pallas.triton", raising=False)
    assert "no Triton backend" in unavailable(mf.Neuron("relu"), 2, jnp.float32, "gpu")


@pytest.mark.parametrize("name", SIGMAS)
@pytest.mark.parametrize(("d", "k", "bias"), [(2, 1, False), (16, 3, True), (10, 8, False), (128, 3, False)])
@pytest.mark.turns(4)
def test_lowers_for_cuda(name, d, k, bias):
    """Every operation of both kernels is one that Triton has; no GPU is asked to run them."""
    with no_gpu_needed():
        assert unavailable(mf.Neuron(name, bias=bias, outputs=k), d, jnp.float32, "gpu") is None


@pytest.mark.parametrize("precision", ["highest", "high", "default"])
@pytest.mark.parametrize("d", [3, 40])
def test_lowered_program_holds_no_pairs(precision, d):
    """Two Triton calls, and no array beside them with more than a few numbers a particle and a sample."""
    m, n = 1 << 15, 1 << 14
    unit, kernel = mf.Neuron("relu"), Pallas(precision=precision, interpret=False)
    shapes = [(m, 1 + d), (m,), (n, d), (n,)]

    def run(position, mass, x, r):
        mu = eqx.tree_at(lambda nu: (nu.position, nu.mass), mf.Particles(jnp.zeros((1, 1))), (position, mass))
        return both.__wrapped__(kernel, unit, mu, x, r)

    with no_gpu_needed():
        traced = jax.jit(run).trace(*(jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes))
        text = traced.lower(lowering_platforms=("cuda",)).as_text()
    assert text.count("@__gpu$xla.gpu.triton") == 2
    sizes = [np.prod([int(axis) for axis in shape.split("x")]) for shape in re.findall(r"tensor<([\dx]+)xf32>", text)]
    assert max(sizes) <= 2 * (m + n) * (d + 2 + pallas_tile.CHUNK) < m * n / 20


def test_bad_arguments():
    for sizes in ({"held": 8}, {"held": 48}, {"streamed": 0}, {"streamed": 24}):
        with pytest.raises(ValueError, match=next(iter(sizes))):
            Pallas(**sizes)
    with pytest.raises(ValueError, match="precision"):
        Pallas(precision="hihgest")
    with pytest.raises(ValueError, match="takes a Neuron"):
        Pallas().predict(Bump(), mf.Particles(np.ones((2, 3))), jnp.ones((2, 2)))


def test_too_many_numbers():
    """Beyond 2³¹ numbers 32-bit indices would wrap around and read elsewhere."""
    position = jax.ShapeDtypeStruct((1 << 28, 9), jnp.float32)
    kernel = Pallas(interpret=False)
    with pytest.raises(ValueError, match="32 bits"):
        jax.eval_shape(
            lambda q: kernel.predict(mf.Neuron("relu"), mf.Particles(q), jnp.ones((4, 8), jnp.float32)), position
        )


def test_label():
    assert Pallas(held=64).label() == "pallas (64 rows held, 32 streamed)"


def test_pallas_is_imported_when_used():
    code = "import sys, meanfield.integrals.pallas; sys.exit('jax.experimental.pallas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.gpu
@pytest.mark.parametrize("case", CASES, ids=str)
def test_agrees_with_float64_on_a_gpu(case):
    """Compiled; the bound would not let a product in TF32 pass, see the negative controls."""
    assert excess_in(case, Pallas(interpret=False)) <= 1


@pytest.mark.gpu
@pytest.mark.parametrize("case", [Case("relu", 2, m=8000, n=3000), Case("tanh", 40, m=3000, n=5000)], ids=str)
def test_large_and_repeatable_on_a_gpu(case):
    """Sums of several steps and pieces; the same bits twice, since nothing is added atomically."""
    unit, mu, x, r = problem(case)
    first, second = (both(Pallas(interpret=False), unit, mu, x, r) for _ in range(2))
    assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))
    assert excess(case, first, mu, x, r, np.finfo(np.float32).eps) <= 1


@pytest.mark.gpu
def test_precision_on_a_gpu():
    """Three passes of TF32 carry 20 bits or more; one pass keeps 10 and is seen to."""
    case = Case("tanh", 40)
    unit, mu, x, r = problem(case)

    def worst(precision, eps):
        return excess(case, both(Pallas(precision=precision, interpret=False), unit, mu, x, r), mu, x, r, eps)

    assert worst("high", 2.0**-20) <= 1
    assert worst("default", 2.0**-9) <= 1 < worst("default", np.finfo(np.float32).eps)

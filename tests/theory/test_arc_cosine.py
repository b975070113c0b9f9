"""Kernels against quadrature in the plane of two inputs, against sampling, and at the edges of float64."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special

from theory.activations import ACTIVATIONS, Pairs, quadrant
from theory.arc_cosine import conjugate_kernel, derivative_kernel, tangent_kernel

pytestmark = pytest.mark.fast

EPS = np.finfo(float).eps
NAMES = list(ACTIVATIONS)

SIGMA = {
    "relu": lambda z: np.maximum(z, 0.0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "squared_relu": lambda z: np.maximum(z, 0.0) ** 2,
    "erf": special.erf,
    "cosine": np.cos,
    "linear": lambda z: z,
}
SIGMA_PRIME = {
    "relu": lambda z: (z > 0) * 1.0,
    "leaky_relu": lambda z: np.where(z > 0, 1.0, 0.01),
    "squared_relu": lambda z: 2 * np.maximum(z, 0.0),
    "erf": lambda z: 2 / np.sqrt(np.pi) * np.exp(-(z**2)),
    "cosine": lambda z: -np.sin(z),
    "linear": np.ones_like,
}
# Degree of homogeneity of σ, for those that have one.
DEGREE = {"relu": 1, "leaky_relu": 1, "squared_relu": 2, "linear": 1}


def polar_expectation(g, degree, r1, r2, angle):
    """E g(u)g(v) for g of a degree: a radial moment times an integral over the circle, cut at the kinks."""

    def around(t):
        return float(g(np.cos(t)) * g(np.cos(t - angle)))

    kinks = sorted({s % (2 * np.pi) for s in (np.pi / 2, -np.pi / 2, angle + np.pi / 2, angle - np.pi / 2)})
    edges = [0.0, *kinks, 2 * np.pi]
    circle = sum(integrate.quad(around, a, b, epsabs=1e-13)[0] for a, b in pairwise(edges))
    # ∫ ρ^{2·degree + 1} exp(−ρ²/2) dρ = 2^degree · degree!
    return (r1 * r2) ** degree * 2.0**degree * special.factorial(degree) * circle / (2 * np.pi)


def hermite_expectation(g, r1, r2, angle, nodes=120):
    """E g(u)g(v) by a product Gauss–Hermite rule in the plane of the inputs."""
    t, weight = special.roots_hermitenorm(nodes)
    weight = weight / weight.sum()
    u = r1 * t[:, None]
    v = r2 * (np.cos(angle) * t[:, None] + np.sin(angle) * t[None, :])
    return float(np.sum(weight[:, None] * weight[None, :] * g(u) * g(v)))


@pytest.mark.parametrize("angle", [0.0, 1e-3, 0.4, np.pi / 2, 2.5, np.pi - 1e-3, np.pi])
@pytest.mark.parametrize(("r1", "r2"), [(1.0, 1.0), (0.3, 1.7)])
@pytest.mark.parametrize("name", NAMES)
def test_kernels_agree_with_quadrature(name, r1, r2, angle):
    x1 = r1 * np.array([[1.0, 0.0]])
    x2 = r2 * np.array([[np.cos(angle), np.sin(angle)]])
    if name in DEGREE:
        degree = DEGREE[name]
        conjugate = polar_expectation(SIGMA[name], degree, r1, r2, angle)
        derivative = polar_expectation(SIGMA_PRIME[name], degree - 1, r1, r2, angle)
        # Each of at most five integrals is asked to 1e-13; moments multiply that by 8/2π at most.
        tolerance = 1e-12
    else:
        conjugate = hermite_expectation(SIGMA[name], r1, r2, angle)
        derivative = hermite_expectation(SIGMA_PRIME[name], r1, r2, angle)
        # The rule's own error: what 120 nodes change against 90, and rounding of 120² terms.
        coarse = [hermite_expectation(s[name], r1, r2, angle, 90) for s in (SIGMA, SIGMA_PRIME)]
        tolerance = max(abs(conjugate - coarse[0]), abs(derivative - coarse[1])) + 120**2 * EPS
        assert tolerance < 1e-6
    assert abs(conjugate_kernel(x1, x2, name)[0, 0] - conjugate) < tolerance
    assert abs(derivative_kernel(x1, x2, name)[0, 0] - derivative) < tolerance


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_tangent_kernel_is_the_mean_of_gradient_products(name, bias):
    rng = np.random.default_rng(7)
    units, output_scale, input_scale = 100_000, 0.7, 1.3
    x1, x2 = rng.normal(size=(3, 2)), rng.normal(size=(2, 2))
    ones = [np.ones((len(x), 1)) for x in (x1, x2)]
    z1, z2 = (np.hstack([x, one]) if bias else x for x, one in zip((x1, x2), ones, strict=True))
    w = input_scale * rng.normal(size=(units, z1.shape[1]))
    a = output_scale * rng.normal(size=units)

    def gradients(z):
        pre = w @ z.T
        return SIGMA[name](pre), a[:, None] * SIGMA_PRIME[name](pre)

    (s1, d1), (s2, d2) = gradients(z1), gradients(z2)
    samples = {
        "output": s1[:, :, None] * s2[:, None, :],
        "input": d1[:, :, None] * d2[:, None, :] * (z1 @ z2.T),
    }
    samples["both"] = samples["output"] + samples["input"]
    for layers, sample in samples.items():
        exact = tangent_kernel(x1, x2, name, layers, output_scale=output_scale, input_scale=input_scale, bias=bias)
        error = sample.std(axis=0) / np.sqrt(units)
        # 216 entries in all cases together: 5 standard errors leave a false alarm of 216 · 6e-7 ≈ 1e-4. The
        # linear kernel's derivative has no spread, only rounding.
        assert np.all(np.abs(sample.mean(axis=0) - exact) < 5 * error + 1e-12 * np.abs(exact)), layers


def test_quadrature_and_sampling_can_tell_a_wrong_constant():
    x = np.array([[1.0, 0.0], [0.6, 0.8]])
    wrong = 2 * conjugate_kernel(x)  # 1/π for 1/2π, the usual slip
    exact = polar_expectation(SIGMA["relu"], 1, 1.0, 1.0, np.arctan2(0.8, 0.6))
    assert abs(wrong[0, 1] - exact) > 1e-2
    assert abs(conjugate_kernel(x, activation="erf")[0, 0] - 1 / 3) > 1e-2  # erf(z/√2) has E σ² = 1/3


@pytest.mark.parametrize("scale", [1e-150, 1e-75, 1.0, 1e75, 1e150])
def test_parallel_and_antipodal_inputs_lose_nothing(scale):
    x = np.array([[3.0, 4.0, 12.0]])
    size = (13.0 * scale) ** 2
    assert derivative_kernel(scale * x) == 0.5
    assert derivative_kernel(scale * x, -scale * x) == 0.0
    assert conjugate_kernel(scale * x, -scale * x) == 0.0
    assert derivative_kernel(scale * x, -scale * x, "leaky_relu") == 0.01
    # A handful of roundings.
    np.testing.assert_allclose(conjugate_kernel(scale * x), [[size / 2]], rtol=8 * EPS)
    np.testing.assert_allclose(tangent_kernel(scale * x), [[size]], rtol=8 * EPS)
    # erf: (2/π) arcsin(t/(1 + t)), t = 2|x|², whose cosine √(1 + 2t)/(1 + t) is small at large |x|.
    t = 2 * size
    exact = 2 / np.pi * np.arctan2(1.0, np.sqrt(1 + 2 * t) / t)
    np.testing.assert_allclose(conjugate_kernel(scale * x, activation="erf"), [[exact]], rtol=8 * EPS)
    np.testing.assert_allclose(
        derivative_kernel(scale * x, activation="erf"), [[4 / np.pi / np.sqrt(1 + 2 * t)]], rtol=8 * EPS
    )


@pytest.mark.parametrize("angle", [1e-4, 1e-8, 1e-12])
def test_nearly_parallel_and_nearly_antipodal_inputs_keep_their_digits(angle):
    """arccos of the rounded cosine would be wrong by 1e-8 here."""
    x1, x2 = np.array([[1.0, 0.0]]), np.array([[np.cos(angle), np.sin(angle)]])
    # An angle next to π − φ ≈ π is known to an ulp of π; a small one to a few of its own.
    assert abs(derivative_kernel(x1, x2)[0, 0] - (0.5 - angle / (2 * np.pi))) < 2 * EPS
    np.testing.assert_allclose(derivative_kernel(x1, -x2), [[angle / (2 * np.pi)]], rtol=16 * EPS)
    # sin ψ − ψ cos ψ = ψ³/3 − ψ⁵/30 + …
    series = angle**3 / 3 * (1 - angle**2 / 10)
    np.testing.assert_allclose(conjugate_kernel(x1, -x2), [[series / (2 * np.pi)]], rtol=64 * EPS)
    assert abs(np.arccos(np.cos(angle)) - angle) > 1e-13 or angle > 1e-6  # why: the naive formula


def test_cho_saul_functions_from_zero_to_pi():
    psi = np.linspace(0, np.pi, 301)
    phi = np.pi - psi
    j1 = np.sin(phi) + psi * np.cos(phi)
    j2 = 3 * np.sin(phi) * np.cos(phi) + psi * (1 + 2 * np.cos(phi) ** 2)
    # Terms of size up to 3π, a few roundings each.
    np.testing.assert_allclose(quadrant(1, psi), j1, rtol=0, atol=32 * EPS)
    np.testing.assert_allclose(quadrant(2, psi), j2, rtol=0, atol=64 * EPS)
    assert np.all(quadrant(1, psi) >= 0)
    assert np.all(quadrant(2, psi) >= 0)
    assert quadrant(1, np.zeros(1)) == quadrant(2, np.zeros(1)) == 0


ZERO_DERIVATIVE = {  # (σ'(0)², σ'(0) E σ'(z)) for a unit input z ~ N(0, 1)
    "relu": (0.0, 0.0),
    "leaky_relu": (1e-4, 0.01 * 0.505),
    "squared_relu": (0.0, 0.0),
    "erf": (4 / np.pi, 4 / np.pi / np.sqrt(3)),
    "cosine": (0.0, 0.0),
    "linear": (1.0, 1.0),
}
ZERO_CONJUGATE = {"cosine": (1.0, np.exp(-0.5))}


@pytest.mark.parametrize("name", NAMES)
def test_zero_inputs_follow_the_convention(name):
    x = np.array([[0.0, 0.0], [0.6, 0.8]])
    both, one = ZERO_CONJUGATE.get(name, (0.0, 0.0))
    np.testing.assert_allclose(conjugate_kernel(x, activation=name)[0], [both, one], rtol=8 * EPS)
    np.testing.assert_allclose(derivative_kernel(x, activation=name)[0], ZERO_DERIVATIVE[name], rtol=8 * EPS)
    np.testing.assert_allclose(tangent_kernel(x, activation=name)[0], [both, one], rtol=8 * EPS)


def test_cosine_keeps_the_digits_of_small_and_of_large_inputs():
    x = np.array([[1e-9, 0.0], [2e-9, 1e-9]])
    # sin u sin v ≈ uv for small inputs, to a relative 1e-17.
    np.testing.assert_allclose(derivative_kernel(x, activation="cosine"), x @ x.T, rtol=8 * EPS)
    # Far from the origin the kernel still sees a distance of 1, which |x|² + |x'|² − 2 x·x' would not.
    far = np.array([[1e9, 0.0], [1e9 + 1, 0.0]])
    np.testing.assert_allclose(
        conjugate_kernel(far, activation="cosine"),
        [[0.5, np.exp(-0.5) / 2], [np.exp(-0.5) / 2, 0.5]],
        rtol=8 * EPS,
    )


positive = st.floats(1e-3, 1e3)
points = st.lists(st.tuples(*[st.floats(-2, 2)] * 3), min_size=1, max_size=4)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(points, points, positive, positive)
def test_homogeneous_kernels_scale(first, second, c1, c2):
    x1, x2 = np.array(first), np.array(second)
    # Norms and angles are rounded afresh: a few ulps of |x||x'|, or of 1, in all.
    size = np.maximum(np.linalg.norm(x1, axis=1)[:, None] * np.linalg.norm(x2, axis=1), 1e-300)
    for name, degree in DEGREE.items():
        scale = (c1 * c2) ** degree
        scaled = conjugate_kernel(c1 * x1, c2 * x2, name)
        room = 64 * EPS * scale * size**degree
        assert np.all(np.abs(scaled - scale * conjugate_kernel(x1, x2, name)) <= room), name
    for name in ("relu", "leaky_relu"):
        gap = derivative_kernel(c1 * x1, c2 * x2, name) - derivative_kernel(x1, x2, name)
        assert np.all(np.abs(gap) <= 64 * EPS), name


@settings(max_examples=25, deadline=None, derandomize=True)
@given(points, st.sampled_from(NAMES), st.integers(0, 2**31))
def test_kernels_are_symmetric_positive_and_blind_to_rotations(rows, name, seed):
    x = np.vstack([rows, np.negative(rows), 2 * np.array(rows), np.zeros((1, 3))])
    q = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    for kernel in (conjugate_kernel, derivative_kernel, tangent_kernel):
        gram = kernel(x, activation=name)
        room = 64 * EPS * np.abs(gram).max()
        np.testing.assert_allclose(gram, gram.T, rtol=0, atol=room)
        # Weyl: entries right to δ leave eigenvalues right to nδ.
        assert np.linalg.eigvalsh((gram + gram.T) / 2)[0] >= -len(x) * room
        if kernel is not derivative_kernel:
            # A rotation rounds x by some ulps, and these kernels are Lipschitz in x (|x| < 7 here). The
            # derivative kernel of a kink is not: an input of 1e-200 turns.
            np.testing.assert_allclose(kernel(x @ q, activation=name), gram, rtol=0, atol=8 * room)


def test_input_scale_is_a_scale_of_the_inputs():
    x = np.random.default_rng(0).normal(size=(4, 3))
    for name in NAMES:
        for kernel in (conjugate_kernel, derivative_kernel):
            np.testing.assert_array_equal(kernel(x, None, name, input_scale=2.0), kernel(2 * x, None, name))
    np.testing.assert_array_equal(Pairs(x, x).dot, x @ x.T)


GOOD = [[1.0, 0.0], [0.0, 1.0]]


@pytest.mark.parametrize("kernel", [conjugate_kernel, derivative_kernel, tangent_kernel])
@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([[1.0], [1.0, 2.0]],), {}, r"x1 must be an array of shape \[n, d\], got rows of unequal length"),
        (([1.0, 2.0],), {}, r"x1 must be an array of shape \[n, d\], got shape \(2,\)"),
        (([[]],), {}, r"x1 must not be empty, got shape \(1, 0\)"),
        (([["a"]],), {}, r"x1 must hold real numbers, got \[\['a'\]\] of dtype <U1"),
        (([[1j]],), {}, r"x1 must hold real numbers, got \[\[1j\]\] of dtype complex128"),
        (([[1.0, np.nan]],), {}, r"x1 must be finite, got nan at index \(0, 1\)"),
        ((GOOD, [[np.inf, 0.0]]), {}, r"x2 must be finite, got inf at index \(0, 0\)"),
        ((GOOD, [[1.0]]), {}, "columns of x2 must agree with x1, got 1 where x1 has 2"),
        (
            (GOOD,),
            {"activation": "rellu"},
            "activation must be one of relu, .*got 'rellu'; did you mean 'relu'",
        ),
        ((GOOD,), {"activation": "erff"}, "did you mean 'erf'"),
        ((GOOD,), {"activation": 3}, "activation must be one of relu, leaky_relu, .* linear, got 3$"),
        ((GOOD,), {"input_scale": 0.0}, "input_scale must be a finite number > 0, got 0"),
        ((GOOD,), {"input_scale": np.nan}, "input_scale must be a finite number > 0, got nan"),
        ((GOOD,), {"input_scale": "wide"}, "input_scale must be a finite number > 0, got 'wide'"),
        (
            ([[1e200, 0.0]],),
            {},
            "x1, x2 and .* must be small enough for float64, got a result that overflows",
        ),
    ],
)
def test_bad_input_is_named(kernel, arguments, options, message):
    if kernel is derivative_kernel and "overflows" in message:
        assert kernel(*arguments) == 0.5  # of degree 0, so nothing overflows
        return
    with pytest.raises(ValueError, match=message):
        kernel(*arguments, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": "out"}, "layers must be one of both, output, input, got 'out'; did you mean 'output'"),
        ({"output_scale": -1.0}, "output_scale must be a finite number >= 0, got -1"),
        ({"output_scale": np.inf}, "output_scale must be a finite number >= 0, got inf"),
    ],
)
def test_bad_options_of_the_tangent_kernel_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        tangent_kernel(GOOD, **options)

"""The learning curve and the circle's spectrum, against brute-force kernel regression, quadrature and Monte Carlo."""

import numpy as np
import pytest

from theory import arc_cosine, circle, compute_frontier, linear_bound
from theory.learning_curve import best_strength, learning_curve, sample_exponent

pytestmark = pytest.mark.fast


def regress(random, values, powers, n, strength, noise):
    """Excess risk of ridge regression on n samples of Gaussian features, exactly averaged over inputs, by solving."""
    features = random.normal(size=(n, len(values)))
    truth = np.sqrt(powers) * random.choice([-1.0, 1.0], len(values))
    y = features @ truth + noise * random.normal(size=n)
    kernel = (features * values) @ features.T
    found = values * (features.T @ np.linalg.solve(kernel + n * strength * np.eye(n), y))
    return float(np.sum((found - truth) ** 2))


@pytest.mark.parametrize(("strength", "noise"), [(1e-2, 0.0), (1e-2, 0.5), (1e-4, 0.2), (0.0, 0.0)])
def test_learning_curve_against_regression(strength, noise):
    """300 features, 60 samples: corrections are of relative order 1/n; the mean of 60 fits is known to some 2 %."""
    random = np.random.default_rng(0)
    k = np.arange(1, 301)
    values, powers = k**-1.5, k**-2.0
    fits = [regress(random, values, powers, 60, strength, noise) for _ in range(60)]
    curve = learning_curve(values, powers, 60, strength, noise)
    error = np.std(fits) / np.sqrt(len(fits))
    assert error < 0.05 * curve.excess
    assert abs(np.mean(fits) - curve.excess) < 4 * error + curve.excess / 60


@pytest.mark.parametrize(("eigenvalues", "samples"), [(12, 5), (12, 7), (12, 11)])
def test_without_a_ridge(eigenvalues, samples):
    """λ = 0, and κ such that Σ λ_ρ/(λ_ρ + κ) = n, whether there are twice as many eigenvalues as samples or not."""
    values = np.arange(1.0, eigenvalues + 1) ** -2
    curve = learning_curve(values, np.ones(eigenvalues), samples, 0.0)
    assert np.sum(values / (values + curve.ridge)) == pytest.approx(samples, rel=1e-9)


def test_learning_curve_solves_its_equation():
    values = np.array([1.0, 0.3, 0.01])
    curve = learning_curve(values, np.ones(3), 5, 0.02, 0.1)
    left = 1 - np.sum(values / (values + curve.ridge)) / 5
    assert curve.ridge * left == pytest.approx(0.02, rel=1e-10)
    assert curve.used == pytest.approx(np.sum((values / (values + curve.ridge)) ** 2) / 5, rel=1e-12)


@pytest.mark.parametrize(("source", "expected"), [(1.0, -2 / 3), (1.5, -0.75), (0.75, -0.6)])
def test_curve_has_the_exponent_of_the_best_ridge(source, expected):
    """Bias and variance at n = 1e6 and 4e6, λ_k = k^−2 up to k = 2e5."""
    k = np.arange(1.0, 2e5)
    values, powers = k**-2.0, k ** -(2 * source + 1)
    at = [learning_curve(values, powers, n, best_strength(n, 2.0, source), 0.5).excess for n in (10**6, 4 * 10**6)]
    assert sample_exponent(2.0, source).value == pytest.approx(expected)
    assert np.log(at[1] / at[0]) / np.log(4) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0], [1.0, 2.0], 3, 0.1), "powers"),
        (([1.0], [1.0], 3, 0.0), "strength must be above 0"),
        (([-1.0], [1.0], 3, 0.1), "eigenvalues"),
        (([1.0], [1.0], 0, 0.1), "samples"),
        (([1.0], [1.0], 3, -0.1), "strength"),
    ],
)
def test_learning_curve_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        learning_curve(*arguments)


def test_exponents_refuse():
    with pytest.raises(ValueError, match="saturates"):
        sample_exponent(2.0, 2.5)
    with pytest.raises(ValueError, match="above 1"):
        compute_frontier.frontier_exponent(1.0)
    with pytest.raises(ValueError, match="even"):
        circle.source_power([1, 2], 1.0)
    with pytest.raises(ValueError, match="multiple of 4"):
        compute_frontier.circle(18, 1.5)


def test_circle_kernel_is_the_arc_cosine_kernel():
    angles = np.random.default_rng(0).uniform(-9, 9, 50)
    x = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert np.allclose(circle.kernel(angles - angles[0]), arc_cosine.tangent_kernel(x[:1], x)[0], atol=1e-14)


def test_circle_eigenvalues_by_quadrature():
    """Gauss and Legendre on (0, π), where the kernel is smooth: exact to rounding for frequencies below the nodes."""
    node, weight = np.polynomial.legendre.leggauss(80)
    angles = np.pi / 2 * (1 + node)
    k = np.arange(30)
    direct = (np.cos(np.outer(k, angles)) * circle.kernel(angles)) @ weight / 2
    assert np.allclose(circle.eigenvalues(k), direct, atol=1e-14)


@pytest.mark.parametrize("source", [0.75, 1.75])
def test_source_condition(source):
    """The power beyond k over λ at the next half-way point to the c is the same at every k, to the order of a sum."""
    k = np.arange(2.0, 200_000, 2)
    beyond = np.cumsum(circle.source_power(k, source)[::-1])[::-1][30:60]
    half = k[30:60] - 1  # half-way to the frequency before; the formula of even ones, between them
    between = (half**2 + 3) / (np.pi * (half**2 - 1)) ** 2
    assert np.allclose(beyond / between**source, beyond[-1] / between[-1] ** source, rtol=2e-3)


@pytest.fixture(scope="module")
def problem():
    return compute_frontier.circle(16, 1.75)


def networks(problem, m, count, seed=0):
    """Tangent kernels of m independent ReLU units with signs for output weights, [count, N, N]."""
    z = np.einsum("nd,cdm->cnm", problem.x, np.random.default_rng(seed).normal(size=(count, 2, m)))
    on = (z > 0).astype(float)
    h = np.maximum(z, 0)
    return (h @ h.transpose(0, 2, 1) + (problem.x @ problem.x.T) * (on @ on.transpose(0, 2, 1))) / m


def test_expansion_against_networks(problem):
    """m (R_m − R_∞ − linear part) of 1200 networks of 32 and 128 units is V up to O(1/m)."""
    times, shift = np.array([1.0, 8.0, 20.0]), np.arange(16)
    covariance = np.fft.ifft(problem.power).real[(shift[:, None] - shift) % 16]
    exact, limit = compute_frontier.variance(problem, times), compute_frontier.limit_risk(problem, times)
    means = {}
    for m in (32, 128):
        kernels = networks(problem, m, 1200, seed=m)
        values, vectors = np.linalg.eigh(kernels / 16)
        shares = np.sum(vectors * (covariance @ vectors), axis=1)
        risk = np.einsum("ctk,ck->ct", np.exp(-2 * times[:, None] * values[:, None]), shares) / 2
        linear = np.array([compute_frontier.linear_term(problem, kernel, times) for kernel in kernels])
        # Peierls: never below the tangent of the limit.
        assert np.all(risk - limit - linear > -1e-12)
        found = m * (risk - limit - linear)
        means[m] = found.mean(axis=0), found.std(axis=0) / np.sqrt(len(found))
    ahead, error = means[128]
    bend = np.abs(means[32][0] - ahead) / 3  # what is left of O(1/m) at 128
    assert np.all(np.abs(ahead - exact) < 4 * error + 2 * bend)
    assert np.all(4 * error + 2 * bend < 0.35 * exact)


def test_linear_part_has_mean_zero(problem):
    """The mean kernel of many networks is the limit: what is linear vanishes like the error of that mean."""
    times = np.array([4.0, 20.0])
    parts = np.array([compute_frontier.linear_term(problem, kernel, times) for kernel in networks(problem, 8, 1500)])
    assert np.all(np.abs(parts.mean(axis=0)) < 4 * parts.std(axis=0) / np.sqrt(len(parts)))


def test_variance_of_one_mode_by_integration(problem):
    """The closed form of the second-order term against Simpson's rule, both signs of the difference and none."""
    u = np.linspace(0, 6.0, 20001)
    for low, value in ((0.3, 0.01), (0.01, 0.3), (0.2, 0.2), (0.2, 0.2 + 1e-5)):
        f = (6.0 - u) * np.exp(-(6.0 - u) * low - u * value)
        simpson = np.sum(f[:-2:2] + 4 * f[1:-1:2] + f[2::2]) * (u[1] - u[0]) / 3
        exact = compute_frontier._leaked(np.array([[low]]), np.array([[value]]), 6.0)[0, 0]
        assert exact == pytest.approx(simpson, rel=1e-9)


@pytest.mark.parametrize("source", [1.5, 1.75, 2.0])
def test_frontier_of_the_expansion_has_the_exponents(source):
    """min over m of R_∞(t) + V(t)/m at C = mt between 2^16 and 2^18, 512 inputs."""
    fine = compute_frontier.circle(512, source)
    times = np.geomspace(64, 2048, 50)
    limit, variance = compute_frontier.limit_risk(fine, times), compute_frontier.variance(fine, times)
    least, best = [], []
    for operations in (2.0**16, 2.0**18):
        total = limit + variance * times / operations
        least.append(np.log2(total.min()))
        bend = np.polyfit(np.arange(-3, 4), np.log(total[total.argmin() - 3 : total.argmin() + 4]), 2)
        t = times[total.argmin()] * (times[1] / times[0]) ** (-bend[1] / (2 * bend[0]))
        best.append(np.log2(operations / t))
    assert (least[1] - least[0]) / 2 == pytest.approx(compute_frontier.frontier_exponent(source).value, abs=0.02)
    assert (best[1] - best[0]) / 2 == pytest.approx(compute_frontier.width_exponent(source).value, abs=0.04)
    slope = np.log(limit[-1] / limit[-20]) / np.log(times[-1] / times[-20])
    assert slope == pytest.approx(compute_frontier.time_exponent(source).value, abs=0.03)


def test_harmonics_count_polynomials():
    """Harmonics of degree k, k − 2, … make the homogeneous polynomials of degree k."""
    from math import comb

    for d in (3, 5, 16):
        for k in range(6):
            assert sum(linear_bound.harmonics(d, j) for j in range(k % 2, k + 1, 2)) == comb(d + k - 1, k)


def test_degree_powers_sum_to_the_whole():
    powers = linear_bound.degree_powers(lambda z: np.maximum(z, 0), 8, degrees=60)
    assert powers.sum() == pytest.approx(0.5, abs=1e-3)  # E ReLU² = E z²/2; degrees above 60 have little
    assert powers[1] == pytest.approx(0.25, rel=1e-6)
    assert np.allclose(powers[3::2], 0, atol=1e-12)


def test_dimensions_go_where_one_captures_most():
    """A little of degree 1, which has d dimensions, and much of degree 3, which has many: d samples take degree 1."""
    d = 6
    node = np.polynomial.polynomial.Polynomial([0, -3 * d / (d + 2), 0, 1])  # degree 3 on the sphere of radius √d
    first = linear_bound.degree_powers(lambda z: 0.5 * z + node(z), d, degrees=4)
    assert first[3] / linear_bound.harmonics(d, 3) < first[1] / d < first[3] / d
    left = [linear_bound.linear_bound(lambda z: 0.5 * z + node(z), d, n) for n in (3, d, d + 5)]
    by_hand = [first[3] + first[1] / 2, first[3], first[3] * (1 - 5 / linear_bound.harmonics(d, 3))]
    np.testing.assert_allclose(left, np.array(by_hand) / 2, rtol=1e-9)


def test_linear_bound_against_least_squares():
    """Best fits in n random kernel sections to neurons of random direction lie above it; a wrong n lies below."""
    random, d, n = np.random.default_rng(0), 6, 12
    x, z = (random.normal(size=(count, d)) for count in (n, 4000))
    x, z = (part * np.sqrt(d) / np.linalg.norm(part, axis=1, keepdims=True) for part in (x, z))
    sections = arc_cosine.tangent_kernel(z, x)
    u = random.normal(size=(d, 300))
    y = np.maximum(z @ (u / np.linalg.norm(u, axis=0)), 0)
    left = y - sections @ np.linalg.lstsq(sections, y, rcond=None)[0]
    best = float(np.mean(left**2)) / 2
    bound = linear_bound.linear_bound(lambda v: np.maximum(v, 0), d, n)
    assert bound < best < 2 * bound
    assert linear_bound.linear_bound(lambda v: np.maximum(v, 0), d, 1) > best
    assert linear_bound.linear_bound(lambda v: np.maximum(v, 0), d, 10**6) == pytest.approx(0, abs=1e-3)

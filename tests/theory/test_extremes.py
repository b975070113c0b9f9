"""Legal arguments at the ends of float64: the right value, by another way, or a sentence; never one that is off."""

from fractions import Fraction
from math import comb, isclose, lgamma, log

import numpy as np
import pytest
from scipy import integrate

from theory import (
    label_noise,
    large_steps,
    learning_curve,
    linear_bound,
    linear_langevin,
    memorisation,
    neurons,
    noise_stability,
    normalised_descent,
    radial_pde,
    regression,
    saddle_escape,
    splines,
    stiffness,
    temperature,
)
from theory.finite_sums import LeastSquares

X = np.array([[0.6, 0.8], [1.0, 0.25], [-0.5, 1.0]])
Y = np.array([1.0, -0.5, 0.75])
THETA = np.array([[1.0, 0.5, -0.25], [-0.75, 0.25, 1.0]])
KERNEL = np.array([[2.0, 0.5, 0.25], [0.5, 1.5, 0.5], [0.25, 0.5, 1.0]])
TINY, HUGE = 2.0**-1000, 2.0**1000


def _path(scale):
    return noise_stability.norm_bounds(scale * X, Y[None] / scale, X, 0.5)


def _of_samples(scales):
    return neurons.Network(THETA).tangent_kernel(X) * np.reshape(scales, (3, 1, 1, 1)) * np.reshape(scales, (3, 1))


# What is multiplied by powers of two, and the power of these that the result must then be multiplied by: exactly, for
# no digit is lost on the way.
SCALED = {
    "learning_curve": (lambda c: learning_curve.learning_curve(c * np.array([1, 0.25]), [1, 0.5], 5, c / 4).excess, 0),
    "its ridge": (lambda c: learning_curve.learning_curve(c * np.array([1, 0.25]), [1, 0.5], 5, c / 4).ridge, 1),
    "label_complexity": (lambda c: memorisation.label_complexity(KERNEL, c * Y), 1),
    "of a scaled kernel": (lambda c: memorisation.label_complexity(c * KERNEL, Y) ** 2, -1),
    "path norm": (lambda c: noise_stability.norm_bounds(c * X, Y[None], X, 0.5).path, 1),
    "spectral norm": (lambda c: noise_stability.norm_bounds(X, Y[None], c * X, 0.5).spectral, 1),
    "balanced norms": (lambda c: np.array(_path(c)[:3]), 0),
    "frobenius and margin": (lambda c: noise_stability.norm_bounds(c * X, Y[None], X, c).frobenius, 0),
    "compression_bound": (lambda c: noise_stability.compression_bound(c, 1, 1, 0.5, 1, 0.5, 4, 20), 1),
    "noise_gain": (lambda c: noise_stability.noise_gain(c * THETA[:, 1:], X / c), 0),
    "origin_mode": (lambda c: saddle_escape.origin_mode(c * X, Y).rate, 1),
    "its direction": (lambda c: saddle_escape.origin_mode(c * X, Y / c).direction, 0),
    "relu_rates": (lambda c: saddle_escape.relu_rates(c * X, np.abs(Y)), 1),
    "noise_amplitude": (lambda c: saddle_escape.noise_amplitude(c, c**0.5 * c**0.5, 1 / c), 0),
    "normalised outputs": (lambda c: normalised_descent.outputs(THETA * [1, c, c], X), 0),
    "cosines": (lambda c: stiffness.cosines(c * neurons.Network(THETA).tangent_kernel(X), Y[:, None]), 0),
    "of single samples": (lambda c: stiffness.cosines(_of_samples([c**0.25, 1, c**-0.25]), Y[:, None]), 0),
    "linear_variation": (lambda c: splines.linear_variation([0.0, 1.0, 2.5], c * Y), 1),
    "cubic_variation": (lambda c: splines.cubic_variation(splines.natural_spline([0.0, 1.0, 2.5], c * Y)), 1),
    "catapult": (lambda c: large_steps.catapult(c / 4, 3, 0.5, c, 3)[0], 1),
    "best_strength": (lambda c: learning_curve.best_strength(10, 2.0, 1.5, c), 1),
}


@pytest.mark.parametrize("scale", [TINY, HUGE])
@pytest.mark.parametrize("name", SCALED)
def test_powers_of_two_lose_no_digit(name, scale):
    function, power = SCALED[name]
    one = np.asarray(function(1.0))
    wanted = np.ldexp(one, power * int(np.log2(scale)))
    # A logarithm stands between κ and the kernel's scale.
    np.testing.assert_allclose(function(scale), wanted, rtol=1e-12 if "ridge" in name or "curve" in name else 2e-15)


def test_without_eigenvalues_the_ridge_is_the_strength():
    assert learning_curve.learning_curve([0.0, 0.0], [1.0, 2.0], 5, 0.25, 0.5) == (3.0, 0.25, 0.0)
    curve = learning_curve.learning_curve([1e-300, 1e-300], [1.0, 2.0], 5, 0.25, 0.5)
    assert curve.excess == 3.0
    assert curve.ridge == 0.25
    assert curve.used < 1e-300


@pytest.mark.parametrize("n", [1, 5, 2**53])
@pytest.mark.parametrize("ratio", [1e-300, 1e-8, 1.0, 1e8, 1e300])
def test_one_eigenvalue_solves_a_quadratic_equation(n, ratio):
    curve = learning_curve.learning_curve([1.0], [1.0], n, ratio)
    # κ² + κ(1 − λ − 1/n) − λ = 0 with the positive root written without a difference.
    half = (1 - ratio - 1 / n) / 2
    root = np.hypot(half, ratio**0.5)
    kappa = ratio / (half + root) if half >= 0 else root - half
    assert isclose(curve.ridge, kappa, rel_tol=1e-12)
    free = ratio / kappa + kappa / (1 + kappa) / (1 + kappa) / n  # 1 − γ, by the equation
    assert isclose(curve.excess, (kappa / (1 + kappa)) ** 2 / free, rel_tol=1e-12)


@pytest.mark.parametrize(("b", "c"), [(1e300, 2.0), (1e-300, 1e-300), (5e-324, 1.0), (1e308, 1e-308)])
def test_exponents_at_the_ends(b, c):
    product = Fraction(b) * Fraction(c)
    assert isclose(learning_curve.sample_exponent(b, c).value, -float(product / (1 + product)), rel_tol=1e-15)
    power = float(Fraction(b) / (1 + product))
    assert isclose(learning_curve.best_strength(10, b, c), 10.0**-power, rel_tol=1e-13)


@pytest.mark.parametrize("d", [3, 4, 221, 222, 1000, 10**6, 2**53])
def test_powers_of_a_hermite_polynomial_of_the_second_degree(d):
    # z² − 1 is of degree 2 alone for |x|² = d, and E (z² − 1)² = 2(d − 1)/(d + 2).
    powers = linear_bound.degree_powers(lambda z: z**2 - 1, d, degrees=4)
    np.testing.assert_allclose(powers, [0, 0, 2 * ((d - 1) / (d + 2)), 0], atol=1e-10)
    found = linear_bound.linear_bound(lambda z: z**2 - 1, d, d)
    share = Fraction(d, linear_bound.harmonics(d, 2))
    assert isclose(found, (d - 1) / (d + 2) * float(1 - share), rel_tol=1e-9)


def test_a_bound_is_none_where_samples_are_enough():
    assert linear_bound.linear_bound(np.abs, 3, 2**53) < 1e-10
    assert linear_bound.linear_bound(np.abs, np.uint8(5), 3) == linear_bound.linear_bound(np.abs, 5, 3)


@pytest.mark.parametrize("d", [3, 40, 343, 344, 345, 1000, 10**6])
def test_radii_have_the_moments_of_a_chi_law(d):
    problem = radial_pde.RadialProblem(d, 0.5, length=1.0, radii=20, norms=20)
    radii, weights = problem.start
    assert isclose(weights @ radii**2, 1.0, rel_tol=1e-12)
    assert isclose(weights @ radii**4, 1 + 2 / d, rel_tol=1e-12)
    lengths, weights, _ = problem.inputs
    assert isclose(weights @ lengths**2, d * (0.5**2 + 1.5**2) / 2, rel_tol=1e-12)
    assert 0 < problem.risk(problem.start[0]) < 100


@pytest.mark.parametrize("d", [3, 41, 1001, 10**6])
@pytest.mark.parametrize("ratio", [0.3, 1.0, 4.0, 1e4])
def test_averages_over_the_sphere(d, ratio):
    problem, z = radial_pde.RadialProblem(d, 0.5), ratio * d**0.5
    width = min(1.0, 12 / d**0.5)

    def law(u):
        return np.exp((d - 3) / 2 * np.log1p(-(u**2))) if abs(u) < 1 else 0.0

    def unit(u):
        return np.clip(z * u - 0.5, 0.0, 1.0) * 10 - 2.5

    kinks = [edge for edge in (0.5 / z, 1.5 / z) if edge < width]
    mass = integrate.quad(law, -width, width, points=[0.0], epsabs=0, epsrel=1e-11)[0]
    wanted = integrate.quad(lambda u: law(u) * unit(u), -width, width, points=kinks, epsabs=1e-12, epsrel=1e-11)[0]
    assert isclose(float(problem.average(z)), wanted / mass, rel_tol=1e-7, abs_tol=1e-8)


def test_a_ramp_is_a_step_from_afar():
    problem = radial_pde.RadialProblem(40, 0.5, length=1e200)
    np.testing.assert_allclose(problem.average([0.0, 1e12, 1e300]), [-2.5, 2.5, 2.5], atol=1e-10)
    assert problem.slope(1e300) == 0
    assert isclose(problem.variance(), 25.0, rel_tol=1e-12)
    assert radial_pde.RadialProblem(40, 0.5, length=1e-100).variance() == 0


def test_directions_that_no_sample_has_stay_so_for_all_times():
    x = np.array([[1.0, 1.0], [2.0, 2.0]])
    arguments = {"mean": [1.0, -3.0], "deviation": 0.5}
    law = linear_langevin.continuous(x, [1.0, 2.0], 1e-300, 0.25, [1e20], **arguments)
    # Along (1, 1) the mean is at the minimum; along (1, −1) it has not moved, and noise adds up.
    np.testing.assert_allclose(law.mean[0], [0.5 + 2.0, 0.5 - 2.0], rtol=1e-12)
    np.testing.assert_allclose(law.fluctuation[0] @ [1, -1] @ [1, -1] / 2, 2 * 0.25 * 1e20, rtol=1e-12)
    np.testing.assert_allclose(law.spread, [0.25 + 2 * 0.25 * 1e20], rtol=1e-12)


def test_small_times_add_a_small_amount_of_noise():
    law = linear_langevin.continuous(X, Y, 0.5, 0.25, [1e-200, 1e-300], mean=[0.0, 0.0], deviation=1e-200)
    np.testing.assert_allclose(law.spread, 0.5 * np.array([1e-200, 1e-300]), rtol=1e-12)


@pytest.mark.parametrize(("n", "d"), [(5, 2), (60, 61), (1000, 3), (300, 150), (10**7, 2)])
def test_dichotomies_against_whole_numbers(n, d):
    exact = 2 * sum(comb(n - 1, i) for i in range(min(d, n)))
    assert isclose(memorisation.log_dichotomies(n, d), log(exact), rel_tol=1e-9)


def test_more_weights_than_samples_realise_all_labels():
    assert memorisation.log_dichotomies(10**6, 2**53) == 10**6 * np.log(2)
    assert memorisation.memorisation_bound(100, 2**53, 2**53) == 1.0
    with pytest.raises(ValueError, match="n must be an integer <= 10000000"):
        memorisation.log_dichotomies(2**53, 2)


@pytest.mark.parametrize("z", [1e-300, 0.5, 15.0, 40.0, 350.0])
def test_slopes_of_saturated_units(z):
    network = neurons.Network([[1.0, z]])
    slope = network.gradients([[1.0]], [[1.0]])[0, 0, 1]
    assert isclose(slope, float(1 / np.cosh(np.longdouble(z)) ** 2), rel_tol=1e-12)
    assert isclose(label_noise.features([[1.0, z]], [[1.0]])[0, 0, 1], slope, rel_tol=1e-12)
    velocity = saddle_escape.velocity([[2.0**-20, z]], [[1.0]], [1.0])[0, 1]
    assert isclose(velocity, 2.0**-20 * slope * (1 - 2.0**-20 * np.tanh(z)), rel_tol=1e-12)


@pytest.mark.parametrize("dose", [5e-324, 1e-300, 1e-110])
def test_tiny_doses_move_by_their_velocity(dose):
    far = label_noise.slow_flow(THETA, X[:1], [dose])[0]
    np.testing.assert_array_equal(far, THETA)


@pytest.mark.parametrize(("rate", "step", "order"), [(1e300, 1e300, 1), (1e300, 1e300, 4), (1e200, 1.0, 4)])
def test_long_steps_grow_by_their_last_term(rate, step, order):
    z = log(rate) + log(step)
    assert isclose(saddle_escape.step_rate(rate, step, order), (order * z - lgamma(order + 1)) / step, rel_tol=1e-14)


@pytest.mark.parametrize(("rate", "step"), [(1e-300, 1e-300), (1e200, 1e-300), (5e-324, 1.0)])
def test_short_steps_grow_at_the_rate(rate, step):
    assert saddle_escape.step_rate(rate, step) == rate
    assert saddle_escape.step_rate(rate, step, order=1) == rate


def test_amplitudes_of_long_steps():
    assert isclose(saddle_escape.noise_amplitude(1e200, 1.0, 1.0), 2**0.5 * 1e-200, rel_tol=1e-14)
    assert isclose(saddle_escape.noise_amplitude(1e200, 0.5, 1e200), 1e-300, rel_tol=1e-14)


@pytest.mark.parametrize("unit", [1e-310, 1e-200, 1.0, 1e300])
def test_crossings_of_any_size(unit):
    t = np.arange(8.0)
    found = saddle_escape.crossings(t, unit * 2.0 ** t[None], goal=unit * 2**3.5)
    assert isclose(found[0], 3.5, rel_tol=1e-9)
    assert saddle_escape.crossings(t, 0 * t[None], goal=5e-324)[0] == np.inf


@pytest.mark.parametrize("strength", [1e-6, 1e-12, 1e-100, 1e-300])
def test_predictions_of_a_singular_kernel_do_not_depend_on_a_strength_that_is_nothing(strength):
    rng = np.random.default_rng(0)
    x, z = rng.normal(size=(6, 2)), rng.normal(size=(3, 2))
    y = x @ [1.0, -2.0]
    path = regression.ridge_path(x @ x.T, z @ x.T, y, [strength])
    np.testing.assert_allclose(path.predictions[0], z @ [1.0, -2.0], rtol=1e2 * strength + 1e-12)


@pytest.mark.parametrize("step", [1e-2, 1e-10, 1e-100, 1e-300])
def test_the_law_of_small_steps_is_their_temperature(step):
    problem = LeastSquares(X, Y, 0.25)
    found = temperature.excess(problem, temperature.stationary(problem, step, 2))
    np.testing.assert_allclose(found, temperature.first_order(problem, step, 2), rtol=10 * step + 1e-12)


def test_a_kernel_that_is_singular_interpolates_nothing():
    with pytest.raises(ValueError, match="kernel must be regular"):
        splines.interpolant([[1.0, 1.0], [1.0, 1.0 + 2.0**-52]], np.eye(2), [1.0, 2.0])


@pytest.mark.parametrize("reach", [1e-150, 1e-120, 1e150])
def test_breakpoint_kernels_scale_with_the_reach(reach):
    x = np.array([-0.5, 0.0, 0.75])
    wanted = splines.breakpoint_kernel(x, x, 1.0) * reach**2
    np.testing.assert_allclose(splines.breakpoint_kernel(reach * x, reach * x, reach), wanted, rtol=1e-12)


def test_a_catapult_is_followed_as_far_as_float64_goes():
    f, curvature = large_steps.catapult(1e140, 5.0, 1.0, 1e141, 12)
    finite = np.isfinite(f)
    assert f[finite][-1] > 1e145
    assert np.all(np.isinf(f[~finite]))
    assert np.all(np.isinf(curvature[~finite]))

"""Legal arguments at the ends of float64: the right value, by another way, or a sentence; never one that is off."""

from fractions import Fraction
from math import comb, isclose, lgamma, log

import numpy as np
import pytest
from scipy import integrate

from theory import (
    _integration,
    deconvolution,
    label_noise,
    large_steps,
    lazy_bound,
    learning_curve,
    linear_bound,
    linear_langevin,
    memorisation,
    neurons,
    noise_stability,
    normalised_descent,
    order_fluctuations,
    order_parameters,
    radial_pde,
    regression,
    saddle_escape,
    scaling,
    sparse_optimum,
    sparse_rates,
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


def _linear_bound(c):
    bound = lazy_bound.lazy_gap_bound(THETA[:, 0] / c, THETA[:, 1:] / c, c * X, Y / c, 2.5, 1.5, "linear")
    sizes = np.array([bound.error, bound.radius, 1 / bound.curvature]) * c
    return np.array([*sizes, bound.slope, bound.horizon, bound.gap])


SPARSE = np.array([1.0, 2**0.5, 0.0])


def _sparse(c):
    return sparse_optimum.solve(deconvolution.Problem(c * SPARSE, 1, 1, c / 8), [c / 2], [[0.1]], side=64)


def _certificate(c):
    return deconvolution.Problem(c * SPARSE, 1, 1, c / 8).certificate(-c * SPARSE, [[0.25], [0.375]])[0]


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
    "lazy_gap_bound": (_linear_bound, 0),
    "its error": (
        lambda c: lazy_bound.lazy_gap_bound(THETA[:, 0], THETA[:, 1:], X, c * Y, c, 1.5, centred=True).gap,
        0,
    ),
    "spikes' weights": (lambda c: _sparse(c).weights, 1),
    "spikes' positions": (lambda c: _sparse(c).positions, 0),
    "spikes' bound": (lambda c: _sparse(c).highest, 0),
    "spikes are proved": (lambda c: float(_sparse(c).proved), 0),
    "certificate": (_certificate, 0),
    "curvatures": (lambda c: sparse_rates.curvatures(_sparse(c))[0], 1),
    "far minima": (lambda c: sparse_rates.far_minima(_sparse(c), 64)[2], 1),
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
    assert linear_bound.linear_bound(np.abs, np.uint8(5), 3) == linear_bound.linear_bound(np.abs, 5, 3)  # pyright: ignore[reportArgumentType]


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


def _correlated(fields):
    return np.eye(fields) + 0.25


@pytest.mark.parametrize("scale", [TINY, 2.0**-500, 2.0**-60])
def test_averages_of_small_fields_are_those_of_linear_units(scale):
    """g(u) = √(2/π) u and g'(u) = √(2/π) to the second order."""
    c = scale * _correlated(4)
    assert isclose(order_parameters.two_fields(c[:2, :2]), 2 / np.pi * c[0, 1], rel_tol=1e-15)
    assert isclose(order_parameters.three_fields(c[:3, :3]), 2 / np.pi * c[1, 2], rel_tol=1e-15)
    assert isclose(order_parameters.four_fields(c), (2 / np.pi) ** 2 * c[2, 3], rel_tol=1e-15)


@pytest.mark.parametrize("scale", [2.0**60, 2.0**200])
def test_averages_of_large_fields_are_those_of_signs(scale):
    """E sign(u₁) sign(u₂) = (2/π) asin of the correlation; with a derivative the density of u₁ at zero comes in."""
    c = scale * _correlated(4)
    assert isclose(order_parameters.two_fields(c[:2, :2]), 2 / np.pi * np.arcsin(0.2), rel_tol=1e-15)
    # Given u₁ = 0 the others have variance 1.2 and covariance 0.2, E u₂ sign(u₃) = √(2/π) 0.2/√1.2.
    density = 2 / np.sqrt(2 * np.pi * 1.25 * scale)
    wanted = density * np.sqrt(2 / np.pi) * 0.2 / np.sqrt(1.2) * np.sqrt(scale)
    assert isclose(order_parameters.three_fields(c[:3, :3]), wanted, rel_tol=1e-14)


def _overlaps(scale):
    committee = order_parameters.Committee(2, scale * np.array([[1.0, 0.25], [0.25, 1.0]]), 0.5)
    return committee, committee.pack(scale * np.array([[1, 0.1], [0.1, 0.5]]), scale * np.array([[0.3, 0.1], [0, 0.2]]))


@pytest.mark.parametrize("scale", [TINY, 2.0**-500, 2.0**-50])
def test_small_overlaps_move_in_proportion(scale):
    committee, start = _overlaps(scale)
    other, first = _overlaps(2.0**-40)
    np.testing.assert_allclose(committee.drift(start) / scale, other.drift(first) * 2.0**40, rtol=1e-11)
    np.testing.assert_allclose(committee.error(start) / scale, other.error(first) * 2.0**40, rtol=1e-11)
    times = [1.0, 20.0]
    found, wanted = committee.integrate(start, times) / scale, other.integrate(first, times) * 2.0**40
    np.testing.assert_allclose(found, wanted, rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("scale", [2.0**-400, 2.0**-30])
def test_fluctuations_of_small_overlaps_too(scale):
    (committee, start), (other, first) = _overlaps(scale), _overlaps(2.0**-20)
    found = order_fluctuations.expand(committee, start, [0.25], nodes=4)
    wanted = order_fluctuations.expand(other, first, [0.25], nodes=4)
    for name, power in (("limit", 1), ("shift", 1), ("covariance", 2)):
        left, right = getattr(found, name) / scale**power, getattr(wanted, name) * 2.0 ** (20 * power)
        np.testing.assert_allclose(left, right, rtol=1e-3, atol=1e-5)
    deviation = found.deviation(committee.error, 100) / scale
    assert isclose(deviation[0], wanted.deviation(other.error, 100)[0] * 2.0**20, rel_tol=1e-3)


@pytest.mark.full
def test_times_and_rates_that_no_integrator_reaches_are_refused(monkeypatch):
    monkeypatch.setattr(_integration, "MOST", 2000)
    committee = order_parameters.Committee(1, np.eye(1), 0.5)
    start = committee.pack([[0.5]], [[0.1]])
    for late in (1e6, 1e300):
        with pytest.raises(ValueError, match="times must be within reach at this rate, got 1e"):
            committee.integrate(start, [1.0, late])
    fast = order_parameters.Committee(1, np.eye(1), 1e8)
    with pytest.raises(ValueError, match="times must be within reach at this rate, got 1"):
        fast.integrate(start, [1.0])
    with pytest.raises(ValueError, match="times must be within reach at this rate, got 1"):
        order_fluctuations.expand(fast, start, [1.0], nodes=3)
    for early in (5e-324, 1e-300, 1e-30):
        np.testing.assert_array_equal(committee.integrate(start, [early])[0], start)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: order_parameters.two_fields([[1.0, 5.0], [5.0, 1.0]]), "c must be overlaps of vectors"),
        (lambda: order_parameters.two_fields([[1.0, 0.5], [0.1, 1.0]]), "c must be symmetric"),
        (lambda: order_parameters.three_fields(-np.eye(3)), "c must be overlaps of vectors"),
        (lambda: order_parameters.Committee(1, np.array([[-2.0]]), 0.5), "teacher must be overlaps of vectors"),
        (lambda: _overlaps(1.0)[0].pack([[1, 0.5], [0.25, 1]], np.zeros((2, 2))), "q must be symmetric"),
        (lambda: _overlaps(1e-300)[0].pack(-1e-300 * np.eye(2), np.zeros((2, 2))), "q and r must be overlaps"),
        (lambda: order_parameters.Committee(2, 1e-300 * np.eye(2), 1e-3).plateau(), "rate must be one that has"),
        (lambda: order_parameters.Committee(2, 1e300 * np.eye(2), 1e-3).plateau(), "teacher must be of a size"),
        (lambda: lazy_bound.lazy_gap_bound([1.0], [[1e300]], [[1e300]], [1.0], 1.0, 1.0, "linear"), "float64"),
        (lambda: linear_langevin.discrete(X, Y, 1, 1, 1e300, [9], mean=[0, 0], deviation=1), "step must be of a size"),
        (lambda: deconvolution.Problem(1e300 * SPARSE, 1, 1, 1.0).objective([1.0], [[0.0]]), "y must be of a size"),
        (lambda: sparse_rates.collective(_sparse(1.0), 1e-30, 0.0625), "growth and transport must be of like sizes"),
    ],
)
def test_what_cannot_be_computed_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("slow", [1e-8, 1e-20, 1e-100, 1e-300])
def test_slow_modes_of_spikes_have_the_rate_of_their_step(slow):
    """−ln(1 − κ) is κ, and not zero where 1 − κ is one."""
    optimum = _sparse(1.0)
    plain, found = (sparse_rates.collective(optimum, s, s / 2) for s in (1.0, slow))
    np.testing.assert_allclose(found.kappa / slow, plain.kappa, rtol=1e-13)
    np.testing.assert_allclose(found.rates, found.kappa, rtol=10 * slow + 1e-15)
    rates = [2 * found.kappa[0], slow * sparse_rates.curvatures(optimum)[0].min()]
    rates += list(4 * slow * sparse_rates.far_minima(optimum, 64)[2])
    assert isclose(sparse_rates.slowest(optimum, slow, slow / 2, 64), min(rates), rel_tol=1e-6)


@pytest.mark.parametrize("c", [2.0**-300, 2.0**300])
def test_rates_of_spikes_in_other_units(c):
    plain, found = _sparse(1.0), _sparse(c)
    kappa = sparse_rates.collective(found, 0.125 / c, 0.0625 / c).kappa
    np.testing.assert_allclose(kappa, sparse_rates.collective(plain, 0.125, 0.0625).kappa, rtol=1e-14)
    slowest = sparse_rates.slowest(found, 0.125 / c, 0.0625 / c, 64)
    assert isclose(slowest, sparse_rates.slowest(plain, 0.125, 0.0625, 64), rel_tol=1e-13)


@pytest.mark.parametrize("order", [1, 10**4, 10**8, 10**15])
@pytest.mark.parametrize("share", [1e-300, 1e-9, 0.2, 0.75, 1.5])
def test_dirichlet_kernels_of_any_order(order, share):
    t = share / (2 * order + 1)
    found = deconvolution.dirichlet_kernel([[t], [-t], [0.0]], order)
    np.testing.assert_allclose(found, [np.sinc((2 * order + 1) * t) / np.sinc(t)] * 2 + [1.0], rtol=1e-12)


@pytest.mark.parametrize("turns", [1.0, 2.0**20, 2.0**40, -(2.0**40)])
def test_whole_turns_change_nothing(turns):
    x = np.array([[0.25, 0.375], [0.0, 0.5]])
    for found, wanted in zip(deconvolution.features(x + turns, 3, 2), deconvolution.features(x, 3, 2), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-12)
    np.testing.assert_allclose(
        deconvolution.dirichlet_kernel(x + turns, 3), deconvolution.dirichlet_kernel(x, 3), atol=1e-15
    )
    assert np.all(deconvolution.features([[1e300]], 1)[0] == deconvolution.features([[0.0]], 1)[0])


@pytest.mark.parametrize("power", [-500, -100, 100, 500])
def test_discrete_clouds_in_other_units(power):
    """Inputs in units of c: strength and temperature in those of c², and the step in those of c⁻²."""
    c, stops = 2.0**power, [0, 1, 50]
    start = {"mean": [0.5, -1.0], "deviation": 1.5}
    plain = linear_langevin.discrete(X, Y, 0.5, 0.25, 0.125, stops, **start)
    found = linear_langevin.discrete(c * X, c * Y, 0.5 * c * c, 0.25 * c * c, 0.125 / c / c, stops, **start)
    for left, right in zip((found.mean, found.fluctuation, found.spread), vars(plain).values(), strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("step", [1e-12, 1e-100, 1e-300])
def test_discrete_clouds_of_small_steps(step):
    """What many short steps add is in proportion: to the mean the force, to the variances the noise less the decay."""
    law = linear_langevin.discrete(X, Y, 0.5, 0.25, step, [1000], mean=[0.0, 0.0], deviation=step)
    time = 1000 * step
    np.testing.assert_allclose(law.mean[0], time * (X.T @ Y / 3), rtol=1e-8)
    np.testing.assert_allclose(law.spread, 0.5 * time, rtol=1e-8)
    np.testing.assert_allclose(np.diag(law.fluctuation[0]), 0.5 * time, rtol=1e-8)


@pytest.mark.parametrize("power", [0.0, 5e-324, 1e-300, 0.5, 1e300])
def test_exponents_of_the_criterion(power):
    assert scaling.criterion_exponent(power, "doubled").value == -power
    assert scaling.criterion_exponent(power).value == -min(power, 0.5)


@pytest.mark.parametrize("close", [1e-3, 1e-9, 1e-150, 1e-300])
def test_splines_through_samples_that_are_close(close):
    """Two samples close by with unlike targets cost a steep slope, unless the decay is as small as their distance."""
    pair = splines.variation_minimum([0.0, close, 1.0], [-1.0, 1.0, 0.0], 1e3)
    assert isclose(pair.value, 1 / 3, rel_tol=1e-13)
    # f = −a, a, 0 with a steep kink: (1 − a)²/3 + a/4 at a = 5/8, to what the third sample feels of it.
    steep = splines.variation_minimum([0.0, close, 1.0], [-1.0, 1.0, 0.0], close / 8)
    assert isclose(steep.value, 0.203125, rel_tol=2 * close + 1e-14)
    assert 0 <= steep.lower <= steep.value

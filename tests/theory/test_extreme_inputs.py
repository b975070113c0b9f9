"""Right values where arguments are at the ends of float64's range, or rounding would be amplified."""

from fractions import Fraction

import numpy as np
import pytest

from theory import _game, chaos, deep_kernels, kernel_flow, margin, splines
from theory.convex import arrangement_minimum, planar_minimum
from theory.deep_fluctuation import deep_fluctuation, relu_kurtosis
from theory.margin import variation_margin

EPS = np.finfo(float).eps
LATE = [1e6, 1e12, 1e15, 1e20, 1e300]


def singular(seed, n=6, rank=2):
    rng = np.random.default_rng(seed)
    x, others, y = rng.normal(size=(n, rank)), rng.normal(size=(3, rank)), rng.normal(size=n)
    return x @ x.T, others @ x.T, y, x, others


@pytest.mark.parametrize("seed", range(8))
def test_late_times_of_a_singular_kernel_are_the_end(seed):
    """Least squares on the features, in a basis of two, has no null directions: an independent computation."""
    kernel, cross, y, x, others = singular(seed)
    w = np.linalg.lstsq(x, y, rcond=None)[0]
    least = np.linalg.eigvalsh(x.T @ x)[0]
    room = 1e4 * EPS * np.abs(kernel).max() / least
    np.testing.assert_allclose(kernel_flow.test(kernel, cross, y, LATE), np.tile(others @ w, (5, 1)), atol=room)
    np.testing.assert_allclose(kernel_flow.train(kernel, y, LATE), np.tile(x @ w, (5, 1)), atol=room)
    step = 1 / np.linalg.eigvalsh(kernel)[-1]
    steps = [10**7, 10**12, 2**53]
    np.testing.assert_allclose(
        kernel_flow.test_discrete(kernel, cross, y, step, steps), np.tile(others @ w, (3, 1)), atol=room
    )
    np.testing.assert_allclose(kernel_flow.train_discrete(kernel, y, step, steps), np.tile(x @ w, (3, 1)), atol=room)
    for strength in (0.0, 1e-300, 1e-20):
        np.testing.assert_allclose(kernel_flow.ridge(kernel, cross, y, strength), others @ w, atol=room)
    # Control: a kernel of full rank is not at its end after a time of one.
    assert np.abs(kernel_flow.test(kernel, cross, y, [0.1])[0] - others @ w).max() > 1e-3


def test_repeated_samples_are_null_directions():
    kernel, cross, y, _, _ = singular(3, n=4, rank=4)
    twice = np.block([[kernel, kernel], [kernel, kernel]])
    both = kernel_flow.test(twice, np.hstack([cross, cross]), np.append(y, y), [*LATE, np.inf])
    np.testing.assert_allclose(both, np.tile(both[-1], (6, 1)), rtol=1e-7)


def test_steps_beyond_what_float64_counts_are_refused():
    with pytest.raises(ValueError, match="steps must be at most"):
        kernel_flow.train_discrete([[1.0]], [1.0], 0.1, [2**53 + 2])


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "linear"])
@pytest.mark.parametrize("power", [-540, -531, -520, -400])
def test_deep_kernels_are_homogeneous_down_to_inputs_of_1e_minus_162(activation, power):
    """K(cx) = c² K(x) exactly for c a power of two; weights of 2^−power bring it back to where digits are."""
    x = np.random.default_rng(0).normal(size=(4, 3))
    plain = deep_kernels.deep_kernels(x, depths=(1, 3), activation=activation, weight_scale=2.0, bias_scale=0.5)
    c = 2.0**power
    tiny = deep_kernels.deep_kernels(c * x, depths=(1, 3), activation=activation, weight_scale=2.0, bias_scale=0.5 * c)
    for got, want in zip(tiny, plain, strict=True):
        np.testing.assert_allclose(got, want * c * c, rtol=1e-13, atol=5e-324)
    raised = deep_kernels.deep_kernels(c * x, depths=(2,), activation=activation, weight_scale=2.0**200).conjugate
    want = deep_kernels.deep_kernels(x, depths=(2,), activation=activation).conjugate
    np.testing.assert_allclose(raised * 2.0**400 / (c * 2.0**200) / (c * 2.0**200) / 2.0**400, want / c * c * 2.0**400)


def test_deep_fluctuations_are_homogeneous():
    x = np.array([[1.0, 0.5], [0.3, -0.4]])
    plain, c = deep_fluctuation(x, (1, 2)), 2.0**-60
    tiny = deep_fluctuation(c * x, (1, 2))
    np.testing.assert_allclose(tiny.variance, plain.variance * c**4, rtol=1e-6)
    np.testing.assert_allclose(tiny.shift, plain.shift * c**2, rtol=1e-6, atol=1e-6 * c**2)


def test_kurtosis_of_wide_networks_against_rationals():
    for depth, width in ((1, 15), (4, 60), (3, 10**12), (50, 10**15), (2, 2**53)):
        exact = 3 * (1 + Fraction(5, width)) ** depth - 3
        assert relu_kurtosis(depth, width) == pytest.approx(float(exact), rel=1e-14)


def test_deficits_of_nearly_parallel_inputs_follow_their_series():
    """1 − c_L of a small angle falls by φ³/3π a layer, φ = √(2(1 − c))."""
    for angle in (1e-3, 1e-6, 1e-9):
        found, deficit = deep_kernels.cosine_deficits(angle, 1000), np.longdouble(angle) ** 2 / 2
        for _ in range(1000):
            phi = np.sqrt(2 * deficit) * (1 + deficit / 12)
            deficit = deficit - phi**3 / 3 / np.longdouble(np.pi) * (1 - phi**2 / 10)
        assert found[-1] == pytest.approx(float(deficit), rel=1e-6 * angle / 1e-3 + 1e-12)


def test_minima_do_not_depend_on_the_last_digits_of_the_solver(monkeypatch):
    """The interior point is moved by 1e-6 of itself: what comes back is the same minimum, as certain as before."""
    from theory import _conic_program

    solved, rng = _conic_program.solved, np.random.default_rng(5)

    def moved(*arguments):
        point = solved(*arguments)
        return point + 1e-6 * np.abs(point).max() * rng.normal(size=point.shape)

    for seed, n, d, strength in ((0, 5, 2, 0.1), (1, 12, 2, 0.01), (2, 12, 2, 0.05), (3, 6, 3, 0.02)):
        x = np.random.default_rng(seed).normal(size=(n, d))
        y = np.maximum(x @ np.random.default_rng(seed + 50).normal(size=(d, 3)), 0) @ np.array([1.0, -1.0, 1.0])
        minimum = planar_minimum if d == 2 else arrangement_minimum
        plain = minimum(x, y, strength)
        with monkeypatch.context() as patched:
            patched.setattr(_conic_program, "solved", moved)
            found = minimum(x, y, strength)
        assert plain.gap < 1e-11 * plain.value
        assert found.gap < 1e-11 * plain.value
        assert found.value == pytest.approx(plain.value, rel=1e-11)


def test_margins_do_not_depend_on_the_last_digits_of_the_solvers(monkeypatch):
    """Weights of neurons and of samples are moved by 1e-7 of the largest: both bounds come back as they were."""
    rng, program, quadratic = np.random.default_rng(6), _game.Game.solve, margin._simplex_minimum
    x, y = rng.normal(size=(6, 8, 2)), rng.choice([-1.0, 1.0], size=(6, 8))
    phi = np.abs(rng.normal(size=(6, 8, 12)))

    def bounds():
        kernels = [features @ features.T for features in phi]
        both = [variation_margin(*case) for case in zip(x, y, strict=True)]
        return np.array([[*one] for one in (*both, *map(margin.kernel_margin, kernels, y))])

    def moved(self, directions):
        atoms, weights = program(self, directions)
        atoms[:, 0] *= 1 + 1e-7 * rng.normal(size=len(atoms))
        atoms[:, 0] /= np.abs(atoms[:, 0]).sum()
        return atoms, self.normalised(np.abs(weights + 1e-7 * weights.max() * rng.normal(size=len(weights))))

    def shaken(square, asked):
        q = np.abs(quadratic(square, asked) + 1e-7 * rng.normal(size=len(asked)))
        return q / (asked @ q)

    plain = bounds()
    monkeypatch.setattr(_game.Game, "solve", moved)
    monkeypatch.setattr(margin, "_simplex_minimum", shaken)
    found = bounds()
    np.testing.assert_allclose(found, plain, rtol=1e-11)
    assert np.all(found[:, 0] <= plain[:, 1])
    assert np.all(plain[:, 0] <= found[:, 1])


def test_splines_do_not_depend_on_the_last_digits_of_the_solver(monkeypatch):
    rng, solver = np.random.default_rng(7), splines._near_minimum
    x = np.sort(rng.normal(size=40))
    y = np.sin(3 * x) + 0.1 * rng.normal(size=40)
    plain = [splines.variation_minimum(x, y, strength) for strength in (0.1, 1e-2, 1e-4)]
    monkeypatch.setattr(splines, "_near_minimum", lambda *given: solver(*given) + 1e-6 * rng.normal(size=len(given[0])))
    for known, strength in zip(plain, (0.1, 1e-2, 1e-4), strict=True):
        found = splines.variation_minimum(x, y, strength)
        assert found.value == pytest.approx(known.value, rel=1e-13)
        np.testing.assert_allclose(found.values, known.values, atol=1e-12)


def test_margins_are_of_degree_one_in_the_inputs():
    x = np.random.default_rng(4).normal(size=(6, 2))
    y = np.where(np.arange(6) % 2 == 0, 1.0, -1.0)
    plain = variation_margin(x, y)
    for power in (-400, -100, 100, 400):
        scaled = variation_margin(2.0**power * x, y)
        assert scaled.lower == pytest.approx(2.0**power * plain.lower, rel=1e-9)
        assert scaled.upper == pytest.approx(2.0**power * plain.upper, rel=1e-9)
    assert plain.upper - plain.lower <= 1e-9 * plain.upper


def descent(counts, steps=100):
    x = np.linspace(-1.5, 1.5, 8)[:, None]
    nodes, mass = chaos.box_nodes([1.5, 2.0, 2.0], counts)
    return x, chaos.descend(nodes, mass, x, 0.3 + 0.5 * np.tanh(x[:, 0]), step=0.5, steps=steps)


@pytest.mark.full
def test_chaos_says_how_far_its_nodes_resolve_the_constant():
    """Against a rule of twice the nodes: the error stated is above the error made, and falls with it."""
    x, coarse = descent((6, 12, 12))
    _, fine = descent((10, 18, 18))
    exact = chaos.fluctuation(fine, x, 100)
    made = abs(chaos.fluctuation(coarse, x, 100) - exact)
    assert made > 5e-3 * exact
    assert made < chaos.fluctuation_error(coarse, x, 100) < 0.2 * exact
    assert chaos.fluctuation_error(fine, x, 100) < chaos.fluctuation_error(coarse, x, 100)


def test_chaos_refuses_nodes_that_are_too_few():
    x, path = descent((4, 6, 6))
    with pytest.raises(ValueError, match=r"path must start from more nodes .* rtol = 0.2 after k = 100 steps, got 144"):
        chaos.fluctuation(path, x, 100)
    assert chaos.fluctuation(path, x, 100, rtol=10.0) > 0
    # A measure that is no rule is what it is.
    other = chaos.descend([[1.0, 0.3, 0.2], [0.5, 1.0, 0.0]], [0.5, 0.5], x, x[:, 0], step=0.1, steps=3)
    assert chaos.fluctuation_error(other, x, 3) == 0

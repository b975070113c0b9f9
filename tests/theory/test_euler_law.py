"""The law of noisy Euler steps: linear units in closed form, drawn networks, and what finitely many particles add."""

import numpy as np
import pytest
from scipy.stats import binom, norm

from theory import gibbs, linear_langevin
from theory.euler_law import euler_law, finite_law

pytestmark = pytest.mark.fast

X, Y, STRENGTH, TAU, STEP = np.linspace(-2, 2, 5), np.array([0.3, -0.8, 0.1, 0.9, -0.4]), 0.25, 0.15, 0.1
TWO = (np.tanh(2 * X + 0.5) + np.tanh(0.5 - 2 * X)) / 2
"""Targets whose bias is large: a sum of two neurons."""


def moments(problem, density):
    mean = density @ problem.nodes * problem.spacing
    return mean, density @ problem.nodes**2 * problem.spacing - mean**2


def test_linear_units_are_in_closed_form():
    """Mean and variance of a particle, and covariance of f_m, at temperatures that change; no bias at all."""
    problem = gibbs.line(X, Y, STRENGTH, unit=lambda z: z, slope=np.ones_like, shift=0.0, reach=7.0, count=200)
    start = gibbs.normal(problem, 1.0, 0.4)
    stops = [0, 1, 7, 30]
    law = finite_law(problem, start, STEP, [TAU] * 30, stops)
    exact = linear_langevin.discrete(X[:, None], Y, STRENGTH, TAU, STEP, stops, mean=[1.0], deviation=0.4)
    mean, variance = moments(problem, law.density)
    assert np.allclose(mean, exact.mean[:, 0], atol=1e-12)
    assert np.allclose(variance, exact.spread, atol=1e-12)
    assert np.allclose(law.predictions, exact.mean * X, atol=1e-12)
    assert np.allclose(law.covariance, exact.fluctuation * np.outer(X, X), atol=1e-12)
    assert np.allclose(law.sampling, exact.spread[:, None, None] * np.outer(X, X), atol=1e-12)
    assert np.abs(gibbs.predictions(problem, law.bias)).max() < 1e-11
    # Independent particles are another thing: the interaction damps what they have in common.
    assert np.all(law.covariance[-1].diagonal()[[0, 1, 3, 4]] < 0.6 * law.sampling[-1].diagonal()[[0, 1, 3, 4]])


def test_falling_temperature_by_hand():
    problem = gibbs.line([0.0], [0.0], STRENGTH, reach=8.0, count=320)
    temperatures = np.linspace(0.5, 0.1, 20)
    law = euler_law(problem, gibbs.normal(problem, 0.5, 0.4), STEP, temperatures, [20])
    variance = 0.16
    for tau in temperatures:
        variance = (1 - STEP * STRENGTH) ** 2 * variance + 2 * tau * STEP
    assert moments(problem, law.density)[1][0] == pytest.approx(variance, abs=1e-11)


def test_nodes_do_not_matter():
    coarse, fine = (gibbs.line(X, Y, STRENGTH, reach=5.0, count=count) for count in (101, 201))
    few, many = (
        finite_law(problem, gibbs.normal(problem, 1.5, 0.4), STEP, [TAU] * 20, [20]) for problem in (coarse, fine)
    )
    assert np.allclose(few.predictions, many.predictions, atol=1e-12)
    assert np.allclose(few.covariance, many.covariance, atol=1e-10)
    assert np.allclose(few.bias, many.bias[:, ::2], atol=1e-10)


def test_slow_cooling_ends_in_the_gibbs_measure_and_fast_cooling_does_not():
    problem = gibbs.line(X, Y, STRENGTH, reach=6.0, count=150)
    rest = gibbs.equilibrium(problem, TAU)
    gaps = []
    for time in (4, 16, 64):
        count = round(time / STEP)
        law = euler_law(problem, gibbs.normal(problem, 1.5, 0.4), STEP, np.linspace(0.5, TAU, count), [count])
        gaps.append(float(gibbs.free_energy(problem, law.density[0], TAU) - gibbs.free_energy(problem, rest, TAU)))
    # The lag behind a temperature that falls for a time T is of order 1/T, and the free energy quadratic in it; what is
    # left at T = 64 is mostly the step's own O(h²).
    assert gaps[0] > 8 * gaps[1] > 8 * 4 * gaps[2] > 0


def test_bias_and_covariance_of_drawn_networks():
    """20 000 networks of 8 particles and their mirror images: within 5 standard errors and 10 % for O(1/m²)."""
    problem = gibbs.line(X, TWO, STRENGTH, reach=6.0, count=150)
    law = finite_law(problem, gibbs.normal(problem, 1.5, 0.4), STEP, [TAU] * 20, [20])
    rng = np.random.default_rng(1)
    m, count = 8, 20_000
    start = 0.4 * rng.normal(size=(m, count))
    pair = [1.5 + start, 1.5 - start]
    for _ in range(20):
        noise = np.sqrt(2 * TAU * STEP) * rng.normal(size=start.shape)
        pair = [moved(theta, sign * noise) for theta, sign in zip(pair, (1, -1), strict=True)]
    f, g = (np.array([np.tanh(theta * x + 0.5).mean(axis=0) for x in X]) for theta in pair)
    limit = gibbs.predictions(problem, law.bias)[0]
    mean = m * ((f + g) / 2 - law.predictions[0][:, None])
    along = limit @ mean / (limit @ limit)
    assert abs(along.mean() - 1) < 5 * along.std() / np.sqrt(count) + 0.1
    assert 5 * along.std() / np.sqrt(count) < 0.3
    squares = m * np.sum((f - law.predictions[0][:, None]) ** 2, axis=0) / np.trace(law.covariance[0])
    assert abs(squares.mean() - 1) < 5 * squares.std() / np.sqrt(count) + 0.1
    assert np.trace(law.sampling[0]) > 1.2 * np.trace(law.covariance[0])


@pytest.mark.parametrize("strength", [STRENGTH, 0.0001])
def test_bias_of_one_step_by_counting(strength):
    """Particles on two nodes are there in binomial numbers: the mean of their next law is a sum that can be done.

    m(E G(μ_m) − G(μ)) = b + c/m + …, and the numbers at m and 2m leave b + O(1/m²). The kernel is written out here.
    """
    problem = gibbs.line(3 * X, TWO, strength, reach=6.0, count=150)
    places, share = np.array([60, 85]), 0.3
    density = np.zeros(150)
    density[places] = np.array([share, 1 - share]) / problem.spacing
    law = finite_law(problem, density, 0.5, [TAU], [1])

    def after(k, m):
        """The density of a particle that takes a step, of m of which k are on the first node."""
        weights = np.array([k / m, 1 - k / m])
        theta = problem.nodes[places]
        phi = np.tanh(3 * np.outer(X, theta) + 0.5)
        slope = 3 * X[:, None] / np.cosh(3 * np.outer(X, theta) + 0.5) ** 2
        centre = theta - 0.5 * ((phi @ weights - TWO) @ slope / len(X) + strength * theta)
        return weights @ norm.pdf(problem.nodes, centre[:, None], np.sqrt(2 * TAU * 0.5))

    def scaled(m):
        mean = sum(binom.pmf(k, m, share) * after(k, m) for k in range(m + 1))
        return m * (mean - after(share * m, m))

    bias = 2 * scaled(400) - scaled(200)
    assert np.abs(bias).max() > 1e-2
    assert np.abs(law.bias[0] - bias).max() < 1e-4 * np.abs(bias).max()


def moved(theta, noise):
    r = np.array([np.tanh(theta * x + 0.5).mean(axis=0) for x in X]) - TWO[:, None]
    v = -sum(r[i] * x / np.cosh(theta * x + 0.5) ** 2 for i, x in enumerate(X)) / len(X) - STRENGTH * theta
    return theta + STEP * v + noise


def test_bad_input_is_named():
    problem = gibbs.line(X, Y, STRENGTH, reach=6.0, count=100)
    start = gibbs.normal(problem, 0.0, 0.5)
    with pytest.raises(ValueError, match="temperatures must cover every step, got 2 for stop 3"):
        euler_law(problem, start, STEP, [TAU, TAU], [3])
    with pytest.raises(ValueError, match=r"temperatures must be at least 0.165 for nodes 0.121 apart, got 0.15"):
        euler_law(problem, start, STEP, [TAU], [1])
    with pytest.raises(ValueError, match="density must agree with nodes, got 99 where nodes has 100"):
        euler_law(problem, start[1:], STEP, [1.0], [1])

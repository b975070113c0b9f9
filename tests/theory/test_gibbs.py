"""Gibbs measures on the line, against quadrature, a general root finder, and spectral gaps of discrete generators."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import root

from theory import gibbs

pytestmark = pytest.mark.fast

X, Y, STRENGTH, TAU = np.linspace(-2, 2, 5), np.array([0.3, -0.8, 0.1, 0.9, -0.4]), 0.25, 0.15
PROBLEM = gibbs.line(X, Y, STRENGTH)


def weight(theta, f, tau=TAU):
    drive = np.dot(f - Y, np.tanh(theta * X + 0.5)) / len(X)
    return np.exp(-(drive + STRENGTH * theta**2 / 2) / tau)


def means(f, tau=TAU):
    """E Φ under the proximal Gibbs measure, by adaptive quadrature."""
    total = quad(weight, -10, 10, args=(f, tau), epsabs=1e-13)[0]
    inside = [quad(lambda t, x=x: np.tanh(t * x + 0.5) * weight(t, f, tau), -10, 10, epsabs=1e-13)[0] for x in X]
    return np.array(inside) / total


def test_sums_over_nodes_are_integrals():
    f = np.array([0.2, 0.1, 0.0, -0.3, 0.5])
    density = gibbs.gibbs(PROBLEM, f, TAU)
    assert np.allclose(gibbs.predictions(PROBLEM, density), means(f), atol=1e-10, rtol=0)


@pytest.mark.parametrize("tau", [0.15, 0.02])
def test_equilibrium_is_the_root_of_f_less_its_mean(tau):
    found = root(lambda f: f - means(f, tau), Y, tol=1e-12)
    assert found.success
    assert np.allclose(gibbs.predictions(PROBLEM, gibbs.equilibrium(PROBLEM, tau)), found.x, atol=1e-8, rtol=0)


def test_equilibrium_is_the_minimum_of_the_free_energy():
    rest = gibbs.equilibrium(PROBLEM, TAU)
    least = float(gibbs.free_energy(PROBLEM, rest, TAU))
    rng = np.random.default_rng(0)
    for size in (1e-3, 0.1):
        for _ in range(20):
            frequency, phase = rng.uniform(0.2, 3), rng.uniform(0, 6)
            other = rest * (1 + size * np.cos(frequency * PROBLEM.nodes + phase))
            other /= other.sum() * PROBLEM.spacing
            assert gibbs.free_energy(PROBLEM, other, TAU) > least
    # Control: without temperature it is not where the energy is least.
    assert gibbs.free_energy(PROBLEM, gibbs.equilibrium(PROBLEM, TAU / 2), 0.0) < gibbs.free_energy(PROBLEM, rest, 0.0)


def test_free_energy_of_a_normal_law():
    mean, deviation = 0.4, 0.6
    density = gibbs.normal(PROBLEM, mean, deviation)
    normal = lambda t: np.exp(-(((t - mean) / deviation) ** 2) / 2) / (deviation * np.sqrt(2 * np.pi))  # noqa: E731
    f = np.array([quad(lambda t, x=x: np.tanh(t * x + 0.5) * normal(t), -6, 6, epsabs=1e-13)[0] for x in X])
    entropy = -(1 + np.log(2 * np.pi * deviation**2)) / 2
    exact = np.mean((f - Y) ** 2) / 2 + STRENGTH / 2 * (mean**2 + deviation**2) + TAU * entropy
    assert float(gibbs.free_energy(PROBLEM, density, TAU)) == pytest.approx(exact, abs=1e-11)


def test_gap_is_between_the_two_relative_entropies():
    """τ KL(μ|μ*) ≤ F_τ(μ) − F_τ(μ*) ≤ τ KL(μ|p_μ), the inequalities that make the free energy fall."""
    rest = gibbs.equilibrium(PROBLEM, TAU)
    for mean, deviation in ((1.5, 0.4), (-1.0, 0.8), (0.0, 0.5)):
        density = gibbs.normal(PROBLEM, mean, deviation)
        proximal = gibbs.gibbs(PROBLEM, gibbs.predictions(PROBLEM, density), TAU)
        low, high = (TAU * np.sum(density * np.log(density / p)) * PROBLEM.spacing for p in (rest, proximal))
        gap = float(gibbs.free_energy(PROBLEM, density, TAU) - gibbs.free_energy(PROBLEM, rest, TAU))
        assert low < gap < high


def test_log_sobolev_constant_by_hand():
    """(λ/τ) e^{−osc/τ}: of a potential that moves by τ, a share 1/e of the Gaussian's λ/τ is left."""
    assert gibbs.log_sobolev(0.25, strength=0.5, temperature=0.25) == pytest.approx(2 / np.e, rel=1e-14)
    assert gibbs.log_sobolev(1.0, strength=3.0, temperature=0.5) == pytest.approx(6 * np.exp(-2), rel=1e-14)


def test_log_sobolev_constant_is_below_the_spectral_gap():
    """ρ ≤ the gap of −μ^{-1} ∂ μ ∂, which is λ/τ for the Gaussian; upside down, e^{+osc/τ} is not."""
    for size in (0.0, 1.0, 3.0):
        f = Y + size * np.sin(X)
        density = gibbs.gibbs(PROBLEM, f, TAU)
        between = np.sqrt(density[1:] * density[:-1]) / PROBLEM.spacing**2
        laplace = np.diag(np.append(between, 0) + np.append(0, between)) - np.diag(between, 1) - np.diag(between, -1)
        scale = 1 / np.sqrt(density)
        gap = np.linalg.eigvalsh(scale[:, None] * laplace * scale)[1]
        oscillation = float(gibbs.oscillation(PROBLEM, f))
        rho = gibbs.log_sobolev(oscillation, STRENGTH, TAU)
        if size == 0:
            assert oscillation == 0
            assert gap == pytest.approx(rho, rel=1e-3)  # second order in the spacing
        else:
            assert rho < gap < rho * np.exp(2 * oscillation / TAU)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gibbs.line([1.0], [1.0, 2.0], 1.0), "y must agree with x, got 2 where x has 1"),
        (lambda: gibbs.line([1.0], [1.0], 0.0), "strength must be a finite number > 0, got 0"),
        (lambda: gibbs.line([1.0], [1.0], 1.0, count=2), "count must be an integer >= 3, got 2"),
        (lambda: gibbs.equilibrium(PROBLEM, 0.0), "temperature must be a finite number > 0, got 0"),
        (lambda: gibbs.normal(PROBLEM, 0.0, -1.0), "deviation must be a finite number > 0, got -1"),
        (lambda: gibbs.log_sobolev(-1.0, 1.0, 1.0), "oscillation must be a finite number >= 0, got -1"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()

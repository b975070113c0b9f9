"""The finite volumes of Scharfetter and Gummel, against the method of lines, Ornstein and Uhlenbeck, and themselves."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from theory import fokker_planck, gibbs

pytestmark = pytest.mark.fast

X, Y, STRENGTH, TAU = np.linspace(-2, 2, 5), np.array([0.3, -0.8, 0.1, 0.9, -0.4]), 0.25, 0.15
PROBLEM = gibbs.line(X, Y, STRENGTH, count=240)
START = gibbs.normal(PROBLEM, 1.5, 0.4)


def test_mass_positivity_and_a_free_energy_that_only_falls():
    times = np.arange(1, 401) * 0.05
    path = np.vstack([START, fokker_planck.solve(PROBLEM, START, TAU, times)])
    assert np.abs(path.sum(axis=1) * PROBLEM.spacing - 1).max() < 1e-12
    assert path[1:].min() > 0
    energy = gibbs.free_energy(PROBLEM, path, TAU)
    assert np.diff(energy).max() < 1e-14
    # Control: with twice the entropy it is another functional, which rises on the way.
    assert np.diff(gibbs.free_energy(PROBLEM, path, 2 * TAU)).max() > 1e-5


def test_gibbs_measure_is_at_rest():
    rest = gibbs.equilibrium(PROBLEM, TAU)
    after = fokker_planck.solve(PROBLEM, rest, TAU, [5.0])[0]
    assert np.abs(after - rest).max() < 1e-12
    assert np.abs(fokker_planck.solve(PROBLEM, rest, 2 * TAU, [5.0])[0] - rest).max() > 0.05


def test_against_the_method_of_lines():
    """Central differences on the same nodes, integrated by scipy: errors of first order in time, second in space."""
    problem = gibbs.line(X, Y, STRENGTH, reach=5.0, count=200)
    start, d = gibbs.normal(problem, 1.5, 0.4), problem.spacing

    def rhs(_, density):
        v = gibbs.potential(problem, gibbs.predictions(problem, density))
        flux = TAU * np.diff(density) / d + (density[1:] + density[:-1]) / 2 * np.diff(v) / d
        return np.diff(np.concatenate([[0.0], flux, [0.0]])) / d

    times = [0.5, 2.0]
    exact = solve_ivp(rhs, (0, 2), start, t_eval=times, method="LSODA", rtol=1e-8, atol=1e-10).y.T
    gaps = [
        np.abs(gibbs.predictions(problem, fokker_planck.solve(problem, start, TAU, times, most=most) - exact)).max()
        for most in (0.02, 0.01)
    ]
    assert gaps[0] / gaps[1] == pytest.approx(2, rel=0.1)  # the steps' error, to which that of the nodes adds little
    assert gaps[1] < 5e-3


def test_ornstein_and_uhlenbeck():
    """Without data mean and variance are known; the error is halved with the step, and small."""
    problem = gibbs.line([0.0], [0.0], STRENGTH, count=800)
    start = gibbs.normal(problem, 1.5, 0.4)
    errors = []
    for most in (0.02, 0.01):
        density = fokker_planck.solve(problem, start, TAU, [2.0], most=most)[0]
        mean = density @ problem.nodes * problem.spacing
        variance = density @ problem.nodes**2 * problem.spacing - mean**2
        limit = TAU / STRENGTH
        errors.append([mean - 1.5 * np.exp(-2 * STRENGTH), variance - (limit + (0.16 - limit) * np.exp(-4 * STRENGTH))])
    assert np.abs(errors[1]).max() < 3e-3
    assert errors[0][0] / errors[1][0] == pytest.approx(2, rel=0.05)


def test_free_energy_decays_at_the_rate_of_the_linearised_step():
    """Late enough that nothing but the slowest mode is left, early enough to be above rounding."""
    step = 0.05
    times = np.arange(1, 581) * step
    path = fokker_planck.solve(PROBLEM, START, TAU, times, most=step)
    gap = gibbs.free_energy(PROBLEM, path, TAU) - gibbs.free_energy(PROBLEM, gibbs.equilibrium(PROBLEM, TAU), TAU)
    late = (gap < 1e-10) & (gap > 1e-12)  # the energies themselves are rounded at 1e-16
    assert late.sum() > 40
    measured = -np.polyfit(times[late], np.log(gap[late]), 1)[0]
    rate = fokker_planck.decay_rate(PROBLEM, TAU, step)
    assert measured == pytest.approx(rate, rel=1e-3)
    # Controls: continuous time, and a step without the interaction, are other rates.
    assert abs(measured / fokker_planck.decay_rate(PROBLEM, TAU) - 1) > 3e-3
    frozen = gibbs.line(X, 0 * X, STRENGTH, unit=np.zeros_like, slope=np.zeros_like)
    assert abs(measured / fokker_planck.decay_rate(frozen, TAU, step) - 1) > 0.1


def test_the_bound_is_below_the_rate():
    rest = gibbs.predictions(PROBLEM, gibbs.equilibrium(PROBLEM, TAU))
    rho = gibbs.log_sobolev(float(gibbs.oscillation(PROBLEM, rest)), STRENGTH, TAU)
    assert 2 * TAU * rho < fokker_planck.decay_rate(PROBLEM, TAU)


def test_a_temperature_in_time():
    """The same as one temperature after the other."""
    both = fokker_planck.solve(PROBLEM, START, lambda t: 0.3 if t < 1.01 else 0.1, [2.0], most=0.1)[0]
    first = fokker_planck.solve(PROBLEM, START, 0.3, [1.0], most=0.1)[0]
    assert np.allclose(both, fokker_planck.solve(PROBLEM, first, 0.1, [1.0], most=0.1)[0], atol=1e-14)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="times must increase"):
        fokker_planck.solve(PROBLEM, START, TAU, [1.0, 1.0])
    with pytest.raises(ValueError, match="temperature must be a finite number > 0, got 0"):
        fokker_planck.solve(PROBLEM, START, lambda t: 0.0, [1.0])
    with pytest.raises(ValueError, match="density must agree with nodes, got 3 where nodes has 240"):
        fokker_planck.solve(PROBLEM, START[:3], TAU, [1.0])

"""The radial equation against quadrature, against vectors in all d dimensions, and against itself refined."""

import dataclasses

import numpy as np
import pytest
from scipy import integrate, stats

from theory.radial_pde import RadialProblem

# Five standard errors in some 20 comparisons: a false alarm of 1e-5 in all.
Z = 5.0
PAPER = RadialProblem(40, 0.8)


def sigma(z):
    return -2.5 + 10 * np.clip(z - 0.5, 0, 1)


def over_directions(function, d, z):
    """Mean over the angle of a uniform direction with the first axis, by adaptive quadrature between the kinks."""
    kinks = [float(np.arccos(c / z)) for c in (0.5, 1.5) if c < z] or None
    total, mass = (
        integrate.quad(lambda a, f=f: f(np.cos(a)) * np.sin(a) ** (d - 2), 0, np.pi, points=kinks)[0]
        for f in (function, np.ones_like)
    )
    return total / mass


@pytest.mark.parametrize("d", [2, 3, 7, 40])
def test_averages_over_directions(d):
    """q and q' by adaptive quadrature over the angle, the kinks given."""
    problem = RadialProblem(d, 0.5)
    for z in (0.0, 0.3, 0.7, 1.4, 2.2, 6.0):
        assert problem.average(z) == pytest.approx(over_directions(lambda w, z=z: sigma(z * w), d, z), rel=1e-8)
        inner = over_directions(lambda w, z=z: 10 * w * ((z * w > 0.5) & (z * w < 1.5)), d, z)
        assert problem.slope(z) == pytest.approx(inner, rel=1e-8, abs=1e-12)


def test_variance_of_the_start_by_quadrature():
    def variance(t):
        def moment(p):
            kinks = [c for c in (0.5, 1.5) if c < 10 * t]
            return integrate.quad(lambda u: sigma(u) ** p * stats.norm.pdf(u, 0, t), -10 * t, 10 * t, points=kinks)[0]

        return moment(2) - moment(1) ** 2

    d, length = 5, 0.9
    lengths = [length / np.sqrt(d) * (1 + 0.3 * y) for y in (1, -1)]
    exact = sum(
        integrate.quad(lambda r, t=t: stats.chi(d).pdf(r) * variance(t * r), 0.05, 7, epsabs=1e-3)[0] for t in lengths
    )
    assert RadialProblem(d, 0.3, length).variance() == pytest.approx(exact / 2, rel=2e-4)


@pytest.mark.full
def test_risk_and_velocity_of_drawn_networks():
    """Many inputs in 40 dimensions, and the gradient of the population risk at one particle of any direction."""
    rng = np.random.default_rng(0)
    d, n = 40, 40_000
    radii = PAPER.integrate([2.0]).radii[0]
    y = rng.choice([-1.0, 1.0], n)
    x = rng.normal(size=(n, d)) * (1 + 0.8 * y)[:, None]
    f = PAPER.predictor(radii, np.linalg.norm(x, axis=1))
    losses = (y - f) ** 2
    assert abs(losses.mean() - PAPER.risk(radii)) < Z * losses.std() / np.sqrt(n)

    for j in (20, 50):
        direction = rng.normal(size=d)
        direction /= np.linalg.norm(direction)
        z = x @ direction
        push = 2 * (y - f) * 10 * ((radii[j] * z > 0.5) & (radii[j] * z < 1.5)) * z
        moved = PAPER._velocity()(radii)[j]
        assert abs(push.mean() - moved) < Z * push.std() / np.sqrt(n)
        assert abs(push.mean() - moved / 2) > 2 * Z * push.std() / np.sqrt(n)  # control: without the factor 2


def test_predictor_is_the_mean_over_drawn_particles():
    rng = np.random.default_rng(1)
    theta = 0.8 / np.sqrt(40) * rng.normal(size=(100_000, 40))
    for length in (3.0, 11.0):
        values = sigma(length * theta[:, 0])
        found = PAPER.predictor(PAPER.start[0], np.array([length]))[0]
        assert abs(values.mean() - found) < Z * values.std() / np.sqrt(len(values))


def test_refinement():
    """Points and steps do not matter up to the end of the plateau, and quantiles agree with Gauss points."""
    times = [0.0, 1.0, 2.0, 4.0]
    risk = PAPER.integrate(times).risk
    for other in (dataclasses.replace(PAPER, norms=80), dataclasses.replace(PAPER, radii=90)):
        assert np.abs(other.integrate(times).risk - risk).max() < 3e-5
    assert np.abs(PAPER.integrate(times, step=0.025).risk - risk).max() < 3e-5
    quantiles = dataclasses.replace(PAPER, radii=400, rule="quantiles")
    assert np.abs(quantiles.integrate(times).risk - risk).max() < 5e-4
    # Known beforehand, from another program.
    assert np.abs(risk - [1.704, 1.071, 1.012, 0.860]).max() < 2e-3


def test_euler_steps_converge_at_first_order():
    exact = PAPER.integrate([2.0]).risk[0]
    errors = [PAPER.integrate([2.0], step=h, method="euler").risk[0] - exact for h in (0.04, 0.02)]
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.1)


def test_risk_falls():
    risk = PAPER.integrate(np.linspace(0, 4, 9)).risk
    assert np.all(np.diff(risk) < 0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: RadialProblem(1, 0.8), "dimension must be an integer >= 2, got 1"),
        (lambda: RadialProblem(40, 1.0), "separation must be below 1, got 1"),
        (lambda: RadialProblem(40, 0.0), "separation must be a finite number > 0"),
        (lambda: RadialProblem(40, 0.8, 0.0), "length must be a finite number > 0"),
        (lambda: RadialProblem(40, 0.8, rule="simpson"), "rule must be one of gauss, quantiles"),
        (lambda: PAPER.average(-1.0), "z must be at least 0"),
        (lambda: PAPER.integrate([1.0, 1.0]), "times must increase"),
        (lambda: PAPER.integrate([1.0], method="heun"), "method must be one of rk4, euler"),
        (lambda: PAPER.integrate([1.0], step=0.0), "step must be a finite number > 0"),
        (lambda: PAPER.integrate([40.0], step=20.0), "step must be small enough"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()

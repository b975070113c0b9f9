"""Exact laws of births and deaths: against an ODE solver, finite differences, and particles drawn one by one."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from theory import birth_death

pytestmark = pytest.mark.fast

# Five standard errors in some 20 comparisons: a false alarm of 1e-5 in all.
Z = 5.0


def network(seed, n=4, k=5):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, k)), rng.normal(size=n), rng.uniform(size=k)


def moved(rng, mass, slopes, amount, count):
    """Sites of `count` copies of one particle a site after a step, from the definition."""
    m = len(mass)
    q = mass * np.exp(-amount * slopes)
    q *= mass.sum() / q.sum()
    dies = rng.uniform(size=(count, m)) < 1 - q / mass
    birth = np.maximum(q - mass, 0)
    born = rng.choice(m, size=(count, m), p=birth / birth.sum())
    return np.where(dies, born, np.arange(m))


def test_first_variation_is_a_derivative():
    features, y, potential = network(0)
    p = np.full(5, 0.2)
    slopes = birth_death.first_variation(features, y, potential, p)
    eps = 1e-6
    for k, e in enumerate(np.eye(5)):
        up, down = (birth_death.energy(features, y, potential, p + s * eps * e) for s in (1, -1))
        assert abs((up - down) / (2 * eps) - slopes[k]) < 1e-8


def test_reaction_keeps_mass_and_solves_its_equation():
    _, _, slopes = network(1)
    p = np.arange(1.0, 6)
    solution = solve_ivp(lambda _, u: -u * (slopes - u @ slopes / u.sum()), (0, 1.7), p, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(birth_death.reacted(p, slopes, 1.7), solution.y[:, -1], rtol=1e-8)
    assert abs(birth_death.reacted(p, slopes, 1.7).sum() - 15) < 1e-12
    # Large numbers do not overflow.
    np.testing.assert_allclose(birth_death.reacted([0.5, 0.5], [-1e5, 1e5], 10.0), [1.0, 0.0])


def test_limit_solves_the_replicator_equation_to_first_order():
    features, y, potential = network(2)
    p = np.full(5, 0.2)

    def right(_, u):
        slopes = features.T @ (features @ u - y) / len(y) + potential
        return -2.0 * u * (slopes - u @ slopes)

    exact = solve_ivp(right, (0, 1.0), p, rtol=1e-11, atol=1e-13).y[:, -1]
    errors = [
        np.abs(birth_death.particle_limit(features, y, potential, p, 2.0, 1 / steps, steps)[0][-1] - exact).max()
        for steps in (50, 100, 200)
    ]
    ratios = np.divide(errors[:-1], errors[1:])
    assert np.all(np.abs(ratios - 2) < 0.1)


def test_energy_falls_by_the_dissipation_to_first_order():
    """(E F − F)/h → −∫|∇F'|² − τ Var F' + heating/m: here sites have a coordinate, and m particles on each."""
    rng = np.random.default_rng(3)
    w, v, y = rng.normal(size=(4, 3)), rng.normal(size=6), rng.normal(size=4)

    def phi(position):
        return np.tanh(w @ position)

    start, rate, p = rng.normal(size=(3, 6)), 1.3, np.full(6, 1 / 6)
    slopes = birth_death.first_variation(phi(start), y, v, p)
    residual = phi(start) @ p - y
    gradients = (w.T @ ((1 - phi(start) ** 2) * residual[:, None]) / 4).T
    for copies, tolerance in ((1, None), (200, 0.02)):
        many = np.tile(np.arange(6), copies)
        m = len(many)
        before = birth_death.energy(phi(start), y, v, p)
        rates = []
        for h in (2e-3, 1e-3):
            after = phi(start - h * gradients.T)[:, many]
            rates.append((birth_death.step_energy(after, y, v[many], slopes[many], rate * h) - before) / h)
        transport, reaction = birth_death.dissipation(p, slopes, gradients, rate)
        g = rate * (slopes - p @ slopes)
        b = np.maximum(-g, 0) / np.maximum(-g, 0).sum()
        distances = np.sum((phi(start)[:, :, None] - phi(start)[:, None]) ** 2, axis=0)
        heating = p @ (np.maximum(g, 0) * (distances @ b)) / (2 * 4 * m)
        limit = 2 * rates[1] - rates[0]
        assert abs(limit - (-transport - reaction + heating)) < 1e-4 * (transport + reaction)
        if tolerance is not None:
            assert abs(limit + transport + reaction) < tolerance * (transport + reaction)


def test_mean_energy_of_drawn_steps():
    features, y, potential = network(4, k=6)
    mass, slopes = np.full(6, 1 / 6), np.random.default_rng(0).normal(size=6)
    sites = moved(np.random.default_rng(5), mass, slopes, 0.7, 100_000)
    f = features[:, sites].mean(axis=2)
    drawn = np.mean((f - y[:, None]) ** 2, axis=0) / 2 + potential[sites].mean(axis=1)
    exact = birth_death.step_energy(features, y, potential, slopes, 0.7)
    error = drawn.std() / np.sqrt(len(drawn))
    assert abs(drawn.mean() - exact) < Z * error
    # Control: without what sampling adds.
    assert abs(drawn.mean() - birth_death.energy(features, y, potential, birth_death.reacted(mass, slopes, 0.7))) > (
        4 * Z * error
    )


def test_fluctuations_of_drawn_particles():
    """m times the covariance of the masses after some steps; and of `apart`, from its own definition, after one."""
    features, y, potential = network(6, k=4)
    p, m, rate, h, steps = np.array([0.4, 0.3, 0.2, 0.1]), 2000, 3.0, 0.05, 8
    rng, count = np.random.default_rng(7), 1000
    masses, covariance = birth_death.particle_limit(features, y, potential, p, rate, h, steps)
    sites = np.tile(np.repeat(np.arange(4), (m * p).astype(int)), (count, 1))
    for _ in range(steps):
        now = np.stack([(sites == k).mean(axis=1) for k in range(4)], axis=1)
        slopes = (now @ features.T - y) @ features / len(y) + potential
        q = now * np.exp(-rate * h * slopes)
        q /= q.sum(axis=1, keepdims=True)
        rows = np.arange(count)[:, None]
        dies = rng.uniform(size=sites.shape) < (1 - q / now)[rows, sites]
        upto = np.cumsum(np.maximum(q - now, 0), axis=1)
        born = (rng.uniform(size=sites.shape)[:, :, None] * upto[:, None, -1:] > upto[:, None]).sum(axis=2)
        sites = np.where(dies, born, sites)
    now = np.stack([(sites == k).mean(axis=1) for k in range(4)], axis=1)
    spread = m * (now - masses[-1]) ** 2
    score = (spread.mean(axis=0) - np.diag(covariance)) / (spread.std(axis=0) / np.sqrt(count))
    assert np.abs(score).max() < Z
    apart = birth_death.particle_limit(features, y, potential, p, rate, h, steps, drawn="apart")[1]
    assert np.trace(apart) > 1.5 * np.trace(covariance)
    assert np.abs((spread.mean(axis=0) - np.diag(apart)) / (spread.std(axis=0) / np.sqrt(count))).max() > 2 * Z


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1.0]], [1.0, 2.0], [0.0], [1.0]), "y"),
        (([[1.0]], [1.0], [0.0, 1.0], [1.0]), "potential"),
        (([[1.0]], [1.0], [0.0], [-1.0]), "mass must not be negative"),
        (([[np.nan]], [1.0], [0.0], [1.0]), "features"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        birth_death.energy(*arguments)


def test_bad_limit():
    with pytest.raises(ValueError, match="positive and of total one"):
        birth_death.particle_limit([[1.0, 1.0]], [1.0], [0.0, 0.0], [1.0, 0.0], 1.0, 0.1, 1)
    with pytest.raises(ValueError, match="drawn"):
        birth_death.particle_limit([[1.0]], [1.0], [0.0], [1.0], 1.0, 0.1, 1, drawn="alone")
    with pytest.raises(ValueError, match="steps"):
        birth_death.particle_limit([[1.0]], [1.0], [0.0], [1.0], 1.0, 0.1, 0)

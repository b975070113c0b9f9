"""Deconvolution against complex exponentials, finite differences, optimisers on grids, and brute force."""

import numpy as np
import pytest
import scipy.optimize

from theory.deconvolution import Problem, dirichlet_kernel, features
from theory.sparse_optimum import solve

pytestmark = pytest.mark.fast

RNG = np.random.default_rng(0)
KINDS = [(7, 1), (2, 2)]


def random_problem(order, dimension, strength=0.1, seed=0):
    rng = np.random.default_rng(seed)
    weights, positions = rng.uniform(0.5, 1.5, 3) * [1, -1, 1], rng.uniform(size=(3, dimension))
    clean = weights @ features(positions, order)[0]
    return Problem(clean + 0.05 * rng.normal(size=clean.shape), order, dimension, strength), weights, positions


@pytest.mark.parametrize(("order", "dimension"), KINDS)
def test_measurements_make_up_the_dirichlet_kernel(order, dimension):
    """⟨φ(x), φ(x')⟩ = (1/n) Σ_k exp(2πi k·(x − x')), the sum over all |k_i| ≤ order."""
    x, other = RNG.uniform(size=(2, 6, dimension))
    k = np.stack(np.meshgrid(*[np.arange(-order, order + 1)] * dimension), axis=-1).reshape(-1, dimension)
    exponentials = np.exp(2j * np.pi * (x - other) @ k.T).mean(axis=1)
    inner = np.mean(features(x, order)[0] * features(other, order)[0], axis=1)
    assert np.abs(inner - exponentials).max() < 1e-14
    assert np.abs(dirichlet_kernel(x - other, order) - exponentials).max() < 1e-14
    assert np.abs(dirichlet_kernel(np.zeros((1, dimension)), order) - 1) < 1e-14


@pytest.mark.parametrize(("order", "dimension"), KINDS)
def test_derivatives(order, dimension):
    """Gradient and Hessian of J and of η by central differences."""
    problem, weights, positions = random_problem(order, dimension)
    k, start = len(weights), np.concatenate([weights, positions.ravel()])

    def at(z):
        return z[:k], z[k:].reshape(k, dimension)

    value, gradient, hessian = problem.derivatives(weights, positions)
    assert abs(value - problem.objective(weights, positions)) < 1e-14
    h = 1e-5
    for i, e in enumerate(np.eye(len(start)) * h):
        ahead, behind = problem.derivatives(*at(start + e)), problem.derivatives(*at(start - e))
        assert abs((ahead[0] - behind[0]) / (2 * h) - gradient[i]) < 1e-6 * np.abs(gradient).max()
        assert np.abs((ahead[1] - behind[1]) / (2 * h) - hessian[i]).max() < 1e-6 * np.abs(hessian).max()
    r = problem.residual(weights, positions)
    _, slope, bent = problem.certificate(r, positions)
    for axis, e in enumerate(np.eye(dimension) * h):
        ahead, behind = problem.certificate(r, positions + e), problem.certificate(r, positions - e)
        assert np.abs((ahead[0] - behind[0]) / (2 * h) - slope[:, axis]).max() < 1e-6 * np.abs(slope).max()
        assert np.abs((ahead[1] - behind[1]) / (2 * h) - bent[:, axis]).max() < 1e-6 * np.abs(bent).max()


@pytest.mark.parametrize(("order", "dimension"), KINDS)
def test_certificate_on_a_grid(order, dimension):
    """The transform against point by point, on odd and even grids."""
    problem, weights, positions = random_problem(order, dimension)
    r = problem.residual(weights, positions)
    for side in (2 * order + 1, 2 * order + 2, 31):
        points = np.stack(np.meshgrid(*[np.arange(side) / side] * dimension, indexing="ij"), axis=-1)
        direct = problem.certificate(r, points.reshape(-1, dimension))[0].reshape((side,) * dimension)
        assert np.abs(problem.on_grid(r, side) - direct).max() < 1e-12 * np.abs(direct).max()


@pytest.mark.parametrize(("order", "dimension", "side"), [(7, 1, 16), (7, 1, 40), (2, 2, 6), (2, 2, 16)])
def test_highest_is_a_bound_and_the_grid_alone_is_none(order, dimension, side):
    """For random residuals: max on the grid ≤ true maximum (by a fine grid and ascent) ≤ the bound."""
    problem = Problem(np.zeros((2 * order + 1) ** dimension), order, dimension, 1.0)
    below = 0
    for r in np.random.default_rng(1).normal(size=(20, len(problem.y))):
        fine = problem.on_grid(r, 256)
        start = np.array(np.unravel_index(np.argmax(np.abs(fine)), fine.shape)) / 256
        found = scipy.optimize.minimize(
            lambda x, r=r: -abs(problem.certificate(r, x[None])[0][0]), start, method="Nelder-Mead", tol=1e-10
        )
        grid, true, bound = np.abs(problem.on_grid(r, side)).max(), -found.fun, problem.highest(r, side)
        assert grid <= true * (1 + 1e-12)
        assert true <= bound
        assert bound == pytest.approx(grid / np.cos(np.pi * order / side) ** dimension)
        below += grid < 0.999 * true
    assert below > 0


def test_bound_is_attained():
    """cos(2πkx) sampled between its extremes: the bound of Ehlich and Zeller is sharp."""
    order, side = 3, 12
    residual = np.zeros(7)
    residual[[5, 6]] = -np.array([np.cos(np.pi * order / side), np.sin(np.pi * order / side)])
    problem = Problem(np.zeros(7), order, 1, 1 / 7)
    assert abs(problem.highest(residual, side) - np.sqrt(2)) < 1e-12


@pytest.mark.parametrize(("order", "dimension", "side"), [(4, 1, 40), (1, 2, 8)])
def test_gap_brackets_the_minimum(order, dimension, side):
    """J of any measure less its gap is below min J, which is that on a grid (by L-BFGS-B) less what the grid costs."""
    problem, weights, positions = random_problem(order, dimension, seed=3)
    points = np.stack(np.meshgrid(*[np.arange(side) / side] * dimension, indexing="ij"), axis=-1).reshape(-1, dimension)
    phi, count = features(points, order)[0], len(points)

    def split(w):
        r = (w[:count] - w[count:]) @ phi - problem.y
        slope = phi @ r / len(r)
        gradient = np.concatenate([slope, -slope]) + problem.strength
        return 0.5 * np.mean(r**2) + problem.strength * w.sum(), gradient

    best = scipy.optimize.minimize(
        split, np.zeros(2 * count), jac=True, bounds=[(0, None)] * (2 * count), options={"ftol": 1e-15, "maxiter": 300}
    )
    on_grid = best.x[:count] - best.x[count:]
    gap = problem.gap(on_grid, points, 512)
    found = solve(problem, weights, positions, 512)
    assert found.proved
    assert best.fun - gap <= found.value <= best.fun
    assert best.fun - found.value < 0.05 * best.fun  # the grid is not far off: the bracket is no matter of course
    for w, x in ((weights, positions), (0.5 * weights, positions), (weights[:1], positions[:1])):
        assert problem.objective(w, x) - problem.gap(w, x, 512) <= best.fun
    naive = problem.gap(weights[:1], positions[:1], 512, feasible=False)
    assert naive < problem.objective(weights[:1], positions[:1]) - found.value  # no bound, where not feasible
    nothing = Problem(np.zeros(9), 4, 1, 0.1)
    assert nothing.gap([0.0], [[0.0]], 64) == 0


def test_bad_input():
    with pytest.raises(ValueError, match="y must agree"):
        Problem(np.ones(4), 1, 1, 0.1)
    with pytest.raises(ValueError, match="strength"):
        Problem(np.ones(3), 1, 1, 0.0)
    with pytest.raises(ValueError, match="order"):
        features([[0.0]], 0)
    with pytest.raises(ValueError, match="side"):
        Problem(np.ones(3), 1, 1, 0.1).highest(np.ones(3), 2)
    with pytest.raises(ValueError, match="positions"):
        features([0.0], 1)

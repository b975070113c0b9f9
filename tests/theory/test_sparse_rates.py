"""Predicted rates against the eigenvalues of the step itself, differentiated numerically at the optimum."""

import numpy as np
import pytest

from theory import sparse_rates
from theory.deconvolution import Problem, features
from theory.sparse_optimum import solve

pytestmark = pytest.mark.fast

GROWTH, TRANSPORT = 0.05, {1: 1e-3, 2: 1e-2}


def optimum(dimension):
    rng = np.random.default_rng(1)
    positions = np.array([[0.1], [0.45], [0.8]]) if dimension == 1 else np.array([[0.1, 0.2], [0.6, 0.6]])
    weights = np.array([1.0, -0.8, 0.6])[: len(positions)]
    order = 5 if dimension == 1 else 2
    clean = weights @ features(positions, order)[0]
    problem = Problem(clean + 0.05 * rng.normal(size=clean.shape), order, dimension, 0.1)
    found = solve(problem, weights, positions, 256)
    assert found.proved
    return found


def one_step(problem, sign, growth, transport):
    """(p, x) → (p exp(−4αJ'), x − β∇J'), all particles in one vector."""

    def step(z):
        m = len(sign)
        p, x = z[:m], z[m:].reshape(m, -1)
        value, slope = features(x, problem.order, 1)
        r = (sign * p) @ value - problem.y
        potential = sign * (value @ r) / len(r) + problem.strength
        force = sign[:, None] * np.einsum("lnd,n->ld", slope, r) / len(r)
        return np.concatenate([p * np.exp(-4 * growth * potential), (x - transport * force).ravel()])

    return step


@pytest.mark.parametrize("dimension", [1, 2])
@pytest.mark.parametrize("copies", [1, 3])
def test_spectrum_of_the_step(dimension, copies):
    """Clusters of unequal particles and one far particle for each minimum: every eigenvalue is one of the predicted.

    The rest are known too: 1 for the way a cluster's mass is shared out, and 1 − βh for the place of a far particle.
    """
    found, transport = optimum(dimension), TRANSPORT[dimension]
    k, d = found.positions.shape
    signs, places, slopes = sparse_rates.far_minima(found, 256)
    share = np.random.default_rng(0).dirichlet(np.ones(copies), size=k)
    mass = np.concatenate([(np.abs(found.weights)[:, None] * share).ravel(), np.zeros(len(signs))])
    sign = np.concatenate([np.repeat(np.sign(found.weights), copies), signs])
    z = np.concatenate([mass, np.repeat(found.positions, copies, axis=0).ravel(), places.ravel()])
    step = one_step(found.problem, sign, GROWTH, transport)
    assert np.abs(step(z) - z)[np.concatenate([mass > 0, np.full(len(sign) * d, True)])].max() < 1e-10
    h = 1e-6
    jacobian = np.stack([(step(z + e) - step(z - e)) / (2 * h) for e in np.eye(len(z)) * h], axis=1)
    seen = np.linalg.eigvals(jacobian)
    assert np.abs(seen.imag).max() < 1e-4
    bend = np.linalg.eigvalsh(
        -found.problem.strength * signs[:, None, None] * found.problem.certificate(found.residual, places)[2]
    )
    expected = np.concatenate([
        1 - sparse_rates.collective(found, GROWTH, transport).kappa,
        np.tile(1 - transport * sparse_rates.curvatures(found)[0].ravel(), copies - 1),
        np.exp(-4 * GROWTH * slopes),
        np.ones(k * (copies - 1)),
        1 - transport * bend.ravel(),
    ])  # fmt: skip
    assert len(expected) == len(seen)
    # Eigenvalue 1 is defective up to second order: differences of 1e-9 move it by their root.
    assert np.abs(np.sort(seen.real) - np.sort(expected)).max() < 3e-5


@pytest.mark.parametrize("dimension", [1, 2])
def test_modes(dimension):
    """right and left are inverse, and turn the step into a diagonal matrix."""
    found, transport = optimum(dimension), TRANSPORT[dimension]
    modes = sparse_rates.collective(found, GROWTH, transport)
    size = np.abs(found.weights)
    metric = np.concatenate([4 * GROWTH * size, np.repeat(transport / size, dimension)])
    assert np.abs(modes.left @ modes.right - np.eye(len(metric))).max() < 1e-12
    assert np.abs(modes.left @ (metric[:, None] * modes.hessian) @ modes.right - np.diag(modes.kappa)).max() < 1e-12
    assert np.all(np.diff(modes.kappa) >= 0)
    assert np.exp(-modes.rates) == pytest.approx(np.abs(1 - modes.kappa))


@pytest.mark.parametrize("dimension", [1, 2])
def test_far_minima_by_brute_force(dimension):
    """Local minima of J'_s on a grid of another size, spikes left out: as many, as low, at the same places."""
    found = optimum(dimension)
    signs, places, values = sparse_rates.far_minima(found, 256)
    assert np.all(values > 0)
    side = 601
    grid = found.problem.on_grid(found.residual, side)
    count = 0
    for s in (1.0, -1.0):
        potential = found.problem.strength * (1 - s * grid)
        lowest = potential.copy()
        for shift in np.ndindex(*(3,) * dimension):
            lowest = np.minimum(lowest, np.roll(potential, np.array(shift) - 1, tuple(range(dimension))))
        for at in np.argwhere(potential == lowest):
            if potential[tuple(at)] > 1e-3:
                near = np.abs((places - at / side + 0.5) % 1 - 0.5).max(axis=1) + (signs != s)
                assert near.min() < 1 / side
                assert abs(values[near.argmin()] - potential[tuple(at)]) < 1e-3
                count += 1
    assert count == len(values)


def test_slowest():
    """The least of the three families; 0 for a degenerate optimum."""
    found = optimum(1)
    rates = [
        2 * sparse_rates.collective(found, GROWTH, 1e-3).rates.min(),
        (-2 * np.log(1 - 1e-3 * sparse_rates.curvatures(found)[0])).min(),
        4 * GROWTH * sparse_rates.far_minima(found, 256)[2].min(),
    ]
    assert sparse_rates.slowest(found, GROWTH, 1e-3, 256) == pytest.approx(min(rates))
    with pytest.raises(ValueError, match="growth"):
        sparse_rates.collective(found, 0.0, 1.0)

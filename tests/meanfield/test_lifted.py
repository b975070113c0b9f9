"""The lifted bound: nothing it says is below what is there, whatever its multipliers; and how near it comes."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import meanfield as mf
from meanfield.certificates.ascent import ascents
from meanfield.certificates.branching import branching_maximum
from meanfield.certificates.lifted import lifted_maximum
from meanfield.certificates.lifted_bound import Lifted, proved_bound
from meanfield.certificates.lifted_multipliers import AlternatingDirections
from meanfield.certificates.lifted_products import Products, adjoint, products, vanishing
from meanfield.certificates.relaxation import relaxed_maximum
from meanfield.certificates.slope import Slope

SLOPES = ((0.0, 1.0), (0.01, 1.0), (-1.0, 1.0), (2.0, 0.5))


def random_slope(seed, n, q, slopes=(0.0, 1.0), outputs=1):
    rng = np.random.default_rng(seed)
    c = rng.normal(size=(n, outputs)) / n
    return Slope(c[:, 0] if outputs == 1 else c, rng.normal(size=(n, q)), *slopes)


def random_multipliers(rng, n, size):
    return Products(*(size * rng.normal(size=shape) for shape in ((n,), (n,), (n, n), (n, n), (n, n))))


def test_products_of_a_direction():
    """Of Z = v vᵀ they are a, b, and their products; the adjoint is one, with mixed products counted twice."""
    rng = np.random.default_rng(0)
    x, u = rng.normal(size=(5, 3)), rng.normal(size=3)
    t = x @ u
    a, b = np.maximum(t, 0), np.maximum(-t, 0)
    v = np.concatenate([[1.0], u, np.abs(t)])
    expected = (a, b, np.outer(a, a), np.outer(b, b), np.outer(a, b))
    for one, other in zip(products(np.outer(v, v), x), expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-14)
    z, y = rng.normal(size=(9, 9)), random_multipliers(rng, 5, 1.0)
    z, y = z + z.T, y._replace(aa=y.aa + y.aa.T, bb=y.bb + y.bb.T)
    counted = sum(k * np.sum(p * w) for k, p, w in zip((2, 2, 1, 1, 2), y, products(z, x), strict=True))
    assert np.sum(adjoint(y, x) * z) == pytest.approx(counted, rel=1e-12)


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("slopes", SLOPES)
def test_objective_at_a_direction(slopes, outputs):
    """vᵀPv is h, or its square of several outputs, in the units that were taken out."""
    slope = random_slope(1, 6, 3, slopes, outputs)
    lifted, u = Lifted.of(slope), np.array([0.6, 0.0, -0.8])
    v = np.concatenate([[1.0], u, np.abs(lifted.x @ u)])
    height = slope(u[None])[0] / lifted.scale
    assert v @ lifted.objective() @ v == pytest.approx(height**lifted.power, rel=1e-12)
    length = np.linalg.norm(lifted.x, axis=1)
    assert np.all((length > 0.5) & (length <= 1))


@pytest.mark.parametrize("size", [0.0, 1e-3, 1.0, 1e6])
@pytest.mark.parametrize("outputs", [1, 2])
def test_any_multipliers_give_a_bound(size, outputs):
    """Random ones, of any size and sign, on the sphere and on a part of it; without any negative one is harmless."""
    for seed in range(6):
        rng = np.random.default_rng(seed)
        slope = random_slope(seed, 7, 3, SLOPES[seed % 4], outputs)
        lifted = Lifted.of(slope)
        u, _ = ascents(slope)
        signed = slope(u)
        bound = proved_bound(lifted, random_multipliers(rng, 7, size), np.zeros(7, int))
        assert signed.max() <= bound
        signs = np.where(lifted.x @ u[np.argmax(signed)] > 0, 1, -1) * (rng.uniform(size=7) < 0.5)
        assert signed.max() <= proved_bound(lifted, random_multipliers(rng, 7, size), signs)


def test_multipliers_that_are_not_numbers_give_no_bound():
    y = random_multipliers(np.random.default_rng(0), 7, np.nan)
    assert proved_bound(Lifted.of(random_slope(0, 7, 3)), y, np.zeros(7, int)) == np.inf


def test_without_the_signs_of_multipliers_it_would_be_no_bound():
    """The control: where a part of the sphere is left out by its signs, the maximum outside of it is not bounded."""
    slope = random_slope(3, 9, 2)
    lifted = Lifted.of(slope)
    u, _ = ascents(slope)
    best = u[np.argmax(slope(u))]
    wrong = -np.sign(lifted.x @ best).astype(int)
    method = AlternatingDirections(lifted, 1.0, best[None])
    method.signs = wrong
    method.advance(300)
    assert proved_bound(lifted, method.multipliers(), wrong) < slope(best[None])[0]
    assert all(mask.any() for mask in vanishing(wrong))


@pytest.mark.parametrize("steps", [1, 2, 17])
def test_a_solver_stopped_early_gives_a_bound(steps):
    for seed in range(5):
        slope = random_slope(seed, 12, 4)
        exact = branching_maximum(slope)[0]
        bounds = []
        for one in slope.signs():
            method = AlternatingDirections(Lifted.of(one), 1.0, np.zeros((0, 4)))
            method.advance(steps)
            bounds.append(proved_bound(Lifted.of(one), method.multipliers(), np.zeros(12, int)))
        assert exact <= max(bounds)


@pytest.mark.parametrize(("n", "q"), [(3, 5), (12, 4), (20, 5)])
@pytest.mark.parametrize("slopes", SLOPES[::3])
def test_against_branching(n, q, slopes):
    """Never below what branching found, nor above the relaxation; cut in parts as near as is asked for."""
    slope = random_slope(n + q, n, q, slopes)
    found, exact = branching_maximum(slope)
    bound = lifted_maximum(slope).bound
    assert found <= bound <= min(relaxed_maximum(slope), 1.2 * exact)
    cut = lifted_maximum(slope, target=1.001 * exact, splits=200)
    assert found <= cut.bound <= 1.001 * exact
    assert cut.height <= exact
    assert abs(slope(cut.direction[None])[0]) == pytest.approx(cut.height)


@pytest.mark.full
@pytest.mark.parametrize(("n", "q"), [(12, 4), (20, 5)])
def test_cut_in_parts_it_is_branching_to_seven_digits(n, q):
    slope = random_slope(n + q, n, q)
    found, exact = branching_maximum(slope)
    assert found <= lifted_maximum(slope, splits=2000).bound <= exact * (1 + 3e-7)


def test_of_several_outputs_one_alone_is_that_of_one():
    """c = (r, 0) has the length |Σ r_i σ(u·z_i)|; and a rotation of the outputs changes nothing."""
    one = random_slope(5, 10, 4)
    two = Slope(np.column_stack([one.c, 0 * one.c]) @ [[0.6, 0.8], [-0.8, 0.6]], one.z, 0.0, 1.0)
    found, exact = branching_maximum(one)
    best = lifted_maximum(two, target=1.01 * exact, splits=200)
    assert found <= best.bound <= 1.01 * exact
    assert 0.95 * found <= best.height <= exact


def test_a_target_ends_the_search():
    slope = random_slope(2, 20, 5)
    relaxed, best = relaxed_maximum(slope), lifted_maximum(slope)
    told = []
    early = lifted_maximum(slope, target=(relaxed + best.bound) / 2, report=lambda *both: told.append(both))
    assert best.bound <= early.bound <= (relaxed + best.bound) / 2
    assert told[0][1] == pytest.approx(relaxed)
    assert lifted_maximum(slope, seconds=1e-9).bound == pytest.approx(relaxed)
    assert lifted_maximum(slope, target=0.9 * best.height, give_up=True).bound == pytest.approx(relaxed)


KINDS = ("plain", "repeats", "antipodes", "line", "zero rows", "huge", "tiny", "mixed scales", "lattice")


def degenerate(rng, kind):
    """(x, y) of a problem with something awkward about it."""
    n, d = int(rng.integers(1, 13)), int(rng.integers(1, 8))
    x = rng.normal(size=(n, d))
    if kind == "repeats":
        x = x[rng.integers(0, max(1, n // 2), size=n)]
    elif kind == "antipodes":
        x = np.concatenate([x, -x])
    elif kind == "line":
        x = rng.normal(size=(n, 1)) * rng.normal(size=d)
    elif kind == "zero rows":
        x[rng.uniform(size=n) < 0.5] = 0.0
    elif kind == "huge":
        x = x * 1e8
    elif kind == "tiny":
        x = x * 1e-8
    elif kind == "mixed scales":
        x = x * 10.0 ** rng.uniform(-9, 9, size=(n, 1))
    elif kind == "lattice":
        x = np.round(x)
    return x, rng.normal(size=len(x))


def finds_no_lie(seed, seconds):
    """The gap proved at any network is at least what it is worse by than the best network known.

    That one is trained by `certified_minimum`; both are evaluated here, apart from the certificate's own arithmetic.
    """
    rng = np.random.default_rng(seed)
    x, y = degenerate(rng, KINDS[seed % len(KINDS)])
    slope, outputs = SLOPES[int(rng.integers(2))], 1 + 2 * int(rng.uniform() < 0.2)
    logistic, scale = bool(rng.uniform() < 0.3), float(rng.choice([0.5, 1.0, 4.0]))
    if outputs > 1:
        y = np.eye(outputs)[rng.integers(outputs, size=len(x))] if logistic else rng.normal(size=(len(x), outputs))
    elif logistic:
        y = np.where(y > 0, 1.0, -1.0)
    size = float(np.median(np.linalg.norm(x, axis=1)))
    strength = float(10 ** rng.uniform(-2.5, -0.5) * (size if size > 0 else 1.0) / scale)
    unit = mf.Neuron("relu" if slope[0] == 0 else "leaky_relu", bias=bool(rng.uniform() < 0.3), outputs=outputs)
    loss = mf.Logistic() if logistic else mf.Square()
    with jax.enable_x64(True):
        objective = mf.Objective(unit, loss, x, y, scale, mf.WeightDecay(strength))
        best = mf.certified_minimum(
            objective, 1e-2 * float(objective.value(zero(objective))) + 1e-300, seconds=10 * seconds
        )
        theta = np.asarray(best.particles.position)
        known = value(objective, theta)
        moved = theta + 10 ** rng.uniform(-8, 0.5) * np.abs(theta).max() * rng.normal(size=theta.shape)
        for rows in (theta, moved, moved.astype(np.float32), rng.normal(size=(4, theta.shape[1]))):
            mu = mf.Particles(rows)
            here = value(objective, np.asarray(mu.position, np.float64))
            for method in (None, "lifted", "relaxation"):
                gap, lower, certified = mf.optimality_gap(objective, mu, method, seconds=seconds)
                assert certified
                assert gap >= here - known - 1e-13 * (1 + abs(here)), (seed, method)
                assert lower <= known * (1 + 1e-13), (seed, method)


def zero(objective):
    return mf.Particles(np.zeros((1, objective.unit.size(objective.x.shape[1]))))


def value(objective, theta):
    """F in NumPy."""
    x, y, k = np.asarray(objective.x), np.asarray(objective.y), objective.unit.outputs
    z = np.column_stack([x, np.ones(len(x))]) if objective.unit.bias else x
    below, above = objective.unit.slopes
    t, scale = z @ theta[:, k:].T, float(objective.scale)
    f = scale * np.where(t > 0, above * t, below * t) @ theta[:, :k] / len(theta)
    if isinstance(objective.loss, mf.Square):
        risk = np.sum((f - y.reshape(f.shape)) ** 2) / (2 * len(x))
    elif k == 1:
        risk = np.mean(np.logaddexp(0, -y * f[:, 0]))
    else:
        risk = np.mean(np.log(np.sum(np.exp(f - f.max(1)[:, None]), 1)) + f.max(1) - np.sum(y * f, 1))
    return float(risk / scale**2 + float(objective.penalty.strength) / 2 * np.sum(theta**2) / len(theta))


@pytest.mark.turns(3)
@pytest.mark.parametrize("seed", range(30))
def test_thirty_problems_find_no_lie(seed):
    finds_no_lie(seed, 0.02)


@pytest.mark.full
@settings(max_examples=500, deadline=None)
@given(seed=st.integers(30, 10**6))
def test_five_hundred_problems_find_no_lie(seed):
    finds_no_lie(seed, 0.1)

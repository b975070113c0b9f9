"""Units of Chizat (2019): the author's algorithm in NumPy, step by step, against the engine's; and Julia's numbers."""

import numpy as np
import pytest

import meanfield as mf
from simulations.published.chizat2019sparse import RATIOS, SHADES, Gap, Success, share_of_largest
from simulations.published.julia_numbers import uniform
from simulations.records.record import Record, Records

STEPS = 60


def descent(order, r, theta, r_spikes, theta_spikes, strength, alpha, beta, steps):
    """The paper's conic particle descent with the mirror retraction, by the Dirichlet kernel: (r, θ, J) in time."""
    k = np.stack(np.meshgrid(*[np.arange(-order, order + 1)] * theta.shape[1]), axis=-1).reshape(-1, theta.shape[1])

    def kernel(one, two):
        angle = (one[:, None] - two) @ k.T
        return np.cos(angle).sum(axis=2), -np.sin(angle) @ k

    seen, weights = [], r_spikes**2
    for _ in range(steps + 1):
        (own, own_slope), (other, other_slope) = kernel(theta, theta), kernel(theta, theta_spikes)
        a = r**2 / len(r)
        truth = weights @ kernel(theta_spikes, theta_spikes)[0] @ weights
        seen.append((r, theta, (a @ own @ a - 2 * a @ other @ weights + truth) / 2 + strength * a.sum()))
        slope = own @ a - other @ weights + strength
        turn = np.einsum("ijc,j->ic", own_slope, a) - np.einsum("ijc,j->ic", other_slope, weights)
        r, theta = r * np.exp(-2 * alpha * slope), theta - beta * turn
    return seen


def compared(run):
    """The largest deviations of r, θ and J over all steps, relative to 1, and to J at the start."""
    places, weights = run.spikes
    start = np.full(run.particles, 0.5), run.places, np.sqrt(weights), places
    own = descent(run.units.order, *start, run.strength, run.alpha, run.beta, STEPS)
    found = mf.simulate(
        run.problem(), run.flow(), run.start(), times=range(STEPS + 1),
        observables={"at": mf.Positions(), "mass": lambda problem, mu: mu.mass, "energy": mf.observables.Energy()},
    )  # fmt: skip
    r = np.sqrt(run.particles * found.values["mass"])
    theta, loss = 2 * np.pi * found.values["at"][:, :, 1:], run.units.waves * found.values["energy"]
    deviations = [[np.abs(mine - his).max() for mine, his in zip((r[i], theta[i], loss[i]), own[i], strict=True)]
                  for i in range(STEPS + 1)]  # fmt: skip
    return np.max(deviations, axis=0) / [1, 1, own[0][2]]


RUNS = [{"particles": 4}, {"particles": 9, "strength": 1.0}]


@pytest.mark.parametrize("setting", RUNS)
def test_units_in_two_dimensions(setting, x64):
    """Rounding of 1e-16 in each of 60 steps of a contraction, with a few hundred terms a sum: far below 1e-11."""
    assert compared(Gap(**setting)).max() < 1e-11
    assert compared(Gap(**setting, converted=False))[:2].min() > 1e-3


def test_units_in_one_dimension(x64):
    assert compared(Success(particles=6, ratio=0.25, seed=3)).max() < 1e-11
    assert compared(Success(particles=6, ratio=0.25, seed=3, converted=False))[:2].min() > 1e-3


def test_julia_draws_these_numbers():
    """What Julia prints after Random.seed!(s), for three s; and all are on [0, 1) with the mean of a uniform law."""
    known = {1: 0.23603334566204692, 2: 0.36679641243992434, 1234: 0.5908446386657102}
    for seed, first in known.items():
        assert uniform(seed, 1) == (first,)
    numbers = np.array(uniform(7, 2000))
    assert numbers.min() >= 0
    assert numbers.max() < 1
    assert abs(numbers.mean() - 0.5) < 5 / np.sqrt(12 * 2000)
    assert len(set(numbers)) == 2000
    assert uniform(7, 2000)[:10] == uniform(7, 10)


def test_instances_of_the_author_come_in_turn():
    """Five places, sorted, and five weights of each; fresh instances have other numbers."""
    numbers = uniform(2, 100)
    places, weights = Success(seed=4).spikes
    assert np.array_equal(places[:, 0], 2 * np.pi * np.sort(numbers[40:45]))
    assert np.array_equal(weights, numbers[45:50])
    assert not np.array_equal(Success(seed=4, drawn="fresh").spikes[1], weights)
    with pytest.raises(ValueError, match="seed=10: expected a number below 10, of the author's instances"):
        Success(seed=10)
    with pytest.raises(ValueError, match="particles=5: expected 3, 4, or a square number"):
        Gap(particles=5)


def record(seed, particles, ratio, loss):
    return Record({"seed": seed, "particles": particles, "ratio": ratio}, {"loss": np.array([9.0, loss])})


def test_shares():
    """Two instances by hand: J less the least of an instance, on average, over the largest of these means."""
    table = {(0, 4): 3.0, (0, 5): 1.0, (1, 4): 5.0, (1, 5): 4.0, (1, 6): 3.0, (0, 6): 2.0}
    records = Records([record(seed, m, 1.0, loss) for (seed, m), loss in table.items()])
    assert share_of_largest(records) == {(4, 1.0): 1.0, (5, 1.0): 0.25, (6, 1.0): 0.25}
    with pytest.raises(ValueError, match="the same particles and ratios"):
        share_of_largest(Records([*records, record(0, 7, 1.0, 1.0)]))


def test_a_share_needs_all_instances():
    """With nine of ten instances nothing is said; RATIOS are those of the figure."""
    claim = next(one for one in SHADES if one.name == "share_5")
    assert RATIOS == (1.0, 0.5, 0.25, 0.125, 0.0625)
    nine = [Record({"experiment": "success", "drawn": "author", "converted": True, "strength": 0.3, "alpha": 0.002,
                    "seed": seed, "particles": m, "ratio": 1.0}, {"loss": np.array([m + seed])})
            for seed in range(9) for m in (4, 5)]  # fmt: skip
    assert claim.check(Records(nine)).passed is None

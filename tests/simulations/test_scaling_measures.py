"""What the study of scaling laws measures with: the frontier, the intercept, the ramp, kernels of spread particles."""

import numpy as np
import pytest

from simulations import Record, Records
from simulations.scale import circle_models, ramp
from simulations.scale import risks as measure
from theory import circle


def networks(widths, best, seeds=(0,)):
    """Runs of which, at C operations, the log of the risk is (log m − log best − ½ log C)² / 2 − log C."""
    operations = 2 ** (np.arange(41) / 4)

    def risk(m):
        return np.exp((np.log(m) - np.log(best) - np.log(operations) / 2) ** 2 / 2 - np.log(operations))

    return Records(
        Record(
            {"particles": m, "time": 1.0, "seed": seed},
            {"operations": operations, "risk": risk(m), "linear": 0 * operations},
        )
        for m in widths
        for seed in seeds
    )  # fmt: skip


def test_frontier_of_parabolas():
    """Least risk 1/C at m = best √C, wherever two widths are on either side of the best."""
    widths = np.array([1, 2, 4, 8, 16, 32, 64, 128])
    points = list(measure.frontier(lambda records: records)(networks(widths, 2.0)))
    assert len(points) > 5
    for point in points:
        at = point["operations"]
        assert point["risk"][0] == pytest.approx(1 / at, rel=1e-9)
        assert point["width"][0] == pytest.approx(2 * at**0.5, rel=1e-9)


def test_frontier_of_five_widths():
    """Five widths are enough where the middle one is best, and four are not."""
    found = list(measure.frontier(lambda records: records)(networks([8, 16, 32, 64, 128], 2.0)))
    assert found
    assert all(22.6 < point["width"][0] < 45.3 for point in found)
    assert not list(measure.frontier(lambda records: records)(networks([8, 16, 32, 64], 2.0)))


def test_expanded_and_over_variance():
    values = {
        "times": np.array([1.0, 128.0]), "limit_risk": np.array([0.5, 0.1]), "variance": np.array([2.0, 3.0]),
        "risk": np.array([0.9, 0.4]), "linear": np.array([0.05, 0.02]),
    }  # fmt: skip
    record = Record({"particles": 10, "seed": 0}, values)
    assert measure.over_variance(record) == pytest.approx(10 * 0.28 / 3)
    assert measure.over_variance(record, of=1.0) == pytest.approx(10 * 0.28 / 2)
    (known,) = measure.expanded(Records([record]))
    np.testing.assert_allclose(known["risk"], [0.7, 0.4])
    assert not np.any(known["linear"])


def test_intercept():
    """2 + 3/m has the limit 2, with the interval that the seeds have among themselves."""
    records = Records(
        Record({"particles": m, "seed": seed}, {"value": np.asarray(2 + 3 / m + 1e-3 * seed)})
        for m in (10, 20, 40, 80)
        for seed in range(5)
    )
    settings = {"select": lambda r: r, "x": "particles", "value": lambda r: float(r["value"]), "what": "value"}
    found = measure.intercept(records, predicted=2.0, **settings)
    assert found.measured == pytest.approx(2.002)
    assert found.passed
    assert not measure.intercept(records, predicted=2.1, **settings).passed


def test_the_ramp():
    """0.3 ± ½ tanh z, and its limit risk before training, from f = 0."""
    np.testing.assert_allclose(ramp.target(np.array([[0.0], [1.0], [-40.0]])), [0.3, 0.3 + 0.5 * np.tanh(1), -0.2])
    z = ramp.line(4)[1]
    before = np.mean((0.3 + 0.5 * np.tanh(z[:, 0])) ** 2) / 2
    assert ramp.limit_risk(4, 1.0, 0.5, np.array([0, 1]))[0] == pytest.approx(before, rel=1e-9)


def test_spread_particles_have_the_kernel_of_infinitely_many(x64):
    angles = np.random.default_rng(0).uniform(-4, 9, 60)
    found = circle_models.spread_kernel(angles, angles[:7])
    # A jump of σ' between two of the particles: at most a mass of each, with |x·x'| ≤ 1.
    assert np.abs(found - circle.kernel(angles[:, None] - angles[:7])).max() < 1.5 / circle_models.SPREAD

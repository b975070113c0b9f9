"""The least risk that a number of operations buys, from runs whose risks are parabolas in log m, written out here."""

import numpy as np
import pytest

from simulations.records.record import Record, Records
from simulations.scale.risks import REACH, frontier

LEAST = 30.0


def runs(counts):
    """Runs in which ln risk = ln² (m / 30) − ln operations, for all numbers of operations."""
    operations = np.geomspace(10, 1e4, 20)
    return Records(
        Record(
            {"particles": m, "time": 1.0, "seed": 0},
            {"operations": operations, "risk": np.exp(np.log(m / LEAST) ** 2) / operations, "linear": 0 * operations},
        )
        for m in counts
    )


def test_the_parabola_through_as_many_counts_as_it_needs():
    counts = [8, 16, 32, 64, 128]
    assert len(counts) == 2 * REACH + 1
    points = list(frontier(lambda records: records)(runs(counts)))
    assert len(points) > 10
    for point in points:
        assert point["width"][0] == pytest.approx(LEAST, rel=1e-9)
        assert point["risk"][0] == pytest.approx(1 / point.parameters["operations"], rel=1e-9)


@pytest.mark.parametrize("counts", [[16, 32, 64, 128], [32, 64, 128, 256, 512]])
def test_nothing_is_said_of_too_few_counts_or_of_the_end_of_their_range(counts):
    assert not list(frontier(lambda records: records)(runs(counts)))

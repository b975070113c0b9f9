"""Records as xarray datasets and pandas tables hold what the records hold, at the right place."""

import numpy as np
import pytest

import simulations
from simulations import Record, Records

GRID = {"problem": "random", "samples": 4, "dimension": 2, "time": 1.0, "particles": [10, 20], "alpha": [1.0, 10.0]}


@pytest.fixture(scope="module")
def records():
    return simulations.sweep("lazy_scaling", GRID, seeds=3)


def test_every_value_is_at_its_place(records):
    pytest.importorskip("xarray")
    data = records.to_xarray("risk", "displacement")
    assert data.risk.dims == ("alpha", "particles", "seed", "time")
    assert data.attrs["problem"] == "random"
    for record in records:
        at = {name: record[name] for name in ("particles", "alpha", "seed")}
        np.testing.assert_array_equal(data.risk.sel(at), record["risk"])
    np.testing.assert_array_equal(data.time, next(iter(records))["times"])
    assert data.risk.mean("seed").shape == (2, 2, data.sizes["time"])


def test_missing_settings_are_nan(records):
    pytest.importorskip("xarray")
    some = records.where(lambda record: not (record["particles"] == 10 and record["alpha"] == 1.0))
    data = some.to_xarray("risk")
    assert np.isnan(data.risk.sel(particles=10, alpha=1.0)).all()
    assert not np.isnan(data.risk.sel(particles=20)).any()


def test_all_numbers_of_one_shape_by_default(records):
    pytest.importorskip("xarray")
    data = records.to_xarray()
    assert "kernel" in data
    assert "weights" not in data  # m × p: another shape for every m
    assert data.kernel.dims[-2:] == ("kernel_0", "kernel_1")


def test_what_can_not_be_a_table(records):
    pytest.importorskip("xarray")
    with pytest.raises(ValueError, match=r"'weights' has shapes .*: expected one shape"):
        records.to_xarray("weights")
    with pytest.raises(ValueError, match="'loss' is no value of the run"):
        records.to_xarray("loss")
    twice = Records([*records, *records])
    with pytest.raises(ValueError, match="24 records have 12 settings"):
        twice.to_xarray("risk")
    assert not Records([]).to_xarray()


def test_a_row_a_record(records):
    pytest.importorskip("pandas")
    table = records.to_pandas("risk")
    assert len(table) == len(records)
    np.testing.assert_array_equal(table["risk"], records.last("risk"))
    np.testing.assert_array_equal(table["particles"], records.column("particles"))
    assert set(table["status"]) == {"done"}
    assert "displacement" in records.to_pandas()
    assert Records([Record({"seed": 0}, {"x": np.array(2.0)})]).to_pandas("x")["x"].tolist() == [2.0]
    assert len(Records([]).to_pandas()) == 0

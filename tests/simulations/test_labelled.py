"""Records as xarray datasets and pandas tables hold what the records hold, at the right place."""

import numpy as np
import pytest

import simulations
from simulations import Record, Records

GRID = {"samples": 4, "dimension": 2, "time": 1.0, "particles": [10, 20], "alpha": [1.0, 10.0]}


@pytest.fixture(scope="module")
def records():
    return simulations.sweep("lazy_scaling/flow", GRID, seeds=3)


def test_every_value_is_at_its_place(records):
    pytest.importorskip("xarray")
    data = records.to_xarray("risk", "displacement")
    assert data.risk.dims == ("alpha", "particles", "seed", "time")
    assert data.attrs["dimension"] == 2
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


def made(parameters, status="done", **values) -> Record:
    return Record(parameters, {name: np.asarray(value) for name, value in values.items()}, {"status": status})


def test_a_parameter_called_time_has_its_own_axis():
    """And runs of another length are padded; when each was observed is said beside the values."""
    pytest.importorskip("xarray")
    short = made({"time": 5.0, "seed": 0}, times=[0.0, 5.0], risk=[1.0, 0.5], kernel=np.eye(3))
    long = made({"time": 9.0, "seed": 0}, times=[0.0, 4.0, 9.0], risk=[1.0, 0.6, 0.2], kernel=np.eye(3))
    for data in (Records([short, long]).to_xarray(), Records([long, short]).to_xarray("risk")):
        assert data.risk.dims == data.times.dims == ("time", "observation")
        assert data.time.values.tolist() == [5.0, 9.0]
        np.testing.assert_array_equal(data.risk.sel(time=5.0), [1.0, 0.5, np.nan])
        np.testing.assert_array_equal(data.risk.sel(time=9.0), [1.0, 0.6, 0.2])
        np.testing.assert_array_equal(data.times.sel(time=9.0), [0.0, 4.0, 9.0])
    same = Records([short, made({"time": 7.0, "seed": 0}, times=[0.0, 5.0], risk=[2.0, 1.5])]).to_xarray("risk")
    assert same.observation.values.tolist() == [0.0, 5.0]


def test_a_real_sweep_over_time():
    pytest.importorskip("xarray")
    grid = {"samples": 4, "dimension": 2, "particles": 10, "time": [0.5, 1.0]}
    records = simulations.sweep("lazy_scaling", grid)
    data = records.to_xarray("risk")
    assert data.risk.dims == ("time", "observation")
    for record in records:
        np.testing.assert_array_equal(data.risk.sel(time=record["time"]).dropna("observation"), record["risk"])


def some_failed() -> Records:
    first = made({"seed": 0}, "failed: out of memory")
    stopped = made({"seed": 1}, "stopped at t = 1: diverged", times=[0.0, 1.0], risk=[1.0, 9.0])
    return Records([first, stopped, made({"seed": 2}, times=[0.0, 1.0, 2.0], risk=[1.0, 0.5, 0.2], error=0.5)])


def test_runs_that_failed_are_nan_in_a_dataset():
    pytest.importorskip("xarray")
    for names in ((), ("risk", "error")):
        data = some_failed().to_xarray(*names)
        np.testing.assert_array_equal(data.risk, [[np.nan] * 3, [1.0, 9.0, np.nan], [1.0, 0.5, 0.2]])
        np.testing.assert_array_equal(data.error, [np.nan, np.nan, 0.5])
        np.testing.assert_array_equal(data.time, [0.0, 1.0, 2.0])


def test_runs_that_failed_keep_their_row():
    pytest.importorskip("pandas")
    for names in ((), ("risk", "error")):
        table = some_failed().to_pandas(*names)
        assert table["status"][0] == "failed: out of memory"
        np.testing.assert_array_equal(table["risk"], [np.nan, 9.0, 0.2])
        np.testing.assert_array_equal(table["error"], [np.nan, np.nan, 0.5])
    with pytest.raises(ValueError, match="'rsik' is no value of the run"):
        some_failed().to_pandas("rsik")


def test_nothing_but_failed_runs():
    pytest.importorskip("xarray")
    pytest.importorskip("pandas")
    failed = some_failed().where(seed=0)
    assert failed.to_pandas()["status"].tolist() == ["failed: out of memory"]
    for table in (failed.to_xarray, failed.to_pandas):
        with pytest.raises(ValueError, match=r"'risk': none of 1 runs has values; the first 'failed: out of memory'\."):
            table("risk")

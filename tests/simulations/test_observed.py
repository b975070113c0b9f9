"""A record says what it was computed under, as observed while it was computed; workers compute under the same."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf
import simulations
from tests.simulations.test_shipping import Squares, study

pytestmark = pytest.mark.fast


def provenance(run, **settings):
    parts = {"name": "squares", "precision": "float32", "run": run, "__module__": __name__}
    (record,) = simulations.sweep(study(type("Observed", (Squares,), parts)), {"seed": 0}, **settings)
    return record.provenance


def wide(run):
    with jax.enable_x64(True):
        return {"value": np.asarray(mf.Particles([[1.0, 2.0]]).position)}, "done"


def narrow(run):
    with jax.enable_x64(False):
        return {"value": np.asarray(mf.Particles([[1.0, 2.0]]).position, float)}, "done"


def without_engine(run):
    with jax.enable_x64(True):
        return {"value": np.asarray(jnp.ones(2))}, "done"


def coarse(run):
    with jax.default_matmul_precision("bfloat16"):
        return {"value": np.asarray(mf.Particles([[1.0, 2.0]]).position)}, "done"


@pytest.mark.parametrize(("run", "x64", "precision"), [(wide, True, "float64"), (without_engine, True, "float32")])
def test_contexts_of_a_run_are_observed(run, x64, precision):
    told = provenance(run)
    assert (told["x64"], told["precision"]) == (x64, precision)


def test_values_that_were_widened_afterwards_are_no_sign_of_it():
    told = provenance(narrow)
    assert told["precision"] == "float32"
    assert told["x64"] is bool(jax.config.jax_enable_x64)


def test_every_unusual_setting_stands_in_the_record(monkeypatch):
    assert "jax_default_matmul_precision" not in provenance(wide)["settings"]
    assert provenance(coarse)["settings"]["jax_default_matmul_precision"] == "bfloat16"
    with jax.default_prng_impl("rbg"):
        assert provenance(wide)["settings"]["jax_default_prng_impl"] == "rbg"
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "1")
    assert provenance(wide)["settings"]["NVIDIA_TF32_OVERRIDE"] == "1"


def test_processor_and_threads_are_told():
    told = provenance(wide)
    assert told["processor"]["cores"] >= 1
    assert told["processor"]["machine"]
    assert all(isinstance(count, int) and count >= 1 for count in told["threads"].values())


def test_workers_compute_under_the_settings_of_who_starts_them():
    with jax.default_matmul_precision("float32"), jax.default_prng_impl("rbg"):
        told = provenance(wide, workers=1)["settings"]
    assert (told["jax_default_matmul_precision"], told["jax_default_prng_impl"]) == ("float32", "rbg")


@pytest.mark.parametrize(("name", "grid"), [
    ("large_step/linear", {"steps": 8, "samples": 4, "particles": 4}),
    ("lazy_scaling/smooth", {"samples": 4, "time": 1.0, "particles": 10}),
])  # fmt: skip
def test_packaged_studies_in_double_precision_say_so(name, grid):
    (record,) = simulations.sweep(name, grid, seeds=1)
    assert record.provenance["x64"] is True
    assert record.provenance["precision"] == "float64"

"""Tile sizes found for this processor: what is read and what is not, and that they change rounding alone."""

import json
import logging

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf
from meanfield.environment import user_cache
from meanfield.environment.processor import model
from meanfield.integrals import tuning
from meanfield.integrals.plan import choose
from meanfield.integrals.tuning import DEFAULT, Tuning, in_force, tuned

pytestmark = pytest.mark.fast

OTHER = Tuning(tile_bytes=1 << 18, samples=256)


def softened(z):
    """No activation of ours: tiles are then formed by XLA everywhere."""
    return z / (1 + jnp.abs(z))


UNIT = mf.Neuron(softened)


def planned(m=10**5, n=1000):
    return choose(UNIT, m, n, 5, np.float32, platform="cpu").kernel


@pytest.fixture
def path(monkeypatch, tmp_path):
    """The file that is read, in a folder of this test."""
    monkeypatch.setenv(user_cache.VARIABLE, str(tmp_path))
    monkeypatch.delenv(tuning.VARIABLE)
    tuning._read.cache_clear()
    yield tmp_path / tuning.FILE
    tuning._read.cache_clear()


def test_defaults_hold_without_a_file(path):
    assert in_force() == DEFAULT == Tuning(1 << 23, 4096)
    assert planned().label() == "blocked (2000 particles × all samples)"


def test_what_is_stored_is_what_plans_are_made_with(path):
    assert tuning.store(OTHER) == path
    assert in_force() == OTHER
    assert planned().samples == 250
    assert planned().particles * planned().samples * 4 <= 1 << 18
    assert [file.name for file in path.parent.iterdir()] == [tuning.FILE]


def test_one_problem_in_one_tile_stays_what_it_is(path):
    """Which problems are small is no matter of tiles."""
    before = choose(UNIT, 2000, 1000, 5, np.float32, platform="cpu").kernel
    tuning.store(OTHER)
    assert choose(UNIT, 2000, 1000, 5, np.float32, platform="cpu").kernel == before == mf.integrals.Dense()


def test_a_gpu_is_not_asked(path):
    before = choose(UNIT, 10**6, 10**4, 100, np.float32, platform="gpu").kernel
    tuning.store(OTHER)
    assert choose(UNIT, 10**6, 10**4, 100, np.float32, platform="gpu").kernel == before


def test_a_process_reads_the_file_once(path, monkeypatch):
    tuning.store(OTHER)
    assert in_force() == OTHER
    tuning.store(OTHER._replace(samples=128))
    assert in_force() == OTHER


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "are ignored: Expecting value"),
        ("[1, 2]", "expected a mapping of names to sizes"),
        ('{"tile_bytes": 1000000}', "samples=None: expected a whole number from 128 to 4096"),
        ('{"tile_bytes": 1e6, "samples": 1024}', "tile_bytes=1000000.0: expected a whole number"),
        ('{"tile_bytes": true, "samples": 1024}', "tile_bytes=True: expected a whole number"),
        ('{"tile_bytes": 1000000, "samples": 9000}', "samples=9000: expected a whole number from 128 to 4096"),
        (json.dumps({"processor": "another one", **OTHER._asdict()}), "they are for another one, and this is "),
        (b"\xff\xfe\x00", "are ignored: "),
    ],
)
def test_what_is_damaged_or_foreign_is_told_once_and_ignored(path, caplog, text, sentence):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with caplog.at_level(logging.WARNING, "meanfield"):
        assert in_force() == in_force() == DEFAULT
    (record,) = caplog.records
    assert sentence in record.getMessage()
    assert str(path) in record.getMessage()


def test_a_folder_in_its_place_is_ignored(path, caplog):
    path.mkdir()
    assert in_force() == DEFAULT
    assert len(caplog.records) == 1


def test_the_file_can_be_switched_off(path, monkeypatch):
    tuning.store(OTHER)
    monkeypatch.setenv(tuning.VARIABLE, "OFF")
    assert in_force() == DEFAULT
    monkeypatch.delenv(tuning.VARIABLE)
    monkeypatch.setenv(user_cache.VARIABLE, "off")
    assert in_force() == DEFAULT
    with pytest.raises(OSError, match="MEANFIELD_CACHE is off"):
        tuning.store(OTHER)


def test_processes_of_one_job_have_the_defaults(path, monkeypatch):
    """They must run the same program, on whatever machines."""
    tuning.store(OTHER)
    monkeypatch.setattr(jax.distributed, "is_initialized", lambda: True)
    assert in_force() == DEFAULT


def test_tests_read_nobodys_file():
    assert in_force() == DEFAULT


def test_what_was_compiled_under_one_tuning_is_not_run_under_another():
    labels = []

    @jax.jit
    def traced(v):
        labels.append(planned().label())
        return v

    for context in (DEFAULT, OTHER, DEFAULT, OTHER):
        with tuned(context):
            traced(jnp.ones(2))
    assert len(labels) == len(set(labels)) == 2


def test_results_differ_by_rounding_alone(x64):
    """In 64 bits sums of m terms in another order differ by at most 2 m ε Σ|terms|."""
    m, n, d = 9000, 300, 3
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(n, d)), rng.normal(size=n)
    mu = mf.Particles(rng.normal(size=(m, d + 1)))
    objective = mf.Objective(UNIT, mf.Square(), x, y)
    found = {}
    for sizes in (DEFAULT, OTHER):
        with tuned(sizes):
            found[sizes] = np.asarray(objective.predict(mu)), objective.bind(mu).kernel.label()
    (one, label), (other, another) = found.values()
    assert label != another
    terms = np.abs(np.asarray(mu.position)[:, :1]).mean()  # |σ| ≤ 1, masses 1 / m
    assert 0 < np.abs(one - other).max() <= 2 * m * np.finfo(float).eps * terms


def test_the_processor_has_a_name():
    assert model()
    assert model() == model().strip()

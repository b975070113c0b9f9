"""`meanfield bench --tune`: what is timed, what is taken, and where it is kept."""

import json

import numpy as np
import pytest

from meanfield.command.main import main
from meanfield.environment import user_cache
from meanfield.integrals import tuning
from meanfield.integrals.tuning import DEFAULT, Tuning
from simulations.scale import tune

SMALL = ((300, 200, 3, "relu"), (200, 300, 2, "tanh"))


@pytest.fixture
def kept(monkeypatch, tmp_path):
    monkeypatch.setenv(user_cache.VARIABLE, str(tmp_path))
    monkeypatch.setattr(tune, "SHAPES", SMALL)
    monkeypatch.setattr(tune, "SECONDS", 0.0)
    return tmp_path / tuning.FILE


def stand_in(monkeypatch, seconds):
    """Time stands in for a machine on which a tile of so many particles and samples takes so long."""
    monkeypatch.setattr(tune, "_step", lambda shape, particles, samples: (particles, samples))
    monkeypatch.setattr(
        tune.timing, "by_turns", lambda programs, _: {size: np.array([seconds(*size)]) for size in programs}
    )
    monkeypatch.setattr(tune, "SHAPES", ((8192, 4096, 10, "relu"), (8000, 4096, 10, "tanh")))


def test_the_defaults_are_among_the_candidates_and_all_can_be_stored():
    assert DEFAULT in tune.CANDIDATES
    assert all(tuning.from_numbers(one._asdict()) == one for one in tune.CANDIDATES)


def test_the_fastest_is_taken(monkeypatch, kept):
    stand_in(monkeypatch, lambda particles, samples: 1.0 if (particles, samples) == (1024, 1024) else 2.0)
    monkeypatch.setattr(tune, "SHAPES", ((8192, 4096, 10, "relu"),))
    found = tune.tune(limit=0.0)
    assert found["tuning"] == {"tile_bytes": 1 << 22, "samples": 1024}
    assert found["speedup"] == pytest.approx(2.0)
    assert json.loads(kept.read_text()).items() >= found["tuning"].items()


def test_a_gain_of_no_weight_is_none(monkeypatch, kept):
    stand_in(monkeypatch, lambda particles, samples: 0.98 if samples == 1024 else 1.0)
    found = tune.tune(limit=0.0)
    assert Tuning(**found["tuning"]) == DEFAULT
    assert found["speedup"] == 1.0


def test_the_command_stores_what_it_finds(kept, capsys):
    assert main(["bench", "--tune", "--json"]) == 0
    captured = capsys.readouterr()
    answer = json.loads(captured.out)
    assert answer["path"] == str(kept)
    assert len(answer["candidates"]) == len(tune.CANDIDATES)
    assert json.loads(kept.read_text()).items() >= answer["tuning"].items()
    assert f"stored in {kept}" in captured.err


@pytest.mark.parametrize("given", ["off", "{}/file/below"])
def test_nowhere_to_store_is_one_sentence(kept, monkeypatch, tmp_path, capsys, given):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(user_cache.VARIABLE, given.format(tmp_path))
    stand_in(monkeypatch, lambda particles, samples: 1.0)
    assert main(["bench", "--tune"]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "bench --tune can't store what it finds" in said
    assert "expected a folder to write to" in said

"""Compiled programs that the command keeps: a second run compiles nothing, and no number depends on them."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

import simulations
from meanfield.command import cache
from meanfield.command.main import main
from meanfield.environment import user_cache
from simulations.sweeps.pool import CACHE, _settings

COUNTED = """
import collections, json, sys
import jax.monitoring
from meanfield.command.main import main

events = collections.Counter()
jax.monitoring.register_event_listener(lambda name, **_: events.update([name.rpartition("/")[2]]))
jax.monitoring.register_event_duration_secs_listener(lambda name, *_, **__: events.update([name.rpartition("/")[2]]))
if __name__ == "__main__":
    status = main(sys.argv[1:])
    print(json.dumps({"status": status, **events}), file=sys.stderr)
"""
"""The command, with a line in the end that counts what JAX compiled and what it loaded."""

TINY = ["run", "lazy_scaling/teacher", "--particles", "20", "--samples", "6", "--time", "2", "--dimension", "3"]


@pytest.fixture
def alone(monkeypatch):
    """An environment in which JAX was told nothing of a cache."""
    for name in list(os.environ):
        if name.startswith("JAX_") and "CACHE" in name:
            monkeypatch.delenv(name)
    return monkeypatch


@pytest.fixture
def without_jax_cache(alone):
    """This process, as it is where JAX was told nothing of a cache."""
    before = {name: getattr(jax.config, name) for name in CACHE}
    jax.config.update("jax_compilation_cache_dir", None)
    yield alone
    for name, value in before.items():
        jax.config.update(name, value)


def counted(*arguments) -> dict[str, int]:
    done = subprocess.run([sys.executable, "-c", COUNTED, *arguments], capture_output=True, text=True, check=False)
    return json.loads(done.stderr.splitlines()[-1])


def test_a_second_run_loads_what_the_workers_of_the_first_compiled(alone, tmp_path):
    """And one without gives the same bits."""
    alone.setenv(user_cache.VARIABLE, str(tmp_path / "kept"))
    outs = [str(tmp_path / name) for name in ("first", "second", "off")]
    first = counted(*TINY, "--out", outs[0], "--workers", "1")
    second = counted(*TINY, "--out", outs[1])
    assert first["status"] == second["status"] == 3  # a grid of one setting decides nothing
    assert second["cache_hits"] > 0
    assert second.get("cache_misses", 0) == 0
    alone.setenv(user_cache.VARIABLE, "off")
    off = counted(*TINY, "--out", outs[2])
    assert off.get("cache_hits", 0) == off.get("cache_misses", 0) == 0
    assert off["backend_compile_duration"] > 0
    one, two, three = (list(simulations.load(out)) for out in outs)
    assert len(one) == len(two) == len(three) == 1
    for name, value in three[0].values.items():
        assert np.array_equal(one[0][name], value)
        assert np.array_equal(two[0][name], value)
    told = [{**record.provenance, "seconds": 0, "time": 0}["settings"] for (record,) in (one, two, three)]
    assert told[0] == told[1] == told[2]


def test_the_library_and_the_end_of_the_command_leave_jax_as_it_was(without_jax_cache, tmp_path):
    before = {name: getattr(jax.config, name) for name in CACHE}
    without_jax_cache.setenv(user_cache.VARIABLE, str(tmp_path))
    with cache.kept_programs():
        folder = Path(jax.config.jax_compilation_cache_dir)
        assert folder.parent == tmp_path
        assert folder.is_dir()
        assert _settings()["jax_compilation_cache_dir"] == str(folder)  # what workers are told
    assert {name: getattr(jax.config, name) for name in CACHE} == before


def test_a_folder_that_jax_was_told_is_left_to_jax(without_jax_cache, tmp_path):
    jax.config.update("jax_compilation_cache_dir", str(tmp_path / "own"))
    without_jax_cache.setenv(user_cache.VARIABLE, str(tmp_path / "ours"))
    with cache.kept_programs():
        assert jax.config.jax_compilation_cache_dir == str(tmp_path / "own")
    assert not (tmp_path / "ours").exists()


def test_a_folder_that_cannot_be_made_is_one_debug_line(without_jax_cache, tmp_path, caplog):
    (tmp_path / "file").write_text("")
    without_jax_cache.setenv(user_cache.VARIABLE, str(tmp_path / "file" / "below"))
    with caplog.at_level(logging.DEBUG, "meanfield"), cache.kept_programs():
        assert jax.config.jax_compilation_cache_dir is None
    assert [(record.levelname, "not kept" in record.message) for record in caplog.records] == [("DEBUG", True)]


def test_a_folder_that_cannot_be_written_is_one_debug_line(without_jax_cache, tmp_path, caplog):
    without_jax_cache.setenv(user_cache.VARIABLE, str(tmp_path))
    without_jax_cache.setattr(os, "access", lambda path, mode: False)
    with caplog.at_level(logging.DEBUG, "meanfield"), cache.kept_programs():
        assert jax.config.jax_compilation_cache_dir is None
    assert [record.levelname for record in caplog.records] == ["DEBUG"]


def test_what_was_used_longest_ago_goes_and_nothing_else(tmp_path):
    folder = tmp_path / f"{cache.FOLDER}0"
    folder.mkdir()
    (tmp_path / "letter.txt").write_bytes(bytes(10**4))
    for age in range(10):
        (folder / str(age)).write_bytes(bytes(100))
        os.utime(folder / str(age), (10**9 - age, 10**9 - age))
    cache.prune(tmp_path, 1000)
    assert cache.size(folder) == 1000
    cache.prune(tmp_path, 999)
    assert sorted(path.name for path in folder.iterdir()) == [str(age) for age in range(7)]
    assert (tmp_path / "letter.txt").exists()


def test_the_command_starts_with_pruning(without_jax_cache, tmp_path):
    without_jax_cache.setenv(user_cache.VARIABLE, str(tmp_path))
    without_jax_cache.setattr(cache, "LIMIT", 50)
    old = tmp_path / f"{cache.FOLDER}another" / "program"
    old.parent.mkdir()
    old.write_bytes(bytes(100))
    with cache.kept_programs():
        assert not old.exists()


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {}, "home/.cache/meanfield"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "home/.cache/meanfield"),
        ("linux", {"XDG_CACHE_HOME": "{}/xdg"}, "xdg/meanfield"),
        ("darwin", {}, "home/Library/Caches/meanfield"),
        ("win32", {"LOCALAPPDATA": "{}/local"}, "local/meanfield"),
        ("win32", {}, "home/AppData/Local/meanfield"),
        ("linux", {user_cache.VARIABLE: "~/mine"}, "home/mine"),
        ("linux", {user_cache.VARIABLE: "{}/mine"}, "mine"),
    ],
)
def test_where_programs_are_kept(monkeypatch, tmp_path, platform, variables, expected):
    for name in (user_cache.VARIABLE, "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sys, "platform", platform)
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(tmp_path))
    assert user_cache.location() == tmp_path / expected


def test_nowhere_where_it_is_switched_off_or_there_is_no_home(monkeypatch):
    monkeypatch.setenv(user_cache.VARIABLE, "OFF")
    assert user_cache.location() is None
    monkeypatch.delenv(user_cache.VARIABLE)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)

    def homeless():
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "home", homeless)
    assert user_cache.location() is None


def test_info_tells_where_and_how_much(without_jax_cache, tmp_path, capsys):
    without_jax_cache.setenv(user_cache.VARIABLE, str(tmp_path))
    assert main(["info", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["cache"]
    assert Path(told["folder"]).parent == tmp_path
    assert told["bytes"] == cache.size(tmp_path)
    without_jax_cache.setenv(user_cache.VARIABLE, "off")
    assert main(["info"]) == 0
    assert "programs   not kept" in capsys.readouterr().out

"""Files of the user's that have the names of our packages: found second, or told of in one sentence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from meanfield.environment import siblings

ROOT = Path(__file__).parents[2]
LOUD = "raise SystemExit('a stranger was run')\n"


def python(*arguments: str, cwd: Path, path: str = str(ROOT)):
    others = [entry for entry in sys.path if entry and Path(entry) != ROOT]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([path, *others])}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, cwd=cwd, env=environment, check=False, timeout=120
    )


@pytest.fixture
def strangers(tmp_path):
    """A folder with a module, a package and another module of our names."""
    (tmp_path / "theory").mkdir()
    for name in ("simulations.py", "figures.py", "theory/__init__.py"):
        (tmp_path / name).write_text(LOUD)
    return tmp_path


def test_the_command_works_beside_strangers_with_its_workers(strangers):
    arguments = ("run", "lazy_scaling", "--samples", "4", "--time", "1", "--particles", "10")
    done = python("-m", "meanfield", *arguments, "--workers", "1", "--format", "png", cwd=strangers)
    assert done.returncode in (0, 3), done.stderr
    assert "stranger" not in done.stdout + done.stderr
    assert len(list(strangers.rglob("*.npz"))) == 1


def test_strangers_before_us_on_the_path(strangers):
    done = python("-m", "meanfield", "list", cwd=Path("/"), path=os.pathsep.join([str(strangers), str(ROOT)]))
    assert done.returncode == 0, done.stderr
    assert "lazy_scaling" in done.stdout


@pytest.mark.parametrize(("name", "asks"), [("theory", "simulations"), ("simulations", "figures")])
def test_a_stranger_in_the_way_is_named_with_its_path(tmp_path, name, asks):
    stranger = tmp_path / f"{name}.py"
    stranger.write_text("x = 1\n")
    done = python("-c", f"import {asks}", cwd=tmp_path)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(f"ImportError: {name} is {str(stranger)!r} and not the package that comes with meanfield")


def test_a_stranger_that_was_imported_is_told_of(tmp_path, monkeypatch):
    import importlib.util

    (tmp_path / "figures.py").write_text("x = 1\n")
    spec = importlib.util.spec_from_file_location("figures", tmp_path / "figures.py")
    assert spec is not None
    monkeypatch.setitem(sys.modules, "figures", importlib.util.module_from_spec(spec))
    with pytest.raises(ImportError, match=r"figures is '.*figures\.py' and not the package"):
        siblings.prefer("figures")


def test_the_order_of_the_path_changes_for_strangers_only(tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "theory")
    (tmp_path / "theory.py").write_text(LOUD)
    quiet = tmp_path / "quiet"
    quiet.mkdir()
    monkeypatch.setattr(sys, "path", [str(quiet), str(tmp_path), str(ROOT), *sys.path])
    before = list(sys.path)
    siblings.prefer("theory")
    assert sys.path == [*(entry for entry in before if entry != str(tmp_path)), str(tmp_path)]
    once = list(sys.path)
    siblings.prefer(*siblings.SIBLINGS)
    assert sys.path == once

"""The wheel, built here and used away from the checkout."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (path,) = out.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def away(wheel, tmp_path_factory):
    """(a directory with the wheel unpacked, an environment in which it comes before the checkout)."""
    place = tmp_path_factory.mktemp("away")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(place), str(wheel)]
    subprocess.run(install, check=True)
    return place, {**os.environ, "PYTHONPATH": str(place)}


def test_top_level_names(wheel):
    assert wheel.name.startswith("meanfield_particles-")
    names = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {name for name in names if not name.endswith(".dist-info")} == {
        "meanfield",
        "theory",
        "simulations",
        "figures",
    }


def test_it_is_typed_licensed_and_has_its_references(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {f"{package}/py.typed" for package in ("meanfield", "theory", "simulations", "figures")} <= set(names)
    assert "theory/references.bib" in names
    parts = ("page.html", "page.css", "read.js", "draw.js", "steer.js")
    assert {f"figures/explorer/{part}" for part in parts} <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith("tests") or "__pycache__" in name]


def test_help(away):
    place, environment = away
    done = subprocess.run(
        [place / "bin" / "meanfield", "--help"], cwd=place, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "usage: meanfield" in done.stdout


def test_smoke_study(away):
    """The command verifies every claim of a study, from the wheel alone."""
    place, environment = away
    where = subprocess.run(
        [sys.executable, "-c", "import meanfield; print(meanfield.__file__)"],
        cwd=place, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert Path(where.stdout.strip()).is_relative_to(place)
    done = subprocess.run(
        [place / "bin" / "meanfield", "verify", "conic_equivalence", "--size", "smoke", "--out", "out", "--json"],
        cwd=place, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["passed"] is True
    assert len(answer["claims"]) == 12
    for claim in answer["claims"]:
        assert claim["passed"] is True, claim
        assert claim["control"]["passed"] is False, claim
        assert None not in (claim["predicted"], claim["measured"], claim["error"]), claim

"""Provenance: enough to make a record again, nothing that tells who made it, and always fit to be stored."""

import getpass
import json
import os
import pathlib
import socket
import subprocess

import pytest

import simulations
from simulations import Record
from simulations.records.provenance import _revision, provenance
from simulations.records.store import encode

pytestmark = pytest.mark.fast

REVISION = _revision.__wrapped__
UNKNOWN = {"revision": None, "dirty": None}


def test_what_is_told():
    study = simulations.find("lazy_scaling")
    told = provenance(study.name, study.make({"seed": 3}), "done", 1.23456, "float32")
    assert told["study"] == "lazy_scaling"
    assert (told["status"], told["seconds"], told["seed"]) == ("done", 1.2346, 3)
    assert {"jax", "numpy", "optax", "meanfield"} <= set(told["versions"])
    assert told["platform"] in ("cpu", "gpu", "tpu")
    assert isinstance(told["x64"], bool)
    assert {"python", "device", "precision", "revision", "dirty"} <= set(told)


@pytest.mark.parametrize(
    ("name", "values", "precision"),
    [
        ("lazy_scaling", {"experiment": "teacher"}, "float32"),
        ("lazy_scaling", {"experiment": "smooth"}, "float64"),
        ("langevin", {"cooling": 1.0}, "float32"),
        ("depth", {"power": 2.0}, "float64"),
        ("scaling_laws", {"experiment": "teacher"}, "float32"),
        ("scaling_laws", {"experiment": "mean_field"}, "float64"),
    ],
)
def test_precision_is_that_of_the_training(name, values, precision):
    study = simulations.find(name)
    assert study.make(values).precision == precision


def test_nothing_names_a_machine_a_person_or_a_path():
    text = json.dumps(provenance("study", None, "done", 0.0, "float64"))
    names = {socket.gethostname(), str(pathlib.Path.home()), os.getcwd(), str(pathlib.Path(__file__).parents[2])}
    assert not [name for name in names if name in text]
    assert getpass.getuser() not in json.loads(text).values()


@pytest.mark.parametrize("status", ["failed: \x1b[31mred\r\n", "\udcff", "x" * 10**6, "σ ≤ −1"])
def test_every_status_can_be_stored_and_shown(status):
    told = provenance("study", None, status, 0.0, "float64")
    assert len(told["status"]) <= 2000
    assert told["status"].isprintable()
    assert told["status"] == status or status != "σ ≤ −1"
    encode(Record({"a": 1}, {}, told))


def git(root, *arguments) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    identity = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
    command = ["git", "-C", str(root), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.strip()


@pytest.fixture
def checkout(tmp_path):
    git(tmp_path, "init", "--quiet")
    (tmp_path / "meanfield").mkdir()
    (tmp_path / "meanfield" / "code.py").write_text("x = 1\n")
    return tmp_path


def test_revision_and_dirtiness(checkout, monkeypatch):
    assert REVISION(checkout) == UNKNOWN, "nothing is committed yet"
    git(checkout, "add", "--all")
    git(checkout, "commit", "--quiet", "--message", "first")
    monkeypatch.setenv("GIT_DIR", "/somewhere/else")  # as within a hook
    commit = git(checkout, "rev-parse", "HEAD")
    assert REVISION(checkout) == {"revision": commit, "dirty": False}
    (checkout / "results").write_text("not code")
    assert REVISION(checkout) == {"revision": commit, "dirty": False}
    (checkout / "meanfield" / "new.py").write_text("y = 2\n")
    assert REVISION(checkout) == {"revision": commit, "dirty": True}
    (checkout / "meanfield" / "new.py").unlink()
    (checkout / "meanfield" / "code.py").write_text("x = 2\n")
    assert REVISION(checkout) == {"revision": commit, "dirty": True}


def test_an_installed_package_has_no_revision(checkout, monkeypatch):
    """Even one that is installed inside of somebody's checkout."""
    inside = checkout / "venv" / "site-packages"
    inside.mkdir(parents=True)
    assert REVISION(inside) == UNKNOWN
    monkeypatch.setenv("PATH", "")
    assert REVISION(checkout) == UNKNOWN, "nor is there one where there is no git"

"""Records that other code has made are told or refused; what runs import counts, and nothing else does."""

import dataclasses
import json
import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import simulations
from simulations import OtherCode
from simulations.records import code
from simulations.records.code import bare, identify
from simulations.records.revisions import made_by_others, sentence
from simulations.records.store import Store, encode
from tests.simulations.test_shipping import Squares, study

ROOT = Path(__file__).parents[2]


def scaled(by):
    class Scaled(Squares):
        """Multiples of whole numbers."""

        name = "squares"

        def run(self):
            return {"value": np.array([by * self.particles])}

    return study(Scaled)


def helped(helper):
    space = {"np": np, "helper": helper}
    exec("def run(self):\n    return {'value': np.array([helper(self.particles)])}", space)
    return study(type("Helped", (Squares,), {"name": "squares", "run": space["run"], "__module__": __name__}))


def precise(precision):
    return study(type("Precise", (Squares,), {"name": "squares", "precision": precision, "__module__": __name__}))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (scaled(2.0), scaled(3.0)),
        (helped(lambda m: m), helped(lambda m: 2 * m)),
        (precise("float64"), precise("float32")),
    ],
)
def test_a_study_of_ones_own_is_what_it_computes(one, other):
    assert identify(one).code == identify(dataclasses.replace(one)).code
    assert identify(one).code != identify(other).code


def test_claims_and_pages_are_no_part_of_it():
    changed = dataclasses.replace(study(claims=()), summary="another", draw=lambda records: None)
    assert identify(study()).code == identify(changed).code


def test_the_code_of_a_packaged_study_is_what_its_runs_import():
    known = code._closure(identify(simulations.find("langevin")).modules)
    assert {
        "simulations.limits.langevin",
        "simulations.limits.laws_on_the_line",
        "theory.gibbs",
        "meanfield.objectives.losses",
        "meanfield.flows.noises",
    } <= known
    assert not known & {"simulations.limits.radial_limit", "meanfield.command.main", "meanfield.plot", "theory.spikes"}


def test_it_is_told_within_a_tenth_of_a_second_once_a_process():
    first = identify(simulations.find("langevin")).code
    began = time.perf_counter()
    for _ in range(100):
        assert identify(simulations.find("langevin")).code == first
    assert time.perf_counter() - began < 10


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("x = 1\n", "# why\n\nx = 1  \n", True),
        ('def f():\n    """Say."""\n    return 1\n', "def f():\n    return 1\n", True),
        ('def f():\n    """Say\n\n    more.\n    """\n    return 1\n', "def f():\n    return 1\n", True),
        ("x: int\n'''What it is.'''\ny = 1\n", "x: int\ny = 1\n", True),
        ('x = """\n# a\n"""\n', 'x = """\n# b\n"""\n', False),
        ('x = """\na\n"""\ny = 1\n', 'x = """\na\n"""\ny = 2\n', False),
        ('f(\n    """a"""\n)\n', 'f(\n    """b"""\n)\n', False),
        ("x = 1\n", "x = 2\n", False),
        ("if a:\n    b\nc\n", "if a:\n    b\n    c\n", False),
    ],
)
def test_comments_and_docstrings_are_no_code(one, other, same):
    assert (bare(one) == bare(other)) is same


def remade(record, **provenance):
    return simulations.Record(record.parameters, record.values, {**record.provenance, **provenance})


@pytest.fixture
def directory(tmp_path, monkeypatch):
    """Records of four runs, of which two by other code and one from before there were digests."""
    here = {"revision": "a" * 40, "dirty": False, "versions": {"meanfield": "0.1.0"}}
    monkeypatch.setattr("simulations.records.revisions.origin", lambda: here)
    grid = {"samples": 4, "time": 1.0, "particles": [10, 12, 14, 16]}
    records = list(simulations.sweep("lazy_scaling", grid, out=tmp_path))
    origins = [
        {},
        {"code": "0" * 32, "revision": "b" * 40, "dirty": True},
        {"code": "0" * 32, "revision": "b" * 40, "dirty": True},
        {"revision": "c" * 40, "dirty": False},
    ]
    store = Store(tmp_path, "lazy_scaling")
    for record, origin in zip(records, origins, strict=True):
        made = remade(record, **origin)
        if "code" not in origin and origin:
            del made.provenance["code"]
        store.path(json.dumps(record.parameters, sort_keys=True, separators=(",", ":"))).write_bytes(encode(made))
    return tmp_path, grid


SAID = (
    "lazy_scaling: 3 of 4 records in {!r} were made by other code (2 by revision bbbbbbb with changes, 1 by revision "
    "ccccccc; this is revision aaaaaaa)"
)


def test_records_of_other_code_are_told_in_one_line(directory, caplog):
    place, grid = directory
    simulations.sweep("lazy_scaling", grid, out=place)
    simulations.load(place)
    simulations.load(place, "lazy_scaling")
    simulations.complete("lazy_scaling", place)
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 4
    for record in caplog.records:
        assert record.getMessage().startswith(SAID.format(str(place)))
        assert "\n" not in record.getMessage()
    (row,) = simulations.status(place)
    assert (row.done, row.other_code, row.made_by) == (4, 3, SAID.format(str(place)))


def test_strict_refuses_them_before_anything_is_computed(directory):
    place, grid = directory
    grid = {**grid, "particles": [*grid["particles"], 18]}
    calls = [
        lambda: simulations.sweep("lazy_scaling", grid, out=place, strict=True),
        lambda: simulations.run("lazy_scaling", out=place, strict=True, **grid),
        lambda: simulations.load(place, strict=True),
        lambda: simulations.complete("lazy_scaling", place, strict=True),
        lambda: simulations.status(place, strict=True),
    ]
    for call in calls:
        with pytest.raises(OtherCode, match=r"^strict=True: lazy_scaling: 3 of 4 records"):
            call()
    assert len(simulations.load(place)) == 4


def test_records_of_this_code_are_not_told(tmp_path, caplog):
    simulations.run(study(), "smoke", out=tmp_path, strict=True)
    simulations.run(study(), "smoke", out=tmp_path, strict=True)
    simulations.load(tmp_path, study(), strict=True)
    assert not caplog.records


def test_a_study_of_ones_own_that_changed_is_told(tmp_path, caplog):
    simulations.run(scaled(2.0), "smoke", out=tmp_path)
    simulations.run(scaled(3.0), "smoke", out=tmp_path)
    (told,) = caplog.records
    assert told.getMessage().startswith("squares: 4 of 4 records")
    assert "with other changes" in told.getMessage()
    with pytest.raises(OtherCode):
        simulations.load(tmp_path, scaled(3.0), strict=True)


def test_without_digest_and_revision_the_version_tells(monkeypatch):
    here = {"revision": None, "dirty": None, "versions": {"meanfield": "0.2.0"}}
    monkeypatch.setattr("simulations.records.revisions.origin", lambda: here)
    old, new = ({"revision": None, "versions": {"meanfield": version}} for version in ("0.1.0", "0.2.0"))
    records = [simulations.Record({}, {"a": np.ones(1)}, provenance) for provenance in (old, new)]
    assert made_by_others(records, "code") == records[:1]
    assert "1 of 2 records in 'd' was made by other code (1 by version 0.1.0; this is version 0.2.0)" in sentence(
        "s", records[:1], 2, "d"
    )


def test_an_edit_of_what_runs_import_is_told_and_another_is_not(tmp_path):
    """In a copy of the packages without git, a comment, and code that is not imported, change nothing."""
    copy = tmp_path / "copy"
    for top in ("meanfield", "theory", "simulations"):
        for path in [*(ROOT / top).rglob("*.py"), *(ROOT / top).rglob("*.pyi")]:
            place = copy / path.relative_to(ROOT)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())

    def code():
        ask = "import simulations as s\nfrom simulations.records.code import identify\n"
        ask += "print(identify(s.find('depth')).code)"
        done = subprocess.run(
            [sys.executable, "-c", ask], env={**os.environ, "PYTHONPATH": str(copy)}, capture_output=True, text=True,
            check=True, timeout=300, cwd=tmp_path,
        )  # fmt: skip
        return done.stdout

    first = code()
    for name in ("theory/chaos.py", "simulations/limits/conic_defects.py", "meanfield/plot.py"):
        (copy / name).write_text((copy / name).read_text() + "\n\nEDITED = 1\n")
    (copy / "meanfield/objectives/losses.py").write_text(
        (copy / "meanfield/objectives/losses.py").read_text() + "\n\n# A comment.\n"
    )
    assert code() == first
    (copy / "meanfield/objectives/losses.py").write_text(
        (copy / "meanfield/objectives/losses.py").read_text() + "\n\nEDITED = 1\n"
    )
    assert code() != first

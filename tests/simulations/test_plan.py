"""What a grid means, what it would take, and what is refused before anything is computed."""

import dataclasses
import io
import math
import time

import numpy as np
import pytest

import simulations
from simulations.records import status
from simulations.records.record import canonical_text
from simulations.records.store import Store
from simulations.study.machine import in_time, in_words, least_bytes, memory
from simulations.study.ranges import expanded

pytestmark = pytest.mark.fast

SMALL = {"samples": 4, "dimension": 2, "time": 1.0}


def test_ranges():
    assert expanded("particles", int, "1e2:1e6:9log") == [100, 316, 1000, 3162, 10000, 31623, 100000, 316228, 1000000]
    np.testing.assert_allclose(expanded("alpha", float, "0.1:10:3log"), [0.1, 1.0, 10.0])
    assert expanded("alpha", float, ["0:1:3", 5]) == [0.0, 0.5, 1.0, 5]
    assert expanded("particles", int, "1:3:5") == [1, 2, 3]  # rounded, each once
    assert expanded("problem", str, "a:b:3") == ["a:b:3"]
    plan = simulations.prepare("lazy_scaling", **SMALL, particles="10:40:3log", seeds=2)
    assert [(run.seed, run.particles) for run in plan.runs.values()] == [(s, m) for s in (0, 1) for m in (10, 20, 40)]


@pytest.mark.parametrize(
    "text", ["1:2", "1:2:3:4", "a:2:3", "1:2:1", "2:1:3", "0:1:3log", "-1:1:3log", "1:inf:3", "1:2:3lin", "1:2:1000000"]
)
def test_a_range_that_is_none_is_named(text):
    with pytest.raises(ValueError, match=r"^alpha='.*': expected "):
        expanded("alpha", float, text)


@pytest.mark.parametrize(
    ("grid", "sentence"),
    [
        ({"particles": 1e15}, r"particles=1000000000000000, .*: takes at least 21.3 PiB, expected at most this"),
        ({"samples": "1e15"}, r"samples=1000000000000000, .*: takes at least"),
        ({"alpha": "1:2:1001", "seed": range(1000)}, "makes 1001000 runs, expected at most 1000000"),
        ({"alpha": "__import__('os').getcwd()"}, r"alpha=\"__import__\('os'\).getcwd\(\)\": expected a finite number"),
        ({"initial": "../../etc", "step": 0.1}, "initial='../../etc': expected one of"),
        ({"particle": 3}, "parameter='particle': expected one of .* Did you mean 'particles'"),
        ({"alpha": []}, r"alpha=\[\]: expected at least one value"),
    ],
)
def test_what_is_refused(grid, sentence):
    with pytest.raises(ValueError, match=sentence):
        simulations.prepare("lazy_scaling", **grid)


@pytest.mark.parametrize(
    ("study", "grid"),
    [
        ("global_convergence", {"experiment": "relu", "dimension": 1e15}),
        ("global_convergence", {"experiment": "relu", "dimension": 1e6, "samples": 1e6}),
        ("implicit_bias", {"experiment": "both_layers", "dimension": 1e12}),
        ("implicit_bias", {"experiment": "both_layers", "dimension": 1e6, "samples": 1e6}),
    ],
)
def test_huge_spaces_are_refused_at_once(study, grid):
    """Not after as many steps as there are dimensions."""
    began = time.perf_counter()
    with pytest.raises(ValueError, match=r"samples=.*: .*expected"):
        simulations.prepare(study, **grid)
    assert time.perf_counter() - began < 5


def test_sizes_in_words():
    assert in_words(0) == "0 B"
    assert in_words(1536) == "1.5 KiB"
    assert in_words(10**30).endswith("YiB")
    assert in_time(0.04) == "0.0 s"
    assert in_time(36 * 3600 + 1) == "1.5 d"
    run = simulations.find("lazy_scaling").make({"particles": 100, "samples": 50, "dimension": 3})
    assert least_bytes(run) == 4 * 4 * 150
    assert memory() is None or memory() > 1 << 30


def test_records_with_parameters_that_are_gone_are_not_counted(tmp_path):
    """Of an older version of the study, say; the others still tell how long a run takes."""
    study = simulations.find("lazy_scaling")
    plan = simulations.prepare(study, out=tmp_path, **SMALL, particles=20)
    now = dataclasses.asdict(study.make({**SMALL, "particles": 10}))
    for parameters in (now, now | {"oldname": 1.0}, now | {"particles": 3}):
        told = {"study": study.name, "status": "done", "seconds": 2.0}
        plan.store.save({canonical_text(parameters): simulations.Record(parameters, {}, told)})
    assert simulations.estimate(plan).measured == 1


def test_a_dry_run_changes_nothing(tmp_path):
    plan = simulations.prepare("lazy_scaling", out=tmp_path / "new", write=False, **SMALL)
    assert simulations.estimate(plan).there == 0
    assert not (tmp_path / "new").exists()


def test_status(tmp_path):
    simulations.sweep("lazy_scaling", {**SMALL, "particles": [10, 20]}, out=tmp_path)
    path = next((tmp_path / "records" / "lazy_scaling").glob("*.npz"))
    path.write_bytes(path.read_bytes()[:100])
    (row,) = simulations.status(tmp_path)
    assert (row.study, row.done, row.failed, row.damaged) == ("lazy_scaling", 1, 0, 1)
    assert row.sizes["smoke"] == f"0 of {len(simulations.prepare('lazy_scaling', 'smoke'))}"
    with pytest.raises(ValueError, match="holds no records"):
        simulations.status(tmp_path / "elsewhere")


def seeds_of(plan) -> list[int]:
    return [run.seed for run in plan.runs.values()]


def test_a_grid_is_what_it_says():
    """Also when it names nothing; and none of its names is taken for an argument."""
    assert len(simulations.sweep("lazy_scaling", SMALL | {"particles": 10})) == 1
    for grid, name in (({"size": "smoke"}, "size"), ({"workers": [1, 2]}, "workers")):
        with pytest.raises(ValueError, match=f"^parameter='{name}': expected one of"):
            simulations.sweep("lazy_scaling", grid)
    with pytest.raises(ValueError, match=r"^grid=None: expected a mapping"):
        simulations.sweep("lazy_scaling", None)


def test_an_empty_grid_is_the_run_of_all_defaults():
    (record,) = simulations.sweep("lazy_scaling/plane", {})
    assert record.parameters == dataclasses.asdict(simulations.find("lazy_scaling").experiment("plane")())


def test_seeds_of_a_grid():
    def of(**grid):
        return seeds_of(simulations.prepare("lazy_scaling", **SMALL, **grid))

    assert of(first_seed=7) == [7]
    assert of(first_seed=7, seeds=2) == [7, 8]
    assert of(seed=[3, 5]) == [3, 5]
    for given, name in (({"seeds": 2}, "seeds"), ({"first_seed": 1}, "first_seed")):
        with pytest.raises(ValueError, match=f"^seed and {name}: expected one of them"):
            of(seed=3, **given)
    for wrong in (-1, 2**32, 2**53 + 1):
        with pytest.raises(ValueError, match=f"^seed={wrong}: expected a whole number from 0 to 4294967295"):
            of(seed=wrong)
    with pytest.raises(ValueError, match=r"^first_seed=1\.5: expected a whole number"):
        of(first_seed=1.5)


def test_whole_numbers_keep_their_digits():
    assert simulations.coerce("seed", int, str(2**53 + 1)) == 2**53 + 1
    assert simulations.coerce("seed", int, 2**53 + 1) == 2**53 + 1
    assert simulations.coerce("particles", int, "1e5") == 100000
    assert simulations.coerce("particles", int, 1e5) == 100000
    assert math.copysign(1, simulations.coerce("exponent", float, "-0.0")) == 1
    with pytest.raises(ValueError, match=r"shape is declared as tuple.*expected int, float, bool or str"):
        simulations.coerce("shape", tuple[int, ...], "3")


def test_out_is_a_path():
    with pytest.raises(ValueError, match=r"^out=3: expected the path of a directory"):
        simulations.prepare("lazy_scaling", out=3)


def test_status_beside_a_sweep(tmp_path, monkeypatch):
    """A file may be set aside between the moment it is listed and the moment it is read."""
    told = {"study": "lazy_scaling", "status": "done", "seconds": 2.0}
    made = [simulations.Record({"particles": m}, {}, told) for m in (10, 20)]
    Store(tmp_path, "lazy_scaling").save({canonical_text(record.parameters): record for record in made})
    read, taken = status.read, []

    def set_aside_first(path):
        if not taken:
            taken.append(path.rename(path.with_suffix(".damaged0")))
        return read(path)

    monkeypatch.setattr(status, "read", set_aside_first)
    (row,) = simulations.status(tmp_path)
    assert (row.done, row.damaged) == (1, 0)
    monkeypatch.undo()
    (row,) = simulations.status(tmp_path)
    assert (row.done, row.damaged) == (1, 1)


def test_status_of_other_studies(tmp_path):
    """Of one's own, whose sizes nobody knows; folders that no sweep made are none."""
    told = {"study": "mine", "status": "done", "seconds": 2.0}
    store = Store(tmp_path, "mine")
    store.save({canonical_text({"a": a}): simulations.Record({"a": a}, {}, told) for a in (1, 2)})
    (tmp_path / "records" / "notes").mkdir()
    (tmp_path / "records" / "no\x1bname").mkdir()
    (tmp_path / "records" / "no\x1bname" / "x.npz").write_bytes(b"")
    (row,) = simulations.status(tmp_path)
    assert (row.study, row.done, row.failed, row.damaged, row.seconds, row.sizes) == ("mine", 2, 0, 0, 4.0, {})
    shown = io.StringIO()
    simulations.print_status([row], shown)
    assert "mine" in shown.getvalue()

"""The command, as a user meets it: help, bad input, exit status, JSON. In processes of its own where that matters."""

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import simulations
from meanfield.command.figure import Figure
from meanfield.command.main import COMMANDS, main
from meanfield.command.run import Run
from meanfield.command.verify import Verify
from meanfield.integrals.tuning import DEFAULT, Tuning, tuned

TINY = ["--particles", "20", "40", "--samples", "6", "--time", "2", "--dimension", "3"]


def command(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "meanfield", *arguments], capture_output=True, text=True, check=False, **options
    )


BAD = [
    (["runn"], "runn is not a command", "Did you mean run?"),
    (["run"], "run needs a study", "lazy_scaling"),
    (["run", "lazy_scalin"], "study='lazy_scalin'", "Did you mean 'lazy_scaling'?"),
    (["verify", "lazy"], "study='lazy'", "lazy_scaling"),
    (["figure", "spline"], "study='spline'", "lazy_scaling"),
    (["run", "lazy_scaling", "--particels", "3"], "--particels is not an option", "Did you mean --particles?"),
    (["run", "lazy_scaling", "--particles", "0"], "particles=0", "at least 2"),
    (["run", "lazy_scaling", "--particles", "-4"], "particles=-4", "at least 2"),
    (["run", "lazy_scaling", "--particles", "ten"], "particles='ten'", "a whole number"),
    (["run", "lazy_scaling", "--particles", "2.5"], "particles='2.5'", "a whole number"),
    (["run", "lazy_scaling", "--particles", "21"], "particles=21", "even"),
    (["run", "lazy_scaling", "--particles", "1e15"], "takes at least 21.3 PiB", "expected at most this machine's"),
    (["run", "lazy_scaling", "--particles", "1:2"], "particles='1:2'", "expected low:high:COUNT"),
    (["run", "lazy_scaling", "--particles"], "particles=[]", "expected at least one value"),
    (["run", "lazy_scaling", "--particles", "20", "--seed", "3", "--seeds", "2"], "seed and seeds", "one of them"),
    (["run", "lazy_scaling", "--particles", "20", "--seed", "-3"], "seed=-3", "from 0 to 4294967295"),
    (["run", "lazy_scaling", "--workers", "0", "--dry-run"], "workers=0", "at least 1"),
    (["run", "lazy_scaling", "--scheduler", "nonsense"], "scheduler='nonsense'", "an address with its port"),
    (["verify", "lazy_scaling", "--calibrate", "2", "--seeds", "3"], "calibrate", "neither --seeds nor --first-seed"),
    (["run", "lazy_scaling", "--workers", "0"], "workers=0", "at least 1"),
    (["run", "lazy_scaling", "--workers", "1", "--scheduler", "x"], "workers and scheduler", "expected one of them"),
    (["status", "nowhere"], "'nowhere'", "holds no records"),
    (["status", "a", "b"], "status 'a b'", "expected one directory"),
    (["run", "lazy_scaling", "--samples", "0"], "samples=0", "at least 1"),
    (["run", "lazy_scaling", "--dimension", "0"], "dimension=0", "at least 1"),
    (["run", "conic_equivalence/descent", "--replicas", "0"], "replicas=0", "at least 1"),
    (["run", "lazy_scaling", "--alpha", "nan"], "alpha='nan'", "finite"),
    (["run", "lazy_scaling", "--alpha", "0"], "alpha=0.0", "above 0"),
    (["run", "lazy_scaling", "--alpha", "-1"], "alpha=-1.0", "above 0"),
    (["run", "lazy_scaling", "--exponent", "inf"], "exponent='inf'", "finite"),
    (["run", "lazy_scaling", "--step", "0"], "step=0.0", "above 0"),
    (["run", "lazy_scaling", "--time", "-1"], "time=-1.0", "at least step=0.5"),
    (["run", "lazy_scaling", "--tolerance", "0"], "tolerance=0.0", "above 0"),
    (["run", "lazy_scaling/teachr"], "experiment='teachr'", "Did you mean 'teacher'?"),
    (["run", "lazy_scaling/smooth", "--initial", "double"], "initial='double'", "Did you mean 'doubled'?"),
    (["run", "lazy_scaling", "--tangent", "maybe"], "tangent='maybe'", "true or false"),
    (["run", "lazy_scaling/digits", "--samples", "1500"], "samples=1500", "from 1 to 1297"),
    (["run", "lazy_scaling", "--initial", "plain"], "initial", "expected one of lazy_scaling/smooth"),
    (["run", "lazy_scaling", "--time", "0.1"], "time=0.1", "at least step=0.5"),
    (
        ["run", "lazy_scaling", "--tolerance", "1e-3", "--step", "0.1"],
        "step, tolerance",
        "not parameters of one experiment",
    ),
    (["run", "lazy_scaling", "--size", "huge"], "size='huge'", "smoke, default, large"),
    (["run", "lazy_scaling", "--seeds", "0"], "seeds=0", "at least 1"),
    (["run", "lazy_scaling", "--seeds", "many"], "seeds='many'", "a whole number"),
    (["run", "lazy_scaling", "--out"], "'--out' can't be read", "--help"),
    (["run", "lazy_scaling", "extra"], "'extra' is not an argument", "options"),
    (["run", "lazy_scaling", "--format", "gif"], "format='gif'", "is a film, which meanfield figure STUDY --animate"),
    (["run", "lazy_scaling", "--format", "bmp", "--dry-run"], "format='bmp'", "expected one of png, svg, pdf"),
    (["run", "throughput/panel", "--kernel", "sort"], "kernel='sort'", "auto, dense, blocked, sorted, fused"),
    (["run", "throughput/plane", "--particles", "0"], "particles=0", "at least 1"),
    (["bench", "now"], "'now' is not an argument of bench", "options"),
    (["figure", "lazy_scaling", "--from", "nowhere"], "from='nowhere'", "holds no records"),
    (["figure", "lazy_scaling", "--size", "big"], "size='big'", "smoke, default, large"),
    (["figure", "lazy_scaling", "--format", "gif"], "format='gif'", "--animate makes; expected one of png, svg, pdf"),
    (["figure", "depth", "--animate"], "study='depth'", "expected one of lazy_scaling, langevin"),
    (["figure", "lazy_scaling", "--animate", "--format", "png"], "format='png'", "gif, mp4"),
    (["figure", "lazy_scaling", "--animate", "--size", "big"], "size='big'", "smoke, default, large"),
    (["figure", "lazy_scaling", "--animate", "--out", "/dev/null/film"], "out='/dev/null/film'", "not a directory"),
    (["gallery", "--page", "/dev/null"], "page='/dev/null'", "'/dev/null' is not a directory"),
    (["explore"], "explore needs a study", "lazy_scaling, langevin"),
    (["explore", "splines"], "study='splines'", "expected one of lazy_scaling, langevin"),
    (["explore", "langevn"], "study='langevn'", "Did you mean 'langevin'?"),
    (["explore", "langevin", "--size", "huge"], "size='huge'", "smoke, default, large"),
    (["explore", "langevin", "--out", "page.txt"], "out='page.txt'", "an .html file"),
    (["explore", "langevin", "--out", "nowhere/page.html"], "out='nowhere/page.html'", "no directory 'nowhere'"),
    (["info", "--jsn"], "--jsn is not an option", "--json"),
]


@pytest.mark.parametrize(("arguments", "what", "allowed"), BAD, ids=[" ".join(row[0]) for row in BAD])
def test_bad_input(arguments, what, allowed, capsys, tmp_path, monkeypatch):
    """One sentence with argument, value and what is allowed; status 2; no traceback; nothing half-written."""
    monkeypatch.chdir(tmp_path)
    status = main(arguments)
    said = capsys.readouterr()
    assert status == 2
    assert said.out == ""
    line = said.err.strip().splitlines()[-1]
    assert line.startswith("meanfield: ")
    assert what in line
    assert allowed in line
    assert "Traceback" not in said.err
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_unwritable_out(capsys, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    assert main(["run", "lazy_scaling", *TINY, "--out", str(blocked)]) == 2
    assert f"out={str(blocked)!r}: cannot write there" in capsys.readouterr().err


def test_damaged_record(capsys, tmp_path):
    folder = tmp_path / "records" / "lazy_scaling"
    folder.mkdir(parents=True)
    (folder / ("0" * 64 + ".npz")).write_bytes(b"garbage")
    assert main(["figure", "lazy_scaling", "--from", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "holds no records of lazy_scaling that can be trusted; 1 are damaged" in said
    assert said.count("\n") == 1


def test_divergence_is_status_one(capsys, tmp_path):
    arguments = ["--particles", "20", "--samples", "6", "--dimension", "3", "--time", "4000", "--step", "400"]
    assert main(["run", "lazy_scaling", *arguments, "--out", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "diverged at t = " in said
    assert "lower the step" in said


def test_grid_on_the_command_line_resumes(capsys, tmp_path):
    arguments = ["run", "lazy_scaling", *TINY, "--seeds", "2", "--out", str(tmp_path), "--json"]
    assert main(arguments) == 3  # two seeds of a setting test no claim
    answer = json.loads(capsys.readouterr().out)
    assert set(answer) == {"passed", "claims", "sanity", "figures", "records", "seconds", "table", "csv"}
    assert all(Path(path).stat().st_size > 0 for path in answer["figures"])
    records = {path: path.stat().st_mtime_ns for path in Path(answer["records"]).rglob("*.npz")}
    assert len(records) == 4
    assert main(arguments) == 3
    assert records == {path: path.stat().st_mtime_ns for path in Path(answer["records"]).rglob("*.npz")}


def test_film_makes_the_runs_that_are_missing_and_takes_those_that_are_there(capsys, tmp_path):
    arguments = ["figure", "sparse_deconvolution", "--animate", "--size", "smoke", "--from", str(tmp_path)]
    assert main(arguments) == 0
    said = capsys.readouterr()
    film = tmp_path / "figures" / "sparse_deconvolution.gif"
    assert said.out.split() == [str(film)]
    assert "sparse_deconvolution: 2 of 2" in said.err
    once = film.read_bytes()
    assert main(arguments) == 0
    assert "sparse_deconvolution: all 2 runs are there" in capsys.readouterr().err
    assert film.read_bytes() == once


def test_film_where_nothing_can_be_written(capsys, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    assert main(["figure", "langevin", "--animate", "--size", "smoke", "--from", str(blocked)]) == 2
    assert f"from={str(blocked)!r}: cannot write there" in capsys.readouterr().err


def test_help_and_list_say_what_can_be_seen_as_a_film(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["list"]) == 0
    assert ", ".join(simulations.MOTIONS) in capsys.readouterr().out
    assert all(name in simulations.field_docs(Figure)["animate"] for name in simulations.MOTIONS)


def test_list(capsys):
    assert main(["list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    groups: dict[str, list[str]] = {}
    for row in rows:
        groups.setdefault(row["group"], []).append(row["name"])
    assert groups == {
        "regimes": [
            *("lazy_scaling", "tangent_kernel", "infinite_width", "representation_learning", "splines"),
            "spectral_descent",
            "width_transfer",
        ],
        "limits": ["particle_count", "conic_equivalence", "langevin", "radial_limit", "online_learning", "best_step"],
        "optimisation": [
            *("global_convergence", "sparse_deconvolution", "birth_death", "saddle_escape", "depth", "large_step"),
            *("exponential_rate", "sgd_temperature", "finite_sums"),
        ],
        "generalisation": [
            *("implicit_bias", "random_labels", "double_descent", "noise_stability", "stiffness", "mode_collapse"),
        ],
        "scale": ["throughput", "scaling_laws"],
        "published": [*simulations.PUBLISHED],
    }
    assert set(rows[0]) == {"name", "group", "claim", "parameters", "experiments"}


NAMES = [*simulations.STUDIES, *simulations.PUBLISHED]


def test_list_is_a_line_a_study_in_the_order_of_the_story(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines if line.endswith("?")] == [*simulations.GROUPS, "published"]
    # Below a study that has several stand its experiments, further in.
    assert [line.split()[0] for line in lines if re.match(r"  \w", line)] == NAMES
    assert any(line.split()[0] == "large_step/linear," for line in lines if line.startswith("    "))
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["list"]) == 0
    assert max(len(line) for line in capsys.readouterr().out.splitlines()) <= 80


def test_info(capsys):
    assert main(["info", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert set(facts) == {"versions", "devices", "precision", "compiled", "plans", "cache", "tiles"}
    assert facts["tiles"] == {**DEFAULT._asdict(), "file": None}
    assert main(["info"]) == 0
    told = capsys.readouterr().out
    assert "kernel" in told
    assert "the defaults" in told


def test_info_says_which_tiles_were_tuned(capsys):
    with tuned(Tuning(1 << 20, 512)):
        assert main(["info"]) == 0
    assert "tiles      1 MiB, at most 512 samples: tuned, kept in" in capsys.readouterr().out


def test_help_of_a_study_shows_parameters_with_units(capsys):
    with pytest.raises(SystemExit) as left:
        main(["run", "lazy_scaling", "--help"])
    assert left.value.code == 0
    said = capsys.readouterr().out
    assert "--particles" in said
    assert "(count)" in said


def test_help_is_quick_and_starts_nothing():
    """Under half a second, best of three: other work on the machine must not decide."""
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        said = command("--help")
        seconds.append(time.perf_counter() - began)
        assert said.returncode == 0
        assert "usage: meanfield" in said.stdout
    assert min(seconds) < 0.5


def test_import_starts_no_backend():
    code = (
        "import meanfield as mf, simulations, theory, figures\n"
        "mf.Neuron, mf.simulate, mf.Objective, mf.datasets, simulations.STUDIES['lazy_scaling']\n"
        "from jax._src import xla_bridge\n"
        "assert not xla_bridge.backends_are_initialized()\n"
        "import jax; assert not jax.config.jax_enable_x64\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "JAX_ENABLE_X64"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_sweep_says_how_to_go_on(tmp_path, number):
    process = subprocess.Popen(
        [sys.executable, "-m", "meanfield", "run", "lazy_scaling", "--size", "smoke", "--out", str(tmp_path)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    folder = tmp_path / "records" / "lazy_scaling"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not list(folder.glob("*.npz")):
        time.sleep(0.1)
    process.send_signal(number)
    try:
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 128 + number
    assert "goes on from there" in said
    assert "Traceback" not in said
    assert list(folder.glob("*.npz"))
    assert not list(folder.glob("*.tmp"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_anywhere_is_one_line(monkeypatch, capsys, number):
    """Outside of a sweep, too: while a figure is drawn, or records are read."""

    def slow(arguments):
        signal.raise_signal(number)
        time.sleep(5)

    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    monkeypatch.setitem(COMMANDS, "figure", slow)
    assert main(["figure", "lazy_scaling"]) == 128 + number
    assert capsys.readouterr().err == "meanfield: stopped.\n"
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before


def test_who_reads_may_stop_reading():
    process = subprocess.Popen(
        [sys.executable, "-m", "meanfield", "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(timeout=60) == 128 + signal.SIGPIPE
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()


GRID = ("--samples", "4", "--dimension", "2", "--time", "1", "--particles", "10:30:2")


def test_a_dry_run_says_what_it_would_take_and_writes_nothing(tmp_path):
    done = command("run", "lazy_scaling", *GRID, "--seeds", "3", "--dry-run", "--out", str(tmp_path / "new"))
    assert done.returncode == 0, done.stderr
    assert "runs     6, of which 0 are there" in done.stdout
    assert "memory   at least" in done.stdout
    assert not (tmp_path / "new").exists()
    told = command("run", "lazy_scaling", *GRID, "--seeds", "3", "--dry-run", "--json", "--out", str(tmp_path / "new"))
    assert json.loads(told.stdout)["runs"] == 6


def test_workers_and_status(tmp_path):
    out = ("--out", str(tmp_path))
    done = command("run", "lazy_scaling", *GRID, "--seeds", "2", "--workers", "1", "--format", "png", *out)
    assert done.returncode == 3, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("lazy_scaling: ")]
    assert 2 <= len(lines) <= 4  # the first and the last run, and one every few seconds, where there is no terminal
    assert "4 of 4, particles=30 seed=1, done" in lines[-1]
    told = command("status", str(tmp_path), "--json")
    (row,) = json.loads(told.stdout)
    assert (row["study"], row["done"], row["failed"], row["damaged"]) == ("lazy_scaling", 4, 0, 0)
    again = command("run", "lazy_scaling", *GRID, "--seeds", "2", "--format", "png", *out)
    assert "lazy_scaling: all 4 runs are there" in again.stderr


@pytest.mark.parametrize("study", simulations.STUDIES)
def test_no_parameter_has_the_name_of_an_option(study):
    """`meanfield run STUDY --name` could mean only one of them."""
    parameters = {field.name for field in dataclasses.fields(simulations.find(study).parameters)}
    options = {field.name for kind in (Run, Verify, Figure) for field in dataclasses.fields(kind)}
    assert not parameters & options

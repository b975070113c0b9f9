"""What a sweep says while it runs: a bar where somebody looks on, few lines in a log, nothing in a pipe."""

import io
import sys
import time
import types

import pytest

import simulations
from simulations import Progress, Record
from simulations.sweeps import report

pytestmark = pytest.mark.fast

GRID = {"samples": 4, "time": 1.0, "particles": [10, 20]}


class Terminal(io.StringIO):
    """A stream that somebody looks at."""

    def isatty(self):
        return True


@pytest.fixture
def stderr(monkeypatch):
    """Standard error as a stream of a given kind."""

    def made(stream):
        monkeypatch.setattr(sys, "stderr", stream)
        return stream

    return made


def test_nothing_is_said_in_a_pipe_unless_asked(stderr):
    silent = stderr(io.StringIO())
    simulations.sweep("lazy_scaling", GRID)
    assert silent.getvalue() == ""
    simulations.sweep("lazy_scaling", GRID, report=True)
    first, *_, last = silent.getvalue().splitlines()
    assert first.startswith("lazy_scaling: 1 of 2, particles=10, done")
    assert last.startswith("lazy_scaling: 2 of 2, particles=20, done")


def test_a_bar_on_a_terminal_unless_not_asked(stderr, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    shown = stderr(Terminal())
    simulations.sweep("lazy_scaling", GRID, report=False)
    assert shown.getvalue() == ""
    simulations.run("lazy_scaling", **GRID)
    assert "2 of 2 runs" in shown.getvalue()


@pytest.mark.parametrize("stream", [None, io.StringIO()])
@pytest.mark.parametrize("report", [None, True])
def test_no_standard_error(stderr, stream, report):
    if stream is not None:
        stream.close()
    stderr(stream)
    assert len(simulations.sweep("lazy_scaling", GRID, report=report)) == 2


@pytest.mark.parametrize("report", [1, "yes", []])
def test_what_is_no_report(report):
    with pytest.raises(ValueError, match=r"report=.*: expected a function of a Progress, True, False or None"):
        simulations.sweep("lazy_scaling", GRID, report=report)


def test_a_log_has_a_line_every_few_seconds(monkeypatch):
    """A hundred runs a second apart: the first, one every five seconds, the last."""
    stream, now = io.StringIO(), [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    told = simulations.reporter("study", 98, stream, ("alpha", "seed"))
    record = Record({"alpha": 2.0, "m": 3, "seed": 4}, {})
    for done in range(1, 99):
        now[0] += 1.0
        told(Progress(98, done=done, computed=done, failed=int(done > 50), record=record))
    lines = stream.getvalue().splitlines()
    assert [int(line.split()[1]) for line in lines] == [*range(1, 98, 5), 98]
    assert lines[0].startswith("study: 1 of 98, alpha=2.0 seed=4, done, ")
    assert "1 failed" in lines[-1]


def test_only_parameters_that_differ_are_named():
    plan = simulations.prepare("lazy_scaling", alpha=[1.0, 2.0], particles=20, seeds=2)
    assert simulations.differing(plan) == ("alpha", "seed")
    assert simulations.differing(simulations.prepare("lazy_scaling", particles=20)) == ()
    assert len(report.Reporter("a", 1, None, map(str, range(20))).names) == report.NAMED


def test_a_bar_in_a_notebook(monkeypatch, stderr):
    """IPython's shell of notebooks is known by its name; the bar is updated in its place."""
    shown: list[dict] = []

    class Handle:
        def update(self, content, raw):
            shown.append(content)

    def display(content, raw, display_id):
        shown.append(content)
        return Handle()

    shell = type("ZMQInteractiveShell", (), {})()
    notebook = types.ModuleType("IPython")
    notebook.get_ipython = lambda: shell  # type: ignore[attr-defined]
    pages = types.ModuleType("IPython.display")
    pages.display = display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", notebook)
    monkeypatch.setitem(sys.modules, "IPython.display", pages)
    stderr(io.StringIO())
    simulations.sweep("lazy_scaling", GRID)
    assert shown[0]["text/plain"].startswith("lazy_scaling: 0 of 2 runs")
    assert shown[-1]["text/plain"].startswith("lazy_scaling: 2 of 2 runs")
    assert '<progress value="2" max="2"' in shown[-1]["text/html"]

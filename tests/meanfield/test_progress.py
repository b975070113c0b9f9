"""Reporters: which one is chosen, and what it writes."""

import io
import sys
import types

import numpy as np
import pytest

import meanfield as mf
from meanfield.simulation import progress

pytestmark = pytest.mark.fast


@pytest.fixture
def log(tmp_path):
    """A file, as a log would be."""
    with (tmp_path / "log").open("w+") as stream:
        yield stream


@pytest.fixture
def terminal(log):
    """The same, taken for a terminal."""
    log.isatty = lambda: True
    return log


def read(stream):
    stream.seek(0)
    return stream.read()


def test_choice(log):
    """None and False are quiet, True looks at the stream, an object is taken as it is."""
    mine = progress.Quiet()
    assert progress.progress_on(mine) is mine
    assert isinstance(progress.progress_on(None), progress.Quiet)
    assert isinstance(progress.progress_on(False), progress.Quiet)
    assert isinstance(progress.progress_on(True, log), progress.Lines)
    log.isatty = lambda: True
    assert isinstance(progress.progress_on(True, log), progress.Bar)


def test_lines(monkeypatch, log):
    """At most one line in three seconds, and the last one always."""
    now = [100.0]
    monkeypatch.setattr(progress, "_clock", lambda: now[0])
    lines = progress.Lines(log)
    for second, (time, step) in enumerate([(0.5, 5), (1.0, 10), (1.5, 15), (2.0, 20)]):
        now[0] = 100 + 1.8 * second
        lines.update(time, 2.0, step, 0.25)
    lines.close()
    lines.close()
    assert read(log).splitlines() == [
        "t = 0.5 of 2, step 5, risk 0.25",
        "t = 1.5 of 2, step 15, risk 0.25",
        "t = 2 of 2, step 20, risk 0.25",
    ]


def test_bar(terminal, monkeypatch):
    """A live bar draws on its stream, and closing twice or before the first update does no harm."""
    monkeypatch.setenv("TERM", "xterm")  # rich draws nothing on a dumb terminal
    bar = progress.Bar(terminal)
    bar.close()
    bar.update(0.5, 2.0, 5, 0.25)
    bar.update(2.0, 2.0, 20, 0.125)
    bar.close()
    bar.close()
    text = read(terminal)
    assert "t = 2 of 2" in text
    assert "step 20" in text


class Broken(io.StringIO):
    """A stream whose reader has gone away."""

    def __init__(self, problem, terminal=False):
        super().__init__()
        self.problem, self.terminal, self.asked = problem, terminal, 0

    def isatty(self):
        return self.terminal

    def write(self, text):
        self.asked += 1
        raise self.problem

    def flush(self):
        raise self.problem


def no_isatty():
    stream = Broken(RuntimeError("gone"))
    stream.isatty = None
    return stream


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


def closed_later():
    return Broken(ValueError("I/O operation on closed file."))


STREAMS = {
    "none": lambda: None,
    "closed": closed,
    "closed later": closed_later,
    "a broken pipe": lambda: Broken(BrokenPipeError(32, "Broken pipe")),
    "a full disk": lambda: Broken(OSError(28, "No space left on device")),
    "an error of its own": lambda: Broken(RuntimeError("gone")),
    "a broken terminal": lambda: Broken(OSError(5, "Input/output error"), terminal=True),
    "no stream at all": lambda: object(),
    "no isatty": no_isatty,
    "ASCII": lambda: io.TextIOWrapper(io.BytesIO(), encoding="ascii"),
    "one byte": lambda: io.TextIOWrapper(io.BytesIO(), encoding="cp1252"),
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_simulation_is_not_lost_with_its_reader(name, monkeypatch):
    unit = mf.Neuron("tanh")
    objective = mf.Objective(unit, mf.Square(), np.eye(2), np.ones(2))
    mu = mf.Particles(np.linspace(-1, 1, 12).reshape(4, 3))
    flow = mf.GradientFlow(0.1)
    monkeypatch.setattr(progress, "INTERVAL", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", STREAMS[name]())
    run = mf.simulate(objective, flow, mu, times=1.0, progress=True, chunk=2)
    runs = mf.simulate_replicas(objective, [flow], mu, times=1.0, progress=True, chunk=2)
    assert run.done
    assert runs[0].done


def test_a_broken_stream_is_asked_once():
    stream = Broken(BrokenPipeError())
    lines = progress.progress_on(True, stream)
    for step in range(3):
        lines.update(float(step), 2.0, step, 0.5)
        lines.close()
    assert stream.asked == 1


def test_what_a_stream_cannot_spell_is_replaced():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    progress.Lenient(stream).write("α = 1 ━\n")
    stream.flush()
    assert stream.buffer.getvalue() == b"? = 1 ?\n"


def test_a_notebook_has_a_live_line(monkeypatch):
    """Shown once, then changed in place, and complete at the end."""
    shown, now = [], [0.0]

    class Handle:
        def update(self, content, raw):
            shown.append(("again", content["text/plain"]))

    def display(content, raw, display_id):
        shown.append(("new", content["text/plain"]))
        return Handle()

    shell = types.SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", types.SimpleNamespace(display=display))
    monkeypatch.setattr(progress, "_clock", lambda: now[0])
    reporter = progress.progress_on(True)
    assert isinstance(reporter, progress.Notebook)
    for step in range(5):
        now[0] += 0.15
        reporter.update(step + 1.0, 5.0, step, 0.5)
    reporter.close()
    assert [kind for kind, _ in shown] == ["new", *["again"] * (len(shown) - 1)]
    assert len(shown) < 6
    assert shown[-1][1].startswith("█" * 30 + " t = 5 of 5, step 4, risk 0.5")
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: types.SimpleNamespace()))
    assert not isinstance(progress.progress_on(True), progress.Notebook)  # IPython on a terminal


@pytest.mark.parametrize("wrong", ["yes", 1, 0, 1.0, progress.Quiet, lambda *told: None, object(), [True], {}])
def test_what_is_no_reporter(wrong):
    with pytest.raises(ValueError, match=r"^progress=.*: expected True, False, None, or an object with the methods"):
        progress.progress_on(wrong)

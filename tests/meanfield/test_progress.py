"""Reporters: which one is chosen, and what it writes."""

import pytest

from meanfield import progress


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
    """At most one line a second, and the last one always."""
    now = [100.0]
    monkeypatch.setattr(progress, "_clock", lambda: now[0])
    lines = progress.Lines(log)
    for second, (time, step) in enumerate([(0.5, 5), (1.0, 10), (1.5, 15), (2.0, 20)]):
        now[0] = 100 + 0.6 * second
        lines.update(time, 2.0, step, 0.25)
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

"""Progress of a simulation: a live bar on a terminal and in a notebook, a line now and then elsewhere."""

import math
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol, TextIO, cast, runtime_checkable

BROKEN = (OSError, ValueError, AttributeError, TypeError, RuntimeError, EOFError)
"""What a stream raises that is closed, broken, or none at all: such a one is no terminal, and loses no run."""


@runtime_checkable
class Progress(Protocol):
    """Told after every chunk how far the simulation is; `close` is called once, however it ends."""

    def update(self, time: float, final: float, step: int, risk: float) -> None: ...

    def close(self) -> None: ...


class Quiet:
    """Says nothing."""

    def update(self, time: float, final: float, step: int, risk: float) -> None:
        pass

    def close(self) -> None:
        pass


INTERVAL = 3.0
"""Seconds between two lines of a log, at least."""


class Lines:
    """One line a chunk, at most one in `INTERVAL` seconds, and the last one always: for logs."""

    def __init__(self, stream: Any):
        self._stream, self._last, self._unsaid = Lenient(stream), -INTERVAL, ""

    def update(self, time: float, final: float, step: int, risk: float) -> None:
        self._unsaid = f"t = {time:.4g} of {final:.4g}, step {step}, risk {risk:.4g}\n"
        if _clock() - self._last >= INTERVAL:
            self.close()
            self._last = _clock()

    def close(self) -> None:
        if self._unsaid:
            self._stream.write(self._unsaid)
            self._stream.flush()
        self._unsaid = ""


class Lenient:
    """A text stream whose reader may go away, or take fewer letters: what can't be written is left out.

    A simulation is not lost because nobody listens. What a stream raises is its own matter: it may be of any class.
    """

    def __init__(self, stream: Any):
        self._stream, self._lost = stream, False

    def write(self, text: str) -> int:
        if not self._lost:
            try:
                self._stream.write(text)
            except UnicodeEncodeError:
                self._try(lambda: self._stream.write(text.encode("ascii", "replace").decode()))
            except BROKEN:
                self._lost = True
        return len(text)

    def flush(self) -> None:
        if not self._lost:
            self._try(self._stream.flush)

    def _try(self, act: Callable[[], Any]) -> None:
        try:
            act()
        except BROKEN:
            self._lost = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Bar:
    """A live bar."""

    def __init__(self, stream: Any):
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        self._bar = RichProgress(
            TextColumn("t = {task.completed:.4g} of {task.total:.4g}"),
            BarColumn(),
            TextColumn("step {task.fields[step]}, risk {task.fields[risk]:.4g}"),
            TimeRemainingColumn(),
            console=Console(file=cast(TextIO, Lenient(stream))),
            transient=True,
        )
        self._task = None

    def update(self, time: float, final: float, step: int, risk: float) -> None:
        if self._task is None:
            self._bar.start()
            self._task = self._bar.add_task("simulation", total=final, step=step, risk=risk)
        self._bar.update(self._task, completed=time, step=step, risk=risk)

    def close(self) -> None:
        self._bar.stop()


class Notebook:
    """A live line in the output of a notebook's cell, where there is no terminal to draw on."""

    def __init__(self, display: Callable):
        self._display, self._handle, self._last = display, None, -math.inf
        self._text = ""

    def update(self, time: float, final: float, step: int, risk: float) -> None:
        share = min(1.0, time / final) if final > 0 else 1.0
        filled = round(30 * share)
        self._text = f"{'█' * filled}{'░' * (30 - filled)} t = {time:.4g} of {final:.4g}, step {step}, risk {risk:.4g}"
        if _clock() - self._last >= 0.2:
            self._show()

    def _show(self) -> None:
        self._last = _clock()
        content = {"text/plain": self._text}
        if self._handle is None:
            self._handle = self._display(content, raw=True, display_id=True)
        else:
            self._handle.update(content, raw=True)

    def close(self) -> None:
        if self._text:
            self._show()


def progress_on(choice: Any, stream: Any = None) -> Progress:
    """The reporter for `progress=`: an object of one's own, True for standard error, False or None for none.

    Where standard error is closed or absent nothing is reported. Raises `ValueError` for what is no reporter.
    """
    if choice is None or choice is False:
        return Quiet()
    if choice is not True:
        if isinstance(choice, type) or not isinstance(choice, Progress):
            text = " ".join(repr(choice).split())
            raise ValueError(
                f"progress={text if len(text) <= 60 else text[:59] + '…'}: expected True, False, None, or an object "
                f"with the methods `update` and `close`."
            )
        return choice
    display = None if stream is not None else _notebook()
    if display is not None:
        return Notebook(display)
    target = sys.stderr if stream is None else stream
    if target is None or getattr(target, "closed", False):
        return Quiet()
    return Bar(target) if _is_terminal(target) else Lines(target)


def _notebook() -> Callable | None:
    """How a notebook shows things, where this is one."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is None or not hasattr(shell, "kernel"):  # no IPython, or one on a terminal
        return None
    from IPython.display import display  # pyright: ignore[reportMissingImports]

    return display


def _is_terminal(stream: Any) -> bool:
    try:
        return stream.isatty()
    except BROKEN:
        return False


def _clock() -> float:
    return time.monotonic()

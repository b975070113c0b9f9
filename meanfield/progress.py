"""Progress of a simulation: a live bar on a terminal, one line a chunk elsewhere."""

import sys
import time
from typing import Protocol, TextIO, runtime_checkable


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


class Lines:
    """One line a chunk, at most one a second, for logs."""

    def __init__(self, stream: TextIO):
        self._stream, self._last = stream, 0.0

    def update(self, time: float, final: float, step: int, risk: float) -> None:
        now = _clock()
        if now - self._last >= 1 or time >= final:
            self._last = now
            print(f"t = {time:.4g} of {final:.4g}, step {step}, risk {risk:.4g}", file=self._stream, flush=True)

    def close(self) -> None:
        pass


class Bar:
    """A live bar."""

    def __init__(self, stream: TextIO):
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        self._bar = RichProgress(
            TextColumn("t = {task.completed:.4g} of {task.total:.4g}"),
            BarColumn(),
            TextColumn("step {task.fields[step]}, risk {task.fields[risk]:.4g}"),
            TimeRemainingColumn(),
            console=Console(file=stream),
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


def progress_on(choice: "bool | Progress | None", stream: TextIO | None = None) -> Progress:
    """The reporter for `progress=`: an object of one's own, True for standard error, False or None for none."""
    if choice is None or choice is False:
        return Quiet()
    if choice is not True:
        return choice
    target: TextIO | None = sys.stderr if stream is None else stream
    if target is None or target.closed:  # a process may have no standard error: there is nobody to tell
        return Quiet()
    return Bar(target) if target.isatty() else Lines(target)


def _clock() -> float:
    return time.monotonic()

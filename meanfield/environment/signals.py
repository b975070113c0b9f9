"""Signals that ask to stop: of a long simulation, which obeys when it can, and of the command."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""Ctrl-C, and what schedulers send before they end a job."""


class Signals:
    """The signal that has come while one simulation was `listening`, if any has."""

    def __init__(self):
        self.number: int | None = None
        """The signal that has come; None if none has."""
        self.obeyed = False
        """Whether the simulation stops, because it was asked to here or in another process."""

    @property
    def heard(self) -> bool:
        """Return True if a signal has come to this process."""
        return self.number is not None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """A context in which the first signal is heard, not obeyed; the second one acts as ever."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.getsignal(number) for number in SIGNALS}
        # Who ignores a signal, or has left it to code that is not Python's, is to keep it so.
        before = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}

        def restore():
            for number, handler in before.items():
                signal.signal(number, handler)

        def hear(number, frame):
            self.number = number
            restore()

        try:
            for number in before:
                signal.signal(number, hear)
            yield
        finally:
            restore()
            if self.number is not None and not self.obeyed:  # it came too late, or an exception came before it
                signal.raise_signal(self.number)


@contextmanager
def terminable() -> Iterator[Callable[[], int]]:
    """A context in which SIGTERM is Ctrl-C, and a function that gives the exit status which belongs to what was heard.

    Schedulers send SIGTERM some time before they kill: enough to say how far the work has come. Where Ctrl-C is ignored
    SIGTERM keeps its meaning, so that there is always a way to end the process.
    """
    heard = threading.Event()

    def status() -> int:
        return 128 + (signal.SIGTERM if heard.is_set() else signal.SIGINT)

    def hear(number, frame):
        heard.set()
        signal.raise_signal(signal.SIGINT)

    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    if threading.current_thread() is not threading.main_thread() or handlers[0] in (signal.SIG_IGN, None):
        yield status
        return
    signal.signal(signal.SIGTERM, hear)
    try:
        yield status
    finally:
        signal.signal(signal.SIGTERM, handlers[1])

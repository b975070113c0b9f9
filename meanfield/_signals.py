"""Signals that ask a long simulation to stop: heard when they come, obeyed when it can be stopped."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""Ctrl-C, and what schedulers send before they end a job."""


class Signals:
    """What has come while one simulation was `listening`."""

    def __init__(self):
        self.number: int | None = None
        """The signal that has come; None if none has."""
        self.obeyed = False
        """Whether the simulation stops, because it was asked to here or in another process."""

    @property
    def heard(self) -> bool:
        """Whether a signal has come to this process."""
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

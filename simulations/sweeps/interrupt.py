"""Ctrl-C that is not lost."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def noticed() -> Iterator[Callable[[], bool]]:
    """A context that gives a function: whether Ctrl-C was pressed in it.

    `KeyboardInterrupt` is raised as ever; but where it comes up inside a destructor or a callback that native code
    calls, Python prints it and goes on, and a sweep would run to its end in spite of it. Since it is noticed here, it
    is not printed: nothing is lost, and nothing went wrong. Only the main thread of a process hears signals: elsewhere
    nothing is noticed, and nothing changes.
    """
    pressed = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield pressed.is_set
        return
    before = signal.getsignal(signal.SIGINT)

    def notice(number, frame):
        pressed.set()
        if callable(before):
            before(number, frame)

    if before in (signal.SIG_IGN, None):  # who started this process does not want it to be interrupted
        yield pressed.is_set
        return
    swallowed = sys.unraisablehook

    def say(unraisable):
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            swallowed(unraisable)

    signal.signal(signal.SIGINT, notice)
    sys.unraisablehook = say
    try:
        yield pressed.is_set
    finally:
        sys.unraisablehook = swallowed
        signal.signal(signal.SIGINT, before)

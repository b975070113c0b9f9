"""Ctrl-C that is not lost, and what schedulers send in its place."""

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

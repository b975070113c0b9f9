"""Where batches are computed: what a sweep asks of an executor, and this process as one."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from typing import Any


class WorkerDied(RuntimeError):
    """A worker process ended in the middle of its work: killed, out of memory, or crashed."""


class NoWorkers(RuntimeError):
    """There is nobody left who computes: the sweep ends, and says nothing about the runs that are missing."""


class Engine(Executor):
    """An executor that knows how much it can do. Of others a sweep believes that they live, and have all cores."""

    elsewhere = True
    """Whether work is done in other processes, to which it must be sent."""

    def room(self) -> int:
        """Batches that can be computed at a time, as of now."""
        raise NotImplementedError

    def places(self) -> Sequence[Executor]:
        """Where work can be done at a time, as of now; what a place has compiled it need not compile again."""
        return [self] * self.room()

    def gone(self) -> str | None:
        """Why nothing that was submitted will ever be done; None while all is well."""
        return None


class InProcess(Engine):
    """Work is done at once, by whoever submits it. Ctrl-C is his, too."""

    elsewhere = False

    def submit(self, fn: Callable, /, *args: Any, **kwargs: Any) -> Future:
        future: Future = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as problem:  # a future carries whatever its work raised
            future.set_exception(problem)
        return future

    def room(self) -> int:
        return 1


def places(executor: Executor) -> Sequence[Executor]:
    """Return the places of an executor that can compute one batch each at a time."""
    return executor.places() if isinstance(executor, Engine) else [executor] * (os.cpu_count() or 1)


def gone(executor: Executor) -> str | None:
    """Why an executor will do nothing more, if that is known."""
    return executor.gone() if isinstance(executor, Engine) else None

"""Processes of our own that compute, and that die alone."""

import contextlib
import logging
import multiprocessing
import os
import queue
import signal
import sys
import threading
import types
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from typing import Any

from meanfield.arguments import positive_count
from simulations.sweeps.executors import Engine, NoWorkers, WorkerDied

logger = logging.getLogger("meanfield")

STARTS = 3
"""Times that a process is started which dies before it has come up; then it is given up, and the others go on."""

CACHE = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")
"""Settings of JAX that say where compiled programs are kept, and which."""


class Pool(Engine):
    """N processes that die alone.

    A pool of the standard library is lost as a whole when one of its processes is killed, and every batch in it with
    it. Here each process is a pool of its own: work that was in one that died fails with `WorkerDied`, the others
    notice nothing, and a new process takes its place. Processes are spawned, never forked: JAX has threads. They end
    when their parent does, by whatever cause.

    Raises `ValueError` when so many processes can't be started.
    """

    def __init__(self, workers: int):
        positive_count("workers", workers)
        self._work: queue.SimpleQueue = queue.SimpleQueue()
        self._closed, self._serving = threading.Event(), threading.Lock()
        self._left, self._settings = workers, _settings()
        self._workers: list[_Worker] = []
        try:
            for _ in range(workers):
                self._workers.append(_Worker(self._settings))
        except OSError as problem:
            for worker in self._workers:
                worker.end()
            count = len(self._workers)
            raise ValueError(f"workers={workers}: {count} could be started, and no more ({problem}).") from None
        self._threads = [threading.Thread(target=self._serve, args=(i,), daemon=True) for i in range(workers)]
        for thread in self._threads:
            thread.start()

    def submit(self, fn: Callable, /, *args: Any, **kwargs: Any) -> Future:
        """A future of fn(*args, **kwargs), which must be importable in another process.

        Raises `RuntimeError` when the pool is shut down, `NoWorkers` when none of its processes comes up any more.
        """
        future: Future = Future()
        with self._serving:
            if self._closed.is_set():
                raise RuntimeError("the pool is shut down")
            if not self._left:
                raise NoWorkers("no worker process comes up")
            self._work.put((future, fn, args, kwargs))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes: after what has been submitted, or, with `cancel_futures`, at once."""
        self._closed.set()
        for _ in self._threads:
            self._work.put(None)
        if cancel_futures:
            for worker in self._workers:
                worker.end()
        if wait:
            for thread in self._threads:
                thread.join()

    def room(self) -> int:
        return max(1, self._left)

    def _serve(self, i: int) -> None:
        """One process, and whatever takes its place, at work."""
        while self._up(i) and (item := self._work.get()) is not None:
            future, fn, args, kwargs = item
            if not future.set_running_or_notify_cancel():
                continue
            problem = self._workers[i].attempt(future, fn, args, kwargs)
            if problem is not None:
                future.set_exception(problem)
        self._workers[i].end()

    def _up(self, i: int) -> bool:
        """Return True if process i is there to work; one that died is replaced first, up to `STARTS` times."""
        problem: BaseException | None = None
        for _ in range(STARTS):
            try:
                problem = self._workers[i].missing()
                if problem is None or self._closed.is_set():
                    return True  # what is left of a pool that is shut down gets its answer from a worker that is gone
                self._workers[i].end()
                self._workers[i] = _Worker(self._settings)
            except OSError as shortage:
                problem = shortage
        self._give_up(problem)
        return False

    def _give_up(self, problem: BaseException | None) -> None:
        with self._serving:
            self._left -= 1
            logger.warning("a worker does not come up (%s); %d are left.", problem, self._left)
            while not self._left and not self._work.empty():
                item = self._work.get()
                if item is not None and item[0].set_running_or_notify_cancel():
                    item[0].set_exception(WorkerDied("no worker process comes up"))


class _Worker:
    """One process, which ends when the end of a pipe that we hold is closed: by `end`, or by our own death."""

    def __init__(self, settings: dict[str, Any]):
        self._ending = threading.Lock()
        self._lost: BaseException | None = None
        context = multiprocessing.get_context("spawn")
        receiver, self._lifeline = context.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(1, context, initializer=_begin, initargs=(receiver, settings))
        try:
            with _deaf(), _without_script():
                self._there = self._pool.submit(os.getpid)
        except BaseException:
            self.end()
            raise

    def missing(self) -> BaseException | None:
        """Return what kept the process from coming up, or ended it at its last work; None if it is there."""
        if self._lost is None:
            try:
                self._lost = self._there.exception()
            except CancelledError as ended:
                self._lost = ended
        return self._lost

    def attempt(self, future: Future, fn: Callable, args: tuple, kwargs: dict) -> BaseException | None:
        """Give `future` the result of the work, or return what was raised instead."""
        try:
            inner = self._pool.submit(fn, *args, **kwargs)
            problem = inner.exception()
        except (RuntimeError, CancelledError, OSError) as lost:  # BrokenProcessPool among them; or it was ended
            self._lost = lost
            return WorkerDied(f"the worker process is gone ({lost})")
        if isinstance(problem, BrokenProcessPool):
            self._lost = problem
            return WorkerDied("the worker process died")
        if problem is None:
            future.set_result(inner.result())
        return problem

    def end(self) -> None:
        """Once, though who serves it and who shuts down may both ask for it."""
        with self._ending:
            if not self._lifeline.closed:
                self._lifeline.close()
                self._pool.shutdown(wait=False, cancel_futures=True)


@contextlib.contextmanager
def _without_script() -> Iterator[None]:
    """A context in which a process is started that does not run the script, module or session that starts it once more.

    Work brings along all that it needs. So a script needs no `if __name__ == "__main__":` for the sake of workers, and
    it may come from standard input, from `python -c` or from a notebook, where there is no file to be run once more.
    """
    with _starting:
        script, sys.modules["__main__"] = sys.modules["__main__"], types.ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = script


_starting = threading.Lock()
"""Held while a process is started: two at a time would put back the wrong script."""


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """A context in which Ctrl-C waits: a process that is started in it never hears it, and leaves it to its parent."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _settings() -> dict[str, Any]:
    """Return JAX's settings that are not as usual here, and where it keeps programs: those of a worker, too."""
    import jax

    from meanfield.environment.settings import observed

    changed = [name for name in observed() if name.startswith("jax_")]
    return {name: getattr(jax.config, name) for name in (*changed, *CACHE)}


def _begin(lifeline: Connection, settings: dict[str, Any]) -> None:
    """A worker leaves Ctrl-C to its parent, also where it could not be started deaf to it."""
    import jax

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name, value in settings.items():
        jax.config.update(name, value)
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()


def _end_with(lifeline: Connection) -> None:
    with contextlib.suppress(EOFError, OSError):
        lifeline.recv_bytes()
    os._exit(1)


@contextlib.contextmanager
def pool(workers: int) -> Iterator[Pool]:
    """A pool of so many processes, which are ended at once when the context is left early."""
    made = Pool(workers)
    try:
        yield made
    except BaseException:
        made.shutdown(wait=False, cancel_futures=True)
        raise
    made.shutdown()

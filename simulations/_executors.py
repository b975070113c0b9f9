"""Where batches are computed: in this process, in processes of our own, or by any `concurrent.futures.Executor`."""

import contextlib
import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from typing import Any

from meanfield.arguments import positive_count


class WorkerDied(RuntimeError):
    """A worker process ended in the middle of its work: killed, out of memory, or crashed."""


class InProcess(Executor):
    """Work is done at once, by whoever submits it. Ctrl-C is his, too."""

    def submit(self, fn: Callable, /, *args: Any, **kwargs: Any) -> Future:
        future: Future = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as problem:  # a future carries whatever its work raised
            future.set_exception(problem)
        return future


class Pool(Executor):
    """N processes that die alone.

    A pool of the standard library is lost as a whole when one of its processes is killed, and every batch in it with
    it. Here each process is a pool of its own: work that was in one that died fails with `WorkerDied`, the others
    notice nothing, and a new process takes its place. Processes are spawned, never forked: JAX has threads. They end
    when their parent does, by whatever cause.
    """

    def __init__(self, workers: int):
        positive_count("workers", workers)
        self._work: queue.SimpleQueue = queue.SimpleQueue()
        self._closed = threading.Event()
        self._workers = [_Worker() for _ in range(workers)]
        self._threads = [threading.Thread(target=self._serve, args=(i,), daemon=True) for i in range(workers)]
        for thread in self._threads:
            thread.start()

    def submit(self, fn: Callable, /, *args: Any, **kwargs: Any) -> Future:
        """A future of fn(*args, **kwargs), which must be importable in another process."""
        if self._closed.is_set():
            raise RuntimeError("the pool is shut down")
        future: Future = Future()
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

    def _serve(self, i: int) -> None:
        while (item := self._work.get()) is not None:
            future, fn, args, kwargs = item
            if not future.set_running_or_notify_cancel():
                continue
            problem = self._workers[i].attempt(future, fn, args, kwargs)
            if isinstance(problem, BrokenProcessPool):
                self._workers[i].end()
                if not self._closed.is_set():
                    self._workers[i] = _Worker()
                problem = WorkerDied("the worker process died")
            if problem is not None:
                future.set_exception(problem)
        self._workers[i].end()


class _Worker:
    """One process, which ends when the end of a pipe that we hold is closed: by `end`, or by our own death."""

    def __init__(self):
        self._ending = threading.Lock()
        context = multiprocessing.get_context("spawn")
        receiver, self._lifeline = context.Pipe(duplex=False)
        self.pool = ProcessPoolExecutor(1, context, initializer=_begin, initargs=(receiver,))

    def attempt(self, future: Future, fn: Callable, args: tuple, kwargs: dict) -> BaseException | None:
        """Give `future` the result of the work, or return what was raised instead."""
        try:
            inner = self.pool.submit(fn, *args, **kwargs)
        except (BrokenProcessPool, RuntimeError) as problem:  # died while it had nothing to do, or was ended
            return problem
        problem = inner.exception()
        if problem is None:
            future.set_result(inner.result())
        return problem

    def end(self) -> None:
        """Once, though who serves it and who shuts down may both ask for it."""
        with self._ending:
            if not self._lifeline.closed:
                self._lifeline.close()
                self.pool.shutdown(wait=False, cancel_futures=True)


def _begin(lifeline: Connection) -> None:
    """A worker leaves Ctrl-C to its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()


def _end_with(lifeline: Connection) -> None:
    with contextlib.suppress(EOFError, OSError):
        lifeline.recv_bytes()
    os._exit(1)


@contextlib.contextmanager
def dask(address: str) -> Iterator[tuple[Executor, int]]:
    """(the workers of the dask scheduler at `address`, such as tcp://127.0.0.1:8786, how many threads they have).

    Raises `ValueError` where dask.distributed is not installed, and where no scheduler answers.
    """
    try:
        from distributed import Client
    except ImportError:
        raise ValueError(
            f"scheduler={address!r}: needs dask.distributed; install it with the extra `cluster`."
        ) from None
    try:
        client = Client(address, timeout=5, set_as_default=False)
    except (OSError, ValueError, TypeError) as problem:
        raise ValueError(f"scheduler={address!r}: no scheduler answers there ({problem}).") from None
    with client:
        executor = client.get_executor(pure=False)
        try:
            threads: Any = client.nthreads()  # a coroutine only for clients that are asynchronous
            yield executor, max(1, sum(threads.values()))
        finally:
            executor.shutdown(wait=False)


@contextlib.contextmanager
def pool(workers: int) -> Iterator[tuple[Executor, int]]:
    """(a pool of so many processes, their number); processes are ended at once when the context is left early."""
    made = Pool(workers)
    try:
        yield made, workers
    except BaseException:
        made.shutdown(wait=False, cancel_futures=True)
        raise
    made.shutdown()

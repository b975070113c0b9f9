"""The workers of a dask scheduler as an executor."""

import contextlib
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

from simulations.sweeps.executors import Engine, NoWorkers

_ADDRESS = re.compile(r"([a-z]+://)?[^/\s]+:[0-9]{1,5}")

PATIENCE = 30
"""Seconds that a scheduler without any worker is given until one joins."""


class Dask(Engine):
    """The workers that a client of dask.distributed sees, those that join later among them."""

    def __init__(self, client):
        self._client, self._executor = client, client.get_executor(pure=False)
        self._threads = 1

    def submit(self, fn: Callable, /, *args: Any, **kwargs: Any) -> Future:
        """Raises `NoWorkers` when the scheduler has gone away."""
        why = self.gone()
        if why:
            raise NoWorkers(why)
        return self._executor.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._executor.shutdown(wait=wait)

    def room(self) -> int:
        # A scheduler that does not answer may do so later; if it does not, the client closes, and this is `gone`.
        with contextlib.suppress(OSError, RuntimeError):
            self._threads = sum(self._client.nthreads().values())
        return max(1, self._threads)

    def gone(self) -> str | None:
        # A scheduler that is lost is called again for a while; then the client closes, and its futures never end.
        return "the scheduler has gone away" if self._client.status in ("closing", "closed") else None


@contextlib.contextmanager
def dask(address: str) -> Iterator[Dask]:
    """The workers of the dask scheduler at `address`, such as tcp://127.0.0.1:8786.

    Raises `ValueError` for what is no address, where dask.distributed is not installed, and where no scheduler answers
    or no worker joins it.
    """
    if not _ADDRESS.fullmatch(address):
        raise ValueError(f"scheduler={address!r}: expected an address with its port, such as tcp://127.0.0.1:8786.")
    try:
        from distributed import Client
    except ImportError:
        raise ValueError(f"scheduler={address!r}: needs dask: pip install distributed (the extra `cluster`).") from None
    try:
        client = Client(address, timeout=5, set_as_default=False)
    except (OSError, ValueError, TypeError) as problem:
        raise ValueError(f"scheduler={address!r}: no scheduler answers there ({problem}).") from None
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError:
            raise ValueError(f"scheduler={address!r}: no worker has joined it in {PATIENCE} seconds.") from None
        executor = Dask(client)
        try:
            yield executor
        finally:
            executor.shutdown(wait=False)

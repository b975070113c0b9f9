"""The libraries of linear algebra below NumPy and SciPy, and runs in one thread of them."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import ThreadpoolController


@functools.cache
def libraries() -> ThreadpoolController:
    """Return the libraries, looked for once: it takes longer than a small run."""
    return ThreadpoolController()


@contextmanager
def one_thread() -> Iterator[None]:
    """Let the libraries compute in one thread: on small matrices several would mostly wait for each other."""
    with libraries().limit(limits=1, user_api="blas"):
        yield

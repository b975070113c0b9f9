"""Linear algebra in one thread: on small matrices several threads would mostly wait for each other."""

import functools
from contextlib import AbstractContextManager

from threadpoolctl import ThreadpoolController


def one_thread() -> AbstractContextManager:
    """Return a context in which the libraries of linear algebra compute in one thread."""
    return _libraries().limit(limits=1, user_api="blas")


@functools.cache
def _libraries() -> ThreadpoolController:
    """The libraries, looked for once: it takes longer than a small run."""
    return ThreadpoolController()

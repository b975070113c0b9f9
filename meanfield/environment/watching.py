"""A watch of the settings and types of computations, which are noted where they happen."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import jax
import jax.numpy as jnp

from meanfield.environment.settings import observed


class Watch:
    """The types of the particles that were computed with, and every setting that was another than the usual one."""

    def __init__(self):
        self.types: set[str] = set()
        self._settings: dict[str, set[str]] = {}
        self._known: set[tuple] = set()

    @property
    def settings(self) -> dict[str, str]:
        """The settings by name; of one that changed on the way all values."""
        return {name: ", ".join(sorted(values)) for name, values in self._settings.items()}

    def look(self) -> None:
        """Note what is set at this moment."""
        for name, value in observed().items():
            self._settings.setdefault(name, set()).add(value)

    def note(self, dtype) -> None:
        """Note what is set where particles of this type are made, once for all that are made alike."""
        kind = str(jnp.dtype(dtype)), jax.config.jax_enable_x64, jax.config.jax_default_matmul_precision  # pyright: ignore
        if kind not in self._known:
            self._known.add(kind)
            self.types.add(kind[0])
            self.look()


_watch: ContextVar[Watch | None] = ContextVar("watch", default=None)


@contextmanager
def watching() -> Iterator[Watch]:
    """Give a watch of the computations in the context, in this thread.

    >>> import jax, meanfield as mf
    >>> with watching() as watch, jax.enable_x64(True):
    ...     _ = mf.Particles([[1.0]])
    >>> watch.types, watch.settings["jax_enable_x64"]
    ({'float64'}, 'True')
    """
    watch = Watch()
    token = _watch.set(watch)
    try:
        yield watch
    finally:
        _watch.reset(token)


def note(dtype) -> None:
    """Tell who watches, if anybody does, that particles of this type are made."""
    watch = _watch.get()
    if watch is not None:
        watch.note(dtype)

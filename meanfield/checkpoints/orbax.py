"""Orbax, as much of it as checkpoints need: a dictionary of arrays to a folder and back, by all processes together."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jax
import numpy as np


class Orbax:
    """The synchronous checkpointer of orbax; raises `ImportError` where orbax is not installed."""

    def __init__(self):
        try:
            import orbax.checkpoint as ocp  # imported here because few simulations need it
        except ImportError:
            raise ImportError(
                "checkpoint: needs orbax: pip install orbax-checkpoint (the extra `checkpoint`)."
            ) from None
        self._args = ocp.args
        with _quiet():
            self._checkpointer = ocp.Checkpointer(ocp.StandardCheckpointHandler())

    def save(self, path: Path, tree: dict) -> None:
        with _quiet():
            self._checkpointer.save(path, args=self._args.StandardSave(tree))

    def restore(self, path: Path, like: dict) -> dict:
        """Return the arrays stored at `path`, with the shapes, types and devices of `like`."""
        with _quiet():
            return self._checkpointer.restore(path, args=self._args.StandardRestore(jax.tree.map(_wanted, like)))


def _wanted(leaf):
    if isinstance(leaf, np.ndarray):
        return leaf
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=leaf.sharding)


@contextmanager
def _quiet() -> Iterator[None]:
    """Orbax tells its developers much, through absl's logger; its errors are exceptions."""
    logger = logging.getLogger("absl")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)

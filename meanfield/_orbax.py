"""Orbax, as much of it as checkpoints need: a dictionary of arrays to a folder and back, by one or all processes."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import numpy as np


class Orbax:
    """Its synchronous checkpointer; raises `ImportError` where it is not installed."""

    def __init__(self, together: bool):
        try:
            import orbax.checkpoint as ocp  # imported here because few simulations need it
        except ImportError:
            raise ImportError(
                "checkpoint: expected the package orbax-checkpoint, which is not installed "
                "(pip install orbax-checkpoint)."
            ) from None
        me = jax.process_index()
        # A process that simulates on its own devices waits for no other one.
        alone = ocp.options.MultiprocessingOptions(me, {me}, f"process_{me}") if jax.process_count() > 1 else None
        shared: dict[str, Any] = {} if together or alone is None else {"multiprocessing_options": alone}
        self._args = ocp.args
        with _quiet():
            self._checkpointer = ocp.Checkpointer(ocp.StandardCheckpointHandler(**shared), **shared)

    def save(self, path: Path, tree: dict) -> None:
        with _quiet():
            self._checkpointer.save(path, args=self._args.StandardSave(tree))

    def restore(self, path: Path, like: dict) -> dict:
        """What is there, with the shapes, types and devices of `like`."""
        target = jax.tree.map(
            lambda leaf: (
                leaf
                if isinstance(leaf, np.ndarray)
                else jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=leaf.sharding)
            ),
            like,
        )
        with _quiet():
            return self._checkpointer.restore(path, args=self._args.StandardRestore(target))


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

"""Runs of equal shape, put together so that each batch fits into memory and is worth a call."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from simulations.study.simulation import batch_bytes, batch_key, program_key

MOST = 64
"""Runs of one batch: what a kill can cost, and how often progress is seen. Twice as many are hardly any faster."""

FEW = 16
"""Fewer runs of a kind are computed one by one: to compile a program for a batch takes longer than they do."""

MEMORY = 1 << 28
"""Bytes that the runs of one batch may take together."""


@dataclass(frozen=True)
class Batch:
    """Runs that are computed together, by their canonical texts.

    Which runs go together is decided by the whole grid, before anything is looked up in the store: a sweep that was
    stopped and goes on makes the same batches, and so the same numbers to the bit.
    """

    runs: Mapping[str, Any]
    size: int
    """Runs that are computed: the last of a batch is repeated up to here, so that batches of one kind share a
    program.
    """

    def __len__(self) -> int:
        return len(self.runs)

    @property
    def kind(self) -> tuple[Hashable, Hashable]:
        """The experiment, and what in it the runs of one program have in common."""
        run = next(iter(self.runs.values()))
        return type(run).name, program_key(run)

    def apart(self) -> list["Batch"]:
        """Every run as a batch of its own."""
        return [Batch({text: run}, 1) for text, run in self.runs.items()]


def batches(runs: Mapping[str, Any]) -> list[Batch]:
    """Return the runs of a sweep as batches; those that are no simulations are computed one by one.

    Batches are in the order of their first runs. Those of one kind are equally long, or one shorter.
    """
    kinds: dict[Hashable, list[str]] = {}
    for text, run in runs.items():
        kind = batch_key(run)
        kinds.setdefault(text if kind is None else kind, []).append(text)  # a run that is computed alone
    made: list[Batch] = []
    for texts in kinds.values():
        if len(texts) < FEW:
            made += [Batch({text: runs[text]}, 1) for text in texts]
            continue
        most = min(MOST, max(1, MEMORY // batch_bytes(runs[texts[0]])))
        size = -(-len(texts) // -(-len(texts) // most))
        made += [Batch({text: runs[text] for text in texts[i : i + size]}, size) for i in range(0, len(texts), size)]
    return made

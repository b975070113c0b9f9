"""The task that a kernel is asked for, and the plan that it offers: its cost and memory, or why it can't serve."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp

from meanfield.integrals.abstract import AbstractKernel
from meanfield.integrals.shares import share
from meanfield.integrals.summation import CHAIN
from meanfield.integrals.tuning import DEFAULT, Tuning
from meanfield.units.neuron import AbstractUnit, Neuron

TILE_BYTES = {"cpu": DEFAULT.tile_bytes, "other": 1 << 27}
"""Pre-activations of one tile, and of all pairs of a problem that is one. On processors, unless `tuning` has found
another size for tiles, what stays in the last caches while it is passed over several times; on accelerators, enough to
keep them busy."""

CHAINS = 8
"""Most chains of particles of one array of pairs: as many times as much a product that keeps them apart multiplies."""


class Task(NamedTuple):
    """One velocity for m particles and n samples of dimension d, on a platform and within a memory in bytes."""

    unit: AbstractUnit
    m: int
    n: int
    d: int
    dtype: Any
    platform: str
    memory: int
    tuning: Tuning = DEFAULT

    @property
    def size(self) -> int:
        """Bytes of a number."""
        return jnp.dtype(self.dtype).itemsize

    @property
    def pair(self) -> int:
        """Bytes that are held for a particle and a sample."""
        return self.size * (1 if type(self.unit) is Neuron else self.unit.outputs)

    @property
    def work(self) -> int:
        """Multiplications of one pass over all pairs."""
        return self.m * self.n * (self.d + self.unit.outputs)

    @property
    def particles(self) -> int:
        """Bytes of the particles, which are read in both passes, and of the velocity, which is written."""
        return 3 * self.m * self.unit.size(self.d) * self.size

    @property
    def tile(self) -> int:
        """Bytes of the pre-activations of one tile."""
        return min(self.tuning.tile_bytes if self.platform == "cpu" else TILE_BYTES["other"], self.memory)

    @property
    def small(self) -> bool:
        """Return True if all pairs are one tile, and its particles one chain of additions."""
        return self.m <= CHAIN and self.near

    @property
    def near(self) -> bool:
        """Return True if the array of all pairs is of the size of a tile."""
        most = min(TILE_BYTES["cpu" if self.platform == "cpu" else "other"], self.memory)
        return self.m * self.n * self.pair <= most

    @property
    def samples(self) -> int:
        """Samples of one tile."""
        return share(self.n, self.tuning.samples if self.platform == "cpu" else DEFAULT.samples)

    @property
    def block(self) -> int:
        """Particles of one tile."""
        return share(self.m, min(CHAIN, max(1, self.tile // (self.samples * self.pair))))

    @property
    def streamed(self) -> int:
        """Bytes that pass to and from memory where tiles of particles meet all samples."""
        return self.particles + 2 * (self.m // self.block + 1) * self.n * self.d * self.size

    @property
    def array(self) -> str:
        """The memory that the array of all pairs would take, in words."""
        return f"the {self.m} × {self.n} array would take {readable(self.m * self.n * self.pair)}"


@dataclass(frozen=True)
class Plan:
    """A kernel with its cost for one velocity, and why it is offered.

    `bytes` is what the kernel holds at a time beside particles and data, `operations` the floating-point operations
    (of the matrix products, where there are any), `traffic` the bytes that pass to and from memory. `others` says of
    every other kernel by name what it would cost, or why it can't serve.
    """

    kernel: AbstractKernel
    bytes: int
    operations: int
    traffic: int
    reason: str
    speed: float = 1.0
    """Operations in the time that one of a streamed matrix product takes."""
    others: tuple[tuple[str, str], ...] = ()

    @property
    def cost(self) -> float:
        """The cost by which offers are compared: operations, each as long as one of a streamed matrix product."""
        return self.operations / self.speed

    @property
    def limit(self) -> str:
        """The limit of the speed, from operations per byte: current machines do some ten in the time of one byte."""
        intensity = self.operations / self.traffic
        return f"{'arithmetic' if intensity > 10 else 'memory'} ({intensity:.3g} operations a byte)"

    def __str__(self) -> str:
        return (
            f"{self.kernel.label()}: {readable(self.bytes)}, {self.operations:.3g} operations a step, limited by "
            f"{self.limit}; {self.reason}"
        )


def readable(count: int) -> str:
    """A number of bytes in a unit that keeps it short."""
    size, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000
    return f"{size:.3g} {unit}"

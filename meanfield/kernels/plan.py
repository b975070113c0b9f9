"""Which kernel, and why: chosen from shapes, type and a memory budget, and said aloud."""

from dataclasses import dataclass

import jax.numpy as jnp

from meanfield.arguments import positive_count
from meanfield.kernels.abstract import AbstractKernel
from meanfield.kernels.blocked import Blocked
from meanfield.kernels.dense import Dense
from meanfield.units import AbstractUnit, Neuron

CACHE_BYTES = 1 << 20
"""Working set of one block. Blocks of this size stay in the last caches of current processors, so that the passes
over the pre-activations do not go to memory."""

SMALL_BYTES = 1 << 22
"""Below this, the whole m × n array stays in cache and nothing is gained by blocks."""


@dataclass(frozen=True)
class Plan:
    """A chosen kernel with its cost for one velocity.

    `bytes` counts the largest intermediate array, `operations` the floating-point operations of the matrix products.
    """

    kernel: AbstractKernel
    bytes: int
    operations: int
    reason: str

    def __str__(self) -> str:
        size, unit = float(self.bytes), "B"
        for unit in ("B", "kB", "MB", "GB"):
            if size < 1000 or unit == "GB":
                break
            size /= 1000
        name = type(self.kernel).__name__.lower()
        if isinstance(self.kernel, Blocked):
            name += f" ({self.kernel.block} particles at a time)"
        return f"{name}: {size:.3g} {unit}, {self.operations:.3g} operations a step; {self.reason}"


def plan(objective, m: int, n: int | None = None) -> Plan:
    """The plan for `objective` with m particles, on its n training inputs unless another n is given.

    >>> import jax.numpy as jnp, meanfield as mf
    >>> objective = mf.Objective(mf.Neuron("relu"), mf.Square(), jnp.ones((1000, 2)), jnp.ones(1000))
    >>> type(mf.plan(objective, 10**6).kernel).__name__
    'Blocked'
    """
    positive_count("m", m)
    d = objective.x.shape[1]
    n = objective.x.shape[0] if n is None else n
    return choose(objective.unit, m, n, d, jnp.dtype(objective.x.dtype).itemsize)


def choose(unit: AbstractUnit, m: int, n: int, d: int, itemsize: int) -> Plan:
    """The same from bare numbers."""
    row = n * itemsize * (1 if isinstance(unit, Neuron) else unit.outputs)
    work = m * n * (d + unit.outputs)
    if m * row <= SMALL_BYTES:
        return Plan(Dense(), m * row, 4 * work, f"the {m} × {n} array fits in cache")
    block = max(1, min(m, CACHE_BYTES // row))
    return Plan(Blocked(block), block * row, 6 * work, f"the {m} × {n} array would take {m * row:.3g} bytes")

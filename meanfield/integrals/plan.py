"""Which kernel, and why: chosen from unit, shapes, type, device and a memory budget, and said aloud."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from meanfield.arguments import positive_count
from meanfield.arguments.meant import shown
from meanfield.integrals.abstract import AbstractKernel
from meanfield.integrals.blocked import Blocked
from meanfield.integrals.dense import Dense
from meanfield.integrals.interpolated import Interpolated, uncertified
from meanfield.integrals.pallas import Pallas, unavailable
from meanfield.integrals.shares import share
from meanfield.integrals.sorted import Sorted, unsuited
from meanfield.integrals.tile import signs_suffice
from meanfield.units.neuron import AbstractUnit, Neuron

MEMORY = 1 << 29
"""Bytes that a kernel may take for itself unless told otherwise: half a gigabyte."""

TILE_BYTES = {"cpu": 1 << 23, "other": 1 << 27}
"""Pre-activations of one tile. On processors, what stays in the last caches while it is passed over several times; on
accelerators, enough to keep them busy."""

SAMPLES = 4096
"""Samples of one tile: with so many, a matrix product runs at its full rate."""

CHAIN = 8192
"""Most particles of one tile: they may be added one after the other, each addition with a rounding, and particles that
have come together make these roundings alike. Between tiles sums are compensated."""

SORTED_FROM = 1 << 15
"""Pairs m·n from which sorting pays: below, its dozen small steps cost more than one small matrix."""

NODES = (64, 96, 160, 256, 512)
"""Numbers of Chebyshev points on offer. Each is a program of its own that takes a quarter of a second to compile."""

SIGNS_FROM = 48
"""Input dimension from which reading a byte a pair costs less than forming the pre-activation again."""


@dataclass(frozen=True)
class Plan:
    """A chosen kernel with its cost for one velocity.

    `bytes` is what the kernel holds at a time beside particles and data, `operations` the floating-point operations
    (of the matrix products, where there are any), `traffic` the bytes that pass to and from memory.
    """

    kernel: AbstractKernel
    bytes: int
    operations: int
    traffic: int
    reason: str

    @property
    def limit(self) -> str:
        """What bounds the speed, from operations per byte: current machines do some ten in the time of one."""
        intensity = self.operations / self.traffic
        return f"{'arithmetic' if intensity > 10 else 'memory'} ({intensity:.3g} operations a byte)"

    def __str__(self) -> str:
        return (
            f"{self.kernel.label()}: {_readable(self.bytes)}, {self.operations:.3g} operations a step, limited by "
            f"{self.limit}; {self.reason}"
        )


def plan(objective, m: int, n: int | None = None, *, memory: int = MEMORY) -> Plan:
    """The plan for `objective` with m particles, on its n training inputs unless another n is given.

    **Arguments:** `memory`: bytes that the kernel may take for itself.

    >>> import jax.numpy as jnp, meanfield as mf
    >>> objective = mf.Objective(mf.Neuron("relu"), mf.Square(), jnp.ones((1000, 2)), jnp.ones(1000))
    >>> type(mf.plan(objective, 10**6).kernel).__name__
    'Sorted'
    """
    m, memory = positive_count("m", m), positive_count("memory", memory)
    if not hasattr(objective, "unit") or not hasattr(objective, "x"):
        raise ValueError(f"{shown('objective', objective)}: expected an objective such as Objective(unit, loss, x, y).")
    d = objective.x.shape[1]
    n = objective.x.shape[0] if n is None else positive_count("n", n)
    return choose(objective.unit, m, n, d, objective.x.dtype, memory=memory)


def choose(
    unit: AbstractUnit, m: int, n: int, d: int, dtype, platform: str | None = None, memory: int = MEMORY
) -> Plan:
    """The same from bare numbers; for the default backend unless a platform ("cpu", "gpu") is named."""
    platform = jax.default_backend() if platform is None else platform
    size = jnp.dtype(dtype).itemsize
    k, p = unit.outputs, unit.size(d)
    pair = size * (1 if type(unit) is Neuron else k)
    work = m * n * (d + k)
    particles = 3 * m * p * size  # read in both passes, and the velocity written
    if unsuited(unit, d, dtype) is None and m * n >= SORTED_FROM:
        bits = max(1, (n - 1).bit_length())
        held = min(m, 1 << 20) * 6 * size + m * 4 + 32 * n * size
        operations = (m + n) * (bits + 12 * k)
        return Plan(Sorted(), held, operations, particles + 2 * 4 * m, "piecewise linear in two dimensions: exact sums")
    tile = min(TILE_BYTES["cpu" if platform == "cpu" else "other"], memory)
    if m <= CHAIN and m * n * pair <= tile:
        traffic = particles + 2 * m * n * pair
        return Plan(Dense(), m * n * pair, 4 * work, traffic, f"the {m} × {n} array is small")
    absent = unavailable(unit, d, dtype, platform)
    if absent is None:
        held = 2 * (m * p + n * (d + k)) * size  # operands by columns, and partial sums
        return Plan(Pallas(), held, 6 * work, particles, "fused on the device: the m × n array is never written")
    samples = share(n, SAMPLES)
    block = share(m, min(CHAIN, max(1, tile // (samples * pair))))
    traffic = particles + 2 * (m // block + 1) * n * d * size
    why = f"the {m} × {n} array would take {_readable(m * n * pair)}"
    if platform == "gpu":
        why += f"; no fused kernel: {absent}"
    tiles = None if samples == n else samples
    # What such a choice at every step costs on accelerators has not been measured.
    nodes = _nodes(unit, m, n, d, size, memory - tile) if platform == "cpu" and size >= 4 else ()
    if nodes:
        most, matrices = nodes[-1], n * sum(nodes) * size
        held, operations = block * samples * pair + matrices, 6 * m * most * (d + k) + 4 * n * most * k
        why = f"analytic on the line: {nodes[0]} to {most} points do for {n} samples, unless weights are large"
        return Plan(Interpolated(nodes, Blocked(block, tiles)), held, operations, traffic + 2 * n * most * size, why)
    if signs_suffice(unit) and d >= SIGNS_FROM and m * n <= memory:
        block = share(m, max(1, block // 2))  # signs take their part of the caches
        return Plan(Blocked(block, tiles, keep_signs=True), m * n, 4 * work, traffic + 2 * m * n, why)
    return Plan(Blocked(block, tiles), block * samples * pair, 6 * work, traffic, why)


def _nodes(unit: AbstractUnit, m: int, n: int, d: int, size: int, memory: int) -> tuple[int, ...]:
    """Those of `NODES` that at least halve the work, as far as their matrices fit into the memory."""
    if uncertified(unit, d) is not None:
        return ()
    offered = [count for count in NODES if 2 * count * (m + n) <= m * n]
    while n * sum(offered) * size > memory:
        offered.pop()
    return tuple(offered)


def _readable(count: int) -> str:
    size, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000
    return f"{size:.3g} {unit}"

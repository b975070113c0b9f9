"""The neurons that a kernel is compiled for, and how their data lie in memory."""

import functools
from typing import NamedTuple

import llvmlite.binding as llvm

from meanfield.integrals.native.vectors import Registers
from meanfield.integrals.summation import CHAIN

VECTORS = 2
"""Vectors of samples that are worked on together: a block."""
NEAR_BYTES = 1 << 18
"""Bytes of the particles of one chain: they meet every block of samples, and should stay in the second cache."""
GROUPS = 32
"""Most pieces into which particles are cut in `predict`: each has its own sums."""


class Work(NamedTuple):
    """Neurons of one activation, `inputs` dimensions, a bias or none, and k `outputs`.

    `slopes` are those of a piecewise-linear σ of one output, for which ∂_a follows from ∂_w by Euler's identity.
    """

    activation: str
    inputs: int
    bias: bool
    outputs: int
    kind: Registers
    slopes: tuple[float, float] | None

    @property
    def parameters(self) -> int:
        """p, the numbers of a particle: a_1 … a_k, w_1 … w_d and b."""
        return self.outputs + self.inputs + self.bias

    @property
    def block(self) -> int:
        """Samples of one block."""
        return VECTORS * self.kind.lanes

    @property
    def chain(self) -> int:
        """Particles of one chain of additions."""
        return max(64, min(CHAIN, NEAR_BYTES // (self.kind.size * self.parameters)))

    @property
    def row(self) -> int:
        """Numbers of a sample where its inputs lie side by side, filled up to whole vectors."""
        return -(-self.inputs // self.kind.lanes) * self.kind.lanes


def work(
    activation: str, inputs: int, bias: bool, outputs: int, dtype: str, slopes: tuple[float, float] | None
) -> Work:
    """Return the work for the registers of this processor."""
    size = 4 if dtype == "float32" else 8
    return Work(activation, inputs, bias, outputs, Registers(dtype, lane_bytes() // size), slopes)


def groups(work: Work, m: int) -> int:
    """The pieces into which m particles are cut: whole chains, and no more than `GROUPS`."""
    return min(GROUPS, -(-m // work.chain))


@functools.cache
def lane_bytes() -> int:
    """Bytes of the registers of this processor."""
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return 64
    return 32 if features.get("avx2") else 16

"""The interface of a compute kernel, in whichever way it computes."""

from abc import abstractmethod
from typing import Any

import equinox as eqx

from meanfield.arguments.described import html, text
from meanfield.arguments.typing import Inputs, Outputs, Position
from meanfield.particles import Particles
from meanfield.units.neuron import AbstractUnit

PRECISIONS = ("default", "high", "highest")
"""Names of matrix-product precision: "highest" is all bits of the type, never the TF32 that JAX takes by default on
recent GPUs."""


class AbstractKernel(eqx.Module):
    """A way to compute predict and pullback. All agree up to rounding; they differ in time and memory.

    A velocity calls `forward`, turns predictions into residuals, and calls `backward` with what `forward` kept.
    """

    __repr__, _repr_html_ = text, html

    @abstractmethod
    def at(self, unit: AbstractUnit, x: Inputs) -> "AbstractKernel":
        """This kernel, having done what depends on the inputs alone; afterwards it serves these inputs only."""

    @abstractmethod
    def predict(self, unit: AbstractUnit, mu: Particles, x: Inputs) -> Outputs:
        """∫ Φ(θ; x_i) dμ(θ) for every sample; differentiable in the particles, forward and backward."""

    @abstractmethod
    def forward(self, unit: AbstractUnit, mu: Particles, x: Inputs) -> tuple[Outputs, Any]:
        """(f, kept): f as from `predict`, and arrays for `backward` whose first axis runs over particles."""

    @abstractmethod
    def backward(self, unit: AbstractUnit, mu: Particles, x: Inputs, kept: Any, r: Outputs) -> Position:
        """g_j = Σ_i r_i ∇_θ Φ(θ_j; x_i), shape [m, p]; masses do not enter."""

    @abstractmethod
    def label(self) -> str:
        """Name and sizes in a few words."""

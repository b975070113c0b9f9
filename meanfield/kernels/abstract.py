"""What a compute kernel promises, whichever way it goes about it."""

from abc import abstractmethod

import equinox as eqx

from meanfield._typing import Inputs, Outputs, Pullback
from meanfield.particles import Particles
from meanfield.units import AbstractUnit

PRECISIONS = ("default", "high", "highest")


class AbstractKernel(eqx.Module):
    """A way to compute predict and pullback. All agree up to rounding; they differ in time and memory.

    Matrix products run at the precision named here ("highest": all bits of the type), never at the TF32 that JAX
    takes by default on recent GPUs.
    """

    precision: eqx.AbstractVar[str]

    @abstractmethod
    def predict(self, unit: AbstractUnit, mu: Particles, x: Inputs) -> Outputs:
        """∫ Φ(θ; x_i) dμ(θ) for every sample."""

    @abstractmethod
    def linearise(self, unit: AbstractUnit, mu: Particles, x: Inputs) -> tuple[Outputs, Pullback]:
        """(f, pull) with f as from `predict` and pull(r)[j] = Σ_i r_i ∇_θ Φ(θ_j; x_i); masses do not enter pull."""

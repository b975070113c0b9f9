"""How the tangent kernel drifts, and how it is aligned with the targets."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from meanfield.arguments import flag
from meanfield.arguments.typing import Scalar
from meanfield.objectives.abstract import AbstractObjective
from meanfield.objectives.tangent import anchor, is_linearised
from meanfield.observables.abstract import AbstractObservable, AbstractSnapshot
from meanfield.observables.empirical_kernel import tangent_kernel
from meanfield.particles import Particles


class KernelDrift(AbstractObservable):
    """‖K_t − K_0‖_F / ‖K_0‖_F of the tangent kernel on the training inputs."""

    name: ClassVar[str] = "kernel_drift"
    symbol: ClassVar[str] = "‖K − K₀‖ / ‖K₀‖"
    unit: ClassVar[str] = "share"

    def init(self, objective: AbstractObjective, mu: Particles) -> Array:
        return tangent_kernel(objective.unit, mu, objective.x)

    def __call__(self, objective: AbstractObjective, mu: Particles, start: Array) -> Scalar:
        if is_linearised(objective):
            return jnp.zeros((), mu.dtype)  # the tangent model's kernel is its anchor's, for ever
        now = tangent_kernel(objective.unit, mu, objective.x)
        return jnp.sqrt(jnp.sum(jnp.square(now - start)) / jnp.sum(jnp.square(start)))


class KernelAlignment(AbstractSnapshot):
    """⟨K, yyᵀ⟩ / (‖K‖_F ‖yyᵀ‖_F) of the tangent kernel, centred in both arguments unless `centred=False`.

    One output only. Source: Cristianini et al. (2001), Cortes et al. (2012) for the centred form.
    """

    centred: bool = eqx.field(static=True, default=True, converter=lambda value: flag("centred", value))
    name: ClassVar[str] = "kernel_alignment"
    symbol: ClassVar[str] = "A(K, yyᵀ)"
    unit: ClassVar[str] = "cosine"

    def __call__(self, objective: AbstractObjective, mu: Particles, start: None) -> Scalar:
        if objective.unit.outputs != 1:
            raise ValueError(f"outputs={objective.unit.outputs}: kernel alignment is defined for one output.")
        mu = anchor(objective, mu)
        kernel, y = tangent_kernel(objective.unit, mu, objective.x), objective.y
        if self.centred:
            kernel = kernel - jnp.mean(kernel, axis=0)
            kernel = kernel - jnp.mean(kernel, axis=1, keepdims=True)
            y = y - jnp.mean(y)
        return y @ kernel @ y / (jnp.sqrt(jnp.sum(jnp.square(kernel))) * jnp.sum(jnp.square(y)))

"""A neuron with normalised weights, whose gradients are those of a scale-invariant function."""

from collections.abc import Callable
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from meanfield.arguments.typing import Input, Parameter
from meanfield.units.neuron import AbstractUnit, Neuron


class NormalisedNeuron(AbstractUnit):
    r"""A neuron that knows its weights by their direction, Φ(θ; x) = a σ(w·x / |w|), θ = (a_1 … a_k, w_1 … w_d[, b]).

    With bias Φ = a σ((w·x + b) / |(w, b)|). Φ is invariant when (w, b) is multiplied by a positive number, so that
    gradients in it are orthogonal to it and inversely proportional to its norm. Where (w, b) = 0, Φ is not a number.

    **Arguments:** as for `Neuron`. Raises `ValueError` for an unknown activation or `outputs` below one.

    >>> import jax.numpy as jnp, meanfield as mf
    >>> unit = mf.units.NormalisedNeuron("relu")
    >>> [round(float(unit(jnp.array([2.0, 3 * s, 4 * s]), jnp.array([1.0, 0.5]))), 6) for s in (1, 10)]
    [2.0, 2.0]

    Source: Salimans & Kingma (2016).
    """

    linear_outputs: ClassVar[bool] = True
    neuron: Neuron
    outputs: int = eqx.field(static=True)

    def __init__(self, activation: str | Callable, bias: bool = False, outputs: int = 1):
        self.neuron = Neuron(activation, bias, outputs)
        self.outputs = self.neuron.outputs

    def size(self, d: int) -> int:
        return self.neuron.size(d)

    def __call__(self, theta: Parameter, x: Input) -> Float[Array, "*k"]:
        w = theta[self.outputs :]
        return self.neuron(jnp.concatenate([theta[: self.outputs], w / jnp.linalg.norm(w)]), x)

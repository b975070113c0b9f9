"""Units Φ(θ; x): what one particle contributes to the predictor."""

from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from meanfield.arguments import flag, positive_count
from meanfield.arguments.described import html, text
from meanfield.arguments.meant import activation as elementwise
from meanfield.arguments.pickling import getstate, setstate
from meanfield.arguments.typing import Input, Inputs, Parameter, Position
from meanfield.units.activations import named, recognised


class AbstractUnit(eqx.Module):
    """One hidden unit Φ(θ; x), a function of a particle's parameters θ ∈ ℝ^p and an input x ∈ ℝ^d.

    A unit of your own needs `outputs`, `size` and `__call__`; everything else (kernels, flows, observables) works from
    these by automatic differentiation. The first `outputs` entries of θ are the output weights. A unit that is linear
    in them says so by `linear_outputs: ClassVar[bool] = True` in its own class, which spares reactions a pass.
    """

    __getstate__, __setstate__ = getstate, setstate
    __repr__, _repr_html_ = text, html

    outputs: eqx.AbstractVar[int]

    @abstractmethod
    def size(self, d: int) -> int:
        """p, the number of parameters of one particle for inputs of dimension d."""

    @abstractmethod
    def __call__(self, theta: Parameter, x: Input) -> Float[Array, "*k"]:
        """Φ(θ; x), a scalar for `outputs=1` and a vector of shape [outputs] otherwise."""


class Neuron(AbstractUnit):
    r"""A neuron Φ(θ; x) = a σ(w·x + b) with θ = (a_1 … a_k, w_1 … w_d[, b]).

    **Arguments:**

    - `activation`: a name (relu, leaky_relu, squared_relu, tanh, erf, sigmoid, softplus, gelu, cosine, linear) or any
      scalar function that JAX can differentiate and that acts elementwise on arrays. JAX's own functions, such as
      `jax.nn.relu` and `jnp.tanh`, are taken for what they are named here.
    - `bias`: whether a particle carries b as its last parameter.
    - `outputs`: k, the number of outputs; a is then a vector.

    A subclass that overrides anything is computed as the function that it is, by automatic differentiation.

    Raises `ValueError` for an unknown name or `outputs` below one.

    >>> import jax.numpy as jnp, meanfield as mf
    >>> unit = mf.Neuron("relu")
    >>> float(unit(jnp.array([2.0, 1.0, -1.0]), jnp.array([3.0, 1.0])))
    4.0
    """

    linear_outputs: ClassVar[bool] = True
    activation: Callable
    bias: bool = eqx.field(static=True)
    outputs: int = eqx.field(static=True)

    def __init__(self, activation: str | Callable, bias: bool = False, outputs: int = 1):
        if isinstance(activation, str):
            self.activation = named(activation).function
        else:
            known = recognised(activation) if callable(activation) else None
            self.activation = elementwise("activation", activation) if known is None else known.function
        self.bias = flag("bias", bias)
        self.outputs = positive_count("outputs", outputs)

    @property
    def homogeneity(self) -> int | None:
        """Degree of positive homogeneity of Φ in θ; None when it has none (or σ is a function of the user's)."""
        known = recognised(self.activation)
        return None if known is None or known.homogeneity is None else known.homogeneity + 1

    @property
    def slopes(self) -> tuple[float, float] | None:
        """(σ' below 0, σ' above 0) of a piecewise-linear σ, for which faster kernels exist; None for any other."""
        known = recognised(self.activation)
        return None if known is None else known.slopes

    def size(self, d: int) -> int:
        return self.outputs + d + self.bias

    def split(self, position: Position) -> tuple[Float[Array, "m k"], Float[Array, "m d"], Float[Array, " m"] | None]:
        """(a, w, b) of every particle; b is None without bias."""
        a = position[:, : self.outputs]
        if self.bias:
            return a, position[:, self.outputs : -1], position[:, -1]
        return a, position[:, self.outputs :], None

    def preactivation(self, position: Position, x: Inputs) -> Float[Array, "m n"]:
        """w_j·x_i + b_j for every particle and sample."""
        _, w, b = self.split(position)
        z = w @ x.T
        return z if b is None else z + b[:, None]

    def __call__(self, theta: Parameter, x: Input) -> Float[Array, "*k"]:
        w = theta[self.outputs : self.outputs + x.shape[0]]
        z = jnp.dot(w, x)
        if self.bias:
            z = z + theta[-1]
        a = theta[0] if self.outputs == 1 else theta[: self.outputs]
        return a * self.activation(z)

"""A finite two-layer network at given weights: predictions, derivatives and tangent kernel, written out.

f_c(x) = (1/m) Σ_j a_jc σ(w_j·x + b_j). A row of `position` is (a_1 … a_k, w_1 … w_d[, b]) of one neuron.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from theory import _arithmetic, _checks, _scale
from theory._checks import Array

ACTIVATIONS = {
    "tanh": (np.tanh, _scale.bell),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(float)),
    "erf": (special.erf, lambda z: 2 / np.sqrt(np.pi) * np.exp(-(z**2))),
    "linear": (lambda z: z, np.ones_like),
}
"""σ and σ' by name."""


@dataclass(frozen=True)
class Network:
    """Neurons of one activation.

    `position` is [m, k + d] or, with `bias`, [m, k + d + 1]. Raises ValueError for another shape, and for an
    activation that is not among tanh, relu, erf, linear.

    >>> net = Network([[2.0, 1.0, -1.0]], "relu")
    >>> net.predict([[3.0, 1.0]])
    array([[4.]])
    >>> net.tangent_kernel([[3.0, 1.0]])  # 2² from the output weight, 2² |x|² from the input weights
    array([[[[44.]]]])
    """

    position: ArrayLike
    activation: str = "tanh"
    outputs: int = 1
    bias: bool = False

    def __post_init__(self) -> None:
        _checks.choice("activation", self.activation, tuple(ACTIVATIONS))
        object.__setattr__(self, "outputs", _checks.integer("outputs", self.outputs))
        position = _checks.array("position", self.position, ["[m, p]"])
        if position.shape[1] <= self.outputs + self.bias:
            raise ValueError(f"position must have weights beside {self.outputs} outputs, got shape {position.shape}")
        object.__setattr__(self, "position", position)

    def predict(self, x: ArrayLike) -> Array:
        """f at each row of `x` [n, d], as [n, k]."""
        a, _, h, _ = self._layers(x)
        return h @ a / len(a)

    def tangent_kernel(self, x: ArrayLike) -> Array:
        """K [n, k, n, k], K_{ic,le} = (1/m) Σ_j ∇_j Φ_c(x_i)·∇_j Φ_e(x_l), Φ_c = a_c σ(w·x + b)."""
        a, inner, h, s = self._layers(x)
        same = np.eye(self.outputs)[None, :, None, :] * (h @ h.T)[:, None, :, None]
        moved = np.einsum("ij,lj,jc,je->icle", s, s, a, a, optimize=True) * inner[:, None, :, None]
        return (same + moved) / len(a)

    def gradients(self, x: ArrayLike, residual: ArrayLike) -> Array:
        """Σ_c r_ic ∇_j Φ_c(x_i) for every sample and neuron, [n, m, p]; `residual` is [n, k]."""
        a, _, h, s = self._layers(x)
        x, residual = _checks.array("x", x, ["[n, d]"]), _checks.array("residual", residual, ["[n, k]"])
        inner = (residual @ a.T) * s
        parts = [h[:, :, None] * residual[:, None, :], inner[:, :, None] * x[:, None, :]]
        return np.concatenate([*parts, inner[:, :, None]] if self.bias else parts, axis=2)

    def _layers(self, x: ArrayLike) -> tuple[Array, Array, Array, Array]:
        """(a [m, k], x·x' + bias [n, n], σ [n, m], σ' [n, m])."""
        x, position = _checks.array("x", x, ["[n, d]"]), np.asarray(self.position)
        a, w = position[:, : self.outputs], position[:, self.outputs :]
        if self.bias:
            x = np.column_stack([x, np.ones(len(x))])
        _checks.same("columns of x", x.shape[1], "input weights", w.shape[1])
        function, slope = ACTIVATIONS[self.activation]
        z = x @ w.T
        return a, x @ x.T, function(z), slope(z)


_arithmetic.guard(__name__)

"""A deep linear network as one particle, so that every loss, flow and observable serves it too."""

from collections.abc import Sequence
from itertools import pairwise

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from meanfield.arguments import floating_array, positive_count, said
from meanfield.arguments.typing import Input, Parameter
from meanfield.particles import Particles
from meanfield.units.neuron import AbstractUnit


class DeepLinear(AbstractUnit):
    r"""The unit Φ(θ; x) = W_N ⋯ W_1 x, whose parameters θ are the entries of all N factors.

    One particle (mass 1, α = 1) is a deep linear network, and `GradientFlow(η)` is gradient descent of step η on its
    factors: W_j ← W_j − η (W_N ⋯ W_{j+1})ᵀ G (W_{j−1} ⋯ W_1)ᵀ with G = (1/n) Σ_i r_i x_iᵀ. Several particles are an
    ensemble whose end-to-end matrices are averaged.

    **Arguments:**

    - `hidden`: widths h_1 … h_{N−1} of the hidden layers; none for N = 1, a linear model.
    - `outputs`: k.

    θ holds the transposed factors one after the other, the last factor first, so that its first k entries are
    the output weights of one hidden unit. Raises `ValueError` for a width below one.

    >>> import jax.numpy as jnp, meanfield as mf
    >>> unit = mf.units.DeepLinear(hidden=(2,), outputs=2)
    >>> mu = unit.balanced(jnp.array([[3.0, 0.0, 0.0], [0.0, 2.0, 0.0]]))
    >>> [round(f, 4) for f in unit(mu.position[0], jnp.array([1.0, 1.0, 1.0])).tolist()]
    [3.0, 2.0]

    Source: Arora, Cohen & Hazan (2018).
    """

    hidden: tuple[int, ...] = eqx.field(static=True)
    outputs: int = eqx.field(static=True)

    def __init__(self, hidden: Sequence[int] = (), outputs: int = 1):
        if not isinstance(hidden, Sequence | np.ndarray) or isinstance(hidden, str | bytes):
            raise ValueError(f"{said('hidden', hidden)}: expected a sequence of widths, such as (8, 8).")
        self.hidden = tuple(positive_count("hidden", width) for width in hidden)
        self.outputs = positive_count("outputs", outputs)

    @property
    def depth(self) -> int:
        """N, the number of factors."""
        return len(self.hidden) + 1

    def size(self, d: int) -> int:
        return sum(rows * columns for rows, columns in self._shapes(d))

    def __call__(self, theta: Parameter, x: Input) -> Float[Array, "*k"]:
        f = x
        for factor in self.factors(theta, x.shape[0]):
            f = factor @ f
        return f[0] if self.outputs == 1 else f

    def factors(self, theta, d: int) -> list:
        """W_1 … W_N of one particle θ [p], of JAX or numpy; W_j has the shape [h_j, h_{j−1}], h_0 = d and h_N = k."""
        found, start = [], 0
        for rows, columns in reversed(self._shapes(d)):
            found.append(theta[start : start + rows * columns].reshape(columns, rows).T)
            start += rows * columns
        return found[::-1]

    def matrix(self, theta, d: int):
        """The end-to-end matrix W_N ⋯ W_1 of one particle, [k, d]."""
        product, *others = self.factors(theta, d)
        for factor in others:
            product = factor @ product
        return product

    def particle(self, factors: Sequence) -> Particles:
        """One particle of the given factors W_1 … W_N; raises `ValueError` for shapes that do not fit."""
        if not isinstance(factors, Sequence | np.ndarray) or isinstance(factors, str | bytes):
            raise ValueError(f"{said('factors', factors)}: expected a sequence of matrices, W_1 first.")
        factors = [np.asarray(floating_array("factors", factor, "rows columns")) for factor in factors]
        shapes = [factor.shape for factor in factors]
        if not shapes or len(shapes[0]) != 2 or shapes != self._shapes(shapes[0][1]):
            raise ValueError(f"factors have the shapes {shapes}: expected {self._shapes('d')}.")
        return Particles(np.concatenate([factor.T.ravel() for factor in factors[::-1]])[None])

    def balanced(self, matrix) -> Particles:
        """One particle of end-to-end matrix [k, d] whose factors are balanced, W_{j+1}ᵀ W_{j+1} = W_j W_jᵀ.

        W_N = U S^{1/N}, W_1 = S^{1/N} Vᵀ and S^{1/N} in between, padded by zeros, for the singular values
        W = U S Vᵀ. Raises `ValueError` where a hidden layer is narrower than min(k, d).
        """
        matrix = np.asarray(floating_array("matrix", matrix, "k d"))
        if matrix.shape[0] != self.outputs:
            raise ValueError(f"matrix has {matrix.shape[0]} rows: expected {self.outputs}, one an output.")
        if self.hidden and min(self.hidden) < min(matrix.shape):
            raise ValueError(f"hidden={self.hidden}: expected widths of at least {min(matrix.shape)}, the matrix's.")
        if not self.hidden:
            return self.particle([matrix])
        u, s, vt = np.linalg.svd(matrix, full_matrices=False)
        root = np.diag(s ** (1 / self.depth))
        core = [root @ vt, *[root] * (self.depth - 2), u @ root]
        factors = [np.zeros(shape, matrix.dtype) for shape in self._shapes(matrix.shape[1])]
        for factor, part in zip(factors, core, strict=True):
            factor[: part.shape[0], : part.shape[1]] = part
        return self.particle(factors)

    def _shapes(self, d) -> list[tuple]:
        """[(h_1, d), …, (k, h_{N−1})]."""
        widths = [d, *self.hidden, self.outputs]
        return [(after, before) for before, after in pairwise(widths)]

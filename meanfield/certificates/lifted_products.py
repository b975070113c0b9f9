r"""The lifted matrix of a direction, and the products of it that can't be negative.

With t_i = u·x_i write g_i = |t_i|, a_i = (g_i + t_i)/2 = relu(t_i) and b_i = (g_i − t_i)/2 = relu(−t_i). The matrix
Z = v vᵀ of v = (1, u, g), of size N = 1 + q + n, is positive semidefinite, and all these are linear functions of it:

    a_i ≥ 0,  b_i ≥ 0,  a_i a_j ≥ 0,  b_i b_j ≥ 0,  a_i b_j ≥ 0,
    a_i b_i = 0  (that is, g_i² = t_i²),  Z_00 = 1,  tr U = 1.

A matrix that obeys them is doubly nonnegative in (1, a, b); without the rank one that v vᵀ has, maximising over all
such matrices is a semidefinite program, whose value is an upper bound.
"""

from typing import NamedTuple

import numpy as np

from meanfield.certificates.slope import Array


class Products(NamedTuple):
    """One number for each product: `a` and `b` [n] (with the 1), `aa`, `bb` and `ab` [n, n].

    As multipliers those of `a`, `b` and `ab` count twice, as in the inner product of symmetric matrices.
    """

    a: Array
    b: Array
    aa: Array
    bb: Array
    ab: Array

    def plus(self, other: "Products", factor: float = 1.0) -> "Products":
        return Products(*(one + factor * two for one, two in zip(self, other, strict=True)))

    def times(self, factor: float) -> "Products":
        return Products(*(factor * one for one in self))

    def allowed(self, signs: Array) -> "Products":
        """The nearest that are nonnegative, and zero where a_i b_i is, or a_i or b_i by the signs."""
        nearest = Products(*(np.maximum(one, 0.0) for one in self))
        for one, zero in zip(nearest, vanishing(signs), strict=True):
            one[zero] = 0.0
        return nearest

    def squares(self) -> float:
        """The sum of squares, each as often as it stands in the symmetric matrix."""
        weights = (2.0, 2.0, 1.0, 1.0, 2.0)
        return float(sum(weight * np.sum(one * one) for weight, one in zip(weights, self, strict=True)))


def vanishing(signs: Array) -> Products:
    """Masks of the products that are zero where t_i ≥ 0 (signs 1), t_i ≤ 0 (−1), or either (0): all of a_i b_i, too."""
    a, b = signs < 0, signs > 0
    mixed = a[:, None] | b | np.eye(len(a), dtype=bool)
    return Products(a, b, a[:, None] | a, b[:, None] | b, mixed)


def products(z: Array, x: Array) -> Products:
    """The products that a symmetric matrix Z, [N, N], has for rows x, [n, q]."""
    q = x.shape[1]
    u, g = slice(1, 1 + q), slice(1 + q, None)
    t_t, t_g, g_g = x @ z[u, u] @ x.T, x @ z[u, g], z[g, g]
    t, absolute = x @ z[u, 0], z[g, 0]
    even, odd, cross, twist = g_g + t_t, g_g - t_t, t_g + t_g.T, t_g - t_g.T
    return Products((absolute + t) / 2, (absolute - t) / 2, (even + cross) / 4, (even - cross) / 4, (odd + twist) / 4)


def adjoint(y: Products, x: Array) -> Array:
    """The symmetric matrix with ⟨adjoint(y), Z⟩ = Σ y · products(Z) for all symmetric Z, [N, N], if y.aa and y.bb
    are symmetric.
    """
    n, q = x.shape
    t_t, t_g, g_g = coefficients(y)
    matrix = np.empty((1 + q + n, 1 + q + n))
    matrix[0, 0] = 0.0
    matrix[0, 1 : 1 + q] = x.T @ (y.a - y.b) / 2
    matrix[0, 1 + q :] = (y.a + y.b) / 2
    matrix[1 : 1 + q, 1 : 1 + q] = x.T @ t_t @ x
    matrix[1 : 1 + q, 1 + q :] = x.T @ t_g / 2
    matrix[1 + q :, 1 + q :] = g_g
    lower = np.tril_indices(len(matrix), -1)
    matrix[lower] = matrix.T[lower]
    return matrix


def coefficients(y: Products) -> tuple[Array, Array, Array]:
    """Return what multiplies t_i t_j, t_i g_j and g_i g_j in Σ y · products, each [n, n]."""
    both, mixed = y.aa + y.bb, y.ab + y.ab.T
    return (both - mixed) / 4, (y.aa - y.bb + y.ab - y.ab.T) / 2, (both + mixed) / 4

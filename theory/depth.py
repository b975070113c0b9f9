r"""The effect of depth on gradient descent for a linear model: it preconditions the end-to-end matrix.

Let f(x) = W x with W = W_N ⋯ W_1 and G = ∇L(W). If the factors are balanced, W_{j+1}ᵀ W_{j+1} = W_j W_jᵀ, then a step
of gradient descent on all of them moves W by −η P(G) + O(η²),

    P(G) = Σ_j [W Wᵀ]^{(N−j)/N} G [Wᵀ W]^{(j−1)/N},    j = 1 … N:

W grows faster where it is large already. Gradient flow keeps balance, so that W' = −P(G) for ever.

The term of order η² is one of products of two gradients. With W = U S Vᵀ the product of the factors between, from below
layer k to above layer j on one side and from layer j up on the other, depends on W alone:

    η² Σ_{j<k} [W Wᵀ]^{(N−k)/N} G V S^{(N+2(k−j−1))/N} Uᵀ G [Wᵀ W]^{(j−1)/N}.
"""

import numpy as np
from numpy.typing import ArrayLike

from theory import _arithmetic, _checks
from theory._checks import Array


def preconditioned(matrix: ArrayLike, gradient: ArrayLike, depth: int, *, exponent: float = 1.0) -> Array:
    """P(G) = Σ_j [W Wᵀ]^{(N−j)/N} G [Wᵀ W]^{(j−1)/N} for W and G of shape [k, d], N = `depth`.

    `exponent` multiplies both powers: 2 is a wrong rule, for comparison. Raises ValueError for shapes that do not
    agree, numbers that are not finite and a depth below 1.

    >>> preconditioned([[4.0, 0.0], [0.0, 1.0]], [[1.0, 1.0], [1.0, 1.0]], 2)
    array([[8., 5.],
           [5., 2.]])

    Source: `arora2018depth`.
    """
    matrix, gradient, depth = _checked(matrix, gradient, depth)
    exponent = _checks.number("exponent", exponent, minimum=-np.inf)
    parts = _Powers(matrix)
    total = np.zeros_like(matrix)
    for j in range(1, depth + 1):
        total += parts.left(exponent * (depth - j) / depth, parts.right(gradient, exponent * (j - 1) / depth))
    return total


def second_order(matrix: ArrayLike, gradient: ArrayLike, depth: int) -> Array:
    """Return what one step of gradient descent on balanced factors adds to W − η P(G), over η² as η → 0, [k, d].

    For N = 2 this is G Wᵀ G, and nothing else is left over. Raises ValueError as `preconditioned`.

    >>> second_order([[4.0]], [[1.0]], 2)
    array([[4.]])

    Source: `meanfield`, by expanding the product.
    """
    matrix, gradient, depth = _checked(matrix, gradient, depth)
    parts = _Powers(matrix)
    total = np.zeros_like(matrix)
    for k in range(2, depth + 1):
        for j in range(1, k):
            between = (parts.vt.T * parts.s ** ((depth + 2 * (k - j - 1)) / depth)) @ parts.u.T
            inner = gradient @ between @ parts.right(gradient, (j - 1) / depth)
            total += parts.left((depth - k) / depth, inner)
    return total


def end_to_end(
    matrix: ArrayLike, x: ArrayLike, y: ArrayLike, step: float, steps: int, depth: int, *, exponent: float = 1.0
) -> Array:
    """W after `steps` steps W ← W − η P(∇L(W)) on L(W) = (1/2n) Σ_i |W x_i − y_i|², [k, d].

    `x` is [n, d], `y` [n, k]. Raises ValueError for shapes that do not agree, numbers that are not finite, a step that
    is not positive, and where the steps diverge.

    >>> end_to_end([[1.0]], [[1.0]], [[3.0]], 0.5, 1, 2)
    array([[3.]])

    Source: `arora2018depth`.
    """
    x, y = _checks.array("x", x, ["[n, d]"]), _checks.array("y", y, ["[n, k]"])
    _checks.same("rows of y", len(y), "x", len(x))
    step, steps = _checks.number("step", step, exclusive=True), _checks.integer("steps", steps, minimum=0)
    exponent = _checks.number("exponent", exponent, minimum=-np.inf)
    matrix = _checks.array("matrix", matrix, ["[k, d]"])
    _checks.same("shape of matrix", matrix.shape, "y and x", (y.shape[1], x.shape[1]))
    covariance, cross = x.T @ x / len(x), y.T @ x / len(x)
    for _ in range(steps):
        matrix = matrix - step * preconditioned(matrix, matrix @ covariance - cross, depth, exponent=exponent)
    return matrix


class _Powers:
    """Powers of W Wᵀ and Wᵀ W from one singular value decomposition, the zeroth being the identity."""

    def __init__(self, matrix: Array):
        self.u, self.s, self.vt = np.linalg.svd(matrix, full_matrices=False)

    def left(self, power: float, other: Array) -> Array:
        """[W Wᵀ]^power · other."""
        return other if power == 0 else (self.u * self.s ** (2 * power)) @ (self.u.T @ other)

    def right(self, other: Array, power: float) -> Array:
        """other · [Wᵀ W]^power."""
        return other if power == 0 else (other @ self.vt.T) * self.s ** (2 * power) @ self.vt


def _checked(matrix: ArrayLike, gradient: ArrayLike, depth: int) -> tuple[Array, Array, int]:
    matrix, gradient = _checks.array("matrix", matrix, ["[k, d]"]), _checks.array("gradient", gradient, ["[k, d]"])
    _checks.same("shape of gradient", gradient.shape, "matrix", matrix.shape)
    return matrix, gradient, _checks.integer("depth", depth)


def monotone_step(top: float, power: float, depth: int) -> float:
    """The largest step of gradient descent on ℓ_p regression, in units of n, that does not shoot over a large target.

    Let w grow from 0 to y = `top` along one input by w ← w + η N w^a e^{p−1}, a = 2 − 2/N, e = y − w: gradient descent
    on f = w for L = e^p/p through N factors. It stays below y iff η N w^a e^{p−2} ≤ 1 all the way, which at its worst,
    u = w/y = a/(a + p − 2), means η = y^{2−p−a}/(N max_u u^a (1 − u)^{p−2}). Raises ValueError for a target that is not
    positive, p < 2 or a depth below 1.

    >>> round(monotone_step(2.0, 4.0, 1), 6), round(monotone_step(2.0, 4.0, 2), 6)
    (0.25, 0.421875)

    Source: `meanfield`.
    """
    top = _checks.number("top", top, exclusive=True)
    power, depth = _checks.number("power", power, minimum=2.0), _checks.integer("depth", depth)
    a = 2 - 2 / depth
    at = a / (a + power - 2) if a + power > 2 else 0.0
    return float(top ** (2 - power - a) / (depth * at**a * (1 - at) ** (power - 2)))


def speed_up(power: float, depth: int) -> float:
    """How much sooner N factors learn the small one of two targets than one does, each at its `monotone_step`.

    Once the large target y ≫ 1 is learned, the preconditioner is y^a in the direction of the small one, whose residual
    falls by e' = −η y^a e^{p−1}: the ratio of the rates of N factors and of one is 1/(N max_u u^a (1 − u)^{p−2}).
    That is 1/N for p = 2 and 27/8 for p = 4 and N = 2. It counts the last phase alone: what p = 2 loses before comes
    on top, while for p > 2 that is of relative order y^{2−p}. Raises ValueError as `monotone_step`.

    >>> [round(speed_up(p, depth), 6) for p, depth in ((4.0, 2), (2.0, 2), (4.0, 1))]
    [3.375, 0.5, 1.0]

    Source: `meanfield`; acceleration for p > 2 is observed by `arora2018depth`.
    """
    return monotone_step(1.0, power, depth)


_arithmetic.guard(__name__)

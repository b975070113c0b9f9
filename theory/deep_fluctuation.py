"""How far a deep network of width N is from its Gaussian process, to first order in 1/N.

Given the weights up to layer L, the outputs of random output weights are Gaussian with covariance K_N = h_L·h_L'/N.
Over the weights below, K_N itself has for large N

    N Cov(K_N) → V_L,   N (E K_N − K_L) → S_L,   so   N E‖K_N − K_L‖²_F → C_L = Σ_ik V_L[ik, ik].

Units of one layer are independent given the layer before, so that with F the map K_{l−1} ↦ K_l of the recursion

    V_l = Cov(σσ', σσ')  +  J V_{l−1} Jᵀ,   S_l = J S_{l−1} + ½ Σ ∂²F V_{l−1},   J = ∂F,

and V_0 = S_0 = 0. The first terms are those of one layer: V_1 and S_1 = 0 are exact at every N. Outputs that are
Gaussian given K_N have the excess kurtosis 3 Var K_N/(E K_N)². ReLU without biases multiplies the square norm of h by
(s_w²/N) Σ relu(g)² in each layer, whatever h is: there mean, variance and kurtosis are exact at every N and L.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from theory import _arithmetic, _checks
from theory._checks import Array
from theory.activations import ACTIVATIONS
from theory.deep_kernels import depths_of, moments, unit_of
from theory.kernel_fluctuation import ACTIVATIONS as FUNCTIONS
from theory.kernel_fluctuation import LONGEST, plane

_STEP = 1e-4
"""Relative step of the central differences of F: first derivatives are right to 1e-8, second ones to 1e-7."""


class DeepFluctuation(NamedTuple):
    """For every depth asked for: V of each entry of K and S, [D, n, n] each."""

    variance: Array
    shift: Array

    @property
    def constant(self) -> Array:
        """C with E‖K_N − K‖²_F = C/N + O(1/N²), shape [D]."""
        return np.sum(self.variance, axis=(1, 2))


def deep_fluctuation(
    x: ArrayLike,
    depths: Sequence[int] = (1,),
    activation: str = "relu",
    *,
    weight_scale: float = 1.0,
    bias_scale: float = 0.0,
) -> DeepFluctuation:
    """N Var K_N and N (E K_N − K) of the conjugate kernel of N units a layer, as N → ∞, for every depth of `depths`.

    `x` is [n, d]; scales and activations are those of `deep_kernels`. Raises ValueError as that does, and for
    pre-activations of a standard deviation above 2, which the quadrature does not resolve. Two inputs of a cosine
    within 1e-3 of ±1 are too close for the differences that derivatives are taken by.

    >>> deep_fluctuation([[1.0, 0.0]], (1, 3), weight_scale=2**0.5).variance.round(4).ravel().tolist()
    [5.0, 15.0]

    Source: `yaida2020nongaussian`.
    """
    x = _checks.array("x", x, ["[n, d]"])
    numbers = depths_of(depths)
    _checks.choice("activation", activation, ACTIVATIONS)
    gain = _checks.number("weight_scale", weight_scale, exclusive=True) ** 2
    bias_scale = _checks.number("bias_scale", bias_scale)
    size = unit_of(activation, max(float(np.abs(x).max()), bias_scale))
    x, shift = x / size, (bias_scale / size) ** 2
    rows, columns = np.tril_indices(len(x))
    # Of every pair of inputs (K_ii, K_ik, K_kk), a column each.
    kernel = np.stack([np.sum(x[rows] ** 2, axis=1), np.sum(x[rows] * x[columns], axis=1), np.sum(x[columns] ** 2, 1)])
    variance, mean = np.zeros((len(rows), 3, 3)), np.zeros((len(rows), 3))
    kept = {}
    for depth in range(1, max(numbers) + 1):
        before = gain * kernel + shift
        if before[[0, 2]].max() > LONGEST**2:
            raise ValueError(
                f"x, weight_scale and bias_scale must give pre-activations of deviation at most {LONGEST:g}, got "
                f"{np.sqrt(before[[0, 2]].max()):g}"
            )
        slope, curvature = _derivatives(kernel, activation, gain, shift)
        mean = np.einsum("pij,pj->pi", slope, mean) + np.einsum("pijk,pjk->pi", curvature, variance) / 2
        variance = slope @ variance @ slope.transpose(0, 2, 1)
        kernel = _next(kernel, activation, gain, shift)
        variance = variance + _of_one_unit(before, kernel, activation)
        if depth in numbers:
            # An input with itself: K_ik is K_ii there, and of the three only K_ii may be varied alone.
            mixed = (rows != columns).astype(int)
            pairs = np.arange(len(rows))
            kept[depth] = (_matrix(variance[pairs, mixed, mixed], len(x)), _matrix(mean[pairs, mixed], len(x)))
    # Variances are of degree four in the inputs and shifts of degree two.
    variance, mean = (np.stack([kept[depth][i] for depth in numbers]) for i in (0, 1))
    return DeepFluctuation(variance * size**2 * size**2, mean * size**2)


def _next(kernel: Array, activation: str, gain: float, shift: float) -> Array:
    """(K_ii, K_ik, K_kk) [3, …] one layer on."""
    first, mixed, second = (gain * part.reshape(len(part), -1) + shift for part in kernel)
    expected = ACTIVATIONS[activation].conjugate
    # On the diagonal both inputs are one, also in what is varied.
    pairs = [(first, first, first), (first, second, mixed), (second, second, second)]
    return np.stack([expected(moments(*three)).reshape(kernel.shape[1:]) for three in pairs])


def _derivatives(kernel: Array, activation: str, gain: float, shift: float) -> tuple[Array, Array]:
    """∂F_i/∂K_j [P, 3, 3] and ∂²F_i/∂K_j∂K_k [P, 3, 3, 3] by central differences."""
    step = _STEP * np.maximum(np.sqrt(kernel[0] * kernel[2]), np.finfo(float).tiny)

    def moved(*directions: int) -> Array:
        at = kernel.copy()
        for direction in directions:
            at[abs(direction) - 1] += np.sign(direction) * step
        return _next(at, activation, gain, shift)

    axes = (1, 2, 3)
    slope = np.stack([(moved(j) - moved(-j)) / (2 * step) for j in axes])
    curvature = np.stack(
        [
            [(moved(j, k) - moved(j, -k) - moved(-j, k) + moved(-j, -k)) / (4 * step**2) for k in axes]
            for j in axes
        ]
    )  # fmt: skip
    return slope.transpose(2, 1, 0), curvature.transpose(3, 2, 0, 1)


def _of_one_unit(before: Array, after: Array, activation: str) -> Array:
    """Cov(σ_i σ_k, σ_i' σ_k') of one unit, [P, 3, 3], from the covariance of its pre-activations and its kernel."""
    sigma, found = FUNCTIONS[activation].value, []
    for first, mixed, second in before.T:
        length = np.sqrt(first)
        along = mixed / length if length else 0.0
        u, v, weight = plane(np.array([length, 0.0]), np.array([along, np.sqrt(max(second - along**2, 0.0))]))
        products = np.stack([sigma(u) ** 2, sigma(u) * sigma(v), sigma(v) ** 2]).reshape(3, -1)
        found.append((products * weight.ravel()) @ products.T)
    return np.stack(found) - after.T[:, :, None] * after.T[:, None, :]


def _matrix(values: Array, n: int) -> Array:
    """The symmetric matrix whose lower triangle holds `values`."""
    matrix = np.zeros((n, n))
    rows, columns = np.tril_indices(n)
    matrix[rows, columns] = matrix[columns, rows] = values
    return matrix


def relu_kurtosis(depth: int, width: int) -> float:
    """Excess kurtosis of one output of a deep ReLU network without biases: 3 (1 + 5/N)^L − 3, at every N and L.

    The square norm of h_L is a product of L independent factors of mean 1 and second moment 1 + 5/N, for
    E relu(g)⁴ = 3/2 and E relu(g)² = 1/2. Raises ValueError for a depth or width below 1.

    >>> round(relu_kurtosis(1, 15), 12), round(relu_kurtosis(4, 60), 4)
    (1.0, 1.1321)

    Source: `hanin2020products`.
    """
    return 3 * math.expm1(_checks.integer("depth", depth) * math.log1p(5 / _checks.integer("width", width)))


def relu_tangent_variance(depth: int, width: int) -> float:
    """Var Θ_N(x, x)/(E Θ_N(x, x))² of a deep ReLU network without biases, at every N and L, for any s_w.

    Θ_N is a sum over the L + 1 layers of weights, each with the share 1/(L + 1) of the mean: the square norm of what
    enters the layer times that of the derivative behind it. Of one input the units that are on are as good as drawn by
    coins, whatever the weights, so that two layers of which k layers of units lie in between share a product A_k of k
    such draws D and of k − 1 Gaussian matrices, and norms through the other L − k layers are independent:

        E Θ_N²/(E Θ_N)² = Σ_{k=0}^{L} c_k (1 + 5/N)^{L−k} r_k/(L + 1)²,   c_0 = L + 1,  c_k = 2 (L + 1 − k),

    with r_0 = 1 and r_k = E‖A_k‖_F⁴/(E‖A_k‖_F²)². Beside it goes q_k, of ‖A_kᵀA_k‖_F²; from A_{k+1} = D W A_k follow

        r_{k+1} = (1 + 1/N) r_k + (4/N) q_k,   q_{k+1} = (2/N) r_k + (1 + 3/N) q_k,   r_1 = 1 + 1/N,  q_1 = 2/N.

    Raises ValueError for a depth or width below 1.

    >>> round(relu_tangent_variance(1, 30), 12)  # (3/2 + 1 + 3/2 − 1)/N, the constant of one layer
    0.1
    >>> round(relu_tangent_variance(2, 10), 12)  # (3 · 1.5² + 4 · 1.5 · 1.1 + 2 (1.1² + 0.08))/9 − 1
    0.77

    Source: `meanfield`.
    """
    layers, n = _checks.integer("depth", depth), _checks.integer("width", width)
    products = [1.0]
    r, q = 1 + 1 / n, 2 / n
    for _ in range(layers):
        products.append(r)
        r, q = (1 + 1 / n) * r + 4 / n * q, 2 / n * r + (1 + 3 / n) * q
    count = [layers + 1, *(2 * (layers + 1 - k) for k in range(1, layers + 1))]
    total = sum(c * (1 + 5 / n) ** (layers - k) * products[k] for k, c in enumerate(count))
    return total / (layers + 1) ** 2 - 1


_arithmetic.guard(__name__)

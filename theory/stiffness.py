"""Alignment of the gradients of single samples, from the tangent kernel.

The loss of sample i has the gradient g_i = Σ_c r_ic ∇f_c(x_i), r = ∂ℓ/∂f, so that g_i·g_k = r_iᵀ K_ik r_k and

    cos ∠(g_i, g_k) = r_iᵀ K_ik r_k / (r_iᵀ K_ii r_i · r_kᵀ K_kk r_k)^½,

for one output sign(r_i r_k) K_ik / (K_ii K_kk)^½, whatever the loss.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from theory import _arithmetic, _checks, _scale
from theory._checks import Array
from theory.neurons import Network

EPS = float(np.finfo(float).eps)

UNIT = EPS / 12**0.5
"""Standard deviation of a rounding, relative to what is rounded."""

DEVIATIONS = 8.0
"""Standard deviations beyond which rounding does not reach: of 10⁶ normal draws the largest is some 5."""


def residual(loss: str, f: ArrayLike, y: ArrayLike) -> Array:
    """r = ∂ℓ/∂f of single samples, [n, k], for predictions f and targets y of that shape.

    `loss`: square, ½|f − y|²; or logistic, log(1 + e^{−yf}) with y = ±1 for k = 1, and for k > 1 the cross-entropy of
    classes, y being one-hot rows. Raises ValueError for another loss or shapes that disagree.

    >>> residual("logistic", [[0.0, 0.0]], [[1.0, 0.0]])
    array([[-0.5,  0.5]])
    """
    f, y = _checks.array("f", f, ["[n, k]"]), _checks.array("y", y, ["[n, k]"])
    _checks.same("f", f.shape, "y", y.shape)
    if _checks.choice("loss", loss, ("square", "logistic")) == "square":
        return f - y
    return -y * special.expit(-y * f) if f.shape[1] == 1 else special.softmax(f, axis=1) - y


def cosines(kernel: ArrayLike, residuals: ArrayLike, *, signed: bool = True) -> Array:
    """cos ∠(g_i, g_k) [n, n] of a tangent kernel [n, k, n, k] and residuals [n, k]; zero where a gradient is.

    Not `signed`, each residual counts by its size alone: for one output, the normalised kernel itself. Raises
    ValueError for shapes that disagree.

    >>> float(cosines([[[[4.0], [1.0]]], [[[1.0], [1.0]]]], [[2.0], [-0.1]])[0, 1])
    -0.5

    Source: `fort2019stiffness`, `meanfield`.
    """
    kernel, r = _checks.array("kernel", kernel, ["[n, k, n, k]"]), _checks.array("residuals", residuals, ["[n, k]"])
    _checks.same("kernel", kernel.shape, "residuals", (*r.shape, *r.shape))
    r = r if signed else np.abs(r)
    # Their sizes do not matter, and their squares may underflow.
    largest = np.max(np.abs(r), axis=1, keepdims=True)
    r = np.divide(r, largest, out=np.zeros_like(r), where=largest > 0)
    # Nor do those of gradients: each sample's kernel is brought near 1.
    power = np.frexp(np.max(np.abs(np.einsum("icic->ic", kernel)), axis=1))[1] // 2
    kernel = np.ldexp(kernel, -(power[:, None, None, None] + power[:, None]))
    gram = np.einsum("ic,icle,le->il", r, kernel, r, optimize=True)
    size = np.sqrt(np.maximum(np.diag(gram), 0))
    return np.divide(gram, size[:, None] * size, out=np.zeros_like(gram), where=size[:, None] * size > 0)


def rounding(network: Network, x: ArrayLike, y: ArrayLike, loss: str) -> Array:
    """How far two computations of these cosines may differ by rounding, [n, n]: `DEVIATIONS` standard deviations.

    The model is f = `network` without bias, tanh or relu; x is [n, d], y [n, k]. Every rounding is taken as a draw of
    its own with the standard deviation ε/√12 of a uniform one, and is followed to first order to the cosine: those of
    z_ij turn g_i by what neuron j adds to it, those of f_ic by what output c does, and those of the entries of g_i and
    of its inner products by themselves. A sum of N terms t has the error ε/√12 · (Σ t² (1 + N/2))^½, and tanh 2 ε.

    For one output r_i does not turn g_i as long as its sign is known. Where it may not be, nor the sign of a ReLU's z,
    each rounding at its largest, the bound is infinite. Raises ValueError for other networks and shapes.

    Source: `meanfield`.
    """
    if network.bias or _checks.choice("activation", network.activation, ("tanh", "relu")) != network.activation:
        raise ValueError("network must have no bias, got one")
    x, y = _checks.array("x", x, ["[n, d]"]), _checks.array("y", y, ["[n, k]"])
    position, k = np.asarray(network.position), network.outputs
    a, w = position[:, :k], position[:, k:]
    f = network.predict(x)
    r, z = residual(loss, f, y), x @ w.T
    if network.activation == "tanh":
        h, slope = np.tanh(z), _scale.bell(z)
        # The derivative may be computed as 1 − tanh², which keeps no digits of its own where it is small.
        bend, in_h, in_s = -2 * h * slope, 2 * EPS * np.abs(h), 4 * EPS * h**2 + UNIT
    else:
        h, slope = np.maximum(z, 0), (z > 0) * 1.0
        bend, in_h, in_s = np.zeros_like(z), UNIT * h, np.zeros_like(z)
    in_z = np.sqrt(_summed(x**2 @ (w**2).T, w.shape[1]))
    in_f = np.sqrt(((slope * in_z) ** 2 + in_h**2) @ a**2 + _summed(h**2 @ a**2, len(a))) / len(a)
    in_r = np.sqrt(in_f**2 + UNIT**2 * r**2 + (0.0 if loss == "square" else (3 * UNIT) ** 2 * (r + y) ** 2))
    g = network.gradients(x, r)
    length = np.sqrt(np.sum(g**2, axis=(1, 2)))
    found = np.full((len(x), len(x)), np.inf)
    unknown = _unknown(network, x, z, h, f if loss == "square" and k == 1 else None, y)
    for i in np.flatnonzero((length > 0) & np.logical_not(unknown)):
        turned = g / np.where(length > 0, length, 1)[:, None, None]
        turned -= np.einsum("njp,jp->n", turned, g[i] / length[i])[:, None, None] * g[i] / length[i]
        outer, inner = turned[:, :, :k] @ r[i], turned[:, :, k:] @ x[i]
        by_z = outer * slope[i] + inner * (a @ r[i]) * bend[i]
        by_r = np.einsum("njc,j->nc", turned[:, :, :k], h[i]) + (inner * slope[i]) @ a
        squares = by_z**2 @ in_z[i] ** 2 + (by_r**2 @ in_r[i] ** 2 if k > 1 else 0.0)
        squares += outer**2 @ in_h[i] ** 2 + inner**2 @ (a @ r[i] * in_s[i]) ** 2
        squares += _summed(np.sum((turned * g[i]) ** 2, axis=(1, 2)), k)
        found[i] = squares / length[i] ** 2
    unit = g / np.where(length > 0, length, 1)[:, None, None]
    products = _summed(np.einsum("ijp,ljp->il", unit**2, unit**2), unit[0].size)
    norms = np.diag(products)
    spread = found + found.T + products + np.einsum("ijp,ljp->il", unit, unit) ** 2 * (norms[:, None] + norms) / 4
    return DEVIATIONS * np.sqrt(2 * spread)


def _summed(squares: Array, terms: int) -> Array:
    """The variance of the error of a sum of so many products, from the sum of their squares."""
    return UNIT**2 * (1 + terms / 2) * squares


def _unknown(network: Network, x: Array, z: Array, h: Array, f: Array | None, y: Array) -> Array:
    """Return for which samples rounding may turn a sign: that of a ReLU's z, or of f − y."""
    position = np.abs(np.asarray(network.position))
    a, w = position[:, : network.outputs], position[:, network.outputs :]
    in_z = (w.shape[1] + 2) * EPS * (np.abs(x) @ w.T)
    kink = np.any(np.abs(z) <= in_z, axis=1) if network.activation == "relu" else np.zeros(len(x), bool)
    if f is None:
        return kink
    in_f = (in_z @ a + (len(a) + 10) * EPS * (np.abs(h) @ a)) / len(a) + EPS * (np.abs(f) + np.abs(y))
    return kink | np.any(np.abs(f - y) <= in_f, axis=1)


_arithmetic.guard(__name__, infinite=("rounding",))

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


def rounding(network: Network, x: ArrayLike, y: ArrayLike, loss: str, scale: float = 1.0) -> Array:
    """How far two computations of these cosines may differ by rounding, to first order, [n, n].

    The model is f = α × `network` without bias, tanh or relu; x is [n, d], y [n, k]. Errors are followed from
    pre-activations to gradients. Let D_i be what is wrong with g_i relative to its length, and ρ_i the length of the
    sum of absolute values over that of the sum: each computation is off by D_i + D_k at most for the gradients, and by
    3 (N + 8) ε (ρ_i² + ρ_k²) for the inner products, N = m (k + d). For one output r_i does not turn g_i as long as
    its sign is known; where it is not, and where a ReLU's is not, the bound is infinite. Elementary functions are
    taken to be good to 8 ε.

    Source: `meanfield`.
    """
    if network.bias or _checks.choice("activation", network.activation, ("tanh", "relu")) != network.activation:
        raise ValueError("network must have no bias, got one")
    x, y = _checks.array("x", x, ["[n, d]"]), _checks.array("y", y, ["[n, k]"])
    scale = _checks.number("scale", scale, minimum=-np.inf)
    position = np.asarray(network.position)
    a, w = np.abs(position[:, : network.outputs]), position[:, network.outputs :]
    m, d, k = len(w), w.shape[1], network.outputs
    f = scale * network.predict(x)
    r = residual(loss, f, y)
    z, in_z = x @ w.T, (d + 2) * EPS * (np.abs(x) @ np.abs(w.T))
    if network.activation == "tanh":
        h, s = np.abs(np.tanh(z)), _scale.bell(z)
        in_h, in_s = in_z + 8 * EPS * h, in_z + 24 * EPS
    else:
        h, s = np.maximum(z, 0), (z > 0) * 1.0
        in_h, in_s = in_z, np.where(np.abs(z) > in_z, 0.0, np.inf)
    in_f = scale / m * (in_h @ a + (m + 2) * EPS * (h @ a))
    if loss == "square":
        in_r = in_f + EPS * (np.abs(f) + np.abs(y))
    else:
        in_r = np.linalg.norm(in_f, axis=1, keepdims=True) + 16 * EPS * (1 + np.abs(f).max(axis=1, keepdims=True))
        in_r = np.broadcast_to(in_r, r.shape)
    if k == 1:
        in_r = np.where(np.abs(r) > in_r, 0.0, np.inf)
    terms = np.abs(r) @ a.T
    with np.errstate(invalid="ignore"):
        in_inner = (in_r @ a.T) + (k + 1) * EPS * terms
        inner = np.abs(r @ position[:, :k].T)
        wrong = (in_inner * s + _product(inner, in_s) + 3 * EPS * inner * s) * np.linalg.norm(x, axis=1)[:, None]
        outer = in_r[:, None, :] * h[:, :, None] + np.abs(r)[:, None, :] * (in_h + 2 * EPS * h)[:, :, None]
    length = np.linalg.norm(network.gradients(x, r).reshape(len(x), -1), axis=1)
    total = np.sqrt(np.sum(wrong**2, axis=1) + np.sum(outer**2, axis=(1, 2)))
    whole = np.sqrt(np.sum((terms * s) ** 2, axis=1) * np.sum(x**2, axis=1) + np.sum(r**2, 1) * np.sum(h**2, axis=1))
    known = (length > 0) & np.isfinite(total)
    turned = np.divide(total, length, out=np.full(len(x), np.inf), where=known)
    ratio = np.divide(whole, length, out=np.full(len(x), np.inf), where=known) ** 2
    products = 3 * (m * (k + d) + 8) * EPS * (ratio[:, None] + ratio)
    return 2 * (turned[:, None] + turned + products)


def _product(left: Array, right: Array) -> Array:
    """left × right, nothing times infinity being nothing."""
    return np.where(left == 0, 0.0, left * right)


_arithmetic.guard(__name__, infinite=("rounding",))

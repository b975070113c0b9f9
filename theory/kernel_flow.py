"""Kernel gradient flow of the square loss R(f) = (1/2n) Σ_i (f_i − y_i)², and its discrete-time twin.

    flow      df/dt = −(1/n) K (f − y)          f(t) = y − e^{−Kt/n} (y − f₀)
    descent   f ← f − (h/n) K (f − y)           f_k  = y − (I − hK/n)^k (y − f₀)

One eigendecomposition K = V Λ Vᵀ serves all times, and expm1 and log1p keep every mode exact down to λ = 0,
where (1 − e^{−λt/n})/λ is t/n. Eigenvalues within rounding of zero, |λ| ≤ δ = 64 ε n max|K|, count as zero. So do the
products of K_* with their eigenvectors that are within rounding, since t/n would make any size of them; and beyond
t = n/δ, where nothing is known of such directions any more, they contribute nothing, as at t = ∞.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy import linalg

from theory import _arithmetic, _checks
from theory._checks import Array

_MOST_STEPS = 2**53
"""Beyond it float64 does not tell even numbers from odd ones."""

_LARGEST = float(np.finfo(float).max)

_ULPS = 64
"""Entries of a kernel are taken to be right to this many units in the last place of its largest entry."""


def train(kernel: ArrayLike, y: ArrayLike, times: ArrayLike, f0: ArrayLike | None = None) -> Array:
    """f(t) = y − e^{−Kt/n} (y − f₀) on the training samples, at each of `times`.

    `kernel` is [n, n], symmetric and positive semi-definite; `y` is [n], or [n, k] for k outputs; `times`
    is [T], non-negative, in any order, infinity allowed; `f0`, of the shape of `y`, defaults to 0. The
    result is [T, n] or [T, n, k]. Raises ValueError for anything else.

    >>> train([[2.0, 0.0], [0.0, 0.0]], [1.0, 1.0], [0.0, np.log(2), np.inf])
    array([[0. , 0. ],
           [0.5, 0. ],
           [1. , 0. ]])

    Source: `chizat2019lazy`, `lee2019wide`.
    """
    values, vectors, floor = _spectrum(kernel)
    y, error = _errors(len(values), y, f0)
    decay, _ = _flow_factors(values, floor, _times(times))
    return y - _modes(vectors, decay, vectors, error)


def test(
    kernel: ArrayLike,
    kernel_test: ArrayLike,
    y: ArrayLike,
    times: ArrayLike,
    f0: ArrayLike | None = None,  # noqa: PT028  (a test sample, not a unit test)
    f0_test: ArrayLike | None = None,  # noqa: PT028
) -> Array:
    """f(t) = f₀ + K_* K⁻¹ (I − e^{−Kt/n}) (y − f₀) on other samples, at each of `times`.

    `kernel_test`, K_*, is [n_test, n]; `f0_test`, [n_test] or [n_test, k], defaults to 0 and must be given
    if `f0` is not 0. The rest is as for `train`; the result is [T, n_test] or [T, n_test, k]. In a
    direction where K vanishes the factor is t/n, exactly, up to t = n/δ; at t = ∞ such directions contribute
    nothing, for K_* vanishes there too if both are blocks of one positive semi-definite kernel.

    >>> test([[2.0, 0.0], [0.0, 2.0]], [[1.0, 1.0]], [1.0, 3.0], [0.0, np.log(2), np.inf])
    array([[0.],
           [1.],
           [2.]])

    Source: `chizat2019lazy`, `lee2019wide`.
    """
    values, vectors, floor = _spectrum(kernel)
    _, error = _errors(len(values), y, f0)
    cross, start = _test_arguments(len(values), kernel_test, error, f0, f0_test)
    _, gain = _flow_factors(values, floor, _times(times))
    return start + _modes(_seen(cross, values, vectors, floor), gain, vectors, error)


def train_discrete(
    kernel: ArrayLike, y: ArrayLike, step: float, steps: ArrayLike, f0: ArrayLike | None = None
) -> Array:
    """f_k = y − (I − hK/n)^k (y − f₀): gradient descent on the training samples, after each of `steps`.

    `step`, h, is positive; `steps`, [T], holds non-negative integers in any order. The rest is as for
    `train`. Descent converges if h < 2n/λ_max. Raises ValueError as `train`, and where a diverging run
    overflows.

    >>> train_discrete([[2.0, 0.0], [0.0, 1.0]], [1.0, 1.0], 1.0, [0, 1, 2])
    array([[0.  , 0.  ],
           [1.  , 0.5 ],
           [1.  , 0.75]])

    Source: `arora2019fine`.
    """
    values, vectors, floor = _spectrum(kernel)
    y, error = _errors(len(values), y, f0)
    decay, _ = _descent_factors(values, floor, step, steps)
    return y - _modes(vectors, decay, vectors, error)


def test_discrete(
    kernel: ArrayLike,
    kernel_test: ArrayLike,
    y: ArrayLike,
    step: float,
    steps: ArrayLike,
    f0: ArrayLike | None = None,  # noqa: PT028  (a test sample, not a unit test)
    f0_test: ArrayLike | None = None,  # noqa: PT028
) -> Array:
    """f_k = f₀ + (h/n) K_* Σ_{j<k} (I − hK/n)^j (y − f₀): gradient descent on other samples.

    Arguments and errors as for `test` and `train_discrete`; the result is [T, n_test] or [T, n_test, k].

    >>> test_discrete([[2.0, 0.0], [0.0, 1.0]], [[1.0, 1.0]], [1.0, 1.0], 1.0, [0, 1, 2])
    array([[0.  ],
           [1.  ],
           [1.25]])

    Source: `arora2019fine`.
    """
    values, vectors, floor = _spectrum(kernel)
    _, error = _errors(len(values), y, f0)
    cross, start = _test_arguments(len(values), kernel_test, error, f0, f0_test)
    _, gain = _descent_factors(values, floor, step, steps)
    return start + _modes(_seen(cross, values, vectors, floor), gain, vectors, error)


def movement_discrete(
    kernel: ArrayLike, y: ArrayLike, step: float, steps: ArrayLike, f0: ArrayLike | None = None
) -> Array:
    """α‖θ_k − θ_0‖ of the linearised model after each of `steps`, in the norm ((1/m) Σ_j |·|²)^{1/2}, [T].

    A step of descent adds (h/αn) Dh* (y − f_k), so that α²‖θ_k − θ_0‖² = gᵀ K g with g = (h/n) Σ_{j<k} (I − hK/n)^j
    (y − f₀), K the tangent kernel of (1/m) Σ_j Φ(θ_j). To first order in 1/α the network moves as far. Arguments and
    errors as for `train_discrete`.

    >>> movement_discrete([[4.0, 0.0], [0.0, 1.0]], [1.0, 0.0], 0.5, [0, 1, 2])
    array([0. , 0.5, 0.5])

    Source: `chizat2019lazy`.
    """
    squares = travelled_discrete(kernel, y, step, steps, f0)
    return np.sqrt(np.sum(squares.reshape(len(squares), -1), axis=1))


def travelled_discrete(
    kernel: ArrayLike, y: ArrayLike, step: float, steps: ArrayLike, f0: ArrayLike | None = None
) -> Array:
    """|θ_k − θ_0|² of a model f(θ) = f₀ + J (θ − θ_0), J Jᵀ = K, under descent, after each of `steps`.

    θ_k − θ_0 = Jᵀ c, c = (h/n) Σ_{j<k} (I − hK/n)^j (y − f₀), so that it is cᵀ K c, and (y − f₀)ᵀ K⁻¹ (y − f₀) as
    k → ∞. `y` is [n], or [n, k] for k labellings; the result is [T] or [T, k]. The rest, and errors, are as for
    `train_discrete`.

    >>> travelled_discrete([[2.0, 0.0], [0.0, 1.0]], [1.0, 3.0], 1.0, [0, 1, 1000]).round(9)
    array([0.  , 2.75, 9.5 ])

    Source: `arora2019fine`.
    """
    values, vectors, floor = _spectrum(kernel)
    _, error = _errors(len(values), y, f0)
    _, gain = _descent_factors(values, floor, step, steps)
    columns = (vectors.T @ error.reshape(len(error), -1)) ** 2
    return ((values * gain**2) @ columns).reshape(len(gain), *error.shape[1:])


def ridge(kernel: ArrayLike, kernel_test: ArrayLike, y: ArrayLike, strength: float) -> Array:
    """f_* = K_* (K + nλ I)⁻¹ y, the minimiser of (1/2n) Σ_i (f_i − y_i)² + (λ/2)‖f‖², in the norm of K.

    `kernel` is [n, n], `kernel_test` is [n_test, n], `y` is [n] or [n, k], `strength` is λ ≥ 0; at λ = 0 it
    is the interpolant of least norm, the limit of `test` at t = ∞. The result is [n_test] or [n_test, k].
    Raises ValueError as `test`, and for a negative strength.

    >>> ridge([[2.0, 0.0], [0.0, 2.0]], [[1.0, 1.0]], [1.0, 3.0], 1.0)
    array([1.])

    Source: `lee2019wide`.
    """
    values, vectors, floor = _spectrum(kernel)
    _, error = _errors(len(values), y, None)
    cross, _ = _test_arguments(len(values), kernel_test, error, None, None)
    shifted = values + len(values) * _checks.number("strength", strength)
    gain = np.divide(1.0, shifted, out=np.zeros_like(shifted), where=shifted > floor)
    return _modes(_seen(cross, values, vectors, floor), gain[None], vectors, error)[0]


def risk(f: ArrayLike, y: ArrayLike) -> Array:
    """R = (1/2n) Σ_i |f_i − y_i|², summed over outputs.

    `f` is [n] or [n, k], or a stack of them, [T, n] or [T, n, k]; `y` is [n] or [n, k], and says which; the
    result is [] or [T]. Raises ValueError if the shapes disagree.

    >>> risk([[0.0, 0.0], [1.0, 3.0]], [1.0, 3.0])
    array([2.5, 0. ])
    """
    f, y = _checks.array("f", f), _checks.array("y", y, ["[n]", "[n, k]"])
    if f.ndim not in (y.ndim, y.ndim + 1):
        raise ValueError(f"f must have the shape of y, or a stack of it, got {f.shape} where y has {y.shape}")
    _checks.same("f", f.shape[-y.ndim :], "y", y.shape)
    return np.sum((f - y) ** 2, axis=tuple(range(-y.ndim, 0))) / (2 * len(y))


def _spectrum(kernel: ArrayLike) -> tuple[Array, Array, float]:
    """Eigenvalues, eigenvectors, and the size up to which an eigenvalue is rounding and set to 0."""
    matrix = _checks.array("kernel", kernel, ["[n, n]"])
    _checks.same("rows of kernel", matrix.shape[0], "its columns", matrix.shape[1])
    # A kernel that comes in float32 is only as symmetric, and as positive, as float32 can be.
    dtype = np.asarray(kernel).dtype
    rounding = _ULPS * float(np.finfo(dtype if dtype.kind == "f" else np.float64).eps) * np.abs(matrix).max()
    skew = np.abs(matrix - matrix.T).max()
    if skew > 2 * rounding:
        raise ValueError(f"kernel must be symmetric to {2 * rounding:.1e}, got |K − Kᵀ| = {skew:.1e}")
    values, vectors = linalg.eigh((matrix + matrix.T) / 2)
    # Weyl: entries off by δ move eigenvalues by at most nδ.
    floor = len(matrix) * rounding
    if values[0] < -floor:
        raise ValueError(f"kernel must be positive semi-definite to {floor:.1e}, got the eigenvalue {values[0]:.1e}")
    return np.where(values <= floor, 0.0, values), vectors, float(floor)


def _seen(cross: Array, values: Array, vectors: Array, floor: float) -> Array:
    """K_* V, and 0 where a direction without an eigenvalue is seen by no more than rounding."""
    products = cross @ vectors
    # The eigenvectors are those of a kernel that is off by `floor`, and so turned by that over the least eigenvalue.
    least = float(np.min(values, where=values > 0, initial=np.inf))
    largest = np.abs(products).max(axis=1, initial=0.0, where=values > 0, keepdims=True)
    turned = largest * (floor / least if values.max() > 0 else 0.0)
    rounding = _ULPS * len(values) * float(np.finfo(float).eps) * np.abs(cross).max(axis=1, keepdims=True)
    return np.where((values == 0) & (np.abs(products) <= rounding + turned), 0.0, products)


def _errors(n: int, y: ArrayLike, f0: ArrayLike | None) -> tuple[Array, Array]:
    y = _checks.array("y", y, ["[n]", "[n, k]"])
    _checks.same("rows of y", len(y), "kernel", n)
    if f0 is None:
        return y, y
    f0 = _checks.array("f0", f0, ["[n]", "[n, k]"])
    _checks.same("f0", f0.shape, "y", y.shape)
    return y, y - f0


def _test_arguments(
    n: int, kernel_test: ArrayLike, error: Array, f0: ArrayLike | None, f0_test: ArrayLike | None
) -> tuple[Array, Array]:
    cross = _checks.array("kernel_test", kernel_test, ["[n_test, n]"])
    _checks.same("columns of kernel_test", cross.shape[1], "kernel", n)
    shape = (len(cross), *error.shape[1:])
    if f0_test is None:
        if f0 is not None and np.any(np.asarray(f0)):
            raise ValueError("f0_test must be given where f0 is not zero, got None")
        return cross, np.zeros(shape)
    start = _checks.array("f0_test", f0_test, ["[n_test]", "[n_test, k]"])
    _checks.same("f0_test", start.shape, "kernel_test and y", shape)
    return cross, start


def _times(times: ArrayLike) -> Array:
    return _checks.array("times", times, ["[T]"], infinite=True, minimum=0.0)


def _modes(left: Array, factors: Array, vectors: Array, error: Array) -> Array:
    """left · diag(factors_t) · vectorsᵀ · error, for each row t of `factors`."""
    columns = vectors.T @ error.reshape(len(error), -1)
    out = left @ (factors[:, :, None] * columns)
    return out.reshape(len(factors), len(left), *error.shape[1:])


def _flow_factors(values: Array, floor: float, times: Array) -> tuple[Array, Array]:
    """e^{−λt/n} and (1 − e^{−λt/n})/λ, each [T, n]."""
    end = np.isinf(times)[:, None]
    t = np.where(end, 0.0, times[:, None]) / len(values)
    with np.errstate(over="ignore"):  # e^{−∞} is 0
        z = values * t
    z = np.where(end & (values > 0), np.inf, z)
    shrunk = -np.expm1(-z)
    # λt/n may underflow at small λ and overflow at large t: divide by whichever of λt/n and λ is safe.
    gain = np.where(z < 1, t * _ratio(shrunk, z, 1.0), _ratio(shrunk, values, 0.0))
    return np.exp(-z), np.where(values > 0, gain, _known(t, floor))


def _descent_factors(values: Array, floor: float, step: float, steps: ArrayLike) -> tuple[Array, Array]:
    """(1 − q)^k and (h/n)(1 − (1 − q)^k)/q with q = hλ/n, each [T, n]."""
    step = _checks.number("step", step, exclusive=True)
    counts = _checks.array("steps", steps, ["[T]"], minimum=0.0)[:, None]
    if np.any(counts != np.floor(counts)):
        raise ValueError(f"steps must hold integers, got {_checks.shown(steps)}")
    if counts.max() > _MOST_STEPS:
        raise ValueError(f"steps must be at most 2^53 = {_MOST_STEPS}, got {counts.max():g}")
    h = step / len(values)
    q = h * values
    with np.errstate(over="ignore", divide="ignore"):
        log = np.where(q < 1, np.log1p(-np.minimum(q, 1.0)), np.log1p(np.maximum(q, 1.0) - 2))
        exponent = np.multiply(counts, log, out=np.zeros((len(counts), len(q))), where=counts > 0)
        size = np.exp(exponent)
        odd = (q > 1) & (counts % 2 == 1)
        # 1 − (1 − q)^k cancels only where the power is positive.
        shrunk = np.where(odd, 1 + size, -np.expm1(exponent))
    if not np.isfinite(size).all():
        limit = 2 / values.max() * len(values)
        raise ValueError(
            f"step must be below 2n/λ_max = {limit:g} for so many steps, got {step:g}: overflow for this kernel"
        )
    gain = np.where(q > 0, h * _ratio(shrunk, q, 0.0), h * counts)
    return np.where(odd, -size, size), np.where(values > 0, gain, _known(h * counts, floor))


def _known(t: Array, floor: float) -> Array:
    """The factor t, [T, 1], of a direction without an eigenvalue, as long as one within rounding would not matter."""
    return np.where(t <= 1 / floor if floor > 1 / _LARGEST else True, t, 0.0)


def _ratio(top: Array | float, bottom: Array, otherwise: float) -> Array:
    """top/bottom, and `otherwise` where bottom is 0."""
    top, bottom = np.broadcast_arrays(top, bottom)
    return np.divide(top, bottom, out=np.full(bottom.shape, otherwise), where=bottom > 0)


_arithmetic.guard(__name__)

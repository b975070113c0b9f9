"""Exponents: the table itself, and small networks that show the ones that differ from folklore."""

import numpy as np
import pytest

from theory import arc_cosine, kernel_flow, scaling

pytestmark = pytest.mark.fast


def kernels(a, w, x):
    """Tangent kernels of a stack of nets: a [r, m], w [r, m, d] → [r, n, n]."""
    z = w @ x.T
    s, p = np.tanh(z), (1 - np.tanh(z) ** 2) * a[:, :, None]
    return (s.transpose(0, 2, 1) @ s + (p.transpose(0, 2, 1) @ p) * (x @ x.T)) / a.shape[1]


def train(a, w, x, y, alpha, centred, horizon=4.0, steps=80):
    """(sup gap, end of a, end of w) of a stack of nets: Runge–Kutta for f and its linearisation alike."""
    n, m = len(x), a.shape[1]
    s0, p0 = np.tanh(w @ x.T), (1 - np.tanh(w @ x.T) ** 2) * a[:, :, None]

    def outputs(a, w):
        return alpha / m * np.einsum("rm,rmn->rn", a, np.tanh(w @ x.T))

    start = outputs(a, w)
    offset = start if centred else 0 * start

    def linear_outputs(da, dw):
        return start + alpha / m * (np.einsum("rm,rmn->rn", da, s0) + np.einsum("rmd,nd,rmn->rn", dw, x, p0))

    def velocity(state):
        a, w, da, dw = state
        z = np.tanh(w @ x.T)
        residual = (outputs(a, w) - offset - y) / (n * alpha)
        flat = (linear_outputs(da, dw) - offset - y) / (n * alpha)
        return (
            -np.einsum("rn,rmn->rm", residual, z),
            -np.einsum("rn,rmn,nd->rmd", residual, (1 - z**2) * a[:, :, None], x),
            -np.einsum("rn,rmn->rm", flat, s0),
            -np.einsum("rn,rmn,nd->rmd", flat, p0, x),
        )

    state, dt, gap = (a, w, 0 * a, 0 * w), horizon / steps, np.zeros(len(a))
    for _ in range(steps):
        k1 = velocity(state)
        k2 = velocity(tuple(s + dt / 2 * k for s, k in zip(state, k1, strict=True)))
        k3 = velocity(tuple(s + dt / 2 * k for s, k in zip(state, k2, strict=True)))
        k4 = velocity(tuple(s + dt * k for s, k in zip(state, k3, strict=True)))
        state = tuple(s + dt / 6 * (p + 2 * q + 2 * r + u) for s, p, q, r, u in zip(state, k1, k2, k3, k4, strict=True))
        distance = np.sqrt(np.mean((outputs(*state[:2]) - linear_outputs(*state[2:])) ** 2, axis=1))
        gap = np.maximum(gap, distance)
    return gap, state[0], state[1]


def draw(seed, nets, m, doubled=False, mean=(0.0, 0.0)):
    rng = np.random.default_rng(seed)
    half = m // 2 if doubled else m
    a = mean[0] + rng.choice([-1.0, 1.0], size=(nets, half))
    w = mean[1] + rng.normal(size=(nets, half, 3))
    return (np.hstack([a, -a]), np.concatenate([w, w], axis=1)) if doubled else (a, w)


DATA = np.random.default_rng(0)
X = DATA.normal(size=(4, 3)) / np.sqrt(3)
Y = DATA.normal(size=4)


@pytest.mark.parametrize("initial", ["centred", "doubled"])
def test_gap_and_movement_in_alpha(initial):
    doubled = initial == "doubled"
    a, w = draw(1, 4, 24, doubled)
    alphas = 100.0, 1000.0
    runs = [train(a, w, X, Y, alpha, not doubled) for alpha in alphas]
    gaps = np.array([gap for gap, _, _ in runs])
    moves = np.array(
        [np.sqrt(np.mean((b - a) ** 2, axis=1) + np.mean((v - w) ** 2, axis=(1, 2)) * 3) for _, b, v in runs]
    )
    gap_slopes, move_slopes = np.log10(gaps[1] / gaps[0]), np.log10(moves[1] / moves[0])
    # Deterministic: the next order in 1/α moves a slope from 100 to 1000 by about 1/100 of its coefficient.
    assert np.abs(gap_slopes - scaling.output_gap_exponent(initial).value).max() < 0.02
    assert np.abs(move_slopes - scaling.movement_exponent().value).max() < 0.02
    # Control: the exponent of the other initialisation.
    other = "centred" if doubled else "doubled"
    assert np.abs(gap_slopes - scaling.output_gap_exponent(other).value).min() > 0.5


def slope_and_error(values, widths):
    """Slope of log mean between two widths, and its standard error by the delta method."""
    relative = [v.std() / v.mean() / np.sqrt(len(v)) for v in values]
    span = np.log(widths[1] / widths[0])
    return np.log(values[1].mean() / values[0].mean()) / span, np.hypot(*relative) / span


@pytest.mark.parametrize(("rule", "symmetric"), [("tangent", True), ("tangent", False), ("mean-field", True)])
def test_kernel_change_and_displacement_in_the_width(rule, symmetric):
    widths, changes, moves = (64, 512), [], []
    for m in widths:
        # Signs, doubled: the fluctuations that hide the mean change are smallest there.
        a, w = draw(2, 60, m, doubled=symmetric, mean=(0.0, 0.0) if symmetric else (1.0, 0.7))
        alpha = np.sqrt(m) if rule == "tangent" else 1.0
        _, b, v = train(a, w, X, Y, alpha, centred=True, steps=30)
        before, after = kernels(a, w, X), kernels(b, v, X)
        changes.append(np.linalg.norm(after - before, axis=(1, 2)) / np.linalg.norm(before, axis=(1, 2)))
        moves.append(np.sqrt(np.mean((b - a) ** 2, axis=1) + np.sum(np.mean((v - w) ** 2, axis=1), axis=1)))
    slope, error = slope_and_error(changes, widths)
    predicted = scaling.kernel_change_exponent(rule, symmetric=symmetric).value
    # Four standard errors, and the next order: a relative m^{-1/2} at the smaller width, over log(512/64).
    room = 4 * error + 64**-0.5 / np.log(8)
    assert abs(slope - predicted) < room
    assert room < 0.25  # exponents are half a unit apart
    slope, error = slope_and_error(moves, widths)
    assert abs(slope - scaling.displacement_exponent(rule).value) < 4 * error + 64**-0.5 / np.log(8)


def criterion(a, w, x, y, alpha):
    """κ for one sample: f = (α/m) Σ a tanh(w·x), whose second derivative is block-diagonal."""
    m, z = a.shape[1], w @ x
    s, p, c = np.tanh(z), 1 - np.tanh(z) ** 2, -2 * np.tanh(z) * (1 - np.tanh(z) ** 2)
    gradient = np.sum(s**2 + (a * p) ** 2 * (x @ x), axis=1)
    curvature = np.max((np.abs(a * c) * (x @ x) + np.sqrt((a * c * (x @ x)) ** 2 + 4 * p**2 * (x @ x))) / 2, axis=1)
    f = alpha / m * np.sum(a * s, axis=1)
    return np.abs(f - y) * curvature / (alpha / m * gradient)


@pytest.mark.parametrize("initial", ["independent", "doubled"])
@pytest.mark.parametrize("power", [0.0, 0.25, 0.5, 1.0])
def test_lazy_criterion_in_the_width(power, initial):
    widths = 400, 25_600
    sizes = [
        # Root mean square: of |f − y| the mean has another constant at each mix of its two terms.
        criterion(*draw(3, 100, m, initial == "doubled"), X[0], 1.0, float(m) ** power) ** 2
        for m in widths
    ]
    slope, error = (value / 2 for value in slope_and_error(sizes, widths))
    # The mix of 1/m and 1/α² in κ² is still visible: their ratio at the smaller width, over the span.
    mix = 0.0 if initial == "doubled" or power >= 0.5 else 400 ** (2 * power - 1) / np.log(64)
    if initial == "independent" and power > 0.5:
        mix = 400 ** (1 - 2 * power) * 10 / np.log(64)
    room = 4 * error + mix + 400**-0.5 / np.log(64)
    assert abs(slope - scaling.criterion_exponent(power, initial).value) < room
    assert room < 0.25


def test_the_table():
    value = {
        "movement": scaling.movement_exponent(),
        "gap, centred": scaling.output_gap_exponent(),
        "gap, doubled": scaling.output_gap_exponent("doubled"),
        "gap, ReLU": scaling.output_gap_exponent("doubled", smooth=False),
        "kernel, mean-field": scaling.kernel_change_exponent("mean-field"),
        "kernel, tangent": scaling.kernel_change_exponent("tangent"),
        "kernel, tangent, asymmetric": scaling.kernel_change_exponent("tangent", symmetric=False),
        "displacement, mean-field": scaling.displacement_exponent("mean-field"),
        "displacement, tangent": scaling.displacement_exponent("tangent"),
    }
    assert {name: p.value for name, p in value.items()} == {
        "movement": -1.0,
        "gap, centred": -1.0,
        "gap, doubled": -2.0,
        "gap, ReLU": -0.5,
        "kernel, mean-field": 0.0,
        "kernel, tangent": -1.0,
        "kernel, tangent, asymmetric": -0.5,
        "displacement, mean-field": 0.0,
        "displacement, tangent": -0.5,
    }
    assert {p.relation for p in value.values()} == {"slope"}
    relu = scaling.kernel_change_exponent("tangent", smooth=False)
    assert (relu.value, relu.relation) == (-0.5, "<=")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: scaling.output_gap_exponent("centered"),
            "initial must be one of centred, doubled, got 'centered'; did",
        ),
        (
            lambda: scaling.kernel_change_exponent("ntk"),
            "scaling must be one of mean-field, tangent, got 'ntk'",
        ),
        (lambda: scaling.displacement_exponent("meanfield"), "got 'meanfield'; did you mean 'mean-field'"),
        (lambda: scaling.criterion_exponent(-0.5), "power must be a finite number >= 0, got -0.5"),
        (lambda: scaling.criterion_exponent(np.nan), "power must be a finite number >= 0, got nan"),
        (
            lambda: scaling.criterion_exponent(0.5, "iid"),
            "initial must be one of independent, doubled, got 'iid'",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def relu_kernels(rng, nets, m, x, z):
    """Tangent kernels (both layers, signs as output weights) of a stack of ReLU nets at (x, x) and (z, x)."""
    w = rng.normal(size=(nets, m, x.shape[1]))
    at_x, at_z = np.maximum(w @ x.T, 0), np.maximum(w @ z.T, 0)
    on_x, on_z = (at_x > 0).astype(float), (at_z > 0).astype(float)

    def pair(h, s, y):
        return (h.transpose(0, 2, 1) @ at_x + (s.transpose(0, 2, 1) @ on_x) * (y @ x.T)) / m

    return pair(at_x, on_x, x), pair(at_z, on_z, z)


def test_distances_to_the_limit_in_the_width():
    """‖K_m − K‖² and kernel regression with K_m: the exponents, from two hundred nets at each of two widths."""
    rng = np.random.default_rng(3)
    x, z = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (rng.normal(size=(6, 3)), rng.normal(size=(9, 3))))
    y = rng.normal(size=6)
    exact, cross = arc_cosine.tangent_kernel(x), arc_cosine.tangent_kernel(z, x)
    f = kernel_flow.test(exact, cross, y, [5.0])[0]
    widths, distance, error = (64, 1024), [], []
    for m in widths:
        at, beside = relu_kernels(rng, 200, m, x, z)
        distance.append(np.sum((at - exact) ** 2, axis=(1, 2)))
        trained = [kernel_flow.test(k, c, y, [5.0])[0] for k, c in zip(at, beside, strict=True)]
        error.append(np.sum((np.array(trained) - f) ** 2, axis=1))
    measured, spread = slope_and_error(np.array(distance), widths)
    assert abs(measured - scaling.kernel_distance_exponent().value) < 4 * spread
    measured, spread = slope_and_error(np.array(error), widths)
    # The exponent is that of the root mean square, half of the square's.
    assert abs(measured / 2 - scaling.kernel_limit_exponent().value) < 4 * spread / 2
    assert spread < 0.1

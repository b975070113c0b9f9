"""Exponents of the best step: against what one update of networks in plain NumPy does to their output."""

import itertools

import numpy as np
import pytest

from theory import width_exponents

pytestmark = pytest.mark.fast

X = np.random.default_rng(0).normal(size=(12, 3))
Y = X[:, 0] * X[:, 1]
WIDTHS = 2**10, 2**16


def polar(matrix):
    left, _, right = np.linalg.svd(matrix, full_matrices=False)
    return left @ right


FACTORS = {
    "none": lambda out, into: 1.0,
    "ratio": lambda out, into: (out / into) ** 0.5,
    "clipped": lambda out, into: max(1.0, out / into) ** 0.5,
    "rms": lambda out, into: 0.2 * max(out, into) ** 0.5,
}


def change(m, parametrisation, optimiser, factor="none", layers="both"):
    """The largest first-order change of an output by one update of step 1; at the start the output is taken off."""
    rng = np.random.default_rng(m)
    w, a = rng.normal(size=(m, 3)), rng.normal(size=m)
    s, gain = {"standard": (1.0, 1.0), "tangent": (m**-0.5, 1.0), "mup": (1 / m, m)}[parametrisation]
    if parametrisation == "standard":
        a = a / m**0.5
    if parametrisation == "mup" and optimiser == "muon":
        a, s = a / m, 1.0
    units, slopes = np.maximum(w @ X.T, 0), (w @ X.T > 0) * 1.0
    residual = -Y / len(Y)
    to_a, to_w = s * gain * units @ residual, s * gain * (a[:, None] * slopes * residual) @ X
    if optimiser == "adam":
        to_a, to_w = np.sign(to_a), np.sign(to_w)
    if optimiser in ("muon", "spectral"):
        size = FACTORS[factor] if optimiser == "muon" else lambda out, into: m**0.5
        to_a, to_w = size(1, m) * polar(to_a[None])[0], size(m, 3) * polar(to_w)
    moved = s * np.einsum("m,mn,mn->n", a, slopes, to_w @ X.T)
    return np.abs(moved + (s * to_a @ units if layers == "both" else 0)).max()


SETTINGS = [
    *itertools.product(("standard", "tangent", "mup"), ("sgd", "adam", "spectral")),
    *itertools.product(("standard", "tangent", "mup"), ("muon",), FACTORS, ("both", "hidden")),
]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: "-".join(setting))
def test_the_best_step_undoes_what_an_update_does(setting):
    """The smaller of two terms is m^−1/2 times the larger: it bends slopes by its share at the narrower network."""
    changes = [change(m, *setting) for m in WIDTHS]
    slope = np.log(changes[1] / changes[0]) / np.log(WIDTHS[1] / WIDTHS[0])
    assert -slope == pytest.approx(width_exponents.best_step(*setting).value, abs=0.05)


def test_momentum_knows_no_width():
    for name in ("standard", "tangent", "mup"):
        assert width_exponents.best_step(name, "momentum").value == width_exponents.best_step(name, "sgd").value


def test_one_layer_apart_is_muons():
    with pytest.raises(ValueError, match="layers must be 'both' for adam"):
        width_exponents.best_step("mup", "adam", layers="hidden")

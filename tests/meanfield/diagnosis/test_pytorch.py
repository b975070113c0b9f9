"""Networks trained in PyTorch, which are lazy, lazy and rich: in numbers that NumPy confirms, and in two gauges."""

from functools import cache

import jax
import numpy as np
import pytest

import meanfield as mf
from tests.meanfield.diagnosis import train_in_pytorch
from tests.meanfield.diagnosis.by_numpy import flat, forward, jacobian
from tests.meanfield.diagnosis.train_in_pytorch import NETWORKS, SAMPLES, STORED, WIDTH

VERDICTS = {"default": "lazy", "times_8": "lazy", "over_30": "rich"}
LAYERS = {"W": "0.weight", "b": "0.bias", "a": "2.weight", "c": "2.bias"}


@cache
def stored() -> dict[str, np.ndarray]:
    with np.load(STORED) as arrays:
        return dict(arrays)


def weights(name: str) -> tuple[dict, dict]:
    """Weights before and after, in 64-bit numbers and by our names: there the output bias is not multiplied by s."""
    s, arrays = NETWORKS[name][0], stored()
    both = (
        {k: arrays[f"{which}/{theirs}"].astype(float) for k, theirs in LAYERS.items()} for which in ("initial", name)
    )
    return tuple({**p, "c": s * p["c"]} for p in both)


@cache
def diagnosed(name: str, gauge: float = 1.0):
    """The report, with output weights `gauge` times as large and hidden ones 1/gauge times, and steps in proportion."""
    s, rate, steps = NETWORKS[name]
    factors = {"W": 1 / gauge, "b": 1 / gauge, "a": gauge, "c": 1.0}
    x, y = (stored()[key].astype(float) for key in "xy")
    first, last = ({k: factors[k] * value for k, value in p.items()} for p in weights(name))
    rates = {k: rate * factors[k] ** 2 * (s**2 if k == "c" else 1) for k in first}  # a step of s c is s² η
    with jax.enable_x64(True):
        kind = mf.Parametrisation(particles=WIDTH, multiplier=s)
        given = (x[:SAMPLES], y[:SAMPLES], x[SAMPLES:], y[SAMPLES:], rates, steps)
        return mf.diagnose(first, last, *given, loss="mse", parametrisation=kind, resamples=200)


@pytest.mark.parametrize("name", NETWORKS)
def test_verdicts_and_numbers_are_those_of_numpy(name):
    s, rate, steps = NETWORKS[name]
    first, last = weights(name)
    x, y = (stored()[key].astype(float) for key in "xy")
    found = diagnosed(name)
    assert found.verdict == VERDICTS[name], str(found)
    # Derivatives in the output bias of PyTorch, which is multiplied: s instead of 1.
    scaled = np.append(np.ones(len(flat(first)) - 1), s)
    j0, j1 = (jacobian(p, x, s) * scaled for p in (first, last))
    k0, k1 = (j[:SAMPLES] @ j[:SAMPLES].T for j in (j0, j1))
    size = np.linalg.norm
    assert found.kernel_change.value == pytest.approx(size(k1 - k0) / size(k0), rel=1e-9)
    assert found.kernel_cosine.value == pytest.approx(np.sum(k0 * k1) / size(k0) / size(k1), rel=1e-9)
    # The linearised network's predictions, on all inputs, by gradient descent in function space.
    f0, f = forward(first, x, s), forward(last, x, s)
    lin, both = f0.copy(), j0 @ j0[:SAMPLES].T
    for _ in range(steps):
        lin = lin - 2 * rate / SAMPLES * both @ (lin[:SAMPLES] - y[:SAMPLES])
    t = slice(SAMPLES, None)
    assert found.linear_gap.value == pytest.approx(size((f - lin)[t]) / size((f - f0)[t]), rel=1e-6)
    assert found.risk.value == pytest.approx(np.mean((f - y)[t] ** 2), rel=1e-9)
    assert found.linear_risk.value == pytest.approx(np.mean((lin - y)[t] ** 2), rel=1e-6)
    moved = np.sqrt(sum(np.sum((last[k] - first[k]) ** 2) for k in "Wb") / sum(np.sum(first[k] ** 2) for k in "Wb"))
    assert found.movement == pytest.approx(moved, rel=1e-9)
    # By the weights that PyTorch rounded to 32 bits after each step, gradient descent made again is the same training.
    assert found.replay_gap.value < 1e-3


@pytest.mark.parametrize("name", NETWORKS)
def test_another_gauge_gives_the_same_report(name):
    one, other = diagnosed(name), diagnosed(name, 3.0)
    assert other.verdict == one.verdict
    for number in ("kernel_change", "kernel_cosine", "linear_gap", "risk", "linear_risk", "movement"):
        np.testing.assert_allclose(getattr(other, number), getattr(one, number), rtol=1e-7, err_msg=number)


def test_what_the_network_is_not_is_said():
    """Other weights, step or activation than those of the training: gradient descent made again ends elsewhere."""
    _, rate, steps = NETWORKS["default"]
    x, y = stored()["x"][:SAMPLES], stored()["y"][:SAMPLES]
    first, last = weights("default")
    right = {"trained": last, "step": rate, "steps": steps, "loss": "mse", "resamples": 20}
    assert "made again" not in mf.diagnose(first, x=x, y=y, **right).reason
    for wrong in ({"trained": weights("over_30")[1]}, {"activation": "tanh"}, {"steps": 15}):
        found = mf.diagnose(first, x=x, y=y, **{**right, **wrong})
        assert "gradient descent made again" in found.reason, wrong
        assert ("the linearised network is left out" in found.reason) == (found.replay_gap.value > 0.5), wrong
        assert found.replay_gap.value > 0.3, wrong


def test_training_anew_gives_the_stored_weights():
    """With the same start, to rounding: a few hundred steps on a network that is not chaotic."""
    torch = pytest.importorskip("torch", reason="the extra `torch` holds PyTorch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for name, settings in NETWORKS.items():
            first, last = train_in_pytorch.train(*settings)
            for key, value in first.items():
                np.testing.assert_array_equal(value, stored()[f"initial/{key}"])
            way = np.sqrt(sum(np.sum((last[key] - first[key]) ** 2) for key in last))
            apart = np.sqrt(sum(np.sum((last[key] - stored()[f"{name}/{key}"]) ** 2) for key in last))
            assert apart < 1e-2 * way, name
    finally:
        torch.set_num_threads(threads)
    np.testing.assert_allclose(train_in_pytorch.data()[0], stored()["x"], rtol=1e-6)

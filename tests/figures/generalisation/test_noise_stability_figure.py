"""The figure of noise_stability: every point, bar and line against records, and theory of noise and of bounds."""

import numpy as np
import pytest

from simulations.generalisation.compression import NOISES
from tests.figures.artists import bars, halves, line, panel, theory
from theory.noise_stability import relu_noise

SHARES = [0, 0.5, 1]


@pytest.fixture(scope="module")
def runs(smoke_of):
    """Networks without an error in training, as everything that is drawn is of them."""
    found = smoke_of("noise_stability").where(experiment="networks")
    return [record for record in found if not np.any(record["train_error"])]


@pytest.fixture(scope="module")
def drawn(figure_of):
    return figure_of("noise_stability")


def check_bars(axes, label, x, table):
    at, y, low, high = bars(axes, label)
    half = halves(table)
    np.testing.assert_allclose(at, x)
    np.testing.assert_allclose(y, table.mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(high - y, half, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(y - low, half, rtol=1e-6, atol=1e-12)


def test_cushions(drawn, runs):
    axes = panel(drawn, "a  True labels")
    for label, name, level in (
        ("true labels", "interlayer", 0), ("random labels", "interlayer", 2), ("before", "start_interlayer", 0)
    ):  # fmt: skip
        x, y = line(axes, label)
        np.testing.assert_allclose(x, np.sort([one for record in runs for one in record[name][level]]))
        np.testing.assert_allclose(y, np.linspace(1 / len(x), 1, len(x)))
    ((x, _),) = theory(axes)
    np.testing.assert_allclose(x, 1 / 8)  # of 64 units


def test_noise_sample_by_sample(drawn, runs):
    axes = panel(drawn, "b  What it says")
    for label, level in (("true labels", 0), ("random labels", 2)):
        x, y = line(axes, label)
        np.testing.assert_allclose(x, np.concatenate([record["attenuation"][level] for record in runs[:3]]))
        np.testing.assert_allclose(y, np.concatenate([record["response"][level, 0] for record in runs[:3]]))
    ((x, y),) = theory(axes)
    np.testing.assert_allclose(x, y)


def test_sizes_of_noise(drawn, runs):
    axes = panel(drawn, "c  Noise")
    exact, *_ = curves = theory(axes)
    np.testing.assert_allclose(curves[2][1], 1)
    for level, label, (x, y) in ((0, "true labels", exact), (2, "random labels", curves[1])):
        table = np.array([np.mean(r["response"][level] / r["attenuation"][level], axis=1) for r in runs])
        check_bars(axes, label, NOISES, table)
        np.testing.assert_allclose(x, NOISES)
        known = [np.mean(r["exact_response"][level] / r["attenuation"][level], axis=1) for r in runs]
        np.testing.assert_allclose(y, np.mean(known, axis=0))
    # Of noise that crosses no kink the exact mean is what the cushion says, to the rounding of single precision.
    np.testing.assert_allclose(exact[1][0], 1, rtol=2e-3)


def test_exact_response_is_that_of_the_network():
    """Relative noise of f over that of z for two units by hand: 2 of |z|² = 25 on the first, which is on."""
    from simulations.generalisation.compression import noise_response

    random = np.random.default_rng(0)
    found = noise_response(np.array([[3.0], [-4.0]]), np.array([2.0, 7.0]), np.array([[1.0]]), 40_000, random)
    for k, size in enumerate(NOISES):
        exact = relu_noise([[3.0, -4.0]], [2.0, 7.0], size)[0] / (size**2 * 2 * 6**2)
        assert found["exact_response"][k, 0] == pytest.approx(exact, rel=1e-9)
        assert found["response"][k, 0] == pytest.approx(exact, rel=0.05)
    assert found["response"][0, 0] == pytest.approx(25 * 4 / (2 * 36), rel=0.05)
    assert found["gain"][0] == pytest.approx(1, rel=0.05)  # one input has no direction to be preferred


@pytest.mark.parametrize(
    ("label", "name", "power"),
    [
        ("1/μ₁₂", "interlayer", -1), ("1/μ₂", "output", -1), ("1/μ₁", "input", -1), ("stable rank", "rank_input", 1),
        ("½ mean", "norm", 1), ("contraction", "contraction", 1),
    ],
)  # fmt: skip
def test_order(drawn, runs, label, name, power):
    axes = panel(drawn, "d  Cushions")
    means = np.array([np.reshape(record[name], (3, -1)).mean(axis=1) for record in runs]) ** power
    said = [one.get_label() for one in axes.containers if str(one.get_label()).startswith(label)]
    box = min(said, key=len)
    (found,) = [one for one in axes.containers if one.get_label() == box]
    np.testing.assert_allclose(found.lines[0].get_ydata(), (means / means[:, :1]).mean(axis=0))
    low, high = np.array([part[:, 1] for part in found.lines[2][0].get_segments()]).T
    np.testing.assert_allclose((high - low) / 2, halves(means / means[:, :1]), atol=1e-12)
    np.testing.assert_allclose(found.lines[0].get_xdata(), SHARES)


BOUNDS = {"theory: compression": "compression", "averages": "average", "spectral": "spectral", "path": "path"}


def test_bounds(drawn, runs):
    axes = panel(drawn, "e  Vacuous")
    for label, name in {**BOUNDS, "count": "parameters"}.items():
        x, y = line(axes, label)
        np.testing.assert_allclose(x, SHARES)
        np.testing.assert_allclose(y, np.mean([record[f"bound_{name}"] for record in runs], axis=0))
    np.testing.assert_allclose(line(axes, "count")[1], np.sqrt(64 * 65 / 100))
    check_bars(axes, "test error", SHARES, np.array([record["test_error"] for record in runs]))
    assert set(theory(axes)[0][1]) == {1}


def test_bounds_and_errors(drawn, runs):
    axes = panel(drawn, "f  Bounds")
    for label, name in (("compression", "compression"), ("spectral", "spectral"), ("path", "path")):
        x, y = line(axes, label)
        np.testing.assert_allclose(x, np.concatenate([record["test_error"] for record in runs]))
        np.testing.assert_allclose(y, np.concatenate([record[f"bound_{name}"] for record in runs]))
    ((x, y),) = theory(axes)
    np.testing.assert_allclose(x, y)

"""The figure of infinite_width: every point, bar and line against records and theory."""

import numpy as np

from tests.figures.artists import assert_geometric, bars, halves, line, panel, theory
from theory.deep_fluctuation import deep_fluctuation, relu_kurtosis, relu_tangent_variance
from theory.deep_kernels import cosine_deficits

STUDY = "infinite_width"

SCALES = {"relu": (2**0.5, 0.0), "erf": (1.5, 0.3)}


def networks(records, activation, width=None):
    """Networks of a law, and of one width, in the order of their seeds."""
    found = records.where(experiment="networks", activation=activation)
    return sorted((one for one in found if width in (None, one["width"])), key=lambda one: (one["width"], one["seed"]))


def test_density_of_outputs(figure, records):
    axes = panel(figure, "a  Wide networks")
    edges = np.linspace(-5, 5, 31)
    for width in (32, 96):
        f = np.concatenate([(one["outputs"] / np.diag(one["limit_conjugate"][5]) ** 0.5).ravel()
                            for one in networks(records, "relu", width)])  # fmt: skip
        counted = np.array([np.sum((f >= low) & (f < low + 1 / 3)) for low in edges[:-1]])
        x, y = line(axes, f"N = {width}")
        np.testing.assert_allclose(x, (edges[:-1] + 1 / 6)[counted > 0])
        np.testing.assert_allclose(y, counted[counted > 0] / len(f) * 3, rtol=0.02)
    ((x, y),) = theory(axes)
    np.testing.assert_allclose(y, np.exp(-(x**2) / 2) / (2 * np.pi) ** 0.5)


def test_kurtosis_in_depth(figure, records):
    axes = panel(figure, "b  Depth over width")
    curves = theory(axes)
    for width, (x, y) in zip((32, 48, 96), curves, strict=True):
        np.testing.assert_allclose(x, np.arange(1, 7))
        np.testing.assert_allclose(y, [relu_kurtosis(int(depth), width) for depth in x])
        np.testing.assert_allclose(y[1], 3 * (1 + 5 / width) ** 2 - 3)
        table = np.array([one["kurtosis"] for one in networks(records, "relu", width)])
        at, centre, low, high = bars(axes, f"N = {width}")
        np.testing.assert_allclose(at, np.arange(1, 7))
        np.testing.assert_allclose(centre, table.mean(axis=0))
        np.testing.assert_allclose((high - low) / 2, halves(table))


def test_distances_in_width(figure, records):
    axes = panel(figure, "c  Kernels are 1/N")
    curves = theory(axes)
    assert len(curves) == 3
    laws = (("erf", "conjugate kernel, erf", (24, 32, 96)), ("relu", "conjugate kernel, ReLU", (32, 48, 96)))
    for (activation, label, widths), (x, y) in zip(laws, curves, strict=False):
        found = [networks(records, activation, width) for width in widths]
        assert_geometric(axes, label, widths, np.array([[one["distance"][2] for one in column] for column in found]).T)
        weight, bias = SCALES[activation]
        constants = [
            deep_fluctuation(one["x"], (3,), activation, weight_scale=weight, bias_scale=bias).constant[0]
            for one in found[0]
        ]
        np.testing.assert_allclose(x, widths)
        np.testing.assert_allclose(y * x, np.exp(np.mean(np.log(constants))))
    table = [[one["tangent_variance"] for one in networks(records, "relu", width)] for width in (32, 48, 96)]
    assert_geometric(axes, "tangent kernel", (32, 48, 96), np.array(table).T)
    np.testing.assert_allclose(curves[2][1], [relu_tangent_variance(6, width) for width in (32, 48, 96)])


def test_cosines_in_depth(figure, records):
    axes = panel(figure, "d  In depth")
    mine = {width: networks(records, "relu", width)[0] for width in (32, 48, 96)}
    for width, one in mine.items():
        x, y = line(axes, f"N = {width}")
        np.testing.assert_allclose(y, x**2 * one["deficit"][:, 0, 1])
    inputs = mine[32]["x"]
    exact, constant = theory(axes)
    np.testing.assert_allclose(
        exact[1], exact[0] ** 2 * cosine_deficits(np.arccos(inputs[0] @ inputs[1]), 3000)[exact[0].astype(int)]
    )
    np.testing.assert_allclose(constant[1], 4.5 * np.pi**2)


def test_accuracy_in_depth(figure, records):
    axes = panel(figure, "e  Digits")
    rows = {law: [*records.where(experiment="regression", activation=law)] for law in ("relu", "erf")}
    for law, name in (("relu", "ReLU"), ("erf", "erf")):
        for kernel in ("conjugate", "tangent"):
            table = 100 * np.array([one[f"accuracy_{kernel}"] for one in rows[law]])
            x, centre, low, high = bars(axes, f"{name}, {kernel}")
            np.testing.assert_allclose(x, np.array([1, 2, 4, 8, 16, 32]), rtol=0.1)
            np.testing.assert_allclose(centre, table.mean(axis=0))
            np.testing.assert_allclose((high - low) / 2, halves(table), atol=1e-9)
    linear = np.mean([one["accuracy_linear"] for several in rows.values() for one in several])
    np.testing.assert_allclose(line(axes, "linear kernel")[1], 100 * linear)

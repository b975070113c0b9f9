"""The figure of margins shows the records, their intervals, and largest margins and errors that theory has for them."""

import jax
import numpy as np
import pytest

import simulations
from simulations.verdicts.checks import half_width
from tests.figures.artists import bars, line, panel, theory
from theory import arc_cosine, margin, soft_margin

STUDY = simulations.find("implicit_bias")
LAZY = 1e8
KINDS = {  # experiment, α, and what a margin is divided by
    "both layers": ("both_layers", 1.0, "variation"),
    "output layer": ("output_layer", 1.0, "output"),
    "α = 10⁸": ("both_layers", LAZY, "moved"),
}


def of(records, kind):
    experiment, alpha, _ = KINDS[kind]
    return [*records.where(experiment=experiment, alpha=alpha)]


def kernel(record):
    """That of the features of the start; of both layers the tangent kernel."""
    x, theta = record["x"], record["start"]
    features = np.maximum(x @ theta[:, 1:].T, 0)
    found = features @ features.T / len(theta)
    if record["experiment"] == "output_layer":
        return found
    slopes = (x @ theta[:, 1:].T > 0) * theta[:, 0]
    return found + slopes @ slopes.T * (x @ x.T) / len(theta)


MARGINS = {}
"""Largest margins by what they are of: most records share their samples with others, and tests ask for the same."""


def largest(record, norm):
    of = record["x"] if norm == "variation" else kernel(record)
    key = norm == "variation", of.tobytes(), record["y"].tobytes()
    if key not in MARGINS:
        if norm == "variation":
            MARGINS[key] = margin.variation_margin(of, record["y"], gap=1e-7).upper
        else:
            MARGINS[key] = margin.kernel_margin(of, record["y"]).upper
    return MARGINS[key]


def norm_at_end(record, norm):
    end, start = record["end"], record["start"]
    return (
        record["alpha"]
        * {
            "variation": np.mean(np.sum(end**2, axis=1)) / 2,
            "output": np.sqrt(np.mean(end[:, 0] ** 2)),
            "moved": np.sqrt(np.mean(np.sum((end - start) ** 2, axis=1))),
            "total": np.mean(np.abs(end[:, 0]) * np.linalg.norm(end[:, 1:], axis=1)),
        }[norm]
    )


def test_lines_in_the_plane_are_where_networks_change_sign(figure, records):
    axes = panel(figure, "a  Two")
    for label, kind in zip(axes.collections, ("both layers", "output layer"), strict=True):
        theta = of(records, kind)[0]["end"]
        points = np.concatenate([path.vertices for path in label.get_paths()])
        f, size = (
            np.maximum(np.column_stack([at, np.ones(len(at))]) @ theta[:, 1:].T, 0) @ theta[:, 0]
            for at in (points, np.random.default_rng(0).uniform(-0.6, 0.6, (500, 2)))
        )
        assert len(points) > 20
        assert np.abs(f).max() < 0.05 * np.abs(size).max()
    record = of(records, "both layers")[0]
    for label, sign in (("y = +1", 1), ("y = −1", -1)):
        np.testing.assert_array_equal(np.transpose(line(axes, label)), record["x"][record["y"] == sign, :2])


def test_margins_in_time_are_over_their_norm_and_the_largest(figure, records):
    axes = panel(figure, "b  Every")
    for kind, (_, _, norm) in KINDS.items():
        record = of(records, kind)[0]
        (label,) = [one for one in axes.get_lines() if str(one.get_label()).startswith(kind)]
        x, y = (np.asarray(part, float) for part in label.get_data())
        np.testing.assert_array_equal(x, record["margin"][record["margin"] > 1])
        exact = record["margin"][-1] / (norm_at_end(record, norm) * largest(record, norm))
        assert y[-1] == pytest.approx(exact, rel=1e-3 if norm == "moved" else 1e-6)  # float64 of θ at α = 10⁸
        assert len(x) > 2
        assert np.all(y <= 1 + 1e-6)
    (_, one), (at, but) = theory(axes)
    np.testing.assert_array_equal(one, 1)
    np.testing.assert_allclose(but, at / (at + np.log(16)))


def test_along_the_output_scale_are_geometric_means_and_intervals(figure, records):
    axes = panel(figure, "c  Between")
    alphas = (1.0, 100.0, LAZY)
    for label, norm in (("F1", "variation"), ("tangent", "moved")):
        rows = [[*records.where(experiment="both_layers", alpha=alpha)] for alpha in alphas]
        logs = np.array(
            [[np.log(r["margin"][-1] / (norm_at_end(r, norm) * largest(r, norm))) for r in some] for some in rows]
        )
        x, y, low, high = bars(axes, label)
        halves = np.array([half_width(row) for row in logs])
        np.testing.assert_allclose(x, alphas)
        np.testing.assert_allclose(np.log(y), logs.mean(axis=1), atol=2e-3)
        np.testing.assert_allclose((np.log(high / y), np.log(y / low)), (halves, halves), rtol=0.02, atol=2e-4)
    np.testing.assert_array_equal(theory(axes)[0][1], 1)


def test_what_is_missing_is_that_of_the_exact_flow(figure, records):
    axes = panel(figure, "d  Missing")
    np.testing.assert_array_equal(theory(axes)[0][1], 1)
    kinds = (("_both", "both layers", "variation"), ("_output layer\nF2", "output layer", "output"))
    for label, kind, norm in (*kinds, ("_output layer\nin F1", "output layer", "total")):
        rows, over = of(records, kind), "variation" if norm == "total" else norm
        missing = [norm_at_end(r, norm) * largest(r, over) - r["margin"][-1] for r in rows]
        _, y = line(axes, label)
        np.testing.assert_allclose(y, np.array(missing) / np.log(16), rtol=1e-4)
    lines = [one for one in axes.get_lines() if one.get_marker() == "_"]
    for one, kind in zip(lines, ("output layer", "α = 10⁸"), strict=True):
        exact = []
        for record in of(records, kind):
            with jax.enable_x64(True):
                time, _ = STUDY.make(record.parameters).schedule()
            margins, norms = soft_margin.flow(kernel(record), record["y"], [time])
            exact.append((largest(record, "output") * norms[0] - margins[0]) / np.log(16))
        np.testing.assert_allclose(one.get_ydata(), exact, rtol=1e-3)
        _, measured = line(axes, "_α = 10⁸" if kind == "α = 10⁸" else "_output layer\nF2")
        np.testing.assert_allclose(measured, exact, rtol=1e-2)


@pytest.mark.parametrize(("title", "at"), [("e  F1", 128), ("f  Coordinates", 12)])
def test_errors_are_means_in_percent_with_intervals(figure, records, title, at):
    axes = panel(figure, title)
    for labels, word in (("clusters", "clusters"), ("spread", "spread labels")):
        rows = [*records.where(experiment="errors", labels=labels)]
        for label, name in (("both layers", "error"), ("theory: largest margin, F2", "output_error")):
            shares = np.array([100 * float(record[name]) for record in rows])
            x, y, low, high = bars(axes, f"{word}: {label}")
            np.testing.assert_array_equal(x, [at])
            np.testing.assert_allclose(y, [shares.mean()])
            np.testing.assert_allclose((high - y, y - low), np.full((2, 1), half_width(shares)))
    run = STUDY.make(rows[0].parameters)
    x, y, x_test, y_test = run.data
    best = margin.kernel_margin(arc_cosine.conjugate_kernel(x), y)
    wrong = np.mean((arc_cosine.conjugate_kernel(x_test, x) @ best.coefficients > 0) != (y_test > 0))
    assert float(rows[0]["output_error"]) == pytest.approx(wrong, abs=2e-3)  # a sample or two, for rounding

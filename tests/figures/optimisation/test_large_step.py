"""What the figure of large_step shows: risks and outputs over their exact maps, sharpness, ends, and the height."""

import numpy as np
import pytest

from simulations.optimisation import large_step as study
from simulations.verdicts.checks import half_width
from tests.figures.artists import bars, line, panel, theory
from theory import large_steps

STUDY = "large_step"


def first(records, experiment, **parameters):
    return next(iter(records.where(experiment=experiment, **parameters)))


def test_linear_risks_are_those_of_the_modes(figure, records):
    """Black: (1/2n) Σ (1 − hλ_i)^2k (v_i·error₀)², from the kernel's own eigenvalues."""
    axes = panel(figure, "Linearised")
    exact = dict(zip((1.998, 2.002, 2.02), theory(axes), strict=True))
    for step in exact:
        record, run = first(records, "linear", step=step), study.Linear(step=step)
        x, y = line(axes, f"hλ = {step:g}")
        assert np.array_equal(x, record["seen"])
        assert np.allclose(y, record["risk"], rtol=1e-12)
        values, vectors = run.spectrum
        error = vectors.T @ (run.network.predict(run.data[0])[:, 0] - run.data[1])
        k, risk = exact[step]
        expected = [np.mean(((1 - step * values / values[-1]) ** one * error) ** 2) / 2 for one in record["seen"]]
        assert np.array_equal(k, record["seen"])
        assert np.allclose(risk, expected, rtol=1e-6)


def test_sharpness_and_risk_of_the_first_network(figure, records):
    sharpness, risk = panel(figure, "sharpens up"), panel(figure, "every other step")
    levels = [one.get_ydata() for one in sharpness.get_lines() if one.get_linestyle() == "--" and len(one.get_xdata())]
    assert [level[0] for level in levels] == [2 / 0.8]
    rises = [one for one in risk.get_lines() if one.get_marker() == "^" and len(one.get_ydata())]
    for step in (0.3, 0.8):
        record = first(records, "edge", step=step)
        for axes, name in ((sharpness, "sharpness"), (risk, "risk")):
            x, y = line(axes, f"h = {step:g}")
            assert np.array_equal(x, record["seen"])
            assert np.allclose(y, record[name], rtol=1e-12)
    record = first(records, "edge", step=0.8)
    seen, values = record["seen"], record["risk"]
    after = [k for k in range(1, len(seen)) if seen[k] == seen[k - 1] + 1 and seen[k - 1] >= seen[-1] // 2]
    after = [k for k in after if values[k] > values[k - 1]]
    (drawn,) = rises
    assert drawn.get_xdata().tolist() == seen[after].tolist()
    assert drawn.get_ydata().tolist() == values[after].tolist()


def test_catapults_are_on_the_map(figure, records):
    """Losses of one network a step, where they can be drawn, over the map iterated here."""
    axes = panel(figure, "The catapult")
    exact = dict(zip((1.9, 2.2, 3.0, 3.8, 4.2), theory(axes), strict=True))
    for step in exact:
        record = first(records, "catapult", step=step, particles=64)
        (drawn,) = [one for one in axes.get_lines() if one.get_label() == f"hλ = {step:g}"]
        y = drawn.get_ydata()
        assert np.array_equal(drawn.get_xdata(), record["seen"])
        with np.errstate(over="ignore"):
            loss = np.asarray(record["output"]) ** 2 / 2
        kept = (loss > 1e-12) & (loss < 1e12)
        assert np.array_equal(np.isfinite(y), kept)
        assert np.allclose(y[kept], loss[kept], rtol=1e-12)
        f, curvature = float(record["output"][0]), float(record["curvature"][0])
        path = [f]
        for _ in range(30):
            f, curvature = (float(one) for one in large_steps.catapult_step(f, curvature, 1.0, 8.0))
            path.append(f)
            if abs(f) > 1e6:
                break
        mapped = np.square(path) / 2
        k = np.flatnonzero(np.isfinite(exact[step][1][: len(mapped)]) & (mapped > 1e-9))
        assert len(k) > 3
        assert np.allclose(exact[step][1][k], mapped[k], rtol=1e-3)


def test_ends_of_all_catapults(figure, records):
    axes, some = panel(figure, "It lands"), list(records.where(experiment="catapult"))
    landed = [(one["step"], one["curvature"][-1]) for one in some if bool(one["reached"])]
    (dots,) = [one for one in axes.get_lines() if one.get_marker() == "o"]
    assert np.allclose(np.column_stack([dots.get_xdata(), dots.get_ydata()]), landed, rtol=1e-12)
    lost, _ = [one for one in axes.get_lines() if one.get_marker() == "x"]
    assert lost.get_xdata().tolist() == sorted({one["step"] for one in some if not one["reached"]}) == [4.2]
    x, y = line(axes, "theory")
    assert np.interp([1, 2, 3, 4], x, y).tolist() == [1, 2, 2, 2]
    assert np.all(dots.get_ydata() <= np.interp(dots.get_xdata(), x, y) + 1e-9)


def test_height_has_its_exponent(figure, records):
    axes, widths = panel(figure, "Thrown to a height"), np.array([64, 256, 1024])
    x, y, low, high = bars(axes, "hλ = 3")
    logs = []
    for m in widths:
        some = records.where(experiment="catapult", step=3.0, particles=m)
        logs.append([np.log(np.max(one["output"] ** 2) / 2) for one in some])
    assert np.array_equal(x, widths)
    assert np.allclose(np.log(y), np.mean(logs, axis=1), rtol=1e-9)
    half = [half_width(np.array(one)) for one in logs]
    assert np.allclose(np.log(high / y), half, rtol=1e-6)
    assert np.allclose(np.log(y / low), half, rtol=1e-6)
    at, exact = line(axes, "theory")
    assert np.allclose(exact / exact[-1], at / 1024, rtol=1e-9)
    assert exact[-1] == pytest.approx(y[-1], rel=1e-9)


def test_panels_stand_in_their_order(figure):
    assert [axes.get_title(loc="left")[0] for axes in figure.axes] == list("abcdef")

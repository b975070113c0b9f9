"""The figure of random_labels: every point, bar and line against records, descent of the kernel, and counting."""

from math import comb

import numpy as np
import pytest

import simulations
from simulations.verdicts.checks import LEVEL
from simulations.verdicts.intervals import share_ends
from tests.figures.artists import bars, halves, line, panel, theory
from theory import kernel_flow
from theory.arc_cosine import tangent_kernel
from theory.memorisation import memorisation_bound

STUDY = "random_labels"


@pytest.fixture(scope="module")
def wide(records):
    return list(records.where(experiment="training", particles=512))


@pytest.fixture(scope="module")
def descents(wide):
    """Predictions of descent with the kernel, steps by levels by samples, and on test images, of every run."""
    found = []
    for record in wide:
        run = simulations.find("random_labels").make(record.parameters)
        x, y, z, truth = run.data
        kernel, cross = tangent_kernel(x, layers="input"), tangent_kernel(z, x, layers="input")
        step = 0.5 * 48 / np.linalg.eigvalsh(kernel)[-1]
        labels = record["labels"].T
        f = kernel_flow.train_discrete(kernel, labels, step, record["steps"])
        f_test = kernel_flow.test_discrete(kernel, cross, labels, step, record["steps"])
        found.append((f, np.mean((f_test > 0) != (truth > 0)[:, None], axis=1), y))
    return found


def check_bars(axes, label, x, table, rtol=1e-9):
    at, y, low, high = bars(axes, label)
    np.testing.assert_allclose(at, x)
    np.testing.assert_allclose(y, table.mean(axis=0), rtol=rtol)
    for side in (high - y, y - low):
        np.testing.assert_allclose(side, halves(table), rtol=1e-6, atol=1e-12)


def test_losses(figure, wide, descents):
    axes = panel(figure, "a  Predicted")
    for level, label, (x, y) in zip(
        (0, 1, 2), ("true labels", "half random", "random labels"), theory(axes), strict=True
    ):
        at, found = line(axes, label)
        np.testing.assert_allclose(at, wide[0]["steps"] + 1)
        norms = [np.sqrt(np.mean((r["labels"][level] - r["f"][level]) ** 2, axis=1)) for r in wide]
        np.testing.assert_allclose(found, np.mean(norms, axis=0), rtol=1e-6)
        said = [
            np.sqrt(np.mean((r["labels"][level] - f[:, :, level]) ** 2, axis=1))
            for r, (f, *_) in zip(wide, descents, strict=True)
        ]
        np.testing.assert_allclose(x, at)
        np.testing.assert_allclose(y, np.mean(said, axis=0), rtol=1e-6)


def test_widths(figure, records):
    axes, lines = panel(figure, "b  The wider"), iter(theory(panel(figure, "b  The wider")))
    for label, level in (("true labels", 0), ("random labels", 2)):
        logs = np.log([
            [
                np.abs(
                    np.sqrt(np.mean((r["labels"][level] - r["f"][level]) ** 2, axis=1))
                    - np.sqrt(np.mean((r["labels"][level] - r["limit_f"][level]) ** 2, axis=1))
                ).max()
                for r in sorted(records.where(experiment="training", particles=m), key=lambda r: r["seed"])
            ]
            for m in (64, 192, 512)
        ]).T  # fmt: skip
        at, y, low, high = bars(axes, label)
        np.testing.assert_allclose(at, [64, 192, 512])
        np.testing.assert_allclose(y, np.exp(logs.mean(axis=0)))
        half = halves(logs)
        np.testing.assert_allclose([low, high], [y * np.exp(-half), y * np.exp(half)])
        np.testing.assert_allclose(next(lines)[1], y[-1] * (at / 512) ** -0.5)


def test_complexity(figure, records):
    axes, runs = panel(figure, "c  A bound"), list(records.where(experiment="labels"))
    share = np.linspace(0, 1, 6)
    check_bars(axes, "√(2", share, np.array([r["complexity"].mean(axis=0) for r in runs]))
    check_bars(axes, "test error", share, np.array([r["error"].mean(axis=0) for r in runs]))
    ((x, y),) = theory(axes)
    exact = []
    for record in runs:
        x_train, truth, _, _ = simulations.find("random_labels").make(record.parameters).data
        inverse, k = np.linalg.inv(tangent_kernel(x_train, layers="input")), np.rint(100 * share)
        both = (100 - k) * (99 - k) / (100 * 99)
        exact.append(np.sqrt(2 * (both * (truth @ inverse @ truth) + (1 - both) * np.trace(inverse)) / 100))
    np.testing.assert_allclose(x, share)
    np.testing.assert_allclose(y, np.mean(exact, axis=0), rtol=1e-6)


def test_what_comes_first(figure, wide, descents):
    axes = panel(figure, "d  Half random")
    curves = theory(axes)
    for kind, label in enumerate(("true labels fitted", "wrong labels fitted", "test samples right")):
        found, said = [], []
        for record, (f, error, truth) in zip(wide, descents, strict=True):
            labels = record["labels"][1]
            of = (labels == truth) if kind == 0 else (labels != truth)
            seen = np.mean((record["f"][1] * labels > 0)[:, of], axis=1)
            known = np.mean((f[:, :, 1] * labels > 0)[:, of], axis=1)
            found.append(seen if kind < 2 else 1 - record["error"][1])
            said.append(known if kind < 2 else 1 - error[:, 1])
        x, y = line(axes, label)
        np.testing.assert_allclose(x, wide[0]["steps"][1:])
        np.testing.assert_allclose(y, np.mean(found, axis=0)[1:])
        np.testing.assert_allclose(curves[kind][1], np.mean(said, axis=0)[1:], atol=2e-3)


def test_what_is_left(figure, wide):
    axes, share = panel(figure, "e  What random"), [0, 0.5, 1]
    check_bars(axes, "critical", share, np.array([r["critical"].mean(axis=1) for r in wide]))
    pairs = [
        [np.abs(one[:, None] - one).mean() / (2 * one.mean()) for one in r["sensitivity"].astype(float)] for r in wide
    ]
    check_bars(axes, "Gini", share, np.array(pairs), rtol=1e-5)
    ratios = []
    for r in wide:
        false = r["labels"][1] != r["truth"]
        ratios.append(np.log(r["sensitivity"][1][false].mean() / r["sensitivity"][1][~false].mean()))
    assert f"{np.exp(np.mean(ratios)):.1f} times" in " ".join(text.get_text() for text in axes.texts)


def test_capacity(figure, records):
    axes = panel(figure, "f  Too few")
    widths, lines = [2, 5, 20, 60], theory(axes)
    runs = [records.where(experiment="capacity", particles=m) for m in widths]
    check_shares(axes, "n = 100, Adam", np.array(widths) * 6 / 100, [[r["memorised"] for r in of] for of in runs])
    np.testing.assert_allclose(lines[0][1], [memorisation_bound(100, 5, m) for m in widths])
    found = [[r["separated"] for r in records.where(experiment="dichotomies", particles=m)] for m in (7, 10, 15)]
    check_shares(axes, "output weights", np.array([7, 10, 15]) / 20, [np.concatenate(one) for one in found])
    x, y = lines[1]
    cover = [sum(comb(19, i) for i in range(m)) / 2**19 for m in range(5, 18)]
    np.testing.assert_allclose(x, np.arange(5, 18) / 20)
    np.testing.assert_allclose(y, cover)


def check_shares(axes, label, x, outcomes):
    at, y, low, high = bars(axes, label)
    np.testing.assert_allclose(at, x)
    np.testing.assert_allclose(y, [np.mean(one) for one in outcomes])
    ends = [share_ends(int(np.sum(one)), len(one), 1 - LEVEL) for one in outcomes]
    np.testing.assert_allclose([low, high], np.array(ends).T, atol=1e-12)

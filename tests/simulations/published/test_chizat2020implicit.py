"""Chizat & Bach (2020): the authors' descent in NumPy, step by step, against the engine's; and checks by hand."""

import numpy as np
import pytest

import meanfield as mf
from simulations.published.chizat2020implicit import MARGINS, Decaying, Descent, Margins, margin
from simulations.published.single_draws import fewer, one_more
from simulations.records.record import Record, Records

STEPS = 60


def descent(x, y, theta, step, steps, both):
    """The script's ascent on the soft-min: rows (a, w) and the margin over the mean of |θ|² before every step."""
    a, w = theta[:, 0].copy(), theta[:, 1:].copy()
    for t in range(1, steps + 2):
        active = np.maximum(w @ x.T, 0)
        outputs = y * (a @ active) / len(a)
        weights = np.exp(outputs.min() - outputs)
        slope = weights * y / weights.sum()
        along_w, along_a = a[:, None] * ((active > 0) @ (slope[:, None] * x)), active @ slope
        norm = (np.sum(a**2) + np.sum(w**2)) / len(a)
        yield np.column_stack([a, w]), outputs.min() / norm
        if both:
            a, w = a + step / np.sqrt(t + 1) * along_a, w + step / np.sqrt(t + 1) * along_w
        else:
            a = a + max(1, np.sqrt(np.mean(a**2))) * step / np.sqrt(t + 1) * along_a


def deviation(run, flow=None, norm="squared"):
    """The largest deviations of positions, relative to their size, and of margins."""
    both = run.layers == "both"
    x, y, start = (np.asarray(part, float) for part in (run.data.x, run.data.y, run.start().position))
    ends = np.append(0.0, np.cumsum(run.step / np.sqrt(np.arange(STEPS) + 2)))
    problem = mf.Objective(mf.Neuron("relu"), mf.Exponential(), x, y, kernel=mf.integrals.Dense())
    observed = {"at": mf.Positions(), "margin": mf.observables.Margin(norm)}
    found = mf.simulate(problem, flow or run.flow(), mf.Particles(start), times=ends, observables=observed)
    own = [*descent(x, y, start, run.step, STEPS, both)]
    apart = max(
        np.abs(at - theirs).max() / np.abs(theirs).max()
        for at, (theirs, _) in zip(found.values["at"], own, strict=True)
    )
    return apart, max(abs(one - theirs) for one, (_, theirs) in zip(found.values["margin"], own, strict=True))


@pytest.mark.parametrize("layers", ["both", "output"])
def test_steps_are_those_of_the_script(layers, x64):
    """Rounding of sums of a hundred terms in 60 steps: far below 1e-11. With large steps output weights exceed 1."""
    run = Descent(layers=layers, particles=20, samples=30, dimension=5, step=40.0, tested=10)
    assert max(deviation(run)) < 1e-11
    # Controls: schedules one step behind, the half norm, and output weights whose size changes no step.
    plain = mf.GradientFlow(lambda k: run.step / (k + 1.0) ** 0.5)
    assert deviation(run, plain if layers == "both" else mf.OutputFlow(plain))[0] > 1e-3
    assert deviation(run, norm="variation")[1] > 1e-4
    if layers == "output":
        assert deviation(run, mf.OutputFlow(mf.GradientFlow(Decaying(np.asarray(run.step)))))[0] > 1e-3


def test_the_last_time_is_that_of_all_steps(x64):
    """The engine takes as many steps as asked for: the clock of decaying steps is their sum."""
    for steps in (3, 1000):
        run = Margins(particles=2, samples=4, dimension=3, steps=steps, tested=2)
        assert mf.simulate(run.problem(), run.flow(), run.start(), times=run.times()).stats["steps"] == steps


def record(layers, seed, error):
    return Record({"experiment": "errors", "layers": layers, "seed": seed}, {"test_error": np.array([0.5, error])})


def of(layers):
    return lambda records: records.where(layers=layers)


def test_fewer_compares_seed_by_seed():
    """Differences .1, .2, .3, of which Student's interval is known."""
    found = Records(
        [record("both", s, 0.1 * s) for s in range(4)] + [record("output", s, 0.2 * s + 0.1) for s in range(3)]
    )
    settings = {"value": lambda one: one["test_error"][-1], "what": "error"}
    verdict = fewer(found, select=of("both"), other=of("output"), predicted=0.0, relation=">=", level=0.05, **settings)
    assert verdict.measured == pytest.approx(0.2)
    assert verdict.error == pytest.approx(2.919986 * 0.1 / np.sqrt(3), rel=1e-6)
    assert verdict.passed is True
    alone = fewer(found, select=of("both"), other=of("both"), predicted=0.0, relation=">=", **settings)
    assert (alone.passed, alone.measured) == (False, 0.0)


def test_one_more_draw():
    """Of n normal numbers the next one lies within t √(1/n + 1) s: 2.776 √1.2 s for five at 95 %."""
    found = Records([record("both", s, float(s)) for s in range(5)])
    verdict = one_more(found, select=of("both"), value=lambda one: one["test_error"][-1], what="error", predicted=0.0,
                       accuracy=0.1, level=0.05)  # fmt: skip
    assert verdict.error == pytest.approx(2.776445 * np.sqrt(1.2) * np.sqrt(2.5), rel=1e-6)


def test_a_margin_that_is_none_is_not_tested():
    row = {"experiment": "margins", "layers": "both", "samples": 256, "particles": 1024, "steps": 50_000, "step": 0.5,
           "dimension": 15}  # fmt: skip
    found = [
        Record(row | {"seed": s}, {"margin": np.array([-0.5, value])}) for s, value in enumerate((0.01, 0.02, -0.1))
    ]
    assert margin(found[0]) == 0.01
    assert MARGINS[0].check(Records(found)).passed is None
    assert "not positive" in MARGINS[0].check(Records(found)).statistic

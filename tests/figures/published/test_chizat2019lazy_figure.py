"""Chizat et al.'s figures: panels of what there is, means with 95 % intervals, and the paper's points."""

import numpy as np
import pytest
from scipy import stats

import figures
import simulations
from figures import published_page
from simulations import Record, Records, find

STUDY = find("chizat2019lazy")
RNG = np.random.default_rng(0)


def records(experiment, parameters, values, seeds=5):
    """Records by hand, with values that scatter about those given."""
    made = []
    for seed in range(seeds):
        found = {name: np.asarray(value * RNG.lognormal(0, 0.1)) for name, value in values.items()}
        made.append(
            Record({"experiment": experiment, "seed": seed, **parameters}, found, {"status": "done", "seconds": 1.0})
        )
    return made


SCALE = [one for tau, y in ((0.01, 1e-4), (0.1, 2e-3), (1.0, 3e-3)) for one in records(
    "initial_scale", {"tau": tau, "steps": 10_000, "particles": 50, "dimension": 100}, {"final": y, "best": y / 2}
)]  # fmt: skip
WIDTH = [
    one
    for scaling, factor in (("1/√m", 2.0), ("1/m", 1.0))
    for m in (2, 512)
    for one in records("width", {"particles": m, "scaling": scaling}, {"final": factor * 10 / m**0.5})
]
ONLINE = [
    one for tau in (0.01, 1.0, 8.0) for one in records("online", {"tau": tau}, {"final": tau, "nothing": 1.0})
]  # fmt: skip


def lines(axes):
    """(x, y, half-widths) of everything with error bars, by its label."""
    found = {}
    for bars in axes.containers:
        data, _, segments = bars
        halves = [abs(ends[1][1] - ends[0][1]) / 2 for ends in segments[0].get_segments()] if segments else []
        found[bars.get_label()] = (*(np.asarray(one, float) for one in data.get_data()), np.asarray(halves, float))
    return found


def test_a_panel_for_each_figure_of_which_there_are_runs():
    for some, titles in (
        (SCALE, ["chizat2019lazy 1c"]),
        (WIDTH, ["chizat2019lazy 2a"]),
        (SCALE + ONLINE, ["1c", "2b"]),
        (SCALE + WIDTH + ONLINE, ["1c", "2a", "2b"]),
    ):
        figure = figures.draw(STUDY, Records(some))
        assert [axes.get_title(loc="left") for axes in figure.axes] == titles


def test_means_and_intervals():
    (axes,) = figures.draw(STUDY, Records(SCALE)).axes
    x, y, halves = lines(axes)["end of training"]
    np.testing.assert_allclose(x, [0.01, 0.1, 1.0])
    for at, mean, half in zip(x, y, halves, strict=True):
        samples = 1000 * np.array([float(one["final"]) for one in SCALE if one.parameters["tau"] == at])
        assert mean == pytest.approx(samples.mean())
        # The interval that decides, of 95 %.
        assert half == pytest.approx(stats.t.ppf(0.975, 4) * samples.std(ddof=1) / 5**0.5, rel=1e-6)
    _, y, halves = lines(axes)["paper"]
    np.testing.assert_allclose(y, [0.05, 3.1])
    np.testing.assert_allclose(halves, [0.05, 0.1])


def test_both_scalings_and_the_largest_loss():
    (axes,) = figures.draw(STUDY, Records(WIDTH)).axes
    assert {"scaling 1/√m", "scaling 1/m", "paper"} <= set(lines(axes))
    (axes,) = figures.draw(STUDY, Records(ONLINE)).axes
    assert max(lines(axes)["fresh samples at every step"][1]) == pytest.approx(1.0)


def test_the_rows_are_what_is_drawn():
    """The claims of figure 1c on these records: the same means, with the errors that are drawn."""
    rows = {entry.claim.name: entry for entry in simulations.compare(STUDY, "1c", Records(SCALE))}
    (axes,) = figures.draw(STUDY, Records(SCALE)).axes
    _, y, halves = lines(axes)["end of training"]
    found = rows["1c: end, large start"].verdict
    assert (found.measured, found.error) == (pytest.approx(y[-1]), pytest.approx(halves[-1]))


def test_the_page_keeps_figures_that_are_not_made_again(tmp_path):
    """And says of each how many values agree, with its command."""
    scale, width = Records(SCALE), Records(WIDTH)
    for figure, records, size in (("1c", scale, "smoke"), ("2a", width, "default")):
        made = [(STUDY, STUDY.figure(figure), records, simulations.compare(STUDY, figure, records))]
        published_page.write(made, tmp_path, size)
    page = (tmp_path / "PUBLISHED.md").read_text(encoding="utf-8")
    assert "`meanfield reproduce chizat2019lazy 1c --quick` (15 runs, seeds 0 to 4)" in page
    assert "`meanfield reproduce chizat2019lazy 2a` (20 runs, seeds 0 to 4)" in page
    assert page.index("### chizat2019lazy 1c") < page.index("### chizat2019lazy 2a")
    rows = [entry.passed for entry in simulations.compare(STUDY, "2a", width)]
    assert f"**{rows.count(None)} not tested**" in page  # whose steps are not among these records
    assert published_page.text(published_page.kept(page)) == page
    assert {path.name for path in (tmp_path / "gallery").iterdir()} == {
        "chizat2019lazy_1c.png",
        "chizat2019lazy_2a.png",
    }
    (tmp_path / "PUBLISHED.md").write_text("mine", encoding="utf-8")
    with pytest.raises(ValueError, match="is not a file that meanfield wrote"):
        published_page.write([], tmp_path, "smoke")


def test_records_of_another_size_do_not_crash():
    other = Records(records("width", {"particles": 3, "scaling": "1/m"}, {"final": 1.0}, seeds=1))
    assert len(figures.draw(STUDY, other).axes) == 1
    nothing = figures.draw(STUDY, Records([]))
    assert sum("no runs" in text.get_text() for axes in nothing.axes for text in axes.texts) == 3

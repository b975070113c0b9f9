"""Legends hang below their panels, which keep their size."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from figures.legends import heighten, key
from figures.style import styled
from tests.figures.artists import cut_off, legends_over_panels

LABELS = ["a", "somewhat longer words", "theory: a line that says a lot", "another one", "and the last"]


def drawn(place, labels=LABELS, rows=2):
    """A figure of rows of two panels, on each of which a function puts the legend."""
    with styled():
        figure = Figure(figsize=(7, 3 * rows), layout="constrained")
        for axes in figure.subplots(rows, 2).ravel():
            axes.plot([0, 1], [0, 1], label=labels[0])
            for label in labels[1:]:
                axes.plot([0, 1], [1, 0], label=label)
            axes.set(xlabel="time", ylabel="risk")
            axes.set_title("a panel")
            place(axes)
        heighten(figure)
        figure.draw_without_rendering()
    return figure


def test_legends_lie_on_no_panel():
    assert legends_over_panels(drawn(key)) == []


def test_a_legend_on_its_panel_is_seen():
    assert legends_over_panels(drawn(lambda axes: axes.legend(loc="upper left"))) == ["a panel"] * 4


def test_nothing_is_cut_off_and_no_words_meet():
    figure = drawn(key)
    for axes in figure.axes:
        box = axes.get_legend().get_window_extent()
        assert box.y1 <= axes.xaxis.label.get_window_extent().y0
        assert figure.bbox.y0 <= box.y0
        titles = [other.title.get_window_extent() for other in figure.axes if other is not axes]
        assert not any(title.overlaps(box) for title in titles)


def test_what_is_cut_off_is_seen():
    assert cut_off(drawn(key)) == []

    def beside(axes):
        axes.legend(loc="upper left", bbox_to_anchor=(0.9, 1)).set_in_layout(False)

    assert cut_off(drawn(beside)) == ["a"] * 2  # of the panels on the right


def test_panels_keep_their_size():
    """Higher by the legends, the figure leaves each panel about the height that it has without any."""
    without, below = drawn(lambda axes: None), drawn(key)
    heights = [[axes.bbox.height for axes in figure.axes] for figure in (without, below)]
    np.testing.assert_allclose(heights[1], heights[0], rtol=0.1)
    assert below.get_figheight() > without.get_figheight()


def test_axes_are_not_stretched():
    without, below = drawn(lambda axes: None), drawn(key)
    assert [axes.get_ylim() for axes in below.axes] == [axes.get_ylim() for axes in without.axes]


@pytest.mark.parametrize(
    ("labels", "rows"),
    [(["a", "b", "c"], 1), (["a line", "longer words", "somewhat longer words", "b"], 2), (LABELS, 5)],
)
def test_columns_are_as_many_as_fit(labels, rows):
    figure = drawn(key, labels, rows=1)
    texts = figure.axes[0].get_legend().get_texts()
    assert len({round(text.get_window_extent().y0) for text in texts}) == rows


def test_options_are_those_of_a_legend():
    figure = drawn(lambda axes: key(axes, title="width m", markerscale=3))
    legend = figure.axes[0].get_legend()
    assert legend.get_title().get_text() == "width m"
    assert legend.markerscale == 3

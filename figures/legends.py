"""Legends below their panels: no axis is stretched for their sake, and nothing that was measured lies under them.

A panel ends with `key`, once its labels and scales are set. `heighten` makes room for all of them at last.
"""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.legend import Legend
from matplotlib.transforms import ScaledTranslation

GAP = 5.0
"""Between the words below an axis and the legend (points)."""

COLUMNS = 3
"""Most columns of a legend."""


def key(axes: Axes, **options: Any) -> Legend:
    """Put the panel's legend below it, in as many columns as fit, and return it; `options` are those of `Axes.legend`.

    It hangs below the panel's labels, as they are now, whatever becomes of the panel's place and size.
    """
    figure = axes.get_figure(root=True)
    assert isinstance(figure, Figure)
    around = axes.get_tightbbox()
    assert around is not None
    points = figure.dpi / 72
    below = (axes.bbox.y0 - around.y0) / points + GAP
    hanging = axes.transAxes + ScaledTranslation(0, -below / 72, figure.dpi_scale_trans)
    columns = COLUMNS
    while True:
        legend = axes.legend(
            loc="upper left", bbox_to_anchor=(0, 0), bbox_transform=hanging, ncols=columns, columnspacing=1.2,
            borderaxespad=0, borderpad=0, **options,
        )  # fmt: skip
        fits = columns <= len(legend.get_texts()) and legend.get_window_extent().width <= axes.bbox.width
        if fits or columns == 1:
            return legend
        columns -= 1


def heighten(figure: Figure) -> None:
    """Make a figure of rows of panels higher by the highest legend of each row, so that panels keep their size."""
    rows: dict[int, float] = {}
    for axes in figure.axes:
        place, legend = axes.get_subplotspec(), axes.get_legend()
        if place is None or legend is None:
            continue
        row = place.get_topmost_subplotspec().rowspan.stop
        rows[row] = max(rows.get(row, 0.0), legend.get_window_extent().height / figure.dpi + 4 * GAP / 72)
    figure.set_figheight(figure.get_figheight() + sum(rows.values()))
    layout = figure.get_layout_engine()
    if isinstance(layout, ConstrainedLayoutEngine):
        layout.set(h_pad=2 * GAP / 72)  # a title keeps away from the legend above it

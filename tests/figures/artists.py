"""What a figure shows, read back from its artists, for tests that compare it with theory and verdict."""

import re

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.ticker import FixedFormatter
from numpy.typing import ArrayLike

from simulations.verdicts.checks import half_width


def panel(figure: Figure, title: str) -> Axes:
    """The only panel whose title has these words."""
    (found,) = [axes for axes in figure.axes if title in axes.get_title(loc="left")]
    return found


def line(axes: Axes, label: str) -> tuple[np.ndarray, np.ndarray]:
    """x and y of the only line whose label has these words."""
    (found,) = [one for one in axes.get_lines() if label in str(one.get_label())]
    return places(found)


def places(one: Line2D) -> tuple[np.ndarray, np.ndarray]:
    """x and y of a line's points."""
    return np.asarray(one.get_xdata(), float), np.asarray(one.get_ydata(), float)


def theory(axes: Axes) -> list[tuple[np.ndarray, np.ndarray]]:
    """x and y of the black lines without markers, which is how theory is drawn, in the order of drawing."""
    black = [
        one for one in axes.get_lines() if to_rgb(one.get_color()) == (0, 0, 0) and one.get_marker() in ("None", "")
    ]
    caps = {id(part) for box in axes.containers if isinstance(box, ErrorbarContainer) for part in box.lines[1]}
    return [places(one) for one in black if id(one) not in caps]


def bars(axes: Axes, label: str = "") -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """x, y and the lower and upper ends of the only vertical error bars whose label has these words."""
    known = [box for box in axes.containers if isinstance(box, ErrorbarContainer)]
    (found,) = [box for box in known if label in str(box.get_label())]
    points, _, (ends, *_) = found.lines
    low, high = np.array([part[:, 1] for part in ends.get_segments()]).T
    return *places(points), low, high


def halves(table: ArrayLike) -> np.ndarray:
    """The half-width of the verdicts' interval for each column of a table whose rows are seeds."""
    return np.array([half_width(column) for column in np.transpose(table)])


def assert_geometric(axes: Axes, label: str, x: ArrayLike, table: ArrayLike, rtol: float = 1e-12) -> None:
    """Bars are at these x, and the geometric means over seeds with the verdicts' interval of the logarithms."""
    at, *ends = bars(axes, label)
    np.testing.assert_allclose(at, x)
    logs = np.log(table)
    mean, half = logs.mean(axis=0), halves(logs)
    np.testing.assert_allclose(ends, np.exp([mean, mean - half, mean + half]), rtol=rtol)


def legends_over_panels(figure: Figure) -> list[str]:
    """The titles of the panels on which a legend lies, of their own or of another panel."""
    figure.draw_without_rendering()
    boxes = [legend.get_window_extent() for axes in figure.axes if (legend := axes.get_legend()) is not None]
    return [axes.get_title(loc="left") for axes in figure.axes if any(axes.bbox.overlaps(box) for box in boxes)]


def cut_off(figure: Figure) -> list[str]:
    """Legends and titles that do not lie within the figure, by their words."""
    figure.draw_without_rendering()
    legends = [legend for axes in figure.axes if (legend := axes.get_legend()) is not None]
    titles = [text for axes in figure.axes for text in (axes.title, axes._left_title, axes._right_title)]
    found = []
    for one in [*legends, *(title for title in titles if title.get_text())]:
        box = one.get_window_extent()
        if box.x0 < -1 or box.y0 < -1 or box.x1 > figure.bbox.x1 + 1 or box.y1 > figure.bbox.y1 + 1:
            found.append(one.get_text() if isinstance(one, Text) else one.get_texts()[0].get_text())
    return found


def panels_without_words(figure: Figure) -> list[str]:
    """The titles of the panels of which nothing says what their x is: no label, and no words at its ticks."""
    found = []
    for axes in figure.axes:
        ticks = [text.get_text() for text in axes.get_xticklabels()]
        fixed = isinstance(axes.xaxis.get_major_formatter(), FixedFormatter)
        told = axes.get_xlabel() or not ticks or (fixed and any(re.search("[a-z]", tick) for tick in ticks))
        if axes.has_data() and axes.axison and not told:
            found.append(axes.get_title(loc="left"))
    return found


def words(figure: Figure) -> list[str]:
    """What legends and panels say, in lower case."""
    legends = [axes.get_legend() for axes in figure.axes if axes.get_legend()] + figure.legends
    texts = [text for legend in legends for text in legend.get_texts()]
    return [text.get_text().lower() for text in [*texts, *(text for axes in figure.axes for text in axes.texts)]]

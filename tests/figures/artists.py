"""What a figure shows, read back from its artists, for tests that compare it with theory and verdict."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure


def panel(figure: Figure, title: str) -> Axes:
    """The only panel whose title has these words."""
    (found,) = [axes for axes in figure.axes if title in axes.get_title(loc="left")]
    return found


def line(axes: Axes, label: str) -> tuple[np.ndarray, np.ndarray]:
    """x and y of the only line whose label has these words."""
    (found,) = [one for one in axes.get_lines() if label in str(one.get_label())]
    return np.asarray(found.get_xdata(), float), np.asarray(found.get_ydata(), float)


def theory(axes: Axes) -> list[tuple[np.ndarray, np.ndarray]]:
    """x and y of the black lines without markers, which is how theory is drawn, in the order of drawing."""
    black = [
        one for one in axes.get_lines() if to_rgb(one.get_color()) == (0, 0, 0) and one.get_marker() in ("None", "")
    ]
    caps = {id(part) for box in axes.containers if isinstance(box, ErrorbarContainer) for part in box.lines[1]}
    return [
        (np.asarray(one.get_xdata(), float), np.asarray(one.get_ydata(), float)) for one in black if id(one) not in caps
    ]


def bars(axes: Axes, label: str = "") -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """x, y and the lower and upper ends of the only vertical error bars whose label has these words."""
    known = [box for box in axes.containers if isinstance(box, ErrorbarContainer)]
    (found,) = [box for box in known if label in str(box.get_label())]
    points, _, (ends, *_) = found.lines
    low, high = np.array([part[:, 1] for part in ends.get_segments()]).T
    return np.asarray(points.get_xdata(), float), np.asarray(points.get_ydata(), float), low, high

"""The stage of a film: two runs side by side, each with its particles and its function, and the curves of both.

Everything that stays is drawn once; what moves is updated frame by frame.
"""

import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from figures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, THEORY
from simulations import Motion, Record, Scene

SIDES = (ORANGE, BLUE)
"""Colours of the two runs; where they are regimes, those of mean-field and lazy."""

PATHS = 100
"""Particles whose paths are drawn, at most, and a quarter of them on a line: more would be a blot."""

ALIKE = 4.0
"""Panels of particles share their limits unless those of one are so many times larger."""

NEAR = 1.5
"""Particles that keep to a part so many times smaller than that of the other run are also shown larger."""

LENS = 0.52
"""The part of a panel's sides that is given to that."""

TIME = "time t (mean-field time)"

Pair = tuple[Record, Record]
Moving = tuple[list[Artist], Callable[[int], None]]
"""What moves in a panel, and what moves it to a frame."""


@dataclass(frozen=True)
class Stage:
    """A figure, what moves in it in the order in which it is drawn, and what moves it."""

    figure: Figure
    frames: int
    moving: list[Artist]
    actions: list[Callable[[int], None]]

    def show(self, frame: int) -> None:
        """Move everything to that frame."""
        for action in self.actions:
            action(frame)


def stage(motion: Motion, pair: Pair) -> Stage:
    """The two runs of `pair`, beside each other."""
    scene, times = motion.scene, pair[0].values["times"]
    engine = ConstrainedLayoutEngine(rect=(0, 0, 1, 0.925), hspace=0.04)
    figure = Figure(figsize=(8, 8.6), layout=engine)
    grid = figure.add_gridspec(3, 2, height_ratios=[4.2, 2.2, 2.0])
    figure.text(0.5, 0.985, scene.title, ha="center", va="top", fontsize=13, weight="bold")
    boxes = _limits(scene, pair)
    parts = [_clock(figure, times)]
    for k in range(2):
        panel = figure.add_subplot(grid[0, k])
        closer = float(np.ptp(boxes[1 - k][0]) / np.ptp(boxes[k][0]))
        near = closer > NEAR
        label = f"{scene.sliders[scene.beside]} = {pair[k].parameters[scene.beside]:g}"
        larger = f" (framed: {LENS * closer:.2g} times)" * near
        panel.set_title(label + larger, color=SIDES[k])
        parts.append(_particles(panel, scene, pair[k], boxes[1 - k if near else k], SIDES[k]))
        if near:
            parts.append(_lens(panel, scene, pair[k], boxes[k], SIDES[k]))
    legend = figure.axes[0].get_legend_handles_labels()
    if legend[0]:
        engine.set(rect=(0, 0, 1, 0.9))
        figure.legend(*legend, loc="upper center", bbox_to_anchor=(0.5, 0.932), ncols=len(legend[0]), handlelength=1.2)
    for k in range(2):
        panel = figure.add_subplot(grid[1, k])
        parts.append(_function(panel, scene, pair[k], SIDES[k]))
        panel.set_ylim(_heights(pair))
        if k:
            panel.set(ylabel="", yticklabels=[])
    for k, name in enumerate(list(scene.curves)[:2]):
        parts.append(_curve(figure.add_subplot(grid[2, k]), scene, name, pair))
    moving = [artist for artists, _ in parts for artist in artists]
    for artist in moving:
        artist.set_animated(True)
        artist.set_in_layout(False)
    return Stage(figure, len(times), moving, [action for _, action in parts])


def _clock(figure: Figure, times: np.ndarray) -> Moving:
    text = figure.text(0.5, 0.952, "", ha="center", va="top", fontsize=11)

    def action(k: int) -> None:
        time = float(times[k])
        text.set_text(f"t = {time:.3g} (mean-field time)" if 0 < time < 100 else f"t = {time:.0f} (mean-field time)")

    return [text], action


def _lens(panel: Axes, scene: Scene, record: Record, box: np.ndarray, side: str) -> Moving:
    """Draw the particles once more and larger, in the corner of their panel that is farthest from them."""
    x, y = (
        (np.mean(box[i]) - limits[0]) / np.ptp(limits) for i, limits in enumerate((panel.get_xlim(), panel.get_ylim()))
    )
    corner = (0.02 if x > 0.5 else 0.98 - LENS, 0.02 if y > 0.5 else 0.98 - LENS)
    lens = panel.inset_axes((*corner, LENS, LENS))
    moving = _particles(lens, scene, record, box, side)
    lens.set(xlabel="", ylabel="", xticks=[], yticks=[])
    lens.spines[:].set(visible=True, color=GREY)
    panel.indicate_inset_zoom(lens, edgecolor=GREY)
    return moving


def _particles(panel: Axes, scene: Scene, record: Record, box: np.ndarray, side: str) -> Moving:
    """Where the particles are, and the paths on which they came."""
    places, weights = _places(record), record.values["weights"]
    panel.set(xlim=box[0], ylim=box[1], xlabel=scene.plane[0], ylabel=[*scene.plane, TIME][1])
    panel.locator_params(nbins=6)
    if _equal(scene):
        panel.set_aspect("equal")
    both = weights.min() < 0 < weights.max()
    chosen = np.zeros(places.shape[1], bool)
    chosen[np.linspace(0, len(chosen) - 1, PATHS if len(scene.plane) > 1 else PATHS // 4).astype(int)] = True
    area = 6 + (50 if both else 14) * np.abs(weights) / np.abs(weights).max()
    width = 0.7 if len(chosen) > 30 else 1.4
    artists: list[Artist] = []
    parts = []
    for sign, color in ((1, GREEN), (-1, PURPLE)) if both else ((np.sign(weights.max()), side),):
        mine = np.sign(weights.sum(axis=0)) == sign
        (line,) = panel.plot([], [], color=color, lw=width, alpha=0.5)
        dots = panel.scatter([], [], color=color, edgecolor="white", linewidth=0.4, zorder=3)
        artists += [line, dots]
        parts.append((mine, _broken(places[:, mine & chosen], np.ptp(box, axis=1)), line, dots))
        if both:
            panel.plot([], [], "o", color=color, label=f"weight {'>' if sign > 0 else '<'} 0")
    artists += _marks(panel, scene, record, box)

    def action(k: int) -> None:
        first = max(0, k - scene.tail) if scene.tail else 0
        for mine, paths, line, dots in parts:
            line.set_data(*_joined(paths[first : k + 1]))
            dots.set_offsets(places[k, mine])
            dots.set_sizes(area[k, mine])

    return artists, action


def _marks(panel: Axes, scene: Scene, record: Record, box: np.ndarray) -> list[Artist]:
    """Where the particles ought to go, drawn over them."""
    artists: list[Artist] = []
    for k, mark in enumerate(record.values.get("marks", ())):
        label = None if k else scene.marks
        if scene.rays:
            ray = np.outer(mark / np.linalg.norm(mark), [0, 2 * np.abs(box).max()])
            artists += panel.plot(*ray, color=THEORY, lw=0.8, ls="--", label=label)
        else:
            artists += panel.plot(*mark, "*", color=THEORY, ms=11, mfc="none", mew=1, label=label)
    return artists


def _places(record: Record) -> np.ndarray:
    """Where particles are drawn, [T, m, 2]: those on a line at the height of the time."""
    places = np.asarray(record.values["particles"], float)
    if places.shape[2] > 1:
        return places
    heights = np.broadcast_to(record.values["times"][:, None, None], places.shape)
    return np.concatenate([places, heights], axis=2)


def _broken(paths: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Without the point after a jump over half of the panel: around a torus."""
    jumps = np.any(np.abs(np.diff(paths, axis=0)) > size / 2, axis=2)
    return np.where(np.concatenate([np.zeros_like(jumps[:1]), jumps])[:, :, None], np.nan, paths)


def _joined(paths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All paths as one line with gaps."""
    gap = np.full_like(paths[:1], np.nan)
    x, y = np.concatenate([paths, gap]).transpose(2, 1, 0).reshape(2, -1)
    return x, y


def _limits(scene: Scene, pair: Pair) -> np.ndarray:
    """(x, y) limits of both panels of particles, [2, 2, 2]: all of the film, and the same where both can be read."""
    if len(scene.plane) == 1:  # the line of the functions below
        ends = np.array([pair[0].values[name][[0, -1]] for name in ("grid", "times")])
        ends[1] += 0.04 * np.ptp(ends[1]) * np.array([-1, 1])
        return np.stack([ends, ends])
    boxes = []
    for record in pair:
        places = _places(record).reshape(-1, 2)
        if "marks" in record.values and not scene.rays:
            places = np.concatenate([places, record.values["marks"]])
        boxes.append([places.min(axis=0), places.max(axis=0)])
    corners = np.array(boxes)
    sizes = np.ptp(corners, axis=1).max(axis=1)
    if sizes.max() < ALIKE * sizes.min():
        corners[:] = corners[:, 0].min(axis=0), corners[:, 1].max(axis=0)
    centres, halves = corners.mean(axis=1), np.ptp(corners, axis=1) / 2
    if _equal(scene):
        halves[:] = halves.max(axis=1, keepdims=True)
    return np.stack([centres - 1.08 * halves, centres + 1.08 * halves], axis=2)


def _equal(scene: Scene) -> bool:
    """Return True if both axes of the plane are of one unit, and so of one scale."""
    units = [re.findall(r"\(([^()]*)\)$", label) for label in scene.plane]
    return len(units) == 2 and units[0] == units[1]


def _function(panel: Axes, scene: Scene, record: Record, color: str) -> Moving:
    """The predictor or density against what it should be."""
    grid, functions, target = (record.values[name] for name in ("grid", "functions", "target"))
    style = "steps-mid" if target.ndim == 2 else "default"  # a histogram and its law, or a predictor and its target
    (line,) = panel.plot(grid, functions[0], color=color, lw=2, drawstyle=style, label="particles")
    laws = np.broadcast_to(target, functions.shape)
    (law,) = panel.plot(grid, laws[0], color=THEORY, lw=1.2, label=scene.target)
    if "samples" in record.values:
        panel.plot(*record.values["samples"].T, "o", color=GREY, ms=3.5, mfc="white", label="samples")
    panel.set(xlim=(grid[0], grid[-1]), xlabel=scene.function[0], ylabel=scene.function[1])
    if np.allclose(grid[[0, -1]], [-180, 180]):
        panel.set_xticks([-180, -90, 0, 90, 180])
    panel.legend(loc="upper left", ncols=3, handlelength=1.2, columnspacing=0.8, borderpad=0.1)

    def action(k: int) -> None:
        line.set_ydata(functions[k])
        law.set_ydata(laws[k])

    return [line] if target.ndim == 1 else [line, law], action


def _heights(pair: Pair) -> tuple[float, float]:
    """Limits for both panels of functions, with room for a legend: of what is far from its target, not all is seen."""
    target, functions = (
        np.concatenate([record.values[name].ravel() for record in pair]) for name in ("target", "functions")
    )
    low, high, size = target.min(), target.max(), np.ptp(target)
    low, high = max(min(functions.min(), low), low - size), min(max(functions.max(), high), high + size)
    return low - 0.06 * (high - low), high + 0.25 * (high - low)


def _curve(panel: Axes, scene: Scene, name: str, pair: Pair) -> Moving:
    """One curve of both runs, with a dot at the time that is shown."""
    times = pair[0].values["times"]
    # Times that are spread over orders of magnitude are drawn so; their first one, 0, has no place there.
    spread = bool(times[len(times) // 2] < times[-1] / 4)
    parts = []
    for record, color in zip(pair, SIDES, strict=True):
        at, values = record.values["times"], record.values[f"curve_{name}"]
        panel.plot(at, values, color=color)
        (dot,) = panel.plot([], [], "o", color=color, ms=6, mec="white", mew=0.6, clip_on=False)
        parts.append((at, values, dot))
    panel.set(xlabel=TIME, ylabel=textwrap.fill(scene.curves[name], 26))
    panel.set_xscale("log" if spread else "linear")
    panel.set_yscale("log" if name in scene.logarithmic else "linear")

    def action(k: int) -> None:
        for at, values, dot in parts:
            shown = slice(k, k + 1 if at[k] > 0 or not spread else k)
            dot.set_data(at[shown], values[shown])

    return [dot for _, _, dot in parts], action

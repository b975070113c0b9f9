"""What a film shows: two runs side by side, each with its particles and its function, and the curves of both.

Everything that stays is drawn once; what moves is updated frame by frame.
"""

import re
import textwrap
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from figures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, THEORY
from simulations import Motion, Record, Scene

SIDES = (ORANGE, BLUE)
"""Colours of the two runs; in the study of regimes those of mean-field and lazy."""

PATHS = 100
"""Particles whose paths are drawn, at most: more would be a blot."""

CURVES = 2
"""Curves that are shown; an explorer shows all."""

ALIKE = 4.0
"""Panels of particles share their limits unless those of one are so many times larger."""


@dataclass(frozen=True)
class Stage:
    """A figure with what moves in it."""

    figure: Figure
    moving: list[Artist]
    frames: int
    actions: list

    def show(self, frame: int) -> None:
        """Move everything to that frame."""
        for action in self.actions:
            action(frame)


def stage(motion: Motion, pair: tuple[Record, Record]) -> Stage:
    """The two runs of `pair`, beside each other, at their start."""
    scene, times = motion.scene, pair[0].values["times"]
    engine = ConstrainedLayoutEngine(rect=(0, 0, 1, 0.925), hspace=0.04)
    figure = Figure(figsize=(8, 8.6), layout=engine)
    rows = figure.add_gridspec(3, 1, height_ratios=[4.2, 2.2, 2.0])
    figure.text(0.5, 0.985, scene.title, ha="center", va="top", fontsize=13, weight="bold")
    clock = figure.text(0.5, 0.952, "", ha="center", va="top", fontsize=11)
    moving: list[Artist] = [clock]
    actions = [lambda k: clock.set_text(f"t = {_number(times[k])} (mean-field time)")]
    boxes, top = _limits(motion, pair), rows[0].subgridspec(1, 2)
    for column, (record, color, box) in enumerate(zip(pair, SIDES, boxes, strict=True)):
        panel = figure.add_subplot(top[column])
        label = f"{scene.sliders[scene.beside]} = {record.parameters[scene.beside]:g}"
        larger = np.ptp(boxes[0][0]) / np.ptp(boxes[1][0])
        ratio = 1 / larger if column == 0 else larger
        panel.set_title(label + (f" ({ratio:.0f} × magnified)" if ratio > 1.5 else ""), color=color)
        artists, action = _particles(panel, motion, record, box, color)
        moving += artists
        actions.append(action)
    shown = figure.axes[0].get_legend_handles_labels()
    if shown[0]:
        engine.set(rect=(0, 0, 1, 0.9))
        figure.legend(*shown, loc="upper center", bbox_to_anchor=(0.5, 0.932), ncols=len(shown[0]), handlelength=1.2)
    panels, heights = rows[1].subgridspec(1, 2).subplots(sharey=True), _heights(pair)
    for panel, record, color in zip(panels, pair, SIDES, strict=True):
        artists, action = _functions(panel, motion, record, color)
        panel.set_ylim(heights)
        moving += artists
        actions.append(action)
    panels[1].set_ylabel("")
    followed = list(scene.curves)[:CURVES]
    for panel, name in zip(rows[2].subgridspec(1, len(followed)).subplots(), followed, strict=True):
        artists, action = _curve(panel, motion, name, pair)
        moving += artists
        actions.append(action)
    for artist in moving:
        artist.set_animated(True)
        artist.set_in_layout(False)
    return Stage(figure, moving, len(times), actions)


def _particles(panel: Axes, motion: Motion, record: Record, box: np.ndarray, side: str):
    """Where the particles are, and the paths on which they came."""
    scene = motion.scene
    places, weights = drawn(record), record.values["weights"]
    both = weights.min() < 0 < weights.max()
    panel.set(xlim=box[0], ylim=box[1], xlabel=scene.plane[0])
    panel.set_ylabel(scene.plane[1] if len(scene.plane) > 1 else "time t (mean-field time)")
    if _equal(motion):
        panel.set_aspect("equal")
    most = PATHS if len(scene.plane) > 1 else PATHS // 4  # paths in time cross one another all along
    chosen = np.unique(np.linspace(0, places.shape[1] - 1, most).astype(int))
    area = 6 + (50 if both else 14) * np.abs(weights) / np.abs(weights).max()
    artists: list[Artist] = []
    parts, width = [], 0.7 if places.shape[1] > 30 else 1.4
    for sign, color in ((1, GREEN), (-1, PURPLE)) if both else ((np.sign(weights.max()), side),):
        mine = np.sign(weights.sum(axis=0)) == sign
        paths = _broken(places[:, [j for j in chosen if mine[j]]], np.ptp(box, axis=1))
        (line,) = panel.plot([], [], color=color, lw=width, alpha=0.5)
        dots = panel.scatter([], [], color=color, edgecolor="white", linewidth=0.4, zorder=3)
        artists += [line, dots]
        parts.append((mine, paths, line, dots))
        if both:
            panel.plot([], [], "o", color=color, label=f"weight {'>' if sign > 0 else '<'} 0")

    artists += _marks(panel, scene, record, box)

    def action(k: int) -> None:
        for mine, paths, line, dots in parts:
            line.set_data(*_joined(paths[max(0, k - scene.tail) if scene.tail else 0 : k + 1]))
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


def drawn(record: Record) -> np.ndarray:
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


def _functions(panel: Axes, motion: Motion, record: Record, color: str):
    """The predictor or density against what it should be."""
    scene, grid, functions, target = (
        motion.scene,
        record.values["grid"],
        record.values["functions"],
        record.values["target"],
    )
    artists: list[Artist] = []
    style = "steps-mid" if target.ndim == 2 else "default"  # a histogram and its law, or a predictor and its target
    (line,) = panel.plot(grid, functions[0], color=color, lw=2, drawstyle=style, label="particles")
    (law,) = panel.plot(grid, target if target.ndim == 1 else target[0], color=THEORY, lw=1.2, label=scene.target)
    artists = [line]
    if target.ndim == 2:
        artists.append(law)
    if "samples" in record.values:
        panel.plot(*record.values["samples"].T, "o", color=GREY, ms=3.5, mfc="white", label="samples")
    panel.set(xlim=(grid[0], grid[-1]), xlabel=scene.function[0], ylabel=scene.function[1])
    if np.isclose(grid[0], -180) and np.isclose(grid[-1], 180):
        panel.set_xticks([-180, -90, 0, 90, 180])
    panel.legend(loc="upper left", ncols=3, handlelength=1.2, columnspacing=0.8, borderpad=0.1)

    def action(k: int) -> None:
        line.set_ydata(functions[k])
        if target.ndim == 2:
            law.set_ydata(target[k])

    return artists, action


def _heights(pair: tuple[Record, Record]) -> tuple[float, float]:
    """Limits for both panels of functions, with room for a legend: of what is far from its target, not all is seen."""
    target = np.concatenate([record.values["target"].ravel() for record in pair])
    functions = np.concatenate([record.values["functions"].ravel() for record in pair])
    low, high, size = target.min(), target.max(), np.ptp(target)
    low, high = max(min(functions.min(), low), low - size), min(max(functions.max(), high), high + size)
    return low - 0.06 * (high - low), high + 0.25 * (high - low)


def _curve(panel: Axes, motion: Motion, name: str, pair: tuple[Record, Record]):
    """One curve of both runs, with a dot at the time that is shown."""
    parts = []
    scene = motion.scene
    for record, color in zip(pair, SIDES, strict=True):
        times, values = record.values["times"], record.values[f"curve_{name}"]
        panel.plot(times, values, color=color, lw=1.2)
        (dot,) = panel.plot([], [], "o", color=color, ms=6, mec="white", mew=0.6, clip_on=False)
        parts.append((times, values, dot))
    if logarithmic(pair[0].values["times"]):
        panel.set_xscale("log")
    if name in scene.logarithmic:
        panel.set_yscale("log")
    panel.set(xlabel="time t (mean-field time)", ylabel=textwrap.fill(scene.curves[name], 26))

    def action(k: int) -> None:
        for times, values, dot in parts:
            shown = times[k] > 0 or panel.get_xscale() == "linear"
            dot.set_data([times[k]] if shown else [], [values[k]] if shown else [])

    return [part[2] for part in parts], action


def logarithmic(times: np.ndarray) -> bool:
    """Whether the times are spread over orders of magnitude."""
    return bool(times[len(times) // 2] < 0.25 * times[-1])


def _limits(motion: Motion, pair: tuple[Record, Record]) -> list[np.ndarray]:
    """(x, y) limits of both panels of particles, which hold all of the film; the same ones where that can be read."""
    places = [drawn(record).reshape(-1, 2) for record in pair]
    marks = [np.zeros((0, 2)) if motion.scene.rays else record.values.get("marks", np.zeros((0, 2))) for record in pair]
    places = [np.concatenate(both) for both in zip(places, marks, strict=True)]
    if len(motion.scene.plane) == 1:  # the line of the functions below
        ends = pair[0].values["grid"][[0, -1]], pair[0].values["times"][[0, -1]]
        return [np.array([ends[0], ends[1] + 0.04 * np.ptp(ends[1]) * np.array([-1, 1])])] * 2
    boxes = np.array([[at.min(axis=0), at.max(axis=0)] for at in places])
    sizes = np.ptp(boxes, axis=1).max(axis=1)
    if sizes.max() < ALIKE * sizes.min():
        boxes[:] = boxes[:, 0].min(axis=0), boxes[:, 1].max(axis=0)
    centres, halves = boxes.mean(axis=1), np.ptp(boxes, axis=1) / 2
    if _equal(motion):
        halves[:] = halves.max(axis=1, keepdims=True)
    return list(np.stack([centres - 1.08 * halves, centres + 1.08 * halves], axis=2))


def _equal(motion: Motion) -> bool:
    """Whether both axes of the plane are of one unit, and so of one scale."""
    units = [_unit(label) for label in motion.scene.plane]
    return len(units) == 2 and units[0] == units[1]


def _unit(label: str) -> str:
    found = re.search(r"\(([^()]*)\)$", label)
    return found.group(1) if found else ""


def _number(time: float) -> str:
    return f"{time:.3g}" if 0 < time < 100 else f"{time:.0f}"

"""The contents of an animation or an explorer: runs whose particles are kept at many times, and names of the axes.

They are an experiment of a study, without claims: its records are stored, resumed and read like all others. Every
record holds

    times         [T]        mean-field time, the start included
    particles     [T, m, c]  where particles are drawn: c = 2 in a plane, c = 1 on a line
    weights       [T, m]     what a particle contributes, with its sign: colour by sign, area by size
    grid          [G]        where functions are drawn
    functions     [T, G]     the predictor, or a density, over the grid
    target        [G] or [T, G]   what it should be: the teacher's function, or the theory's law
    samples       [n, 2]     optional: training points in the panel of functions
    marks         [q, 2]     optional: where particles ought to go (spikes, teacher neurons, modes of the data)
    curve_<name>  [T]        what is followed in time: at least curve_risk, or curve_energy

Parameters may have the same names, such as `particles` and `samples`, which are numbers then: take what is drawn from
`record.values`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from meanfield.arguments import positive_count, positive_number
from simulations.study.experiment import Experiment
from simulations.study.given import instance
from simulations.study.ranges import in_short


@dataclass(frozen=True)
class Scene:
    """The words of a moving picture."""

    title: str
    """What is seen, as a finding."""
    plane: tuple[str, ...]
    """Axis labels of the particles' panel, with units; one for particles on a line."""
    function: tuple[str, str]
    """Axis labels of the panel of functions."""
    target: str
    """What the line called `target` is: "teacher", "theory: Fokker–Planck density"."""
    curves: Mapping[str, str]
    """Of every curve, its label with unit, in the order of importance."""
    sliders: Mapping[str, str]
    """Parameters that vary in the grid, each with symbol and unit, in the order in which they are offered."""
    dot: str
    """What one dot is, in a sentence, and what moves it: an equation."""
    beside: str
    """The parameter whose smallest and largest value are shown side by side in an animation."""
    logarithmic: tuple[str, ...] = ()
    """Curves whose axis is logarithmic."""
    marks: str = ""
    """What a mark is: "teacher's neuron", "true spike"."""
    tail: int = 0
    """Frames of its path that a particle draws behind itself; the whole path if 0."""
    story: tuple[tuple[str, str], ...] = ()
    """What a teacher tells: a few sentences, each with what an explorer shows then, as its address has it, such as
    `alpha=1&t=10&pin=100`: values of `sliders`, a time, and the run that is pinned, by its first values.
    """
    rays: bool = False
    """Whether a mark stands for its direction from the origin, as a homogeneous neuron does, and is drawn as a ray."""


@dataclass(frozen=True)
class Animation:
    """Runs to look at, and the words of the picture that is made of them."""

    experiment: type[Experiment]
    """What a record of it holds is said at the head of this file."""
    scene: Scene

    def __post_init__(self):
        if not (isinstance(self.experiment, type) and issubclass(self.experiment, Experiment)):
            raise ValueError(f"experiment={in_short(self.experiment)}: expected a subclass of Experiment.")
        instance("scene", self.scene, Scene)


def frame_times(step: float, time: float, frames: int, first: float | None = None) -> np.ndarray:
    """Return times of at most so many frames, each a whole number of steps: 0, and even times up to `time`.

    With `first` they are logarithmically even from there on. Raises `ValueError` where there would be no start, middle
    and end.

    >>> frame_times(0.5, 8.0, 5).tolist()
    [0.0, 2.0, 4.0, 6.0, 8.0]
    >>> frame_times(0.5, 8.0, 5, first=1.0).tolist()
    [0.0, 1.0, 2.0, 4.0, 8.0]
    """
    positive_number("time", time)
    positive_number("step", step)
    if positive_count("frames", frames) < 3:
        raise ValueError(f"frames={frames}: expected at least 3, the start and the end among them.")
    if time < 2 * step:
        raise ValueError(f"time={time:g}: expected at least two steps of {step:g}.")
    even = np.linspace(0.0, time, frames)
    times = even if first is None else np.append(0.0, np.geomspace(max(first, step), time, frames - 1))
    return np.unique(np.rint(times / step)) * step

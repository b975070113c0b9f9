"""A study's moving particles: the runs, as a study, and the words of the picture."""

from dataclasses import dataclass

from simulations.study.animation import Scene as Scene
from simulations.study.study import Study


@dataclass(frozen=True)
class Motion:
    """Runs to look at, and how they are drawn."""

    study: Study
    scene: Scene

"""`meanfield explore STUDY`: a page in which time and parameters are dragged."""

from dataclasses import dataclass
from pathlib import Path

from meanfield.command.reading import read_options, read_study
from meanfield.command.records import motion_records, unfinished
from meanfield.command.sentences import refusing


@dataclass(frozen=True)
class Explore:
    """Write one HTML file in which time and the parameters of a study are dragged, and particles, predictor and curves
    move (extra `explore`); it needs no network. Runs that are not there are made first. In the place of a study stand
    runs of your own, files that `Trajectory.save` wrote and that observed `Positions`: `meanfield explore a.npz b.npz`.
    """

    size: str = "default"
    """smoke (seconds) or default (a minute), or large (more particles and settings)."""
    seeds: int | None = None
    """Number of seeds for every setting, one of which is chosen in the page; the size's own if not given."""
    from_: str = "results"
    """Directory of the records."""
    strict: bool = False
    """Refuse stored records that other code has made than what would make them now; without it a line tells of them."""
    out: str = ""
    """The .html file; by default STUDY.html, here, or that of the first file with a run."""


def write_explorer(arguments: list[str]) -> int:
    """Write the page and return the exit status."""
    import figures.explorer
    import simulations

    if arguments and arguments[0].endswith(".npz"):
        return _explore_own(arguments)
    study, rest = read_study("explore", Explore, arguments, simulations.MOTIONS)
    options = read_options(f"explore {study.name}", Explore, rest, words=False).options
    with refusing():
        motion = simulations.motion(study)
        path = figures.explorer.writable(options.out or f"{study.name}.html")
    records = motion_records(motion, options.from_, options.size, options.seeds, options.strict)
    with refusing(out=path):
        figures.explorer.save(motion, records, path)
    print(path)
    return 1 if unfinished({motion.study.name: records}) else 0


@dataclass(frozen=True)
class ExploreRuns:
    """Write one HTML file in which runs of your own are chosen and time is dragged (extra `explore`)."""

    title: str = "Particles and what they predict"
    """The heading of the page."""
    out: str = ""
    """The .html file; by default that of the first run, here."""


def _explore_own(arguments: list[str]) -> int:
    """Write the page of trajectories in files and return the exit status."""
    import figures.explorer
    import meanfield as mf

    line = read_options("explore", ExploreRuns, arguments)
    files = [Path(word) for word in line.words]
    with refusing():
        path = figures.explorer.writable(line.options.out or f"{files[0].stem}.html")
        if len({file.stem for file in files}) < len(files):
            raise ValueError(f"{' '.join(line.words)}: expected files of different names, which tell runs apart.")
        runs = {file.stem: mf.Trajectory.load(file) for file in files}
    with refusing(out=path):
        figures.explorer.explore(runs, path, line.options.title)
    print(path)
    return 0

"""`meanfield explore STUDY`: a page in which time and parameters are dragged."""

from dataclasses import dataclass

from meanfield.command.reading import read_options, read_study
from meanfield.command.records import motion_records, unfinished
from meanfield.command.sentences import refusing


@dataclass(frozen=True)
class Explore:
    """Write one HTML file in which time and the parameters of a study are dragged, and particles, predictor and curves
    move (extra `explore`); it needs no network. Runs that are not there are made first.
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
    """The .html file; by default STUDY.html, here."""


def write_explorer(arguments: list[str]) -> int:
    """Write the page and return the exit status."""
    import figures.explorer
    import simulations

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

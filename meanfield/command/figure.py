"""`meanfield figure STUDY`: a figure from records that are there, or a film of moving particles."""

from dataclasses import dataclass
from pathlib import Path

from meanfield.command.answer import draw
from meanfield.command.reading import read_options, read_study
from meanfield.command.records import motion_records
from meanfield.command.sentences import check_place, refusing


@dataclass(frozen=True)
class Figure:
    """Draw a study's figure from the records that a run left behind, or a film of its particles."""

    from_: str = "results"
    """Directory that run or verify wrote."""
    out: str = ""
    """Directory for the figure; by default the folder figures beside the records."""
    size: str | None = None
    """smoke, default or large; if not given, the largest that is complete in the directory, and default for a film."""
    format: tuple[str, ...] = ()
    """png (if nothing is given), svg, pdf; of a film gif (if nothing is given), mp4."""
    value: tuple[str, ...] = ()
    """Instead: these observed values of all records against a parameter that varies among them."""
    x: str = ""
    """Instead: observed values against this parameter; if only values are given, against the one with most values."""
    animate: bool = False
    """Instead: a film of moving particles, for lazy_scaling, langevin, sparse_deconvolution and mode_collapse. Its runs
    are others than the figure's; what is missing of them in the directory is made first (seconds to a minute).
    """
    strict: bool = False
    """Refuse stored records that other code has made than what would make them now; without it a line tells of them."""


def draw_figure(arguments: list[str]) -> int:
    """Draw the figure or the film, print the paths, and return the exit status."""
    import figures
    import simulations

    study, rest = read_study("figure", Figure, arguments)
    options = read_options(f"figure {study.name}", Figure, rest, words=False).options
    out = Path(options.out or Path(options.from_) / "figures")
    if options.animate:
        return _film(study, options, out)
    kinds = options.format or ("png",)
    with refusing():
        figures.check_formats(options.format)
        figures.refuse_others(figures.pictures(study, out, kinds))
        if (options.value or options.x) and options.size is None:
            records = simulations.load(options.from_, study.name, strict=options.strict)
        else:
            records = simulations.complete(study, options.from_, options.size, strict=options.strict)
    if options.value or options.x:
        with refusing(out=out):
            drawn = figures.save_grid(study, records, out, kinds, options.value or None, options.x or None)
    else:
        drawn = draw(study, records, out, kinds)
    for path in drawn:
        print(path)
    return 0


def _film(study, options: Figure, out: Path) -> int:
    """Write a film of a study's particles; runs for it that are not there yet are made first."""
    import figures
    import simulations

    kinds = options.format or ("gif",)
    with refusing():
        motion = simulations.motion(study)
        figures.check_films(kinds)
        figures.refuse_others(figures.films(study, out, kinds))
    if options.out:  # what is not given is below `from`, of which the records are told
        check_place("out", out)
    records = motion_records(motion, options.from_, options.size or "default", strict=options.strict)
    with refusing(out=out):
        paths = figures.animate(study, records, out, kinds)
    for path in paths:
        print(path)
    return 0

"""The options of every command; the text under a field is its help."""

from dataclasses import dataclass


@dataclass(frozen=True)
class List:
    """The studies in the order of the story, one line each."""

    json: bool = False
    """One JSON object on standard output."""


@dataclass(frozen=True)
class Bench:
    """Time one step at six shapes (more on a GPU), with plain JAX taking turns; under two minutes on two cores."""

    json: bool = False
    """One JSON object on standard output; everything else goes to standard error."""


@dataclass(frozen=True)
class Info:
    """Versions, devices, precision, and the kernel chosen for a few shapes."""

    json: bool = False
    """One JSON object on standard output."""


@dataclass(frozen=True)
class Sweeping:
    """What every command takes that makes records."""

    size: str | None = None
    """smoke (seconds), default (minutes; taken if nothing is given) or paper (the literature's sizes). A size is all
    runs of a study as they are, and stands beside none of its parameters.
    """
    out: str = "results"
    """Directory for records and figures."""
    seeds: int | None = None
    """Number of seeds for every setting; the size's own if not given."""
    first_seed: int = 0
    """The first of them."""
    workers: int | None = None
    """Processes on this machine that compute, each with its own JAX; this one alone if not given."""
    scheduler: str | None = None
    """Address of a dask scheduler whose workers compute, such as tcp://127.0.0.1:8786 (extra `cluster`)."""
    strict: bool = False
    """Refuse stored records that other code has made than what would make them now; without it a line tells of them."""
    json: bool = False
    """One JSON object on standard output; everything else goes to standard error."""


@dataclass(frozen=True)
class Run(Sweeping):
    """Make a study's records, check its claims and draw its figure. With parameters: the runs of all combinations of
    their values, and a table and a picture of what was observed.
    """

    dry_run: bool = False
    """Only say how many runs and batches there are, what is already stored, and what the rest would take."""
    format: tuple[str, ...] = ("png", "svg")
    """Formats of the figure: png, svg, pdf."""
    value: tuple[str, ...] = ()
    """Of a grid: the observed values that are drawn; if none is given, all of them."""
    x: str = ""
    """Of a grid: the parameter they are drawn against; if not given, the one with most values."""


@dataclass(frozen=True)
class Verify(Sweeping):
    """Check every claim of the studies named, or of all."""

    calibrate: int = 0
    """Instead: make the runs again with so many fresh sets of seeds, and count how often each check raises a false
    alarm.
    """


@dataclass(frozen=True)
class Gallery(Sweeping):
    """Draw every study, or those named, and write the page that shows them with all verdicts.

    Records that are missing are made first.
    """

    page: str = "figures"
    """Directory for the page README.md and its pictures, in the folder gallery beside it."""


@dataclass(frozen=True)
class Figure:
    """Draw a study's figure from the records that a run left behind, or a film of its particles."""

    from_: str = "results"
    """Directory that run or verify wrote."""
    out: str = ""
    """Directory for the figure; by default the folder figures beside the records."""
    size: str | None = None
    """smoke, default or paper; if not given, the largest that is complete in the directory, and default for a film."""
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


@dataclass(frozen=True)
class Explore:
    """Write one HTML file in which time and the parameters of a study are dragged, and particles, predictor and curves
    move (extra `explore`); it needs no network. Runs that are not there are made first.
    """

    size: str = "default"
    """smoke (seconds) or default (a minute), or paper (more particles and settings)."""
    seeds: int | None = None
    """Number of seeds for every setting, one of which is chosen in the page; the size's own if not given."""
    from_: str = "results"
    """Directory of the records."""
    strict: bool = False
    """Refuse stored records that other code has made than what would make them now; without it a line tells of them."""
    out: str = ""
    """The .html file; by default STUDY.html, here."""


@dataclass(frozen=True)
class Status:
    """What is stored in a directory that run or verify wrote."""

    strict: bool = False
    """Refuse stored records that other code has made than what would make them now; without it a line tells of them."""
    json: bool = False
    """One JSON object on standard output."""

"""Published figures: what a figure of a paper says, which runs make it again, and values that were read off it."""

from dataclasses import dataclass

from simulations.study.experiment import Experiment
from simulations.study.ranges import coerce, in_short
from theory.prediction import Prediction, Relation


@dataclass(frozen=True, eq=False)
class Reading(Prediction):
    """A prediction whose value was read off a figure, or is stated in rounded digits."""

    accuracy: float = 0.0
    """How far the value may be from what the paper has."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "accuracy", _accuracy(self.accuracy))


def reading(value: float, accuracy: float, reference: str, *, relation: Relation = "=") -> Reading:
    """Return the prediction that a value is what was read off a paper's figure, to within the accuracy of reading.

    A claim on it holds where |ours − value| is at most the accuracy and our own error, the half-width of a 95 %
    interval, together. What is known of the paper's own scatter belongs to the accuracy. Of an inequality the accuracy
    moves the bound to the side on which more holds. `reference` is a key of `theory/references.bib`.

    Raises `ValueError` for an accuracy that is not above 0, a value that is no finite number, a relation that is none,
    and an empty reference.

    >>> reading(0.0031, 0.0002, "chizat2019lazy").accuracy
    0.0002
    """
    accuracy = _accuracy(accuracy)
    return Reading(value, relation, f"Read off a figure, to ± {accuracy:g}.", reference, accuracy)


def _accuracy(value: float) -> float:
    accuracy = coerce("accuracy", float, value)
    if not 0 < accuracy < float("inf"):
        raise ValueError(f"accuracy={accuracy}: expected a finite number above 0.")
    return accuracy


@dataclass(frozen=True)
class PublishedFigure:
    """A figure of a paper: the experiments that make it, and the claims that set its values beside ours."""

    name: str
    """What the command takes: "1c"."""
    statement: str
    """What the figure says, in one sentence."""
    experiments: tuple[type[Experiment], ...]
    """The runs that make it."""
    claims: tuple[str, ...]
    """Names of the study's claims whose predictions are the paper's values: the rows of the table."""
    stated: str
    """Where each number of the setting comes from: the paper, the author's script."""
    chosen: str
    """What the paper does not state and was chosen here, and what was not found."""

    def __post_init__(self) -> None:
        for name in ("name", "statement", "stated", "chosen"):
            coerce(name, str, getattr(self, name))
        listed = self.experiments if isinstance(self.experiments, tuple | list) else ()
        if not listed or not all(isinstance(one, type) and issubclass(one, Experiment) for one in listed):
            raise ValueError(f"experiments={in_short(self.experiments)}: expected a tuple of subclasses of Experiment.")
        words = self.claims if isinstance(self.claims, tuple | list) else ()
        if not words or not all(isinstance(one, str) for one in words):
            raise ValueError(f"claims={in_short(self.claims)}: expected a tuple of names of claims.")
        object.__setattr__(self, "experiments", tuple(listed))
        object.__setattr__(self, "claims", tuple(words))

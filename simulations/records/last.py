"""The measure that most checks take: what a value is at the end of a run."""

from dataclasses import dataclass

import numpy as np

from simulations.records.record import Record
from simulations.study.ranges import coerce


@dataclass(frozen=True)
class Last:
    """The last entry of one value of a record: what `last` gives, a value that can be pickled."""

    name: str

    def __call__(self, record: Record) -> float:
        return float(np.ravel(record[self.name])[-1])


def last(name: str) -> Last:
    """Return a measure for checks and tables: the last entry of the value of this name, or the value if it is a number.

    `claim(…, value=last("risk"))` is about the risk at the end.

    >>> record = Record({"seed": 0}, {"risk": np.array([1.0, 0.25]), "error": np.array(0.5)})
    >>> last("risk")(record), last("error")(record)
    (0.25, 0.5)
    """
    return Last(coerce("name", str, name))

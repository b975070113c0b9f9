"""A claim: a number, how an experiment relates to it, under which assumptions, and who proved it."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from theory import _arithmetic, _checks

Relation = Literal["=", "<=", ">=", "slope"]


@dataclass(frozen=True, eq=False)
class Prediction:
    """A prediction of a theorem: what an experiment will find.

    | relation | the measured quantity |
    |---|---|
    | `=` | equals `value`, within its error bar |
    | `<=`, `>=` | is at most, at least `value` |
    | `slope` | follows a power law whose exponent, the slope in log-log axes, is `value` |

    `value` is a float, or a read-only float64 array of any shape. `holds` is a sentence that names the
    quantity and the assumptions. `reference` is a key of `theory/references.bib`. Two predictions are equal
    only if they are the same object: compare the fields.

    Raises ValueError if `value` is not finite and real, `relation` is unknown, or a text is empty.

    >>> Prediction(0.5, "<=", "Distance in units of the radius, convex case.", "chizat2019lazy").value
    0.5
    """

    value: float | NDArray[np.float64]
    relation: Relation
    holds: str
    reference: str

    def __post_init__(self) -> None:
        value = _checks.array("value", self.value)
        value.setflags(write=False)
        object.__setattr__(self, "value", float(value) if value.ndim == 0 else value)
        _checks.choice("relation", self.relation, get_args(Relation))
        if not isinstance(self.holds, str) or not self.holds.strip():
            raise ValueError(f"holds must be a sentence naming the assumptions, got {self.holds!r}")
        if not isinstance(self.reference, str) or not self.reference or set(self.reference) & set(" \t\n,{}"):
            raise ValueError(f"reference must be a key of theory/references.bib, got {self.reference!r}")


_arithmetic.guard(__name__)

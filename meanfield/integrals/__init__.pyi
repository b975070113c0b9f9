"""The public names of `meanfield.integrals`, for type checkers and for lazy-loader, which finds them here."""

from .abstract import AbstractKernel as AbstractKernel
from .blocked import Blocked as Blocked
from .compiled import Compiled as Compiled
from .dense import Dense as Dense
from .interpolated import Interpolated as Interpolated
from .offer import Plan as Plan
from .pallas import Pallas as Pallas
from .sorted import Sorted as Sorted

__all__: list[str]

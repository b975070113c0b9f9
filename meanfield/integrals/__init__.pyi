"""The public names of `meanfield.integrals`, for type checkers and for lazy-loader, which finds them here."""

from .abstract import AbstractKernel as AbstractKernel
from .blocked import Blocked as Blocked
from .dense import Dense as Dense
from .interpolated import Interpolated as Interpolated
from .pallas import Pallas as Pallas
from .plan import Plan as Plan
from .sorted import Sorted as Sorted

__all__: list[str]

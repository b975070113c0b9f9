"""The public names of `meanfield.objectives`, for type checkers and for lazy-loader, which finds them here."""

from . import losses as losses
from . import penalties as penalties
from .abstract import AbstractObjective as AbstractObjective
from .abstract import AbstractSampleMean as AbstractSampleMean
from .game import AdversarialObjective as AdversarialObjective
from .network import Bound as Bound
from .network import Objective as Objective
from .population import Estimated as Estimated
from .population import estimate as estimate
from .relu_population import ReluPopulation as ReluPopulation
from .tangent import TangentObjective as TangentObjective
from .trained import TrainedObjective as TrainedObjective

__all__: list[str]

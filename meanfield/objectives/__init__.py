"""Problems: what a flow descends."""

from meanfield.objectives.abstract import AbstractObjective as AbstractObjective
from meanfield.objectives.abstract import AbstractSampleMean as AbstractSampleMean
from meanfield.objectives.game import AdversarialObjective as AdversarialObjective
from meanfield.objectives.network import Bound as Bound
from meanfield.objectives.network import Objective as Objective
from meanfield.objectives.tangent import TangentObjective as TangentObjective
from meanfield.objectives.trained import TrainedObjective as TrainedObjective

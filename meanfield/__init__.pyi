"""The public names of `meanfield`, for type checkers and for lazy-loader, which finds them here."""

from . import certificates as certificates
from . import datasets as datasets
from . import flows as flows
from . import integrals as integrals
from . import objectives as objectives
from . import observables as observables
from . import plot as plot
from . import units as units
from .certificates import certified_minimum as certified_minimum
from .certificates import optimality_gap as optimality_gap
from .checkpoints.checkpoint import Checkpoint as Checkpoint
from .devices.sharding import shard as shard
from .flows import SAGA as SAGA
from .flows import SGD as SGD
from .flows import SVRG as SVRG
from .flows import AdaptiveFlow as AdaptiveFlow
from .flows import BirthDeath as BirthDeath
from .flows import ConicFlow as ConicFlow
from .flows import Flow as Flow
from .flows import GradientFlow as GradientFlow
from .flows import HeavyBall as HeavyBall
from .flows import InputFlow as InputFlow
from .flows import Langevin as Langevin
from .flows import OptimiserFlow as OptimiserFlow
from .flows import OutputFlow as OutputFlow
from .flows import RungeKutta as RungeKutta
from .flows import ScheduledSGD as ScheduledSGD
from .flows import StabilisedFlow as StabilisedFlow
from .flows import TangentFlow as TangentFlow
from .flows import gradients as gradients
from .flows import noises as noises
from .flows import reactions as reactions
from .flows import steppers as steppers
from .integrals.plan import plan as plan
from .objectives import losses as losses
from .objectives import penalties as penalties
from .objectives.losses import AbstractLoss as AbstractLoss
from .objectives.losses import Exponential as Exponential
from .objectives.losses import Logistic as Logistic
from .objectives.losses import Square as Square
from .objectives.network import Objective as Objective
from .objectives.penalties import WeightDecay as WeightDecay
from .observables.abstract import AbstractObservable as AbstractObservable
from .observables.displacement import Displacement as Displacement
from .observables.displacement import Positions as Positions
from .observables.empirical_kernel import tangent_kernel as tangent_kernel
from .observables.risk import Predictions as Predictions
from .observables.risk import Risk as Risk
from .observables.risk import TestRisk as TestRisk
from .particles import Particles as Particles
from .simulation.outcome import Outcome as Outcome
from .simulation.replicas import simulate_replicas as simulate_replicas
from .simulation.simulate import simulate as simulate
from .simulation.trajectory import Trajectory as Trajectory
from .units.neuron import AbstractUnit as AbstractUnit
from .units.neuron import Neuron as Neuron

MOVED: dict[str, str]
__version__: str
__all__: list[str]

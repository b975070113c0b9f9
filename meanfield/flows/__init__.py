"""Flows of particles: a stepper times a gradient times noise times a reaction."""

from meanfield.flows.flow import Flow as Flow
from meanfield.flows.named import SAGA as SAGA
from meanfield.flows.named import SGD as SGD
from meanfield.flows.named import SVRG as SVRG
from meanfield.flows.named import AdaptiveFlow as AdaptiveFlow
from meanfield.flows.named import BirthDeath as BirthDeath
from meanfield.flows.named import ConicFlow as ConicFlow
from meanfield.flows.named import GradientFlow as GradientFlow
from meanfield.flows.named import HeavyBall as HeavyBall
from meanfield.flows.named import InputFlow as InputFlow
from meanfield.flows.named import Langevin as Langevin
from meanfield.flows.named import OptimiserFlow as OptimiserFlow
from meanfield.flows.named import OutputFlow as OutputFlow
from meanfield.flows.named import RungeKutta as RungeKutta
from meanfield.flows.named import ScheduledSGD as ScheduledSGD
from meanfield.flows.named import SpectralFlow as SpectralFlow
from meanfield.flows.named import StabilisedFlow as StabilisedFlow
from meanfield.flows.named import TangentFlow as TangentFlow
from meanfield.flows.start import AbstractChecked as AbstractChecked
from meanfield.flows.start import Start as Start
from meanfield.flows.state import State as State

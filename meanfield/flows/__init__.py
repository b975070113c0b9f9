"""Flows: how particles move. One flow a file."""

from meanfield.flows.abstract import AbstractFlow, State
from meanfield.flows.adaptive import AdaptiveFlow
from meanfield.flows.birth_death import BirthDeath
from meanfield.flows.conic import ConicFlow
from meanfield.flows.finite_sum import SAGA
from meanfield.flows.gradient import GradientFlow
from meanfield.flows.heavy_ball import HeavyBall
from meanfield.flows.langevin import Langevin
from meanfield.flows.layer import InputFlow, OutputFlow
from meanfield.flows.optimiser import OptimiserFlow
from meanfield.flows.runge_kutta import RungeKutta
from meanfield.flows.scheduled import ScheduledSGD
from meanfield.flows.stabilised import StabilisedFlow
from meanfield.flows.stochastic import SGD
from meanfield.flows.svrg import SVRG
from meanfield.flows.tangent import TangentFlow

__all__ = [
    "SAGA",
    "SGD",
    "SVRG",
    "AbstractFlow",
    "AdaptiveFlow",
    "BirthDeath",
    "ConicFlow",
    "GradientFlow",
    "HeavyBall",
    "InputFlow",
    "Langevin",
    "OptimiserFlow",
    "OutputFlow",
    "RungeKutta",
    "ScheduledSGD",
    "StabilisedFlow",
    "State",
    "TangentFlow",
]

"""Gradients: what a flow knows of the slopes of F in a step."""

from meanfield.flows.gradients.abstract import AbstractGradient as AbstractGradient
from meanfield.flows.gradients.abstract import AbstractGradientWithMemory as AbstractGradientWithMemory
from meanfield.flows.gradients.abstract import Estimate as Estimate
from meanfield.flows.gradients.abstract import Slope as Slope
from meanfield.flows.gradients.abstract import Slopes as Slopes
from meanfield.flows.gradients.abstract import of_problem as of_problem
from meanfield.flows.gradients.fresh import Stream as Stream
from meanfield.flows.gradients.full import Full as Full
from meanfield.flows.gradients.minibatch import Minibatch as Minibatch
from meanfield.flows.gradients.saga import SAG as SAG
from meanfield.flows.gradients.saga import SAGA as SAGA
from meanfield.flows.gradients.svrg import SVRG as SVRG

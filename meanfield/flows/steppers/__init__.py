"""Steppers: how the particles of a flow move in a step."""

from meanfield.flows.steppers.abstract import AbstractStepper as AbstractStepper
from meanfield.flows.steppers.abstract import AbstractStepperWithMemory as AbstractStepperWithMemory
from meanfield.flows.steppers.abstract import Field as Field
from meanfield.flows.steppers.abstract import Move as Move
from meanfield.flows.steppers.diffrax import Diffrax as Diffrax
from meanfield.flows.steppers.euler import Euler as Euler
from meanfield.flows.steppers.heavy_ball import HeavyBall as HeavyBall
from meanfield.flows.steppers.optimiser import Optax as Optax
from meanfield.flows.steppers.rkc import RKC as RKC
from meanfield.flows.steppers.runge_kutta import RK4 as RK4
from meanfield.flows.steppers.runge_kutta import Heun as Heun
from meanfield.flows.steppers.spectral import Spectral as Spectral
from meanfield.flows.steppers.sphere import SphereEuler as SphereEuler

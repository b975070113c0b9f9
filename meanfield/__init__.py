"""meanfield: two-layer neural networks as particle systems.

A network is a measure μ on the parameters of one hidden unit; training is a Wasserstein gradient flow of μ. One number,
the output scale α, leads from the mean-field regime (α = 1) to the lazy one (α → ∞). `Objective` says what is
descended, a flow says how, `simulate` does it, observables say what to look at. What is proved about it lives apart, in
the package `theory`.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from meanfield import activations as activations
    from meanfield import datasets as datasets
    from meanfield import observables as observables
    from meanfield import plot as plot
    from meanfield import spikes as spikes
    from meanfield.alignment import stiffness as stiffness
    from meanfield.certificates import OptimalityGap as OptimalityGap
    from meanfield.certificates import optimality_gap as optimality_gap
    from meanfield.checkpoint import Checkpoint as Checkpoint
    from meanfield.deep import DeepNetwork as DeepNetwork
    from meanfield.deep_linear import DeepLinear as DeepLinear
    from meanfield.dual import Dual as Dual
    from meanfield.flows import SAGA as SAGA
    from meanfield.flows import SGD as SGD
    from meanfield.flows import SVRG as SVRG
    from meanfield.flows import AdaptiveFlow as AdaptiveFlow
    from meanfield.flows import BirthDeath as BirthDeath
    from meanfield.flows import ConicFlow as ConicFlow
    from meanfield.flows import Flow as Flow
    from meanfield.flows import GradientFlow as GradientFlow
    from meanfield.flows import HeavyBall as HeavyBall
    from meanfield.flows import InputFlow as InputFlow
    from meanfield.flows import Langevin as Langevin
    from meanfield.flows import OptimiserFlow as OptimiserFlow
    from meanfield.flows import OutputFlow as OutputFlow
    from meanfield.flows import RungeKutta as RungeKutta
    from meanfield.flows import ScheduledSGD as ScheduledSGD
    from meanfield.flows import StabilisedFlow as StabilisedFlow
    from meanfield.flows import State as State
    from meanfield.flows import TangentFlow as TangentFlow
    from meanfield.flows import gradients as gradients
    from meanfield.flows import noises as noises
    from meanfield.flows import reactions as reactions
    from meanfield.flows import steppers as steppers
    from meanfield.kernels import Blocked as Blocked
    from meanfield.kernels import Dense as Dense
    from meanfield.kernels import Interpolated as Interpolated
    from meanfield.kernels import Pallas as Pallas
    from meanfield.kernels import Plan as Plan
    from meanfield.kernels import Sorted as Sorted
    from meanfield.kernels import plan as plan
    from meanfield.losses import AbstractLoss as AbstractLoss
    from meanfield.losses import Exponential as Exponential
    from meanfield.losses import Logistic as Logistic
    from meanfield.losses import Square as Square
    from meanfield.noise_stability import Cushions as Cushions
    from meanfield.noise_stability import cushions as cushions
    from meanfield.normalised import NormalisedNeuron as NormalisedNeuron
    from meanfield.objectives import AbstractObjective as AbstractObjective
    from meanfield.objectives import Objective as Objective
    from meanfield.objectives import TangentObjective as TangentObjective
    from meanfield.observables import AbstractObservable as AbstractObservable
    from meanfield.observables import ChangedSigns as ChangedSigns
    from meanfield.observables import Displacement as Displacement
    from meanfield.observables import Energy as Energy
    from meanfield.observables import KernelAlignment as KernelAlignment
    from meanfield.observables import KernelDrift as KernelDrift
    from meanfield.observables import Margin as Margin
    from meanfield.observables import Positions as Positions
    from meanfield.observables import Predictions as Predictions
    from meanfield.observables import Risk as Risk
    from meanfield.observables import TestError as TestError
    from meanfield.observables import TestRisk as TestRisk
    from meanfield.parameter_decay import ParameterDecay as ParameterDecay
    from meanfield.particles import Particles as Particles
    from meanfield.penalties import L1 as L1
    from meanfield.penalties import TotalMass as TotalMass
    from meanfield.penalties import WeightDecay as WeightDecay
    from meanfield.piecewise import LinearSpline as LinearSpline
    from meanfield.piecewise import linear_spline as linear_spline
    from meanfield.power import Power as Power
    from meanfield.replicas import simulate_replicas as simulate_replicas
    from meanfield.sensitivity import critical_samples as critical_samples
    from meanfield.sensitivity import loss_sensitivity as loss_sensitivity
    from meanfield.sharding import shard as shard
    from meanfield.sharpness import Sharpness as Sharpness
    from meanfield.simulation import simulate as simulate
    from meanfield.spikes import Spike as Spike
    from meanfield.tangent import tangent_kernel as tangent_kernel
    from meanfield.trajectory import Trajectory as Trajectory
    from meanfield.units import AbstractUnit as AbstractUnit
    from meanfield.units import Neuron as Neuron

__version__ = "0.1.0"

# Names are looked up on first use, so that `meanfield --help` answers before JAX has loaded.
_HOME = {
    "meanfield.observables": [
        "AbstractObservable",
        "ChangedSigns",
        "Displacement",
        "Energy",
        "KernelAlignment",
        "KernelDrift",
        "Margin",
        "Positions",
        "Predictions",
        "Risk",
        "TestError",
        "TestRisk",
    ],
    "meanfield.alignment": ("stiffness",),
    "meanfield.certificates": ["OptimalityGap", "optimality_gap"],
    "meanfield.checkpoint": ("Checkpoint",),
    "meanfield.deep": ("DeepNetwork",),
    "meanfield.deep_linear": ("DeepLinear",),
    "meanfield.dual": ("Dual",),
    "meanfield.flows": [
        "AdaptiveFlow",
        "BirthDeath",
        "ConicFlow",
        "Flow",
        "GradientFlow",
        "HeavyBall",
        "InputFlow",
        "Langevin",
        "OptimiserFlow",
        "OutputFlow",
        "RungeKutta",
        "SAGA",
        "SGD",
        "SVRG",
        "ScheduledSGD",
        "StabilisedFlow",
        "State",
        "TangentFlow",
    ],
    "meanfield.kernels": ["Blocked", "Dense", "Interpolated", "Pallas", "Plan", "Sorted", "plan"],
    "meanfield.piecewise": ["LinearSpline", "linear_spline"],
    "meanfield.losses": ["AbstractLoss", "Exponential", "Logistic", "Square"],
    "meanfield.normalised": ("NormalisedNeuron",),
    "meanfield.noise_stability": ["Cushions", "cushions"],
    "meanfield.objectives": [
        "AbstractObjective",
        "AbstractSampleMean",
        "AdversarialObjective",
        "Contrast",
        "Objective",
        "TangentObjective",
        "TrainedObjective",
    ],
    "meanfield.parameter_decay": ("ParameterDecay",),
    "meanfield.particles": ("Particles",),
    "meanfield.penalties": ["L1", "TotalMass", "WeightDecay"],
    "meanfield.power": ("Power",),
    "meanfield.sensitivity": ["critical_samples", "loss_sensitivity"],
    "meanfield.sharding": ("shard",),
    "meanfield.sharpness": ("Sharpness",),
    "meanfield.replicas": ("simulate_replicas",),
    "meanfield.simulation": ("simulate",),
    "meanfield.spikes": ("Spike",),
    "meanfield.tangent": ("tangent_kernel",),
    "meanfield.trajectory": ("Trajectory",),
    "meanfield.units": ["AbstractUnit", "Neuron"],
}
_GONE = {
    "AbstractFlow": "flows are made of factors; write a subclass of mf.steppers.AbstractStepper (how positions move), "
    "mf.gradients.AbstractGradient, mf.noises.AbstractNoise or mf.reactions.AbstractReaction, and give it to mf.Flow",
}
_WHERE = {name: home for home, names in _HOME.items() for name in names}
_MODULES = {
    **{name: f"meanfield.{name}" for name in ("activations", "datasets", "observables", "plot", "spikes")},
    **{name: f"meanfield.flows.{name}" for name in ("gradients", "noises", "reactions", "steppers")},
}

__all__ = sorted([*_WHERE, *_MODULES])  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        value = getattr(importlib.import_module(_WHERE[name]), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    if name in _GONE:
        raise AttributeError(f"mf.{name}: {_GONE[name]}")
    raise AttributeError(f"module 'meanfield' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__

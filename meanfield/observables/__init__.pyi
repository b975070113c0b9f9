"""The public names of `meanfield.observables`, for type checkers and for lazy-loader, which finds them here."""

from .abstract import AbstractObservable as AbstractObservable
from .abstract import AbstractSnapshot as AbstractSnapshot
from .abstract import Function as Function
from .displacement import ChangedSigns as ChangedSigns
from .displacement import Displacement as Displacement
from .displacement import Positions as Positions
from .empirical_kernel import tangent_kernel as tangent_kernel
from .gradient_alignment import stiffness as stiffness
from .margin import Margin as Margin
from .noise_stability import Cushions as Cushions
from .noise_stability import cushions as cushions
from .piecewise import LinearSpline as LinearSpline
from .piecewise import linear_spline as linear_spline
from .risk import Energy as Energy
from .risk import PopulationRisk as PopulationRisk
from .risk import Predictions as Predictions
from .risk import Risk as Risk
from .risk import RiskError as RiskError
from .risk import TestError as TestError
from .risk import TestRisk as TestRisk
from .risk import error as error
from .sensitivity import critical_samples as critical_samples
from .sensitivity import loss_sensitivity as loss_sensitivity
from .sharpness import Sharpness as Sharpness
from .tangent_features import KernelAlignment as KernelAlignment
from .tangent_features import KernelDrift as KernelDrift

__all__: list[str]

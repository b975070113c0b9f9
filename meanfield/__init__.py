"""meanfield: two-layer neural networks as particle systems.

A network is a measure μ on the parameters of one hidden unit; training is a Wasserstein gradient flow of μ. One number,
the output scale α, leads from the mean-field regime (α = 1) to the lazy one (α → ∞). `Objective` says what is
descended, a flow says how, `simulate` does it, observables say what to look at. What is proved about it lives apart, in
the package `theory`.
"""

import warnings
from typing import Any

import lazy_loader

__version__ = "0.1.0"

_GONE = {
    "AbstractFlow": "flows are made of factors; write a subclass of mf.steppers.AbstractStepper (how positions move), "
    "mf.gradients.AbstractGradient, mf.noises.AbstractNoise or mf.reactions.AbstractReaction, and give it to mf.Flow",
}
"""Names that are no more, with what to write instead."""

MOVED = {
    "certificates": "OptimalityGap",
    "flows": "State",
    "integrals": "Blocked Dense Interpolated Pallas Plan Sorted",
    "losses": "Contrast Power",
    "objectives": "AbstractObjective AbstractSampleMean AdversarialObjective TangentObjective TrainedObjective",
    "observables": "ChangedSigns Cushions Energy KernelAlignment KernelDrift LinearSpline Margin Sharpness "
    "TestError critical_samples cushions linear_spline loss_sensitivity stiffness",
    "penalties": "L1 ParameterDecay TotalMass",
    "units": "DeepLinear DeepNetwork Dual NormalisedNeuron Spike activations spikes",
}
"""Names that were at the top in version 0.1, by the module of the top that has them now: for one version more they are
found there too, with a warning that says where to.
"""

# Names stand in `__init__.pyi` and are loaded on first use, so that `meanfield --help` answers before JAX has loaded.
_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name in _GONE:
        raise AttributeError(f"mf.{name}: {_GONE[name]}.")
    for home, names in MOVED.items():
        if name in names.split():
            warnings.warn(
                f"meanfield.{name} has moved: it is meanfield.{home}.{name} now.", DeprecationWarning, stacklevel=2
            )
            return getattr(_load(home), name)
    if name not in __all__:
        raise AttributeError(f"module 'meanfield' has no attribute {name!r}")
    return _load(name)

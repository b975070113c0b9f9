"""The public names of `meanfield.units`, for type checkers and for lazy-loader, which finds them here."""

from . import activations as activations
from . import spikes as spikes
from .deep import DeepNetwork as DeepNetwork
from .deep_linear import DeepLinear as DeepLinear
from .dual import Dual as Dual
from .neuron import AbstractUnit as AbstractUnit
from .neuron import Neuron as Neuron
from .normalised import NormalisedNeuron as NormalisedNeuron
from .spikes import Spike as Spike

__all__: list[str]

"""The public names of `meanfield.networks`."""

from .initialisation import Initialisation as Initialisation
from .initialisation import Law as Law
from .initialisation import initialisation as initialisation
from .layers import Layers as Layers
from .state import from_state as from_state
from .weights import Network as Network
from .weights import arrays_of as arrays_of
from .weights import from_weights as from_weights
from .weights import to_weights as to_weights

__all__: list[str]

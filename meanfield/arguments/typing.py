"""The letters of the field as array dimensions.

m particles, p parameters of a particle, d inputs, n samples, k outputs. A network with one output has predictions of
shape [n]; with several, [n, k]. `...` below stands for nothing or k.
"""

from collections.abc import Callable

from jaxtyping import Array, Float, Int, PRNGKeyArray

Scalar = Float[Array, ""]
Count = Int[Array, ""]
Position = Float[Array, "m p"]
Mass = Float[Array, " m"]
Parameter = Float[Array, " p"]
Input = Float[Array, " d"]
Inputs = Float[Array, "n d"]
Outputs = Float[Array, " n *k"]
Pullback = Callable[[Outputs], Position]
Potential = Callable[[Parameter], Scalar]
Random = PRNGKeyArray

__all__ = [
    "Count",
    "Input",
    "Inputs",
    "Mass",
    "Outputs",
    "Parameter",
    "Position",
    "Potential",
    "Pullback",
    "Random",
    "Scalar",
]

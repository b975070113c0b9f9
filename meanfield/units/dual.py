"""A unit with its arguments exchanged: inputs become particles, and neurons become what looks at them."""

import equinox as eqx
from jaxtyping import Array, Float

from meanfield.arguments import positive_count
from meanfield.arguments.meant import instance
from meanfield.arguments.typing import Input, Parameter
from meanfield.units.neuron import AbstractUnit


class Dual(AbstractUnit):
    r"""The unit Φ*(z; θ) = Φ(θ; z): a particle is a point z ∈ ℝ^d, and an input is the parameters θ of one neuron.

    With `x` the parameters θ_1 … θ_r of fixed neurons and y_i = ∫ Φ(θ_i; z) dν(z), the objective

        R(μ) = (1/2r) Σ_i (∫ Φ(θ_i; z) dμ(z) − ∫ Φ(θ_i; z) dν(z))²

    is half the squared maximum mean discrepancy of μ and ν for the kernel k(z, z') = (1/r) Σ_i Φ(θ_i; z) Φ(θ_i; z'),
    and every flow of the package is a flow of points towards ν. Normal weights and uniform phases of a cosine make k
    a Gaussian kernel as r → ∞. Sources: Rahimi & Recht (2007), Arbel, Korba, Salim & Gretton (2019).

    **Arguments:**

    - `unit`: Φ, of one output.
    - `dimension`: d, the coordinates of a point.

    Φ* is not linear in any parameter: it has no output weights to train alone. Raises `ValueError` for a unit of
    several outputs, a `dimension` below one, and inputs that are not parameters of `unit`.

    >>> import jax.numpy as jnp, meanfield as mf
    >>> unit = mf.units.Dual(mf.Neuron("relu", bias=True), dimension=2)
    >>> theta, z = jnp.array([2.0, 1.0, -1.0, 0.5]), jnp.array([3.0, 1.0])
    >>> float(unit(z, theta)), unit.size(4)
    (5.0, 2)
    """

    unit: AbstractUnit
    dimension: int = eqx.field(static=True)
    outputs: int = eqx.field(static=True)

    def __init__(self, unit: AbstractUnit, dimension: int):
        if instance("unit", unit, AbstractUnit).outputs != 1:
            raise ValueError(f"unit={type(unit).__name__}: expected a unit of one output.")
        self.unit = unit
        self.dimension = positive_count("dimension", dimension)
        self.outputs = 1

    def size(self, d: int) -> int:
        p = self.unit.size(self.dimension)
        if d != p:
            raise ValueError(f"x has {d} columns: expected {p}, the parameters of a neuron on {self.dimension} inputs.")
        return self.dimension

    def __call__(self, theta: Parameter, x: Input) -> Float[Array, ""]:
        return self.unit(x, theta)

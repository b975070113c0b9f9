"""Spikes on the torus: a unit whose particles are point sources, and the Fourier measurements that see them."""

import itertools
import math
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from meanfield.arguments import float_type, positive_count
from meanfield.arguments.typing import Input, Inputs, Parameter, Scalar
from meanfield.units.neuron import AbstractUnit


class Spike(AbstractUnit):
    r"""A point source of weight a at t ∈ [0, 1)^d, measured by a wave: Φ(θ; x) = a c cos(2π k·t − φ).

    θ = (a, t_1 … t_d) and the input is x = (c, k_1 … k_d, φ): amplitude, whole-numbered frequency, phase. Together such
    inputs see the sources through a convolution kernel whose Fourier coefficients are set by the amplitudes; `fourier`
    lists those of the Dirichlet kernel. Φ is homogeneous of degree 1 in a alone, and of period 1 in every t.

    >>> import jax.numpy as jnp, meanfield as mf
    >>> unit = mf.units.Spike()
    >>> round(float(unit(jnp.array([2.0, 0.25]), jnp.array([1.0, 2.0, 0.0]))), 6)
    -2.0
    """

    linear_outputs: ClassVar[bool] = True
    outputs: int = eqx.field(default=1, init=False, static=True)

    def size(self, d: int) -> int:
        if d < 3:
            raise ValueError(f"x has {d} columns: expected amplitude, at least one frequency, and phase.")
        return d - 1

    def __call__(self, theta: Parameter, x: Input) -> Scalar:
        return theta[0] * x[0] * jnp.cos(2 * jnp.pi * jnp.dot(x[1:-1], theta[1:]) - x[-1])


def fourier(order: int, dimension: int = 1, *, dtype=None) -> Inputs:
    r"""The inputs of `Spike` that make up an ideal low-pass filter: all real waves of frequencies |k_i| ≤ `order`.

    n = (2 `order` + 1)^`dimension` rows (c, k, φ): the constant first, then cosine (φ = 0) and sine (φ = π/2) of every
    k whose first non-zero entry is positive, in lexical order. Amplitudes are 1 for the constant and √2 for waves, so
    that (1/n) Σ_i Φ(1, s; x_i) Φ(1, t; x_i) is the Dirichlet kernel, Π_l D(s_l − t_l) with
    D(t) = sin((2 `order` + 1)πt)/((2 `order` + 1) sin πt), and a unit spike has mean square 1.

    >>> import meanfield as mf
    >>> mf.units.spikes.fourier(2)[:, 1].tolist()  # the frequency of each
    [0.0, 1.0, 1.0, 2.0, 2.0]
    """
    order, dimension, dtype = positive_count("order", order), positive_count("dimension", dimension), float_type(dtype)
    if min(dimension, 64) * math.log2(2 * order + 1) > 40:
        larger = f"dimension={dimension}" if dimension > order else f"order={order}"
        raise ValueError(f"{larger}: expected less, since there are (2·order + 1)^dimension waves.")
    each = range(-order, order + 1)
    waves = [k for k in itertools.product(each, repeat=dimension) if k > (0,) * dimension]
    rows = [(1.0, *(0,) * dimension, 0.0)]
    rows += [(math.sqrt(2), *k, phase) for k in waves for phase in (0.0, math.pi / 2)]
    return jnp.asarray(np.array(rows), dtype)

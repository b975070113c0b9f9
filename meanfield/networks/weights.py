"""Networks that were made elsewhere as particles, and back."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from meanfield.arguments import floating_array, one_of, positive_number
from meanfield.arguments.meant import instance
from meanfield.networks.files import read_arrays
from meanfield.networks.layers import Layers, layers
from meanfield.networks.state import from_state
from meanfield.objectives.losses import Square
from meanfield.objectives.network import Objective
from meanfield.objectives.parametrisation import Parametrisation
from meanfield.particles import Particles
from meanfield.units.neuron import Neuron

PARAMETRISATIONS = {"standard": 0.0, "tangent": -0.5, "mean_field": -1.0}
"""The power of m in the multiplier s of f(x) = s Σ_j a_j σ(w_j·x + b_j) + c, which is what a framework computes: 1 for
dense layers as they are (PyTorch, Flax, Keras), 1/√m in the tangent ("NTK") parametrisation, 1/m in the mean-field one,
which for two layers is muP.
"""


class Network(NamedTuple):
    """f(x) = α Σ_j p_j Φ(θ_j; x) + c: `scale` α, `particles` θ with masses 1/m, `unit` Φ and the `constant` c.

    >>> import meanfield as mf
    >>> particles, unit, scale, constant = mf.from_weights([[1.0, 0.0], [0.0, 1.0]], a=[1.0, -1.0])
    >>> scale, particles.m
    (2.0, 2)
    """

    particles: Particles
    unit: Neuron
    scale: float
    constant: jax.Array

    def predict(self, x) -> jax.Array:
        """Return f at inputs [n, d]: [n], or [n, k] for k outputs; tiled over particles."""
        x = floating_array("x", x, "n d", dtype=self.particles.dtype)
        shape = (x.shape[0],) if self.unit.outputs == 1 else (x.shape[0], self.unit.outputs)
        problem = Objective(self.unit, Square(), x, jnp.zeros(shape, x.dtype), scale=self.scale)
        return problem.predict(self.particles) + self.constant


def from_weights(W, b=None, a=None, c=None, activation="relu", parametrisation="standard") -> Network:
    r"""Return a network f(x) = s Σ_j a_j σ(w_j·x + b_j) + c of another framework as particles.

    Particles are the rows (a_j, w_j[, b_j]) as they are, with masses 1/m, and the scale is α = m s. Gradient descent
    with learning rate η on all weights is `GradientFlow(η m s²)` on these particles, where the output bias c is not
    trained: `Parametrisation(particles=m, multiplier=s).step(η)`.

    **Arguments:**

    - `W` [m, d], `b` [m] or None, `a` [k, m] or [m], `c` [k] or None: weights in PyTorch's shapes. Or `W` alone: a
      dictionary of arrays as PyTorch's `state_dict()`, Flax, Equinox or Keras' `get_weights()` hold a two-layer
      network, or the path of a `.safetensors` or `.npz` file.
    - `activation`: σ, as for `Neuron`. No file says it, and another one is another network.
    - `parametrisation`: "standard" (s = 1, what dense layers compute), "tangent" (1/√m), "mean_field" (1/m), or a
      `Parametrisation`, for any s.

    **Returns:** `Network(particles, unit, scale, constant)`, whose `predict` is f. `to_weights` is the way back.
    Raises `ValueError` for shapes that do not fit, for keys that are not those of two dense layers, and for files that
    can't be read.

    >>> import numpy as np, meanfield as mf
    >>> state = {"0.weight": np.eye(3), "0.bias": np.zeros(3), "2.weight": np.ones((1, 3)), "2.bias": np.array([0.5])}
    >>> mf.from_weights(state).predict(np.array([[1.0, 2.0, -3.0]])).tolist()
    [3.5]
    """
    whole = isinstance(W, str | Path | Mapping | Layers | Network)
    if whole and any(other is not None for other in (b, a, c)):
        raise ValueError("W is a whole network: expected no b, a, c beside it.")
    held = arrays_of("W", W) if whole or (b is None and a is None and c is None) else layers(W, b, a, c)
    m, k = held.W.shape[0], held.a.shape[0]
    unit = Neuron(activation, bias=held.b is not None, outputs=k)
    columns = [held.a.T, held.W] + ([] if held.b is None else [held.b[:, None]])
    constant = jnp.zeros(k, held.W.dtype) if held.c is None else held.c
    return Network(
        Particles(jnp.concatenate(columns, axis=1)),
        unit,
        m * multiplier(parametrisation, m),
        constant[0] if k == 1 else constant,
    )


def to_weights(particles, unit=None, scale=1.0, constant=0.0, parametrisation: Any = "standard") -> Layers:
    r"""Return the weights (W, b, a, c) with which f(x) = s Σ_j a_j σ(w_j·x + b_j) + c is this network.

    **Arguments:** a `Network`, or its four parts; masses p_j and scale α are put into the output weights,
    a_j = α p_j a'_j/s, unless α p_j = s, when all weights come back bit for bit as `from_weights` was given them.
    `parametrisation` is as in `from_weights`.

    Raises `ValueError` for a unit that is no `Neuron`.

    >>> import numpy as np, meanfield as mf
    >>> W, b, a, c = mf.to_weights(mf.from_weights(np.eye(2), a=[1.0, -1.0], c=0.25))
    >>> W.tolist(), b, a.tolist(), c.tolist()
    ([[1.0, 0.0], [0.0, 1.0]], None, [[1.0, -1.0]], [0.25])
    """
    if isinstance(particles, Network):
        particles, unit, scale, constant = particles
    mu, neuron = instance("particles", particles, Particles), instance("unit", unit, Neuron)
    a, W, b = neuron.split(mu.position)
    s = multiplier(parametrisation, mu.m)
    # In the numbers of the host: where the factor is 1 up to rounding, as of from_weights, weights are as they were.
    factor = float(positive_number("scale", scale)) / s
    share = np.asarray(mu.mass, np.float64) * factor
    if np.max(np.abs(share - 1)) > 8 * np.finfo(mu.dtype).eps:
        a = a * jnp.asarray(share, mu.dtype)[:, None]
    constant = floating_array("constant", constant, "", "k", dtype=mu.dtype)
    if constant.ndim and constant.shape != (neuron.outputs,):
        raise ValueError(f"constant has shape {constant.shape}: expected ({neuron.outputs},), one number an output.")
    c = jnp.broadcast_to(constant, (neuron.outputs,))
    return Layers(W, b, a.T, c)


def own_parametrisation(network: Network) -> Parametrisation:
    """Return the parametrisation in which the weights are the particles: s = α/m."""
    m = instance("particles", network.particles, Particles).m
    return Parametrisation(particles=m, multiplier=float(network.scale) / m)


def multiplier(parametrisation: Any, m: int) -> float:
    """Return s of a parametrisation at width m."""
    if isinstance(parametrisation, Parametrisation):
        if parametrisation.particles != m:
            raise ValueError(f"parametrisation is of {parametrisation.particles} particles: expected {m}.")
        return float(parametrisation.multiplier)
    return float(m) ** PARAMETRISATIONS[one_of("parametrisation", parametrisation, PARAMETRISATIONS)]


def arrays_of(name: str, given: Any) -> Layers:
    """Return the arrays of a network: a path, dictionary, list or module, its four arrays, or a `Network` as it is."""
    if isinstance(given, Network):
        return to_weights(given, parametrisation=own_parametrisation(given))
    if isinstance(given, Layers):
        return layers(*given)
    if isinstance(given, str | Path):
        return from_state(read_arrays(name, given), f"{name}={str(given)!r}")
    return from_state(given, name)

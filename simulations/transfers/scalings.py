r"""Parametrisations by name: the scale of a network of m neurons, its start, and what gradient an optimiser is given.

A network f(x) = s Σ_j a_j σ(w_j·x + b_j) starts from w_j ~ N(0, 2/d) (He et al. 2015), b_j = 0 and a_j ~ N(0, τ²). What
an optimiser is given is the gradient of c R:

| name | s | τ | c | what it is |
|---|---|---|---|---|
| standard | 1 | 1/√m | 1 | dense layers as frameworks start them, one learning rate for all weights |
| tangent | 1/√m | 1 | 1 | the tangent ("NTK") parametrisation |
| mup | 1/m | 1 | m | mean-field: a learning rate is a step of mean-field time |

For two layers the last one is muP: weights s = 1 with a_j ~ N(0, 1/m²), whose learning rates are m η and η/m by SGD, η
and η/m by Adam, for input and output weights, make the same steps (Yang & Hu 2021).
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

import meanfield as mf
from meanfield.arguments import one_of
from meanfield.streams import stream


@dataclass(frozen=True)
class Scaling:
    """A parametrisation: the powers of m in s, in τ and in c."""

    multiplier: float
    output: float
    gradient: float

    def scale(self, m: int) -> float:
        """Return the output scale α = m s."""
        return float(m) ** (1 + self.multiplier)

    def factor(self, m: int) -> float:
        """Return what the velocity v of a particle is multiplied by: ∇(c R) = −c α²/m v."""
        return float(m) ** (self.gradient + 1 + 2 * self.multiplier)

    def start(self, key: jax.Array, unit: mf.Neuron, m: int, d: int, dtype) -> mf.Particles:
        """Return the particles (a_j, w_j[, b_j]) at the start, with masses 1/m."""
        normal = jax.random.normal(stream(key, "start of a network"), (m, unit.outputs + d), dtype)
        spread = jnp.full(unit.outputs + d, (2 / d) ** 0.5, dtype).at[: unit.outputs].set(float(m) ** self.output)
        theta = normal * spread
        bias = [jnp.zeros((m, 1), dtype)] if unit.bias else []
        return mf.Particles(jnp.concatenate([theta, *bias], axis=1))


SCALINGS = {
    "standard": Scaling(multiplier=0.0, output=-0.5, gradient=0.0),
    "tangent": Scaling(multiplier=-0.5, output=0.0, gradient=0.0),
    "mup": Scaling(multiplier=-1.0, output=0.0, gradient=1.0),
}
"""The parametrisations by name."""


def scaling(name: str) -> Scaling:
    """Return the parametrisation of this name; raise `ValueError` for another name."""
    return SCALINGS[one_of("parametrisation", name, SCALINGS)]

"""Networks as other papers and frameworks write them, and the scale, step and penalty that are the same training here.

Scales, steps and penalties of gradient descent depend on how the network is written, and most errors in repeating a
published figure are made in converting them. They are converted here, and nowhere else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax.numpy as jnp

from meanfield.arguments import floating_array, positive_count, positive_number
from meanfield.arguments.meant import instance
from meanfield.arguments.pickling import getstate, setstate
from meanfield.arguments.typing import Inputs, Random
from meanfield.objectives.population import known_sampler
from meanfield.particles import Particles


@dataclass(frozen=True)
class Parametrisation:
    r"""A network that is written f(x) = s Σ_j Φ(θ_j; x) and trained by gradient descent on c R(f) + (λ/2) Σ_j |θ_j|².

    Its m neurons start at θ_j = τ ξ_j, and a step is θ_j ← θ_j − η (c ∇_{θ_j} R + λ θ_j). Φ is homogeneous of degree p,
    Φ(τθ; x) = τ^p Φ(θ; x), as a relu(w·x) is of degree 2. Then the particles ξ_j = θ_j/τ of this package, with

        scale α = m s τ^p,   step h = η c m s² τ^{2p − 2},   strength of weight decay λ/(c m s² τ^{2p − 2}),

    make the same steps to rounding: f is the same, and after k steps the mean-field time is k h.

    **Arguments:**

    - `particles`: m.
    - `multiplier`: s, such as 1, 1/√m or 1/m.
    - `radius`: τ, the standard deviation of all parameters where the ξ_j are normal numbers.
    - `weight`: c, what the loss is multiplied by: 1 for R, the mean over samples of `Square()` (½ (f − y)²) or of
      another loss; 2 for a mean of (f − y)²; n for a sum; 1/s² for the rescaled problem R/s².
    - `input_rate`: κ, by what the step of the input weights w is larger than η, which stays that of the output weights.
      It needs a unit without bias: with v = w/√κ and inputs √κ x all steps are η; `inputs`, `sampler` and `start` do
      that.
    - `degree`: p.

    Raises `ValueError` for a count below 1, and for numbers that are not finite and above 0.

    >>> import meanfield as mf
    >>> paper = mf.Parametrisation(particles=50, radius=0.1)  # f = Σ_j a_j relu(w_j·x), all of them N(0, 0.1²)
    >>> round(paper.scale, 6), round(paper.step(10.0), 6), round(paper.weight_decay(1e-3), 6)
    (0.5, 5.0, 0.002)
    """

    particles: Any
    multiplier: Any = 1.0
    radius: Any = 1.0
    weight: Any = 1.0
    input_rate: Any = 1.0
    degree: Any = 2.0

    def __post_init__(self):
        object.__setattr__(self, "particles", positive_count("particles", self.particles))
        for name in ("multiplier", "radius", "weight", "input_rate", "degree"):
            object.__setattr__(self, name, positive_number(name, getattr(self, name)))

    @property
    def scale(self):
        """The output scale α = m s τ^p."""
        return self.particles * self.multiplier * self.radius**self.degree

    def step(self, rate):
        """Return the step h of mean-field time that is a step of the learning rate η = `rate`."""
        return positive_number("rate", rate) * self._speed

    def rate(self, step):
        """Return the learning rate η that makes steps h = `step` of mean-field time."""
        return positive_number("step", step) / self._speed

    def weight_decay(self, strength):
        """Return the strength of `WeightDecay` for a penalty (λ/2) Σ_j |θ_j|² beside c R, λ = `strength`."""
        return positive_number("strength", strength, zero=True) / self._speed

    @property
    def _speed(self):
        """h/η."""
        return self.weight * self.particles * self.multiplier**2 * self.radius ** (2 * self.degree - 2)

    def inputs(self, x) -> Inputs:
        """Return the inputs √κ x, [n, d], at which the particles of `start` have the paper's outputs."""
        return floating_array("x", x, "n d") * self.input_rate**0.5

    def sampler(self, sampler: Callable) -> Callable:
        """Return the function (key, B) ↦ (√κ x, y) of one that makes samples (x, y)."""
        return Rescaled(known_sampler(sampler), jnp.asarray(self.input_rate**0.5))

    def start(self, mu: Particles, outputs=1) -> Particles:
        """Return the particles (a, w/√κ) of particles (a, w), the first `outputs` of whose parameters are a."""
        p = instance("mu", mu, Particles).position.shape[1]
        slower = jnp.where(jnp.arange(p) < positive_count("outputs", outputs, most=p), 1.0, self.input_rate**-0.5)
        return mu.moved(mu.position * slower.astype(mu.dtype))


class Rescaled(eqx.Module):
    """A sampler whose inputs are multiplied by a number."""

    __getstate__, __setstate__ = getstate, setstate

    samples: Callable
    factor: Any

    def __call__(self, key: Random, batch: int):
        x, y = self.samples(key, batch)
        return x * self.factor.astype(x.dtype), y

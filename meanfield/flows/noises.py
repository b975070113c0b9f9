"""Noise of a flow: what is added to positions after a step."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from meanfield.arguments import positive_scalar
from meanfield.arguments.described import html, text
from meanfield.arguments.meant import schedule
from meanfield.arguments.pickling import getstate, setstate
from meanfield.arguments.typing import Count, Random, Scalar
from meanfield.streams import stream


class AbstractNoise(eqx.Module):
    """Noise of a flow. A noise of your own needs `draws` and `increment`.

    Random numbers of step k come from `stream(key, "a name of its own", k)` (`meanfield.streams`).
    """

    __getstate__, __setstate__ = getstate, setstate
    __repr__, _repr_html_ = text, html

    draws: eqx.AbstractClassVar[str]
    """What is drawn at random, such as "noise"; empty for nothing."""
    advice: ClassVar[str] = ""
    """What to try when a flow diverges."""

    @abstractmethod
    def increment(self, key: Random, step: Count, position: Any, length: Any) -> Any:
        """Return what step number `step`, of this length h, adds to the positions [m, q] of what moves."""


class Brownian(AbstractNoise):
    r"""√(2 τ h) ξ_j, ξ_j standard normal, new for each particle and step: the temperature τ of Langevin dynamics.

    As m → ∞ and h → 0 with `Euler(h)` the law of a particle follows the Wasserstein gradient flow of the free energy
    F + τ ∫ μ log μ, whose minimum is the Gibbs measure of its own first variation, μ ∝ exp(−F'[μ]/τ). At finite h the
    stationary law is off by O(h). Steppers of higher order get the noise after their step, so that the weak order is 1.

    **Arguments:**

    - `temperature`: τ, in units of the objective: a number of at least 0 (at 0 the flow is that without noise, to the
      bit), or a schedule k ↦ τ_k of the step number (annealing), such as optax makes or an `equinox.Module` with arrays
      for fields, which replicas may then differ in.

    The noise of step k follows from the simulation's key and k. Every particle is moved by it, whatever its mass, in
    the parameters that are trained. Particles that `shard` has put on several devices get the same noise as on one, up
    to rounding. Raises `ValueError` for a temperature below 0; a schedule that falls below 0 ends the simulation as
    diverged. Source: Mei, Montanari & Nguyen (2018); Chizat (2022) for annealing.
    """

    temperature: Scalar | Callable
    draws: ClassVar[str] = "noise"

    def __init__(self, temperature):
        if callable(temperature):
            self.temperature = schedule("temperature", temperature)
        else:
            self.temperature = positive_scalar("temperature", temperature, zero=True)

    @property
    def advice(self) -> str:
        return "see that the temperature's schedule stays at 0 or above" if callable(self.temperature) else ""

    def increment(self, key: Random, step: Count, position: Any, length: Any) -> Any:
        tau = self.temperature(step) if callable(self.temperature) else self.temperature
        noise = jax.random.normal(stream(key, "noise of Langevin", step), position.shape, position.dtype)
        return jnp.sqrt(2 * tau * length).astype(position.dtype) * noise

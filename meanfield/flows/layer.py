"""Training of one layer alone: the output weights over fixed random features, or the weights inside the units."""

import equinox as eqx
import jax.numpy as jnp

from meanfield._typing import Outputs, Position, Pullback
from meanfield.flows.abstract import AbstractDerivedFlow, AbstractFlow
from meanfield.flows.gradient import integrator
from meanfield.objective import AbstractDerivedObjective, AbstractObjective
from meanfield.particles import Particles


class LayerObjective(AbstractDerivedObjective):
    """An objective whose velocity moves one layer: output weights, the first `unit.outputs` parameters, or the others.

    **Arguments:** the `network` objective; whether it is the `output` layer that moves.
    """

    network: AbstractObjective
    output: bool = eqx.field(static=True)

    def __init__(self, network: AbstractObjective, output: bool):
        self.network = network
        self.output = output

    def started(self, mu: Particles) -> "LayerObjective":
        return LayerObjective(self.network.started(mu), self.output)

    def predict(self, mu: Particles, x=None) -> Outputs:
        return self.network.predict(mu, x)

    def linearise(self, mu: Particles) -> tuple[Outputs, Pullback]:
        f, pull = self.network.linearise(mu)
        return f, lambda r: self._layer(pull(r))

    def velocity(self, mu: Particles) -> Position:
        return self._layer(self.network.velocity(mu))

    def _layer(self, velocity: Position) -> Position:
        first = jnp.arange(velocity.shape[1]) < self.unit.outputs
        return jnp.where(first == self.output, velocity, 0)


class OutputFlow(AbstractDerivedFlow):
    r"""A flow of the output weights alone: f is linear in them, with random features φ_j(x) = σ(w_j·x + b_j).

    **Arguments:**

    - `flow`: how it is integrated: a number is the step of gradient descent; or any other flow, such as
      `AdaptiveFlow(rtol=1e-6, atol=1e-9)`.

    A penalty acts on the output weights alone. Source: Chizat & Bach (2020).

    >>> import jax, jax.numpy as jnp, meanfield as mf
    >>> unit = mf.Neuron("relu")
    >>> objective = mf.Objective(unit, mf.Square(), x=jnp.eye(2), y=jnp.ones(2))
    >>> mu = mf.Particles.gaussian(jax.random.key(0), unit, m=20, d=2)
    >>> run = mf.simulate(objective, mf.OutputFlow(0.1), mu, times=10.0)
    >>> bool(jnp.all(run.particles.position[:, 1:] == mu.position[:, 1:]))
    True
    """

    flow: AbstractFlow

    def __init__(self, flow):
        self.flow = integrator(flow)

    def prepare(self, objective: AbstractObjective, mu: Particles) -> AbstractObjective:
        return LayerObjective(self.flow.prepare(objective, mu), output=True)


class InputFlow(AbstractDerivedFlow):
    r"""A flow of the input layer alone (weights and bias), at output weights that stay as they are.

    For α → ∞, or α = √m and m → ∞, it is kernel descent with `tangent_kernel(…, layers="input")`.

    **Arguments:**

    - `flow`: how it is integrated: a number is the step of gradient descent; or any other flow, such as
      `AdaptiveFlow(rtol=1e-6, atol=1e-9)`.

    A penalty acts on the input layer alone. Source: Arora et al. (2019).

    >>> import jax, jax.numpy as jnp, meanfield as mf
    >>> unit = mf.Neuron("relu")
    >>> objective = mf.Objective(unit, mf.Square(), x=jnp.eye(2), y=jnp.ones(2))
    >>> mu = mf.Particles.doubled(jax.random.key(0), unit, m=20, d=2, output="signs")
    >>> run = mf.simulate(objective, mf.InputFlow(0.1), mu, times=10.0)
    >>> bool(jnp.all(run.particles.position[:, 0] == mu.position[:, 0]))
    True
    """

    flow: AbstractFlow

    def __init__(self, flow):
        self.flow = integrator(flow)

    def prepare(self, objective: AbstractObjective, mu: Particles) -> AbstractObjective:
        return LayerObjective(self.flow.prepare(objective, mu), output=False)

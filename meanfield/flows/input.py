"""Training of the input layer alone: the output weights stay where they start."""

import jax.numpy as jnp

from meanfield._typing import Outputs, Position, Pullback
from meanfield.flows.abstract import AbstractDerivedFlow, AbstractFlow
from meanfield.flows.gradient import GradientFlow
from meanfield.objective import AbstractDerivedObjective, AbstractObjective
from meanfield.particles import Particles


class InputObjective(AbstractDerivedObjective):
    """An objective whose velocity moves all parameters of a particle but its output weights, the first `unit.outputs`.

    **Arguments:** the `network` objective. Source: Arora et al. (2019).
    """

    network: AbstractObjective

    def __init__(self, network: AbstractObjective):
        self.network = network

    def started(self, mu: Particles) -> "InputObjective":
        return InputObjective(self.network.started(mu))

    def predict(self, mu: Particles, x=None) -> Outputs:
        return self.network.predict(mu, x)

    def linearise(self, mu: Particles) -> tuple[Outputs, Pullback]:
        f, pull = self.network.linearise(mu)
        return f, lambda r: self._input(pull(r))

    def velocity(self, mu: Particles) -> Position:
        return self._input(self.network.velocity(mu))

    def _input(self, velocity: Position) -> Position:
        return jnp.where(jnp.arange(velocity.shape[1]) < self.unit.outputs, 0, velocity)


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
        self.flow = flow if isinstance(flow, AbstractFlow) else GradientFlow(flow)

    def prepare(self, objective: AbstractObjective, mu: Particles) -> AbstractObjective:
        return InputObjective(self.flow.prepare(objective, mu))

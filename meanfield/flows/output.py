"""Training of the output layer alone: the input weights stay where they start, as random features."""

import jax.numpy as jnp

from meanfield._typing import Outputs, Position, Pullback
from meanfield.flows.abstract import AbstractDerivedFlow, AbstractFlow
from meanfield.flows.gradient import GradientFlow
from meanfield.objective import AbstractDerivedObjective, AbstractObjective
from meanfield.particles import Particles


class OutputObjective(AbstractDerivedObjective):
    """An objective whose velocity moves output weights alone, the first `unit.outputs` parameters of a particle.

    **Arguments:** the `network` objective. Source: Chizat & Bach (2020), the space F2.
    """

    network: AbstractObjective

    def __init__(self, network: AbstractObjective):
        self.network = network

    def started(self, mu: Particles) -> "OutputObjective":
        return OutputObjective(self.network.started(mu))

    def predict(self, mu: Particles, x=None) -> Outputs:
        return self.network.predict(mu, x)

    def linearise(self, mu: Particles) -> tuple[Outputs, Pullback]:
        f, pull = self.network.linearise(mu)
        return f, lambda r: self._output(pull(r))

    def velocity(self, mu: Particles) -> Position:
        return self._output(self.network.velocity(mu))

    def _output(self, velocity: Position) -> Position:
        return jnp.where(jnp.arange(velocity.shape[1]) < self.unit.outputs, velocity, 0)


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
        self.flow = flow if isinstance(flow, AbstractFlow) else GradientFlow(flow)

    def prepare(self, objective: AbstractObjective, mu: Particles) -> AbstractObjective:
        return OutputObjective(self.flow.prepare(objective, mu))

"""The gradient itself."""

from typing import Any, ClassVar

from meanfield.arguments.typing import Count, Random
from meanfield.flows.gradients.abstract import AbstractGradient, Estimate, Slopes, of_problem
from meanfield.objectives.abstract import AbstractObjective
from meanfield.particles import Particles


class Full(AbstractGradient):
    """The slopes of F on all samples: v_j = −∇F'[μ](θ_j). Cost: one velocity at every evaluation.

    >>> import jax, jax.numpy as jnp, meanfield as mf
    >>> problem = mf.Objective(mf.Neuron("tanh"), mf.Square(), x=jnp.eye(2), y=jnp.ones(2))
    >>> mu = mf.Particles.gaussian(jax.random.key(0), problem.unit, m=20, d=2)
    >>> mf.simulate(problem, mf.Flow(mf.steppers.Euler(0.1), mf.gradients.Full()), mu, times=1.0).status
    'done'
    """

    draws: ClassVar[str] = ""

    def estimate(
        self, problem: AbstractObjective, slopes: Slopes, mu: Particles, memory: Any, key: Random | None, step: Count
    ) -> Estimate:
        return of_problem(problem, slopes, mu)

"""The lazy limit: a flow of the model linearised at its start."""

from meanfield.flows.abstract import AbstractDerivedFlow, AbstractFlow
from meanfield.flows.gradient import integrator
from meanfield.objective import AbstractObjective, Objective, TangentObjective
from meanfield.particles import Particles


class TangentFlow(AbstractDerivedFlow):
    r"""The flow of the tangent model f_lin(x; μ) = f(x; μ_0) + α Σ_j p_j ∇Φ(θ_j⁰; x)·(θ_j − θ_j⁰).

    **Arguments:**

    - `flow`: how the linear model is integrated: a number is the step of gradient descent; or any other flow, such as
      `AdaptiveFlow(rtol=1e-6, atol=1e-9)`.

    Predictions and observables of the run are those of the linear model (`Trajectory.objective`).
    Source: Chizat, Oyallon & Bach (2019).
    """

    flow: AbstractFlow

    def __init__(self, flow):
        if isinstance(flow, TangentFlow):
            raise ValueError("flow=TangentFlow: expected a step or a flow that is not itself linearised.")
        self.flow = integrator(flow)

    def prepare(self, objective: AbstractObjective, mu: Particles) -> AbstractObjective:
        if not isinstance(objective, Objective):
            raise ValueError(f"objective={type(objective).__name__}: expected an Objective, to be linearised once.")
        return TangentObjective(self.flow.prepare(objective, mu), mu)  # type: ignore[arg-type]

"""The Wasserstein–Fisher–Rao flow: particles move, and their masses grow or shrink."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from meanfield._typing import Mass, Position, Random, Scalar
from meanfield.arguments import flag, host, positive_scalar
from meanfield.flows.abstract import AbstractFlow, State, beginning
from meanfield.flows.gradient import constant_clock
from meanfield.objective import AbstractObjective, TangentObjective
from meanfield.particles import Particles

PROBED = 4
"""Particles and samples at which a unit is looked at before a flow starts."""


class ConicFlow(AbstractFlow):
    r"""Conic particle descent: p_j ← p_j exp(−4αh F'[μ](θ_j)) and θ_j ← θ_j + βh v_j, with v_j = −∇F'[μ](θ_j).

    As h → 0 this is the Wasserstein–Fisher–Rao gradient flow ∂_t μ = −4α F'[μ] μ + β ∇·(μ ∇F'[μ]). In the
    coordinates of Chizat (2019), p_j = r_j²/m, it reads r_j' = −2α r_j F'[μ](θ_j) and θ_j' = −β ∇F'[μ](θ_j): r changes
    at the rate 2α, the mass r² at twice that. The multiplicative step is mirror descent. Total mass is not conserved,
    a particle of mass 0 keeps it, and both updates take F' and its gradient from the same μ, in one pass: Φ is linear
    in the output weights a, so that ∫ r Φ = a·∂_a ∫ r Φ.

    Two flows of particles in a vector space are this one, up to O(h). For Φ and V of degree 2 in θ, θ = r u with
    |u| = 1 and mass r² is ConicFlow on the sphere of all parameters, α = β = 1. For a ReLU with |a| = |w|, the mass
    |a||w| on the directions w/|w| with the sign of a fixed is ConicFlow on the sphere of the input weights, α = ½ and
    β = 1.

    **Arguments:**

    - `step`: h, in units of mean-field time.
    - `growth`: α ≥ 0; with 0 masses stay. `transport`: β ≥ 0; with 0 particles stay.
    - `signed`: with True output weights stay what they are (such as the sign ±1 of a particle), the rest of θ moves.
    - `sphere`: with True what moves stays on the unit sphere, along the tangential part of v.

    Raises `ValueError` for a step that is not positive, negative α or β, a linearised objective, and with `sphere` for
    particles that do not start on it.

    Source: Chizat, Sparse optimization on measures with over-parameterized gradient descent (2019).

    >>> import jax.numpy as jnp, meanfield as mf
    >>> unit, x, y = mf.Neuron("tanh"), jnp.eye(2), jnp.ones(2)
    >>> objective = mf.Objective(unit, mf.Square(), x, y)
    >>> mu = mf.Particles([[1.0, 0.5, 0.5], [-1.0, 0.5, 0.5]])
    >>> run = mf.simulate(objective, mf.ConicFlow(0.1, signed=True), mu, times=5.0)
    >>> run.particles.position[:, 0].tolist(), bool(run.particles.mass[0] > run.particles.mass[1])
    ([1.0, -1.0], True)
    """

    size: Scalar
    growth: Scalar
    transport: Scalar
    signed: bool = eqx.field(static=True)
    sphere: bool = eqx.field(static=True)

    def __init__(self, step, growth=1.0, transport=1.0, signed: bool = False, sphere: bool = False):
        self.size = positive_scalar("step", step)
        self.growth = positive_scalar("growth", growth, zero=True)
        self.transport = positive_scalar("transport", transport, zero=True)
        self.signed = flag("signed", signed)
        self.sphere = flag("sphere", sphere)

    def prepare(self, objective: AbstractObjective, mu: Particles) -> AbstractObjective:
        if isinstance(objective, TangentObjective):
            raise ValueError("objective is linearised: expected a network, whose units have a first variation.")
        linear_in_outputs(objective, mu)
        if self.sphere:
            lengths = host(jnp.linalg.norm(mu.position[:, self._frozen(objective) :], axis=1))
            if lengths is not None and np.abs(lengths - 1).max() > 1e-3:
                worst = lengths[np.argmax(np.abs(lengths - 1))]
                raise ValueError(f"position has a row of length {worst:.6g}: expected the unit sphere.")
        return objective.started(mu)

    def init(self, objective: AbstractObjective, mu: Particles, *, key: Random | None = None) -> State:
        return beginning(mu, key)

    def step(self, objective: AbstractObjective, state: State) -> State:
        mu = state.particles
        h = self.size.astype(mu.dtype)
        potential, velocity = first_variation(objective, mu)
        grown = mu.mass * jnp.exp(-4 * self.growth.astype(mu.dtype) * h * potential)
        frozen = self._frozen(objective)
        position = mu.position[:, frozen:]
        v = velocity[:, frozen:]
        if self.sphere:
            v = v - jnp.sum(v * position, axis=1, keepdims=True) * position
        position = position + self.transport.astype(mu.dtype) * h * v
        if self.sphere:
            position = position / jnp.linalg.norm(position, axis=1, keepdims=True)
        position = mu.position.at[:, frozen:].set(position)
        return eqx.tree_at(
            lambda s: (s.particles.position, s.particles.mass, s.time, s.step),
            state,
            (position, grown, state.time + h, state.step + 1),
        )

    def clock(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return constant_clock(float(self.size), times)

    def aim(self, state: State, time: float | Scalar) -> State:
        return state

    def advice(self) -> str:
        return f"lower the step (now {float(self.size):.3g}), growth or transport"

    def _frozen(self, objective: AbstractObjective) -> int:
        """How many leading parameters stay."""
        return objective.unit.outputs if self.signed else 0


def linear_in_outputs(objective: AbstractObjective, mu: Particles) -> None:
    """Raise `ValueError` for a unit that does not vanish with its output weights: θ·∇Φ is then not Φ.

    Looked at where the first particles and samples are, which tells an affine unit or points that are particles from
    a unit that keeps what `AbstractUnit` promises.
    """
    unit = objective.unit
    known = host(mu.position[:PROBED].at[:, : unit.outputs].set(0)), host(objective.x[:PROBED])
    if known[0] is None or known[1] is None:
        return
    values = jax.vmap(lambda theta: jax.vmap(lambda sample: unit(theta, sample))(known[1]))(known[0])
    if np.any(np.asarray(values) != 0):
        raise ValueError(
            f"unit={type(unit).__name__}: expected a unit that is linear in its output weights, and it does not "
            f"vanish with them."
        )


def first_variation(objective: AbstractObjective, mu: Particles) -> tuple[Mass, Position]:
    """F'[μ](θ_j) and −∇F'[μ](θ_j) of every particle, from one pass over particles and samples."""
    f, pull = objective.linearise(mu)
    gradient = pull(objective.loss.residual(f, objective.y)) / (objective.scale * f.shape[0])
    a = slice(0, objective.unit.outputs)
    potential = jnp.sum(mu.position[:, a] * gradient[:, a], axis=1)
    if objective.penalty is not None:
        values, slopes = jax.vmap(jax.value_and_grad(objective.penalty))(mu.position)
        potential, gradient = potential + values, gradient + slopes
    return potential.astype(mu.dtype), -gradient.astype(mu.dtype)

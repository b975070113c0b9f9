r"""Spectral descent: steepest descent when all particles' velocities are measured together, by their singular values.

For velocities v_j of d parameters, C = Σ_j p_j v_j v_jᵀ is a d × d matrix that does not know how many particles there
are. In the norm ‖θ'‖_p = (tr (Σ_j p_j θ'_j θ'_jᵀ)^{p/2})^{1/p} of velocities the steepest direction of unit length is

    θ'_j = C^{(q − 2)/2} v_j / (tr C^{q/2})^{1/p},   1/p + 1/q = 1,   along which  dF/dt = −(tr C^{q/2})^{1/q}.

For p = 2 it is gradient descent of unit speed; for p = ∞ (q = 1) it is C^{−½} v_j, the polar factor of the gradient
times √m, of which Muon takes steps, and dF/dt = −tr C^½.
"""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from meanfield.arguments import one_of, positive_count, positive_number, positive_scalar, said
from meanfield.arguments.typing import Count, Scalar
from meanfield.flows.start import AbstractChecked, Start
from meanfield.flows.steppers.abstract import AbstractStepper, Field, Move, Moving


class Spectral(AbstractStepper, AbstractChecked):
    r"""θ_j ← θ_j + h C^{−½} v_j, C = Σ_j p_j v_j v_jᵀ, for the input weights together, and for the output weights.

    **Arguments:**

    - `step`: h, in units of mean-field time.
    - `order`: p > 1 of the norm in which descent is steepest; ∞, the default, is the spectral norm.
    - `readout`: how the output weights move: "spectral" as a block of their own, or "gradient" by a plain Euler step of
      length h.
    - `outputs`: how many output weights a particle has.

    Directions in which velocities are below √(d ε) of their largest stay, ε the epsilon of the type: C has lost them.
    Cost: one velocity, a d × d sum over the particles (the only thing that devices exchange) and its eigenvectors.
    Raises `ValueError` for a step that is not positive, an order that is not above 1, and at the start for particles
    with fewer parameters than `outputs`.

    Source: Bernstein & Newhouse (2024) for steepest descent under norms; Jordan et al. (2024) for Muon.
    """

    length: Scalar
    order: float
    readout: str
    outputs: int
    advice: ClassVar[str] = "lower the step (now {length})"

    def __init__(self, step, order: Any = float("inf"), readout: str = "spectral", outputs: Any = 1):
        self.length = positive_scalar("step", step)
        infinite = isinstance(order, float) and order == float("inf")
        self.order = order if infinite else float(positive_number("order", order))
        if self.order <= 1:
            raise ValueError(f"{said('order', order)}: expected a number above 1, or infinity.")
        self.readout = one_of("readout", readout, ("spectral", "gradient"))
        self.outputs = positive_count("outputs", outputs)

    def prepare(self, start: Start) -> None:
        p = start.particles.position.shape[1]
        if self.outputs > p:
            raise ValueError(f"outputs={self.outputs}: the particles have {p} parameters.")

    def step(self, field: Field, position: Moving, memory: None, time: Scalar, number: Count) -> Move:
        h, v = self.length.astype(position.dtype), field.velocity()
        output = field.part(jnp.arange(field.size) < self.outputs)
        apart = jnp.where(output, v, 0), jnp.where(output, 0, v)
        along = apart[0] if self.readout == "gradient" else self._direction(apart[0], field.mass)
        return Move(position + h * (along + self._direction(apart[1], field.mass)), h)

    def _direction(self, v: Float[Array, "m q"], mass: Float[Array, " m"]) -> Float[Array, "m q"]:
        """Return the steepest direction of unit length in the norm, [m, q], of these velocities."""
        with jax.default_matmul_precision("highest"):
            size = jnp.max(jnp.abs(v))
            size = jnp.where(size > 0, size, 1)
            v = v / size  # so that squares stay in range
            squares, vectors = jnp.linalg.eigh((mass[:, None] * v).T @ v)
            least = v.shape[1] * jnp.finfo(v.dtype).eps * squares[-1]
            kept = squares > jnp.maximum(least, jnp.finfo(v.dtype).tiny)
            singular = jnp.sqrt(jnp.where(kept, squares, 1))
            q = 1.0 if self.order == float("inf") else self.order / (self.order - 1)
            total = jnp.sum(jnp.where(kept, singular**q, 0))
            norm = 1.0 if q == 1 else jnp.where(total > 0, total, 1) ** (1 / self.order)
            factors = jnp.where(kept, singular ** (q - 2), 0) / norm
            return (v @ vectors * factors) @ vectors.T

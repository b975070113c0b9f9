"""Two particle systems that play a game: points that imitate data, and neurons of a critic that tells them apart."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from meanfield.arguments import finite_result, floating_array, positive_count, positive_scalar
from meanfield.arguments.meant import instance, potential
from meanfield.arguments.typing import Inputs, Outputs, Position, Scalar
from meanfield.integrals.dense import Dense
from meanfield.objectives.abstract import AbstractObjective
from meanfield.objectives.losses import AbstractLoss, Contrast
from meanfield.particles import Particles
from meanfield.units.neuron import AbstractUnit


class AdversarialObjective(AbstractObjective):
    r"""The game of a generator μ, points z_j ∈ ℝ^d, against a critic ρ, neurons θ_k, for samples x_i of a law ν.

    L(μ, ρ) = −R(D on x, +1) − R(D on z, −1) − ∫ V dρ,   D(z) = ∫ Φ(θ; z) dρ(θ),

    is descended by μ and ascended by ρ, `rate` times as fast:

    z_j' = −∇ (∂L/∂μ)(z_j),   θ_k' = rate · ∇ (∂L/∂ρ)(θ_k),

    which is gradient descent–ascent, m times the gradients of L in the parameters of one particle of m. With the
    default `Contrast` L = ∫ D dν − ∫ D dμ − ∫ V dρ, an integral probability metric (Arjovsky et al. 2017): if Φ is
    homogeneous of degree 2 and V = (λ/2)|θ|², its maximum over ρ is 0 when |∫ Φ dν − ∫ Φ dμ| ≤ (λ/2)|θ|² for all θ.
    With `Logistic()` it is the original game (Goodfellow et al. 2014).

    Both systems are one set of particles: the first `generators` are the points, padded with zeros, and the others the
    neurons. `join` makes it, `split` takes it apart. So any flow that asks for velocities alone plays the game:
    `GradientFlow` (simultaneous steps), `RungeKutta` (which damps the rotation that those wind up), `OptimiserFlow`.

    **Arguments:**

    - `unit`: Φ, of one output, such as `Neuron("relu", bias=True)`. `x`: samples of ν, [n, d].
    - `generators`: m_g, the number of points.
    - `penalty`: V, on the critic alone, such as `WeightDecay(0.01)`. `rate`: of the critic, above 0.
    - `loss`: R, a mean over samples that takes labels ±1.

    Memory: the critic's neurons times (n + m_g). Raises `ValueError` for a unit of several outputs, what is not a
    count or a number above 0, and particles that are not those of this game; and for flows that need more than
    velocities.

    >>> import jax, jax.numpy as jnp, meanfield as mf
    >>> unit, key = mf.Neuron("relu", bias=True), jax.random.key(0)
    >>> x = jax.random.normal(key, (32, 2)) + 3
    >>> game = mf.objectives.AdversarialObjective(unit, x, generators=16, penalty=mf.WeightDecay(0.1))
    >>> mu = game.join(mf.Particles(jnp.zeros((16, 2))), mf.Particles.gaussian(key, unit, m=20, d=2))
    >>> run = mf.simulate(game, mf.RungeKutta(0.1), mu, times=10.0)
    >>> points, critic = game.split(run.particles)
    >>> points.position.shape, critic.position.shape, bool(points.position.mean() > 1)
    ((16, 2), (20, 4), True)
    """

    unit: AbstractUnit
    loss: AbstractLoss
    x: Inputs
    y: Outputs
    scale: Scalar
    penalty: Callable | None
    rate: Scalar
    generators: int = eqx.field(static=True)

    def __init__(
        self,
        unit: AbstractUnit,
        x,
        generators: int,
        penalty: Any = None,
        rate=1.0,
        loss: Any = None,
    ):
        if instance("unit", unit, AbstractUnit).outputs != 1:
            raise ValueError(f"unit={type(unit).__name__}: expected a unit of one output.")
        self.unit = unit
        self.loss = Contrast() if loss is None else instance("loss", loss, AbstractLoss)
        self.x = floating_array("x", x, "n d")
        self.y = jnp.ones(self.x.shape[0], self.x.dtype)
        self.scale = jnp.ones((), self.x.dtype)
        self.penalty = None if penalty is None else potential(penalty, self._columns, self.x.dtype)
        self.rate = positive_scalar("rate", rate, self.x.dtype)
        self.generators = positive_count("generators", generators)

    def join(self, points: Particles, critic: Particles) -> Particles:
        """The particles of the game: `points`, of equal masses, and the neurons of the critic; masses sum to 2."""
        d, p = self.x.shape[1], self._columns
        instance("points", points, Particles)
        instance("critic", critic, Particles)
        for name, of, shape in (("points", points, (self.generators, d)), ("critic", critic, (critic.m, p))):
            if of.position.shape != shape:
                raise ValueError(f"{name} has shape {of.position.shape}: expected {shape}.")
        width = max(d, p)
        padded = [jnp.pad(of.position, ((0, 0), (0, width - of.position.shape[1]))) for of in (points, critic)]
        equal = jnp.full((points.m,), 1 / points.m, points.dtype)
        return Particles(jnp.concatenate(padded), jnp.concatenate([equal, critic.mass]))

    def split(self, mu: Particles) -> tuple[Particles, Particles]:
        """(points, neurons) of the particles of the game, each with masses that sum to 1."""
        self.bind(instance("mu", mu, Particles))
        g = self.generators
        parts = ((slice(None, g), self.x.shape[1]), (slice(g, None), self._columns))
        points, critic = (
            eqx.tree_at(lambda m: (m.position, m.mass), mu, (mu.position[rows, :columns], mu.mass[rows]))
            for rows, columns in parts
        )
        return points, critic

    def bind(self, mu: Particles) -> "AdversarialObjective":
        width = max(self.x.shape[1], self._columns)
        if mu.position.shape[1] != width or mu.m <= self.generators:
            raise ValueError(
                f"position has shape {mu.position.shape}: expected more than {self.generators} rows of {width}, "
                f"the points and the critic, as `join` makes them."
            )
        return self

    def predict(self, mu: Particles, x=None) -> Outputs:
        """D at the samples of ν, or at other inputs [n, d]."""
        if x is None:
            return Dense().predict(self.unit, self.split(mu)[1], self.x)
        x = floating_array("x", x, "n d", dtype=self.x.dtype)
        if x.shape[1] != self.x.shape[1]:
            raise ValueError(f"x has {x.shape[1]} columns: expected {self.x.shape[1]}, as the samples.")
        return finite_result(Dense().predict(self.unit, self.split(mu)[1], x), "D", x=x)

    def risk(self, mu: Particles) -> Scalar:
        """R(D on x, +1) + R(D on z, −1), which the critic lowers and the generator raises."""
        points, critic = self.split(mu)
        f = Dense().predict(self.unit, critic, jnp.concatenate([self.x, points.position]))
        real, made = f[: self.x.shape[0]], f[self.x.shape[0] :]
        return self.loss.risk(real, self.y) + self.loss.risk(made, -jnp.ones_like(made))

    def value(self, mu: Particles) -> Scalar:
        """L(μ, ρ)."""
        value = -self.risk(mu)
        if self.penalty is not None:
            critic = self.split(mu)[1]
            value = value - jnp.dot(critic.mass, jax.vmap(self.penalty)(critic.position))
        return value

    def velocity(self, mu: Particles) -> Position:
        """−∇ ∂L/∂μ at the points and rate ∇ ∂L/∂ρ at the neurons, [m, p]; 0 where a neuron has no mass."""
        instance("mu", mu, Particles)
        slope = jax.grad(lambda position: self.value(mu.moved(position)))(mu.position)
        some = mu.mass > 0
        sign = jnp.where(jnp.arange(mu.m) < self.generators, -1, self.rate.astype(mu.dtype))
        return jnp.where(some[:, None], slope * (sign / jnp.where(some, mu.mass, 1))[:, None], 0)

    @property
    def _columns(self) -> int:
        return self.unit.size(self.x.shape[1])

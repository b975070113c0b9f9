"""The objective F(μ) = R(f)/α² + ∫ V dμ, its first variation and its Wasserstein velocity."""

# pyright: reportIncompatibleVariableOverride=false
# (an abstract field of equinox may be overridden by a property; pyright does not know)

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.sharding import Mesh
from jaxtyping import Array, Float

from meanfield._conversion import traced
from meanfield._meant import instance, instances, potential
from meanfield._pickling import getstate, setstate
from meanfield._typing import Inputs, Outputs, Parameter, Position, Pullback, Scalar
from meanfield.arguments import finite_result, flag, floating_array, positive_scalar
from meanfield.kernels import Plan, plan
from meanfield.kernels.abstract import AbstractKernel
from meanfield.kernels.interpolated import Interpolated
from meanfield.kernels.sharded import Sharded, spread
from meanfield.losses import AbstractLoss
from meanfield.particles import Particles
from meanfield.sharding import mesh_of, shard
from meanfield.units import AbstractUnit


class AbstractObjective(eqx.Module):
    """What a flow descends: a predictor f(x; μ), a risk R(f)/α² and a penalty ∫ V dμ."""

    __getstate__, __setstate__ = getstate, setstate

    unit: eqx.AbstractVar[AbstractUnit]
    loss: eqx.AbstractVar[AbstractLoss]
    x: eqx.AbstractVar[Inputs]
    y: eqx.AbstractVar[Outputs]
    scale: eqx.AbstractVar[Scalar]
    penalty: eqx.AbstractVar[Callable | None]

    @abstractmethod
    def predict(self, mu: Particles, x: Inputs | None = None) -> Outputs:
        """f(x; μ), shape [n] or [n, k]; on the training inputs when `x` is not given."""

    @abstractmethod
    def linearise(self, mu: Particles) -> tuple[Outputs, Pullback]:
        """(f, pull) on the training inputs, pull(r)[j] = Σ_i r_i ∇_θ (∂f_i/∂p_j)/α: one pass for both integrals."""

    @abstractmethod
    def started(self, mu: Particles) -> "AbstractObjective":
        """This objective for a flow that starts at `mu`: a centred model takes its reference from there."""

    def risk(self, mu: Particles) -> Scalar:
        """R(f), without the factor 1/α²."""
        return self.loss.risk(self.predict(mu), self.y)

    def value(self, mu: Particles) -> Scalar:
        """F(μ) = R(f)/α² + Σ_j p_j V(θ_j)."""
        value = self.risk(mu) / self.scale**2
        if self.penalty is not None:
            value = value + jnp.dot(mu.mass, jax.vmap(self.penalty)(mu.position))
        return value

    def velocity(self, mu: Particles) -> Position:
        """v_j = −∇F'[μ](θ_j) = −(1/αn) Σ_i r_i ∇_θ Φ(θ_j; x_i) − ∇V(θ_j), shape [m, p].

        For equal masses this is −m ∇_{θ_j} F, so that one explicit Euler step of size h is one step of gradient
        descent.
        """
        f, pull = self.linearise(mu)
        v = -pull(self.loss.residual(f, self.y)) / (self.scale * f.shape[0])
        if self.penalty is not None:
            v = v - jax.vmap(jax.grad(self.penalty))(mu.position)
        return v.astype(mu.dtype)


class Objective(AbstractObjective):
    r"""The objective of a two-layer network.

    f(x; μ) = α ∫ Φ(θ; x) dμ(θ),  F(μ) = R(f)/α² + ∫ V dμ,
    F'[μ](θ) = (1/αn) Σ_i r_i Φ(θ; x_i) + V(θ),  r_i = n ∂R/∂f_i.

    **Arguments:**

    - `unit`: Φ, such as `Neuron("relu")`.
    - `loss`: R, such as `Square()`.
    - `x`: inputs, [n, d]. `y`: targets, [n], or [n, k] for a unit of k outputs, or labels where the loss takes them.
    - `scale`: α. One is mean-field, √m the neural-tangent scaling, large is lazy.
    - `penalty`: V, such as `WeightDecay(1e-3)` or any function of one particle's θ.
    - `centred`: with True the predictor is f(x; μ) − f(x; μ_0), μ_0 being where a flow starts (`simulate` sees to
      it), or give the particles μ_0 themselves.
    - `kernel`: how the two integrals are computed, such as `Blocked(512)`; chosen by `plan` if not given.

    Raises `ValueError` for non-finite or ragged data, shapes that do not match, and labels that do not fit the loss.

    >>> import jax, jax.numpy as jnp, meanfield as mf
    >>> unit = mf.Neuron("relu")
    >>> objective = mf.Objective(unit, mf.Square(), x=jnp.eye(3), y=jnp.ones(3))
    >>> mu = mf.Particles.doubled(jax.random.key(0), unit, m=10, d=3)
    >>> float(objective.value(mu))
    0.5
    >>> objective.velocity(mu).shape
    (10, 4)
    """

    unit: AbstractUnit
    loss: AbstractLoss
    x: Inputs
    y: Outputs
    scale: Scalar
    penalty: Callable | None
    centred: bool = eqx.field(static=True)
    reference: Particles | None
    offset: Outputs | None
    kernel: AbstractKernel | None
    ready: AbstractKernel | None
    """The kernel at work in a flow, with what it computed once for the training inputs."""

    def __init__(
        self,
        unit: AbstractUnit,
        loss: AbstractLoss,
        x,
        y,
        scale: Any = 1.0,
        penalty: Callable | None = None,
        centred: bool | Particles = False,
        kernel: Any = None,
    ):
        instances(unit=(unit, AbstractUnit), loss=(loss, AbstractLoss))
        self.unit = unit
        self.loss = loss
        if getattr(x, "ndim", None) == 1 and getattr(y, "ndim", None) == 2:
            raise ValueError(f"x has shape {x.shape}: expected [n, d]. Did you mean x and y the other way round?")
        self.x = floating_array("x", x, "n d")
        self.y = loss.targets(y, unit.outputs, self.x.dtype)
        if self.y.shape[0] != self.x.shape[0]:
            raise ValueError(f"y has {self.y.shape[0]} rows and x has {self.x.shape[0]}: expected one target an input.")
        self.scale = positive_scalar("scale", scale, self.x.dtype)
        self.penalty = None if penalty is None else potential(penalty, unit.size(self.x.shape[1]), self.x.dtype)
        self.kernel = None if kernel is None else instance("kernel", kernel, AbstractKernel)
        self.ready = None
        self.centred = isinstance(centred, Particles) or flag("centred", centred)
        self.reference = None
        self.offset = None
        if isinstance(centred, Particles):
            self._check(centred)
            self.reference = centred
            self.offset = self._raw(centred)

    def started(self, mu: Particles) -> "Objective":
        self._check(mu)
        objective = self
        if self.centred and self.reference is None:
            none = {"is_leaf": lambda leaf: leaf is None}  # copied, so that a subclass stays what it is
            objective = eqx.tree_at(lambda o: (o.reference, o.offset), self, (mu, self._raw(mu)), **none)
        mesh = mesh_of(mu)
        if mesh is not None and objective.reference is not None and objective.reference.m == mu.m:
            shared = shard(objective.reference, list(mesh.devices.flat))
            objective = eqx.tree_at(lambda o: o.reference, objective, shared)
        kernel = self._chosen(mu, mesh).at(self.unit, self.x)
        return eqx.tree_at(lambda o: o.ready, objective, kernel, is_leaf=lambda leaf: leaf is None)

    def plan(self, m: int) -> Plan:
        """Which kernel computes the integrals for m particles, and what it costs."""
        return plan(self, m)

    def predict(self, mu: Particles, x=None) -> Outputs:
        self._check(mu)
        if x is None:
            return self._less_offset(self._raw(mu))
        x = floating_array("x", x, "n d", dtype=self.x.dtype)
        if x.shape[1] != self.x.shape[1]:
            raise ValueError(f"x has {x.shape[1]} columns: expected {self.x.shape[1]}, as in training.")
        f = self._raw(mu, x)
        self._has_reference()
        return finite_result(f if self.reference is None else f - self._raw(self.reference, x), "f", x=x)

    def linearise(self, mu: Particles) -> tuple[Outputs, Pullback]:
        self._check(mu)
        kernel = self._kernel(mu)
        f, kept = kernel.forward(self.unit, mu, self.x)
        return self._less_offset(self.scale * f), lambda r: kernel.backward(self.unit, mu, self.x, kept, r)

    def first_variation(self, mu: Particles, theta) -> Float[Array, "*shape"]:
        """F'[μ](θ) = (1/αn) Σ_i r_i Φ(θ; x_i) + V(θ): a scalar for θ of shape [p], [l] for [l, p]."""
        instance("mu", mu, Particles)
        theta = floating_array("theta", theta, "p", "l p")
        points, p = jnp.atleast_2d(theta), mu.position.shape[1]
        if points.shape[1] != p:
            raise ValueError(f"theta has {points.shape[1]} columns: expected {p}, as the particles.")
        r = self.loss.residual(self.predict(mu), self.y)

        def at(point: Parameter) -> Scalar:
            phi = self._raw(Particles(point[None], jnp.ones(1, point.dtype)), self.x) / self.scale
            value = jnp.vdot(r, phi) / (self.scale * r.shape[0])
            return value if self.penalty is None else value + self.penalty(point)

        # Batches, so that memory does not grow with the number of points times n.
        values = jax.lax.map(at, points, batch_size=256)
        return finite_result(values[0] if theta.ndim == 1 else values, "F'", theta=theta)

    def _raw(self, mu: Particles, x: Inputs | None = None) -> Outputs:
        return self.scale * self._kernel(mu, x).predict(self.unit, mu, self.x if x is None else x)

    def _less_offset(self, f: Outputs) -> Outputs:
        self._has_reference()
        return f if self.offset is None else f - self.offset

    def _has_reference(self) -> None:
        if self.centred and self.offset is None:
            raise ValueError(
                "centred=True has no reference yet: start a simulation, or give the initial particles as centred=mu_0."
            )

    def _kernel(self, mu: Particles, x: Inputs | None = None) -> AbstractKernel:
        if x is None and self.ready is not None:
            return self.ready
        mesh = self.ready.mesh if isinstance(self.ready, Sharded) else mesh_of(mu)
        return self._chosen(mu, mesh, x)

    def _chosen(self, mu: Particles, mesh: Mesh | None, x: Inputs | None = None) -> AbstractKernel:
        n = None if x is None else x.shape[0]
        kernel = self.kernel or plan(self, -(-mu.m // (1 if mesh is None else mesh.size)), n=n).kernel
        # Inputs that are given or traced may be differentiated in, which a polynomial near them does not bear.
        changeable = x is not None or traced(self.x)
        return spread(kernel.inner if changeable and isinstance(kernel, Interpolated) else kernel, mesh)

    def _check(self, mu: Particles) -> None:
        instance("mu", mu, Particles)
        p = self.unit.size(self.x.shape[1])
        if mu.position.shape[1] != p:
            raise ValueError(
                f"position has {mu.position.shape[1]} columns: expected {p}, the parameters of this unit "
                f"for d={self.x.shape[1]}."
            )


class AbstractDerivedObjective(AbstractObjective):
    """An objective made from that of a `network`: same unit, loss, data, scale, penalty; another f or velocity."""

    network: eqx.AbstractVar[AbstractObjective]

    @property
    def unit(self) -> AbstractUnit:
        return self.network.unit

    @property
    def loss(self) -> AbstractLoss:
        return self.network.loss

    @property
    def x(self) -> Inputs:
        return self.network.x

    @property
    def y(self) -> Outputs:
        return self.network.y

    @property
    def scale(self) -> Scalar:
        return self.network.scale

    @property
    def penalty(self) -> Callable | None:
        return self.network.penalty


class TangentObjective(AbstractDerivedObjective):
    r"""The objective of the model linearised at μ_0, whose flow is the lazy limit.

    f_lin(x; μ) = f(x; μ_0) + α Σ_j p_j ∇_θ Φ(θ_j⁰; x)·(θ_j − θ_j⁰). Particle j of μ keeps particle j of μ_0 as its
    anchor.

    **Arguments:** the `network` objective and the `anchor` μ_0. Source: Chizat, Oyallon & Bach (2019).
    """

    network: AbstractObjective
    anchor: Particles

    def __init__(self, network: AbstractObjective, anchor: Particles):
        self.network = instance("network", network, AbstractObjective)
        self.anchor = instance("anchor", anchor, Particles)
        if isinstance(network, Objective):
            network._check(anchor)

    def started(self, mu: Particles) -> "TangentObjective":
        return eqx.tree_at(lambda o: o.network, self, self.network.started(mu))

    def predict(self, mu: Particles, x=None) -> Outputs:
        instance("mu", mu, Particles)
        if mu.position.shape != self.anchor.position.shape:
            raise ValueError(
                f"mu has positions of shape {mu.position.shape}: expected {self.anchor.position.shape}, as the anchor."
            )
        move = mu.position - self.anchor.position
        f, change = jax.jvp(
            lambda position: self.network.predict(self.anchor.moved(position), x), (self.anchor.position,), (move,)
        )
        return f + change

    def linearise(self, mu: Particles) -> tuple[Outputs, Pullback]:
        _, pull = self.network.linearise(self.anchor)
        return self.predict(mu), pull

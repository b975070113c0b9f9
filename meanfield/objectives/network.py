"""The problem of a two-layer network: F(μ) = R(f)/α² + ∫ V dμ, as it is given and as it is bound to particles."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Float

from meanfield.arguments import finite_result, flag, floating_array, host, nonnegative_array, positive_scalar
from meanfield.arguments.conversion import traced
from meanfield.arguments.described import Described, Phrase
from meanfield.arguments.meant import instance, instances, potential
from meanfield.arguments.typing import Inputs, Mass, Outputs, Parameter, Position, Pullback, Random, Scalar
from meanfield.devices.sharding import mesh_of, shard
from meanfield.integrals.abstract import AbstractKernel
from meanfield.integrals.dense import Dense
from meanfield.integrals.interpolated import Interpolated
from meanfield.integrals.offer import Plan
from meanfield.integrals.plan import plan
from meanfield.integrals.sharded import Sharded, spread
from meanfield.objectives.abstract import AbstractPredictor, AbstractSampleMean, Rows, potentials, proximal, residual
from meanfield.objectives.losses import AbstractLoss
from meanfield.objectives.population import drawn, known_sampler
from meanfield.particles import Particles
from meanfield.units.neuron import AbstractUnit


class Objective(AbstractSampleMean):
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
    - `weights`: what the samples weigh, [n], of any sum: R = Σ_i w_i ℓ_i / Σ_i w_i. With the nodes and weights of
      `datasets.quadrature` R is the risk of a whole law.
    - `sampler`: a function (key, B) ↦ (x [B, d], y) that makes other samples of the same law; see `population`.

    The problem holds what was given and nothing else. In a jitted loop of your own take `objective.bind(mu)`, as
    `simulate` does: it chooses a kernel and sorts the samples once. The class is final: another functional is a
    subclass of `AbstractObjective`, another unit, loss or penalty an argument.

    Raises `ValueError` for non-finite or ragged data, shapes that do not match, and labels that do not fit the loss.

    >>> import jax, jax.numpy as jnp, meanfield as mf
    >>> unit = mf.Neuron("relu")
    >>> objective = mf.Objective(unit, mf.Square(), x=jnp.eye(3), y=jnp.ones(3))
    >>> mu = mf.Particles.doubled(jax.random.key(0), unit, m=10, d=3)
    >>> float(objective.value(mu))
    0.5
    >>> objective.velocity(mu).shape
    (10, 4)
    >>> bound = objective.bind(mu)
    >>> step = jax.jit(lambda mu: mu.moved(mu.position + 0.1 * bound.velocity(mu)))
    >>> bool(objective.value(step(mu)) < objective.value(mu))
    True
    """

    unit: AbstractUnit
    loss: AbstractLoss
    x: Inputs
    y: Outputs
    scale: Scalar
    penalty: Callable | None
    centred: bool = eqx.field(static=True)
    reference: Particles | None
    kernel: AbstractKernel | None
    weights: Float[Array, " n"] | None
    sampler: Callable | None

    def __init_subclass__(cls, **options):
        raise TypeError(
            f"{cls.__name__}(Objective): Objective is final; expected a subclass of AbstractObjective, or a unit, loss "
            f"or penalty of your own as its argument."
        )

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
        weights: Any = None,
        sampler: Callable | None = None,
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
        self.weights = None if weights is None else self._mean_one(weights)
        self.sampler = None if sampler is None else known_sampler(sampler)
        self.scale = positive_scalar("scale", scale, self.x.dtype)
        self.penalty = None if penalty is None else potential(penalty, unit.size(self.x.shape[1]), self.x.dtype)
        self.kernel = None if kernel is None else instance("kernel", kernel, AbstractKernel)
        self.centred = isinstance(centred, Particles) or flag("centred", centred)
        self.reference = centred if isinstance(centred, Particles) else None
        if self.reference is not None:
            self.fits(self.reference)

    @staticmethod
    def population(
        unit: AbstractUnit, loss: AbstractLoss, sampler: Callable, *, key: Random, samples: int = 4096, **options
    ) -> "Objective":
        """Return the problem of a law of samples: F(μ) = E ℓ(f(x), y)/α² + ∫ V dμ.

        **Arguments:** `sampler`: a function (key, B) ↦ (x [B, d], y); `samples`: how many of them are drawn with `key`,
        once, for risk and velocity to be looked at; `options`: those of `Objective`, such as `scale`.

        `gradients.Stream(batch=B)` descends the law itself, on samples made fresh at every step, which are never those
        that are looked at. `observables.RiskError()` is the standard error of what `Risk()` shows, and
        `objectives.estimate(problem, mu, key, samples)` tells risk and velocity on other samples, with error bars.

        >>> import jax, jax.numpy as jnp, meanfield as mf
        >>> def sampler(key, batch):
        ...     x = jax.random.normal(key, (batch, 4))
        ...     return x, jnp.tanh(x[:, 0])
        >>> unit, key = mf.Neuron("tanh"), jax.random.key(0)
        >>> problem = mf.Objective.population(unit, mf.Square(), sampler, key=key)
        >>> flow = mf.Flow(mf.steppers.Euler(0.3), mf.gradients.Stream(batch=32))
        >>> mu = mf.Particles.gaussian(key, unit, m=50, d=4)
        >>> run = mf.simulate(problem, flow, mu, times=[0, 60.0], key=key, observables=[mf.Risk()])
        >>> bool(run.values["risk"][1] < 0.1 * run.values["risk"][0])
        True
        """
        return Objective(unit, loss, *drawn(sampler, key, samples), sampler=sampler, **options)

    def _mean_one(self, weights: Any) -> Float[Array, " n"] | None:
        given = nonnegative_array("weights", weights, "n", dtype=self.x.dtype)
        if not self.loss.mean:
            raise ValueError(f"weights: {type(self.loss).__name__} is no mean over samples; expected None.")
        if given.shape[0] != self.x.shape[0]:
            raise ValueError(f"weights has shape {given.shape}: expected ({self.x.shape[0]},), one number a sample.")
        known = host(given)
        if known is not None and not known.sum() > 0:
            raise ValueError("weights holds zeros alone: expected a weight above 0 of at least one sample.")
        if known is not None and np.all(known == known[0]):
            return None  # the same to the bit
        return given / jnp.mean(given)

    def _described(self) -> Described:
        yield "", self.unit
        yield "", self.loss
        yield "n", self.x.shape[0]
        yield "d", self.x.shape[1]
        yield "scale", self.scale
        yield "" if isinstance(self.penalty, eqx.Module) else "penalty", self.penalty
        yield "centred", self.centred
        yield "weights", self.weights
        yield "sampler", self.sampler
        yield "kernel", None if self.kernel is None else Phrase(self.kernel.label())

    def bind(self, mu: Particles) -> "Bound":
        self.fits(mu)
        reference = mu if self.centred and self.reference is None else self.reference
        mesh = mesh_of(mu)
        if mesh is not None and reference is not None and reference.m == mu.m:
            reference = shard(reference, list(mesh.devices.flat))
        kernel = chosen(self, mu, mesh)
        offset = None if reference is None else self.scale * kernel.predict(self.unit, reference, self.x)
        return Bound(self, kernel.at(self.unit, self.x), reference, offset)

    def _at(self, mu: Particles) -> "Bound":
        """The problem at `mu` for one evaluation, without an order of samples."""
        self.fits(mu)
        kernel = chosen(self, mu, mesh_of(mu))
        if self.reference is None:
            return Bound(self, kernel, None, None)
        return Bound(self, kernel, self.reference, self.scale * kernel.predict(self.unit, self.reference, self.x))

    def plan(self, m: int) -> Plan:
        """Return which kernel computes the integrals for m particles, and what it costs."""
        return plan(self, m)

    def predict(self, mu: Particles, x=None) -> Outputs:
        return self._at(mu).predict(mu, x)

    def linearise(self, mu: Particles) -> tuple[Outputs, Pullback]:
        return self._at(mu).linearise(mu)

    def risk(self, mu: Particles) -> Scalar:
        return self._at(mu).risk(mu)

    def value(self, mu: Particles) -> Scalar:
        return self._at(mu).value(mu)

    def velocity(self, mu: Particles) -> Position:
        return self._at(mu).velocity(mu)

    def slopes(self, mu: Particles) -> tuple[Mass, Position]:
        return self._at(mu).slopes(mu)

    def first_variation(self, mu: Particles, theta) -> Float[Array, "*shape"]:
        """Return F'[μ](θ) = (1/αn) Σ_i r_i Φ(θ; x_i) + V(θ): a scalar for θ of shape [p], [l] for [l, p]."""
        return self._at(mu).first_variation(mu, theta)

    def samples(self) -> int:
        if not self.loss.mean:
            raise ValueError(
                f"loss={type(self.loss).__name__}: expected a loss that is a mean over samples, which the soft-min "
                f"is not."
            )
        return self.x.shape[0]

    def subset(self, mu: Particles, rows: Rows, count: Scalar | None = None) -> "Bound":
        return self.bind(mu).subset(mu, rows, count)

    def fresh(self, mu: Particles, x: Inputs, y: Any) -> "Bound":
        return self.bind(mu).fresh(mu, x, y)

    def residuals_suffice(self) -> bool:
        return False

    def differentiable(self) -> "Objective":
        return self.with_kernel(Dense())

    def with_kernel(self, kernel: AbstractKernel) -> "Objective":
        """Return this problem with its integrals computed by another kernel."""
        return eqx.tree_at(lambda o: o.kernel, self, kernel, is_leaf=lambda leaf: leaf is None)

    def on(self, x: Inputs, y: Outputs, weights: Float[Array, " n"] | None = None) -> "Objective":
        """Return this problem on other samples, which are taken as they are."""
        return eqx.tree_at(lambda o: (o.x, o.y, o.weights), self, (x, y, weights), is_leaf=lambda leaf: leaf is None)

    def fits(self, mu: Particles) -> None:
        """Raise `ValueError` for what are no particles of this unit and these inputs."""
        instance("mu", mu, Particles)
        p = self.unit.size(self.x.shape[1])
        if mu.position.shape[1] != p:
            raise ValueError(
                f"position has {mu.position.shape[1]} columns: expected {p}, the parameters of this unit "
                f"for d={self.x.shape[1]}."
            )


class Bound(AbstractPredictor):
    """The problem of a network bound to particles: what `simulate` prepares, and what its observables receive.

    **Arguments:** the `problem`; the `kernel` at work, with what it computed once for the training inputs; the
    particles of `reference` of a centred model, and their predictions, the `offset`.
    """

    problem: Objective
    kernel: AbstractKernel
    reference: Particles | None
    offset: Outputs | None

    def __init__(self, problem: Objective, kernel: AbstractKernel, reference: Particles | None, offset: Outputs | None):
        self.problem, self.kernel, self.reference, self.offset = problem, kernel, reference, offset

    def _described(self) -> Described:
        yield "", self.problem
        yield "kernel", Phrase(self.kernel.label())
        yield "reference", self.reference

    @property
    def unit(self) -> AbstractUnit:
        return self.problem.unit

    @property
    def loss(self) -> AbstractLoss:
        return self.problem.loss

    @property
    def x(self) -> Inputs:
        return self.problem.x

    @property
    def y(self) -> Outputs:
        return self.problem.y

    @property
    def scale(self) -> Scalar:
        return self.problem.scale

    @property
    def penalty(self) -> Callable | None:
        return self.problem.penalty

    @property
    def weights(self) -> Float[Array, " n"] | None:
        return self.problem.weights

    @property
    def sampler(self) -> Callable | None:
        return self.problem.sampler

    @property
    def centred(self) -> bool:
        """Return True if predictions are differences from those of a reference."""
        return self.problem.centred

    def bind(self, mu: Particles) -> "Bound":
        """Return the problem for another start, with the same reference."""
        if self.reference is None:
            return self.problem.bind(mu)
        return eqx.tree_at(lambda o: o.reference, self.problem, self.reference, is_leaf=lambda leaf: leaf is None).bind(
            mu
        )

    def predict(self, mu: Particles, x=None) -> Outputs:
        self.problem.fits(mu)
        if x is None:
            return self._less_offset(self.scale * self.kernel.predict(self.unit, mu, self.x))
        x = floating_array("x", x, "n d", dtype=self.x.dtype)
        if x.shape[1] != self.x.shape[1]:
            raise ValueError(f"x has {x.shape[1]} columns: expected {self.x.shape[1]}, as in training.")
        self._has_reference()
        f = self._at(mu, mu, x)
        return finite_result(f if self.reference is None else f - self._at(mu, self.reference, x), "f", x=x)

    def _at(self, mu: Particles, of: Particles, x: Inputs) -> Outputs:
        """The predictions of the particles `of` at other inputs, on the devices of `mu`."""
        return self.scale * chosen(self.problem, of, self._mesh(mu), x).predict(self.unit, of, x)

    def _mesh(self, mu: Particles) -> Mesh | None:
        return self.kernel.mesh if isinstance(self.kernel, Sharded) else mesh_of(mu)

    def linearise(self, mu: Particles) -> tuple[Outputs, Pullback]:
        self.problem.fits(mu)
        f, kept = self.kernel.forward(self.unit, mu, self.x)
        return self._less_offset(self.scale * f), lambda r: self.kernel.backward(self.unit, mu, self.x, kept, r)

    def slopes(self, mu: Particles) -> tuple[Mass, Position]:
        f, pull = self.linearise(mu)
        r = residual(self, f)
        n = self.scale * f.shape[0]
        gradient = pull(r) / n
        if vars(type(self.unit)).get("linear_outputs", False):
            # Φ is linear in the output weights a, so that ∫ r Φ = a·∂_a ∫ r Φ: the pullback holds it already.
            a = slice(0, self.unit.outputs)
            value = jnp.sum(mu.position[:, a] * gradient[:, a], axis=1)
        else:
            value = potentials(self, mu, r) / n
        if self.penalty is not None:
            values, slopes = jax.vmap(jax.value_and_grad(self.penalty))(mu.position)
            value, gradient = value + values, gradient if proximal(self) else gradient + slopes
        return value.astype(mu.dtype), -gradient.astype(mu.dtype)

    def first_variation(self, mu: Particles, theta) -> Float[Array, "*shape"]:
        """Return F'[μ](θ) = (1/αn) Σ_i r_i Φ(θ; x_i) + V(θ): a scalar for θ of shape [p], [l] for [l, p]."""
        theta = floating_array("theta", theta, "p", "l p")
        points, p = jnp.atleast_2d(theta), mu.position.shape[1]
        if points.shape[1] != p:
            raise ValueError(f"theta has {points.shape[1]} columns: expected {p}, as the particles.")
        r = residual(self, self.predict(mu))

        def at(point: Parameter) -> Scalar:
            one = Particles(point[None], jnp.ones(1, point.dtype))
            value = jnp.vdot(r, self._at(mu, one, self.x) / self.scale) / (self.scale * r.shape[0])
            return value if self.penalty is None else value + self.penalty(point)

        # Batches, so that memory does not grow with the number of points times n.
        values = jax.lax.map(at, points, batch_size=256)
        return finite_result(values[0] if theta.ndim == 1 else values, "F'", theta=theta)

    def samples(self) -> int:
        return self.problem.samples()

    def subset(self, mu: Particles, rows: Rows, count: Scalar | None = None) -> "Bound":
        weights = None if self.weights is None else self.weights[rows]
        if count is not None:  # those after the first `count` weigh nothing: one program serves all counts
            size = rows.shape[0]
            some = jnp.where(jnp.arange(size) < count.astype(jnp.int32), size / count, 0).astype(self.x.dtype)
            weights = some if weights is None else some * weights
        few = self.problem.on(self.x[rows], self.y[rows], weights)
        return Bound(
            few, self._kernel(mu, rows.shape[0]), self.reference, None if self.offset is None else self.offset[rows]
        )

    def fresh(self, mu: Particles, x: Inputs, y: Any) -> "Bound":
        x = x.astype(self.x.dtype)
        few = self.problem.on(x, self.loss.targets(y, self.unit.outputs, x.dtype))
        offset = None if self.reference is None else self._at(mu, self.reference, x)
        return Bound(few, self._kernel(mu, x.shape[0]), self.reference, offset)

    def _kernel(self, mu: Particles, n: int) -> AbstractKernel:
        """The kernel for n samples, on the devices of the one for all samples."""
        mesh = self.kernel.mesh if isinstance(self.kernel, Sharded) else None
        m = -(-mu.m // (1 if mesh is None else mesh.size))
        return spread(self.problem.kernel or plan(self.problem, m, n=n).kernel, mesh)

    def residuals_suffice(self) -> bool:
        return False

    def differentiable(self) -> "Bound":
        return eqx.tree_at(lambda o: (o.problem, o.kernel), self, (self.problem.differentiable(), Dense()))

    def _less_offset(self, f: Outputs) -> Outputs:
        self._has_reference()
        return f if self.offset is None else f - self.offset

    def _has_reference(self) -> None:
        if self.centred and self.offset is None:
            raise ValueError(
                "centred=True has no reference yet: start a simulation, or give the initial particles as centred=mu_0."
            )


def chosen(problem: Objective, mu: Particles, mesh: Mesh | None, x: Inputs | None = None) -> AbstractKernel:
    """Return the kernel for these particles, on the training inputs or others, on every device of the mesh."""
    n = None if x is None else x.shape[0]
    kernel = problem.kernel or plan(problem, -(-mu.m // (1 if mesh is None else mesh.size)), n=n).kernel
    # Inputs that are given or traced may be differentiated in, which a polynomial near them does not bear.
    changeable = x is not None or traced(problem.x)
    return spread(kernel.inner if changeable and isinstance(kernel, Interpolated) else kernel, mesh)

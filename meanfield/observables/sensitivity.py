"""How a network's answer depends on its inputs: samples near a change of class, and losses that inputs move."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from meanfield.arguments import INT32, floating_array, positive_count, positive_scalar
from meanfield.arguments.meant import instances
from meanfield.arguments.typing import Inputs, Outputs
from meanfield.objectives.abstract import AbstractObjective
from meanfield.particles import Particles


def loss_sensitivity(objective: AbstractObjective, mu: Particles) -> Float[Array, " n"]:
    r"""‖Σ_c r_ic ∂f_c(x_i)/∂x‖₁ of every training sample, [n]: for a mean of pointwise losses ‖∂ℓ_i/∂x_i‖₁.

    r is the residual of the loss; the unit is loss over input. Summed over training it tells which samples the
    training has to work on. Source: Arpit et al. (2017).

    >>> import jax.numpy as jnp, meanfield as mf
    >>> objective = mf.Objective(mf.Neuron("linear"), mf.Square(), x=jnp.eye(2), y=jnp.array([1.0, 3.0]))
    >>> mf.observables.loss_sensitivity(objective, mf.Particles(jnp.array([[1.0, 1.0, -1.0]]))).tolist()
    [0.0, 8.0]
    """
    instances(objective=(objective, AbstractObjective), mu=(mu, Particles))
    return _sensitivity(objective, mu)


@eqx.filter_jit
def _sensitivity(objective: AbstractObjective, mu: Particles) -> Float[Array, " n"]:
    f, pull = jax.vjp(lambda x: objective.predict(mu, x), objective.x)
    return jnp.sum(jnp.abs(pull(objective.loss.residual(f, objective.y))[0]), axis=1)


def critical_samples(objective: AbstractObjective, mu: Particles, x, radius, *, steps: int = 8) -> Bool[Array, " n"]:
    r"""Which of the inputs x have another class within `radius` of them, in the largest norm of the coordinates.

    A class is the sign of f, or its largest output. From every input, `steps` signed gradient steps of size 2 ·
    `radius` / `steps` lead up the margin of the best other class, each projected back to the box; a sample is critical
    if the class has changed at any of them. What is found is there; what is not found may be: the share of critical
    samples is a lower bound on the critical sample ratio.

    **Arguments:** the network as `objective` and `mu`; inputs x [n, d], `radius` in their unit, `steps` of the search.

    **Returns:** [n], true where critical. Raises `ValueError` for a radius or a number of steps that is not positive,
    and for inputs of another dimension. Source: Arpit et al. (2017), without the noise of their search.

    >>> import jax.numpy as jnp, meanfield as mf
    >>> objective = mf.Objective(mf.Neuron("linear"), mf.Square(), x=jnp.eye(2), y=jnp.ones(2))
    >>> mu = mf.Particles(jnp.array([[1.0, 1.0, 1.0]]))
    >>> mf.observables.critical_samples(objective, mu, jnp.array([[0.1, 0.2], [0.5, 0.5]]), 0.2).tolist()
    [True, False]
    """
    instances(objective=(objective, AbstractObjective), mu=(mu, Particles))
    x = floating_array("x", x, "n d", dtype=objective.x.dtype)
    if x.shape[1] != objective.x.shape[1]:
        raise ValueError(f"x has {x.shape[1]} columns: expected {objective.x.shape[1]}, as in training.")
    radius, steps = positive_scalar("radius", radius, x.dtype), positive_count("steps", steps, most=INT32)
    return _search(objective, mu, x, radius, steps)


@eqx.filter_jit
def _search(objective: AbstractObjective, mu: Particles, x: Inputs, radius, steps: int) -> Bool[Array, " n"]:
    of = _class(objective.predict(mu, x))

    def step(_, state):
        at, found = state
        f, pull = jax.vjp(lambda z: objective.predict(mu, z), at)
        up = pull(_towards(f, of))[0]
        at = jnp.clip(at + 2 * radius / steps * jnp.sign(up), x - radius, x + radius)
        return at, found | (_class(objective.predict(mu, at)) != of)

    return jax.lax.fori_loop(0, steps, step, (x, jnp.zeros(x.shape[0], bool)))[1]


def _class(f: Outputs) -> Array:
    return f > 0 if f.ndim == 1 else jnp.argmax(f, axis=1)


def _towards(f: Outputs, of: Array) -> Outputs:
    """The derivative, in the outputs, of the margin by which the best other class leads."""
    if f.ndim == 1:
        return jnp.where(of, -1, 1).astype(f.dtype)
    own = jax.nn.one_hot(of, f.shape[1], dtype=f.dtype)
    other = jnp.argmax(jnp.where(own > 0, -jnp.inf, f), axis=1)
    return jax.nn.one_hot(other, f.shape[1], dtype=f.dtype) - own

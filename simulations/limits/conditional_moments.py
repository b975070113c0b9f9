"""Networks at the start as functions of their output weights: f, and moments of its law given the input weights."""

import equinox as eqx
import jax
import jax.numpy as jnp

import meanfield as mf


@eqx.filter_jit
def conditional_moments(signs, replicas: int, key, objective: mf.Objective, mass):
    """(f, Var(f | w), Σ_j (∂f/∂a_j)⁴), each [replicas, n]; f is linear in the output weights a.

    Whether a are signs is an argument, so that one program serves both laws.
    """
    outputs = jnp.eye(objective.x.shape[0], dtype=mass.dtype)

    def one(replica):
        law = jax.random.fold_in(key, replica), objective.unit, len(mass), objective.x.shape[1]
        theta = mf.Particles.gaussian(*law, dtype=mass.dtype).position

        def predictor(a):
            return objective.predict(mf.Particles(theta.at[:, 0].set(a), mass))

        f, pull = jax.vjp(predictor, jnp.where(signs, jnp.sign(theta[:, 0]), theta[:, 0]))
        (slopes,) = jax.vmap(pull)(outputs)
        return f, jnp.sum(slopes**2, axis=1), jnp.sum(slopes**4, axis=1)

    return jax.lax.map(one, jnp.arange(replicas), batch_size=max(1, min(replicas, 2**18 // len(mass))))

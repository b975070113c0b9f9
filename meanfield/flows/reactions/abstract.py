"""The reaction of a flow: masses that change, or particles that are replaced, by the first variation of F."""

from abc import abstractmethod
from typing import ClassVar, NamedTuple

import equinox as eqx
from jaxtyping import Array, Float, Int

from meanfield.arguments.described import html, text
from meanfield.arguments.pickling import getstate, setstate
from meanfield.arguments.typing import Count, Random, Scalar
from meanfield.particles import Particles


class Reacted(NamedTuple):
    """The particles after a reaction, and of which particle each took the place of memory: its own, or a parent."""

    particles: Particles
    parents: Int[Array, " m"] | None
    """None where nobody was replaced; m or more for a particle that was born anew."""


class AbstractReaction(eqx.Module):
    """A change of masses by F'[μ]. A reaction of your own needs `draws` and `react`.

    Random numbers of step k come from `stream(key, "a name of its own", k)` (`meanfield.streams`).

    >>> import equinox as eqx, jax, jax.numpy as jnp, meanfield as mf
    >>> class Replicator(mf.reactions.AbstractReaction):
    ...     # p_j' = −p_j (F'(θ_j) − ∫ F' dp), which keeps the total mass.
    ...     draws = ""
    ...     def react(self, before, moved, potential, length, key, step):
    ...         p = before.mass * jnp.exp(-length * potential)
    ...         mass = before.mass.sum() * p / p.sum()
    ...         return mf.reactions.Reacted(eqx.tree_at(lambda mu: mu.mass, moved, mass), None)
    >>> problem = mf.Objective(mf.Neuron("tanh"), mf.Square(), x=jnp.eye(4), y=jnp.ones(4))
    >>> mu = mf.Particles.gaussian(jax.random.key(0), problem.unit, m=20, d=4)
    >>> run = mf.simulate(problem, mf.Flow(mf.steppers.Euler(0.1), reaction=Replicator()), mu, times=1.0)
    >>> run.status, round(float(run.particles.mass.sum()), 6), bool(run.particles.mass.std() > 0)
    ('done', 1.0, True)
    """

    __getstate__, __setstate__ = getstate, setstate
    __repr__, _repr_html_ = text, html

    draws: eqx.AbstractClassVar[str]
    """What is drawn at random, such as "births"; empty for a reaction that draws nothing."""
    whole: ClassVar[bool] = False
    """Whether it replaces particles as a whole, for which all their parameters have to be trained."""
    prior: ClassVar[Particles | None] = None
    """Fixed places at which F' is asked for as well, behind those of the particles."""
    advice: ClassVar[str] = ""
    """What to try when a flow diverges."""

    @abstractmethod
    def react(
        self,
        before: Particles,
        moved: Particles,
        potential: Float[Array, " c"],
        length: Scalar,
        key: Random | None,
        step: Count,
    ) -> Reacted:
        """Return the particles after step number `step`, of length h: F' was taken `before`, and they have `moved`."""

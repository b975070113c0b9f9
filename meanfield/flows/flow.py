"""The flow: a stepper times a gradient times noise times a reaction, on a problem that says what is trained."""

import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from meanfield.arguments.described import fields, html, text
from meanfield.arguments.meant import function, instance
from meanfield.arguments.pickling import getstate, setstate
from meanfield.arguments.typing import Random, Scalar
from meanfield.flows.clocks import clock_of, shown_step
from meanfield.flows.gradients import AbstractGradient, Full
from meanfield.flows.gradients.abstract import AbstractGradientWithMemory, Estimate, Slopes, of_problem
from meanfield.flows.noises import AbstractNoise
from meanfield.flows.reactions import AbstractReaction
from meanfield.flows.start import AbstractChecked, Start
from meanfield.flows.state import Memory, State
from meanfield.flows.steppers import AbstractStepper, AbstractStepperWithMemory, Field
from meanfield.flows.steppers.controlled import aimed
from meanfield.objectives.abstract import AbstractObjective, proximal, sample_mean
from meanfield.objectives.tangent import is_linearised
from meanfield.objectives.trained import moving
from meanfield.particles import Particles


class Flow(eqx.Module):
    r"""A flow of particles: in every step the gradient estimates the slopes of F at μ, the stepper moves positions
    along them, noise is added, and the reaction changes masses.

    **Arguments:**

    - `stepper`: how positions move, such as `steppers.Euler(0.1)`; see `meanfield.steppers`.
    - `gradient`: what is known of the slopes in a step: all (`gradients.Full()`, the default), those on a few samples
      (`gradients.Minibatch(64)`), …; see `meanfield.gradients`.
    - `noise`: such as `noises.Brownian(temperature)`, or None.
    - `reaction`: such as `reactions.Growth()` or `reactions.BirthDeath(rate)`, or None.
    - `on`: a function (problem, μ_0) ↦ problem that is applied at the start, such as
      `lambda problem, mu: problem.linearised(mu)`; or None.

    Every combination is right but for these, which are refused: a stepper that chooses its steps with a gradient by
    samples, with noise or with a reaction; a reaction on a linearised problem; births and deaths of particles that are
    trained in part; a gradient by samples of a loss that is no mean over samples. All factors draw from streams of
    their own, so that 70 + 130 steps equal 200 steps bit for bit. Temperature 0, rate 0, momentum 0 and a batch of all
    samples without replacement are the flow without them, to the bit.

    >>> import jax, jax.numpy as jnp, meanfield as mf, optax
    >>> unit, key = mf.Neuron("tanh"), jax.random.key(0)
    >>> problem = mf.Objective(unit, mf.Square(), x=jnp.eye(4), y=jnp.ones(4))
    >>> mu = mf.Particles.gaussian(key, unit, m=20, d=4)
    >>> adam = mf.Flow(mf.steppers.Optax(optax.adam(1e-2)), mf.gradients.Minibatch(2))
    >>> run = mf.simulate(problem, adam, mu, times=[0, 200], key=key)
    >>> bool(run.values["risk"][1] < 0.1 * run.values["risk"][0])
    True
    """

    __getstate__, __setstate__ = getstate, setstate
    __repr__, _repr_html_ = text, html

    stepper: AbstractStepper
    gradient: AbstractGradient
    noise: AbstractNoise | None
    reaction: AbstractReaction | None
    on: Callable | None

    def __init__(self, stepper, gradient=None, noise=None, reaction=None, on: Callable | None = None):
        self.stepper = instance("stepper", stepper, AbstractStepper)
        self.gradient = Full() if gradient is None else instance("gradient", gradient, AbstractGradient)
        self.noise = None if noise is None else instance("noise", noise, AbstractNoise)
        self.reaction = None if reaction is None else instance("reaction", reaction, AbstractReaction)
        self.on = None if on is None else function("on", on, 2, "a function (problem, μ_0) ↦ problem, or None")
        if self.stepper.length is None:
            inexact = {"gradient": self.gradient if self.gradient.draws else None, "noise": noise, "reaction": reaction}
            for name, factor in inexact.items():
                if factor is not None:
                    raise ValueError(
                        f"{name}={type(factor).__name__}: {type(stepper).__name__} chooses its steps to a tolerance, "
                        f"for which the field has to be exact; expected a stepper of fixed steps, such as Euler."
                    )

    def __init_subclass__(cls, **options):
        raise TypeError(
            f"{cls.__name__}(Flow): Flow is final; expected a factor of your own, such as a subclass of "
            f"mf.steppers.AbstractStepper or mf.gradients.AbstractGradient, and Flow(stepper, gradient, …)."
        )

    def prepare(self, objective: AbstractObjective, mu: Particles) -> AbstractObjective:
        """Return the problem that this flow descends when it starts at `mu`, bound to it; raises `ValueError` where it
        can't.
        """
        problem = objective if self.on is None else self.on(objective, mu)
        start = Start(problem, mu, Slopes(moving(problem, mu), None).part, lambda: None)
        _check(self.gradient, start)
        if self.reaction is not None:
            sample_mean(problem)
            if is_linearised(problem):
                raise ValueError("objective is linearised: expected a network, whose units have a first variation.")
            if self.reaction.whole and moving(problem, mu) is not None:
                raise ValueError(
                    f"reaction={type(self.reaction).__name__}: replaces particles as a whole; expected a problem of "
                    f"which all parameters are trained."
                )
            _check(self.reaction, start)
        if proximal(problem) and not self.stepper.proximal:
            raise ValueError(
                f"stepper={type(self.stepper).__name__}: the penalty {type(problem.penalty).__name__} has no gradient; "
                f"expected a stepper that takes its proximal step, such as Euler or HeavyBall."
            )
        problem = problem.bind(mu)
        once = functools.partial(self._once, problem, mu)
        start = start._replace(problem=problem, once=lambda: jax.eval_shape(once, jax.random.key(0)))
        for factor in (self.stepper, self.noise):
            _check(factor, start)
        return problem

    def _once(self, problem: AbstractObjective, mu: Particles, key: Random) -> State:
        """Return the state after the first step."""
        return self.step(problem, self.init(problem, mu, key=key))

    def init(self, objective: AbstractObjective, mu: Particles, *, key: Random | None = None) -> State:
        """Return the state at time zero; raises `ValueError` without a key where something is drawn."""
        for factor in (self.gradient, self.noise, self.reaction):
            if key is None and factor is not None and factor.draws:
                raise ValueError(
                    f"key=None: {type(factor).__name__} draws {factor.draws}; expected a key such as jax.random.key(0)."
                )
        slopes = self._slopes(objective, mu)
        gradient = self.gradient
        memory = gradient.init(objective, slopes, mu) if isinstance(gradient, AbstractGradientWithMemory) else None
        stepper = None
        if isinstance(self.stepper, AbstractStepperWithMemory):
            field = _field(objective, slopes, mu, of_problem(objective, slopes, mu))
            stepper = self.stepper.init(field, slopes.part(mu.position))
        return State(mu, jnp.zeros((), mu.dtype), jnp.zeros((), jnp.int32), key, Memory(memory, stepper))

    def step(self, objective: AbstractObjective, state: State) -> State:
        """Return the state one step later."""
        mu, k, key = state.particles, state.step, state.key
        slopes = self._slopes(objective, mu)
        estimate = self.gradient.estimate(objective, slopes, mu, state.memory.gradient, key, k)
        # Taken here where it is used twice, so that a stepper may ask for its part of it inside of a loop or a branch.
        potential = None if self.reaction is None else estimate.here().potential
        field = _field(objective, slopes, mu, estimate)
        move = self.stepper.step(field, slopes.part(mu.position), state.memory.stepper, state.time, k)
        position, duration = move.position, move.length if move.duration is None else move.duration
        if self.noise is not None:
            assert key is not None
            position = position + self.noise.increment(key, k, position, move.length)
        moved, memory = mu.moved(slopes.put(mu.position, position)), move.memory
        if self.reaction is not None:
            assert potential is not None
            moved, parents = self.reaction.react(mu, moved, potential, duration, key, k)
            memory = memory if parents is None else _inherited(memory, parents, mu.m)
        # A stepper that has reached its horizon waits there: nothing was attempted.
        chosen = self.stepper.length is None
        taken = jnp.asarray(state.time < state.memory.stepper.horizon, k.dtype) if chosen else 1
        time = state.time + duration if move.time is None else move.time
        return State(moved, time, k + taken, key, Memory(estimate.memory, memory))

    def _slopes(self, objective: AbstractObjective, mu: Particles) -> Slopes:
        return Slopes(moving(objective, mu), self.reaction)

    def clock(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Return (step numbers nearest to `times`, the times of those steps), or None where steps are chosen."""
        length = self.stepper.length
        return None if length is None else clock_of(length, times)

    def aim(self, state: State, time: float | Scalar) -> State:
        """Return the state of a flow that chooses its steps, told to stop at `time`; of another one as it is."""
        if self.stepper.length is not None:
            return state
        memory = aimed(state.memory.stepper, jnp.asarray(time, state.time.dtype))
        return eqx.tree_at(lambda s: s.memory.stepper, state, memory)

    def advice(self) -> str:
        """Return what to try when the flow diverges: half a sentence."""
        factors = (self.gradient, self.noise, self.reaction)
        others = [_said(factor.advice, factor) for factor in factors if factor is not None and factor.advice]
        if not others and self.stepper.alternative and all(of is None for of in factors[1:]):
            others = [self.stepper.alternative]
        return " or ".join([_said(self.stepper.advice, self.stepper), *others])

    def evaluated(self, state: State) -> int:
        """Return how many velocities were computed on the way to `state`."""
        steps, of = int(state.step), state.memory
        calls = int(getattr(of.stepper, "evaluations", self.stepper.evaluations * steps))
        if self.stepper.evaluations > 1 and (self.reaction is not None or of.gradient is not None):
            calls += steps  # the slopes at the particles are then computed beside those of the stages
        return self.gradient.evaluations * calls + int(getattr(of.gradient, "evaluations", 0))


def _field(problem: AbstractObjective, slopes: Slopes, mu: Particles, estimate: Estimate) -> Field:
    """The field of one step, as a stepper sees it."""

    def at(position: Any) -> Particles:
        return mu.moved(slopes.put(mu.position, position))

    def stepped(position: Any, length: Any) -> Any:
        if not proximal(problem):
            return position
        full = length if jnp.ndim(length) == 0 else slopes.put(jnp.zeros(mu.position.shape[1], mu.dtype), length)
        step: Any = problem.penalty.proximal  # type: ignore[union-attr]
        return slopes.part(jax.vmap(lambda theta: step(theta, full))(at(position).position))

    return Field(
        velocity=lambda: estimate.here().velocity,
        at=lambda position: estimate.at(at(position)).velocity,
        value=lambda position: mu.m * estimate.value(at(position)),
        proximal=stepped,
        part=slopes.part,
        mass=mu.mass,
        size=mu.position.shape[1],
    )


def _check(factor: Any, start: Start) -> None:
    if isinstance(factor, AbstractChecked):
        factor.prepare(start)


def _said(advice: str, factor: Any) -> str:
    """Advice with the factor's own numbers, as `{batch}` or `{length}` names them."""
    numbers = {
        name: value.item() if eqx.is_array(value) and value.ndim == 0 else value for name, value in fields(factor)
    }
    return advice.format(**numbers | {"length": shown_step(getattr(factor, "length", None))})


def _inherited(memory: Any, parents: Any, m: int) -> Any:
    """Return a stepper's memory with that of each particle taken from its parent; 0 for one that was born anew."""

    def taken(leaf):
        if not eqx.is_array(leaf) or leaf.ndim == 0 or leaf.shape[0] != m:
            return leaf
        old = leaf[jnp.minimum(parents, m - 1)]
        return jnp.where((parents < m).reshape(m, *[1] * (leaf.ndim - 1)), old, 0)

    return jax.tree.map(taken, memory)

"""The only loop and the only jit: chunks of steps with the host awake in between."""

import dataclasses
import logging
import os
import time as clock
from collections.abc import Callable, Mapping, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from meanfield.arguments import INT32, held_flow, positive_count, positive_number
from meanfield.arguments.meant import instances, observed, random_key, reporting
from meanfield.arguments.typing import Random
from meanfield.checkpoints.checkpoint import Checkpoint, Saves, Unsaved, layout, saves, tuned_as_begun
from meanfield.devices.placement import Placement
from meanfield.flows.clocks import MAX_STEPS
from meanfield.flows.flow import Flow
from meanfield.flows.state import State
from meanfield.objectives.abstract import AbstractObjective
from meanfield.observables.abstract import AbstractObservable, Function
from meanfield.observables.risk import Risk
from meanfield.particles import Particles
from meanfield.simulation.outcome import Ending, Outcome
from meanfield.simulation.progress import Progress, Quiet, progress_on
from meanfield.simulation.times import Grid, fresh, observed_at, time_grid
from meanfield.simulation.trajectory import Trajectory as Trajectory

logger = logging.getLogger("meanfield")

CHUNK_SECONDS = 0.5
"""Chunks grow until one takes about this long: often enough to look, seldom enough to cost nothing."""


def simulate(
    objective: AbstractObjective,
    flow: Flow,
    mu: Particles,
    *,
    times,
    observables: Sequence | Mapping[str, Callable] | None = None,
    key: Random | None = None,
    progress=None,
    chunk: int | None = None,
    time_limit: float | None = None,
    checkpoint: Checkpoint | str | os.PathLike | None = None,
) -> Trajectory:
    r"""Run `flow` on `objective` from the particles `mu`.

    **Arguments:**

    - `times`: the final time T, observed at 0 and at 32 log-spaced times from T/1000 on (at those steps that are
      nearest to them, each once); or the increasing times themselves. A flow of fixed steps is observed at the step
      nearest to each, also where that is the same for several, and `Trajectory.times` holds the times of those steps.
    - `observables`: a list of observables (default: the risk), or a mapping from names to functions
      (objective, particles) ↦ array.
    - `key`: for flows that draw random numbers.
    - `progress`: True for a bar on a terminal or in a notebook, and a line now and then elsewhere; or an object with
      `update` and `close`.
    - `chunk`: most steps between two looks at the clock; by default as many as take half a second. Not part of the
      result.
    - `time_limit`: seconds after which the simulation stops and returns what there is.
    - `checkpoint`: a `Checkpoint`, or its folder: the state is saved there now and then, and when the simulation is
      stopped (by SIGTERM too); the same call goes on from there. Not part of the result.

    Particles that `shard` has put on several devices stay there; for several processes see
    `meanfield.devices.sharding`.

    **Returns:** a `Trajectory`. Divergence, the time limit and Ctrl-C end a simulation; they are not exceptions.

    Raises `ValueError` for times that are negative, not finite or not increasing, for a last time that no step comes
    near or more steps than can be counted, for times that the type of the particles can't tell apart where the flow
    chooses its steps, and for shapes that do not match.

    >>> import jax, jax.numpy as jnp, meanfield as mf
    >>> unit = mf.Neuron("relu")
    >>> objective = mf.Objective(unit, mf.Square(), x=jnp.eye(3), y=jnp.ones(3))
    >>> mu = mf.Particles.doubled(jax.random.key(0), unit, m=100, d=3)
    >>> run = mf.simulate(objective, mf.AdaptiveFlow(), mu, times=[0.0, 1.0, 10.0],
    ...                   observables=[mf.Risk(), mf.Displacement()])
    >>> run.status, run.values["displacement"].shape
    ('done', (3,))
    """
    checked(objective, flow, mu, key)
    reporting(progress)
    grid = time_grid(times)
    watched = named_observables(observables)
    if chunk is not None:
        chunk = positive_count("chunk", chunk, most=INT32)
    if time_limit is not None:
        time_limit = positive_number("time_limit", time_limit, zero=True)
    with tuned_as_begun(checkpoint):
        return _simulate(objective, flow, mu, grid, watched, key, progress, chunk, time_limit, checkpoint)


def _simulate(
    objective: AbstractObjective,
    flow: Flow,
    mu: Particles,
    grid: Grid,
    watched: dict[str, AbstractObservable],
    key: Random | None,
    progress,
    chunk: int | None,
    time_limit: float | None,
    checkpoint,
) -> Trajectory:
    """Return what `simulate` does, for arguments that were checked."""
    began = clock.monotonic()
    place = Placement.of(mu)
    objective = flow.prepare(objective, mu)
    stops, stamps = observed_at(flow, grid, mu.dtype)
    counted = fresh(stops, grid, stamps.shape)
    stops, stamps = None if stops is None else stops[counted], stamps[counted]
    objective, flow, watched, key = place.replicated((objective, flow, watched, key))
    state, start = begin(objective, flow, watched, mu, key, place)
    kept = saves(
        checkpoint,
        place,
        list(watched),
        {
            "objective": objective,
            "flow": flow,
            "observables": [list(watched), watched],
            "particles": mu,
            "key": key,
            "times": [stops, stamps],
            "precision": [str(jnp.result_type(float)), str(jax.config.jax_default_matmul_precision)],  # pyright: ignore
            "devices": place.shape,
            "state": layout(state),
        },
    )
    state, seen = kept.begun(state)
    run = _Run(objective, flow, state, progress_on(progress), chunk, float(stamps[-1]), place, kept, seen)
    run.deadline = None if time_limit is None else began + time_limit
    ended = Ending(Outcome.DONE, float(stamps[-1]))
    with kept.listening():
        try:
            for i in range(len(seen), len(stamps)):
                outcome = run.reach(stamps[i], None if stops is None else int(stops[i]))
                if outcome is not Outcome.DONE:
                    ended = run.ended(outcome)
                    break
                if stops is not None and i and stops[i] == stops[i - 1]:
                    seen.append(seen[-1])
                    continue
                values, finite = jax.device_get(observe(watched, objective, run.state.particles, start, place))
                if not finite:  # particles of finite but huge parameters
                    ended = run.ended(Outcome.DIVERGED)
                    break
                seen.append(values)
        except KeyboardInterrupt:
            if place.several:
                raise  # the other processes have not seen it, and wait for this one in the next sum
            ended = run.ended(Outcome.INTERRUPTED)
        finally:
            run.progress.close()
        if kept.heard():  # perhaps during its last chunk; who sent the signal waits for an answer
            ended = run.ended(Outcome.INTERRUPTED)
        goes_on = kept.ended(ended.stopped, run.state, seen)
        ended = dataclasses.replace(ended, advice=goes_on) if goes_on else ended
    if ended.outcome is not Outcome.DONE:
        logger.warning("simulation %s", ended)
    return Trajectory(
        times=stamps[: len(seen)],
        values={name: np.stack([row[name] for row in seen]) if seen else np.zeros(0) for name in watched},
        particles=run.state.particles,
        status=str(ended),
        ended=ended,
        stats={
            "steps": run.steps,
            "evaluations": flow.evaluated(run.state),
            "seconds": kept.seconds + clock.monotonic() - began,
        },
        objective=objective,
    )


class _Run:
    """The state of one simulation between chunks."""

    def __init__(
        self,
        objective,
        flow,
        state: State,
        progress: Progress,
        chunk: int | None,
        final: float,
        place: Placement,
        kept: Saves | Unsaved,
        seen: list[dict[str, np.ndarray]],
    ):
        self.objective, self.flow, self.final, self.place = objective, flow, final, place
        self.kept, self.seen = kept, seen
        # With several processes the first one reports; the risk for it is computed by all, or by none.
        self.reported = place.common(not isinstance(progress, Quiet))
        self.progress = progress if place.speaks else Quiet()
        self.fixed = chunk
        self.chunk = 16 if chunk is None else chunk
        self._take(state)
        self.deadline: float | None = None

    def reach(self, stamp: float, stop: int | None) -> Outcome:
        """Advance to `stamp` (step number `stop`, for fixed steps): done, or why not."""
        if stop is None:
            self.state = self.place.replicated(self.flow.aim(self.state, stamp))
        while not self._there(stamp, stop):
            if self.kept.look(self.state, self.seen):
                return Outcome.INTERRUPTED
            if self.place.common(self.deadline is not None and clock.monotonic() > self.deadline):
                return Outcome.TIME_LIMIT
            count = min(self.chunk, (MAX_STEPS if stop is None else stop) - self.steps)
            if count == 0:
                return Outcome.STEP_LIMIT
            began = clock.monotonic()
            after, finite = _advance(self.objective, self.flow, self.state, np.int32(count))
            if not finite:
                self._back_to_last_finite(count)
                return Outcome.DIVERGED
            before = self.steps
            self._take(after)
            self._grow(clock.monotonic() - began, self.steps - before)
            self.progress.update(self.time, self.final, self.steps, self._risk())
        return Outcome.DONE

    def ended(self, outcome: Outcome) -> Ending:
        """Return how it ended where it is now."""
        return Ending(outcome, self.time, self.flow.advice() if outcome is Outcome.DIVERGED else "")

    def _there(self, stamp: float, stop: int | None) -> bool:
        return (
            self.steps >= stop
            if stop is not None
            else not bool(self.state.time < np.asarray(stamp, self.state.time.dtype))
        )

    def _take(self, state: State) -> None:
        self.state, self.steps, self.time = state, int(state.step), float(state.time)

    def _grow(self, seconds: float, taken: int) -> None:
        if self.fixed is None and taken == self.chunk and self.place.common(seconds < CHUNK_SECONDS / 2):
            self.chunk *= 2

    def _back_to_last_finite(self, count: int) -> None:
        """Bisect the chunk that went wrong: its steps are the same each time they are taken."""
        good, bad = 0, count
        while bad - good > 1:
            middle = (good + bad) // 2
            _, finite = _advance(self.objective, self.flow, self.state, np.int32(middle))
            good, bad = (middle, bad) if finite else (good, middle)
        if good:
            self._take(_advance(self.objective, self.flow, self.state, np.int32(good))[0])

    def _risk(self) -> float:
        return float(_risk(self.objective, self.state.particles)) if self.reported else 0.0


@eqx.filter_jit
def begin(objective, flow, watched, mu: Particles, key, place: Placement) -> tuple[State, dict]:
    """The first state, and what the observables keep of the start."""
    start = {name: watch.init(objective, mu) for name, watch in watched.items()}
    return place.shared_out(flow.init(objective, mu, key=key), mu.m), start


@eqx.filter_jit
def _advance(objective, flow, state: State, count) -> tuple[State, jax.Array]:
    """`count` steps, and whether the particles are finite after them."""
    # The length of the loop is an argument: one compilation serves every chunk, so that all lengths give the same bits.
    state = jax.lax.fori_loop(0, count, lambda _, s: flow.step(objective, s), state)
    return state, finite(state.particles)


def finite(mu: Particles) -> jax.Array:
    """Return True if all parameters and masses are finite."""
    return jnp.all(jnp.isfinite(mu.position)) & jnp.all(jnp.isfinite(mu.mass))


@eqx.filter_jit
def observe(watched, objective, mu: Particles, start, place: Placement) -> tuple[dict, jax.Array]:
    """The observables, and whether the objective is finite."""
    values = {name: watch(objective, mu, start[name]) for name, watch in watched.items()}
    return place.gathered((values, jnp.isfinite(objective.value(mu))))


@eqx.filter_jit
def _risk(objective, mu: Particles):
    return objective.risk(mu)


def checked(objective, flow, mu, key) -> None:
    """Raises `ValueError` for what is not what `simulate` takes in its place, with what was probably meant."""
    instances(objective=(objective, AbstractObjective), flow=(flow, Flow), mu=(mu, Particles))
    if key is not None:
        random_key("key", key)
    held_flow(flow, mu.dtype)


def named_observables(given) -> dict[str, AbstractObservable]:
    given = observed([Risk()] if given is None else given, AbstractObservable)
    if isinstance(given, Mapping):
        return {
            name: watch if isinstance(watch, AbstractObservable) else Function(watch) for name, watch in given.items()
        }
    watched: dict[str, AbstractObservable] = {}
    for watch in given:
        if watch.name in watched:
            raise ValueError(f"observables names {watch.name!r} twice: give a mapping to tell the two apart.")
        watched[watch.name] = watch
    return watched

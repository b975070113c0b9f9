"""Replicas in one program: arrays with a replica axis, split over devices that never wait for one another."""

import time as clock
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from meanfield.devices.placement import Placement
from meanfield.flows.flow import Flow
from meanfield.flows.state import State
from meanfield.simulation.outcome import Ending, Outcome
from meanfield.simulation.progress import Progress, Quiet
from meanfield.simulation.simulate import CHUNK_SECONDS, Trajectory, begin, finite, observe
from meanfield.simulation.stacking import is_array, stacked, unstacked
from meanfield.simulation.times import Grid, fresh, observed_at

LEGS = 16
"""Observations in one call of a program at most: what is seen waits on the device until the host looks."""


class Batch:
    """Replicas that run together: their states, how far each one is, and why it ended."""

    def __init__(self, mesh, watched, grid: Grid, differ, objectives, flows, mus, keys):
        self.mesh, self.watched, self.objectives, self.flows = mesh, watched[0], objectives, flows
        own, common = stacked(list(zip(objectives, flows, watched, strict=True)), differ[0])
        first, shared = stacked(list(zip(mus, keys, strict=True)), differ[1])
        self.own, self.common = _placed(mesh, own, common)
        everyone = np.arange(len(mus))  # says how many there are, also where nothing differs
        self.state, self.start = _each(_first, mesh, (self.common, shared), self.own, first, everyone)
        self.stops, self.stamps = _clocks(flows, grid, mus[0].dtype)
        self.fresh = fresh(self.stops, grid, self.stamps.shape)
        self.dtype, self.steps, self.time = mus[0].dtype, np.zeros(len(mus), int), np.zeros(len(mus))
        self.running = np.ones(len(mus), bool)
        self.ended = [Ending(Outcome.DONE, float(stamps[-1])) for stamps in self.stamps]
        self.following = 0
        """The observation that comes next, which is the same for all."""
        self.alone = 0
        """Legs to be taken one at a time, because somebody diverges on one of them."""
        self.seen: list[dict[str, np.ndarray]] = []
        self.kept: list[list[tuple[int, int]]] = [[] for _ in mus]
        """(which time, which column of `seen`) for every replica."""
        self.columns = 0

    def run(self, progress: Progress, chunk: int | None, deadline: float | None) -> bool:
        """Run to the end; whether it was interrupted."""
        self.chunk, self.grows = chunk or 16, chunk is None
        try:
            while self.following < self.stamps.shape[1] and self.running.any():
                if deadline is not None and clock.monotonic() > deadline:
                    late = self._away(self.following, self.steps) > 0
                    self._end(late, Outcome.TIME_LIMIT)
                    self.alone = 1  # who is there is observed, and no one moves
                self._stretch(progress)
        except KeyboardInterrupt:
            self.interrupt()
            return True
        return False

    def interrupt(self) -> None:
        self._end(self.running, Outcome.INTERRUPTED)

    def _stretch(self, progress: Progress) -> None:
        """One call of the program, and the host's part of it."""
        began = clock.monotonic()
        legs, following = self._planned(1 if self.alone else LEGS)
        if legs:
            state, taken, time, fine, bounded, values = self._advanced(legs)
            if len(legs) > 1 and not (fine & bounded)[self.running].all():
                self.alone = len(legs)
                return
            if not fine.all():
                legs = [(legs[0][0], self._last_finite(taken, fine))]
                state, taken, time, _, bounded, values = self._advanced(legs)
            self.state, self.steps, self.time = state, self.steps + taken, time.astype(float)
            # Particles of finite but huge parameters have diverged as well.
            self._end(self.running & ~(fine & bounded), Outcome.DIVERGED)
            self._keep(legs, values)
            if taken.any():
                if self.grows and taken.max() > self.chunk // 2 and clock.monotonic() - began < CHUNK_SECONDS / 2:
                    self.chunk *= 2
                self._report(progress)
        self.following, self.alone = following, max(0, self.alone - 1)

    def _planned(self, most_legs: int) -> tuple[list["Leg"], int]:
        """The legs that fit into a chunk, and the observation that follows on those that they reach."""
        legs, steps, left, i = [], self.steps, self.chunk, self.following
        while i < self.stamps.shape[1] and len(legs) < most_legs:
            away = self._away(i, steps)
            most = int(away.max())
            if left == 0 < most:
                break
            if (self.running & self.fresh[:, i]).any():
                legs.append((i if most <= left else None, np.minimum(away, left)))
            if most > left:
                break
            i, steps, left = i + 1, steps + away, left - most
            if self.stops is None:
                break
        return legs, i

    def _away(self, i: int, steps: np.ndarray) -> np.ndarray:
        """Steps from there to the i-th observation, for those that run; a huge number for flows that choose theirs."""
        if self.stops is not None:
            return np.where(self.running, self.stops[:, i] - steps, 0)
        late = self.time < self.stamps[:, i].astype(self.dtype).astype(float)
        return np.where(self.running & late, np.iinfo(np.int32).max, 0)

    def _advanced(self, legs: list["Leg"]) -> tuple:
        """(states, steps taken, times, whether particles are finite, whether objectives are, what was observed)."""
        counts, looks = np.zeros((len(self.time), LEGS), np.int32), np.zeros(LEGS, bool)
        for j, (reached, count) in enumerate(legs):
            counts[:, j], looks[j] = count, reached is not None
        common = (self.common, self.stops is None, np.int32(len(legs)), looks)
        goal = self.stamps[:, self.following].astype(self.dtype)
        state, *told = _each(_next, self.mesh, common, self.own, self.state, self.start, counts, goal)
        return state, *jax.device_get(told)

    def _last_finite(self, taken: np.ndarray, fine: np.ndarray) -> np.ndarray:
        """`taken`, and fewer where that ends badly: bisected, as steps are the same each time they are taken."""
        good, bad = np.where(fine, taken, 0), taken
        while (bad - good > 1).any():
            middle = (good + bad) // 2
            well = self._advanced([(None, middle)])[3]
            good, bad = np.where(well, middle, good), np.where(well, bad, middle)
        return good

    def _keep(self, legs: list["Leg"], values: dict[str, np.ndarray]) -> None:
        for j, (i, _) in enumerate(legs):
            if i is not None:
                for r in np.flatnonzero(self.running & self.fresh[:, i]):
                    self.kept[r].append((i, self.columns + j))
        self.seen.append({name: value[:, : len(legs)] for name, value in values.items()})
        self.columns += len(legs)

    def _end(self, which: np.ndarray, outcome: Outcome) -> None:
        for r in np.flatnonzero(which):
            advice = self.flows[r].advice() if outcome is Outcome.DIVERGED else ""
            self.ended[r] = Ending(outcome, float(self.time[r]), advice)
        self.running = self.running & ~which

    def _report(self, progress: Progress) -> None:
        if not isinstance(progress, Quiet) and self.running.any():
            risks = jax.device_get(_each(_risk, self.mesh, self.common, self.own, self.state))
            r = int(np.argmin(np.where(self.running, self.time, np.inf)))
            progress.update(float(self.time[r]), float(self.stamps[r, -1]), int(self.steps[r]), float(risks[r]))

    def trajectories(self, count: int, seconds: float) -> list[Trajectory]:
        """Those of the first `count` replicas; the others fill the devices."""
        states = unstacked(jax.device_get(self.state))[:count]
        # From the host, in one transfer: to unstack them on the device is a program of its own for every R.
        mus = jax.device_put([state.particles for state in states])
        parts = {name: [part[name] for part in self.seen] for name in self.watched}
        series = {name: np.concatenate(part, axis=1) for name, part in parts.items() if part}
        out = []
        for r in range(count):
            which, columns = np.array(self.kept[r], int).reshape(-1, 2).T
            values = {name: series[name][r, columns] if len(columns) else np.zeros(0) for name in self.watched}
            evaluations = self.flows[r].evaluated(states[r])
            stats = {"steps": int(self.steps[r]), "evaluations": evaluations, "seconds": seconds}
            status, objective = str(self.ended[r]), self.objectives[r]
            out.append(Trajectory(self.stamps[r, which], values, mus[r], status, stats, objective, self.ended[r]))
        return out


Leg = tuple[int | None, np.ndarray]
"""(the observation that it leads to, or None where it ends before; steps of each replica)."""


@eqx.filter_jit
def _each(function: Callable, mesh: Mesh, common: Any, *own: Any):
    """`function(common, *own)` on each device for its own replicas, that is for its part of the arrays in `own`."""
    arrays, rest = eqx.partition(common, is_array)
    split, whole = PartitionSpec(mesh.axis_names[0]), PartitionSpec()
    # No device needs what another one has: without the check, constants in a flow need not be marked as such.
    run = jax.shard_map(
        lambda arrays, own: function(eqx.combine(arrays, rest), *own),
        mesh=mesh,
        in_specs=(whole, split),
        out_specs=split,
        check_vma=False,
    )
    return run(arrays, own)


def _first(common, own, first, everyone) -> tuple[State, dict]:
    rest, shared = common

    def one(own, first, _):
        (objective, flow, watched), (mu, key) = eqx.combine(own, rest), eqx.combine(first, shared)
        return begin(objective, flow, watched, mu, key, Placement(None))

    return _apart(eqx.combine(first, shared)[1])(one)(own, first, everyone)


def _next(common, own, state: State, start, counts, goal):
    """Legs of so many steps each (flows that choose their steps stop at their goal), and looks at the end of some."""
    rest, chooses, legs, looks = common

    def advance(own, state, most, goal):
        objective, flow, _ = eqx.combine(own, rest)

        def going(carry):
            return (carry[0] < most) & (carry[1].time < goal) if chooses else carry[0] < most

        # The length is an argument: one compilation serves every chunk, so that all lengths give the same bits.
        carry = jnp.zeros((), jnp.int32), flow.aim(state, goal)
        return jax.lax.while_loop(going, lambda carry: (carry[0] + 1, flow.step(objective, carry[1])), carry)

    def look(own, state, start):
        objective, _, watched = eqx.combine(own, rest)
        return observe(watched, objective, state.particles, start, Placement(None))

    def leg(j, carry):
        state, taken, bounded, seen = carry
        more, state = _apart(state.key)(advance)(own, state, counts[:, j], goal)

        def looked():
            values, well = jax.vmap(look)(own, state, start)
            return bounded & well, jax.tree.map(lambda rows, row: rows.at[:, j].set(row), seen, values)

        return state, taken + more, *jax.lax.cond(looks[j], looked, lambda: (bounded, seen))

    shapes, _ = jax.eval_shape(jax.vmap(look), own, state, start)
    seen = jax.tree.map(lambda leaf: jnp.zeros((leaf.shape[0], LEGS, *leaf.shape[1:]), leaf.dtype), shapes)
    carry = state, jnp.zeros_like(counts[:, 0]), jnp.ones_like(counts[:, 0], bool), seen
    state, taken, bounded, seen = jax.lax.fori_loop(0, legs, leg, carry)
    return state, taken, state.time, jax.vmap(finite)(state.particles), bounded, seen


def _apart(key) -> Callable:
    """Return the transformation that makes a function of one replica one of all, for replicas with such keys.

    Counter-based generators draw the same bits for many keys at once as for each. Those that rest on the device's own
    generator ("rbg") do not: their replicas are taken one after the other.
    """
    if key is None or _counter_based(key):
        return jax.vmap
    return lambda function: lambda *rows: jax.lax.map(lambda row: function(*row), rows)


def _counter_based(key) -> bool:
    if jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        return str(jax.random.key_impl(key)) == "threefry2x32"
    return key.shape[-1] == 2  # a plain array: two words for threefry, four for the others


def _risk(common, own, state: State):
    return jax.vmap(lambda own, mu: eqx.combine(own, common)[0].risk(mu))(own, state.particles)


def _clocks(flows: Sequence[Flow], grid: Grid, dtype) -> tuple[np.ndarray | None, np.ndarray]:
    """(step numbers, times) of the observations, [R, T]; no step numbers for flows that choose their steps."""
    different = {id(flow): flow for flow in flows}  # a shared flow is asked once
    clocks = {name: observed_at(flow, grid, dtype) for name, flow in different.items()}
    stops, stamps = zip(*(clocks[id(flow)] for flow in flows), strict=True)
    return None if stops[0] is None else np.stack(stops), np.stack(stamps)


def _placed(mesh: Mesh, own: Any, common: Any) -> tuple[Any, Any]:
    """A share of what differs and all of what is common on each device, where they stay from call to call."""
    split, whole = NamedSharding(mesh, PartitionSpec(mesh.axis_names[0])), NamedSharding(mesh, PartitionSpec())
    arrays, rest = eqx.partition(common, is_array)
    return jax.device_put(own, split), eqx.combine(jax.device_put(arrays, whole), rest)

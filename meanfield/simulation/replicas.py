"""Many simulations of one shape as one: a replica axis in every array, split over devices that never wait for another.

Seeds, α, steps and penalties are values of arrays, so that replicas which differ in them share a program. What is saved
is the time between programs, which for small networks is most of it: R replicas cost c m n R arithmetic in either way,
but the host sends one program where it sent R. On processors 64 replicas observed at 33 times are some 20 times faster
together for m n = 200, 15 times for 800 and 10 times for 3200 (200 steps); 3 times for 3200 if observed twice only.
Accelerators that a single network leaves idle save arithmetic time as well.
"""

import logging
import time as clock
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh

from meanfield.arguments import INT32, positive_count, positive_number
from meanfield.arguments.meant import instance, random_key, reporting
from meanfield.devices.sharding import mesh_of
from meanfield.flows.flow import Flow
from meanfield.integrals.dense import Dense
from meanfield.integrals.plan import MEMORY, plan
from meanfield.objectives.abstract import AbstractObjective
from meanfield.observables.abstract import AbstractObservable
from meanfield.observables.tangent_features import KernelAlignment, KernelDrift
from meanfield.particles import Particles
from meanfield.simulation.batch import Batch
from meanfield.simulation.progress import progress_on
from meanfield.simulation.simulate import Trajectory, named_observables
from meanfield.simulation.stacking import alike, differing, is_array
from meanfield.simulation.times import time_grid

logger = logging.getLogger("meanfield")

AXIS = "replicas"


def simulate_replicas(
    objectives,
    flows,
    mus,
    *,
    times,
    observables: Sequence | Mapping[str, Callable] | None = None,
    keys=None,
    progress=None,
    chunk: int | None = None,
    time_limit: float | None = None,
    memory: int = MEMORY,
    mesh: Mesh | None = None,
) -> list[Trajectory]:
    r"""`simulate` for R replicas at once: one program, one compilation, one loop on each device.

    **Arguments:**

    - `objectives`, `flows`, `mus`, `keys`: one for all replicas, or a list of R; at least one is a list. Those of one
      list may differ in the values of arrays (α, targets, penalty strength, step, tolerance, particles), and in nothing
      else. Arrays that are the same for all replicas, such as x, are kept once.
    - `times`, `progress`, `chunk`, `time_limit`: as in `simulate`, for all replicas alike; with flows of fixed steps
      each replica is observed at the nearest of its own steps. A reporter is told of the replica that is furthest
      behind.
    - `observables`: as in `simulate`, for all replicas; or a list of R such lists or mappings, which may differ in the
      values of arrays, such as each replica's own test samples.
    - `memory`: bytes that the replicas on one device may take, by an estimate from above. More replicas than fit run
      in several batches, one after the other; so do those that need programs of their own (sorted, with other x).
    - `mesh`: the devices, as a mesh of one axis; all local ones of the particles' platform by default. The replica axis
      is split over them, filled up with copies that are dropped.

    **Returns:** a `Trajectory` each, as from `simulate(objectives[r], flows[r], mus[r], key=keys[r], …)`. A replica
    that diverges ends alone, with its own status. The seconds in `stats` are those of the whole call.

    Sums may be taken in another order than alone: after K velocities of a flow that contracts, parameters differ by at
    most 4 K units of rounding of their size. They are the same to the bit for all chunks, and on processors mostly also
    the same as alone, but for matrix products that are batched (piecewise-linear units in `Dense`).

    One compilation serves all values, times and chunks; another R, or another choice of what differs, compiles again.
    Where a branch depends on values, a batch computes both: a `StabilisedFlow` runs its power method at every step.

    Raises `ValueError` for what `simulate` raises it for, and for replicas that differ in more than values.

    >>> import jax, jax.numpy as jnp, meanfield as mf
    >>> unit = mf.Neuron("tanh")
    >>> objectives = [mf.Objective(unit, mf.Square(), jnp.eye(2), jnp.ones(2), scale=alpha) for alpha in (1.0, 10.0)]
    >>> mus = [mf.Particles.gaussian(jax.random.key(seed), unit, m=20, d=2) for seed in (0, 1)]
    >>> runs = mf.simulate_replicas(objectives, mf.GradientFlow(0.1), mus, times=[0, 5.0])
    >>> [run.status for run in runs]
    ['done', 'done']
    """
    grid = time_grid(times)
    reporting(progress)
    if chunk is not None:
        chunk = positive_count("chunk", chunk, most=INT32)
    if time_limit is not None:
        time_limit = positive_number("time_limit", time_limit, zero=True)
    memory = positive_count("memory", memory)
    began = clock.monotonic()
    objectives, flows, mus, keys = _listed(objectives, flows, mus, keys)
    watched = _watched(observables, len(mus))
    mesh = _mesh(mesh, mus)
    prepared = _prepared(objectives, flows, mus)
    most = max(1, memory // _bytes(prepared[0], mus[0], watched[0])) * mesh.size
    reporter, deadline = progress_on(progress), None if time_limit is None else began + time_limit
    models, starts = list(zip(prepared, flows, watched, strict=True)), list(zip(mus, keys, strict=True))
    runs: dict[int, Trajectory] = {}
    interrupted = False
    try:
        for rows, size, differ in _shares(models, starts, most, mesh.size):
            filled = rows + [rows[-1]] * (size - len(rows))
            seen, *several = [[of[r] for r in filled] for of in (watched, prepared, flows, mus, keys)]
            batch = Batch(mesh, seen, grid, differ, *several)
            batch.running[len(rows) :] = False
            if interrupted:
                batch.interrupt()
            else:
                interrupted = batch.run(reporter, chunk, deadline)
            runs |= zip(rows, batch.trajectories(len(rows), clock.monotonic() - began), strict=True)
    finally:
        reporter.close()
    failed = [r for r in range(len(mus)) if not runs[r].done]
    if failed:
        logger.warning("%d of %d replicas: replica %d %s", len(failed), len(mus), failed[0], runs[failed[0]].status)
    return [runs[r] for r in range(len(mus))]


def _listed(objectives, flows, mus, keys) -> tuple[list, list, list, list]:
    """The four arguments as lists of equal length, each checked to hold replicas of one kind."""
    given = {"objectives": objectives, "flows": flows, "mus": mus, "keys": keys}
    lists = {name: _items(value) for name, value in given.items() if _several(name, value)}
    if not lists:
        raise ValueError("objectives, flows, mus and keys are one each: expected a list of replicas for at least one.")
    count = len(next(iter(lists.values())))
    for name, value in lists.items():
        if len(value) != count or count == 0:
            raise ValueError(
                f"{name} has length {len(value)}: expected {count or 'at least one replica'}"
                f"{f', as {next(iter(lists))}' if count else ''}."
            )
    kinds = {"objectives": AbstractObjective, "flows": Flow, "mus": Particles}
    for name, value in given.items():
        several = lists.setdefault(name, [value] * count)
        for r in range(count):
            if name in kinds:
                instance(f"{name}[{r}]", several[r], kinds[name])
            elif several[r] is not None:
                random_key(f"{name}[{r}]", several[r])
        alike(name, several)
    return lists["objectives"], lists["flows"], lists["mus"], lists["keys"]


def _watched(observables, count: int) -> list[dict[str, AbstractObservable]]:
    """The observables of every replica, by name; what one list gives them all is one object."""
    own = isinstance(observables, list | tuple) and observables
    if not own or not all(isinstance(one, list | tuple | Mapping) for one in observables):
        return [named_observables(observables)] * count
    if len(observables) != count:
        raise ValueError(f"observables has length {len(observables)}: expected {count}, one list a replica.")
    watched = [named_observables(one) for one in observables]
    alike("observables", watched)
    return watched


def _items(value) -> list:
    """Return the items of `value`; those of an array of typed keys without a program of its own for each."""
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        kind = jax.random.key_impl(value)
        return [jax.random.wrap_key_data(row, impl=kind) for row in np.asarray(jax.random.key_data(value))]
    return list(value)


def _several(name: str, value) -> bool:
    """A list; or an array of keys with a row a replica, such as `jax.random.split` returns."""
    if name == "keys" and isinstance(value, jax.Array | np.ndarray):
        return value.ndim == (1 if jnp.issubdtype(value.dtype, jax.dtypes.prng_key) else 2)
    return isinstance(value, list | tuple)


def _mesh(mesh: Mesh | None, mus: Sequence[Particles]) -> Mesh:
    shared = [r for r, mu in enumerate(mus) if mesh_of(mu) is not None]
    if shared:
        raise ValueError(f"mus[{shared[0]}] is shared out over devices: expected particles that fit one device.")
    if mesh is None:
        platform = next(iter(mus[0].position.devices())).platform
        devices = jax.local_devices(backend=platform)[: len(mus)]
        return Mesh(np.asarray(devices), (AXIS,), axis_types=(AxisType.Auto,))
    if len(mesh.axis_names) != 1 or any(device.process_index != jax.process_index() for device in mesh.devices.flat):
        raise ValueError(f"mesh={mesh}: expected one axis, and devices of this process.")
    return mesh


def _prepared(objectives: list, flows: list, mus: list) -> list[AbstractObjective]:
    """`flow.prepare(objective, mu)` of every replica.

    Often nothing is computed there (no reference, no order of samples) and the objective is put together from parts of
    the arguments. The same parts then make those of the other replicas of each flow, in a tenth of the time.
    """
    prepared, known = [], {}
    for objective, flow, mu in zip(objectives, flows, mus, strict=True):
        if (parts := known.get(id(flow))) is not None:
            given = jax.tree.leaves((objective, mu))
            prepared.append(jax.tree.unflatten(parts[0], [given[place] for place in parts[1]]))
            continue
        prepared.append(flow.prepare(objective, mu))
        if id(flow) not in known:
            known[id(flow)] = _parts(prepared[-1], (objective, mu))
    return prepared


def _parts(prepared: AbstractObjective, arguments: tuple) -> tuple[Any, list[int]] | None:
    """Return the structure of what was prepared, and which leaf of the arguments each of its own is; None if one is
    none of them.
    """
    given, (leaves, structure) = jax.tree.leaves(arguments), jax.tree.flatten(prepared)
    places = [[i for i, part in enumerate(given) if part is leaf] for leaf in leaves]
    # An array that was given twice may be another two for the next replica: then it is not known which one this is.
    sure = all(len(at) == 1 or (at and not is_array(given[at[0]])) for at in places)
    return (structure, [at[0] for at in places]) if sure else None


def _shares(models: list, starts: list, most: int, devices: int) -> list[tuple[list[int], int, tuple]]:
    """(replicas, the number to fill them up to, which leaves differ) of every batch, so that one program serves all.

    Replicas that were prepared for programs of their own stay apart.
    """
    kinds: dict[Any, list[int]] = {}
    for r, model in enumerate(models):
        kinds.setdefault(jax.tree.structure(model), []).append(r)
    shares = []
    for rows in kinds.values():
        differ = tuple(differing([trees[r] for r in rows]) for trees in (models, starts))
        size = -(-len(rows) // -(-len(rows) // most))
        size = -(-size // devices) * devices
        shares += [(rows[i : i + size], size, differ) for i in range(0, len(rows), size)]
    return shares


def _bytes(objective: AbstractObjective, mu: Particles, watched: Mapping[str, Any]) -> int:
    """Return the most bytes of a replica: four arrays of its kernel's size, stages and positions, tangent kernels."""
    n, size = objective.x.shape[0], mu.dtype.itemsize
    inner: Any = objective
    while hasattr(inner, "network"):
        inner = inner.network
    dense = isinstance(getattr(inner, "kernel", None), Dense)
    kernel = mu.m * n * size if dense else plan(objective, mu.m).bytes
    grams = sum(2 * n * n * size for watch in watched.values() if isinstance(watch, KernelDrift | KernelAlignment))
    return 4 * kernel + 32 * mu.position.size * size + grams

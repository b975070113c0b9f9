r"""One simulation on several devices: particles are shared out, everything of the samples is on every device.

Each device computes the predictions of its own particles, one sum over devices (`psum`) of the n predictions makes them
those of μ, and all else of a step is about one particle at a time. With D devices a step takes about

    t(D) = c m n / D + c' n + L(D) + 2 (D − 1)/D · n k s / B,

c m n being the time for all pairs on one device, c' n what every device does with samples alone (residuals; the prefix
sums of `Sorted`), L(D) the latency of a sum over devices, and n k s bytes (k outputs of s bytes each) sent around a
ring of bandwidth B. Half of every device is used at D = c m n / (c' n + L + 2 n k s / B): more particles move that
limit; samples do only as long as L is the largest of the three.

Several processes: each one calls `jax.distributed.initialize`, makes the same objects and calls the same functions in
the same order. Process 0 reports progress, and decides by its clock how long chunks are and when the time is up. Ctrl-C
is not caught, because the others would wait for ever for the one that stopped: it ends the job. With a checkpoint it
stops all of them, and so does SIGTERM: between chunks they tell each other whether one has heard a signal.
"""

from collections.abc import Callable, Sequence

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from meanfield.arguments import said
from meanfield.arguments.meant import function, instance
from meanfield.particles import Particles

AXIS = "particles"
"""Name of the one axis of a mesh over which particles are shared out."""


def shard(mu: Particles | Callable[[], Particles], devices: Sequence | None = None) -> Particles:
    r"""Return the particles, an equal share on each device; a simulation that starts from them runs on all of these.

    **Arguments:**

    - `mu`: particles; or a function of no arguments that draws them, of which each device then draws its own share, so
      that no device ever holds all (the same particles, up to rounding).
    - `devices`: all devices of all processes if not given. Devices of several processes must be of all of them.

    Predictions agree with those of one device up to the rounding of sums of m terms, for a neuron with |σ(z)| ≤ |z|

        |f_D − f_1| ≤ (γ_m + γ_{m/D + D} + 2γ_{d+8}) α Σ_j p_j |a_j| (|w_j|·|x| + |b_j|),  γ_l = lu / (1 − lu),

    u being half the type's epsilon; differences between trajectories start from there and grow as the flow's do.

    Raises `ValueError` for a number of particles that is not a multiple of the number of devices, and for devices of
    several processes but not of all. (Filling up with copies of mass zero would change step-size control, which weighs
    all particles alike.)

    >>> import functools, jax, meanfield as mf
    >>> draw = functools.partial(mf.Particles.gaussian, jax.random.key(0), mf.Neuron("relu"), m=80, d=3)
    >>> mu = mf.shard(draw, jax.devices()[:1])  # mf.shard(draw) for all
    >>> mu.position.shape, len(mu.position.sharding.device_set)
    ((80, 4), 1)
    """
    chosen = jax.devices() if devices is None else devices
    several = isinstance(chosen, Sequence | np.ndarray)
    if not several or not len(chosen) or not all(isinstance(device, jax.Device) for device in chosen):
        raise ValueError(f"{said('devices', devices)}: expected a list of devices, at least one.")
    chosen = list(chosen)
    mesh = Mesh(np.asarray(chosen), (AXIS,), axis_types=(AxisType.Auto,))
    processes = {device.process_index for device in mesh.devices.flat}
    if 1 < len(processes) < jax.process_count():
        raise ValueError(
            f"devices belong to processes {sorted(processes)}: expected devices of one process, or of all "
            f"{jax.process_count()}."
        )
    drawn = function("mu", mu, 0, "particles, or a function that draws them") if callable(mu) else None
    instance("mu", mu if drawn is None else jax.eval_shape(drawn), Particles)
    m = mu.m if drawn is None else jax.eval_shape(drawn).m  # type: ignore[union-attr]
    if m % mesh.size:
        raise ValueError(
            f"m={m}: expected a multiple of {mesh.size}, the number of devices, such as "
            f"{-(-m // mesh.size) * mesh.size}."
        )
    sharding = NamedSharding(mesh, PartitionSpec(AXIS))
    if drawn is not None:
        return jax.jit(drawn, out_shardings=sharding)()
    return jax.tree.map(lambda leaf: _share(leaf, sharding), mu)


def mesh_of(mu: Particles) -> Mesh | None:
    """The mesh over which `shard` has put these particles; None for one device, and for what is being traced."""
    sharding = getattr(mu.position, "sharding", None)
    if not isinstance(sharding, NamedSharding) or not isinstance(sharding.mesh, Mesh):
        return None
    return sharding.mesh if sharding.mesh.axis_names == (AXIS,) and sharding.mesh.size > 1 else None


def _share(leaf: jax.Array, sharding: NamedSharding) -> jax.Array:
    if sharding.is_fully_addressable or not leaf.is_fully_addressable:
        return jax.device_put(leaf, sharding)
    whole = np.asarray(leaf)  # every process has drawn all, and gives its devices their shares
    return jax.make_array_from_callback(whole.shape, sharding, lambda index: whole[index])

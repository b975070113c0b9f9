"""Where a simulation is: on one device, on several, or on those of several processes that take the same steps."""

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from meanfield.devices.sharding import AXIS, mesh_of
from meanfield.particles import Particles


@dataclass(frozen=True)
class Placement:
    """The mesh over which particles are shared out, or None for one device, with all that a loop asks of it.

    A loop says what each array is (the same everywhere, a row a particle, read by the host), and what depends on a
    clock or a signal; on one device all of these are the identity.
    """

    mesh: Mesh | None

    @staticmethod
    def of(mu: Particles) -> "Placement":
        """Return where `shard` has put these particles."""
        return Placement(mesh_of(mu))

    @property
    def shape(self) -> tuple[int, ...] | int:
        """How many devices there are, along each axis of the mesh."""
        return self.mesh.devices.shape if self.mesh else 1

    @property
    def several(self) -> bool:
        """Return True if particles are shared out among several processes."""
        return self.mesh is not None and len({device.process_index for device in self.mesh.devices.flat}) > 1

    @property
    def speaks(self) -> bool:
        """Return True if it is this process that reports and writes files."""
        return jax.process_index() == 0 or not self.several

    def replicated(self, tree: Any) -> Any:
        """Return `tree` with its arrays on every device; what is there already is left as it is.

        Else they would be sent again at each call. Where processes hold different values, JAX raises an
        `AssertionError`.
        """
        if self.mesh is None:
            return tree
        everywhere, there = NamedSharding(self.mesh, PartitionSpec()), set(self.mesh.devices.flat)

        def put(leaf):
            if leaf.sharding.device_set == there:
                return leaf
            if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):  # JAX does not send keys to other processes
                return jax.random.wrap_key_data(put(jax.random.key_data(leaf)), impl=jax.random.key_impl(leaf))
            return jax.device_put(leaf, everywhere)

        arrays, rest = eqx.partition(tree, lambda leaf: isinstance(leaf, jax.Array))
        return eqx.combine(jax.tree.map(put, arrays), rest)

    def gathered(self, tree: Any) -> Any:
        """Return traced arrays held whole by every device, so that every process can read them."""
        if self.mesh is None:
            return tree
        return jax.lax.with_sharding_constraint(tree, NamedSharding(self.mesh, PartitionSpec()))

    def shared_out(self, tree: Any, m: int) -> Any:
        """Return traced arrays, those with a row a particle shared out as the particles are.

        What starts as zeros (an optimiser's moments) follows from nothing that is shared out; the compiler would put
        all of it on every device.
        """
        if self.mesh is None:
            return tree
        shares = NamedSharding(self.mesh, PartitionSpec(AXIS))

        def put(leaf):
            rows = eqx.is_array(leaf) and leaf.ndim > 0 and leaf.shape[0] == m
            return jax.lax.with_sharding_constraint(leaf, shares) if rows else leaf

        return jax.tree.map(put, tree)

    def common(self, decision: bool) -> bool:
        """Return the decision as process 0 takes it, where particles span processes; else itself.

        What depends on a clock differs between processes. If it chose the next program, they would wait for each other
        for ever.
        """
        if not self.several:
            return decision
        from jax.experimental import multihost_utils

        return bool(multihost_utils.broadcast_one_to_all(np.int32(decision)))

    def every(self, value: np.ndarray) -> np.ndarray:
        """Return the values that the processes hold [processes, …], where particles span them; else its own alone."""
        if not self.several:
            return np.asarray(value)[None]
        from jax.experimental import multihost_utils

        return np.asarray(multihost_utils.process_allgather(value))

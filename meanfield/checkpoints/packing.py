"""The state of a simulation, and what was observed on the way to it, as the dictionary of arrays that orbax keeps."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from meanfield.flows.state import State


def packed(state: State, columns: list[np.ndarray]) -> dict[str, dict]:
    """The arrays in `state` and in `columns`, one an observable, with names that suit any file system.

    Orbax refuses arrays of no entries, in which there is nothing to keep: they are left out.
    """
    leaves = jax.tree.leaves(eqx.filter(state, _stored))
    return {
        "state": {_name(i): _raw(leaf) for i, leaf in enumerate(leaves)},
        "seen": {_name(i): column for i, column in enumerate(columns) if column.size},
    }


def unpacked(found: dict[str, dict], state: State, columns: list[np.ndarray]) -> tuple[State, list[np.ndarray]]:
    """Return the state and columns that were `packed`; structure, kinds of keys and what was left out are as given."""
    arrays, rest = eqx.partition(state, _stored)
    leaves, structure = jax.tree.flatten(arrays)
    leaves = [_like(leaf, found["state"][_name(i)]) for i, leaf in enumerate(leaves)]
    columns = [found["seen"][_name(i)] if column.size else column for i, column in enumerate(columns)]
    return eqx.combine(jax.tree.unflatten(structure, leaves), rest), columns


def _stored(leaf) -> bool:
    return eqx.is_array(leaf) and leaf.size > 0


def _raw(leaf: jax.Array) -> jax.Array:
    return jax.random.key_data(leaf) if _is_key(leaf) else leaf


def _like(leaf: jax.Array, raw: jax.Array) -> jax.Array:
    return jax.random.wrap_key_data(raw, impl=jax.random.key_impl(leaf)) if _is_key(leaf) else raw


def _is_key(leaf: jax.Array) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _name(i: int) -> str:
    return f"{i:04d}"

"""Trees of equal structure as one tree with an axis for the replicas, which only what differs is given."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np


def differing(trees: Sequence[Any]) -> list[bool]:
    """Which leaves are not the same, to the bit, in all trees."""
    columns = zip(*map(jax.tree.leaves, trees), strict=True)
    return [not all(_same(column[0], leaf) for leaf in column[1:]) for column in columns]


def stacked(trees: Sequence[Any], differ: Sequence[bool]) -> tuple[Any, Any]:
    """(own, common): the leaves that differ, stacked along a new first axis, and those that are the same for all.

    Each of the two holds None where the other one holds the leaf; `eqx.combine` puts them together again.

    >>> import numpy as np
    >>> trees = [{"scale": np.ones(()), "x": np.ones(3)}, {"scale": np.zeros(()), "x": np.ones(3)}]
    >>> own, common = stacked(trees, differing(trees))
    >>> own["scale"].tolist(), own["x"], common["x"].tolist()
    ([1.0, 0.0], None, [1.0, 1.0, 1.0])
    """
    structure = jax.tree.structure(trees[0])
    columns = list(zip(*map(jax.tree.leaves, trees), strict=True))
    own = [_stack(column) if split else None for column, split in zip(columns, differ, strict=True)]
    common = [None if split else column[0] for column, split in zip(columns, differ, strict=True)]
    return jax.tree.unflatten(structure, own), jax.tree.unflatten(structure, common)


def unstacked(tree: Any) -> list[Any]:
    """The trees that lie along the first axis of every leaf of `tree`, an array on the host."""
    leaves, structure = jax.tree.flatten(tree)
    return [jax.tree.unflatten(structure, row) for row in zip(*map(_rows, leaves), strict=True)]


def _rows(leaf) -> Any:
    """Return what lies along the first axis; of keys without a program, which each number of them would compile."""
    if not _is_key(leaf):
        return leaf
    kind = jax.random.key_impl(leaf)
    return [jax.random.wrap_key_data(row, impl=kind) for row in np.asarray(jax.random.key_data(leaf))]


def alike(name: str, trees: Sequence[Any]) -> None:
    """Raises `ValueError` unless all trees differ in the values of arrays alone."""
    structure, leaves = jax.tree.structure(trees[0]), jax.tree.leaves(trees[0])
    for r, tree in enumerate(trees):
        if tree is trees[0]:
            continue
        if jax.tree.structure(tree) != structure or not all(map(_fits, leaves, jax.tree.leaves(tree))):
            difference = _difference(trees[0], tree, f"{name}[{r}]") or f"{name}[{r}] has another structure: expected"
            raise ValueError(f"{difference} as in {name}[0]; replicas differ in the values of arrays only.")


def is_array(leaf) -> bool:
    """An array, in JAX or NumPy: what a program takes as an argument. All else is part of the program."""
    return isinstance(leaf, jax.Array | np.ndarray | np.generic)


def _fits(first, leaf) -> bool:
    if is_array(first) and is_array(leaf):
        return first.shape == leaf.shape and first.dtype == leaf.dtype
    return _same(first, leaf)


def _same(first, leaf) -> bool:
    if first is leaf:
        return True
    if is_array(first) and is_array(leaf):
        a, b = _bits(first), _bits(leaf)
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    return type(first) is type(leaf) and bool(first == leaf)


def _stack(column: Sequence[Any]):
    """On the host for numbers: R arrays in one transfer, where `jnp.stack` would start R programs."""
    return jnp.stack(column) if _is_key(column[0]) else np.stack([np.asarray(leaf) for leaf in column])


def _bits(array) -> np.ndarray:
    return np.asarray(jax.random.key_data(array) if _is_key(array) else array)


def _is_key(array) -> bool:
    return jnp.issubdtype(array.dtype, jax.dtypes.prng_key)


def _difference(first, other, at: str) -> str | None:
    """Where `other` first differs from `first` by more than the values of an array, and what was expected there."""
    if is_array(first) and is_array(other):
        a, b = f"{first.dtype}{list(first.shape)}", f"{other.dtype}{list(other.shape)}"
        return None if a == b else f"{at} is {b}: expected {a},"
    if type(first) is not type(other):
        return f"{at} is {_named(other)}: expected {_named(first)},"
    if isinstance(first, eqx.Module):
        names = [field.name for field in dataclasses.fields(first)]  # type: ignore[arg-type]
        pairs = ((getattr(first, name), getattr(other, name), f"{at}.{name}") for name in names)
    elif isinstance(first, list | tuple):
        if len(first) != len(other):
            return f"{at} has length {len(other)}: expected {len(first)},"
        pairs = ((a, b, f"{at}[{i}]") for i, (a, b) in enumerate(zip(first, other, strict=True)))
    elif isinstance(first, dict) and first.keys() == other.keys():
        pairs = ((first[name], other[name], f"{at}[{name!r}]") for name in first)
    else:
        return None if _same(first, other) else f"{at} is {other!r}: expected {first!r},"
    return next((found for pair in pairs if (found := _difference(*pair)) is not None), None)


def _named(value) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"

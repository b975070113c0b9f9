"""Two-layer networks in the dictionaries of PyTorch, Flax, Equinox and Keras: which array is which.

Frameworks differ in names (`weight`, `kernel`), in what is inside what, and in whether a matrix maps rows or columns.
PyTorch and Equinox keep [outputs, inputs], Flax and Keras [inputs, outputs]. Arrays are told apart by name where names
say it, and by their shapes and order where not: two matrices that fit, each followed by its bias.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from meanfield.arguments.conversion import real_numbers
from meanfield.networks.layers import Layers, layers

TURNED = ("kernel",)
"""Names of matrices that are kept as [inputs, outputs]."""

OWN = ("W", "b", "a", "c")


def from_state(state: Any, name: str = "state") -> Layers:
    """Return the arrays of a dictionary, nested or not, of a list as Keras' `get_weights()`, or of a module.

    Raises `ValueError` for what holds no two matrices that fit to each other, with the names and shapes that it holds;
    `name` is what the sentence calls it.
    """
    try:
        return _layers(state)
    except ValueError as problem:
        raise ValueError(f"{name}: {problem}") from None


def _layers(state: Any) -> Layers:
    if isinstance(state, Mapping) and "W" in state and set(state) <= set(OWN):
        return layers(**state)
    listed = isinstance(state, Sequence) and not isinstance(state, str)
    named = [(str(i), value) for i, value in enumerate(state)] if listed else list(_flat(state))
    arrays = [(name, real_numbers(name or "it", _plain(value), "real numbers")) for name, value in named]
    arrays = [
        (name, value.reshape(1) if value.ndim == 0 else value) for name, value in arrays
    ]  # the bias of one output
    matrices = [(name, value) for name, value in arrays if value.ndim == 2]
    held = ", ".join(f"{name} {list(value.shape)}" for name, value in arrays) or "nothing"
    if len(matrices) != 2 or any(value.ndim not in (1, 2) for _, value in arrays):
        raise ValueError(f"it holds {held}; expected those of two dense layers, that is two matrices.")
    # Flax and Keras keep [inputs, outputs] and say "kernel"; Keras' plain lists are told by their shapes.
    turned = listed or any(_last(name) in TURNED for name, _ in matrices)
    (first_name, first), (second_name, second) = _ordered(matrices, turned)
    if turned:
        first, second = first.T, second.T
    if second.shape[1] != first.shape[0]:
        alike = first.shape[0] == second.shape[0] or first.shape[1] == second.shape[1]
        told = ", and one of these seems to be transposed" if alike else ""
        raise ValueError(
            f"it holds {held}; expected two matrices of which one maps onto the neurons of the other{told}."
        )
    vectors = {name: value for name, value in arrays if value.ndim == 1}
    b = _bias(first_name, vectors, first.shape[0], listed, arrays)
    c = _bias(second_name, vectors, second.shape[0], listed, arrays)
    if (b is not None) + (c is not None) != len(vectors):
        raise ValueError(
            f"it holds {held}; expected no vectors besides one bias a layer, as long as its matrix has outputs."
        )
    return layers(first, b, second, c)


def _flat(state: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Names, with dots, and arrays; of an object with fields, such as an Equinox module, its fields."""
    if isinstance(state, Mapping):
        for name, value in state.items():
            yield from _flat(value, f"{before}.{name}" if before else str(name))
    elif isinstance(state, list | tuple):
        for i, value in enumerate(state):
            yield from _flat(value, f"{before}.{i}" if before else str(i))
    elif hasattr(state, "shape") and hasattr(state, "dtype"):
        yield before, state
    elif callable(getattr(state, "state_dict", None)):
        yield from _flat(state.state_dict(), before)
    elif hasattr(state, "__dataclass_fields__"):
        for name in state.__dataclass_fields__:
            yield from _flat(getattr(state, name), f"{before}.{name}" if before else name)


def _plain(value: Any) -> Any:
    """The array of a tensor that still belongs to a graph, or lies on another device."""
    for step in ("detach", "cpu", "numpy"):
        value = getattr(value, step)() if callable(getattr(value, step, None)) else value
    return value


def _last(name: str) -> str:
    return name.replace("/", ".").rpartition(".")[2]


def _ordered(matrices: list, turned: bool) -> list:
    """The matrix onto the neurons, then that of the outputs: the one of which the other's shape follows.

    Where both orders fit, the numbers in the names decide (`fc1`, `Dense_0`), or else the order in which they came.
    """

    def fits(first, second):
        return first.shape[1] == second.shape[0] if turned else first.shape[0] == second.shape[1]

    one, two = matrices
    if fits(one[1], two[1]) != fits(two[1], one[1]):
        return [one, two] if fits(one[1], two[1]) else [two, one]
    return sorted(matrices, key=lambda pair: [int(number) for number in re.findall(r"\d+", pair[0])])


def _bias(matrix: str, vectors: dict, size: int, listed: bool, arrays: list) -> np.ndarray | jax.Array | None:
    """The vector beside a matrix: of the same layer by name, or the one that follows it in a list."""
    if listed:
        at = int(matrix) + 1
        return arrays[at][1] if at < len(arrays) and arrays[at][1].ndim == 1 else None
    layer = matrix.replace("/", ".").rpartition(".")[0]
    beside = [value for name, value in vectors.items() if name.replace("/", ".").rpartition(".")[0] == layer]
    if not layer:  # such as fc1_weight, fc1_bias
        stem = re.split(r"[._]?(?:weight|kernel)s?$", matrix)[0]
        beside = [value for name, value in vectors.items() if name.startswith(stem)]
    return beside[0] if len(beside) == 1 and beside[0].shape == (size,) else None

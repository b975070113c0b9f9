"""Numbers, arrays and names that enter: one clear sentence for a bad one, with its name, its value, what is allowed.

Numbers are checked as they are then computed with, after conversion (`meanfield.arguments.conversion`).
"""

import difflib
import operator
from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from meanfield.arguments.conversion import converted, real_numbers
from meanfield.arguments.conversion import host as host
from meanfield.arguments.conversion import said as said

INT32 = 2**31 - 1
"""The largest count of a loop: JAX counts in 32 bits unless told otherwise."""

ADDRESSABLE = 2**47
"""Bytes that processors address: no array is larger, on any machine."""


def floating_array(name: str, value, *shapes: str, dtype=None) -> jax.Array:
    """`value` as a floating-point array with the number of axes that one of `shapes` (such as "n d") names.

    Without a `dtype` floats keep their type; whole numbers become JAX's default float, and half precision becomes
    float32, in which clocks tick and sums over many particles mean something. Raises `ValueError` for what is not
    finite real numbers in that type (`real_numbers`, `converted`), a wrong number of axes, or an axis of length zero.
    """
    named = " or ".join(f"[{', '.join(shape.split())}]" for shape in shapes)
    value = real_numbers(name, value, f"real numbers {named}")
    if value.ndim not in [len(shape.split()) for shape in shapes] or 0 in value.shape:
        raise ValueError(f"{name} has shape {value.shape}: expected {named}, no axis empty.")
    if dtype is None:
        floating = jnp.issubdtype(value.dtype, jnp.floating)
        dtype = np.promote_types(value.dtype, np.float32) if floating else jnp.result_type(float)
        dtype = min(np.dtype(dtype), np.dtype(np.float64), key=lambda kind: kind.itemsize)
    return converted(name, value, jax.dtypes.canonicalize_dtype(dtype))


def nonnegative_array(name: str, value, *shapes: str, dtype=None) -> jax.Array:
    """Return `value` as `floating_array` does; raise `ValueError` for known numbers below 0, too."""
    array = floating_array(name, value, *shapes, dtype=dtype)
    known = host(array)
    if known is not None and known.min() < 0:
        raise ValueError(f"{name} holds {known.min():g}: expected numbers of at least 0.")
    return array


def positive_count(name: str, value, *, most: int = 2**63 - 1) -> int:
    """`value` as an int from one to `most`; raises `ValueError` otherwise."""
    try:
        count = None if isinstance(value, bool | np.bool_) else operator.index(value)
    except (TypeError, jax.errors.ConcretizationTypeError):
        count = None
    if count is None or count < 1:
        raise ValueError(f"{said(name, value)}: expected a whole number of at least 1.")
    if count > most:
        raise ValueError(f"{said(name, value)}: expected a whole number from 1 to {most}.")
    return count


def array_of(name: str, count: int, row: int, dtype) -> tuple[int, int]:
    """The shape (count, row) of an array to be made; raises `ValueError` where no machine can hold it."""
    size = count * row * np.dtype(dtype).itemsize
    if size > ADDRESSABLE:
        raise ValueError(f"{name}={count}: expected less, since the array would take {size:.3g} bytes.")
    return count, row


def flag(name: str, value) -> bool:
    """`value` as True or False; raises `ValueError` for what only Python's rules of truth make one of the two."""
    if isinstance(value, bool | np.bool_) or (isinstance(value, int | np.integer) and value in (0, 1)):
        return bool(value)
    raise ValueError(f"{said(name, value)}: expected True or False.")


def positive_number(name: str, value, *, zero: bool = False):
    """One finite number above zero (or at zero, if `zero`), as Python's; a JAX array, traced or not, as it is."""
    allowed = "at least 0" if zero else "above 0"
    array = _one(name, value, allowed)
    number = host(array)
    if number is None:
        return value
    if not np.isfinite(number) or number < 0 or (number == 0 and not zero):
        raise ValueError(f"{name}={number.item()!r}: expected a finite number {allowed}.")
    return value if isinstance(value, jax.Array) else number.item()


def positive_scalar(name: str, value, dtype: Any = float, *, zero: bool = False) -> jax.Array:
    """Return `value`, checked as by `positive_number`, as a JAX scalar of the type it is used in.

    Raises `ValueError` for what that type turns into infinity, or into 0 where it is not 0, too. Numbers below the
    smallest normal one count as 0: compilers take them for it.
    """
    dtype = np.dtype(jax.dtypes.canonicalize_dtype(dtype))
    value = positive_number(name, value, zero=zero)
    number = host(value)
    if number is not None:
        held_by(name, number, dtype)
    return jnp.asarray(value, dtype) if isinstance(value, jax.Array) else jax.device_put(np.asarray(value, dtype))


def held_by(name: str, number: np.ndarray, dtype) -> None:
    """Raise `ValueError` for a number that a floating type turns into infinity, or into 0 where it is not."""
    limits = jnp.finfo(dtype)
    size = abs(float(number))
    if size > float(limits.max) or 0 < size < float(limits.tiny):
        kind = "infinite" if size > 1 else "0"
        raise ValueError(f"{name}={number.item()!r}: {kind} in {np.dtype(dtype)}, expected a number that it holds.")


def held_flow(flow: Any, dtype) -> None:
    """Raise `ValueError` for a number of a flow (a step, a tolerance) that the particles' type does not hold."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(flow):
        known = host(leaf) if isinstance(leaf, jax.Array) and leaf.dtype != dtype and leaf.ndim == 0 else None
        if known is not None and jnp.issubdtype(known.dtype, jnp.floating):
            name = jax.tree_util.keystr(path).rpartition(".")[2]
            held_by("step" if name in ("length", "size") else name, known, dtype)


def _one(name: str, value, allowed: str) -> np.ndarray | jax.Array:
    """`value` as an array of no axes, a real number and no truth value."""
    refusal = ValueError(f"{said(name, value)}: expected one number {allowed}.")
    try:
        array = real_numbers(name, value, f"one number {allowed}")
    except ValueError:
        raise refusal from None
    if array.shape != () or array.dtype.kind == "b":
        raise refusal
    if isinstance(array, np.ndarray) and array.dtype.kind not in "iu":
        with np.errstate(all="ignore"):  # a long double may be out of range, and is then refused as infinite
            return array.astype(np.float64)
    return array


def finite_numbers(name: str, value) -> np.ndarray:
    """`value` as float64 on the host, of any shape; raises `ValueError` for what is no finite real number there."""
    known = host(real_numbers(name, value, "real numbers"))
    if known is None:
        raise ValueError(f"{name} is traced or lies elsewhere: expected numbers on the host, outside of jit.")
    with np.errstate(all="ignore"):
        known = known.astype(np.float64)
    if not np.all(np.isfinite(known)):
        raise ValueError(
            f"{name} holds {np.sum(~np.isfinite(known))} non-finite value(s): expected finite numbers only."
        )
    return known


def real_number(name: str, value) -> float:
    """`value` as a finite Python number of either sign."""
    number = host(_one(name, value, "of any sign"))
    if number is None or not np.isfinite(number):
        raise ValueError(f"{said(name, value)}: expected one finite number.")
    return float(number)


def one_of(name: str, value, allowed: Iterable[Any]):
    """`value` itself, when it is among `allowed`; the error suggests the nearest name."""
    names = list(allowed)
    if any(type(value) is type(known) and value == known for known in names):
        return value
    near = difflib.get_close_matches(str(value), [str(known) for known in names], n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"{said(name, value)}: expected one of {', '.join(map(str, names))}.{hint}")


def float_type(dtype):
    """The floating type asked for, JAX's default for None.

    Raises `ValueError` for float64 where JAX would quietly give float32, and for what is neither of the two.
    """
    try:
        wanted = jnp.dtype(jnp.result_type(float) if dtype is None else dtype)
    except (TypeError, ValueError):
        raise ValueError(f"{said('dtype', dtype)}: expected float32 or float64.") from None
    if wanted not in (np.float32, np.float64):
        raise ValueError(f"dtype={wanted}: expected float32 or float64.")
    if jax.dtypes.canonicalize_dtype(wanted) != wanted:
        raise ValueError(f"dtype={wanted}: JAX was not given 64-bit numbers; call under jax.enable_x64(True).")
    return wanted


def finite_result(result, what: str, **given):
    """`result` itself; raises `ValueError` where numbers `given` were finite and those of the result are not.

    The argument named is the one whose numbers are furthest from 1. Nothing is known of what is being traced.
    """
    known = host(result)
    if known is None or np.all(np.isfinite(known)):
        return result
    sizes = {name: np.max(np.abs(np.asarray(host(value), float))) for name, value in given.items()}
    name = max(sizes, key=lambda name: sizes[name])
    raise ValueError(
        f"{name} holds numbers up to {sizes[name]:.3g}, where {what} leaves the range of {known.dtype}: expected "
        f"smaller ones."
    )

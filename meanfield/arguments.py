"""One clear sentence for a bad argument: its name, its value, what is allowed."""

import difflib
from collections.abc import Iterable

import jax
import jax.numpy as jnp
import numpy as np


def host(value) -> np.ndarray | None:
    """`value` as a numpy array, or None where it can't be read: traced, or partly held by other processes."""
    try:
        elsewhere = isinstance(value, jax.Array) and not (value.is_fully_addressable or value.is_fully_replicated)
        return None if elsewhere else np.asarray(value)
    except (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError):
        return None


def positive_count(name: str, value) -> int:
    """`value` as an int of at least one; raises `ValueError` otherwise."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < 1:
        raise ValueError(f"{name}={value!r}: expected a whole number of at least 1.")
    return int(value)


def positive_number(name: str, value, *, zero: bool = False):
    """`value` itself, when it is one finite number above zero (or at zero, if `zero`)."""
    number = host(value)
    if number is None:
        return value
    allowed = "at least 0" if zero else "above 0"
    if number.shape != () or number.dtype.kind not in "iuf":
        raise ValueError(f"{name}={value!r}: expected one number {allowed}.")
    if not np.isfinite(number) or number < 0 or (number == 0 and not zero):
        raise ValueError(f"{name}={number.item()!r}: expected a finite number {allowed}.")
    return value


def one_of(name: str, value, allowed: Iterable[str]):
    """`value` itself, when it is among `allowed`; the error suggests the nearest name."""
    names = list(allowed)
    if value in names:
        return value
    near = difflib.get_close_matches(str(value), names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"{name}={value!r}: expected one of {', '.join(names)}.{hint}")


def axes(value) -> int | None:
    """The number of axes of `value`, or None for a ragged one."""
    try:
        return np.ndim(value)
    except ValueError:
        return None


def floating_array(name: str, value, shape: str, *, dtype=None) -> jax.Array:
    """`value` as a floating-point array with the number of axes that `shape` (such as "n d") names.

    Integers become JAX's default float; floats keep their type. Raises `ValueError` for ragged, non-numeric or
    non-finite values, a wrong number of axes, or an axis of length zero.
    """
    names = shape.split()
    if not isinstance(value, jax.Array):
        try:
            value = np.asarray(value)
        except ValueError:
            raise ValueError(f"{name} is ragged: expected a rectangular array [{', '.join(names)}].") from None
    if value.dtype.kind not in "iufb" and not jnp.issubdtype(value.dtype, jnp.floating):
        raise ValueError(f"{name} has type {value.dtype}: expected real numbers [{', '.join(names)}].")
    if value.ndim != len(names) or 0 in value.shape:
        raise ValueError(f"{name} has shape {value.shape}: expected [{', '.join(names)}], no axis empty.")
    concrete = host(value)
    if concrete is not None and not np.all(np.isfinite(concrete)):
        count = int(np.size(concrete) - np.sum(np.isfinite(concrete)))
        raise ValueError(f"{name} holds {count} non-finite value(s): expected finite numbers only.")
    if dtype is None:
        dtype = value.dtype if jnp.issubdtype(value.dtype, jnp.floating) else jnp.result_type(float)
    return jnp.asarray(value, dtype=jax.dtypes.canonicalize_dtype(dtype))


def float_type(dtype):
    """The floating type asked for, JAX's default for None.

    Raises `ValueError` for float64 where JAX would quietly give float32, and for what is not a floating type.
    """
    wanted = jnp.dtype(jnp.result_type(float) if dtype is None else dtype)
    if not jnp.issubdtype(wanted, jnp.floating):
        raise ValueError(f"dtype={wanted}: expected a floating-point type.")
    if jax.dtypes.canonicalize_dtype(wanted) != wanted:
        raise ValueError(f"dtype={wanted}: JAX was not given 64-bit numbers; call under jax.enable_x64(True).")
    return wanted

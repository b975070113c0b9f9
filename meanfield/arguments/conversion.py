"""Arrays at the door: turned into the type they are computed in, in this one place, and checked in that type.

What an array type says beside its numbers (a mask, a unit, a missing entry, text) is kept or refused, never dropped.
"""

import decimal
import numbers

import jax
import jax.numpy as jnp
import numpy as np

REAL = (numbers.Real, np.bool_, decimal.Decimal)
"""What may be an entry of an array of Python objects."""


def host(value) -> np.ndarray | None:
    """`value` as a numpy array, or None where it can't be read: traced, or partly held by other processes."""
    try:
        elsewhere = isinstance(value, jax.Array) and not (value.is_fully_addressable or value.is_fully_replicated)
        return None if elsewhere else np.asarray(value)
    except (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError):
        return None


def traced(value: jax.Array) -> bool:
    """Return True if `value` stands for an array inside a transformation and holds no numbers yet."""
    try:
        value.is_fully_addressable  # noqa: B018  # what a traced array does not know
    except jax.errors.ConcretizationTypeError:
        return True
    return False


def said(name: str, value) -> str:
    """The argument and its value as the head of a sentence: one line, of bounded length."""
    if isinstance(value, type):
        return f"{name}={value.__name__}"
    if getattr(value, "shape", None):
        return f"{name}=array of shape {tuple(value.shape)}"
    text = " ".join(repr(value).split())
    return f"{name}={text if len(text) <= 60 else text[:59] + '…'}"


def real_numbers(name: str, value, expected: str) -> np.ndarray | jax.Array:
    """`value` as an array of real numbers in the machine's byte order; a JAX array, traced or not, as it is.

    Raises `ValueError`, with what was `expected`, for whatever would lose its meaning: masked and missing entries,
    units, text, dates, complex numbers, records, sparse matrices, and what is no array at all.
    """
    if isinstance(value, jax.Array):
        return _real_jax(name, value, expected)
    _no_stripping(name, value, expected)
    try:
        array = np.asarray(value)
    except (jax.errors.TracerArrayConversionError, jax.errors.ConcretizationTypeError):
        return _real_jax(name, jnp.asarray(value), expected)
    except ValueError:
        raise ValueError(f"{name} is ragged: expected {expected}, rectangular.") from None
    except Exception as problem:
        raise ValueError(f"{said(name, value)}: expected {expected}, and it can't be read as such.") from problem
    if array.dtype.kind == "O":
        return _from_objects(name, value, array, expected)
    if array.dtype.kind not in "iufb" and not jnp.issubdtype(array.dtype, jnp.floating):
        if array.ndim == 0:
            raise ValueError(f"{said(name, value)}: expected {expected}.")
        if array.dtype.kind in "SU":
            raise ValueError(
                f"{name} holds text such as {str(array.flat[0])!r}: expected {expected}.{_as_number(array)}"
            )
        raise ValueError(f"{name} has type {array.dtype}: expected {expected}.")
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _as_number(text: np.ndarray) -> str:
    """Return a hint for text that spells numbers, and "" for any other."""
    try:
        text.astype(float)
    except ValueError:
        return ""
    return " Did you mean it as numbers, .astype(float)?"


def _real_jax(name: str, value: jax.Array, expected: str) -> jax.Array:
    if not any(jnp.issubdtype(value.dtype, kind) for kind in (jnp.floating, jnp.integer, jnp.bool_)):
        raise ValueError(f"{name} has type {value.dtype}: expected {expected}.")
    return value


def _no_stripping(name: str, value, expected: str) -> None:
    """Refuse what `numpy.asarray` would take the numbers from and leave the rest behind."""
    if isinstance(value, list | tuple):
        for entry in value:
            if isinstance(entry, list | tuple | np.ma.MaskedArray):
                _no_stripping(name, entry, expected)
        return
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        count = int(np.sum(np.ma.getmaskarray(value)))
        raise ValueError(f"{name} holds {count} masked value(s): expected {expected}, every number given.")
    if hasattr(value, "toarray") and hasattr(value, "nnz"):
        raise ValueError(f"{name} is a sparse matrix of shape {value.shape}: expected {expected}, as toarray() gives.")
    quantity = isinstance(value, np.ndarray) or hasattr(value, "magnitude")
    units = next((getattr(value, word) for word in ("unit", "units") if quantity and hasattr(value, word)), None)
    if units is not None:
        raise ValueError(f"{name} is in units of {units}: expected {expected}, without a unit.")


def _from_objects(name: str, value, array: np.ndarray, expected: str) -> np.ndarray:
    """Python's own numbers, whole or not, as numbers of a machine: whole ones stay exact where they can."""
    for entry in array.flat:
        if not isinstance(entry, REAL):
            if array.ndim == 0:
                raise ValueError(f"{said(name, value)}: expected {expected}.")
            raise ValueError(f"{name} holds {said('', entry).strip('=')}: expected {expected}.")
    try:
        whole = all(isinstance(entry, numbers.Integral | np.bool_) for entry in array.flat)
        return array.astype(np.int64 if whole else np.float64)
    except OverflowError:
        return _rounded(name, array, expected)


def _rounded(name: str, array: np.ndarray, expected: str) -> np.ndarray:
    try:
        return array.astype(np.float64)
    except OverflowError:
        raise ValueError(f"{name} holds numbers beyond the range of float64: expected {expected}.") from None


def converted(name: str, value: np.ndarray | jax.Array, dtype) -> jax.Array:
    """Real numbers in the type they are computed in, an array of its own, checked in that type.

    Raises `ValueError` for numbers that are not finite, or no longer are, and for numbers that differ as given and all
    become the same: time stamps of 1.7e9 s in float32, say.
    """
    given, dtype = value, np.dtype(dtype)
    if isinstance(value, jax.Array):
        value = jnp.asarray(value, dtype)
    else:
        with np.errstate(all="ignore"):
            value = np.array(value, dtype)  # a copy: JAX would share memory, which its owner may write to
    known = host(value)
    if known is not None:
        wrong = known[~np.isfinite(known)]
        if wrong.size:
            source = np.asarray(given)[~np.isfinite(known)]
            beyond = source[np.isfinite(source)]
            if beyond.size:
                raise ValueError(f"{name} holds {beyond[0]:.6g}, beyond the range of {dtype}: {_wider(dtype)}.")
            raise ValueError(f"{name} holds {wrong.size} non-finite value(s): expected finite numbers only.")
        if not np.can_cast(given.dtype, dtype):
            _no_collapse(name, np.asarray(given), known)
    # Not by `jnp.asarray`, which compiles a program for every shape.
    return value if isinstance(value, jax.Array) else jax.device_put(value)


def _no_collapse(name: str, given: np.ndarray, known: np.ndarray) -> None:
    """Refuse numbers that all vanish, and columns where rounding is more than an eighth of the range of the entries.

    A range of a trillionth of the entries is left alone: it is the rounding of whoever made the column.
    """
    if not np.any(known) and np.any(given):
        largest = np.max(np.abs(given))
        raise ValueError(
            f"{name} holds nothing above {largest:.3g}, which is 0 in {known.dtype}: expected larger numbers."
        )
    if given.ndim == 0 or len(given) < 2:
        return
    wide = given.astype(float)
    low, high = np.min(wide, axis=0), np.max(wide, axis=0)
    off, least = np.max(np.abs(wide - known), axis=0), 1e-12 * np.maximum(np.abs(low), np.abs(high))
    lost = (8 * off > high - low) & (high - low > least)
    if np.any(lost):
        at = np.unravel_index(np.argmax(lost), np.shape(lost))
        where = f"column {at[0]} of {name}" if given.ndim == 2 else name
        raise ValueError(
            f"{where} runs from {low[at]:.12g} to {high[at]:.12g}, which {known.dtype} can't tell apart: expected "
            f"numbers less their mean, or float64 under jax.enable_x64(True)."
        )


def _wider(dtype) -> str:
    """Return what an error says is expected where a number does not fit into `dtype`."""
    if np.dtype(dtype) == np.float64:
        return "expected numbers that float64 holds"
    return "expected smaller numbers, or float64 under jax.enable_x64(True)"

"""Descriptions of an object with the numbers that matter: a line of text as its `repr`, and a table for notebooks.

A class takes `__repr__, _repr_html_ = text, html`. Without more its fields are shown; a method `_described` returns
instead what is worth a row, as (name, value) pairs. A row without a name is a part that names itself.
"""

import dataclasses
import functools
import html as markup
from collections.abc import Iterable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from meanfield.arguments.conversion import host

Described = Iterable[tuple[str, Any]]


class Phrase(str):
    """Words that stand as they are, where a text has its quotation marks."""


def text(self) -> str:
    """`__repr__`: the class and its rows, those left out that are None, False or empty."""
    parts = (f"{name}={words(value)}" if name else words(value) for name, value in _rows(self))
    return f"{type(self).__name__}({', '.join(parts)})"


def html(self) -> str:
    """`_repr_html_`: a table of the same rows, parts that have rows of their own with these below them."""
    return f"<table><caption>{markup.escape(type(self).__name__)}</caption>{_table(self)}</table>"


def words(value: Any) -> str:
    """A value in a few words: a number by its digits, an array by type and shape, a function by its name."""
    if isinstance(value, jax.Array | np.ndarray | np.generic):
        return _numbers(value)
    if isinstance(value, Phrase):
        return str(value)
    if isinstance(value, bool | int | str):
        return repr(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, functools.partial):
        return f"partial({words(value.func)})"
    if isinstance(value, list | tuple):
        few = [words(part) for part in value[:3]] + ["…"] * (len(value) > 3)
        return f"[{', '.join(few)}]"
    if not isinstance(value, eqx.Module) and callable(value):
        return getattr(value, "__qualname__", type(value).__name__).replace("<locals>.", "").replace("<lambda>", "λ")
    plain = isinstance(value, eqx.Module) and type(value).__repr__ is eqx.Module.__repr__
    return text(value) if plain else " ".join(repr(value).split())


def _numbers(value: Any) -> str:
    if jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        return "key"
    known = host(value) if value.ndim == 0 else None
    if known is None:
        return f"{value.dtype}[{', '.join(map(str, value.shape))}]" if value.shape else str(value.dtype)
    return f"{known.item():.6g}" if known.dtype.kind in "fiu" else str(known)


def _rows(self) -> list[tuple[str, Any]]:
    return [(name, value) for name, value in _all_rows(self) if not _empty(value)]


def _all_rows(self) -> Described:
    if hasattr(self, "_described"):
        return self._described()
    return fields(self)


def fields(self) -> Described:
    """Return the fields of a module as rows: those that are modules name themselves."""
    values = ((field.name, getattr(self, field.name, None)) for field in dataclasses.fields(self))
    return (("" if isinstance(value, eqx.Module) else name, value) for name, value in values)


def _empty(value: Any) -> bool:
    return value is None or value is False or (isinstance(value, tuple | list | str) and not value)


def _table(self) -> str:
    rows = []
    for name, value in _rows(self):
        inner = isinstance(value, eqx.Module) and dataclasses.fields(value)
        said = markup.escape(type(value).__name__ if inner else words(value))
        below = f"<table>{_table(value)}</table>" if inner else ""
        rows.append(f"<tr><th>{markup.escape(name)}</th><td>{said}{below}</td></tr>")
    return "".join(rows)

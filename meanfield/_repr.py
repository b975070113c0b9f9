"""How objects say what they are: a line of text, and a table in a notebook."""

import dataclasses
import html as escaping
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from meanfield.arguments import host

PLACES = 4
"""Significant digits of a number."""

NAMES = {"size": "step", "largest": "batch"}
"""What a field is called as an argument, where it has another name."""

HIDDEN = ("controlled", "proximal", "evaluations", "draws", "whole")


def text(self: Any) -> str:
    """Return `Class(argument=value, …)`: numbers as such, arrays by their shape, and nothing that was not given."""
    return f"{type(self).__name__}({', '.join(_fields(self))})"


def html(self: Any) -> str:
    """Return the same for a notebook."""
    return f"<code>{escaping.escape(repr(self))}</code>"


def table(title: str, rows: dict[str, str]) -> str:
    """Return a table of two columns with a title, as HTML."""
    cells = "".join(
        f"<tr><th style='text-align:left'>{escaping.escape(name)}</th><td>{escaping.escape(value)}</td></tr>"
        for name, value in rows.items()
    )
    return f"<table><caption>{escaping.escape(title)}</caption>{cells}</table>"


def _fields(self: Any) -> Iterator[str]:
    for field in dataclasses.fields(self):
        value = getattr(self, field.name, None)
        if value is not None and field.name not in HIDDEN and not field.name.startswith("_"):
            yield f"{NAMES.get(field.name, field.name)}={shown(value)}"


def shown(value: Any) -> str:
    """Return a value in few characters: a number, the shape of an array, the name of a function."""
    if isinstance(value, jax.Array | np.ndarray | np.generic):
        known = host(value) if not jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key) else None
        if known is not None and known.ndim == 0:
            return number(known.item())
        return f"{value.dtype}[{', '.join(map(str, value.shape))}]"
    if isinstance(value, float):
        return number(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return repr(value) if len(repr(value)) <= 120 else f"{type(value).__name__}(…)"
    if callable(value) and hasattr(value, "__name__"):
        return value.__name__
    said = repr(value)
    return said if len(said) <= 60 else f"{said[:59]}…"


def number(value: Any) -> str:
    """Return a number with few digits; anything else as it is."""
    return f"{value:.{PLACES}g}" if isinstance(value, float) else repr(value)

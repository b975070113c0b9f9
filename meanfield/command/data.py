"""Data of one's own: a file .npz with arrays that have the names of arguments."""

from typing import Any

KEYS = ("x", "y", "x_test", "y_test")
"""The arrays of a file of data; the first two have to be there."""


def read_data(path: str) -> tuple[Any, Any, Any, Any]:
    """Return x, y, x_test and y_test, the last two None where the file has none; raise `ValueError` without x or y."""
    from meanfield.networks.files import read_arrays

    arrays = read_arrays("data", path)
    for name in KEYS[:2]:
        if name not in arrays:
            held = ", ".join(arrays) or "nothing"
            raise ValueError(f"data={path!r}: holds {held}, expected x and y, and x_test and y_test or none.")
    x, y, x_test, y_test = (arrays.get(name) for name in KEYS)
    return x, y, x_test, y_test

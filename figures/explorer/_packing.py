"""Arrays as the page holds them: rounded, one after the other in one block of bytes, each with where it lies."""

import base64
import gzip
from typing import Any

import numpy as np

LEVELS = 65535
"""Positions that a rounded array can take between its smallest and largest entry; one more code means "not finite"."""


class Block:
    """Bytes that grow by one array at a time."""

    def __init__(self):
        self._bytes = bytearray()

    def exact(self, array: np.ndarray) -> dict[str, Any]:
        """An array as 32-bit floats: times and curves, which may be read over many decades."""
        return self._add("f4", np.asarray(array, "<f4"))

    def rounded(self, array: np.ndarray) -> dict[str, Any]:
        """An array as 16-bit steps of its own range: what is drawn on a linear axis, off by half a step at most.

        Along the first axis, which is time, only differences are kept; they are small, and gzip makes less of them.
        """
        array = np.asarray(array, float)
        finite = np.isfinite(array)
        low, high = (float(array[finite].min()), float(array[finite].max())) if finite.any() else (0.0, 0.0)
        step = (high - low) / (LEVELS - 1) or 1.0
        codes = np.where(finite, np.rint((np.where(finite, array, low) - low) / step), LEVELS).astype("<u2")
        moved = np.diff(codes, axis=0, prepend=np.zeros_like(codes[:1])) if codes.ndim > 1 else codes
        return {**self._add("u2", moved.astype("<u2")), "low": low, "step": step}

    def _add(self, kind: str, array: np.ndarray) -> dict[str, Any]:
        self._bytes += b"\0" * (-len(self._bytes) % 4)  # a browser reads 32-bit numbers at multiples of four
        place = {"kind": kind, "at": len(self._bytes), "shape": list(array.shape)}
        self._bytes += array.tobytes()
        return place

    def text(self) -> str:
        """All of it, compressed and in letters."""
        return compressed(bytes(self._bytes))


def compressed(content: bytes) -> str:
    """Bytes as text that may stand in a page: gzip in base64. The same bytes give the same text."""
    return base64.b64encode(gzip.compress(content, 9, mtime=0)).decode("ascii")

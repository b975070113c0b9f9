"""This machine: the name of its processor, the width of its vectors, and its rates, measured now."""

import functools
import importlib.util
from typing import Any

import jax
import numpy as np

from meanfield.environment.processor import cores, model
from meanfield.integrals.compiled import missing
from meanfield.integrals.tuning import in_force
from simulations.scale import timing

WIDTHS = {512: ("AVX512F", "AVX512_SKX", "X86_V4"), 256: ("AVX2", "X86_V3"), 128: ("SSE", "SSE2", "NEON", "ASIMD")}
"""Bits of the widest vectors, and names of NumPy's for instructions that have them."""


@functools.cache
def rates() -> dict[str, float]:
    """Return operations a second in a matrix product, multiply-adds a second, and bytes a second in a copy.

    Multiply-adds are those of a loop that does nothing else, where one can be compiled; elsewhere half the operations
    of the matrix product, which is a lower bound.
    """
    product, bandwidth = timing.rates()
    found = product / 2
    if loop_available():
        from simulations.scale.multiply_adds import multiply_add_rate

        found = max(found, multiply_add_rate())
    return {"rate": product, "multiply_add_rate": found, "bandwidth": bandwidth}


def loop_available() -> bool:
    """Return True if multiply-adds can be measured on their own: on processors, with llvmlite."""
    return jax.default_backend() == "cpu" and missing() is None


def machine() -> dict[str, Any]:
    """The facts for the head of a table: what computes, its rates in 10⁹ a second, and what else is installed."""
    found, torch = rates(), importlib.util.find_spec("torch")
    return {
        "processor": model(),
        "cores": cores(),
        "vector_bits": vector_bits(),
        "device": jax.devices()[0].device_kind,
        "product_gflops": found["rate"] / 1e9,
        "multiply_add_gflops": 2 * found["multiply_add_rate"] / 1e9,
        "multiply_add_source": "loop" if loop_available() else "product",
        "copy_gbytes": found["bandwidth"] / 1e9,
        "torch": None if torch is None else torch_version(),
        "tuning": in_force()._asdict(),
    }


def torch_version() -> str:
    """The version of PyTorch."""
    import torch  # type: ignore[import-not-found]

    return str(torch.__version__)


def vector_bits() -> int | None:
    """Bits of the widest vectors of this processor: those that compiled kernels use, or that NumPy has found."""
    if missing() is None:
        from meanfield.integrals.native.task import lane_bytes

        return 8 * lane_bytes()
    extensions = (np.show_config(mode="dicts") or {}).get("SIMD Extensions", {})
    names = {str(name).upper() for part in ("baseline", "found") for name in extensions.get(part, [])}
    return next((bits for bits, known in WIDTHS.items() if names & set(known)), None)


def described(facts: dict[str, Any]) -> list[str]:
    """The facts in a few lines."""
    bits = "vectors of unknown width" if facts["vector_bits"] is None else f"vectors of {facts['vector_bits']} bits"
    source = "in a loop of nothing else" if facts["multiply_add_source"] == "loop" else "at least, as in that product"
    torch = "torch is not installed" if facts["torch"] is None else f"torch {facts['torch']}"
    sizes = facts["tuning"]
    return [
        f"{facts['processor']}, {facts['cores']} cores, {bits}; {torch}",
        f"float32 matrix product {facts['product_gflops']:.0f} GFlop/s; multiply-adds "
        f"{facts['multiply_add_gflops']:.0f} GFlop/s, {source}; copy {facts['copy_gbytes']:.1f} GB/s",
        f"tiles of {sizes['tile_bytes']} bytes, at most {sizes['samples']} samples",
    ]

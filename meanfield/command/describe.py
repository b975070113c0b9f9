"""A description of this machine: versions, devices, precision, and the kernels that are chosen on it."""

from importlib.metadata import PackageNotFoundError, version
from typing import Any

import jax
import jax.numpy as jnp

import meanfield
from meanfield.environment.processor import model
from meanfield.integrals.compiled import missing
from meanfield.integrals.plan import choose
from meanfield.units.neuron import Neuron
from simulations.scale.machine import vector_bits

SHAPES = ((10**3, 10**2, 2), (10**5, 10**3, 10), (10**6, 10**3, 100))
"""(m, n, d) for which `describe` states the kernel."""


def describe() -> dict[str, Any]:
    """Versions, devices, precision and kernel plans, as plain values; starts the backend.

    >>> import meanfield.command.describe
    >>> sorted(meanfield.command.describe.describe())
    ['compiled', 'devices', 'plans', 'precision', 'versions']
    """
    dtype = jnp.dtype(jnp.result_type(float))
    plans = [{"m": m, "n": n, "d": d, "plan": str(choose(Neuron("relu"), m, n, d, dtype))} for m, n, d in SHAPES]
    versions = {"meanfield": meanfield.__version__}
    for name in ("jax", "jaxlib", "equinox", "optax", "diffrax", "numpy", "scipy", "llvmlite"):
        versions[name] = _installed(name)
    return {
        "versions": versions,
        "devices": [f"{device.platform} {device.id}: {device.device_kind}" for device in jax.devices()],
        "precision": f"{dtype} by default, matrix products at full precision",
        "compiled": missing() or f"for {model()}, vectors of {vector_bits()} bits",
        "plans": plans,
    }


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"

"""The common part of steppers that choose their steps: a horizon to wait at, and tolerances that a type resolves."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp

from meanfield.arguments import host
from meanfield.arguments.typing import Scalar
from meanfield.particles import Particles


def aimed(memory: Any, time: Scalar) -> Any:
    """Return the memory of a stepper that stops at `time`."""
    return eqx.tree_at(lambda m: m.horizon, memory, time)


def resolved(rtol: Any, mu: Particles) -> None:
    """Raise `ValueError` for a relative tolerance that the particles' type can't resolve."""
    known, least = host(jnp.asarray(rtol)), 10 * float(jnp.finfo(mu.dtype).eps)
    if known is not None and known < least:
        raise ValueError(
            f"rtol={known.item():.3g}: {mu.dtype} resolves {least:.2g} at best; raise rtol, or give "
            f"float64 particles under jax.enable_x64(True)."
        )


def shrunk(rtol: Any) -> str:
    """Return what to try when steps to a tolerance became too short to move the clock."""
    now = "" if rtol is None else f" (now {float(rtol):.3g})"
    return f"its steps shrank to nothing; check that the objective is bounded below, or raise rtol{now} or use float64"

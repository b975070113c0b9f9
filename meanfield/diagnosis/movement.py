"""How far the hidden weights of a two-layer network moved in training."""

import jax.numpy as jnp
import numpy as np

from meanfield.diagnosis.model import Model


def norms(model: Model) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the norms |w_j| before and after, of the hidden weights of a two-layer network."""
    if model.hidden is None:
        return None
    return tuple(np.linalg.norm(np.asarray(p["W"], float), axis=1) for p in (model.initial, model.trained))  # type: ignore


def movement(model: Model) -> float | None:
    """Return ‖w_1 − w_0‖/‖w_0‖; infinite where they were zero, None where hidden weights are not known."""
    if model.hidden is None:
        return None
    names = [name for name, hidden in model.hidden.items() if hidden]
    moved = sum(float(jnp.sum((model.trained[name] - model.initial[name]) ** 2)) for name in names)
    size = sum(float(jnp.sum(model.initial[name] ** 2)) for name in names)
    return float(np.sqrt(moved / size)) if size > 0 else (float("inf") if moved > 0 else 0.0)

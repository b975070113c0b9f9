"""One run of the study of scaling laws: the risk of networks that differ in particles, samples or training time.

It is one of four parts, each with a room of its own, which says what a run of it finds and what theory says of it.
"""

import functools

import numpy as np
from threadpoolctl import ThreadpoolController

from simulations.scale import _risk_lazy, _risk_mean_field, _risk_samples, _risk_teacher
from simulations.scale._risk_parameters import Parameters

MODULES = {"mean_field": _risk_mean_field, "lazy": _risk_lazy, "samples": _risk_samples, "teacher": _risk_teacher}
"""The room of each part."""


def simulate(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Everything the claims look at, from one run.

    Its matrices are small: threads, when other runs share the cores, make them a hundred times slower.
    """
    with _threads().limit(limits=1, user_api="blas"):
        values, status = MODULES[run.part].simulate(run)
        return {name: np.asarray(value) for name, value in (values | predict(run)).items()}, status


def predict(run: Parameters) -> dict[str, np.ndarray]:
    """Return the predictions of theory for a run."""
    return MODULES[run.part].predict(run)


@functools.cache
def _threads() -> ThreadpoolController:
    """The libraries of linear algebra, looked for once: it takes longer than a small run."""
    return ThreadpoolController()

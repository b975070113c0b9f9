"""Measures of the representation study, each a function of one record."""

from functools import partial

import numpy as np

from simulations.records.record import Record


def change(record: Record, name: str) -> float:
    """log of a value at the end over the same at the start."""
    return float(np.log(record[name][-1] / record[name][0]))


def last(name: str):
    """The value `name` at the end of a run."""
    return lambda record: float(record[name][-1])


def advantage(record: Record) -> float:
    """log(test error of kernel regression / of the network)."""
    return float(np.log(record["kernel_error"] / record["net_error"][-1]))


def kernel_error(record: Record) -> float:
    """Test error of kernel regression (share of the variance)."""
    return float(record["kernel_error"])


def excess(record: Record, of: str = "net") -> float:
    """log(test error in d dimensions / of the same task in k), of the network or the kernel."""
    here, there = (np.ravel(record[f"{name}{of}_error"])[-1] for name in ("", "reference_"))
    return float(np.log(here / there))


def direction(record: Record) -> float:
    """Share of the network's second moment along the hidden direction, at the end."""
    return float(record["along"][-1])


def inverse_error(record: Record, at: int = -1) -> float:
    """Variance of the target over the network's test error, at one look."""
    return float(1 / record["net_error"][at])


net_error = last("net_error")
feature_alignment = partial(change, name="features_alignment")
tangent_alignment = partial(change, name="tangent_alignment")
tangent_dimension = partial(change, name="tangent_dimension")

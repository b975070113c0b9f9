"""Observed over exact: risks, second moments and falls of curvature under stochastic gradients, read off their runs."""

import numpy as np

from simulations.records.record import Record

LATE = 33
"""Observations in the later half of a run, which are averaged."""

TIMES = 9
"""Observations of a drift along minima, evenly spaced from 0 on; of `cold` twice as many intervals."""


def late_excess(record: Record) -> float:
    """Excess risk, mean over replicas and the later half of the run."""
    return float(np.mean(record["excess"][-LATE:]))


def early_over_first_order(record: Record) -> float:
    """Excess risk, mean over what was observed before the later half, over (η/4B) tr C."""
    return float(np.mean(record["excess"][:-LATE]) / record["first_order"])


def exact_excess(record: Record) -> float:
    """The exact mean of `late_excess`."""
    return float(np.mean(record["exact"][-LATE:]))


def over_exact(record: Record) -> float:
    """Late excess risk over the exact one."""
    return late_excess(record) / exact_excess(record)


def over_first_order(record: Record) -> float:
    """Late excess risk over (η/4B) tr C."""
    return late_excess(record) / float(record["first_order"])


def modes_over_exact(record: Record) -> float:
    """tr(S_exact⁻¹ S)/p, S the second moment of b − b* in the later half."""
    exact = record["exact_second"]
    return float(np.trace(np.linalg.solve(exact, record["second"])) / len(exact))


def modes_over_equal(record: Record) -> float:
    """Return tr(S)/p, S of `modes_over_exact`, over the multiple of the identity with the first-order excess risk."""
    return float(np.trace(record["second"]) / len(record["second"]) / record["equipartition"])


def grown_over_decayed(record: Record, slower: str = "decayed") -> float:
    """Excess risk with a growing batch over that with a decaying step, means over the transient, over its exact value
    at equal numbers of samples.
    """
    exact = record["exact_grown"].mean() / record["exact_decayed"].mean()
    return float(record["grown"].mean() / record[slower].mean() / exact)


def _fall(record: Record, name: str) -> float:
    """log of a curvature at the start less that at the end of the slow flow."""
    exact = np.log(record[f"exact_{name}"])
    return float(exact[0] - exact[-1])


def _fallen(record: Record, setting: str, name: str, at: int = -1) -> float:
    """log of a curvature at the start less its mean over replicas at an observation."""
    logs = np.log(record[f"{setting}_{name}"])
    return float(np.mean(logs[:, 0] - logs[:, at]))


def fall_ratio(record: Record, name: str) -> float:
    """Fall of the log of a curvature over that of the slow flow: 2 (cold, run twice as long) − base, so that what is of
    the first order in the temperature cancels.
    """
    return (2 * _fallen(record, "cold", name) - _fallen(record, "base", name)) / _fall(record, name)


def early_ratio(record: Record, name: str) -> float:
    """Return the fall of the log of a curvature in the cold run over that of the slow flow.

    The cold run is taken after a quarter of the time of the base.
    """
    return _fallen(record, "cold", name, TIMES // 4) / _fall(record, name)


def batch_over(record: Record, other: str = "noise") -> float:
    """Fall of the log trace with half the batch over that of another setting with its step, after the same time.

    (That of the base, whose step is twice as large, differs by O(η) at the same temperature.)
    """
    return _fallen(record, "batch", "traces", TIMES - 1) / _fallen(record, other, "traces", TIMES - 1)

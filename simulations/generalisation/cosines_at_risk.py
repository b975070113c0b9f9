"""Measures of the study of stiffness, each of one record: mean cosines when the risk has come down so far."""

import numpy as np

from simulations.generalisation.image_pairs import GROUPS
from simulations.records.record import Record

LEARNED, HALF, LATE, LAST = 0.3, 0.5, 0.2, 0.1
"""Shares of the risk at the start at which runs are compared."""

SHARES = {"h": 1.0, "h/2": 0.5, "h/8": 0.125}
"""Steps that are compared, in shares of the largest."""


def identity_error(record: Record, *, known: str = "kernel") -> float:
    """Return |cosine from gradients − cosine from the kernel| over the rounding, the largest of all pairs and times."""
    i, k = np.triu_indices(record["gradient"].shape[-1], 1)
    off, rounding = np.abs(record["gradient"] - record[known])[..., i, k], record["rounding"][..., i, k]
    # Gradients without a common entry are orthogonal, exactly, by either computation.
    return float(np.max(off / np.maximum(rounding, np.finfo(float).tiny)))


def falls_to(risk: np.ndarray, level: float) -> bool:
    """Return True if the risk [times] comes down to this share of the one at the start."""
    return bool(np.any(risk <= level * risk[0]))


def when(risk: np.ndarray, observed: np.ndarray, level: float) -> np.ndarray:
    """Return what is observed [times, …] when the risk [times] first falls to this share of the one at the start.

    Between two times it is linear in the logarithm of the risk; NaN where the risk never falls that far.
    """
    logs = np.log(risk / risk[0])
    after = int(np.argmax(logs <= np.log(level)))
    share = (logs[after - 1] - np.log(level)) / (logs[after - 1] - logs[after]) if falls_to(risk, level) else np.nan
    return share * observed[after] + (1 - share) * observed[after - 1]


def at_risk(record: Record, level: float, name: str = "groups") -> dict[str, np.ndarray]:
    """Return a value for each step when the risk first falls to this share of the one at the start."""
    rows = zip(SHARES, record["risk"], record[name], strict=True)
    return {step: when(risk, observed, level) for step, risk, observed in rows}


def mean(record: Record, *, of: str, level: float, step: str = "h/8") -> float:
    """Return the mean cosine of a group of pairs, at one risk."""
    return float(at_risk(record, level)[step][GROUPS.index(of)])


def contrast(record: Record, *, more: str, less: str, level: float) -> float:
    """Return the mean cosine of one group of pairs less that of another, at one risk, smallest step."""
    return mean(record, of=more, level=level) - mean(record, of=less, level=level)


def change(record: Record, *, of: str, early: float, late: float) -> float:
    """Return the mean cosine of a group at a later risk less that at an earlier one, smallest step."""
    return mean(record, of=of, level=late) - mean(record, of=of, level=early)


def of_step(record: Record, *, of: str, level: float, step: str) -> float:
    """Return the mean cosine of a group with a larger step less that with the smallest, at equal risk and start."""
    return mean(record, of=of, level=level, step=step) - mean(record, of=of, level=level)


def of_lazy(record: Record, *, of: str, level: float, known: str = "") -> float:
    """Return the mean cosine of a group in a lazy network at one risk, or, with "kernel_", what its kernel says."""
    return float(when(record[f"{known}risk"], record[f"{known}groups"], level)[GROUPS.index(of)])


def over_kernel(record: Record, *, more: str, less: str, as_in: tuple[str, str]) -> float:
    """Return a contrast of a lazy network over that which its kernel says for the groups `as_in`, at one risk."""
    found = of_lazy(record, of=more, level=LEARNED) - of_lazy(record, of=less, level=LEARNED)
    high, low = (of_lazy(record, of=of, level=LEARNED, known="kernel_") for of in as_in)
    return found / (high - low)


def kept_over_kernel(record: Record, *, as_at: float = LAST) -> float:
    """Return the share of the cosine within a class that is left as the risk falls from `HALF` to `LAST`, over that
    which the kernel says is left at the risk `as_at`.
    """
    found, said = (
        of_lazy(record, of="within", level=late, known=known) / of_lazy(record, of="within", level=HALF, known=known)
        for late, known in ((LAST, ""), (as_at, "kernel_"))
    )
    return found / said

"""Distances of a trained network to its linearised flow and to kernel regression, each a function of one record."""

from functools import partial

import numpy as np

from simulations.records.record import Record
from theory import kernel_flow
from theory.lazy_bound import lazy_gap_bound


def linearised_gap(record: Record, rate: float = 1.0) -> float:
    """Return sup_t of the root mean square of f − f_lin, f_lin by the same steps with the record's tangent kernel."""
    f, y = record["predictions"], record["y"]
    steps = np.rint(record["times"] / record["step"]).astype(int)
    exact = kernel_flow.train_discrete(rate * record["kernel"], y, record["step"], steps, f[0])
    return float(np.max(np.sqrt(np.mean((f - exact) ** 2, axis=1))))


def _horizons(record: Record, rate: float):
    """Yield for K = ½, 1, 4 the bound of Theorem 2.3, which times it covers, and the exact linearised flow there."""
    a, w = record["weights"][:, 0], record["weights"][:, 1:]
    f, y, times = record["predictions"], record["y"], record["times"]
    for k in (0.5, 1.0, 4.0):
        bound = lazy_gap_bound(a, w, record["x"], y, record["alpha"], k, centred=record["initial"] == "centred")
        seen = times <= bound.horizon
        yield bound, seen, kernel_flow.train(rate * record["kernel"], y, times[seen], f[0])


def gap_over_bound(record: Record, rate: float = 1.0) -> float:
    """Return the output gap up to the horizon of Theorem 2.3, over its bound; the largest over K."""
    ratios = []
    for bound, seen, exact in _horizons(record, rate):
        gap = np.max(np.sqrt(np.mean((record["predictions"][seen] - exact) ** 2, axis=1))) / bound.error
        ratios.append(gap / bound.gap)
    return float(max(ratios))


def loss_over_bound(record: Record, rate: float = 1.0) -> float:
    """Return |R(f) − R(f_lin)| up to the horizon of Theorem 2.3, over what the theorem allows; the largest over K.

    With e = ‖f(0) − y‖ and δ the bound on ‖f − f_lin‖/e: |R − R_lin| = ½|⟨f − f_lin, f + f_lin − 2y⟩| ≤ δe·e, because
    neither residual grows.
    """
    ratios = []
    for bound, seen, exact in _horizons(record, rate):
        difference = np.abs(record["risk"][seen] - np.mean((exact - record["y"]) ** 2, axis=1) / 2)
        ratios.append(np.max(difference) / (bound.gap * bound.error**2))
    return float(max(ratios))


def over_linear_movement(record: Record, share: float = 1.0) -> float:
    """Return α‖θ(T) − θ(0)‖ over that of the tangent model from f(0) = 0, by the same steps or a share of them."""
    steps = np.rint(share * record["times"][-1:] / record["step"]).astype(int)
    exact = kernel_flow.movement_discrete(record["kernel"], record["y"], record["step"], steps)[0]
    return float(record["alpha"] * record["displacement"][-1] / exact)


def apart(record: Record, other: str) -> float:
    """Return the distance of the test predictions to `other`, relative, in root mean square."""
    exact = record[other]
    return float(np.sqrt(np.sum((record["test_predictions"] - exact) ** 2) / np.sum(exact**2)))


def log_risk_ratio(record: Record) -> float:
    """Return the log of the test risk over that of kernel regression trained as long."""
    return float(np.log(record["test_risk"][-1] / record["limit_test_risk"][-1]))


def excess_error(record: Record, share: float = 1.0) -> float:
    """Return the test error less that of kernel regression trained as long, or for a share of that time."""
    stopped = np.searchsorted(record["times"], share * record["times"][-1])
    return float(record["test_error"][-1] - record["limit_test_error"][stopped])


to_kernel_regression = partial(apart, other="limit_test_predictions")
to_tangent_model = partial(apart, other="tangent_test_predictions")
# The deliberately wrong ones, for controls: K without its 1/n (n = 8); regression before its first step; the tangent
# model's movement in half the time.
gap_without_mean = partial(linearised_gap, rate=8.0)
movement_in_half = partial(over_linear_movement, share=0.5)
loss_over_bound_without_mean = partial(loss_over_bound, rate=8.0)
gap_over_bound_without_mean = partial(gap_over_bound, rate=8.0)
excess_over_untrained = partial(excess_error, share=0.0)

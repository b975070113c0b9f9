"""Fluctuations of networks of m particles about their limit, and of their law: measures, each of one record."""

from collections.abc import Callable

import numpy as np

from simulations.records.record import Record
from theory.initial_law import output_covariance, output_kurtosis

EPS = float(np.finfo(float).eps)


def variance_ratio(record: Record, activation: str = "relu") -> float:
    """E f² over its exact value, α²|x|²/2m for ReLU, mean over the inputs."""
    exact = output_covariance(record["x"], record["particles"], _scale(record), activation)
    return float(np.mean(record["second"] / np.diag(exact)))


def covariance_error(record: Record, factor: float = 1.0) -> float:
    """‖Cov f − C‖²/‖C‖² without the bias of an estimate: the product of the errors of two independent halves.

    C is `factor` times theory's; over all pairs of inputs.
    """
    exact = factor * record["limit_covariance"]
    first, second = record["covariance_halves"] - exact
    return float(np.sum(first * second) / np.sum(exact**2))


def excess_kurtosis(record: Record) -> float:
    """E f⁴/(E f²)² − 3, averaged over the output weights in closed form (Rao and Blackwell), mean over the inputs.

    Given w, E f⁴ = 3S² + (E a⁴ − 3) Q for S = Var(f | w), Q = Σ_j (∂f/∂a_j)⁴. With the exact E f² = E S for what can
    be known, the estimate is E [3 (S − E S)² + (E a⁴ − 3) Q]/(E S)²: unbiased, and far less noisy than f⁴.
    """
    exact = np.diag(record["limit_covariance"])
    mean, square, quartic = record["conditional"]
    fourth = 3.0 if record["output"] == "gaussian" else 1.0
    centred = square - 2 * mean * exact + exact**2
    return float(np.mean((3 * centred + (fourth - 3) * quartic) / exact**2))


def kurtosis_ratio(record: Record, fourth_moment: float = 3.0) -> float:
    """The excess kurtosis over (6 E a⁴ − 3)/m."""
    return excess_kurtosis(record) / float(output_kurtosis(record["particles"], fourth_moment=fourth_moment).value)


def _scale(record: Record) -> float:
    return record["alpha"] * record["particles"] ** record["exponent"]


def moment(record: Record, time: float) -> int:
    """The place of a time among those at which a record was looked at."""
    return int(np.argmin(np.abs(record["times"] - time)))


def seen_at(time: float) -> Callable[[Record], bool]:
    """Return a predicate that is True for a record with observations at this time."""
    return lambda record: "distance" in record and bool(np.any(np.isclose(record["times"], time)))


def distance(time: float, name: str = "distance") -> Callable[[Record], float]:
    """E mean_i |f_m − f_∞|² at a time."""
    return lambda record: float(record[name][moment(record, time)])


def over_limit(
    time: float, limit: str = "constant", of: float | None = None, name: str = "distance"
) -> Callable[[Record], float]:
    """m E|f_m − f_∞|² at a time over what theory calls `limit`, taken at the time `of` (the same if None)."""

    def ratio(record: Record) -> float:
        exact = record[f"limit_{limit}"][moment(record, time if of is None else of)]
        return record["particles"] * distance(time, name)(record) / float(exact)

    return ratio


def log_train_over_test(time: float) -> Callable[[Record], float]:
    """log of the squared distance on the samples over that between them, at a time."""
    return lambda record: float(np.log(distance(time)(record) / distance(time, "test_distance")(record)))


def responses(apart: np.ndarray, linear: np.ndarray) -> dict[str, np.ndarray]:
    """Compare the f_m − f_∞ of networks, [networks, times, inputs], with linear responses, [times, networks, inputs].

    Return inner products of the first at one time with the second at another, those of the second with itself, and
    the logarithm of the share of |f_m − f_∞|² that is left of the first less the second; means over networks. That of
    the share itself would be ruled by the few networks that are far away.
    """
    left = np.sum((apart[:, :, None] - linear.transpose(1, 0, 2)[:, None]) ** 2, axis=3)
    shares = left / np.sum(apart**2, axis=2)[:, :, None]
    return {
        "response_products": np.einsum("rti,sri->ts", apart, linear) / len(apart),
        "response_squares": np.sum(linear**2, axis=(1, 2)) / len(apart),
        # At the start nothing is left but rounding, and that may be nothing.
        "response_remainder": np.mean(np.log(np.maximum(shares, EPS**2)), axis=0),
    }


def _place(record: Record, time: float) -> int:
    """The place of a time among those of linear responses; raises `ValueError` for one that is not there."""
    (found,) = np.flatnonzero(np.isclose(record["response_times"], time))
    return int(found)


def on_response(time: float, of: float | None = None, kind: str = "") -> Callable[[Record], float]:
    """The coefficient of f_m − f_∞ at a time on its linear response, to that time (or to another, `of`).

    `kind` is "test_" for inputs between the samples.
    """

    def coefficient(record: Record) -> float:
        at, on = _place(record, time), _place(record, time if of is None else of)
        return float(record[f"{kind}response_products"][at, on] / record[f"{kind}response_squares"][on])

    return coefficient


def remainder(time: float, of: float | None = None) -> Callable[[Record], float]:
    """The share of a squared distance, on the samples and between them, that the linear response (or that to another
    time) leaves; a geometric mean.
    """

    def share(record: Record) -> float:
        place = _place(record, time), _place(record, time if of is None else of)
        return float(np.exp(record["all_response_remainder"][place]))

    return share

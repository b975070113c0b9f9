"""Measures of functions of one input by where and how much they bend, and by the splines that they are near."""

import numpy as np

from simulations.records.record import Record
from theory import splines

TOLERANCE = 1e-5
"""Relative tolerance of the output layer's flow."""


def share(record: Record, name: str = "interpolant", place: int = -1) -> float:
    """Return 1 where f is another function, 0 where it is the natural cubic spline (at edges of cells).

    What f is off the other function, in units of its way from the natural spline, is added to 1 with the sign that it
    has along this way: no deviation is overlooked. Of several reaches `place` says which, the largest by default.
    """
    off, way = _off(record, name, place)
    return float(1 + np.copysign(np.linalg.norm(off), off @ way) / np.linalg.norm(way))


def left(record: Record, name: str = "interpolant", place: int = -1) -> float:
    """Return what training may leave of 1 − `share`.

    Of the residual y no direction keeps more than the remainder of the slowest mode, and the flow errs by its
    tolerance; beside the samples a residual r is seen as K_* K⁻¹ r.
    """
    x, y, points = record["x"], record["y"], record["exact_points"]
    known, cross = (_kernel(record, at, x, place) for at in (x, points))
    size = np.linalg.norm(np.linalg.solve(known, cross.T), 2) * np.linalg.norm(y)
    _, way = _off(record, name, place)
    return float((record["remainder"] + TOLERANCE) * size / np.linalg.norm(way))


def _off(record: Record, name: str, place: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what f is off another function, and the way there from the natural spline."""
    f, other = (np.atleast_2d(record[part])[place] for part in ("predictions", f"exact_{name}"))
    return f - other, other - record["exact_natural"]


def _reaches(record: Record) -> np.ndarray:
    return record["reach"] / 2.0 ** np.arange(len(record["predictions"]))[::-1]


def _kernel(record: Record, points: np.ndarray, x: np.ndarray, place: int) -> np.ndarray:
    if record["experiment"] == "tangent":
        return splines.tangent_kernel(points, x, record["reach"], record["output"])
    return splines.breakpoint_kernel(points, x, _reaches(record)[place], sides=record["sides"])


def correction(record: Record, power: int = 1) -> float:
    """Return L (f_L − natural spline), or with another power of L, along its limit, extrapolated from L/2 and L."""
    limit, reach = record["exact_correction"], _reaches(record)
    along = reach**power * ((record["predictions"] - record["exact_natural"]) @ limit) / (limit @ limit)
    return float(2 * along[-1] - along[-2])


def variation_over_least(record: Record) -> float:
    """Return ∫|f''| between the outer samples over that of the linear spline."""
    return float(record["variation"] / record["exact_linear_variation"])


def log_excess(record: Record, time: int = -1) -> float:
    """Return log(F − min F of the network / of the natural cubic spline)."""
    least = record["exact_minimum"]
    return float(np.log((record["energy"][time] - least) / (record["exact_cubic"] - least)))


def cost_over_least(record: Record, cubic: bool = False) -> float:
    """Return R/R*, R = max(∫|f''|, |f'(−∞) + f'(∞)|) of the network or of the natural cubic spline, R* the least's."""
    cost = record["exact_cubic"] / record["strength"] if cubic else record["cost"]
    return float(cost / record["exact_cost"])


def cost_left(record: Record) -> float:
    """Return what the excess ΔF of the network allows of |R/R* − 1|.

    F is 1/n-strongly convex in f, so that |f − f*|² ≤ 2n ΔF, and λ|R − R*| ≤ ΔF + |½MSE − ½MSE*|.
    """
    excess = record["energy"][-1] - record["exact_lower"]
    residual = np.sqrt(np.mean((record["exact_values"] - record["y"]) ** 2))
    return float((2 * excess + residual * np.sqrt(2 * excess)) / record["strength"] / record["exact_cost"])


def share_of_pieces(record: Record) -> float:
    """Return the linear pieces, as they look, over n − 1."""
    return float(record["pieces"] / (record["samples"] - 1))


def log_reach(record: Record, middles: bool = False) -> float:
    """Return log(mean distance of ∫|f''| to the nearest sample, or middle of two / that of an even one to a sample)."""
    x, weight = record["x"], np.abs(record["bends"])
    places = (x[1:] + x[:-1]) / 2 if middles else x
    near = np.abs(record["knots"][:, None] - places).min(axis=1)
    even = np.sum(np.diff(x) ** 2) / 4 / (x[-1] - x[0])
    return float(np.log(near @ weight / weight.sum() / even))


def excess_over_gap(record: Record, time: int = -1) -> float:
    """Return the excess over the certified gap at the end: the largest of all times, or the excess at one of them."""
    excess = record["energy"] - record["exact_minimum"]
    return float(np.max(excess / record["gap"]) if time < 0 else excess[time] / record["gap"][-1])


def knots_over_half(record: Record, within: float = 1.0) -> float:
    """Return the knots in (−1, 1), or in a smaller interval, over half the particles."""
    return float(np.sum(np.abs(record["knots"]) < within) / (record["particles"] / 2))

"""Measures of functions of one input by where and how much they bend, and by the splines that they are near."""

import numpy as np

from simulations.records.record import Record


def log_distance(record: Record, name: str = "interpolant") -> float:
    """Return log(distance to a function / to the natural cubic spline), at the edges of cells and the largest L."""
    f, other = np.atleast_2d(record["predictions"])[-1], np.atleast_2d(record[f"exact_{name}"])[-1]
    return float(np.log(np.abs(f - other).max() / np.abs(f - record["exact_natural"]).max()))


def correction(record: Record, share: float = 1.0) -> float:
    """Return L (f_L − natural spline) along its limit, or a share of that, extrapolated from L/2 and L."""
    limit, size = share * record["exact_correction"], len(record["predictions"])
    reach = record["reach"] / 2.0 ** np.arange(size)[::-1]
    along = reach * ((record["predictions"] - record["exact_natural"]) @ limit) / (limit @ limit)
    return float(2 * along[-1] - along[-2])


def variation_over_least(record: Record) -> float:
    """Return ∫|f''| between the outer samples over that of the linear spline."""
    return float(record["variation"] / record["exact_linear_variation"])


def log_excess(record: Record, time: int = -1) -> float:
    """Return log(F − min F of the network / of the natural cubic spline)."""
    least = record["exact_minimum"]
    return float(np.log((record["energy"][time] - least) / (record["exact_cubic"] - least)))


def cost_over_bound(record: Record, cubic: bool = False) -> np.ndarray:
    """Return |R − R*| over what the excess ΔF of the network allows, R = max(∫|f''|, |f'(−∞) + f'(∞)|).

    There is no such number where the minimum is 0.
    F is 1/n-strongly convex in f, so that |f − f*|² ≤ 2n ΔF, and λ|R − R*| ≤ ΔF + |½MSE − ½MSE*|.
    """
    least, strength = record["exact_minimum"], record["strength"]
    cost = record["exact_cubic"] / strength if cubic else record["cost"]
    excess = record["energy"][-1] - record["exact_lower"]
    residual = np.sqrt(np.mean((record["exact_values"] - record["y"]) ** 2))
    bound = (2 * excess + residual * np.sqrt(2 * excess)) / strength
    return np.ravel(abs(cost - record["exact_cost"]) / bound) if least > 0 else np.empty(0)


def share_of_pieces(record: Record) -> float:
    """Return the linear pieces, as they look, over n + 1."""
    return float(record["pieces"] / (record["samples"] + 1))


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


def knots_over_half(record: Record, share: float = 0.5) -> float:
    """Return the knots in (−1, 1) over half the particles."""
    return float((record["all_pieces"] - 1) / (share * record["particles"]))

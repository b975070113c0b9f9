"""Measures of the large-step study: what is observed on the way, and what is read off its runs."""

import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from simulations.records.record import Record
from theory import large_steps

LARGE = 0.8
"""The step (mean-field time) for which a run of small steps is asked whether it would be too sharp."""


def output(objective: mf.Objective, mu: mf.Particles) -> jax.Array:
    """f at the one datum."""
    return objective.predict(mu)[0]


def curvature(objective: mf.Objective, mu: mf.Particles) -> jax.Array:
    """(1/m) Σ_j (a_j² + w_j²)."""
    return jnp.dot(mu.mass, jnp.sum(jnp.square(mu.position), axis=1))


def growth_error(record: Record, *, share: float = 1.0) -> float:
    """Distance of the leading error from |1 − hλ|^k times that of the start, over the rounding; the largest seen.

    With another `share` the growth is predicted for that share of the step.
    """
    error = np.abs((record["predictions"] - record["y"]) @ record["leading"])
    steps, size, local = record["seen"][1:], float(record["step"]), float(record["rounding"])
    predicted = large_steps.growth(share * size, 1.0) ** steps * error[0]
    return float(np.max(np.abs(error[1:] - predicted) / large_steps.growth_rounding(steps, size, local, error[0])))


def largest_rise(record: Record) -> float:
    """The largest logarithm of a ratio of risks, later over earlier, between steps seen one after the other."""
    return float(np.max(np.diff(np.log(record["risk"]))))


def total_rise(record: Record) -> float:
    """log(risk at the end / risk at the start)."""
    return float(np.log(record["risk"][-1] / record["risk"][0]))


def windows(record: Record) -> np.ndarray:
    """Where in `seen` a pair of consecutive steps of the second half begins."""
    seen = record["seen"]
    return np.flatnonzero((np.diff(seen) == 1) & (seen[:-1] >= seen[-1] // 2))


def pairs(record: Record) -> tuple[np.ndarray, np.ndarray]:
    """(hS/2, risk) [windows], means over two consecutive steps: descent at the edge has period two."""
    at = windows(record)
    edge = record["step"] * record["sharpness"] / 2
    return (edge[at] + edge[at + 1]) / 2, (record["risk"][at] + record["risk"][at + 1]) / 2


def hovering(record: Record) -> float:
    """hS/2 as the oscillation dies: the intercept of its line in the risk.

    The ends of an oscillation see another curvature than its centre; the difference is of the order of its square.
    """
    edge, risk = pairs(record)
    apart = risk - risk.mean()
    slope = np.sum(apart * edge) / np.sum(apart**2)
    return float(edge.mean() - slope * risk.mean())


def rising(record: Record) -> float:
    """Share of the steps of the second half at which the risk rises."""
    at = windows(record)
    return float(np.mean(record["risk"][at + 1] > record["risk"][at]))


def too_sharp(record: Record, *, at: int = -1) -> float:
    """S over 2/h of the large step h, where S is the sharpness after small steps (or at another time)."""
    return float(record["sharpness"][at]) * LARGE / 2


def map_error(record: Record, *, linear: bool = False) -> float:
    """Distance of (f, λ) from the map of those one step before, over the rounding; the largest."""
    alone = np.flatnonzero(np.diff(record["seen"]) == 1)
    scale, m = np.sqrt(record["particles"]), record["particles"]
    f, curvature = record["output"], record["curvature"]
    # Beyond α/h = α the steps of a run that diverges square what is wrong.
    fine = (np.abs(f[alone + 1]) < scale) & np.isfinite(f[alone])
    f0, c0, f1, c1 = (part[at][fine] for at in (alone, alone + 1) for part in (f, curvature))
    mapped = large_steps.catapult_step(f0, c0, 1.0, scale, linear=linear)
    rounding = large_steps.catapult_rounding(f0, c0, 1.0, scale, m)
    return float(max(np.max(np.abs(f1 - mapped[0]) / rounding[0]), np.max(np.abs(c1 - mapped[1]) / rounding[1])))


def peak(record: Record, *, steps: int | None = None) -> float:
    """The largest loss f²/2 of a path, or of so many of its steps."""
    return float(np.max(record["output"][: None if steps is None else steps + 1] ** 2 / 2))


def rise(record: Record) -> float:
    """The largest loss after the first step over that of the start; at most 10¹²."""
    loss = record["output"] ** 2
    return float(min(np.max(loss[1:]) / loss[0], 1e12))


def end_curvature(record: Record) -> float:
    """hλ/2 at the end; at most 10¹²."""
    return float(min(record["curvature"][-1] / 2, 1e12))


def least_curvature(record: Record) -> float:
    """The least hλ/4 on the way."""
    return float(np.min(record["curvature"]) / 4)

"""Plots of your own runs, in matplotlib's manner: each function draws on `ax` (the current axes, if none is given) and
returns it. Matplotlib is loaded when the first is called. These are your plots: your style sheets, `matplotlibrc` and
`rcParams` hold in them, as they do not in the figures of the studies.

>>> import jax, meanfield as mf
>>> from matplotlib.figure import Figure
>>> unit, x = mf.Neuron("relu"), jax.random.normal(jax.random.key(1), (20, 2))
>>> objective = mf.Objective(unit, mf.Square(), x, x[:, 0])
>>> mu = mf.Particles.doubled(jax.random.key(0), unit, m=40, d=2)
>>> run = mf.simulate(objective, mf.GradientFlow(0.1), mu, times=10.0, observables=[mf.Risk(), mf.Positions()])
>>> axes = Figure().subplots(1, 3)
>>> _ = mf.plot.risk(run, ax=axes[0]), mf.plot.particles(run, ax=axes[1]), mf.plot.predictor(run, ax=axes[2])
>>> axes[0].get_xlabel(), axes[0].get_ylabel()
('time t (mean-field time)', 'R (loss)')
"""

import re
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from meanfield import observables
from meanfield.arguments import said
from meanfield.arguments.meant import instance
from meanfield.objectives.abstract import AbstractObjective
from meanfield.particles import Particles
from meanfield.simulation.simulate import Trajectory
from meanfield.units.neuron import AbstractUnit, Neuron

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POSITIVE, NEGATIVE, NEUTRAL, PREDICTOR = "#009E73", "#CC79A7", "#6E6E6E", "#D55E00"
"""Output weights above and below zero, what has no sign, and f: as in figures, films and the explorer."""

CONTOURS = 201
"""Points a side on which a predictor of one or two inputs is drawn."""

__all__ = ["particles", "predictor", "risk", "trajectory"]


def trajectory(run: Trajectory, *names: str, ax: "Axes | None" = None, label: str | None = None, **style) -> "Axes":
    """Plot observed values in time: one line a name (all that are one number a time, if none is given).

    Axes are logarithmic where all that is drawn is positive, and the time 0 is then left out. `label` stands before
    the symbol in the legend, to tell runs apart; `style` goes to `Axes.plot`.

    Raises `ValueError` for a name that was not observed, or that is no single number.
    """
    instance("run", run, Trajectory)
    scalars = [name for name, value in run.values.items() if np.ndim(value) == 1]
    for name in names:
        if not isinstance(name, str) or name not in scalars:
            raise ValueError(
                f"{said('name', name)}: expected one of {', '.join(scalars) or 'none'}, numbers observed in time."
            )
    ax = _axes(ax)
    shown = names or tuple(scalars)
    late = np.asarray(run.times) > 0
    for name in shown:
        symbol, _ = _words(name)
        text = symbol if label is None else f"{label}: {symbol}" if len(shown) > 1 else label
        ax.plot(run.times[late], np.asarray(run.values[name])[late], label=text, **style)
    values = [line.get_ydata() for line in ax.get_lines()]
    positive = all(np.all(np.asarray(value) > 0) for value in values)
    ax.set(xscale="log", yscale="log" if positive else "linear", xlabel="time t (mean-field time)")
    units = {_words(name)[1] for name in shown}
    if len(shown) == 1:
        ax.set_ylabel("{} ({})".format(*_words(shown[0])))
    else:
        ax.set_ylabel(units.pop() if len(units) == 1 else "value (units as observed)")
    if len(ax.get_lines()) > 1:
        ax.legend()
    return ax


def risk(run: Trajectory, *, ax: "Axes | None" = None, label: str | None = None, **style) -> "Axes":
    """Risk on the training set and, where it was observed, on the test set; see `trajectory`.

    Raises `ValueError` for a run that observed neither.
    """
    instance("run", run, Trajectory)
    names = [name for name in ("risk", "test_risk") if name in run.values]
    if not names:
        raise ValueError(f"run: observed {', '.join(run.values) or 'nothing'}; expected Risk or TestRisk among it.")
    return trajectory(run, *names, ax=ax, label=label, **style)


def particles(
    of: Trajectory | Particles,
    unit: AbstractUnit | None = None,
    *,
    coordinates: tuple[int, int] = (0, 1),
    ax: "Axes | None" = None,
    **style,
) -> "Axes":
    """Particles in a plane, with their paths if `of` is a run that observed `Positions`.

    A neuron a σ(w·x + b) is drawn at two coordinates of |a|(w, b), and coloured by the sign of its (first) a: what it
    contributes, for homogeneous σ. Of other units two coordinates of θ are drawn. Areas are proportional to masses.

    **Arguments:**

    - `of`: a `Trajectory`, or `Particles` with the `unit` that they belong to.
    - `coordinates`: which two of (w_1 … w_d[, b]), or of θ; counted from 0.
    - `style`: for `Axes.scatter`.

    Raises `ValueError` for particles without a unit, and for coordinates that they do not have.
    """
    if not isinstance(of, Trajectory):
        instance("of", of, Particles)
    mu, unit = (of.particles, of.objective.unit) if isinstance(of, Trajectory) else (of, unit)
    if unit is None:
        raise ValueError("unit=None: expected the unit whose parameters the particles are.")
    instance("unit", unit, AbstractUnit)
    where, signs, names = _places(unit, np.asarray(mu.position))
    chosen = _two("coordinates", coordinates, where.shape[1])
    ax = _axes(ax)
    colors = np.where(signs > 0, POSITIVE, NEGATIVE) if signs is not None else np.full(len(where), NEUTRAL)
    if isinstance(of, Trajectory) and "positions" in of.values:
        path = np.stack([_places(unit, np.asarray(one))[0][:, chosen] for one in of.values["positions"]])
        for j in range(path.shape[1]):
            ax.plot(*path[:, j].T, color=colors[j], lw=0.6, alpha=0.5)
        ax.plot(*path[0].T, ".", color=NEUTRAL, ms=2)
    mass = np.asarray(mu.mass)
    ax.scatter(*where[:, chosen].T, **{"s": 20 * mass / mass.mean(), "c": colors, "zorder": 3, **style})
    ax.set(xlabel=names[chosen[0]], ylabel=names[chosen[1]])
    return ax


def predictor(
    of: Trajectory | AbstractObjective, mu: Particles | None = None, *, ax: "Axes | None" = None, **style
) -> "Axes":
    """The function that the particles are, with the samples: a line for one input, a map for two; for more inputs
    predictions against targets.

    `of` is a `Trajectory`, or an objective with the particles `mu`; `style` goes to `Axes.plot`, or to `pcolormesh`
    for two inputs. Raises `ValueError` for an objective without particles or with more than one output.
    """
    if not isinstance(of, Trajectory):
        instance("of", of, AbstractObjective)
    objective, mu = (of.objective, of.particles) if isinstance(of, Trajectory) else (of, mu)
    if mu is None:
        raise ValueError("mu=None: expected the particles of the predictor.")
    instance("mu", mu, Particles)
    x, y = np.asarray(objective.x), np.asarray(objective.y)
    if y.ndim > 1:
        raise ValueError(f"y has shape {y.shape}: expected one output a sample.")
    ax, d = _axes(ax), x.shape[1]
    if d > 2:
        ax.plot(y, np.asarray(objective.predict(mu)), ".", **{"color": PREDICTOR, **style})
        ends = [y.min(), y.max()]
        ax.plot(ends, ends, color="black", lw=0.8)
        ax.set(xlabel="target y (output)", ylabel="prediction f (output)")
        return ax
    low, high = x.min(axis=0), x.max(axis=0)
    sides = [np.linspace(a - 0.1 * (b - a), b + 0.1 * (b - a), CONTOURS) for a, b in zip(low, high, strict=True)]
    points = np.stack([one.ravel() for one in np.meshgrid(*sides)], axis=1)
    f = np.asarray(objective.predict(mu, jnp.asarray(points, x.dtype)))
    if d == 1:
        ax.plot(points[:, 0], f, **{"color": PREDICTOR, "label": "f", **style})
        ax.plot(x[:, 0], y, "o", color=NEUTRAL, ms=4, label="samples")
        ax.set(xlabel="input x", ylabel="f (output)")
        ax.legend()
        return ax
    largest = max(np.abs(f).max(), np.abs(y).max())
    scale: dict[str, Any] = {"cmap": "PuOr_r", "vmin": -largest, "vmax": largest}
    drawn = ax.pcolormesh(*sides, f.reshape(CONTOURS, CONTOURS), **{**scale, "rasterized": True, **style})
    ax.scatter(*x.T, c=y, edgecolors="black", linewidths=0.6, s=24, **scale)
    ax.figure.colorbar(drawn, ax=ax, label="f, and y in circles (output)")
    ax.set(xlabel="input x₁", ylabel="input x₂")
    return ax


def _axes(ax: "Axes | None") -> "Axes":
    import matplotlib.pyplot as plt
    from matplotlib.axes import Axes

    if ax is None:
        return plt.gca()
    if not isinstance(ax, Axes):
        hint = " Did you mean one of them, such as ax[0]?" if isinstance(ax, np.ndarray) else ""
        raise ValueError(f"{said('ax', ax)}: expected axes of matplotlib, or None.{hint}")
    return ax


def _two(name: str, value, count: int) -> list[int]:
    """Two whole numbers from 0 to `count` − 1."""
    pair = list(value) if isinstance(value, tuple | list | np.ndarray) else []
    if len(pair) != 2 or not all(isinstance(i, int | np.integer) and 0 <= i < count for i in pair):
        raise ValueError(f"{said(name, value)}: expected two of 0 to {count - 1}.")
    return [int(i) for i in pair]


def _words(name: str) -> tuple[str, str]:
    """Symbol and unit of an observable of the package; the name itself for a function of the user's."""
    for kind in (getattr(observables, one) for one in observables.__all__):  # loaded on first use, so not in `vars`
        if isinstance(kind, type) and getattr(kind, "name", None) == name:
            return re.sub(r"_(\w+)$", r"$_\\mathrm{\1}$", kind.symbol), kind.unit
    return name, "value"


def _places(unit: AbstractUnit, position: np.ndarray) -> tuple[np.ndarray, np.ndarray | None, list[str]]:
    """Where particles are drawn, the sign of what they contribute if it has one, and the names of the coordinates."""
    if type(unit) is not Neuron:
        return position, None, [f"parameter θ{_index(i)}" for i in range(position.shape[1])]
    a, rest = position[:, : unit.outputs], position[:, unit.outputs :]
    size = np.linalg.norm(a, axis=1, keepdims=True)
    d = rest.shape[1] - unit.bias
    names = [f"|a| w{_index(i)} (parameter²)" for i in range(d)] + ["|a| b (parameter²)"] * unit.bias
    return size * rest, np.sign(a[:, 0]), names


def _index(i: int) -> str:
    return str(i + 1).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))

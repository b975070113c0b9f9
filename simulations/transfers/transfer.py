"""How the best step moves with the width, for a parametrisation, an optimiser and data of one's own."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax

import meanfield as mf
from meanfield.arguments import floating_array, one_of, positive_count, positive_number
from meanfield.diagnosis.diagnose import LOSSES
from simulations.transfers.exponent import Law, law
from simulations.transfers.optimisers import Make, factor_of
from simulations.transfers.optimisers import optimiser as named
from simulations.transfers.report import TransferReport, row
from simulations.transfers.scalings import scaling
from simulations.transfers.search import Curve, curve
from simulations.transfers.training import Task
from simulations.transfers.widths import widths_of
from theory import width_exponents

WIDE = 256
"""The exponent is that of widths from here on, where three of them are: narrower networks bend the line."""

LEARNED = 1e-4
"""Where the loss falls below this share of that of the start, nothing is left by which steps could be told apart."""


def transfer(
    parametrisation: str = "mup",
    optimiser: str | Make = "sgd",
    widths: Any = "32:4096",
    *,
    x: Any = None,
    y: Any = None,
    updates: Any = 100,
    seeds: Any = 8,
    activation: Any = "relu",
    loss: str = "square",
    batch: Any = None,
    momentum: Any = 0.9,
    factor: str = "ratio",
    layers: str = "both",
    progress: Callable[[Curve], None] | None = None,
) -> TransferReport:
    r"""Return which step trains best at each width, as which power of the width it goes, and whether it transfers.

    Networks f(x) = s Σ_j a_j σ(w_j·x + b_j) take a number of updates with each step of a grid, from several starts. The
    best step is the one whose mean training loss, over seeds and the last tenth of the updates, is least.

    **Arguments:**

    - `parametrisation`: "standard" (dense layers as frameworks start them), "tangent", or "mup": see
      `simulations.transfers.scalings`. A step is a learning rate; in muP it is what is multiplied by m and 1/m.
    - `optimiser`: "sgd", "momentum", "adam", "muon" (with `factor` "none", "ratio" √(out/in), "clipped" √max(1, out/in)
      or "rms" 0.2 √max(out, in), on "both" `layers` or the "hidden" one alone beside gradient descent of the readout),
      or "spectral". Or a function of the step that makes an optax optimiser of it, such as `optax.adamw`, of weights
      {"hidden": [m, d + 1], "readout": [k, m]}, biases in the last column.
    - `momentum`: of "momentum" and "muon".
    - `widths`: as `simulations.transfers.widths.widths_of` takes them. The exponent is that of widths from 256 on,
      where three are.
    - `x` [n, d], `y` [n] or [n, k]: data; without them 64 samples of a teacher of three ReLU neurons, d = 8.
    - `updates`, `batch`: number of updates, each on all samples, or on a batch drawn with replacement.
    - `seeds`: how many starts at each width, 3 or more.
    - `activation`, `loss`: σ, and "square" (½ (f − y)²), "mse" or "logistic".
    - `progress`: is called with the `Curve` of every width.

    Raises `ValueError` for arguments that are none of these.

    >>> import simulations
    >>> report = simulations.transfer("mup", widths=[8, 16, 32], updates=10, seeds=3)
    >>> [row["width"] for row in report.rows], report.predicted
    ([8, 16, 32], 0.0)
    """
    chosen, kind, weight = scaling(parametrisation), *LOSSES[one_of("loss", loss, LOSSES)]
    several, count = widths_of(widths), positive_count("seeds", seeds, most=10_000)
    if count < 3:
        raise ValueError(f"seeds={count}: expected 3 or more, for intervals.")
    one_of("layers", layers, ("both", "hidden"))
    if layers == "hidden" and optimiser != "muon":
        raise ValueError("layers='hidden': only muon trains one layer apart; expected both.")
    make = named(optimiser, _share(momentum))
    x, y = _data(x, y)
    outputs = 1 if y.ndim == 1 else y.shape[1]
    task = Task(
        x, y, make, chosen, polar=optimiser == "muon", factor=factor_of(optimiser, factor), layers=layers,
        loss=kind, weight=weight,
        unit=mf.Neuron(activation, bias=True, outputs=outputs), updates=positive_count("updates", updates, most=10**7),
        batch=None if batch is None else positive_count("batch", batch), seeds=tuple(range(count)),
    )  # fmt: skip
    curves: list[Curve] = []
    for width in several:
        curves.append(curve(width, partial(task.losses, width), _near(curves, width)))
        if progress is not None:
            progress(curves[-1])
    wide = WIDE if sum(width >= WIDE for width in several) >= 3 else several[0]
    fitted = law(curves, wide)
    predicted = None
    if isinstance(optimiser, str):
        words: Any = parametrisation, optimiser, factor, layers  # each was checked above
        predicted = float(width_exponents.best_step(*words).value)
    return TransferReport(
        parametrisation=parametrisation,
        optimiser=_words(optimiser, factor, layers),
        rows=tuple(row(one.width, best, one.losses) for one, best in zip(curves, fitted.best, strict=True)),
        measured=fitted.exponent,
        error=fitted.error,
        predicted=predicted,
        updates=task.updates,
        notes=_notes(curves, fitted, predicted),
        law=fitted,
        curves=tuple(_drawn(one) for one in curves),
    )


def _share(momentum: Any) -> float:
    number = float(positive_number("momentum", momentum, zero=True))
    if number >= 1:
        raise ValueError(f"momentum={number:g}: expected a number of at least 0 and below 1.")
    return number


def _data(x: Any, y: Any) -> tuple[jax.Array, jax.Array]:
    """Return the data that were given; without them those of a teacher, with inputs of entries of order one."""
    if (x is None) != (y is None):
        raise ValueError("x, y: expected both of them, or none.")
    if x is None:
        made = mf.datasets.teacher(jax.random.key(0), n=64, d=8, n_test=1)
        return made.x * made.d**0.5, made.y
    x = floating_array("x", x, "n d")
    y = floating_array("y", y, "n", "n k", dtype=x.dtype)
    if len(y) != len(x):
        raise ValueError(f"y has {len(y)} rows: expected {len(x)}, as x has.")
    return x, y


def _near(curves: Sequence[Curve], width: int) -> float | None:
    """Return where the best step of the next width is looked for: where the last two point to."""
    if len(curves) < 2:
        return curves[-1].best if curves else None
    before, last = curves[-2:]
    power = math.log(last.best / before.best) / math.log(last.width / before.width)
    return last.best * (width / last.width) ** power


def _notes(curves: Sequence[Curve], fitted: Law, predicted: float | None) -> tuple[str, ...]:
    """Return a sentence for everything that makes the numbers less than they seem."""
    notes = [
        f"at width {one.width} the loss still falls at the end of the steps that were tried ({one.best:.3g}); there "
        f"may be no best step."
        for one in curves
        if not one.inside
    ]
    flat = [one.width for one in curves if one.losses.mean(axis=1).min() < LEARNED * one.start]
    if flat:
        notes.append(
            f"at width {flat[0]}{' and others' if len(flat) > 1 else ''} the best loss is below {LEARNED:g} of the "
            f"start's, where many steps are as good: fewer updates make the best one sharper."
        )
    if fitted.fitted[0] < WIDE:
        notes.append(f"fewer than three widths of at least {WIDE}: narrow networks may bend the line.")
    if predicted is not None and abs(fitted.exponent - predicted) > fitted.error:
        notes.append(
            f"the prediction {predicted:g} of m → ∞ is outside of the interval: at these widths the limit is not "
            f"reached, or the loss does not follow one residual."
        )
    return tuple(notes)


def _words(optimiser: Any, factor: str, layers: str) -> str:
    """Return the name of an optimiser with what it was told."""
    if callable(optimiser):
        return getattr(optimiser, "__name__", type(optimiser).__name__)
    if optimiser != "muon":
        return optimiser
    return f"muon, factor {factor}, {'both layers' if layers == 'both' else 'hidden layer'}"


def _drawn(one: Curve) -> dict[str, Any]:
    """Return a curve as what is drawn of it."""
    losses = one.losses
    return {"width": one.width, "steps": one.steps, "mean": losses.mean(axis=1), "low": losses.min(axis=1),
            "high": losses.max(axis=1)}  # fmt: skip

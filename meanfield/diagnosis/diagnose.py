"""Is a trained network lazy? From its weights before and after, and its data."""

import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from meanfield.arguments import floating_array, one_of, positive_count, real_numbers, said
from meanfield.arguments.meant import instance
from meanfield.diagnosis import kernels, linearised
from meanfield.diagnosis.curvature import largest_step as stable_step
from meanfield.diagnosis.intervals import Interval, bootstrap, mean
from meanfield.diagnosis.model import Model, largest, of_function, risks, two_layers
from meanfield.diagnosis.movement import movement, norms
from meanfield.diagnosis.report import Report, judged
from meanfield.networks.weights import Network, arrays_of, multiplier, own_parametrisation
from meanfield.objectives.losses import AbstractLoss, Logistic, Square

LOSSES = {"square": (Square(), 1.0), "mse": (Square(), 2.0), "logistic": (Logistic(), 1.0)}
"""Losses by name, with what they are multiplied by: mean squared error is twice `Square()`."""

MOST_STEPS = 10**7
"""Steps of gradient descent that are made again; of more nobody would wait for the end."""

ROWS = 512
"""Rows of a tangent kernel, samples times outputs: of more samples as many are drawn."""


def diagnose(
    initial: Any,
    trained: Any,
    x: Any,
    y: Any,
    x_test: Any = None,
    y_test: Any = None,
    step: Any = None,
    steps: Any = None,
    *,
    model: Any = None,
    activation: Any = "relu",
    parametrisation: Any = "standard",
    loss: Any = "square",
    resamples: int = 1000,
    seed: int = 0,
) -> Report:
    r"""Return whether training changed what the network can express, or only moved it in its tangent space.

    **Arguments:**

    - `initial`, `trained`: weights before and after training, in anything that `from_weights` takes. With a `model`,
      its parameters: any tree of arrays. Of a `Network` the weights are its particles, and s = α/m.
    - `x` [n, d], `y` [n] or [n, k]: training data; `x_test`, `y_test`: test data, on which predictions are compared.
    - `step`, `steps`: learning rate and number of steps of full gradient descent. `step` may be a mapping from the
      names of the weights (W, b, a, c, or the keys of a model's parameters) to a rate each. Without them nothing is
      said about the linearised network, and the verdict rests on the kernel; so it does where gradient descent made
      again from `initial` does not lead to `trained`, as after training by something else.
    - `model`: f(params, x) → [n] or [n, k], of any depth. Without it the network is s Σ_j a_j σ(w_j·x + b_j) + c.
    - `activation`, `parametrisation`: σ and s, as in `from_weights`: "standard", "tangent", "mean_field", or a
      `Parametrisation`, as where the output is multiplied by something else.
    - `loss`: "square" (½ (f − y)²), "mse" (PyTorch's `MSELoss`, twice as much), "logistic", or a loss such as
      `Square()`; its steps are those of the mean over samples.
    - `resamples`, `seed`: of the bootstrap over samples, and of the choice of samples for kernels.

    **Returns:** a `Report`: `verdict` "lazy", "between" or "rich" with its `reason`, and `kernel_change`,
    `kernel_cosine`, `linear_gap`, `replay_gap`, `risk`, `linear_risk`, `largest_step`, each a value with an interval.
    Kernels are of at most 512 rows, samples times outputs; memory does not grow with the samples beyond one pass over
    them.

    Raises `ValueError` for weights of another network, targets that do not fit, and half of a test set or of a step.

    >>> import numpy as np, meanfield as mf
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(40, 3)); y = x[:, 0]
    >>> W, a = rng.normal(size=(256, 3)), rng.normal(size=(1, 256)) / 16
    >>> report = mf.diagnose({"W": W, "a": a}, {"W": W + 1e-3, "a": a}, x, y)
    >>> report.verdict, report.kernel_change.value < 0.01
    ('lazy', True)

    Source: Chizat, Oyallon & Bach (2019) for the comparison with the linearised model.
    """
    x = floating_array("x", x, "n d")
    # The numbers of the data are those of everything: weights of another type are converted.
    described = _model(initial, trained, model, activation, parametrisation, step)
    kind, weight = _loss(loss)
    y = _targets("y", kind, y, described, x)
    if (x_test is None) != (y_test is None):
        raise ValueError("x_test, y_test: expected both of them, or none.")
    tested = x if x_test is None else floating_array("x_test", x_test, "n d", dtype=x.dtype)
    if tested.shape[1] != x.shape[1]:
        raise ValueError(f"x_test has {tested.shape[1]} columns: expected {x.shape[1]}, as x has.")
    for name, value in (("x", x), ("x_test", tested)):
        if len(value) < 2:
            raise ValueError(f"{name} has 1 row: expected at least 2, since intervals are over samples.")
    y_tested = y if y_test is None else _targets("y_test", kind, y_test, described, tested)
    if steps is not None and step is None:
        raise ValueError(f"steps={steps}: expected the step as well.")
    values = {"resamples": positive_count("resamples", resamples, most=100_000), "seed": _seed(seed)}
    count = None if steps is None else positive_count("steps", steps, most=MOST_STEPS)
    first, last, targets = _kernels(described, x, y, seed)
    changed, cosine = kernels.change(first, last, **values)
    still = jax.tree.map(jnp.zeros_like, described.initial)
    whole = described._replace(initial=described.trained)
    f = linearised.predict(linearised.own, whole, still, tested)
    linear = gap = gain = replay = None
    diverges = False
    curves: dict[str, tuple] = {}
    lost = np.asarray(risks(kind, jnp.asarray(f), y_tested), float)
    if count is not None:
        rate = weight * largest(step)
        straight = linearised.descend(linearised.linear, described, kind, x, y, rate, count)
        again = linearised.descend(linearised.own, described, kind, x, y, rate, count)
        lin = linearised.predict(linearised.linear, described, straight.moved, tested)
        lin = np.where(np.isfinite(lin), lin, np.inf)  # beyond 2/λ of the start the linearised network diverges
        # Descent on a convex risk goes up only beyond 2/λ.
        diverges = not straight.risk[-1] <= straight.risk[0]
        curves = {
            "steps": straight.steps,
            "linear_risk": _list(straight.risk, weight),
            "risk": _list(again.risk, weight),
        }
        start = linearised.predict(linearised.own, described, still, tested)
        if np.array_equal(f, start) and not np.array_equal(f, lin):
            raise ValueError("trained: has the predictions of initial; expected the weights after training.")
        gap = bootstrap(_gap(f, lin, start), len(f), **values)
        made = linearised.predict(linearised.own, described, again.moved, tested)
        replay = bootstrap(_gap(f, np.where(np.isfinite(made), made, np.inf), start), len(f), **values)
        others = np.asarray(risks(kind, jnp.asarray(lin), y_tested), float)
        linear, gain = mean(others, **values), mean(others - lost, **values)
    verdict, reason = judged(changed, gap, replay, diverges)
    chosen = _chosen(len(x), 4 * ROWS, seed)
    stable = stable_step(described, described.trained, kind, x[chosen], y[chosen], **values)
    factor = 1 / weight
    return Report(
        verdict=verdict,
        reason=reason,
        kernel_change=changed,
        kernel_cosine=cosine,
        linear_gap=gap,
        replay_gap=replay,
        risk=_times(mean(lost, **values), weight),
        linear_risk=None if linear is None else _times(linear, weight),
        gain=None if gain is None else _times(gain, weight),
        alignment=(kernels.alignment(first, targets), kernels.alignment(last, targets)),
        movement=movement(described),
        largest_step=_times(stable, factor),
        width=None if model is not None else int(described.initial["W"].shape[0]),
        parametrisation=parametrisation if model is None and isinstance(parametrisation, str) else None,
        spectra=(_spectrum(first), _spectrum(last)),
        curves=curves,
        neurons=norms(described),
        kernels=(first, last),
    )


def _model(initial, trained, model, activation, parametrisation, step) -> Model:
    if model is not None:
        if not callable(model):
            raise ValueError(f"model={model!r:.60}: expected a function of parameters and inputs.")
        return of_function(model, initial, trained, step)
    if isinstance(initial, Network) != isinstance(trained, Network):
        raise ValueError("initial, trained: expected both of them as a Network, or both as weights.")
    if isinstance(initial, Network):
        parametrisation = own_parametrisation(initial)
        if initial.scale != trained.scale:
            raise ValueError(f"trained: its scale is {trained.scale}, expected {initial.scale}, as of initial.")
    m = arrays_of("initial", initial).W.shape[0]
    return two_layers(initial, trained, activation, multiplier(parametrisation, m), step)


def _seed(seed: Any) -> int:
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**32:
        raise ValueError(f"{said('seed', seed)}: expected a whole number from 0 to {2**32 - 1}.")
    return int(seed)


def _loss(loss: Any) -> tuple[AbstractLoss, float]:
    if isinstance(loss, str):
        return LOSSES[one_of("loss", loss, LOSSES)]
    return instance("loss", loss, AbstractLoss), 1.0


def _targets(name: str, loss: AbstractLoss, y: Any, model: Model, x) -> Any:
    """Targets as the loss wants them, for as many samples and outputs; the model is tried on the inputs first."""
    try:
        shape = jnp.shape(model.apply(model.initial, x[:1]))
    except Exception as problem:  # a stranger's function raises what it likes
        if model.hidden is None:
            raise ValueError(f"model: fails at the first sample ({problem}); expected f(params, x).") from None
        d = jnp.shape(model.initial["W"])[1]
        raise ValueError(f"x has {x.shape[1]} columns: the network has {d} inputs.") from None
    if len(shape) != 2 or shape[0] != 1:
        raise ValueError(f"model: has shape {shape} at one sample; expected f(params, x) of shape [n] or [n, k].")
    k = shape[1]
    y = real_numbers(name, y, "real numbers [n] or [n, k]")
    if k > 1 and (y.ndim != 2 or y.shape[1] != k):
        raise ValueError(f"{name} has shape {y.shape}: expected [n, {k}], as the network has {k} outputs.")
    try:
        targets = loss.targets(y[:, 0] if y.ndim == 2 and k == y.shape[1] == 1 else y, k, x.dtype)
    except ValueError as problem:
        raise ValueError(re.sub(r"^y\b", name, str(problem))) from None
    if targets.shape[0] != x.shape[0]:
        raise ValueError(f"{name} has {targets.shape[0]} rows: expected {x.shape[0]}, one a sample.")
    return targets


def _kernels(model: Model, x, y, seed: int):
    """Kernels before and after on samples that are drawn, and their targets [n, k]."""
    k = model.apply(model.initial, x[:1]).shape[1]
    rows = _chosen(len(x), max(ROWS // k, 2), seed)
    some = x[rows]
    first, last = (
        np.asarray(kernels.tangent_kernel(model, params, some), float) for params in (model.initial, model.trained)
    )
    if not (np.isfinite(first).all() and np.isfinite(last).all()):
        raise ValueError(
            f"x: the tangent kernel at these inputs is beyond what {x.dtype} holds; expected inputs and weights of "
            "moderate size."
        )
    for name, kernel in (("initial", first), ("trained", last)):
        if not np.linalg.norm(kernel) > 0:
            raise ValueError(
                f"{name}: the network has no derivative at these inputs, expected weights that can be trained."
            )
    targets = np.asarray(y, float)[rows]
    return first, last, targets.reshape(len(rows), -1)


def _chosen(n: int, most: int, seed: int) -> np.ndarray:
    return np.arange(n) if n <= most else np.sort(np.random.default_rng([seed, 1]).choice(n, most, replace=False))


def _gap(f, lin, start):
    with np.errstate(over="ignore"):  # where the linearised network diverges
        apart, way = np.sum((f - lin) ** 2, axis=1), np.sum((f - start) ** 2, axis=1)

    def ratio(counts):
        if not np.isfinite(apart).all():
            return float("inf")
        total, moved = counts @ apart, counts @ way
        return float(np.sqrt(total / moved)) if moved > 0 else (float("inf") if total > 0 else 0.0)

    return ratio


def _list(values, factor: float) -> tuple[float, ...]:
    return tuple(factor * value for value in values)


def _spectrum(kernel: np.ndarray) -> tuple[float, ...]:
    n, k = kernel.shape[:2]
    return tuple(np.linalg.eigvalsh(kernel.reshape(n * k, n * k) / n)[::-1].tolist())


def _times(interval: Interval, factor: float) -> Interval:
    return Interval(*(factor * value for value in interval))

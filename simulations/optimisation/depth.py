"""The effect of more layers on a linear model: none on what it can express, and much on how fast it learns.

Gradient descent on the factors of W = W_N ⋯ W_1 moves W as if the gradient had been preconditioned by W itself (Arora,
Cohen & Hazan 2018), if the factors are balanced. A deep linear network is one particle here (`mf.units.DeepLinear`),
and one of two factors is as well m particles that are linear neurons.

Whether that is faster depends on the loss. `race` counts iterations until two residuals are small, from a small start,
for a deep and a shallow model and many step sizes. For ℓ4 the step is limited by the large residual at the start, when
a deep model is still slow: it may take longer steps, and learns the small target 27/8 times as soon (N = 2). For ℓ2
with isotropic inputs a shallow model needs one step; where the small curvature has the large target, depth helps again.
"""

from functools import partial
from typing import Any

import numpy as np

from simulations.optimisation._deep_linear import SLOW, Parameters, exact, train
from simulations.records.record import Record, runs
from simulations.study.study import Study, claim
from simulations.verdicts.checks import above, below, bounded, limit, slope
from theory import depth
from theory.prediction import Prediction

ISOTROPIC: dict[str, Any] = {"power": 2.0, "target": 10.0, "initial": 0.05, "tolerance": 1e-3, "patience": 200.0}
CONDITIONED = ISOTROPIC | {"target": 1.0, "second": 10.0, "condition": 100.0, "patience": 64.0}
BEST: dict[str, Any] = {"starts": 4, "patience": 16.0}
GRIDS = {
    "smoke": {"seeds": 7, "depths": (2, 3), "steps": (50, 100, 200), "deep": (2,), "targets": (3.0, 6.0, 12.0)},
    "default": {
        "seeds": 10,
        "depths": (2, 3, 4),
        "steps": (25, 50, 100, 200, 400),
        "deep": (2, 3),
        "targets": (3.0, 6.0, 12.0, 24.0),
    },
    "paper": {
        "seeds": 10,
        "depths": (2, 3, 4, 8),
        "steps": (25, 50, 100, 200, 400, 800, 1600),
        "deep": (2, 3, 4, 8),
        "targets": (3.0, 10.0, 30.0, 100.0),
    },
}


def grid(size: str, seeds: int | None = None, first: int = 0) -> list[Parameters]:
    """The runs of one size; every seed has inputs, targets and starts of its own."""
    sizes = GRIDS[size]
    made = []
    for seed in range(first, first + (sizes["seeds"] if seeds is None else seeds)):
        for n in sizes["depths"]:
            made += [Parameters(depth=n, steps=steps, seed=seed) for steps in sizes["steps"]]
        n = sizes["depths"][1]
        made += [Parameters(part="step", depth=n, steps=steps, seed=seed) for steps in (10**3, 10**4, 10**5)]
        made += [Parameters(depth=n, steps=steps, start="unbalanced", seed=seed) for steps in sizes["steps"]]
        for n in sizes["deep"]:
            race: dict[str, Any] = {"part": "race", "depth": n, "seed": seed}
            made += [Parameters(target=target, **race) for target in sizes["targets"]]
            made += [Parameters(target=target, **(race | BEST)) for target in (1.0, 8.0)]
            made += [Parameters(**kind, **race) for kind in (ISOTROPIC, CONDITIONED)]
    return made


one_step = partial(runs, "end", part="step", start="balanced")
unit_time = partial(runs, "end", part="time")
races = partial(runs, "deep", part="race", second=1.0, condition=1.0)


def deep(select):
    """Restrict `select` to runs with two factors or more."""
    return lambda records: select(records).where(lambda record: record["depth"] > 1)


def two(select):
    """Restrict `select` to `fair` runs of two factors, from a start at which the small target is untouched at first."""
    return lambda records: select(records).where(lambda record: record["initial"] <= 1e-5 and fair(record), depth=2)


def fair(record: Record) -> bool:
    """Return True if the target is large enough to matter, and both models learn both targets at their `SLOW` step."""
    return record["target"] >= 3 and bool(np.all(np.isfinite([record[name][:, SLOW] for name in ("shallow", "deep")])))


def equal(records):
    """ℓ4, both targets 1."""
    return races(power=4.0, target=1.0)(records).where(arrived, depth=2)


def largest(select):
    """Restrict `select` to two factors, the most starts and the largest target, of at least 3, where both `arrived`."""

    def chosen(records):
        records = select(records).where(lambda record: record["target"] >= 3 and arrived(record), depth=2)
        records = records.where(starts=max(records.column("starts"), default=None))
        return records.where(target=max(records.column("target"), default=None))

    return chosen


def isotropic(records):
    """Square loss, equal curvatures, unequal targets."""
    return runs("deep", part="race", power=2.0, condition=1.0, second=1.0)(records).where(
        lambda record: record["target"] >= 10 and arrived(record), depth=2
    )


def conditioned(records):
    """Square loss, the large target where the curvature is small."""
    return runs("deep", part="race", power=2.0, target=1.0)(records).where(
        lambda record: record["condition"] >= 100 and record["second"] >= 10 and arrived(record), depth=2
    )


def distance(record: Record, rule: str = "rule") -> float:
    """|W − W of the rule|."""
    return float(np.linalg.norm(record["end"] - record[f"exact_{rule}"]))


def beyond_first_order(record: Record, factor: float = 1.0) -> float:
    """|W − W of the rule| after one step, over its leading term."""
    return distance(record) * record["steps"] ** 2 / float(factor * np.linalg.norm(record["exact_second_order"]))


def unbalance(record: Record, name: str = "unbalance") -> float:
    """Change of W_{j+1}ᵀ W_{j+1} − W_j W_jᵀ, the largest of all layers."""
    return float(record[name])


def apart(record: Record, name: str = "units") -> float:
    """|W of two factors − W of as many neurons| in units of what rounding may do."""
    return float(np.linalg.norm(record["end"] - record[name]) / record["rounding"])


def sooner(record: Record, shallow: int = SLOW) -> float:
    """Iterations until the small target is learned, one factor over two, each at a quarter of its monotone step."""
    return float(np.mean(record["shallow_second"][:, shallow] / record["deep_second"][:, SLOW]))


def log_gain(record: Record) -> float:
    """log(iterations of the shallow model / of the deep one), each at the best of all steps; mean over starts."""
    return float(np.mean(np.log(np.min(record["shallow"], axis=1) / np.min(record["deep"], axis=1))))


def arrived(record: Record) -> bool:
    """Return True if both models, each at its best step, learn the targets from every start."""
    return bool(np.all(np.isfinite([np.min(record[name], axis=1) for name in ("shallow", "deep")])))


SECOND = Prediction(1.0, "=", "one step from balanced factors, η → 0", "meanfield")
STEP = Prediction(-2.0, "slope", "η → 0, balanced factors", "arora2018depth")
RULE = Prediction(-1.0, "slope", "η → 0 at a fixed time, balanced factors", "arora2018depth")
BALANCE = Prediction(
    -1.0, "slope", "gradient flow keeps W_{j+1}ᵀW_{j+1} − W_jW_jᵀ; each step breaks it by η²", "arora2018depth"
)
SAME = Prediction(1.0, "<=", "the same descent, written as particles", "meanfield")
SOONER = Prediction(depth.speed_up(4.0, 2), "=", "ℓ4, N = 2, y₁ → ∞ from a small start, monotone steps", "meanfield")
GAIN = Prediction(0.0, ">=", "observed at the best of 13 steps; no theorem", "arora2018depth")
NO_GAIN = Prediction(0.0, "<=", "isotropic inputs: one step of gradient descent on W is enough", "arora2018depth")

CLAIMS = (
    claim(
        "one_step", "distance to the end-to-end rule after one step of η, in 1/η", STEP, slope,
        select=deep(one_step()), x="steps", value=distance, drift=True,
        wrong="both exponents doubled", control={"value": partial(distance, rule="doubled")},
    ),
    claim(
        "second_order", "distance to the end-to-end rule after one step, over its leading term in η", SECOND, limit,
        select=deep(one_step()), x="steps", order=1.0, value=beyond_first_order, what="distance / (η² |second order|)",
        wrong="a factor ½, as of a Taylor series", control={"value": partial(beyond_first_order, factor=0.5)},
    ),
    claim(
        "rule", "distance to the end-to-end rule after a unit of time, balanced factors, in steps", RULE, slope,
        select=deep(unit_time(start="balanced")), x="steps", value=distance, drift=True,
        wrong="unbalanced factors", control={"select": deep(unit_time(start="unbalanced"))},
    ),
    claim(
        "balance", "change of W_{j+1}ᵀW_{j+1} − W_jW_jᵀ after a unit of time, in steps", BALANCE, slope,
        select=deep(unit_time(start="balanced")), x="steps", value=unbalance, drift=True,
        wrong="change of W_jᵀW_j", control={"value": partial(unbalance, name="change")},
    ),
    claim(
        "two_layers", "two factors and as many linear neurons, over what rounding may do", SAME, bounded,
        select=runs("units"), value=apart, what="distance / rounding",
        wrong="two factors and the end-to-end rule", control={"value": partial(apart, name="exact_rule")},
    ),
    claim(
        "sooner", "ℓ4: one factor's iterations to learn the small target over those of two", SOONER, limit,
        select=two(races(power=4.0)), x="target", order=2.0, value=sooner, what="ratio of iterations",
        wrong="one factor at half of its step", control={"value": partial(sooner, shallow=SLOW + 2)},
    ),
    claim(
        "gain", "ℓ4: log(iterations of one factor / of two) at the best steps, targets far apart", GAIN, above,
        select=largest(races(power=4.0)), value=log_gain, what="log ratio of iterations",
        wrong="equal targets", control={"select": equal},
    ),
    claim(
        "no_gain", "ℓ2, isotropic: log(iterations of one factor / of two) at the best steps", NO_GAIN, below,
        select=isotropic, value=log_gain, what="log ratio of iterations",
        wrong="large target at small curvature", control={"select": conditioned},
    ),
    claim(
        "conditioned", "ℓ2, large target at small curvature: log(iterations of one factor / of two)", GAIN, above,
        select=conditioned, value=log_gain, what="log ratio of iterations",
        wrong="isotropic", control={"select": isotropic},
    ),
)  # fmt: skip

STUDY = Study(
    name="depth",
    group="optimisation",
    summary="deep linear networks: depth preconditions gradient descent; sooner for ℓ4, later for isotropic ℓ2",
    parameters=Parameters,
    grid=grid,
    run=train,
    predict=exact,
    claims=CLAIMS,
    cost={"smoke": "10 s", "default": "35 s", "paper": "hours (not timed)"},
)

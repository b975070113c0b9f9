"""Weight decay on scale-invariant weights is a learning rate that grows: the same function, to rounding.

Neurons that see their weights by direction alone, a σ(w·x/|w|), turn by η/|w|² a step: weight decay keeps |w| from
growing, and with it the effective rate from falling. Li and Arora (2020): descent with decay λ and a constant rate, and
descent without decay and with a rate that grows exponentially, go through the same functions. With momentum there are
two such rates, one for each root of x² − (1 + γ − ηλ)x + γ, each with a buffer to start from, and none at all if
ηλ > (1 − √γ)². From rest, an exact equivalent of any schedule follows from the same recursion.

Nothing here is statistical: runs are compared step by step with a bound on what rounding can do, which follows the
path and grows where descent is unstable. Wrong rates, buffers and decays are run beside the right ones.
"""

import numpy as np

from simulations.optimisation._exponential_rate import Parameters, descend, predict
from simulations.records.record import Record, Records, runs
from simulations.study.study import Study, claim
from simulations.verdicts.checks import bounded
from theory.prediction import Prediction

KINDS = (
    {},
    {"momentum": 0.5, "start": "larger"},
    {"momentum": 0.5, "start": "smaller"},
    {"momentum": 0.5, "schedule": "drop"},
    {"momentum": 0.5, "batch": 4},
)
MORE = (
    {"momentum": 0.9, "strength": 0.002, "start": "larger"},
    {"momentum": 0.9, "strength": 0.002, "schedule": "cosine"},
    {"momentum": 0.5, "activation": "relu"},
    {"momentum": 0.5, "activation": "erf", "batch": 4, "schedule": "cosine"},
)
FAR = ((0.9, 0.01), (0.5, 0.12))
FURTHER = ((0.5, 0.2), (0.7, 0.05), (0.8, 0.02), (0.9, 0.004), (0.9, 0.03), (0.95, 0.002), (0.95, 0.01))
"""Momentum and decay beyond (1 − √γ)²."""

LARGE = {"particles": 8, "samples": 24, "steps": 150, "replicas": 4}
GRIDS = {
    "smoke": {"seeds": 2, "kinds": KINDS, "beyond": FAR, "network": {}},
    "default": {"seeds": 3, "kinds": KINDS + MORE, "beyond": FAR + FURTHER, "network": LARGE},
    "paper": {
        "seeds": 10,
        "kinds": KINDS + MORE,
        "beyond": FAR + FURTHER,
        "network": LARGE | {"particles": 30, "dimension": 7, "samples": 100, "replicas": 10},
    },
}


def grid(size: str, seeds: int | None = None, first: int = 0) -> list[Parameters]:
    """The runs of one size; every seed has samples, starts and batches of its own."""
    sizes = GRIDS[size]
    made = []
    for seed in range(first, first + (sizes["seeds"] if seeds is None else seeds)):
        common = sizes["network"] | {"seed": seed}
        made += [Parameters(**common, **kind) for kind in sizes["kinds"]]
        made += [Parameters(**common, momentum=gamma, strength=strength) for gamma, strength in sizes["beyond"]]
    return made


def within(records: Records) -> Records:
    """Runs in which a positive rate is equivalent at all steps."""
    return runs("same_error")(records).where(lambda record: record["exact_lasts"] > record["steps"])


def beyond(records: Records) -> Records:
    """Runs in which none is after some steps, and which have that many."""
    return runs("same_error")(records).where(lambda record: record["exact_lasts"] <= record["steps"])


def chosen(select=within, **parameters):
    """Restrict `select` to runs with these parameters."""
    return lambda records: select(records).where(**parameters)


def descent(records: Records) -> Records:
    """Descent at a constant rate without momentum, on all samples."""
    return chosen(momentum=0.0, schedule="constant", batch=0)(records)


def from_rest(records: Records) -> Records:
    """Descent with momentum that starts from rest in both runs, on all samples."""
    return chosen(start="rest", batch=0)(records).where(lambda record: record["momentum"] > 0)


def stochastic(records: Records) -> Records:
    """Descent on a few samples a step."""
    return within(records).where(lambda record: record["batch"] > 0)


def over_bound(*names: str, bound: str = "error_bound"):
    """Distance over what rounding explains, of all networks and the steps at which that is known."""

    def value(record: Record) -> np.ndarray:
        known = np.isfinite(record[bound])
        return np.concatenate([record[name][known] / record[bound][known] for name in names])

    return value


def lasted(record: Record) -> np.ndarray:
    """Steps after which the function is another one, by more than rounding explains, [replicas]."""
    apart = record["same_gap"] > record["gap_bound"]
    return np.where(apart.any(axis=1), apart.argmax(axis=1), np.inf)


def off_by(record: Record) -> float:
    """Steps between that and the step at which the factor c turns negative, the largest of all networks."""
    return float(np.max(np.abs(lasted(record) - record["exact_lasts"])))


def off_half_turn(record: Record) -> float:
    """Return the steps between `lasted` and half a turn of the complex roots, the largest of all networks."""
    return float(np.max(np.abs(lasted(record) - record["exact_half_turn"])))


EXACT = "exact for scale-invariant weights; twice the rounding errors of a step, carried along the path"
ROUNDING = Prediction(1.0, "<=", EXACT, "li2020exponential")
OWN = Prediction(1.0, "<=", EXACT, "meanfield")
SIGN = Prediction(0.0, "<=", "constant rate from rest, ηλ > (1 − √γ)²", "meanfield")

CLAIMS = (
    claim(
        "descent", "rates η(1 − ηλ)^(−2t−1) without decay: parameters, over the bound on rounding", ROUNDING, bounded,
        select=descent, value=over_bound("same_error"), what="distance / bound",
        wrong="exponent −2t", control={"value": over_bound("even_error")},
    ),
    claim(
        "momentum", "rates η r^(−2t−1), r the larger root, with its buffer: over the bound on rounding",
        ROUNDING, bounded,
        select=chosen(start="larger"), value=over_bound("same_error"), what="distance / bound",
        wrong="no buffer at the start", control={"value": over_bound("unbuffered_error")},
    ),
    claim(
        "smaller_root", "the same for the smaller root, another rate for the same run", OWN, bounded,
        select=chosen(start="smaller"), value=over_bound("same_error"), what="distance / bound",
        wrong="exponent −2t", control={"value": over_bound("even_error")},
    ),
    claim(
        "schedule", "momentum from rest, any schedule: rates η_t/(c_t c_(t+1)), over the bound on rounding",
        OWN, bounded,
        select=from_rest, value=over_bound("same_error"), what="distance / bound",
        wrong="decay after the momentum", control={"value": over_bound("decoupled_error")},
    ),
    claim(
        "stochastic", "a few samples a step, the same in both runs: over the bound on rounding", ROUNDING, bounded,
        select=stochastic, value=over_bound("same_error"), what="distance / bound",
        wrong="decay of output weights, too", control={"value": over_bound("everywhere_error")},
    ),
    claim(
        "function", "both runs go through the same functions, at new inputs: over the bound on rounding",
        ROUNDING, bounded,
        select=within, value=over_bound("same_gap", bound="gap_bound"), what="distance / bound",
        wrong="rates η_t/c_t", control={"value": over_bound("half_gap", bound="gap_bound")},
    ),
    claim(
        "optax", "both runs by another implementation: over the bound on rounding", OWN, bounded,
        select=chosen(batch=0), value=over_bound("optax_decay_error", "optax_same_error"), what="distance / bound",
        wrong="decay beyond (1 − √γ)²", control={"select": chosen(beyond, batch=0)},
    ),
    claim(
        "condition", "beyond (1 − √γ)² the equivalence ends at the step at which c_t turns negative", SIGN, bounded,
        select=chosen(beyond, start="rest", schedule="constant"), value=off_by, what="steps off",
        wrong="half a turn of the complex roots", control={"value": off_half_turn},
    ),
)  # fmt: skip

STUDY = Study(
    name="exponential_rate",
    group="optimisation",
    summary="weight decay of normalised weights is a rate that grows exponentially, to rounding; and when it is not",
    parameters=Parameters,
    grid=grid,
    run=descend,
    predict=predict,
    claims=CLAIMS,
    cost={"smoke": "8 s", "default": "1 min", "paper": "hours"},
)

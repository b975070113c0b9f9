"""Particles that die and are cloned: faster to the global minimum than transport alone, and to the same one.

Rotskoff, Jelassi, Bruna & Vanden-Eijnden (2019) add births and deaths at the rate τ(F'[μ] − ∫F'dμ) to the gradient
flow. Mass then reaches places where F' is low without having to travel, and F falls by τ Var_μ(F') more in a unit of
time. Clones stay where μ already is; the dead that are born again in a prior can be anywhere.

The runs fall into parts. `step`: one step of a random network many times, against its exact mean. `sites`: particles
that stay on eight sites, against the replicator equation and its noise. `network`: training of a ReLU network with
weight decay in the plane, whose least objective over all networks is known and certified, with transport alone from
the same starts beside it.
"""

from functools import partial

import numpy as np

from simulations.optimisation._birth_death import EARLY, Parameters, exact, train
from simulations.records.record import Record, runs
from simulations.study.study import Study, claim
from simulations.verdicts.checks import at_least, below, bounded, equals
from theory.prediction import Prediction

GRIDS = {
    "smoke": {"seeds": 7, "many": 192, "particles": [256], "network": {}, "rates": [3.0]},
    "default": {
        "seeds": 8,
        "many": 256,
        "particles": [64, 512, 2048],
        "network": {"particles": 128, "replicas": 12, "step": 0.05, "time": 200.0},
        "rates": [1.0, 3.0, 6.0],
    },
    "paper": {
        "seeds": 10,
        "many": 2048,
        "particles": [64, 512, 4096, 32768],
        "network": {"particles": 1000, "replicas": 30, "step": 0.02, "time": 1000.0},
        "rates": [1.0, 3.0, 10.0],
    },
}


def grid(size: str, seeds: int | None = None, first: int = 0) -> list[Parameters]:
    """The runs of one size; every seed has data, starts, births and deaths of its own."""
    sizes = GRIDS[size]
    made = []
    for seed in range(first, first + (sizes["seeds"] if seeds is None else seeds)):
        for m in sizes["particles"]:
            many = {"particles": m, "replicas": sizes["many"], "rate": 5.0, "seed": seed}
            # With steps of 0.05 the replicator equation oscillates, and ever more, on one set of sites in two thousand.
            made += [Parameters(part="sites", step=0.025, time=1.0, **many)]
            made += [Parameters(part="step", step=0.02, time=0.02, **many)]
        common = sizes["network"] | {"seed": seed}
        made += [Parameters(rate=rate, **common) for rate in sizes["rates"]]
        made += [Parameters(start="positive", rate=2.0, reinjected=count, **common) for count in (0, 32)]
    return made


step_runs = partial(runs, "energy_change", part="step")
site_runs = partial(runs, "masses", part="sites")
trained_runs = partial(runs, "energy", part="network")


def moving(select):
    """Restrict `select` to runs with births and deaths."""
    return lambda records: select(records).where(lambda record: record["rate"] > 0)


def many(records):
    """Runs on sites with so many particles that what is left over, O(1/m), does not count."""
    return moving(site_runs())(records).where(lambda record: record["particles"] >= 256)


def _fair(record: Record) -> bool:
    """Long enough, enough particles, steps that resolve births and deaths, and data that need both signs: what the
    claims on training assume.
    """
    long = record["time"] >= 30 and record["particles"] >= 64 and record["rate"] >= 1 and record["replicas"] >= 8
    fine = record["step"] <= 0.1 and record["rate"] * record["step"] <= 0.3 * (1 + 1e-9)
    data = 10 <= record["samples"] <= 30 and 0.005 <= record["strength"] <= 0.02
    return bool(long and fine and data and np.any(two_signs(record)))


def both_signs(records):
    """Runs that start with both signs, and whose dead are replaced by clones; one rate, as seeds share their data."""
    chosen = trained_runs(start="both", reinjected=0)(records).where(_fair)
    return chosen.where(rate=max(chosen.column("rate"), default=None))


def cloned(records):
    """Runs that start with positive output weights, and whose dead are replaced by clones."""
    return trained_runs(start="positive", reinjected=0)(records).where(_fair)


def reinjected(records):
    """Runs that start with positive output weights, and whose dead are born again in the prior."""
    chosen = trained_runs(start="positive")(records)
    return chosen.where(lambda record: record["reinjected"] >= 16 and _fair(record))


def two_signs(record: Record) -> np.ndarray:
    """Replicas on whose data networks of one sign do worse than others, by at least a thousandth, [replicas]."""
    return record["exact_positive_lower"] > record["exact_minimum"] * 1.001


def change_over_exact(name: str, record: Record) -> float:
    """⟨change measured, change predicted⟩/|change predicted|²."""
    measured, predicted = np.ravel(record["prediction_change"]), np.ravel(record[name])
    return float(measured @ predicted / (predicted @ predicted))


def energy_over_exact(name: str, record: Record) -> float:
    """Mean change of F over its exact mean."""
    return float(record["energy_change"] / record[name])


def noise_over_exact(name: str, record: Record) -> float:
    """m E|p_m − p|² over its constant."""
    off = record["masses"] - record["exact_masses"][-1]
    return float(record["particles"] * np.mean(np.sum(off**2, axis=1)) / record[name])


def excess(record: Record, name: str = "energy") -> np.ndarray:
    """F − min F over all measures, [replicas, times]."""
    return np.maximum(record[name] - record["exact_minimum"][:, None], 1e-16)


def log_excess_ratio(record: Record) -> float:
    """log(excess with births and deaths / without), from the same starts: mean over replicas and early times."""
    early = (record["times"] > 0) & (record["times"] <= EARLY[-1] * (1 + 1e-9))
    return float(np.mean(np.log(excess(record) / excess(record, "transport_energy"))[:, early]))


def slower(record: Record) -> float:
    """Return `log_excess_ratio` with the roles exchanged."""
    return -log_excess_ratio(record)


def log_gap_ratio(record: Record) -> np.ndarray:
    """log(certified gap at the end / excess of the best network of positive output weights), of every replica in which
    both signs are needed.
    """
    chosen = two_signs(record)
    return np.log(record["gap"][chosen, -1] / positive_excess(record)[chosen])


def above_positive(record: Record) -> np.ndarray:
    """(F at the end − least F of positive output weights) / (that one's excess), of the replicas in which no output
    weight fell through 0.
    """
    chosen = two_signs(record) & (record["kept_positive"] | (record["reinjected"] > 0))
    above = (record["energy"][:, -1] - record["exact_positive_lower"])[chosen]
    return above / positive_excess(record)[chosen]


def positive_excess(record: Record) -> np.ndarray:
    return record["exact_positive_minimum"] - record["exact_minimum"]


def excess_over_gap(record: Record) -> float:
    """Excess over certified gap, the largest of all replicas and times."""
    return float(np.max((record["energy"] - record["exact_minimum"][:, None]) / record["gap"]))


def excess_over_last_gap(record: Record) -> float:
    """Excess at the start over the gap at the end."""
    return float(np.max((record["energy"][:, 0] - record["exact_minimum"]) / record["gap"][:, -1]))


MEAN = Prediction(1.0, "=", "exact for any m and step: deaths and births drawn together", "meanfield")
NOISE = Prediction(1.0, "=", "particles on sites, up to O(1/m)", "meanfield")
FASTER = Prediction(0.0, "<=", "dF/dt = −∫|∇F'|² − τ Var F', from the same starts", "rotskoff2019birth")
GLOBAL = Prediction(0.0, "<=", "both signs at the start, or a prior that has both", "rotskoff2019birth")
STUCK = Prediction(0.0, ">=", "neither transport nor clones change the sign of an output weight", "meanfield")
DUAL = Prediction(1.0, "<=", "weak duality, rounding included", "bach2017breaking")

CLAIMS = (
    claim(
        "reaction", "mean change of f by births and deaths in a step, over its exact value", MEAN, equals,
        select=moving(step_runs()), value=partial(change_over_exact, "exact_prediction_change"),
        what="change / exact mean",
        wrong="twice the rate", control={"value": partial(change_over_exact, "exact_doubled_change")},
    ),
    claim(
        "dissipation", "mean change of F in a step, over its exact value", MEAN, equals,
        select=moving(step_runs()), value=partial(energy_over_exact, "exact_energy_change"),
        what="change / exact mean",
        wrong="twice the rate", control={"value": partial(energy_over_exact, "exact_doubled_energy_change")},
    ),
    claim(
        "replicator", "m E|p_m − p|² over its constant, p the replicator equation's masses", NOISE, equals,
        select=many, value=partial(noise_over_exact, "exact_noise"), what="m E|p_m − p|² / constant",
        wrong="deaths and births drawn apart", control={"value": partial(noise_over_exact, "exact_noise_apart")},
    ),
    claim(
        "faster", "log(excess with births and deaths / with transport alone), up to time 4", FASTER, below,
        select=both_signs, value=log_excess_ratio, what="log ratio of excesses",
        wrong="the roles exchanged", control={"value": slower},
    ),
    claim(
        "same_minimum", "log(certified gap at the end / excess of the best network of one sign), clones", GLOBAL, below,
        select=both_signs, value=log_gap_ratio, what="log(gap / excess of one sign)",
        wrong="start with positive output weights", control={"select": cloned},
    ),
    claim(
        "stuck", "clones of positive output weights stay above the best network of one sign", STUCK, at_least,
        select=cloned, value=above_positive, what="(F − least F of one sign) / its excess",
        wrong="births in a prior of both signs", control={"select": reinjected},
    ),
    claim(
        "escape", "log(certified gap at the end / excess of the best network of one sign), births in a prior",
        GLOBAL, below,
        select=reinjected, value=log_gap_ratio, what="log(gap / excess of one sign)",
        wrong="clones", control={"select": cloned},
    ),
    claim(
        "certificate", "excess over the global minimum, over the certified gap", DUAL, bounded,
        select=trained_runs(), value=excess_over_gap, what="excess / gap",
        wrong="the gap of another network: the trained one's", control={"value": excess_over_last_gap},
    ),
)  # fmt: skip

STUDY = Study(
    name="birth_death",
    group="optimisation",
    summary="particles that die and are cloned, against transport alone, with certified distances to the minimum",
    parameters=Parameters,
    grid=grid,
    run=train,
    predict=exact,
    claims=CLAIMS,
    cost={"smoke": "10 s", "default": "2 min", "paper": "hours"},
)

"""Global convergence: many particles find the global minimum, few often do not, and a certificate tells which.

Chizat & Bach (2018): the Wasserstein gradient flow of a two-layer network that starts spread out can only settle at a
global minimum of the objective over all measures. How many particles that takes, no theorem says. Here the minimum is
known: by a convex program over activation cells, or because students can be the teacher.

The runs fall into parts. `relu`: students with weight decay in the plane (and in four dimensions), each on an instance
of its own, against the convex minimum; as controls with a frozen input layer, and with output weights of one sign,
whose limit is another minimum. `population`: the exact risk over all inputs, students smaller and larger than their
teacher. `sigmoid`: neurons that are homogeneous in the output weight only, started at {0} × sphere, against convex
minimisation over the output weights of the same neurons left where they start.
"""

from functools import partial
from typing import Any

from simulations.optimisation import _success as success
from simulations.optimisation._students import Parameters, limit, train
from simulations.records.record import narrowest, runs, widest
from simulations.study.study import Study, claim
from simulations.verdicts.checks import at_least, below, bounded, share_above
from theory.prediction import Prediction

RELU: dict[str, Any] = {"problem": "relu", "neurons": 3, "dimension": 2, "samples": 15, "step": 0.1, "momentum": 0.99}
SPACE: dict[str, Any] = RELU | {"dimension": 4}
POPULATION: dict[str, Any] = {"problem": "population", "step": 0.1, "momentum": 0.9}
SIGMOID: dict[str, Any] = {"problem": "sigmoid", "length": 4.0, "step": 1.0, "momentum": 0.98}

FEW = 2
"""Seeds of the settings that need few, at smoke size: small students, which fail often, are soon told apart."""

GRIDS: dict[str, dict[str, Any]] = {
    "smoke": {
        "seeds": 5,
        "replicas": 20,
        "relu": [32],
        "relu_few": [4],
        "relu_updates": 4000,
        "controls": 3,
        "teacher": {"neurons": 4, "dimension": 6, "updates": 1000},
        "population": [4, 8],
        "population_few": [3],
        "smooth": {"neurons": 3, "dimension": 3, "samples": 100, "updates": 1000, "replicas": 10},
        "sigmoid": [12],
    },
    "default": {
        "seeds": 8,
        "replicas": 25,
        "relu": [2, 3, 4, 6, 8, 12, 16, 24, 32, 64],
        "relu_updates": 8000,
        "slow_updates": 40000,
        "space": [3, 6, 12, 50],
        "controls": 8,
        "teacher": {"neurons": 6, "dimension": 6, "updates": 3000},
        "population": [4, 5, 6, 8, 10, 12, 18, 24],
        "smooth": {"neurons": 3, "dimension": 3, "samples": 100, "updates": 3000},
        "sigmoid": [1, 2, 3, 4, 6, 12, 24],
    },
    "paper": {
        "seeds": 8,
        "replicas": 30,
        "relu": [2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128],
        "relu_updates": 40000,
        "slow_updates": 400000,
        "space": [3, 6, 12, 50, 100],
        "controls": 8,
        "teacher": {"neurons": 10, "dimension": 100, "updates": 20000},
        "population": [5, 9, 10, 12, 15, 20, 30, 40, 60],
        "smooth": {"neurons": 20, "dimension": 100, "samples": 1000, "updates": 20000},
        "sigmoid": [5, 10, 20, 40, 80, 160],
    },
}


def grid(size: str, seeds: int | None = None, first: int = 0) -> list[Parameters]:
    """The runs of one size; `seeds` batches of students for every setting, the first of them with seed `first`."""
    sizes = GRIDS[size]
    relu = RELU | {"replicas": sizes["replicas"], "updates": sizes["relu_updates"]}
    population = POPULATION | {"replicas": sizes["replicas"]} | sizes["teacher"]
    sigmoid = SIGMOID | {"replicas": sizes["replicas"]} | sizes["smooth"]
    made = []
    for index in range(sizes["seeds"] if seeds is None else seeds):
        seed = first + index
        made += [Parameters(**relu, particles=m, seed=seed) for m in sizes["relu"]]
        made += [Parameters(**population, particles=m, seed=seed) for m in sizes["population"]]
        made += [Parameters(**sigmoid, particles=m, seed=seed) for m in sizes["sigmoid"]]
        if index < FEW:
            made += [Parameters(**relu, particles=m, seed=seed) for m in sizes.get("relu_few", [])]
            made += [Parameters(**population, particles=m, seed=seed) for m in sizes.get("population_few", [])]
            made.append(Parameters(**relu, layers="output", particles=32, seed=seed))
        if index < sizes["controls"]:
            made.append(Parameters(**relu, layers="positive", particles=32, seed=seed))
            made.append(Parameters(**sigmoid, layers="output", particles=sizes["sigmoid"][-1], seed=seed))
        if "slow_updates" in sizes and index == 0:
            slow = relu | {"momentum": 0.0, "step": 0.5, "updates": sizes["slow_updates"]}
            made.append(Parameters(**slow, particles=32, seed=seed))
            space = SPACE | {"replicas": 10, "updates": sizes["relu_updates"]}
            made += [Parameters(**space, particles=m, seed=seed) for m in sizes["space"]]
    return made


def at_ratio(select, lowest: float, highest: float):
    """Restrict `select` to runs with m/m* from `lowest` to `highest`."""
    return lambda records: select(records).where(
        lambda record: lowest <= record["particles"] / record["neurons"] <= highest
    )


relu_runs = partial(runs, "gap", problem="relu", dimension=2, momentum=RELU["momentum"], atoms=(3, 4, 5))
plane_runs = relu_runs(layers="both")
certified_runs = partial(runs, "gap", problem="relu")
population_runs = runs("energy", problem="population", layers="both")
sigmoid_runs = partial(runs, "feature_minimum", problem="sigmoid")

PROVED = Prediction(1.0, "<=", "any network with weight decay: weak duality, certified slope", "bach2017breaking")
FLOOR = Prediction(
    0.0, ">=", "any width: weight decay (λ/2)|θ|² costs at least λ times the total variation", "pilanci2020neural"
)
GLOBAL = Prediction(
    0.8, ">=", "spread-out start, many particles; the limit m → ∞ is proved, the share at m = 32 is observed here",
    "chizat2018global",
)  # fmt: skip
MORE = Prediction(0.0, ">=", "more particles succeed more often; observed, not proved at any m", "chizat2018global")
FEATURES = Prediction(0.0, "<=", "students that move against the best of those that do not", "chizat2018global")

CLAIMS = (
    claim(
        "certified", "probability of a certificate within 1 % of the global minimum at the largest m, plane", GLOBAL,
        share_above,
        select=widest(plane_runs), value=success.certified, what="certified",
        wrong="only the output layer is trained",
        control={"select": widest(relu_runs(layers="output"))},
    ),
    claim(
        "width", "certified success at the largest m less that at the smallest, plane", MORE, success.more_often,
        select=widest(plane_runs), fewer=narrowest(plane_runs), value=success.certified, what="certified",
        wrong="only the output layer is trained at the largest m",
        control={"select": widest(relu_runs(layers="output"))},
    ),
    claim(
        "gap", "no run is further from the convex minimum than its certified gap", PROVED, bounded,
        select=success.where_some_are_trapped(certified_runs()), value=success.excess_over_gap, what="(F − F*) / gap",
        wrong="the slope is bounded at the network's own neurons only",
        control={"value": success.excess_over_own_gap},
    ),
    claim(
        "floor", "no run goes below the convex minimum: least (F − F_low)/F(0)", FLOOR, at_least,
        select=success.where_some_arrive(certified_runs()), value=success.above_floor, what="(F − F_low) / F(0)",
        wrong="a convex program with 2λ for λ", control={"value": success.above_dearer_floor},
    ),
    claim(
        "positive", "probability that a ≥ 0 ends within 1e-3 of the least value of all networks with a ≥ 0", GLOBAL,
        share_above,
        select=widest(relu_runs(layers="positive")), value=success.at_positive_minimum, what="at that minimum",
        wrong="the minimum with both signs", control={"value": success.at_minimum},
    ),
    claim(
        "over_provisioned", "population risk: success at m = 2m* less that at m = m*", MORE, success.more_often,
        select=at_ratio(population_runs, 2, 2), fewer=at_ratio(population_runs, 1, 1), value=success.fitted,
        what="risk < 1e-3 of that of f = 0",
        wrong="under-provisioned, m < m*", control={"select": at_ratio(population_runs, 0, 0.99)},
    ),
    claim(
        "sigmoid_features", "sigmoid: log(loss / least loss of as many random features) at the largest m", FEATURES,
        below,
        select=widest(sigmoid_runs(layers="both")), value=success.log_feature_ratio, what="log ratio",
        wrong="only the output layer is trained", control={"select": widest(sigmoid_runs(layers="output"))},
    ),
)  # fmt: skip

STUDY = Study(
    name="global_convergence",
    group="optimisation",
    summary="how often networks of m particles reach the global minimum, which a convex program and a certificate know",
    parameters=Parameters,
    grid=grid,
    run=train,
    predict=limit,
    claims=CLAIMS,
    cost={"smoke": "10 s", "default": "2 min", "paper": "hours"},
)

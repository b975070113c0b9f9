"""N particles in stochastic gradient descent, and the equation that infinitely many obey.

Mei, Montanari & Nguyen (2018): for two isotropic Gaussians the distributional dynamics is one equation for radii. The
risk of N particles leaves its solution by O(1/N), and by the error of the steps.

The runs fall into three parts. `along`: networks along N, up to one early time, trained with ε and 2ε. `coarse`:
networks with steps so large that their error is seen. `curve`: a long run, for the picture.
"""

from functools import partial

from simulations.limits import _gaussians_measures as measure
from simulations.limits._gaussians import SMOOTH, Parameters, predict, train
from simulations.records.record import Records, runs
from simulations.study.study import Study, claim
from simulations.verdicts.checks import above, equals, slope
from theory.prediction import Prediction

COARSE = {"time": 1.5, "batch": 200}

GRIDS = {
    "smoke": {
        "seeds": 7, "particles": [16, 32, 64], "time": 0.5, "steps": 96, "batch": 200,
        "coarse": (64, [32]), "curve": (64, 5.0),
    },
    "default": {
        "seeds": 7, "particles": [25, 50, 100, 200, 400], "time": 2.0, "steps": 96, "batch": 500,
        "coarse": (200, [32, 64, 128]), "curve": (400, 10.0),
    },
    "paper": {
        "seeds": 10, "particles": [50, 100, 200, 400, 800], "time": 4.0, "steps": 1000000,
        "batch": 1, "coarse": (200, [32, 64, 128]), "curve": (800, 10.0),
    },
}  # fmt: skip


def grid(size: str, seeds: int | None = None, first: int = 0) -> list[Parameters]:
    """The runs of one size; `seeds` times the replicas of every setting, the first of them with seed `first`."""
    sizes = GRIDS[size]
    training = {"steps": sizes["steps"], "batch": sizes["batch"]}
    made = []
    for seed in range(first, first + (sizes["seeds"] if seeds is None else seeds)):
        made += [Parameters(**training, particles=n, time=sizes["time"], seed=seed) for n in sizes["particles"]]
        particles, steps = sizes["coarse"]
        made += [Parameters(**COARSE, particles=particles, steps=k, seed=seed) for k in steps]
    particles, time = sizes["curve"]
    made.append(Parameters(**training, particles=particles, time=time, seed=first))
    return made


def early(records: Records) -> Records:
    """Trained networks, several in each run, looked at before radii part."""
    return runs("excess")(records).where(lambda record: record["time"] <= SMOOTH and record["replicas"] >= 4)


def coarse(records: Records) -> Records:
    """Return the `early` runs with the largest step, at the largest N; errors of steps take time to be seen."""
    chosen = early(records).where(lambda record: record["time"] >= 1)
    chosen = chosen.where(steps=min(chosen.column("steps"), default=None))
    return chosen.where(particles=max(chosen.column("particles"), default=None))


SOURCE = "mei2018mean"
START = Prediction(1.0, "=", "independent particles, every N: E (f_N − f)² = E_x Var_θ σ(θ·x)/N", "meanfield")
RATE = Prediction(-1.0, "slope", "independent particles at the start, to leading order", "meanfield")
OUTPUT = Prediction(-0.5, "slope", "root mean square of f_N − f, independent particles at the start", "meanfield")
LIMIT = Prediction(0.0, "=", "N → ∞, ε → 0, at one time", SOURCE)
STEP = Prediction(0.5, ">=", "the bound C√ε on what steps add to the risk", SOURCE)

CLAIMS = (
    claim(
        "start", "N E (f_N − f)² at the start, by which the risk exceeds its limit, over E Var σ(θ·x)", START, equals,
        select=early, value=measure.start_ratio, what="N (f_N − f)² / coefficient",
        wrong="twice as many particles", control={"value": partial(measure.start_ratio, counted=2.0)},
    ),
    claim(
        "rate", "the risk of N particles exceeds that of the equation by O(1/N)", RATE, slope,
        select=early, x="particles", value=measure.excess, drift=True,
        wrong="the output in place of the risk", control={"value": measure.output_deviation},
    ),
    claim(
        "limit", "R_N − R for N → ∞ and ε → 0", LIMIT, measure.limit,
        select=early, x="particles", value=measure.excess, what="R_N − R at the end, extrapolated",
        wrong="the equation without its factor 2, at half the time", control={"value": measure.excess_in_half_time},
    ),
    claim(
        "step", "order of the error in the step ε, from ε, 2ε and 4ε at the largest N", STEP, above,
        select=coarse, value=measure.order_of_step, what="log₂ of the ratio of differences",
        wrong="4ε taken for ε, and ε for 4ε", control={"value": partial(measure.order_of_step, forward=False)},
    ),
)  # fmt: skip

STUDY = Study(
    name="radial_limit",
    group="limits",
    summary="two Gaussians: the risk of N particles against the radial equation of infinitely many",
    parameters=Parameters,
    grid=grid,
    run=train,
    predict=predict,
    claims=CLAIMS,
    cost={"smoke": "10 s", "default": "1 min", "paper": "days"},
    precision="float32",
)

"""The step over the batch as a temperature: what it sets exactly, where it ceases to, and how it chooses minima.

A linearised network is a least-squares problem, on which the mean and the second moment of stochastic gradient descent
are known exactly, with and without replacement. To first order the stationary excess risk is (η/4B) tr C, C being the
covariance of one sample's gradient: η/B is a temperature (Jastrzębski et al. 2017), up to a share O(ηL) that the batch
does not share. So a batch that is multiplied does what a step that is divided does, epoch by epoch (Smith et al. 2018).

A network that fits its data can move along its minima. With fresh noise σ in the labels it drifts towards flat ones,
as if tr H were a penalty, by a clock that runs at ησ²/4B: three factors, step, batch and noise, in one number.

The runs fall into parts. `constant`: a linearised network at one step and batch. `schedule`: then with a larger batch,
or a smaller step. `width`: a network that starts at a minimum, with noise in its labels.
"""

from functools import partial

from simulations.optimisation import _temperature_measures as measure
from simulations.optimisation._temperature import Parameters, predict, run
from simulations.records.record import Records, runs
from simulations.study.study import Study, claim
from simulations.verdicts.checks import above, equals, limit
from theory.prediction import Prediction

WIDTH = {"part": "width", "batch": 8, "noise": 2.0, "particles": 10, "dimension": 5, "samples": 3}

GRIDS = {
    "smoke": {
        "seeds": 8,
        "linear": {},
        "constant": [(2.0, 1), (2.0, 4), (4.0, 4), (8.0, 4)],
        "distinct": [(2.0, 32)],
        "schedule": [3.0, 4.0],
        "width": [({}, [6.0])],
    },
    "default": {
        "seeds": 8,
        "linear": {"replicas": 64},
        "constant": [(2.0**k, batch) for batch in (1, 4, 16) for k in range(5)],
        "distinct": [(4.0, 8), (4.0, 16), (4.0, 24), (4.0, 32)],
        "schedule": [2.0, 4.0, 8.0],
        "width": [({"replicas": 64, "dose": 0.5}, [3.0, 6.0])],
    },
    "paper": {
        "seeds": 10,
        "linear": {"replicas": 2048, "particles": 8, "dimension": 4, "samples": 1000},
        "constant": [(2.0**k, batch) for batch in (1, 4, 16, 64) for k in range(7)],
        "distinct": [(4.0, 64), (4.0, 512), (4.0, 960)],
        "schedule": [2.0, 4.0, 8.0, 16.0],
        "width": [({"replicas": 512, "particles": 100, "dimension": 20, "samples": 15}, [4.0, 8.0, 16.0])],
    },
}


def grid(size: str, seeds: int | None = None, first: int = 0) -> list[Parameters]:
    """The runs of one size; every seed has data, a network and draws of its own."""
    sizes = GRIDS[size]
    made = []
    for seed in range(first, first + (sizes["seeds"] if seeds is None else seeds)):
        common = sizes["linear"] | {"seed": seed}
        made += [Parameters(**common, fineness=f, batch=b) for f, b in sizes["constant"]]
        made += [Parameters(**common, fineness=f, batch=b, replacement=False) for f, b in sizes["distinct"]]
        made += [Parameters(**common, part="schedule", fineness=f) for f in sizes["schedule"]]
        for options, fine in sizes["width"]:
            made += [Parameters(**(WIDTH | options), fineness=f, seed=seed) for f in fine]
    return made


def settled(record) -> bool:
    """Return True if the mean has come to rest, and there are replicas enough to average over."""
    return record["length"] >= 8 and record["replicas"] >= 16


def constant(records: Records) -> Records:
    """Runs at one step and batch, drawn with replacement."""
    return runs("second", part="constant", replacement=True)(records).where(settled)


def distinct(records: Records) -> Records:
    """Runs on batches of different samples, large enough for that to matter."""
    chosen = runs("second", part="constant", replacement=False)(records).where(settled)
    return chosen.where(lambda record: record["samples"] > record["batch"] >= record["samples"] / 2)


def small(records: Records) -> Records:
    """Runs of small steps, for the limit."""
    return constant(records).where(lambda record: record["fineness"] >= 2)


def coarse(records: Records) -> Records:
    """Runs of single samples whose step is half of what one sample's gradient allows, or less than twice smaller."""
    return constant(records).where(lambda record: record["fineness"] <= 2 and record["batch"] == 1)


def schedules(records: Records) -> Records:
    """Runs that change their step or batch once they have settled."""
    chosen = runs("grown", part="schedule")(records).where(settled)
    return chosen.where(lambda record: record["factor"] >= 3)


def width(records: Records) -> Records:
    """Runs along the minima: few samples in general position, small steps, and a dose that tells."""
    chosen = runs("base_traces", part="width")(records).where(lambda record: record["replicas"] >= 16)
    return chosen.where(
        lambda record: (
            record["samples"] <= record["dimension"]
            and record["fineness"] >= 4
            and record["noise"] ** 2 / record["batch"] <= 0.5
            and record["dose"] >= 0.2
        )
    )


LYAPUNOV = Prediction(1.0, "=", "least squares, exact recursion of second moments, with replacement", "meanfield")
DISTINCT = Prediction(1.0, "=", "the same without replacement: (n − B)/(n − 1)/B for 1/B", "cochran1977sampling")
TEMPERATURE = Prediction(1.0, "=", "stationary excess risk over (η/4B) tr C as η → 0", "jastrzebski2017three")
BREAKS = Prediction(1.0, ">=", "the same at ηL = 1/2: multiplicative noise adds to it", "meanfield")
SCHEDULES = Prediction(0.0, "=", "growing batch over decaying step, log ratio less its exact O(η)", "smith2018dont")
DRIFT = Prediction(1.0, "=", "slow flow along the minima, second order in the temperature", "li2022what")
FACTORS = Prediction(0.0, "=", "equal ησ²/B at equal ηk", "jastrzebski2017three")

CLAIMS = (
    claim(
        "excess", "late excess risk over that of the exact second moments", LYAPUNOV, equals,
        select=constant, value=measure.over_exact, what="excess / exact",
        wrong="the first-order law (η/4B) tr C", control={"value": measure.over_first_order},
    ),
    claim(
        "covariance", "late second moments of all modes over the exact ones", LYAPUNOV, equals,
        select=constant, value=measure.modes_over_exact, what="tr(S_exact⁻¹ S)/p",
        wrong="equipartition: S = (η/2B) (tr C/tr H) I", control={"value": measure.modes_over_equal},
    ),
    claim(
        "distinct", "late excess risk of batches without replacement over the exact one", DISTINCT, equals,
        select=distinct, value=measure.over_exact, what="excess / exact",
        wrong="variance 1/B, as with replacement", control={"value": measure.over_replaced},
    ),
    claim(
        "temperature", "excess risk over (η/4B) tr C, extrapolated to η → 0, for all batches", TEMPERATURE, limit,
        select=small, x="fineness", order=1.0, value=measure.over_first_order, what="excess / ((η/4B) tr C)",
        wrong="temperature η/√B", control={"value": measure.over_root},
    ),
    claim(
        "breaks", "for large steps the excess risk exceeds (η/4B) tr C", BREAKS, above,
        select=coarse, value=measure.over_first_order, what="excess / ((η/4B) tr C)",
        wrong="over (η/2B) tr C", control={"value": measure.over_doubled},
    ),
    claim(
        "schedules", "a batch times q does what a step over q does, at equal numbers of samples seen", SCHEDULES,
        equals,
        select=schedules, value=measure.grown_over_decayed, what="log(excess of growing batch / of decaying step)",
        wrong="at equal numbers of steps", control={"value": measure.grown_over_decayed_steps},
    ),
    claim(
        "flatter", "fall of the log trace of the Hessian over that of the slow flow, extrapolated to T → 0", DRIFT,
        equals,
        select=width, value=partial(measure.fall_ratio, name="traces"), what="log fall / slow flow",
        wrong="half the temperature, for a quarter of the time",
        control={"value": partial(measure.early_ratio, name="traces")},
    ),
    claim(
        "sharpness", "fall of the log largest eigenvalue over that of the slow flow, extrapolated to T → 0", DRIFT,
        equals,
        select=width, value=partial(measure.fall_ratio, name="largest"), what="log fall / slow flow",
        wrong="half the temperature, for a quarter of the time",
        control={"value": partial(measure.early_ratio, name="largest")},
    ),
    claim(
        "three_factors", "log fall of the trace with half the batch less that with √2 times the noise, over theory's",
        FACTORS, equals,
        select=width, value=measure.batch_against_noise, what="difference of log falls / slow flow",
        wrong="against labels without noise", control={"value": measure.batch_alone},
    ),
)  # fmt: skip

STUDY = Study(
    name="sgd_temperature",
    group="optimisation",
    summary="the step over the batch as a temperature: exact risk of the linearised network, and the width of minima",
    parameters=Parameters,
    grid=grid,
    run=run,
    predict=predict,
    claims=CLAIMS,
    cost={"smoke": "10 s", "default": "2 min", "paper": "hours"},
)

"""On-line learning of a committee: a few overlaps tell all, up to fluctuations of 1/√d.

Saad & Solla (1995): a student of K hidden neurons that sees every sample once follows closed equations for its overlaps
as d → ∞. First it is stuck on a plateau where its neurons are all alike; then noise decides who takes which teacher.

The runs fall into two parts. `apart`: students that lean to their teachers from the start, along d. `plateau`: students
at the symmetric fixed point, which they leave by the noise of their samples alone.
"""

from functools import partial

from simulations.limits import _committee_measures as measure
from simulations.limits._committee import Parameters, learn, predict
from simulations.records.record import Records, runs
from simulations.study.study import Study, claim
from simulations.verdicts.checks import equals, share_above, slope
from theory.prediction import Prediction

PLATEAU = {"start": "plateau", "rate": 1.25, "time": 80.0}

GRIDS = {
    "smoke": {"seeds": 9, "dimensions": [48, 96, 192], "replicas": 32, "plateau": (48, 32)},
    "default": {"seeds": 8, "dimensions": [96, 192, 384, 768], "replicas": 96, "plateau": (192, 96)},
    "paper": {"seeds": 10, "dimensions": [192, 480, 960, 1920, 4800], "replicas": 256, "plateau": (960, 256)},
}


def grid(size: str, seeds: int | None = None, first: int = 0) -> list[Parameters]:
    """The runs of one size; `seeds` times the replicas of every setting, the first of them with seed `first`."""
    sizes = GRIDS[size]
    made = []
    for seed in range(first, first + (sizes["seeds"] if seeds is None else seeds)):
        made += [Parameters(dimension=d, replicas=sizes["replicas"], seed=seed) for d in sizes["dimensions"]]
        d, replicas = sizes["plateau"]
        made.append(Parameters(**PLATEAU, dimension=d, replicas=replicas, seed=seed))
    return made


def several(record) -> bool:
    """Return True if a run has replicas enough for a variance, and inputs enough for an expansion in 1/d."""
    return record["replicas"] >= 8 and record["dimension"] >= 10 * record["neurons"]


def long(record) -> bool:
    """Return True if a run has time to leave the plateau."""
    return record["time"] * record["rate"] >= 100


def apart(records: Records) -> Records:
    """Runs for the equations in time."""
    return runs("overlaps", start="apart")(records).where(several)


def most_inputs(records: Records) -> Records:
    """Return the runs of `apart` with the most inputs."""
    chosen = apart(records)
    return chosen.where(dimension=max(chosen.column("dimension"), default=None))


def plateau(records: Records) -> Records:
    """Runs of two neurons that start on the plateau, and leave it."""
    return runs("overlaps", start="plateau", neurons=2)(records).where(several).where(long)


SOURCE = "saad1995online"
EQUATIONS = Prediction(1.0, "=", "erf committees, Gaussian inputs, mean to first order in 1/d", SOURCE)
COVARIANCE = Prediction(1.0, "=", "covariance Σ/d of the overlaps, to first order in 1/d", "kampen2007stochastic")
ROOT = Prediction(-0.5, "slope", "standard deviation of overlaps in d, at one time", "kampen2007stochastic")
HEIGHT = Prediction(1.0, "=", "fixed point of students that are all alike, K = M, orthogonal teachers", SOURCE)
NOISE = Prediction(0.0, "=", "linearised at the plateau, before it is left", "kampen2007stochastic")
PERMUTED = Prediction(0.5, ">=", "K = M, after the plateau", SOURCE)

CLAIMS = (
    claim(
        "error", "generalisation error at the end over that of the equations, first order in 1/d included",
        EQUATIONS, equals,
        select=apart, value=measure.error_ratio, what="ε_g / prediction",
        wrong="no terms in η²", control={"value": partial(measure.error_ratio, quadratic=False)},
    ),
    claim(
        "overlaps", "squared distance of the mean overlaps from the equations, over what fluctuations leave",
        EQUATIONS, equals,
        select=apart, value=measure.overlap_distance, what="R d |X̄ − E X|² in the metric Σ⁻¹, over its mean",
        wrong="no terms in η², at the largest d",
        control={"value": partial(measure.overlap_distance, quadratic=False), "select": most_inputs},
    ),
    claim(
        "fluctuations", "covariance of the overlaps over the predicted one, at the largest d", COVARIANCE, equals,
        select=most_inputs, value=measure.fluctuation_ratio, what="d |X − X̄|² in the metric Σ⁻¹, over its mean",
        wrong="as many again as were predicted, that of d/2 inputs",
        control={"value": lambda record: 2 * measure.fluctuation_ratio(record)},
    ),
    claim(
        "fluctuation_rate", "overlaps fluctuate by O(1/√d)", ROOT, slope,
        select=apart, x="dimension", value=measure.deviation,
        wrong="variance for standard deviation", control={"value": measure.variance},
    ),
    claim(
        "plateau", "height of the plateau over that of its fixed point, first order in 1/d included", HEIGHT, equals,
        select=plateau, value=measure.plateau_height, what="ε_g at t ≤ 10 / prediction",
        wrong="the height for η → 0", control={"value": measure.height_of_small_rates},
    ),
    claim(
        "symmetry_breaking",
        "on the plateau noise is amplified: log of the variance of what tells teachers apart, over prediction",
        NOISE, equals,
        select=plateau, value=measure.symmetry_breaking, what="log d E S²/Σ_S at t ≤ 20",
        wrong="noise that adds up and is not amplified",
        control={"value": partial(measure.symmetry_breaking, grown=False)},
    ),
    claim(
        "specialisation", "after the plateau each student has a teacher of its own", PERMUTED, share_above,
        select=plateau, value=measure.specialised, what="one-to-one with cosines above 0.8 at the end",
        wrong="on the plateau, t = 20", control={"value": partial(measure.specialised, time=measure.ON_PLATEAU)},
    ),
)  # fmt: skip

STUDY = Study(
    name="online_learning",
    group="limits",
    summary="a committee that learns on-line follows the equations of its overlaps; noise of 1/√d ends the plateau",
    parameters=Parameters,
    grid=grid,
    run=learn,
    predict=predict,
    claims=CLAIMS,
    cost={"smoke": "10 s", "default": "1 min", "paper": "hours"},
    precision="float32",
)

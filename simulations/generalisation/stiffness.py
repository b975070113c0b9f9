"""The effect of learning one image on another: cosines between the gradients of single samples.

They are what the tangent kernel says, up to the signs of the residuals. Along training on digits they are large for
images of one class, more so the nearer the two are; images of two classes stand in each other's way if they are near.
As the risk falls, all of it fades, in a network with ten outputs and square loss. At equal risk a larger step makes
little difference as long as descent is stable; one that oscillates in the direction which all samples share aligns
their gradients, those of two classes too (Fort et al., 2019, found the like in deeper networks).
"""

from functools import partial

from simulations.generalisation import _stiffness_measures as measure
from simulations.generalisation._stiffness import Parameters, compare, predict
from simulations.records.record import Records, runs
from simulations.study.study import Study, claim
from simulations.verdicts.checks import above, below, bounded
from theory.prediction import Prediction

LEARNED, HALF, LATE = 0.3, 0.5, 0.2
"""Shares of the risk at the start at which runs are compared."""

IDENTITY = {"part": "identity", "particles": 16, "samples": 24, "step": 1.0, "time": 200.0, "replicas": 1}
TWO = (("tanh", "logistic", 1), ("relu", "square", 10))
ALL = tuple((unit, loss, k) for unit in ("tanh", "relu") for loss in ("square", "logistic") for k in (1, 10))

GRIDS = {
    "smoke": {"seeds": 8, "few": 1, "identities": TWO, "training": {}},
    "default": {"seeds": 10, "few": 3, "identities": ALL, "training": {"tested": 200, "time": 2000.0, "replicas": 4}},
    "paper": {
        "seeds": 10,
        "few": 10,
        "identities": ALL,
        "training": {"tested": 500, "time": 20_000.0, "replicas": 10, "samples": 1000, "particles": 256},
    },
}


def grid(size: str, seeds: int | None = None, first: int = 0) -> list[Parameters]:
    """The runs of one size; every seed has samples and starts of its own."""
    sizes = GRIDS[size]
    made = []
    for seed in range(first, first + (seeds or sizes["seeds"])):
        made.append(Parameters(**sizes["training"], seed=seed))
        if seed < first + sizes["few"]:
            settings = [{"activation": unit, "loss": loss, "outputs": k} for unit, loss, k in sizes["identities"]]
            made += [Parameters(**IDENTITY, **setting, seed=seed) for setting in settings]
    return made


identity = runs("gradient", part="identity")


def training(records: Records) -> Records:
    """Networks with square loss that come down to a fifth of the risk, with all steps."""
    return runs("groups", part="training", loss="square", activation="relu")(records).where(measure.reaches(LATE))


def large(records: Records) -> Records:
    """Return the `training` runs whose largest step oscillates and does not diverge: 7 to 9, from 256 samples on."""
    return training(records).where(lambda record: 7 <= record["step"] <= 9 and record["samples"] >= 256)


SOURCE = "fort2019stiffness"
KERNEL = Prediction(1.0, "<=", "any loss and width, gradients without penalty, but for rounding", "meanfield")
CLASSES = Prediction(0.0, ">=", "digits, square loss; observed, not proved", SOURCE)
OPPOSED = Prediction(0.0, "<=", "digits, square loss; observed, not proved", SOURCE)

CLAIMS = (
    claim(
        "identity", "cosines of gradients are normalised tangent kernels; deviation over rounding", KERNEL, bounded,
        select=identity, value=measure.identity_error, what="|cosine − r K r / …| / rounding",
        wrong="weight decay in the gradients",
        control={"value": partial(measure.identity_error, measured="decayed")},
    ),
    claim(
        "signs", "with the signs of the residuals", KERNEL, bounded,
        select=identity, value=measure.identity_error, what="|cosine − r K r / …| / rounding",
        wrong="their sizes alone", control={"value": partial(measure.identity_error, known="unsigned")},
    ),
    claim(
        "classes", "test images of one class are stiffer than those of two: difference of mean cosines", CLASSES, above,
        select=training, value=partial(measure.contrast, more="within", less="between", level=LEARNED),
        what="cosine within − between classes at 0.3 of the risk",
        wrong="classes dealt out at random",
        control={"value": partial(measure.contrast, more="mixed_within", less="mixed_between", level=LEARNED)},
    ),
    claim(
        "distance", "within a class, near images are stiffer than far ones", CLASSES, above,
        select=training, value=partial(measure.contrast, more="near", less="far", level=LEARNED),
        what="cosine of the nearest − farthest quarter at 0.3 of the risk",
        wrong="images of two classes",
        control={"value": partial(measure.contrast, more="close", less="apart", level=LEARNED)},
    ),
    claim(
        "opposed", "near images of two classes stand in each other's way, more than far ones", OPPOSED, below,
        select=training, value=partial(measure.contrast, more="close", less="apart", level=LEARNED),
        what="cosine of the nearest − farthest quarter at 0.3 of the risk",
        wrong="images of one class",
        control={"value": partial(measure.contrast, more="near", less="far", level=LEARNED)},
    ),
    claim(
        "fades", "stiffness within a class fades as the risk falls from a half to a fifth", OPPOSED, below,
        select=training, value=partial(measure.change, of="within", early=HALF, late=LATE),
        what="change of the mean cosine",
        wrong="images of two classes", control={"value": partial(measure.change, of="between", early=HALF, late=LATE)},
    ),
    claim(
        "stable_step", "at equal risk, a larger stable step lowers stiffness within a class a little", OPPOSED, below,
        select=large, value=partial(measure.of_step, of="within", level=LEARNED, step=1),
        what="cosine with h/2 − with h/8 at 0.3 of the risk",
        wrong="between classes",
        control={"value": partial(measure.of_step, of="between", level=LEARNED, step=1)},
    ),
    claim(
        "large_step", "at equal risk, a step that oscillates raises stiffness between classes", CLASSES, above,
        select=large, value=partial(measure.of_step, of="between", level=LATE, step=0),
        what="cosine with h − with h/8 at 0.2 of the risk",
        wrong="h/2, at half of the risk",
        control={"value": partial(measure.of_step, of="between", level=HALF, step=1)},
    ),
)  # fmt: skip

STUDY = Study(
    name="stiffness",
    group="generalisation",
    summary="gradients of single samples: aligned as the tangent kernel says, by class, distance and size of the step",
    parameters=Parameters,
    grid=grid,
    run=compare,
    predict=predict,
    claims=CLAIMS,
    cost={"smoke": "8 s", "default": "1 min", "paper": "hours"},
    precision="float32",
)

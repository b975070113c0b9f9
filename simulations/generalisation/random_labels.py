"""Labels at random on real data: how a network learns them, how long it takes, and what it cannot learn.

Zhang et al. (2017) trained networks on random labels: they fit them, so that no bound which looks at the network alone
can say why true labels generalise. Arora et al. (2019) say what differs, for descent on the input layer of a wide ReLU
network: how the labels lie in the eigenvectors of its kernel. From there the loss curve, the time to memorise and a
bound √(2yᵀK⁻¹y/n) follow. Arpit et al. (2017) look at what is learned first, and at the function that is left.

Three parts. `labels`: the complexity of labels of which a growing share is random, which is known in the mean, beside
the test error. `train`: networks from paired units at α = √m on all levels of random labels from the same starts.
`capacity`: networks of few units, both layers, on random labels, beside a bound from counting.

What the bound is good for: its order. It exceeds 1, where it says nothing, even for true labels at these n. What did
not hold here: that sensitivities of the loss are more unequal for true labels than for random ones (the Gini
coefficient, in the figure); it is the wrong labels among true ones that stand out.

An interval over seeds is one over random splits of the same images.
"""

from functools import partial

import numpy as np

from simulations.generalisation import _label_measures as measure
from simulations.generalisation._labels import Parameters, predict, run
from simulations.records.record import runs, widest
from simulations.study.study import Study, claim
from simulations.verdicts.checks import above, below, bounded, equals, share_above
from theory.prediction import Prediction

SIZES = {
    "smoke": {
        "seeds": 8,
        "labels": {"samples": 100, "tested": 200, "levels": 6, "draws": 128},
        "more_samples": (),
        "train": {"samples": 48, "tested": 80, "steps": 120, "levels": 3},
        "widths": {64: 2, 192: 2, 512: 2},
        "capacity": {"part": "capacity", "components": 5, "replicas": 8, "steps": 400},
        "few": {100: (2, 5, 20, 60)},
    },
    "default": {
        "seeds": 8,
        "labels": {"samples": 100, "tested": 150, "levels": 6, "draws": 200},
        "more_samples": (50, 200),
        "train": {"samples": 80, "steps": 250, "levels": 3},
        "widths": {64: 3, 256: 3, 1024: 2},
        "capacity": {"part": "capacity", "components": 5, "replicas": 10, "steps": 800},
        "few": {100: (2, 5, 10, 15, 20, 30, 60), 50: (2, 4, 8, 16, 32)},
    },
    "paper": {
        "seeds": 10,
        "labels": {"samples": 250, "tested": 100, "levels": 6, "draws": 1000},
        "more_samples": (50, 100, 200),
        "train": {"samples": 250, "steps": 5000, "levels": 6},
        "widths": {256: 4, 1024: 4, 4096: 4, 10000: 4},
        "capacity": {"part": "capacity", "components": 5, "replicas": 100, "steps": 20000},
        "few": {100: (1, 2, 3, 5, 8, 12, 16, 20, 24, 32, 60), 50: (1, 2, 4, 8, 12, 16, 32), 200: (2, 4, 16, 48, 110)},
    },
}


def grid(size: str, seeds: int | None = None, first: int = 0) -> list[Parameters]:
    """The runs of one size; every seed has a split, labels and particles of its own."""
    sizes = SIZES[size]
    made = []
    for seed in range(first, first + (sizes["seeds"] if seeds is None else seeds)):
        made.append(Parameters(part="labels", **sizes["labels"], seed=seed))
        made += [Parameters(**({"part": "labels", "seed": seed} | sizes["labels"] | {"samples": n}))
                 for n in sizes["more_samples"]]  # fmt: skip
        made += [Parameters(**sizes["train"], particles=m, replicas=r, seed=seed) for m, r in sizes["widths"].items()]
        for n, widths in sizes["few"].items():
            made += [Parameters(**sizes["capacity"], samples=n, particles=m, seed=seed) for m in widths]
    return made


trained = partial(runs, "sensitivity")
few_units = partial(runs, "memorised")


def drawn(records):
    """Labels of several levels, many draws of each, at the sample size of most runs."""
    chosen = runs("complexity")(records).where(lambda record: 3 <= record["levels"] <= 11 and record["draws"] >= 32)
    chosen = chosen.where(lambda record: record["samples"] >= 50 and record["tested"] >= 100)
    counts = list(chosen.column("samples"))
    return chosen.where(samples=max(counts, key=lambda n: (counts.count(n), n == 100), default=None))


def wide(records):
    """Networks of many units, where half of the labels, or nearly, are random at some level: those of one m, with the
    most replicas.
    """
    chosen = trained()(records).where(lambda record: record["levels"] >= 3 and record["samples"] >= 32)
    chosen = chosen.where(lambda record: record["particles"] >= 256)
    sizes = {(record["replicas"], record["particles"]) for record in chosen}
    return chosen.where(particles=max(sizes, default=(0, 0))[1])


def memorising(records):
    """Networks that theory gives twice the time that it takes to memorise random labels."""
    return trained()(records).where(
        lambda record: (
            record["samples"] >= 32
            and np.mean(measure.memorised_after(record, "limit_f")[-1]) * 2 <= record["steps"][-1]
        )
    )


def with_parameters(least: float, most: float):
    """Networks of few units with so many parameters a sample."""
    return lambda records: few_units()(records).where(
        lambda record: least <= measure.per_sample(record) <= most and record["steps"] >= 300
    )


MEAN = Prediction(1.0, "=", "k of n labels replaced by random signs, without replacement", "meanfield")
GROWS = Prediction(0.0, ">=", "observed on two digits; in the mean if yᵀK⁻¹y < tr K⁻¹", "arora2019fine")
CHANCE = Prediction(0.5, "=", "random labels: the classifier and its opposite are equally likely", "meanfield")
VANISHES = Prediction(0.0, "=", "α = √m, m → ∞, input layer, from f = 0; falls as m^−½", "arora2019fine")
TIME = Prediction(1.0, "=", "α = √m, m → ∞, input layer, from f = 0", "arora2019fine")
OBSERVED = Prediction(0.0, ">=", "observed on two digits, not a theorem", "arpit2017closer")
HALF = Prediction(0.5, "<=", "observed on two digits, not a theorem", "arpit2017closer")
COUNTED = Prediction(0.0, "<=", "no training finds what is not there", "cover1965geometrical")
MORE_OFTEN = Prediction(0.5, ">=", "Adam on the logistic loss; observed, not proved", "zhang2017understanding")

CLAIMS = (
    claim(
        "complexity", "yᵀK⁻¹y over its exact mean, at every share of random labels", MEAN, equals,
        select=drawn, value=measure.complexity_over_exact, what="yᵀK⁻¹y / exact mean",
        wrong="growth in proportion to the share", control={"value": measure.complexity_over_line},
    ),
    claim(
        "complexity_grows", "√(2yᵀK⁻¹y/n) grows with every share of random labels: its least increment", GROWS, above,
        select=drawn, value=measure.least_increment("complexity"), what="least increment",
        wrong="random labels at every share", control={"value": measure.least_increment("noise_complexity")},
    ),
    claim(
        "error_grows", "so does the test error: its least increment", GROWS, above,
        select=drawn, value=measure.least_increment("error"), what="least increment",
        wrong="random labels at every share", control={"value": measure.least_increment("noise_error")},
    ),
    claim(
        "chance", "test error after random labels", CHANCE, equals,
        select=drawn, value=measure.error_at(-1), what="test error",
        wrong="true labels", control={"value": measure.error_at(0)},
    ),
    claim(
        "projections", "random labels lie in all eigenvectors: power in the first tenth over its share", MEAN, equals,
        select=drawn, value=measure.power_over_even(-1), what="power / its share",
        wrong="true labels", control={"value": measure.power_over_even(0)},
    ),
    claim(
        "loss_true", "true labels: distance to the predicted loss curve as m → ∞", VANISHES, measure.limit,
        select=trained(), x="particles", value=measure.loss_error(0), what="sup |‖y − u‖ − predicted|/‖y‖",
        wrong="the curve predicted for random labels", control={"value": measure.loss_error(0, predicted=-1)},
    ),
    claim(
        "loss_random", "random labels: distance to the predicted loss curve as m → ∞", VANISHES, measure.limit,
        select=trained(), x="particles", value=measure.loss_error(-1), what="sup |‖y − u‖ − predicted|/‖y‖",
        wrong="the curve predicted for true labels", control={"value": measure.loss_error(-1, predicted=0)},
    ),
    claim(
        "time", "steps to memorise random labels over those that the kernel predicts", TIME, measure.limit,
        select=memorising, x="particles", value=measure.time_over_predicted, what="steps / predicted",
        wrong="steps to memorise true labels", control={"value": partial(measure.time_over_predicted, level=0)},
    ),
    claim(
        "slower", "log(steps to memorise random labels / true labels)", GROWS, above,
        select=lambda records: widest(memorising)(records), value=measure.log_slowdown, what="log ratio of steps",
        wrong="the roles exchanged", control={"value": lambda record: -measure.log_slowdown(record)},
    ),
    claim(
        "true_first", "share of wrong labels fitted when 90 % of the true ones among them are", HALF, below,
        select=wide, value=measure.wrong_fitted, what="share of wrong labels fitted",
        wrong="all labels random", control={"value": partial(measure.wrong_fitted, level=-1)},
    ),
    claim(
        "forgets", "what memorising wrong labels then costs: growth of the test error until the end", OBSERVED, above,
        select=wide, value=measure.forgotten, what="test error at the end less early",
        wrong="true labels", control={"value": partial(measure.forgotten, level=0)},
    ),
    claim(
        "critical", "critical share of test samples, random less true labels", OBSERVED, above,
        select=wide, value=measure.more_critical, what="difference of shares",
        wrong="the roles exchanged", control={"value": partial(measure.more_critical, sign=-1.0)},
    ),
    claim(
        "sensitivity", "log(sensitivity of the loss to wrongly labelled samples / to the others)", OBSERVED, above,
        select=wide, value=measure.log_sensitivity, what="log ratio of means",
        wrong="all labels random", control={"value": partial(measure.log_sensitivity, level=-1)},
    ),
    claim(
        "counting", "share of random labellings memorised by two units, less the bound by counting", COUNTED, bounded,
        select=few_units(particles=2), value=measure.share_over_bound, what="share − bound",
        wrong="three parameters a sample, at the bound of two units",
        control={"select": with_parameters(3, 8), "value": measure.share_over_few},
    ),
    claim(
        "too_few", "random labels are missed more often than not at half a parameter a sample", MORE_OFTEN, share_above,
        select=with_parameters(0, 0.5), value=lambda record: ~record["memorised"], what="share missed",
        wrong="three parameters a sample", control={"select": with_parameters(3, 8)},
    ),
    claim(
        "enough", "random labels are memorised more often than not at three parameters a sample", MORE_OFTEN,
        share_above,
        select=with_parameters(3, 8), value=lambda record: record["memorised"], what="share memorised",
        wrong="half a parameter a sample", control={"select": with_parameters(0, 0.5)},
    ),
)  # fmt: skip

STUDY = Study(
    name="random_labels",
    group="generalisation",
    summary="true and random labels on real data: what kernels predict, what is learned first, what cannot be",
    parameters=Parameters,
    grid=grid,
    run=run,
    predict=predict,
    claims=CLAIMS,
    cost={"smoke": "8 s", "default": "40 s", "paper": "hours"},
    precision="float32",
)

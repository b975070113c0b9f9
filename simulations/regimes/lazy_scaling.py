"""Lazy against mean-field: one output scale α, and what it does as α and the number of particles m grow.

Chizat, Oyallon & Bach (2019): as α → ∞ particles move by O(1/α) and the network becomes its tangent model. At α = √m
the same happens as m → ∞, with the limiting tangent kernel; at α = 1 particles and kernel move by O(1) however many
there are.

The runs fall into parts. `lazy`: tanh networks along α, against their exact linearised flow. `start`: tangent kernels
at the start, against the arc-cosine kernel. `width`: tanh networks along m. `teacher` and `digits`: ReLU networks along
m and along α, against kernel regression and their own tangent models. `plane`: two networks in the plane, for the
picture.
"""

from functools import partial

from simulations.records.record import runs, widest
from simulations.regimes import _measures as measure
from simulations.regimes._network import Parameters, limit
from simulations.regimes._training import alike, batch_bytes, train, train_together
from simulations.study.study import Study, Together, claim
from simulations.verdicts.checks import below, bounded, equals, slope
from simulations.verdicts.checks import limit as limit_of
from theory import scaling
from theory.prediction import Prediction

MEAN_FIELD, TANGENT = 0.0, 0.5
"""Exponents of m in the output scale."""

LAZY = {"problem": "random", "activation": "tanh", "particles": 64, "dimension": 4, "samples": 8, "time": 8.0}
FLOW = LAZY | {"flow": "adaptive", "tolerance": 1e-10}
START = {
    "problem": "random", "activation": "relu", "output": "gaussian", "dimension": 3, "samples": 8, "time": 0.0
}  # fmt: skip
WIDTH = {
    "problem": "random", "activation": "tanh", "dimension": 3, "samples": 5, "time": 6.0, "step": 0.1,
}  # fmt: skip
TEACHER = {
    "problem": "teacher",
    "dimension": 5,
    "samples": 64,
    "time": 100.0,
    "step": 0.5,
    "precision": "float32",
}
DIGITS = {"problem": "digits", "dimension": 64, "time": 150.0, "step": 0.75, "precision": "float32"}
PLANE = {"problem": "teacher", "dimension": 2, "samples": 15, "particles": 20, "time": 400.0, "step": 0.05}

ALPHAS = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)
GRIDS = {
    "smoke": {
        "seeds": 7,
        "lazy": [10.0, 100.0, 1000.0, 10000.0],
        "bound": [100.0, 10000.0],
        "start": {16: 60, 128: 60, 1024: 30},
        "width": [64, 256, 1024],
        "teacher": [32, 128, 512],
        "digits": [16, 128, 512],
        "digits_samples": 100,
        "teacher_alpha": (128, [100.0, 300.0, 1000.0]),
        "digits_alpha": (128, [100.0, 300.0, 1000.0]),
    },
    "default": {
        "seeds": 7,
        "lazy": [10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, 10000.0],
        "bound": [10.0, 100.0, 1000.0, 10000.0],
        "start": {16: 400, 64: 400, 256: 400, 1024: 200, 10000: 40, 100000: 8},
        "width": [128, 512, 2048, 10000, 100000],
        "teacher": [64, 256, 1024, 4096, 16384, 100000],
        "digits": [32, 256, 1024, 4096],
        "digits_samples": 200,
        "teacher_alpha": (1024, ALPHAS),
        "digits_alpha": (256, [1.0, 10.0, 100.0, 300.0, 1000.0]),
    },
    "paper": {
        "seeds": 10,
        "lazy": [10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, 10000.0],
        "bound": [10.0, 100.0, 1000.0, 10000.0],
        "start": {16: 1000, 64: 1000, 256: 1000, 1024: 1000, 10000: 100, 100000: 20, 1000000: 4},
        "width": [128, 512, 2048, 10000, 100000, 1000000],
        "teacher": [64, 256, 1024, 4096, 16384, 100000, 1000000],
        "digits": [64, 256, 1024, 4096, 16384],
        "digits_samples": 1000,
        "teacher_alpha": (1024, ALPHAS),
        "digits_alpha": (1024, ALPHAS),
    },
}


def grid(size: str, seeds: int | None = None, first: int = 0) -> list[Parameters]:
    """The runs of one size; `seeds` networks for every setting, the first of them with seed `first`."""
    sizes = GRIDS[size]
    digits = DIGITS | {"samples": sizes["digits_samples"]}
    made = []
    for seed in range(first, first + (sizes["seeds"] if seeds is None else seeds)):
        for initial in ("doubled", "centred", "plain"):
            made += [Parameters(**LAZY, step=0.02, initial=initial, alpha=a, seed=seed) for a in sizes["lazy"]]
        for initial in ("doubled", "centred"):
            made += [Parameters(**FLOW, initial=initial, alpha=a, seed=seed) for a in sizes["bound"]]
        made += [
            Parameters(**START, initial="plain", particles=m, replicas=count, seed=seed)
            for m, count in sizes["start"].items()
        ]
        m, count = list(sizes["start"].items())[1]
        made.append(Parameters(**START, initial="doubled", particles=m, replicas=count, seed=seed))
        for exponent in (MEAN_FIELD, TANGENT):
            for part, ms in ((WIDTH, sizes["width"]), (TEACHER, sizes["teacher"]), (digits, sizes["digits"])):
                made += [Parameters(**part, exponent=exponent, particles=m, seed=seed) for m in ms]
        for part, (m, alphas) in ((TEACHER, sizes["teacher_alpha"]), (digits, sizes["digits_alpha"])):
            made += [Parameters(**part, alpha=a, particles=m, tangent=True, seed=seed) for a in alphas]
    # For the picture alone, and so one seed: in the second one the three teacher neurons point well apart.
    made += [Parameters(**PLANE, alpha=a, seed=first + 1) for a in (1.0, 100.0)]
    return made


lazy_runs = partial(runs, "predictions", activation="tanh", flow="euler", exponent=MEAN_FIELD, precision="float64")
bound_runs = partial(
    runs, "predictions", activation="tanh", flow="adaptive", exponent=MEAN_FIELD, alpha=tuple(GRIDS["paper"]["bound"])
)
start_runs = partial(runs, "kernel_distance", activation="relu", output="gaussian")
width_runs = partial(
    runs, "kernel_drift", activation="tanh", initial="doubled", output="signs", flow="euler", alpha=1.0
)
trained_runs = partial(
    runs, "limit_test_predictions", activation="relu", initial="doubled", flow="euler", alpha=1.0, tangent=False
)
scaled_runs = partial(
    runs, "tangent_test_predictions", activation="relu", initial="doubled", alpha=tuple(a for a in ALPHAS if a >= 100)
)

WITHIN = Prediction(1.0, "<=", "smooth activation, doubled or centred, up to the horizon K/Lip(h)²", "chizat2019lazy")
CONSTANT = Prediction(1.0, "=", "ReLU, independent units, Gaussian weights of variance 1, every m", "meanfield")
BETTER = Prediction(0.0, "<=", "a teacher of few neurons; observed by the paper, not proved", "chizat2019lazy")
SAME = Prediction(0.0, "=", "α = √m, m → ∞, trained as long", "lee2019wide")

CLAIMS = (
    claim(
        "movement_doubled", "particles move by O(1/α), doubled start", scaling.movement_exponent(), slope,
        select=lazy_runs(initial="doubled"), x="alpha", value=measure.last("displacement"), drift=True, last=4,
        wrong="neither doubled nor centred", control={"select": lazy_runs(initial="plain")},
    ),
    claim(
        "movement_centred", "particles move by O(1/α), centred model", scaling.movement_exponent(), slope,
        select=lazy_runs(initial="centred"), x="alpha", value=measure.last("displacement"), drift=True, last=4,
        wrong="neither doubled nor centred", control={"select": lazy_runs(initial="plain")},
    ),
    claim(
        "gap_centred", "the output leaves its exact linearised flow by O(1/α), centred model",
        scaling.output_gap_exponent("centred"), slope,
        select=lazy_runs(initial="centred"), x="alpha", value=measure.linearised_gap, drift=True, last=4,
        wrong="linearised flow without its 1/n", control={"value": measure.gap_without_mean},
    ),
    claim(
        "gap_doubled", "the output leaves its exact linearised flow by O(1/α²), doubled start",
        scaling.output_gap_exponent("doubled"), slope,
        select=lazy_runs(initial="doubled"), x="alpha", value=measure.linearised_gap, drift=True, last=4,
        wrong="centred, not doubled", control={"select": lazy_runs(initial="centred")},
    ),
    claim(
        "lazy_bound", "output gap over the bound of Theorem 2.3, K = ½, 1, 4", WITHIN, bounded,
        select=bound_runs(), value=measure.gap_over_bound, what="gap / bound",
        wrong="a bound with 1/α² for 1/α", control={"value": measure.gap_over_squared_bound},
    ),
    claim(
        "loss_curve", "the loss follows the exact kernel flow, within what Theorem 2.3 allows", WITHIN, bounded,
        select=bound_runs(), value=measure.loss_over_bound, what="|R − R_lin| / bound",
        wrong="kernel flow without its 1/n", control={"value": measure.loss_over_bound_without_mean},
    ),
    claim(
        "kernel_constant", "m E‖K_m − K‖² over its constant C, K the arc-cosine kernel", CONSTANT, equals,
        select=start_runs(initial="plain"), value=measure.over_constant, what="m ‖K_m − K‖² / C",
        wrong="doubled: half the independent units", control={"select": start_runs(initial="doubled")},
    ),
    claim(
        "kernel_rate", "E‖K_m − K‖² to the arc-cosine kernel falls as 1/m", scaling.kernel_distance_exponent(), slope,
        select=start_runs(initial="plain"), x="particles", value=measure.kernel_distance,
        wrong="limit of the output layer alone", control={"value": measure.output_layer_distance},
    ),
    claim(
        "drift_tangent", "relative change of the tangent kernel in training, α = √m",
        scaling.kernel_change_exponent("tangent"), slope,
        select=width_runs(exponent=TANGENT), x="particles", value=measure.last("kernel_drift"), drift=True,
        wrong="α = 1", control={"select": width_runs(exponent=MEAN_FIELD)},
    ),
    claim(
        "drift_mean_field", "relative change of the tangent kernel in training, α = 1",
        scaling.kernel_change_exponent("mean-field"), slope,
        select=width_runs(exponent=MEAN_FIELD), x="particles", value=measure.last("kernel_drift"), drift=True,
        wrong="α = √m", control={"select": width_runs(exponent=TANGENT)},
    ),
    claim(
        "displacement_tangent", "movement of a particle in m, α = √m", scaling.displacement_exponent("tangent"), slope,
        select=width_runs(exponent=TANGENT), x="particles", value=measure.last("displacement"), drift=True,
        wrong="α = 1", control={"select": width_runs(exponent=MEAN_FIELD)},
    ),
    claim(
        "displacement_mean_field", "movement of a particle in m, α = 1", scaling.displacement_exponent("mean-field"),
        slope,
        select=width_runs(exponent=MEAN_FIELD), x="particles", value=measure.last("displacement"), drift=True,
        wrong="α = √m", control={"select": width_runs(exponent=TANGENT)},
    ),
    claim(
        "teacher_width", "teacher: distance to kernel regression in m, α = √m", scaling.kernel_limit_exponent(), slope,
        select=trained_runs(problem="teacher", exponent=TANGENT), x="particles", value=measure.to_kernel_regression,
        drift=True, wrong="α = 1", control={"select": trained_runs(problem="teacher", exponent=MEAN_FIELD)},
    ),
    claim(
        "teacher_alpha", "teacher: distance to the own tangent model in α ≥ 100, ReLU",
        scaling.output_gap_exponent("doubled", smooth=False), slope,
        select=scaled_runs(problem="teacher"), x="alpha", value=measure.to_tangent_model, drift=True,
        wrong="distance to infinite width", control={"value": measure.to_kernel_regression},
    ),
    claim(
        "teacher_features", "teacher: log(test risk, α = 1 / test risk of kernel regression)", BETTER, below,
        select=widest(trained_runs(problem="teacher", exponent=MEAN_FIELD)), value=measure.log_risk_ratio,
        what="log ratio at the largest m",
        wrong="α = √m", control={"select": widest(trained_runs(problem="teacher", exponent=TANGENT))},
    ),
    claim(
        "digits_width", "digits: distance to kernel regression in m, α = √m", scaling.kernel_limit_exponent(), slope,
        select=trained_runs(problem="digits", exponent=TANGENT), x="particles", value=measure.to_kernel_regression,
        drift=True, wrong="α = 1", control={"select": trained_runs(problem="digits", exponent=MEAN_FIELD)},
    ),
    claim(
        "digits_alpha", "digits: distance to the own tangent model in α ≥ 100, ReLU",
        scaling.output_gap_exponent("doubled", smooth=False), slope,
        select=scaled_runs(problem="digits"), x="alpha", value=measure.to_tangent_model, drift=True,
        wrong="distance to infinite width", control={"value": measure.to_kernel_regression},
    ),
    claim(
        "digits_error", "digits: test error less that of kernel regression, α = √m, m → ∞", SAME, limit_of,
        select=trained_runs(problem="digits", exponent=TANGENT), x="particles", value=measure.excess_error, order=1.0,
        what="difference of error shares",
        wrong="regression before its first step", control={"value": measure.excess_over_untrained},
    ),
)  # fmt: skip

STUDY = Study(
    name="lazy_scaling",
    group="regimes",
    summary="lazy and mean-field training compared at growing particle counts, on a teacher and on digits",
    parameters=Parameters,
    grid=grid,
    run=train,
    predict=limit,
    claims=CLAIMS,
    cost={"smoke": "30 s", "default": "2 min", "paper": "hours (minutes on a GPU)"},
    together=Together(alike, train_together, batch_bytes),
)

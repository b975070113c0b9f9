"""Lazy against mean-field: one output scale α, and what it does as α and the number of particles m grow.

Chizat, Oyallon & Bach (2019): as α → ∞ particles move by O(1/α) and the network becomes its tangent model. At α = √m
the same happens as m → ∞, with the limiting tangent kernel; at α = 1 particles and kernel move by O(1) however many
there are.

tanh networks on random labels along α, against their exact linearised flow, and along m; their gradient flow against
the theorem; ReLU networks along m on a teacher and on digits against kernel regression, and along α against their own
tangent models; and two networks in the plane, for the picture.
"""

from functools import cached_property, partial

import numpy as np

import meanfield as mf
from simulations import Simulation, Study, checks, choice, claim, count, grid, last, number
from simulations.records.record import widest
from simulations.regimes import few_neurons
from simulations.regimes import linearised as measure
from simulations.regimes.approach import approached
from simulations.regimes.kernel_limit import TESTED, Learner, padded, whole_steps
from simulations.regimes.neurons import ANIMATION, Neurons
from simulations.study.starts import doubled, independent, unpaired
from theory import scaling
from theory.neurons import Network
from theory.prediction import Prediction

MEAN_FIELD, TANGENT = 0.0, 0.5
"""Exponents of m in the output scale."""

DIGITS = 1797
"""Images of digits in all (count)."""

ROOM = 1024
"""More than 64 tanh particles come in arrays of a multiple of this."""

STARTS = ("doubled", "centred", "plain")
LAZY = (10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, 10000.0)
BOUND = (10.0, 100.0, 1000.0, 10000.0)
ALPHAS = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)
LARGE = tuple(alpha for alpha in ALPHAS if alpha >= 100)
BOTH = {"exponent": (MEAN_FIELD, TANGENT)}
SMALL = {"dimension": 3, "samples": 5, "time": 6.0, "step": 0.1, **BOTH}


class Labels(Simulation):
    """tanh networks that learn random labels on the sphere."""

    particles: int = count(64, "m", "particles, an even number if doubled")
    dimension: int = count(4, "d", "inputs")
    samples: int = count(8, "n", "training samples")
    initial: str = choice("doubled", "pairs ±a with f = 0, f − f_0 trained, or neither", among=STARTS)
    alpha: float = number(1.0, "α", "output scale at m = 1", unit="output units", above=0)
    time: float = number(8.0, "T", "final time", unit="mean-field time", above=0, batched=False)

    def refusal(self):
        return unpaired(self.particles) if self.initial == "doubled" else None

    @property
    def scale(self) -> float:
        """The output scale."""
        return self.alpha

    @cached_property
    def data(self) -> tuple[np.ndarray, np.ndarray]:
        random = self.generator("data")
        return few_neurons.sphere(random, self.samples, self.dimension), random.normal(size=self.samples)

    @cached_property
    def theta(self) -> np.ndarray:
        random, m = self.generator(f"start of {self.particles}"), self.particles
        if self.initial == "doubled":
            return doubled(independent(random, m // 2, self.dimension))
        return independent(random, m, self.dimension)

    def problem(self):
        centred = self.initial == "centred"
        return mf.Objective(mf.Neuron("tanh"), mf.Square(), *self.data, scale=self.scale, centred=centred)

    def start(self):
        return padded(self.theta, ROOM)

    def observe(self):
        return [mf.Risk(), mf.Displacement(), mf.observables.KernelDrift(), mf.Predictions()]

    def measure(self, run):
        return {"x": self.data[0], "y": self.data[1]}

    def theory(self, start):
        """The tangent kernel at the start, from its formula."""
        return {"kernel": Network(self.theta, "tanh").tangent_kernel(self.data[0])[:, 0, :, 0]}


class Smooth(Labels):
    """tanh networks that learn random labels, by gradient descent."""

    exponent: float = number(MEAN_FIELD, "p", "exponent of m in the output scale, which is α m^p")
    step: float = number(0.02, "h", "step of gradient descent", unit="mean-field time", above=0, batched=False)
    time: float = number(8.0, "T", "final time", unit="mean-field time", at_least="step", batched=False)
    sizes = grid(
        smoke=[
            {"initial": STARTS, "alpha": (10.0, 100.0, 1000.0, 10000.0), "seeds": 7},
            {**SMALL, "particles": (64, 1024, 8192), "seeds": 7},
        ],
        default=[
            {"initial": STARTS, "alpha": LAZY, "seeds": 7},
            {**SMALL, "particles": (128, 512, 2048, 10000, 100000), "seeds": 7},
        ],
        large=[
            {"initial": STARTS, "alpha": LAZY, "seeds": 10},
            {**SMALL, "particles": (128, 512, 2048, 10000, 100000, 1000000), "seeds": 10},
        ],
    )

    @property
    def scale(self) -> float:
        """The output scale."""
        return self.alpha * self.particles**self.exponent

    def flow(self):
        return mf.GradientFlow(self.step)

    def times(self):
        return self.step * whole_steps(self.step, self.time)


class Flow(Labels):
    """tanh networks that learn random labels by the gradient flow, to a tolerance: the theorem bounds it."""

    initial: str = choice("doubled", "pairs ±a with f = 0, or f − f_0 trained", among=STARTS[:2])
    tolerance: float = number(1e-10, "", "relative tolerance of the flow", unit="share", above=0)
    sizes = grid(
        smoke={"initial": STARTS[:2], "alpha": (100.0, 10000.0), "seeds": 7},
        default={"initial": STARTS[:2], "alpha": BOUND, "seeds": 7},
        large={"initial": STARTS[:2], "alpha": BOUND, "seeds": 10},
    )

    def flow(self):
        return mf.AdaptiveFlow(self.tolerance, self.tolerance / 100)

    def times(self):
        return np.append(0.0, np.geomspace(self.time / 300, self.time, 18))

    def measure(self, run):
        return super().measure(run) | {"weights": self.theta}


class Teacher(Learner):
    """ReLU networks that learn a teacher of three neurons on the sphere."""

    dimension: int = count(5, "d", "inputs")
    sizes = grid(
        smoke=[
            {"particles": (32, 256, 2048), **BOTH, "seeds": 7},
            {"particles": 512, "alpha": LARGE[:3], "tangent": True, "seeds": 20},
        ],
        default=[
            {"particles": (64, 256, 1024, 4096, 16384, 100000), **BOTH, "seeds": 7},
            {"particles": 1024, "alpha": ALPHAS, "tangent": True, "seeds": 20},
        ],
        large=[
            {"particles": (64, 256, 1024, 4096, 16384, 100000, 1000000), **BOTH, "seeds": 10},
            {"particles": 1024, "alpha": ALPHAS, "tangent": True, "seeds": 40},
        ],
    )

    def draw(self):
        return few_neurons.teacher(self.generator("data"), self.samples, self.dimension, tested=TESTED)


class Digits(Learner):
    """ReLU networks of ten outputs that learn images of digits."""

    room = 2
    samples: int = count(200, "n", "training images", at_most=DIGITS - TESTED)
    time: float = number(150.0, "T", "final time", unit="mean-field time", at_least="step", batched=False)
    step: float = number(0.75, "h", "step of gradient descent", unit="mean-field time", above=0, batched=False)
    sizes = grid(
        smoke={"samples": 100, "particles": (32, 128, 512), **BOTH, "seeds": 7},
        default={"particles": (32, 256, 1024, 4096), **BOTH, "seeds": 7},
        large={"samples": 1000, "particles": (64, 256, 1024, 4096, 16384), **BOTH, "seeds": 10},
    )

    def draw(self):
        return mf.datasets.digits(n=self.samples, n_test=TESTED, split=self.seed, dtype="float32")


class Plane(Neurons):
    """Two networks in the plane, for the picture alone, and so of one seed."""

    sizes = dict.fromkeys(("smoke", "default", "large"), ({"particles": 20, "alpha": (1.0, 100.0), "time": 400.0},))


along_alpha = partial(Smooth.at, "predictions", exponent=MEAN_FIELD)
along_m = partial(Smooth.at, "kernel_drift", initial="doubled", alpha=1.0)
bound_runs = Flow.at("predictions", alpha=BOUND)
teachers, digits = (partial(one.at, "limit_test_predictions", alpha=1.0, tangent=False) for one in (Teacher, Digits))
teachers_scaled = Teacher.at("tangent_test_predictions", alpha=LARGE)

FIRST = Prediction(1.0, "=", "to first order in 1/α; f(0) = 0 (doubled or centred), fixed horizon", "chizat2019lazy")
WITHIN = Prediction(1.0, "<=", "smooth activation, doubled or centred, up to the horizon K/Lip(h)²", "chizat2019lazy")
BETTER = Prediction(0.0, "<=", "a teacher of few neurons; observed, not proved", "meanfield")
SAME = Prediction(0.0, "=", "α = √m, m → ∞, trained as long", "lee2019wide")

CLAIMS = (
    claim(
        "movement", "particles move by 1/α times what the tangent model says, doubled or centred", FIRST, approached,
        select=along_alpha(initial=("doubled", "centred")), x="alpha", value=measure.over_linear_movement,
        what="α ‖θ(T) − θ(0)‖ / that of the tangent model",
        wrong="the tangent model in half the time", control={"value": measure.movement_in_half},
    ),
    claim(
        "gap_centred", "the output leaves its exact linearised flow as 1/α, centred model",
        scaling.output_gap_exponent("centred"), checks.asymptotic_slope,
        select=along_alpha(initial="centred"), x="alpha", value=measure.linearised_gap, last=4,
        wrong="linearised flow without its 1/n", control={"value": measure.gap_without_mean},
    ),
    claim(
        "gap_doubled", "the output leaves its exact linearised flow as 1/α², doubled start",
        scaling.output_gap_exponent("doubled"), checks.asymptotic_slope,
        select=along_alpha(initial="doubled"), x="alpha", value=measure.linearised_gap, last=4,
        wrong="centred, not doubled", control={"select": along_alpha(initial="centred")},
    ),
    claim(
        "drift_tangent", "relative change of the tangent kernel in training, α = √m",
        scaling.kernel_change_exponent("tangent"), checks.asymptotic_slope,
        select=along_m(exponent=TANGENT), x="particles", value=last("kernel_drift"),
        wrong="α = 1", control={"select": along_m(exponent=MEAN_FIELD)},
    ),
    claim(
        "displacement_mean_field", "movement of a particle in m, α = 1", scaling.displacement_exponent("mean-field"),
        checks.asymptotic_slope,
        select=along_m(exponent=MEAN_FIELD), x="particles", value=last("displacement"),
        widest=0.1, wrong="α = √m", control={"select": along_m(exponent=TANGENT)},
    ),
    claim(
        "teacher_risk", "teacher: log(test risk / that of kernel regression), α = √m, m → ∞", SAME, checks.limit,
        select=teachers(exponent=TANGENT), x="particles", value=measure.log_risk_ratio, order=1.0, what="log ratio",
        widest=0.3, wrong="α = 1", control={"select": teachers(exponent=MEAN_FIELD)},
    ),
    claim(
        "teacher_alpha", "teacher: distance to the own tangent model in α ≥ 100, ReLU",
        scaling.output_gap_exponent("doubled", smooth=False), checks.slope,
        select=teachers_scaled, x="alpha", value=measure.to_tangent_model,
        wrong="distance to infinite width", control={"value": measure.to_kernel_regression},
    ),
    claim(
        "digits_width", "digits: distance to kernel regression in m, α = √m", scaling.kernel_limit_exponent(),
        checks.asymptotic_slope,
        select=digits(exponent=TANGENT), x="particles", value=measure.to_kernel_regression,
        wrong="α = 1", control={"select": digits(exponent=MEAN_FIELD)},
    ),
    claim(
        "digits_error", "digits: test error less that of kernel regression, α = √m, m → ∞", SAME, checks.limit,
        select=digits(exponent=TANGENT), x="particles", value=measure.excess_error, order=1.0,
        what="difference of error shares",
        widest=0.16, wrong="regression before its first step", control={"value": measure.excess_over_untrained},
    ),
)  # fmt: skip

SANITY = (
    claim(
        "lazy_bound", "output gap over the bound of Theorem 2.3, K = ½, 1, 4", WITHIN, checks.largest,
        select=bound_runs, value=measure.gap_over_bound, what="gap / bound",
        wrong="kernel flow without its 1/n", control={"value": measure.gap_over_bound_without_mean},
    ),
    claim(
        "loss_curve", "the loss follows the exact kernel flow, within what Theorem 2.3 allows", WITHIN, checks.largest,
        select=bound_runs, value=measure.loss_over_bound, what="|R − R_lin| / bound",
        wrong="kernel flow without its 1/n", control={"value": measure.loss_over_bound_without_mean},
    ),
    claim(
        "drift_mean_field", "relative change of the tangent kernel in training, α = 1",
        scaling.kernel_change_exponent("mean-field"), checks.asymptotic_slope,
        select=along_m(exponent=MEAN_FIELD), x="particles", value=last("kernel_drift"),
        widest=0.2, wrong="α = √m", control={"select": along_m(exponent=TANGENT)},
    ),
    claim(
        "displacement_tangent", "movement of a particle in m, α = √m", scaling.displacement_exponent("tangent"),
        checks.asymptotic_slope,
        select=along_m(exponent=TANGENT), x="particles", value=last("displacement"),
        wrong="α = 1", control={"select": along_m(exponent=MEAN_FIELD)},
    ),
    claim(
        "teacher_features", "teacher: log(test risk, α = 1 / test risk of kernel regression)", BETTER, checks.mean,
        select=widest(teachers(exponent=MEAN_FIELD)), value=measure.log_risk_ratio,
        what="log ratio at the largest m",
        wrong="α = √m", control={"select": widest(teachers(exponent=TANGENT))},
    ),
)  # fmt: skip

STUDY = Study(
    name="lazy_scaling",
    group="regimes",
    summary="lazy and mean-field training compared at growing particle counts, on a teacher and on digits",
    experiments=(Teacher, Digits, Smooth, Flow, Plane),
    claims=CLAIMS,
    sanity=SANITY,
    usual=Teacher,
    animation=ANIMATION,
)

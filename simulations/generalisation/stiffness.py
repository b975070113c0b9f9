"""The effect of learning one image on another: cosines between the gradients of single samples.

They are what the tangent kernel says, up to the signs of the residuals. Of networks with ten outputs at α = √m the
kernel in the limit m → ∞ says how they go along training on digits: they are large for images of one class, more so
the nearer the two are; images of two classes stand in each other's way if they are near; as the risk falls, all of it
fades. Networks that move their features do the same. At equal risk a larger step makes little difference as long as
descent is stable; one that oscillates in the direction which all samples share aligns their gradients, those of two
classes too (Fort et al., 2019, found the like in deeper networks).
"""

from functools import cached_property, partial

import jax
import numpy as np

import meanfield as mf
from simulations import Setup, Simulation, Simulations, Study, checks, choice, claim, count, grid, number
from simulations.generalisation import cosines_at_risk as measure
from simulations.generalisation.cosines_at_risk import SHARES
from simulations.generalisation.image_pairs import ImagePairs, pairs
from simulations.generalisation.lazy_digits import Lazy
from simulations.records.record import Records, between
from theory import stiffness
from theory.neurons import Network
from theory.prediction import Prediction

INSTANTS = 18
"""Times at which training is observed (count)."""

LOSSES = {"square": mf.Square(), "logistic": mf.Logistic()}


class Identity(Simulation):
    """A short training, along which cosines of gradients stand beside those from the kernel."""

    activation: str = choice("tanh", "activation", among=("relu", "tanh"))
    loss: str = choice("logistic", "loss", among=tuple(LOSSES))
    task: str = choice("parity", "ten classes, or even against odd digits", among=("classes", "parity"))
    particles: int = count(16, "m", "particles")
    samples: int = count(24, "n", "training samples, whose gradients are compared", at_most=1000)
    step: float = number(1.0, "h", "step", unit="mean-field time", above=0)
    time: float = number(200.0, "t", "time at the end", unit="mean-field time", at_least="step")
    sizes = grid(
        smoke={"task": "classes"},
        default={"activation": ("tanh", "relu"), "loss": tuple(LOSSES), "task": ("parity", "classes"), "seeds": 3},
        large={"activation": ("tanh", "relu"), "loss": tuple(LOSSES), "task": ("parity", "classes"), "seeds": 10},
    )

    @cached_property
    def data(self) -> mf.datasets.Dataset:
        return mf.datasets.digits(task=self.task, n=self.samples, n_test=1, split=self.seed)

    @property
    def outputs(self) -> int:
        return 10 if self.task == "classes" else 1

    def problem(self):
        unit, dense = mf.Neuron(self.activation, outputs=self.outputs), mf.integrals.Dense()
        return mf.Objective(unit, LOSSES[self.loss], self.data.x, self.data.y, kernel=dense)

    def start(self):
        return mf.Particles(self.generator("start").normal(size=(self.particles, self.outputs + 64)))

    def flow(self):
        return mf.GradientFlow(self.step)

    def times(self):
        return np.unique(np.rint(np.array([0, 0.1, 1]) * self.time / self.step)) * self.step

    def observe(self):
        return {"gradient": mf.observables.stiffness, "position": mf.Positions()}

    def measure(self, run):
        """Return the cosines that theory predicts at the particles of each time, and how far rounding may change them:
        they need no simulation but its particles.
        """
        x, y = np.asarray(self.data.x), np.asarray(self.data.y).reshape(self.samples, self.outputs)
        networks = [Network(theta, self.activation, self.outputs) for theta in run.values["position"]]
        kernels = [network.tangent_kernel(x) for network in networks]
        residuals = [stiffness.residual(self.loss, network.predict(x), y) for network in networks]
        pairs = list(zip(kernels, residuals, strict=True))
        return {
            "kernel": np.stack([stiffness.cosines(kernel, r) for kernel, r in pairs]),
            "unsigned": np.stack([stiffness.cosines(kernel, r, signed=False) for kernel, r in pairs]),
            "rounding": np.stack([stiffness.rounding(network, x, y, self.loss) for network in networks]),
        }


class Training(Simulations):
    """A network that learns ten digits from one start by steps of h, h/2 and h/8; pairs of test images are compared."""

    activation: str = choice("relu", "activation", among=("relu", "tanh"))
    loss: str = choice("square", "loss", among=tuple(LOSSES))
    particles: int = count(64, "m", "particles")
    samples: int = count(256, "n", "training samples", at_most=1000)
    tested: int = count(60, "", "test images, several of each class", at_least=50, at_most=797)
    step: float = number(8.0, "h", "largest step; the others are h/2 and h/8", unit="mean-field time", above=0)
    time: float = number(300.0, "t", "time at the end", unit="mean-field time", at_least="step")
    precision = "float32"
    sizes = grid(
        smoke={"seeds": 24},
        default={"tested": 200, "time": 2000.0, "seeds": 40},
        large={"tested": 500, "time": 20_000.0, "samples": 1000, "particles": 256, "seeds": 100},
    )

    @cached_property
    def data(self) -> mf.datasets.Dataset:
        return mf.datasets.digits(n=self.samples, n_test=797, split=self.seed)

    @cached_property
    def pairs(self) -> ImagePairs:
        images, targets = (np.asarray(part, float)[: self.tested] for part in (self.data.x_test, self.data.y_test))
        return pairs(images, targets, self.generator("classes dealt out"))

    @property
    def times(self) -> np.ndarray:
        steps = np.unique(np.rint(np.geomspace(1, self.time / self.step, INSTANTS)))
        return np.append(0, steps) * self.step

    def setups(self):
        data, unit = self.data, mf.Neuron(self.activation, outputs=10)
        problem = mf.Objective(unit, LOSSES[self.loss], data.x, data.y, kernel=mf.integrals.Dense())
        start = mf.Particles(self.generator("start").normal(size=(self.particles, 74)).astype(np.float32))
        x, y = data.x_test[: self.tested], data.y_test[: self.tested]
        observe = {"risk": mf.Risk(), "cosines": jax.tree_util.Partial(mf.observables.stiffness, x=x, y=y)}
        flows = {name: mf.GradientFlow(share * self.step) for name, share in SHARES.items()}
        return {name: Setup(problem, start, flow, self.times, observe) for name, flow in flows.items()}

    def measure(self, runs):
        """Return the risk [steps, times], and means of cosines over groups of pairs, classes and bins of distance."""
        means = [self.pairs.means(run.values["cosines"]) for run in runs.values()]
        risk = np.stack([run.values["risk"] for run in runs.values()])
        return {"times": self.times, "risk": risk} | {name: np.stack([one[name] for one in means]) for name in means[0]}


def training(records: Records) -> Records:
    """Return networks with square loss that come down to a fifth of the risk, with all steps."""
    chosen = Training.at("groups", loss="square", activation="relu")(records)
    return chosen.where(lambda record: all(measure.falls_to(risk, measure.LATE) for risk in record["risk"]))


def lazy(records: Records) -> Records:
    """Return lazy networks that learn: they come down to a tenth of the risk, and so does their kernel."""
    names = "risk", "kernel_risk"
    chosen = Lazy.at("kernel_groups", share=between(0, 1.5))(records)
    return chosen.where(lambda record: all(measure.falls_to(record[name], measure.LAST) for name in names))


def large(records: Records) -> Records:
    """Return the `training` runs whose largest step oscillates and does not diverge: 7 to 9, from 256 samples on."""
    return training(records).where(lambda record: 7 <= record["step"] <= 9 and record["samples"] >= 256)


identity = Identity.at("gradient")

KERNEL = Prediction(1.0, "<=", "any loss and width, gradients without penalty, but for rounding", "meanfield")
LIMIT = Prediction(1.0, "=", "α = √m, m → ∞, from f = 0: descent with the kernel of infinitely many units", "meanfield")
ALIGNED = Prediction(0.0, ">=", "digits, square loss; observed, not proved", "meanfield")
OPPOSED = Prediction(0.0, "<=", "digits, square loss; observed, not proved", "meanfield")

CLAIMS = (
    claim(
        "identity", "cosines of gradients are normalised tangent kernels; deviation over rounding", KERNEL,
        checks.largest, kind="identity",
        select=identity, value=measure.identity_error, what="|cosine − r K r / …| / rounding",
        wrong="the sizes of the residuals alone", control={"value": partial(measure.identity_error, known="unsigned")},
    ),
    claim(
        "classes", "lazy: how much stiffer test images of one class are than those of two, over the kernel's", LIMIT,
        checks.limit,
        select=lazy, x="particles", order=1.0, what="cosine within − between classes at 0.3 of the risk / the kernel's",
        value=partial(measure.over_kernel, more="within", less="between", as_in=("within", "between")),
        wrong="classes dealt out at random",
        control={"value": partial(
            measure.over_kernel, more="mixed_within", less="mixed_between", as_in=("within", "between")
        )},
    ),
    claim(
        "distance", "lazy: within a class, how much stiffer near images are than far ones, over the kernel's", LIMIT,
        checks.limit,
        select=lazy, x="particles", order=1.0, what="cosine of the nearest − farthest quarter / the kernel's",
        value=partial(measure.over_kernel, more="near", less="far", as_in=("near", "far")),
        wrong="images of two classes",
        control={"value": partial(measure.over_kernel, more="close", less="apart", as_in=("near", "far"))},
    ),
    claim(
        "opposed", "lazy: how near images of two classes stand in each other's way, over the kernel's", LIMIT,
        checks.limit,
        select=lazy, x="particles", order=1.0, what="cosine of the nearest − farthest quarter / the kernel's",
        value=partial(measure.over_kernel, more="close", less="apart", as_in=("close", "apart")),
        wrong="images of one class",
        control={"value": partial(measure.over_kernel, more="near", less="far", as_in=("close", "apart"))},
    ),
    claim(
        "fades", "lazy: what is left of stiffness within a class from a half to a tenth of the risk, over the kernel's",
        LIMIT, checks.limit,
        select=lazy, x="particles", order=1.0, what="share of the cosine that is left / the kernel's",
        value=measure.kept_over_kernel,
        wrong="what the kernel leaves at 0.2", control={"value": partial(measure.kept_over_kernel, as_at=measure.LATE)},
    ),
    claim(
        "stable_step", "at equal risk, a larger stable step lowers stiffness within a class a little", OPPOSED,
        checks.mean,
        select=large, value=partial(measure.of_step, of="within", level=measure.LEARNED, step="h/2"),
        what="cosine with h/2 − with h/8 at 0.3 of the risk",
        wrong="between classes",
        control={"value": partial(measure.of_step, of="between", level=measure.LEARNED, step="h/2")},
    ),
    claim(
        "large_step", "at equal risk, a step that oscillates raises stiffness between classes", ALIGNED, checks.mean,
        select=large, value=partial(measure.of_step, of="between", level=measure.LATE, step="h"),
        what="cosine with h − with h/8 at 0.2 of the risk",
        wrong="within a class",
        control={"value": partial(measure.of_step, of="within", level=measure.LATE, step="h")},
    ),
)  # fmt: skip

SANITY = (
    claim(
        "classes_moving", "networks that move their features: one class is stiffer than two", ALIGNED, checks.mean,
        select=training, value=partial(measure.contrast, more="within", less="between", level=measure.LEARNED),
        what="cosine within − between classes at 0.3 of the risk",
        wrong="classes dealt out at random",
        control={"value": partial(
            measure.contrast, more="mixed_within", less="mixed_between", level=measure.LEARNED
        )},
    ),
    claim(
        "distance_moving", "so are near images of a class more than far ones, unlike those of two classes", ALIGNED,
        checks.mean,
        select=training, value=partial(measure.contrast, more="near", less="far", level=measure.LEARNED),
        what="cosine of the nearest − farthest quarter at 0.3 of the risk",
        wrong="images of two classes",
        control={"value": partial(measure.contrast, more="close", less="apart", level=measure.LEARNED)},
    ),
    claim(
        "fades_moving", "and stiffness within a class fades as the risk falls from a half to a fifth", OPPOSED,
        checks.mean,
        select=training, value=partial(measure.change, of="within", early=measure.HALF, late=measure.LATE),
        what="change of the mean cosine",
        wrong="images of two classes",
        control={"value": partial(measure.change, of="between", early=measure.HALF, late=measure.LATE)},
    ),
)  # fmt: skip

STUDY = Study(
    name="stiffness",
    group="generalisation",
    summary="gradients of single samples: aligned as the tangent kernel says, by class, distance and size of the step",
    experiments=(Identity, Lazy, Training),
    claims=CLAIMS,
    sanity=SANITY,
)

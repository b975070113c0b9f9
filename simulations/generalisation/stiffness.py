"""The effect of learning one image on another: cosines between the gradients of single samples.

They are what the tangent kernel says, up to the signs of the residuals. Along training on digits they are large for
images of one class, more so the nearer the two are; images of two classes stand in each other's way if they are near.
As the risk falls, all of it fades, in a network with ten outputs and square loss. At equal risk a larger step makes
little difference as long as descent is stable; one that oscillates in the direction which all samples share aligns
their gradients, those of two classes too (Fort et al., 2019, found the like in deeper networks).
"""

from functools import cached_property, partial

import jax
import numpy as np

import meanfield as mf
from simulations.generalisation.image_pairs import GROUPS, ImagePairs
from simulations.records.record import Record, Records
from simulations.study.experiment import grid
from simulations.study.parameters import choice, count, number
from simulations.study.simulation import Setup, Simulation, Simulations
from simulations.study.study import Study, claim
from simulations.verdicts import checks
from theory import stiffness
from theory.neurons import Network
from theory.prediction import Prediction

LEARNED, HALF, LATE = 0.3, 0.5, 0.2
"""Shares of the risk at the start at which runs are compared."""

SHARES = {"h": 1.0, "h/2": 0.5, "h/8": 0.125}
"""Steps that are compared, in shares of the largest."""

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
    time: float = number(200.0, "t", "time at the end", unit="mean-field time", above=0)
    sizes = grid(
        smoke=[{}, {"activation": "relu", "loss": "square", "task": "classes"}],
        default={"activation": ("tanh", "relu"), "loss": tuple(LOSSES), "task": ("parity", "classes"), "seeds": 3},
        paper={"activation": ("tanh", "relu"), "loss": tuple(LOSSES), "task": ("parity", "classes"), "seeds": 10},
    )

    def refusal(self):
        return _too_short(self.time, self.step)

    @cached_property
    def data(self) -> mf.datasets.Dataset:
        return mf.datasets.digits(task=self.task, n=self.samples, n_test=1, split=self.seed)

    @property
    def outputs(self) -> int:
        return 10 if self.task == "classes" else 1

    def problem(self):
        # Dense, so that one program serves all samples; the decay is for the control.
        unit, dense = mf.Neuron(self.activation, outputs=self.outputs), mf.integrals.Dense()
        decay = mf.WeightDecay(0.01)
        return mf.Objective(unit, LOSSES[self.loss], self.data.x, self.data.y, penalty=decay, kernel=dense)

    def start(self):
        return mf.Particles(self.generator("start").normal(size=(self.particles, self.outputs + 64)))

    def flow(self):
        return mf.GradientFlow(self.step)

    def times(self):
        return np.unique(np.rint(np.array([0, 0.1, 1]) * self.time / self.step)) * self.step

    def observe(self):
        return {"gradient": mf.observables.stiffness, "decayed": decayed, "position": mf.Positions()}

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
    time: float = number(300.0, "t", "time at the end", unit="mean-field time", above=0)
    precision = "float32"
    sizes = grid(
        smoke={"seeds": 24},
        default={"tested": 200, "time": 2000.0, "seeds": 40},
        paper={"tested": 500, "time": 20_000.0, "samples": 1000, "particles": 256, "seeds": 100},
    )

    def refusal(self):
        return _too_short(self.time, self.step)

    @cached_property
    def data(self) -> mf.datasets.Dataset:
        return mf.datasets.digits(n=self.samples, n_test=797, split=self.seed)

    @cached_property
    def pairs(self) -> ImagePairs:
        images, targets = (np.asarray(part, float)[: self.tested] for part in (self.data.x_test, self.data.y_test))
        classes = np.argmax(targets, axis=1)
        return ImagePairs(images, classes, self.generator("classes dealt out").permutation(classes))

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
        if not all(run.done for run in runs.values()):
            return {"times": self.times}
        means = [self.pairs.means(run.values["cosines"]) for run in runs.values()]
        risk = np.stack([run.values["risk"] for run in runs.values()])
        return {"times": self.times, "risk": risk} | {name: np.stack([one[name] for one in means]) for name in means[0]}


def _too_short(time: float, step: float) -> str | None:
    """Return why there is no step before the end, or None."""
    return None if time >= step else f"time={time:g}: expected at least one step of {step:g}."


def decayed(objective: mf.Objective, mu: mf.Particles) -> jax.Array:
    """Return the cosines with the penalty in every gradient."""
    return mf.observables.stiffness(objective, mu, penalty=True)


def identity_error(record: Record, *, measured: str = "gradient", known: str = "kernel") -> float:
    """Return |cosine from gradients − cosine from the kernel| over the rounding, the largest of all pairs and times."""
    return float(np.max(np.abs(record[measured] - record[known]) / record["rounding"]))


def at_risk(record: Record, level: float, name: str = "groups") -> dict[str, np.ndarray]:
    """Return a value for each step when the risk first falls to this share of the one at the start.

    Between two times it is linear in the logarithm of the risk; NaN where the risk never falls that far.
    """
    values: dict[str, np.ndarray] = {}
    for step, risk, observed in zip(SHARES, record["risk"], record[name], strict=True):
        logs = np.log(risk / risk[0])
        reached = logs <= np.log(level)
        after = int(np.argmax(reached))
        late, early = logs[after], logs[after - 1]
        share = (early - np.log(level)) / (early - late) if np.any(reached) else np.nan
        values[step] = share * observed[after] + (1 - share) * observed[after - 1]
    return values


def mean(record: Record, *, of: str, level: float, step: str = "h/8") -> float:
    """Return the mean cosine of a group of pairs, at one risk."""
    return float(at_risk(record, level)[step][GROUPS.index(of)])


def contrast(record: Record, *, more: str, less: str, level: float) -> float:
    """Return the mean cosine of one group of pairs less that of another, at one risk, smallest step."""
    return mean(record, of=more, level=level) - mean(record, of=less, level=level)


def change(record: Record, *, of: str, early: float, late: float) -> float:
    """Return the mean cosine of a group at a later risk less that at an earlier one, smallest step."""
    return mean(record, of=of, level=late) - mean(record, of=of, level=early)


def of_step(record: Record, *, of: str, level: float, step: str) -> float:
    """Return the mean cosine of a group with a larger step less that with the smallest, at equal risk and start."""
    return mean(record, of=of, level=level, step=step) - mean(record, of=of, level=level)


def reaches(level: float, record: Record) -> bool:
    """Return True if the risk comes down to this share of the one at the start, with every step."""
    return bool(np.all(np.any(record["risk"] <= level * record["risk"][:, :1], axis=1)))


def training(records: Records) -> Records:
    """Return networks with square loss that come down to a fifth of the risk, with all steps."""
    return Training.at("groups", loss="square", activation="relu")(records).where(partial(reaches, LATE))


def large(records: Records) -> Records:
    """Return the `training` runs whose largest step oscillates and does not diverge: 7 to 9, from 256 samples on."""
    return training(records).where(lambda record: 7 <= record["step"] <= 9 and record["samples"] >= 256)


identity = Identity.at("gradient")

SOURCE = "fort2019stiffness"
KERNEL = Prediction(1.0, "<=", "any loss and width, gradients without penalty, but for rounding", "meanfield")
CLASSES = Prediction(0.0, ">=", "digits, square loss; observed, not proved", SOURCE)
OPPOSED = Prediction(0.0, "<=", "digits, square loss; observed, not proved", SOURCE)

CLAIMS = (
    claim(
        "identity", "cosines of gradients are normalised tangent kernels; deviation over rounding", KERNEL,
        checks.largest,
        select=identity, value=identity_error, what="|cosine − r K r / …| / rounding",
        wrong="weight decay in the gradients",
        control={"value": partial(identity_error, measured="decayed")},
    ),
    claim(
        "signs", "with the signs of the residuals", KERNEL, checks.largest,
        select=identity, value=identity_error, what="|cosine − r K r / …| / rounding",
        wrong="their sizes alone", control={"value": partial(identity_error, known="unsigned")},
    ),
    claim(
        "classes", "test images of one class are stiffer than those of two: difference of mean cosines", CLASSES,
        checks.mean,
        select=training, value=partial(contrast, more="within", less="between", level=LEARNED),
        what="cosine within − between classes at 0.3 of the risk",
        wrong="classes dealt out at random",
        control={"value": partial(contrast, more="mixed_within", less="mixed_between", level=LEARNED)},
    ),
    claim(
        "distance", "within a class, near images are stiffer than far ones", CLASSES, checks.mean,
        select=training, value=partial(contrast, more="near", less="far", level=LEARNED),
        what="cosine of the nearest − farthest quarter at 0.3 of the risk",
        wrong="images of two classes",
        control={"value": partial(contrast, more="close", less="apart", level=LEARNED)},
    ),
    claim(
        "opposed", "near images of two classes stand in each other's way, more than far ones", OPPOSED, checks.mean,
        select=training, value=partial(contrast, more="close", less="apart", level=LEARNED),
        what="cosine of the nearest − farthest quarter at 0.3 of the risk",
        wrong="images of one class",
        control={"value": partial(contrast, more="near", less="far", level=LEARNED)},
    ),
    claim(
        "fades", "stiffness within a class fades as the risk falls from a half to a fifth", OPPOSED, checks.mean,
        select=training, value=partial(change, of="within", early=HALF, late=LATE),
        what="change of the mean cosine",
        wrong="images of two classes", control={"value": partial(change, of="between", early=HALF, late=LATE)},
    ),
    claim(
        "stable_step", "at equal risk, a larger stable step lowers stiffness within a class a little", OPPOSED,
        checks.mean,
        select=large, value=partial(of_step, of="within", level=LEARNED, step="h/2"),
        what="cosine with h/2 − with h/8 at 0.3 of the risk",
        wrong="between classes",
        control={"value": partial(of_step, of="between", level=LEARNED, step="h/2")},
    ),
    claim(
        "large_step", "at equal risk, a step that oscillates raises stiffness between classes", CLASSES, checks.mean,
        select=large, value=partial(of_step, of="between", level=LATE, step="h"),
        what="cosine with h − with h/8 at 0.2 of the risk",
        wrong="h/2, at half of the risk",
        control={"value": partial(of_step, of="between", level=HALF, step="h/2")},
    ),
)  # fmt: skip

STUDY = Study(
    name="stiffness",
    group="generalisation",
    summary="gradients of single samples: aligned as the tangent kernel says, by class, distance and size of the step",
    experiments=(Identity, Training),
    claims=CLAIMS,
)

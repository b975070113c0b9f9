"""Lewkowycz et al. (2020): the catapult, and the largest step with which a network can be trained at all.

Their warm-up model is f = n^−½ v·u x with one datum (1, 0), weights from N(0, 1) and the loss f²/2, descended by steps
η. In this package that is α = √m, and a step is their η (`mf.Parametrisation`). With λ₀ the
curvature of the start there are three phases: below 2/λ₀ the loss falls and the curvature stays, between 2/λ₀ and 4/λ₀
the loss is thrown up and the curvature falls until it is below 2/η, above 4/λ₀ descent diverges.

For ReLU networks the paper finds by trying that the last number is about 12 and not 4. Here it is 4 for two layers and
images whose mean is taken off, and it grows without bound with the share of the images' power that is in their mean:
along it all samples are one, and from one sample a ReLU network can't diverge, since units that are thrown too far die.
"""

from functools import cached_property, partial

import numpy as np

import meanfield as mf
from simulations.generalisation.digits import images
from simulations.optimisation import large_step_measures as measure
from simulations.records.record import Record, between
from simulations.study.experiment import grid
from simulations.study.parameters import count, number
from simulations.study.published import PublishedFigure, reading
from simulations.study.simulation import Setup, Simulation, Simulations
from simulations.study.study import Study, claim
from simulations.verdicts import checks
from theory.neurons import Network
from theory.prediction import Prediction

RATIOS = (1.0, 1.9, 2.2, 3.0, 3.8, 4.2)
"""Steps of which the course is shown, in units of 1/λ₀."""

TRIED = np.arange(1.55, 4.6, 0.1)
"""Steps of the linear network among which a phase ends, in units of 1/λ₀."""

TRIED_RELU = np.concatenate([np.arange(3, 6, 0.5), np.arange(6, 12), np.arange(12, 33, 4)])
"""The same of ReLU networks."""


def written(width: int) -> mf.Parametrisation:
    """Return how the paper writes its networks: f = n^−½ Σ_j v_j σ(u_j·x), trained on the mean of ½ (f − y)²."""
    return mf.Parametrisation(width, multiplier=width**-0.5)


def datum() -> tuple[np.ndarray, np.ndarray]:
    """Return the warm-up model's only sample."""
    return np.ones((1, 1)), np.zeros(1)


class Warmup(Simulation):
    """The linear network with one datum, for steps in each phase."""

    ratio: float = number(3.0, "ηλ₀", "step times the curvature of the start", above=0)
    particles: int = count(512, "n", "width")
    steps: int = count(128, "", "steps")
    divergence = True
    sizes = grid(
        smoke=[{"ratio": RATIOS, "seeds": 64}, {"particles": (128, 2048), "seeds": 64}],
        default=[{"ratio": RATIOS, "seeds": 100}, {"particles": (128, 2048, 8192), "seeds": 100}],
        large=[{"ratio": RATIOS, "seeds": 200}, {"particles": (128, 2048, 8192, 32768), "seeds": 200}],
    )

    @cached_property
    def theta(self) -> np.ndarray:
        """Rows (v_j, u_j)."""
        return self.generator("start").normal(size=(self.particles, 2))

    @property
    def step(self) -> float:
        """η."""
        return self.ratio / float(np.mean(np.sum(self.theta**2, axis=1)))

    def problem(self):
        unit, scale = mf.Neuron("linear"), written(self.particles).scale
        return mf.Objective(unit, mf.Square(), *datum(), scale=scale, kernel=mf.integrals.Dense())

    def start(self):
        return mf.Particles(self.theta)

    def flow(self):
        # Without momentum it is descent, and its times are numbers of steps.
        return mf.HeavyBall(written(self.particles).step(self.step))

    def times(self):
        return np.arange(self.steps + 1)

    def observe(self):
        return {"output": measure.output, "curvature": measure.curvature}

    def measure(self, run):
        return {"step": self.step}


class Phases(Simulations):
    """The linear network with one datum, for many steps from one start: where a phase ends."""

    particles: int = count(512, "n", "width")
    steps: int = count(128, "", "steps")
    divergence = True
    sizes = grid(smoke={"seeds": 6}, default={"particles": (512, 2048), "seeds": 20}, large={"seeds": 100})

    @cached_property
    def warmup(self) -> Warmup:
        return Warmup(particles=self.particles, seed=self.seed)

    def setups(self):
        problem, start = self.warmup.problem(), self.warmup.start()
        times, observe = np.arange(self.steps + 1), {"output": measure.output}
        curvature = float(np.mean(np.sum(self.warmup.theta**2, axis=1)))
        return {
            "ratios": [
                Setup(problem, start, mf.HeavyBall(written(self.particles).step(ratio / curvature)), times, observe)
                for ratio in TRIED
            ],
        }

    def measure(self, runs):
        """The largest loss over that of the start, and where it rises and where descent diverges first, over 1/λ₀."""
        outputs, lost = [run.values["output"] for run in runs["ratios"]], [not run.done for run in runs["ratios"]]
        peaks = np.array([np.inf if gone else np.max((f / f[0]) ** 2) for f, gone in zip(outputs, lost, strict=True)])
        theta = self.warmup.theta
        share = np.mean(theta[:, 0] ** 2) / np.mean(np.sum(theta**2, axis=1))
        found = {"critical": ends(TRIED, peaks > 1), "largest": ends(TRIED, np.array(lost)), "output_share": share}
        return {"tried": TRIED, "peaks": peaks, **found}


class Images(Simulations):
    """A ReLU network of two layers on images of two digits: the largest step with which it does not diverge."""

    share: float = number(0.0, "", "share of the images' power that is in their mean", at_least=0, at_most=1)
    particles: int = count(512, "n", "width")
    samples: int = count(100, "", "training images", at_least=4, at_most=350)
    steps: int = count(64, "", "steps")
    divergence = True
    precision = "float32"
    sizes = grid(
        smoke={"share": (0.0, 0.2, 0.4), "particles": 256, "seeds": 8},
        default={"share": (0.0, 0.1, 0.2, 0.3, 0.4), "seeds": 12},
        large={"share": (0.0, 0.1, 0.2, 0.3, 0.4, 0.7), "particles": 2048, "samples": 350, "seeds": 20},
    )

    @cached_property
    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Images of a mean square of 1, of which the mean has its share, and labels ±1."""
        pixels, y = images(3, 8)
        chosen = self.generator("images").permutation(len(y))[: self.samples]
        mean = pixels[chosen].mean(axis=0)
        x = pixels[chosen] - mean
        x = x / np.sqrt(np.mean(np.sum(x**2, axis=1)))
        return np.sqrt(1 - self.share) * x + np.sqrt(self.share) * mean / np.linalg.norm(mean), y[chosen]

    @cached_property
    def theta(self) -> np.ndarray:
        return self.generator("start").normal(size=(self.particles, 65))

    @cached_property
    def curvature(self) -> float:
        """λ₀, the largest eigenvalue of the tangent kernel over the number of samples."""
        kernel = Network(self.theta, "relu").tangent_kernel(self.data[0])[:, 0, :, 0]
        return float(np.linalg.eigvalsh(kernel)[-1]) / self.samples

    def setups(self):
        x, y = (part.astype("float32") for part in self.data)
        paper = written(self.particles)
        problem = mf.Objective(mf.Neuron("relu"), mf.Square(), x, y, scale=paper.scale, kernel=mf.integrals.Dense())
        start = mf.Particles(self.theta.astype("float32"))
        return {
            "ratios": [
                Setup(problem, start, mf.HeavyBall(paper.step(ratio / self.curvature)), [0, self.steps])
                for ratio in TRIED_RELU
            ],
        }

    def measure(self, runs):
        return {"largest": ends(TRIED_RELU, np.array([not run.done for run in runs["ratios"]]))}


def ends(tried: np.ndarray, over: np.ndarray) -> float:
    """Return where a phase ends: halfway to the first step that is `over` it; the last one tried where none is."""
    first = int(np.argmax(over)) if np.any(over) else len(tried)
    return float(np.mean(tried[max(first - 1, 0) : first + 1]))


def critical(record: Record, *, output: bool = False) -> float:
    """The step at which the loss begins to rise, over 1/λ₀; with `output` λ₀ is that of the output weights alone."""
    return float(record["critical"]) * (float(record["output_share"]) if output else 1)


def largest(record: Record, *, output: bool = False) -> float:
    """The step at which descent begins to diverge, over 1/λ₀; with `output` λ₀ is that of the output weights alone."""
    return float(record["largest"]) * (float(record["output_share"]) if output else 1)


def spacing(record: Record) -> float:
    """Half the distance of steps that were tried."""
    if record["experiment"] == "phases":
        return float(np.diff(TRIED)[0]) / 2
    return float(np.diff(TRIED_RELU)[np.searchsorted(TRIED_RELU, record["largest"]) - 1]) / 2


def kept(record: Record) -> float:
    """The curvature at the end over that of the start."""
    return float(record["curvature"][-1] / record["curvature"][0])


def flatness(record: Record, *, at: int = -1) -> float:
    """ηλ at the end, or at another step."""
    return float(record["step"] * record["curvature"][at])


def thrown(record: Record, *, at: int | None = None) -> float:
    """The largest loss of a run, or that at one step."""
    return float(np.max(record["output"] ** 2) if at is None else record["output"][at] ** 2) / 2


PAPER = "lewkowycz2020large"
CRITICAL = Prediction(2.0, "=", "width → ∞, one datum, linear network", PAPER)
LARGEST = Prediction(4.0, "=", "width → ∞, one datum, linear network", PAPER)
LAZY = reading(1.0, 0.02, PAPER)
FLAT = Prediction(2.0, "<=", "2 < ηλ₀ < 4, one datum, linear network", PAPER)
HEIGHT = reading(1.0, 0.05, PAPER)
RELU = reading(12.0, 1.0, PAPER)
WIDER = Prediction(12.0, ">=", "observed, not proved", "meanfield")

wide = Warmup.at(particles=512)
catapults = Warmup.at(ratio=between(2.1, 3.9))

CLAIMS = (
    claim(
        "lazy", "ηλ₀ < 2: the curvature stays, over its start", LAZY, checks.mean,
        select=Warmup.at(particles=512, ratio=between(0, 1.5)), value=kept, what="λ at the end / λ₀",
        wrong="ηλ₀ = 3", control={"select": Warmup.at(particles=512, ratio=3.0)},
    ),
    claim(
        "critical", "ηλ₀ from which the loss rises above its start", CRITICAL, checks.mean,
        select=Phases.at(), value=critical, left=spacing, what="ηλ₀",
        wrong="λ₀ of the output weights alone", control={"value": partial(critical, output=True)},
    ),
    claim(
        "largest", "ηλ₀ from which descent diverges", LARGEST, checks.mean,
        select=Phases.at(), value=largest, left=spacing, what="ηλ₀",
        wrong="λ₀ of the output weights alone", control={"value": partial(largest, output=True)},
    ),
    claim(
        "flat", "2 < ηλ₀ < 4: ηλ where it ends", FLAT, checks.largest,
        select=catapults, value=flatness, what="ηλ at the end",
        wrong="at the start", control={"value": partial(flatness, at=0)},
    ),
    claim(
        "height", "ηλ₀ = 3: exponent of the largest loss in the width", HEIGHT, checks.slope,
        select=Warmup.at(ratio=3.0), x="particles", value=thrown,
        wrong="the loss at the start", control={"value": partial(thrown, at=0)},
    ),
    claim(
        "relu", "ReLU, centred images: ηλ₀ from which descent diverges", RELU, checks.mean,
        select=Images.at(share=0.0, particles=between(511, np.inf)), value=largest, left=spacing, what="ηλ₀",
        wrong="two fifths of the images' power in their mean", control={"select": Images.at(share=0.4)},
    ),
)  # fmt: skip

SANITY = (
    claim(
        "mean", "ReLU, two fifths of the images' power in their mean: ηλ₀ from which descent diverges", WIDER,
        checks.mean,
        select=Images.at(share=0.4), value=largest, what="ηλ₀",
        wrong="centred images", control={"select": Images.at(share=0.0)},
    ),
)  # fmt: skip

STATED = (
    "The model, its weights from N(0, 1), the datum (1, 0), the maps of f and λ and the thresholds 2/λ₀ and 4/λ₀ are "
    "the paper's section on a two-layer linear network, the exponent is its O(n); 12/λ₀ is what it says of ReLU "
    "networks."
)

FIGURES = (
    PublishedFigure(
        "1", "A loss that is thrown up for 2 < ηλ₀ < 4, to a height ∝ width, lands where it is flat.",
        (Warmup,), ("lazy", "flat", "height"), STATED,
        "The width of 512, steps and seeds, and that values are compared with the statement of the text: the figures' "
        "axes were not at hand. That the curvature stays holds up to terms of order 1/n, for which 2 % are allowed.",
    ),
    PublishedFigure(
        "2", "Descent is lazy below 2/λ₀, catapults up to 4/λ₀, and diverges beyond.",
        (Phases,), ("critical", "largest"), STATED,
        "Steps a tenth of 1/λ₀ apart, of which half counts as error, and 128 of them.",
    ),
    PublishedFigure(
        "relu", "ReLU networks can be trained with steps of up to about 12/λ₀.",
        (Images,), ("relu",), STATED,
        "Two layers and two shipped digits, where the paper has MNIST and CIFAR and also deeper networks: its number "
        "is an observation on those and need not be ours. What moves it: the mean of the images. Centred, the limit is "
        "that of a linear network or a little less; with a tenth, a fifth, three and four tenths of their power in the "
        "mean it is about 5, 7.5, 13 and 27. The paper's text was at hand in part: of which networks and data its 12 "
        "is, and whether they were centred, was not found.",
    ),
)  # fmt: skip

STUDY = Study(
    name="lewkowycz2020large",
    group="published",
    summary="the catapult: loss and curvature for steps up to 4/λ₀, and what ReLU networks bear",
    experiments=(Warmup, Phases, Images),
    claims=CLAIMS,
    sanity=SANITY,
    published=FIGURES,
)

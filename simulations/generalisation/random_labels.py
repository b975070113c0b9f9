"""Labels at random on real data: how a network learns them, how long it takes, and what it cannot learn.

Zhang et al. (2017) trained networks on random labels: they fit them, so that no bound which looks at the network alone
can say why true labels generalise. Arora et al. (2019) say what differs, for descent on the input layer of a wide ReLU
network: how the labels lie in the eigenvectors of its kernel. From there the loss curve, the time to memorise, the
distance that the weights travel and a bound √(2yᵀK⁻¹y/n) follow. Arpit et al. (2017) look at what is learned first, and
at the function that is left.

Four experiments. `training`: networks from paired units at α = √m on all levels of random labels from one start.
`dichotomies`: labellings that the output weights alone can fit, of which Cover (1965) knows the share. `capacity`:
networks of few units, both layers, on random labels, beside a bound from counting. `labels`: the complexity of labels
of which a growing share is random, which is known in the mean, beside the test error of the kernel; no network.

What the bound is good for: its order. It exceeds 1, where it says nothing, even for true labels at these n. What did
not hold here: that sensitivities of the loss are more unequal for true labels than for random ones (the Gini
coefficient, in the figure); it is the wrong labels among true ones that stand out.

An interval over seeds is one over random splits of the same images.
"""

from functools import cached_property, partial

import jax.numpy as jnp
import numpy as np

import meanfield as mf
from simulations import Record, Records, Setup, Simulations, Study, between, checks, claim, count, grid, last, number
from simulations.generalisation import label_memorisation as measure
from simulations.generalisation.digits import TwoDigits, corrupted, replaced
from simulations.generalisation.label_capacity import Capacity, Dichotomies, enough, few, half, three_quarters
from simulations.records.record import widest
from simulations.study.starts import doubled, filled, independent
from theory import arc_cosine, kernel_flow, memorisation
from theory.prediction import Prediction

TOP = 0.1
"""Part of the eigenvectors, those of the largest eigenvalues, that counts as few (share)."""

TRIED = 50
"""Test samples around which a change of class is searched for, at most (count)."""


class Kernels(TwoDigits):
    """Images of two digits, as the kernel of the input layer sees them."""

    @cached_property
    def kernels(self) -> tuple[np.ndarray, np.ndarray]:
        """The kernel between training images, and between test images and these."""
        x, _, x_test, _ = self.data
        return arc_cosine.tangent_kernel(x, layers="input"), arc_cosine.tangent_kernel(x_test, x, layers="input")


class Labels(Kernels):
    """Many draws of labels at every share of random ones, in the eigenvectors of the kernel; no network."""

    levels: int = count(3, "", "shares of random labels, evenly from 0 to 1", at_least=2)
    draws: int = count(32, "", "draws of labels")
    sizes = grid(
        smoke={"samples": 100, "tested": 200, "levels": 6, "draws": 128, "seeds": 8},
        default={"samples": (100, 50, 200), "tested": 150, "levels": 6, "draws": 200, "seeds": 8},
        large={"samples": (250, 50, 100, 200), "tested": 100, "levels": 6, "draws": 1000, "seeds": 10},
    )

    def run(self):
        """Complexity, test error of kernel descent to the end, and power in few directions, [draws, levels]."""
        (_, y, _, y_test), (kernel, cross) = self.data, self.kernels
        counts, random = replaced(self.samples, self.levels), self.generator("labels")
        few = np.linalg.eigh(kernel)[1][:, ::-1][:, : max(1, round(TOP * self.samples))]
        drawn = np.stack([corrupted(y, counts, random) for _ in range(self.draws)])
        fit = np.linalg.solve(kernel, cross.T)
        values = {
            "shares": counts / self.samples,
            "exact_complexity": memorisation.corrupted_complexity(kernel, y, counts),
            "exact_power": memorisation.corrupted_form(few @ few.T, y, counts),
        }
        for name, of in (("", drawn), ("noise_", random.choice([-1.0, 1.0], drawn.shape))):
            complexity = memorisation.label_complexity(kernel, of.reshape(-1, self.samples))
            values[f"{name}complexity"] = np.reshape(complexity, of.shape[:2])
            values[f"{name}error"] = np.mean((of @ fit > 0) != (y_test > 0), axis=2)
            values[f"{name}power"] = np.sum((of @ few) ** 2, axis=2)
        return values


class Training(Simulations, Kernels):
    """Descent on the input layer, at α = √m, of labels of every level, from one start."""

    precision = "float32"
    levels: int = count(3, "", "shares of random labels, evenly from 0 to 1", at_least=2)
    particles: int = count(1024, "m", "particles, an even number", multiple_of=2)
    steps: int = count(150, "", "steps of descent")
    # From twice that step on descent diverges.
    share: float = number(
        0.5, "", "step, of n / λ_max, the one that learns the first direction at once", above=0, below=2
    )
    radius: float = number(0.04, "r", "largest change of a pixel that may make a test sample critical", above=0)
    sizes = grid(
        smoke={"samples": 48, "tested": 200, "steps": 120, "particles": (64, 192, 512), "seeds": 16},
        default={"samples": 80, "steps": 250, "particles": (128, 512, 2048), "seeds": 12},
        large={"samples": 250, "steps": 5000, "levels": 6, "particles": (256, 1024, 4096, 10_000), "seeds": 40},
    )

    @cached_property
    def labels(self) -> np.ndarray:
        """Labels of every level, [levels, n]: what one level replaces the next does too."""
        return corrupted(self.data[1], replaced(self.samples, self.levels), self.generator("labels"))

    @cached_property
    def step(self) -> float:
        return self.share * self.samples / float(np.linalg.eigvalsh(self.kernels[0])[-1])

    @property
    def marks(self) -> np.ndarray:
        """The numbers of steps after which networks are looked at."""
        return np.unique(np.rint(np.append(0, np.geomspace(1, self.steps, 16)))).astype(int)

    def problem(self, y: np.ndarray) -> mf.Objective:
        """Return the problem of fitting these labels."""
        x, y = self.data[0].astype("float32"), y.astype("float32")
        return mf.Objective(mf.Neuron("relu"), mf.Square(), x, y, scale=float(self.particles) ** 0.5)

    def setups(self):
        theta = independent(self.generator("start"), self.particles // 2, self.data[0].shape[1])
        start = mf.Particles(*filled(doubled(theta).astype("float32"), 512))
        # Without momentum it is gradient descent, and its times are numbers of steps, the same for all seeds.
        flow = mf.InputFlow(mf.HeavyBall(self.step))
        watched = {
            "f": mf.Predictions(),
            "f_test": mf.Predictions(jnp.asarray(self.data[2].astype("float32"))),
            "sensitivity": mf.observables.loss_sensitivity,
            "displacement": mf.Displacement(),
        }
        return {"levels": [Setup(self.problem(y), start, flow, self.marks, watched) for y in self.labels]}

    def measure(self, runs):
        """Predictions, test error, distance travelled, sensitivity and critical samples of every level, [levels, …]."""
        _, y, x_test, y_test = self.data
        names = "f", "f_test", "sensitivity", "displacement"
        f, f_test, sensitivity, moved = (np.stack([run.values[name] for run in runs["levels"]]) for name in names)
        tried, problem = x_test[:TRIED].astype("float32"), self.problem(y)
        critical = [
            mf.observables.critical_samples(problem, run.particles, tried, self.radius, steps=4)
            for run in runs["levels"]
        ]
        # What training has to work on: the sum over its steps, each look standing for those since the last.
        summed = np.einsum("ltn,t->ln", sensitivity, np.diff(self.marks, prepend=0))
        error = np.mean((f_test > 0) != (y_test > 0), axis=2)
        values = {"f": f, "error": error, "travelled": self.particles * moved[:, -1].astype(float) ** 2}
        return values | {"sensitivity": summed, "critical": np.array(critical)}

    def theory(self):
        """Predictions, test error and distance for m → ∞: descent with the kernel of the input layer."""
        (_, y, _, y_test), (kernel, cross) = self.data, self.kernels
        f = kernel_flow.train_discrete(kernel, self.labels.T, self.step, self.marks)
        f_test = kernel_flow.test_discrete(kernel, cross, self.labels.T, self.step, self.marks)
        return {
            "steps": self.marks,
            "labels": self.labels,
            "truth": y,
            "limit_f": np.moveaxis(f, 2, 0),
            "limit_error": np.mean((f_test > 0) != (y_test > 0)[:, None], axis=1).T,
            "limit_travelled": kernel_flow.travelled_discrete(kernel, self.labels.T, self.step, self.marks[-1:])[0],
        }


def drawn(records: Records) -> Records:
    """Return labels of several levels, many draws of each, at the sample size of most runs."""
    chosen = Labels.at(
        levels=between(2, 12), draws=between(31, np.inf), samples=between(49, np.inf), tested=between(99, np.inf)
    )(records)
    counts = list(chosen.column("samples"))
    return chosen.where(samples=max(counts, key=lambda n: (counts.count(n), n == 100), default=None))


trained = Training.at("sensitivity")
wide = widest(
    Training.at("sensitivity", levels=between(2, np.inf), samples=between(31, np.inf), particles=between(255, np.inf))
)
"""Networks of many units, where half of the labels, or nearly, are random at some level: those of the largest m."""


def memorising(records: Records) -> Records:
    """Return networks that theory gives twice the time that it takes to memorise random labels."""

    def in_time(record: Record) -> bool:
        return bool(measure.memorised_after(record, "limit_f")[-1] * 2 <= record.values["steps"][-1])

    return Training.at("sensitivity", samples=between(31, np.inf))(records).where(in_time)


LIMIT = "α = √m, m → ∞, input layer, from f = 0"
VANISHES = Prediction(0.0, "=", f"{LIMIT}; falls as m^−½", "arora2019fine")
RATIO = Prediction(1.0, "=", LIMIT, "arora2019fine")
FIRST = Prediction(0.0, "=", LIMIT, "meanfield")
HALF = Prediction(0.5, "=", "n = 2m points in general position, hyperplanes through 0", "cover1965geometrical")
MEAN = Prediction(1.0, "=", "k of n labels replaced by random signs, without replacement", "meanfield")
OBSERVED = Prediction(0.0, ">=", "observed on two digits, not a theorem", "meanfield")
COUNTED = Prediction(0.0, "<=", "no training finds what is not there", "cover1965geometrical")
MORE_OFTEN = Prediction(0.5, ">=", "Adam on the logistic loss; observed, not proved", "meanfield")

CLAIMS = (
    claim(
        "loss", "distance to the loss curve that the kernel predicts as m → ∞, true, mixed and random labels", VANISHES,
        checks.limit,
        select=trained, x="particles", order=0.5, value=measure.all_loss_errors, widest=0.05,
        what="sup |‖y − u‖ − predicted|/‖y‖, mean over levels",
        wrong="the curve predicted for other labels", control={"value": partial(measure.all_loss_errors, other=True)},
    ),
    claim(
        "travelled", "squared distance that the weights travel over cᵀKc, which is yᵀK⁻¹y in the end", RATIO,
        measure.limit_either,
        select=trained, x="particles", value=measure.travelled_over_predicted, what="distance² / predicted",
        wrong="true and random labels exchanged",
        control={"value": partial(measure.travelled_over_predicted, other=True)},
    ),
    claim(
        "slower", "log(steps to memorise random labels / true labels) over that which the kernel predicts", RATIO,
        measure.limit_either,
        select=memorising, x="particles", value=measure.slowdown_over_predicted, what="log ratio / predicted",
        wrong="predicted up to four times the loss",
        control={"value": partial(measure.slowdown_over_predicted, loss=4 * measure.LEVEL)},
    ),
    claim(
        "cost", "test error that random labels cost, over that of the kernel's classifier", RATIO, checks.limit,
        select=trained, x="particles", order=1.0, value=measure.cost_over_predicted, what="difference / predicted",
        wrong="predicted for half random labels", control={"value": partial(measure.cost_over_predicted, level=1)},
    ),
    claim(
        "true_first", "half random: y u of wrong labels when that of true ones is ½, less the kernel's", FIRST,
        checks.limit,
        select=trained, x="particles", order=1.0, value=measure.wrong_less_predicted, widest=0.08,
        what="mean y u − predicted",
        wrong="predicted where all labels are random",
        control={"value": partial(measure.wrong_less_predicted, level=-1)},
    ),
    claim(
        "capacity", "share of random labellings of n = 2m images that the output weights of m random units fit", HALF,
        checks.mean,
        select=half, value=lambda record: record["separated"], what="share",
        wrong="three units for two", control={"select": three_quarters},
    ),
    claim(
        "critical", "critical share of test samples, random less true labels", OBSERVED, checks.mean,
        select=wide, value=measure.more_critical, what="difference of shares",
        wrong="other test samples in place of other labels", control={"value": measure.more_critical_half},
    ),
    claim(
        "sensitivity", "log(sensitivity of the loss to wrongly labelled samples / to the others)", OBSERVED,
        checks.mean,
        select=wide, value=measure.log_sensitivity, what="log ratio of means",
        wrong="all labels random", control={"value": partial(measure.log_sensitivity, level=-1)},
    ),
)  # fmt: skip

SANITY = (
    claim(
        "complexity", "yᵀK⁻¹y over its exact mean, at every share of random labels", MEAN, checks.mean,
        select=drawn, value=measure.complexity_over_exact, what="yᵀK⁻¹y / exact mean",
        wrong="growth in proportion to the share", control={"value": measure.complexity_over_line},
    ),
    claim(
        "projections", "random labels lie in all eigenvectors: power in the first tenth over its share", MEAN,
        checks.mean,
        select=drawn, value=measure.power_over_even(-1), what="power / its share",
        wrong="true labels", control={"value": measure.power_over_even(0)},
    ),
    *(
        claim(
            f"{of}_grows", f"{said} grows with every share of random labels: its least increment", OBSERVED,
            checks.mean,
            select=drawn, value=measure.least_increment(of), what="least increment",
            wrong="random labels at every share", control={"value": measure.least_increment(f"noise_{of}")},
        )
        for of, said in (("complexity", "√(2yᵀK⁻¹y/n)"), ("error", "the test error of the kernel"))
    ),
    claim(
        "forgets", "what memorising wrong labels costs in the end: growth of the test error", OBSERVED, checks.mean,
        select=wide, value=measure.forgotten, what="test error at the end less early",
        wrong="true labels", control={"value": partial(measure.forgotten, level=0)},
    ),
    claim(
        "counting", "share of random labellings memorised by two units, less the bound by counting", COUNTED,
        checks.largest,
        select=Capacity.at(particles=2), value=measure.share_over_bound, what="share − bound",
        wrong="three parameters a sample, at the bound of two units",
        control={"select": enough, "value": measure.share_over_few},
    ),
    claim(
        "too_few", "random labels are missed more often than not at half a parameter a sample", MORE_OFTEN,
        checks.share,
        select=few, value=lambda record: ~record["memorised"], what="share missed",
        wrong="three parameters a sample", control={"select": enough},
    ),
    claim(
        "enough", "random labels are memorised more often than not at three parameters a sample", MORE_OFTEN,
        checks.share,
        select=enough, value=last("memorised"), what="share memorised",
        wrong="half a parameter a sample", control={"select": few},
    ),
)  # fmt: skip

STUDY = Study(
    name="random_labels",
    group="generalisation",
    summary="true and random labels on real data: what kernels predict, what is learned first, what cannot be",
    experiments=(Labels, Training, Dichotomies, Capacity),
    claims=CLAIMS,
    sanity=SANITY,
)

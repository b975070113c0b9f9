"""Chizat & Bach, Implicit bias of gradient descent for wide two-layer neural networks trained with the logistic loss.

COLT 2020. Samples fall on discs in the plane of two coordinates, among d − 3 coordinates that say nothing and a
constant. Trained in both layers, a wide ReLU network ends in the largest margin over F1, which finds that plane;
trained in the output layer alone, in that over F2, which does not. Two figures are made again: test errors against the
number of samples, and the margin of both layers, in the norm of F1, against the number of particles.

The settings are those of the authors' public notebook and script `implicit_bias_2NN_utils.jl`; values were read off the
paper's figures. The script trains with the gradient of the soft-min and steps ½/√(t + 1), t = 1, 2, …; for the output
layer alone it multiplies each by the root mean square of the output weights, where that is above 1. A margin is the
largest on the way, over (1/m) Σ_j |θ_j|², which is `mf.observables.Margin(norm="squared")`. f = (1/m) Σ_j and a step
along the gradient of a particle are as they are here: no unit has to be converted.
"""

from functools import cached_property, partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from simulations.published.single_draws import ONE, fewer, one_more
from simulations.records.record import Record
from simulations.study.experiment import grid
from simulations.study.parameters import choice, count, number
from simulations.study.published import PublishedFigure, reading
from simulations.study.simulation import Simulation
from simulations.study.study import Study, claim
from theory.prediction import Prediction

SAMPLES = (32, 64, 128, 256, 512)
WIDTHS = (8, 16, 32, 64, 128, 256, 512, 1024)

LOOKS = 100
"""Times at which the margin is looked at, whose largest value is the margin of a run."""


class Decaying(eqx.Module):
    """Steps first/√(t + 1), t = 1, 2, …"""

    first: jax.Array

    def __call__(self, k):
        """Return the step of number k, counted from zero."""
        return self.first / jnp.sqrt(k + 2.0)


class GrowingEuler(mf.steppers.AbstractStepper):
    """θ_j ← θ_j + h_k max(1, (1/m Σ_j |θ_j|²)^{1/2}) v_j over the parameters that move: steps as large as the weights.

    The classifier of largest margin is reached in direction, while weights grow: constant steps would slow down.
    """

    length: Decaying

    def step(self, field, position, memory, time, number):
        h = self.length(number).astype(position.dtype)
        size = jnp.sqrt(jnp.mean(jnp.sum(jnp.square(position), axis=1)))
        return mf.steppers.Move(position + h * jnp.maximum(size, 1) * field.velocity(), h)


class Descent(Simulation):
    """Soft-min descent of a network on labelled discs, from plain Gaussian weights."""

    layers: str = choice("both", "layers that are trained, the output layer from 0", among=("both", "output"))
    particles: int = count(1000, "m", "particles")
    samples: int = count(256, "n", "training samples")
    dimension: int = count(15, "d", "inputs: a plane, noise, a constant", at_least=3)
    steps: int = count(50_000, "", "steps")
    step: float = number(0.5, "", "step times √(t + 1), t = 1, 2, …", unit="mean-field time", above=0)
    tested: int = count(4000, "", "test samples")
    precision = "float32"

    @cached_property
    def data(self) -> mf.datasets.Dataset:
        key = self.key(f"samples in dimension {self.dimension}")
        return mf.datasets.discs(key, self.samples, self.dimension, n_test=self.tested, k=3)

    def problem(self):
        return mf.Objective(mf.Neuron("relu"), mf.Exponential(), self.data.x, self.data.y)

    def start(self):
        output = "gaussian" if self.layers == "both" else "zero"
        key = self.key(f"start of {self.particles}")
        return mf.Particles.gaussian(key, mf.Neuron("relu"), self.particles, self.dimension, output=output)

    def flow(self):
        steps = Decaying(jnp.asarray(self.step))
        return mf.GradientFlow(steps) if self.layers == "both" else mf.OutputFlow(mf.Flow(GrowingEuler(steps)))

    def times(self):
        ends = np.append(0.0, np.cumsum(self.step / np.sqrt(np.arange(self.steps) + 2.0)))
        looked = np.unique(np.rint(np.geomspace(1, self.steps, LOOKS)).astype(int))
        return ends[np.append(0, looked)]

    def observe(self):
        errors = mf.observables.TestError(self.data.x_test, self.data.y_test)
        both = {"margin": mf.observables.Margin("squared")} if self.layers == "both" else {}
        return both | {"test_error": errors}


class Errors(Descent):
    """Test errors of both ways of training, by the number of samples."""

    sizes = grid(
        smoke={"layers": ("both", "output"), "particles": 100, "samples": (64, 512), "steps": 5000, "seeds": 12},
        default=[
            {"layers": ("both", "output"), "samples": 512, "seeds": 12},
            {"layers": ("both", "output"), "samples": SAMPLES[:-1], "seeds": 4},
        ],
        large={"layers": ("both", "output"), "samples": SAMPLES, "seeds": 40},
    )


class Margins(Descent):
    """The margin of both layers in the norm of F1, by the number of particles."""

    sizes = grid(
        smoke={"particles": (8, 64, 512), "steps": 5000, "seeds": 12},
        default={"particles": WIDTHS, "seeds": 10},
        large={"particles": WIDTHS, "seeds": 60},
    )


def test_error(record: Record) -> float:
    """Return the share of test samples on the wrong side at the end."""
    return float(record["test_error"][-1])


def first_error(record: Record) -> float:
    """Return the same of the network at its start."""
    return float(record["test_error"][0])


def margin(record: Record) -> float:
    """Return the largest margin on the way."""
    return float(np.max(record["margin"]))


def log_margin(record: Record) -> float:
    """Return log10 of the margin; raise `ValueError` where no sample is on its side by any."""
    found = margin(record)
    if found <= 0:
        raise ValueError("the margin is not positive")
    return float(np.log10(found))


def log_margin_by_half(record: Record) -> float:
    """Return log10 of the margin over (1/m) Σ ½|θ|², which is twice as large."""
    return log_margin(record) + float(np.log10(2))


SETTING = {"steps": 50_000, "step": 0.5, "dimension": 15}
errors = partial(Errors.at, "test_error", samples=512, particles=1000, **SETTING)
margins = partial(Margins.at, "margin", layers="both", samples=256, **SETTING)
most = partial(Errors.at, "test_error", samples=max)

PAPER = "chizat2020implicit"
ERRORS = (
    claim(
        "both_512", "both layers, n = 512: test error", reading(0.025, 0.005, PAPER), one_more,
        select=errors(layers="both"), value=test_error, what="test error", level=ONE, widest=0.03,
        wrong="the network at its start", control={"value": first_error},
    ),
    claim(
        "output_512", "the output layer alone, n = 512: test error", reading(0.195, 0.01, PAPER), one_more,
        select=errors(layers="output"), value=test_error, what="test error", level=ONE, widest=0.4,
        wrong="both layers", control={"select": errors(layers="both")},
    ),
    claim(
        "fewer_errors", "the most samples: test error of the output layer alone, less that of both layers",
        Prediction(0.0, ">=", "Figure 3: both layers find the plane of the labels.", PAPER), fewer,
        select=most(layers="both"), other=most(layers="output"), value=test_error, level=ONE, what="difference",
        wrong="both layers against themselves", control={"other": most(layers="both")},
    ),
)  # fmt: skip
MARGINS = (
    claim(
        "margin_1024", "m = 1024: log10 of the margin in the norm of F1", reading(-1.959, 0.02, PAPER), one_more,
        select=margins(particles=1024), value=log_margin, what="log10 margin", level=ONE, widest=0.4,
        wrong="the margin over (1/m) Σ ½|θ|²", control={"value": log_margin_by_half},
    ),
    claim(
        "margin_8", "m = 8: the margin in the norm of F1", reading(0.0015, 0.0005, PAPER), one_more,
        select=margins(particles=8), value=margin, what="margin", level=ONE, widest=0.03,
        wrong="m = 1024", control={"select": margins(particles=1024)},
    ),
    claim(
        "grows", "margin of the most particles less that of the fewest",
        Prediction(0.0, ">=", "Figure 3: the margin grows towards the largest over F1.", PAPER), fewer,
        select=Margins.at("margin", particles=min), other=Margins.at("margin", particles=max), value=margin,
        what="difference of margins", level=ONE,
        wrong="the fewest against themselves", control={"other": Margins.at("margin", particles=min)},
    ),
)  # fmt: skip

SCRIPT = (
    "All of it but the repetitions: the authors' notebook and script implicit_bias_2NN_utils.jl (also that distances "
    "from a disc's centre are uniform, the largest margin on the way, and steps of the output layer as large as its "
    "weights); values are read off the paper's figure."
)
PUBLISHED = (
    PublishedFigure(
        "test-error",
        "Trained in both layers a network makes far fewer test errors than trained in the output layer (d = 15).",
        (Errors,),
        tuple(one.name for one in ERRORS),
        SCRIPT,
        "How many data sets the figure averages over is not said; the notebook draws one, and so the paper's errors "
        "are compared with those of one more of ours, of 4000 test samples each. Were they averages, the .195 of the "
        "output layer would come out (.21 ± .03 over 12 sets), and the .025 of both layers not: they make .000 to "
        ".025, and .008 on average of 16. After a third of the steps it is .025, but the output layer then makes .29: "
        "a setting that makes both was not found.",
    ),
    PublishedFigure(
        "margin",
        "The margin that both layers reach grows with m towards the largest over F1 (n = 256, d = 15).",
        (Margins,),
        tuple(one.name for one in MARGINS),
        SCRIPT,
        "The notebook draws one data set, on which the margin depends by a factor of two: ours are of a fresh one for "
        "each seed, and the paper's is compared with one more such draw.",
    ),
)

STUDY = Study(
    name="chizat2020implicit",
    group="published",
    summary="Chizat & Bach (2020): test error and margin of networks trained in both layers, or in the output layer",
    experiments=(Errors, Margins),
    claims=(*ERRORS, *MARGINS),
    published=PUBLISHED,
)

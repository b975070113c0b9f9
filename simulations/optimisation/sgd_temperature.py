"""The step over the batch as a temperature: what it sets exactly, where it ceases to, and how it chooses minima.

A linearised network is a least-squares problem, on which the mean and the second moment of stochastic gradient descent
are known exactly, with and without replacement. To first order the stationary excess risk is (η/4B) tr C, C being the
covariance of one sample's gradient: η/B is a temperature (Jastrzębski et al. 2017), up to a share O(ηL) that the batch
does not share. So a batch that is multiplied does what a step that is divided does, epoch by epoch (Smith et al. 2018).

A network that fits its data can move along its minima. With fresh noise σ in the labels it drifts towards flat ones,
as if tr H were a penalty, by a clock that runs at ησ²/4B: three factors, step, batch and noise, in one number.
"""

import math
from functools import cached_property, partial

import jax
import numpy as np

import meanfield as mf
from simulations.optimisation import temperature_ratios as measure
from simulations.optimisation.noisy_labels import FittedNetwork, fitted_network
from simulations.optimisation.settling_descent import BLOCK, Linearised, filled
from simulations.optimisation.temperature_ratios import LATE, TIMES
from simulations.records.record import Record, between
from simulations.study.experiment import grid
from simulations.study.parameters import count, flag, number
from simulations.study.simulation import Setup, Simulations
from simulations.study.study import Study, claim
from simulations.verdicts import checks
from theory.label_noise import curvatures, slow_flow
from theory.prediction import Prediction
from theory.temperature import excess, first_order, moments, then

LARGE = {"replicas": 2048, "particles": 8, "dimension": 4, "samples": 1000, "seeds": 10}
"""Linearised networks of the paper's size."""


FITS = {"particles": 100, "dimension": 20, "samples": 15}
"""Networks that fit their data, of the paper's size."""


class Constant(Linearised):
    """A linearised network at one step and batch."""

    replacement: bool = flag(True, "whether the samples of a step are drawn with replacement")
    sizes = grid(
        smoke=[
            {"fineness": 2.0, "seeds": 8},
            {"fineness": (2.0, 4.0, 8.0), "batch": 4, "seeds": 8},
            {"fineness": 2.0, "batch": 32, "replacement": False, "seeds": 8},
        ],
        default=[
            {"fineness": (1.0, 2.0, 4.0, 8.0, 16.0), "batch": (1, 4, 16), "replicas": 64, "seeds": 8},
            {"fineness": 4.0, "batch": (8, 16, 24, 32), "replacement": False, "replicas": 64, "seeds": 8},
        ],
        large=[
            {**LARGE, "fineness": (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0), "batch": (1, 4, 16, 64)},
            {**LARGE, "fineness": 4.0, "batch": (64, 512, 960), "replacement": False},
        ],
    )

    def refusal(self):
        if not self.replacement and filled(self.batch) > self.samples:
            most = self.samples // BLOCK * BLOCK
            return f"batch={self.batch}: expected at most {most} of {self.samples} samples without replacement."
        return super().refusal()

    def setups(self):
        flow = self.flow((self.step, self.step), (self.batch, self.batch), self.stops[-1], self.replacement)
        return {self.name: self.network.descents(flow, self.stops * self.step, self.replicas)}

    def measure(self, runs):
        """Excess risk [T], and second moments [p, p] of b − b* in the later half: means over replicas."""
        excess = self.network.excess(runs[self.name]).mean(axis=0)
        late = (self.network.paths(runs[self.name]) - self.network.minimum)[:, -LATE:]
        second = np.einsum("rti,rtj->ij", late, late) / (late.shape[0] * late.shape[1])
        return {"steps": self.stops, "excess": excess, "second": second}

    def theory(self):
        """The exact values of both, and their first order in η: (η/4B) tr C, with equal moments of all modes."""
        problem, size = self.network.problem, (self.step, self.batch)
        exact = moments(problem, self.network.start, *size, self.stops, replacement=self.replacement).second
        first = first_order(problem, *size)
        return {
            "step": np.asarray(self.step),
            "exact": excess(problem, exact),
            "exact_second": exact[-LATE:].mean(axis=0),
            "first_order": np.asarray(first),
            "equipartition": np.asarray(2 * first / np.trace(problem.hessian)),
        }


class Schedule(Linearised):
    """A linearised network that has settled, and then a batch that is multiplied, or a step that is divided."""

    factor: int = count(4, "q", "number by which the step is divided or the batch multiplied")
    sizes = grid(
        smoke={"fineness": (3.0, 4.0), "seeds": 8},
        default={"fineness": (2.0, 4.0, 8.0), "replicas": 64, "seeds": 8},
        large={**LARGE, "fineness": (2.0, 4.0, 8.0, 16.0)},
    )

    @cached_property
    def pauses(self) -> np.ndarray:
        """Steps after the batch was multiplied at which is observed: until most of what can be lost is."""
        problem = self.network.problem
        mean = np.trace(problem.hessian @ problem.noise) / np.trace(problem.noise)
        last = max(8, math.ceil(1 / (self.step * mean)))
        return np.rint(np.linspace(last / 8, last, 8)).astype(int)

    @property
    def later(self) -> np.ndarray:
        """Steps after the step was divided at which is observed: as many steps, and as many samples."""
        return np.union1d(self.pauses, self.factor * self.pauses)

    def key(self, name: str) -> jax.Array:
        """Return one key for both simulations: they see the same samples, and are the same until the change."""
        return super().key("samples")

    def setups(self):
        step, batch, first = self.step, self.batch, int(self.stops[-1])
        grown = self.flow((step, step), (batch, self.factor * batch), first)
        decayed = self.flow((step, step / self.factor), (batch, batch), first)
        after = first * step + self.later * step / self.factor
        return {
            "grown": self.network.descents(grown, (first + self.pauses) * step, self.replicas),
            "decayed": self.network.descents(decayed, after, self.replicas),
        }

    def measure(self, runs):
        """Excess risk after a batch was multiplied [8]; after a step was divided, at as many samples, and steps [8]."""
        found = {name: self.network.excess(runs[name]).mean(axis=0) for name in runs}
        at = {"decayed": self.factor * self.pauses, "decayed_steps": self.pauses}
        slower = {name: found["decayed"][np.searchsorted(self.later, steps)] for name, steps in at.items()}
        return {"pauses": self.pauses, "grown": found["grown"], **slower}

    def theory(self):
        problem, step, batch = self.network.problem, self.step, self.batch
        before = moments(problem, self.network.start, step, batch, self.stops[-1:])
        grown = then(problem, before, step, self.factor * batch, self.pauses)
        decayed = then(problem, before, step / self.factor, batch, self.factor * self.pauses)
        names = {"exact_before": before, "exact_grown": grown, "exact_decayed": decayed}
        return {name: excess(problem, one.second) for name, one in names.items()}


class Width(Simulations):
    """A network that fits its data and drifts along its minima, with fresh noise in its labels.

    `base` has steps η on B samples with noise σ; `batch` has (η/2, B/2, σ) and `noise` (η/2, B, √2 σ), of the same
    temperature T = ησ²/B; `cold` has (η/2, B, σ), of half of it, and is run twice as long.
    """

    fineness: float = number(
        6.0,
        "1/(ηL)",
        "sets the step η; L is the largest curvature of one sample at the start",
        above=0.5,
        batched=False,
    )
    batch: int = count(8, "B", "samples of a step, an even number", multiple_of=2)
    noise: float = number(
        2.0, "σ", "standard deviation of the labels' noise", unit="units of f", above=0, batched=False
    )
    dose: float = number(0.25, "s", "(ησ²/4B) η k at the end of a run", unit="units of θ²", above=0, batched=False)
    particles: int = count(10, "m", "particles")
    dimension: int = count(5, "d", "inputs")
    samples: int = count(3, "n", "samples", at_least=2)
    replicas: int = count(32, "", "independent runs from one start")
    sizes = grid(
        smoke={"replicas": 40, "seeds": 8},
        default={"fineness": (3.0, 6.0), "dose": 0.5, "replicas": 64, "seeds": 8},
        large={**FITS, "fineness": (4.0, 8.0, 16.0), "replicas": 512, "seeds": 10},
    )  # fmt: skip

    def refusal(self):
        size = self.particles * (self.dimension + 1)
        if self.samples > size:
            return f"samples={self.samples}: expected at most m (d + 1) = {size}, which a network can fit."
        return None

    @cached_property
    def network(self) -> FittedNetwork:
        return fitted_network(self.generator("network that fits"), self.particles, self.dimension, self.samples)

    def setups(self):
        step = 1 / (self.fineness * self.network.smoothness)
        steps = max(2 * TIMES, math.ceil(4 * self.dose * self.batch / (self.noise * step) ** 2))
        settings = {
            "base": (step, self.batch, self.noise, 1),
            "batch": (step / 2, self.batch // 2, self.noise, 1),
            "noise": (step / 2, self.batch, math.sqrt(2) * self.noise, 1),
            "cold": (step / 2, self.batch, self.noise, 2),
        }
        start, asked = mf.Particles(self.network.position), {}
        for name, (size, distinct, noise, longer) in settings.items():
            problem, flow = self.network.descent(size, self.batch, noise, distinct)
            times = np.linspace(0, longer * steps * step, longer * (TIMES - 1) + 1)
            asked[name] = [Setup(problem, start, flow, times, [mf.Positions()])] * self.replicas
        return asked

    def measure(self, runs):
        """Trace and largest eigenvalue of the Hessian, [replicas, T], of all four."""
        values: dict[str, np.ndarray] = {}
        for name, several in runs.items():
            found = curvatures(np.stack([run.values["positions"] for run in several]), self.network.x)
            values |= {f"{name}_traces": found.sum(axis=-1), f"{name}_largest": found[..., -1]}
        return values

    def theory(self):
        """Both along the slow flow, at even doses."""
        doses = np.linspace(0, self.dose, TIMES)
        exact = curvatures(slow_flow(self.network.position, self.network.x, doses), self.network.x)
        return {"doses": doses, "exact_traces": exact.sum(axis=-1), "exact_largest": exact[..., -1]}


SETTLED = {"length": between(7.999, np.inf), "replicas": between(15, np.inf)}
"""The mean has come to rest, and there are replicas enough to average over."""

constant = Constant.at("second", replacement=True, **SETTLED)
small = Constant.at("second", replacement=True, fineness=between(1.999, np.inf), **SETTLED)
coarse = Constant.at("second", replacement=True, fineness=between(0, 2.001), batch=1, **SETTLED)
schedules = Schedule.at("grown", factor=between(2, np.inf), **SETTLED)


distinct = Constant.at("second", replacement=False, **SETTLED).where(
    lambda record: record["samples"] > record["batch"] >= record["samples"] / 2
)
"""Runs on batches of different samples, large enough for that to matter."""


def drifting(record: Record) -> bool:
    """Return True for few samples in general position, and small steps."""
    return record["samples"] <= record["dimension"] and record["noise"] ** 2 / record["batch"] <= 0.5


ENOUGH = {"replicas": between(15, np.inf), "fineness": between(3.999, np.inf), "dose": between(0.199, np.inf)}
width = Width.at("base_traces", **ENOUGH).where(drifting)
"""Runs along the minima: few samples in general position, small steps, and a dose that tells."""

LYAPUNOV = Prediction(1.0, "=", "least squares, exact recursion of second moments, with replacement", "meanfield")
DISTINCT = Prediction(1.0, "=", "the same without replacement: (n − B)/(n − 1)/B for 1/B", "cochran1977sampling")
TEMPERATURE = Prediction(1.0, "=", "stationary excess risk over (η/4B) tr C as η → 0", "jastrzebski2017three")
BREAKS = Prediction(1.0, ">=", "the same at ηL = 1/2: multiplicative noise adds to it", "meanfield")
SCHEDULES = Prediction(1.0, "=", "growing batch over decaying step, over its exact 1 + O(η)", "smith2018dont")
DRIFT = Prediction(1.0, "=", "slow flow along the minima, second order in the temperature", "li2022what")
FACTORS = Prediction(1.0, "=", "equal ησ²/B at equal ηk", "jastrzebski2017three")

average = partial(claim, check=checks.mean)

CLAIMS = (
    average(
        "excess", "late excess risk over that of the exact second moments", LYAPUNOV,
        select=constant, value=measure.over_exact, what="excess / exact",
        wrong="the first-order law (η/4B) tr C", control={"value": measure.over_first_order},
    ),
    average(
        "covariance", "late second moments of all modes over the exact ones", LYAPUNOV,
        select=constant, value=measure.modes_over_exact, what="tr(S_exact⁻¹ S)/p",
        wrong="equipartition: S = (η/2B) (tr C/tr H) I", control={"value": measure.modes_over_equal},
    ),
    average(
        "distinct", "late excess risk of batches without replacement over the exact one", DISTINCT,
        select=distinct, value=measure.over_exact, what="excess / exact",
        wrong="(η/4B) tr C, that with replacement", control={"value": measure.over_first_order},
    ),
    claim(
        "temperature", "excess risk over (η/4B) tr C, extrapolated to η → 0, for all batches", TEMPERATURE,
        checks.limit,
        select=small, x="fineness", order=1.0, value=measure.over_first_order, what="excess / ((η/4B) tr C)",
        wrong="before it has come to rest", control={"value": measure.early_over_first_order},
    ),
    average(
        "schedules", "a batch times q does what a step over q does, at equal numbers of samples seen", SCHEDULES,
        select=schedules, value=measure.grown_over_decayed, what="excess of growing batch / of decaying step / exact",
        wrong="at equal numbers of steps",
        control={"value": partial(measure.grown_over_decayed, slower="decayed_steps")},
    ),
    average(
        "flatter", "fall of the log trace of the Hessian over that of the slow flow, extrapolated to T → 0", DRIFT,
        select=width, value=partial(measure.fall_ratio, name="traces"), what="log fall / slow flow",
        wrong="half the temperature, for a quarter of the time",
        control={"value": partial(measure.early_ratio, name="traces")},
    ),
    average(
        "sharpness", "fall of the log largest eigenvalue over that of the slow flow, extrapolated to T → 0", DRIFT,
        select=width, value=partial(measure.fall_ratio, name="largest"), what="log fall / slow flow",
        wrong="half the temperature, for a quarter of the time",
        control={"value": partial(measure.early_ratio, name="largest")},
    ),
    average(
        "three_factors", "log fall of the trace with half the batch over that with √2 times the noise", FACTORS,
        select=width, value=measure.batch_over, what="log fall / log fall",
        wrong="over that with the whole batch, a temperature half as high",
        control={"value": partial(measure.batch_over, other="cold")},
    ),
)  # fmt: skip

SANITY = (
    average(
        "breaks", "for large steps the excess risk exceeds (η/4B) tr C", BREAKS,
        select=coarse, value=measure.over_first_order, what="excess / ((η/4B) tr C)",
        wrong="over the exact law, which knows of that", control={"value": measure.over_exact},
    ),
)  # fmt: skip

STUDY = Study(
    "sgd_temperature",
    "optimisation",
    "the step over the batch as a temperature: exact risk of the linearised network, and the width of minima",
    experiments=(Constant, Schedule, Width),
    claims=CLAIMS,
    sanity=SANITY,
)

"""A linearised network with a ridge is a convex finite sum: what incremental gradients do on it, and what is proved.

Stochastic gradient descent at a constant step comes down to a floor, at steps ∝ 1/k it falls like 1/k. Methods that
remember (SAG, SAGA) or correct by snapshots (SVRG) fall geometrically at the same cost a step. Their theorems bound
risk or distance at every step with explicit constants; what is seen is faster, but never twice as fast as λ allows in
the directions that no sample sees. Where the samples can all be fitted, plain SGD has no floor either, and its exact
factor is known.
"""

from functools import cached_property, partial

import numpy as np

import meanfield as mf
from simulations.optimisation import finite_sum_rates as rates
from simulations.optimisation.incremental_methods import Method, Proved, Regularised, network, sgd
from simulations.records.record import between, runs
from simulations.study.experiment import grid
from simulations.study.parameters import number
from simulations.study.study import Study, claim
from simulations.verdicts import checks
from theory.finite_sums import decaying_bound, decaying_offset
from theory.prediction import Prediction
from theory.temperature import excess, varying
from theory.variance_reduction import sag_mean, svrg_excess

LONG = 150
"""Passes of the methods whose late behaviour is claimed."""

DEFAULT = {"samples": 40, "dimension": 80, "seeds": 8}
LARGE = {"replicas": 256, "samples": 200, "dimension": 400, "particles": 20, "seeds": 10}

REMEMBERING = grid(
    smoke={"seeds": 8},
    default={**DEFAULT, "replicas": 32, "ridge": (0.05, 0.005, 0.5)},
    large={**LARGE, "ridge": (0.05, 0.0005, 0.005, 0.5)},
)
LATE = {
    "smoke": {"passes": LONG, "replicas": 32, "seeds": 8},
    "default": {**DEFAULT, "passes": LONG, "replicas": 64},
    "large": {**LARGE, "passes": 10 * LONG},
}


class Saga(Proved):
    """SAGA with the step 1/3L."""

    sizes = REMEMBERING
    ridge: float = number(0.05, "λ", "weight decay", unit="risk", above=0)

    def flow(self, step):
        return mf.SAGA(step)

    def theory(self):
        return super().theory() | {"floor": rates.floor(self.network.problem)}


class Adapted(Saga):
    """SAGA with the step 1/(2(λn + L))."""


class Sag(Proved):
    """SAG with the step 1/16L."""

    sizes = REMEMBERING

    def flow(self, step):
        return mf.SAGA(step, biased=True)

    def mean(self, step):
        return sag_mean(self.network.problem, self.network.start, step, self.stops)

    def theory(self):
        """Also the mean of SAGA with the same step."""
        saga = rates.fits(self.network, super().mean(self.step))
        return super().theory() | {"exact_fit_saga": saga}


class Svrg(Proved):
    """SVRG with the step 1/6L and snapshots at a rate of 1/2n."""

    sizes = REMEMBERING

    def flow(self, step):
        return mf.SVRG(step, epoch=2 * self.samples)

    def theory(self):
        """Also the exact mean excess risk, and that with a quarter of the step."""
        problem, start, epoch = self.network.problem, self.network.start, 2 * self.samples
        steps = {"exact": self.step, "exact_quarter": rates.SLOWER * self.step}
        exact = {name: svrg_excess(problem, start, step, epoch, self.stops) for name, step in steps.items()}
        return super().theory() | exact


class Sgd(Regularised):
    """Stochastic gradient descent with the constant step 1/2L."""

    sizes = grid(**LATE)

    def descent(self):
        step = rates.longest(self.network.problem)
        return sgd(step, np.inf), self.stops * step

    def theory(self):
        """The floor, that of half the step, and the rate if all samples were fitted."""
        problem = self.network.problem
        floors = {"floor": rates.floor(problem), "floor_half": rates.floor(problem, 0.5)}
        return rates.fitted_rate(problem) | floors


class Decaying(Regularised):
    """Stochastic gradient descent with the steps c/(μ(k + k₀)), k₀ = 2cL/μ."""

    decay: float = number(2.0, "c", "c of the decaying steps", above=0)
    sizes = grid(**{size: {**LATE[size], "decay": (2.0, 0.25)} for size in LATE})

    @cached_property
    def offset(self) -> float:
        """k₀: that of the theorem's bound for c = 2."""
        return self.decay / 2 * decaying_offset(self.network.problem)

    @cached_property
    def stops(self) -> np.ndarray:
        """Numbers of steps of the observations, even in log(k + k₀)."""
        spread = np.geomspace(self.offset, self.offset + self.passes * self.samples, 33)
        return np.unique(np.rint(spread - self.offset)).astype(int)

    @cached_property
    def steps(self) -> np.ndarray:
        """The size of every step."""
        return rates.longest(self.network.problem) / (1 + np.arange(self.stops[-1]) / self.offset)

    def descent(self):
        times = np.concatenate([[0.0], np.cumsum(self.steps)])
        return sgd(rates.longest(self.network.problem), self.offset), times[self.stops]

    def theory(self):
        """The exact mean, in the span of the features and off it, where the ridge acts; bound and limit."""
        problem, start = self.network.problem, self.network.start
        inside = problem.span.T @ start
        within = excess(problem.reduced, varying(problem.reduced, inside, self.steps, self.stops).second)
        left = np.concatenate([[1.0], np.cumprod(1 - self.steps * self.ridge) ** 2])[self.stops]
        return {
            "offset": np.asarray(self.offset),
            "exact": within + 0.5 * self.ridge * (start @ start - inside @ inside) * left,
            "bound": decaying_bound(problem, start, self.stops),
            "limit_of_half": rates.limit_of_half(problem),
        }


class Fitted(Method):
    """Stochastic gradient descent with the constant step 1/2L on samples that can all be fitted, without a ridge."""

    sizes = grid(**LATE)

    @property
    def network(self):
        return network(self.seed, self.particles, self.dimension, self.samples, ridge=0.0, noise=0.0)

    def descent(self):
        step = rates.longest(self.network.problem)
        return sgd(step, np.inf), self.stops * step

    def theory(self):
        """The exact mean, that of a quarter of the step, and the theorem's rate."""
        shares = {"exact": 1.0, "exact_quarter": 0.25}
        exact = {name: rates.without_noise(self.network, self.stops, share) for name, share in shares.items()}
        return exact | rates.fitted_rate(self.network.problem)


ABOVE, LATE_ENOUGH = between(0, np.inf), between(LONG - 1, np.inf)


def of(*methods: str):
    """Return the selection of runs of these methods, long enough to have a rate, and with replicas for a mean."""
    return runs("excess", experiment=methods, ridge=ABOVE, passes=between(19, np.inf), replicas=between(7, np.inf))


noisy = of("sgd").where(
    lambda record: record["noise"] > 0 and record["passes"] * record["samples"] * record["ridge"] >= 50
)
"""Runs of SGD with a constant step on labels that can't all be fitted, long enough to be at the floor."""

ENOUGH = {"passes": LATE_ENOUGH, "replicas": between(7, np.inf)}
fitted = Fitted.at("excess", particles=between(1, np.inf), **ENOUGH).where(
    lambda record: record["samples"] <= record["dimension"] / 2
)
"""Runs of SGD with a constant step on samples that are all fitted at the minimum."""


def decaying(c: float):
    """Return the selection of runs with steps c/(μ(k + k₀))."""
    return Decaying.at("excess", decay=c, ridge=ABOVE, **ENOUGH)


SAGA = Prediction(1.0, "<=", "E|b − b*|² over its bound, step 1/3L or 1/(2(λn + L))", "defazio2014saga")
SAG = Prediction(1.0, "<=", "E F − min F over its bound, step 1/16L, memory zero", "schmidt2017minimizing")
SVRG = Prediction(1.0, "<=", "E|b − b*|² over its bound, step 1/6L, snapshots at 1/2n", "kovalev2020loopless")
UNBIASED = Prediction(1.0, "=", "E b − b* ← (I − hH)(E b − b*): the estimate is unbiased", "defazio2014saga")
BIASED = Prediction(1.0, "=", "E b of SAG: the gradient is seen through a memory of n steps", "meanfield")
FASTER = Prediction(1.0, ">=", "rate over that of its theorem, in the mean of the three", "meanfield")
FLOOR = Prediction(1.0, "=", "stationary excess risk, exact second moments, step 1/2L", "meanfield")
SLOPE = Prediction(-1.0, "=", "steps c/(μ(k + k₀)), c > 1/2, excess risk in k + k₀", "chung1954stochastic")
EXACT = Prediction(1.0, "=", "exact second moments of least squares", "meanfield")
FITTED = Prediction(1.0, ">=", "rate over μ/2L, step 1/2L, all ∇F_i(b*) = 0", "needell2014stochastic")

HURRIED = {"wrong": "the bound four times as fast", "control": {"value": partial(rates.over_bound, hurried=4.0)}}

CLAIMS = (
    claim(
        "saga_bound", "squared distance of SAGA over its theorem's bound, at all times", SAGA, checks.largest,
        select=of("saga", "adapted"), value=rates.over_bound, what="mean |b − b*|² / bound", **HURRIED,
    ),
    claim(
        "sag_bound", "excess risk of SAG over its theorem's bound, at all times", SAG, checks.largest,
        select=of("sag"), value=rates.over_bound, what="mean excess / bound", **HURRIED,
    ),
    claim(
        "svrg_bound", "squared distance of SVRG over its theorem's bound, at all times", SVRG, checks.largest,
        select=of("svrg"), value=rates.over_bound, what="mean |b − b*|² / bound", **HURRIED,
    ),
    claim(
        "unbiased", "mean predictions of SAGA and SVRG along those of gradient descent, early", UNBIASED, checks.mean,
        select=of("saga", "adapted", "svrg"), value=rates.fit_ratio, what="along exact / exact",
        wrong="gradient descent with a quarter of the step",
        control={"value": partial(rates.fit_ratio, exact="exact_fit_slow")},
    ),
    claim(
        "biased", "mean predictions of SAG along the exact ones, early", BIASED, checks.mean,
        select=of("sag"), value=rates.fit_ratio, what="along exact / exact",
        wrong="without a bias, as SAGA", control={"value": partial(rates.fit_ratio, exact="exact_fit_saga")},
    ),
    claim(
        "corrected", "excess risk of SVRG over that of the exact second moments, early", EXACT, checks.mean,
        select=of("svrg"), value=rates.early_ratio, what="excess / exact",
        wrong="exact for a quarter of the step", control={"value": partial(rates.early_ratio, exact="exact_quarter")},
    ),
    claim(
        "floor", "late excess risk of SGD with a constant step over its exact floor", FLOOR, checks.mean,
        select=noisy, value=rates.floor_ratio, what="excess / floor",
        wrong="the floor of half the step", control={"value": partial(rates.floor_ratio, floor="floor_half")},
    ),
    claim(
        "decay_constant", "excess risk of SGD with decaying steps over the exact one, in the tail", EXACT, checks.mean,
        select=decaying(2.0), value=rates.decay_ratio, what="excess / exact",
        wrong="the limit of steps half as large", control={"value": rates.decay_over_limit},
    ),
    claim(
        "fitted_factor", "excess risk of SGD with a constant step on fitted samples over the exact one", EXACT,
        checks.mean,
        select=fitted, value=rates.early_ratio, what="excess / exact",
        wrong="exact for a quarter of the step", control={"value": partial(rates.early_ratio, exact="exact_quarter")},
    ),
)  # fmt: skip

SANITY = (
    claim(
        "rates", "rates of SAG, SAGA and SVRG over those of their theorems", FASTER, checks.mean,
        select=of("sag", "saga", "adapted", "svrg"), value=rates.rate_ratio, what="rate / theorem",
        wrong="labels with noise, SGD with a constant step", control={"select": noisy, "value": rates.late_rate},
    ),
    claim(
        "decay_slope", "exponent of the excess risk of SGD with decaying steps, c = 2", SLOPE, checks.mean,
        select=decaying(2.0), value=rates.decay_slope, what="slope in k + k₀ over the tail",
        wrong="c = 1/4, for which it is −1/2", control={"select": decaying(0.25)},
    ),
    claim(
        "no_floor", "rate of SGD with a constant step on fitted samples, late, over its theorem's", FITTED, checks.mean,
        select=fitted, value=rates.late_rate, what="rate / theorem",
        wrong="labels with noise", control={"select": noisy},
    ),
)  # fmt: skip

STUDY = Study(
    "finite_sums",
    "optimisation",
    "the lazy model as a convex finite sum: SGD, SAG, SAGA and SVRG against the rates of their theorems",
    experiments=(Saga, Adapted, Sag, Svrg, Sgd, Decaying, Fitted),
    claims=CLAIMS,
    sanity=SANITY,
)

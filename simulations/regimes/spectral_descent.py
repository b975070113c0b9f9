"""Spectral descent, of which Muon takes steps: a flow of the measure of neurons, in another metric.

Velocities of all hidden neurons together are the matrix V with rows v_j/√m. The polar factor of the gradient, times √m,
moves them by θ' = C^{−½} v with C = ∫ v vᵀ dμ: energy falls by the nuclear norm of V, tr C^½, where gradient descent of
unit speed has its Frobenius norm, and norms of Schatten lie between. Copies of a neuron change nothing, so that m
neurons tend to infinitely many, which `theory.spectral` follows from quadrature nodes; the polar factor without √m
does not. On a linear model with white inputs all singular values of the residual fall at speed 1, and it is solved at
t = s_1; gradient flow leaves s_i e^{−t}.

Which factor of a step lets it transfer to other widths is asked in `width_transfer`.
"""

from functools import cache, partial
from itertools import pairwise

import numpy as np

import meanfield as mf
from simulations.records.record import Record
from simulations.study.experiment import grid
from simulations.study.panel import Panel
from simulations.study.parameters import count, number
from simulations.study.simulation import Setup, Simulations
from simulations.study.study import Study, claim
from simulations.verdicts import checks
from theory import chaos, spectral
from theory.prediction import Prediction

ANGLES = 2 * np.pi * (np.arange(16) + 0.5) / 16
X, Y = 1.5 * np.column_stack([np.cos(ANGLES), np.sin(ANGLES)]), np.cos(ANGLES) + np.sin(2 * ANGLES) / 2
"""Sixteen points of a circle, and a function of first and second order on it."""

WIDTHS = np.array([1.0, 2.0, 2.0])
"""Parameters (a, w) start even on [−1, 1] × [−2, 2]²."""

NODES = 8, 24, 24
"""Quadrature nodes along them; with 16 for 24 the risk is another one by 2e-4 of itself."""

NARROW = 64
"""The number of neurons at which the polar factor without √m is as fast as the flow."""


def order(dual: float) -> float:
    """Return p with 1/p + 1/q = 1; infinite, the spectral norm, for q = 1."""
    return dual / (dual - 1) if dual > 1 else np.inf


def start(run: Simulations, particles: int) -> np.ndarray:
    """Return independent draws of the start, [m, 3]."""
    return WIDTHS * run.generator("starts").uniform(-1, 1, size=(particles, 3))


def network() -> mf.Objective:
    """Return the problem of tanh neurons."""
    return mf.Objective(mf.Neuron("tanh"), mf.Square(), X, Y, kernel=mf.integrals.Dense())


class FirstStep(Simulations):
    """One step of hidden weights, of h, h/2 and h/4: how fast the risk falls."""

    particles: int = count(128, "m", "particles")
    dual: float = number(1.0, "q", "exponent in the rate: 1 polar factor, 2 gradient", at_least=1, batched=False)
    step: float = number(0.02, "h", "the largest of three steps", unit="mean-field time", above=0)
    precision = "float64"
    sizes = grid(
        smoke={"dual": (1.0, 1.5, 2.0), "seeds": 8},
        default={"dual": (1.0, 1.2, 1.5, 2.0, 3.0), "particles": (128, 1024), "seeds": 16},
        large={"dual": (1.0, 1.2, 1.5, 2.0, 3.0), "particles": (128, 1024, 8192), "seeds": 32},
    )

    def setups(self):
        theta = start(self, self.particles)
        steps = {name: self.step / 2**k for k, name in enumerate(("whole", "half", "quarter"))}
        flows = {name: mf.InputFlow(mf.SpectralFlow(h, order=order(self.dual))) for name, h in steps.items()}
        return {name: Setup(network(), mf.Particles(theta), flows[name], [0.0, steps[name]]) for name in flows}

    def measure(self, runs):
        rates = [-np.diff(run.values["risk"])[0] / run.times[-1] for run in runs.values()]
        # What is left of a rate falls as h, then as h²: extrapolated twice, and how much the second time changed it.
        once = [2 * finer - coarser for coarser, finer in pairwise(rates)]
        return {"rate": (4 * once[1] - once[0]) / 3, "left": abs(once[1] - once[0]) / 3}

    def theory(self):
        theta, mass = start(self, self.particles), np.full(self.particles, 1 / self.particles)
        v = spectral.velocities(X, Y, theta, mass)[:, 1:]
        return {"exact_rate": spectral.fall(v, mass, order(self.dual)), "exact_gradient": spectral.fall(v, mass, 2.0)}


class Regression(Simulations):
    """A linear model on white inputs, descended by both flows until past the largest singular value."""

    step: float = number(0.005, "h", "step", unit="mean-field time", above=0)
    outputs: int = count(3, "k", "outputs, and inputs")
    precision = "float64"
    sizes = grid(smoke={"seeds": 8}, default={"step": (0.005, 0.01), "seeds": 16}, large={"step": 0.001, "seeds": 64})

    @property
    def target(self) -> np.ndarray:
        """A matrix [k, k] whose singular values are about even on [½, 3/2], and random otherwise."""
        rng = self.generator("target")
        left, right = (np.linalg.qr(rng.normal(size=(self.outputs, self.outputs)))[0] for _ in range(2))
        return left * (np.linspace(0.5, 1.4, self.outputs) + rng.uniform(0, 0.1, self.outputs)) @ right

    @property
    def singular(self) -> np.ndarray:
        return np.linalg.svd(self.target, compute_uv=False)

    def setups(self):
        k, x = self.outputs, np.sqrt(self.outputs) * np.eye(self.outputs)
        a = np.sqrt(k) * np.tile(np.eye(k), (2, 1))  # mean a aᵀ = 1, and W = mean of a wᵀ
        problem = mf.Objective(mf.Neuron("linear", outputs=k), mf.Square(), x, x @ self.target.T)
        mu = mf.Particles(np.concatenate([a, np.zeros_like(a)], axis=1))
        times = np.arange(int(self.singular[0] / self.step) + 3) * self.step
        flows = {"spectral": mf.SpectralFlow(self.step, outputs=k), "gradient": mf.GradientFlow(self.step)}
        seen = [mf.Predictions()]
        return {name: Setup(problem, mu, mf.InputFlow(flow), times, seen) for name, flow in flows.items()}

    def measure(self, runs):
        times = runs["spectral"].times
        # Residuals at √k e_i are √k times the columns of W* − W.
        left = {
            name: np.linalg.svd(self.target.T - run.values["predictions"] / np.sqrt(self.outputs), compute_uv=False)
            for name, run in runs.items()
        }
        return {"times": times} | {f"left_{name}": values for name, values in left.items()}

    def theory(self):
        times = np.arange(int(self.singular[0] / self.step) + 3) * self.step
        return {"exact_left": np.array([spectral.left_of_residual(self.singular, t) for t in times])}


@cache
def limit(dual: float, step: float, steps: int) -> float:
    """Return the risk of infinitely many neurons."""
    return spectral.descend(X, Y, *chaos.box_nodes(WIDTHS, NODES), step, steps, order(dual))


class Width(Simulations):
    """Both layers for a fixed time: by the flow, and by polar factors without √m."""

    particles: int = count(256, "m", "particles")
    dual: float = number(1.0, "q", "exponent in the rate: 1 polar factor, 2 gradient", at_least=1, batched=False)
    step: float = number(0.02, "h", "step", unit="mean-field time", above=0)
    steps: int = count(30, "", "steps")
    sizes = grid(
        smoke={"particles": (64, 256, 1024), "seeds": 16},
        default={"particles": (64, 256, 1024, 4096), "dual": (1.0, 1.5), "seeds": 20},
        large={"particles": (64, 256, 1024, 4096, 16384), "dual": (1.0, 1.2, 1.5, 2.0), "seeds": 40},
    )

    def setups(self):
        mu, shrunk = mf.Particles(start(self, self.particles)), np.sqrt(NARROW / self.particles)
        found = {}
        for name, h in {"flow": self.step, "unscaled": self.step * shrunk}.items():
            flow = mf.SpectralFlow(h, order=order(self.dual))
            found[name] = Setup(network(), mu, flow, [0.0, self.steps * h])
        return found

    def measure(self, runs):
        return {name: run.values["risk"][-1] for name, run in runs.items()}

    def theory(self):
        return {"exact_risk": limit(self.dual, self.step, self.steps)}


def ratio(record: Record, *, name: str = "rate", to: str = "exact_rate") -> float:
    """Return a value over what theory says."""
    return float(record[name] / record[to])


def alike(record: Record, *, name: str = "spectral") -> float:
    """Return what the least singular value lost, over what the largest did, until half of the least is gone."""
    s, left = record["exact_left"][0], record[f"left_{name}"]
    lost = left[0] - left[int(np.searchsorted(record["times"], s[-1] / 2))]
    return float(lost[-1] / lost[0])


def gone(record: Record, *, name: str = "spectral") -> float:
    """Return the share of the largest singular value that is gone at the first step from t = s_1 on."""
    s = record["exact_left"][0, 0]
    return float(1 - record[f"left_{name}"][int(np.searchsorted(record["times"], s)), 0] / s)


def overshoot(record: Record) -> float:
    """Return what a step may leave: it subtracts h from what is less than h."""
    return float(record["step"] / record["exact_left"][0, 0])


OVER_GRADIENT = partial(ratio, to="exact_gradient")
FLOW, UNSCALED = (partial(ratio, name=name, to="exact_risk") for name in ("flow", "unscaled"))

ROUNDING = 1e-9
"""What rounding may leave: a thousand steps of arrays of size one, each rounded to 1e-16, and room."""

UNIT = Prediction(1.0, "=", "steepest descent under a Schatten norm, h → 0", "bernstein2024old")
SPEED = Prediction(1.0, "=", "W' = polar factor of W* − W", "meanfield")
LIMIT = Prediction(1.0, "=", "m → ∞, the same steps from quadrature nodes", "meanfield")

CLAIMS = (
    claim(
        "nuclear", "spectral norm: −dF/dt over tr C^½", UNIT, checks.mean,
        select=FirstStep.at(dual=1.0), value=ratio, left=lambda record: float(record["left"] / record["rate"]),
        what="−dF/dt / tr C^½",
        wrong="the Frobenius norm, (tr C)^½", control={"value": OVER_GRADIENT},
    ),
    claim(
        "schatten", "Schatten norm of order 3: −dF/dt over (tr C^¾)^⅔", UNIT, checks.mean,
        select=FirstStep.at(dual=1.5), value=ratio, left=lambda record: float(record["left"] / record["rate"]),
        what="−dF/dt / dual norm",
        wrong="the Frobenius norm", control={"value": OVER_GRADIENT},
    ),
    claim(
        "alike", "linear model, white inputs: what the least singular value loses, over what the largest does", SPEED,
        checks.mean,
        select=Regression.at(), value=alike, left=lambda record: ROUNDING, what="lost / lost",
        wrong="gradient flow, where they lose in proportion", control={"value": partial(alike, name="gradient")},
    ),
    claim(
        "solved", "linear model: share of the largest singular value that is gone at t = s_1", SPEED, checks.mean,
        select=Regression.at(), value=gone, left=overshoot, what="share of s_1",
        wrong="gradient flow", control={"value": partial(gone, name="gradient")},
    ),
    claim(
        "limit", "risk of m neurons after a fixed time, over that of infinitely many", LIMIT, checks.limit,
        select=Width.at(dual=1.0), x="particles", order=1.0, value=FLOW, what="R_m / R_∞",
        wrong="polar factors without √m", control={"value": UNSCALED},
    ),
)  # fmt: skip

STUDY = Study(
    "spectral_descent",
    "regimes",
    "descent by the polar factor, as Muon does it: a flow of the measure, its rate, its limit, and singular values",
    experiments=(FirstStep, Regression, Width),
    claims=CLAIMS,
    panels=(
        Panel("Energy falls by the dual norm", FirstStep.at(particles=min), "dual", OVER_GRADIENT, log="",
              theory=partial(ratio, name="exact_rate", to="exact_gradient"),
              xlabel="exponent q (1: polar factor, 2: gradient)", ylabel="−dF/dt / (tr C)$^{1/2}$"),
        Panel("Singular values fall at speed 1", Regression.at(step=min), "times", "left_spectral",
              theory="exact_left", log="", xlabel="t (mean-field time)", ylabel="singular values of the residual"),
        Panel("m neurons tend to infinitely many", Width.at(), "particles", FLOW, series="dual", theory=LIMIT,
              log="x", ylabel="R$_m$ / R$_∞$"),
    ),
)  # fmt: skip

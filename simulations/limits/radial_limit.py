"""N particles in stochastic gradient descent, and the equation that infinitely many obey.

Mei, Montanari & Nguyen (2018): for two isotropic Gaussians the distributional dynamics is one equation for radii. The
risk of N particles leaves its solution by O(1/N), and by the error of the steps.

The runs are networks along N, up to one early time; networks with steps so large that their error is seen; and a long
run, for the picture. Time and step are those of the paper: half of mean-field time.
"""

from functools import cached_property, lru_cache, partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy.interpolate import CubicSpline

import meanfield as mf
from simulations.records.record import Record
from simulations.study.experiment import grid
from simulations.study.parameters import count, number
from simulations.study.simulation import Setup, Simulations
from simulations.study.starts import masses
from simulations.study.study import Study, claim
from simulations.verdicts import checks
from theory.prediction import Prediction
from theory.radial_pde import FROM, LOW, SLOPE, TO, RadialProblem

LEVELS = (1, 2, 4)
"""Multiples of the step ε with which the same networks are trained, to see and to take off the error of a step."""

ROUND = 64
"""Networks are filled up to a multiple of so many particles with some of mass zero, which nothing feels: one program
serves several N.
"""

SMOOTH = 4.0
"""Up to here radii move together, and Gauss points suffice for the equation (paper's time)."""

LENGTHS = 200
"""Lengths of inputs at which the predictor of the equation is tabulated; between them it is a cubic spline."""


class Ramp(mf.AbstractUnit):
    """Φ(w; x) = σ(w·x), low below ½, high above 3/2, linear between: no output weight."""

    outputs: int = eqx.field(static=True, default=1)

    def size(self, d: int) -> int:
        return d

    def __call__(self, theta, x):
        return LOW + SLOPE * jnp.clip(theta @ x - FROM, 0.0, TO - FROM)


class Gaussians(eqx.Module):
    """Fresh samples: y = ±1 with equal odds, x ~ N(0, (1 + yΔ)² I)."""

    dimension: int = eqx.field(static=True)
    separation: jax.Array

    def __call__(self, key, batch):
        signs, inputs = jax.random.split(key)
        y = jax.random.rademacher(signs, (batch,), jnp.float32)
        x = jax.random.normal(inputs, (batch, self.dimension), jnp.float32)
        return x * (1 + self.separation * y)[:, None], y


def radii(objective: mf.Objective, mu: mf.Particles) -> jax.Array:
    """|θ_j|."""
    return jnp.linalg.norm(mu.position, axis=1)


def equation(dimension: int, separation: float, length: float, time: float) -> RadialProblem:
    """Return the equation, with points enough for radii up to this time."""
    points = {} if time <= SMOOTH else {"rule": "quantiles", "radii": 400}
    return RadialProblem(dimension, separation, length, **points)


@lru_cache(maxsize=64)
def in_steps(problem: RadialProblem, step: float, times: tuple[float, ...]) -> tuple[CubicSpline, np.ndarray]:
    """Return f at the times as a function of |x|, and the risks, of infinitely many particles in steps of this size."""
    flow = problem.integrate(times, step=step, method="euler")
    lengths = np.linspace(0, problem.inputs[0].max(), LENGTHS)
    return CubicSpline(lengths, [problem.predictor(one, lengths) for one in flow.radii], axis=1), flow.risk


@lru_cache(maxsize=64)
def risks(problem: RadialProblem, times: tuple[float, ...]) -> np.ndarray:
    """Return the risks of infinitely many particles at the times."""
    return problem.integrate(times).risk


class Networks(Simulations):
    """Networks of N particles that tell two isotropic Gaussians apart, in one pass with steps of ε, 2ε and 4ε."""

    particles: int = count(100, "N", "particles")
    dimension: int = count(40, "d", "inputs", at_least=2)
    separation: float = number(
        0.8, "Δ", "the classes have standard deviations 1 ± Δ", unit="input units", above=0, below=1
    )
    length: float = number(0.8, "s", "particles start as N(0, s²/d)", unit="parameter units", above=0)
    time: float = number(2.0, "T", "final time", unit="the paper's time", above=0, batched=False)
    steps: int = count(48, "1/ε", "steps in a unit of time, a multiple of 4", multiple_of=LEVELS[-1])
    batch: int = count(200, "B", "fresh samples of a step")
    replicas: int = count(8, "", "independent networks, whose mean is the risk of N particles")
    tested: int = count(
        2000, "", "test samples, common to the networks of a run and to the equation; an even number", multiple_of=2
    )
    precision = "float32"
    sizes = grid(
        smoke=[
            {"particles": (16, 32, 64), "time": 0.5, "steps": 96, "seeds": 10},
            {"particles": 64, "time": 1.5, "steps": 32, "seeds": 7},
            {"particles": 64, "time": 5.0, "steps": 96},
        ],
        default=[
            {"particles": (25, 50, 100, 200, 400), "steps": 96, "batch": 500, "seeds": 7},
            {"particles": 200, "time": 1.5, "steps": (32, 64, 128), "seeds": 7},
            {"particles": 400, "time": 10.0, "steps": 96, "batch": 500},
        ],
        large=[
            {"particles": (50, 100, 200, 400, 800), "time": 4.0, "steps": 1_000_000, "batch": 1, "seeds": 10},
            {"particles": 200, "time": 1.5, "steps": (32, 64, 128), "seeds": 10},
            {"particles": 800, "time": 10.0, "steps": 1_000_000, "batch": 1},
        ],
    )

    def refusal(self):
        if self.time < LEVELS[-1] / self.steps:
            return f"time={self.time:g}: shorter than 4ε; expected at least {LEVELS[-1] / self.steps:g}."
        return None

    @cached_property
    def seen(self) -> np.ndarray:
        """When networks are looked at, whole steps of 4ε: four times, or eight in a long run."""
        looks, most = 4 if self.time <= SMOOTH else 8, LEVELS[-1] / self.steps
        return np.unique(np.rint(np.linspace(0, self.time, looks + 1) / most)) * most

    def _drawn(self, what: str) -> np.random.Generator:
        """Return numbers that are independent for every N and ε, so that one draw is not extrapolated as a trend."""
        return self.generator(f"{what}, {self.particles} particles, {self.steps} steps, {self.batch} samples")

    @cached_property
    def tests(self) -> tuple[np.ndarray, np.ndarray]:
        """Test samples, as many of each class."""
        y = np.tile([1.0, -1.0], self.tested // 2)
        x = self._drawn("tests").normal(size=(self.tested, self.dimension))
        return x * (1 + self.separation * y)[:, None], y

    def setups(self):
        # The engine's loss has a factor ½ and its velocity none of 2: steps of 2ε there, and twice the time.
        mass, law = masses(self.particles, ROUND), self.length / np.sqrt(self.dimension)
        theta = law * self._drawn("start").normal(size=(self.replicas, len(mass), self.dimension))
        starts = [mf.Particles(one, mass) for one in theta]
        problem = mf.Objective(Ramp(), mf.Square(), *self.tests)
        sampler = Gaussians(self.dimension, jnp.asarray(self.separation))
        observe = {"predictions": mf.Predictions(), "radii": radii}
        flows = {f"{level}ε": mf.SGD(2.0 * level / self.steps, self.batch, sampler=sampler) for level in LEVELS}
        return {
            name: [Setup(problem, start, flow, 2 * self.seen, observe) for start in starts]
            for name, flow in flows.items()
        }

    def measure(self, runs):
        """By how much the risks of N particles exceed that of the equation in the same steps, on common samples.

        `excess` [levels, replicas, times] is the mean of (y − f_N)² − (y − f)², with the expectation R_N − R, and
        `square_deviation` that of (f_N − f)².
        """
        (x, y), problem = self.tests, equation(self.dimension, self.separation, self.length, 0.0)
        excess, deviation, exact = [], [], []
        for level, several in zip(LEVELS, runs.values(), strict=True):
            predictor, risk = in_steps(problem, level / self.steps, tuple(self.seen))
            f = predictor(np.linalg.norm(x, axis=1))
            networks = np.stack([run.values["predictions"] for run in several]).astype(float)
            excess.append(np.mean((y - networks) ** 2 - (y - f) ** 2, axis=2))
            deviation.append(np.mean((networks - f) ** 2, axis=2))
            exact.append(risk)
        found = {"excess": excess, "square_deviation": deviation, "euler_risk": exact}
        paths = runs["1ε"][0].values["radii"][:, : self.particles]
        return {"times": self.seen, "radii": paths, **{name: np.stack(value) for name, value in found.items()}}

    def theory(self):
        """The risk of infinitely many particles, and N (R_N − R) at the start."""
        problem = equation(self.dimension, self.separation, self.length, self.time)
        return {"risk": risks(problem, tuple(self.seen)), "start_coefficient": np.asarray(problem.variance())}


def start_ratio(record: Record, *, length: float | None = None) -> float:
    """Return N (f_N − f)² at the start, mean over replicas and inputs, over its exact expectation; of another length s
    over that which this would have.
    """
    seen = record["square_deviation"][0, :, 0].mean()
    exact = record["start_coefficient"]
    if length is not None:
        exact = equation(record["dimension"], record["separation"], length, record["time"]).variance()
    return float(record["particles"] * seen / exact)


def excess(record: Record) -> float:
    """R_N − R at the end, against the equation in steps alike, extrapolated from ε and 2ε to steps of zero."""
    fine, coarse = record["excess"][:2, :, -1].mean(axis=1)
    return float(2 * fine - coarse)


def excess_at_step(record: Record) -> float:
    """R_N − R at the end with steps of ε, not extrapolated."""
    return float(record["excess"][0, :, -1].mean())


def fall(record: Record, *, share: float = 1.0) -> float:
    """Return by how much the risk of N particles has fallen, from that of infinitely many at the start, over what the
    equation says for so large a share of the time.

    Of the test samples' own error, the equation's, which is known, is taken off in `excess`.
    """
    times, risk = record["times"], record["risk"]
    exact = risk[0] - np.interp(share * times[-1], times, risk)
    return float((risk[0] - risk[-1] - excess(record)) / exact)


def output_deviation(record: Record) -> float:
    """Root mean square of f_N − f at the end."""
    return float(np.sqrt(np.mean(record["square_deviation"][0, :, -1])))


def against_time(record: Record) -> np.ndarray:
    """R_N − R at the end for every level, R the equation in continuous time."""
    steps = record["euler_risk"][:, -1] - record["risk"][-1]
    return record["excess"][:, :, -1].mean(axis=1) + steps


def order_of_step(record: Record, *, from_equation: bool = False) -> float:
    """Return p in error ∝ ε^p: log₂ of the differences between 4ε and 2ε, and 2ε and ε; or, `from_equation`, of what
    is between 2ε, and ε, and the equation, in which N has its part.
    """
    levels = against_time(record)
    middle, fine = levels[1::-1] if from_equation else np.diff(levels)[::-1]
    return float(np.log2(abs(middle) / abs(fine)))


early = Networks.at("excess").where(lambda record: record["time"] <= SMOOTH and record["replicas"] >= 4)
"""Trained networks, several in each run, looked at before radii part."""

coarse = early.where(lambda record: record["time"] >= 1, steps=min, particles=max)
"""The `early` runs with the largest step, at the largest N; errors of steps take time to be seen."""

START = Prediction(1.0, "=", "independent particles, every N: E (f_N − f)² = E_x Var_θ σ(θ·x)/N", "meanfield")
RATE = Prediction(-1.0, "slope", "independent particles at the start, to leading order", "meanfield")
OUTPUT = Prediction(-0.5, "slope", "root mean square of f_N − f, independent particles at the start", "meanfield")
LIMIT = Prediction(1.0, "=", "N → ∞, ε → 0, at one time", "mei2018mean")
STEP = Prediction(0.5, ">=", "the bound C√ε on what steps add to the risk", "mei2018mean")

CLAIMS = (
    claim(
        "start", "N E (f_N − f)² at the start, by which the risk exceeds its limit, over E Var σ(θ·x)", START,
        checks.mean,
        select=early, value=start_ratio, what="N (f_N − f)² / coefficient",
        wrong="the coefficient of particles that start half as long",
        control={"value": partial(start_ratio, length=0.4)},
    ),
    claim(
        "rate", "the risk of N particles exceeds that of the equation by O(1/N)", RATE, checks.slope,
        select=early, x="particles", value=excess,
        wrong="the output in place of the risk", control={"value": output_deviation},
    ),
    claim(
        "limit", "by how much the risk falls, over the equation, N → ∞ and ε → 0", LIMIT, checks.limit,
        select=early, x="particles", value=fall, order=1.0, what="fall of the risk / equation",
        wrong="the equation without its factor 2, at half the time", control={"value": partial(fall, share=0.5)},
    ),
)  # fmt: skip

SANITY = (
    claim(
        "step", "order of the error in the step ε, from ε, 2ε and 4ε at the largest N", STEP, checks.mean,
        select=coarse, value=order_of_step, what="log₂ of the ratio of differences",
        wrong="the error of N particles with it", control={"value": partial(order_of_step, from_equation=True)},
    ),
)  # fmt: skip

STUDY = Study(
    "radial_limit",
    "limits",
    "two Gaussians: the risk of N particles against the radial equation of infinitely many",
    experiments=(Networks,),
    claims=CLAIMS,
    sanity=SANITY,
)

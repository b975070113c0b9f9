"""One run of the study of depth: a step or a unit of time beside the end-to-end rule, or a race of deep and shallow."""

import logging
from dataclasses import dataclass
from itertools import pairwise

import jax
import numpy as np

import meanfield as mf
from meanfield.arguments import one_of, positive_count, positive_number
from theory import depth

PARTS = ("step", "time", "race")

INPUTS, OUTPUTS, SAMPLES = 4, 3, 20
"""d, k and n of the regression in the parts `step` and `time` (counts)."""

LOOKS = 9
"""Times at which W is looked at, at most (count)."""

SHARES = 0.125 * 2 ** (np.arange(13) / 2)
"""Steps of a race, in units of the largest that does not shoot over the large target."""

SLOW = 2
"""Which of them is 1/4: the largest that is safe wherever the start points."""

DENSITY = 0.3
"""Logarithm of the ratio of consecutive iterations at which a race is looked at."""


@dataclass(frozen=True)
class Parameters:
    """Gradient descent on the factors of a linear model."""

    part: str = "time"
    """What is looked at: step (one step), time (a unit of time) or race (how soon a deep and a shallow model learn)."""
    depth: int = 2
    """N, factors of the deep model (count)."""
    hidden: int = 5
    """Width of each hidden layer (count), at least 3."""
    start: str = "balanced"
    """Factors at the start: balanced, or unbalanced (the last twice and the first half as large)."""
    steps: int = 100
    """Steps in a unit of time (count): η is one over them. Not used in a race."""
    power: float = 4.0
    """p of the loss |f − y|^p / p in a race (exponent), at least 2."""
    target: float = 8.0
    """Target of the first of two orthogonal inputs in a race (output)."""
    second: float = 1.0
    """Target that a weight of the second one has (output)."""
    condition: float = 1.0
    """κ, ratio of the curvatures along the two inputs in a race, at least 1 (ratio)."""
    initial: float = 1e-5
    """Size of the end-to-end weights at the start of a race (parameter units)."""
    tolerance: float = 0.2
    """Residual at which a race is over (output), below the targets."""
    starts: int = 1
    """Starts of a race (count), each for all steps."""
    patience: float = 64.0
    """Steps after which a race is given up, in units of κ y^(p−2), y being the larger target (count)."""
    seed: int = 0
    """Seed of inputs, targets and starts (integer)."""

    def __post_init__(self):
        one_of("part", self.part, PARTS)
        one_of("start", self.start, ("balanced", "unbalanced"))
        for name in ("depth", "hidden", "steps", "starts"):
            positive_count(name, getattr(self, name))
        for name in ("power", "target", "second", "condition", "initial", "tolerance", "patience"):
            positive_number(name, getattr(self, name))
        if self.hidden < min(INPUTS, OUTPUTS):
            raise ValueError(f"hidden={self.hidden}: expected at least {min(INPUTS, OUTPUTS)}, the rank of the model.")
        for name, least in (("power", 2), ("condition", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name}={getattr(self, name):g}: expected at least {least}.")
        if self.tolerance >= min(self.target, self.second):
            raise ValueError(f"tolerance={self.tolerance:g}: expected less than the targets.")

    @property
    def iterations(self) -> int:
        """Steps after which a race is given up."""
        return max(2, int(self.patience * self.condition * max(self.target, self.second) ** (self.power - 2)))

    def generator(self) -> np.random.Generator:
        """Random numbers of one instance: the same for all numbers of steps and all starts."""
        kind = PARTS.index("time" if self.part == "step" else self.part)
        return np.random.default_rng((abs(self.seed), self.seed < 0, kind, self.depth))


def train(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Descent by the engine in float64, beside what theory says."""
    with jax.enable_x64(True):
        return _race(run) if run.part == "race" else _beside_rule(run)


def exact(run: Parameters) -> dict[str, np.ndarray]:
    """The end-to-end rule's matrix, and that of a wrong rule; or how much sooner the deep model is done."""
    if run.part == "race":
        return {"speed_up": np.array(depth.speed_up(run.power, run.depth))}
    x, y, matrix = _regression(run)
    rules = {"rule": 1.0, "doubled": 2.0} if run.part == "step" else {"rule": 1.0}
    known = {}
    for name, exponent in rules.items():
        path = [matrix]
        for steps in np.diff(_looks(run)):
            path.append(depth.end_to_end(path[-1], x, y, 1 / run.steps, int(steps), run.depth, exponent=exponent))
        known |= {name: path[-1], f"{name}_path": np.stack(path)}
    gradient = (matrix @ x.T - y.T) @ x / len(x)
    return known | {"second_order": depth.second_order(matrix, gradient, run.depth)}


def _looks(run: Parameters) -> np.ndarray:
    """Numbers of the steps after which W is looked at."""
    return np.unique(np.rint(np.linspace(0, 1 if run.part == "step" else run.steps, LOOKS)).astype(int))


def _regression(run: Parameters) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Normal inputs [n, d], noiseless targets [n, k], and an end-to-end matrix to start from, [k, d]."""
    random = run.generator()
    x = random.normal(size=(SAMPLES, INPUTS))
    ends = []
    for values in ((1.5, 1.0, 0.5), (1.0, 0.7, 0.4)):
        u, _, vt = np.linalg.svd(random.normal(size=(OUTPUTS, INPUTS)), full_matrices=False)
        ends.append((u * values) @ vt)
    return x, x @ ends[0].T, ends[1]


def _beside_rule(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    x, y, matrix = _regression(run)
    unit = mf.units.DeepLinear((run.hidden,) * (run.depth - 1), OUTPUTS)
    first, *others = unit.factors(np.asarray(unit.balanced(matrix).position[0]), INPUTS)
    if run.start == "unbalanced" and others:
        first, others = first / 2, [*others[:-1], 2 * others[-1]]
    mu = unit.particle([first, *others])
    objective = mf.Objective(unit, mf.Square(), x, y, kernel=mf.integrals.Dense())
    flow, times = mf.GradientFlow(1 / run.steps), _looks(run) / run.steps
    seen = mf.simulate(objective, flow, mu, times=times, observables=[mf.Risk(), mf.Positions()])
    before, after = (unit.factors(np.asarray(one.position[0]), INPUTS) for one in (mu, seen.particles))
    known = {f"exact_{name}": value for name, value in exact(run).items()}
    path = [unit.matrix(np.asarray(theta[0]), INPUTS) for theta in seen.values["positions"]]
    values = {"times": seen.times, "path": np.stack(path), "end": path[-1]} | known
    values["risk"], status = np.asarray(seen.values["risk"]), seen.status
    values["unbalance"] = np.array(max([0.0, *_distances(_balances(before), _balances(after))]))
    values["change"] = np.array(max(_distances([w.T @ w for w in before], [w.T @ w for w in after])))
    if run.depth == 2 and run.part == "time":
        units, also = _as_units(run, before, x, y)
        values |= {"units": units, "rounding": _rounding(run, x, y, matrix, float(values["risk"][0]))}
        status = status if also == "done" else also
    return values, status


def _as_units(run: Parameters, factors: list[np.ndarray], x, y) -> tuple[np.ndarray, str]:
    """End-to-end matrix of `hidden` linear neurons trained alike: f = (1/m) Σ a_j w_j·x with a = √m W_2, w = √m W_1."""
    theta = np.sqrt(run.hidden) * np.hstack([factors[1].T, factors[0]])
    objective = mf.Objective(mf.Neuron("linear", outputs=OUTPUTS), mf.Square(), x, y, kernel=mf.integrals.Dense())
    seen = mf.simulate(objective, mf.GradientFlow(1 / run.steps), mf.Particles(theta), times=[0.0, 1.0])
    end = np.asarray(seen.particles.position)
    return end[:, :OUTPUTS].T @ end[:, OUTPUTS:] / run.hidden, seen.status


def _rounding(run: Parameters, x, y, matrix, risk: float) -> np.ndarray:
    """How far apart rounding may drive two computations of the same descent: what a step commits, times its growth.

    The Hessian of L(W_2 W_1) is a positive part and one of norm |G| ≤ (2Lν)^{1/2}, ν the largest eigenvalue of xᵀx/n;
    and L falls.
    """
    curvature = float(np.linalg.norm(x, 2) ** 2 / len(x))
    operations = SAMPLES + run.hidden + INPUTS + OUTPUTS + 8
    size = np.linalg.norm(matrix) + np.abs(y).max() * np.linalg.norm(x)
    growth = np.exp(np.sqrt(2 * risk * curvature))
    return np.array(run.steps * operations * np.finfo(float).eps * size * growth)


def _balances(factors: list[np.ndarray]) -> list[np.ndarray]:
    """W_{j+1}ᵀ W_{j+1} − W_j W_jᵀ for all j: what gradient flow keeps."""
    return [above.T @ above - below @ below.T for below, above in pairwise(factors)]


def _distances(before: list[np.ndarray], after: list[np.ndarray]) -> list[float]:
    return [float(np.linalg.norm(b - a)) for a, b in zip(before, after, strict=True)]


def _race(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Iterations until both residuals, or the second one, are small, for each start and step: [starts, steps]."""
    random = run.generator()
    axes = np.linalg.qr(random.normal(size=(INPUTS, 2)))[0].T
    ends = random.normal(size=(run.starts, INPUTS))
    ends *= run.initial / np.linalg.norm(ends, axis=1, keepdims=True)
    lengths = np.array([1.0, run.condition**-0.5])
    x, y = lengths[:, None] * axes, lengths * [run.target, run.second]
    looks = np.unique(np.rint(np.geomspace(1, run.iterations, int(np.log(run.iterations) / DENSITY) + 2)))
    found = {"shares": SHARES, "times": np.array([0, *looks])}
    for name, factors in (("shallow", 1), ("deep", run.depth)):
        unit = mf.units.DeepLinear((run.hidden,) * (factors - 1))
        steps = SHARES * len(x) * depth.monotone_step(max(run.target, run.second), run.power, factors)
        positions = [unit.balanced(end[None]).position for end in ends]
        # One particle of mass η under α = 1/η: f and the gradient are those of mass 1, and a step of 1 is one of η. So
        # all steps are looked at after the same numbers of iterations.
        objectives = [
            mf.Objective(unit, mf.losses.Power(run.power), x, y, scale=1 / h, kernel=mf.integrals.Dense())
            for h in steps
        ]
        mus = [mf.Particles(position, [h]) for position in positions for h in steps]
        paths = _quietly(objectives * run.starts, mus, found["times"])
        residuals = np.full((len(paths), len(found["times"]), 2), np.inf)
        for path, left in zip(paths, residuals, strict=True):
            left[: len(path.times)] = np.abs(path.values["predictions"] - y) / lengths
        shape = (run.starts, len(steps))
        both, second = (residuals[..., column].max(axis=2) for column in (slice(0, 2), slice(1, 2)))
        found |= {
            name: np.reshape([_crossing(found["times"], left, run.tolerance) for left in both], shape),
            f"{name}_second": np.reshape([_crossing(found["times"], left, run.tolerance) for left in second], shape),
            f"{name}_steps": steps,
            f"{name}_residuals": residuals[SLOW],
        }
    return found | {f"exact_{name}": value for name, value in exact(run).items()}, "done"


def _quietly(objectives, mus, times) -> list[mf.Trajectory]:
    """Long steps diverge, as they should; the engine need not warn of each."""
    logger = logging.getLogger("meanfield")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        return mf.simulate_replicas(objectives, mf.GradientFlow(1.0), mus, times=times, observables=[mf.Predictions()])
    finally:
        logger.setLevel(before)


def _crossing(times: np.ndarray, residual: np.ndarray, tolerance: float) -> float:
    """When the residual falls to the tolerance for good, on a line in log-log axes; infinity if it does not."""
    over = np.flatnonzero(~(residual <= tolerance))
    last = over[-1] if len(over) else 0
    if last + 1 >= len(residual):
        return float("inf")
    if last == 0:
        return float(times[1])
    part = np.log(residual[last] / tolerance) / np.log(residual[last] / max(residual[last + 1], 1e-300))
    return float(times[last] * (times[last + 1] / times[last]) ** part)

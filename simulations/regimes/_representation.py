"""One run of the representation study: how kernels change in training, or what a hidden direction is worth."""

import functools
from dataclasses import dataclass, replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from meanfield.arguments import one_of, positive_count, positive_number
from theory import arc_cosine
from theory.alignment import alignment, centred, effective_dimension
from theory.regression import ridge_path

MARKS = (0.0, 1 / 64, 1 / 16, 1 / 4, 1.0)
"""When kernels are looked at (share of the final time)."""

STRENGTHS = 10.0 ** np.arange(-7, 0.6, 0.5)
"""Ridge strengths λ; the kernel has the one that is best on the test samples, the network has none to choose."""

MANY = 400
"""Directions of a target that no few of them tell (count)."""

ROUND = 20
"""Inputs are filled up with zeros to a multiple of so many, so that one program serves several d."""

PARTS = ("kernel", "adaptivity")
TARGETS = ("direction", "many")


@dataclass(frozen=True)
class Parameters:
    """A two-layer network, its task and its training."""

    part: str = "adaptivity"
    """kernel (how the kernels of a network change while it learns sign(x₁x₂)) or adaptivity (test error on a target
    that depends on few directions, beside kernel regression).
    """
    activation: str = "relu"
    """σ, by name; relu for adaptivity."""
    initial: str = "doubled"
    """How f starts: doubled (pairs ±a) or centred (f − f_0 is trained)."""
    alpha: float = 1.0
    """α, output scale (output units)."""
    particles: int = 40
    """m, particles (even count)."""
    dimension: int = 10
    """d, inputs (count)."""
    samples: int = 128
    """n, training samples (count)."""
    time: float = 200.0
    """T, final time (mean-field time)."""
    step: float = 0.4
    """h, step of gradient descent (mean-field time)."""
    replicas: int = 2
    """Networks, each with data of its own (count)."""
    target: str = "direction"
    """Of adaptivity: direction (relu(x₁) + ½|x₁|) or many (a sum over 400 directions)."""
    data: str = "filled"
    """Of adaptivity: filled (inputs uniform on the sphere of radius √d) or manifold (on the sphere of radius √k in a
    random subspace of k dimensions, k = intrinsic).
    """
    intrinsic: int = 0
    """k, dimensions of the subspace; where it is not 0, the same task in k dimensions is learnt beside (count)."""
    decay: float = 0.01
    """λ, weight decay of adaptivity (1 / mean-field time)."""
    noise: float = 0.1
    """Noise of the training targets (share of their standard deviation)."""
    tested: int = 300
    """Test samples (count)."""
    precision: str = "float32"
    """float32 or float64."""
    seed: int = 0
    """Seed of data and initial particles (integer)."""

    def __post_init__(self):
        one_of("part", self.part, PARTS)
        one_of("activation", self.activation, mf.units.activations.ACTIVATIONS)
        one_of("initial", self.initial, ("doubled", "centred"))
        one_of("target", self.target, TARGETS)
        one_of("data", self.data, ("filled", "manifold"))
        one_of("precision", self.precision, ("float32", "float64"))
        for name in ("particles", "dimension", "samples", "replicas", "tested"):
            positive_count(name, getattr(self, name))
        for name in ("alpha", "time", "step"):
            positive_number(name, getattr(self, name))
        for name in ("decay", "noise"):
            positive_number(name, getattr(self, name), zero=True)
        if self.particles % 2:
            raise ValueError(f"particles={self.particles}: expected an even number, since units come in pairs.")
        if self.samples < 4:
            raise ValueError(f"samples={self.samples}: expected at least 4.")
        if self.time < self.step:
            raise ValueError(f"time={self.time:g}: shorter than one step; expected at least step={self.step:g}.")
        if self.dimension < 2:
            raise ValueError(f"dimension={self.dimension}: expected at least 2.")
        if self.part == "adaptivity" and self.activation != "relu":
            raise ValueError(f"activation={self.activation!r}: adaptivity compares with a ReLU kernel; expected relu.")
        if self.part == "adaptivity" and self.initial != "doubled":
            raise ValueError(f"initial={self.initial!r}: expected doubled for adaptivity.")
        least = 2 if self.data == "manifold" else 0
        if not least <= self.intrinsic <= self.dimension or self.intrinsic == 1:
            also = "" if least else "0, or "
            raise ValueError(f"intrinsic={self.intrinsic}: expected {also}2 to dimension={self.dimension}.")


def alike(run: Parameters) -> Parameters:
    """Return what runs must have in common to be trained together: all but the seed, α, and of adaptivity the task."""
    run = replace(run, seed=0, alpha=1.0, decay=0.0 if run.decay == 0 else 1.0, noise=0.0)
    if run.part == "kernel":
        return replace(run, tested=1)
    filled = -(-run.dimension // ROUND) * ROUND
    return replace(run, dimension=filled, target="direction", data="filled", intrinsic=0, replicas=1)


def batch_bytes(run: Parameters) -> int:
    """Memory of one run in a batch: networks at work, their samples, their kernels."""
    d = run.dimension + ROUND
    one = run.particles * (4 * (run.samples + run.tested) + 32 * d) + (run.samples + run.tested) * d
    return 8 * run.replicas * (2 * one + 12 * run.samples**2)


def train(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Everything the claims look at."""
    return train_together([run])[0]


def train_together(several: list[Parameters]) -> list[tuple[dict[str, np.ndarray], str]]:
    """`train` of runs that are `alike`, in one program."""
    with jax.enable_x64(several[0].precision == "float64"):
        return (kernels if several[0].part == "kernel" else adaptivity)(several)


def initial(random: np.random.Generator, run: Parameters, d: int) -> np.ndarray:
    """Units (a, w) with a = ±1 and w ~ N(0, I/d), and behind them their twins (−a, w), or as many more units."""
    doubled = run.initial == "doubled"
    theta = random.normal(size=(run.particles // (1 + doubled), 1 + d)) / np.sqrt(d)
    theta[:, 0] = np.where(theta[:, 0] < 0, -1.0, 1.0)
    return np.concatenate([theta, theta * np.where(np.arange(1 + d) < 1, -1.0, 1.0)]) if doubled else theta


# --- Kernels in training


@eqx.filter_jit
def _kernels(unit: mf.Neuron, positions, x):
    """Both parts of the tangent kernel in time, [T, 2, n, n]: output weights, whose kernel is that of the features, and
    input weights.
    """

    def of_one(position):
        mu = mf.Particles(position)
        return jnp.stack([mf.tangent_kernel(unit, mu, x, layers=layers) for layers in ("output", "input")])

    return jax.lax.map(of_one, positions)


def kernels(several: list[Parameters]) -> list[tuple[dict[str, np.ndarray], str]]:
    """Change, alignment with the targets and effective dimension of kernels, in time, mean over replicas."""
    run, objectives, mus, targets = several[0], [], [], []
    unit = mf.Neuron(run.activation)
    for one in several:
        for replica in range(run.replicas):
            # Not α: networks that differ in it alone start alike.
            random = np.random.default_rng([one.seed, 1, replica, run.particles, run.samples, run.dimension])
            x = random.normal(size=(run.samples, run.dimension))
            x[:2, 1] = np.abs(x[:2, 1]) * np.sign(x[:2, 0]) * [1, -1]  # both signs, however few samples
            y = np.sign(x[:, 0] * x[:, 1])
            x, theta = (part.astype(run.precision) for part in (x, initial(random, run, run.dimension)))
            objectives.append(
                mf.Objective(
                    unit, mf.Square(), x, y.astype(run.precision), scale=one.alpha, centred=run.initial == "centred"
                )
            )
            mus.append(mf.Particles(theta))
            targets.append(y)
    trained = mf.simulate_replicas(
        objectives,
        mf.GradientFlow(run.step),
        mus,
        times=np.unique(run.time * np.array(MARKS)),
        observables=[mf.Risk(), mf.Positions()],
    )
    found = []
    for first in range(0, len(trained), run.replicas):
        mine = trained[first : first + run.replicas]
        status = next((one.status for one in mine if not one.done), "done")
        rows = zip(mine, targets[first : first + run.replicas], strict=True)
        found.append((_of_kernels(unit, list(rows)) if status == "done" else {}, status))
        found[-1][0]["times"] = mine[0].times
    return found


def _of_kernels(unit: mf.Neuron, rows: list) -> dict[str, np.ndarray]:
    """Values [T]: risk; of tangent and feature kernel change (root mean square), alignment, dimension, and the root
    mean square changes of both; the largest change of alignment over its bound.
    """
    values: dict[str, list] = {"risk": [one.values["risk"] for one, _ in rows]}
    seen = [np.asarray(_kernels(unit, one.values["positions"], one.objective.x), float) for one, _ in rows]
    for name, total in (("tangent", True), ("features", False)):
        drift, aligned, wide, bound = [], [], [], []
        for parts, (_, y) in zip(seen, rows, strict=True):
            kernel = parts.sum(axis=1) if total else parts[:, 0]
            drift.append(np.linalg.norm(kernel - kernel[0], axis=(1, 2)) / np.linalg.norm(kernel[0]))
            aligned.append([alignment(matrix, y) for matrix in kernel])
            wide.append([effective_dimension(matrix) for matrix in kernel])
            apart = [np.linalg.norm(centred(matrix - kernel[0])) for matrix in kernel]
            bound.append(2 * np.array(apart) / np.linalg.norm(centred(kernel[0])))
        values |= {f"{name}_drift": drift, f"{name}_alignment": aligned, f"{name}_dimension": wide}
        values[f"{name}_bound"] = bound
    table = {name: np.array(value, float) for name, value in values.items()}
    means = {name: value.mean(axis=0) for name, value in table.items() if not name.endswith(("drift", "bound"))}
    for name in ("tangent", "features"):
        changed, spread = (
            table[f"{name}_{what}"] - table[f"{name}_{what}"][:, :1] for what in ("alignment", "dimension")
        )
        means[f"{name}_drift"] = np.sqrt(np.mean(table[f"{name}_drift"] ** 2, axis=0))
        means[f"{name}_realigned"] = np.sqrt(np.mean(changed**2, axis=0))
        means[f"{name}_respread"] = np.sqrt(np.mean(spread**2, axis=0))
        means[f"{name}_over_bound"] = np.array(np.max(np.abs(changed[:, 1:]) / table[f"{name}_bound"][:, 1:]))
    return means


# --- Adaptivity


@dataclass(frozen=True)
class Task:
    """Samples of a target, and the network's start."""

    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray
    clean: np.ndarray
    """Test targets without noise [n_test]."""
    theta: np.ndarray
    direction: np.ndarray
    """The hidden direction [d]."""

    @functools.cached_property
    def kernel(self) -> np.ndarray:
        """Tangent kernel [n, n] of inputs scaled to unit length."""
        return arc_cosine.tangent_kernel(self.x / np.linalg.norm(self.x[0]))

    @functools.cached_property
    def regression(self) -> np.ndarray:
        """Test predictions of regression with this kernel for every strength [S, n_test]."""
        x, z = (part / np.linalg.norm(self.x[0]) for part in (self.x, self.x_test))
        return ridge_path(self.kernel, arc_cosine.tangent_kernel(z, x), self.y, STRENGTHS).predictions


def tasks(run: Parameters, replica: int) -> list[Task]:
    """The task of a run, and the one in `intrinsic` dimensions if that is asked for."""
    reference = [task(run, run.intrinsic, replica)] if run.intrinsic else []
    if run.data == "filled":
        return [task(run, run.dimension, replica), *reference]
    inside = reference[0]
    random = np.random.default_rng([run.seed, 3, replica, run.dimension, run.intrinsic])
    frame = np.linalg.qr(random.normal(size=(run.dimension, run.intrinsic)))[0]
    # Input weights N(0, I/k) in all d dimensions: those along the subspace are drawn as if there were no others.
    theta = initial(random, run, run.dimension)
    theta[:, 1:] *= np.sqrt(run.dimension / run.intrinsic)
    return [
        Task(inside.x @ frame.T, inside.y, inside.x_test @ frame.T, inside.clean, theta, frame[:, 0]),
        inside,
    ]


def task(run: Parameters, d: int, replica: int) -> Task:
    """Inputs that fill the sphere of radius √d, and a target on them."""
    # Runs that differ in these alone share it, as the reference of several manifolds is one.
    shared = {"dimension": d, "data": "filled", "intrinsic": 0, "replicas": 1}
    return _task(replace(run, alpha=1.0, time=1.0, step=1.0, decay=0.0, **shared), replica)


@functools.lru_cache(maxsize=64)
def _task(run: Parameters, replica: int) -> Task:
    d = run.dimension
    random = np.random.default_rng([run.seed, 2, replica, d, run.samples, TARGETS.index(run.target)])
    x = random.normal(size=(run.samples + run.tested, d))
    x *= np.sqrt(d) / np.linalg.norm(x, axis=1, keepdims=True)
    if run.target == "direction":
        clean = np.maximum(x[:, 0], 0) + np.abs(x[:, 0]) / 2
    else:
        w = random.normal(size=(MANY, d)) / np.sqrt(d)
        clean = np.maximum(x @ w.T, 0) @ random.choice([-1.0, 1.0], MANY)
        clean /= np.std(clean)
    n = run.samples
    y = clean[:n] + run.noise * np.std(clean) * random.normal(size=n)
    return Task(x[:n], y, x[n:], clean[n:], initial(random, run, d), np.eye(d)[0])


def adaptivity(several: list[Parameters]) -> list[tuple[dict[str, np.ndarray], str]]:
    """Test errors of networks and of kernel regression, over the variance of the target; mean over replicas."""
    made = [[tasks(run, replica) for replica in range(run.replicas)] for run in several]
    flat = [(run, one) for run, rows in zip(several, made, strict=True) for row in rows for one in row]
    width = -(-max(run.dimension for run in several) // ROUND) * ROUND
    unit, fill = mf.Neuron("relu"), functools.partial(_filled, width=width, dtype=several[0].precision)
    trained = mf.simulate_replicas(
        [
            mf.Objective(
                unit,
                mf.Square(),
                fill(one.x),
                one.y.astype(run.precision),
                scale=run.alpha,
                penalty=mf.WeightDecay(run.decay),
            )
            for run, one in flat
        ],
        mf.GradientFlow(several[0].step),
        [mf.Particles(fill(one.theta, extra=1)) for _, one in flat],
        times=np.unique(several[0].time * np.array(MARKS)),
        observables=[[mf.TestRisk(fill(one.x_test), one.clean.astype(run.precision))] for run, one in flat],
    )
    results, found = iter(trained), []
    for rows in made:
        values, status = [], "done"
        for row in rows:
            runs = [next(results) for _ in row]
            status = next((one.status for one in runs if not one.done), status)
            if status == "done":
                values.append(_of_tasks(row, runs))
        means = {name: np.mean([one[name] for one in values], axis=0) for name in values[0]} if values else {}
        found.append((means if status == "done" else {}, status))
    return found


def _filled(part: np.ndarray, width: int, dtype: str, extra: int = 0) -> np.ndarray:
    return np.pad(part, ((0, 0), (0, width + extra - part.shape[1]))).astype(dtype)


def _of_tasks(row: list[Task], runs: list[mf.Trajectory]) -> dict[str, np.ndarray]:
    """Errors of the network in time and of the kernel, of the task and of its reference; where units point."""
    values = {}
    for name, one, trained in zip(("", "reference_"), row, runs, strict=False):
        variance = np.var(one.clean)
        values[f"{name}net_error"] = 2 * np.asarray(trained.values["test_risk"], float) / variance
        values[f"{name}kernel_error"] = np.mean((one.regression - one.clean) ** 2, axis=1).min() / variance
    theta = np.asarray(runs[0].particles.position, float)[:, : 1 + row[0].x.shape[1]]
    values["times"] = runs[0].times
    values["along"] = np.array([_along(part, row[0].direction) for part in (row[0].theta, theta)])
    if len(row) > 1:
        ours, theirs = (one.regression[0] for one in row)
        # Rounding of the kernel, times the condition of what is solved.
        condition = 1 + np.linalg.eigvalsh(row[1].kernel)[-1] / (len(row[1].y) * STRENGTHS[0])
        allowed = np.finfo(float).eps * len(row[1].kernel) * condition * np.abs(theirs).max()
        values["kernel_difference"] = np.max(np.abs(ours - theirs)) / allowed
    return {name: np.asarray(value) for name, value in values.items()}


def _along(theta: np.ndarray, direction: np.ndarray) -> float:
    """Share of ∫ |a||w| dμ's second moment along a direction: the mean of cos²(w, direction), weighted by |a||w|."""
    length = np.linalg.norm(theta[:, 1:], axis=1)
    weight = np.abs(theta[:, 0]) * length
    cosine = (theta[:, 1:] @ direction) / np.maximum(length, np.finfo(float).tiny)
    return float(np.sum(weight * cosine**2) / np.maximum(np.sum(weight), np.finfo(float).tiny))

"""One run of the study of random labels: labels in the eigenvectors of a kernel, networks that learn them from the
input layer on, and networks of few units that may or may not tell them apart.
"""

import functools
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import optax

import meanfield as mf
from meanfield.arguments import one_of, positive_count, positive_number
from simulations.generalisation.digits import PIXELS, check_digits, corrupted, replaced, two_digits
from theory import arc_cosine, kernel_flow, memorisation

LEVEL = 0.1
"""Mean squared residual at which labels count as memorised (output units²)."""

TOP = 0.1
"""Part of the eigenvectors, those of the largest eigenvalues, that counts as few (share)."""

TILES = {"train": 512, "capacity": 64}
"""Units are filled up, by units without mass, to a multiple of so many: then most networks share a program (count)."""


TRIED = 50
"""Test samples around which a change of class is searched for, at most (count)."""


@dataclass(frozen=True)
class Parameters:
    """Two digits, labels of which a growing share is random, and what learns them."""

    part: str = "train"
    """labels (in the eigenvectors of the kernel of the input layer, no network), train (descent on the input layer, at
    α = √m, of labels of every level) or capacity (both layers on random labels, until all are right or not).
    """
    first: int = 3
    """The digit labelled +1 (digit)."""
    second: int = 8
    """The digit labelled −1 (digit)."""
    samples: int = 64
    """n, training samples (count)."""
    tested: int = 100
    """Test samples, whose labels are the true ones (count)."""
    components: int = 0
    """Principal components of the images that are kept; 0 for all pixels (count)."""
    levels: int = 3
    """Shares of random labels, evenly from 0 to 1 (count)."""
    draws: int = 32
    """Draws of labels, for labels (count)."""
    particles: int = 1024
    """m, particles (count)."""
    replicas: int = 2
    """Independent networks a level, each with labels of its own (count)."""
    steps: int = 150
    """Steps of descent; for capacity updates of Adam (count)."""
    share: float = 0.5
    """Step of descent as a share of n / λ_max, the step that learns the first direction at once (share)."""
    rate: float = 0.1
    """Step of Adam, for capacity (parameter units)."""
    radius: float = 0.04
    """r, largest change of a pixel that may make a test sample critical (input units; an image has length 1)."""
    seed: int = 0
    """Seed of split, labels and initial particles (integer)."""

    def __post_init__(self):
        one_of("part", self.part, ("labels", "train", "capacity"))
        for name in ("samples", "tested", "draws", "particles", "replicas", "steps"):
            positive_count(name, getattr(self, name))
        for name in ("share", "rate", "radius"):
            positive_number(name, getattr(self, name))
        check_digits(self.first, self.second, self.samples, self.tested)
        if not 0 <= self.components <= min(PIXELS, self.samples - 1):
            raise ValueError(
                f"components={self.components}: expected 0 to {min(PIXELS, self.samples - 1)}, fewer than samples."
            )
        if self.levels < 2:
            raise ValueError(f"levels={self.levels}: expected at least 2, true and random labels.")
        if self.share >= 2:
            raise ValueError(f"share={self.share:g}: descent diverges from 2 on; expected less.")
        if self.part == "train" and self.particles % 2:
            raise ValueError(f"particles={self.particles}: expected an even number, since doubled units come in pairs.")


def run(parameters: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Everything the claims look at."""
    return {"labels": labels, "train": train, "capacity": capacity}[parameters.part](parameters)


def predict(parameters: Parameters) -> dict[str, np.ndarray]:
    """Return the predictions of theory for a run."""
    if parameters.part == "capacity":
        bound = memorisation.memorisation_bound(parameters.samples, _inputs(parameters), parameters.particles)
        return {"bound": np.asarray(bound)}
    return labels_exact(parameters) if parameters.part == "labels" else train_exact(parameters)


def _inputs(run: Parameters) -> int:
    return run.components or PIXELS


def _split(*words: int) -> np.random.Generator:
    """The numbers that a split is drawn from."""
    return np.random.default_rng(words)


def _data(run: Parameters):
    return two_digits(
        run.first, run.second, run.samples, run.tested, _split(run.seed, run.first, run.second), run.components
    )


def _random(run: Parameters, purpose: int) -> np.random.Generator:
    return np.random.default_rng([run.seed, purpose, run.samples, run.particles, run.components])


@functools.lru_cache(maxsize=64)
def _spectrum(first: int, second: int, samples: int, tested: int, seed: int, components: int):
    """(kernel of the input layer, that of the test samples, eigenvalues, eigenvectors), the largest first."""
    x, _, x_test, _ = two_digits(first, second, samples, tested, _split(seed, first, second), components)
    kernel = arc_cosine.tangent_kernel(x, layers="input")
    values, vectors = np.linalg.eigh(kernel)
    return kernel, arc_cosine.tangent_kernel(x_test, x, layers="input"), values[::-1], vectors[:, ::-1]


def _kernel(run: Parameters):
    return _spectrum(run.first, run.second, run.samples, run.tested, run.seed, run.components)


def _filled(run: Parameters, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions and masses of the units, [replicas, units, …] and [units], with those without mass behind them."""
    fill = -run.particles % TILES[run.part]
    mass = np.append(np.full(run.particles, 1 / run.particles, "float32"), np.zeros(fill, "float32"))
    return np.pad(theta, [(0, 0), (0, fill), (0, 0)]), mass


# --- Labels


def labels(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Complexity, test error of kernel descent to the end, and power in few directions, of every level and draw."""
    _, y, _, y_test = _data(run)
    kernel, cross, _, vectors = _kernel(run)
    counts, rng = replaced(run.samples, run.levels), _random(run, 1)
    drawn = np.stack([corrupted(y, counts, rng) for _ in range(run.draws)])
    noise = rng.choice([-1.0, 1.0], drawn.shape)
    values: dict[str, np.ndarray] = {"shares": counts / run.samples}
    fit = np.linalg.solve(kernel, cross.T)
    few = vectors[:, : max(1, round(TOP * run.samples))]
    for name, of in (("", drawn), ("noise_", noise)):
        values[f"{name}complexity"] = memorisation.label_complexity(kernel, of.reshape(-1, run.samples)).reshape(  # type: ignore
            run.draws, run.levels
        )
        values[f"{name}error"] = np.mean((of @ fit > 0) != (y_test > 0), axis=2)
        values[f"{name}power"] = np.sum((of @ few) ** 2, axis=2)
    return values | labels_exact(run), "done"


def labels_exact(run: Parameters) -> dict[str, np.ndarray]:
    """Return the exact root mean square complexity of the labels, and their mean power in few directions."""
    _, y, _, _ = _data(run)
    kernel, _, _, vectors = _kernel(run)
    counts = replaced(run.samples, run.levels)
    few = vectors[:, : max(1, round(TOP * run.samples))]
    return {
        "exact_complexity": memorisation.corrupted_complexity(kernel, y, counts),
        "exact_power": memorisation.corrupted_form(few @ few.T, y, counts),
    }


# --- Training


def train(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Networks of every level of random labels, [levels, replicas, …]: predictions, sensitivity, critical samples.

    Replica r of every level starts from the same particles; each replica has labels of its own.
    """
    x, _, x_test, y_test = _data(run)
    exact = train_exact(run)
    step, marks, targets = float(exact["step"]), exact["steps"], exact["labels"]
    theta = _random(run, 2).normal(size=(run.replicas, run.particles // 2, 1 + x.shape[1])).astype("float32")
    theta[:, :, 0] = np.where(theta[:, :, 0] < 0, -1, 1)
    twins = theta * np.where(np.arange(theta.shape[2]) < 1, -1, 1).astype("float32")
    position, mass = _filled(run, np.concatenate([theta, twins], axis=1))
    mus = [mf.Particles(one, mass) for one in position]
    unit, alpha = mf.Neuron("relu"), float(run.particles) ** 0.5
    x, x_test, targets = (part.astype("float32") for part in (x, x_test, targets))
    with jax.enable_x64(False):
        objectives = [mf.Objective(unit, mf.Square(), x, y, scale=alpha) for y in targets.reshape(-1, run.samples)]
        trained = mf.simulate_replicas(
            objectives,
            mf.InputFlow(step),
            mus * run.levels,
            times=step * marks,
            observables={
                "f": mf.Predictions(),
                "f_test": mf.Predictions(jnp.asarray(x_test)),
                "sensitivity": mf.observables.loss_sensitivity,
            },
        )
        status = next((one.status for one in trained if not one.done), "done")
        if status != "done":
            return exact, status
        critical = [
            np.mean(mf.observables.critical_samples(objectives[0], one.particles, x_test[:TRIED], run.radius, steps=4))
            for one in trained
        ]
    shape = (run.levels, run.replicas)
    values = {name: np.stack([one.values[name] for one in trained]) for name in ("f", "f_test", "sensitivity")}
    values = {name: of.reshape(*shape, *of.shape[1:]) for name, of in values.items()}
    values["error"] = np.mean((values.pop("f_test") > 0) != (y_test > 0), axis=3)
    # What training has to work on: the sum over its steps, each look standing for those since the last.
    values["sensitivity"] = np.einsum("lrtn,t->lrn", values["sensitivity"], np.diff(marks, prepend=0))
    return values | {"critical": np.array(critical).reshape(shape)} | exact, status


def train_exact(run: Parameters) -> dict[str, np.ndarray]:
    """Return the predictions of theory for m → ∞: descent with the kernel of the input layer."""
    _, y, _, y_test = _data(run)
    kernel, cross, eigenvalues, _ = _kernel(run)
    counts, rng = replaced(run.samples, run.levels), _random(run, 3)
    targets = np.stack([corrupted(y, counts, rng) for _ in range(run.replicas)], axis=1)
    step = run.share * run.samples / float(eigenvalues[0])
    marks = np.unique(np.rint(np.append(0, np.geomspace(1, run.steps, 16)))).astype(int)
    columns = targets.reshape(-1, run.samples).T
    f = kernel_flow.train_discrete(kernel, columns, step, marks)
    f_test = kernel_flow.test_discrete(kernel, cross, columns, step, marks)
    shape = (*targets.shape[:2], len(marks))
    return {
        "step": np.asarray(step),
        "steps": marks,
        "labels": targets,
        "truth": y,
        "limit_f": np.moveaxis(f, 2, 0).reshape(*shape, run.samples),
        "limit_error": np.mean((f_test > 0) != (y_test > 0)[:, None], axis=1).T.reshape(shape),
    }


# --- Capacity


def capacity(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Train both layers of m units, and return which networks put all of their random labels right, [replicas]."""
    x = _data(run)[0].astype("float32")
    rng = _random(run, 4)
    targets = rng.choice([-1.0, 1.0], (run.replicas, run.samples)).astype("float32")
    theta, mass = _filled(run, rng.normal(size=(run.replicas, run.particles, 1 + x.shape[1])).astype("float32"))
    unit = mf.Neuron("relu")
    with jax.enable_x64(False):
        trained = mf.simulate_replicas(
            [mf.Objective(unit, mf.Logistic(), x, y, scale=float(run.particles)) for y in targets],
            mf.OptimiserFlow(_adam(run.rate)),
            [mf.Particles(one, mass) for one in theta],
            times=[0.0, float(run.steps)],
            observables=[mf.Predictions()],
        )
    status = next((one.status for one in trained if not one.done), "done")
    right = [one.values["predictions"][-1] * y > 0 for one, y in zip(trained, targets, strict=True)]
    return {"right": np.mean(right, axis=1), "memorised": np.all(right, axis=1)} | predict(run), status


@functools.cache
def _adam(rate: float) -> optax.GradientTransformation:
    """Return Adam, as one object for all runs of a rate, so that they share a program."""
    return optax.adam(rate)

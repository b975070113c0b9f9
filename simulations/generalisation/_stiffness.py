"""One run of the stiffness study: cosines of gradients to the last digit, or through training on digits."""

from dataclasses import dataclass

import jax
import numpy as np

import meanfield as mf
from meanfield.arguments import one_of, positive_count, positive_number
from theory import stiffness
from theory.neurons import Network

GROUPS = ("within", "between", "near", "far", "close", "apart", "mixed_within", "mixed_between")
"""Pairs of images: of one class or of two; of one class, the nearest quarter and the farthest; of two classes, the
same; of one class or of two, where classes are dealt out at random.
"""

BINS = np.linspace(0, np.sqrt(2), 13)
"""Edges of distance for the figure."""

LOOKS = 18
"""Times at which training is looked at (count)."""


SHARES = (1.0, 0.5, 0.125)
"""Steps of the part training, in shares of the largest."""


@dataclass(frozen=True)
class Parameters:
    """A network that learns digits, and the samples whose gradients are compared."""

    part: str = "training"
    """What is looked at: identity (cosines from gradients and from the kernel, along a short training) or training
    (mean cosines of pairs of test images, through training with three steps).
    """
    activation: str = "relu"
    """Activation: relu or tanh."""
    loss: str = "square"
    """Loss: square or logistic."""
    outputs: int = 10
    """Outputs: 10 (classes) or 1 (even against odd) (count)."""
    particles: int = 64
    """m, particles (count)."""
    samples: int = 256
    """n, training samples (count); in the part identity those compared as well."""
    tested: int = 60
    """Test images whose gradients are compared (count)."""
    step: float = 8.0
    """h, step of descent (mean-field time); in the part training the largest of three, the others h/2 and h/8."""
    time: float = 300.0
    """Time at the end (mean-field time)."""
    replicas: int = 3
    """Training and test samples, and starts, of one run (count)."""
    seed: int = 0
    """Seed of samples and starts (integer)."""

    def __post_init__(self):
        one_of("part", self.part, ("identity", "training"))
        one_of("activation", self.activation, ("relu", "tanh"))
        one_of("loss", self.loss, ("square", "logistic"))
        for name in ("particles", "samples", "tested", "replicas"):
            positive_count(name, getattr(self, name))
        for name in ("step", "time"):
            positive_number(name, getattr(self, name))
        if self.outputs not in (1, 10):
            raise ValueError(f"outputs={self.outputs}: expected 10 (classes) or 1 (even against odd).")
        if self.part == "training" and self.outputs != 10:
            raise ValueError(f"outputs={self.outputs}: expected 10 for part='training', which compares classes.")
        if self.part == "training" and not 50 <= self.tested <= 797:
            raise ValueError(f"tested={self.tested}: expected 50 to 797 images, several of each class.")
        if self.samples > 1000:
            raise ValueError(f"samples={self.samples}: expected at most 1000, the digits kept for training.")
        if self.time < self.step:
            raise ValueError(f"time={self.time:g}: expected at least one step of {self.step:g}.")

    def entropy(self, replica: int) -> int:
        """A number of each replica of each seed, for everything that is random in it."""
        words = (abs(self.seed), self.seed < 0, replica, self.part == "training")
        return int(np.random.SeedSequence(words).generate_state(1)[0])

    def start(self, replica: int) -> np.ndarray:
        """Normal particles [m, k + 64]."""
        random = np.random.default_rng(self.entropy(replica))
        return random.normal(size=(self.particles, self.outputs + 64))


def digits(run: Parameters, replica: int, dtype) -> mf.datasets.Dataset:
    """Return the replica's own split of the digits."""
    task = "classes" if run.outputs == 10 else "parity"
    return mf.datasets.digits(task=task, n=run.samples, n_test=797, split=run.entropy(replica), dtype=dtype)


def objective(run: Parameters, data: mf.datasets.Dataset) -> mf.Objective:
    """Dense, so that one program serves all samples; weight decay in the part identity, for the control."""
    loss = mf.Square() if run.loss == "square" else mf.Logistic()
    decay = mf.WeightDecay(0.01) if run.part == "identity" else None
    unit = mf.Neuron(run.activation, outputs=run.outputs)
    return mf.Objective(unit, loss, data.x, data.y, penalty=decay, kernel=mf.integrals.Dense())


def compare(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Return what the claims and the figure look at, with the status."""
    if run.part == "identity":
        with jax.enable_x64(True):
            return _identity(run)
    return _training(run)


def decayed(objective: mf.Objective, mu: mf.Particles) -> jax.Array:
    """Stiffness with the penalty in every gradient."""
    return mf.observables.stiffness(objective, mu, penalty=True)


def _identity(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Cosines [replicas, times, n, n] from gradients, from the kernel, and of a wrong kind, and rounding."""
    found: dict[str, list] = {"gradient": [], "kernel": [], "unsigned": [], "decayed": [], "rounding": []}
    watched = {"gradient": mf.observables.stiffness, "decayed": decayed, "position": mf.Positions()}
    steps = np.unique(np.rint(np.array([0, 0.1, 1]) * run.time / run.step))
    for replica in range(run.replicas):
        data = digits(run, replica, np.float64)
        descended = objective(run, data)
        mu, flow = mf.Particles(run.start(replica)), mf.GradientFlow(run.step)
        one = mf.simulate(descended, flow, mu, times=steps * run.step, observables=watched)
        if not one.done:
            return {"steps": steps}, one.status
        targets = np.asarray(data.y).reshape(run.samples, run.outputs)
        known = [_known(run, theta, np.asarray(data.x), targets) for theta in one.values["position"]]
        for name in ("gradient", "decayed"):
            found[name].append(one.values[name])
        for name in ("kernel", "unsigned", "rounding"):
            found[name].append(np.stack([part[name] for part in known]))
    return {"steps": steps} | {name: np.stack(value) for name, value in found.items()}, "done"


def _known(run: Parameters, theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """Return the cosines that theory predicts at these particles, and how far rounding may change them."""
    network = Network(theta, run.activation, run.outputs)
    kernel, r = network.tangent_kernel(x), stiffness.residual(run.loss, network.predict(x), y)
    return {
        "kernel": stiffness.cosines(kernel, r),
        "unsigned": stiffness.cosines(kernel, r, signed=False),
        "rounding": stiffness.rounding(network, x, y, run.loss),
    }


def _training(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Risk [replicas, steps, times], mean cosines of each group, of each pair of classes and along the distance."""
    numbers = np.unique(np.rint(np.geomspace(1, run.time / run.step, LOOKS)))
    times, sizes = np.concatenate([[0], numbers]) * run.step, [share * run.step for share in SHARES]
    replicas = range(run.replicas)
    sets = [digits(run, replica, np.float32) for replica in replicas]
    objectives = [objective(run, data) for data in sets]
    mus = [mf.Particles(run.start(replica).astype(np.float32)) for replica in replicas]
    watched = [
        {
            "risk": mf.Risk(),
            "cosines": jax.tree_util.Partial(
                mf.observables.stiffness, x=data.x_test[: run.tested], y=data.y_test[: run.tested]
            ),
        }
        for data in sets
    ]
    runs = mf.simulate_replicas(
        objectives * len(sizes),
        [mf.GradientFlow(size) for size in sizes for _ in replicas],
        mus * len(sizes),
        times=times,
        observables=watched * len(sizes),
    )
    status = sorted({one.status for one in runs})
    if status != ["done"]:
        return {"times": times}, "; ".join(status)
    shared = [_pairs(run, replica, data) for replica, data in zip(replicas, sets, strict=True)]
    seen = [_means(one.values["cosines"], pairs) for one, pairs in zip(runs, shared * len(sizes), strict=True)]
    values = {name: np.stack([part[name] for part in seen]) for name in seen[0]}
    values["risk"] = np.stack([one.values["risk"] for one in runs])
    shape = (len(sizes), run.replicas)
    folded = {name: value.reshape(*shape, *value.shape[1:]).swapaxes(0, 1) for name, value in values.items()}
    return {"times": times, "sizes": np.array(sizes)} | folded, "done"


def _pairs(
    run: Parameters, replica: int, data: mf.datasets.Dataset
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """(which of all pairs i < k are in each group, classes, distances)."""
    x, label = np.asarray(data.x_test[: run.tested], float), np.argmax(data.y_test[: run.tested], axis=1)
    i, k = np.triu_indices(run.tested, 1)
    distance = np.sqrt(np.maximum(2 - 2 * np.sum(x[i] * x[k], axis=1), 0))
    mixed = np.random.default_rng((run.entropy(replica), 1)).permutation(label)
    within, chance = label[i] == label[k], mixed[i] == mixed[k]
    low, high = (np.quantile(distance[within], share) for share in (0.25, 0.75))
    near, wide = (np.quantile(distance[~within], share) for share in (0.25, 0.75))
    groups = {
        "within": within,
        "between": ~within,
        "near": within & (distance <= low),
        "far": within & (distance >= high),
        "close": ~within & (distance <= near),
        "apart": ~within & (distance >= wide),
        "mixed_within": chance,
        "mixed_between": ~chance,
    }
    return groups, label, distance


def _means(cosines: np.ndarray, pairs) -> dict[str, np.ndarray]:
    """Means of the cosines [times, tested, tested] over groups, pairs of classes and bins of distance."""
    groups, label, distance = pairs
    i, k = np.triu_indices(len(label), 1)
    flat, within = cosines[:, i, k], groups["within"]
    bins = [_binned(flat[:, part], distance[part]) for part in (within, ~within)]
    one = np.eye(10)[label]
    number = one.sum(axis=0)
    counts = np.outer(number, number) - np.diag(number)
    sums = np.einsum("tik,ia,kb->tab", cosines - np.eye(len(label)) * cosines, one, one, optimize=True)
    classes = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
    by_group = np.stack([flat[:, groups[name]].mean(axis=1) for name in GROUPS], axis=1)
    return {"groups": by_group, "classes": classes, "along": np.stack(bins, axis=1)}


def _binned(values: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Means of the rows of `values` in every bin of distance; NaN where a bin is empty."""
    inside = np.eye(len(BINS) - 1)[np.clip(np.digitize(distance, BINS) - 1, 0, len(BINS) - 2)]
    counts = inside.sum(axis=0)
    return np.divide(values @ inside, counts, out=np.full((len(values), len(counts)), np.nan), where=counts > 0)


def predict(run: Parameters) -> dict[str, np.ndarray]:
    """Return the predictions of theory before the run: cosines at the start, from the kernel [replicas, n, n]."""
    if run.part == "training":
        return {}
    with jax.enable_x64(True):
        sets = [digits(run, replica, np.float64) for replica in range(run.replicas)]
    starts = [run.start(replica) for replica in range(run.replicas)]
    known = [
        _known(run, theta, np.asarray(data.x), np.asarray(data.y).reshape(run.samples, run.outputs))
        for theta, data in zip(starts, sets, strict=True)
    ]
    return {name: np.stack([part[name] for part in known]) for name in ("kernel", "rounding")}

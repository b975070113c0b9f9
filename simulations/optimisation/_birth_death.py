"""One run of the birth–death study: particles on sites, one step from a random network, or training of one."""

import functools
from dataclasses import dataclass

import jax
import numpy as np

import meanfield as mf
from meanfield.arguments import one_of, positive_count, positive_number
from theory import birth_death, convex

SITES = 8
"""Sites of the part `sites` (count): all particles of one site are alike."""

EARLY = (1.0, 2.0, 4.0)
"""When training is looked at first (mean-field time)."""

SHARES = (0.1, 0.3, 1.0)
"""When it is looked at later, in shares of its time."""

PLACES = 32
"""Particles of the prior come in multiples of this, and those beyond their number have no weight: one program for all,
clones included.
"""

PART = {"sites": 0, "step": 1, "network": 2}


@dataclass(frozen=True)
class Parameters:
    """A ReLU network with weight decay in the plane, whose particles die and are cloned."""

    part: str = "network"
    """What is looked at: sites (masses on fixed sites), step (one step of a random network) or network (training)."""
    start: str = "both"
    """Output weights at the start: both signs, or positive (a = 2|w|), which neither transport nor clones can undo."""
    particles: int = 64
    """m, particles (count); a multiple of 8 on sites."""
    samples: int = 12
    """n, training samples (count)."""
    strength: float = 0.01
    """λ of the weight decay (λ/2)|θ|² (loss units)."""
    rate: float = 3.0
    """τ, births and deaths per unit of F' and of time (rate)."""
    reinjected: int = 0
    """Particles of the prior in which the dead are born again (count); 0: they are replaced by clones."""
    step: float = 0.1
    """h, step of the flow (mean-field time)."""
    time: float = 40.0
    """Time at the end of training, or on sites (mean-field time)."""
    replicas: int = 8
    """Runs (count): of training, each on data and from a start of its own; else all alike but for births and deaths."""
    seed: int = 0
    """Seed of samples, teacher, starts, births and deaths (integer)."""

    def __post_init__(self):
        one_of("part", self.part, PART)
        one_of("start", self.start, ("both", "positive"))
        for name in ("particles", "samples", "replicas"):
            positive_count(name, getattr(self, name))
        for name in ("strength", "step", "time"):
            positive_number(name, getattr(self, name))
        positive_number("rate", self.rate, zero=True)
        if self.reinjected < 0:
            raise ValueError(f"reinjected={self.reinjected}: expected a whole number of at least 0.")
        if self.reinjected and self.part != "network":
            raise ValueError(f"reinjected={self.reinjected}: expected 0 for part={self.part!r}.")
        if self.part == "sites" and self.particles % SITES:
            raise ValueError(f"particles={self.particles}: expected a multiple of {SITES} on sites.")
        if self.time < self.step:
            raise ValueError(f"time={self.time:g}: expected at least one step of {self.step:g}.")

    @property
    def steps(self) -> np.ndarray:
        """The numbers of the steps after which a run is looked at."""
        if self.part == "step":
            return np.array([0, 1])
        times = [self.time] if self.part == "sites" else [*EARLY, *(share * self.time for share in SHARES)]
        numbers = np.rint(np.minimum(times, self.time) / self.step).astype(int)
        return np.unique([0, *np.maximum(numbers, 1)])

    def generator(self, *stream: int) -> np.random.Generator:
        """Random numbers of one purpose, from the seed and the part."""
        return np.random.default_rng((abs(self.seed), self.seed < 0, PART[self.part], *stream))

    def keys(self) -> list[jax.Array]:
        """A key of births and deaths for each replica."""
        return [jax.random.key(int(seed)) for seed in self.generator(1).integers(2**31, size=self.replicas)]


def data(run: Parameters, replica: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Normal inputs [n, 2], and targets of a teacher of signs + − + whose weights point three ways."""
    random = run.generator(0, replica)
    x = random.normal(size=(run.samples, 2))
    angle = random.uniform(0, 2 * np.pi) + 2 * np.pi / 3 * np.arange(3)
    return x, np.maximum(x @ [np.cos(angle), np.sin(angle)], 0) @ np.array([1.0, -1.0, 1.0])


def start(run: Parameters, replica: int = 0) -> np.ndarray:
    """Particles [m, 3], of replica r where the replicas differ."""
    random = run.generator(2, replica)
    if run.part == "sites":
        return np.repeat(random.normal(size=(SITES, 3)), run.particles // SITES, axis=0)
    theta = random.normal(size=(run.particles, 3)) / (2 if run.part == "network" else 1)
    if run.part == "network" and run.start == "positive":
        theta[:, 0] = 2 * np.linalg.norm(theta[:, 1:], axis=1)
    return theta


def prior(run: Parameters) -> mf.Particles:
    """Small neurons of both signs, evenly about the circle."""
    count = max(run.reinjected, 1)
    angle = 2 * np.pi * (np.arange(-(-count // PLACES) * PLACES) + 0.5) / count
    sign = np.where(np.arange(len(angle)) % 2 == 0, 1.0, -1.0)
    weight = np.where(np.arange(len(angle)) < run.reinjected, 1.0, 0.0)
    return mf.Particles(0.3 * np.column_stack([sign, np.cos(angle), np.sin(angle)]), weight)


def train(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Particles of all replicas, reduced to what the claims and the figure need."""
    times, known = run.steps * run.step, exact(run)
    values = {"times": times} | {f"exact_{name}": value for name, value in known.items()}
    with jax.enable_x64(True):
        if run.part == "network":
            found, runs = _trained(run, times)
        else:
            flow = mf.BirthDeath(run.step, rate=run.rate, transport=0.0 if run.part == "sites" else 1.0)
            mu, keys = mf.Particles(start(run)), run.keys()
            watched = [mf.Positions()]
            runs = mf.simulate_replicas(objective(run), flow, mu, times=times, keys=keys, observables=watched)
            after = np.stack([np.asarray(one.values["positions"])[-1] for one in runs])
            found = _masses(run, after) if run.part == "sites" else _changes(run, after, known)
    status = sorted({one.status for one in runs})
    return values | found, "done" if status == ["done"] else "; ".join(status)


def objective(run: Parameters, replica: int = 0) -> mf.Objective:
    """Dense, so that one program serves all data: in `Sorted` an order of the samples would be part of it."""
    decay = mf.WeightDecay(run.strength)
    return mf.Objective(mf.Neuron("relu"), mf.Square(), *data(run, replica), penalty=decay, kernel=mf.integrals.Dense())


def _trained(run: Parameters, times: np.ndarray) -> tuple[dict[str, np.ndarray], list[mf.Trajectory]]:
    """F and its certified gap, [replicas, times], and F with transport alone from the same starts."""
    born, replicas = prior(run), range(run.replicas)
    both = [mf.BirthDeath(run.step, rate=rate, prior=born) for rate in (run.rate, 0.0)]
    objectives, mus = [objective(run, r) for r in replicas], [mf.Particles(start(run, r)) for r in replicas]
    runs = mf.simulate_replicas(
        objectives * 2,
        [flow for flow in both for _ in replicas],
        mus * 2,
        times=times,
        keys=run.keys() * 2,
        observables=[mf.Positions()],
    )
    positions = np.stack([np.asarray(one.values["positions"]) for one in runs])
    one, alone = positions[: run.replicas], positions[run.replicas :]
    gaps = [
        [mf.optimality_gap(problem, mf.Particles(theta)).gap for theta in path]
        for problem, path in zip(objectives, one, strict=True)
    ]
    return {
        "energy": np.stack([_energy(run, path, *data(run, r)) for r, path in enumerate(one)]),
        "transport_energy": np.stack([_energy(run, path, *data(run, r)) for r, path in enumerate(alone)]),
        "gap": np.array(gaps),
        "kept_positive": np.all(one[..., 0] > 0, axis=(1, 2)),
        "start_position": one[0, 0],
        "end_position": one[0, -1],
        "transport_end_position": alone[0, -1],
    }, runs


def _masses(run: Parameters, after: np.ndarray) -> dict[str, np.ndarray]:
    """The share of particles on each site at the end, [replicas, sites]."""
    sites = start(run)[:: run.particles // SITES]
    near = np.abs(after[:, :, None] - sites).sum(axis=-1).argmin(axis=-1)
    return {"masses": np.stack([(near == k).mean(axis=1) for k in range(SITES)], axis=1)}


def _changes(run: Parameters, after: np.ndarray, known: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Means over replicas of what a step changes: f beyond transport [n], and F."""
    x, y = data(run)
    return {
        "prediction_change": _predictions(after, x).mean(axis=0) - known["transported"],
        "energy_change": np.asarray(_energy(run, after, x, y).mean() - known["energy"]),
    }


def _predictions(positions: np.ndarray, x: np.ndarray) -> np.ndarray:
    """f of each of the networks [k, m, 3] at every sample, [k, n]."""
    return np.mean(np.maximum(positions[..., 1:] @ x.T, 0) * positions[..., :1], axis=1)


def _energy(run: Parameters, positions: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """F of each of the networks [k, m, 3]."""
    penalty = run.strength / 2 * np.sum(positions**2, axis=-1).mean(axis=1)
    return np.mean((_predictions(positions, x) - y) ** 2, axis=1) / 2 + penalty


def exact(run: Parameters) -> dict[str, np.ndarray]:
    """Return the predictions of theory: by `theory.birth_death` for a step and for sites, and the convex minimum."""
    if run.part == "network":
        minima = [_minima(*(part.tobytes() for part in data(run, r)), run.strength) for r in range(run.replicas)]
        values = {name: np.array([one[name] for one in minima]) for name in minima[0] if name != "atoms"}
        return values | {"atoms": minima[0]["atoms"]}
    (x, y), theta = data(run), start(run)
    if run.part == "sites":
        theta = theta[:: run.particles // SITES]
    features, potential = _features(theta, x), run.strength / 2 * np.sum(theta**2, axis=1)
    mass = np.full(len(theta), 1 / len(theta))
    if run.part == "sites":
        problem = (features, y, potential, mass, run.rate, run.step, int(run.steps[-1]))
        masses, noise = birth_death.particle_limit(*problem)
        apart = birth_death.particle_limit(*problem, drawn="apart")[1]
        return {"masses": masses, "noise": np.asarray(np.trace(noise)), "noise_apart": np.asarray(np.trace(apart))}
    slopes = birth_death.first_variation(features, y, potential, mass)
    gradients = _gradients(theta, x, features @ mass - y) + run.strength * theta
    moved = theta - run.step * gradients
    after, weight = _features(moved, x), run.strength / 2 * np.sum(moved**2, axis=1)
    before, amount = birth_death.energy(features, y, potential, mass), run.rate * run.step
    reacted, doubled = (birth_death.reacted(mass, slopes, share * amount) for share in (1, 2))
    return {
        "energy": np.asarray(before),
        "transported": after @ mass,
        "prediction_change": after @ (reacted - mass),
        "doubled_change": after @ (doubled - mass),
        "energy_change": np.asarray(birth_death.step_energy(after, y, weight, slopes, amount) - before),
        "doubled_energy_change": np.asarray(birth_death.step_energy(after, y, weight, slopes, 2 * amount) - before),
        "dissipation": np.array(birth_death.dissipation(mass, slopes, gradients, run.rate)),
    }


def _gradients(theta: np.ndarray, x: np.ndarray, residual: np.ndarray) -> np.ndarray:
    """∇_θ (1/n) Σ_i r_i a relu(w·x_i), [m, 3]."""
    height = x @ theta[:, 1:].T
    into = ((height > 0) * residual[:, None]).T @ x
    return np.column_stack([np.maximum(height, 0).T @ residual, theta[:, :1] * into]) / len(x)


def _features(theta: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Φ of every particle at every sample, [n, m]."""
    return np.maximum(x @ theta[:, 1:].T, 0) * theta[:, 0]


@functools.lru_cache(maxsize=256)
def _minima(x: bytes, y: bytes, strength: float) -> dict:
    """The least F of all measures, with its atoms, and of those with positive output weights, from both sides."""
    inputs, targets = np.frombuffer(x).reshape(-1, 2), np.frombuffer(y)
    free, positive = (convex.planar_minimum(inputs, targets, strength, signed=signed) for signed in (True, False))
    return {
        "minimum": free.value,
        "lower": free.lower,
        "positive_minimum": positive.value,
        "positive_lower": positive.lower,
        "atoms": free.measure,
    }

"""One run of the mode-collapse study: samples of a known law, or points that imitate a ring of Gaussians."""

from dataclasses import dataclass

import numpy as np

import meanfield as mf
from meanfield.arguments import one_of, positive_count, positive_number
from theory import birthday

RADIUS = 1.0
"""Of the ring (data units)."""

SPREAD = 0.05
"""Standard deviation of each Gaussian (data units)."""

ON = 4.0
"""A point is on a mode when it is within so many standard deviations of its centre (standard deviations)."""

START = 0.3
"""Standard deviation of the points at the start (data units)."""

WIDTH = 0.4
"""ℓ of the kernel critic exp(−|z − z'|²/2ℓ²), as its number of features grows (data units)."""

DIRECTIONS = 4000
"""Neurons among which the one is sought that tells points and data best (count)."""

LEVEL = 0.95
"""Of the confidence intervals (probability)."""

PART = {"known": 0, "network": 1, "kernel": 2}


@dataclass(frozen=True)
class Parameters:
    """Samples of a law on kinds whose number is known, or a generator of points against a critic."""

    part: str = "network"
    """known (samples of a known law), or the critic: network (neurons, trained against the points) or kernel (random
    features with the best output weights: the points descend a maximum mean discrepancy).
    """
    law: str = "uniform"
    """Of the known law: uniform, or zipf (chances ∝ 1/rank)."""
    kinds: int = 8
    """N, kinds of the known law, or k, Gaussians on the ring (count)."""
    drawn: int = 40
    """s, samples in which coincidences are looked for (count)."""
    draws: int = 500
    """Sets of s samples (count); of each replica for a generator."""
    particles: int = 64
    """m, points of the generator (count)."""
    critic: int = 64
    """Neurons or features of the critic (count)."""
    samples: int = 64
    """n, training samples of the ring (count)."""
    decay: float = 0.01
    """λ of the weight decay (λ/2)|θ|² of a network critic (data units)."""
    rate: float = 5.0
    """Velocity of a network critic over that of the points (count)."""
    step: float = 0.1
    """h, step of the flow (mean-field time)."""
    time: float = 80.0
    """Time at the end (mean-field time)."""
    replicas: int = 4
    """Generators, each with data and a critic of its own (count)."""
    seed: int = 0
    """Seed of everything random (integer)."""

    def __post_init__(self):
        one_of("part", self.part, PART)
        one_of("law", self.law, ("uniform", "zipf"))
        for name in ("kinds", "draws", "particles", "critic", "samples", "replicas"):
            positive_count(name, getattr(self, name))
        for name in ("decay", "rate", "step", "time"):
            positive_number(name, getattr(self, name))
        if positive_count("drawn", self.drawn) < 3:
            raise ValueError(f"drawn={self.drawn}: expected at least 3 samples, for a variance of coincidences.")
        if self.drawn > 200:
            raise ValueError(f"drawn={self.drawn}: expected at most 200 samples, for whose pairs the law is computed.")
        if self.kinds < 2:
            raise ValueError(f"kinds={self.kinds}: expected at least 2.")
        if self.part != "known" and self.kinds > 24:
            raise ValueError(f"kinds={self.kinds}: expected at most 24 on the ring, which would touch.")
        if self.time < self.step:
            raise ValueError(f"time={self.time:g}: expected at least one step of {self.step:g}.")

    def generator(self, *stream: int) -> np.random.Generator:
        """Random numbers of one purpose, from the seed and the part."""
        return np.random.default_rng((abs(self.seed), self.seed < 0, PART[self.part], *stream))


def known_law(run: Parameters) -> np.ndarray:
    """Chances of the kinds, [N]."""
    chances = np.ones(run.kinds) if run.law == "uniform" else 1 / np.arange(1, run.kinds + 1)
    return chances / chances.sum()


def play(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Coincidences among samples, and for a generator where its points ended; and how the run ended."""
    if run.part == "known":
        values = {f"exact_{name}": value for name, value in exact(run).items()}
        # Sets of samples of different laws share no random numbers: alike, they would coincide together.
        random = run.generator(0, int(run.law == "zipf"), run.kinds, run.drawn)
        return values | _coincidences(run, known_law(run), random), "done"
    runs, points, values = (_against_network if run.part == "network" else _against_kernel)(run)
    status = next((end.status for end in runs if not end.done), "done")
    if status != "done":
        return {}, status
    counts = np.array([on_modes(end, run.kinds) for end in points])
    real = [_ring(run, run.particles, run.generator(3, replica)) for replica in range(run.replicas)]
    known = {"points": points, "counts": counts, "data": _data(run, 0), "contrast": _contrasts(run, points)}
    known |= {"distance": _distances(run, points), "real_distance": _distances(run, real)}
    seen = [_coincidences(run, shares(count), run.generator(4, r)) for r, count in enumerate(counts)]
    kept = ("pairs", "moment_low", "moment_high", "disjoint_holds", "disjoint_holds_support")
    known |= {f"mode_{name}": np.stack([one[name] for one in seen]) for name in kept}
    return values | known, "done"


def centres(kinds: int) -> np.ndarray:
    """Of the Gaussians, [k, 2]."""
    angle = 2 * np.pi * np.arange(kinds) / kinds
    return RADIUS * np.column_stack([np.cos(angle), np.sin(angle)])


def on_modes(points: np.ndarray, kinds: int) -> np.ndarray:
    """How many points are on each mode, [k]."""
    away = np.linalg.norm(points[:, None] - centres(kinds), axis=2)
    nearest = away.argmin(axis=1)[away.min(axis=1) <= ON * SPREAD]
    return np.bincount(nearest, minlength=kinds)


def shares(counts: np.ndarray) -> np.ndarray:
    """Shares of the points that are on modes; all on the first where there are none."""
    return counts / counts.sum() if counts.sum() else np.eye(len(counts))[0]


def _coincidences(run: Parameters, law: np.ndarray, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Of `draws` sets of samples: pairs that coincide, whether none does, and which interval holds 1/Σp²."""
    chosen = random.choice(len(law), size=(run.draws, run.drawn), p=law)
    counts = np.zeros((run.draws, len(law)), dtype=np.int64)
    np.add.at(counts, (np.arange(run.draws)[:, None], chosen), 1)
    pairs, truth, couples = birthday.pairs(counts), birthday.effective_number(law), run.drawn // 2
    hits = np.sum(chosen[:, 0 : 2 * couples : 2] == chosen[:, 1 : 2 * couples : 2], axis=1)
    intervals = {
        "poisson": birthday.poisson_interval(pairs, run.drawn, LEVEL),
        "moment": birthday.moment_interval(counts, LEVEL),
        "disjoint": birthday.disjoint_interval(hits, couples, LEVEL),
    }
    seen: dict[str, np.ndarray] = {
        "pairs": pairs,
        "moment_low": intervals["moment"][0],
        "moment_high": intervals["moment"][1],
    }
    for name, (low, high) in intervals.items():
        seen[f"{name}_holds"] = (low <= truth) & (truth <= high)
        seen[f"{name}_holds_support"] = (low <= len(law)) & (len(law) <= high)
    return seen


def _data(run: Parameters, replica: int) -> np.ndarray:
    """The training samples, [n, 2]."""
    return _ring(run, run.samples, run.generator(1, replica))


def _ring(run: Parameters, count: int, random: np.random.Generator) -> np.ndarray:
    """Samples of the ring, as many on every mode as can be, [count, 2]."""
    return centres(run.kinds)[np.arange(count) % run.kinds] + SPREAD * random.normal(size=(count, 2))


def network_game(run: Parameters, replica: int) -> tuple[mf.objectives.AdversarialObjective, mf.Particles]:
    """The game of points against neurons that are trained, and its particles at the start."""
    unit, penalty = mf.Neuron("relu", bias=True), mf.WeightDecay(run.decay)
    random, x = run.generator(2, replica), _data(run, replica)
    theta = np.column_stack([random.choice([-1.0, 1.0], run.critic), random.normal(size=(run.critic, 3))])
    points = START * random.normal(size=(run.particles, 2))
    game = mf.objectives.AdversarialObjective(unit, x.astype(np.float32), run.particles, penalty, run.rate)
    return game, game.join(mf.Particles(points.astype(np.float32)), mf.Particles(theta.astype(np.float32)))


def _against_network(run: Parameters):
    """(runs, points at the end [replicas, m, 2], what else is kept)."""
    games, mus = map(list, zip(*(network_game(run, replica) for replica in range(run.replicas)), strict=True))
    flow = mf.RungeKutta(run.step, order=2)
    runs = mf.simulate_replicas(games, flow, mus, times=[0, run.time], observables=[mf.observables.Energy()])
    ends = [game.split(end.particles) for game, end in zip(games, runs, strict=True)]
    critics = np.stack([np.asarray(critic.position, float) for _, critic in ends])
    return runs, np.stack([np.asarray(points.position, float) for points, _ in ends]), {"critic_position": critics}


def features(run: Parameters, replica: int, count: int) -> np.ndarray:
    """Random waves (√2, w, phase) of a Gaussian kernel, [count, 4]."""
    random = run.generator(5, replica, count)
    phase = random.uniform(0, 2 * np.pi, count)
    return np.column_stack([np.full(count, np.sqrt(2)), random.normal(size=(count, 2)) / WIDTH, phase])


def _waves(theta: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Each wave at each point, [points, waves]."""
    return theta[:, 0] * np.cos(z @ theta[:, 1:3].T + theta[:, 3])


def _against_kernel(run: Parameters):
    """Return what `_against_network` returns, for random features: half the squared discrepancy is descended."""
    unit, flow = mf.units.Dual(mf.Neuron("cosine", bias=True), 2), mf.GradientFlow(run.step)
    objectives, mus = [], []
    for replica in range(run.replicas):
        random, theta = run.generator(2, replica), features(run, replica, run.critic)
        seen = _waves(theta, _data(run, replica)).mean(axis=0)
        objectives.append(mf.Objective(unit, mf.Square(), theta.astype(np.float32), seen.astype(np.float32)))
        mus.append(mf.Particles((START * random.normal(size=(run.particles, 2))).astype(np.float32)))
    runs = mf.simulate_replicas(objectives, flow, mus, times=[0, run.time])
    risks = np.array([end.values["risk"] for end in runs])
    return runs, np.stack([np.asarray(end.particles.position, float) for end in runs]), {"risk": risks}


def _contrasts(run: Parameters, points: np.ndarray) -> np.ndarray:
    """Largest |∫ relu(w·(z, 1)) dν − ∫ relu(w·(z, 1)) dμ| over |w| = 1, ν the data and μ the points, [replicas]."""
    place = np.arange(DIRECTIONS) + 0.5  # Fibonacci's lattice on the sphere
    height, turn = 1 - 2 * place / DIRECTIONS, np.pi * (1 + np.sqrt(5)) * place
    flat = np.sqrt(1 - height**2)
    w = np.stack([flat * np.cos(turn), flat * np.sin(turn), height])

    def mean(z: np.ndarray) -> np.ndarray:
        return np.maximum(z @ w[:2] + w[2], 0).mean(axis=0)

    return np.array([np.max(np.abs(mean(z) - mean(_data(run, r)))) for r, z in enumerate(points)])


def _distances(run: Parameters, points) -> np.ndarray:
    """(by the critic's own features, by the exact kernel): squared discrepancies from the data, [replicas, 2]."""
    rows = []
    for replica, z in enumerate(points):
        x, theta = _data(run, replica), features(run, replica, run.critic)
        own = np.mean((_waves(theta, z).mean(axis=0) - _waves(theta, x).mean(axis=0)) ** 2)
        rows.append([own, discrepancy(z, x)])
    return np.array(rows)


def discrepancy(z: np.ndarray, x: np.ndarray) -> float:
    """Squared maximum mean discrepancy of two sets of points, by the exact kernel."""
    both = np.concatenate([z, x])
    weight = np.concatenate([np.full(len(z), 1 / len(z)), np.full(len(x), -1 / len(x))])
    square = np.sum((both[:, None] - both) ** 2, axis=2)
    return float(weight @ np.exp(-square / (2 * WIDTH**2)) @ weight)


def exact(run: Parameters) -> dict[str, np.ndarray]:
    """Return the predictions of theory for coincidences under the known law; none for other parts."""
    if run.part != "known":
        return {}
    law = known_law(run)
    return {
        "none": np.asarray(birthday.no_collision(law, run.drawn)),
        "uniform_none": np.asarray(birthday.no_collision(np.full(run.kinds, 1 / run.kinds), run.drawn)),
        "effective": np.asarray(birthday.effective_number(law)),
        "coverage": np.asarray(birthday.poisson_coverage(law, run.drawn, LEVEL)),
    }

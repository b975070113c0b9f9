"""One run of the global-convergence study: students of one width from many starts, and what no network can beat."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from meanfield.arguments import one_of, positive_count, positive_number
from simulations.optimisation._descent import descent
from simulations.optimisation._instances import Instance, NoInstanceError, activated, drawn, generator, least, sphere
from simulations.optimisation._population import PopulationObjective
from theory import convex

PLACES = {"relu": 32, "population": 8, "sigmoid": 16}
"""Particles come in multiples of this, those beyond m with no mass: all m up to it share one program."""

MOMENTS = 32
"""Observations on the way (count)."""


@dataclass(frozen=True)
class Parameters:
    """Students of a teacher, from `replicas` independent starts; relu: each on an instance of its own."""

    problem: str = "relu"
    """relu (samples, weight decay), population (ReLU, all inputs, no penalty) or sigmoid (samples, no penalty)."""
    layers: str = "both"
    """What is trained: both layers, the output layer alone, or both with output weights kept positive (relu)."""
    particles: int = 32
    """m, particles (count)."""
    neurons: int = 3
    """m*, neurons of the teacher, of alternating signs (count)."""
    dimension: int = 2
    """d, inputs (count)."""
    samples: int = 15
    """n, training samples (count); none for population."""
    strength: float = 0.01
    """λ of the weight decay (λ/2)|θ|² (loss units); relu only."""
    length: float = 1.0
    """Length of the teacher's and the students' input weights at the start (parameter units)."""
    atoms: int = 3
    """Least number of atoms, of both signs, that the convex optimum of an instance must have (count); 0: any."""
    step: float = 0.2
    """h, step of the descent in its first half (mean-field time)."""
    momentum: float = 0.99
    """Nesterov momentum (share); 0 is gradient descent."""
    updates: int = 2000
    """Updates (count)."""
    replicas: int = 25
    """Independent starts (count)."""
    seed: int = 0
    """Seed of teachers, samples and starts (integer)."""

    def __post_init__(self):
        one_of("problem", self.problem, PLACES)
        one_of("layers", self.layers, ("both", "output", "positive"))
        for name in ("particles", "neurons", "dimension", "samples", "updates", "replicas"):
            positive_count(name, getattr(self, name))
        for name in ("strength", "length", "step"):
            positive_number(name, getattr(self, name))
        positive_number("momentum", self.momentum, zero=True)
        positive_number("atoms", self.atoms, zero=True)
        if self.momentum >= 1:
            raise ValueError(f"momentum={self.momentum:g}: expected a share below 1.")
        if self.layers == "positive" and self.problem != "relu":
            raise ValueError(f"layers='positive': expected problem='relu', got {self.problem!r}.")
        if self.problem == "relu" and not convex.enumerable(self.samples, self.dimension):
            raise ValueError(
                f"samples={self.samples}, dimension={self.dimension}: expected so few that all activation cells can "
                f"be listed; take dimension=2, fewer samples, or problem='population'."
            )

    @property
    def room(self) -> int:
        """Particles with those that have no mass."""
        return -(-self.particles // PLACES[self.problem]) * PLACES[self.problem]


def instances(run: Parameters) -> tuple[Instance, ...]:
    """One for each replica; runs that differ in students alone have the same."""
    teacher = (run.problem, run.neurons, run.dimension, run.samples, run.strength, run.length, run.atoms)
    return tuple(drawn(run.seed, r, *teacher) for r in range(run.replicas))


def starts(run: Parameters) -> np.ndarray:
    """[replicas, room, 1 + d]: ±radius with directions on the sphere; {0} × sphere for the sigmoid."""
    random = generator(run.seed, 1, run.particles)
    w = run.length * sphere(random, run.replicas, run.room, run.dimension)
    a = run.length * np.where(random.random(w.shape[:2]) < 0.5, -1.0, 1.0)
    if run.problem == "sigmoid":
        a = np.zeros_like(a)
    return np.concatenate([(np.abs(a) if run.layers == "positive" else a)[..., None], w], axis=2)


def train(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Everything the claims look at, from all replicas."""
    try:
        given, first = instances(run), starts(run)
    except NoInstanceError as problem:
        return {}, f"stopped before the start: {problem}"
    with jax.enable_x64(True):
        mass = jnp.asarray(np.where(np.arange(run.room) < run.particles, 1 / run.particles, 0.0))
        objectives = [_objective(run, one) for one in given]
        flow = descent(run, 1 + run.dimension)
        visible = run.problem == "relu" and run.dimension == 2 and run.room <= 2 * PLACES["relu"]
        trajectories = mf.simulate_replicas(
            objectives,
            [flow] * run.replicas,
            [mf.Particles(jnp.asarray(position), mass) for position in first],
            times=np.unique(np.rint(np.geomspace(1, run.updates + 1, MOMENTS)) - 1),
            observables=[mf.observables.Energy(), mf.Positions()] if visible else [mf.observables.Energy()],
        )
        status = next((one.status for one in trajectories if not one.done), "done")
        if status != "done":
            return {}, status
        values = {
            "times": trajectories[0].times,
            "energy": np.array([one.values["energy"] for one in trajectories]),
            "nothing": np.array([_at_zero(run, one) for one in given]),
        }
        if run.problem == "sigmoid":
            values["feature_minimum"] = np.array(
                [_least_squares(activated("sigmoid", one.x @ w.T), one.y) for one, w in _beside(run, given, first)]
            )
        if run.problem == "relu":
            final = [np.asarray(one.particles.position)[: run.particles] for one in trajectories]
            values |= _certified(run, given, objectives, final) | _references(run, given, first)
        if visible:
            values["positions"] = trajectories[0].values["positions"][:, : run.particles]
            values["optimum"] = given[0].minimum.measure  # type: ignore[union-attr]
        return values, status


def _objective(run: Parameters, one: Instance) -> mf.objectives.AbstractObjective:
    if run.problem == "population":
        return PopulationObjective(one.teacher)
    x, y = jnp.asarray(one.x), jnp.asarray(one.y)
    penalty = mf.WeightDecay(run.strength) if run.problem == "relu" else None
    return mf.Objective(mf.Neuron(run.problem), mf.Square(), x, y, penalty=penalty)


def _at_zero(run: Parameters, one: Instance) -> float:
    """F of the network f = 0."""
    if run.problem != "population":
        return float(np.mean(one.y**2) / 2)
    from theory.arc_cosine import conjugate_kernel

    return float(one.teacher[:, 0] @ conjugate_kernel(one.teacher[:, 1:]) @ one.teacher[:, 0] / 2)


def _beside(run: Parameters, given: tuple[Instance, ...], first: np.ndarray):
    """Instances with the input weights of the students at their start."""
    return zip(given, first[:, : run.particles, 1:], strict=True)


def _least_squares(features: np.ndarray, y: np.ndarray) -> float:
    c = np.linalg.lstsq(features, y, rcond=None)[0]
    return float(np.mean((features @ c - y) ** 2) / 2)


def _certified(run: Parameters, given, objectives, final) -> dict[str, np.ndarray]:
    """Certificates of the trained networks, and a naive one that looks at their own neurons only."""
    gaps = [mf.optimality_gap(o, mf.Particles(jnp.asarray(p))) for o, p in zip(objectives, final, strict=True)]
    return {
        "gap": np.array([gap.gap for gap in gaps]),
        "certified": np.array([gap.certified for gap in gaps]),
        "final": np.array([gap.gap + gap.lower_bound for gap in gaps]),
        "own_gap": np.array([own_gap(p, one.x, one.y, run.strength) for one, p in zip(given, final, strict=True)]),
    }


def own_gap(position: np.ndarray, x: np.ndarray, y: np.ndarray, strength: float) -> float:
    """The duality gap with C the largest slope at the network's own neurons, for the largest of all: no certificate."""
    a, w = position[:, 0], position[:, 1:]
    f = np.mean(a[:, None] * np.maximum(w @ x.T, 0), axis=0)
    r, n = f - y, len(y)
    length = np.linalg.norm(w, axis=1)
    slopes = np.maximum(w @ x.T, 0) @ r / n / np.where(length > 0, length, 1.0)
    s = np.clip(-(r @ y) / (r @ r), *(np.array([-1, 1]) * strength / np.abs(slopes).max(initial=1e-300)))
    value = np.mean(r**2) / 2 + strength / 2 * np.mean(np.sum(position**2, axis=1))
    return float(value + (s * (r @ y) + s**2 * (r @ r) / 2) / n)


def _references(run: Parameters, given: tuple[Instance, ...], first: np.ndarray) -> dict[str, np.ndarray]:
    """Return the least value of all networks, of positive ones and of fixed features, on each instance, by theory."""
    signed = [one.minimum or least(one.x, one.y, run.strength) for one in given]
    values = {
        "minimum": np.array([one.value for one in signed]),
        "lower": np.array([one.lower for one in signed]),
        "x": np.array([one.x for one in given]),
        "y": np.array([one.y for one in given]),
    }
    if run.layers == "positive":
        positive = [least(one.x, one.y, run.strength, signed=False) for one in given]
        values["positive_minimum"] = np.array([one.value for one in positive])
        values["positive_lower"] = np.array([one.lower for one in positive])
    if run.layers == "both":
        values["feature_minimum"] = np.array(
            [
                convex.feature_minimum(np.maximum(one.x @ w.T, 0) / run.length, one.y, run.strength)[0]
                for one, w in _beside(run, given, first)
            ]
        )
    return values


def limit(run: Parameters) -> dict[str, np.ndarray]:
    """The least value of all networks on each instance: 0 where students can be the teacher and pay nothing."""
    if run.problem != "relu":
        return {"minimum": np.zeros(run.replicas)}
    return {"minimum": np.array([one.minimum.value for one in instances(run) if one.minimum is not None])}

"""One run of the study of large steps: a linearised network, a network at the edge of stability, or a catapult."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from meanfield.arguments import one_of, positive_count, positive_number
from theory import kernel_flow, large_steps
from theory.neurons import Network

PART = {"linear": 0, "edge": 1, "catapult": 2}

WINDOWS = 32
"""Pairs of consecutive steps at which a late network is seen (count)."""


@dataclass(frozen=True)
class Parameters:
    """A network, and the step with which it descends."""

    part: str = "edge"
    """What descends: edge (a tanh network that fits T₄), linear (the same, linearised at its start) or catapult (a
    two-layer linear network with the one datum x = 1, y = 0 and α = √m).
    """
    step: float = 0.8
    """Step: in the part edge h (mean-field time), else hλ (dimensionless), λ the largest curvature of the start."""
    steps: int = 2000
    """Steps (count)."""
    particles: int = 30
    """m, particles (count)."""
    samples: int = 20
    """n, Chebyshev points at which T₄ is fitted (count); not used by the catapult."""
    replicas: int = 2
    """Independent starts of one run (count)."""
    seed: int = 0
    """Seed of the starts (integer)."""

    def __post_init__(self):
        one_of("part", self.part, PART)
        positive_number("step", self.step)
        for name in ("steps", "particles", "samples", "replicas"):
            positive_count(name, getattr(self, name))

    def starts(self) -> list[np.ndarray]:
        """Particles of each replica: normal of variance 4, [m, 3]; for the catapult [m, 2], of curvature `step`."""
        random = np.random.default_rng((abs(self.seed), self.seed < 0, PART[self.part], self.particles))
        if self.part != "catapult":
            return list(2 * random.normal(size=(self.replicas, self.particles, 3)))
        theta = random.normal(size=(self.replicas, self.particles, 2))
        return list(theta * np.sqrt(self.step / np.mean(np.sum(theta**2, axis=2), axis=1))[:, None, None])

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Chebyshev points and T₄ there; x = 1 and y = 0 for the catapult."""
        if self.part == "catapult":
            return np.ones((1, 1)), np.zeros(1)
        angle = np.pi * (np.arange(self.samples) + 0.5) / self.samples
        return np.cos(angle)[:, None], np.cos(4 * angle)

    @property
    def seen(self) -> np.ndarray:
        """Numbers of the steps after which a run is looked at."""
        few = np.rint(np.geomspace(1, self.steps, 24))
        late = np.rint(np.linspace(self.steps / 2, self.steps - 1, WINDOWS))
        more = {"linear": np.zeros(0), "edge": np.concatenate([late, late + 1]), "catapult": np.arange(129)}
        return np.unique(np.minimum(np.concatenate([[0], few, more[self.part]]), self.steps)).astype(int)


def output(objective: mf.Objective, mu: mf.Particles) -> jax.Array:
    """f at the one datum."""
    return objective.predict(mu)[0]


def curvature(objective: mf.Objective, mu: mf.Particles) -> jax.Array:
    """(1/m) Σ_j (a_j² + w_j²)."""
    return jnp.dot(mu.mass, jnp.sum(jnp.square(mu.position), axis=1))


def descend(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Descend, and return what the claims and the figure look at of all replicas, with the status."""
    with jax.enable_x64(True):
        return {"linear": _linear, "edge": _edge, "catapult": _catapult}[run.part](run)


def network(run: Parameters) -> mf.Objective:
    """Dense, so that one program serves all."""
    if run.part == "catapult":
        scale = np.sqrt(run.particles)
        return mf.Objective(mf.Neuron("linear"), mf.Square(), *run.data(), scale=scale, kernel=mf.integrals.Dense())
    return mf.Objective(mf.Neuron("tanh", bias=True), mf.Square(), *run.data(), kernel=mf.integrals.Dense())


def _linear(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Predictions of the tangent model, one replica at a time: each has a step of its own."""
    objective, seen, runs = network(run), [], []
    for theta in run.starts():
        step = run.step / _spectrum(run, theta)[0][-1]
        flow = mf.TangentFlow(step)
        one = mf.simulate(objective, flow, mf.Particles(theta), times=run.seen * step, observables=[mf.Predictions()])
        runs.append(one.status)
        seen.append(_filled(one, len(run.seen))["predictions"])
    predictions = np.stack(seen)
    values = {"seen": run.seen, "predictions": predictions, "reached": _reached(runs)}
    return values | {"risk": np.mean((predictions - run.data()[1]) ** 2, axis=2) / 2} | exact(run), "done"


def _edge(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Risk and sharpness [replicas, steps seen] of networks."""
    watched = [mf.Risk(), mf.observables.Sharpness()]
    runs = _replicas(run, mf.GradientFlow(run.step), run.seen * run.step, watched)
    filled = [_filled(one, len(run.seen)) for one in runs]
    values = {name: np.stack([part[name] for part in filled]) for name in ("risk", "sharpness")}
    return {"seen": run.seen, "reached": _reached([one.status for one in runs])} | values, "done"


def _catapult(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """f and λ [replicas, steps seen] of two-layer linear networks, infinite after they diverged."""
    watched = {"output": output, "curvature": curvature}
    runs = _replicas(run, mf.GradientFlow(1.0), run.seen * 1.0, watched)
    filled = [_filled(one, len(run.seen)) for one in runs]
    values = {name: np.stack([part[name] for part in filled]) for name in watched}
    return {"seen": run.seen, "reached": _reached([one.status for one in runs])} | values | exact(run), "done"


def _replicas(run: Parameters, flow: mf.Flow, times: np.ndarray, watched) -> list[mf.Trajectory]:
    mus = [mf.Particles(theta) for theta in run.starts()]
    return mf.simulate_replicas(network(run), flow, mus, times=times, observables=watched)


def _filled(one: mf.Trajectory, count: int) -> dict[str, np.ndarray]:
    """The values of a run, filled up with infinity if it diverged: here this is an answer, not a failure."""
    return {
        name: np.concatenate([value, np.full((count - len(value), *value.shape[1:]), np.inf)])
        for name, value in one.values.items()
    }


def _reached(status: list[str]) -> np.ndarray:
    return np.array([one == "done" for one in status])


def _spectrum(run: Parameters, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues and eigenvectors of K/n, the curvature of the linear model, from its formula."""
    x, _ = run.data()
    kernel = Network(theta, "tanh", bias=True).tangent_kernel(x)[:, 0, :, 0]
    return np.linalg.eigh(kernel / len(x))


def exact(run: Parameters) -> dict[str, np.ndarray]:
    """Return the predictions of theory for a run.

    `linear`: the risk after every step seen, eigenvalues [replicas, n] and the leading eigenvector of K/n, and the size
    [replicas] of what rounding adds to predictions at a step. `catapult`: f and λ of the map from the same start.
    `edge`: the sharpness 2/h at which it hovers.
    """
    if run.part == "edge":
        return {"edge": np.asarray(2 / run.step)}
    x, y = run.data()
    if run.part == "catapult":
        starts = [(np.sum(theta[:, 0] * theta[:, 1]) / np.sqrt(run.particles), run.step) for theta in run.starts()]
        scale = np.sqrt(run.particles)
        paths = [large_steps.catapult(f, curvature, 1.0, scale, run.steps) for f, curvature in starts]
        return {
            name: np.stack([path[i][run.seen] for path in paths])
            for i, name in enumerate(("map_output", "map_curvature"))
        }
    found: dict[str, list] = {"exact_risk": [], "curvatures": [], "leading": [], "rounding": []}
    for theta in run.starts():
        net = Network(theta, "tanh", bias=True)
        values, vectors = _spectrum(run, theta)
        f0, step = net.predict(x)[:, 0], run.step / values[-1]
        kernel = net.tangent_kernel(x)[:, 0, :, 0]
        path = kernel_flow.train_discrete(kernel, y, step, run.seen, f0)
        size = np.sqrt(np.diag(kernel).max()) * (np.sqrt(np.mean(np.sum(theta**2, axis=1))) + 1)
        found["exact_risk"].append(kernel_flow.risk(path, y))
        found["curvatures"].append(values)
        found["leading"].append(vectors[:, -1])
        found["rounding"].append(np.finfo(float).eps * (run.particles + run.samples + 32) * size * np.sqrt(len(x)))
    return {name: np.array(value) for name, value in found.items()}

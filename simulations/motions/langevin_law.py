"""Noisy particles on the line and their law: few show it badly, many follow it at all times.

Mean-field Langevin dynamics of tanh units: gradient descent with noise of temperature τ. As m → ∞ the histogram of the
particles is the density that solves the Fokker–Planck equation ∂_t μ = ∂_θ(τ ∂_θ μ + μ ∂_θ F'[μ]), and goes to the
Gibbs measure of its own first variation. Particles start about one of two neurons that are to be found.
"""

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from meanfield.arguments import positive_count, positive_number
from simulations.limits._langevin import INPUTS, LINES, SHIFT
from simulations.motions._frames import check, even
from simulations.study.motion import Motion, Scene
from simulations.study.study import Study
from theory import fokker_planck, gibbs

REACH = 4.0
"""Half of the line that is shown, beyond which there are next to no particles (parameter)."""

BINS = 40
"""Bins of the histogram (count)."""

FINE = 8
"""Nodes of the theory in each bin (count)."""

HOTTEST = 1.2
"""The largest τ/λ, the variance of a free particle, at which all but a few stay on the line that is shown."""


class Shifted(mf.AbstractUnit):
    """Φ(θ; x) = tanh(θ·x + ½), the unit of the study's problem on the line."""

    outputs: int = eqx.field(static=True, default=1)

    def size(self, d: int) -> int:
        return d

    def __call__(self, theta, x):
        return jnp.tanh(theta @ x + SHIFT)


@dataclass(frozen=True)
class Parameters:
    """Tanh units with one input, and the noise on their parameters."""

    particles: int = 1000
    """m, particles (count)."""
    temperature: float = 0.01
    """τ (units of the objective)."""
    strength: float = 0.05
    """λ in the penalty λ|θ|²/2 (objective / parameter²)."""
    time: float = 15.0
    """T, final time (mean-field time)."""
    step: float = 0.02
    """h, step of the noisy gradient descent (mean-field time)."""
    frames: int = 80
    """Times at which the particles are kept, evenly spread (count)."""
    seed: int = 0
    """Seed of initial particles and noise (integer)."""

    def __post_init__(self):
        positive_count("particles", self.particles)
        for name in ("temperature", "strength"):
            positive_number(name, getattr(self, name))
        check(self.step, self.time, self.frames)
        if self.temperature > HOTTEST * self.strength:
            raise ValueError(
                f"temperature={self.temperature:g}: particles leave the line that is shown, expected at most "
                f"{HOTTEST:g} · strength = {HOTTEST * self.strength:g}."
            )


def grid(size: str, seeds: int | None = None, first: int = 0) -> list[Parameters]:
    """The runs of one size; by default one seed."""
    counts, temperatures, rest = {
        "smoke": ([10, 1000], [0.01], {"frames": 24, "time": 4.0, "step": 0.05}),
        "default": ([10, 100, 1000], [0.003, 0.01, 0.04], {}),
        "paper": ([10, 30, 100, 300, 1000], [0.001, 0.003, 0.01, 0.04], {"frames": 120, "step": 0.01}),
    }[size]
    return [
        Parameters(particles=m, temperature=tau, seed=seed, **rest)
        for seed in range(first, first + (seeds or 1))
        for tau in temperatures
        for m in counts
    ]


def diffuse(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """One network and what it looks like in time; see `simulations.study.motion` for the names."""
    line, key = LINES["tanh"], jax.random.key(run.seed)
    start = line.mean + line.deviation * np.random.default_rng([run.seed, run.particles]).normal(size=run.particles)
    objective = mf.Objective(
        Shifted(),
        mf.Square(),
        INPUTS[:, None].astype(np.float32),
        line.targets.astype(np.float32),
        penalty=mf.WeightDecay(run.strength),
    )
    ended = mf.simulate(
        objective,
        mf.Langevin(run.step, run.temperature),
        mf.Particles(start[:, None].astype(np.float32)),
        times=even(run.step, run.time, run.frames),
        key=key,
        observables=[mf.Positions(), mf.observables.Energy(), mf.Risk()],
    )
    theta = ended.values["positions"]
    edges = np.linspace(-REACH, REACH, BINS + 1)
    counts = np.array([np.histogram(row, edges)[0] for row in theta[:, :, 0]])
    fine, density = _law(run)
    values = {
        "times": ended.times,
        "particles": theta,
        "weights": np.full(theta.shape[:2], 1 / run.particles, np.float32),
        "grid": (edges[1:] + edges[:-1]) / 2,
        "functions": counts / run.particles / (edges[1] - edges[0]),
        "target": _binned(density),
        "curve_energy": ended.values["energy"],
        "curve_distance": np.array([_distance(*pair, fine) for pair in zip(theta[:, :, 0], density, strict=False)]),
        "curve_risk": ended.values["risk"],
    }
    return values, ended.status


def law(run: Parameters) -> dict[str, np.ndarray]:
    """The Fokker–Planck density at all times, averaged over the bins of the histogram."""
    return {"target": _binned(_law(run)[1])}


def _binned(density: np.ndarray) -> np.ndarray:
    """Means over the bins, [T, BINS]."""
    return density.reshape(-1, BINS, FINE).mean(axis=2)


def _law(run: Parameters) -> tuple[np.ndarray, np.ndarray]:
    """(nodes, densities at all times), the middles of equal cells that bins are made of."""
    line, cell = LINES["tanh"], 2 * REACH / (BINS * FINE)
    problem = gibbs.line(INPUTS, line.targets, run.strength, shift=SHIFT, reach=REACH - cell / 2, count=BINS * FINE)
    began = gibbs.normal(problem, line.mean, line.deviation)
    times = even(run.step, run.time, run.frames)
    after = fokker_planck.solve(problem, began, run.temperature, times[1:], most=run.step)
    return problem.nodes, np.vstack([began, after])


def _distance(theta: np.ndarray, density: np.ndarray, nodes: np.ndarray) -> float:
    """W₁ = ∫|F_m − F| of the two distribution functions."""
    cell = nodes[1] - nodes[0]
    share = np.searchsorted(np.sort(theta), nodes + cell / 2, side="right") / len(theta)
    return float(cell * np.abs(share - np.cumsum(density) * cell).sum())


MOTION = Motion(
    study=Study(
        name="langevin_law",
        group="motions",
        summary="noisy particles on the line, few and many, against the density that solves the Fokker–Planck equation",
        parameters=Parameters,
        grid=grid,
        run=diffuse,
        predict=law,
        claims=(),
        cost={"smoke": "3 s", "default": "15 s", "paper": "30 s"},
        precision="float32",
    ),
    scene=Scene(
        title="Many noisy particles follow the Fokker–Planck law, few do not",
        plane=("parameter θ",),
        function=("parameter θ", "density (1 / parameter)"),
        target="theory: Fokker–Planck",
        curves={
            "energy": "energy F (loss)",
            "distance": "distance W₁ to the law (parameter)",
            "risk": "training risk R (loss)",
        },
        sliders={"particles": "particles m", "temperature": "temperature τ (loss)"},
        beside="particles",
        logarithmic=("distance",),
    ),
)

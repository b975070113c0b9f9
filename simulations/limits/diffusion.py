"""Noisy particles on the line and their law: few show it badly, many follow it at all times.

Mean-field Langevin dynamics of tanh units: gradient descent with noise of temperature τ. As m → ∞ the histogram of the
particles is the density that solves the Fokker–Planck equation ∂_t μ = ∂_θ(τ ∂_θ μ + μ ∂_θ F'[μ]), and goes to the
Gibbs measure of its own first variation. Particles start about one of two neurons that are to be found.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from simulations.limits.laws_on_the_line import INPUTS, NEURONS, SHIFT
from simulations.study.animation import Scene, frame_times
from simulations.study.experiment import Experiment, grid
from simulations.study.parameters import count, number
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
    """Φ(θ; x) = tanh(θ·x + ½), the unit of the study's networks on the line."""

    outputs: int = eqx.field(static=True, default=1)

    def size(self, d: int) -> int:
        return d

    def __call__(self, theta, x):
        return jnp.tanh(theta @ x + SHIFT)


class Diffusion(Experiment):
    """Tanh units with one input, and the noise on their parameters."""

    particles: int = count(1000, "m", "particles")
    temperature: float = number(0.01, "τ", "temperature", unit="objective", above=0)
    strength: float = number(0.05, "λ", "in the penalty λ|θ|²/2", unit="objective / parameter²", above=0)
    time: float = number(15.0, "T", "final time", unit="mean-field time", above=0)
    step: float = number(0.02, "h", "step of the noisy gradient descent", unit="mean-field time", above=0)
    frames: int = count(80, "", "times at which the particles are kept, evenly spread", at_least=3)
    precision = "float32"
    sizes = grid(
        smoke={"temperature": 0.01, "particles": (10, 1000), "frames": 24, "time": 4.0, "step": 0.05},
        default={"temperature": (0.003, 0.01, 0.04), "particles": (10, 100, 1000)},
        large={
            "temperature": (0.001, 0.003, 0.01, 0.04),
            "particles": (10, 30, 100, 300, 1000),
            "frames": 120,
            "step": 0.01,
        },
    )

    def refusal(self):
        if self.time < 2 * self.step:
            return f"time={self.time:g}: expected at least two steps of {self.step:g}."
        if self.temperature > HOTTEST * self.strength:
            return (
                f"temperature={self.temperature:g}: particles leave the line that is shown, expected at most "
                f"{HOTTEST:g} · strength = {HOTTEST * self.strength:g}."
            )
        return None

    @property
    def times(self) -> np.ndarray:
        """Times of the frames."""
        return frame_times(self.step, self.time, self.frames)

    def run(self):
        normal = self.generator(f"start of {self.particles} particles").normal(size=(self.particles, 1))
        ended = mf.simulate(
            mf.Objective(Shifted(), mf.Square(), INPUTS[:, None], NEURONS.y, penalty=mf.WeightDecay(self.strength)),
            mf.Langevin(self.step, self.temperature),
            mf.Particles(NEURONS.mean + NEURONS.deviation * normal),
            times=self.times,
            key=self.key("noise"),
            observables=[mf.Positions(), mf.observables.Energy(), mf.Risk()],
        )
        theta = ended.values["positions"]
        edges = np.linspace(-REACH, REACH, BINS + 1)
        counts = np.array([np.histogram(row, edges)[0] for row in theta[:, :, 0]])
        nodes, density = self.law()
        values = {
            "times": ended.times,
            "particles": theta,
            "weights": np.full(theta.shape[:2], 1 / self.particles, np.float32),
            "grid": (edges[1:] + edges[:-1]) / 2,
            "functions": counts / self.particles / (edges[1] - edges[0]),
            "target": density.reshape(-1, BINS, FINE).mean(axis=2),
            "curve_energy": ended.values["energy"],
            "curve_distance": np.array([distance(*one, nodes) for one in zip(theta[:, :, 0], density, strict=False)]),
            "curve_risk": ended.values["risk"],
        }
        return values, ended.status

    def law(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the middles of equal cells that bins are made of, and the Fokker–Planck densities at all times."""
        cell = 2 * REACH / (BINS * FINE)
        line = {"shift": SHIFT, "reach": REACH - cell / 2, "count": BINS * FINE}
        problem = gibbs.line(INPUTS, NEURONS.y, self.strength, **line)
        began = gibbs.normal(problem, NEURONS.mean, NEURONS.deviation)
        after = fokker_planck.solve(problem, began, self.temperature, self.times[1:], most=self.step)
        return problem.nodes, np.vstack([began, after])


def distance(theta: np.ndarray, density: np.ndarray, nodes: np.ndarray) -> float:
    """W₁ = ∫|F_m − F| of the two distribution functions."""
    cell = nodes[1] - nodes[0]
    share = np.searchsorted(np.sort(theta), nodes + cell / 2, side="right") / len(theta)
    return float(cell * np.abs(share - np.cumsum(density) * cell).sum())


SCENE = Scene(
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
    dot="A dot is a parameter θ of the model, pushed by the others and by noise: dθ = −∇F'[μ](θ) dt + √(2τ) dB.",
    beside="particles",
    logarithmic=("distance",),
)

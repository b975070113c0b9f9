"""A generator's points in the plane against a ring of Gaussians: a strong critic spreads them over all modes.

Points descend and a critic's neurons ascend L(μ, ρ) = ∫ D dν − ∫ D dμ − ∫ V dρ, ν the data, μ the points and D the
output of the critic ρ. With many neurons the points cover every mode of the data. With few they stop where these few no
longer tell them from data, or circle for ever, and cover some modes only.
"""

from functools import cached_property

import numpy as np

import meanfield as mf
from simulations import Animation, Scene, Setup, Simulations, count, grid, number
from simulations.generalisation import gaussian_ring as ring
from simulations.study.animation import frame_times
from theory import birthday, discrepancy

SMOOTHED = 8.0
"""Standard deviation of the normal law by which the directions of points are smoothed (degrees)."""

DIRECTIONS = np.linspace(-180, 180, 181)
"""Directions at which densities are shown (degrees)."""


class Generator(Simulations):
    """A generator of points, and the critic that tells them from data."""

    critic: int = count(128, "", "neurons of the critic")
    particles: int = count(100, "m", "points of the generator")
    kinds: int = count(8, "k", "Gaussians on the ring", at_least=2, at_most=24)
    samples: int = count(200, "n", "training samples of the ring")
    decay: float = number(0.01, "λ", "strength of the weight decay (λ/2)|θ|² of the critic", unit="data units", above=0)
    rate: float = number(5.0, "", "velocity of the critic over that of the points", above=0)
    time: float = number(24.0, "T", "final time", unit="mean-field time", above=0, batched=False)
    step: float = number(0.1, "h", "step of the flow", unit="mean-field time", above=0, batched=False)
    frames: int = count(80, "", "times at which the points are kept, evenly spread", at_least=3)
    precision = "float32"
    sizes = grid(
        smoke={"particles": 64, "critic": (4, 64), "frames": 24, "step": 0.2, "samples": 64},
        default={"particles": (50, 100, 200), "critic": (4, 8, 16, 32, 128)},
        large={
            "particles": (50, 100, 200, 1000),
            "critic": (2, 4, 8, 16, 32, 64, 128, 512),
            "frames": 120,
            "samples": 1000,
        },
    )

    def refusal(self):
        if self.time < 2 * self.step:
            return f"time={self.time:g}: expected at least two steps of {self.step:g}."
        return None

    @cached_property
    def data(self) -> np.ndarray:
        """The training samples, [n, 2]."""
        return ring.samples(self.generator("data"), self.samples, self.kinds)

    def setups(self):
        game = ring.game(self.data, self.particles, self.decay, self.rate)
        points = ring.points(self.generator("start"), self.particles)
        start = game.join(mf.Particles(points), mf.Particles(ring.critic(self.generator("critic"), self.critic)))
        times, watched = frame_times(self.step, self.time, self.frames), [mf.Positions(), mf.observables.Energy()]
        return {"game": Setup(game, start, mf.RungeKutta(self.step, order=2), times, watched)}

    def measure(self, runs):
        run = runs["game"]
        z = run.values["positions"][:, : self.particles, :2]
        return {
            "times": run.times,
            "particles": z,
            "weights": np.full(z.shape[:2], 1 / self.particles, np.float32),
            "grid": DIRECTIONS,
            "functions": np.array([density(np.degrees(np.arctan2(at[:, 1], at[:, 0])), SMOOTHED) for at in z]),
            "marks": ring.centres(self.kinds),
            "curve_modes": np.array([covered(at, self.kinds) for at in z]),
            "curve_distance": np.array([discrepancy.squared(at, self.data, ring.WIDTH) for at in z]),
            "curve_energy": run.values["energy"],
        }

    def theory(self):
        """Return the density of the directions in which data lie, smoothed like that of the points."""
        middles = np.degrees(2 * np.pi * np.arange(self.kinds) / self.kinds)
        return {"target": density(middles, np.hypot(SMOOTHED, np.degrees(ring.SPREAD / ring.RADIUS)))}


def density(degrees: np.ndarray, wide: float) -> np.ndarray:
    """Return the mean of normal laws about these directions, once around the circle (1 / degree)."""
    away = (DIRECTIONS[:, None] - degrees + 180) % 360 - 180
    return np.exp(-((away / wide) ** 2) / 2).mean(axis=1) / (wide * np.sqrt(2 * np.pi))


def covered(z: np.ndarray, kinds: int) -> float:
    """Return 1/Σq² of the shares q of points on the modes, 0 where none is on any."""
    counts = ring.on_modes(z, kinds)
    return float(birthday.effective_number(ring.shares(counts))) if counts.sum() else 0.0


ANIMATION = Animation(
    Generator,
    Scene(
        title="A strong critic spreads the points over all modes",
        plane=("z₁ (data units)", "z₂ (data units)"),
        function=("direction (degrees)", "density (1 / degree)"),
        target="data",
        curves={
            "modes": "modes covered 1/Σq² (count)",
            "distance": "kernel distance² to data",
            "energy": "objective L of the game (data units)",
        },
        sliders={"critic": "critic's neurons", "particles": "points m"},
        dot="A dot is a point that the generator makes; it moves to where the critic ψ takes it for data: z' = ∇ψ(z).",
        beside="critic",
        logarithmic=("distance",),
        marks="mode of the data",
        tail=8,
    ),
)

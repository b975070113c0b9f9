"""A generator's points in the plane against a ring of Gaussians: a strong critic spreads them over all modes.

Points descend and a critic's neurons ascend L(μ, ρ) = ∫ D dν − ∫ D dμ − ∫ V dρ, ν the data, μ the points and D the
output of the critic ρ. With many neurons the points cover every mode of the data. With few they stop where these few no
longer tell them from data, or circle for ever, and cover some modes only.
"""

from dataclasses import dataclass

import numpy as np

import meanfield as mf
from simulations.generalisation import _mode_collapse as ring
from simulations.motions._frames import check, even
from simulations.study.motion import Motion, Scene
from simulations.study.study import Study
from theory import birthday

SMOOTHED = 8.0
"""Standard deviation of the normal law by which the directions of points are smoothed (degrees)."""

DIRECTIONS = np.linspace(-180, 180, 181)
"""Directions at which densities are shown (degrees)."""


@dataclass(frozen=True)
class Parameters:
    """A generator of points, and the critic that tells them from data."""

    critic: int = 128
    """Neurons of the critic (count)."""
    particles: int = 100
    """m, points of the generator (count)."""
    kinds: int = 8
    """k, Gaussians on the ring (count)."""
    samples: int = 200
    """n, training samples of the ring (count)."""
    decay: float = 0.01
    """λ of the weight decay (λ/2)|θ|² of the critic (data units)."""
    rate: float = 5.0
    """Velocity of the critic over that of the points (count)."""
    time: float = 24.0
    """T, final time (mean-field time)."""
    step: float = 0.1
    """h, step of the flow (mean-field time)."""
    frames: int = 80
    """Times at which the points are kept, evenly spread (count)."""
    seed: int = 0
    """Seed of data, initial points and critic (integer)."""

    def __post_init__(self):
        check(self.step, self.time, self.frames)
        self.game()

    def game(self) -> ring.Parameters:
        """Return these parameters as a run of the study of mode collapse, which checks them."""
        names = ("critic", "particles", "kinds", "samples", "decay", "rate", "step", "time", "seed")
        return ring.Parameters(**{name: getattr(self, name) for name in names}, part="network", replicas=1)


def grid(size: str, seeds: int | None = None, first: int = 0) -> list[Parameters]:
    """The runs of one size; by default one seed."""
    critics, points, rest = {
        "smoke": ([4, 64], [64], {"frames": 24, "step": 0.2, "samples": 64}),
        "default": ([4, 8, 16, 32, 128], [50, 100, 200], {}),
        "paper": ([2, 4, 8, 16, 32, 64, 128, 512], [50, 100, 200, 1000], {"frames": 120, "samples": 1000}),
    }[size]
    return [
        Parameters(critic=critic, particles=m, seed=seed, **rest)
        for seed in range(first, first + (seeds or 1))
        for m in points
        for critic in critics
    ]


def play(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """One game and what it looks like in time; see `simulations.study.motion` for the names."""
    setting = run.game()
    game, mu = ring.network_game(setting, 0)
    ended = mf.simulate(
        game,
        mf.RungeKutta(run.step, order=2),
        mu,
        times=even(run.step, run.time, run.frames),
        observables=[mf.Positions(), mf.observables.Energy()],
    )
    z = ended.values["positions"][:, : run.particles, :2]
    data = np.asarray(game.x, float)
    values = {
        "times": ended.times,
        "particles": z,
        "weights": np.full(z.shape[:2], 1 / run.particles, np.float32),
        "grid": DIRECTIONS,
        "functions": np.array([_density(np.degrees(np.arctan2(at[:, 1], at[:, 0])), SMOOTHED) for at in z]),
        **directions(run),
        "marks": ring.centres(run.kinds),
        "curve_modes": np.array([_covered(at, run.kinds) for at in z]),
        "curve_distance": np.array([ring.discrepancy(at.astype(float), data) for at in z]),
        "curve_energy": ended.values["energy"],
    }
    return values, ended.status


def directions(run: Parameters) -> dict[str, np.ndarray]:
    """The density of the directions in which data lie, smoothed like that of the points."""
    middles = np.degrees(2 * np.pi * np.arange(run.kinds) / run.kinds)
    wide = np.hypot(SMOOTHED, np.degrees(ring.SPREAD / ring.RADIUS))
    return {"target": _density(middles, wide)}


def _density(degrees: np.ndarray, wide: float) -> np.ndarray:
    """The mean of normal laws about these directions, once around the circle (1 / degree)."""
    away = (DIRECTIONS[:, None] - degrees + 180) % 360 - 180
    return np.exp(-((away / wide) ** 2) / 2).mean(axis=1) / (wide * np.sqrt(2 * np.pi))


def _covered(z: np.ndarray, kinds: int) -> float:
    """1/Σq² of the shares q of points on the modes, 0 where none is on any."""
    counts = ring.on_modes(z, kinds)
    return float(birthday.effective_number(ring.shares(counts))) if counts.sum() else 0.0


MOTION = Motion(
    study=Study(
        name="generator",
        group="motions",
        summary="a generator's points against a ring of Gaussians, with critics from weak to strong",
        parameters=Parameters,
        grid=grid,
        run=play,
        predict=directions,
        claims=(),
        cost={"smoke": "3 s", "default": "30 s", "paper": "minutes (not timed)"},
        precision="float32",
    ),
    scene=Scene(
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
        beside="critic",
        logarithmic=("distance",),
        marks="mode of the data",
        tail=8,
    ),
)

"""Neurons in the plane, lazy and not: at α = 1 they turn to the teacher's and grow, at large α they hardly move.

The picture of Chizat, Oyallon & Bach (2019), Fig. 1. A homogeneous ReLU neuron is the vector |a|w with the sign of a.
All start on the unit circle in pairs ±a, so that f = 0, and both networks learn the same samples of the same teacher in
the same time. On the circle of inputs the predictor is a function of one angle, and can be seen whole.
"""

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from meanfield.arguments import positive_count, positive_number
from simulations.motions._frames import check, spread
from simulations.study.motion import Motion, Scene
from simulations.study.study import Study

UNIT = mf.Neuron("relu")

ANGLES = 181
"""Directions of the input at which the predictor is shown (count)."""

TESTED = 500
"""Test samples (count)."""


@dataclass(frozen=True)
class Parameters:
    """A ReLU network with inputs on the unit circle, and its teacher."""

    alpha: float = 1.0
    """α, output scale (output units): 1 is mean-field, a large one lazy."""
    particles: int = 100
    """m, neurons (count)."""
    teachers: int = 3
    """Neurons of the teacher, of alternating signs (count)."""
    samples: int = 15
    """n, training samples (count)."""
    time: float = 300.0
    """T, final time (mean-field time)."""
    step: float = 0.05
    """h, step of gradient descent (mean-field time)."""
    frames: int = 80
    """Times at which the neurons are kept, logarithmically spread (count)."""
    seed: int = 1
    """Seed of teacher, samples and initial neurons (integer)."""

    def __post_init__(self):
        for name in ("particles", "teachers", "samples"):
            positive_count(name, getattr(self, name))
        positive_number("alpha", self.alpha)
        if self.particles % 2:
            raise ValueError(f"particles={self.particles}: expected an even number, since neurons start in pairs ±a.")
        check(self.step, self.time, self.frames)


def grid(size: str, seeds: int | None = None, first: int = 0) -> list[Parameters]:
    """The runs of one size; by default one seed, in which the teacher's neurons point well apart."""
    alphas, widths, rest = {
        "smoke": ([1.0, 100.0], [20], {"time": 60.0, "step": 0.2, "frames": 24}),
        "default": ([1.0, 3.0, 10.0, 30.0, 100.0], [20, 100, 500], {}),
        "paper": ([1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 1000.0], [20, 100, 500, 1000], {"frames": 120}),
    }[size]
    return [
        Parameters(alpha=alpha, particles=m, seed=seed, **rest)
        for seed in range(first + 1, first + 1 + (seeds or 1))
        for m in widths
        for alpha in alphas
    ]


def angles() -> np.ndarray:
    """Directions of the inputs at which functions are shown, in degrees."""
    return np.linspace(-180, 180, ANGLES)


def train(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """One network and what it looks like in time; see `simulations.study.motion` for the names."""
    data, mu = _start(run)
    objective = mf.Objective(UNIT, mf.Square(), data.x, data.y, scale=run.alpha, kernel=mf.integrals.Dense())
    ended = mf.simulate(
        objective,
        mf.GradientFlow(run.step),
        mu,
        times=spread(run.step, run.time, run.frames, run.time / 300),
        observables=[
            mf.Positions(),
            mf.Predictions(jnp.asarray(_on_circle(), jnp.float32)),
            mf.Risk(),
            mf.Displacement(),
            mf.TestRisk(data.x_test, data.y_test),
        ],
    )
    seen = ended.values
    a, w = seen["positions"][:, :, 0], seen["positions"][:, :, 1:]
    x = np.asarray(data.x)
    values = {
        "times": ended.times,
        "particles": np.abs(a)[:, :, None] * w,
        "weights": run.alpha / run.particles * a * np.linalg.norm(w, axis=2),
        "grid": angles(),
        "functions": seen["predictions"],
        "samples": np.column_stack([np.degrees(np.arctan2(x[:, 1], x[:, 0])), data.y]),
        **teacher(run),
        **{f"curve_{name}": seen[name] for name in ("risk", "displacement", "test_risk")},
    }
    return values, ended.status


def teacher(run: Parameters) -> dict[str, np.ndarray]:
    """The teacher's function, and where its neurons lie as those of a network of so many at α = 1."""
    truth = _start(run)[0].truth
    assert truth is not None
    theta, mass = np.asarray(truth.position, float), np.asarray(truth.mass, float)
    share = mass * len(mass) * theta[:, 0]
    return {
        "target": np.maximum(_on_circle() @ theta[:, 1:].T, 0) @ (mass * theta[:, 0]),
        "marks": np.abs(share)[:, None] * theta[:, 1:],
    }


def _start(run: Parameters) -> tuple[mf.datasets.Dataset, mf.Particles]:
    """The data and the initial neurons, drawn from the seed alone."""
    *arrays, truth, mu = _drawn(run.samples, run.teachers, run.particles, jax.random.key(run.seed))
    return mf.datasets.Dataset("teacher", *arrays, statement="", truth=truth), mu


@eqx.filter_jit
def _drawn(n: int, teachers: int, m: int, key):
    one, other = jax.random.split(key)
    data = mf.datasets.teacher(one, n, 2, n_test=TESTED, neurons=teachers, dtype="float32")
    mu = mf.Particles.doubled(other, UNIT, m, 2, law="sphere", output="signs", dtype="float32")
    return data.x, data.y, data.x_test, data.y_test, data.truth, mu


def _on_circle() -> np.ndarray:
    turn = np.radians(angles())
    return np.column_stack([np.cos(turn), np.sin(turn)])


MOTION = Motion(
    study=Study(
        name="neurons",
        group="motions",
        summary="neurons in the plane, from α = 1 where they find the teacher's to large α where they hardly move",
        parameters=Parameters,
        grid=grid,
        run=train,
        predict=teacher,
        claims=(),
        cost={"smoke": "3 s", "default": "20 s", "paper": "40 s"},
        precision="float32",
    ),
    scene=Scene(
        title="Mean-field neurons find the teacher, lazy neurons hardly move",
        plane=("|a| w₁ (parameter²)", "|a| w₂ (parameter²)"),
        function=("direction of the input x (degrees)", "output f(x)"),
        target="teacher",
        curves={
            "risk": "training risk R (output²)",
            "displacement": "movement ‖θ − θ₀‖ (parameter)",
            "test_risk": "test risk (output²)",
        },
        sliders={"alpha": "output scale α", "particles": "neurons m"},
        beside="alpha",
        logarithmic=("risk", "displacement", "test_risk"),
        marks="teacher's neuron",
        rays=True,
    ),
)

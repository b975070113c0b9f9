"""Spikes on the torus found by particles that move and grow: enough of them find all, few miss some.

Sparse deconvolution after Chizat (2019): particles of both signs start all over the torus with a little mass each and
follow the Wasserstein–Fisher–Rao flow of J(ν) = ½|∫φ dν − y|² + λ|ν|. The dual function η says how far they are from
the optimum: there, and only there, |η| ≤ 1 everywhere.
"""

from dataclasses import dataclass

import jax
import numpy as np

import meanfield as mf
from simulations.motions._frames import check, spread
from simulations.optimisation import _modes, _spikes
from simulations.study.motion import Motion, Scene
from simulations.study.study import Study
from theory import deconvolution

PLACES = 256
"""Points of the torus at which signals are shown (count)."""


@dataclass(frozen=True)
class Parameters:
    """Spikes on the line, what is measured of them, and the particles that look for them."""

    particles: int = 16
    """m, particles, half of them negative (count)."""
    strength: float = 0.1
    """λ, of the total-variation norm (output units)."""
    order: int = 7
    """Highest frequency that is measured (1 / period)."""
    spikes: int = 5
    """Spikes in the truth, of alternating signs (count)."""
    separation: float = 0.14
    """Least distance of two true spikes (period)."""
    noise: float = 0.04
    """Standard deviation of the noise of one measurement (output units)."""
    growth: float = 1.0
    """α: masses grow at the rate −4αJ' (1 / output units²)."""
    transport: float = 0.005
    """β: positions move with the velocity −β∇J' (period² / output units²)."""
    time: float = 20.0
    """T, final time (mean-field time)."""
    step: float = 0.01
    """h, step of the flow (mean-field time)."""
    frames: int = 80
    """Times at which the particles are kept, logarithmically spread (count)."""
    seed: int = 0
    """Seed of spikes, noise and initial particles (integer)."""

    def __post_init__(self):
        check(self.step, self.time, self.frames)
        self.deconvolution()

    def deconvolution(self) -> _spikes.Parameters:
        """Return these parameters as a run of the study of sparse deconvolution, which checks them."""
        names = ("particles", "strength", "order", "spikes", "separation", "noise", "seed")
        return _spikes.Parameters(
            **{name: getattr(self, name) for name in names},
            growth=self.growth * self.step, transport=self.transport * self.step, instances=1, folds=1e-6,
        )  # fmt: skip


def grid(size: str, seeds: int | None = None, first: int = 0) -> list[Parameters]:
    """The runs of one size; by default one seed."""
    counts, strengths, rest = {
        "smoke": ([6, 16], [0.1], {"frames": 24}),
        "default": ([6, 8, 10, 12, 16], [0.03, 0.1, 0.3], {}),
        "paper": ([6, 8, 10, 12, 16, 24, 60, 200], [0.01, 0.03, 0.1, 0.3], {"frames": 120}),
    }[size]
    return [
        Parameters(particles=m, strength=strength, seed=seed, **rest)
        for seed in range(first, first + (seeds or 1))
        for strength in strengths
        for m in counts
    ]


def descend(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """One descent and what it looks like in time; see `simulations.study.motion` for the names."""
    with jax.enable_x64(True):
        found, _ = _spikes.screened(run.deconvolution())
        if not found:
            return {}, "stopped: the optimum of none of the instances is proved"
        one = found[0]
        objective = mf.Objective(
            mf.units.Spike(),
            mf.Square(),
            mf.units.spikes.fourier(run.order, 1),
            one.problem.y,
            penalty=mf.penalties.TotalMass(run.strength),
        )
        ended = mf.simulate(
            objective,
            mf.ConicFlow(run.step, run.growth, run.transport, signed=True),
            mf.Particles(*_spikes.uniform_start(run.deconvolution(), 0)),
            times=spread(run.step, run.time, run.frames, run.time / 500),
            observables={
                "positions": mf.Positions(),
                "masses": _spikes.masses,
                "predictions": mf.Predictions(),
                "risk": mf.Risk(),
            },
        )
    seen = ended.values
    sign, place = seen["positions"][:, :, 0], seen["positions"][:, :, 1] % 1
    weights = sign * seen["masses"]
    waves, residual = _waves(run), one.problem.y - seen["predictions"]
    values = {
        "times": ended.times,
        "particles": np.stack([place, weights], axis=2).astype(np.float32),
        "weights": weights.astype(np.float32),
        "grid": places(),
        "functions": (seen["predictions"] @ waves.T).astype(np.float32),
        **_sought(run, one),
        "curve_excess": _modes.excess(one.optimum, seen["masses"], seen["positions"]),
        "curve_certificate": np.array([one.problem.highest(left, 2048) for left in residual]),
        "curve_risk": seen["risk"],
    }
    return values, ended.status


def places() -> np.ndarray:
    """Points of the torus at which signals are shown (period)."""
    return np.arange(PLACES + 1) / PLACES


def _waves(run: Parameters) -> np.ndarray:
    """φ at these points over n: what a vector of measurements says of the signal there."""
    return deconvolution.features(places()[:, None], run.order)[0] / (2 * run.order + 1)


def minimiser(run: Parameters) -> dict[str, np.ndarray]:
    """The measured signal, and the spikes of min J as (place, weight)."""
    with jax.enable_x64(True):
        found, _ = _spikes.screened(run.deconvolution())
    return _sought(run, found[0]) if found else {}


def _sought(run: Parameters, one: _spikes.Instance) -> dict[str, np.ndarray]:
    """Return the measured signal and the spikes of min J of an instance that was found."""
    best = one.optimum
    return {"target": one.problem.y @ _waves(run).T, "marks": np.column_stack([best.positions, best.weights])}


MOTION = Motion(
    study=Study(
        name="spikes",
        group="motions",
        summary="particles on the torus that move and grow to spikes of either sign, few and many",
        parameters=Parameters,
        grid=grid,
        run=descend,
        predict=minimiser,
        claims=(),
        cost={"smoke": "3 s", "default": "10 s", "paper": "20 s"},
    ),
    scene=Scene(
        title="Few particles miss spikes, enough of them find all",
        plane=("place on the torus (period)", "mass with its sign (output units)"),
        function=("place on the torus (period)", "signal (output units)"),
        target="measured",
        curves={
            "excess": "J − min J (output units²)",
            "certificate": "certificate sup |η| (optimal: 1)",
            "risk": "training risk (output units²)",
        },
        sliders={"particles": "particles m", "strength": "penalty λ (output units)"},
        beside="particles",
        logarithmic=("excess", "certificate", "risk"),
        marks="spike of the minimiser",
    ),
)

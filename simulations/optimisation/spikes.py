"""Spikes on the torus found by particles that move and grow, to be watched: enough of them find all, few miss some.

Particles of both signs start all over the torus with a little mass each and follow the Wasserstein–Fisher–Rao flow of
J(ν) = ½|∫φ dν − y|² + λ|ν|. The dual function η says how far they are from the optimum: there, and only there, |η| ≤ 1
everywhere.
"""

from functools import cached_property

import numpy as np

import meanfield as mf
from simulations.optimisation import sparse_modes as modes
from simulations.optimisation.sparse_spikes import Deconvolution, Instance, masses
from simulations.study.animation import Scene, frame_times
from simulations.study.experiment import grid
from simulations.study.parameters import count, number
from simulations.study.simulation import Setup
from theory import deconvolution

PLACES = np.arange(257) / 256
"""Points of the torus at which signals are shown (period)."""


class Spikes(Deconvolution):
    """Particles that look for the spikes of one instance on the line."""

    particles: int = count(16, "m", "particles, half of them negative")
    growth: float = number(1.0, "α", "masses grow at the rate −4αJ'", unit="1 / output units²", above=0)
    transport: float = number(
        0.005, "β", "positions move with the velocity −β∇J'", unit="period² / output units²", above=0
    )
    time: float = number(20.0, "T", "final time", unit="mean-field time", above=0, batched=False)
    step: float = number(0.01, "h", "step", unit="mean-field time", above=0, batched=False)
    frames: int = count(80, "", "times at which the particles are kept, logarithmically spread", at_least=3)
    sizes = grid(
        smoke={"particles": (6, 16), "frames": 24},
        default={"strength": (0.03, 0.1, 0.3), "particles": (6, 8, 10, 12, 16)},
        large={"strength": (0.01, 0.03, 0.1, 0.3), "particles": (6, 8, 10, 12, 16, 24, 60, 200), "frames": 120},
    )

    def refusal(self):
        if self.time < 2 * self.step:
            return f"time={self.time:g}: expected at least two steps of {self.step:g}."
        return super().refusal()

    @cached_property
    def one(self) -> Instance:
        """The first instance whose optimum is proved."""
        return self.screened(self.growth * self.step, self.transport * self.step, 1, 0.0)

    def setups(self):
        flow = mf.ConicFlow(self.step, self.growth, self.transport, signed=True)
        times = frame_times(self.step, self.time, self.frames, self.time / 500)
        watched = {"positions": mf.Positions(), "masses": masses, "predictions": mf.Predictions(), "risk": mf.Risk()}
        return {"descent": Setup(self.objective(self.one), self.lattice(), flow, times, watched)}

    def measure(self, runs):
        """Compute what is drawn; the head of `simulations.study.animation` has the names."""
        run, seen, one = runs["descent"], runs["descent"].values, self.one
        weights = signed(seen["positions"], seen["masses"])
        place = seen["positions"][:, :, 1] % 1
        return {
            "times": run.times,
            "particles": np.stack([place, weights], axis=2).astype(np.float32),
            "weights": weights.astype(np.float32),
            "grid": PLACES,
            "functions": (seen["predictions"] @ self.waves.T).astype(np.float32),
            "curve_excess": modes.excess(one.optimum, seen["masses"], seen["positions"]),
            "curve_certificate": np.array([one.problem.highest(one.problem.y - f, 2048) for f in seen["predictions"]]),
            "curve_risk": seen["risk"],
        }

    @property
    def waves(self) -> np.ndarray:
        """φ at `PLACES` over n: what a vector of measurements says of the signal there."""
        return deconvolution.features(PLACES[:, None], self.order)[0] / (2 * self.order + 1)

    def theory(self):
        """Return the measured signal, and the spikes of min J as (place, weight)."""
        return {"target": self.one.problem.y @ self.waves.T, "marks": self.one.found[:, ::-1]}


def signed(positions: np.ndarray, masses: np.ndarray) -> np.ndarray:
    """The weight of every particle in the measure: its mass times its output weight."""
    return positions[:, :, 0] * masses


SCENE = Scene(
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
    dot="A dot is a spike of mass r² at a place θ, and both move: r' = −r F'[μ](θ), θ' = −∇F'[μ](θ).",
    beside="particles",
    logarithmic=("excess", "certificate", "risk"),
    marks="spike of the minimiser",
)

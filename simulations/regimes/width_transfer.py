"""The step that is best for many updates: which power of the width it goes as, in three scalings and by four optimisers.

Of one step of descent everything is known (`best_step`). After many of them the step that has trained best is the
largest one or nearly so that training bears, and by counting what an update does to the output it goes as m^p
(`theory.width_exponents`): a step that is tuned on a narrow network is right for a wide one in muP, which for two
layers is mean-field time, and in the tangent scaling; with one learning rate for dense layers as frameworks start them
it has to fall as 1/m. Normalised steps forget the size of the gradient, so that for them it is the size of the update
itself that has to know the width: of Muon's factors on both layers only √(out/in) does.
"""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from simulations.records.record import Record
from simulations.study.experiment import Experiment, grid
from simulations.study.panel import Panel
from simulations.study.parameters import choice, count
from simulations.study.simulation import Setup, Simulations
from simulations.study.study import Study, claim
from simulations.transfers import exponent, search
from simulations.transfers.optimisers import Weights, optimiser
from simulations.transfers.scalings import SCALINGS
from simulations.verdicts import checks
from theory import width_exponents

RULES = {
    "sgd": optimiser("sgd"),
    "adam": optimiser("adam"),
    "ratio": optimiser("muon", momentum=0.0, factor="ratio"),
    "unscaled": optimiser("muon", momentum=0.0, factor="none"),
}
"""Optimisers; the last two take steps along the polar factors of both layers' gradients, times √(out/in) or as is."""

CENTRES = {
    ("standard", "sgd"): -5, ("tangent", "sgd"): 1, ("mup", "sgd"): -1,
    ("standard", "adam"): -6, ("mup", "adam"): -2, ("mup", "ratio"): -4, ("mup", "unscaled"): -6,
}  # fmt: skip
"""The middle of the steps that are tried, in powers of two, at all widths alike."""

OCTAVES = 4
"""Steps that are tried reach from 2^−4 to 2^4 times the middle one."""


@cache
def data() -> mf.datasets.Dataset:
    """Return 64 samples of three neurons in 8 dimensions; inputs are multiplied by √8 where they are used."""
    with jax.enable_x64(False):
        return mf.datasets.teacher(jax.random.key(0), n=64, d=8, n_test=1)


class Grid(Simulations):
    """Networks of relu units of one width, each trained with every step of a grid; a run's best step is that of their
    mean loss.
    """

    particles: int = count(256, "m", "particles")
    scaling: str = choice("mup", "parametrisation", among=tuple(SCALINGS))
    rule: str = choice("sgd", "optimiser", among=tuple(RULES))
    updates: int = count(100, "K", "updates", at_least=10)
    networks: int = count(1, "", "networks, each from a start of its own")
    precision = "float32"
    divergence = True
    sizes = grid(
        smoke=[
            {"particles": (64, 128, 256), "scaling": ("standard", "tangent", "mup"), "updates": 40, "seeds": 5},
            {"particles": (64, 128, 256), "scaling": ("standard", "mup"), "rule": "adam", "updates": 40, "seeds": 5},
            {"particles": (64, 128, 256), "rule": ("ratio", "unscaled"), "updates": 40, "seeds": 5},
        ],
        default=[
            {"particles": (256, 512, 1024, 2048), "scaling": ("standard", "tangent", "mup"), "seeds": 7},
            {"particles": (256, 512, 1024, 2048), "scaling": ("standard", "mup"), "rule": "adam", "seeds": 7},
            {"particles": (256, 512, 1024, 2048), "rule": ("ratio", "unscaled"), "seeds": 7},
        ],
        large=[
            {"particles": (256, 1024, 4096, 16384), "scaling": ("standard", "tangent", "mup"), "seeds": 10},
            {"particles": (256, 1024, 4096, 16384), "scaling": ("standard", "mup"), "rule": "adam", "seeds": 10},
            {"particles": (256, 1024, 4096, 16384), "rule": ("ratio", "unscaled"), "seeds": 10},
        ],
    )

    def refusal(self) -> str | None:
        if (self.scaling, self.rule) not in CENTRES:
            known = ", ".join(f"{scaling} with {rule}" for scaling, rule in CENTRES)
            return f"scaling={self.scaling!r}, rule={self.rule!r}: expected one of {known}."
        return None

    @property
    def steps(self) -> np.ndarray:
        """The steps that are tried, [T]."""
        reach = search.OCTAVE * OCTAVES
        return 2.0 ** (CENTRES[self.scaling, self.rule] + np.arange(-reach, reach + 1) / search.OCTAVE)

    def setups(self):
        chosen, unit, made = SCALINGS[self.scaling], mf.Neuron("relu", bias=True), data()
        problem = mf.Objective(unit, mf.Square(), made.x * 8**0.5, made.y, scale=chosen.scale(self.particles))
        polar = self.rule in ("ratio", "unscaled")
        factor = chosen.factor(self.particles)
        readout = self.particles**-chosen.multiplier if polar else 1.0
        numbers = [jnp.asarray(number, "float32") for number in (factor, readout, 1.0)]
        flows = [mf.Flow(Weights(jnp.asarray(step, "float32"), *numbers, RULES[self.rule], 1, "both"))
                 for step in self.steps]  # fmt: skip
        keys = jax.random.split(self.key("starts"), self.networks)
        starts = [chosen.start(key, unit, self.particles, 8, "float32") for key in keys]
        times = [0, *range(self.updates - (self.updates - 1) // 10, self.updates + 1)]
        return {"steps": [Setup(problem, start, flow, times) for flow in flows for start in starts]}

    def measure(self, runs):
        first = np.array([run.values["risk"][0] for run in runs["steps"]], float)
        ended = [run.values["risk"][1:].mean() if run.done else np.inf for run in runs["steps"]]
        losses = np.fmin(np.array(ended, float), first).reshape(len(self.steps), self.networks)
        found = search.Curve(self.particles, self.steps, losses, True)
        best = float(np.exp(exponent.least(found, np.full((1, self.networks), 1 / self.networks))[0]))
        mean = losses.mean(axis=1)
        inside = search.EDGE <= np.argmin(mean) < len(mean) - search.EDGE
        return {"step": self.steps, "loss": mean, "best": best if inside else np.nan}

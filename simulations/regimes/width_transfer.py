"""The step that is best for many updates: as which power of the width it goes, in three scalings, by four optimisers.

Of one step of descent everything is known (`best_step`). After many of them the step that has trained best is the
largest one or nearly so that training bears, and by counting what an update does to the output it goes as m^p
(`theory.width_exponents`): a step that is tuned on a narrow network is right for a wide one in muP, which for two
layers is mean-field time, and in the tangent scaling; with one learning rate for dense layers as frameworks start them
it has to fall as 1/m. Normalised steps forget the size of the gradient, so that for them it is the size of the update
itself that has to know the width: of Muon's factors on both layers only √(out/in) does.
"""

from functools import cache
from typing import Any

import jax
import numpy as np

import meanfield as mf
from simulations.records.record import Record
from simulations.study.experiment import Experiment, grid
from simulations.study.panel import Panel
from simulations.study.parameters import choice, count
from simulations.study.study import Study, claim
from simulations.transfers import exponent, search
from simulations.transfers.optimisers import factor_of, optimiser
from simulations.transfers.scalings import SCALINGS
from simulations.transfers.training import Task
from simulations.verdicts import checks
from theory import width_exponents
from theory.prediction import Prediction

RULES: dict[str, Any] = {
    "sgd": ("sgd", "none"),
    "adam": ("adam", "none"),
    "ratio": ("muon", "ratio"),
    "unscaled": ("muon", "none"),
}
"""Optimisers with their factors: the last two take steps along the polar factors of both layers' gradients, times
√(out/in) or as they are.
"""

NEAR: dict[Any, float] = {
    ("standard", "sgd"): 2**-4, ("tangent", "sgd"): 2, ("mup", "sgd"): 2**-1,
    ("standard", "adam"): 2**-6.25, ("mup", "adam"): 2**-1.5, ("mup", "ratio"): 2**-5, ("mup", "unscaled"): 2**-7.25,
}  # fmt: skip
"""Where the best step is looked for, at all widths alike, and from there as far as it takes."""


@cache
def data(samples: int, dimension: int) -> tuple[jax.Array, jax.Array]:
    """Return samples of a teacher of three neurons, whose inputs have entries of order one."""
    made = mf.datasets.teacher(jax.random.key(0), n=samples, d=dimension, n_test=1, dtype="float32")
    return made.x * made.d**0.5, made.y


ADAM = {"rule": "adam", "scaling": ("standard", "mup"), "updates": 30}
POLAR = {"rule": ("ratio", "unscaled"), "samples": 32, "dimension": 4, "updates": 100, "networks": 6}
"""Few inputs: by counting the hidden layer adds d/m of what the readout does, which bends the line at narrow widths."""


class Grid(Experiment):
    """Networks of one width, relu units, trained with every step of a grid; the best one is that of their mean loss."""

    particles: int = count(256, "m", "particles")
    scaling: str = choice("mup", "parametrisation", among=tuple(SCALINGS))
    rule: str = choice("sgd", "optimiser", among=tuple(RULES))
    samples: int = count(128, "n", "samples")
    dimension: int = count(16, "d", "dimension of the inputs")
    updates: int = count(50, "K", "updates", at_least=10)
    networks: int = count(3, "", "networks, each from a start of its own")
    precision = "float32"
    sizes = grid(
        smoke=[
            {"particles": (64, 128, 256), "scaling": ("standard", "mup"), "seeds": 6},
            {"particles": (128, 256, 512), "scaling": "tangent", "networks": 6, "seeds": 8},
            {"particles": (64, 128, 256), **ADAM, "seeds": 8},
            {"particles": (128, 256, 512), **POLAR, "seeds": 8},
        ],
        default=[
            {"particles": (128, 256, 512, 1024), "scaling": ("standard", "tangent", "mup"), "seeds": 8},
            {"particles": (128, 256, 512, 1024), **ADAM, "seeds": 8},
            {"particles": (128, 256, 512, 1024), **POLAR, "seeds": 8},
        ],
        large=[
            {"particles": (256, 1024, 4096, 16384), "scaling": ("standard", "tangent", "mup"), "seeds": 10},
            {"particles": (256, 1024, 4096, 16384), **ADAM, "seeds": 10},
            {"particles": (256, 1024, 4096, 16384), **POLAR, "seeds": 10},
        ],
    )

    def refusal(self) -> str | None:
        if (self.scaling, self.rule) not in NEAR:
            known = ", ".join(f"{rule} in {scaling}" for scaling, rule in NEAR)
            return f"scaling={self.scaling!r}, rule={self.rule!r}: expected one of {known}."
        return None

    def run(self):
        name, factor = RULES[self.rule]
        task = Task(
            *data(self.samples, self.dimension), optimiser(name, 0.0), SCALINGS[self.scaling], polar=name == "muon",
            factor=factor_of(name, factor), updates=self.updates,
            seeds=tuple(self.seed * self.networks + r for r in range(self.networks)),
        )  # fmt: skip
        near = NEAR[self.scaling, self.rule]
        found = search.curve(self.particles, lambda steps: task.losses(self.particles, steps), near)
        log = exponent.least(found, np.full((1, self.networks), 1 / self.networks))[0]
        best = float(np.exp(log)) if found.inside else np.nan
        return {"steps": found.steps, "loss": found.losses.mean(axis=1), "best": best}


def best(record: Record) -> float:
    """Return the best step of a run."""
    return float(record["best"])


WIDEST = 0.3
"""Of an exponent 0, whose controls are half of one or more away, an error up to here decides."""


def power(scaling: str, rule: str, statement: str, wrong: str, other: dict[str, str], check=checks.slope):
    """Return the claim that counting gives the exponent, which fails for the runs of another setting alone."""
    predicted = PREDICTED[scaling, rule]
    return claim(
        f"{scaling}_{rule}", f"the best step after many updates {statement}, m → ∞", predicted, check,
        select=Grid.at(scaling=scaling, rule=rule), x="particles", value=best, wrong=wrong,
        control={"select": Grid.at(**{"scaling": scaling, "rule": rule} | other)},
        widest=None if predicted.value else WIDEST,
    )  # fmt: skip


PREDICTED: dict[tuple[str, str], Prediction] = {
    (scaling, rule): width_exponents.best_step(scaling, *RULES[rule]) for scaling, rule in NEAR
}

ONE_RATE = "one learning rate for dense layers as frameworks start them"
CLAIMS = (
    power("mup", "sgd", "in muP, by gradient descent: ∝ m^0", ONE_RATE, {"scaling": "standard"},
          checks.asymptotic_slope),
    power("standard", "sgd", "in dense layers, by gradient descent: ∝ m^−1", "muP", {"scaling": "mup"}),
    power("tangent", "sgd", "in the tangent scaling, by gradient descent: ∝ m^0", ONE_RATE, {"scaling": "standard"},
          checks.asymptotic_slope),
    power("mup", "adam", "in muP, by Adam: ∝ m^0", ONE_RATE, {"scaling": "standard"}),
    power("mup", "ratio", "along polar factors times √(out/in): ∝ m^0", "without the factor", {"rule": "unscaled"},
          checks.asymptotic_slope),
    power("mup", "unscaled", "along polar factors of both layers as they are: ∝ m^−½", "times √(out/in)",
          {"rule": "ratio"}),
)  # fmt: skip

STUDY = Study(
    "width_transfer",
    "regimes",
    "the step that is best after many updates, at every width: where it transfers, and where it drifts",
    experiments=(Grid,),
    claims=CLAIMS,
    panels=(
        Panel("Gradient descent", Grid.at(rule="sgd"), "particles", "best", series="scaling",
              theory={name: PREDICTED[name, "sgd"] for name in SCALINGS}, ylabel="best step"),
        Panel("Adam", Grid.at(rule="adam"), "particles", "best", series="scaling",
              theory={name: PREDICTED[name, "adam"] for name in ("standard", "mup")}, ylabel="best step"),
        Panel("Polar factors of both layers", Grid.at(rule=("ratio", "unscaled")), "particles", "best", series="rule",
              theory={rule: PREDICTED["mup", rule] for rule in ("ratio", "unscaled")}, ylabel="best step"),
    ),
)  # fmt: skip

"""The plain kernel: one m × n array, kept between predict and pullback."""

from typing import Any

import equinox as eqx
import jax

from meanfield.arguments import one_of
from meanfield.arguments.typing import Inputs, Outputs, Position
from meanfield.integrals import tile
from meanfield.integrals.abstract import PRECISIONS, AbstractKernel
from meanfield.integrals.offer import CHAINS, Plan, Task
from meanfield.integrals.summation import CHAIN
from meanfield.particles import Particles
from meanfield.units.neuron import AbstractUnit, Neuron


class Dense(AbstractKernel):
    """Keeps all m·n pre-activations: fewest operations (4mnd for a neuron), memory that grows with m·n."""

    precision: str = eqx.field(static=True)

    def __init__(self, precision: str = "highest"):
        self.precision = one_of("precision", precision, PRECISIONS)

    def at(self, unit: AbstractUnit, x: Inputs) -> "Dense":
        return self

    def predict(self, unit: AbstractUnit, mu: Particles, x: Inputs) -> Outputs:
        return self.forward(unit, mu, x)[0]

    def forward(self, unit: AbstractUnit, mu: Particles, x: Inputs) -> tuple[Outputs, Any]:
        with jax.default_matmul_precision(self.precision):
            if type(unit) is not Neuron:
                return tile.any_outputs(unit, mu, x), ()
            z = tile.preactivation(unit, mu, x)
            return tile.outputs(unit, mu, z), z

    def backward(self, unit: AbstractUnit, mu: Particles, x: Inputs, kept: Any, r: Outputs) -> Position:
        with jax.default_matmul_precision(self.precision):
            if type(unit) is not Neuron:
                return tile.any_gradient(unit, mu, x, r)
            return tile.gradient(unit, mu, x, kept, r)

    def label(self) -> str:
        return "dense"


def offer(task: Task) -> Plan | str:
    """Fewest operations of all that go over pairs, as long as these are few."""
    m, n = task.m, task.n
    chains = CHAINS if task.platform == "cpu" and type(task.unit) is Neuron else 1
    if task.m > chains * CHAIN or not task.near:
        return f"{task.array}, more than a tile of one processor"
    held = m * n * task.pair
    return Plan(Dense(), held, 4 * task.work, task.particles + 2 * held, f"the {m} × {n} array is small")

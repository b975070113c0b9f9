"""Sums over pairs in the registers of this processor, by code that is compiled for it when it is first asked for."""

import importlib.util
from typing import Any

import jax
import jax.numpy as jnp

from meanfield.arguments.typing import Inputs, Outputs, Position
from meanfield.integrals.abstract import AbstractKernel
from meanfield.integrals.blocked import Blocked
from meanfield.integrals.offer import Plan, Task
from meanfield.integrals.pallas_tile import pairwise
from meanfield.integrals.tangents import with_tangents_of
from meanfield.particles import Particles
from meanfield.units.activations import ACTIVATIONS, recognised
from meanfield.units.neuron import AbstractUnit, Neuron

NOT_INSTALLED = "llvmlite is not installed, which comes with the extra `native`"
MAX_OUTPUTS = 16
"""Outputs up to which their sums stay near the registers."""
FEW_PAIRS = 1 << 16
"""Particles times samples below which a step takes a tenth of a millisecond by any kernel."""
NEAR = 1.3
"""How much faster XLA is where all pairs stay in the caches, if σ is a choice between two lines.

As measured, up to some 40 inputs pairs are dearer kept than never written; 25 for a smooth σ.
"""
PLAIN_BYTES = 1 << 23
"""Pre-activations of one block where derivatives are taken."""


def speed(unit: AbstractUnit, inputs: int) -> float:
    """Operations in the time of one of a streamed matrix product, which writes pre-activations and reads them again.

    As measured with AVX2: with few inputs it is the writing that takes the time, with some hundred the products; and
    what σ takes, where it is no choice between two lines, is about the same either way.
    """
    wide = inputs + 8 * (unit.outputs - 1)
    return 0.9 + 45 / (wide if getattr(unit, "slopes", None) is not None else wide + 50)


class Compiled(AbstractKernel):
    r"""Holds some particles and some samples in registers, so that no array of pairs is ever written (6mnd operations).

    Machine code for one activation, input dimension and number of outputs is made by LLVM (llvmlite, extra `native`)
    in a fraction of a second, and called by XLA on its own threads. Tiles follow from the shapes alone and each sum is
    made by one thread in a fixed order: results have the same bits on any number of threads.

    In `predict` up to 8192 particles are added one after the other, such chains with Kahan's compensation, and at most
    32 sums of chains by halves. The pullback adds up to 4096 samples in as many sums as a register has lanes, and
    such stretches with compensation. σ and σ' of smooth activations are within some ten roundings.

    For `Neuron` units of a named activation with up to 16 outputs, in float32 and float64, on processors. Derivatives
    go through `Blocked`.

    Raises `ValueError` for other units and types, and where llvmlite is not installed.
    """

    def at(self, unit: AbstractUnit, x: Inputs) -> "Compiled":
        return self

    def predict(self, unit: AbstractUnit, mu: Particles, x: Inputs) -> Outputs:
        plain = _plain(x, mu)
        return with_tangents_of(lambda mu, x: plain.predict(unit, mu, x), lambda mu, x: _predict(unit, mu, x), mu, x)

    def forward(self, unit: AbstractUnit, mu: Particles, x: Inputs) -> tuple[Outputs, tuple]:
        return self.predict(unit, mu, x), ()

    def backward(self, unit: AbstractUnit, mu: Particles, x: Inputs, kept: tuple, r: Outputs) -> Position:
        plain = _plain(x, mu)
        return with_tangents_of(
            lambda mu, x, r: plain.backward(unit, mu, x, (), r), lambda mu, x, r: _pullback(unit, mu, x, r), mu, x, r
        )

    def label(self) -> str:
        return "compiled"


def _plain(x: Inputs, mu: Particles) -> Blocked:
    return Blocked(max(1, PLAIN_BYTES // (x.shape[0] * mu.dtype.itemsize)))


def _predict(unit: AbstractUnit, mu: Particles, x: Inputs) -> Outputs:
    from meanfield.integrals.native.library import compiled
    from meanfield.integrals.native.task import groups

    work = _work(unit, mu, x)
    m, n, k = mu.m, x.shape[0], work.outputs
    samples = _in_blocks(work, _filled(work, x.astype(mu.dtype)))
    shape = jax.ShapeDtypeStruct((groups(work, m), samples.shape[0], k, work.block), mu.dtype)
    call = jax.ffi.ffi_call(compiled(work)[0], (shape, shape), vmap_method="sequential")
    sums, _ = call(mu.position, mu.mass.astype(mu.dtype), samples)
    f = jnp.moveaxis(pairwise(sums), 1, 0).reshape(k, -1)[:, :n]
    return f[0] if k == 1 else f.T


def _pullback(unit: AbstractUnit, mu: Particles, x: Inputs, r: Outputs) -> Position:
    from meanfield.integrals.native.library import compiled

    work = _work(unit, mu, x)
    filled = _filled(work, x.astype(mu.dtype))
    rows = jnp.pad(filled, ((0, 0), (0, work.row - x.shape[1])))
    r = _filled(work, r.reshape(r.shape[0], -1).astype(mu.dtype))
    shape = jax.ShapeDtypeStruct(mu.position.shape, mu.dtype)
    call = jax.ffi.ffi_call(compiled(work)[1], shape, vmap_method="sequential")
    return call(mu.position, _in_blocks(work, filled), rows, _in_blocks(work, r))


def _filled(work: Any, rows: jax.Array) -> jax.Array:
    """Rows of samples, filled with zeros up to whole blocks."""
    return jnp.pad(rows, ((0, -len(rows) % work.block), (0, 0)))


def _in_blocks(work: Any, rows: jax.Array) -> jax.Array:
    """Rows of samples block by block, columns first: [blocks, columns, block]."""
    return rows.reshape(-1, work.block, rows.shape[1]).transpose(0, 2, 1)


def _work(unit: AbstractUnit, mu: Particles, x: Inputs) -> Any:
    """Return what there is to compile, or raise `ValueError` with the reason why it can't be."""
    reason = unavailable(unit, mu.dtype, "cpu")
    if reason is not None:
        raise ValueError(f"kernel=Compiled(): {reason}; use Blocked or leave the choice to plan.")
    return work_of(unit, mu.dtype, x.shape[1], "cpu")


def work_of(unit: AbstractUnit, dtype: Any, inputs: int, platform: str) -> Any:
    """Return what there is to compile for such units and inputs; None where nothing can be."""
    if unavailable(unit, dtype, platform) is not None:
        return None
    from meanfield.integrals.native.task import work

    assert isinstance(unit, Neuron)
    known = recognised(unit.activation)
    name = next(name for name, activation in ACTIVATIONS.items() if activation is known)
    return work(
        name, inputs, unit.bias, unit.outputs, str(jnp.dtype(dtype)), unit.slopes if unit.outputs == 1 else None
    )


def unavailable(unit: AbstractUnit, dtype: Any, platform: str) -> str | None:
    """Why code can't be compiled for such units, in half a sentence; None if it can."""
    if platform != "cpu":
        return f"it is for processors, and this is a {platform}"
    if type(unit) is not Neuron:
        return f"the unit is a {type(unit).__name__}, not a Neuron"
    if recognised(unit.activation) is None:
        return "the activation is a function of your own, not one of the named ones"
    if str(jnp.dtype(dtype)) not in ("float32", "float64"):
        return f"the type is {jnp.dtype(dtype)}, not float32 or float64"
    if unit.outputs > MAX_OUTPUTS:
        return f"{unit.outputs} outputs are too many: at most {MAX_OUTPUTS} stay near the registers"
    return missing()


def missing() -> str | None:
    """Why no code can be compiled on this machine, in half a sentence; None if it can."""
    if importlib.util.find_spec("llvmlite") is None:
        return NOT_INSTALLED
    from meanfield.integrals.native.library import unavailable

    return unavailable()


def offer(task: Task) -> Plan | str:
    """Return a plan of as many operations as streaming has, without writing pairs down and reading them again."""
    if task.m * task.n < FEW_PAIRS:
        return f"{task.m} × {task.n} pairs are few: compiling for them takes longer than many thousand steps"
    absent = unavailable(task.unit, task.dtype, task.platform)
    if absent is not None:
        return absent
    held = 2 * (32 * task.unit.outputs + task.d) * task.n * task.size
    fast = speed(task.unit, task.d) / (NEAR if task.small and getattr(task.unit, "slopes", None) is not None else 1)
    return Plan(Compiled(), held, 6 * task.work, task.streamed, "no array of pairs is written", speed=fast)

"""One step of gradient descent by this package, and as plain JAX; `pytorch` has it as PyTorch.

One step is predict, pullback and update of a ReLU network under the square loss.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from simulations.scale import machine, pytorch, timing
from simulations.study.experiment import generator
from theory import cost

STEP = 0.1
"""h (mean-field time); of no consequence for the time a step takes."""

PLAIN_BYTES = 1 << 33
"""Plain JAX is not asked for m × n arrays of more than this together."""

SMALL = 120_000_000
"""Numbers in the particles and data of a step that is kept ready, with all others of this kind, for its next turn."""


def measured(
    shape: tuple[int, int, int], kernel: str, *, steps: int, repeats: int, baseline: bool = False
) -> dict[str, np.ndarray]:
    """Return seconds of a step [repeats] at (m, n, d), and what plan and compiler say of memory and operations.

    So many `steps` are one timed call, in one compiled loop as in a simulation. With `baseline` plain JAX, and PyTorch
    where it is installed, take turns with it.
    """
    m, n, d = shape
    small = (m + n) * (1 + d) <= SMALL
    step = (_kept if small else engine)(m, n, d, kernel, steps)
    programs = {"seconds": step.call}
    values: dict[str, Any] = {
        "shape": shape,
        "temporary_bytes": step.temporary_bytes,
        "operations": step.plan.operations,
        "traffic": step.plan.traffic,
        "planned_bytes": step.tile_bytes or step.plan.bytes,
        "label": step.kernel.label(),
        "pair_operations": float(cost.pair_operations(m, n, d)),
    }
    values["multiply_adds"] = _multiply_adds(m, n, d, step.kernel)
    values["particle_bytes"] = float(cost.particle_bytes(m, 1 + d))
    values |= machine.rates()
    if baseline:
        if (plain := plain_step(m, n, d, steps)) is not None:
            programs["plain_seconds"] = plain
            programs |= pytorch.steps(problem(m, n, d), STEP, steps)
        if isinstance(step.kernel, mf.integrals.Blocked):
            tile = step.kernel.particles, step.kernel.samples or n
            values["product_seconds"] = timing.product_seconds(m, n, d, *tile)
    values |= {name: taken / steps for name, taken in timing.by_turns(programs, repeats).items()}
    return {name: np.atleast_1d(value) for name, value in values.items()}


def problem(m: int, n: int, d: int) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Return (positions [m, 1 + d], inputs [n, d], targets [n]), float32."""
    rng = generator("arrays of a step")
    x = rng.standard_normal((n, d), dtype=np.float32)
    position = rng.standard_normal((m, 1 + d), dtype=np.float32)
    # Drawn by numpy: JAX would compile its generator for every size, which takes longer than the numbers do.
    return jnp.asarray(position), jnp.asarray(x), jnp.asarray(np.tanh(x[:, 0]))


@dataclass(frozen=True)
class Step:
    """A compiled step of this package, with its plan."""

    call: Callable[[], Any]
    kernel: Any
    plan: mf.integrals.Plan
    samples: int
    temporary_bytes: int

    @property
    def tile_bytes(self) -> int:
        """Return the bytes of a tile of a blocked kernel; 0 for others."""
        blocked = isinstance(self.kernel, mf.integrals.Blocked)
        return 4 * self.kernel.particles * (self.kernel.samples or self.samples) if blocked else 0


def compiled_steps(
    unit: mf.Neuron, kernel: Any, problem: tuple[jax.Array, jax.Array, jax.Array], steps: int = 1
) -> tuple[Callable[[], Any], int, mf.integrals.AbstractKernel]:
    """Return so many steps with a kernel as one call, the bytes of its temporary arrays, and the kernel that it has."""
    position, x, y = problem
    flow, mu = mf.GradientFlow(STEP), mf.Particles(position)
    objective = flow.prepare(mf.Objective(unit, mf.Square(), x, y, kernel=kernel), mu)
    changing, fixed = eqx.partition((objective, flow.init(objective, mu)), eqx.is_array)

    def step(changing):
        objective, state = eqx.combine(changing, fixed)
        return eqx.filter(jax.lax.fori_loop(0, steps, lambda _, s: flow.step(objective, s), state), eqx.is_array)

    return *timing.compiled(step, changing), objective.kernel  # type: ignore[attr-defined]


@functools.lru_cache(maxsize=2)
def engine(m: int, n: int, d: int, kernel: str, steps: int = 1) -> Step:
    """Return the step as this package takes it, so many of them in one call."""
    arrays, unit = problem(m, n, d), mf.Neuron("relu")
    plan = mf.Objective(unit, mf.Square(), *arrays[1:]).plan(m)
    tile = (
        plan.kernel
        if isinstance(plan.kernel, mf.integrals.Blocked)
        else mf.integrals.Blocked(min(m, 1000), min(n, 500))
    )
    forced = {
        "auto": None,
        "dense": mf.integrals.Dense(),
        "blocked": tile,
        "sorted": mf.integrals.Sorted(),
        "fused": mf.integrals.Pallas(),
    }[kernel]
    call, temporary, taken = compiled_steps(unit, forced, arrays, steps)
    return Step(call, taken, plan, n, temporary)


_kept = functools.lru_cache(maxsize=64)(engine.__wrapped__)


@functools.lru_cache(maxsize=2)
def plain_step(m: int, n: int, d: int, steps: int) -> Callable[[], Any] | None:
    """Return the step as one writes it without this package, `jax.jit(jax.grad(risk))`; None if it would not fit."""
    if 3 * m * n * 4 > PLAIN_BYTES:
        return None

    def step(position, x, y):
        def objective(position):
            f = jax.nn.relu(x @ position[:, 1:].T) @ position[:, 0] / m
            return m * jnp.mean((f - y) ** 2) / 2

        return position - STEP * jax.grad(objective)(position)

    def run(position, x, y):
        return jax.lax.fori_loop(0, steps, lambda _, q: step(q, x, y), position)

    return timing.compiled(run, *problem(m, n, d))[0]


def _multiply_adds(m: int, n: int, d: int, kernel: mf.integrals.AbstractKernel) -> float:
    """Return the multiply-adds of a step with this kernel, at least; none by sorting, which looks at no pair."""
    if isinstance(kernel, mf.integrals.Sorted):
        return 0.0
    kept = isinstance(kernel, mf.integrals.Dense) or (isinstance(kernel, mf.integrals.Blocked) and kernel.keep_signs)
    return float(cost.multiply_adds(m, n, d, preactivations="kept" if kept else "formed again"))

"""Which kernel, and why: each states its offer for unit, shapes, type, device and memory, and the cheapest is taken."""

import dataclasses

import jax

from meanfield.arguments import positive_count
from meanfield.arguments.meant import shown
from meanfield.integrals import blocked, compiled, dense, interpolated, pallas, sorted  # the kernel of this name
from meanfield.integrals.offer import Plan, Task
from meanfield.integrals.tuning import in_force
from meanfield.units.neuron import AbstractUnit

MEMORY = 1 << 29
"""Bytes that a kernel may take for itself unless told otherwise: half a gigabyte."""

OFFERS = {
    "sorted": sorted.offer,
    "dense": dense.offer,
    "pallas": pallas.offer,
    "compiled": compiled.offer,
    "interpolated": interpolated.offer,
    "signs": blocked.offer_with_signs,
    "blocked": blocked.offer,
}
"""A function of a task for every kernel: its plan, or half a sentence that says why it can't serve.

A kernel of a new kind is a file with such a function, and a line here.
"""


def plan(objective, m: int, n: int | None = None, *, memory: int = MEMORY) -> Plan:
    """The plan for `objective` with m particles, on its n training inputs unless another n is given.

    **Arguments:** `memory`: bytes that the kernel may take for itself.

    >>> import jax.numpy as jnp, meanfield as mf
    >>> objective = mf.Objective(mf.Neuron("relu"), mf.Square(), jnp.ones((1000, 2)), jnp.ones(1000))
    >>> found = mf.plan(objective, 10**6)
    >>> type(found.kernel).__name__, dict(found.others)["interpolated"]
    ('Sorted', 'inputs have dimension 2, and it interpolates on the line only')
    """
    m, memory = positive_count("m", m), positive_count("memory", memory)
    if not hasattr(objective, "unit") or not hasattr(objective, "x"):
        raise ValueError(f"{shown('objective', objective)}: expected an objective such as Objective(unit, loss, x, y).")
    d = objective.x.shape[1]
    n = objective.x.shape[0] if n is None else positive_count("n", n)
    return choose(objective.unit, m, n, d, objective.x.dtype, memory=memory)


def choose(
    unit: AbstractUnit, m: int, n: int, d: int, dtype, platform: str | None = None, memory: int = MEMORY
) -> Plan:
    """Return the cheapest plan for bare numbers, on the default backend unless a platform ("cpu", "gpu") is named.

    On processors tiles have the sizes of `tuning.in_force()`.
    """
    platform = jax.default_backend() if platform is None else platform
    task = Task(unit, m, n, d, dtype, platform, memory, in_force())
    offers = {name: offer(task) for name, offer in OFFERS.items()}
    plans = {name: offer for name, offer in offers.items() if isinstance(offer, Plan)}
    best = min(plans, key=lambda name: plans[name].cost)
    others = tuple(
        (name, f"{offer.cost:.3g} operations" if isinstance(offer, Plan) else offer)
        for name, offer in offers.items()
        if name != best
    )
    said = ""
    if best in ("signs", "blocked"):
        if task.platform == "gpu":
            said = f"; no fused kernel: {offers['pallas']}"
        elif offers["compiled"] == compiled.NOT_INSTALLED:
            said = f"; it would be faster compiled: {compiled.NOT_INSTALLED}"
    return dataclasses.replace(plans[best], reason=plans[best].reason + said, others=others)

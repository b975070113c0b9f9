"""Fewer samples for smooth units on the line: sums at Chebyshev points, and polynomials from there to the data."""

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from meanfield.arguments import INT32, positive_count
from meanfield.arguments.meant import instance
from meanfield.arguments.typing import Inputs, Outputs, Position
from meanfield.integrals.abstract import AbstractKernel
from meanfield.integrals.blocked import Blocked
from meanfield.integrals.chebyshev import Interval, Matrix, Points, interpolation, points
from meanfield.integrals.compiled import Compiled, speed, unavailable
from meanfield.integrals.offer import Plan, Task
from meanfield.integrals.strip import STRIPS, analytic, largest_reach
from meanfield.particles import Particles
from meanfield.units.neuron import AbstractUnit, Neuron

NODES = (64, 96, 160, 256, 512)
"""Numbers of Chebyshev points on offer. Each is a program of its own that takes a quarter of a second to compile."""


class Interpolated(AbstractKernel):
    r"""Lets `inner` work on N Chebyshev points t_k in place of n samples: f = L f(t) and g = backward(t, Lᵀ r).

    x ↦ Φ(θ; x) = a σ(wx + b) is analytic, so that the matrix L [n, N] of polynomial interpolation gives it at the
    samples, and with it its derivatives in θ. The cost is N/n of that of `inner`, and 4nN operations for L.

    **Arguments:**

    - `nodes`: N, or several in increasing order, of which every call takes the first that is certified.
    - `inner`: the kernel that sums at the points, such as `Blocked(1024)`; at the samples, where no N is certified.

    Certified is an N for which the error of interpolation of every particle is below one rounding, by a bound
    (`strip.log_error`) that depends on σ, N and max_j |w_j| times half the length of the data's interval: of a term
    p_j a_j σ(w_j x_i + b_j) it is at most ε D p_j |a_j w_j| X, of its derivatives ε D p_j |a_j| X and ε D p_j |a_j|,
    with X = max |x_i| and D = sup |σ'|. Roundings of `inner` pass through L, whose rows have absolute sums below
    1 + (2/π) log N, that is 5 for 512 points. Errors are thus relative to the largest sample and not to each: at
    samples near 0 `inner` alone would be more accurate for units without bias.

    For `Neuron` units whose activation is in `strip.STRIPS` and inputs of dimension one, with or without bias. Under
    `vmap` all replicas take the N that the largest of their weights needs.
    """

    nodes: tuple[int, ...] = eqx.field(static=True)
    inner: AbstractKernel
    interval: Interval | None
    matrices: tuple[Float[Array, "n _"], ...] | None

    def __init__(
        self,
        nodes: int | Sequence[int],
        inner: AbstractKernel,
        interval: Interval | None = None,
        matrices: tuple[Float[Array, "n _"], ...] | None = None,
    ):
        several = nodes if isinstance(nodes, Sequence) and not isinstance(nodes, str | bytes) else [nodes]
        counts = [positive_count("nodes", count, most=INT32) for count in several]
        self.nodes = tuple(counts)
        if not counts or counts[0] < 2 or counts != sorted(set(counts)):
            raise ValueError(f"nodes={nodes!r}: expected a number of points from 2, or several in increasing order.")
        self.inner = instance("inner", inner, AbstractKernel)
        self.interval = interval
        self.matrices = matrices

    def at(self, unit: AbstractUnit, x: Inputs) -> "Interpolated":
        _suited(unit, x)
        interval = Interval(x)
        return Interpolated(
            self.nodes, self.inner, interval, tuple(interpolation(interval, x, count) for count in self.nodes)
        )

    def predict(self, unit: AbstractUnit, mu: Particles, x: Inputs) -> Outputs:
        def interpolated(t: Points, matrix: Matrix, mu: Particles) -> Outputs:
            return jnp.matmul(matrix, self.inner.predict(unit, mu, t), precision="highest")

        def summed(mu: Particles) -> Outputs:
            return self.inner.predict(unit, mu, x)

        return self._cheapest(unit, mu, x, interpolated, summed, mu)

    def forward(self, unit: AbstractUnit, mu: Particles, x: Inputs) -> tuple[Outputs, Any]:
        return self.predict(unit, mu, x), ()

    def backward(self, unit: AbstractUnit, mu: Particles, x: Inputs, kept: Any, r: Outputs) -> Position:
        def pulled(t: Inputs, mu: Particles, r: Outputs) -> Position:
            # Branches can't keep arrays of different sizes. Of a kernel that keeps nothing this computes nothing.
            return self.inner.backward(unit, mu, t, self.inner.forward(unit, mu, t)[1], r)

        def interpolated(t: Points, matrix: Matrix, mu: Particles, r: Outputs) -> Position:
            return pulled(t, mu, jnp.matmul(matrix.T, r, precision="highest"))

        def summed(mu: Particles, r: Outputs) -> Position:
            return pulled(x, mu, r)

        return self._cheapest(unit, mu, x, interpolated, summed, mu, r)

    def label(self) -> str:
        return f"interpolated ({', '.join(map(str, self.nodes))} points; {self.inner.label()})"

    def _cheapest(self, unit, mu: Particles, x: Inputs, interpolated: Callable, summed: Callable, *operands):
        """`interpolated(t, L, *operands)` for the first N that is certified, `summed(*operands)` if there is none."""
        name = _suited(unit, x)
        interval = Interval(x) if self.interval is None else self.interval

        def at(index: int, count: int):
            def branch(*operands):
                matrix = interpolation(interval, x, count) if self.matrices is None else self.matrices[index]
                return interpolated(points(interval, count), matrix, *operands)

            return branch

        branches = [at(index, count) for index, count in enumerate(self.nodes)]
        level = jnp.sum(~(_reach(unit, mu, interval) <= self._limits(name, mu, x)))
        # Checkpointed: reverse mode would otherwise keep what every branch needs, also of those not taken.
        return jax.checkpoint(lambda *operands: jax.lax.switch(level, [*branches, summed], *operands))(*operands)

    def _limits(self, name: str, mu: Particles, x: Inputs):
        """The largest max |w| · half for every N; four roundings less, for those of the product itself."""
        dtype = jnp.result_type(mu.dtype, x.dtype)
        eps = float(jnp.finfo(dtype).eps)
        return jnp.asarray([(1 - 4 * eps) * largest_reach(name, count, eps) for count in self.nodes], dtype)


def uncertified(unit: AbstractUnit, d: int) -> str | None:
    """Why this kernel can't serve such units and inputs, or None if it can."""
    if d != 1:
        return f"inputs have dimension {d}, and it interpolates on the line only"
    if type(unit) is not Neuron:
        return "the unit is not a Neuron"
    if analytic(unit) is None:
        return f"a bound on the error of interpolation is known for the activations {', '.join(STRIPS)} only"
    return None


def _suited(unit: AbstractUnit, x: Inputs) -> str:
    reason = uncertified(unit, x.shape[1])
    if reason is not None:
        raise ValueError(f"kernel=Interpolated(…): {reason}; use Blocked or leave the choice to plan.")
    return analytic(unit)  # type: ignore[return-value]


def _reach(unit: Neuron, mu: Particles, interval: Interval):
    """max_j |w_j| times half the length of the interval. Of a w that is no number every sum is none, on any branch."""
    _, w, _ = unit.split(jax.lax.stop_gradient(mu.position))
    return _largest(jax.lax.stop_gradient(interval.half) * jnp.max(jnp.where(jnp.isnan(w), 0, jnp.abs(w))))


# Under vmap a branch chosen by each replica for itself would become the computation of all branches.
@jax.custom_batching.custom_vmap
def _largest(reach):
    return reach


@_largest.def_vmap
def _of_all(axis_size, in_batched, reach):
    return jnp.max(reach), False


def offer(task: Task) -> Plan | str:
    """Sums at Chebyshev points, where these at least halve the work and their matrices fit into the memory."""
    m, n, k = task.m, task.n, task.unit.outputs
    reason = uncertified(task.unit, task.d)
    if reason is not None:
        return reason
    if task.platform != "cpu" or task.size < 4:
        return "its choice of points at every step has not been measured there"
    if task.small:
        return f"the {m} × {n} array is small"
    nodes = [count for count in NODES if 2 * count * (m + n) <= m * n]
    while n * sum(nodes) * task.size > task.memory - task.tile:
        nodes.pop()
    if not nodes:
        return f"no number of points halves the work of {m} × {n} pairs within the memory"
    compiled = unavailable(task.unit, task.dtype, task.platform) is None
    inner = Compiled() if compiled else Blocked(task.block, None if task.samples == n else task.samples)
    most, matrices = nodes[-1], n * sum(nodes) * task.size
    held = task.block * task.samples * task.pair + matrices
    operations = 6 * m * most * (task.d + k) + 4 * n * most * k
    why = f"analytic on the line: {nodes[0]} to {most} points do for {n} samples, unless weights are large"
    traffic = task.streamed + 2 * n * most * task.size
    faster = speed(task.unit, task.d) if compiled else 1.0
    return Plan(Interpolated(tuple(nodes), inner), held, operations, traffic, why, speed=faster)

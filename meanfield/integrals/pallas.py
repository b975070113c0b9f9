"""A fused kernel for GPUs: both integrals tile by tile in registers, the m × n array never written.

Pallas' Triton backend; JAX 0.11 and later call it deprecated, and `unavailable` answers once it is gone.
"""

import functools
import warnings
from collections.abc import Callable, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from meanfield.arguments import flag, one_of
from meanfield.arguments.typing import Inputs, Outputs, Position
from meanfield.integrals.abstract import PRECISIONS, AbstractKernel
from meanfield.integrals.blocked import Blocked
from meanfield.integrals.offer import Plan, Task
from meanfield.integrals.pallas_tile import (
    Outer,
    Product,
    add,
    axes,
    division,
    edge,
    load,
    outer,
    pairwise,
    store,
    tile_size,
    up,
    zero_filled,
)
from meanfield.integrals.tangents import with_tangents_of
from meanfield.particles import Particles
from meanfield.units.neuron import AbstractUnit, Neuron

MAX_INPUTS = 128
MAX_OUTPUTS = 8
"""Beyond these (a bias counts as an input) the sums of one tile no longer fit the 255 registers of a thread."""

BROADCAST_INPUTS = 16
"""Up to here, d outer products in registers beat a product through shared memory."""

WARPS = 4
PLAIN_BYTES = 1 << 26
"""Pre-activations of one block where derivatives are taken."""

INDEX_LIMIT = 1 << 31


class Pallas(AbstractKernel):
    r"""Holds `held` rows of one factor and streams the other past them, `streamed` rows at a time.

    Samples are held and particles streamed in predict, the other way round in the pullback, which computes the
    pre-activations again (6mnd operations). A grid of (tiles of held rows) × (pieces of the streamed axis) writes one
    partial sum for each piece; these are added pairwise afterwards. Nothing is added atomically: equal inputs give
    equal bits. A bias is an input of its own that is always one.

    **Arguments:**

    - `held`, `streamed`: tile sizes, powers of two of at least 16; `held=None` takes the largest whose sums fit in
      registers.
    - `precision`: of the products for more than 16 inputs: "highest" is float32, "high" three passes of TF32,
      "default" one. With up to 16 inputs all arithmetic is float32.
    - `interpret`: run as plain JAX operations (any platform, slow, for tests); None does so where JAX sees no GPU.

    Neurons only, with an activation that the backend can lower; see `unavailable`. Derivatives of `predict` go through
    `Blocked`.

    Raises `ValueError` for a bad tile size, and for an operand of 2³¹ numbers or more, which 32-bit indices miss.

    Tiling after Tillet, Kung, Cox, "Triton", MAPL 2019.
    """

    held: int | None = eqx.field(static=True)
    streamed: int = eqx.field(static=True)
    precision: str = eqx.field(static=True)
    interpret: bool | None = eqx.field(static=True)

    def __init__(
        self,
        held: int | None = None,
        streamed: int = 32,
        precision: str = "highest",
        interpret: bool | None = None,
    ):
        self.held = None if held is None else tile_size("held", held)
        self.streamed = tile_size("streamed", streamed)
        self.precision = one_of("precision", precision, PRECISIONS)
        self.interpret = None if interpret is None else flag("interpret", interpret)

    def at(self, unit: AbstractUnit, x: Inputs) -> "Pallas":
        return self

    def predict(self, unit: AbstractUnit, mu: Particles, x: Inputs) -> Outputs:
        plain = Blocked(max(1, PLAIN_BYTES // (x.shape[0] * mu.dtype.itemsize)), precision=self.precision)
        return with_tangents_of(lambda mu, x: plain.predict(unit, mu, x), lambda mu, x: self._fused(unit, mu, x), mu, x)

    def forward(self, unit: AbstractUnit, mu: Particles, x: Inputs) -> tuple[Outputs, tuple]:
        return self.predict(unit, mu, x), ()

    def backward(self, unit: AbstractUnit, mu: Particles, x: Inputs, kept: tuple, r: Outputs) -> Position:
        neuron, a, w, x = _operands(unit, mu, x)
        (m, k), (n, d) = a.shape, x.shape
        tile, held = self._tile(d, k)
        splits, steps = division(m, n, held, self.streamed)
        over_m, over_n = up(m, held), splits * steps * self.streamed
        w, a = tile.split(edge(w, over_m)), edge(a, over_m).T
        x, r = tile.split(edge(x, over_n)), zero_filled(r.reshape(n, k).astype(w.dtype), over_n).T

        def body(w_ref, a_ref, x_ref, r_ref, ga_ref, gw_ref):
            rows, split, columns = axes(held, self.streamed, steps)
            w, a = load(w_ref, rows), load(a_ref, rows)

            def step(t, sums):
                ga, gw = sums
                x, r = load(x_ref, columns(t)), load(r_ref, columns(t))
                h, transpose = jax.vjp(neuron.activation, tile.product(w, x))
                (s,) = transpose(add(outer(ac, rc) for ac, rc in zip(a, r, strict=True)))
                ga = [total + tile.partial(h * rc[None, :]) for total, rc in zip(ga, r, strict=True)]
                return ga, [total + tile.times(s, xc) for total, xc in zip(gw, x, strict=True)]

            zero = jnp.zeros((held, self.streamed), w_ref.dtype)
            ga, gw = [tile.partial(zero)] * k, [tile.none(zero)] * w_ref.shape[0]
            ga, gw = jax.lax.fori_loop(0, steps, step, (ga, gw))
            store(ga_ref, split, rows, [tile.total(part) for part in ga])
            store(gw_ref, split, rows, [tile.total(part) for part in gw])

        ga, gw = self._call(body, splits, over_m // held, (a, w), (w, a, x, r))
        return jnp.concatenate([ga.T[:m], tile.join(gw)[:m, :d]], axis=1)

    def label(self) -> str:
        return f"pallas ({self.held or 'as many as fit'} rows held, {self.streamed} streamed)"

    def _fused(self, unit: AbstractUnit, mu: Particles, x: Inputs) -> Outputs:
        neuron, a, w, x = _operands(unit, mu, x)
        (m, k), (n, d) = a.shape, x.shape
        tile, held = self._tile(d, k)
        splits, steps = division(n, m, held, self.streamed)
        over_n, over_m = up(n, held), splits * steps * self.streamed
        x, w = tile.split(edge(x, over_n)), tile.split(edge(w, over_m))
        pa = zero_filled(mu.mass.astype(a.dtype)[:, None] * a, over_m).T

        def body(x_ref, w_ref, pa_ref, f_ref):
            rows, split, columns = axes(held, self.streamed, steps)
            x = load(x_ref, rows)

            def step(t, f):
                w, pa = load(w_ref, columns(t)), load(pa_ref, columns(t))
                h = neuron.activation(tile.product(x, w))
                return [total + tile.partial(h * pc[None, :]) for total, pc in zip(f, pa, strict=True)]

            zero = tile.partial(jnp.zeros((held, self.streamed), w_ref.dtype))
            f = jax.lax.fori_loop(0, steps, step, [zero] * k)
            store(f_ref, split, rows, [tile.total(part) for part in f])

        like = jax.ShapeDtypeStruct((k, over_n), a.dtype)
        (f,) = self._call(body, splits, over_n // held, (like,), (x, w, pa))
        return f[0, :n] if unit.outputs == 1 else f[:, :n].T

    def _tile(self, d: int, k: int) -> "tuple[Outer | Product, int]":
        """How z is computed, and how many rows are held: as many as H100 registers take without spilling."""
        if d <= BROADCAST_INPUTS:
            return Outer(), self.held or (32 if d + k <= 11 else 16)
        interpret = self._interpreted()
        # Tensor cores want 64 rows; float32 sums of more than 80 inputs leave room for 32.
        return Product(self.precision, interpret), self.held or (64 if d <= 80 or self.precision != "highest" else 32)

    def _call(self, body: Callable, splits: int, tiles: int, like: Sequence, operands: Sequence[Array]) -> list[Array]:
        """Runs `body` over the grid and adds the `splits` partial sums of each result."""
        from jax.experimental import pallas
        from jax.experimental.pallas import triton

        shapes = [jax.ShapeDtypeStruct((splits, *array.shape), array.dtype) for array in like]
        for array in (*shapes, *operands):
            if array.size >= INDEX_LIMIT:
                raise ValueError(
                    f"an operand of shape {array.shape} holds {array.size} numbers: the fused kernel counts with 32 "
                    f"bits, up to {INDEX_LIMIT - 1}. Use Blocked, or fewer particles or samples at a time."
                )
        parts = pallas.pallas_call(
            body,
            out_shape=shapes,
            grid=(tiles, splits),
            compiler_params=triton.CompilerParams(num_warps=WARPS),
            interpret=self._interpreted(),
        )(*operands)
        return [pairwise(part) for part in parts]

    def _interpreted(self) -> bool:
        return jax.default_backend() != "gpu" if self.interpret is None else self.interpret


def unavailable(unit: AbstractUnit, d: int, dtype, platform: str) -> str | None:
    """Why the fused kernel cannot run for inputs of dimension d on `platform`, in half a sentence; None if it can.

    The last answer comes from lowering the kernel for CUDA, which takes a fraction of a second the first time.
    """
    if platform not in ("gpu", "cuda"):
        return f"no NVIDIA GPU, but {platform}"
    if type(unit) is not Neuron:
        return f"the unit is a {type(unit).__name__}, not a Neuron"
    if jnp.dtype(dtype) != jnp.float32:
        return f"the type is {jnp.dtype(dtype)}, not float32"
    if d + unit.bias > MAX_INPUTS:
        return f"d = {d} is too large: at most {MAX_INPUTS} inputs fit in registers, a bias counted as one"
    if unit.outputs > MAX_OUTPUTS:
        return f"{unit.outputs} outputs are too many: at most {MAX_OUTPUTS} fit in registers"
    try:
        import jax.experimental.pallas.triton  # noqa: F401
    except ImportError as error:
        return f"this JAX has no Triton backend ({error})"
    return _refusal(unit, d)


@functools.lru_cache(maxsize=256)
def _refusal(unit: Neuron, d: int) -> str | None:
    try:
        _lower(unit, d)
    except (RuntimeError, TypeError, ValueError) as error:  # what JAX raises for a missing rule, type or value
        return f"JAX cannot lower it for CUDA ({' '.join(str(error).split())[:200]})"
    return None


def _lower(unit: Neuron, d: int) -> None:
    kernel = Pallas(interpret=False)

    def both(position, mass, x, r):
        mu = eqx.tree_at(lambda nu: (nu.position, nu.mass), Particles(jnp.zeros((1, 1))), (position, mass))
        return kernel.predict(unit, mu, x), kernel.backward(unit, mu, x, (), r)

    rows = 64
    shapes = [(rows, unit.size(d)), (rows,), (rows, d), (rows, unit.outputs)[: 1 if unit.outputs == 1 else 2]]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The Pallas Triton backend is deprecated", DeprecationWarning)
        arguments = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
        jax.jit(both).trace(*arguments).lower(lowering_platforms=("cuda",))


def _operands(unit: AbstractUnit, mu: Particles, x: Inputs) -> tuple[Neuron, Array, Array, Array]:
    """(unit, a, w, x) of one type, the bias as one more input."""
    if type(unit) is not Neuron:
        raise ValueError(f"unit={unit!r}: the fused kernel takes a Neuron. Use Blocked for other units.")
    a, w, b = unit.split(mu.position)
    x = x.astype(w.dtype)
    if b is not None:
        w, x = jnp.concatenate([w, b[:, None]], axis=1), jnp.pad(x, ((0, 0), (0, 1)), constant_values=1)
    return unit, a, w, x


def offer(task: Task) -> Plan | str:
    """Fused on the device, where there is one and the pairs are more than one tile."""
    if task.small:  # asked before `unavailable`, which lowers the kernel to find out
        return f"the {task.m} × {task.n} array is small, and cheaper kept than formed twice"
    absent = unavailable(task.unit, task.d, task.dtype, task.platform)
    if absent is not None:
        return absent
    held = 2 * (task.m * task.unit.size(task.d) + task.n * (task.d + task.unit.outputs)) * task.size
    why = "fused on the device: the m × n array is never written"
    # It waits for no array: twice the rate of products that write theirs and read it again.
    return Plan(Pallas(), held, 6 * task.work, task.particles, why, speed=2.0)

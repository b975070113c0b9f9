"""Seconds, measured so that they can be compared: programs by turns, each warmed up by itself, medians."""

import functools
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

SQUARE = 2048
"""Side of the matrices whose product gives the machine's rate."""

COPIED = 1 << 24
"""Numbers of the array whose copying gives the machine's bandwidth."""


def by_turns(
    programs: Mapping[str, Callable[[], Any]], repeats: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, np.ndarray]:
    """Return the seconds of every program, [repeats], one after the other in every round.

    Each timed call follows an untimed one of the same program: memory that another program gives back, which happens
    after its result is there, is not held against this one. `clock` may be `time.process_time`, which counts what all
    cores work for this process and not what they do for others.
    """
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(repeats):
        for name, program in programs.items():
            jax.block_until_ready(program())
            began = clock()
            jax.block_until_ready(program())
            seconds[name].append(clock() - began)
    return {name: np.asarray(taken) for name, taken in seconds.items()}


def compiled(function: Callable, *arguments) -> tuple[Callable[[], Any], int]:
    """Return (a call without arguments, the bytes of its temporary arrays)."""
    program = jax.jit(function).lower(*arguments).compile()
    memory = program.memory_analysis()
    return (lambda: program(*arguments)), (0 if memory is None else int(memory.temp_size_in_bytes))


def rates(repeats: int = 3) -> tuple[float, float]:
    """Return (operations a second in a large float32 product, bytes a second in a copy), the best of a few."""
    a = jnp.ones((SQUARE, SQUARE), jnp.float32)
    v = jnp.ones(COPIED, jnp.float32)
    product, _ = compiled(lambda a: jnp.matmul(a, a, precision="highest"), a)
    copy, _ = compiled(lambda v: v + 1, v)
    seconds = by_turns({"product": product, "copy": copy}, repeats)
    return 2 * SQUARE**3 / float(seconds["product"].min()), 2 * v.nbytes / float(seconds["copy"].min())


@functools.lru_cache(maxsize=8)
def product_seconds(m: int, n: int, d: int, rows: int, columns: int, repeats: int = 5) -> float:
    """Return the seconds that the two products of a velocity take on their own, tile by tile, with nothing in between.

    The rate of matrix products depends on their shape; this is what a kernel with such tiles is up against.
    """
    w, x = jnp.ones((rows, d), jnp.float32), jnp.ones((columns, d), jnp.float32)
    s = jnp.ones((rows, columns), jnp.float32)
    forward, _ = compiled(lambda w, x: jnp.matmul(w, x.T, precision="highest"), w, x)
    back, _ = compiled(lambda s, x: jnp.matmul(s, x, precision="highest"), s, x)
    seconds = by_turns({"forward": forward, "back": back}, repeats)
    tiles = (m / rows) * (n / columns)
    return tiles * sum(float(np.median(taken)) for taken in seconds.values())

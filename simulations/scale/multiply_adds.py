"""The rate at which this processor multiplies and adds when it does nothing else, in vectors, on all its cores."""

import ctypes
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

from llvmlite import ir

from meanfield.environment.processor import cores
from meanfield.integrals.native.library import engine
from meanfield.integrals.native.task import lane_bytes
from meanfield.integrals.native.vectors import FLOATS, WORD, Registers, broadcast, loop, word, zeros

CHAINS = 12
"""Sums that go on side by side: an addition waits for the one before it in its chain, some four cycles, and a processor
has at most two or three units for them."""

ROUNDS = 20_000_000


def multiply_add_rate(repeats: int = 5) -> float:
    """Return multiply-adds a second of float32, every number of a vector counted, the best of a few."""
    kind = Registers("float32", lane_bytes() // 4)
    module, number = ir.Module("rate"), FLOATS["float32"]
    function = ir.Function(module, ir.FunctionType(number, [WORD, number]), "chains")
    b = ir.IRBuilder(function.append_basic_block("entry"))
    factor = broadcast(b, kind, function.args[1])
    step = lambda _, sums: [one.times_plus(factor, factor) for one in sums]  # noqa: E731
    first, *others = loop(b, word(0), function.args[0], 1, zeros(b, kind, CHAINS), step)
    b.ret(sum(others, first).total())
    code = engine(str(module))
    kernel = ctypes.CFUNCTYPE(ctypes.c_float, ctypes.c_int64, ctypes.c_float)(code.get_function_address("chains"))
    kernel(ROUNDS, 0.5)
    count, seconds = cores(), []
    with ThreadPoolExecutor(count) as threads:
        for _ in range(repeats):
            began = perf_counter()
            list(threads.map(lambda _: kernel(ROUNDS, 0.5), range(count)))
            seconds.append(perf_counter() - began)
    return CHAINS * kind.lanes * ROUNDS * count / min(seconds)

"""How fast this machine is, beside the one on which the costs of studies were measured."""

import functools
import time

REFERENCE = 0.0036
"""Processor seconds of `yardstick` where the costs were measured."""

SLOWEST = 10.0
"""The largest factor that is believed, and the smallest is its inverse."""


@functools.cache
def slowness() -> float:
    """Return how many times as long as there work takes here; measured once in a process, in a tenth of a second."""
    return min(max(yardstick() / REFERENCE, 1 / SLOWEST), SLOWEST)


def yardstick() -> float:
    """Return the processor seconds in which Python compiles a fixed text, as it traces programs: on one core.

    It starts no JAX, which may be impossible where a sweep is only planned. The least of five turns: other work on the
    machine only adds to them.
    """
    source = "\n".join(f"def f{i}(x):\n    return [x * {i} + y for y in range(x)]" for i in range(300))

    def turn() -> float:
        began = time.process_time()
        compile(source, "yardstick", "exec")
        return time.process_time() - began

    return min(turn() for _ in range(5))

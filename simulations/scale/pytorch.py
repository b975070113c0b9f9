"""One step of gradient descent by PyTorch on the processor, eager and compiled, where PyTorch is installed."""

import importlib.util
from collections.abc import Callable
from typing import Any

import jax
import numpy as np


def steps(problem: tuple[jax.Array, jax.Array, jax.Array], length: float, count: int) -> dict[str, Callable[[], Any]]:
    """Return `count` steps of this length from (positions, inputs, targets), by the name of their seconds.

    Empty without PyTorch, and where JAX computes elsewhere than on the processor.
    """
    if importlib.util.find_spec("torch") is None or jax.default_backend() != "cpu":
        return {}
    import torch  # type: ignore[import-not-found]

    start, x, y = (torch.tensor(np.asarray(part)) for part in problem)
    m = start.shape[0]

    def step(position, x, y):
        f = torch.relu(x @ position[:, 1:].T) @ position[:, 0] / m
        (gradient,) = torch.autograd.grad(m * torch.mean((f - y) ** 2) / 2, position)
        return position - length * gradient

    def run(program):
        now = start
        for _ in range(count):
            now = program(now.detach().requires_grad_(True), x, y)
        return now

    compiled = torch.compile(step)
    return {"torch_eager_seconds": lambda: run(step), "torch_compiled_seconds": lambda: run(compiled)}

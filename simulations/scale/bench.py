"""The table of `meanfield bench`: this machine, measured now, against plain JAX and against its own limits."""

from collections.abc import Callable
from typing import Any, TextIO

import jax
import numpy as np

from simulations.scale import throughput
from simulations.scale.machine import described, machine
from simulations.scale.throughput import Panel
from theory.cost import attainable

Progress = Callable[[int, int], None]

TORCH = {"torch_eager_seconds": "PyTorch", "torch_compiled_seconds": "compiled PyTorch"}
"""Columns that are there where PyTorch is installed."""


def bench(report: Progress | None = None) -> dict[str, Any]:
    """Rows for every shape of the panel, and the geometric mean of the speed-ups over plain JAX.

    `seconds` are those of one step, the median of seven loops of a few steps, each program taking turns with the
    others. `speedup` is None where plain JAX would not fit in memory. `fraction_of_limit` is a derived time over the
    measured one: that of the multiply-adds of a step (`theory.cost.multiply_adds`) at the rate of `machine`, or of the
    particles read twice and written once at that of a copy, whichever is longer. On a GPU the panel goes to 1e8
    particles, every shape is also run by plain streaming (`blocked`), and `precision` compares presets of matrix
    products.
    """
    accelerated = jax.default_backend() != "cpu"
    shapes = throughput.GPU_PANEL if accelerated else throughput.PANEL
    kernels = ("auto", "blocked") if accelerated else ("auto",)
    runs = [Panel(particles=m, samples=n, dimension=d, kernel=kernel) for m, n, d in shapes for kernel in kernels]
    rows = []
    for i, run in enumerate(runs):
        rows.append(_row(run, run.run()))
        if report is not None:
            report(i + 1, len(runs))
    gains = [row["speedup"] for row, run in zip(rows, runs, strict=True) if row["speedup"] and run.kernel == "auto"]
    answer: dict[str, Any] = {"machine": machine(), "rows": rows, "geometric_mean": _mean(gains)}
    if accelerated:
        from meanfield.integrals.precision import compare_precisions

        presets = compare_precisions(4096, 4096, 512)
        answer["precision"] = {name: measured._asdict() for name, measured in presets.items()}
    return answer


def _row(run: Panel, values: dict[str, np.ndarray]) -> dict[str, Any]:
    m, n, d = run.particles, run.samples, run.dimension
    seconds = float(np.median(values["seconds"]))
    facts = ("multiply_adds", "particle_bytes", "multiply_add_rate", "bandwidth")
    limit = attainable(*(float(values[name][0]) for name in facts))
    row = {
        "m": m,
        "n": n,
        "d": d,
        "unit": "relu",
        "kernel": str(values["label"][0]),
        "seconds": seconds,
        "plain_seconds": None,
        "speedup": None,
        "fraction_of_limit": limit / seconds,
        "particles_per_second": m / seconds,
    }
    for name in ("plain_seconds", *TORCH):
        if name in values:
            row[name] = float(np.median(values[name]))
    if row["plain_seconds"] is not None:
        row["speedup"] = row["plain_seconds"] / seconds
    if "product_seconds" in values:
        # 4mnd operations at the rate at which this machine multiplies tiles of this kernel's shape.
        row["fraction_of_products"] = float(values["product_seconds"][0]) / seconds
    return row


def print_table(answer: dict[str, Any], stream: TextIO) -> None:
    """The rows for a reader."""
    from rich.console import Console
    from rich.table import Table

    console = Console(file=stream, width=None if stream.isatty() else 140, highlight=False)
    facts, torch = answer["machine"], [name for name in TORCH if any(name in row for row in answer["rows"])]
    for line in described(facts):
        console.print(line)
    title = f"one step (predict, pullback, update), relu, float32, on {facts['device']}"
    table = Table(title=title, title_justify="left")
    headings = {"m": "right", "n": "right", "d": "right", "kernel": "left", "step": "right", "plain JAX": "right"}
    headings |= {"speed-up": "right", "of the limit": "right", "of the products": "right"}
    headings |= {TORCH[name]: "right" for name in torch}
    for heading, justify in headings.items():
        table.add_column(heading, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for row in answer["rows"]:
        sizes = [f"{row[letter]:,}".replace(",", " ") for letter in "mnd"]
        gain = "" if row["speedup"] is None else f"{row['speedup']:.1f}×"
        products = row.get("fraction_of_products")
        table.add_row(
            *sizes, row["kernel"], _duration(row["seconds"]), _duration(row["plain_seconds"]), gain,
            f"{row['fraction_of_limit']:.0%}", "" if products is None else f"{products:.0%}",
            *(_duration(row.get(name)) for name in torch),
        )  # fmt: skip
    console.print(table)
    console.print(f"geometric mean of the speed-ups: {answer['geometric_mean']:.1f}")
    for name in torch:
        mean = _mean([row[name] / row["seconds"] for row in answer["rows"] if name in row])
        console.print(f"over {TORCH[name]}: {mean:.1f}, geometric mean")
    console.print(
        "limit: the multiply-adds of a step at the rate above, or its particles read twice and written once at that of "
        "a copy; products: the two matrix products of a step on their own, tile by tile."
    )
    for name, measured in answer.get("precision", {}).items():
        console.print(f"precision {name}: {measured}")


def _mean(ratios: list[float]) -> float:
    """The geometric mean."""
    return float(np.exp(np.mean(np.log(ratios))))


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "does not fit"
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"

"""Throughput: how long a step takes, what it holds in memory, and what bounds it.

One step is predict, pullback and update. Its cost is linear in particles and in samples for kernels that look at every
pair, quasi-linear in both together for sorted ones, and no kernel but the dense one holds an m × n array.

The runs fall into parts. `panel`: six shapes, with plain JAX (and PyTorch where it is installed) taking turns.
`particles` and `samples`: one kernel along m and along n. `sorted` and `blocked`: as many samples as particles.
"""

from functools import partial
from typing import Any

import numpy as np

from simulations.records.record import Record, runs
from simulations.scale._steps import Parameters, measure
from simulations.study.study import Study, claim
from simulations.verdicts.checks import bounded, slope
from theory import cost
from theory.prediction import Prediction

PANEL = (
    (100_000, 1000, 2),
    (1_000_000, 100, 2),
    (100_000, 1000, 10),
    (16_384, 4096, 32),
    (100_000, 1000, 100),
    (1000, 1000, 100),
)
"""(m, n, d) on which kernels are compared: the plane, small, medium and large inputs, many and few particles."""

GPU_PANEL = (*PANEL, (10_000_000, 1000, 10), (100_000_000, 1000, 2), (100_000_000, 100, 10))
"""The same and what a GPU has memory for."""

SPACE: dict[str, Any] = {"dimension": 10, "samples": 100, "kernel": "blocked"}
PLANE: dict[str, Any] = {"dimension": 2, "samples": 1000, "kernel": "sorted"}
MANY: dict[str, Any] = {"dimension": 10, "particles": 1000, "kernel": "blocked"}
GRIDS: dict[str, dict[str, Any]] = {
    "smoke": {
        "seeds": 12,
        "panel": [(5000, 1000, 2), (5000, 1000, 10)],
        "particles": [30_000, 50_000, 90_000, 160_000, 270_000, 480_000],
        "plane": [100_000, 140_000, 200_000, 290_000, 420_000, 600_000],
        "samples": [4000, 6500, 11_000, 18_000, 30_000, 50_000],
        "sorted": [16_000, 25_000, 40_000, 64_000, 100_000, 160_000],
        "blocked": [2000, 3000, 4000, 5000, 6000, 7000],
        "dense": (3000, 3000),
    },
    "default": {
        "seeds": 5,
        "panel": PANEL,
        "particles": [10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 3_000_000, 10_000_000],
        "plane": [3_000_000, 4_000_000, 6_000_000, 9_000_000, 13_000_000, 20_000_000],
        "samples": [20_000, 30_000, 50_000, 80_000, 120_000, 200_000, 300_000],
        "sorted": [30_000, 60_000, 100_000, 200_000, 300_000, 600_000, 1_000_000],
        "blocked": [4000, 5000, 6000, 8000, 10_000, 12_000, 16_000],
        "dense": (10_000, 10_000),
    },
    "paper": {
        "seeds": 7,
        "panel": GPU_PANEL,
        "particles": [10_000, 100_000, 1_000_000, 10_000_000, 100_000_000],
        "plane": [10_000, 100_000, 1_000_000, 10_000_000, 100_000_000],
        "samples": [1000, 10_000, 100_000, 1_000_000, 10_000_000],
        "sorted": [10_000, 100_000, 1_000_000, 10_000_000, 100_000_000],
        "blocked": [1000, 3000, 10_000, 30_000, 100_000],
        "dense": (20_000, 20_000),
    },
}


STEPS = 3
"""Steps of one timed call on the panel, for every program alike: in a loop memory is not asked for again each step."""


PANEL_SEEDS = 5
"""How often the panel is measured at most: what it says are bounds, and every one of its runs is a median by turns."""


def grid(size: str, seeds: int | None = None, first: int = 0) -> list[Parameters]:
    """The runs of one size; every measurement is made `seeds` times."""
    sizes = GRIDS[size]
    made = []
    for turn in range(sizes["seeds"] if seeds is None else seeds):
        seed = first + turn
        if turn < PANEL_SEEDS:
            made += [Parameters(m, n, d, baseline=True, steps=STEPS, seed=seed) for m, n, d in sizes["panel"]]
        alone: dict[str, Any] = {"seed": seed, "repeats": 2, "steps": 2}
        made += [Parameters(particles=m, **SPACE, **alone) for m in sizes["particles"]]
        made += [Parameters(particles=m, **PLANE, **alone) for m in sizes["plane"]]
        made += [Parameters(samples=n, **MANY, **alone) for n in sizes["samples"]]
        for kernel in ("sorted", "blocked"):
            made += [Parameters(particles=m, samples=0, dimension=2, kernel=kernel, **alone) for m in sizes[kernel]]
        m, n = sizes["dense"]
        made += [Parameters(particles=m, samples=n, kernel="dense", **alone)] if turn < PANEL_SEEDS else []
    return sorted(made, key=_turn)


def _turn(run: Parameters) -> tuple:
    """Return a sort key by which runs that fit into memory together take turns: all sizes of a line, then all again.

    A machine whose speed changes for seconds is then slower for a whole turn, which leaves its exponent alone.
    """
    line = run.baseline, not run.small, run.kernel, run.dimension, run.samples == 0, run.particles == MANY["particles"]
    return *line, run.seed if run.small else 0, run.particles, run.samples, run.seed


def no_theory(run: Parameters) -> dict[str, np.ndarray]:
    """4mnd, the operations of a kernel that looks at every pair."""
    return {"pair_operations": np.asarray(float(cost.pair_operations(*run.shape)))}


def seconds(record: Record) -> float:
    """Seconds of a step: the least of a few, because what disturbs a measurement only ever adds to it."""
    return float(np.min(record["seconds"]))


def seconds_a_particle(record: Record) -> float:
    """Return the seconds of a step over m."""
    return seconds(record) / float(record["particles"])


def seconds_a_sample(record: Record) -> float:
    """Return the seconds of a step over n."""
    return seconds(record) / float(record["samples"])


def seconds_over_log(record: Record) -> float:
    """Return the seconds of a step over log m."""
    return seconds(record) / float(np.log(record["particles"]))


def over_plain(record: Record) -> float:
    """Median seconds of a step over those of plain JAX."""
    return float(np.median(record["seconds"]) / np.median(record["plain_seconds"]))


def plain_over(record: Record) -> float:
    """The reciprocal."""
    return 1 / over_plain(record)


def memory_share(record: Record) -> float:
    """Temporary bytes over twice what the plan says and four copies of particles and data."""
    m, n, d = Parameters(**record.parameters).shape
    allowed = 2 * float(record["planned_bytes"][0]) + 4 * 4 * (m * (1 + d) + n * (1 + d))
    return float(record["temporary_bytes"][0]) / allowed


panel_runs = partial(runs, "plain_seconds", baseline=True)
space_runs = partial(runs, "seconds", baseline=False, **SPACE)
plane_runs = partial(runs, "seconds", baseline=False, **PLANE)
sample_runs = partial(runs, "seconds", baseline=False, **MANY)


joint_runs = partial(runs, "seconds", baseline=False, dimension=2, samples=0)


FASTER = Prediction(1.0, "<=", "the plan's kernel against jax.jit(jax.grad), the same step, by turns", "meanfield")
LEAN = Prediction(1.0, "<=", "temporary arrays of the compiled step, as the compiler counts them", "meanfield")

CLAIMS = (
    claim(
        "time_in_particles", "time of a step in m, blocked, d = 10", cost.particle_exponent(), slope,
        select=space_runs(), x="particles", value=seconds, pooled=True,
        wrong="time a particle", control={"value": seconds_a_particle},
    ),
    claim(
        "time_in_particles_sorted", "time of a step in m, sorted, the plane", cost.particle_exponent("sorted"), slope,
        select=plane_runs(), x="particles", value=seconds, pooled=True,
        wrong="time a particle", control={"value": seconds_a_particle},
    ),
    claim(
        "time_in_samples", "time of a step in n, blocked, d = 10", cost.particle_exponent(), slope,
        select=sample_runs(), x="samples", value=seconds, pooled=True,
        wrong="time a sample", control={"value": seconds_a_sample},
    ),
    claim(
        "quasi_linear", "time of a step over log m in m = n, sorted, the plane", cost.joint_exponent("sorted"), slope,
        select=joint_runs(kernel="sorted"), x="particles", value=seconds_over_log, pooled=True,
        wrong="blocked: every pair", control={"select": joint_runs(kernel="blocked")},
    ),
    claim(
        "memory", "temporary arrays over twice the plan and four copies of particles and data", LEAN, bounded,
        select=runs("temporary_bytes", kernel=("auto", "blocked", "sorted"), baseline=False), value=memory_share,
        what="bytes / allowed",
        wrong="dense", control={"select": runs("temporary_bytes", kernel="dense")},
    ),
    claim(
        "faster_than_plain", "time of a step over that of plain JAX, every shape of the panel", FASTER, bounded,
        select=panel_runs(), value=over_plain, what="time / time",
        wrong="the other way round", control={"value": plain_over},
    ),
)  # fmt: skip

STUDY = Study(
    name="throughput",
    group="scale",
    summary="time and memory of a step: growth in particles and samples, against plain JAX and the machine's limits",
    parameters=Parameters,
    grid=grid,
    run=measure,
    predict=no_theory,
    claims=CLAIMS,
    cost={"smoke": "60 s", "default": "some 6 min", "paper": "minutes on a GPU"},
    precision="float32",
)

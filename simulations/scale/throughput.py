"""Throughput: how long a step takes, what it holds in memory, and what bounds it.

One step is predict, pullback and update. Its cost is linear in particles and in samples for kernels that look at every
pair, quasi-linear in both together for sorted ones, and no kernel but the dense one holds an m × n array. Programs are
compiled for one size each, which takes most of the time of the smallest runs: there a line has three sizes, far apart,
and those in m = n are whole numbers of tiles, of which none is in part empty.

Eight shapes are measured with plain JAX (and PyTorch where it is installed) taking turns, kernels along m,
and with as many samples as particles.
"""

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from simulations import Experiment, Record, Study, checks, choice, claim, count, grid, runs
from simulations.scale.descent_steps import measured
from theory import cost
from theory.prediction import Prediction

PANEL = (
    (100_000, 1000, 2),
    (1_000_000, 100, 2),
    (100_000, 1000, 3),
    (100_000, 1000, 5),
    (100_000, 1000, 10),
    (16_384, 4096, 32),
    (100_000, 1000, 100),
    (1000, 1000, 100),
)
"""(m, n, d) on which kernels are compared: the plane, small, medium and large inputs, many and few particles."""

GPU_PANEL = (*PANEL, (10_000_000, 1000, 10), (100_000_000, 1000, 2), (100_000_000, 100, 10))
"""The same and what a GPU has memory for."""

TENS = (1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)

KERNELS = ("auto", "dense", "blocked", "sorted", "fused")

STEPS = 3
"""Steps of one timed call on the panel, for every program alike: in a loop memory is not asked for again each step."""

PANEL_SEEDS = 5
"""How often the panel is measured: what it says are bounds, and every one of its runs is a median by turns."""

BRIEF = {"steps": 1, "seeds": 8}
"""Of the smallest size."""


class Timed(Experiment):
    """One step at one size, timed a few times.

    Runs are in the order of their seeds, so that all sizes of a line take turns: a machine whose speed changes for
    seconds is then slower for a whole turn, which leaves its exponent alone.
    """

    steps: int = count(2, "", "steps of one timed call; seconds are those of one step")
    repeats: int = count(2, "", "timed calls")
    precision = "float32"
    baseline: ClassVar[bool] = False

    @property
    @abstractmethod
    def case(self) -> tuple[tuple[int, int, int], str]:
        """Return (m, n, d) and the kernel."""

    def run(self):
        return measured(*self.case, steps=self.steps, repeats=self.repeats, baseline=self.baseline)


def panel(shapes: tuple[tuple[int, int, int], ...]) -> list[dict[str, int]]:
    """Return the runs of a panel."""
    return [{"particles": m, "samples": n, "dimension": d, "seeds": PANEL_SEEDS} for m, n, d in shapes]


class Panel(Timed):
    """Eight shapes, with plain JAX (and PyTorch where it is installed) taking turns."""

    particles: int = count(100_000, "m", "particles")
    samples: int = count(1000, "n", "samples")
    dimension: int = count(10, "d", "inputs")
    kernel: str = choice("auto", "kernel; auto is what the plan chooses", among=KERNELS)
    steps: int = count(STEPS, "", "steps of one timed call; seconds are those of one step")
    repeats: int = count(7, "", "timed calls")
    baseline = True
    sizes = grid(
        smoke=[one | {"repeats": 3} for one in panel(((5000, 1000, 10),))],
        default=panel(PANEL),
        large=panel(GPU_PANEL),
    )

    def refusal(self):
        wide = self.kernel == "sorted" and self.dimension > 2
        return f"dimension={self.dimension}: expected at most 2 with kernel=sorted." if wide else None

    @property
    def case(self):
        return (self.particles, self.samples, self.dimension), self.kernel


class Particles(Timed):
    """The blocked kernel along m."""

    particles: int = count(100_000, "m", "particles")
    samples: int = count(100, "n", "samples")
    dimension: int = count(10, "d", "inputs")
    sizes = grid(
        smoke={"particles": (10_000, 50_000, 250_000), **BRIEF},
        default={
            "particles": (10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 3_000_000, 10_000_000),
            "seeds": 5,
        },
        large={"particles": TENS[1:], "seeds": 7},
    )

    @property
    def case(self):
        return (self.particles, self.samples, self.dimension), "blocked"


class Plane(Timed):
    """The sorted kernel along m, in the plane."""

    particles: int = count(100_000, "m", "particles")
    samples: int = count(1000, "n", "samples")
    sizes = grid(
        default={"particles": (3_000_000, 4_000_000, 6_000_000, 9_000_000, 13_000_000, 20_000_000), "seeds": 5},
        large={"particles": TENS[1:], "seeds": 7},
    )

    @property
    def case(self):
        return (self.particles, self.samples, 2), "sorted"


class Square(Timed):
    """As many samples as particles in the plane, m = n."""

    particles: int = count(10_000, "m", "particles, and samples")
    kernel: str = choice("sorted", "kernel", among=("sorted", "blocked"))
    sizes = grid(
        smoke=[
            {"particles": (8000, 36_000, 160_000), **BRIEF},
            {"particles": (2000, 5000, 12_000), "kernel": "blocked", **BRIEF},
        ],
        default=[
            {"particles": (30_000, 60_000, 100_000, 200_000, 300_000, 600_000, 1_000_000), "seeds": 5},
            {"particles": (4000, 5000, 6000, 8000, 10_000, 12_000, 16_000), "kernel": "blocked", "seeds": 5},
        ],
        large=[
            {"particles": TENS[1:], "seeds": 7},
            {"particles": (1000, 3000, 10_000, 30_000, 100_000), "kernel": "blocked", "seeds": 7},
        ],
    )

    @property
    def case(self):
        return (self.particles, self.particles, 2), self.kernel


class Dense(Timed):
    """The dense kernel, which holds an m × n array."""

    particles: int = count(3000, "m", "particles")
    samples: int = count(3000, "n", "samples")
    dimension: int = count(10, "d", "inputs")
    sizes = grid(
        smoke={"seeds": PANEL_SEEDS},
        default={"particles": 10_000, "samples": 10_000, "seeds": PANEL_SEEDS},
        large={"particles": 20_000, "samples": 20_000, "seeds": PANEL_SEEDS},
    )

    @property
    def case(self):
        return (self.particles, self.samples, self.dimension), "dense"


def seconds(record: Record) -> float:
    """Return the seconds of a step: the least of a few, because what disturbs a measurement only ever adds to it."""
    return float(np.min(record["seconds"]))


def seconds_over_log(record: Record) -> float:
    """Return the seconds of a step over log m."""
    return seconds(record) / float(np.log(record["particles"]))


def over_plain(record: Record) -> float:
    """Return the median seconds of a step over those of plain JAX."""
    return float(np.median(record["seconds"]) / np.median(record["plain_seconds"]))


def plain_over_itself(record: Record) -> np.ndarray:
    """Return the seconds of every timed call of plain JAX over those of the one before."""
    return record["plain_seconds"][1:] / record["plain_seconds"][:-1]


def memory_share(record: Record) -> float:
    """Return the temporary bytes over twice what the plan says and four copies of particles and data."""
    m, n, d = (int(count) for count in record["shape"])
    allowed = 2 * float(record["planned_bytes"][0]) + 4 * 4 * (m * (1 + d) + n * (1 + d))
    return float(record["temporary_bytes"][0]) / allowed


panel_runs = Panel.at("plain_seconds")
space_runs, plane_runs = (line.at("seconds") for line in (Particles, Plane))
sorted_runs, blocked_runs = (Square.at("seconds", kernel=kernel) for kernel in ("sorted", "blocked"))
lean_runs = runs("temporary_bytes", experiment=tuple(one.name for one in (Particles, Plane, Square)))

FASTER = Prediction(1.0, "<=", "the plan's kernel against jax.jit(jax.grad), the same step, by turns", "meanfield")
LEAN = Prediction(1.0, "<=", "temporary arrays of the compiled step, as the compiler counts them", "meanfield")

QUASI = Prediction(
    float(cost.joint_exponent("sorted").value), "<=",
    "n = m, d fixed: at most some m log m operations, of which those beside the sorting grow as m", "meanfield",
)  # fmt: skip

CLAIMS = (
    claim(
        "time_in_particles", "time of a step in m, blocked, d = 10", cost.particle_exponent(), checks.asymptotic_slope,
        select=space_runs, x="particles", value=seconds,
        wrong="as many samples as particles", control={"select": blocked_runs},
    ),
    claim(
        "every_pair", "time of a step in m = n, blocked, the plane", cost.joint_exponent(), checks.asymptotic_slope,
        select=blocked_runs, x="particles", value=seconds,
        wrong="sorted", control={"select": sorted_runs},
    ),
    claim(
        "memory", "temporary arrays over twice the plan and four copies of particles and data", LEAN, checks.largest,
        select=lean_runs, value=memory_share,
        what="bytes / allowed",
        wrong="dense", control={"select": Dense.at("temporary_bytes")},
    ),
)  # fmt: skip

SANITY = (
    claim(
        "quasi_linear", "time of a step over log m in m = n, sorted, the plane", QUASI, checks.asymptotic_slope,
        select=sorted_runs, x="particles", value=seconds_over_log, attained=True,
        wrong="blocked: every pair", control={"select": blocked_runs},
    ),
    claim(
        "faster_than_plain", "time of a step over that of plain JAX, every shape of the panel", FASTER, checks.largest,
        select=panel_runs, value=over_plain, what="time / time",
        wrong="plain JAX against itself, call by call", control={"value": plain_over_itself},
    ),
)  # fmt: skip

STUDY = Study(
    name="throughput",
    group="scale",
    summary="time and memory of a step: growth in particles and samples, against plain JAX and the machine's limits",
    experiments=(Panel, Particles, Plane, Square, Dense),
    claims=CLAIMS,
    sanity=SANITY,
)

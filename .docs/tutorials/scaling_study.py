# ---
# jupyter:
#   jupytext:
#     text_representation:
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A scaling study
#
# How far do particles move when there are $m$ of them? At $\alpha = 1$ as far as
# before, however large $m$ is; at $\alpha = \sqrt m$ by $O(m^{-1/2})$. This is a grid
# of particles, exponents and seeds, computed by several processes, killed in the
# middle, taken up again on a cluster, and read off as an exponent with an interval.

# %%
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from distributed import LocalCluster

import simulations
from figures.style import LAZY, MEAN_FIELD, points, power, styled
from theory.scaling import displacement_exponent

GRID = {
    "dimension": 2, "samples": 4,
    "time": 4.0, "step": 0.5, "particles": "32:512:3log", "exponent": [0.0, 0.5],
}  # fmt: skip
SEEDS = 6

# %% [markdown]
# ## Before anything is computed
#
# The grid is every combination of its values; `32:512:3log` is three values from 32 to
# 512, evenly spaced in the logarithm. `estimate` says what they would take, from
# records of the study that are there, or else from a count of operations; with
# `trial=20` it computes a few of them for some 20 seconds first, to time them. On the
# command line it is `--dry-run`, which does that.

# %%
folder = tempfile.TemporaryDirectory()
plan = simulations.prepare("lazy_scaling/smooth", **GRID, seeds=SEEDS, out=folder.name)
print("\n".join(simulations.estimate(plan).lines(workers=2)))
assert len(plan) == 3 * 2 * SEEDS

# %% [markdown]
# ## Several processes, and a kill
#
# The command `meanfield run lazy_scaling/smooth … --workers 2` starts two processes and stores
# each record as it comes. Here it is killed as soon as one is there. SIGKILL leaves no
# time to tidy up, and none is needed: a record is one file, there whole or not at all.
# `meanfield status` counts them.

# %%
words = [
    word
    for name, value in GRID.items()
    for word in (f"--{name}", *map(str, np.ravel(value)))
]
command = [
    sys.executable,
    "-m",
    "meanfield",
    "run",
    "lazy_scaling/smooth",
    *words,
    "--seeds",
    str(SEEDS),
]
quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
process = subprocess.Popen([*command, "--workers", "2", "--out", folder.name], **quiet)
while process.poll() is None and not list(Path(folder.name).rglob("*.npz")):
    time.sleep(0.02)
process.kill()
process.wait()

(row,) = simulations.status(folder.name)
print(f"killed with {row.done} of {len(plan)} runs stored, {row.damaged} damaged")
assert 0 < row.done < len(plan)
assert row.damaged == 0

# %% [markdown]
# In Python it is `simulations.sweep(…, workers=2)`, from a script, a notebook or
# standard input:
#
# ```python
# records = simulations.sweep("lazy_scaling/smooth", GRID, seeds=6, out="grid", workers=2)
# ```
#
# ## On a cluster
#
# `scheduler="tcp://…"` hands the work to the workers of a dask cluster (extra
# `cluster`); on the command line it is `--scheduler`. The cluster here is one worker in
# this very process, so that the page needs no second machine; on a real one
# `dask scheduler` and `dask worker` (or `dask-jobqueue`) start the same thing, and
# nothing else changes.
#
# The sweep goes on from the records that are there: the same command, or the same call,
# wherever it is given.

# %%
with LocalCluster(
    n_workers=1,
    threads_per_worker=1,
    processes=False,
    protocol="tcp",
    host="127.0.0.1",
    dashboard_address=None,
) as cluster:
    print("scheduler at", cluster.scheduler_address.rpartition(":")[0])
    found = []
    where = {"out": folder.name, "scheduler": cluster.scheduler_address}
    records = simulations.sweep(
        "lazy_scaling/smooth",
        GRID,
        seeds=SEEDS,
        report=lambda progress: found.append(progress.found),
        **where,
    )
print(len(records), "records, of which", found[-1], "were there")
assert len(records) == len(plan)
assert found[-1] >= row.done  # a batch may have come between the count and the kill

# %% [markdown]
# Killed, resumed, by other processes: the numbers are those of a sweep that was left
# alone, to the bit.

# %%
alone = simulations.sweep("lazy_scaling/smooth", GRID, seeds=SEEDS)
for one, other in zip(records, alone, strict=True):
    assert one.parameters == other.parameters
    assert all(
        np.array_equal(one.values[name], other.values[name]) for name in one.values
    )
print("all", len(alone), "records are equal")

# %% [markdown]
# ## A table with named dimensions
#
# What varies in the grid is a dimension, what does not is an attribute.

# %%
moved = records.to_xarray("displacement").displacement.isel(time=-1)
print(dict(moved.sizes))
print(moved.mean("seed").round(4).to_pandas())

# %% [markdown]
# ## The exponent
#
# The fit is over seeds, each with data of its own at all $m$: the exponent with
# Student's interval (± below) and the bootstrap's over whole seeds, $R^2$, a test of
# curvature, and the range over which the law is straight. The interval says how well
# the exponent of *this* range is known; that $m \ge 32$ is large enough is for the
# curvature to say.

# %%
laws = {}
for exponent, scaling in ((0.0, "mean-field"), (0.5, "tangent")):
    law = simulations.power_law(
        records.where(exponent=exponent),
        x="particles",
        value="displacement",
        level=0.999,
    )
    theory = displacement_exponent(scaling)
    laws[exponent] = (law, theory)
    print(
        f"α = m^{exponent:g}: {law.slope:.3f} ± {law.width:.3f}, theory {theory.value:g} [{theory.reference}]"
    )
    print("   ", law)
    assert abs(law.slope - theory.value) < law.width
assert (
    abs(laws[0.0][0].slope - laws[0.5][1].value) > laws[0.0][0].width
)  # the other theory fails

# %%
with styled():
    figure, axes = plt.subplots(figsize=(5, 3.4), layout="constrained")
    m = moved.particles.values.astype(float)
    for exponent, label, color, marker in (
        (0.0, "α = 1", MEAN_FIELD, "o"),
        (0.5, "α = √m", LAZY, "s"),
    ):
        lines = moved.sel(exponent=exponent).transpose("seed", "particles").values
        points(axes, m, lines, label, color, marker)
        power(
            axes,
            m,
            lines,
            laws[exponent][1],
            "theory: m^0, m^(−1/2)" if exponent else None,
        )
    axes.set(xscale="log", yscale="log", xlabel="particles m", ylim=(0.02, 2))
    axes.set(ylabel="displacement ‖θ − θ₀‖ (parameter)")
    axes.set(title="Particles move at α = 1, and stay at α = √m")
    axes.set_xticks(m, [f"{each:g}" for each in m])
    axes.xaxis.minorticks_off()
    axes.legend()
plt.show()
folder.cleanup()

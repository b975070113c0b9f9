"""Draw how long a proof of near-optimality takes, and what it leaves, against samples n and inputs d.

Run from the root of the repository: python .docs/pictures/certificates.py [seconds for each size, 40]. A ReLU teacher
of four neurons, inputs on the sphere, weight decay λ = .01 (.003 for n ≥ 200); the network is trained first, so that
the search says that next to nothing is left. Times are processor seconds of the certificate alone.
"""

import pathlib
import sys
import time

import jax
import numpy as np
from matplotlib.figure import Figure

import meanfield as mf
from meanfield.certificates.ascent import ascents
from meanfield.certificates.dual import Dual
from meanfield.certificates.lifted import lifted_maximum
from meanfield.certificates.relaxation import relaxed_maximum

SIZES = ((20, 8), (40, 8), (80, 12), (200, 20), (400, 30))
SPLITS = 2000


def trained(n: int, d: int) -> Dual:
    """Return the problem with a network near its minimum."""
    random = np.random.default_rng(n + d)
    x, w = (
        one / np.linalg.norm(one, axis=1)[:, None] for one in (random.normal(size=(n, d)), random.normal(size=(4, d)))
    )
    y = np.maximum(x @ w.T, 0) @ [1.0, -1.0, 1.0, -1.0]
    decay = mf.WeightDecay(0.003 if n >= 200 else 0.01)
    objective = mf.Objective(mf.Neuron("relu"), mf.Square(), x, y, penalty=decay)
    return Dual(objective, mf.certified_minimum(objective, 2e-3 * float(np.mean(y**2)), seconds=60).particles)


def traced(problem: Dual, seconds: float) -> tuple[np.ndarray, float, float]:
    """Return ((processor seconds, proved gap / F) as it falls, that of the former relaxation, what a search leaves)."""
    f, error = problem.predictions()
    r, value = problem.residual(f), problem.value(f, error)
    slope, rows, began = problem.slope(r), [], time.process_time()

    def gap(largest: float) -> float:
        return (value - problem.dual(r, largest)) / value

    def report(height: float, bound: float) -> None:
        rows.append((time.process_time() - began, gap(bound)))

    best = lifted_maximum(slope, starts=problem.w, splits=SPLITS, seconds=seconds, report=report)
    height = max(best.height, float(ascents(slope, problem.w)[1].max()))
    return np.array(rows), gap(relaxed_maximum(slope)), gap(height)


def main(seconds: float) -> None:
    """Measure all sizes and write the picture beside this file."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    ends = []
    for k, (n, d) in enumerate(SIZES):
        with jax.enable_x64(True):
            rows, relaxed, searched = traced(trained(n, d), seconds)
        left.plot(rows[:, 0], rows[:, 1], color=f"C{k}", label=f"n = {n}, d = {d}")
        left.axhline(max(searched, 1e-9), color=f"C{k}", ls=":", lw=0.8)
        near = rows[rows[:, 1] <= 0.1]
        ends.append((n, relaxed, rows[-1, 1], near[0, 0] if len(near) else np.nan))
        print(f"n={n} d={d}: relaxation {relaxed:.3g}, lifted {rows[-1, 1]:.3g}, search {searched:.3g} of F; "
              f"10 % after {ends[-1][3]:.3g} s, {rows[-1, 0]:.3g} s in all", flush=True)  # fmt: skip
    left.set(xscale="log", yscale="log", xlabel="processor seconds", ylabel="gap / F", title="Proved (dotted: search)")
    left.legend(fontsize=8)
    n, relaxed, lifted, reached = np.array(ends).T
    right.plot(n, relaxed, "s--", color="0.5", label="relaxation: gap / F")
    right.plot(n, lifted, "o-", color="C2", label="lifted: gap / F at the end")
    right.plot(n, reached, "^-", color="C1", label="seconds to 10 % of F")
    right.set(xscale="log", yscale="log", xlabel="samples n (d = 8, 8, 12, 20, 30)", title="Against the size")
    right.set_xticks(n, [f"{count:.0f}" for count in n])
    right.set_xticks([], minor=True)
    right.legend(fontsize=8)
    figure.savefig(pathlib.Path(__file__).with_suffix(".png"), dpi=150)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 40.0)

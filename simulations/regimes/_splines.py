"""One run of the spline study: a ReLU network of one input, trained in one of several ways or not at all."""

from dataclasses import dataclass
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from meanfield.arguments import one_of, positive_count, positive_number
from theory import convex, splines

TRAININGS = ("output", "tangent", "adaptive", "none")

HALVINGS = 3
"""Training of the output layer is looked at for the reach L, L/2 and L/4."""

NEAR = 0.02
"""Knots at gaps of no more than this count as one (input units)."""

FAINT = 0.01
"""Share of the variation that the knots left out may make up."""


@dataclass(frozen=True)
class Parameters:
    """A ReLU network of one input."""

    training: str = "adaptive"
    """What is trained: output (output layer alone), tangent (both layers, linearised at the start), adaptive (both
    layers, with weight decay) or none (a random network)."""
    sides: str = "both"
    """Units at the start of the output layer's training: both (orientations), or right (relu(x − b) alone)."""
    decay: str = "input"
    """Weight decay of adaptive training: input (output and input weights, biases free) or all (biases too)."""
    samples: int = 5
    """n, training samples in [−1, 1] (count), at least 3."""
    particles: int = 48
    """m, particles of adaptive training or of a random network (count); a multiple of 4."""
    cells: int = 4
    """Cells of breakpoints between two samples (count), for output and tangent."""
    reach: float = 12.0
    """L, breakpoints of output and tangent lie in [−L, L] (input units), above 4 for output."""
    output: float = 1.0
    """κ, size of the output weights of tangent at the start (parameter units)."""
    strength: float = 0.003
    """λ, weight decay of adaptive (loss units)."""
    remainder: float = 1e-5
    """Share of the slowest mode that training of linear models leaves (ratio), below 1."""
    step: float = 0.05
    """Step of adaptive training (mean-field time)."""
    time: float = 2000.0
    """Time of adaptive training (mean-field time)."""
    seed: int = 0
    """Seed of samples and starts (integer)."""

    def __post_init__(self):
        one_of("training", self.training, TRAININGS)
        one_of("sides", self.sides, ("both", "right"))
        one_of("decay", self.decay, ("input", "all"))
        for name in ("samples", "particles", "cells"):
            positive_count(name, getattr(self, name))
        for name in ("reach", "output", "strength", "remainder", "step", "time"):
            positive_number(name, getattr(self, name))
        if self.samples < 3:
            raise ValueError(f"samples={self.samples}: expected at least 3.")
        if self.particles % 4:
            raise ValueError(f"particles={self.particles}: expected a multiple of 4.")
        if self.remainder >= 1:
            raise ValueError(f"remainder={self.remainder:g}: expected less than 1.")
        least = 2.0 ** (HALVINGS - 1) if self.training == "output" else 1.0
        if self.reach <= least and self.training in ("output", "tangent"):
            raise ValueError(f"reach={self.reach:g}: expected above {least:g} for training={self.training!r}.")
        if self.time < self.step:
            raise ValueError(f"time={self.time:g}: expected at least one step of {self.step:g}.")

    def generator(self, stream: int) -> np.random.Generator:
        """Random numbers of one purpose: samples are the same for all trainings of a seed."""
        return np.random.default_rng((abs(self.seed), self.seed < 0, stream))


def data(run: Parameters) -> tuple[np.ndarray, np.ndarray]:
    """Samples about evenly on [−1, 1], and targets that alternate about a line, so that changes of slope alternate."""
    random, n = run.generator(0), run.samples
    x, gap = np.linspace(-1, 1, n), 2 / (n - 1)
    x[1:-1] += random.uniform(-0.3, 0.3, n - 2) * gap
    sign = random.choice([-1, 1]) * (-1.0) ** np.arange(n)
    return x, sign * random.uniform(0.3, 0.7, n) + 1.5 * x


def train(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """The network after training, beside the spline that theory says it is."""
    with jax.enable_x64(True):
        values, status = {"output": _output, "tangent": _tangent, "adaptive": _adaptive, "none": _untrained}[
            run.training
        ](run)
    x, y = data(run)
    return {"x": x, "y": y} | values | {f"exact_{name}": value for name, value in exact(run).items()}, status


def exact(run: Parameters) -> dict[str, np.ndarray]:
    """Splines of the same samples: interpolants of the kernels at the edges of cells, or the least of the objective."""
    x, y = data(run)
    natural = splines.natural_spline(x, y)
    known = {
        "linear_variation": np.array(splines.linear_variation(x, y)),
        "natural_variation": np.array(splines.cubic_variation(natural)),
    }
    if run.training in ("output", "tangent"):
        points = edges(run)
        known |= {"points": points, "natural": natural(points)}
        known["not_a_knot"] = splines.CubicSpline(x, y)(points)
        if run.training == "tangent":
            return known | _leftover(run, run.reach)
        found = [_leftover(run, reach) for reach in reaches(run)]
        known |= {name: np.stack([one[name] for one in found]) for name in found[0]}
        known["correction"] = splines.finite_reach_correction(x, y)(points)
        known["one_sided"] = splines.one_sided_spline(x, y, run.reach)(points)
    if run.training == "adaptive":
        found = splines.variation_minimum(x, y, run.strength)
        if run.decay == "all":
            best = convex.planar_minimum(x, y, run.strength, bias=True)
            return known | {"minimum": np.array(best.value), "lower": np.array(best.lower), "values": best.predictions}
        names = {"minimum": found.value, "lower": found.lower, "cost": found.cost, "values": found.values}
        known |= {name: np.asarray(value) for name, value in names.items()}
        known["cubic"] = np.array(run.strength * _cost(known["natural_variation"], natural(x[[0, -1]], 1)))
    return known


def reaches(run: Parameters) -> list[float]:
    """L/4, L/2 and L."""
    return [run.reach / 2**k for k in reversed(range(HALVINGS))]


def edges(run: Parameters) -> np.ndarray:
    """Edges of the cells between the samples, samples included: where finitely many units can be as good as all."""
    x, _ = data(run)
    return np.unique(np.concatenate([np.linspace(*pair, run.cells + 1) for pair in pairwise(x)]))


def _kernel(run: Parameters, reach: float, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    if run.training == "tangent":
        return splines.tangent_kernel(x, z, reach, run.output)
    return splines.breakpoint_kernel(x, z, reach, sides=run.sides)


def _leftover(run: Parameters, reach: float) -> dict[str, np.ndarray]:
    """The interpolant at the edges of cells; how long training takes, what it lacks then, and steps that are stable."""
    x, y = data(run)
    kernel, cross = _kernel(run, reach, x, x), _kernel(run, reach, edges(run), x)
    values, vectors = np.linalg.eigh(kernel)
    time = float(len(x) / values[0] * np.log(1 / run.remainder))
    left = vectors @ (np.exp(-values * time / len(x)) * (vectors.T @ y))
    return {
        "interpolant": splines.interpolant(kernel, cross, y),
        "lacking": np.array(np.abs(splines.interpolant(kernel, cross, left)).max()),
        "time": np.array(time),
        "longest": np.array(len(x) / values[-1]),
    }


def _breakpoints(run: Parameters, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Two Gauss points a cell, and their share of [−L, L].

    On a cell, (x − b)₊(z − b)₊ is a quadratic polynomial of b for all x, z at edges: the sum over these points is the
    integral, so that the kernel of infinitely many particles is that of these few.
    """
    cuts = np.concatenate([[-reach], edges(run), [reach]])
    middle, half = (cuts[1:] + cuts[:-1]) / 2, np.diff(cuts) / 2
    return np.concatenate([middle - half / 3**0.5, middle + half / 3**0.5]), np.tile(half, 2) / (2 * reach)


def _units(run: Parameters, reach: float, output: float = 0.0) -> mf.Particles:
    """Units relu(x − b) and relu(b − x), of output weights ±`output` if that is not 0."""
    b, share = _breakpoints(run, reach)
    right, left = (np.column_stack([0 * b, sign + 0 * b, -sign * b]) for sign in (1.0, -1.0))
    theta, mass = np.concatenate([right, left]), np.concatenate([share, share]) / 2
    if run.sides == "right":
        mass = np.concatenate([share, 0 * share])
    if output:
        theta, mass = np.concatenate([theta, theta]), np.concatenate([mass, mass]) / 2
        theta[:, 0] = np.repeat([output, -output], len(theta) // 2)
    return mf.Particles(theta, mass)


def _objective(run: Parameters, **options) -> mf.Objective:
    x, y = data(run)
    return mf.Objective(
        mf.Neuron("relu", bias=True), mf.Square(), x[:, None], y, kernel=mf.integrals.Dense(), **options
    )


def _output(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Training of the output layer for each reach, to the time at which little of the slowest mode is left."""
    flow = mf.OutputFlow(mf.StabilisedFlow(rtol=1e-5, atol=1e-7))
    watched = [mf.Predictions(jnp.asarray(edges(run)[:, None])), mf.Risk()]
    times = exact(run)["time"]
    seen = [
        mf.simulate(_objective(run), flow, _units(run, reach), times=[0.0, float(time)], observables=watched)
        for reach, time in zip(reaches(run), times, strict=True)
    ]
    spline = mf.observables.linear_spline(mf.Neuron("relu", bias=True), seen[-1].particles).within(-1, 1)
    status = next((one.status for one in seen if not one.done), "done")
    return {"predictions": np.stack([one.values["predictions"][-1] for one in seen]), **_read(spline)}, status


def _tangent(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Training of both layers of the tangent model."""
    known = exact(run)
    flow, times = mf.TangentFlow(float(known["longest"])), [0.0, float(known["time"])]
    mu = _units(run, run.reach, run.output)
    watched = [mf.Predictions(jnp.asarray(edges(run)[:, None])), mf.Risk()]
    seen = mf.simulate(_objective(run), flow, mu, times=times, observables=watched)
    return {"predictions": seen.values["predictions"][-1]}, seen.status


def _start(run: Parameters) -> mf.Particles:
    """Units of both orientations and both signs with knots about evenly on [−1.2, 1.2]."""
    cells = run.particles // 4
    knots = -1.2 + 2.4 * (np.arange(cells) + run.generator(1).uniform(size=cells)) / cells
    kinds = [(a, w) for a in (1.0, -1.0) for w in (1.0, -1.0)]
    return mf.Particles(np.concatenate([np.column_stack([a + 0 * knots, w + 0 * knots, -w * knots]) for a, w in kinds]))


def _adaptive(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Gradient descent on both layers with weight decay; gaps are certified."""
    # One program for both kinds of decay; the certificate knows the even kind by its own name.
    free = 0.0 if run.decay == "input" else run.strength
    objective = _objective(run, penalty=mf.penalties.ParameterDecay([run.strength, run.strength, free]))
    times = np.unique(np.rint(np.geomspace(1, run.time / run.step, 9))) * run.step
    watched = [mf.observables.Energy(), mf.Positions()]
    seen = mf.simulate(objective, mf.GradientFlow(run.step), _start(run), times=[0, *times], observables=watched)
    first, last = (
        mf.observables.linear_spline(objective.unit, mf.Particles(seen.values["positions"][k])) for k in (0, -1)
    )
    values = {"times": seen.times, "energy": seen.values["energy"], **_read(last.within(-1, 1))}
    values |= {"cost": np.array(_cost(last.variation, last.slopes[[0, -1]])), "start_pieces": np.array(_pieces(first))}
    if run.decay == "all":
        even = _objective(run, penalty=mf.WeightDecay(run.strength))
        gaps = [mf.optimality_gap(even, mf.Particles(theta)).gap for theta in seen.values["positions"]]
        values["gap"] = np.array(gaps)
    return values, seen.status


def _untrained(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """A network of normal parameters."""
    unit = mf.Neuron("relu", bias=True)
    mu = mf.Particles(run.generator(2 + run.particles).normal(size=(run.particles, 3)))
    return _read(mf.observables.linear_spline(unit, mu).within(-1, 1)), "done"


def _read(spline: mf.observables.LinearSpline) -> dict[str, np.ndarray]:
    """A linear spline as arrays, with its pieces as they are and as they look."""
    return {
        "knots": spline.knots,
        "bends": spline.bends,
        "line": np.array([spline.offset, spline.slope]),
        "variation": np.array(spline.variation),
        "all_pieces": np.array(spline.pieces()),
        "pieces": np.array(_pieces(spline)),
    }


def _pieces(spline: mf.observables.LinearSpline) -> int:
    return spline.within(-1, 1).pieces(NEAR, FAINT)


def _cost(variation, ends) -> float:
    """max(∫|f''|, |f'(−∞) + f'(∞)|)."""
    return float(max(variation, abs(np.sum(ends))))

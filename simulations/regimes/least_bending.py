"""Both layers of a ReLU network of one input, trained with weight decay: it comes to bend as little as it can.

Knots are read off the particles (`mf.observables.linear_spline`).
"""

from functools import cached_property

import numpy as np

import meanfield as mf
from simulations import Experiment, Simulation, between, choice, count, grid, number
from simulations.regimes.breakpoints import alternating, spread
from theory import convex, splines

NEAR = 0.02
"""Knots at gaps of no more than this count as one (input units)."""

FAINT = 0.01
"""Share of the variation that the knots left out may make up."""


def spline_of(mu: mf.Particles) -> mf.observables.LinearSpline:
    """Return the linear spline that a network is."""
    return mf.observables.linear_spline(mf.Neuron("relu", bias=True), mu)


def read(spline: mf.observables.LinearSpline) -> dict[str, np.ndarray]:
    """Return a linear spline on [−1, 1] as arrays, with its pieces as they are and as they look."""
    spline = spline.within(-1, 1)
    return {
        "knots": spline.knots,
        "bends": spline.bends,
        "line": np.array([spline.offset, spline.slope]),
        "variation": np.array(spline.variation),
        "all_pieces": np.array(spline.pieces()),
        "pieces": np.array(spline.pieces(NEAR, FAINT)),
    }


class Sampled(Experiment):
    """Experiments on samples that are the same for all trainings of a seed."""

    samples: int = count(5, "n", "training samples in [−1, 1]", at_least=3)

    @cached_property
    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and targets, [n] each."""
        return alternating(self.generator("samples"), self.samples)

    def objective(self, **options) -> mf.Objective:
        """Return the problem of fitting them."""
        x, y = self.data
        unit = mf.Neuron("relu", bias=True)
        return mf.Objective(unit, mf.Square(), x[:, None], y, kernel=mf.integrals.Dense(), **options)


class Adaptive(Simulation, Sampled):
    """Both layers with weight decay, by gradient descent from knots about evenly on [−1.2, 1.2]."""

    decay: str = choice("input", "what decays: output and input weights, or all, biases too", among=("input", "all"))
    particles: int = count(48, "m", "particles, a multiple of 4", multiple_of=4)
    strength: float = number(0.003, "λ", "weight decay", unit="loss units", above=0)
    step: float = number(0.05, "h", "step", unit="mean-field time", above=0)
    time: float = number(2000.0, "T", "time of training", unit="mean-field time", at_least="step", batched=False)
    sizes = grid(
        smoke={"decay": ("input", "all"), "seeds": 7},
        default={"decay": ("input", "all"), "particles": 100, "time": 6000.0, "step": 0.02, "seeds": 10},
        large={
            "decay": ("input", "all"), "particles": 1000, "time": 20_000.0, "step": 0.02, "strength": 0.001, "seeds": 20
        },
    )  # fmt: skip

    def problem(self):
        # One program for both kinds of decay.
        free = 0.0 if self.decay == "input" else self.strength
        return self.objective(penalty=mf.penalties.ParameterDecay([self.strength, self.strength, free]))

    def start(self):
        return mf.Particles(spread(self.generator("start"), self.particles))

    def flow(self):
        return mf.GradientFlow(self.step)

    def times(self):
        return np.unique(np.rint(np.append(0, np.geomspace(1, self.time / self.step, 9)))) * self.step

    def observe(self):
        return [mf.observables.Energy(), mf.Positions()]

    def measure(self, run):
        spline = spline_of(run.particles)
        found = read(spline) | {"cost": np.array(cost(spline.variation, spline.slopes[[0, -1]]))}
        if self.decay == "all":  # the certificate knows this decay by a name of its own
            even = self.objective(penalty=mf.WeightDecay(self.strength))
            gaps = [mf.optimality_gap(even, mf.Particles(theta)).gap for theta in run.values["positions"]]
            found["gap"] = np.array(gaps)
        return found

    def theory(self, start):
        """The least of the objective over all widths, and the objective of the natural cubic spline."""
        (x, y), strength = self.data, self.strength
        known = {"x": x, "y": y, "exact_linear_variation": splines.linear_variation(x, y)}
        if self.decay == "all":
            best = convex.planar_minimum(x, y, strength, bias=True)
            known |= {"exact_minimum": best.value, "exact_lower": best.lower, "exact_values": best.predictions}
        else:
            least, natural = splines.variation_minimum(x, y, strength), splines.natural_spline(x, y)
            known |= {"exact_minimum": least.value, "exact_lower": least.lower, "exact_values": least.values}
            known |= {"exact_cost": least.cost}
            known["exact_cubic"] = strength * cost(splines.cubic_variation(natural), natural(x[[0, -1]], 1))
        return {name: np.asarray(value) for name, value in known.items()}


def cost(variation: float, ends: np.ndarray) -> float:
    """Return max(∫|f''|, |f'(−∞) + f'(∞)|)."""
    return float(max(variation, abs(np.sum(ends))))


converged = Adaptive.at(
    decay="input", particles=between(47, np.inf), time=between(1999, np.inf), step=between(0, 0.051),
    samples=between(4, 9), strength=between(0.0009, 0.0051),
)  # fmt: skip
"""Training with free biases that is long and fine enough, and wide enough not to be stuck."""

"""Regression on four points by ReLU networks of one input, for κ ∈ {0, .1, .2, 1}: from a cubic spline to a linear one.

The paper of this figure was not found, and κ is read as what makes such a family: the size of the output weights of the
start where that of the input weights is 1. Williams et al. (2019) say what it does. Networks in the kernel regime learn
a smooth function, for κ = 0 and breakpoints that are evenly spread the cubic spline. With κ the part of the kernel that
comes from the input layer grows, which is corners at the samples. In the adaptive regime, here α = 1, knots
gather at the samples and a linear spline is learned: for κ = 1 always, for small κ in most draws of the samples.
"""

from functools import partial

import numpy as np

import meanfield as mf
from simulations.records.record import Record, between
from simulations.regimes import bends as measure
from simulations.regimes.breakpoints import units
from simulations.regimes.splines import Linear, Tangent
from simulations.study.experiment import grid
from simulations.study.parameters import count, number
from simulations.study.published import PublishedFigure, reading
from simulations.study.simulation import Simulation
from simulations.study.study import Study, claim
from simulations.verdicts import checks
from theory.prediction import Prediction

SHOWN = (0.0, 0.1, 0.2, 1.0)
"""κ, the size of the output weights at the start."""


class Kernel(Tangent):
    """Both layers, linearised at units of output weights ±κ and input weights ±1."""

    name = "tangent"
    samples: int = count(4, "n", "training samples in [−1, 1]", at_least=3)
    reach: float = number(12.0, "L", "breakpoints lie in [−L, L]", unit="input units", above=1)
    output: float = number(1.0, "κ", "output weights of the start", unit="input weights", at_least=0, batched=False)
    sizes = grid(
        smoke={"output": SHOWN, "seeds": 6},
        default={"output": SHOWN, "seeds": 20},
        large={"output": SHOWN, "reach": 48.0, "seeds": 50},
    )

    def flow(self):
        return mf.TangentFlow(mf.StabilisedFlow(rtol=measure.TOLERANCE, atol=1e-7))


class Adaptive(Simulation, Linear):
    """Both layers of the same networks at α = 1, by gradient descent."""

    samples: int = count(4, "n", "training samples in [−1, 1]", at_least=3)
    reach: float = number(2.0, "L", "breakpoints lie in [−L, L]", unit="input units", above=1)
    cells: int = count(12, "", "cells of breakpoints between two samples")
    output: float = number(1.0, "κ", "output weights of the start", unit="input weights", at_least=0, batched=False)
    step: float = number(0.1, "h", "step", unit="mean-field time", above=0)
    time: float = number(400.0, "T", "time of training", unit="mean-field time", above=0, batched=False)
    sizes = grid(
        smoke={"output": SHOWN, "seeds": 6},
        default={"output": SHOWN, "cells": 30, "seeds": 20},
        large={"output": SHOWN, "cells": 100, "time": 4000.0, "step": 0.02, "seeds": 50},
    )

    def kernel(self, x, z, reach):
        raise NotImplementedError  # of no linear model

    def problem(self):
        return self.objective()

    def start(self):
        return mf.Particles(*units(self.points, self.reach, self.output))

    def flow(self):
        return mf.GradientFlow(self.step)

    def times(self):
        return [0.0, self.step * round(self.time / self.step)]

    def observe(self):
        return [mf.Risk(), *self.watched()]

    def theory(self, start):
        return self.near()


def distance(record: Record, *, to: str = "natural") -> float:
    """sup |f − spline| over that of the two splines' difference, at the edges of the cells; `to` natural or linear."""
    points, f = record["exact_points"], record["predictions"][-1]
    splines = {"natural": record["exact_natural"], "linear": np.interp(points, record["x"], record["y"])}
    return float(np.max(np.abs(f - splines[to])) / np.max(np.abs(splines["natural"] - splines["linear"])))


PAPER = "williams2019gradient"
CUBIC = reading(0.0, 0.03, PAPER)
KERNEL = Prediction(1.0, "=", "gradient flow from f = 0, to the end", PAPER)
CORNERS = Prediction(0.0, "<=", "tangent kernel of both layers; for κ → 0 and ∞ as the paper says", PAPER)
LINEAR = reading(0.0, 0.03, PAPER)

far = Kernel.at("predictions", output=1.0, reach=between(11, np.inf))

CLAIMS = (
    claim(
        "cubic", "kernel, κ = 0: distance to the natural cubic spline, over that of the linear one", CUBIC, checks.mean,
        select=Kernel.at(output=0.0, reach=between(11, np.inf)), value=distance, what="distance",
        wrong="κ = 1", control={"select": Kernel.at(output=1.0, reach=between(11, np.inf))},
    ),
    claim(
        "interpolant", "kernel, κ > 0: f on the way from the natural spline (0) to the kernel's interpolant (1)",
        KERNEL, checks.mean,
        select=Kernel.at(output=between(0, np.inf)), value=measure.share, left=measure.left, what="share of the way",
        wrong="the not-a-knot spline", control={"value": partial(measure.share, name="not_a_knot")},
    ),
    claim(
        "corners", "kernel: exponent in κ of the distance to the linear spline", CORNERS, checks.slope,
        select=Kernel.at(output=between(0, np.inf)), x="output", value=partial(distance, to="linear"),
        wrong="to the cubic spline", control={"value": distance},
    ),
    claim(
        "linear", "adaptive, κ = 1: distance to the linear spline, over that of the cubic one", LINEAR, checks.mean,
        select=Adaptive.at("predictions", output=1.0), value=partial(distance, to="linear"), what="distance",
        wrong="kernel", control={"select": far, "value": partial(distance, to="linear")},
    ),
)  # fmt: skip

FIGURES = (
    PublishedFigure(
        "kappa", "Four points are joined by a cubic spline for κ = 0, with corners as κ grows, if adaptive by lines.",
        (Kernel, Adaptive), ("cubic", "interpolant", "corners", "linear"),
        "κ ∈ {0, .1, .2, 1} and four points are the figure's; what the kernel and the adaptive regime learn is the "
        "text of Williams et al. (2019).",
        "The paper of the figure was not found, by its four points nor by its values of κ: that κ is |a|/|w| at the "
        "start is a reading, since it is the ratio of which Williams et al. make the regimes depend, and the samples "
        "were chosen here, with targets that alternate about a line. Breakpoints are even on [−L, L], L = 12 and 2. "
        "The adaptive regime is α = 1 without penalty; there κ below 1 leaves up to a tenth of the way in some draws.",
    ),
)  # fmt: skip

STUDY = Study(
    name="four_points",
    group="published",
    summary="four points interpolated by networks of output weights κ: from a cubic spline to a linear one",
    experiments=(Kernel, Adaptive),
    claims=CLAIMS,
    published=FIGURES,
)

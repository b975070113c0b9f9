"""Feature learning: kernels that turn to the targets, and a hidden direction that is found among many.

Networks on sign(x₁x₂) at several output scales α show how their kernels change, align with the targets and spread over
dimensions. On a target of one direction among d, test errors of networks are compared with those of kernel regression
with the tangent kernel, along d and n; and on data of few dimensions.
"""

from functools import cached_property, partial
from math import log

import numpy as np

import meanfield as mf
from simulations import Records, Setup, Simulations, Study, between, checks, choice, claim, count, grid, last, number
from simulations.regimes import hidden_direction, kernel_change
from simulations.regimes.hidden_direction import MARKS, HiddenDirection, Subspace
from simulations.study.starts import doubled
from theory.prediction import Prediction

RICH, LAZY = 1.0, 1000.0
"""Output scales at either end."""

LARGE = (100.0, 300.0, 1000.0)
"""Output scales between which exponents are taken."""

LAWS = {
    "doubled": {"activation": "tanh", "initial": "doubled"},
    "centred": {"activation": "tanh", "initial": "centred"},
    "relu": {"activation": "relu", "initial": "doubled"},
}


def laws(*alphas: float, many: int, **settings: int) -> list[dict]:
    """Return runs of every law at these output scales and the large ones, of the centred law at the large ones.

    ReLU has more particles, `many`, and more seeds: at α = 1000 one unit in a thousand switches at a sample.
    """
    scales = {"doubled": (*alphas, *LARGE), "centred": LARGE, "relu": (*alphas, *LARGE)}
    own = {"doubled": {}, "centred": {}, "relu": {"particles": many, "seeds": 16}}
    return [{**law, **settings, **own[name], "alpha": scales[name]} for name, law in LAWS.items()]


class Kernels(Simulations):
    """Networks on sign(x₁x₂), each with data of its own, and their kernels in time."""

    activation: str = choice("tanh", "activation σ", among=tuple(mf.units.activations.ACTIVATIONS))
    initial: str = choice("doubled", "pairs ±a at the start, or f − f₀ is trained", among=("doubled", "centred"))
    alpha: float = number(1.0, "α", "output scale", unit="output units", above=0)
    particles: int = count(48, "m", "particles, in pairs", multiple_of=2)
    dimension: int = count(8, "d", "inputs", at_least=2)
    samples: int = count(48, "n", "training samples", at_least=4)
    time: float = number(100.0, "T", "final time", unit="mean-field time", at_least="step")
    step: float = number(0.5, "h", "step of gradient descent", unit="mean-field time", above=0)
    replicas: int = count(4, "", "networks, of whose changes the root mean square is taken")
    sizes = grid(
        smoke=laws(RICH, many=256, seeds=8),
        default=laws(RICH, 3.0, 10.0, 30.0, many=512, particles=128, samples=64, replicas=8, seeds=8),
        large=laws(RICH, 3.0, 10.0, 30.0, many=1000, particles=1000, samples=256, replicas=8, seeds=10),
    )

    @cached_property
    def draws(self) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Inputs, targets and units of every network; networks that differ in α alone start alike."""
        random, drawn, pairs = self.generator("networks"), [], self.initial == "doubled"
        for _ in range(self.replicas):
            x = random.normal(size=(self.samples, self.dimension))
            x[:2, 1] = np.abs(x[:2, 1]) * np.sign(x[:2, 0]) * [1, -1]  # both signs, however few samples
            theta = hidden_direction.units(random, self.particles // (1 + pairs), self.dimension)
            drawn.append((x, np.sign(x[:, 0] * x[:, 1]), doubled(theta) if pairs else theta))
        return drawn

    def setups(self):
        unit, loss, centred = mf.Neuron(self.activation), mf.Square(), self.initial == "centred"
        flow, times, watched = mf.GradientFlow(self.step), np.unique(self.time * MARKS), [mf.Risk(), mf.Positions()]
        return {
            "networks": [
                Setup(
                    mf.Objective(unit, loss, x, y, scale=self.alpha, centred=centred),
                    mf.Particles(theta),
                    flow,
                    times,
                    watched,
                )
                for x, y, theta in self.draws
            ]
        }

    def measure(self, runs):
        networks = runs["networks"]
        risk = np.mean([run.values["risk"] for run in networks], axis=0)
        statistics = kernel_change.changes(mf.Neuron(self.activation), networks, [y for _, y, _ in self.draws])
        return {"times": networks[0].times, "risk": risk, **statistics}

    def theory(self):
        if self.initial != "centred":  # of whose motion kernels are to first order
            return {}
        steps = np.rint(np.unique(self.time * MARKS) / self.step).astype(int)
        return {"linear_drift": kernel_change.linear_drift(self.activation, self.alpha, self.step, steps, self.draws)}


kernels = partial(Kernels.at, "features_alignment")


def large(name: str):
    """Return the selection of one law at output scales large enough for an exponent."""
    return kernels(**LAWS[name], alpha=between(LARGE[0] - 1, np.inf))


def at(alpha: float, name: str):
    """Return the selection of one law at one output scale."""
    return kernels(**LAWS[name], alpha=alpha)


directions = HiddenDirection.at("net_error", target="direction", alpha=RICH)
"""Networks on inputs that fill the sphere."""

many = HiddenDirection.at("net_error", target="many", alpha=RICH)
"""Targets of 400 directions."""

manifold = Subspace.at("reference_net_error", inside=True, alpha=RICH)
widest_manifold = Subspace.at("reference_net_error", inside=True, alpha=RICH, dimension=max)
"""Of these, the ones in the most dimensions: at other d they share their samples and their reference."""

ambient = Subspace.at("reference_net_error", inside=False, alpha=RICH)


def along_dimensions(records: Records) -> Records:
    """Return `directions` at the number of samples that most of them have."""
    return _most(directions(records), "samples", "dimension")


def along_samples(records: Records) -> Records:
    """Return `directions` at the dimension that most of them have."""
    return _most(directions(records), "dimension", "samples")


def _most(records: Records, name: str, other: str) -> Records:
    """The records that share the value of a parameter which has the most different values of the other one."""
    values = records.column(name).tolist()
    several = {value: len(set(records.where(**{name: value}).column(other))) for value in values}
    return records.where(**{name: max(several, key=lambda value: several[value], default=None)})


SMOOTH = "α → ∞, fixed horizon, smooth activation"
DOUBLED = Prediction(-2.0, "slope", f"{SMOOTH}, doubled start", "meanfield")
CENTRED = Prediction(-1.0, "slope", f"{SMOOTH}, centred", "meanfield")
LINEAR = Prediction(1.0, "=", f"{SMOOTH}, centred; motion to first order in 1/α", "meanfield")
SWITCHES = Prediction(
    -0.5, "slope", "ReLU, root mean square over starts, where units still switch in some of them", "meanfield"
)
TWICE, HALF_MORE, TENTH_MORE = (
    Prediction(log(factor), ">=", "an observation on sign(x₁x₂), not a theorem", "meanfield")
    for factor in (2, 1.5, 1.1)
)
THREE = Prediction(log(3), ">=", "a target of one direction; observed, not proved", "meanfield")
HALF = Prediction(0.5, ">=", "a target of one direction; observed, not proved", "meanfield")
FASTER = Prediction(1.0, ">=", "fixed n; observed, not proved", "meanfield")
ROOT = Prediction(0.5, ">=", "fixed n, or fixed d; observed, not proved", "meanfield")
SAME = Prediction(0.0, "=", "w off the subspace has no part in f; law N(0, I/k) of w", "meanfield")

CLAIMS = (
    claim(
        "change_doubled", "relative change of the tangent kernel in α: −2, tanh, doubled start", DOUBLED,
        checks.asymptotic_slope,
        select=large("doubled"), x="alpha", value=last("tangent_drift"),
        wrong="centred, not doubled", control={"select": large("centred")},
    ),
    claim(
        "change_centred", "change of the tangent kernel over that of the linearised motion, ∝ 1/α: tanh, centred",
        LINEAR, kernel_change.lazy_limit,
        select=large("centred"), value=kernel_change.over_linear, what="change / linearised",
        wrong="motion until a quarter of the time", control={"value": partial(kernel_change.over_linear, at=-2)},
    ),
    claim(
        "change_relu", "relative change of the tangent kernel in α, root mean square: −½, ReLU", SWITCHES,
        checks.asymptotic_slope,
        select=large("relu"), x="alpha", value=last("tangent_drift"),
        wrong="tanh (of fewer particles)", control={"select": large("doubled")},
    ),
    claim(
        "alignment_lazy", "change of the tangent kernel's alignment with the targets in α: −2, tanh, doubled start",
        DOUBLED, checks.asymptotic_slope,
        select=large("doubled"), x="alpha", value=last("tangent_realigned"),
        wrong="centred, not doubled", control={"select": large("centred")},
    ),
    claim(
        "dimension_lazy", "change of the tangent kernel's effective dimension in α: −2, tanh, doubled start",
        DOUBLED, checks.asymptotic_slope,
        select=large("doubled"), x="alpha", value=last("tangent_respread"),
        wrong="centred, not doubled", control={"select": large("centred")},
    ),
    claim(
        "hidden_direction", "log(test error of the kernel / of the network) above log 3, mean over d and n", THREE,
        checks.mean,
        select=directions, value=hidden_direction.advantage, what="log ratio",
        wrong="a target of 400 directions", control={"select": many},
    ),
    claim(
        "features_found", "share of the network along the hidden direction at the end above ½", HALF, checks.mean,
        select=directions, value=hidden_direction.share_along, what="mean cos²(w, e₁)",
        wrong="at the start", control={"value": partial(hidden_direction.share_along, at=0)},
    ),
    claim(
        "manifold_network", "data on a sphere of 5 dimensions in d: log(the network's test error / in 5 dimensions)",
        SAME, checks.mean,
        select=widest_manifold, value=hidden_direction.excess, what="log ratio",
        widest=0.4, wrong="data that fill d dimensions", control={"select": ambient},
    ),
)  # fmt: skip

SANITY = (
    claim(
        "alignment_grows", "α = 1: the alignment of the features with the targets more than doubles, tanh", TWICE,
        checks.mean,
        select=at(RICH, "doubled"), value=kernel_change.feature_alignment, what="log ratio",
        wrong="α = 1000", control={"select": at(LAZY, "doubled")},
    ),
    claim(
        "tangent_alignment", "α = 1: the alignment of the tangent kernel grows by more than a tenth, tanh", TENTH_MORE,
        checks.mean,
        select=at(RICH, "doubled"), value=kernel_change.tangent_alignment, what="log ratio",
        wrong="α = 1000", control={"select": at(LAZY, "doubled")},
    ),
    claim(
        "dimension_grows", "α = 1: the effective dimension of the tangent kernel grows by more than half, tanh",
        HALF_MORE, checks.mean,
        select=at(RICH, "doubled"), value=kernel_change.tangent_dimension, what="log ratio",
        wrong="α = 1000", control={"select": at(LAZY, "doubled")},
    ),
    claim(
        "kernel_in_d", "the kernel's test error grows faster than d", FASTER, checks.slope,
        select=along_dimensions, x="dimension", value=last("kernel_error"),
        wrong="data of 5 dimensions in d", control={"select": manifold},
    ),
    claim(
        "network_in_d", "nor is the network free of d: its test error grows faster than √d", ROOT, checks.slope,
        select=along_dimensions, x="dimension", value=last("net_error"),
        wrong="data of 5 dimensions in d", control={"select": manifold},
    ),
    claim(
        "network_in_n", "the network's test error falls faster than 1/√n", ROOT, checks.slope,
        select=along_samples, x="samples", value=hidden_direction.inverse_error,
        wrong="before training", control={"value": partial(hidden_direction.inverse_error, at=0)},
    ),
)  # fmt: skip

STUDY = Study(
    name="representation_learning",
    group="regimes",
    summary="features turn to the targets and find a hidden direction, where those of the lazy regime stay",
    experiments=(Kernels, HiddenDirection, Subspace),
    claims=CLAIMS,
    sanity=SANITY,
)

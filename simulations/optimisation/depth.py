"""The effect of more layers on a linear model: none on what it can express, and much on how fast it learns.

Gradient descent on the factors of W = W_N ⋯ W_1 moves W as if the gradient had been preconditioned by W itself (Arora,
Cohen & Hazan 2018), if the factors are balanced. A deep linear network is one particle here (`mf.units.DeepLinear`),
and one of two factors is as well m particles that are linear neurons.

Whether that is faster depends on the loss. A race counts iterations until two residuals are small, from a small start,
for a deep and a shallow model and many step sizes. For ℓ4 the step is limited by the large residual at the start, when
a deep model is still slow: it may take longer steps, and learns the small target 27/8 times as soon (N = 2). For ℓ2
with isotropic inputs a shallow model needs one step; where the small curvature has the large target, depth helps again.
"""

from functools import cached_property, partial

import numpy as np

import meanfield as mf
from simulations.optimisation import deep_linear_measures as measure
from simulations.optimisation.linear_factors import INPUTS, OUTPUTS, Factors
from simulations.records.record import between
from simulations.study.experiment import grid
from simulations.study.parameters import choice, count, number
from simulations.study.simulation import Setup, Simulations
from simulations.study.study import Study, claim
from simulations.verdicts import checks
from theory import depth
from theory.prediction import Prediction

SHARES = 0.125 * 2 ** (np.arange(13) / 2)
"""Steps of a race, in units of the largest that does not shoot over the large target."""

DENSITY = 0.3
"""Logarithm of the ratio of consecutive iterations at which the residuals of a race are observed."""

SHORT = {"depth": 3, "steps": (10**3, 10**4, 10**5)}
UNBALANCED, FEW = {"depth": 3, "start": "unbalanced"}, (25, 50, 100, 200, 400)
BEST = {"target": (1.0, 8.0), "patience": 16.0}
ISOTROPIC = {"power": 2.0, "target": 10.0, "initial": 0.05, "tolerance": 1e-3, "patience": 200.0}
CONDITIONED = ISOTROPIC | {"target": 1.0, "second": 10.0, "condition": 100.0, "patience": 64.0}
SQUARE = (ISOTROPIC, CONDITIONED)


class OneStep(Factors):
    """One step from balanced factors."""

    sizes = grid(
        smoke=SHORT | {"seeds": 7},
        default=SHORT | {"seeds": 10},
        large=SHORT | {"seeds": 10},
    )

    def setups(self):
        return {"factors": self.descent(self.balanced, np.arange(2))}

    def measure(self, runs):
        return {"end": self.matrices(runs["factors"])[-1]}

    def theory(self):
        x, y, matrix = self.regression
        gradient = (matrix @ x.T - y.T) @ x / len(x)
        rules = {"exact_rule": self.rule(np.arange(2))[-1], "exact_doubled": self.rule(np.arange(2), 2.0)[-1]}
        return rules | {"exact_second_order": depth.second_order(matrix, gradient, self.depth)}


class UnitTime(Factors):
    """A unit of time; two factors are trained as linear neurons, too."""

    start: str = choice("balanced", "unbalanced: W_N twice and W_1 half as large", among=("balanced", "unbalanced"))
    sizes = grid(
        smoke=[kind | {"steps": (50, 100, 200), "seeds": 7} for kind in ({"depth": (2, 3)}, UNBALANCED)],
        default=[kind | {"steps": FEW, "seeds": 10} for kind in ({"depth": (2, 3, 4)}, UNBALANCED)],
        large=[kind | {"steps": (*FEW, 800, 1600), "seeds": 10} for kind in ({"depth": (2, 3, 4, 8)}, UNBALANCED)],
    )

    @property
    def seen(self) -> np.ndarray:
        """Numbers of the steps after which W is observed."""
        return np.unique(np.rint(np.linspace(0, self.steps, 6)).astype(int))

    @cached_property
    def factors(self) -> list[np.ndarray]:
        """W_1 … W_N at the start."""
        if self.start == "balanced" or self.depth == 1:
            return self.balanced
        first, *others, last = self.balanced
        return [first / 2, *others, 2 * last]

    def setups(self):
        whole = self.descent(self.factors, self.seen)
        if self.depth != 2:
            return {"factors": whole}
        # f = (1/m) Σ_j a_j w_j·x with a = √m W_2 and w = √m W_1.
        theta = np.sqrt(self.hidden) * np.hstack([self.factors[1].T, self.factors[0]])
        x, y, _ = self.regression
        unit = mf.Neuron("linear", outputs=OUTPUTS)
        problem = mf.Objective(unit, mf.Square(), x, y, kernel=mf.integrals.Dense())
        return {"factors": whole, "neurons": Setup(problem, mf.Particles(theta), whole.flow, [0.0, 1.0])}

    def measure(self, runs):
        run, path = runs["factors"], self.matrices(runs["factors"])
        after = self.unit.factors(np.asarray(run.particles.position[0]), INPUTS)
        values = {"times": run.times, "risk": run.values["risk"], "path": path, "end": path[-1]}
        values["unbalance"] = measure.largest_distance(measure.balances(self.factors), measure.balances(after))
        values["change"] = measure.largest_distance([w.T @ w for w in self.factors], [w.T @ w for w in after])
        if self.depth == 2:
            theta = np.asarray(runs["neurons"].particles.position)
            values["units"] = theta[:, :OUTPUTS].T @ theta[:, OUTPUTS:] / self.hidden
        return values

    def theory(self):
        path = self.rule(self.seen)
        return {
            "exact_rule": path[-1],
            "exact_rule_path": path,
            "rounding": measure.rounding(*self.regression, self.steps, self.hidden),
        }


class Race(Simulations):
    """Iterations until the residuals at two orthogonal inputs are small, with one factor and with N, for all steps."""

    depth: int = count(2, "N", "factors of the deep model")
    hidden: int = count(5, "", "width of each hidden layer")
    power: float = number(4.0, "p", "exponent of the loss |f − y|^p / p", at_least=2, batched=False)
    target: float = number(8.0, "y₁", "target of the first input", unit="output", above=0)
    second: float = number(1.0, "y₂", "target that a weight of the second input has", unit="output", above=0)
    condition: float = number(1.0, "κ", "ratio of the curvatures along the two inputs", at_least=1)
    initial: float = number(1e-5, "", "size of the end-to-end weights at the start", unit="parameter units", above=0)
    tolerance: float = number(0.2, "", "residual at which a race is over", unit="output", above=0)
    patience: float = number(64.0, "", "iterations at most, over κ y^(p−2) of the larger target", above=0)
    divergence = True
    sizes = grid(
        smoke=[kind | {"seeds": 8} for kind in ({"target": (3.0, 6.0, 12.0)}, *SQUARE)] + [BEST | {"seeds": 16}],
        default=[kind | {"seeds": 10} for kind in ({"depth": (2, 3), "target": (3.0, 6.0, 12.0, 24.0)}, *SQUARE)]
        + [BEST | {"seeds": 20}],
        large=[kind | {"seeds": 10} for kind in ({"depth": (2, 3, 4, 8), "target": (3.0, 10.0, 30.0, 100.0)}, *SQUARE)]
        + [BEST | {"seeds": 40}],
    )

    def refusal(self):
        least = min(self.target, self.second)
        return None if self.tolerance < least else f"tolerance={self.tolerance:g}: expected less than the targets."

    @cached_property
    def seen(self) -> np.ndarray:
        """Numbers of the iterations after which the residuals are observed."""
        last = max(2, int(self.patience * self.condition * max(self.target, self.second) ** (self.power - 2)))
        return np.unique(np.rint(np.append(0, np.geomspace(1, last, int(np.log(last) / DENSITY) + 2))))

    @property
    def lengths(self) -> np.ndarray:
        """Lengths of the inputs."""
        return np.array([1.0, self.condition**-0.5])

    @property
    def targets(self) -> np.ndarray:
        return self.lengths * [self.target, self.second]

    def steps(self, factors: int) -> np.ndarray:
        """Return all steps η of a model of so many factors."""
        return SHARES * 2 * depth.monotone_step(max(self.target, self.second), self.power, factors)

    def setups(self):
        axes = np.linalg.qr(self.generator("inputs").normal(size=(INPUTS, 2)))[0].T
        end = self.generator("start").normal(size=INPUTS)
        end *= self.initial / np.linalg.norm(end)
        x, loss = self.lengths[:, None] * axes, mf.losses.Power(self.power)
        setups = {}
        for name, factors in (("shallow", 1), ("deep", self.depth)):
            unit = mf.units.DeepLinear((self.hidden,) * (factors - 1))
            position = unit.balanced(end[None]).position
            # One particle of mass η under α = 1/η: f and the gradient are those of mass 1, and a step of 1 is one of η.
            # So all steps are observed after the same numbers of iterations.
            setups[name] = [
                Setup(
                    mf.Objective(unit, loss, x, self.targets, scale=1 / h, kernel=mf.integrals.Dense()),
                    mf.Particles(position, [h]), mf.GradientFlow(1.0), self.seen, [mf.Predictions()],
                )
                for h in self.steps(factors)
            ]  # fmt: skip
        return setups

    def measure(self, runs):
        """Iterations until both residuals, or the second one, are small, for each step; and residuals of one step."""
        values = {"shares": SHARES, "times": self.seen}
        for name, factors in (("shallow", 1), ("deep", self.depth)):
            residuals = np.full((len(SHARES), len(self.seen), 2), np.inf)
            for run, row in zip(runs[name], residuals, strict=True):
                row[: len(run.times)] = np.abs(run.values["predictions"] - self.targets) / self.lengths
            for ending, columns in (("", slice(0, 2)), ("_second", slice(1, 2))):
                rows = residuals[..., columns].max(axis=2)
                values[name + ending] = np.array([measure.crossing(self.seen, row, self.tolerance) for row in rows])
            values |= {f"{name}_steps": self.steps(factors), f"{name}_residuals": residuals[measure.SLOW]}
        return values

    def theory(self):
        return {"exact_speed_up": depth.speed_up(self.power, self.depth)}


DEEP = between(1, np.inf)
one_step = OneStep.at("end", depth=DEEP)
balanced, unbalanced = (UnitTime.at("end", depth=DEEP, start=start) for start in ("balanced", "unbalanced"))
quartic = partial(Race.at, "deep", power=4.0, second=1.0, condition=1.0)


two = quartic(depth=2).where(lambda record: record["initial"] <= 1e-5 and measure.fair(record))
"""The `fair` races of two factors for ℓ4, from a start at which the small target is untouched at first."""


def learned(**parameters):
    """Return the selection of races of two factors that both models win at their best steps."""
    return Race.at("deep", depth=2, **parameters).where(measure.arrived)


flat = {"second": 1.0, "condition": 1.0}
equal = learned(power=4.0, target=1.0, **flat)
apart = learned(power=4.0, target=between(7.5, 8.5), **flat)
isotropic = learned(power=2.0, target=between(9.9, np.inf), **flat)
conditioned = learned(power=2.0, target=1.0, condition=between(99, np.inf), second=between(9.9, np.inf))


SECOND = Prediction(1.0, "=", "one step from balanced factors, η → 0", "meanfield")
RULE = Prediction(-1.0, "slope", "η → 0 at a fixed time, balanced factors", "arora2018depth")
BALANCE = Prediction(
    -1.0, "slope", "gradient flow keeps W_{j+1}ᵀW_{j+1} − W_jW_jᵀ; each step breaks it by η²", "arora2018depth"
)
SOONER = Prediction(depth.speed_up(4.0, 2), "=", "ℓ4, N = 2, y₁ → ∞ from a small start, monotone steps", "meanfield")
GAIN = Prediction(0.0, ">=", "observed at the best of 13 steps; no theorem", "meanfield")
NO_GAIN = Prediction(0.0, "<=", "isotropic inputs: one step of gradient descent on W is enough", "meanfield")

CLAIMS = (
    claim(
        "second_order", "what theory has at order η², over the distance to the end-to-end rule after one step", SECOND,
        checks.limit,
        select=one_step, x="steps", order=1.0, value=measure.share_of_second_order, what="η² |second order| / distance",
        wrong="both exponents doubled", control={"value": partial(measure.share_of_second_order, rule="doubled")},
    ),
    claim(
        "rule", "distance to the end-to-end rule after a unit of time, balanced factors, in steps", RULE,
        checks.asymptotic_slope,
        select=balanced, x="steps", value=measure.distance,
        wrong="unbalanced factors", control={"select": unbalanced},
    ),
    claim(
        "balance", "change of W_{j+1}ᵀW_{j+1} − W_jW_jᵀ after a unit of time, in steps", BALANCE,
        checks.asymptotic_slope,
        select=balanced, x="steps", value=measure.unbalance,
        wrong="change of W_jᵀW_j", control={"value": partial(measure.unbalance, name="change")},
    ),
    claim(
        "sooner", "ℓ4: one factor's iterations to learn the small target over those of two", SOONER, checks.limit,
        select=two, x="target", order=2.0, value=measure.sooner, what="ratio of iterations",
        wrong="one factor at twice its step", control={"value": partial(measure.sooner, shallow=measure.SLOW + 2)},
    ),
    claim(
        "gain", "ℓ4: log(iterations of one factor / of two) at the best steps, targets far apart", GAIN, checks.mean,
        select=apart, value=measure.log_gain, what="log ratio of iterations",
        wrong="equal targets", control={"select": equal},
    ),
    claim(
        "no_gain", "ℓ2, isotropic: log(iterations of one factor / of two) at the best steps", NO_GAIN, checks.mean,
        select=isotropic, value=measure.log_gain, what="log ratio of iterations",
        wrong="large target at small curvature", control={"select": conditioned},
    ),
)  # fmt: skip

SAME = Prediction(1.0, "<=", "the same descent, written as particles: independent rounding errors", "meanfield")

# The engine with itself; and the mirror image of no gain.
SANITY = (
    claim(
        "two_layers", "two factors and as many linear neurons, over what rounding may do", SAME, checks.largest,
        kind="identity",
        select=UnitTime.at("units"), value=measure.difference, what="distance / rounding",
        wrong="two factors and the end-to-end rule", control={"value": partial(measure.difference, name="exact_rule")},
    ),
    claim(
        "conditioned", "ℓ2, large target at small curvature: log(iterations of one factor / of two)", GAIN, checks.mean,
        select=conditioned, value=measure.log_gain, what="log ratio of iterations",
        wrong="isotropic", control={"select": isotropic},
    ),
)  # fmt: skip

STUDY = Study(
    name="depth",
    group="optimisation",
    summary="deep linear networks: depth preconditions gradient descent; sooner for ℓ4, later for isotropic ℓ2",
    experiments=(OneStep, UnitTime, Race),
    claims=CLAIMS,
    sanity=SANITY,
)

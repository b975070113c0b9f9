"""Particles of a 2-homogeneous unit, or masses on a sphere: two descriptions of one flow.

A unit with Φ(rθ) = r²Φ(θ) needs of a particle θ = ru its direction and its mass r². Its training is the
Wasserstein–Fisher–Rao flow of the masses on the sphere: r' = −2rG(u), u' = −∇_S G(u), G the first variation. From a
balanced start, |a| = |w|, the sphere of input weights is enough, with other constants. What makes this so is checked
beside it: the first variation, the energy that the flow loses, and the balance a² − |w|² that it keeps.

Each statement holds in continuous time, and an integrator of order p misses it by O(h^p): the order is what is
measured, and its wrong versions are missed by O(1).
"""

from functools import partial

from simulations.limits import _conic_measures as measure
from simulations.limits._conic import FLOWS, SMOOTHING, Parameters, integrate, reference
from simulations.records.record import runs
from simulations.study.study import Study, claim
from simulations.verdicts.checks import bounded, slope
from theory.prediction import Prediction

STEPS = (5, 20, 80)
"""Every next one is a quarter as long, so that what the coarse steps change in a fitted order is more than what is
still missing to the limit.
"""
MORE = (5, 20, 80, 320)

VARIED = tuple((activation, m) for activation in SMOOTHING for m in (1, 7, 1000))

GRIDS = {
    "smoke": {"seeds": 5, "steps": STEPS, "size": {}, "variation": (("relu", 20),)},
    "default": {"seeds": 8, "steps": MORE, "size": {"replicas": 8}, "variation": VARIED},
    "paper": {
        "seeds": 10,
        "steps": MORE,
        "size": {"particles": 1000, "samples": 100, "dimension": 10, "replicas": 8},
        "variation": VARIED,
    },
}


def grid(size: str, seeds: int | None = None, first: int = 0) -> list[Parameters]:
    """The runs of one size; every seed has data and particles of its own."""
    sizes = GRIDS[size]
    made = []
    for seed in range(first, first + (sizes["seeds"] if seeds is None else seeds)):
        common = sizes["size"] | {"seed": seed}
        relu = common | {"activation": "relu", "replicas": 2 * common.get("replicas", Parameters.replicas)}
        for steps in sizes["steps"]:
            made += [Parameters(flow=flow, steps=steps, **common) for flow in FLOWS]
            made += [Parameters(flow="runge_kutta", start="balanced", steps=steps, **common)]
            made += [Parameters(flow="euler", steps=steps, **relu)]
            made += [Parameters(flow="conic", start="balanced", steps=steps, **relu)]
    for activation, m in sizes["variation"]:
        made += [Parameters(activation=activation, particles=m, alpha=a, time=0.0, seed=first) for a in (1.0, 50.0)]
    return made


def fitted(**parameters):
    """Runs for fitted orders: with the steps that these were laid out for, several particles and weight decay."""
    select = runs("predictions", steps=MORE, time=Parameters.time, **parameters)
    return lambda records: select(records).where(lambda record: record["particles"] > 1 and record["decay"] > 0)


trained = partial(fitted, activation="rounded", start="unbalanced")
balanced = partial(fitted, activation="rounded", start="balanced")
relu = partial(fitted, activation="relu")
varied = partial(runs, "gradient")


def scaled(select):
    """Restrict `select` to runs with several particles and α other than 1, in which every factor can be seen."""
    return lambda records: select(records).where(lambda record: record["particles"] > 1 and record["alpha"] != 1)


def order(p: int, what: str, reference: str = "meanfield") -> Prediction:
    """The exponent of an error in the number of steps."""
    return Prediction(-float(p), "slope", f"{what}; smooth 2-homogeneous unit, N → ∞", reference)


SAME = Prediction(1.0, "<=", "exact but for rounding: error over its bound", "meanfield")
LOSS = "F(T) − F(0) + ∫ (1/m) Σ |θ'|² dt"
ORDER = {"x": "steps", "drift": True}

CLAIMS = (
    claim(
        "gradient", "m ∇_{θ_j} F = ∇F'[μ](θ_j)", SAME, bounded,
        select=varied(), value=measure.scaled_gradient_error, what="error / rounding",
        wrong="without the factor m", control={"value": measure.gradient_error},
    ),
    claim(
        "velocity", "the velocity of a particle is −∇F'[μ](θ_j), F' with its 1/α", SAME, bounded,
        select=scaled(varied()), value=measure.velocity_error, what="error / rounding",
        wrong="without the factor 1/α", control={"value": partial(measure.velocity_error, alpha=1.0)},
    ),
    claim(
        "direction", "dF along (1 − ε)μ + εν is ∫ F' d(ν − μ)", SAME, bounded,
        select=varied(), value=measure.direction_error, what="error / rounding",
        wrong="half of it, as for a quadratic form", control={"value": partial(measure.direction_error, factor=0.5)},
    ),
    claim(
        "energy_euler", f"{LOSS} = 0, to order 1 in the steps of gradient descent",
        order(1, "Euler"), slope, **ORDER,
        select=trained(flow="euler"), value=measure.energy_defect,
        wrong="Σ for (1/m) Σ", control={"value": measure.energy_defect_of_sum},
    ),
    claim(
        "energy_constant", f"{LOSS} = (h/4)(g(0) − g(T)) + O(h²), g = (1/m) Σ |θ'|², for gradient descent",
        order(2, "Euler, without the leading term"), slope, **ORDER,
        select=trained(flow="euler"), value=measure.beyond_leading,
        wrong="h/2 for h/4", control={"value": partial(measure.beyond_leading, constant=0.5)},
    ),
    claim(
        "energy_runge_kutta", f"{LOSS} = 0, to order 4 by the classical steps", order(4, "Runge–Kutta"), slope, **ORDER,
        select=trained(flow="runge_kutta"), value=measure.energy_defect,
        wrong="Σ for (1/m) Σ", control={"value": measure.energy_defect_of_sum},
    ),
    claim(
        "balance", "a² − |w|² decays as e^{−2λt}, to order 4", order(4, "Runge–Kutta"), slope, **ORDER,
        select=trained(flow="runge_kutta"), value=measure.balance_defect,
        wrong="e^{−λt}", control={"value": partial(measure.balance_defect, decay=1.0)},
    ),
    claim(
        "balance_euler", "ReLU: a² − |w|² changes by h² Σ (a'² − |w'|²) and by nothing else", SAME, bounded,
        select=runs("balance_added", activation="relu", flow="euler"), value=measure.euler_identity,
        what="error / rounding",
        wrong="conserved by gradient descent too", control={"value": partial(measure.euler_identity, added=0.0)},
    ),
    claim(
        "sphere", "particles follow r' = −2rG, u' = −∇_S G on the sphere of all parameters",
        order(4, "Runge–Kutta against the flow on the sphere", "chizat2022sparse"), slope, **ORDER,
        select=trained(flow="runge_kutta"), value=measure.to_sphere,
        wrong="r' = −rG", control={"value": measure.to_half_growth},
    ),
    claim(
        "balanced", "from |a| = |w| they follow c' = −2c(sg + λ), u' = −s∇_S g on the sphere of input weights",
        order(4, "Runge–Kutta against the flow on the sphere"), slope, **ORDER,
        select=balanced(flow="runge_kutta"), value=measure.to_balanced,
        wrong="another start", control={"select": trained(flow="runge_kutta")},
    ),
    claim(
        "conic", "ConicFlow with α = β = 1 is that flow on the sphere of all parameters",
        order(1, "conic particle descent", "chizat2022sparse"), slope, **ORDER,
        select=trained(flow="conic"), value=measure.to_sphere,
        wrong="r' = −rG", control={"value": measure.to_half_growth},
    ),
    claim(
        "relu", "ReLU: gradient descent follows the flow on the sphere, to order 1",
        Prediction(-1.0, "slope", "ReLU, whose velocity jumps; N → ∞", "chizat2018global"), slope, **ORDER,
        select=relu(flow="euler"), value=measure.to_sphere,
        wrong="r' = −rG", control={"value": measure.to_half_growth},
    ),
    claim(
        "relu_balanced", "ReLU: ConicFlow with α = ½, β = 1 is the flow on the sphere of input weights, to order 1",
        Prediction(-1.0, "slope", "ReLU, whose velocity jumps; N → ∞", "chizat2018global"), slope, **ORDER,
        select=relu(flow="conic", start="balanced"), value=measure.to_balanced,
        wrong="the flow that would halve r'", control={"value": measure.to_half_growth},
    ),
)  # fmt: skip

STUDY = Study(
    name="conic_equivalence",
    group="limits",
    summary="2-homogeneous particles are masses on a sphere; what the flow loses, keeps and descends, to its order",
    parameters=Parameters,
    grid=grid,
    run=integrate,
    predict=reference,
    claims=CLAIMS,
    cost={"smoke": "10 s", "default": "30 s", "paper": "an hour (not timed)"},
)

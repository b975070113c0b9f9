"""Particles of a 2-homogeneous unit, or masses on a sphere: two descriptions of one flow.

A unit with Φ(rθ) = r²Φ(θ) needs of a particle θ = ru its direction and its mass r². Its training is the
Wasserstein–Fisher–Rao flow of the masses on the sphere: r' = −2rG(u), u' = −∇_S G(u), G the first variation. From a
balanced start, |a| = |w|, the sphere of input weights is enough, with other constants. What makes this so is checked
beside it: the first variation, the energy that the flow loses, and the balance a² − |w|² that it keeps.

Each statement holds in continuous time, and an integrator of order p misses it by O(h^p): the order is what is
measured, and its wrong versions are missed by O(1).
"""

import math
from functools import lru_cache, partial
from typing import Any

import numpy as np

import meanfield as mf
from simulations.limits import conic_defects as measure
from simulations.limits import first_variation
from simulations.limits.first_variation import SMOOTHING, UNIT, WIDE, FirstVariation, Homogeneous, Rounding
from simulations.records.record import Select, between
from simulations.study.experiment import grid
from simulations.study.parameters import count, flag, kinds, number
from simulations.study.simulation import Setup, Simulations
from simulations.study.study import Study, claim
from simulations.verdicts import checks
from theory import conic
from theory.prediction import Prediction

STEPS = (5, 20, 80)
"""Every next one is a quarter as long, so that what the coarse steps change in a fitted order is more than what is
still missing to the limit.
"""
MORE = (5, 20, 80, 320)

TIME = 2.0
"""Final time of the claims (mean-field time)."""

FEW, SEVERAL = {"replicas": 4, "seeds": 5}, {"replicas": 8, "seeds": 8}
LARGE = {"particles": 1000, "samples": 100, "dimension": 10, "replicas": 8, "seeds": 10}
ON_INPUTS = {"activation": "relu", "balanced": True}

SPHERE_STEP = 1 / 64
"""Longest step of the reference for ReLU (mean-field time): adaptive steps would shrink to nothing at every kink."""

EXACT = 2.5e-14
"""Tolerance of the reference for the rounded unit: with 1e-13 it is wrong by a twentieth of the error of 320 steps."""

SHOWN = 400
"""Up to so many particles times steps a record keeps the path of its network, for the picture."""


class Trained(Homogeneous, Simulations):
    """Experiments in which networks are trained by one integrator, to be compared with the flow on a sphere.

    An error is the root mean square over networks: that of one may vanish by chance, or be large at coarse steps.
    """

    balanced: bool = flag(False, "whether |a| = |w| at the start, where otherwise |a| = |w|/2")
    time: float = number(TIME, "T", "final time", unit="mean-field time", above=0, batched=False)
    steps: int = count(40, "N", "steps of size h = T/N")
    replicas: int = count(4, "", "networks, each with data of its own, over which errors are averaged")

    @property
    def ratio(self):
        return 1.0 if self.balanced else 0.5

    @property
    def step(self) -> float:
        """h, in mean-field time."""
        return self.time / self.steps

    def networks(self) -> list[tuple[mf.Objective, np.ndarray]]:
        """Return the objective and the particles of every network."""
        theta, x, y = self.data
        return [(self.objective(*data), one) for one, *data in zip(theta, x, y, strict=True)]

    def theory(self):
        """Predictions at the end by the flows on the spheres, and by one with a wrong constant."""
        return on_spheres(Descent(**{name: getattr(self, name) for name in kinds(Trained) if name != "steps"}))


OF_PARTICLES = {
    "energy": mf.observables.Energy(),
    "predictions": mf.Predictions(),
    "position": mf.Positions(),
    "velocity": lambda objective, mu: objective.velocity(mu),
}
"""Observed at every step."""


class Moved(Trained):
    """Experiments in which particles (a, w) are moved, and observed after every step."""

    def flow(self) -> mf.Flow:
        """Return the integrator."""
        raise NotImplementedError

    def setups(self):
        times, flow = self.step * np.arange(self.steps + 1), self.flow()
        networks = [Setup(of, mf.Particles(theta), flow, times, OF_PARTICLES) for of, theta in self.networks()]
        return {"particles": networks}

    def measure(self, runs):
        seen = {name: np.stack([run.values[name] for run in runs["particles"]]) for name in OF_PARTICLES}
        dissipation = np.mean(np.sum(np.square(seen["velocity"]), axis=3), axis=2)
        values = {"predictions": seen["predictions"][:, -1], "energy": seen["energy"], "dissipation": dissipation}
        if self.particles * self.steps <= SHOWN:
            _, x, y = self.data
            values |= {"path": seen["position"][0], "x": x[0], "y": y[0]}
        return values | self._balances(seen["position"])

    def _balances(self, position: np.ndarray) -> dict[str, Any]:
        """The balance b = a² − |w|² at both ends, what Euler's steps add to it by theory's velocities, and rounding.

        Homogeneity gives a a' − w·w' = −λb for the velocity (a', w'), so that a step of Euler's is exactly
        b ← (1 − 2hλ) b + h² (a'² − |w'|²). A step rounds θ and its velocity, of which b takes 2(a, −w)·δθ.
        """
        h, steps, (_, x, y) = self.step, self.steps, self.data
        setting = {"smoothing": SMOOTHING[self.activation], "strength": self.decay, "scale": self.alpha}
        b, added, squares = difference(position), [], np.zeros(position[:, 0, :, 0].shape)
        for theta in position.swapaxes(0, 1)[:-1]:
            added.append(difference(conic.first_variation(theta, x, y, **setting)[1]))
            deviation = Rounding(theta, x, y, self.alpha, self.decay, SMOOTHING[self.activation]).gradient()
            squares += np.sum((2 * theta) ** 2 * ((UNIT * theta) ** 2 + (h * deviation) ** 2), axis=2)
        kept = (1 - 2 * h * self.decay) ** np.arange(steps - 1, -1, -1.0)
        return {
            "balance_start": b[:, 0],
            "balance_end": b[:, -1],
            "balance_added": h**2 * np.einsum("k,krm->rm", kept, np.stack(added)),
            "balance_kept": (1 - 2 * h * self.decay) ** steps,
            "balance_rounding": WIDE * np.sqrt(squares),
        }


def difference(theta: np.ndarray) -> np.ndarray:
    """a² − |w|² of particles, or of their velocities."""
    return np.square(theta[..., 0]) - np.sum(np.square(theta[..., 1:]), axis=-1)


class Descent(Moved):
    """Gradient descent of the particles: Euler's method, of order 1."""

    sizes = grid(
        smoke=[{"steps": STEPS, **FEW}, {"activation": "relu", "steps": STEPS, **FEW, "replicas": 8}],
        default=[{"steps": MORE, **SEVERAL}, {"activation": "relu", "steps": MORE, **SEVERAL, "replicas": 16}],
        large=[{"steps": MORE, **LARGE}, {"activation": "relu", "steps": MORE, **LARGE, "replicas": 16}],
    )

    def flow(self):
        return mf.GradientFlow(self.step)


class RungeKutta(Moved):
    """Particles of the same flow, by the classical Runge–Kutta method of order 4."""

    sizes = grid(
        smoke={"balanced": (False, True), "steps": STEPS, **FEW},
        default={"balanced": (False, True), "steps": MORE, **SEVERAL},
        large={"balanced": (False, True), "steps": MORE, **LARGE},
    )

    def flow(self):
        return mf.RungeKutta(self.step)


class Conic(Trained):
    """`ConicFlow` of masses on a sphere: of all parameters, or of the input weights from a balanced start."""

    sizes = grid(
        smoke=[{"steps": STEPS, **FEW}, {**ON_INPUTS, "steps": STEPS, **FEW, "replicas": 8}],
        default=[{"steps": MORE, **SEVERAL}, {**ON_INPUTS, "steps": MORE, **SEVERAL, "replicas": 16}],
        large=[{"steps": MORE, **LARGE}, {**ON_INPUTS, "steps": MORE, **LARGE, "replicas": 16}],
    )

    def setups(self):
        flow = mf.ConicFlow(self.step, growth=0.5 if self.balanced else 1.0, signed=self.balanced, sphere=True)
        times, observe = [0, self.time], [mf.Predictions()]
        networks = [Setup(of, self.on_sphere(theta), flow, times, observe) for of, theta in self.networks()]
        return {"masses": networks}

    def on_sphere(self, theta: np.ndarray) -> mf.Particles:
        """Return the measure of particles as masses and directions."""
        moving = theta[:, 1:] if self.balanced else theta
        radius = np.linalg.norm(moving, axis=1)
        place = moving / radius[:, None]
        if self.balanced:
            place = np.column_stack([np.sign(theta[:, 0]), place])
        return mf.Particles(place, radius**2 / self.particles)

    def measure(self, runs):
        return {"predictions": np.stack([run.values["predictions"][-1] for run in runs["masses"]])}


@lru_cache(maxsize=64)
def on_spheres(run: Trained) -> dict[str, np.ndarray]:
    """Return what the flows on the spheres predict at the end of a run; its integrator does not matter."""
    end, smoothing = np.array([run.time]), SMOOTHING[run.activation]
    options: dict[str, Any] = {"smoothing": smoothing, "strength": run.decay, "scale": run.alpha, "rtol": EXACT}
    options["step"] = None if smoothing else run.time / math.ceil(run.time / SPHERE_STEP)
    flows = {"half_growth": conic.sphere_flow(*run.data, end, growth=1.0, **options)}
    if not run.balanced:
        flows["sphere"] = conic.sphere_flow(*run.data, end, **options)
    if run.balanced or smoothing:  # also from where it does not hold, while it is cheap
        flows["balanced"] = conic.balanced_flow(*run.data, end, **options)
    return {f"{name}_predictions": flow.predictions[0] for name, flow in flows.items()}


def fitted(experiment: type[Trained], **parameters) -> Select:
    """Return runs for fitted orders: with the steps that these were laid out for, several particles, weight decay."""
    several, some = between(1, math.inf), between(0, math.inf)
    return experiment.at("predictions", steps=MORE, time=TIME, particles=several, decay=some, **parameters)


trained = partial(fitted, activation="rounded", balanced=False)
balanced = partial(fitted, activation="rounded", balanced=True)
relu = partial(fitted, activation="relu")


scaled = FirstVariation.at().where(lambda record: record["particles"] > 1 and record["alpha"] != 1)
"""Networks of several particles and α other than 1, in which every factor can be seen."""


def order(p: int, what: str, reference: str = "meanfield") -> Prediction:
    """The exponent of an error in the number of steps."""
    return Prediction(-float(p), "slope", f"{what}; smooth 2-homogeneous unit, N → ∞", reference)


JUMPS = Prediction(-1.0, "slope", "ReLU, whose velocity jumps; N → ∞", "meanfield")
SAME = Prediction(1.0, "<=", "exact but for rounding: error over its bound", "meanfield")
LOSS = "F(T) − F(0) + ∫ (1/m) Σ |θ'|² dt"
exact = partial(claim, check=checks.largest, kind="identity", what="error / rounding")
converges = partial(claim, check=checks.asymptotic_slope, x="steps")

CLAIMS = (
    exact(
        "gradient", "m ∇_{θ_j} F = ∇F'[μ](θ_j)", SAME,
        select=FirstVariation.at(), value=first_variation.scaled_gradient_error,
        wrong="without the factor m", control={"value": first_variation.gradient_error},
    ),
    exact(
        "velocity", "the velocity of a particle is −∇F'[μ](θ_j), F' with its 1/α", SAME,
        select=scaled, value=first_variation.velocity_error,
        wrong="without the factor 1/α", control={"value": partial(first_variation.velocity_error, alpha=1.0)},
    ),
    exact(
        "direction", "dF along (1 − ε)μ + εν is ∫ F' d(ν − μ)", SAME,
        select=FirstVariation.at(), value=first_variation.direction_error,
        wrong="half of it, as for a quadratic form",
        control={"value": partial(first_variation.direction_error, factor=0.5)},
    ),
    converges(
        "energy_constant", f"{LOSS} = (h/4)(g(0) − g(T)) + O(h²), g = (1/m) Σ |θ'|², for gradient descent",
        order(2, "Euler, without the leading term"), select=trained(Descent), value=measure.beyond_leading,
        wrong="h/2 for h/4", control={"value": partial(measure.beyond_leading, constant=0.5)},
    ),
    converges(
        "energy_runge_kutta", f"{LOSS} = 0, to order 4 by the classical steps", order(4, "Runge–Kutta"),
        select=trained(RungeKutta), value=measure.energy_defect,
        wrong="Σ for (1/m) Σ", control={"value": measure.energy_defect_of_sum},
    ),
    converges(
        "balance", "a² − |w|² decays as e^{−2λt}, to order 4", order(4, "Runge–Kutta"),
        select=trained(RungeKutta), value=measure.balance_defect,
        wrong="e^{−λt}", control={"value": partial(measure.balance_defect, decay=1.0)},
    ),
    exact(
        "balance_euler", "ReLU: a² − |w|² changes by h² Σ (a'² − |w'|²) and by nothing else", SAME,
        select=Descent.at("balance_added", activation="relu"), value=measure.euler_identity,
        wrong="conserved by gradient descent too", control={"value": partial(measure.euler_identity, added=0.0)},
    ),
    converges(
        "sphere", "particles follow r' = −2rG, u' = −∇_S G on the sphere of all parameters",
        order(4, "Runge–Kutta against the flow on the sphere", "chizat2022sparse"),
        select=trained(RungeKutta), value=measure.to_sphere,
        wrong="r' = −rG", control={"value": measure.to_half_growth},
    ),
    converges(
        "balanced", "from |a| = |w| they follow c' = −2c(sg + λ), u' = −s∇_S g on the sphere of input weights",
        order(4, "Runge–Kutta against the flow on the sphere"),
        select=balanced(RungeKutta), value=measure.to_balanced,
        wrong="another start", control={"select": trained(RungeKutta)},
    ),
    converges(
        "conic", "ConicFlow with α = β = 1 is that flow on the sphere of all parameters",
        order(1, "conic particle descent", "chizat2022sparse"),
        select=trained(Conic), value=measure.to_sphere,
        wrong="r' = −rG", control={"value": measure.to_half_growth},
    ),
    converges(
        "relu", "ReLU: gradient descent follows the flow on the sphere, to order 1", JUMPS,
        select=relu(Descent), value=measure.to_sphere,
        wrong="r' = −rG", control={"value": measure.to_half_growth},
    ),
    converges(
        "relu_balanced", "ReLU: ConicFlow with α = ½, β = 1 is the flow on the sphere of input weights, to order 1",
        JUMPS, select=relu(Conic, balanced=True), value=measure.to_balanced,
        wrong="the flow that would halve r'", control={"value": measure.to_half_growth},
    ),
)  # fmt: skip

STUDY = Study(
    "conic_equivalence",
    "limits",
    "2-homogeneous particles are masses on a sphere; what the flow loses, keeps and descends, to its order",
    experiments=(Descent, RungeKutta, Conic, FirstVariation),
    claims=CLAIMS,
)

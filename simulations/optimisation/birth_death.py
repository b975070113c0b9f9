"""Particles that die and are cloned: faster to the global minimum than transport alone, and to the same one.

Rotskoff, Jelassi, Bruna & Vanden-Eijnden (2019) add births and deaths at the rate τ(F'[μ] − ∫F'dμ) to the gradient
flow. Mass then reaches places where F' is low without having to travel, and F falls by τ Var_μ(F') more in a unit of
time. Clones stay where μ already is; the dead that are born again in a prior can be anywhere.

There are three experiments. `step`: one step of a random network many times, against its exact mean. `sites`: particles
that stay on eight sites, against the replicator equation and its noise. `training`: a ReLU network with weight decay in
the plane, whose least objective over all networks is known and certified, with transport alone from the same start
beside it.
"""

from functools import cached_property, partial

import numpy as np

import meanfield as mf
from simulations.optimisation import certified_excess as measure
from simulations.optimisation.birth_death_ratios import masses_over_exact, noise_over_exact, over_exact
from simulations.optimisation.planar_network import PlanarNetwork, features, gradients, prior
from simulations.records.record import Record
from simulations.study.experiment import grid
from simulations.study.parameters import choice, count, number
from simulations.study.simulation import Setup
from simulations.study.study import Study, claim
from simulations.verdicts import checks
from theory import birth_death
from theory.prediction import Prediction

SITES = 8
"""Sites on which particles stay (count): all particles of one site are alike."""

SHARES = (0.1, 0.3, 1.0)
"""When training is looked at after `EARLY`, in shares of its time."""

POSITIVE = {"start": "positive", "rate": 2.0, "reinjected": (0, 32)}


class Step(PlanarNetwork):
    """One step of a random network, many times with other births and deaths."""

    particles: int = count(256, "m", "particles")
    rate: float = number(5.0, "τ", "births and deaths per unit of F' and of time", unit="rate", at_least=0)
    step: float = number(0.02, "h", "step", unit="mean-field time", above=0, batched=False)
    replicas: int = count(192, "", "steps from the same start")
    sizes = grid(
        smoke={"seeds": 7},
        default={"particles": (64, 512, 2048), "replicas": 256, "seeds": 8},
        large={"particles": (64, 512, 4096, 32768), "replicas": 2048, "seeds": 10},
    )

    @cached_property
    def theta(self) -> np.ndarray:
        return self.generator("start").normal(size=(self.particles, 3))

    def setups(self):
        start, times = mf.Particles(self.theta), [0.0, self.step]
        flow, transport = (mf.BirthDeath(self.step, rate=rate) for rate in (self.rate, 0.0))
        watched = [mf.Predictions(), mf.observables.Energy()]
        one, alone = (Setup(self.problem, start, each, times, watched) for each in (flow, transport))
        return {"steps": [one] * self.replicas, "transport": alone}

    def measure(self, runs):
        """Compute the mean of what a step changes: f beyond transport [n], and F."""
        f, energy = (np.mean([run.values[name] for run in runs["steps"]], axis=0) for name in ("predictions", "energy"))
        beyond = f[-1] - runs["transport"].values["predictions"][-1]
        return {"prediction_change": np.ravel(beyond), "energy_change": energy[-1] - energy[0]}

    @cached_property
    def moved(self) -> np.ndarray:
        """The particles after transport."""
        (x, y), theta = self.data, self.theta
        slope = gradients(theta, x, features(theta, x).mean(axis=1) - y) + self.strength * theta
        return theta - self.step * slope

    def theory(self):
        (x, y), amount = self.data, self.rate * self.step
        mass = np.full(self.particles, 1 / self.particles)
        before, after = (
            (features(at, x), self.strength / 2 * np.sum(at**2, axis=1)) for at in (self.theta, self.moved)
        )
        slopes = birth_death.first_variation(before[0], y, before[1], mass)
        energy = birth_death.energy(before[0], y, before[1], mass)
        reacted = [after[0] @ (birth_death.reacted(mass, slopes, by) - mass) for by in (amount, 2 * amount)]
        left = [birth_death.step_energy(after[0], y, after[1], slopes, by) - energy for by in (amount, 2 * amount)]
        return {
            "exact_prediction_change": reacted[0],
            "doubled_prediction_change": reacted[1],
            "exact_energy_change": np.asarray(left[0]),
            "doubled_energy_change": np.asarray(left[1]),
        }


class Sites(PlanarNetwork):
    """Particles that stay on eight sites, and are born and die many times from the same start."""

    particles: int = count(256, "m", "particles, equally many on every site", multiple_of=SITES)
    rate: float = number(5.0, "τ", "births and deaths per unit of F' and of time", unit="rate", at_least=0)
    # With steps of 0.05 the replicator equation oscillates, and ever more, on one set of sites in two thousand.
    step: float = number(0.025, "h", "step", unit="mean-field time", above=0, batched=False)
    time: float = number(1.0, "T", "time at the end", unit="mean-field time", at_least="step", batched=False)
    replicas: int = count(192, "", "runs from the same start")
    sizes = Step.sizes

    @cached_property
    def theta(self) -> np.ndarray:
        """The sites, [sites, 3]."""
        return self.generator("start").normal(size=(SITES, 3))

    @property
    def steps(self) -> int:
        return int(np.rint(self.time / self.step))

    def setups(self):
        start = mf.Particles(np.repeat(self.theta, self.particles // SITES, axis=0))
        flow, times = mf.BirthDeath(self.step, rate=self.rate, transport=0.0), [0.0, self.steps * self.step]
        return {"runs": [Setup(self.problem, start, flow, times, [mf.Positions()])] * self.replicas}

    def measure(self, runs):
        """Compute the share of particles on each site at the end, [replicas, sites]."""
        after = np.stack([run.values["positions"][-1] for run in runs["runs"]])
        near = np.abs(after[:, :, None] - self.theta).sum(axis=-1).argmin(axis=-1)
        return {"masses": np.stack([(near == k).mean(axis=1) for k in range(SITES)], axis=1)}

    def theory(self):
        (x, y), mass = self.data, np.full(SITES, 1 / SITES)
        potential = self.strength / 2 * np.sum(self.theta**2, axis=1)
        limit = features(self.theta, x), y, potential, mass, self.rate, self.step, self.steps
        masses, noise = birth_death.particle_limit(*limit)
        apart = birth_death.particle_limit(*limit, drawn="apart")[1]
        return {
            "exact_masses": masses,
            "noise": np.asarray(np.trace(noise)),
            "noise_apart": np.asarray(np.trace(apart)),
        }


class Training(PlanarNetwork):
    """Training with births and deaths, and with transport alone from the same start."""

    start: str = choice(
        "both",
        "output weights at the start: both signs, or positive (a = 2|w|), which neither transport nor clones can undo",
        among=("both", "positive"),
    )
    particles: int = count(64, "m", "particles")
    rate: float = number(3.0, "τ", "births and deaths per unit of F' and of time", unit="rate", at_least=0)
    reinjected: int = count(0, "", "particles of the prior in which the dead are born; 0: they are cloned", at_least=0)
    step: float = number(0.1, "h", "step", unit="mean-field time", above=0, batched=False)
    time: float = number(40.0, "T", "time at the end", unit="mean-field time", at_least="step", batched=False)
    sizes = grid(
        smoke=[
            {"seeds": 56},
            {**POSITIVE, "seeds": 56},
        ],
        default=[
            {"particles": 128, "step": 0.05, "time": 200.0, "rate": (1.0, 3.0, 6.0), "seeds": 96},
            {**POSITIVE, "particles": 128, "step": 0.05, "time": 200.0, "seeds": 96},
        ],
        large=[
            {"particles": 1000, "step": 0.02, "time": 1000.0, "rate": (1.0, 3.0, 10.0), "seeds": 300},
            {**POSITIVE, "particles": 1000, "step": 0.02, "time": 1000.0, "seeds": 300},
        ],
    )

    @property
    def times(self) -> np.ndarray:
        """The times at which a run is looked at."""
        wanted = np.minimum([*measure.EARLY, *(share * self.time for share in SHARES)], self.time)
        return np.unique([0, *np.maximum(np.rint(wanted / self.step), 1)]) * self.step

    def setups(self):
        theta = self.generator("start").normal(size=(self.particles, 3)) / 2
        if self.start == "positive":
            theta[:, 0] = 2 * np.linalg.norm(theta[:, 1:], axis=1)
        flows = [mf.BirthDeath(self.step, rate=rate, prior=prior(self.reinjected)) for rate in (self.rate, 0.0)]
        watched = [mf.observables.Energy(), mf.Positions()]
        return {"flows": [Setup(self.problem, mf.Particles(theta), flow, self.times, watched) for flow in flows]}

    def measure(self, runs):
        """Certify F over time, and compute F with transport alone."""
        run, alone = (one.values for one in runs["flows"])
        path = np.asarray(run["positions"])
        return {
            "times": self.times,
            "energy": run["energy"],
            "transport_energy": alone["energy"],
            "gap": np.array([mf.optimality_gap(self.problem, mf.Particles(theta)).gap for theta in path]),
            "kept_positive": np.all(path[..., 0] > 0),
            "start_position": path[0],
            "end_position": path[-1],
            "transport_end_position": alone["positions"][-1],
        }

    def theory(self):
        return self.least()


def fair(record: Record) -> bool:
    """Return True for what claims on training assume: time, particles, fine steps, and data that need both signs."""
    long = record["time"] >= 30 and record["particles"] >= 64 and record["rate"] >= 1
    fine = record["step"] <= 0.1 and record["rate"] * record["step"] <= 0.3 * (1 + 1e-9)
    data = 10 <= record["samples"] <= 30 and 0.005 <= record["strength"] <= 0.02
    return bool(long and fine and data and measure.two_signs(record))


def born(rate: float) -> bool:
    """Return True for runs with births and deaths."""
    return rate > 0


def enough(particles: int) -> bool:
    """Return True for so many particles on sites that what is left over, O(1/m), does not count."""
    return particles >= 256


both_signs = Training.at("energy", start="both", reinjected=0).where(fair, rate=max)
"""Runs that start with both signs, and whose dead are replaced by clones; one rate, as seeds share their data."""

cloned = Training.at("energy", start="positive", reinjected=0).where(fair)
reinjected = Training.at("energy", start="positive", reinjected=range(16, 1 << 20)).where(fair)
"""Runs that start with positive output weights, and whose dead are replaced by clones, or born again in the prior."""

MEAN = Prediction(1.0, "=", "exact for any m and step: deaths and births drawn together", "meanfield")
MASSES = Prediction(1.0, "=", "particles on sites, up to O(1/m)", "rotskoff2019birth")
NOISE = Prediction(1.0, "=", "particles on sites, up to O(1/m)", "meanfield")
FASTER = Prediction(0.0, "<=", "dF/dt = −∫|∇F'|² − τ Var F', from the same starts", "rotskoff2019birth")
GLOBAL = Prediction(0.0, "<=", "both signs at the start, or a prior that has both", "rotskoff2019birth")
STUCK = Prediction(1.0, ">=", "neither transport nor clones change the sign of an output weight", "meanfield")
DUAL = Prediction(1.0, "<=", "weak duality, rounding included", "bach2017breaking")

CLAIMS = (
    claim(
        "reaction", "mean change of f by births and deaths in a step, over its exact value", MEAN, checks.mean,
        select=Step.at(rate=born), value=partial(over_exact, "prediction_change"),
        what="change / exact mean", wrong="twice the rate",
        control={"value": partial(over_exact, "prediction_change", exact="doubled")},
    ),
    claim(
        "dissipation", "mean change of F in a step, over its exact value", MEAN, checks.mean,
        select=Step.at(rate=born), value=partial(over_exact, "energy_change"),
        what="change / exact mean", wrong="twice the rate",
        control={"value": partial(over_exact, "energy_change", exact="doubled")},
    ),
    claim(
        "replicator", "change of the mean masses of sites along that of the replicator equation's", MASSES, checks.mean,
        select=Sites.at(rate=born, particles=enough), value=masses_over_exact, what="⟨Δp̄, Δp⟩ / |Δp|²",
        wrong="the equation at half the time", control={"value": partial(masses_over_exact, share=0.5)},
    ),
    claim(
        "noise", "m E|p_m − p|² over its constant, p the replicator equation's masses", NOISE, checks.mean,
        select=Sites.at(rate=born, particles=enough), value=partial(noise_over_exact, "noise"),
        what="m E|p_m − p|² / constant",
        wrong="deaths and births drawn apart", control={"value": partial(noise_over_exact, "noise_apart")},
    ),
    claim(
        "stuck", "clones of positive output weights stay above the best network of one sign", STUCK, checks.least,
        select=cloned, value=measure.above_positive, what="(F − min F) / (min F₊ − min F)",
        wrong="births in a prior of both signs", control={"select": reinjected},
    ),
    claim(
        "certificate", "excess over the global minimum, over the certified gap", DUAL, checks.largest,
        select=Training.at("energy"), value=measure.excess_over_gap, what="excess / gap",
        wrong="the gap of another network: the trained one's", control={"value": measure.excess_over_last_gap},
    ),
)  # fmt: skip

SANITY = (
    claim(
        "faster", "log(excess with births and deaths / with transport alone), up to time 4", FASTER, checks.mean,
        select=both_signs, value=measure.log_excess_ratio, what="log ratio of excesses",
        wrong="transport alone for four times as long", control={"value": partial(measure.log_excess_ratio, later=2)},
    ),
    claim(
        "same_minimum", "log(certified gap at the end / least excess of one sign), clones", GLOBAL, checks.mean,
        select=both_signs, value=measure.log_gap_ratio, what="log(gap / excess of one sign)",
        wrong="start with positive output weights", control={"select": cloned},
    ),
    claim(
        "escape", "log(certified gap at the end / least excess of one sign), births in a prior", GLOBAL, checks.mean,
        select=reinjected, value=measure.log_gap_ratio, what="log(gap / excess of one sign)",
        wrong="clones", control={"select": cloned},
    ),
)  # fmt: skip

STUDY = Study(
    "birth_death",
    "optimisation",
    "particles that die and are cloned, against transport alone, with certified distances to the minimum",
    experiments=(Step, Sites, Training),
    claims=CLAIMS,
    sanity=SANITY,
)

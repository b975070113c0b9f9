"""The coverage of a generator: how samples alone tell whether it makes all that it imitates, by the birthday paradox.

Of s samples a share coincides that tells 1/Σp², the effective number of kinds, and not how many there are: the two are
one for a uniform law only. How often each confidence interval holds is computed exactly. The samples are those of the
batches of stochastic gradient descent, in which a sample may come twice.

The generator is a set of points, and imitates a ring of Gaussians against a critic: neurons that are trained against
it, or a kernel of random features, whose best answer makes the points descend a maximum mean discrepancy. A strong
critic makes them cover every mode. A weak one is satisfied, or blind, long before: what collapses is what the critic
sees. The points share no parameters, so that this is no model of generators that are networks themselves.
"""

from abc import abstractmethod
from functools import cached_property, partial
from typing import Any

import numpy as np

import meanfield as mf
from simulations import Record, Records, Simulation, Study, checks, claim, count, grid, number, runs
from simulations.generalisation import diversity as measure
from simulations.generalisation import gaussian_ring as ring
from simulations.generalisation.generator import ANIMATION
from simulations.generalisation.known_laws import Known
from theory import discrepancy
from theory.prediction import Prediction

STRONG, WEAK = 64, 4
"""Neurons or features that a strong critic has at least, and a weak one at most (count)."""

CRITICS = (2, 4, 8, 16, 32, 128)
LARGE = {"critic": (*CRITICS, 512), "kinds": (8, 16), "particles": 1024, "samples": 4096, "time": 400.0, "seeds": 100}


class Points(Simulation):
    """A generator of points against a critic."""

    kinds: int = count(8, "k", "Gaussians on the ring", at_least=2, at_most=24)
    particles: int = count(64, "m", "points of the generator")
    critic: int = count(64, "", "neurons or features of the critic")
    samples: int = count(64, "n", "training samples of the ring")
    drawn: int = count(40, "s", "samples in which coincidences are looked for", at_least=3, at_most=200)
    draws: int = count(20, "", "sets of s samples")
    step: float = number(0.1, "h", "step of the flow", unit="mean-field time", above=0, batched=False)
    time: float = number(80.0, "T", "time at the end", unit="mean-field time", at_least="step", batched=False)
    precision = "float32"

    @cached_property
    def data(self) -> np.ndarray:
        """The training samples, [n, 2]."""
        return ring.samples(self.generator("data"), self.samples, self.kinds)

    def times(self):
        return [0, self.time]

    @abstractmethod
    def points(self, run: mf.Trajectory) -> mf.Particles:
        """Return the points at the end."""

    @abstractmethod
    def distances(self, points: np.ndarray) -> dict[str, Any]:
        """Return how far the critic, or the kernel, sees them from the data."""

    def measure(self, run):
        points = np.asarray(self.points(run).position, float)
        counts = ring.on_modes(points, self.kinds)
        random, law = self.generator(f"coincidences, {self.name}"), ring.shares(counts)
        found = measure.coincidences(random.choice(len(law), size=(self.draws, self.drawn), p=law), law)
        kept = ("pairs", "moment_low", "moment_high")
        values = {"points": points, "counts": counts, "data": self.data} | self.distances(points)
        return values | {f"mode_{name}": found[name] for name in kept}


class Network(Points):
    """Points against neurons that are trained to tell them from data."""

    decay: float = number(0.01, "λ", "strength of the weight decay (λ/2)|θ|² of the critic", unit="data units", above=0)
    rate: float = number(5.0, "", "velocity of the critic over that of the points", above=0)
    sizes = grid(
        smoke={"critic": (128, 4), "seeds": 16},
        default={"critic": CRITICS, "seeds": 24},
        large=LARGE,
    )

    def problem(self):
        return ring.game(self.data, self.particles, self.decay, self.rate)

    def start(self):
        points = mf.Particles(ring.points(self.generator("start"), self.particles))
        return self.problem().join(points, mf.Particles(ring.critic(self.generator("critic"), self.critic)))

    def flow(self):
        return mf.RungeKutta(self.step, order=2)

    def observe(self):
        return [mf.observables.Energy()]

    def points(self, run):
        return self.problem().split(run.particles)[0]

    def distances(self, points):
        return {"contrast": ring.contrast(points, self.data)}


class Kernel(Points):
    """Points against random features with the best output weights: they descend a maximum mean discrepancy."""

    step: float = number(0.2, "h", "step of the flow", unit="mean-field time", above=0, batched=False)
    time: float = number(400.0, "T", "time at the end", unit="mean-field time", at_least="step", batched=False)
    sizes = grid(
        smoke={"critic": (128, 4), "time": 240.0, "seeds": 16},
        default={"critic": CRITICS, "seeds": 24},
        large=LARGE,
    )

    @cached_property
    def features(self) -> np.ndarray:
        """The waves of the critic, [features, 4]."""
        return ring.features(self.generator(f"{self.critic} features"), self.critic)

    def problem(self):
        means = ring.waves(self.features, self.data).astype(np.float32)
        return mf.Objective(
            mf.units.Dual(mf.Neuron("cosine", bias=True), 2), mf.Square(), self.features.astype(np.float32), means
        )

    def start(self):
        return mf.Particles(ring.points(self.generator("start"), self.particles))

    def flow(self):
        return mf.GradientFlow(self.step)

    def times(self):
        return [0, self.step, self.time]

    def observe(self):
        return [mf.Risk(), mf.Positions()]

    def points(self, run):
        return run.particles

    def measure(self, run):
        """Also the velocity of the points in their first step."""
        first, second = np.asarray(run.values["positions"][:2], float)
        return {"velocity": (second - first) / self.step} | super().measure(run)

    def theory(self, start):
        """Squared discrepancy at the start and the velocity there, by the exact kernel, and one twice as wide."""
        z, widths = np.asarray(start.position, float), {"": ring.WIDTH, "_wide": 2 * ring.WIDTH}
        exact = {f"exact_start{name}": discrepancy.squared(z, self.data, width) for name, width in widths.items()}
        moved = {f"exact_velocity{name}": discrepancy.velocity(z, self.data, width) for name, width in widths.items()}
        return exact | moved

    def distances(self, points):
        """Return squared discrepancies from the data, by the critic's own features and by the exact kernel, [2]."""
        true = ring.samples(self.generator("true samples"), self.particles, self.kinds)
        return {"distance": self.both_distances(points), "real_distance": self.both_distances(true)}

    def both_distances(self, z: np.ndarray) -> np.ndarray:
        own = np.mean((ring.waves(self.features, z) - ring.waves(self.features, self.data)) ** 2)
        return np.array([own, discrepancy.squared(z, self.data, ring.WIDTH)])


def uneven(records: Records) -> Records:
    """Select known laws in which a kind is drawn far more often than others."""
    return Known.at("pairs", law="zipf")(records).where(lambda record: record["drawn"] >= 30)


def mixed(records: Records) -> Records:
    """Select known laws of both kinds under which no coincidence, and some, are both usual."""
    return Known.at("pairs")(records).where(lambda record: 0.02 <= record["exact_none"] <= 0.98)


def uneven_mixed(records: Records) -> Records:
    """Select the `mixed` records of uneven laws."""
    return mixed(records).where(law="zipf")


def fair(record: Record) -> bool:
    """Return True for a long run on data with several samples a mode, and the settings that the claims assume."""
    usual = record["kinds"] == 8 and record["samples"] >= 64 and 64 <= record["particles"] <= 1024
    if record["experiment"] == Kernel.name:
        return bool(usual and record["step"] <= 0.2 and record["time"] >= 200)
    quick = 5 <= record["rate"] <= 20 and record["step"] * record["rate"] <= 0.5 * (1 + 1e-9)
    return bool(usual and quick and record["decay"] == 0.01 and record["time"] >= 75)


def strong(kind: type[Points], records: Records) -> Records:
    """Select generators against the strongest critic of the kind."""
    records = kind.at("points")(records).where(lambda record: fair(record) and record["critic"] >= STRONG)
    return records.where(critic=max(records.column("critic"), default=None))


def weak(kind: type[Points], records: Records) -> Records:
    """Select generators against a critic of four neurons or features."""
    return kind.at("points", critic=WEAK)(records).where(fair)


known, generators = Known.at("pairs"), runs("points", experiment=(Network.name, Kernel.name))


def covering(choose, records: Records) -> Records:
    """Select generators against critics of both kinds, `strong` or `weak` ones."""
    return Records([record for kind in (Network, Kernel) for record in choose(kind, records)])


FORMULA = Prediction(1.0, "=", "independent samples: s! e_s(p), any law", "arora2018gans")
UNBIASED = Prediction(1.0, "=", "independent samples: E pairs = s(s − 1)/2 Σp², any law", "meanfield")
COVERAGE = Prediction(1.0, "=", "exact law of the number of pairs that coincide", "meanfield")
ANY = Prediction(1.0, "=", "disjoint pairs coincide independently: binomial", "clopper1934use")
WAVES = Prediction(1.0, "=", "random waves: their mean is the Gaussian kernel", "rahimi2007random")
WITNESS = Prediction(1.0, "=", "points descend the witness function of the kernel", "arbel2019maximum")
SPREAD = Prediction(0.0, ">=", "uneven laws: pairs that share a sample coincide together", "hoeffding1948class")
COVERED = Prediction(0.0, ">=", "k − 1 modes at most have 1/Σq² ≤ k − 1; observed, not proved", "meanfield")
BLIND = Prediction(0.0, "<=", "few features: fewer equations than points have coordinates", "arora2017generalization")
LIMIT = Prediction(0.0, "<=", "L ≤ 0 for all critics iff no neuron of unit weights exceeds λ", "meanfield")

CLAIMS = (
    claim(
        "collision", "share of batches without a coincidence, over s! e_s(p), uniform and Zipf", FORMULA, checks.mean,
        select=mixed, value=partial(measure.none_over_exact, "exact_none"), what="share / exact",
        wrong="the formula of a uniform law for Zipf's",
        control={"select": uneven_mixed, "value": partial(measure.none_over_exact, "exact_uniform_none")},
    ),
    claim(
        "estimator", "share of pairs that coincide, over Σp²", UNBIASED, checks.mean,
        select=known, value=partial(measure.pairs_over_exact, False), what="share / exact",
        wrong="over 1/N: the support, which it does not tell",
        control={"value": partial(measure.pairs_over_exact, True)},
    ),
    claim(
        "poisson", "coverage of the Poisson interval over its exact value, uniform and Zipf", COVERAGE, checks.mean,
        select=known, value=partial(measure.coverage_ratio, name="poisson"), what="coverage / exact",
        wrong="over the nominal 95 %, Zipf",
        control={"select": uneven, "value": partial(measure.coverage_ratio, name="poisson", against="said")},
    ),
    claim(
        "disjoint", "coverage of the interval from disjoint pairs over its exact value, uneven laws", ANY, checks.mean,
        select=uneven, value=partial(measure.coverage_ratio, name="disjoint"), what="coverage / exact",
        wrong="over that of the Poisson interval",
        control={"value": partial(measure.coverage_ratio, name="disjoint", against="poisson")},
    ),
    claim(
        "discrepancy", "strong kernel critic: twice the risk at the start over the exact squared discrepancy", WAVES,
        checks.mean,
        select=partial(strong, Kernel), value=measure.start_ratio, what="2 risk / exact",
        wrong="a kernel twice as wide", control={"value": partial(measure.start_ratio, exact="exact_start_wide")},
    ),
    claim(
        "witness", "strong kernel critic: first velocity of the points, along the exact one", WITNESS, checks.mean,
        select=partial(strong, Kernel), value=measure.velocity_ratio, what="along exact / exact",
        wrong="a kernel twice as wide",
        control={"value": partial(measure.velocity_ratio, exact="exact_velocity_wide")},
    ),
    claim(
        "covered", "strong critics of both kinds: 1/Σq² of the modes covered, less k − 1", COVERED, checks.mean,
        select=partial(covering, strong), value=measure.modes_over, what="1/Σq² − (k − 1)",
        wrong="4 neurons or features", control={"select": partial(covering, weak)},
    ),
    claim(
        "fooled", "4 features: log(their distance of points from data / of true samples from data)", BLIND, checks.mean,
        select=partial(weak, Kernel), value=partial(measure.log_fooled, 0), what="log(distance / of true samples)",
        wrong="as the whole kernel sees it", control={"value": partial(measure.log_fooled, 1)},
    ),
    claim(
        "limit", "strong network critic: log(what the best neuron tells points from data by / λ)", LIMIT, checks.mean,
        select=partial(strong, Network), value=measure.log_contrast, what="log(contrast / λ)",
        wrong="4 neurons", control={"select": partial(weak, Network)},
    ),
)  # fmt: skip

SANITY = (
    claim(
        "moment", "uneven laws: coverage of the U-statistic's interval less that of the Poisson one", SPREAD,
        checks.mean,
        select=uneven, value=measure.better, what="difference of coverages",
        wrong="less that of disjoint pairs, which are independent",
        control={"value": partial(measure.better, other="disjoint_holds")},
    ),
)  # fmt: skip

STUDY = Study(
    name="mode_collapse",
    group="generalisation",
    summary="points imitate a ring of Gaussians against strong and weak critics; diversity by the birthday paradox",
    experiments=(Known, Network, Kernel),
    claims=CLAIMS,
    sanity=SANITY,
    animation=ANIMATION,
)

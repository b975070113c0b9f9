"""The coverage of a generator: how samples alone tell whether it makes all that it imitates, by the birthday paradox.

Of s samples a share coincides that tells 1/Σp², the effective number of kinds, and not how many there are: the two are
one for a uniform law only. How often each confidence interval holds is computed exactly, or holds for every law.

The generator is a set of points, and imitates a ring of Gaussians against a critic: neurons that are trained against
it, or a kernel of random features, whose best answer makes the points descend a maximum mean discrepancy. A strong
critic makes them cover every mode. A weak one is satisfied, or blind, long before: what collapses is what the critic
sees. The points share no parameters, so that this is no model of generators that are networks themselves.
"""

from functools import partial
from math import comb

import numpy as np

from simulations.generalisation._mode_collapse import LEVEL, Parameters, exact, play, shares
from simulations.records.record import Record, runs
from simulations.study.study import Study, claim
from simulations.verdicts.checks import above, below, equals, share_above
from theory.prediction import Prediction

KERNEL = {"part": "kernel", "step": 0.2, "time": 400.0}
SETS = (("uniform", 100, 15), ("uniform", 100, 40), ("zipf", 400, 10), ("zipf", 400, 60))
"""Known laws: kind of law, number of kinds, samples."""

STRONG, WEAK = 64, 4
"""Neurons or features that a strong critic has at least, and a weak one at most (count)."""

GRIDS = {
    "smoke": {
        "seeds": 7,
        "known": SETS,
        "draws": 500,
        "network": ((128, {"replicas": 3}), (4, {})),
        "kernel": ((128, {"time": 240.0, "replicas": 2}), (4, {"time": 240.0})),
        "generator": {},
    },
    "default": {
        "seeds": 8,
        "known": (*SETS, ("uniform", 400, 60), ("zipf", 400, 30), ("zipf", 400, 100)),
        "draws": 4000,
        "network": tuple((critic, {}) for critic in (2, 4, 8, 16, 32, 128)),
        "kernel": tuple((critic, {}) for critic in (2, 4, 8, 16, 32, 128)),
        "generator": {},
    },
    "paper": {
        "seeds": 20,
        "known": (*SETS, ("uniform", 10000, 150), ("zipf", 10000, 200)),
        "draws": 50000,
        "network": tuple((critic, {"kinds": kinds}) for critic in (2, 4, 8, 16, 32, 128, 512) for kinds in (8, 16)),
        "kernel": tuple((critic, {"kinds": kinds}) for critic in (2, 4, 8, 16, 32, 128, 512) for kinds in (8, 16)),
        "generator": {"particles": 1024, "samples": 4096, "time": 400.0, "replicas": 20},
    },
}


def grid(size: str, seeds: int | None = None, first: int = 0) -> list[Parameters]:
    """The runs of one size; every seed has samples, data, points and critics of its own."""
    sizes = GRIDS[size]
    made = []
    for seed in range(first, first + (sizes["seeds"] if seeds is None else seeds)):
        for law, kinds, drawn in sizes["known"]:
            known = {"part": "known", "law": law, "kinds": kinds, "drawn": drawn, "draws": sizes["draws"]}
            made.append(Parameters(**known, seed=seed))
        for critic, other in sizes["network"]:
            made.append(Parameters(**{"critic": critic, "seed": seed} | sizes["generator"] | other))
        for critic, other in sizes["kernel"]:
            made.append(Parameters(**{"critic": critic, "seed": seed} | sizes["generator"] | KERNEL | other))
    return made


known = partial(runs, "pairs", part="known")
generators = partial(runs, "points")


def uneven(records):
    """Known laws in which a kind is drawn far more often than others."""
    return known(law="zipf")(records).where(lambda record: record["drawn"] >= 30)


def mixed(records):
    """Known laws of both kinds under which no coincidence, and some, are both usual."""
    return known()(records).where(lambda record: 0.02 <= record["exact_none"] <= 0.98)


def uneven_mixed(records):
    """Return the `mixed` records of uneven laws."""
    return mixed(records).where(law="zipf")


def fair(record: Record) -> bool:
    """Long enough, on data with several samples a mode, and the settings that the claims on generators assume."""
    usual = record["kinds"] == 8 and record["samples"] >= 64 and 64 <= record["particles"] <= 1024
    if record["part"] == "kernel":
        return bool(usual and record["step"] <= 0.2 and record["time"] >= 200)
    quick = 5 <= record["rate"] <= 20 and record["step"] * record["rate"] <= 0.5 * (1 + 1e-9)
    return bool(usual and quick and record["decay"] == 0.01 and record["time"] >= 75)


def strong(part: str):
    """Generators against the strongest critic of the kind."""

    def select(records):
        records = generators(part=part)(records).where(lambda r: fair(r) and r["critic"] >= STRONG)
        return records.where(critic=max(records.column("critic"), default=None))

    return select


def weak(part: str):
    """Generators against a critic of four neurons or features."""
    return lambda records: generators(part=part)(records).where(fair).where(critic=WEAK)


def none_over_exact(name: str, record: Record) -> float:
    """Share of sets without a coincidence, over its exact value."""
    return float(np.mean(record["pairs"] == 0) / record[name])


def pairs_over_exact(support: bool, record: Record) -> float:
    """Mean share of pairs that coincide, over Σp², or over 1/N."""
    share = np.mean(record["pairs"]) / comb(int(record["drawn"]), 2)
    return float(share * (record["kinds"] if support else record["exact_effective"]))


def coverage_over(nominal: bool, record: Record) -> float:
    """How often the Poisson interval holds 1/Σp², over how often it does so exactly, or is said to."""
    return float(np.mean(record["poisson_holds"]) / (LEVEL if nominal else record["exact_coverage"]))


def better(sign: float, record: Record) -> float:
    """Coverage of the interval from the U-statistic's variance less that of the Poisson one; roles as the sign says."""
    return float(sign * (np.mean(record["moment_holds"]) - np.mean(record["poisson_holds"])))


def outcomes(name: str, record: Record) -> np.ndarray:
    """Return for every set whether the interval held."""
    return record[name]


def effective(record: Record) -> np.ndarray:
    """1/Σq², q the shares of the modes among points that are on one, [replicas]."""
    return np.array([1 / np.sum(shares(count) ** 2) for count in record["counts"]])


def modes_over(record: Record) -> float:
    """1/Σq² less what it can be at most if a mode is missing: k − 1."""
    return float(np.mean(effective(record)) - (record["kinds"] - 1))


def mode_pairs(record: Record, ordered: bool = False) -> float:
    """Mean share of pairs of generated samples on one mode, over Σq² of the modes covered; `ordered` takes the share
    among pairs in order, which are twice as many.
    """
    drawn = int(record["drawn"])
    share = np.mean(record["mode_pairs"], axis=1) / (drawn * (drawn - 1) if ordered else comb(drawn, 2))
    return float(np.mean(share * effective(record)))


def log_fooled(which: int, record: Record) -> float:
    """log(distance from the data, over that of as many true samples): by the critic's features, or the kernel."""
    near, true = record["distance"][:, which], record["real_distance"][:, which]
    return float(np.mean(np.log(np.maximum(near, 1e-14) / true)))


def log_contrast(record: Record) -> float:
    """log(what the best neuron of unit weights tells points from data by / λ)."""
    return float(np.mean(np.log(record["contrast"] / record["decay"])))


FORMULA = Prediction(1.0, "=", "independent samples: s! e_s(p), any law", "arora2018gans")
UNBIASED = Prediction(1.0, "=", "independent samples: E pairs = s(s − 1)/2 Σp², any law", "meanfield")
COVERAGE = Prediction(1.0, "=", "exact law of the number of pairs that coincide", "meanfield")
ANY = Prediction(LEVEL, ">=", "disjoint pairs coincide independently: Clopper and Pearson", "clopper1934use")
SPREAD = Prediction(0.0, ">=", "uneven laws: pairs that share a sample coincide together", "hoeffding1948class")
COVERED = Prediction(0.0, ">=", "k − 1 modes at most have 1/Σq² ≤ k − 1", "arora2018gans")
BLIND = Prediction(0.0, "<=", "few features: fewer equations than points have coordinates", "arora2017generalization")
LIMIT = Prediction(0.0, "<=", "L ≤ 0 for all critics iff no neuron of unit weights exceeds λ", "meanfield")

CLAIMS = (
    claim(
        "collision", "share of sets without a coincidence, over s! e_s(p), uniform and Zipf", FORMULA, equals,
        select=mixed, value=partial(none_over_exact, "exact_none"), what="share / exact",
        wrong="the formula of a uniform law for Zipf's",
        control={"select": uneven_mixed, "value": partial(none_over_exact, "exact_uniform_none")},
    ),
    claim(
        "estimator", "share of pairs that coincide, over Σp²", UNBIASED, equals,
        select=known(), value=partial(pairs_over_exact, False), what="share / exact",
        wrong="over 1/N: the support, which it does not tell", control={"value": partial(pairs_over_exact, True)},
    ),
    claim(
        "poisson", "coverage of the Poisson interval over its exact value, uniform and Zipf", COVERAGE, equals,
        select=known(), value=partial(coverage_over, False), what="coverage / exact",
        wrong="over the nominal 95 %, Zipf", control={"select": uneven, "value": partial(coverage_over, True)},
    ),
    claim(
        "moment", "uneven laws: coverage of the U-statistic's interval less that of the Poisson one", SPREAD, above,
        select=uneven, value=partial(better, 1.0), what="difference of coverages",
        wrong="the roles exchanged", control={"value": partial(better, -1.0)},
    ),
    claim(
        "disjoint", "disjoint pairs: the interval holds 1/Σp² in 95 % of sets or more, uneven laws", ANY, share_above,
        select=uneven, value=partial(outcomes, "disjoint_holds"), what="coverage",
        wrong="of the support", control={"value": partial(outcomes, "disjoint_holds_support")},
    ),
    claim(
        "network", "strong network critic: 1/Σq² of the modes covered, less k − 1", COVERED, above,
        select=strong("network"), value=modes_over, what="1/Σq² − (k − 1)",
        wrong="4 neurons", control={"select": weak("network")},
    ),
    claim(
        "kernel", "strong kernel critic: 1/Σq² of the modes covered, less k − 1", COVERED, above,
        select=strong("kernel"), value=modes_over, what="1/Σq² − (k − 1)",
        wrong="4 features", control={"select": weak("kernel")},
    ),
    claim(
        "fooled", "4 features: log(their distance of points from data / of true samples from data)", BLIND, below,
        select=weak("kernel"), value=partial(log_fooled, 0), what="log(distance / of true samples)",
        wrong="as the whole kernel sees it", control={"value": partial(log_fooled, 1)},
    ),
    claim(
        "limit", "strong network critic: log(what the best neuron tells points from data by / λ)", LIMIT, below,
        select=strong("network"), value=log_contrast, what="log(contrast / λ)",
        wrong="4 neurons", control={"select": weak("network")},
    ),
    claim(
        "birthday", "share of pairs of generated samples on one mode, over Σq² of the points", UNBIASED, equals,
        select=generators(), value=mode_pairs, what="share / Σq²",
        wrong="among pairs in order", control={"value": partial(mode_pairs, ordered=True)},
    ),
    claim(
        "diversity", "weak critic: the interval from samples holds 1/Σq² in 95 % of sets or more", ANY, share_above,
        select=weak("kernel"), value=partial(outcomes, "mode_disjoint_holds"), what="coverage",
        wrong="of the number of modes", control={"value": partial(outcomes, "mode_disjoint_holds_support")},
    ),
)  # fmt: skip

STUDY = Study(
    name="mode_collapse",
    group="generalisation",
    summary="points imitate a ring of Gaussians against strong and weak critics; diversity by the birthday paradox",
    parameters=Parameters,
    grid=grid,
    run=play,
    predict=exact,
    claims=CLAIMS,
    cost={"smoke": "9 s", "default": "40 s", "paper": "hours (not timed)"},
    precision="float32",
)

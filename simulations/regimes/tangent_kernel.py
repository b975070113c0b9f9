"""The tangent kernel of two-layer networks: its limit, what it says of training on digits, and what it is worth.

Tangent kernels of untrained networks are compared with their closed form, with the constant of their distance, for
several activations and for either layer. Networks at α = √m learn odd against even digits; Arora et al. (2019) predict
the residual along every eigenvector of the kernel, v_i·(y − u_k) = (1 − hλ_i/n)^k v_i·y. And ridge regression with this
kernel and others, random features and both kinds of network are compared on test data.

An interval over seeds of test accuracy is one over random splits of the same data set.
"""

from functools import partial

import numpy as np

import meanfield as mf
from simulations import Experiment, Record, Study, checks, choice, claim, count, grid, shared
from simulations.regimes import eigendirections
from simulations.regimes.approach import approached
from simulations.regimes.eigendirections import Directions, learning
from simulations.regimes.kernel_change import tangent_kernels
from simulations.regimes.kernel_methods import Accuracy, above_linear, score
from simulations.study.starts import doubled, filled, independent, unpaired
from theory import arc_cosine, scaling
from theory.activations import ACTIVATIONS
from theory.kernel_fluctuation import kernel_fluctuation
from theory.prediction import Prediction

LAYERS = ("both", "output", "input")

ALL = ("relu", "leaky_relu", "squared_relu", "erf", "cosine")
"""The activations of the larger sizes."""


def starts(activations: tuple[str, ...], seeds: int, replicas: dict[int, int]) -> list[dict]:
    """Return runs at every m of `replicas`: plain units of every activation, and doubled ones of ReLU."""
    return [
        {**law, "particles": m, "replicas": many, "seeds": seeds}
        for law in ({"activation": activations}, {"initial": "doubled"})
        for m, many in replicas.items()
    ]


class Start(Experiment):
    """Tangent kernels of untrained networks at inputs on the unit sphere."""

    activation: str = choice("relu", "activation σ", among=tuple(ACTIVATIONS))
    output: str = choice("gaussian", "law of the output weights, of variance 1", among=("signs", "gaussian"))
    initial: str = choice("plain", "independent units, or pairs ±a", among=("plain", "doubled"))
    particles: int = count(64, "m", "particles")
    replicas: int = count(80, "", "networks, over which the squared distance is a mean")
    dimension: int = count(3, "d", "inputs")
    samples: int = count(6, "n", "points on the sphere", at_least=2)
    precision = "float32"
    sizes = grid(
        smoke=starts(("relu", "erf", "cosine"), 7, {16: 80, 64: 80, 256: 80}),
        default=starts(ALL, 8, {64: 100, 256: 100, 1024: 100, 4096: 50, 16384: 20}),
        large=starts(ALL, 10, {64: 1000, 256: 1000, 1024: 1000, 10000: 100, 100000: 20}),
    )

    def refusal(self):
        return unpaired(self.particles) if self.initial == "doubled" else None

    def points(self) -> np.ndarray:
        """Draw inputs on the unit sphere, the same for all runs of one seed."""
        normal = self.generator("inputs").normal(size=(self.samples, self.dimension))
        return normal / np.linalg.norm(normal, axis=1, keepdims=True)

    def run(self):
        x, pairs = self.points(), self.initial == "doubled"
        random = self.generator(f"{self.particles} {self.initial} units, {self.activation}")
        many, law = self.particles // (1 + pairs), {"output": self.output, "networks": self.replicas}
        theta = independent(random, many, self.dimension, **law).astype(np.float32)
        position, mass = filled(doubled(theta) if pairs else theta, 256)
        unit, z = mf.Neuron(self.activation), x.astype(np.float32)
        kernels = np.asarray(tangent_kernels(unit, position, z, LAYERS, mass), float)
        values = {"x": x, **self.constants()}
        exact = {layers: arc_cosine.tangent_kernel(x, activation=self.activation, layers=layers) for layers in LAYERS}
        for i, layers in enumerate(LAYERS):
            values[f"distance_{layers}"] = np.sum((kernels[:, i] - exact[layers]) ** 2, axis=(1, 2))
        # What a wrong limit would be taken for: both layers against the output layer's.
        values["distance_wrong"] = np.sum((kernels[:, 0] - exact["output"]) ** 2, axis=(1, 2))
        return values

    @shared(particles=2, replicas=1, initial="plain")
    def constants(self) -> dict[str, np.ndarray]:
        """Return C of every layer, with E‖K_m − K‖² = C/m, for independent units."""
        fourth, x = (1.0 if self.output == "signs" else 3.0), self.points()
        found = (kernel_fluctuation(x, self.activation, layers, fourth_moment=fourth) for layers in LAYERS)  # type: ignore[arg-type]
        return {f"constant_{layers}": np.asarray(one.value) for layers, one in zip(LAYERS, found, strict=True)}


def distance(record: Record, layers: str = "both") -> float:
    """Return the mean of ‖K_m − K‖²_F over the networks of a run."""
    return float(np.mean(record[f"distance_{layers}"]))


def relative(record: Record, layers: str = "both", constant: str = "both") -> float:
    """Return the mean of ‖K_m − K‖²_F over C of independent units, of these layers or of others."""
    return distance(record, layers) / float(record[f"constant_{constant}"])


def over_constant(record: Record, layers: str = "both", constant: str = "") -> float:
    """Return m ‖K_m − K‖²_F over C of independent units, of the same layers or of others."""
    return record["particles"] * relative(record, layers, constant or layers)


def one_layer(record: Record, constant: str = "") -> float:
    """Return the mean of the ratio for the output layer and of that for the input layer."""
    return float(np.mean([over_constant(record, layers, constant) for layers in LAYERS[1:]]))


start_runs = partial(Start.at, "distance_both", initial="plain")
direction_runs = partial(Directions.at, "residuals")
accuracy_runs = partial(Accuracy.at, "accuracy_linear")

CONSTANT = Prediction(1.0, "=", "independent units, Gaussian weights of variance 1, every m", "meanfield")
EXPONENT = Prediction(-1.0, "slope", "α = √m, m → ∞, gradient descent on the square loss", "arora2019fine")
PREFACTOR = Prediction(1.0, "=", "α = √m, m → ∞, gradient descent on the square loss", "arora2019fine")
OBSERVED = Prediction(0.0, ">=", "an observation on this data set, not a theorem", "meanfield")
CHANCE = Prediction(0.1, "=", "training labels permuted at random, ten classes of nearly equal size", "meanfield")

CLAIMS = (
    claim(
        "kernel_constant", "m E‖K_m − K‖² over its constant C, both layers trained", CONSTANT, checks.mean,
        select=start_runs(), value=over_constant, what="m ‖K_m − K‖² / C",
        wrong="doubled: half the independent units", control={"select": start_runs(initial="doubled")},
    ),
    claim(
        "layer_constant", "m E‖K_m − K‖² over its constant C, output or input layer alone", CONSTANT, checks.mean,
        select=start_runs(), value=one_layer, what="m ‖K_m − K‖² / C, mean of both layers",
        wrong="the constant of both layers together", control={"value": partial(one_layer, constant="both")},
    ),
    claim(
        "kernel_rate", "E‖K_m − K‖² to the closed form falls as 1/m", scaling.kernel_distance_exponent(),
        checks.slope,
        select=start_runs(), x="particles", value=relative,
        wrong="limit of the output layer alone", control={"value": partial(relative, layers="wrong")},
    ),
    claim(
        "curve", "digits: distance to the predicted residuals falls as m^−½", scaling.kernel_limit_exponent(),
        checks.slope,
        select=direction_runs(labels="true"), x="particles", value=eigendirections.residual_error,
        wrong="kernel without its 1/n", control={"value": eigendirections.slow_error},
    ),
    claim(
        "learning_time", "time to learn direction i is a power of its rate hλ_i/n", EXPONENT, approached,
        select=learning, x="particles", value=eigendirections.exponent, what="exponent",
        wrong="eigenvalues dealt to other eigenvectors", control={"value": eigendirections.dealt_exponent},
    ),
    claim(
        "learning_constant", "rate at which direction i is learnt, over hλ_i/n", PREFACTOR, approached,
        select=learning, x="particles", value=eigendirections.prefactor, what="mean over directions",
        wrong="eigenvalues dealt to other eigenvectors", control={"value": eigendirections.dealt_prefactor},
    ),
)  # fmt: skip

SANITY = (
    claim(
        "curve_random", "random labels (plain, or even in all directions): the same distance falls as m^−½",
        scaling.kernel_limit_exponent(), checks.asymptotic_slope,
        select=direction_runs(labels=("random", "even")), x="particles", value=eigendirections.residual_error,
        last=3,
        wrong="eigenvalues dealt to other eigenvectors", control={"value": eigendirections.dealt_error},
    ),
    claim(
        "linear_worst", "digits: the worst of three kernels and 4096 random features less linear regression",
        OBSERVED, checks.mean,
        select=accuracy_runs(data="digits"), value=above_linear, what="difference of test accuracy",
        wrong="breast cancer, where linear is as good", control={"select": accuracy_runs(data="breast_cancer")},
    ),
    claim(
        "chance", "digits: test accuracy after training on shuffled labels", CHANCE, checks.mean,
        select=accuracy_runs(data="digits"), value=partial(score, method="shuffled"), what="test accuracy",
        widest=0.17, wrong="true labels", control={"value": partial(score, method="tangent")},
    ),
)  # fmt: skip

STUDY = Study(
    name="tangent_kernel",
    group="regimes",
    summary="the tangent kernel against its closed form, as a prediction of training on digits, and on test data",
    experiments=(Start, Directions, Accuracy),
    claims=CLAIMS,
    sanity=SANITY,
)

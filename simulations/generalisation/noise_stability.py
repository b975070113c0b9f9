"""How much noise a trained network forgives, and what compression bounds make of that: true against random labels.

Arora, Ge, Neyshabur & Zhang (2018): a layer that hands on its signal better than noise of a random direction can be
compressed, and what can be compressed generalises. The cushions say how well it does. That they are what they say is
exact: Gaussian noise through a layer grows, relative to the signal, by 1/μ₁² in the mean, and infinitesimal noise on
the hidden units reaches the output multiplied by 1/(m μ₁₂²); of noise that crosses kinks the mean is known as well.
Before training no direction is preferred, and every squared cushion is one over a width in the mean.

ReLU networks of m units, both layers trained by Adam on the logistic loss of two digits, labels of which a growing
share is random, from the same starts. Trained on true labels they forgive much more noise: the order is as it should
be. But the norms of the same networks order them as well; and the theorem's bound, constants and logarithms left out,
is vacuous at every share and counts more parameters than the network has. It takes the worse of μ₁₂ and 1/√m, so that
an interlayer cushion above 1/√m, which is what training leaves, gains nothing; and it takes the worst sample. From
half to all labels random it does not even grow.

An interval over seeds is one over random splits of the same images.
"""

import functools
from functools import cached_property, partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

import meanfield as mf
from simulations import Experiment, Records, Setup, Simulations, Study, checks, claim, count, grid, last, number
from simulations.generalisation import cushion_measures as measure
from simulations.generalisation.compression import error_bounds, noise_response
from simulations.generalisation.digits import PIXELS, corrupted, digits_refusal, replaced, two_digits
from theory.prediction import Prediction

KEPT: tuple[str, ...] = ("input", "output", "interlayer", "contraction", "attenuation", "rank_input")
"""Values of `mf.observables.cushions` that records hold, a number a sample each."""


@functools.cache
def adam(rate: float) -> mf.Flow:
    """Return Adam, as one object for all runs of a rate: they share a program, and are prepared once."""
    return mf.OptimiserFlow(optax.adam(rate))


def cushions(objective: mf.Objective, mu: mf.Particles) -> jax.Array:
    """Return `KEPT` of the network, [kept, n]."""
    found = mf.observables.cushions(objective, mu)
    return jnp.stack([jnp.broadcast_to(getattr(found, name), objective.y.shape) for name in KEPT])


@eqx.filter_jit
def many_cushions(objective: mf.Objective, positions: jax.Array | np.ndarray) -> jax.Array:
    """Return `KEPT` of networks with these positions [networks, m, p], [networks, kept, n]."""
    return jax.lax.map(lambda position: cushions(objective, mf.Particles(position)), positions, batch_size=50)


def norm(theta: np.ndarray) -> float:
    """Return ½ mean |θ|² over the particles."""
    return float(np.mean(np.sum(theta**2, axis=1)) / 2)


class Networks(Simulations):
    """Networks of one start, trained on labels of two digits of which a growing share is random."""

    first: int = count(3, "", "digit labelled +1", at_least=0, at_most=9)
    second: int = count(8, "", "digit labelled −1", at_least=0, at_most=9)
    samples: int = count(100, "n", "training samples", at_least=4)
    tested: int = count(200, "", "test samples, whose labels are the true ones")
    levels: int = count(3, "", "shares of random labels, evenly from 0 to 1", at_least=2)
    particles: int = count(64, "m", "particles")
    steps: int = count(400, "", "updates of Adam")
    rate: float = number(0.01, "", "step of Adam", unit="parameter units", above=0, batched=False)
    spread: float = number(0.5, "", "standard deviation of parameters at the start", unit="parameter units", above=0)
    alpha: float = number(8.0, "α", "output scale", unit="output units", above=0)
    draws: int = count(10, "", "draws of noise for every sample")
    precision = "float32"
    sizes = grid(
        smoke={"seeds": 16},
        default={"samples": 150, "levels": 5, "particles": 128, "steps": 600, "seeds": 32},
        large={"samples": 250, "tested": 107, "levels": 6, "particles": (64, 256, 1024, 4096), "steps": 20_000,
               "seeds": 100},
    )  # fmt: skip

    def refusal(self):
        return digits_refusal(self.first, self.second, self.samples, self.tested)

    @cached_property
    def data(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        return two_digits(self.first, self.second, self.samples, self.tested, self.generator("split"))

    @cached_property
    def replaced(self) -> np.ndarray:
        return replaced(self.samples, self.levels)

    @cached_property
    def labels(self) -> np.ndarray:
        return corrupted(self.data[1], self.replaced, self.generator("labels"))

    @cached_property
    def other(self) -> np.ndarray:
        """Labels that are all random, drawn another time."""
        return self.generator("other labels").choice([-1.0, 1.0], self.samples)

    @cached_property
    def theta(self) -> np.ndarray:
        return self.spread * self.generator("start").normal(size=(self.particles, 1 + PIXELS))

    def setups(self):
        x, start = self.data[0].astype(np.float32), mf.Particles(self.theta.astype(np.float32))
        flow, times = adam(self.rate), [0.0, float(self.steps)]
        problems = [
            mf.Objective(mf.Neuron("relu"), mf.Logistic(), x, y, scale=self.alpha)
            for y in np.concatenate([self.labels, self.other[None]]).astype(np.float32)
        ]
        observe = {
            "cushions": cushions,
            "f": mf.Predictions(),
            "f_test": mf.Predictions(self.data[2].astype("float32")),
        }
        return {"levels": [Setup(problem, start, flow, times, observe) for problem in problems]}

    def measure(self, runs):
        """Return cushions (before training, and after it), noise, bounds and errors, a row a level; `other_` those of
        other random labels.
        """
        shares = {"shares": self.replaced / self.samples}
        random, targets = self.generator("noise"), [*self.labels, self.other]
        rows = [self.after(run, y, random) for run, y in zip(runs["levels"], targets, strict=True)]
        other = {f"other_{name}": value for name, value in rows.pop().items()}
        return shares | other | {name: np.stack([row[name] for row in rows]) for name in rows[0]}

    def after(self, run: mf.Trajectory, y: np.ndarray, random: np.random.Generator) -> dict:
        """Return cushions of one network and noise through it, its bounds, norm, margin and errors."""
        before, after = (
            {name: of.astype(float) for name, of in zip(KEPT, part, strict=True)} for part in run.values["cushions"]
        )
        (x, _, _, y_test), theta = self.data, np.asarray(run.particles.position, float)
        sure, tested = (np.asarray(run.values[name][-1], float) for name in ("f", "f_test"))
        w, a, sure = theta[:, 1:], self.alpha / self.particles * theta[:, 0], y * sure
        values = after | {f"start_{name}": value for name, value in before.items()}
        values |= noise_response(w, a, x, self.draws, random)
        values |= {"norm": np.asarray(norm(theta)), "margin": np.min(sure)}
        values |= {"train_error": np.mean(sure <= 0), "test_error": np.mean((tested > 0) != (y_test > 0))}
        return values | {f"bound_{name}": bound for name, bound in error_bounds(w, a, x, sure, after).items()}

    def theory(self):
        """Return a bound by counting parameters."""
        return {"count_bound": (self.particles * (PIXELS + 1) / self.samples) ** 0.5}


class Starts(Experiment):
    """Many networks before training: what their cushions are in the mean."""

    samples: int = count(20, "n", "images of the digits 3 and 8", at_least=4, at_most=300)
    particles: int = count(32, "m", "particles")
    replicas: int = count(500, "", "networks of a run, whose means are taken")
    precision = "float32"
    sizes = grid(
        smoke={"replicas": 300, "seeds": 12},
        default={"particles": 128, "replicas": 1000, "seeds": 24},
        large={"particles": 256, "replicas": 10_000, "seeds": 50},
    )

    def run(self):
        x, y = (part.astype(np.float32) for part in two_digits(3, 8, self.samples, 0, self.generator("split"))[:2])
        theta = self.generator("start").normal(size=(self.replicas, self.particles, 1 + PIXELS)).astype(np.float32)
        objective = mf.Objective(mf.Neuron("relu"), mf.Logistic(), x, y)
        found = dict(
            zip(KEPT, np.moveaxis(np.asarray(many_cushions(objective, jnp.asarray(theta)), float), 1, 0), strict=True)
        )
        squares = {name: float(np.mean(found[name] ** 2)) for name in ("input", "output", "interlayer")}
        return squares | {f"passed_{power}": float(np.mean(found["contraction"] ** -power)) for power in (1, 2)}


def trained(records: Records) -> Records:
    """Return networks without an error on their training samples, of the width that most runs have."""
    chosen = Networks.at("gain")(records).where(lambda record: bool(np.all(record["train_error"] == 0)))
    chosen = chosen.where(lambda record: record["samples"] >= 30 and record["particles"] >= 8)
    widths = list(chosen.column("particles"))
    return chosen.where(particles=max(widths, key=lambda m: (widths.count(m), -m), default=None))


begun = Starts.at("interlayer")

GAIN = Prediction(1.0, "=", "Gaussian noise through a linear layer, every sample", "arora2018stronger")
RESPONSE = Prediction(1.0, "=", "infinitesimal isotropic noise on the hidden units, σ = ReLU", "arora2018stronger")
CROSSED = Prediction(1.0, "=", "Gaussian noise on the hidden units, σ = ReLU, any size", "meanfield")
PASSED = Prediction(0.5, "=", "input weights with a symmetric law: half of |z|² passes the ReLU", "meanfield")
ISOTROPIC = Prediction(1.0, "=", "Gaussian weights, which have no preferred direction: E μ² = 1/width", "meanfield")
FORGIVEN = Prediction(0.0, "<=", "observed on two digits: a trained network forgives noise", "meanfield")
ORDER = Prediction(0.0, ">=", "observed on two digits, not a theorem", "meanfield")
VACUOUS = Prediction(0.0, ">=", "observed at these n and m; constants and logarithms left out", "meanfield")
AGAIN = "other random labels in place of the true ones"
LEARNED = "after training on true labels"

CLAIMS = (
    claim(
        "input_noise", "relative noise behind the first layer times μ₁²", GAIN, checks.mean,
        select=trained, value=measure.noise_times_cushion, what="noise × μ₁²",
        wrong="‖W‖ for ‖W‖_F", control={"value": partial(measure.noise_times_cushion, norm="spectral")},
    ),
    claim(
        "hidden_noise", "relative noise of the output over that of the hidden units, times m μ₁₂²", RESPONSE,
        checks.mean,
        select=trained, value=measure.response_over_exact, what="noise × m μ₁₂²",
        wrong="all units taken to be on", control={"value": partial(measure.response_over_exact, on="all")},
    ),
    claim(
        "kinks", "noise that crosses kinks, a tenth of |z| on every unit: that of the output over its exact mean",
        CROSSED, checks.mean,
        select=trained, value=measure.large_over_exact, what="noise / exact mean",
        wrong="infinitesimal noise", control={"value": partial(measure.large_over_exact, known=0)},
    ),
    claim(
        "contraction", "1/c² = |φ|²/|z|² before training", PASSED, checks.mean,
        select=begun, value=last("passed_2"), what="share of |z|²",
        wrong="1/c", control={"value": last("passed_1")},
    ),
    claim(
        "input_start", "before training, d inputs: d μ₁²", ISOTROPIC, checks.mean,
        select=begun, value=partial(measure.times_dimension, of="input", inputs=True), what="d μ₁²",
        wrong=LEARNED,
        control={"select": trained, "value": partial(measure.times_dimension_after, of="input", inputs=True)},
    ),
    claim(
        "output_start", "before training: m μ₂²", ISOTROPIC, checks.mean,
        select=begun, value=partial(measure.times_dimension, of="output"), what="m μ₂²",
        wrong=LEARNED,
        control={"select": trained, "value": partial(measure.times_dimension_after, of="output")},
    ),
    claim(
        "interlayer_start", "before training: m μ₁₂², units that are off counted in |z| and not in J", ISOTROPIC,
        checks.mean,
        select=begun, value=partial(measure.times_dimension, of="interlayer"), what="m μ₁₂²",
        wrong=LEARNED,
        control={"select": trained, "value": partial(measure.times_dimension_after, of="interlayer")},
    ),
    claim(
        "forgives", "log 1/(m μ₁₂²) after training on true labels", FORGIVEN, checks.mean,
        select=trained, value=measure.log_attenuation, what="log attenuation",
        wrong="before training", control={"value": partial(measure.log_attenuation, start="start_")},
    ),
    claim(
        "interlayer_cushion", "log(μ₁₂ after true labels / after random ones)", ORDER, checks.mean,
        select=trained, value=partial(measure.log_ratio, of="interlayer", sign=-1.0), what="log ratio of means",
        wrong=AGAIN, control={"value": partial(measure.log_ratio, of="interlayer", sign=-1.0, other=True)},
    ),
    claim(
        "no_compression", "true labels: log(compression bound / that of a count of the network's parameters)", VACUOUS,
        checks.mean,
        select=trained, value=measure.log_counted, what="log ratio of bounds",
        wrong="path norm", control={"value": partial(measure.log_counted, name="path")},
    ),
)  # fmt: skip

SANITY = (
    *(
        claim(
            name, f"{said} tells labels apart as well: log ratio, random / true", ORDER, checks.mean,
            select=trained, value=partial(measure.log_ratio, of=of, sign=sign), what="log ratio",
            wrong=AGAIN, control={"value": partial(measure.log_ratio, of=of, sign=sign, other=True)},
        )
        for name, of, said, sign in (
            ("output_cushion", "output", "1/μ₂", -1.0),
            ("stable_rank", "rank_input", "the stable rank of W", 1.0),
            ("norm", "norm", "the plain norm, mean ½|θ|²,", 1.0),
            ("compression_order", "bound_compression", "the compression bound", 1.0),
            ("path_order", "bound_path", "the bound from the path norm", 1.0),
        )
    ),
    claim(
        "test_error", "test error after random labels less after true ones", ORDER, checks.mean,
        select=trained, value=measure.more_errors, what="difference of shares",
        wrong=AGAIN, control={"value": partial(measure.more_errors, other=True)},
    ),
)  # fmt: skip

STUDY = Study(
    name="noise_stability",
    group="generalisation",
    summary="how much noise trained networks forgive, true against random labels; compression and norm bounds",
    experiments=(Networks, Starts),
    claims=CLAIMS,
    sanity=SANITY,
)

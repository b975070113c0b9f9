"""Many networks of m particles in one run: their law at the start, or their training beside the mean-field limit."""

import functools
import math
import zlib
from dataclasses import dataclass, replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from meanfield.arguments import one_of, positive_count, positive_number
from simulations.study.study import canonical
from theory import chaos, initial_law

BOX = (1.5, 2.0, 2.0)
"""Half-widths of the box on which (a, w, b) starts uniformly (parameter)."""

NODES = (10, 16, 16)
"""Quadrature nodes of the box; with these f_∞ is known to some 2e-5, three digits below what a thousand particles miss.
"""

TIMES = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)
"""When networks in training are looked at, besides the start and the end (mean-field time)."""

RESPONSE_TIME = 5.0
"""When each network is compared with its own linear response (mean-field time)."""

LONGEST = 2000
"""Steps of a descent at most: theory keeps all of them."""

ROOM = {"start": 64, "training": 512}
"""Networks of up to so many particles share a program: the arrays have room for these, and what is not of the network
has no mass, so that it acts on nothing.
"""

TOGETHER = 20480
"""Particles in all whose linear response is worked out at once."""


@dataclass(frozen=True)
class Parameters:
    """An ensemble of networks that differ in their initial draw alone."""

    stage: str = "training"
    """start (ReLU units with Gaussian weights, untrained) or training (tanh units with bias, uniform on a box)."""
    particles: int = 64
    """m, particles (count)."""
    exponent: float = 0.0
    """Exponent of m in the output scale: 0 mean-field, 0.5 neural-tangent."""
    alpha: float = 1.0
    """α at m = 1 (output units); the output scale is alpha · m^exponent."""
    output: str = "gaussian"
    """Law of the output weights at the start: gaussian (variance 1) or signs (±1)."""
    dimension: int = 3
    """d, inputs at the start (count); training is on the line."""
    samples: int = 3
    """n, samples (count)."""
    penalty: float = 0.0
    """λ, strength of the penalty (λ/2)|θ|² in training (output² / parameter²)."""
    time: float = 20.0
    """T, final time of training (mean-field time)."""
    step: float = 0.5
    """h, step of gradient descent (mean-field time)."""
    replicas: int = 60
    """Independent networks (count)."""
    seed: int = 0
    """Seed of the initial particles, and of the inputs at the start (integer)."""

    def __post_init__(self):
        one_of("stage", self.stage, ("start", "training"))
        one_of("output", self.output, ("gaussian", "signs"))
        for name in ("particles", "dimension", "samples", "replicas"):
            positive_count(name, getattr(self, name))
        for name in ("alpha", "time", "step"):
            positive_number(name, getattr(self, name))
        positive_number("penalty", self.penalty, zero=True)
        if not math.isfinite(self.exponent):
            raise ValueError(f"exponent={self.exponent!r}: expected a finite number.")
        if self.replicas < 2:
            raise ValueError("replicas=1: expected at least 2, since the ensemble is cut in halves.")
        if self.stage == "training":
            if self.samples < 2:
                raise ValueError("samples=1: expected at least 2, since the network is tested between its samples.")
            if not 1 <= round(self.time / self.step) <= LONGEST:
                raise ValueError(
                    f"step={self.step:g}: makes {self.time / self.step:g} steps up to time={self.time:g}; expected 1 "
                    f"to {LONGEST}."
                )

    @property
    def scale(self) -> float:
        """The output scale α."""
        return self.alpha * self.particles**self.exponent


def simulate(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Everything the claims look at, from one ensemble."""
    with jax.enable_x64(True):
        return (_start if run.stage == "start" else _training)(run)


def predict(run: Parameters) -> dict[str, np.ndarray]:
    """Return the predictions of theory for a run."""
    if run.stage == "start":
        kurtosis = initial_law.output_kurtosis(run.particles, fourth_moment=3.0 if run.output == "gaussian" else 1.0)
        covariance = initial_law.output_covariance(inputs(run), run.particles, run.scale)
        return {"covariance": covariance, "kurtosis": np.array([kurtosis.value])}
    times, steps, path = limit(run)
    x, z, _ = problem(run.samples)
    return {
        "times": times,
        "predictions": np.stack([chaos.predict(path, x, k) for k in steps]),
        "test_predictions": np.stack([chaos.predict(path, z, k) for k in steps]),
        "constant": np.array([chaos.fluctuation(path, x, k) for k in steps]),
        "test_constant": np.array([chaos.fluctuation(path, z, k) for k in steps]),
        "resampling": np.array([chaos.resampling_error(path, x, k) for k in steps]),
    }


def inputs(run: Parameters) -> np.ndarray:
    """The inputs at the start, of every length and angle: [n, d]."""
    return np.random.default_rng([run.seed, 1]).normal(size=(run.samples, run.dimension))


def problem(samples: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(x, inputs half-way between them, y) in training: a ramp on the line."""
    x = np.linspace(-1.5, 1.5, samples)[:, None]
    return x, (x[1:] + x[:-1]) / 2, 0.3 + 0.5 * np.tanh(x[:, 0])


def clock(run: Parameters) -> tuple[np.ndarray, np.ndarray]:
    """(times, step numbers) at which networks in training are looked at."""
    steps = [round(time / run.step) for time in (*TIMES, run.time) if time <= run.time]
    steps = np.unique([0, *steps])
    return steps * run.step, steps


def limit(run: Parameters) -> tuple[np.ndarray, np.ndarray, chaos.Descent]:
    """(times, step numbers, the descent of infinitely many particles) at the scale α of m = 1."""
    times, steps = clock(run)
    # Runs that differ in these alone have one limit: it is worked out once.
    return times, steps, _descent(replace(run, particles=1, exponent=0.0, output="gaussian", replicas=2, seed=0))


@functools.lru_cache(maxsize=8)
def _descent(run: Parameters) -> chaos.Descent:
    nodes, mass = chaos.box_nodes(BOX, NODES)
    x, _, y = problem(run.samples)
    steps = int(clock(run)[1][-1])
    return chaos.descend(nodes, mass, x, y, step=run.step, steps=steps, scale=run.alpha, penalty=run.penalty)


_limit_of = functools.lru_cache(maxsize=8)(predict)


def _masses(run: Parameters) -> np.ndarray:
    """1/m for the particles of the network, 0 for the rest of its arrays."""
    room = max(run.particles, ROOM[run.stage])
    return np.where(np.arange(room) < run.particles, 1 / run.particles, 0.0)


def _own(run: Parameters) -> int:
    """A number of its own for every setting, so that any two records are independent."""
    return zlib.crc32(canonical(replace(run, seed=0)).encode())


def _start(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Moments of f, and of its law given the input weights."""
    x = inputs(run)
    objective = mf.Objective(mf.Neuron("relu"), mf.Square(), x, np.zeros(len(x)), scale=run.scale)
    key = jax.random.fold_in(jax.random.key(run.seed), _own(run))
    drawn = _untrained(np.asarray(run.output == "signs"), run.replicas, key, objective, _masses(run))
    f, variance, quartic = (np.asarray(part) for part in drawn)
    half = run.replicas // 2
    values = {
        "x": x,
        "outputs": f[:, 0].astype(np.float32),
        "second": np.mean(f**2, axis=0),
        "fourth": np.mean(f**4, axis=0),
        "covariance_halves": np.stack([part.T @ part / half for part in (f[:half], f[half : 2 * half])]),
        "conditional": np.stack([variance.mean(axis=0), np.mean(variance**2, axis=0), quartic.mean(axis=0)]),
    }
    return values | {f"limit_{name}": value for name, value in predict(run).items()}, "done"


@eqx.filter_jit
def _untrained(signs, replicas: int, key, objective: mf.Objective, mass):
    """(f, Var(f | w), Σ_j (∂f/∂a_j)⁴), each [replicas, n]; f is linear in the output weights a.

    Whether a are signs is an argument, so that one program serves both laws.
    """
    outputs = jnp.eye(objective.x.shape[0], dtype=mass.dtype)

    def one(replica):
        law = jax.random.fold_in(key, replica), objective.unit, len(mass), objective.x.shape[1]
        theta = mf.Particles.gaussian(*law, dtype=mass.dtype).position

        def predictor(a):
            return objective.predict(mf.Particles(theta.at[:, 0].set(a), mass))

        f, pull = jax.vjp(predictor, jnp.where(signs, jnp.sign(theta[:, 0]), theta[:, 0]))
        (slopes,) = jax.vmap(pull)(outputs)
        return f, jnp.sum(slopes**2, axis=1), jnp.sum(slopes**4, axis=1)

    return jax.lax.map(one, jnp.arange(replicas), batch_size=max(1, min(replicas, 2**18 // len(mass))))


def _training(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Mean squared distances of trained networks to the limit, and to their own linear response."""
    x, z, y = problem(run.samples)
    unit, mass = mf.Neuron("tanh", bias=True), jnp.asarray(_masses(run))
    # NumPy draws them: numbers in JAX take longer to compile than all the rest of a draw.
    theta = np.random.default_rng([run.seed, _own(run)]).uniform(-1, 1, (run.replicas, len(mass), len(BOX))) * BOX
    objective = mf.Objective(unit, mf.Square(), x, y, scale=run.scale, penalty=mf.WeightDecay(run.penalty))
    looks = {"train": mf.Predictions(), "test": mf.Predictions(jnp.asarray(z))}
    networks = mf.simulate_replicas(
        objective,
        mf.GradientFlow(run.step),
        [mf.Particles(position, mass) for position in theta],
        times=clock(run)[0],
        observables=looks,
    )
    failed = [network for network in networks if not network.done]
    if failed:
        return {"times": failed[0].times}, failed[0].status
    exact = _limit_of(replace(run, particles=1, exponent=0.0, output="gaussian", replicas=2, seed=0))
    apart = np.stack([network.values["train"] for network in networks]) - exact["predictions"]
    test_apart = np.stack([network.values["test"] for network in networks]) - exact["test_predictions"]
    values = {
        "distance": np.mean(apart**2, axis=(0, 2)),
        "test_distance": np.mean(test_apart**2, axis=(0, 2)),
        "y": y,
        **{name if name == "times" else f"limit_{name}": value for name, value in exact.items()},
    }
    seen = np.flatnonzero(np.isclose(values["times"], RESPONSE_TIME))
    if len(seen) and run.exponent == 0:
        values |= _responses(run, theta[:, : run.particles], apart[:, seen[0]])
    return values, "done"


def _responses(run: Parameters, theta: np.ndarray, apart: np.ndarray) -> dict[str, np.ndarray]:
    """|f_m − f_∞ − linear response|² over |f_m − f_∞|² on the samples, for each network."""
    _, _, path = limit(run)
    left = {}
    for name, k in (("response", round(RESPONSE_TIME / run.step)), ("frozen", 0)):
        psi = chaos.response(path, path.x, k)
        mean = path.mass @ psi.at(path.position[0])
        shares = np.array_split(theta, -(-theta[..., 0].size // TOGETHER))
        means = [psi.at(part.reshape(-1, part.shape[2])).reshape(*part.shape[:2], -1).mean(axis=1) for part in shares]
        linear = np.concatenate(means) - mean
        left[f"{name}_remainder"] = np.sum((apart - linear) ** 2, axis=1) / np.sum(apart**2, axis=1)
    return left

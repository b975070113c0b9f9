"""One run of the study of saddle escape: many small starts, or noise of many temperatures, and when they leave."""

import functools
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from meanfield.arguments import one_of, positive_count, positive_number
from theory import saddle_escape

SHARE = 0.05
"""Share of the risk at the saddle by which it has to fall: the exit."""

FIT = 0.4
"""Share of y² that the fastest direction has to explain (count no instance that can hardly leave along it)."""

RIVAL = 0.5
"""Second largest rate of relu over the largest, at most: a rival leaves its trace for a long while."""

LOOKS = {"small": 2, "stable": 4, "noise": 4, "mirror": 4}
"""Steps between two looks: few where exit times are interpolated to many digits."""

START = {"small": 0, "stable": 1, "noise": 2, "mirror": 3}


@dataclass(frozen=True)
class Parameters:
    """Small networks near the saddle at the origin, or on a symmetric subspace."""

    start: str = "small"
    """Where networks start: small (ε times a normal one), stable (the same on the stable eigenspace), noise (at the
    origin, with Langevin noise of temperature λε²) or mirror (neurons mirror-symmetric but for ε, mirrored data).
    """
    activation: str = "tanh"
    """σ: tanh, linear, softplus (less log 2) or relu."""
    particles: int = 6
    """m, neurons (count)."""
    dimension: int = 3
    """d, inputs of a neuron (count)."""
    samples: int = 12
    """n, training samples (count); a multiple of 4 for mirrored data."""
    largest: float = 1e-2
    """Largest ε (parameter units)."""
    smallest: float = 1e-7
    """Smallest ε (parameter units)."""
    levels: int = 6
    """Values of ε, evenly spaced in their logarithm (count)."""
    replicas: int = 8
    """Starts of each size, in as many directions (count)."""
    step: float = 0.05
    """h λ, step in units of the time in which the fastest direction grows e-fold."""
    seed: int = 0
    """Seed of data, starts and noise (integer)."""

    def __post_init__(self):
        one_of("start", self.start, START)
        one_of("activation", self.activation, (*saddle_escape.SMOOTH, "relu"))
        for name in ("particles", "dimension", "samples", "levels", "replicas"):
            positive_count(name, getattr(self, name))
        for name in ("largest", "smallest", "step"):
            positive_number(name, getattr(self, name))
        if self.levels < 2 or self.smallest >= self.largest:
            raise ValueError(f"smallest={self.smallest:g}: expected less than largest={self.largest:g}, and 2 levels.")
        if self.step > 0.5:
            raise ValueError(f"step={self.step:g}: expected at most 0.5, which still follows the growth.")
        if self.start in ("stable", "noise") and self.activation == "relu":
            raise ValueError(f"activation='relu': expected a smooth one for start={self.start!r}.")
        if self.start == "noise" and self.activation != "linear":
            raise ValueError(f"activation={self.activation!r}: expected 'linear' for start='noise'.")
        if self.start == "mirror" and (self.samples % 4 or self.dimension < 2 or self.activation == "relu"):
            raise ValueError(
                f"samples={self.samples}: expected a multiple of 4 for mirrored data, of 2 inputs or more, and no relu."
            )
        if self.start == "mirror" and self.levels < 4:
            raise ValueError(f"levels={self.levels}: expected at least 4 for mirrored data, two of which are 0.")

    def generator(self, *stream: int) -> np.random.Generator:
        """Random numbers of one purpose, from the seed and the kind of start."""
        return np.random.default_rng((abs(self.seed), self.seed < 0, START[self.start], *stream))

    @property
    def sizes(self) -> np.ndarray:
        """ε, [S], from the largest."""
        return np.geomspace(self.largest, self.smallest, self.levels)


def shifted_softplus(z):
    """log(1 + exp z) − log 2, which is zero at zero."""
    return jax.nn.softplus(z) - jnp.log(2.0)


UNITS = {"softplus": shifted_softplus}


@functools.lru_cache(maxsize=64)
def instance_of(run: Parameters) -> "Instance":
    """The data of a run, searched for once."""
    return Instance(run)


class Instance:
    """Data of a run, and the largest rate of growth: drawn again until the fastest direction is worth following."""

    def __init__(self, run: Parameters):
        for attempt in range(10_000):
            self.random = run.generator(0, attempt)
            self.x, self.y = (_mirrored if run.start == "mirror" else _data)(run, self.random)
            if run.activation == "relu":
                rates = saddle_escape.relu_rates(self.x, self.y)
                self.rate, rival = float(rates[0]), float(rates[1]) if len(rates) > 1 else 0.0
                self.smooth = float(np.linalg.norm(self.y @ self.x / run.samples))
                # A unit vector in the cell of the maximum sees at most the whole second moment of the data.
                good = rival <= RIVAL * self.rate and self.smooth <= 0.85 * self.rate
                seen = np.linalg.norm(self.x, ord=2) ** 2 / run.samples
            else:
                self.mode = saddle_escape.origin_mode(self.x, self.y, run.activation)
                self.rate = self.smooth = self.mode.rate
                slope = 0.5 if run.activation == "softplus" else 1.0
                seen, good = slope**2 * np.mean((self.x @ self.mode.direction[1:]) ** 2) * 2, True
            if good and (run.start == "mirror" or self.rate**2 >= FIT * seen * np.mean(self.y**2)):
                break
        else:
            raise ValueError(f"samples={run.samples}: expected data of which one direction explains a share of {FIT}.")

    def started(self, run: Parameters) -> np.ndarray:
        """Starts [S, R, m, 1 + d]; of the mirrored ones the last two levels are the origin and an exact symmetry."""
        shape = (run.replicas, run.particles, 1 + run.dimension)
        random = run.generator(1)
        xi = random.normal(size=shape)
        if run.activation == "relu":
            xi = np.stack([self._leaning(one, random) for one in xi])
        if run.start == "mirror":
            theta = np.repeat(0.5 * xi[None], run.levels, axis=0)
            theta[..., -1] *= run.sizes[:, None, None]
            theta[-2], theta[-1, ..., -1] = 0.0, 0.0
            return theta
        if run.start == "stable":
            direction = self.mode.direction * np.append(-1.0, np.ones(run.dimension))
            xi = (xi @ direction)[..., None] * direction
        return (0.0 if run.start == "noise" else 1.0) * run.sizes[:, None, None, None] * xi

    def _leaning(self, xi: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """The first draw of neurons [m, 1 + d] of which two turn to the fastest direction, or one if it is the only."""
        for _ in range(10_000):
            u = xi[:, 1:]
            for _ in range(len(self.x)):  # each step raises h, and ends in a cell that holds its maximum
                u = ((u @ self.x.T > 0) * self.y) @ self.x
            reached = np.linalg.norm(u, axis=1) > 0.999 * len(self.x) * self.rate
            if np.sum(reached & (xi[:, 0] > 0)) >= min(2, len(xi)):
                return xi
            xi = random.normal(size=xi.shape)
        raise ValueError(f"seed: expected neurons that turn to the fastest direction, found none in {10_000} draws.")


def _data(run: Parameters, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Normal inputs [n, d], and targets of three neurons; for relu positive ones, of two neurons nearly opposite."""
    x, weights = random.normal(size=(run.samples, run.dimension)), random.normal(size=(run.dimension, 3))
    if run.activation == "relu":
        weights[:, 1] = 0.5 * weights[:, 1] - weights[:, 0]
        return x, _sigma(run, x @ weights[:, :2]) @ [1.0, 0.5]
    return x, _sigma(run, x @ weights) @ random.choice([-1.0, 1.0], size=3)


def _mirrored(run: Parameters, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Inputs in pairs that differ by the sign of the last one, in two sizes; targets of two such neurons."""
    points = np.repeat(random.normal(size=(run.samples // 4, run.dimension - 1)), 4, axis=0)
    x = np.column_stack([points, np.resize([0.5, -0.5, 1.5, -1.5], run.samples)])
    weight = random.normal(size=run.dimension - 1)
    weight /= np.linalg.norm(weight)
    both = [np.append(weight, 2.0), np.append(weight, -2.0)]
    return x, np.sum([_sigma(run, x @ one) for one in both], axis=0)


def _sigma(run: Parameters, z: np.ndarray) -> np.ndarray:
    return {"tanh": np.tanh, "linear": np.asarray, "relu": lambda z: np.maximum(z, 0)}.get(
        run.activation, lambda z: np.logaddexp(0, z) - np.log(2)
    )(z)


def risk(objective, mu):
    """R."""
    return objective.risk(mu)


def tilt(objective, mu):
    """Root mean square of the last weight, which mirrored networks have not."""
    return jnp.sqrt(jnp.mean(jnp.square(mu.position[:, -1])))


def size(objective, mu):
    """Root mean square of all parameters."""
    return jnp.sqrt(jnp.mean(jnp.square(mu.position)))


WATCHED = {"risk": risk, "tilt": tilt, "size": size}


def escape(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Risks of all starts, [S, R, T], and when they fell by a share."""
    instance = instance_of(run)
    theta, h = instance.started(run), run.step / instance.rate
    known = predict(run)
    if run.start == "noise":  # ten deviations later than the mean, which of 10⁸ runs none is
        horizon = np.max(known["exit_times"]) + 10 * known["spread"]
    else:
        decades = {"small": 1, "stable": 3, "mirror": 0}[run.start] * np.log(1 / run.smallest)
        horizon = (decades + (40 if run.start == "mirror" else 9)) / instance.rate
    every = LOOKS[run.start]
    times = h * every * np.arange(int(horizon / (h * every)) + 2)
    with jax.enable_x64(True):
        objective = mf.Objective(
            mf.Neuron(UNITS.get(run.activation, run.activation)),
            mf.Square(),
            instance.x,
            instance.y,
            kernel=mf.integrals.Dense(),
        )
        mus = [mf.Particles(one) for several in theta for one in several]
        if run.start == "noise":
            flows = [mf.Langevin(h, instance.rate * size**2) for size in run.sizes for _ in range(run.replicas)]
            keys = [jax.random.key(int(k)) for k in run.generator(2).integers(2**31, size=len(mus))]
        else:
            flows, keys = mf.RungeKutta(h), None
        runs = mf.simulate_replicas(objective, flows, mus, times=times, observables=WATCHED, keys=keys)
    status = "; ".join(sorted({one.status for one in runs}))
    values = {f"exact_{name}": value for name, value in known.items()}
    values |= {"sizes": run.sizes, "times": times}
    if status == "done":
        shape = (run.levels, run.replicas, len(times))
        values |= {name: np.stack([np.asarray(one.values[name]) for one in runs]).reshape(shape) for name in WATCHED}
        full = float(np.mean(instance.y**2)) / 2
        fallen = full - values["risk"].reshape(-1, len(times))
        if run.start != "mirror":
            values["exit_times"] = saddle_escape.crossings(times, fallen, SHARE * full).reshape(shape[:2])
            # Of one start of each size, for pictures.
            values |= {name: values[name][:, :1] for name in WATCHED}
    return values, status


def predict(run: Parameters) -> dict[str, np.ndarray]:
    """Return the predictions of theory: rates of growth of one step, exit times, and what symmetry leaves."""
    instance = instance_of(run)
    rate, h = instance.rate, run.step / instance.rate
    full = float(np.mean(instance.y**2)) / 2
    order = 1 if run.start == "noise" else 4
    values = {
        "rate": np.asarray(saddle_escape.step_rate(rate, h, order)),
        "smooth_rate": np.asarray(instance.smooth),
        "risk": np.asarray(full),
    }
    if run.start == "mirror":
        alike = instance.y.reshape(-1, 4)
        return values | {"symmetric_risk": np.asarray(np.mean((alike - alike.mean(axis=1, keepdims=True)) ** 2) / 2)}
    if run.activation == "relu" or run.start == "stable":
        return values
    # What the smooth units of odd σ are off by from here is O(ε²), of others O(ε).
    small = 1e-6 if run.activation == "softplus" else 1e-4
    shape = (run.replicas, run.particles)
    projected = np.ones(shape) if run.start == "noise" else instance.started(run)[0] @ instance.mode.direction
    amplitude = np.linalg.norm(projected, axis=1)
    outer = small * (projected / amplitude[:, None])[..., None] * instance.mode.direction
    some = outer[:1] if run.start == "noise" else outer
    late = saddle_escape.exit_times(some, instance.x, instance.y, h, run.activation, order=order, share=SHARE)
    growth = float(values["rate"])
    if run.start == "noise":
        mean, variance = saddle_escape.log_chi(run.particles)
        scale = [saddle_escape.noise_amplitude(rate, rate * size**2, h) for size in run.sizes]
        times = late[0] + (np.log(small / np.array(scale)) - mean) / growth
        return values | {
            "exit_times": times,
            "spread": np.asarray(np.sqrt(variance) / growth),
            "log_chi": np.asarray(mean),
        }
    unstable = amplitude / run.sizes[0]
    times = late + np.log(small / (run.sizes[:, None] * unstable)) / growth
    return values | {"exit_times": times}

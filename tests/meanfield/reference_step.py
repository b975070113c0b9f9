"""Steps of every flow from the formulas, in NumPy and float64: the oracle of `test_cells`.

Samples, noise and births are taken from the streams of the package, since draws are not what is tested here. Slopes are
flat arrays, the velocities of what moves and then F' of the particles (and of a prior behind them), so that averages
and differences of slopes are those of arrays.
"""

from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from meanfield.streams import stream


@dataclass(frozen=True)
class Problem:
    """F(μ) = R(f)/α² + (λ/2) ∫ |θ|² dμ of neurons a tanh(w·x + b), θ = (a_1 … a_k, w, b)."""

    x: Any
    y: Any  # [n, k]: numbers, or ±1 (k = 1) and one-hot rows for the logistic loss
    loss: str
    scale: float
    decay: float
    columns: Any  # the parameters that move
    reference: Any = None  # (positions, masses) of which a centred model subtracts the predictions
    anchor: Any = None  # (positions, masses) at which the model is linearised

    def activations(self, theta):
        return np.tanh(theta[:, self.y.shape[1] : -1] @ self.x.T + theta[:, -1:])

    def network(self, theta, mass):
        return self.scale * np.einsum("j,ji,jc->ic", mass, self.activations(theta), theta[:, : self.y.shape[1]])

    def jacobian(self, theta):
        """∂Φ_c(θ_j; x_i)/∂θ_j, shape [m, n, k, p]."""
        a, s = theta[:, : self.y.shape[1]], self.activations(theta)
        along = np.einsum("jc,ji->jic", a, 1 - s**2)
        outputs = np.einsum("ji,cb->jicb", s, np.eye(a.shape[1]))
        inputs = np.einsum("jic,id->jicd", along, np.hstack([self.x, np.ones((len(self.x), 1))]))
        return np.concatenate([outputs, inputs], axis=3)

    def predict(self, theta, mass):
        if self.anchor is None:
            f = self.network(theta, mass)
        else:
            start, weights = self.anchor
            change = np.einsum("j,jicp,jp->ic", weights, self.jacobian(start), theta - start)
            f = self.network(start, weights) + self.scale * change
        return f if self.reference is None else f - self.network(*self.reference)

    def residual(self, f):
        if self.loss == "square":
            return f - self.y
        if self.y.shape[1] == 1:
            return -self.y / (1 + np.exp(self.y * f))
        odds = np.exp(f)
        return odds / odds.sum(axis=1, keepdims=True) - self.y

    def slopes(self, theta, mass, prior=None):
        """−∇F' of what moves and F', at the particles and then at the places of a prior, flat."""
        r = self.residual(self.predict(theta, mass)) / (self.scale * len(self.x))
        where = theta if self.anchor is None else self.anchor[0]
        velocity = -np.einsum("jicp,ic->jp", self.jacobian(where), r) - self.decay * theta
        places = theta if prior is None else np.vstack([theta, prior[0]])
        outputs = self.activations(places) @ r
        potential = (places[:, : r.shape[1]] * outputs).sum(1) + self.decay / 2 * (places**2).sum(1)
        return np.concatenate([velocity[:, self.columns].ravel(), potential])

    def rows(self, rows):
        return replace(self, x=self.x[rows], y=self.y[rows])


class Full:
    def start(self, problem, at):
        return None

    def estimate(self, problem, memory, theta, mass, key, k, prior):
        return (lambda position: problem.slopes(position, mass, prior)), memory


@dataclass
class Minibatch(Full):
    batch: Any
    replacement: bool = True
    largest: int | None = None

    def estimate(self, problem, memory, theta, mass, key, k, prior):
        n = len(problem.x)
        if self.largest is None:
            choice = stream(key, "minibatch", k)
            rows = np.asarray(jax.random.choice(choice, n, (self.batch,), replace=self.replacement))
        else:
            bits = np.asarray(jax.random.bits(stream(key, "minibatch of a schedule", k), dtype=np.uint32, shape=(n,)))
            if self.replacement:
                choice = stream(key, "minibatch of a schedule", k)
                bits = np.asarray(jax.random.bits(choice, dtype=np.uint32, shape=(self.largest,)))
            rows = (bits % n if self.replacement else np.argsort(bits))[: self.batch(k)]
        return super().estimate(problem.rows(rows), memory, theta, mass, key, k, prior)


@dataclass
class Stream(Full):
    sampler: Any
    batch: int
    targets: Any = lambda y: y  # what a loss makes of y

    def estimate(self, problem, memory, theta, mass, key, k, prior):
        x, y = self.sampler(stream(key, "fresh samples", k), self.batch)
        fresh = replace(problem, x=np.asarray(x), y=self.targets(np.asarray(y)).reshape(self.batch, -1))
        return super().estimate(fresh, memory, theta, mass, key, k, prior)


def sample(key, k, n, name):
    """The sample of step k of an incremental gradient."""
    return int(np.asarray(jax.random.bits(stream(key, f"sample of {name}", k), (1,), np.uint32))[0] % n)


@dataclass
class SAGA:
    """A table g of the slopes on every sample; `weight` of what is new, 1/n for SAG, whose table starts at 0."""

    biased: bool = False

    def start(self, problem, at):
        table = np.array([at(problem.rows([i])) for i in range(len(problem.x))])
        return 0 * table if self.biased else table

    def estimate(self, problem, memory, theta, mass, key, k, prior):
        n = len(problem.x)
        i = sample(key, k, n, "SAGA")
        one, mean, weight = problem.rows([i]), memory.mean(axis=0), 1 / n if self.biased else 1
        after = memory.copy()
        after[i] = one.slopes(theta, mass, prior)
        return (lambda position: mean + weight * (one.slopes(position, mass, prior) - memory[i])), after


@dataclass
class SVRG:
    epoch: float

    def start(self, problem, at):
        return None

    def estimate(self, problem, memory, theta, mass, key, k, prior):
        there = (theta, mass) if memory is None else memory
        i = sample(key, k, len(problem.x), "SVRG")
        one = problem.rows([i])
        shift = problem.slopes(*there, prior) - one.slopes(*there, prior)
        renewed = float(jax.random.uniform(stream(key, "snapshot of SVRG", k))) < 1 / self.epoch
        return (lambda position: one.slopes(position, mass, prior) + shift), (theta, mass) if renewed else there


def part(value, columns):
    return value if np.ndim(value) == 0 else np.asarray(value)[columns]


@dataclass
class Euler:
    h: float
    transport: Any = 1.0

    def start(self, position, columns):
        return None

    def step(self, velocity, position, memory, columns, k):
        """(positions, h for noise, h for a reaction, the time it took, memory)."""
        return position + self.h * part(self.transport, columns) * velocity(position), *[self.h] * 3, None


@dataclass
class Spectral(Euler):
    """Both blocks by polar factors, or one of them as a gradient; `mass` is that of the step."""

    outputs: int = 1
    order: float = np.inf
    plain: bool = False
    mass: Any = None

    def direction(self, v):
        root = np.sqrt(self.mass)[:, None]
        left, singular, right = np.linalg.svd(root * v, full_matrices=False)
        kept = singular > 1e-8 * singular.max(initial=0)
        q = 1 if self.order == np.inf else self.order / (self.order - 1)
        powers = np.where(kept, np.where(kept, singular, 1) ** (q - 1), 0)
        norm = np.sum(singular[kept] ** q) ** (1 - 1 / q)
        return left * powers @ right / root / (norm or 1)

    def step(self, velocity, position, memory, columns, k):
        v, output = velocity(position), columns < self.outputs
        moved = np.empty_like(v)
        moved[:, output] = v[:, output] if self.plain else self.direction(v[:, output])
        moved[:, ~output] = self.direction(v[:, ~output])
        return position + self.h * moved, *[self.h] * 3, None


@dataclass
class Tableau(Euler):
    """Explicit Runge–Kutta stages, each from the one before."""

    transport: Any = None
    places: tuple = ()
    weights: tuple = ()

    def step(self, velocity, position, memory, columns, k):
        stages = [velocity(position)]
        for place in self.places:
            stages.append(velocity(position + place * self.h * stages[-1]))
        moved = position + self.h * sum(w * v for w, v in zip(self.weights, stages, strict=True))
        return moved, *[self.h] * 3, None


def heun(h):
    return Tableau(h, places=(1,), weights=(0.5, 0.5))


def rk4(h):
    return Tableau(h, places=(0.5, 0.5, 1), weights=(1 / 6, 1 / 3, 1 / 3, 1 / 6))


@dataclass
class HeavyBall:
    h: Any
    momentum: float = 0.0
    decay: Any = 0.0
    decoupled: Any = 0.0
    buffer: Any = None
    interval: float | None = None

    def start(self, position, columns):
        return np.zeros_like(position) if self.buffer is None else self.buffer[:, columns]

    def step(self, velocity, position, memory, columns, k):
        h, decay, decoupled = (part(of, columns) for of in (self.h, self.decay, self.decoupled))
        memory = self.momentum * memory - velocity(position) + decay * position
        passed = self.h if self.interval is None else self.interval
        return position - h * memory - h * decoupled * position, h, passed, passed, memory


@dataclass
class SGD:
    rate: float
    interval: float

    def start(self, position, columns):
        return None

    def step(self, velocity, position, memory, columns, k):
        return position + self.rate * velocity(position), *[self.interval] * 3, None


@dataclass
class Adam:
    rate: float
    interval: float
    decays: tuple = (0.9, 0.999)

    def start(self, position, columns):
        return np.zeros((len(position), 2, position.shape[1]))

    def step(self, velocity, position, memory, columns, k):
        gradient, (b1, b2) = -velocity(position), self.decays
        first = b1 * memory[:, 0] + (1 - b1) * gradient
        second = b2 * memory[:, 1] + (1 - b2) * gradient**2
        move = first / (1 - b1 ** (k + 1)) / (np.sqrt(second / (1 - b2 ** (k + 1))) + 1e-8)
        return position - self.rate * move, *[self.interval] * 3, np.stack([first, second], axis=1)


@dataclass
class Growth:
    rate: float
    prior: Any = None

    def react(self, mass, moved, potential, h, key, k):
        return mass * np.exp(-4 * self.rate * h * potential), moved, np.arange(len(moved))


@dataclass
class BirthDeath:
    rate: float
    spread: float | None = None
    prior: Any = None  # (positions, masses)

    def react(self, mass, moved, potential, h, key, k):
        m, p = len(mass), mass / mass.sum()
        growth = self.rate * h * (potential - p @ potential[:m])
        q = p * np.exp(-growth[:m]) / (p @ np.exp(-growth[:m]))
        death, birth, born = np.maximum(1 - q / p, 0), np.maximum(q - p, 0), moved
        if self.prior is not None:
            new = self.prior[1] * np.maximum(-growth[m:], 0)
            if new.any():
                death, birth = 1 - np.exp(-np.maximum(growth[:m], 0)), np.concatenate([np.zeros(m), new])
                born = np.vstack([moved, self.prior[0]])
        levels = np.asarray(jax.random.uniform(stream(key, "births and deaths", k), (2 * m,), float))
        chosen = np.searchsorted(np.cumsum(birth) / birth.sum(), levels[m:], side="right")
        children = born[chosen]
        if self.spread is not None:
            noise = np.asarray(jax.random.normal(stream(key, "spread of births", k), moved.shape, float))
            children = children + np.where((chosen < m)[:, None], self.spread * noise, 0)
        dies = levels[:m] < death
        return mass, np.where(dies[:, None], children, moved), np.where(dies, chosen, np.arange(m))


@dataclass
class Flow:
    """The product; `run` returns (positions, masses, time) after every step, and how many particles were replaced."""

    gradient: Any
    stepper: Any
    temperature: float | None = None
    reaction: Any = None
    inherited: bool = True

    def run(self, problem, theta, mass, key, steps):
        columns, m, time, replaced, seen = problem.columns, len(theta), 0.0, 0, []
        prior = None if self.reaction is None else self.reaction.prior
        table = self.gradient.start(problem, lambda some: some.slopes(theta, mass, prior))
        memory = self.stepper.start(theta[:, columns], columns)

        def whole(position, theta):
            theta = theta.copy()
            theta[:, columns] = position
            return theta

        for k in range(steps):
            along, table = self.gradient.estimate(problem, table, theta, mass, key, k, prior)

            def velocity(position, along=along, theta=theta):
                return along(whole(position, theta))[: position.size].reshape(position.shape)

            if isinstance(self.stepper, Spectral):
                self.stepper.mass = mass
            position, h, duration, passed, memory = self.stepper.step(velocity, theta[:, columns], memory, columns, k)
            if self.temperature is not None:
                noise = np.asarray(jax.random.normal(stream(key, "noise of Langevin", k), position.shape, float))
                position = position + np.sqrt(2 * self.temperature * h) * noise
            before, theta = theta, whole(position, theta)
            if self.reaction is not None:
                potential = along(before)[position.size :]
                mass, theta, parents = self.reaction.react(mass, theta, potential, duration, key, k)
                replaced += int((parents != np.arange(m)).sum())
                if memory is not None and self.inherited:
                    born = (parents >= m).reshape(m, *[1] * (memory.ndim - 1))
                    memory = np.where(born, 0, memory[np.minimum(parents, m - 1)])
            time += passed
            seen.append((theta, mass, time))
        return seen, replaced

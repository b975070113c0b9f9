"""Networks of noisy tanh units on the line, each with its mirror image, at any temperature in time."""

import math
from abc import abstractmethod
from typing import ClassVar

import jax.numpy as jnp
import numpy as np

import meanfield as mf
from simulations.limits import laws_on_the_line as laws
from simulations.limits import noisy_networks as networks
from simulations.study.experiment import Experiment
from simulations.study.parameters import count, number


def stops(step: float, time: float) -> np.ndarray:
    """Return the steps after which a run is observed."""
    return np.unique(np.rint(time / step * np.array([0, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1])).astype(int))


class OnTheLine(Experiment):
    """Networks of tanh units on the line, each with its mirror image, of the opposite noise.

    The mirror image starts on the opposite side of the mean. In coordinates −θ it is the same simulation with the same
    key, inputs −x, and a start reflected at zero. What is linear in the noise cancels in the pair's mean, and only what
    makes the bias is left.
    """

    strength: float = number(0.25, "λ", "in the penalty λ|θ|²/2", unit="objective / parameter²", above=0)
    step: float = number(0.1, "h", "step", unit="mean-field time", above=0)
    particles: int = count(64, "m", "particles of a network")
    replicas: int = count(160, "", "networks in a run, each with its mirror image", at_least=2)
    temperature: float = number(0.15, "τ", "temperature", unit="objective", above=0)
    time: float = number(8.0, "T", "final time", unit="mean-field time", at_least="step")
    precision = "float32"
    targets: ClassVar[laws.Targets]

    @property
    def descent(self) -> laws.Descent:
        """All that the law of infinitely many particles depends on."""
        steps, tau = int(stops(self.step, self.time)[-1]), self.temperature
        return laws.Descent(self.targets, self.strength, self.step, steps, tau, tau)

    @abstractmethod
    def theory(self, stops: np.ndarray) -> dict[str, np.ndarray]:
        """Return what the exact law says of a run that is observed after these steps, where there is a law."""

    def paths(self, inputs: np.ndarray, start: np.ndarray) -> mf.Trajectory:
        """Return the flow of all networks from `start`, [m, R]: of one key, whatever the inputs."""
        one = self.descent
        steps = one.cooling / one.step or math.inf
        falling = networks.Falling(*(jnp.asarray(v, float) for v in (one.temperature, one.final_temperature, steps)))
        return mf.simulate(
            networks.side_by_side(self.replicas, networks.shifted_tanh, inputs[:, None], one.targets.y, self.strength),
            mf.Langevin(self.step, falling),
            mf.Particles(start),
            times=stops(self.step, one.steps * one.step) * self.step,
            key=self.key(f"noise of {self.particles} particles"),
            observables=[mf.Predictions(), mf.Positions()],
        )

    def run(self):
        one, random = self.descent, self.generator(f"start of {self.particles} particles")
        normal = one.targets.deviation * random.normal(size=(self.particles, self.replicas))
        pair = self.paths(laws.INPUTS, one.targets.mean + normal), self.paths(-laws.INPUTS, normal - one.targets.mean)
        reached = min(len(half.times) for half in pair)  # unequal where one of them has diverged
        f, g = (half.values["predictions"][:reached].astype(float) for half in pair)
        theta, other = (half.values["positions"][:reached].astype(float) for half in pair)
        theta, mean = np.concatenate([theta, -other], axis=2), (f + g).mean(axis=2) / 2
        penalty = self.strength / 2 * np.mean(theta**2, axis=(1, 2))
        values = {
            "times": pair[0].times[:reached],
            "mean": mean,
            "covariance": networks.covariance(f),
            "pair_covariance": networks.covariance((f + g) / 2),
            "energy": one.risk(np.concatenate([f, g], axis=2)) + penalty,
            "energy_of_mean": one.risk(mean[:, :, None]) + penalty,
        }
        if (nodes := one.nodes) is not None:
            values["histogram"] = np.array([np.histogram(row, networks.edges(nodes))[0] for row in theta])
            values |= self.theory(np.rint(values["times"] / self.step).astype(int))
        return values, pair[0].status if not pair[0].done else pair[1].status

"""The limit of infinitely many tanh units that descend on the line from a box: its path, and its fluctuations C(t)."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from theory import chaos

BOX = (1.5, 2.0, 2.0)
"""Half-widths of the box on which (a, w, b) starts uniformly (parameter)."""

NODES = (10, 16, 16)
"""Quadrature nodes of the box; with these f_∞ is known to some 2e-5, three digits below what a thousand particles miss.
"""

TIMES = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)
"""When networks in training are looked at, besides the start and the end (mean-field time)."""

LONGEST = 2000
"""Steps of a descent at most: theory keeps all of them."""


RESPONSE_TIMES = (0.0, 2.0, 5.0, 10.0, 20.0)
"""When each network is compared with its own linear response (mean-field time)."""

TOGETHER = 5120
"""Particles in all whose linear response is worked out at once."""


@dataclass(frozen=True, eq=False)
class Limit:
    """A descent of infinitely many particles, and what theory says of it when networks are looked at."""

    step: float
    times: np.ndarray
    path: chaos.Descent
    values: dict[str, np.ndarray]
    """Predictions on the samples and between them, C(t) of both, and what fresh draws of the law at t would miss."""

    @property
    def seen(self) -> list[int]:
        """Which of the times are `RESPONSE_TIMES`."""
        return [i for i, time in enumerate(self.times) if np.any(np.isclose(time, RESPONSE_TIMES))]

    @cached_property
    def _responses(self) -> tuple[list[chaos.Response], list[np.ndarray]]:
        """The linear responses at those times, on the samples and then between them, and their means at the start."""
        inputs = np.concatenate([self.path.x, _between(self.path.x)])
        found = [chaos.response(self.path, inputs, round(self.times[i] / self.step)) for i in self.seen]
        return found, [self.path.mass @ values for values in chaos.responses(found, self.path.position[0])]

    def linear(self, theta: np.ndarray) -> np.ndarray:
        """Linear responses of networks that start from `theta` [networks, m, 3], at the times that are `seen`.

        (1/m) Σ_j ψ(θ_j) − ∫ ψ dμ_0, which is f_m − f_∞ to first order: [times, networks, inputs], samples first.
        """
        found, means = self._responses

        def averaged(part: np.ndarray) -> np.ndarray:
            values = chaos.responses(found, part.reshape(-1, part.shape[2]))
            return np.stack([one.reshape(*part.shape[:2], -1).mean(axis=1) for one in values])

        parts = np.array_split(theta, min(len(theta), -(-theta[..., 0].size // TOGETHER)))
        return np.concatenate([averaged(part) for part in parts], axis=1) - np.stack(means)[:, None]


def _between(x: np.ndarray) -> np.ndarray:
    return (x[1:] + x[:-1]) / 2


def on_a_line(samples: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (x, inputs half-way between them, y) of a ramp on the line."""
    x = np.linspace(-1.5, 1.5, samples)[:, None]
    return x, _between(x), 0.3 + 0.5 * np.tanh(x[:, 0])


def looks(time: float, step: float) -> np.ndarray:
    """Return the numbers of the steps after which networks are looked at."""
    return np.unique([0, *(round(look / step) for look in (*TIMES, time) if look <= time)])


@lru_cache(maxsize=8)
def limit(samples: int, alpha: float, penalty: float, time: float, step: float) -> Limit:
    """Return the limit of descent by steps of this size; `alpha` is the output scale at m = 1."""
    x, z, y = on_a_line(samples)
    steps = looks(time, step)
    nodes, mass = chaos.box_nodes(BOX, NODES)
    path = chaos.descend(nodes, mass, x, y, step=step, steps=int(steps[-1]), scale=alpha, penalty=penalty)
    values = {
        "predictions": np.stack([chaos.predict(path, x, k) for k in steps]),
        "test_predictions": np.stack([chaos.predict(path, z, k) for k in steps]),
        "constant": np.array([chaos.fluctuation(path, x, k) for k in steps]),
        "test_constant": np.array([chaos.fluctuation(path, z, k) for k in steps]),
        "resampling": np.array([chaos.resampling_error(path, x, k) for k in steps]),
    }
    return Limit(step, steps * step, path, values)

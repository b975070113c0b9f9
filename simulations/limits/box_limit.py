"""The limit of infinitely many tanh units that descend on the line from a box: its path, and its fluctuations C(t)."""

from dataclasses import dataclass
from functools import lru_cache

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


RESPONSE_TIME = 5.0
"""When each network is compared with its own linear response (mean-field time)."""

TOGETHER = 20480
"""Particles in all whose linear response is worked out at once."""


@dataclass(frozen=True)
class Limit:
    """A descent of infinitely many particles, and what theory says of it when networks are looked at."""

    step: float
    times: np.ndarray
    path: chaos.Descent
    values: dict[str, np.ndarray]
    """Predictions on the samples and between them, C(t) of both, and what fresh draws of the law at t would miss."""

    def remainders(self, theta: np.ndarray, apart: np.ndarray) -> dict[str, np.ndarray]:
        """|f_m − f_∞ − linear response|² over |f_m − f_∞|² on the samples, for each network: its own and the start's.

        `theta` [networks, m, 3] is where networks start, `apart` [networks, n] their f_m − f_∞ at `RESPONSE_TIME`.
        """
        left = {}
        for name, k in (("response", round(RESPONSE_TIME / self.step)), ("frozen", 0)):
            psi = chaos.response(self.path, self.path.x, k)
            shares = np.array_split(theta, -(-theta[..., 0].size // TOGETHER))
            values = [psi.at(part.reshape(-1, part.shape[2])).reshape(*part.shape[:2], -1) for part in shares]
            linear = np.concatenate([part.mean(axis=1) for part in values])
            linear -= self.path.mass @ psi.at(self.path.position[0])
            left[f"{name}_remainder"] = np.sum((apart - linear) ** 2, axis=1) / np.sum(apart**2, axis=1)
        return left


def on_a_line(samples: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (x, inputs half-way between them, y) of a ramp on the line."""
    x = np.linspace(-1.5, 1.5, samples)[:, None]
    return x, (x[1:] + x[:-1]) / 2, 0.3 + 0.5 * np.tanh(x[:, 0])


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

"""Test errors of trained networks, and of the classifier of largest margin over random features."""

from functools import cached_property

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from simulations import Record, Simulation, choice, count, grid, number
from simulations.generalisation.labelled_clusters import clusters, pairs, spread
from theory import arc_cosine, margin

SAMPLES, INPUTS = 128, 12
"""Of the networks that are tested, where the other of the two varies (count)."""


class Decaying(eqx.Module):
    """Steps first/√(k + 1)."""

    first: jax.Array

    def __call__(self, k):
        return self.first / jnp.sqrt(k + 1.0)


class Errors(Simulation):
    """Soft-min descent on both layers by decaying steps, and the classifier of largest margin over F2, both tested."""

    labels: str = choice("clusters", "random ±1 a cluster, or of 400 directions", among=("clusters", "spread"))
    clusters: int = count(3, "k", "clusters a side")
    particles: int = count(50, "m", "particles, an even number", multiple_of=2)
    samples: int = count(SAMPLES, "n", "training samples", at_least=2)
    dimension: int = count(INPUTS, "d", "inputs: a plane, noise, a constant", at_least=3)
    step: float = number(3.0, "", "first of the decaying steps", unit="mean-field time", above=0)
    steps: int = count(400, "", "steps")
    precision = "float32"
    sizes = grid(
        smoke=[{"seeds": 30}, {"labels": "spread", "seeds": 16}],
        default=[
            {"particles": 200, "steps": 1000, "samples": (32, 64, SAMPLES, 256), "seeds": 96},
            {"particles": 200, "steps": 1000, "dimension": (3, 6, 24), "seeds": 96},
            {"particles": 200, "steps": 1000, "labels": "spread", "seeds": 32},
        ],
        large=[
            {"particles": 1000, "steps": 50_000, "samples": (32, 64, SAMPLES, 256, 512), "seeds": 200},
            {"particles": 1000, "steps": 50_000, "dimension": (3, 6, 15, 30), "seeds": 200},
            {"particles": 1000, "steps": 50_000, "labels": "spread", "seeds": 80},
        ],
    )

    @cached_property
    def data(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        x, y, x_test, y_test = clusters(self.key("clusters"), self.samples, self.dimension, self.clusters)
        if self.labels == "spread":
            y, y_test = spread(self.generator("directions"), x, x_test)
        return x, y, x_test, y_test

    def problem(self):
        x, y, *_ = self.data
        return mf.Objective(mf.Neuron("relu"), mf.Exponential(), x, y)

    def start(self):
        return mf.Particles(pairs(self.key("start"), self.particles, self.dimension))

    def flow(self):
        return mf.GradientFlow(Decaying(jnp.asarray(self.step)))

    def times(self):
        return [0.0, float(np.sum(self.step / np.sqrt(np.arange(1.0, self.steps + 1))))]

    def measure(self, run):
        x, y, x_test, y_test = self.data
        theta = np.asarray(run.particles.position)
        f, f_test = (np.maximum(part @ theta[:, 1:].T, 0) @ theta[:, 0] for part in (x, x_test))
        return {"train_error": share_wrong(f, y), "error": share_wrong(f_test, y_test)}

    def theory(self, start):
        """Return the test error of the largest margin over F2, the space of infinitely many random features."""
        x, y, x_test, y_test = self.data
        best = margin.kernel_margin(arc_cosine.conjugate_kernel(x), y)
        return {"output_error": share_wrong(arc_cosine.conjugate_kernel(x_test, x) @ best.coefficients, y_test)}


def share_wrong(f: np.ndarray, y: np.ndarray) -> float:
    """Return the share of samples on the wrong side."""
    return float(np.mean((f > 0) != (y > 0)))


def fewer_errors(record: Record) -> float:
    """Return the test error of the largest margin over F2 less that of the network."""
    return float(record["output_error"] - record["error"])

"""Random labels that few units can fit: by their output weights alone, and by training both layers."""

import functools
from functools import cached_property, partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from scipy import optimize

import meanfield as mf
from simulations import Records, Simulation, between, count, grid, number
from simulations.generalisation import label_memorisation as measure
from simulations.generalisation.digits import PIXELS, TwoDigits
from simulations.study.starts import filled
from theory import memorisation


class Capacity(Simulation, TwoDigits):
    """Both layers of few units on random labels, until all are right or not."""

    precision = "float32"
    particles: int = count(20, "m", "particles")
    steps: int = count(400, "", "updates of Adam")
    rate: float = number(0.1, "", "step of Adam", unit="parameter units", above=0, batched=False)
    sizes = grid(
        smoke={"samples": 100, "components": 5, "particles": (2, 5, 20, 60), "seeds": 64},
        default=[
            {"samples": n, "components": 5, "particles": widths, "steps": 800, "seeds": 80}
            for n, widths in ((100, (2, 5, 10, 15, 20, 30, 60)), (50, (2, 4, 8, 16, 32)))
        ],
        large=[
            {"samples": n, "components": 5, "particles": widths, "steps": 20_000, "seeds": 1000}
            for n, widths in (
                (100, (1, 2, 3, 5, 8, 12, 16, 20, 24, 32, 60)),
                (50, (1, 2, 4, 8, 12, 16, 32)),
                (200, (2, 4, 16, 48, 110)),
            )
        ],
    )

    @cached_property
    def labels(self) -> np.ndarray:
        return self.generator("random labels").choice([-1.0, 1.0], self.samples).astype("float32")

    def problem(self):
        x, scale = self.data[0].astype("float32"), float(self.particles)
        return mf.Objective(mf.Neuron("relu"), mf.Logistic(), x, self.labels, scale=scale)

    def start(self):
        size = self.particles, 1 + self.data[0].shape[1]
        return mf.Particles(*filled(self.generator("start").normal(size=size).astype("float32"), 64))

    def flow(self):
        return adam(self.rate)

    def times(self):
        return [0.0, float(self.steps)]

    def observe(self):
        return [mf.Predictions()]

    def measure(self, run):
        right = run.values["predictions"][-1] * self.labels > 0
        return {"right": np.mean(right), "memorised": np.all(right)}

    def theory(self, start):
        """A bound on the share of labels that can be memorised, by counting."""
        return {"bound": memorisation.memorisation_bound(self.samples, self.components or PIXELS, self.particles)}


class Dichotomies(TwoDigits):
    """Random labels of as many images as random units can just fit half of, the output weights alone being free."""

    particles: int = count(10, "m", "particles")
    labellings: int = count(200, "", "random labellings")
    sizes = grid(
        smoke={"samples": 20, "particles": (7, 10, 15), "seeds": 16},
        default={"samples": 40, "particles": (12, 16, 20, 24, 28, 30), "labellings": 500, "seeds": 20},
        large={"samples": 100, "particles": (40, 45, 50, 55, 60, 75), "labellings": 1000, "seeds": 50},
    )

    def run(self):
        """Return for which labellings there are output weights with which every sign is right."""
        random = self.generator("units and labels")
        theta = np.column_stack([np.ones(self.particles), random.normal(size=(self.particles, PIXELS))])
        every = jax.vmap(jax.vmap(mf.Neuron("tanh"), (None, 0)), (0, None))
        features = np.asarray(every(jnp.asarray(theta), jnp.asarray(3 * self.data[0])))
        labels = random.choice([-1.0, 1.0], (self.labellings, self.samples))
        return {"separated": np.array([separable(features.T * y[:, None]) for y in labels])}


def separable(rows: np.ndarray) -> bool:
    """Return True if some v has a positive product with all rows [n, m]: if no mean of them is 0, by Gordan."""
    conditions = np.vstack([rows.T, np.ones(len(rows))])
    return bool(optimize.nnls(conditions, np.append(np.zeros(rows.shape[1]), 1.0))[1] > 1e-9)


@functools.cache
def adam(rate: float) -> mf.Flow:
    """Return the flow of Adam, as one object for all runs of a rate: they share a program, and its preparation."""
    return mf.OptimiserFlow(optax.adam(rate))


def with_parameters(least: float, most: float, records: Records) -> Records:
    """Return networks of few units with so many parameters a sample."""
    chosen = Capacity.at(steps=between(299, np.inf))(records)
    return chosen.where(lambda record: least <= measure.per_sample(record) <= most)


few, enough = partial(with_parameters, 0, 0.5), partial(with_parameters, 3, 8)


def of_units(share: float, records: Records) -> Records:
    """Return dichotomies with so many units a sample, in the number of samples that most runs have."""
    chosen = Dichotomies.at("separated")(records)
    counts = list(chosen.column("samples"))
    n = max(counts, key=lambda n: (counts.count(n), -n), default=0)
    return chosen.where(lambda record: record["samples"] == n and record["particles"] == share * n)


half, three_quarters = partial(of_units, 0.5), partial(of_units, 0.75)

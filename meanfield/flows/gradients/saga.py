"""Incremental gradients with a table of all samples, whose noise dies out: SAGA and SAG."""

from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from meanfield.arguments import flag
from meanfield.arguments.typing import Count, Random, Scalar
from meanfield.devices.sharding import mesh_of
from meanfield.flows.gradients.abstract import AbstractGradientWithMemory, Estimate, Slope, Slopes
from meanfield.flows.gradients.indices import drawn
from meanfield.flows.start import AbstractChecked, Start
from meanfield.objectives.abstract import AbstractObjective, residual, sample_mean
from meanfield.particles import Particles
from meanfield.streams import stream


class Table(eqx.Module):
    """The remembered slopes of every sample, and their mean.

    Entries have a first axis of n; of a linearised model without penalty they are its residuals, which are enough.
    """

    entries: Any
    mean: Slope

    @property
    def evaluations(self) -> int:
        return jax.tree.leaves(self.entries)[0].shape[0]


class SAGA(AbstractGradientWithMemory, AbstractChecked):
    r"""Slopes s_i − g_i + (1/n) Σ_l g_l: s_i those on one sample i, drawn at every step, g_i as they were last seen.

    The step renews g_i. F_i holds the penalty whole, so that F = (1/n) Σ_i F_i. The estimate is unbiased, and its noise
    dies out at the minimum. For `Euler(h)`: if every F_i is μ-strongly convex with L-Lipschitz gradients in the metric
    (1/m) Σ_j |θ_j|², then with h = 1/(3L) the expected squared distance to the minimum falls at least by the factor
    1 − min{1/4n, μ/3L} a step, up to a constant; with h = 1/(2(μn + L)) by 1 − μh.

    **Arguments:**

    - `biased`: the stochastic average gradient (SAG) instead: s_i − g_i counts 1/n times, and g = 0 at the start. If
      every F_i is convex with L-Lipschitz gradients and F is μ-strongly convex, then with h = 1/(16L) E F − min F falls
      at least by 1 − min{μ/16L, 1/8n} a step.

    The g_i of SAGA are the slopes at the start. Memory: n m p numbers; n residuals (times outputs) for a linearised
    model without penalty. The mean is kept by increments. Cost: a velocity on one sample at every evaluation, and n at
    the start. Raises `ValueError` at the start for a problem that is no mean over samples, and for particles on several
    devices. Source: Defazio, Bach & Lacoste-Julien (2014); Schmidt, Le Roux & Bach (2017).
    """

    biased: Scalar
    draws: ClassVar[str] = "samples"

    def __init__(self, *, biased: bool = False):
        self.biased = jnp.asarray(biased if isinstance(biased, jax.Array) else flag("biased", biased), dtype=float)

    def prepare(self, start: Start) -> None:
        on_one_device(start.particles, "SAGA")
        sample_mean(start.problem).samples()

    def init(self, problem: AbstractObjective, slopes: Slopes, mu: Particles) -> Table:
        whole = sample_mean(problem)
        if whole.residuals_suffice():
            entries: Any = residual(whole, whole.predict(mu))
            mean = slopes(whole, mu)
        else:
            entries = jax.lax.map(lambda i: slopes(whole.subset(mu, i[None]), mu), jnp.arange(whole.samples()))
            mean = jax.tree.map(lambda entry: jnp.mean(entry, axis=0), entries)
        known = 1 - self.biased.astype(mu.dtype)
        return Table(*jax.tree.map(lambda part: known * part, (entries, mean)))

    def estimate(
        self, problem: AbstractObjective, slopes: Slopes, mu: Particles, memory: Any, key: Random | None, step: Count
    ) -> Estimate:
        assert key is not None
        whole, table = sample_mean(problem), memory
        n = whole.samples()
        i = drawn(stream(key, "sample of SAGA", step), n, 1)
        one = whole.subset(mu, i)
        if whole.residuals_suffice():

            def seen(nu: Particles) -> tuple[Any, Slope]:
                f, pull = one.linearise(nu)
                entry = residual(one, f)
                change = slopes.part(-pull(entry - table.entries[i]) / one.scale).astype(mu.dtype)
                return entry, Slope(change, None)
        else:
            last = jax.tree.map(lambda entries: entries[i[0]], table.entries)

            def seen(nu: Particles) -> tuple[Any, Slope]:
                entry = slopes(one, nu)
                return jax.tree.map(lambda part: part[None], entry), jax.tree.map(jnp.subtract, entry, last)

        weight = jnp.where(self.biased > 0, 1 / n, 1).astype(mu.dtype)

        def along(change: Slope) -> Slope:
            return jax.tree.map(lambda mean, part: mean + weight * part, table.mean, change)

        entry, change = seen(mu)
        renewed = Table(
            jax.tree.map(lambda entries, new: entries.at[i].set(new), table.entries, entry),
            jax.tree.map(lambda mean, part: mean + part / n, table.mean, change),
        )
        here = along(change)
        return Estimate(lambda: here, lambda nu: along(seen(nu)[1]), whole.value, renewed)


def SAG() -> SAGA:
    """Return the stochastic average gradient, `SAGA(biased=True)`."""
    return SAGA(biased=True)


def on_one_device(mu: Particles, name: str) -> None:
    """Raise `ValueError` for particles on several devices."""
    if mesh_of(mu) is not None:
        raise ValueError(f"particles are shared out over devices: expected particles on one, for {name}.")

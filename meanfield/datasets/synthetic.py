"""Synthetic data sets, whose truth is known."""

import jax
import jax.numpy as jnp
import numpy as np

from meanfield.arguments import (
    array_of,
    flag,
    float_type,
    floating_array,
    one_of,
    positive_count,
    positive_number,
    positive_scalar,
)
from meanfield.arguments.meant import instance
from meanfield.arguments.typing import Inputs, Random
from meanfield.datasets.dataset import Dataset, generator
from meanfield.datasets.samplers import OfRandomLabels, OfSamples, OfTeacher, sphere
from meanfield.integrals.dense import Dense
from meanfield.particles import Particles
from meanfield.streams import stream
from meanfield.units.neuron import AbstractUnit, Neuron
from meanfield.units.spikes import fourier


def on_sphere(key: Random, n: int, d: int, *, dtype=None) -> Inputs:
    """n inputs uniform on the unit sphere of ℝ^d, [n, d].

    >>> import jax, meanfield as mf
    >>> mf.datasets.on_sphere(jax.random.key(0), 5, 3).shape
    (5, 3)
    """
    n, d, dtype = positive_count("n", n), positive_count("d", d), float_type(dtype)
    array_of("d", d, 1, dtype)
    array_of("n", n, d, dtype)
    return sphere(stream(key, "inputs on a sphere"), n, d, dtype)


def teacher(
    key: Random,
    n: int,
    d: int,
    *,
    n_test: int = 1000,
    neurons: int = 3,
    unit: AbstractUnit | None = None,
    noise=0.0,
    signs: str = "alternating",
    amplitude=None,
    dtype=None,
) -> Dataset:
    r"""A teacher–student problem: y = Σ_k a_k σ(w_k·x) + noise, with x and w_k uniform on the unit sphere and a_k = ±1.

    Signs alternate, so that two or more neurons always hold both, or are "random". `unit` is the teacher's neuron (relu
    by default); the targets are divided by their root mean square over 10 000 fresh inputs, so that a student that
    predicts 0 has test risk 1/2 (plus noise²/2, on training and test targets alike). With an `amplitude` they are not:
    a_k = ±`amplitude`, as Chizat, Oyallon & Bach (2019) have it with random signs and 1 or 100.
    """
    noise, dtype = positive_number("noise", noise, zero=True), float_type(dtype)
    one_of("signs", signs, ("alternating", "random"))
    amplitude = None if amplitude is None else positive_scalar("amplitude", amplitude, dtype)
    unit = Neuron("relu") if unit is None else unit
    instance("unit", unit, AbstractUnit)
    if not isinstance(unit, Neuron) or unit.outputs != 1 or unit.bias:
        kind = f"{type(unit).__name__} of {unit.outputs} output(s)"
        raise ValueError(f"unit={kind}: expected a Neuron with one output and without bias.")
    d, n, n_test, neurons = _sizes(d, dtype, n=n, n_test=n_test, neurons=neurons)
    w = sphere(stream(key, "neurons of a teacher"), neurons, d, dtype)
    a = jnp.asarray(np.where(np.arange(neurons) % 2 == 0, 1, -1), w.dtype)
    if signs == "random":
        a = jax.random.rademacher(stream(key, "signs of a teacher"), (neurons,), w.dtype)
    truth = Particles(jnp.concatenate([a[:, None], w], axis=1), np.ones(neurons, w.dtype))

    def outputs(x):
        return Dense().predict(unit, truth, x)

    # One draw for all inputs: random numbers take longer to compile than all the rest.
    points = sphere(stream(key, "inputs of a teacher"), 10_000 + n_test + n, d, dtype)
    fresh, x_test, x = jnp.split(points, [10_000, 10_000 + n_test])
    size = jnp.sqrt(jnp.mean(jnp.square(outputs(fresh)))) if amplitude is None else 1 / amplitude
    y, y_test = outputs(x) / size, outputs(x_test) / size
    clean = isinstance(noise, int | float) and noise == 0
    of_noise = positive_scalar("noise", noise, w.dtype, zero=True)
    if not clean:
        errors = jax.random.normal(stream(key, "errors of a teacher"), (n_test + n,), w.dtype) * of_noise
        y, y_test = y + errors[n_test:], y_test + errors[:n_test]
    power = "targets of unit power" if amplitude is None else f"output weights ±{float(amplitude):g}"
    statement = f"{neurons} teacher neurons on the unit sphere of dimension {d}, {power}, noise {noise}"
    truth = Particles(truth.position, truth.mass / size)
    return Dataset("teacher", x, y, x_test, y_test, statement, truth, OfTeacher(unit, truth, of_noise))


def random_labels(key: Random, n: int, d: int, *, n_test: int = 100, dtype=None) -> Dataset:
    """Inputs uniform on the unit sphere of ℝ^d with independent N(0, 1) targets: nothing to learn but the sample."""
    d, n, n_test = _sizes(d, float_type(dtype), n=n, n_test=n_test)
    x = sphere(stream(key, "inputs of random labels"), n_test + n, d, dtype)
    y = jax.random.normal(stream(key, "random labels"), (n_test + n,), x.dtype)
    return Dataset(
        "random",
        x[n_test:],
        y[n_test:],
        x[:n_test],
        y[:n_test],
        f"independent normal targets on the unit sphere of dimension {d}",
        sampler=OfRandomLabels(jnp.zeros(d, x.dtype)),
    )


def spikes(
    seed,
    order: int,
    *,
    spikes: int = 5,
    dimension: int = 1,
    separation=0.14,
    noise=0.0,
    positive: bool = False,
    dtype=None,
) -> Dataset:
    r"""Sparse deconvolution: spikes on the torus [0, 1)^`dimension`, seen through its Fourier modes up to `order`.

    Positions are uniform, given that any two are at least `separation` apart (Euclidean distance on the torus). Weights
    are uniform on [½, 3/2]; their signs alternate unless `positive`. Inputs are those of
    `meanfield.units.spikes.fourier`, targets are noisy by N(0, `noise`²), and the test targets are the same without
    noise. All is drawn by numpy from `seed`, a whole number or several. Raises `ValueError` for a separation that
    leaves no room (none in 10⁵ draws).

    >>> import meanfield as mf
    >>> data = mf.datasets.spikes(0, 7)
    >>> data.x.shape, data.truth.m
    ((15, 3), 5)
    """
    separation, noise = positive_number("separation", separation, zero=True), positive_number("noise", noise, zero=True)
    positive, dtype = flag("positive", positive), float_type(dtype)
    x = fourier(order, dimension, dtype=dtype)
    spikes, dimension = positive_count("spikes", spikes), positive_count("dimension", dimension)
    array_of("spikes", spikes, 1000 * spikes * dimension, dtype)
    shape, rng = (1000, spikes, dimension), generator("seed", seed)
    for _ in range(100):
        draws = rng.uniform(size=shape)
        away = np.abs(draws[:, :, None] - draws[:, None])
        away = np.linalg.norm(np.minimum(away, 1 - away), axis=-1) + np.eye(spikes) * dimension
        fit = np.flatnonzero(np.all(away >= separation, axis=(1, 2)))
        if len(fit):
            break
    else:
        raise ValueError(f"separation={separation}: no room for {spikes} spikes that far apart, expected less.")
    places, mass = draws[fit[0]], rng.uniform(0.5, 1.5, spikes)
    sign = np.ones(spikes) if positive else np.where(np.arange(spikes) % 2 == 0, 1.0, -1.0)
    clean = _measured(x, sign * mass, places)
    positive_scalar("noise", noise, dtype, zero=True)
    y = clean + noise * rng.normal(size=clean.shape)
    statement = f"{spikes} spikes in dimension {dimension}, {separation} apart, seen to order {order}, noise {noise}"
    truth = Particles(jnp.asarray(np.column_stack([sign, places]), x.dtype), jnp.asarray(mass, x.dtype))
    target = jnp.asarray(clean, x.dtype)
    sampler = OfSamples(x, target, jnp.asarray(noise, x.dtype))
    return Dataset("spikes", x, jnp.asarray(y, x.dtype), x, target, statement, truth, sampler)


def spikes_at(places, weights, order: int, *, dtype=None) -> Dataset:
    r"""Sparse deconvolution of known spikes: Σ_k `weights`_k δ at `places`_k, seen through its Fourier modes.

    **Arguments:** `places`: points of the torus, shape [spikes, dimension], of period 1 in every coordinate.
    `weights`: one real number a spike, of either sign. `order`: the highest frequency along an axis; inputs are those
    of `meanfield.units.spikes.fourier`. Targets are without noise. Raises `ValueError` for other shapes, numbers that
    are not finite, and weights that are 0.

    >>> import meanfield as mf
    >>> data = mf.datasets.spikes_at([[0.25], [0.5]], [1.0, -2.0], order=3)
    >>> data.x.shape, data.truth.position[:, 0].tolist(), data.truth.mass.tolist()
    ((7, 3), [1.0, -1.0], [1.0, 2.0])
    """
    dtype = float_type(dtype)
    places = np.asarray(floating_array("places", places, "spikes dimension", dtype=dtype), float)
    weights = np.asarray(floating_array("weights", weights, "spikes", dtype=dtype), float)
    if weights.shape != places.shape[:1]:
        raise ValueError(f"weights has shape {weights.shape}: expected {places.shape[:1]}, one number a spike.")
    if not np.all(weights):
        raise ValueError(f"weights holds 0 in place {np.flatnonzero(weights == 0)[0]}: expected numbers other than 0.")
    count, dimension = places.shape
    x = fourier(order, dimension, dtype=dtype)
    y = jnp.asarray(_measured(x, weights, places), x.dtype)
    truth = Particles(
        jnp.asarray(np.column_stack([np.sign(weights), places]), x.dtype), jnp.asarray(np.abs(weights), x.dtype)
    )
    statement = f"{count} given spikes in dimension {dimension}, seen to order {order}"
    return Dataset("spikes", x, y, x, y, statement, truth, OfSamples(x, y, jnp.zeros((), x.dtype)))


def _measured(x: Inputs, weights: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return what waves x see of spikes."""
    amplitude, k, phase = np.split(np.asarray(x, float), [1, -1], axis=1)
    return (amplitude * np.cos(2 * np.pi * k @ places.T - phase)) @ weights


def _sizes(d: int, dtype, **counts: int) -> list[int]:
    """The dimension, and numbers of inputs of that dimension, each checked to be one that arrays can hold."""
    d = array_of("d", positive_count("d", d), 10_000, dtype)[0]
    return [d, *(array_of(name, positive_count(name, count), d, dtype)[0] for name, count in counts.items())]

"""Training of the regime studies: networks at one output scale each, alone or many in one program."""

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from simulations.regimes._network import TESTED, Parameters, dataset, has_limit, initial_key, limit, particles, times
from theory import arc_cosine

SMALL = 32
"""Up to this many samples (and 64 particles a sample) a record keeps kernel, weights and data, for exact
comparisons.
"""


def train(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Everything the claims look at, from one trained network."""
    return train_together([run])[0]


def alike(run: Parameters) -> Parameters:
    """Return what runs must have in common to be trained together: all but the seed and the output scale."""
    return replace(run, seed=0, alpha=1.0, exponent=0.0) if run.time > 0 else run


def batch_bytes(run: Parameters) -> int:
    """Memory of one network in a batch: products of particles and samples, stages of the flow, kernels."""
    width, kernel = run.dimension + (10 if run.problem == "digits" else 1), 2 * run.samples**2
    size = 8 if run.precision == "float64" else 4
    return size * (run.particles * (4 * (run.samples + TESTED) + 32 * width) + kernel)


def train_together(several: list[Parameters]) -> list[tuple[dict[str, np.ndarray], str]]:
    """`train` of runs that are `alike`, in one program."""
    run = several[0]
    with jax.enable_x64(run.precision == "float64"):
        first = {one.seed: one for one in reversed(several)}  # runs of one seed share data and particles
        data = {seed: dataset(one) for seed, one in first.items()}
        unit = mf.Neuron(run.activation, outputs=data[run.seed].outputs)
        if run.time == 0:
            return [(_at_start(one, unit, data[one.seed]), "done") for one in several]
        starts = dict(zip(first, _starts(list(first.values()), unit, data), strict=True))
        pairs = [(one, data[one.seed], *starts[one.seed]) for one in several]
        objectives = _objectives(several, unit, data)
        flow = mf.GradientFlow(run.step) if run.flow == "euler" else mf.AdaptiveFlow(run.tolerance, run.tolerance / 100)
        marks, mus = times(run), [mu for _, _, mu, _ in pairs]
        watches = {seed: _watched(run, seen) for seed, seen in data.items()}
        trained = _simulated(objectives, flow, mus, marks, [watches[one.seed] for one in several])
        linear: list = [None] * len(several)
        if run.tangent:
            linear = _simulated(objectives, mf.TangentFlow(flow), mus, marks[[0, -1]], [[mf.Risk()]] * len(several))
        return [_values(*pair, *ends) for pair, *ends in zip(pairs, trained, linear, strict=True)]


def _objectives(several: list[Parameters], unit: mf.Neuron, data: dict) -> list[mf.Objective]:
    """One for every run; those of a seed differ in the output scale alone, and all else is made and checked once."""
    first = {
        seed: mf.Objective(unit, mf.Square(), seen.x, seen.y, centred=several[0].initial == "centred")
        for seed, seen in data.items()
    }
    parts = {seed: jax.tree.flatten(objective) for seed, objective in first.items()}

    def scaled(one: Parameters) -> mf.Objective:  # `eqx.tree_at` takes ten times as long
        (leaves, structure), old = parts[one.seed], first[one.seed].scale
        new = np.asarray(one.scale, old.dtype)
        return jax.tree.unflatten(structure, [new if leaf is old else leaf for leaf in leaves])

    return [scaled(one) for one in several]


def _starts(runs: list[Parameters], unit: mf.Neuron, data: dict) -> list[tuple[mf.Particles, np.ndarray | None]]:
    """Initial particles of every run and, for small ones, their tangent kernels, in one call for all."""
    run, d = runs[0], data[runs[0].seed].d
    keys = jax.random.wrap_key_data(jnp.stack([jax.random.key_data(initial_key(one)) for one in runs]))
    x = np.stack([data[one.seed].x for one in runs]) if _small(run) else None
    law = run.initial, run.output, run.particles, unit, d
    mus, kernels = jax.device_get(_started(*law, keys, x, run.precision))
    made = jax.device_put([jax.tree.map(lambda leaf, i=i: leaf[i], mus) for i in range(len(runs))])
    return list(zip(made, [None] * len(runs) if kernels is None else kernels, strict=True))


@eqx.filter_jit
def _started(initial: str, output: str, m: int, unit: mf.Neuron, d: int, keys, x, dtype: str):
    mus = jax.vmap(lambda key: particles(initial, output, m, unit, d, key, dtype))(keys)
    return mus, None if x is None else jax.vmap(lambda mu, x: mf.tangent_kernel(unit, mu, x))(mus, x)


def _simulated(objectives: list, flow, mus: list, marks: np.ndarray, watched: list) -> list[mf.Trajectory]:
    if len(mus) == 1:  # a loop of its own shares its program with all runs of this shape, whatever they are watched by
        return [mf.simulate(objectives[0], flow, mus[0], times=marks, observables=watched[0])]
    return mf.simulate_replicas(objectives, flow, mus, times=marks, observables=watched)


def _small(run: Parameters) -> bool:
    return run.samples <= SMALL and run.particles <= 64 * SMALL


def _watched(run: Parameters, data: mf.datasets.Dataset) -> list:
    watched: list = [mf.Risk(), mf.Displacement()]
    if run.problem != "random":  # random targets hold nothing to be tested on
        test = data.x_test, data.y_test
        watched += [mf.TestRisk(*test), mf.observables.TestError(*test), mf.observables.ChangedSigns()]
    if data.outputs == 1:  # the kernel of k outputs is (nk)²: more work than the training
        watched.append(mf.observables.KernelDrift())
    if _small(run):
        watched.append(mf.Predictions())
    if _small(run) and data.d <= 2:
        watched.append(mf.Positions())
    return watched


def _values(run: Parameters, data, mu, kernel, trajectory, linear) -> tuple[dict[str, np.ndarray], str]:
    values, status = {"times": trajectory.times, **trajectory.values}, trajectory.status
    if run.problem != "random":
        values["test_predictions"] = _predict(trajectory.objective, trajectory.particles, data.x_test)
    if linear is not None:
        values["tangent_test_predictions"] = _predict(linear.objective, linear.particles, data.x_test)
        status = status if linear.done else linear.status
    if kernel is not None:
        values |= {"kernel": kernel, "weights": mu.position, "x": data.x, "y": data.y}
    if _small(run) and data.truth is not None:
        values |= {"teacher": data.truth.position}
    if has_limit(run):
        values |= {f"limit_{name}": value for name, value in limit(run).items()}
    return {name: np.asarray(value) for name, value in values.items()}, status


@eqx.filter_jit
def _predict(objective, mu: mf.Particles, x):
    return objective.predict(mu, x)


def _at_start(run: Parameters, unit: mf.Neuron, data: mf.datasets.Dataset) -> dict[str, np.ndarray]:
    """‖K_m − K‖²_F of independent networks at the start, and to the limit of the output layer alone."""
    x = np.asarray(data.x, float)
    kernels = np.asarray(_start_kernels(replace(run, seed=0), unit, initial_key(run), data.x), float)
    distances = {}
    both = arc_cosine.tangent_kernel(x, activation=run.activation)
    output = arc_cosine.tangent_kernel(x, activation=run.activation, layers="output")
    for name, exact in (("kernel_distance", both), ("output_layer_distance", output)):
        distances[name] = np.sum((kernels - exact) ** 2, axis=(1, 2))
    return {"x": x, **distances}


@eqx.filter_jit
def _start_kernels(run: Parameters, unit: mf.Neuron, key, x):
    def kernel(replica):
        key_one = jax.random.fold_in(key, replica)
        mu = particles(run.initial, run.output, run.particles, unit, x.shape[1], key_one, run.precision)
        return mf.tangent_kernel(unit, mu, x)

    return jax.lax.map(kernel, jnp.arange(run.replicas), batch_size=max(1, min(run.replicas, 4096 // run.particles)))

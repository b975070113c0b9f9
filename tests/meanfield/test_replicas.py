"""Replicas: what `simulate` does with each of them alone, every ending of a single one, and what a batch is for.

Run as a program (`devices` or `speed`) it measures, prints one JSON object and judges nothing.
"""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import meanfield as mf
from meanfield.flows.noises import AbstractNoise
from meanfield.integrals import Sorted
from meanfield.simulation import batch as batch_module
from meanfield.simulation.batch import Batch, _each
from meanfield.simulation.progress import Quiet
from meanfield.simulation.replicas import _mesh
from meanfield.simulation.simulate import named_observables, time_grid
from meanfield.simulation.stacking import differing, stacked

pytestmark = pytest.mark.turns(4)

N, D, M, R = 7, 2, 12, 5
RNG = np.random.default_rng(0)
X, Y, THETA = RNG.normal(size=(N, D)), RNG.normal(size=(R, N)), RNG.normal(size=(R, M, D + 1))
ALPHA, STEPS = np.geomspace(1, 10, R), (0.1, 0.05, 0.2, 0.13, 0.3)
TIMES = [0, 0.13, 1.0, 1.04, 5.0]
RATIO = 10
"""How many times faster 64 replicas are as one batch than one after the other, at least."""


def networks(activation="tanh", penalty=mf.WeightDecay, **options):
    unit = mf.Neuron(activation)
    return [
        mf.Objective(unit, mf.Square(), X, Y[r], ALPHA[r], penalty and penalty(0.01 * (r + 1)), **options)
        for r in range(R)
    ]


def particles():
    return [mf.Particles(theta) for theta in THETA]


class Small(AbstractNoise):
    """Noise of the user's, from `fold_in(key, step)`."""

    draws: ClassVar[str] = "noise"

    def increment(self, key, step, position, length):
        return 0.01 * jax.random.normal(jax.random.fold_in(key, step), position.shape, position.dtype)


def noisy(h):
    return mf.Flow(mf.steppers.Euler(h), noise=Small())


def one_by_one(objectives, flows, mus, keys=None, **options):
    several = [value if isinstance(value, list) else [value] * R for value in (objectives, flows, mus, keys)]
    return [mf.simulate(o, flow, mu, key=key, **options) for o, flow, mu, key in zip(*several, strict=True)]


def worst(run, other):
    """Largest difference of particles and values, in units of K·ε of their sizes after K evaluations of velocities."""
    pairs = [(run.particles.position, other.particles.position)]
    pairs += [(run.values[name], other.values[name]) for name in run.values]
    unit = (1 + run.stats["evaluations"]) * float(jnp.finfo(run.particles.dtype).eps)
    return max(
        (float(np.abs(a - b).max()) / (unit * max(1, float(np.abs(a).max()))) for a, b in pairs if np.size(a)),
        default=0,
    )


def assert_same(runs, others):
    """The same run up to rounding: sums of a step may be taken in another order, and steps contract."""
    for run, other in zip(runs, others, strict=True):
        assert run.status == other.status
        assert np.array_equal(run.times, other.times)
        assert {name: value.shape for name, value in run.values.items()} == {
            name: value.shape for name, value in other.values.items()
        }
        assert all(run.stats[name] == other.stats[name] for name in ("steps", "evaluations"))
        assert jax.tree.structure(run.objective) == jax.tree.structure(other.objective)
        assert run.particles.dtype == other.particles.dtype
        assert worst(run, other) <= 4


CASES = {
    "noise, steps": ({}, [noisy(h) for h in STEPS]),
    "centred, optimiser": ({"centred": True}, mf.OptimiserFlow(optax.adam(0.02), interval=0.1)),
    "tolerances": ({}, [mf.AdaptiveFlow(rtol, 1e-5) for rtol in (1e-3, 1e-4, 1e-2, 3e-3, 5e-4)]),
    "tangent": ({"centred": True}, [mf.TangentFlow(h) for h in STEPS]),
    "sorted": ({"activation": "relu", "kernel": Sorted()}, mf.GradientFlow(0.1)),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.turns(4)
def test_same_as_one_by_one(name):
    """α, targets, penalties, particles, keys, steps and tolerances differ: each replica is its own simulation."""
    options, flows = CASES[name]
    objectives, keys = networks(**options), list(jax.random.split(jax.random.key(3), R))
    settings = {"keys": keys, "times": TIMES, "observables": [mf.Risk(), mf.Displacement()]}
    alone = one_by_one(objectives, flows, particles(), **settings)
    assert_same(mf.simulate_replicas(objectives, flows, particles(), **settings), alone)


def test_the_comparison_sees_a_swap():
    """Control: two replicas that changed their α, or their keys, are noticed."""
    objectives, flow, keys = networks(), noisy(0.1), list(jax.random.split(jax.random.key(3), R))
    alone = one_by_one(objectives, flow, particles(), keys, times=TIMES)
    scales = [o.scale for o in objectives]
    scales[1], scales[2] = scales[2], scales[1]
    swapped = [eqx.tree_at(lambda o: o.scale, o, scale) for o, scale in zip(objectives, scales, strict=True)]
    runs = mf.simulate_replicas(swapped, flow, particles(), keys=keys, times=TIMES)
    assert [worst(run, other) > 1000 for run, other in zip(runs, alone, strict=True)] == [
        False,
        True,
        True,
        False,
        False,
    ]
    runs = mf.simulate_replicas(objectives, flow, particles(), keys=keys[::-1], times=TIMES)
    assert [worst(run, other) > 1000 for run, other in zip(runs, alone, strict=True)] == [True, True, False, True, True]


def test_what_is_common_is_kept_once():
    """Arrays are stacked only where some bit differs; one objective or flow for all serves as well as a list."""
    own, common = stacked(networks(), differing(networks()))
    assert own.x is None
    assert common.x.shape == (N, D)
    assert own.scale.shape == (R,)
    assert own.y.shape == (R, N)
    assert differing([{"y": np.array([0.0])}, {"y": np.array([-0.0])}]) == [True]
    one = mf.simulate_replicas(networks()[0], mf.GradientFlow(0.1), particles(), times=TIMES)
    assert_same(one, one_by_one(networks()[0], mf.GradientFlow(0.1), particles(), times=TIMES))


@pytest.mark.parametrize(
    "flow", [mf.GradientFlow(0.1), mf.TangentFlow(mf.GradientFlow(0.1))], ids=["network", "tangent"]
)
@pytest.mark.turns(1)  # the reference is an anchor for the tangent alone
def test_a_reference_that_is_also_the_start(flow):
    """Centred at the particles it starts from for the first replica, and elsewhere for the others."""
    mus = particles()
    unit = mf.Neuron("tanh")
    objectives = [mf.Objective(unit, mf.Square(), X, Y[r], centred=mus[-r]) for r in range(R)]
    assert objectives[0].reference is mus[0]
    runs = mf.simulate_replicas(objectives, flow, mus, times=TIMES)
    assert_same(runs, one_by_one(objectives, flow, mus, times=TIMES))


def test_an_array_that_is_inputs_and_targets_of_the_first_alone():
    """The first replica reproduces its inputs, the same array; the others have targets of their own."""
    x, unit = jnp.asarray(X), mf.Neuron("tanh", outputs=D)
    objectives = [mf.Objective(unit, mf.Square(), x, jnp.roll(x, r, axis=0) if r else x) for r in range(R)]
    assert objectives[0].x is objectives[0].y
    mus = [mf.Particles.gaussian(key, unit, m=M, d=D) for key in jax.random.split(jax.random.key(1), R)]
    runs = mf.simulate_replicas(objectives, mf.GradientFlow(0.1), mus, times=TIMES)
    assert_same(runs, one_by_one(objectives, mf.GradientFlow(0.1), mus, times=TIMES))


@pytest.mark.parametrize("flow", [mf.GradientFlow(0.1), mf.AdaptiveFlow(1e-3, 1e-4)], ids=["gradient", "adaptive"])
def test_chunks_and_batches_are_not_part_of_the_result(flow, monkeypatch):
    """The same bits for all chunks; the same runs for so little memory that replicas take turns, two at a time."""
    objectives, mus = networks(), particles()
    first = mf.simulate_replicas(objectives, flow, mus, times=TIMES)
    for chunk in (1, 7, 1000):
        other = mf.simulate_replicas(objectives, flow, mus, times=TIMES, chunk=chunk)
        for run, same in zip(first, other, strict=True):
            assert np.array_equal(run.particles.position, same.particles.position)
            assert np.array_equal(run.values["risk"], same.values["risk"])
    sizes = []
    monkeypatch.setattr(
        Batch, "run", lambda self, *rest, run=Batch.run: (sizes.append(len(self.flows)), run(self, *rest))[1]
    )
    itemsize = mus[0].dtype.itemsize
    memory = 2 * (4 * M * N + 32 * M * (D + 1)) * itemsize
    assert_same(mf.simulate_replicas(objectives, flow, mus, times=TIMES, memory=memory), first)
    assert sizes == [2, 2, 2]


def counted():
    """An activation that counts how often Python calls it: once or more a trace, never at run time."""
    calls = [0]

    def activation(z):
        calls[0] += 1
        return jnp.tanh(z)

    return activation, calls


@pytest.mark.parametrize("flow", [mf.GradientFlow, lambda h: mf.AdaptiveFlow(h / 10, 1e-5)], ids=["step", "rtol"])
def test_one_compilation_for_all_values(flow):
    """Other α, penalties, steps, particles and times: no Python activation is called. Another R: once more."""
    activation, calls = counted()
    base, traced, ends = networks(activation), [], []
    for factor in (1.0, 0.5, 0.25):
        objectives = [eqx.tree_at(lambda o: o.scale, o, o.scale * factor) for o in base]
        flows, mus = [flow(h * factor) for h in STEPS], [mu.moved(mu.position * factor) for mu in particles()]
        runs = mf.simulate_replicas(objectives, flows, mus, times=[0, 2.0 * factor], time_limit=60.0)
        ends.append(runs[0].particles.position)
        traced.append(calls[0])
    assert traced[0] > 0
    assert traced == [traced[0]] * 3
    assert np.abs(ends[0] - ends[1]).max() > 0
    mf.simulate_replicas(base[:2], flow(0.1), particles()[:2], times=[0, 1.0])
    assert calls[0] > traced[0]


class Downhill(eqx.Module):
    """V = −s Σ θ⁴ has no lower bound for s > 0: its flow blows up in finite time."""

    strength: jax.Array

    def __init__(self, strength):
        self.strength = jnp.asarray(float(strength))

    def __call__(self, theta):
        return (-self.strength * jnp.sum(theta**4)).astype(theta.dtype)


@pytest.mark.parametrize("flow", [mf.GradientFlow(0.05), mf.AdaptiveFlow(1e-3, 1e-4)], ids=["gradient", "adaptive"])
@pytest.mark.parametrize("chunk", [5, None])
def test_divergence_of_some(flow, chunk):
    """Two of five diverge, at their own times and last finite steps, with advice; the others come to their end."""
    strengths = [0.0, 0.3, 0.0, 1.0, 0.0]
    objectives = [eqx.tree_at(lambda o: o.penalty, o, Downhill(s)) for o, s in zip(networks(), strengths, strict=True)]
    alone = one_by_one(objectives, flow, particles(), times=[0, 0.05, 3.0])
    runs = mf.simulate_replicas(objectives, flow, particles(), times=[0, 0.05, 3.0], chunk=chunk)
    assert [run.status.split(" at")[0] for run in runs] == ["done", "diverged", "done", "diverged", "done"]
    for run, other in zip(runs, alone, strict=True):
        assert run.status == other.status
        assert run.stats["steps"] == other.stats["steps"]
        assert np.array_equal(run.times, other.times)
        assert np.all(np.isfinite(run.particles.position))
        # the last step multiplies by huge numbers: relative agreement, with room for the order of operations
        np.testing.assert_allclose(run.particles.position, other.particles.position, rtol=1e-3)


def test_an_infinite_objective_is_never_done():
    """Finite particles whose F overflows have diverged, where no step was left to show it and others are well."""
    mus = particles()
    mus[3] = mf.Particles(np.full((M, D + 1), float(jnp.finfo(jnp.result_type(float)).max) ** 0.4))
    runs = mf.simulate_replicas(networks("squared_relu"), mf.GradientFlow(0.001), mus, times=[0.0])
    assert [run.done for run in runs] == [True, True, True, False, True]
    assert runs[3].status.startswith("diverged at t = 0: lower the step")
    assert [run.times.size for run in runs] == [1, 1, 1, 0, 1]
    assert runs[3].values["risk"].shape == (0,)


def test_time_limit():
    """A limit of zero seconds is reached before the first chunk; what was observed is returned."""
    for flow in (mf.GradientFlow(0.1), mf.AdaptiveFlow(1e-3, 1e-4)):
        runs = mf.simulate_replicas(networks(), flow, particles(), times=[0, 4.0], time_limit=0.0)
        assert {run.status for run in runs} == {"stopped at t = 0: the time limit was reached"}
        assert all(run.times.tolist() == [0] and run.values["risk"].shape == (1,) for run in runs)


class Reporter:
    """Remembers what it is told; interrupts at a given update."""

    def __init__(self, interrupt_at=None):
        self.seen, self.closed, self.interrupt_at = [], 0, interrupt_at

    def update(self, time, final, step, risk):
        self.seen.append((time, final, step, risk))
        if len(self.seen) == self.interrupt_at:
            raise KeyboardInterrupt

    def close(self):
        self.closed += 1


def test_interruption():
    """Ctrl-C ends all replicas where they are, at their own times; those of later batches have not begun."""
    reporter, flows = Reporter(interrupt_at=4), [mf.GradientFlow(h) for h in STEPS]
    memory = 3 * (4 * M * N + 32 * M * (D + 1)) * particles()[0].dtype.itemsize
    runs = mf.simulate_replicas(
        networks(), flows, particles(), times=[0, 0.3, 9.0], chunk=2, progress=reporter, memory=memory
    )
    assert reporter.closed == 1
    steps = [run.stats["steps"] for run in runs]
    assert steps == [5, 8, 3, 0, 0]
    for run, h in zip(runs, STEPS, strict=True):
        assert run.status == f"stopped at t = {run.stats['steps'] * h:.6g}: interrupted"
    assert [run.times.size for run in runs] == [2, 2, 2, 0, 0]
    # the reporter hears of the replica that is furthest behind
    assert reporter.seen[-1][1:3] == (pytest.approx(9.0), 8)
    alone = mf.simulate(networks()[1], flows[1], particles()[1], times=[0.4])
    np.testing.assert_allclose(runs[1].particles.position, alone.particles.position, rtol=1e-5, atol=1e-6)


def altered(objective, **options):
    names = ("unit", "loss", "x", "y", "scale", "penalty")
    return mf.Objective(**{name: getattr(objective, name) for name in names} | options)


def second(change):
    """The same arguments with a changed second objective, or second particles."""
    return lambda o, f, mu: ([o[0], change(o[1])], f, mu)


KIND = "is a value of type {}: expected a value of type {}"
BAD = {
    "unit": (second(lambda o: altered(o, unit=mf.Neuron("relu", bias=True))), r"objectives\[1\].unit.activation is "),
    "bias": (
        second(lambda o: altered(o, unit=mf.Neuron("tanh", bias=True))),
        r"\[1\].unit.bias is True: expected False",
    ),
    "loss": (
        second(lambda o: altered(o, y=np.sign(Y[1]), loss=mf.Logistic())),
        r"objectives\[1\].loss " + KIND.format("Logistic", "Square"),
    ),
    "samples": (
        second(lambda o: altered(o, x=X[:4], y=Y[1, :4])),
        rf"objectives\[1\].x is float\d\d\[4, {D}\]: expected float\d\d\[{N}, {D}\]",
    ),
    "flow": (
        lambda o, f, mu: (o, [f, mf.AdaptiveFlow()], mu),
        r"flows\[1\].stepper " + KIND.format("Diffrax", "Euler"),
    ),
    "optimiser": (
        lambda o, f, mu: (o, [mf.OptimiserFlow(optax.sgd(h)) for h in (0.1, 0.2)], mu),
        r"flows\[1\].stepper.optimiser\[\d\] is <function .* values of arrays only",
    ),
    "m": (
        lambda o, f, mu: (o, f, [mu[0], mf.Particles(THETA[1, :-1])]),
        r"mus\[1\].position is float\d\d\[11, 3\]: expected float\d\d\[12, 3\]",
    ),
    "type": (lambda o, f, mu: (o, f, [mu[0], THETA[1]]), r"mus\[1\]=array of shape .*: expected particles"),
    "length": (lambda o, f, mu: (o, f, mu[:1]), "mus has length 1: expected 2, as objectives"),
    "empty": (lambda o, f, mu: ([], f, mu[0]), "objectives has length 0: expected at least one replica"),
    "single": (lambda o, f, mu: (o[0], f, mu[0]), "objectives, flows, mus and keys are one each: expected a list"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name):
    """A sentence that names the argument, which replica differs, and how."""
    change, sentence = BAD[name]
    with pytest.raises(ValueError, match=sentence):
        mf.simulate_replicas(*change(networks()[:2], mf.GradientFlow(0.1), particles()[:2]), times=[1.0])


def test_a_tolerance_that_cannot_be_resolved_is_refused():
    """Also where it is not the first replica's."""
    flows = [mf.AdaptiveFlow(rtol) for rtol in (1e-3, 1e-3, 1e-3, 1e-30, 1e-3)]
    with pytest.raises(ValueError, match="rtol=1e-30"):
        mf.simulate_replicas(networks(), flows, particles(), times=[1.0])


def measured(what: str, devices: int) -> dict:
    """In a process of its own: with virtual devices, and without the shape checks that tests switch on."""
    settings = {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}"}
    environment = {name: value for name, value in os.environ.items() if name != "JAX_ENABLE_X64"} | settings
    command = [sys.executable, __file__, what]
    done = subprocess.run(
        command,
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_eight_devices():
    """Five replicas and thirteen fill eight devices: the same runs, and no word between devices in the program."""
    found = measured("devices", 8)
    assert found["worst"] <= 4
    assert found["statuses"] == ["done"] * 13
    assert found["devices"] == [5, 8]
    assert found["collectives"] == []
    # control: the same steps by `jit` of `vmap` ask all devices at every step whether any of them goes on
    assert found["collectives of jit"] != []


@pytest.mark.full
def test_ten_times_faster():
    """64 replicas as one batch against one after the other: all compiled, by turns in one process, the least of nine.

    Overheads of dispatch are what is saved; a small network on a processor does 64 times the arithmetic in both. Other
    work on the machine only adds to a time: the least of each is what it takes, in seconds of processors.
    """
    found = measured("speed", 1)
    assert found["worst"] <= 4
    assert min(found["alone"]) >= RATIO * min(found["together"]), found


def devices() -> dict:
    unit, count = mf.Neuron("tanh"), 13
    objectives = [mf.Objective(unit, mf.Square(), X, Y[r % R], 1.0 + r) for r in range(count)]
    mus = [mf.Particles(THETA[r % R] * (1 + r)) for r in range(count)]
    flows = [mf.GradientFlow(0.01 * (1 + r)) for r in range(count)]
    runs = mf.simulate_replicas(objectives, flows, mus, times=[0, 1.0, 3.0])
    few = mf.simulate_replicas(objectives[:R], flows[:R], mus[:R], times=[0, 1.0, 3.0])
    alone = [mf.simulate(o, f, mu, times=[0, 1.0, 3.0]) for o, f, mu in zip(objectives, flows, mus, strict=True)]
    pairs = [*zip(runs, alone, strict=True), *zip(few, alone[:R], strict=True)]
    meshes = [_mesh(None, mus[:R]), _mesh(None, mus)]

    mesh, padded = meshes[1], [*range(count), 12, 12, 12]
    arguments = [[of[r] for r in padded] for of in (objectives, flows, mus, [None] * count)]
    arguments[0] = [flow.prepare(o, mu) for o, flow, mu in zip(*arguments[:3], strict=True)]
    watched = [named_observables(None)] * len(padded)
    models = (*arguments[:2], watched)
    differ = [differing(list(zip(*trees, strict=True))) for trees in (models, arguments[2:])]
    batch = Batch(mesh, watched, time_grid([0, 1.0]), differ, *arguments)
    texts, call = [], _each

    def spied(function, mesh, common, *own):
        if function.__name__ == "_next":
            texts.append(call.lower(function, mesh, common, *own).compile().compiled.as_text())
        return call(function, mesh, common, *own)

    batch_module._each = spied
    batch.run(Quiet(), None, None)

    def plain(own, state, counts):
        def one(own, state, count):
            objective, flow, _ = eqx.combine(own, batch.common)
            return jax.lax.fori_loop(0, count, lambda _, state: flow.step(objective, state), state)

        return jax.vmap(one)(own, state, counts)

    counts = jax.device_put(np.arange(16, dtype=np.int32), jax.tree.leaves(batch.own)[0].sharding)
    words = eqx.filter_jit(plain).lower(batch.own, batch.state, counts).compile().compiled.as_text()
    return {
        "worst": max(worst(*pair) for pair in pairs),
        "statuses": [run.status for run in runs],
        "devices": [mesh.size for mesh in meshes],
        "collectives": sorted({name for text in texts for name in collectives(text)}),
        "collectives of jit": collectives(words),
    }


def collectives(text: str) -> list[str]:
    assert "while" in text
    pattern = r"\b(all-reduce|all-gather|all-to-all|reduce-scatter|collective-\w+|send|recv)(?:-start)?\("
    return sorted(set(re.findall(pattern, text)))


def speed() -> dict:
    count, m, n, d = 64, 50, 16, 2
    rng = np.random.default_rng(0)
    x, y, unit = rng.normal(size=(n, d)), rng.normal(size=n), mf.Neuron("relu")
    objectives = [mf.Objective(unit, mf.Square(), x, y, alpha) for alpha in np.geomspace(1, 10, count)]
    mus = [mf.Particles(rng.normal(size=(m, d + 1))) for _ in range(count)]
    flow, worsts = mf.GradientFlow(0.02), []
    times: dict[str, list[float]] = {"alone": [], "together": []}
    for repeat in range(10):
        began = time.process_time()
        alone = [mf.simulate(objective, flow, mu, times=4.0) for objective, mu in zip(objectives, mus, strict=True)]
        between = time.process_time()
        together = mf.simulate_replicas(objectives, flow, mus, times=4.0)
        if repeat:  # all compiled
            times["alone"].append(between - began)
            times["together"].append(time.process_time() - between)
        worsts += [worst(run, other) for run, other in zip(together, alone, strict=True)]
    return {**times, "worst": max(worsts)}


if __name__ == "__main__":
    print(json.dumps({"devices": devices, "speed": speed}[sys.argv[1]]()))


@pytest.mark.full
def test_observables_of_their_own():
    """Each replica is tested on its own samples; all of them are watched in the same way."""
    unit = mf.Neuron("tanh")
    data = [mf.datasets.teacher(jax.random.key(seed), n=6, d=2, n_test=4) for seed in range(3)]
    objectives = [mf.Objective(unit, mf.Square(), one.x, one.y) for one in data]
    mus = [mf.Particles.gaussian(jax.random.key(seed), unit, m=10, d=2) for seed in range(3)]
    watched = [[mf.Risk(), mf.TestRisk(one.x_test, one.y_test)] for one in data]
    runs = mf.simulate_replicas(objectives, mf.GradientFlow(0.1), mus, times=[0, 1.0], observables=watched)
    for run, objective, mu, watch in zip(runs, objectives, mus, watched, strict=True):
        alone = mf.simulate(objective, mf.GradientFlow(0.1), mu, times=[0, 1.0], observables=watch)
        np.testing.assert_allclose(run.values["test_risk"], alone.values["test_risk"], rtol=1e-4)
    assert len({float(run.values["test_risk"][0]) for run in runs}) == 3
    with pytest.raises(ValueError, match="observables has length 2: expected 3"):
        mf.simulate_replicas(objectives, mf.GradientFlow(0.1), mus, times=1.0, observables=watched[:2])
    watched[2] = [mf.Risk(), mf.Displacement()]
    with pytest.raises(ValueError, match="observables"):
        mf.simulate_replicas(objectives, mf.GradientFlow(0.1), mus, times=1.0, observables=watched)


def test_an_array_of_typed_keys_is_taken_apart_as_it_is():
    from meanfield.simulation.replicas import _items

    keys = jax.random.split(jax.random.key(3, impl="rbg"), 4)
    for one, key in zip(_items(keys), list(keys), strict=True):
        assert jax.random.key_impl(one) == jax.random.key_impl(key)
        np.testing.assert_array_equal(jax.random.key_data(one), jax.random.key_data(key))

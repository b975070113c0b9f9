"""What is looked at is compiled once a shape: a second call with other numbers compiles nothing."""

import contextlib
from collections.abc import Iterator

import jax
import numpy as np
import pytest

import meanfield as mf
from meanfield import observables

N, M, D = 7, 8, 3
UNIT = mf.Neuron("relu")


class Network:
    """A problem, particles and other samples, all of whose numbers follow from a seed and whose shapes do not."""

    def __init__(self, seed: int):
        draw = np.random.default_rng(seed)
        self.key = jax.random.key(seed)
        self.x, self.y = _numbers(draw, 5, D), np.sign(_numbers(draw, 5))
        mass = draw.uniform(0.5, 1, M).astype(np.float32)
        self.mu = mf.Particles(_numbers(draw, M, 1 + D), mass / mass.sum())
        penalty = mf.WeightDecay(0.1 * seed)
        x, y = _numbers(draw, N, D), np.sign(_numbers(draw, N))
        self.objective = mf.Objective(UNIT, mf.Square(), x, y, scale=1 + seed, penalty=penalty)
        self.line = mf.Particles(_numbers(draw, M, 2))
        self.deep = mf.units.DeepNetwork.gaussian(self.key, 8, 3, D)


def _numbers(draw, *shape):
    return draw.normal(size=shape).astype(np.float32)


def seen(make):
    """What an observable of the samples x and y sees."""

    def look(net: Network):
        watch = make(net.x, net.y)
        return watch(net.objective, net.mu, watch.init(net.objective, net.mu))

    return look


def _teacher(x, y):
    return mf.objectives.ReluPopulation(mf.Particles(np.concatenate([y[:, None], x], axis=1)))


def plain(objective, mu):
    return objective.risk(mu)


OBSERVABLES = {
    "ChangedSigns": seen(lambda x, y: observables.ChangedSigns()),
    "Displacement": seen(lambda x, y: observables.Displacement()),
    "Energy": seen(lambda x, y: observables.Energy()),
    "Function": seen(lambda x, y: observables.Function(plain)),
    "KernelAlignment": seen(lambda x, y: observables.KernelAlignment()),
    "KernelDrift": seen(lambda x, y: observables.KernelDrift()),
    "Margin": seen(lambda x, y: observables.Margin()),
    "PopulationRisk": seen(lambda x, y: observables.PopulationRisk(_teacher(x, y))),
    "Positions": seen(lambda x, y: observables.Positions()),
    "Predictions": seen(lambda x, y: observables.Predictions(x)),
    "Risk": seen(lambda x, y: observables.Risk()),
    "RiskError": seen(lambda x, y: observables.RiskError()),
    "Sharpness": seen(lambda x, y: observables.Sharpness()),
    "TestError": seen(observables.TestError),
    "TestRisk": seen(observables.TestRisk),
    "critical_samples": lambda net: observables.critical_samples(net.objective, net.mu, net.x, net.objective.scale / 9),
    "cushions": lambda net: observables.cushions(net.objective, net.mu, net.x),
    "error": lambda net: observables.error(net.objective.predict(net.mu), net.objective.y),
    "linear_spline": lambda net: observables.linear_spline(UNIT, net.line, net.objective.scale),
    "loss_sensitivity": lambda net: observables.loss_sensitivity(net.objective, net.mu),
    "stiffness": lambda net: observables.stiffness(net.objective, net.mu, net.x, net.y, penalty=True),
    "tangent_kernel": lambda net: observables.tangent_kernel(UNIT, net.mu, net.x, net.objective.x),
}
"""Every public name of `meanfield.observables` that looks at something."""

OTHERS = {
    "certificate": lambda net: mf.optimality_gap(net.objective, net.mu, cones=100),
    "conjugate kernels": lambda net: net.deep.conjugate_kernels(net.x),
    "deep layers": lambda net: net.deep.layers(net.x),
    "deep predictions": lambda net: net.deep.predict(net.x),
    "deep tangent kernel": lambda net: net.deep.tangent_kernel(net.x, net.x[:2]),
    "doubled law": lambda net: mf.Particles.doubled(net.key, UNIT, M, D, output_scale=net.objective.scale),
    "first variation": lambda net: net.objective.first_variation(net.mu, net.mu.position[:2]),
    "law on a sphere": lambda net: mf.Particles.sphere(net.key, UNIT, M, D, output="signs"),
    "linearised sharpness": lambda net: observables.Sharpness()(net.objective.linearised(net.mu), net.mu, None),
    "simulation": lambda net: mf.simulate(net.objective, mf.GradientFlow(0.1 / net.objective.scale), net.mu, times=1.0),
    "teacher": lambda net: mf.datasets.teacher(net.key, N, D, n_test=9),
    "trained part": lambda net: net.objective.trained("output").velocity(net.mu),
}


@contextlib.contextmanager
def compilations() -> Iterator[list[str]]:
    """Yield a list that grows by the name of everything that JAX compiles, or loads instead."""
    found: list[str] = []

    def note(event: str, seconds: float, **about):
        if event.endswith("backend_compile_duration"):
            found.append(str(about.get("fun_name", event)))

    jax.monitoring.register_event_duration_secs_listener(note)
    try:
        yield found
    finally:
        jax.monitoring.unregister_event_duration_listener(note)


@pytest.mark.parametrize("name", [*OBSERVABLES, *OTHERS])
def test_a_second_call_compiles_nothing(name):
    look = (OBSERVABLES | OTHERS)[name]
    look(Network(1))
    second = Network(2)
    with compilations() as found:
        look(second)
    assert found == []


def test_no_observable_is_forgotten():
    classes = {"AbstractObservable", "AbstractSnapshot", "Cushions", "LinearSpline"}
    assert set(OBSERVABLES) == set(dir(observables)) - classes


def test_what_is_compiled_at_each_call_would_be_noticed():
    with compilations() as found:
        jax.jit(lambda x: x + 1)(1.0)
    assert found != []

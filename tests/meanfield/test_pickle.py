"""Everything public goes through the standard pickle, through copies, and to a process of its own, and is the same."""

import copy
import functools
import multiprocessing
import pickle
import threading
from concurrent.futures import ProcessPoolExecutor

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import meanfield as mf
from meanfield.checkpoints.identity import behaviour
from meanfield.units.activations import ACTIVATIONS, Activation
from tests.public_names import public_names

KEY = jax.random.key(0)
RELU, TANH = mf.Neuron("relu"), mf.Neuron("tanh")
MU = mf.Particles(jnp.linspace(-1, 1, 12).reshape(4, 3))
OBJECTIVE = mf.Objective(RELU, mf.Square(), np.eye(2), np.ones(2), penalty=mf.WeightDecay(1e-3))


def cubed(z):
    return z**3


def locked(lock, z):
    return z


def halving(rate):
    return lambda k: rate * 0.5**k


def twice(function):
    def inner(*arguments, power=2):
        return function(*arguments) * power

    return inner


class Laws:
    @staticmethod
    def power(by):
        return lambda z: z**by


@jax.jit
def jitted(z):
    return jnp.sin(z)


@jax.custom_jvp
def rounded(z):
    return jnp.round(z)


rounded.defjvp(lambda primals, tangents: (rounded(primals[0]), tangents[0]))


def quadratic(theta):
    return theta @ theta


def sampler(key, batch):
    x = jax.random.normal(key, (batch, 2))
    return x, x[:, 0]


POPULATION = mf.Objective.population(RELU, mf.Square(), sampler, key=KEY, samples=4)


UNITS = {f"Neuron({name!r})": mf.Neuron(name, bias=True) for name in ACTIVATIONS}
FUNCTIONS = [jax.nn.relu, jnp.tanh, jnp.cos, jax.nn.silu, jax.nn.elu, jnp.sin, jax.scipy.special.erf, cubed, jitted]
FUNCTIONS += [rounded, Laws.power(3), twice(twice(cubed)), functools.partial(jax.nn.gelu, approximate=False)]
FUNCTIONS += [functools.partial(twice(cubed), power=3), jax.jit(twice(cubed)), jax.jit(cubed)]
UNITS |= {f"Neuron of {i}": mf.Neuron(function) for i, function in enumerate(FUNCTIONS)}
UNITS |= {
    "normalised": mf.units.NormalisedNeuron(jnp.tanh),
    "spike": mf.units.Spike(),
    "dual": mf.units.Dual(mf.Neuron("relu", bias=True), dimension=2),
    "deep linear": mf.units.DeepLinear((2,), outputs=2),
}
SCHEDULES = [optax.linear_schedule(0.1, 0.0, 10), optax.cosine_decay_schedule(0.1, 10), halving(0.1)]
SCHEDULES += [optax.warmup_cosine_decay_schedule(0.0, 0.1, 5, 20), optax.exponential_decay(0.1, 5, 0.5)]
SCHEDULES += [optax.piecewise_constant_schedule(0.1, {5: 0.5}), optax.join_schedules([halving(0.1), halving(0.2)], [3])]
OPTIMISERS = [optax.adam(1e-2), optax.adamw(1e-2), optax.sgd(0.1, momentum=0.9, nesterov=True), optax.lion(1e-3)]
OPTIMISERS += [
    optax.chain(optax.clip_by_global_norm(1.0), optax.scale_by_adam(), optax.scale_by_schedule(halving(-0.1)))
]
OPTIMISERS += [optax.rmsprop(optax.linear_schedule(0.1, 0.0, 10)), optax.lamb(1e-3), optax.adagrad(0.1)]
FLOWS = {
    "adaptive": mf.AdaptiveFlow(),
    "stabilised": mf.StabilisedFlow(),
    "gradient": mf.GradientFlow(0.1),
    "Runge–Kutta": mf.RungeKutta(0.1),
    "conic": mf.ConicFlow(0.1),
    "Langevin": mf.Langevin(0.1, halving(0.1)),
    "births": mf.BirthDeath(0.1, prior=MU),
    "SGD": mf.SGD(halving(0.1), 1, sampler=sampler),
    "scheduled": mf.ScheduledSGD(0.1, halving(4.0), most=2),
    "heavy ball": mf.HeavyBall(halving(0.1), 0.5, batch=1),
    "SAGA": mf.SAGA(0.1),
    "spectral": mf.SpectralFlow(0.1),
    "SVRG": mf.SVRG(0.1, 4),
    "tangent": mf.TangentFlow(halving(0.1)),
    "outputs": mf.OutputFlow(0.1),
    "inputs": mf.InputFlow(0.1),
}
FLOWS |= {f"schedule {i}": mf.GradientFlow(schedule) for i, schedule in enumerate(SCHEDULES)}
FLOWS |= {f"optimiser {i}": mf.OptimiserFlow(optimiser) for i, optimiser in enumerate(OPTIMISERS)}
FACTORS = {
    "steppers": [
        mf.steppers.Euler(halving(0.1), [0.1, 0.2, 0.0]),
        mf.steppers.SphereEuler(0.1),
        mf.steppers.Spectral(0.1, 4.0),
        mf.steppers.Heun(0.1),
        mf.steppers.RK4(0.1),
        mf.steppers.HeavyBall(0.1, 0.9),
        mf.steppers.Optax(optax.adam(1e-2)),
        mf.steppers.Diffrax(diffrax.Dopri5(), diffrax.PIDController(1e-3, 1e-4)),
        mf.steppers.RKC(),
    ],
    "gradients": [
        mf.gradients.Full(),
        mf.gradients.Minibatch(2, replacement=False),
        mf.gradients.Stream(sampler, 2),
        mf.gradients.SAGA(),
        mf.gradients.SVRG(4),
    ],
    "noise": mf.noises.Brownian(halving(0.1)),
    "reactions": [mf.reactions.Growth(), mf.reactions.BirthDeath(2.0, prior=MU)],
}
OTHERS = {
    "particles": MU,
    "masses": mf.Particles(MU.position, jnp.array([0.1, 0.2, 0.3, 0.4])),
    "state": mf.GradientFlow(0.1).init(OBJECTIVE, MU, key=KEY),
    "state of adaptive": mf.AdaptiveFlow().init(OBJECTIVE, MU, key=jax.random.key(1, impl="rbg")),
    "losses": [mf.Square(), mf.Logistic(), mf.Exponential(), mf.losses.Power(3.0), mf.losses.Contrast()],
    "penalties": [
        mf.WeightDecay(0.1),
        mf.penalties.TotalMass(0.1),
        mf.penalties.L1(0.1),
        mf.penalties.L1([0.1, 0.0]),
        mf.penalties.ParameterDecay([0.1, 0.0]),
    ],
    "observables": [
        mf.Risk(),
        mf.observables.Energy(),
        mf.Displacement(),
        mf.Positions(),
        mf.observables.KernelDrift(),
        mf.observables.KernelAlignment(),
    ],
    "more observables": [
        mf.TestRisk(np.eye(2), np.ones(2)),
        mf.observables.TestError(np.eye(2), np.ones(2)),
        mf.observables.Margin("none"),
    ],
    "yet more": [
        mf.Predictions(jnp.eye(2)),
        mf.observables.ChangedSigns(),
        mf.observables.Sharpness(),
        mf.observables.Function(twice(cubed)),
    ],
    "kernels": [
        mf.integrals.Blocked(4),
        mf.integrals.Compiled(),
        mf.integrals.Dense(),
        mf.integrals.Sorted(),
        mf.integrals.Interpolated(4, mf.integrals.Dense()),
        mf.integrals.Pallas(),
    ],
    "plan": OBJECTIVE.plan(10**6),
    "objective": OBJECTIVE,
    "penalised": mf.Objective(mf.Neuron(jnp.tanh), mf.Square(), np.eye(2), np.ones(2), penalty=quadratic),
    "centred": mf.Objective(TANH, mf.Square(), np.eye(2), np.ones(2), centred=MU, kernel=mf.integrals.Blocked(2)),
    "prepared": mf.AdaptiveFlow().prepare(OBJECTIVE, MU),
    "trained": OBJECTIVE.trained("output"),
    "linearised": mf.objectives.TangentObjective(OBJECTIVE, MU),
    "game": mf.objectives.AdversarialObjective(
        mf.Neuron("relu", bias=True), np.eye(2), generators=3, penalty=quadratic
    ),
    "data": mf.datasets.clusters(KEY, 8, 4),
    "gap": mf.optimality_gap(OBJECTIVE, MU),
    "minimum": mf.certified_minimum(OBJECTIVE, 1e-3),
    "spline": mf.observables.linear_spline(mf.Neuron("relu", bias=True), MU),
    "checkpoint": mf.Checkpoint("somewhere", minutes=3.0),
    "deep": mf.units.DeepNetwork.gaussian(KEY, width=4, depth=2, d=2, activation="tanh"),
    "outcome": mf.Outcome.DIVERGED,
    "estimated": mf.objectives.estimate(POPULATION, MU, KEY, 4),
    "error": mf.observables.RiskError(),
    "population": POPULATION,
    "exact population": mf.objectives.ReluPopulation(MU, scale=2.0, penalty=mf.WeightDecay(0.1)),
    "risk of a population": mf.observables.PopulationRisk(POPULATION),
    "sampled": mf.datasets.teacher(KEY, 4, 3, n_test=2),
    "network": mf.from_weights([[1.0, 0.0]], a=[1.0]),
    "layers": mf.to_weights(mf.from_weights([[1.0, 0.0]], a=[1.0])),
    "initialisation": [mf.networks.initialisation("keras", inputs=3, width=4), mf.networks.Law("normal", 0.5)],
    "parametrisation": mf.Parametrisation(4, 0.5, 0.2),
    "cushions": mf.observables.cushions(OBJECTIVE, MU),
}
THINGS = UNITS | FLOWS | FACTORS | OTHERS


@pytest.mark.parametrize("name", THINGS)
@pytest.mark.turns(4)
def test_all_that_is_public_comes_back(name):
    thing = THINGS[name]
    for back in (pickle.loads(pickle.dumps(thing)), copy.deepcopy(thing), copy.copy(thing)):
        assert type(back) is type(thing)
        assert behaviour(back) == behaviour(thing)


def test_no_public_class_is_left_out():
    """But for what has no instances: what is abstract, what `simulate` returns, which has tests of its own, what an
    activation is known for, which stands in a table, and what the factors of a flow tell each other within a step.
    """
    public = {value for value in public_names().values() if isinstance(value, type)}
    abstract = {kind for kind in public if kind.__name__.startswith("Abstract")}

    def kinds(value):
        if isinstance(value, list):
            return {kind for part in value for kind in kinds(part)}
        return {type(value)}

    told = {
        mf.flows.Start,
        mf.steppers.Field,
        mf.steppers.Move,
        mf.gradients.Estimate,
        mf.gradients.Slope,
        mf.gradients.Slopes,
    }
    assert public - abstract - told - {mf.reactions.Reacted, mf.Trajectory, Activation} <= {
        kind for thing in THINGS.values() for kind in kinds(thing)
    }


def test_a_unit_computes_as_before():
    x, theta = jnp.array([0.3, -0.7]), jnp.array([1.5, 1.0, 2.0, 0.5])
    for name, unit in UNITS.items():
        if isinstance(unit, mf.Neuron):
            theta_of = theta[: unit.size(2)]
            assert float(pickle.loads(pickle.dumps(unit))(theta_of, x)) == float(unit(theta_of, x)), name


@pytest.mark.parametrize("name", [name for name in FLOWS if name.startswith(("schedule", "optimiser"))])
@pytest.mark.turns(4)
def test_a_flow_steps_as_before(name):
    flow, back = FLOWS[name], pickle.loads(pickle.dumps(FLOWS[name]))
    options = {"times": [0.1] if name.startswith("schedule") else [3.0], "key": KEY}
    runs = [mf.simulate(OBJECTIVE, each, MU, **options) for each in (flow, back)]
    assert runs[0].particles.position.tobytes() == runs[1].particles.position.tobytes()


def trajectory():
    watched = {"risk": mf.Risk(), "norm": lambda objective, mu: jnp.sum(mu.position**2)}
    return mf.simulate(OBJECTIVE, mf.GradientFlow(0.5), MU, times=[0.0, 1.0], observables=watched)


def test_trajectories_come_back():
    run = trajectory()
    for back in (pickle.loads(pickle.dumps(run)), copy.deepcopy(run)):
        assert (back.status, back.stats, back.times.tolist()) == (run.status, run.stats, run.times.tolist())
        assert all(np.array_equal(back.values[name], run.values[name]) for name in run.values)
        assert float(back.objective.value(back.particles)) == float(run.objective.value(run.particles))


def test_to_a_process_of_its_own_and_back():
    """Objective, flow and particles there, the trajectory back."""
    objective = mf.Objective(mf.Neuron(jnp.tanh), mf.Square(), np.eye(2), np.ones(2), penalty=mf.WeightDecay(0.1))
    flow = mf.SGD(optax.linear_schedule(0.25, 0.125, 4), batch=1)
    options = {"times": [0, 1.0], "key": KEY}
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        there = pool.submit(mf.simulate, objective, flow, MU, times=[0, 1.0], key=KEY).result(timeout=240)
    here = mf.simulate(objective, flow, MU, **options)
    np.testing.assert_allclose(there.particles.position, here.particles.position, rtol=1e-6)
    assert there.values["risk"].shape == (2,)


def test_what_has_no_name_is_refused_by_name():
    module = {"__name__": "__main__"}
    exec("nameless = lambda z: z + 1", module)
    with pytest.raises(
        pickle.PicklingError, match=r"^Neuron\.activation can't be pickled, because <lambda> has no name"
    ):
        pickle.dumps(mf.Neuron(module["nameless"]))
    with pytest.raises(pickle.PicklingError, match=r"^Euler\.length can't be pickled, because <lambda> has no name"):
        pickle.dumps(mf.GradientFlow(module["nameless"]))
    with pytest.raises(
        pickle.PicklingError, match=r"^Neuron\.activation can't be pickled, because cannot pickle '_thread"
    ):
        pickle.dumps(mf.Neuron(functools.partial(locked, threading.Lock())))
    assert copy.deepcopy(mf.Neuron(module["nameless"])).activation is module["nameless"]


def test_a_function_that_is_gone_is_told(monkeypatch):
    content = pickle.dumps(mf.GradientFlow(halving(0.1)))
    monkeypatch.delitem(globals(), "halving")
    with pytest.raises(ValueError, match="halving is no longer there"):
        pickle.loads(content)
    monkeypatch.setitem(globals(), "halving", lambda rate: cubed)
    with pytest.raises(ValueError, match="halving has changed since its function <lambda> was pickled"):
        pickle.loads(content)

"""Every argument of every public callable of the engine, replaced by whatever users hold in its place.

The type checker that other tests of the engine run under would refuse most of it before the engine does. So the cases
run in a process without it, as users do: where this file is collected with the checker on, its one test starts that
process and counts what it did.
"""

import functools
import inspect
import os
import pathlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from matplotlib.figure import Figure

import meanfield as mf
from meanfield.observables import Function
from tests.every_argument import judge, turns
from tests.public_names import public_names
from tests.shape_checks import UNCHECKED

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)
M, N, D, P = 6, 4, 2, 4
X, Y = RNG.normal(size=(N, D)), RNG.normal(size=N)
X1 = RNG.normal(size=(3, D))
LABELS = np.array([1.0, -1.0, 1.0, 1.0])
UNIT = mf.Neuron("tanh", bias=True)
KINKED = mf.Neuron("relu", bias=True)
POSITION, MASS = RNG.normal(size=(M, P)), np.full(M, 1 / M)
MU = mf.Particles(POSITION)
DECAY = mf.WeightDecay(0.1)
OBJECTIVE = mf.Objective(UNIT, mf.Square(), X, Y)
CERTIFIABLE = mf.Objective(KINKED, mf.Square(), X, Y, penalty=DECAY)


def SAMPLER(key, batch):  # as all that is given to calls
    """Return samples that are those of the data."""
    rows = jnp.arange(batch) % N
    return jnp.asarray(X)[rows], jnp.asarray(Y)[rows]


POPULATION = mf.Objective.population(UNIT, mf.Square(), SAMPLER, key=KEY, samples=4)
TANGENT = mf.objectives.TangentObjective(OBJECTIVE, MU)
MU3 = mf.Particles(POSITION[:, :3])
EXACT = mf.objectives.ReluPopulation(MU3)
PAPER = mf.Parametrisation(M, input_rate=4.0)
GAME = mf.objectives.AdversarialObjective(KINKED, X, 3)
POINTS = mf.Particles(X[:3])
FLOW = mf.GradientFlow(0.1)
RUN = mf.simulate(OBJECTIVE, FLOW, MU, times=[0.0, 1.0], observables=[mf.Risk(), mf.Positions()])
SPLINE = mf.observables.LinearSpline(np.array([0.0, 1.0]), np.array([1.0, -1.0]), 1.0, 0.5)
DEEP = mf.units.DeepNetwork.gaussian(KEY, width=3, depth=2, d=D)
STATE = {"fc1.weight": POSITION[:, :D], "fc1.bias": MASS, "fc2.weight": POSITION.T[:1]}
MOVED = {name: 1.1 * value for name, value in STATE.items()}
LINEAR = mf.units.DeepLinear(hidden=(3,), outputs=2)


class Call(NamedTuple):
    """A public callable with small legal arguments; `infinite` where it states infinities."""

    function: Callable
    arguments: dict[str, Any]
    infinite: bool = False


def axes():
    return Figure().subplots()


def constant(theta):
    return jnp.sum(theta)


def trajectory(names, **options):
    return mf.plot.trajectory(options.pop("run"), *names, **options)


def call(function: Callable, infinite: bool = False, /, **arguments) -> Call:
    return Call(function, arguments, infinite)


CALLS = {
    # the measure and its laws
    "Particles": call(mf.Particles, position=POSITION, mass=MASS),
    "Particles.moved": call(MU.moved, position=POSITION),
    "Particles.gaussian": call(
        mf.Particles.gaussian, key=KEY, unit=UNIT, m=M, d=D, output="gaussian", output_scale=1.5, input_scale=0.5,
        dtype="float32",
    ),
    "Particles.sphere": call(mf.Particles.sphere, key=KEY, unit=UNIT, m=M, d=D, output="signs", radius=2.0,
                             output_radius=0.5, dtype="float32"),
    "Particles.doubled": call(mf.Particles.doubled, key=KEY, unit=UNIT, m=M, d=D, law="gaussian", output_scale=1.5),
    "Particles.grid": call(mf.Particles.grid, unit=UNIT, axes=[[-1.0, 1.0], [0.5, 1.5], [0.0, 1.0]], dtype="float32"),
    "shard": call(lambda mu, devices: mf.shard(mu, devices).position, mu=MU, devices=jax.devices()[:1]),
    # units
    "Neuron": call(mf.Neuron, activation="tanh", bias=True, outputs=2),
    "NormalisedNeuron": call(mf.units.NormalisedNeuron, activation="tanh", bias=True, outputs=2),
    "DeepLinear": call(mf.units.DeepLinear, hidden=(3, 2), outputs=2),
    "DeepLinear.particle": call(lambda factors: LINEAR.particle(factors), factors=[np.ones((3, 2)), np.ones((2, 3))]),
    "DeepLinear.balanced": call(LINEAR.balanced, matrix=RNG.normal(size=(2, 3))),
    "Dual": call(mf.units.Dual, unit=UNIT, dimension=2),
    "spikes.fourier": call(mf.units.spikes.fourier, order=2, dimension=1, dtype="float32"),
    "activations.named": call(lambda activation: mf.units.activations.named(activation).slopes, activation="relu"),
    # losses and penalties
    "Power": call(mf.losses.Power, exponent=3.0),
    "WeightDecay": call(mf.WeightDecay, strength=0.1),
    "TotalMass": call(mf.penalties.TotalMass, strength=0.1),
    "L1": call(mf.penalties.L1, strength=np.array([0.1, 0.0, 0.0, 0.0])),
    "ParameterDecay": call(mf.penalties.ParameterDecay, strengths=np.array([0.1, 0.2, 0.0, 0.3])),
    # objectives
    "Objective": call(mf.Objective, unit=UNIT, loss=mf.Square(), x=X, y=Y, scale=2.0, penalty=constant, centred=MU,
                      kernel=mf.integrals.Dense(), weights=np.array([1.0, 2.0, 0.5, 3.0]), sampler=SAMPLER),
    "Objective.population": call(mf.Objective.population, unit=UNIT, loss=mf.Square(), sampler=SAMPLER, key=KEY,
                                 samples=4),
    "ReluPopulation": call(mf.objectives.ReluPopulation, truth=MU3, square_norm=2.0, scale=1.5, penalty=constant),
    **{
        f"ReluPopulation.{name}": call(getattr(EXACT, name), mu=MU3) for name in ("value", "risk", "velocity")
    },
    "ReluPopulation.trained": call(lambda which: EXACT.trained(which).columns, which="input"),
    "ReluPopulation.predict": call(EXACT.predict, mu=MU3, x=X1),
    "PopulationRisk": call(lambda problem: mf.observables.PopulationRisk(problem)(OBJECTIVE, MU, None),
                           problem=OBJECTIVE),
    "Parametrisation": call(mf.Parametrisation, particles=M, multiplier=0.5, radius=0.2, weight=2.0, input_rate=3.0,
                            degree=2.0),
    "Parametrisation.step": call(PAPER.step, rate=0.1),
    "Parametrisation.rate": call(PAPER.rate, step=0.1),
    "Parametrisation.weight_decay": call(PAPER.weight_decay, strength=0.1),
    "Parametrisation.inputs": call(PAPER.inputs, x=X),
    "Parametrisation.sampler": call(lambda sampler: PAPER.sampler(sampler)(KEY, 2)[0], sampler=SAMPLER),
    "Parametrisation.start": call(PAPER.start, mu=MU, outputs=1),
    "estimate": call(mf.objectives.estimate, problem=POPULATION, mu=MU, key=KEY, samples=4),
    "Objective, labels": call(mf.Objective, unit=UNIT, loss=mf.Logistic(), x=X, y=LABELS, centred=False),
    "Objective, soft-min": call(mf.Objective, unit=UNIT, loss=mf.Exponential(), x=X, y=LABELS),
    "Objective, classes": call(mf.Objective, unit=mf.Neuron("tanh", outputs=3), loss=mf.Logistic(), x=X,
                               y=np.array([0.0, 2.0, 1.0, 1.0])),
    "Objective, power": call(mf.Objective, unit=UNIT, loss=mf.losses.Power(4.0), x=X, y=Y),
    "Objective.plan": call(OBJECTIVE.plan, m=M),
    "Objective.predict": call(OBJECTIVE.predict, mu=MU, x=X1),
    "Objective.first_variation": call(OBJECTIVE.first_variation, mu=MU, theta=POSITION[:3]),
    "Objective.risk": call(OBJECTIVE.risk, mu=MU),
    "Objective.value": call(CERTIFIABLE.value, mu=MU),
    "Objective.velocity": call(OBJECTIVE.velocity, mu=MU),
    "TangentObjective": call(lambda network, anchor: mf.objectives.TangentObjective(network, anchor).anchor,
                             network=OBJECTIVE,
                             anchor=MU),
    "TangentObjective.predict": call(TANGENT.predict, mu=MU, x=X1),
    "TangentObjective.risk": call(TANGENT.risk, mu=MU),
    "TangentObjective.value": call(TANGENT.value, mu=MU),
    "TangentObjective.velocity": call(TANGENT.velocity, mu=MU),
    "AdversarialObjective": call(mf.objectives.AdversarialObjective, unit=KINKED, x=X, generators=3, penalty=constant,
                                 rate=2.0,
                                 loss=mf.Logistic()),
    "AdversarialObjective.join": call(GAME.join, points=POINTS, critic=MU),
    "AdversarialObjective.split": call(GAME.split, mu=GAME.join(POINTS, MU)),
    "AdversarialObjective.predict": call(GAME.predict, mu=GAME.join(POINTS, MU), x=X1),
    "AdversarialObjective.risk": call(GAME.risk, mu=GAME.join(POINTS, MU)),
    "AdversarialObjective.value": call(GAME.value, mu=GAME.join(POINTS, MU)),
    "AdversarialObjective.velocity": call(GAME.velocity, mu=GAME.join(POINTS, MU)),
    "Objective.linearised": call(lambda mu0: OBJECTIVE.linearised(mu0).anchor, mu0=MU),
    "TangentObjective.linearised": call(lambda mu0: mf.objectives.TrainedObjective(OBJECTIVE,
                                        (0,)).linearised(mu0).network.anchor,
                                        mu0=MU),
    "AdversarialObjective.linearised": call(lambda mu0: OBJECTIVE.trained("input").linearised(mu0).network.anchor,
                                            mu0=MU),
    "TrainedObjective.linearised": call(lambda mu0: OBJECTIVE.trained("output").linearised(mu0).network.anchor, mu0=MU),
    "Objective.trained": call(lambda which: OBJECTIVE.trained(which).columns, which="input"),
    "TangentObjective.trained": call(lambda which: TANGENT.trained(which).columns, which="output"),
    "AdversarialObjective.trained": call(lambda which: OBJECTIVE.trained(which).columns, which="output"),
    "TrainedObjective.trained": call(lambda which: OBJECTIVE.trained("input").trained(which).columns, which="input"),
    "TrainedObjective.predict": call(OBJECTIVE.trained("input").predict, mu=MU, x=X1),
    "TrainedObjective.risk": call(OBJECTIVE.trained("input").risk, mu=MU),
    "TrainedObjective.value": call(OBJECTIVE.trained("input").value, mu=MU),
    "TrainedObjective.velocity": call(OBJECTIVE.trained("input").velocity, mu=MU),
    # factors of flows
    "Flow": call(mf.Flow, stepper=mf.steppers.Euler(0.1), gradient=mf.gradients.Minibatch(2),
                 noise=mf.noises.Brownian(0.1), reaction=mf.reactions.Growth(), on=lambda problem, mu: problem),
    "steppers.Euler": call(mf.steppers.Euler, step=0.1, transport=np.full(P, 0.5)),
    "steppers.Heun": call(mf.steppers.Heun, step=0.1),
    "steppers.RK4": call(mf.steppers.RK4, step=optax.linear_schedule(0.1, 0.01, 10)),
    "steppers.Spectral": call(mf.steppers.Spectral, step=0.1, order=4.0, readout="gradient", outputs=1),
    "steppers.SphereEuler": call(mf.steppers.SphereEuler, step=0.1, transport=0.5),
    "steppers.HeavyBall": call(mf.steppers.HeavyBall, step=0.1, momentum=0.9, decay=0.1, decoupled=0.1, buffer=POSITION,
                               interval=0.5),
    "steppers.Optax": call(mf.steppers.Optax, optimiser=optax.adam(0.1), interval=0.5),
    "steppers.Diffrax": call(mf.steppers.Diffrax, solver=diffrax.Dopri5(), controller=diffrax.ConstantStepSize(),
                             first=0.1),
    "steppers.RKC": call(mf.steppers.RKC, rtol=1e-3, atol=1e-4),
    "gradients.Minibatch": call(mf.gradients.Minibatch, batch=2, replacement=True),
    "gradients.Minibatch, sizes": call(mf.gradients.Minibatch, batch=2.0, max_batch=3),
    "gradients.Stream": call(mf.gradients.Stream, sampler=SAMPLER, batch=2),
    "gradients.SAGA": call(mf.gradients.SAGA, biased=False),
    "gradients.SVRG": call(mf.gradients.SVRG, epoch=4.0),
    "noises.Brownian": call(mf.noises.Brownian, temperature=0.1),
    "reactions.Growth": call(mf.reactions.Growth, rate=0.5),
    "reactions.BirthDeath": call(mf.reactions.BirthDeath, rate=0.5, spread=0.1, prior=MU),
    # flows
    "GradientFlow": call(mf.GradientFlow, step=0.1),
    "GradientFlow, scheduled": call(mf.GradientFlow, step=optax.linear_schedule(0.1, 0.01, 10)),
    "RungeKutta": call(mf.RungeKutta, step=0.1, order=2),
    "AdaptiveFlow": call(mf.AdaptiveFlow, rtol=1e-3, atol=1e-4),
    "StabilisedFlow": call(mf.StabilisedFlow, rtol=1e-3, atol=1e-4),
    "TangentFlow": call(mf.TangentFlow, flow=0.1),
    "OutputFlow": call(mf.OutputFlow, flow=FLOW),
    "InputFlow": call(mf.InputFlow, flow=0.1),
    "OptimiserFlow": call(mf.OptimiserFlow, optimiser=optax.adam(0.1), interval=0.5),
    "HeavyBall": call(mf.HeavyBall, step=0.1, momentum=0.9, decay=0.1, decoupled=0.1, buffer=POSITION, batch=2,
                      replacement=True, interval=0.5),
    "HeavyBall, rates": call(mf.HeavyBall, step=np.full(P, 0.1), decay=np.full(P, 0.1), decoupled=np.full(P, 0.1)),
    "SGD": call(mf.SGD, step=0.1, batch=2, replacement=True, sampler=lambda key, batch: (X[:batch], Y[:batch])),
    "ScheduledSGD": call(mf.ScheduledSGD, step=0.1, batch=2.0, most=3, replacement=True),
    "SAGA": call(mf.SAGA, step=0.1, biased=False),
    "SVRG": call(mf.SVRG, step=0.1, epoch=4.0),
    "SpectralFlow": call(mf.SpectralFlow, step=0.1, order=4.0, readout="gradient", outputs=1),
    "Langevin": call(mf.Langevin, step=0.1, temperature=0.1),
    "ConicFlow": call(mf.ConicFlow, step=0.1, growth=0.5, transport=2.0, signed=False, sphere=False),
    "BirthDeath": call(mf.BirthDeath, step=0.1, rate=0.5, transport=0.5, spread=0.1, prior=MU),
    # networks of other frameworks
    "from_weights": call(mf.from_weights, W=POSITION[:, :D], b=MASS, a=POSITION.T[:2], c=np.ones(2), activation="tanh",
                         parametrisation="tangent"),
    "from_weights, a dictionary": call(mf.from_weights, W=STATE),
    "to_weights": call(mf.to_weights, particles=MU, unit=UNIT, scale=2.0, constant=0.5, parametrisation="tangent"),
    "Network.predict": call(mf.from_weights(STATE).predict, x=X),
    "from_state": call(lambda state, name: mf.networks.from_state(state, name), state=STATE, name="state"),
    "arrays_of": call(mf.networks.arrays_of, name="given", given=STATE),
    "initialisation": call(mf.networks.initialisation, name="keras", inputs=3, width=4, outputs=2),
    "Initialisation.draw": call(mf.networks.initialisation("flax", inputs=3, width=4).draw, key=KEY),
    "Law.draw": call(mf.networks.Law("normal", 0.5).draw, key=KEY, shape=(2, 3)),
    "diagnose": call(mf.diagnose, initial=STATE, trained=MOVED, x=X, y=Y, x_test=X, y_test=Y, step=0.01, steps=2,
                     activation="tanh", parametrisation="tangent", loss="square", resamples=3, seed=1, model=None),
    # simulations
    "simulate": call(
        lambda **options: mf.simulate(**options).values, objective=OBJECTIVE, flow=FLOW, mu=MU, times=[0.0, 0.5, 1.0],
        observables=[mf.Risk()], key=KEY, chunk=4, time_limit=600.0,
    ),
    "simulate, one time": call(
        lambda times: mf.simulate(OBJECTIVE, FLOW, MU, times=times, observables=[mf.observables.Energy()]).values,
        times=3.0
    ),
    "simulate, a function": call(
        lambda observables: mf.simulate(OBJECTIVE, FLOW, MU, times=[0.0, 1.0], observables=observables).values,
        observables={"mine": lambda objective, mu: objective.risk(mu)},
    ),
    "simulate_replicas": call(
        lambda **options: [run.values for run in mf.simulate_replicas(**options)], objectives=[OBJECTIVE, OBJECTIVE],
        flows=FLOW, mus=MU, times=[0.0, 1.0], observables=[mf.Risk()], keys=[KEY, KEY], chunk=4, time_limit=600.0,
        memory=10**6,
    ),
    "Checkpoint": call(mf.Checkpoint, directory="runs", minutes=5.0),
    # observables
    "Predictions": call(mf.Predictions, x=X1),
    "TestRisk": call(mf.TestRisk, x=X1, y=Y[:3]),
    "TestError": call(mf.observables.TestError, x=X1, y=LABELS[:3]),
    "KernelAlignment": call(mf.observables.KernelAlignment, centred=True),
    "Margin": call(mf.observables.Margin, norm="variation"),
    "Sharpness": call(mf.observables.Sharpness, iterations=4),
    "Function": call(Function, function=lambda objective, mu: objective.risk(mu)),
    # what is measured on networks
    "tangent_kernel": call(mf.tangent_kernel, unit=UNIT, mu=MU, x1=X, x2=X1, layers="both"),
    "stiffness": call(mf.observables.stiffness, objective=OBJECTIVE, mu=MU, x=X1, y=Y[:3], penalty=False),
    "cushions": call(mf.observables.cushions, True, objective=OBJECTIVE, mu=MU, x=X1),
    "loss_sensitivity": call(mf.observables.loss_sensitivity, objective=OBJECTIVE, mu=MU),
    "critical_samples": call(mf.observables.critical_samples, objective=OBJECTIVE, mu=MU, x=X1, radius=0.2, steps=2),
    "optimality_gap": call(
        mf.optimality_gap,
        objective=CERTIFIABLE,
        mu=MU,
        method="lifted",
        tolerance=1.0,
        seconds=9.0,
        cones=1000,
        progress=True,
    ),
    "certified_minimum": call(
        mf.certified_minimum, objective=CERTIFIABLE, tolerance=0.1, seconds=9.0, progress=False
    ),
    "plan": call(mf.plan, objective=OBJECTIVE, m=M, n=N, memory=10**6),
    "linear_spline": call(mf.observables.linear_spline, unit=KINKED, mu=mf.Particles(POSITION[:, :3]), scale=2.0),
    "LinearSpline.__call__": call(SPLINE, x=X1),
    "LinearSpline.within": call(SPLINE.within, low=-0.5, high=0.5),
    "LinearSpline.merged": call(SPLINE.merged, distance=0.5),
    "LinearSpline.pieces": call(SPLINE.pieces, distance=0.5, share=0.1),
    # kernels
    "Dense": call(mf.integrals.Dense, precision="highest"),
    "Blocked": call(mf.integrals.Blocked, particles=4, samples=2, keep_signs=False, precision="highest"),
    "Pallas": call(mf.integrals.Pallas, held=16, streamed=16, precision="highest", interpret=True),
    "Interpolated": call(mf.integrals.Interpolated, nodes=8, inner=mf.integrals.Dense()),
    # deep networks
    "DeepNetwork": call(
        mf.units.DeepNetwork, first=DEEP.first, hidden=DEEP.hidden, biases=DEEP.biases, output=DEEP.output,
        activation="relu",
        weight_scale=1.5, bias_scale=0.5,
    ),
    "DeepNetwork.gaussian": call(
        mf.units.DeepNetwork.gaussian, key=KEY, width=3, depth=2, d=D, activation="tanh", weight_scale=1.5,
        bias_scale=0.5,
        dtype="float32",
    ),
    "DeepNetwork.layers": call(DEEP.layers, x=X),
    "DeepNetwork.predict": call(DEEP.predict, x=X),
    "DeepNetwork.conjugate_kernels": call(DEEP.conjugate_kernels, x1=X, x2=X1),
    "DeepNetwork.tangent_kernel": call(DEEP.tangent_kernel, x1=X, x2=X1),
    # data sets
    "datasets.on_sphere": call(mf.datasets.on_sphere, key=KEY, n=5, d=D, dtype="float32"),
    "datasets.quadrature": call(mf.datasets.quadrature, law="cube", d=2, nodes=3),
    "datasets.teacher": call(mf.datasets.teacher, key=KEY, n=5, d=D, n_test=4, neurons=2, unit=mf.Neuron("relu"),
                             noise=0.1, signs="random", amplitude=2.0, dtype="float32"),
    "datasets.random_labels": call(mf.datasets.random_labels, key=KEY, n=5, d=D, n_test=4, dtype="float32"),
    "datasets.clusters": call(mf.datasets.clusters, key=KEY, n=5, d=3, n_test=4, k=2, gap=0.5, dtype="float32"),
    "datasets.spikes": call(mf.datasets.spikes, seed=1, order=2, spikes=2, dimension=1, separation=0.1, noise=0.1,
                            positive=True, dtype="float32"),
    "datasets.spikes_at": call(mf.datasets.spikes_at, places=[[0.25], [0.5]], weights=[1.0, -2.0], order=2,
                               dtype="float32"),
    "datasets.discs": call(mf.datasets.discs, key=KEY, n=5, d=3, n_test=4, k=2, dtype="float32"),
    "datasets.digits": call(mf.datasets.digits, task="parity", n=5, n_test=4, split=1, dtype="float32"),
    "datasets.breast_cancer": call(mf.datasets.breast_cancer, n=5, n_test=4, split=1, dtype="float32"),
    "datasets.mnist1d": call(mf.datasets.mnist1d, n=5, n_test=4, split=1, dtype="float32"),
    # plots
    "plot.risk": call(lambda **options: mf.plot.risk(**options).get_xlabel(), run=RUN, ax=axes(), label="mine"),
    "plot.trajectory": call(lambda **options: trajectory((), **options).get_xlabel(), run=RUN, ax=axes(), label="mine"),
    "plot.trajectory, a name": call(lambda name: trajectory((name,), run=RUN, ax=axes()).get_xlabel(), name="risk"),
    "plot.particles": call(lambda **options: mf.plot.particles(**options).get_xlabel(), of=MU, unit=UNIT,
                           coordinates=(0, 1), ax=axes()),
    "plot.predictor": call(lambda **options: mf.plot.predictor(**options).get_xlabel(), of=OBJECTIVE, mu=MU, ax=axes()),
}  # fmt: skip

ENGINE = {
    "Flow": "prepare init step clock aim advice evaluated",
    "AbstractChecked": "prepare",
    "AbstractStepper": "step",
    "AbstractStepperWithMemory": "init",
    "AbstractGradient": "estimate rows",
    "AbstractGradientWithMemory": "init",
    "AbstractNoise": "increment",
    "AbstractReaction": "react",
    "AbstractLoss": "targets risk residual curvature",
    "AbstractObjective": "bind linearise slopes samples subset fresh residuals_suffice differentiable fits on "
    "with_kernel",
    "ReluPopulation": "linearised",  # which refuses: it has no samples, that a tangent model is one of
    "Bound": "predict risk value velocity first_variation linearised trained",
    "AbstractObservable": "init __call__",
    "AbstractSnapshot": "init __call__",
    "AbstractUnit": "size __call__ split preactivation factors matrix",
    "AbstractKernel": "at predict forward backward label",
    "WeightDecay": "__call__",
    "TotalMass": "__call__",
    "L1": "__call__ proximal",
    "ParameterDecay": "__call__",
}
"""What the engine calls in a compiled loop, where every argument is an array that is being traced: there is nothing to
look at, and what is not a number has to stay one, since that is how a simulation notices that it diverged."""

RESULTS = [
    "State",
    "Trajectory",
    "Plan",
    "OptimalityGap",
    "CertifiedMinimum",
    "Bound",
    "TrainedObjective",
    "Cushions",
    "LinearSpline",
]
RESULTS += ["datasets.Dataset", "activations.Activation", "steppers.Field", "steppers.Move", "gradients.Estimate"]
RESULTS += [
    "Start",
    "Initialisation",
    "Law",
    "Layers",
    "Network",
    "gradients.Slopes.put",
    "Estimated",
    "Outcome",
    "gradients.Slope",
    "gradients.Slopes",
    "reactions.Reacted",
]
"""What the engine makes and nobody else; State is that of a flow's own making, within the loop."""

NO_ARGUMENTS = [
    "Square",
    "Logistic",
    "Exponential",
    "Contrast",
    "Spike",
    "Sorted",
    "Compiled",
    "Risk",
    "Energy",
    "Displacement",
]
NO_ARGUMENTS += [
    "Displacement",
    "RiskError",
    "gradients.Full",
    "gradients.SAG",
    "Positions",
    "KernelDrift",
    "ChangedSigns",
    "Trajectory.to_xarray",
]
"""What is made without arguments; Sorted's one is what it made itself."""

FILES = ["Trajectory.save", "Trajectory.load"]
"""What writes and reads files: which paths are taken is tested where files are."""

TRACED = [
    "gradients.of_problem",
    "error",
    "activations.squared_relu",
    "activations.leaky_relu",
    "activations.gelu",
    "activations.linear",
    "activations.recognised",
    "gradients.Slopes.__call__",
    "gradients.Slopes.part",
]
"""Functions of traced arrays, as those of the engine."""

ABSTRACT = [
    "AbstractKernel",
    "AbstractSampleMean",
    "AbstractLoss",
    "AbstractObjective",
    "AbstractObservable",
    "AbstractSnapshot",
    "AbstractUnit",
]
ABSTRACT += ["steppers.AbstractStepper", "gradients.AbstractGradient", "noises.AbstractNoise"]
ABSTRACT += ["reactions.AbstractReaction", "AbstractChecked", "steppers.AbstractStepperWithMemory"]
ABSTRACT += ["gradients.AbstractGradientWithMemory"]


PREFIXED = ["activations", "datasets", "gradients", "noises", "plot", "reactions", "spikes", "steppers"]
"""Modules whose names are called with that of the module."""


def callables() -> dict[str, Any]:
    """Return all public callables by name: of the package, of its modules, and of its classes' methods.

    A module stands before the name where the name alone does not tell what it is.
    """
    found = {}
    for path, value in public_names().items():
        module, _, name = path.rpartition(".")
        module = module.rpartition(".")[2]
        if module in PREFIXED:
            name = f"{module}.{name}"
        if callable(value):
            found[name] = value
        if inspect.isclass(value) and name not in ABSTRACT:
            found |= {f"{name}.{method}": getattr(value, method) for method in _methods(value)}
    return found


def _methods(kind: type) -> Iterator[str]:
    engine = {m for base in kind.__mro__ for m in ENGINE.get(base.__name__, "").split()}
    for base in kind.__mro__:
        if base.__module__.startswith("meanfield."):
            for name, value in vars(base).items():
                public = not name.startswith("_") or (name == "__call__")
                function = inspect.isfunction(value) or isinstance(value, staticmethod | classmethod)
                if public and function and name not in engine:
                    yield name


def covered(name: str) -> bool:
    return any(key.split(",")[0] == name for key in CALLS) or name in [
        *RESULTS,
        *NO_ARGUMENTS,
        *TRACED,
        *FILES,
        *ABSTRACT,
    ]


def test_the_table_is_complete():
    found = set(callables())
    assert len(found) > 100
    missing = [name for name in found if not covered(name)]
    if not UNCHECKED:  # the type checker gives classes a method of its own
        missing = [name for name in missing if "__call__" not in name]
    assert sorted(missing) == []
    known = {key.split(",")[0] for key in CALLS} | {*RESULTS, *NO_ARGUMENTS, *TRACED, *FILES, *ABSTRACT}
    assert sorted(known - found) == []


def test_every_argument_is_in_the_table():
    """Each parameter of a callable is replaced in some row, but for open-ended options and what tests can't replace."""
    untouched = {"simulate": {"progress", "checkpoint"}, "simulate_replicas": {"progress", "mesh"}}
    untouched |= {"Interpolated": {"interval", "matrices"}, "plot.trajectory": {"names"}}
    found = callables()
    for name, of in CALLS.items():
        plain = name.split(",")[0]
        parameters = inspect.signature(found[plain]).parameters.values()
        wanted = {p.name for p in parameters if p.kind is not p.VAR_KEYWORD} - {"self"} - untouched.get(plain, set())
        rows = [row.arguments for key, row in CALLS.items() if key.split(",")[0] == plain]
        assert wanted <= {argument for row in rows for argument in row}, name
        assert of.arguments


def _judged(name: str, whole: bool) -> int:
    """Judge every replacement of every argument of a row; return how many."""
    of, count, problems = CALLS[name], 0, []
    known: dict[Any, Any] = {}

    @functools.wraps(of.function)
    def once(**arguments):
        """Plain results are asked for again and again."""
        key = tuple((k, id(v)) for k, v in arguments.items())
        if key not in known:
            known[key] = (of.function(**arguments), arguments)
        return known[key][0]

    for argument, value in of.arguments.items():
        for replaced in turns(value, f"{name}: {argument}", whole):
            count += 1
            try:
                judge(once, of.arguments, argument, replaced, infinite=of.infinite)
            except (AssertionError, pytest.fail.Exception) as problem:
                problems.append(f"{name}: {' '.join(str(problem).split())[:300]}")
    assert not problems, "\n".join(problems)
    return count


if not UNCHECKED:

    @pytest.mark.full
    def test_every_argument_without_the_type_checker(pytestconfig):
        """All rows, in a process of their own as users run it, none left out; with --validate all replacements."""
        here = pathlib.Path(__file__)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-k", "every_row"]
        more = ["--validate"] if pytestconfig.getoption("--validate") else []
        done = subprocess.run(
            [*command, *more, str(here)],
            cwd=here.parents[2],
            env={**os.environ, "JAXTYPING_DISABLE": "1"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout[-20000:] + done.stderr[-2000:]
        assert re.search(rf"^{len(CALLS)} passed", done.stdout.splitlines()[-1]), done.stdout[-2000:]

else:

    @pytest.mark.parametrize("name", CALLS)
    def test_every_row(name, pytestconfig):
        whole = pytestconfig.getoption("--validate")
        assert _judged(name, whole) >= (10 if whole else 2)

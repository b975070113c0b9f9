"""What is no object of the right kind is refused in one sentence, with what was probably meant."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from meanfield.arguments import meant
from meanfield.flows import Flow, GradientFlow
from meanfield.flows.steppers import AbstractStepper, Euler
from meanfield.integrals.abstract import AbstractKernel
from meanfield.objectives import AbstractObjective, Objective
from meanfield.objectives.losses import AbstractLoss, Square
from meanfield.objectives.penalties import WeightDecay
from meanfield.observables import AbstractObservable, Risk
from meanfield.particles import Particles
from meanfield.simulation.simulate import simulate
from meanfield.units import AbstractUnit, Neuron

pytestmark = pytest.mark.fast

UNIT = Neuron("relu")
MU = Particles(np.ones((4, 3)))
OBJECTIVE = Objective(UNIT, Square(), np.eye(2), np.ones(2))
RUN = simulate(OBJECTIVE, GradientFlow(0.1), MU, times=[0, 1.0])

CASES = {
    "activation for a unit": (lambda: meant.instance("unit", "relu", AbstractUnit), r"Neuron\('relu'\)\?"),
    "function for a unit": (lambda: meant.instance("unit", jnp.tanh, AbstractUnit), r"Neuron\(…\) of it\?"),
    "name of a loss": (lambda: meant.instance("loss", "square", AbstractLoss), r"Square\(\)\?"),
    "other name of a loss": (lambda: meant.instance("loss", "mse", AbstractLoss), r"Square\(\)\?"),
    "class of a loss": (lambda: meant.instance("loss", Square, AbstractLoss), r"loss=Square.*Square\(\)\?"),
    "name of a kernel": (lambda: meant.instance("kernel", "dense", AbstractKernel), r"Dense\(\)\?"),
    "class of a flow": (lambda: meant.instance("flow", GradientFlow, Flow), r"GradientFlow\(…\)\?"),
    "name of a flow": (lambda: meant.instance("flow", "gradient flow", Flow), r"GradientFlow\(…\)\?"),
    "stepper for a flow": (lambda: meant.instance("flow", Euler(0.1), Flow), r"Flow\(Euler\(…\)\)\?"),
    "number for a stepper": (lambda: meant.instance("stepper", 0.1, AbstractStepper), r"steppers\.Euler\(0.1\)\?"),
    "number for a flow": (lambda: meant.instance("flow", 0.1, Flow), r"GradientFlow\(0.1\)\?"),
    "optimiser for a flow": (lambda: meant.instance("flow", optax.sgd(0.1), Flow), r"OptimiserFlow\(…\)"),
    "array for particles": (lambda: meant.instance("mu", np.ones((4, 3)), Particles), r"Particles\(…\) of it\?"),
    "run for particles": (lambda: meant.instance("mu", RUN, Particles), r"the run's \.particles\?"),
    "run for an objective": (lambda: meant.instance("objective", RUN, AbstractObjective), r"the run's \.objective\?"),
    "another order": (
        lambda: meant.instances(objective=(MU, AbstractObjective), mu=(OBJECTIVE, Particles)),
        r"the order objective, mu\?",
    ),
    "an observable": (lambda: meant.observed(Risk(), AbstractObservable), r"observables=.*\[Risk\(\)\]\?"),
    "its class": (lambda: meant.observed(Risk, AbstractObservable), r"observables=.*\[Risk\(\)\]\?"),
    "a list of its class": (lambda: meant.observed([Risk], AbstractObservable), r"observables holds.*Risk\(\)\?"),
    "its name": (lambda: meant.observed("risk", AbstractObservable), r"\[Risk\(\)\]\?"),
    "class of a penalty": (lambda: meant.potential(WeightDecay, 3, jnp.float32), r"penalty=.*WeightDecay\(…\)\?"),
    "seed": (lambda: meant.random_key("key", 0), r"jax\.random\.key\(0\)\?"),
    "several keys": (lambda: meant.random_key("key", jax.random.split(jax.random.key(0))), "key holds 2 keys"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_was_meant(name):
    call, pattern = CASES[name]
    with pytest.raises(ValueError, match=pattern) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith((".", "?"))


def test_raw_keys_and_typed_keys_are_taken():
    for key in (jax.random.key(0), jax.random.PRNGKey(0), np.asarray(jax.random.PRNGKey(0))):
        assert meant.random_key("key", key) is key

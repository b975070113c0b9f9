"""Every kind of optimiser of optax: those that look at the value are given it, what asks for more is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import meanfield as mf

pytestmark = pytest.mark.turns(4)

X = np.random.default_rng(0).standard_normal((6, 2))
UNIT = mf.Neuron("tanh")
OBJECTIVE = mf.Objective(UNIT, mf.Square(), X, np.sign(X[:, 0]), penalty=mf.WeightDecay(1e-3))
MU = mf.Particles(np.random.default_rng(1).normal(size=(8, 3)))
OPTIMISERS = {
    "polyak_sgd": optax.polyak_sgd,
    "lbfgs": optax.lbfgs,
    "backtracking": lambda: optax.chain(optax.sgd(1.0), optax.scale_by_backtracking_linesearch(10)),
    "reduce_on_plateau": lambda: optax.chain(optax.sgd(0.1), optax.contrib.reduce_on_plateau()),
    "MultiSteps": lambda: optax.MultiSteps(optax.sgd(0.1), 2),
    "inject_hyperparams": lambda: optax.inject_hyperparams(optax.adam)(learning_rate=0.1),
    "schedule_free": lambda: optax.contrib.schedule_free_sgd(0.1),
    "prodigy": optax.contrib.prodigy,
    "adamw": lambda: optax.adamw(0.1),
    "lion": lambda: optax.lion(0.01),
    "apply_if_finite": lambda: optax.apply_if_finite(optax.sgd(0.1), 3),
}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_they_descend(name):
    run = mf.simulate(OBJECTIVE, mf.OptimiserFlow(OPTIMISERS[name]()), MU, times=[0.0, 40.0])
    assert run.done
    assert run.values["risk"][-1] < run.values["risk"][0]


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_polyaks_step_is_that_of_the_metric_of_the_particles(scale, x64):
    """θ_j ← θ_j + h v_j with h = F/((1/m) Σ_j |v_j|²), by hand: value and gradient are those of one function."""
    objective = mf.Objective(UNIT, mf.Square(), X, np.sign(X[:, 0]), scale=scale)
    mu = mf.Particles(np.asarray(MU.position, np.float64))
    run = mf.simulate(objective, mf.OptimiserFlow(optax.polyak_sgd(max_learning_rate=1e3)), mu, times=[1.0])
    v = np.asarray(objective.velocity(mu))
    h = float(objective.value(mu)) / (np.sum(v**2) / mu.m)
    assert np.abs(run.particles.position - (mu.position + h * v)).max() < 1e-12


def test_a_line_search_sees_the_slope_of_its_function(x64):
    """Along the gradient that it is given the function falls as that gradient says."""
    seen = {}

    def update(updates, state, params, *, value, grad, value_fn, **rest):
        seen["gap"] = value_fn(params) - value
        seen["slope"] = jax.grad(value_fn)(params) - grad
        return jax.tree.map(lambda u: -0.1 * u, updates), (seen["gap"], seen["slope"])

    optimiser = optax.GradientTransformationExtraArgs(lambda params: (jnp.zeros(()), jnp.zeros_like(params)), update)
    mu, flow = mf.Particles(np.asarray(MU.position, np.float64)), mf.OptimiserFlow(optimiser)
    gap, slope = flow.step(OBJECTIVE, flow.init(OBJECTIVE, mu)).memory.stepper
    assert abs(gap) < 1e-13
    assert np.abs(slope).max() < 1e-6  # the objective's data are in single precision


def test_masses_that_differ_have_no_such_function():
    mu = mf.Particles(MU.position, np.linspace(0.05, 0.2, 8))
    for make in (optax.polyak_sgd, optax.lbfgs):
        with pytest.raises(ValueError, match="expected equal masses for an optimiser that looks at the value"):
            mf.simulate(OBJECTIVE, mf.OptimiserFlow(make()), mu, times=[2.0])
    for make in (
        lambda: optax.adam(0.1),
        lambda: optax.chain(optax.sgd(0.1), optax.with_extra_args_support(optax.identity())),
    ):
        assert mf.simulate(OBJECTIVE, mf.OptimiserFlow(make()), mu, times=[2.0]).done


def test_what_asks_for_more_is_refused_before_the_first_step():
    def update(updates, state, params=None, *, hessian, **rest):
        return updates, state

    greedy = optax.GradientTransformationExtraArgs(lambda params: (), update)
    with pytest.raises(ValueError, match=r"optimiser: its update fails with TypeError.*hessian") as refusal:
        mf.simulate(OBJECTIVE, mf.OptimiserFlow(greedy), MU, times=[2.0])
    assert "\n" not in str(refusal.value)

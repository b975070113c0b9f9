"""The parts of the global-convergence study, each against another computation."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf
import simulations
from simulations.optimisation import _success as success
from simulations.optimisation._descent import descent
from simulations.optimisation._population import PopulationObjective
from simulations.optimisation._students import Parameters, instances, own_gap, starts, train
from theory import convex
from theory.arc_cosine import conjugate_kernel

SMALL = Parameters(particles=5, replicas=3, updates=60, step=0.1)


@pytest.fixture
def teacher():
    random = np.random.default_rng(1)
    return np.column_stack([[1.0, -1.0, 2.0], random.normal(size=(3, 4))])


@pytest.fixture
def mu(x64):
    random = np.random.default_rng(2)
    return mf.Particles(random.normal(size=(5, 5)), np.array([0.2, 0.5, 0.0, 0.2, 0.1]))


def test_population_risk_is_the_kernels_and_the_mean_over_inputs(teacher, mu, x64):
    objective = PopulationObjective(teacher)
    c = np.concatenate([np.asarray(mu.mass * mu.position[:, 0]), -teacher[:, 0]])
    v = np.vstack([np.asarray(mu.position[:, 1:]), teacher[:, 1:]])
    exact = c @ conjugate_kernel(v) @ c / 2
    assert float(objective.value(mu)) == pytest.approx(exact, rel=1e-12)
    x = np.random.default_rng(3).normal(size=(200_000, 4))
    samples = (np.maximum(x @ v.T, 0) @ c) ** 2 / 2
    assert abs(samples.mean() - exact) < 5 * samples.std() / np.sqrt(len(x))
    np.testing.assert_allclose(
        objective.predict(mu), np.maximum(teacher[:, 1:] @ v[:5].T, 0) @ c[:5], rtol=1e-12, atol=1e-14
    )


def test_population_velocity_is_minus_the_gradient_over_the_masses(teacher, mu, x64):
    objective = PopulationObjective(teacher)
    # By differences, as the arccosine of a neuron with itself has no derivative of its own.
    risk, step = jax.jit(jax.vmap(lambda position: objective.risk(mu.moved(position)))), 1e-6
    moves = step * np.eye(25).reshape(25, 5, 5)
    slope = (risk(mu.position + moves) - risk(mu.position - moves)).reshape(5, 5) / (2 * step)
    velocity = np.asarray(objective.velocity(mu))
    np.testing.assert_allclose(-np.asarray(mu.mass)[:, None] * velocity, slope, atol=1e-8)
    # At the teacher itself nothing moves: three particles of mass 1/3.
    same = np.column_stack([3 * teacher[:, 0], teacher[:, 1:]])
    assert np.abs(objective.velocity(mf.Particles(same))).max() < 1e-7


def test_descent_without_momentum_is_gradient_descent(x64):
    run = Parameters(particles=32, replicas=1, momentum=0.0, step=0.05, updates=40, atoms=0)
    one, position = instances(run)[0], jnp.asarray(starts(run)[0])
    objective = mf.Objective(
        mf.Neuron("relu"), mf.Square(), jnp.asarray(one.x), jnp.asarray(one.y), penalty=mf.WeightDecay(0.01)
    )
    mine = mf.simulate(objective, descent(run, 3), mf.Particles(position), times=[20.0])
    plain = mf.simulate(objective, mf.GradientFlow(0.05), mf.Particles(position), times=[1.0])
    np.testing.assert_allclose(mine.particles.position, plain.particles.position, rtol=1e-12, atol=1e-14)


def test_layers_and_massless_particles(x64):
    for layers, m in (("output", 5), ("positive", 5), ("both", 5)):
        run = Parameters(particles=m, replicas=1, updates=200, step=0.1, layers=layers, atoms=0)
        one, first = instances(run)[0], starts(run)[0]
        objective = mf.Objective(mf.Neuron("relu"), mf.Square(), jnp.asarray(one.x), jnp.asarray(one.y))
        mass = jnp.where(jnp.arange(run.room) < m, 1 / m, 0.0)
        last = mf.simulate(objective, descent(run, 3), mf.Particles(jnp.asarray(first), mass), times=[200.0]).particles
        moved = np.asarray(last.position) - first
        assert np.all(moved[m:] == 0)
        assert np.any(moved[:m, 0] != 0)
        assert np.all(moved[:, 1:] == 0) == (layers == "output")
        assert np.all(np.asarray(last.position)[:m, 0] >= 0) or layers != "positive"


def test_padding_does_not_change_a_run():
    with jax.enable_x64(True):
        run = SMALL
        one, first = instances(run)[0], starts(run)[0]
        values, status = train(run)
        objective = mf.Objective(
            mf.Neuron("relu"), mf.Square(), jnp.asarray(one.x), jnp.asarray(one.y), penalty=mf.WeightDecay(0.01)
        )
        # As many places as particles.
        flow = eqx.tree_at(lambda flow: flow.stepper.optimiser.update.rates, descent(run, 3), jnp.ones((5, 3)))
        last = mf.simulate(objective, flow, mf.Particles(jnp.asarray(first[:5])), times=[60.0]).particles
    assert status == "done"
    np.testing.assert_allclose(values["positions"][-1], last.position, rtol=1e-9, atol=1e-11)
    assert values["energy"][0, -1] == pytest.approx(float(values["final"][0]), rel=1e-10)


def test_instances_are_screened_shared_between_widths_and_fresh_for_every_seed():
    some = instances(SMALL)
    for one in some:
        c = one.minimum.measure[:, 0]
        assert len(c) >= 3
        assert c.min() < 0 < c.max()
    other = instances(Parameters(particles=7, replicas=2))
    assert all(one is two for one, two in zip(other, some, strict=False))
    fresh = instances(Parameters(replicas=2, seed=1))
    assert not np.isin(fresh[0].x, [one.x for one in some]).any()
    assert not np.isin(starts(Parameters(seed=-1))[..., 1:], starts(Parameters(seed=1))[..., 1:]).any()


def test_own_gap_is_exact_for_one_neuron_at_the_optimum():
    """One sample: the optimum's neuron points along it, and its own slope is the largest there is."""
    minimum = convex.planar_minimum([[3.0, 4.0]], [2.0], 0.1)
    theta = convex.network(minimum.measure)
    assert abs(own_gap(theta, np.array([[3.0, 4.0]]), np.array([2.0]), 0.1)) < 1e-15


@pytest.mark.parametrize(
    ("wins", "others", "passed"), [((20, 20), (4, 20), True), ((12, 20), (10, 20), False), ((4, 20), (20, 20), False)]
)
def test_more_often_is_fishers_test(wins, others, passed):
    from scipy.stats import fisher_exact

    records = simulations.Records(
        simulations.Record({"m": m, "seed": 0}, {"won": np.arange(count) < number})
        for m, (number, count) in ((2, wins), (1, others))
    )
    settings = {"value": lambda record: record["won"], "predicted": 0.0, "what": "won"}
    verdict = success.more_often(records, select=lambda r: r.where(m=2), fewer=lambda r: r.where(m=1), **settings)
    table = [[wins[0], wins[1] - wins[0]], [others[0], others[1] - others[0]]]
    assert verdict.passed is passed
    assert f"p = {fisher_exact(table, alternative='greater').pvalue:.1e}" in verdict.statistic
    nothing = success.more_often(records, select=lambda r: r.where(m=3), fewer=lambda r: r, **settings)
    assert nothing.passed is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"problem": "tanh"}, "problem='tanh': expected one of relu, population, sigmoid"),
        ({"layers": "input"}, "layers='input': expected one of both, output, positive"),
        ({"layers": "positive", "problem": "sigmoid"}, "layers='positive': expected problem='relu', got 'sigmoid'"),
        ({"momentum": 1.0}, "momentum=1: expected a share below 1"),
        ({"particles": 0}, "particles=0: expected a whole number of at least 1"),
        ({"strength": -1.0}, "strength=-1.0: expected a finite number above 0"),
        ({"samples": 100, "dimension": 5}, "samples=100, dimension=5: expected so few"),
    ],
)
def test_bad_parameters_are_named(values, message):
    with pytest.raises(ValueError, match=message):
        Parameters(**values)


def test_screening_gives_up_with_advice(monkeypatch):
    monkeypatch.setattr("simulations.optimisation._instances.ATTEMPTS", 3)
    values, status = train(Parameters(neurons=1, replicas=1))
    assert values == {}
    assert "atoms=3: none of 3 instances" in status
    assert "expected fewer (0 takes any instance)" in status


def test_claims_without_the_runs_they_need_are_not_tested():
    records = simulations.run("global_convergence", particles=5, replicas=3, updates=60, seed=0)
    for claim in simulations.find("global_convergence").claims:
        assert claim.check(records).passed is None or claim.control(records).passed is None, claim.name
        assert claim.check(simulations.Records([])).passed is None

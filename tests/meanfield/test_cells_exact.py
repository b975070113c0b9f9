"""Identity elements of flows, what no norm sees, means over all draws, orders, and steps to a tolerance."""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.integrate

import meanfield as mf
from meanfield.units import AbstractUnit
from tests.meanfield import cells
from tests.meanfield import reference_step as reference
from tests.meanfield.cells import Cell, H, N

pytestmark = pytest.mark.usefixtures("x64")


@eqx.filter_jit
def three_steps(flow, bound, state):
    return jax.lax.fori_loop(0, 3, lambda _, s: flow.step(bound, s), state)


def end(flow, problem, mu):
    """The state after three steps in one program, as `simulate` takes them."""
    bound = flow.prepare(problem, mu)
    return three_steps(flow, bound, flow.init(bound, mu, key=jax.random.key(1)))


IDENTITIES = {
    "temperature": {"noise": lambda: mf.noises.Brownian(0.0)},
    "growth": {"reaction": lambda: mf.reactions.Growth(0.0)},
    "births": {"reaction": lambda: mf.reactions.BirthDeath(0.0)},
    "momentum": {"stepper": lambda: mf.steppers.HeavyBall(H)},
    "transport": {"stepper": lambda: mf.steppers.Euler(H, 1.0)},
    "all samples": {"gradient": lambda: mf.gradients.Minibatch(N, replacement=False)},
}
IDENTITIES["all at once"] = {name: make for parts in tuple(IDENTITIES.values()) for name, make in parts.items()}


def same(name, problem, mu, plain, **other):
    parts = {key: make() for key, make in IDENTITIES[name].items()} | other
    state = end(mf.Flow(**{"stepper": mf.steppers.Euler(H)} | parts), problem, mu)
    return all(
        np.asarray(a).tobytes() == np.asarray(b).tobytes()
        for a, b in [(state.particles.position, plain.particles.position), (state.particles.mass, plain.particles.mass)]
    )


def test_identity_elements_are_euler():
    """To the bit, in the program that `simulate` runs; any other step is noticed."""
    problem, mu, _ = cells.problem(Cell(outputs=3, loss="logistic"))
    plain = end(mf.GradientFlow(H), problem, mu)
    assert [name for name in IDENTITIES if not same(name, problem, mu, plain)] == []
    other = mf.steppers.HeavyBall(H, 1e-9)
    assert not same("momentum", problem, mu, plain, stepper=other)


@pytest.mark.full
def test_nobody_dies_at_rate_zero_whatever_is_drawn(monkeypatch):
    """Also where all uniform numbers are 0, the smallest that there is: rounding leaves no odds of death."""
    rng, rest = np.random.default_rng(0), mf.reactions.BirthDeath(0.0)
    monkeypatch.setattr(jax.random, "uniform", lambda key, shape, dtype: jnp.zeros(shape, dtype))

    def parents(reaction, m, dtype):
        mu = mf.Particles(rng.normal(size=(m, 2)).astype(dtype), rng.uniform(0.1, 0.3, size=m))
        potential, h = jnp.asarray(rng.normal(size=m), dtype), jnp.asarray(H, dtype)
        return np.asarray(reaction.react(mu, mu, potential, h, jax.random.key(0), jnp.asarray(0)).parents)

    for m, dtype in [(m, dtype) for m in (3, 33) for dtype in ("float32", "float64")]:
        assert np.array_equal(parents(rest, m, dtype), np.arange(m))
        assert not np.array_equal(parents(mf.reactions.BirthDeath(1.0), m, dtype), np.arange(m))


class Deaf(AbstractUnit):
    """A neuron that does not listen to its last parameter."""

    outputs: int = 1

    def size(self, d):
        return d + 2

    def __call__(self, theta, x):
        return theta[0] * jnp.tanh(jnp.dot(theta[1:-1], x))


STEPPERS = {
    "clipped": lambda: mf.steppers.Optax(optax.chain(optax.clip_by_global_norm(0.1), optax.sgd(0.1))),
    "adamw": lambda: mf.steppers.Optax(optax.adamw(0.1, weight_decay=0.1)),
    "lamb": lambda: mf.steppers.Optax(optax.lamb(0.1, weight_decay=0.1)),
    "RKC": lambda: mf.steppers.RKC(1e-3, 1e-2),
    "Diffrax": lambda: mf.steppers.Diffrax(diffrax.Heun(), diffrax.PIDController(1e-3, 1e-2), first=0.5),
}


@pytest.mark.parametrize("name", STEPPERS)
@pytest.mark.turns(6)
def test_what_is_not_trained_is_in_no_norm(name):
    """A parameter that the predictor ignores, 1000 times as large, changes no bit of the others unless trained."""
    x, y, theta, *_ = cells.arrays(Cell())
    problem, flow = mf.Objective(Deaf(), mf.Square(), x, y, 2.0, mf.WeightDecay(0.1)), mf.Flow(STEPPERS[name]())
    larger = theta.copy()
    larger[:, -1] *= 1e3
    several = {"part": problem.trained([True, True, True, False]), "whole": problem}

    def seen(problem, theta):
        mu = mf.Particles(theta)
        states = cells.jitless(flow, flow.prepare(problem, mu), mu, None, 3)
        return b"".join(np.asarray(of).tobytes() for s in states for of in (s.particles.position[:, :-1], s.time))

    same = {name: seen(problem, theta) == seen(problem, larger) for name, problem in several.items()}
    # AdamW looks at each parameter alone, so that nothing could be seen of another one.
    assert same == {"part": True, "whole": name == "adamw"}


PAIRS = {
    "distinct": lambda: mf.gradients.Minibatch(2, replacement=False),
    "sized": lambda: mf.gradients.Minibatch(2.0, max_batch=4, replacement=False),
}
SINGLE = {
    "Minibatch": lambda: mf.gradients.Minibatch(1),
    "SAGA": mf.gradients.SAGA,
    "SAG": mf.gradients.SAG,
    "SVRG": lambda: mf.gradients.SVRG(2),
}
WAYS = PAIRS | SINGLE


def every_draw(name, key):
    """The first step in which each sample is drawn, or each ordered pair of samples."""
    steps, count, table = {}, 2 if name in PAIRS else 1, {"SAG": "SAGA"}.get(name, name)
    for k in range(400):
        if table in ("SAGA", "SVRG"):
            draw = (reference.sample(key, k, N, table),)
        else:
            draw = tuple(np.asarray(WAYS[name]().rows(key, k, N))[:count].tolist())
        steps.setdefault(draw, k)
        if len(steps) == (N * (N - 1) if count == 2 else N):
            return list(steps.values())
    raise AssertionError(f"only {len(steps)} draws in 400 steps")


@pytest.mark.parametrize(
    ("name", "problem"),
    [*((name, problem) for name in SINGLE for problem in cells.PROBLEMS), *((name, "network") for name in PAIRS)],
)
@pytest.mark.turns(4)
def test_means_over_all_draws_are_the_slopes(name, problem):
    """Of velocities and F', to rounding, with tables and snapshots of other particles. SAG is biased, as it says."""
    cell = Cell(problem=problem, variant=problem == "linearised", trained="mask")
    whole, mu, formulas = cells.problem(cell)
    whole, nu, key, way = whole.bind(mu), mu.moved(mu.position + 0.5), jax.random.key(1), WAYS[name]()
    reaction = None if problem == "linearised" else mf.reactions.Growth()
    slopes = mf.gradients.Slopes(tuple(map(int, cells.columns(cell))), reaction)

    def flat(slope):
        return np.concatenate([np.asarray(part).ravel() for part in slope if part is not None])

    memory = way.init(whole, slopes, mu) if hasattr(way, "init") else None
    truth = flat(slopes(whole, nu))
    estimates = [way.estimate(whole, slopes, nu, memory, key, jnp.asarray(k)) for k in every_draw(name, key)]
    several = np.array([flat(estimate.here()) for estimate in estimates])
    assert np.abs(truth - formulas.slopes(np.asarray(nu.position), np.asarray(nu.mass))[: len(truth)]).max() <= 1e-12
    assert (np.abs(several.mean(axis=0) - truth).max() <= 1e-12) == (name != "SAG")
    assert np.abs(several - truth).max() > 1e-3


@pytest.mark.parametrize(("stepper", "order"), [("Euler", 1), ("Heun", 2), ("RK4", 4)])
def test_orders(stepper, order):
    """Half the step leaves 2^−order of the error, up to the next power of h."""
    problem, mu, known = cells.problem(Cell(outputs=3, loss="logistic"))
    theta, mass = np.asarray(mu.position), np.asarray(mu.mass)

    def velocity(_, flat):
        return known.slopes(flat.reshape(theta.shape), mass)[: theta.size]

    exact = scipy.integrate.solve_ivp(velocity, (0, 2), theta.ravel(), method="DOP853", rtol=1e-13, atol=1e-14)
    errors = []
    for steps in (8, 16):
        flow = mf.Flow(getattr(mf.steppers, stepper)(2 / steps))
        run = mf.simulate(problem, flow, mu, times=[2.0], observables={})
        errors.append(np.abs(np.asarray(run.particles.position).ravel() - exact.y[:, -1]).max())
    assert abs(np.log2(errors[0] / errors[1]) - order) < 0.25


@pytest.mark.parametrize("cell", cells.controlled_cells(), ids=str)
@pytest.mark.turns(4)
def test_controlled_steps_reach_the_solution(cell):
    """The error is that of some attempts, each within the tolerance, of a flow that stretches by e at most."""
    problem, mu, known = cells.problem(cell)
    flow, end = cells.flow(cell), 1.0
    bound = flow.prepare(problem, mu)
    with jax.disable_jit():
        state = flow.aim(flow.init(bound, mu), end)
        while state.time < end:
            state = flow.step(bound, state)
    theta, moves = np.asarray(mu.position), cells.columns(cell)

    def velocity(_, flat):
        position = theta.copy()
        position[:, moves] = flat.reshape(len(theta), -1)
        return known.slopes(position, np.asarray(mu.mass))[: flat.size]

    exact = scipy.integrate.solve_ivp(velocity, (0, end), theta[:, moves].ravel(), rtol=1e-11, atol=1e-12)
    expected = exact.y[:, -1].reshape(len(theta), -1)
    got, stay = np.asarray(state.particles.position), np.setdiff1d(np.arange(theta.shape[1]), moves)
    bound = 3 * cells.TOLERANCE * int(state.step) * max(1, np.abs(expected).max())
    assert float(state.time) == end
    assert np.abs(got[:, moves] - expected).max() <= bound
    assert np.abs(theta[:, moves] - expected).max() > 10 * bound
    assert got[:, stay].tobytes() == theta[:, stay].tobytes()

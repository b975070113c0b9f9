"""Birth–death: the mean of a step is known exactly, for any step and masses; and what makes it a flow."""

import re

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf

pytestmark = [pytest.mark.turns(4), pytest.mark.fast]

# Five standard errors in some 40 comparisons: a false alarm of 2e-5 in all.
Z = 5.0
UNIT = mf.Neuron("tanh")


X, Y = np.random.default_rng(0).normal(size=(4, 2)), 5 * np.random.default_rng(1).normal(size=4)
SCALE, DECAY, H, TAU = 2.0, 0.1, 0.5, 3.0


def network(m=6):
    rng = np.random.default_rng(2)
    objective = mf.Objective(UNIT, mf.Square(), X, Y, scale=SCALE, penalty=mf.WeightDecay(DECAY))
    mass = rng.uniform(0.5, 1.5, size=m)
    return objective, mf.Particles(rng.normal(size=(m, 3)), mass / mass.sum())


def descent(mu, theta):
    """F'[μ] and −∇F'[μ] at the rows of θ, by hand."""
    p, at, theta = np.asarray(mu.mass), np.asarray(mu.position), np.asarray(theta)
    r = (SCALE * p @ (at[:, :1] * np.tanh(at[:, 1:] @ X.T)) - Y) / (SCALE * len(Y))
    bent = np.tanh(theta[:, 1:] @ X.T)
    slopes = theta[:, 0] * (bent @ r) + DECAY / 2 * np.sum(theta**2, axis=1)
    into = theta[:, :1] * ((1 - bent**2) * r) @ X
    return slopes, -np.column_stack([bent @ r, into]) - DECAY * theta


DRAWS = 20_000


@eqx.filter_jit
def stepped(flow, objective, mu, keys):
    state = flow.init(objective, mu, key=keys[0])

    def one(key):
        return flow.step(objective, eqx.tree_at(lambda s: s.key, state, key)).particles.position

    return jax.vmap(one)(keys)


def one_step(flow, objective, mu):
    """Positions [draws, m, p] after a step from μ, each with a key of its own."""
    return np.asarray(stepped(flow, objective, mu, jax.random.split(jax.random.key(2), DRAWS)))


def test_mean_of_a_step_is_exact(x64):
    """E Σ p_j φ(θ_j after) = Σ q_j φ(θ_j + hv_j), q ∝ p exp(−hτF'), for unequal masses and a large step."""
    objective, mu = network()
    after = one_step(mf.BirthDeath(H, rate=TAU), objective, mu)
    p = np.asarray(mu.mass)
    slopes, velocity = descent(mu, mu.position)
    places = np.asarray(mu.position) + H * velocity
    q = p * np.exp(-H * TAU * slopes)
    q /= q.sum()
    assert np.abs(q - p).max() > 0.03
    for phi in (lambda t: t[..., 0], lambda t: np.sin(t[..., 1]), lambda t: t[..., 0] * np.tanh(t[..., 2])):
        values = phi(after) @ p
        error = values.std() / np.sqrt(len(values))
        assert abs(values.mean() - phi(places) @ q) < Z * error
        # Control: without births and deaths.
        assert abs(values.mean() - phi(places) @ p) > 4 * Z * error


def test_every_particle_is_where_one_was(x64):
    objective, mu = network()
    after = one_step(mf.BirthDeath(H, rate=TAU), objective, mu)
    slopes, velocity = descent(mu, mu.position)
    places = np.asarray(mu.position) + H * velocity
    distance = np.abs(after[:, :, None] - places[None, None]).max(axis=-1).min(axis=-1)
    assert distance.max() < 1e-14
    best = int(np.argmin(slopes))
    assert np.abs(after[:, best] - places[best]).max() < 1e-14, "the best never dies"


def test_births_in_the_prior(x64):
    """Deaths with 1 − exp(−hg₊), births with weights ν_k (∫F' − F'(θ_k))₊; none better than the mean: clones."""
    objective, mu = network()
    rng = np.random.default_rng(3)
    prior = mf.Particles(rng.normal(size=(7, 3)), rng.uniform(size=7))
    (slopes, velocity), p = descent(mu, mu.position), np.asarray(mu.mass)
    mean = p @ slopes
    new = np.asarray(prior.mass) * np.maximum(mean - descent(mu, prior.position)[0], 0)
    assert 1 < np.sum(new > 0) < 7
    death = -np.expm1(-H * TAU * np.maximum(slopes - mean, 0))
    places = np.asarray(mu.position) + H * velocity
    after = one_step(mf.BirthDeath(H, rate=TAU, prior=prior), objective, mu)
    for phi in (lambda t: t[..., 0], lambda t: np.sin(t[..., 1])):
        values = phi(after) @ p
        births = (p @ death) * (new / new.sum()) @ phi(np.asarray(prior.position))
        exact = (p * (1 - death)) @ phi(places) + births
        assert abs(values.mean() - exact) < Z * values.std() / np.sqrt(len(values))
    # None better than the mean, or none of any weight: the very step without a prior.
    bad = mf.Particles(np.asarray(mu.position)[[np.argmax(slopes)] * 7])
    weightless = mf.Particles(prior.position, np.zeros(7))
    clones = one_step(mf.BirthDeath(H, rate=TAU), objective, mu)
    for nu in (bad, weightless):
        np.testing.assert_allclose(
            one_step(mf.BirthDeath(H, rate=TAU, prior=nu), objective, mu), clones, rtol=1e-12, atol=1e-12
        )


def test_spread_moves_clones_only(x64):
    objective, mu = network()
    spread = 0.01
    after = one_step(mf.BirthDeath(H, rate=TAU, spread=spread), objective, mu)
    places = np.asarray(mu.position) + H * descent(mu, mu.position)[1]
    off = after[:, :, None] - places[None, None]
    nearest = np.take_along_axis(off, np.abs(off).max(axis=-1).argmin(axis=-1)[:, :, None, None], axis=2)[:, :, 0]
    clones = nearest[np.abs(nearest).max(axis=-1) > 1e-12]
    assert 1000 < len(clones) < after.shape[0] * after.shape[1] / 2
    assert abs(clones.std() / spread - 1) < 0.05


def test_without_a_rate_it_is_gradient_descent():
    objective, mu = network()
    run = mf.simulate(objective, mf.BirthDeath(0.1, rate=0.0), mu, times=2.0, key=jax.random.key(0))
    plain = mf.simulate(objective, mf.GradientFlow(0.1), mu, times=2.0)
    np.testing.assert_allclose(
        run.particles.position, plain.particles.position, rtol=2e-5 if mu.dtype == jnp.float32 else 1e-12
    )
    np.testing.assert_array_equal(run.particles.mass, mu.mass)


def test_particles_may_stay():
    objective, mu = network()
    flow = mf.BirthDeath(0.1, rate=5.0, transport=0.0)
    run = mf.simulate(objective, flow, mu, times=5.0, key=jax.random.key(0))
    places = {tuple(row) for row in np.asarray(mu.position).tolist()}
    left = {tuple(row) for row in np.asarray(run.particles.position).tolist()}
    assert left < places


def test_chunks_are_not_part_of_the_result():
    objective, mu = network()
    flow, key = mf.BirthDeath(0.1, rate=2.0, spread=0.1), jax.random.key(0)
    ends = [
        np.asarray(mf.simulate(objective, flow, mu, times=4.0, key=key, chunk=chunk).particles.position)
        for chunk in (3, 40)
    ]
    np.testing.assert_array_equal(ends[0], ends[1])
    other = mf.simulate(objective, flow, mu, times=4.0, key=jax.random.key(1)).particles.position
    assert np.abs(np.asarray(other) - ends[0]).max() > 1e-3


def test_massless_particles_neither_die_nor_breed(x64):
    objective, mu = network()
    still = mf.Particles(mu.position, jnp.asarray(mu.mass).at[2].set(0.0))
    after = one_step(mf.BirthDeath(H, rate=TAU), objective, still)
    assert np.ptp(after[:, 2], axis=0).max() == 0
    others = np.delete(after, 2, axis=1)
    assert np.abs(others - after[0, 2]).max(axis=-1).min() > 1e-9


def test_bad_input():
    objective, mu = network()
    for arguments, message in (
        ({"step": 0}, "step=0"),
        ({"step": 0.1, "rate": -1.0}, "rate=-1.0"),
        ({"step": 0.1, "transport": -1.0}, "transport=-1.0"),
        ({"step": 0.1, "spread": float("nan")}, "spread=nan"),
        ({"step": 0.1, "prior": 3}, "prior=3: expected particles"),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            mf.BirthDeath(**arguments)
    with pytest.raises(ValueError, match="key=None: BirthDeath draws births"):
        mf.simulate(objective, mf.BirthDeath(0.1), mu, times=1.0)
    with pytest.raises(ValueError, match="prior has 2 columns: expected 3"):
        mf.simulate(
            objective, mf.BirthDeath(0.1, prior=mf.Particles(np.ones((2, 2)))), mu, times=1.0, key=jax.random.key(0)
        )
    with pytest.raises(ValueError, match="linearised"):
        mf.simulate(
            mf.objectives.TangentObjective(objective, mu), mf.BirthDeath(0.1), mu, times=1.0, key=jax.random.key(0)
        )


def test_deaths_have_their_probability_however_large_the_rate(x64):
    """Each particle dies with 1 − exp(−hτ(F' − mean)₊); a rate so large that min(1, hτ…) is another number."""
    objective, mu = network()
    slopes, velocity = descent(mu, mu.position)
    growth = np.maximum(slopes - np.asarray(mu.mass) @ slopes, 0)
    rate = 2 / (H * growth.max())
    places = np.asarray(mu.position) + H * velocity
    best = mf.Particles(np.asarray(mu.position)[[np.argmin(slopes)]] + 1e-3)
    after = one_step(mf.BirthDeath(H, rate=rate, prior=best), objective, mu)
    died = np.mean(np.abs(after - places).max(axis=-1) > 1e-9, axis=0)
    exact = -np.expm1(-H * rate * growth)
    assert np.abs(exact - np.minimum(H * rate * growth, 1)).max() > 0.1
    np.testing.assert_array_less(np.abs(died - exact), Z * np.sqrt(exact * (1 - exact) / DRAWS) + 1e-12)

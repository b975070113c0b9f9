"""Two particle systems in one: velocities against finite differences, exact games, and what is refused."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf


def game_of(seed=0, loss=None):
    random = np.random.default_rng(seed)
    x = jnp.asarray(random.normal(size=(7, 2)))
    game = mf.objectives.AdversarialObjective(mf.Neuron("tanh", bias=True), x, 5, mf.WeightDecay(0.3), 3.0, loss)
    points = mf.Particles(jnp.asarray(random.normal(size=(5, 2))))
    return game, game.join(points, mf.Particles(jnp.asarray(random.normal(size=(6, 4)))))


velocity_of = eqx.filter_jit(lambda game, mu: game.velocity(mu))


def value(game, mu, logistic=False):
    """L by plain sums, in numpy."""
    points, critic = (np.asarray(of.position, float) for of in game.split(mu))
    x = np.asarray(game.x, float)

    def f(z):
        return np.tanh(z @ critic[:, 1:3].T + critic[:, 3]) @ critic[:, 0] / len(critic)

    penalty = 0.15 * np.sum(critic**2) / len(critic)
    if logistic:
        return -np.mean(np.log1p(np.exp(-f(x)))) - np.mean(np.log1p(np.exp(f(points)))) - penalty
    return np.mean(f(x)) - np.mean(f(points)) - penalty


@pytest.mark.parametrize("logistic", [False, True])
def test_velocity_descends_for_points_and_ascends_for_neurons(logistic):
    with jax.enable_x64(True):
        game, mu = game_of(loss=mf.Logistic() if logistic else None)
        assert float(eqx.filter_jit(lambda g, m: g.value(m))(game, mu)) == pytest.approx(
            value(game, mu, logistic), rel=1e-6
        )
        velocity, eps = np.asarray(velocity_of(game, mu)), 1e-5
        position = np.asarray(mu.position, float)
        for row in (0, 4, 5, 10):
            for column in range(4):
                ends = []
                for sign in (1, -1):
                    moved = position.copy()
                    moved[row, column] += sign * eps
                    ends.append(value(game, mu.moved(jnp.asarray(moved)), logistic))
                slope = (ends[0] - ends[1]) / (2 * eps)
                expected = -5 * slope if row < 5 else 3 * 6 * slope
                if row < 5 and column >= 2:
                    expected = 0.0  # padding
                assert velocity[row, column] == pytest.approx(expected, abs=1e-6)


def test_join_and_split_are_inverse():
    game, mu = game_of()
    points, critic = game.split(mu)
    assert points.position.shape == (5, 2)
    assert critic.position.shape == (6, 4)
    assert float(points.mass.sum()) == pytest.approx(1)
    assert float(critic.mass.sum()) == pytest.approx(1)
    again = game.join(points, critic)
    assert np.array_equal(again.position, mu.position)
    assert np.array_equal(again.mass, mu.mass)


def test_rotation_of_a_bilinear_game():
    """One point z and a critic D = a x: z' = a, a' = −z about the data's mean. Euler's steps wind it up by √(1 + h²)
    each, as their law says, and steps of order 4 keep the radius.
    """
    with jax.enable_x64(True):

        class Linear(mf.AbstractUnit):
            outputs: int = 1

            def size(self, d):
                return 1

            def __call__(self, theta, x):
                return theta[0] * x[0]

        game = mf.objectives.AdversarialObjective(Linear(), jnp.zeros((3, 1)), 1)
        mu = game.join(mf.Particles(jnp.ones((1, 1))), mf.Particles(jnp.zeros((1, 1))))
        for flow, grown in ((mf.GradientFlow(0.1), 1.01**50), (mf.RungeKutta(0.1), 1.0)):
            end = mf.simulate(game, flow, mu, times=[0, 10.0]).particles.position
            assert float(jnp.linalg.norm(end)) == pytest.approx(grown, rel=1e-5)
            if grown == 1.0:
                np.testing.assert_allclose(end[:, 0], [np.cos(10), -np.sin(10)], atol=1e-4)


def test_neurons_without_mass_stay_and_do_not_matter():
    game, mu = game_of()
    points, critic = game.split(mu)
    mass = jnp.asarray([0.5, 0.5, 0, 0, 0, 0])
    with_spare = game.join(points, mf.Particles(critic.position, mass))
    without = game.join(points, mf.Particles(critic.position[:2]))
    velocity = velocity_of(game, with_spare)
    np.testing.assert_allclose(velocity[:7], velocity_of(game, without), rtol=1e-5, atol=1e-7)
    assert not np.any(velocity[7:])


def test_replicas_play_as_alone():
    (one, mu), (other, nu) = game_of(0), game_of(1)
    together = mf.simulate_replicas([one, other], mf.RungeKutta(0.1, order=2), [mu, nu], times=[0, 2.0])
    alone = mf.simulate(other, mf.RungeKutta(0.1, order=2), nu, times=[0, 2.0])
    np.testing.assert_allclose(together[1].particles.position, alone.particles.position, rtol=1e-4, atol=1e-5)


def test_a_game_needs_velocities_alone():
    game, mu = game_of()
    with pytest.raises(ValueError, match="this problem has velocities alone"):
        mf.simulate(game, mf.BirthDeath(0.1), mu, times=1.0, key=jax.random.key(0))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: mf.objectives.AdversarialObjective(mf.Neuron("relu", outputs=2), jnp.ones((3, 2)), 4), "one output"),
        (lambda: mf.objectives.AdversarialObjective(mf.Neuron("relu"), jnp.ones(3), 4), "x has shape"),
        (lambda: mf.objectives.AdversarialObjective(mf.Neuron("relu"), jnp.ones((3, 2)), 0), "generators=0"),
        (lambda: mf.objectives.AdversarialObjective(mf.Neuron("relu"), jnp.ones((3, 2)), 4, rate=0.0), "rate=0.0"),
        (
            lambda: mf.objectives.AdversarialObjective(mf.Neuron("relu"), jnp.ones((3, 2)), 4, penalty=0.1),
            "penalty=0.1",
        ),
        (
            lambda: mf.objectives.AdversarialObjective(mf.Neuron("relu"), jnp.ones((3, 2)), 4, loss="hinge"),
            "loss='hinge'",
        ),
        (lambda: game_of()[0].join(mf.Particles(jnp.ones((4, 2))), mf.Particles(jnp.ones((6, 4)))), "points has shape"),
        (lambda: game_of()[0].join(mf.Particles(jnp.ones((5, 2))), mf.Particles(jnp.ones((6, 3)))), "critic has shape"),
        (
            lambda: mf.simulate(game_of()[0], mf.GradientFlow(0.1), mf.Particles(jnp.ones((5, 4))), times=1.0),
            "more than 5",
        ),
    ],
)
def test_bad_input(call, said):
    with pytest.raises(ValueError, match=said):
        call()

"""Subclasses that override something are computed as what they are, or refused; JAX's functions have their names."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf
from meanfield.activations import ACTIVATIONS, recognised
from meanfield.kernels import Blocked, Dense, Interpolated, Pallas, Sorted
from meanfield.kernels.plan import choose

RNG = np.random.default_rng(0)
X1, X2 = RNG.normal(size=(9, 1)), RNG.normal(size=(9, 2))


class Shifted(mf.Neuron):
    """Φ + a₁: one more feature, the constant."""

    def __call__(self, theta, x):
        return super().__call__(theta, x) + theta[0]


class Doubled(mf.Neuron):
    def preactivation(self, position, x):
        return 2 * super().preactivation(position, x)

    def __call__(self, theta, x):
        return super().__call__(theta.at[1:].multiply(2), x)


class Louder(mf.Square):
    def residual(self, f, y):
        return 3 * super().residual(f, y)

    def risk(self, f, y):
        return 3 * super().risk(f, y)


class FreeBias(mf.WeightDecay):
    def __call__(self, theta):
        return 0.5 * self.strength * jnp.sum(theta[:-1] ** 2)


class Doubtful(mf.Objective):
    """f + 1."""

    def predict(self, mu, x=None):
        return super().predict(mu, x) + 1

    def linearise(self, mu):
        f, pull = super().linearise(mu)
        return f + 1, pull


def by_definition(unit, mu, x):
    table = jax.vmap(lambda theta: jax.vmap(lambda sample: unit(theta, sample))(x))(mu.position)
    return mu.mass @ table


@pytest.mark.parametrize("kind", [Shifted, Doubled])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("m", [5, 4000])
def test_the_planned_kernel_computes_the_subclass(kind, activation, m, x64):
    """Predictions and velocity, for numbers of particles that a plain neuron would have sorted for."""
    unit, x = kind(activation, bias=True), jnp.asarray(X1)
    mu = mf.Particles(np.random.default_rng(1).normal(size=(m, 3)))
    objective = mf.Objective(unit, mf.Square(), x, np.ones(len(x)))
    assert np.abs(objective.predict(mu) - by_definition(unit, mu, x)).max() < 1e-12

    def value(position):
        return jnp.mean((by_definition(unit, mu.moved(position), x) - 1) ** 2) / 2

    expected = -m * jax.grad(value)(mu.position)
    assert np.abs(objective.velocity(mu) - expected).max() < 1e-10


@pytest.mark.parametrize("kernel", [Dense(), Blocked(2, 3), Blocked(2, keep_signs=True)])
def test_plain_kernels_compute_the_subclass(kernel, x64):
    unit, mu = Shifted("relu"), mf.Particles(RNG.normal(size=(5, 3)))
    assert np.abs(kernel.predict(unit, mu, jnp.asarray(X2)) - by_definition(unit, mu, X2)).max() < 1e-12


@pytest.mark.parametrize(("kernel", "d"), [(Sorted(), 2), (Interpolated(64, Dense()), 1), (Pallas(interpret=True), 2)])
def test_special_kernels_refuse_the_subclass(kernel, d):
    for activation in ("relu", "tanh"):
        unit = Shifted(activation)
        with pytest.raises(ValueError, match=r"Neuron|piecewise|activations"):
            kernel.predict(unit, mf.Particles(np.ones((2, 1 + d))), jnp.ones((3, d)))


def test_tangent_kernel_of_a_subclass(x64):
    unit, mu = Shifted("tanh"), mf.Particles(RNG.normal(size=(4, 3)))
    slopes = jax.vmap(jax.vmap(jax.grad(unit), (None, 0)), (0, None))(mu.position, jnp.asarray(X2))
    expected = jnp.einsum("jap,jbp->ab", slopes, slopes) / 4
    assert np.abs(mf.tangent_kernel(unit, mu, X2) - expected).max() < 1e-12


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"unit": Shifted("relu", bias=True)}, "unit"),
        ({"penalty": FreeBias(0.1)}, "penalty"),
        ({"loss": Louder()}, "loss=Louder"),
        ({"kind": Doubtful}, "objective is a Doubtful"),
    ],
)
def test_no_certificate_for_a_subclass(part, message):
    unit, loss, penalty, kind = (
        part.get(name, plain)
        for name, plain in (
            ("unit", mf.Neuron("relu", bias=True)),
            ("loss", mf.Square()),
            ("penalty", mf.WeightDecay(0.1)),
            ("kind", mf.Objective),
        )
    )
    objective = kind(unit, loss, X1, np.ones(9), penalty=penalty)
    with pytest.raises(ValueError, match=message):
        mf.optimality_gap(objective, mf.Particles(np.ones((2, 3))))


def test_what_is_read_off_a_neuron_refuses_a_subclass():
    unit, mu = Shifted("relu", bias=True), mf.Particles(np.ones((2, 3)))
    objective = mf.Objective(unit, mf.Square(), X1, np.ones(9))
    for call in (
        lambda: mf.linear_spline(unit, mu),
        lambda: mf.cushions(objective, mu),
        lambda: mf.ChangedSigns()(objective, mu, mu.position),
    ):
        with pytest.raises(ValueError, match="unit"):
            call()


def test_losses_and_penalties_are_honoured(x64):
    objective = mf.Objective(mf.Neuron("tanh"), Louder(), X2, np.ones(9), penalty=FreeBias(0.1))
    mu = mf.Particles(RNG.normal(size=(4, 3)))
    expected = -4 * jax.grad(lambda position: objective.value(mu.moved(position)))(mu.position)
    assert np.abs(objective.velocity(mu) - expected).max() < 1e-12


@pytest.mark.parametrize(
    "flow",
    [
        mf.GradientFlow(0.125),
        mf.SGD(0.125, 9, replacement=False),
        mf.SGD(0.125, 9, sampler=lambda key, batch: (jnp.asarray(X2), jnp.ones(9))),
        mf.ScheduledSGD(0.125, 9, most=9, replacement=False),
    ],
)
@pytest.mark.parametrize("centred", [False, True])
def test_flows_keep_an_objective_of_the_users(flow, centred, x64):
    """A centred one takes its reference, and a batch its samples, without turning into a plain objective."""
    mu = mf.Particles(np.random.default_rng(2).normal(size=(4, 3)))
    objective = Doubtful(mf.Neuron("tanh"), mf.Square(), X2, np.ones(9), centred=centred)
    run = mf.simulate(objective, flow, mu, times=[0.125], key=jax.random.key(0))
    plain = mf.Objective(mf.Neuron("tanh"), mf.Square(), X2, np.zeros(9), centred=centred)
    expected = mf.simulate(plain, mf.GradientFlow(0.125), mu, times=[0.125])
    assert isinstance(run.objective, Doubtful)
    assert np.abs(run.particles.position - expected.particles.position).max() < 1e-12


def test_incremental_gradients_of_a_linearised_subclass(x64):
    """f + 1 moves residuals: the table of residuals is for the plain model, and a subclass has one of velocities."""
    mu, key = mf.Particles(np.random.default_rng(2).normal(size=(4, 3))), jax.random.key(0)
    runs = [
        mf.simulate(kind(mf.Neuron("tanh"), mf.Square(), X2, y), mf.TangentFlow(mf.SAGA(0.1)), mu, times=[3.0], key=key)
        for kind, y in ((Doubtful, np.ones(9)), (mf.Objective, np.zeros(9)))
    ]
    assert np.abs(runs[0].particles.position - runs[1].particles.position).max() < 1e-12


class Affine(mf.Neuron):
    def __call__(self, theta, x):
        return super().__call__(theta, x) + 1


@pytest.mark.parametrize("flow", [mf.ConicFlow(0.1), mf.BirthDeath(0.1)])
@pytest.mark.parametrize("unit", [Affine("relu"), mf.Dual(mf.Neuron("tanh", bias=True), 3)])
def test_reactions_refuse_units_that_are_not_linear_in_their_output_weights(flow, unit):
    """Their first variation is read off the gradient in the output weights."""
    x = RNG.normal(size=(6, 2 if isinstance(unit, Affine) else 5))
    objective = mf.Objective(unit, mf.Square(), x, np.ones(6))
    mu = mf.Particles(RNG.normal(size=(4, 3)))
    with pytest.raises(ValueError, match=f"unit={type(unit).__name__}: expected a unit that is linear in its output"):
        mf.simulate(objective, flow, mu, times=[0.1], key=jax.random.key(0))


SAME = {
    "relu": [jax.nn.relu],
    "tanh": [jnp.tanh, jax.nn.tanh, jax.lax.tanh],
    "erf": [jax.scipy.special.erf, jax.lax.erf],
    "sigmoid": [jax.nn.sigmoid, jax.scipy.special.expit, jax.lax.logistic],
    "softplus": [jax.nn.softplus],
    "cosine": [jnp.cos, jax.lax.cos],
    "leaky_relu": [jax.nn.leaky_relu],
    "linear": [jax.nn.identity],
}


@pytest.mark.parametrize(("name", "function"), [(name, one) for name, all_of in SAME.items() for one in all_of])
def test_functions_of_jax_are_taken_for_what_they_are(name, function):
    unit, named = mf.Neuron(function, bias=True), mf.Neuron(name, bias=True)
    assert unit.activation is named.activation
    assert (unit.homogeneity, unit.slopes) == (named.homogeneity, named.slopes)
    plans = [choose(one, 10**5, 10**4, 1, jnp.float32, platform="cpu") for one in (unit, named)]
    assert str(plans[0]) == str(plans[1])
    z = jnp.linspace(-3, 3, 61)
    assert np.allclose(function(z), named.activation(z), atol=1e-6)


@pytest.mark.parametrize("function", [jax.nn.gelu, jax.nn.silu, jnp.sin, jax.nn.relu6, lambda z: jnp.maximum(z, 0)])
def test_other_functions_stay_what_they_are(function):
    """`jax.nn.gelu` is an approximation of ours: no bound on the error of interpolation is known for it."""
    unit = mf.Neuron(function)
    assert unit.activation is function
    assert recognised(function) is None
    assert unit.homogeneity is unit.slopes is None


class Rectifier(eqx.Module):
    """An activation with a parameter of its own."""

    slope: jax.Array

    def __call__(self, z):
        return self.slope * jax.nn.relu(z)


def test_an_activation_of_the_users_is_called(x64):
    unit, mu = mf.Neuron(Rectifier(jnp.asarray(3.0))), mf.Particles(np.random.default_rng(1).normal(size=(4000, 3)))
    objective = mf.Objective(unit, mf.Square(), X2, np.ones(9))
    plain = mf.Objective(mf.Neuron("relu"), mf.Square(), X2, np.ones(9))
    assert np.abs(objective.predict(mu) - 3 * plain.predict(mu)).max() < 1e-12


def test_facts_follow_the_activation_that_is_there():
    """Replaced in a finished unit, it takes its kernels and certificates with it."""
    unit = eqx.tree_at(lambda unit: unit.activation, mf.Neuron("relu"), jnp.tanh)
    assert unit.slopes is unit.homogeneity is None
    assert recognised(ACTIVATIONS["relu"].function) is ACTIVATIONS["relu"]

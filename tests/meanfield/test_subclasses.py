"""Subclasses that override something are computed as what they are, or refused; JAX's functions have their names."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf
from meanfield.integrals import Blocked, Compiled, Dense, Interpolated, Pallas, Sorted
from meanfield.integrals.plan import choose
from meanfield.units.activations import ACTIVATIONS, recognised

pytestmark = pytest.mark.turns(4)

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


def test_the_problem_and_the_flow_are_final():
    """What would be overridden there is an argument, a factor, or a problem of its own."""
    with pytest.raises(TypeError, match=r"Doubtful\(Objective\): Objective is final; expected a subclass of Abstract"):
        type("Doubtful", (mf.Objective,), {"predict": lambda self, mu, x=None: 1.0})
    with pytest.raises(TypeError, match=r"Odd\(Flow\): Flow is final; expected a factor of your own"):
        type("Odd", (mf.Flow,), {"step": lambda self, objective, state: state})


def by_definition(unit, mu, x):
    table = jax.vmap(lambda theta: jax.vmap(lambda sample: unit(theta, sample))(x))(mu.position)
    return mu.mass @ table


@pytest.mark.parametrize("kind", [Shifted, Doubled])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("m", [5, 4000])
@pytest.mark.turns(4)
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


@pytest.mark.parametrize(
    ("kernel", "d"), [(Sorted(), 2), (Interpolated(64, Dense()), 1), (Pallas(interpret=True), 2), (Compiled(), 2)]
)
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
        lambda: mf.observables.linear_spline(unit, mu),
        lambda: mf.observables.cushions(objective, mu),
        lambda: mf.observables.ChangedSigns()(objective, mu, mu.position),
    ):
        with pytest.raises(ValueError, match="unit"):
            call()


def test_losses_and_penalties_are_honoured(x64):
    objective = mf.Objective(mf.Neuron("tanh"), Louder(), X2, np.ones(9), penalty=FreeBias(0.1))
    mu = mf.Particles(RNG.normal(size=(4, 3)))
    expected = -4 * jax.grad(lambda position: objective.value(mu.moved(position)))(mu.position)
    assert np.abs(objective.velocity(mu) - expected).max() < 1e-12


class Affine(mf.Neuron):
    def __call__(self, theta, x):
        return super().__call__(theta, x) + 1


@pytest.mark.parametrize(
    "unit", [Affine("relu"), mf.units.Dual(mf.Neuron("tanh", bias=True), 3), mf.units.DeepLinear((2,), 2)]
)
def test_reactions_use_the_first_variation_of_every_unit(unit, x64):
    """Also of one that is not linear in its output weights, from which it can't be read off the gradient there."""
    d = 5 if isinstance(unit, mf.units.Dual) else 2
    y = np.ones((6, 2)) if unit.outputs == 2 else np.ones(6)
    objective = mf.Objective(unit, mf.Square(), RNG.normal(size=(6, d)), y, penalty=mf.WeightDecay(0.1))
    mu = mf.Particles(RNG.normal(size=(4, unit.size(d))))
    potential, velocity = objective.slopes(mu)
    np.testing.assert_allclose(potential, objective.first_variation(mu, mu.position), rtol=1e-12)
    np.testing.assert_allclose(velocity, objective.velocity(mu), rtol=1e-12)
    flow = mf.ConicFlow(0.1)
    grown = flow.step(flow.prepare(objective, mu), flow.init(objective, mu)).particles.mass
    np.testing.assert_allclose(grown, mu.mass * np.exp(-0.4 * potential), rtol=1e-12)


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

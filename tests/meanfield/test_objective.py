"""F, its first variation and its velocity: against automatic differentiation, and against formulas written in numpy.

Inputs and parameters are multiples of 1/8, so that pre-activations are exact in float64 whatever the order of the
sum, and hypothesis meets the kinks (w·x = 0) often. What rounding remains is bounded term by term in
`Reference.rounding`.
"""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import meanfield as mf

N, D = 5, 2
EPS = np.finfo(np.float64).eps

# σ and σ' by hand; at a kink the derivative is the left one.
SIGMAS = {
    "relu": (lambda z: np.maximum(z, 0), lambda z: np.where(z > 0, 1.0, 0.0)),
    "leaky_relu": (lambda z: np.where(z > 0, z, 0.01 * z), lambda z: np.where(z > 0, 1.0, 0.01)),
    "squared_relu": (lambda z: np.maximum(z, 0) ** 2, lambda z: 2 * np.maximum(z, 0)),
    "tanh": (np.tanh, lambda z: 1 / np.cosh(z) ** 2),
    "erf": (scipy.special.erf, lambda z: 2 / np.sqrt(np.pi) * np.exp(-(z**2))),
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda z: 1 / (2 + np.exp(z) + np.exp(-z))),
    "softplus": (lambda z: np.log1p(np.exp(z)), lambda z: 1 / (1 + np.exp(-z))),
    "gelu": (
        lambda z: z * scipy.special.ndtr(z),
        lambda z: scipy.special.ndtr(z) + z * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi),
    ),
    "cosine": (np.cos, lambda z: -np.sin(z)),
    "linear": (lambda z: z, np.ones_like),
    "lambda": (lambda z: z / (1 + z**2), lambda z: (1 - z**2) / (1 + z**2) ** 2),
}


class Bump(mf.AbstractUnit):
    """A unit of a user's own: Φ(θ; x) = a exp(−|x − w|²/2), with as many parameters as it says."""

    outputs: int = eqx.field(static=True)

    def size(self, d):
        return self.outputs + d

    def __call__(self, theta, x):
        a = theta[0] if self.outputs == 1 else theta[: self.outputs]
        return a * jnp.exp(-jnp.sum((x - theta[self.outputs :]) ** 2) / 2)


def hyperbola(theta):
    """A penalty of a user's own: V(θ) = Σ √(1 + θ²)."""
    return jnp.sum(jnp.sqrt(1 + theta**2))


STRENGTH = 0.375
PENALTIES = {
    "none": (lambda: None, lambda t: 0 * t.sum(-1), lambda t: 0 * t),
    "weight_decay": (lambda: mf.WeightDecay(STRENGTH), lambda t: STRENGTH / 2 * (t**2).sum(-1), lambda t: STRENGTH * t),
    "custom": (lambda: hyperbola, lambda t: np.sqrt(1 + t**2).sum(-1), lambda t: t / np.sqrt(1 + t**2)),
}
LOSSES = {"square": mf.Square, "logistic": mf.Logistic, "exponential": mf.Exponential}


def make_unit(name, bias, outputs):
    if name == "bump":
        return Bump(outputs)
    return mf.Neuron((lambda z: z / (1 + z**2)) if name == "lambda" else name, bias=bias, outputs=outputs)


class Reference:
    """One network in numpy: Φ(θ; x) = a s(u; x), with s and its derivative D in u by hand."""

    def __init__(self, unit, loss, penalty, bias, k, x, y, scale):
        self.unit, self.loss, self.k, self.x, self.y, self.scale = unit, loss, k, x, y.reshape(len(x), -1), scale
        self.bias, (_, self.V, self.dV) = bias, PENALTIES[penalty]

    def features(self, theta):
        u, x = theta[:, self.k :], self.x
        if self.unit == "bump":
            gap = x[None] - u[:, None]
            s = np.exp(-(gap**2).sum(-1) / 2)
            return s, s[..., None] * gap
        inputs = np.hstack([x, np.ones((len(x), 1))]) if self.bias else x
        z = u @ inputs.T
        sigma, slope = SIGMAS[self.unit]
        return sigma(z), slope(z)[..., None] * inputs

    def predict(self, theta, mass):
        return self.scale * np.einsum("j,jc,ji->ic", mass, theta[:, : self.k], self.features(theta)[0])

    def risk_and_residual(self, f):
        n, y = len(f), self.y
        if self.loss == "square":
            return ((f - y) ** 2).sum() / (2 * n), f - y
        if self.loss == "logistic" and self.k == 1:
            return np.logaddexp(0, -y * f).sum() / n, -y * scipy.special.expit(-y * f)
        if self.loss == "logistic":
            top = f.max(1, keepdims=True)
            odds = np.exp(f - top)
            total = odds.sum(1, keepdims=True)
            return (np.log(total) + top - (f * y).sum(1, keepdims=True)).sum() / n, odds / total - y
        if self.k == 1:
            w = np.exp(-y * f - (-y * f).max())
            return np.log(w.sum() / n) + (-y * f).max(), -y * n * w / w.sum()
        gaps = f - (f * y).sum(1, keepdims=True)
        top = gaps[y == 0].max()
        w = np.where(y == 0, np.exp(gaps - top), 0)
        w, risk = n * w / w.sum(), np.log(w.sum() / n) + top
        return risk, w - y * w.sum(1, keepdims=True)

    def value(self, theta, mass, f):
        return self.risk_and_residual(f)[0] / self.scale**2 + mass @ self.V(theta)

    def velocity(self, theta, f):
        r, (s, D) = self.risk_and_residual(f)[1], self.features(theta)
        slope = np.einsum("jc,ic,jiq->jq", theta[:, : self.k], r, D)
        return -np.hstack([s @ r, slope]) / (self.scale * len(f)) - self.dV(theta)

    def first_variation(self, theta, f):
        r, s = self.risk_and_residual(f)[1], self.features(theta)[0]
        return np.einsum("jc,ic,ji->j", theta[:, : self.k], r, s) / (self.scale * len(f)) + self.V(theta)

    def rounding(self, theta, mass, f, offset=0.0):
        """Bounds on the rounding of (f, F, velocity, F'): K ε times the sum of absolute values of what is added up.

        K counts the terms of the longest sum, and 16 units for the elementary functions on both sides. The residual
        moves with f by at most L: 1 for square and logistic, 4n for weights n·softmax(±f ± f). The +1 covers
        functions that pass through zero, where their relative accuracy is lost.
        """
        s, D = self.features(theta)
        a = np.abs(theta[:, : self.k])
        terms = EPS * (16 + len(mass) + len(f) + theta.shape[1])
        f_size = self.scale * (np.einsum("j,jc,ji->ic", mass, a, np.abs(s) + 1).max() + np.abs(offset).max()) + 1
        lipschitz = 4 * len(f) if self.loss == "exponential" else 1
        risk, r = self.risk_and_residual(f)
        r_size = np.abs(r) + lipschitz * f_size
        slope = np.einsum("jc,ic,jiq->jq", a, r_size, np.abs(D) + np.abs(self.x).max() + 1)
        move = np.hstack([(np.abs(s) + 1) @ r_size, slope]) / (self.scale * len(f)) + np.abs(self.dV(theta))
        change = np.einsum("jc,ic,ji->j", a, r_size, np.abs(s) + 1) / (self.scale * len(f)) + np.abs(self.V(theta))
        value = (np.abs(risk) + np.abs(r_size).max() * f_size) / self.scale**2 + mass @ np.abs(self.V(theta))
        return terms * f_size, terms * value, terms * move, terms * (change + EPS)


def close(measured, expected, bound):
    """Whether two results agree to rounding: the one comparison of this file, also what the controls must fail."""
    return bool(np.all(np.abs(np.asarray(measured) - expected) <= bound))


EIGHTHS = st.integers(-8, 8)
# Hypothesis starts from zeros; what it draws is added to this, so that its first example is a network like any other.
START = np.random.default_rng(0).integers(-8, 9, size=(4, 7, 8))


@st.composite
def problems(draw):
    """Data, particles, masses and scale for every unit at once (columns that a unit does not have are cut off)."""
    m, columns = 7, 3 + D + 1
    uniform = not draw(st.booleans())
    return {
        "x": (draw(arrays(np.int64, (N, D), elements=EIGHTHS)) + START[0, :N, :D]) / 8,
        "label": (draw(arrays(np.int64, N, elements=st.integers(0, 5))) + START[1, 0, :N]) % 6,
        "theta": (draw(arrays(np.int64, (m, columns), elements=EIGHTHS)) + START[2, :m, :columns]) / 8,
        "anchor": (draw(arrays(np.int64, (m, columns), elements=EIGHTHS)) + START[3, :m, :columns]) / 8,
        "mass": None if uniform else draw(arrays(np.int64, m, elements=st.integers(1, 16))) / 16,
        "scale": draw(st.sampled_from([3.0, 0.5, 40.0])),
        "centred": draw(st.booleans()) == uniform,
    }


def targets(loss, k, label):
    if loss == "square":
        return label / 4 - 0.5 if k == 1 else np.stack([label / 4 - 0.5, label % 3, 1.0 - label], axis=1)
    return np.where(label % 2, 1.0, -1.0) if k == 1 else np.eye(k)[label % k]


def build(problem, unit_name, loss, penalty, bias, k):
    """(objective, μ, the reference, f's offset) of one combination."""
    unit = make_unit(unit_name, bias, k)
    columns = unit.size(D)
    theta, anchor = problem["theta"][:, :columns], problem["anchor"][:, :columns]
    mu = mf.Particles(theta, problem["mass"])
    y = targets(loss, k, problem["label"])
    reference = Reference(unit_name, loss, penalty, bias, k, problem["x"], y, problem["scale"])
    centred = mf.Particles(anchor, problem["mass"]) if problem["centred"] else False
    offset = reference.predict(anchor, np.asarray(mu.mass)) if problem["centred"] else np.zeros((N, k))
    objective = mf.Objective(
        unit, LOSSES[loss](), problem["x"], y, problem["scale"], PENALTIES[penalty][0](), centred=centred
    )
    return objective, mu, reference, offset


def check_calculus(problem, unit, loss, penalty, bias, k):
    """velocity = −m ∇F (−∇_j F / p_j for unequal masses) = −∇F', and all of them as in numpy, to rounding."""
    objective, mu, reference, offset = build(problem, unit, loss, penalty, bias, k)
    theta, mass = np.asarray(mu.position), np.asarray(mu.mass)
    f = reference.predict(theta, mass) - offset
    to_f, to_value, to_v, to_change = reference.rounding(theta, mass, f, offset)

    v = np.asarray(objective.velocity(mu))
    value, gradient = jax.value_and_grad(lambda q: objective.value(mu.moved(q)))(mu.position)

    def total(q):
        change = objective.first_variation(mu, q)
        return change.sum(), change

    slope, change = jax.grad(total, has_aux=True)(mu.position)
    assert v.dtype == np.float64
    assert close(-gradient / mass[:, None], v, to_v)
    assert close(-slope, v, to_v)
    assert close(objective.predict(mu), f.reshape(objective.y.shape), to_f)
    assert close(value, reference.value(theta, mass, f), to_value)
    assert close(v, reference.velocity(theta, f), to_v)
    assert close(change, reference.first_variation(theta, f), to_change)
    values, moves = objective.slopes(mu)
    assert close(values, reference.first_variation(theta, f), to_change)
    assert close(moves, reference.velocity(theta, f), to_v)


QUICK = settings(
    max_examples=2,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),  # shrinking would compile for minutes
    suppress_health_check=list(HealthCheck),
)


def shapes(unit):
    return list(itertools.product((False,) if unit == "bump" else (False, True), (1, 3)))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("unit", [*SIGMAS, "bump"])
@QUICK
@given(problem=problems())
@pytest.mark.turns(8)
def test_calculus(unit, loss, problem):
    """Every unit × loss × penalty and every unit × loss × bias × outputs; `--validate` takes their whole product."""
    penalties = list(PENALTIES) * 2
    with jax.enable_x64(True):
        for i, (bias, k) in enumerate(shapes(unit)):
            check_calculus(problem, unit, loss, penalties[i], bias, k)
        if unit == "bump":  # no bias, hence two shapes for three penalties
            check_calculus(problem, unit, loss, penalties[2], False, 1)


@pytest.mark.full
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("unit", [*SIGMAS, "bump"])
@settings(QUICK, max_examples=10)
@given(problem=problems())
def test_calculus_of_the_whole_product(unit, loss, penalty, problem):
    with jax.enable_x64(True):
        for bias, k in shapes(unit):
            check_calculus(problem, unit, loss, penalty, bias, k)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("unit", ["tanh", "relu"])
@pytest.mark.parametrize("m", [7, 1])
@pytest.mark.turns(4)
def test_wrong_velocities_are_rejected(unit, loss, m, x64):
    """The comparison above sees each of the usual mistakes, wherever the mistake makes a difference (α ≠ 1, m ≠ 1)."""
    problem = {
        "x": START[0, :N, :D] / 8,
        "label": np.arange(N),
        "theta": START[2, :m, :6] / 8,
        "anchor": START[3, :m, :6] / 8,
        "mass": None,
        "scale": 3.0,
        "centred": False,
    }
    objective, mu, reference, _ = build(problem, unit, loss, "weight_decay", True, 1)
    theta, mass = np.asarray(mu.position), np.asarray(mu.mass)
    f = reference.predict(theta, mass)
    bound = reference.rounding(theta, mass, f)[2]
    penalty = -STRENGTH * theta
    data = reference.velocity(theta, f) - penalty
    v = objective.velocity(mu)
    assert close(v, data + penalty, bound)
    check_calculus(problem, unit, loss, "weight_decay", True, 1)
    assert not close(v, 3.0 * data + penalty, bound)  # without 1/α
    assert close(v, (data + penalty) / m, bound) == (m == 1)  # without the factor m
    assert close(v, data + m * penalty, bound) == (m == 1)  # the penalty summed, not averaged
    assert not close(v, -data - penalty, bound)
    if unit == "tanh":  # a relative error of 1e-12 is seen where no cancellation hides it
        assert not close(v, (data + penalty) * (1 + 1e-12), np.abs(v) * EPS * 64)


def test_derivative_at_a_kink_is_the_left_one(x64):
    """relu'(0) = 0, in the velocity and in automatic differentiation alike: a neuron of w = 0 keeps still."""
    for activation in ("relu", "squared_relu"):
        objective = mf.Objective(mf.Neuron(activation), mf.Square(), np.eye(2), np.ones(2))
        mu = mf.Particles(np.array([[2.0, 0.0, 0.0], [1.0, -1.0, 0.0]]))
        assert np.all(np.asarray(objective.velocity(mu)) == 0)
        assert np.all(np.asarray(jax.grad(lambda q, o=objective, mu=mu: o.value(mu.moved(q)))(mu.position)) == 0)
    leaky = mf.Objective(mf.Neuron("leaky_relu"), mf.Square(), np.eye(2), np.ones(2))
    mu = mf.Particles(np.array([[2.0, 0.0, 0.0]]))
    # (1/n) Σ_i (y_i − 0) a · 0.01 x_i, by the left branch
    np.testing.assert_allclose(leaky.velocity(mu), [[0.0, 0.01, 0.01]], rtol=4 * EPS)


def test_first_variation_is_the_derivative_along_mixtures(x64):
    """F((1−ε)μ + εν) has the derivative ∫ F'[μ] d(ν − μ) at ε = 0: a quadratic in ε for the square loss, so exactly."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(N, D)), rng.normal(size=N)
    objective = mf.Objective(mf.Neuron("tanh"), mf.Square(), x, y, 5.0, mf.WeightDecay(0.2))
    both, m = mf.Particles(rng.normal(size=(9, 3))), 4

    def mixture(e):
        mass = jnp.concatenate([jnp.full(m, (1 - e) / m), jnp.full(9 - m, e / (9 - m))])
        return objective.value(mf.Particles(both.position, mass))

    mu = mf.Particles(both.position[:m])
    change = objective.first_variation(mu, both.position)
    expected = change[m:].mean() - change[:m].mean()
    # The derivative at 0 of a quadratic, from its values at 0, 1/2 and 1; rounding is a few ε times the terms.
    f = [float(mixture(e)) for e in (0.0, 0.5, 1.0)]
    measured = -3 * f[0] + 4 * f[1] - f[2]
    assert abs(measured - expected) < 64 * EPS * (8 * max(f) + float(jnp.abs(change).max()))


def test_first_variation_shapes(x64):
    """One particle gives a number, a cloud a number each, the same ones however many are asked at once."""
    rng = np.random.default_rng(2)
    objective = mf.Objective(mf.Neuron("relu"), mf.Square(), rng.normal(size=(N, D)), np.ones(N))
    mu = mf.Particles(rng.normal(size=(3, 3)))
    cloud = jnp.asarray(rng.normal(size=(600, 3)))
    values = objective.first_variation(mu, cloud)
    assert values.shape == (600,)
    alone = objective.first_variation(mu, cloud[599])
    assert alone.shape == ()
    assert abs(alone - values[599]) <= 64 * EPS * (1 + abs(alone))


def test_centred_model(x64):
    """f − f_0 on the training set and elsewhere; `bind` fixes the reference once and for all."""
    rng = np.random.default_rng(3)
    x, y, elsewhere = rng.normal(size=(N, D)), rng.normal(size=N), rng.normal(size=(4, D))
    unit = mf.Neuron("tanh")
    mu0, mu = mf.Particles(rng.normal(size=(6, 3))), mf.Particles(rng.normal(size=(6, 3)))
    plain = mf.Objective(unit, mf.Square(), x, y, 7.0)
    given_ = mf.Objective(unit, mf.Square(), x, y, 7.0, centred=mu0)
    started = mf.Objective(unit, mf.Square(), x, y, 7.0, centred=True).bind(mu0)
    for centred in (given_, started, started.bind(mu)):
        assert np.all(np.asarray(centred.predict(mu0)) == 0)
        assert np.all(np.asarray(centred.predict(mu)) == np.asarray(plain.predict(mu) - plain.predict(mu0)))
        gap = plain.predict(mu, elsewhere) - plain.predict(mu0, elsewhere)
        assert np.all(np.asarray(centred.predict(mu, elsewhere)) == np.asarray(gap))


def test_tangent_objective_is_the_first_order_expansion(x64):
    """f_lin touches f to second order at the anchor, is affine, and its velocity is −m ∇ of its own F."""
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(N, D)), rng.normal(size=N)
    anchor = mf.Particles(rng.normal(size=(6, 3)))
    network = mf.Objective(mf.Neuron("tanh"), mf.Square(), x, y, 4.0, mf.WeightDecay(0.3))
    tangent = mf.objectives.TangentObjective(network, anchor)
    move = rng.normal(size=(6, 3))

    def gap(e):
        mu = anchor.moved(anchor.position + e * move)
        return float(jnp.abs(network.predict(mu) - tangent.predict(mu)).max())

    assert gap(0.0) == 0
    # Second order: the ratio is 4 up to third-order terms, which are of relative size e.
    assert abs(gap(2e-3) / gap(1e-3) - 4) < 0.05
    mu = anchor.moved(anchor.position + move)
    f0, f1, f2 = (tangent.predict(anchor.moved(anchor.position + e * move)) for e in (0.0, 1.0, 2.0))
    np.testing.assert_allclose(f2 - f1, f1 - f0, rtol=0, atol=64 * EPS * float(jnp.abs(f2).max()))
    gradient = jax.grad(lambda q: tangent.value(mu.moved(q)))(mu.position)
    v = tangent.velocity(mu)
    np.testing.assert_allclose(-6 * gradient, v, rtol=0, atol=256 * EPS * float(jnp.abs(v).max()))

"""Interpolation in the sample, against float64 sums written out here, and its certificate against the error itself.

Sizes of terms are those of the docstring of `Interpolated`, with X = max |x_i| and D = sup |σ'|. A term is known up to
the certified rounding, three roundings of z, and a few of the library's σ. A row of L with absolute sum Λ has relative
errors of (N + 3)Λ + 5 roundings, by the N terms of its denominator, and a sum of N terms adds N.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

import meanfield as mf
from meanfield.integrals import strip
from meanfield.integrals.chebyshev import Interval, interpolation, points
from meanfield.integrals.plan import choose

pytestmark = pytest.mark.turns(4)

M, N = 23, 40
SQRT2, SQRTPI = np.sqrt(2), np.sqrt(np.pi)

# σ, σ', D; |σ''| ≤ 1 for all of them.
SIGMA = {
    "tanh": (np.tanh, lambda z: 1 / np.cosh(np.clip(z, -300, 300)) ** 2, 1.0),
    "sigmoid": (special.expit, lambda z: special.expit(z) * special.expit(-z), 0.25),
    "softplus": (lambda z: np.logaddexp(0, z), special.expit, 1.0),
    "erf": (special.erf, lambda z: 2 / SQRTPI * np.exp(-(z**2)), 2 / SQRTPI),
    "gelu": (
        lambda z: z * special.ndtr(z),
        lambda z: special.ndtr(z) + z * np.exp(-(z**2) / 2) / SQRT2 / SQRTPI,
        special.ndtr(SQRT2) + np.exp(-1) / SQRTPI,
    ),
    "cosine": (np.cos, lambda z: -np.sin(z), 1.0),
}
# Enough for weights up to 4 on [−1, 1] in either type, but for tanh in float64: that is summed without.
NODES = (32, 96)


def samples(kind, rng):
    return {
        "uniform": lambda: rng.uniform(-1, 1, size=N),
        "gaussian": lambda: rng.normal(size=N),
        "lattice": lambda: rng.integers(-2, 3, size=N).astype(float),
        "far": lambda: 1000 + rng.uniform(size=N),
        "points": lambda: np.cos(np.pi * np.arange(N) / NODES[0]),
        "equal": lambda: np.full(N, 0.3),
        "one": lambda: np.resize(-0.7, 1),
    }[kind]()[:, None]


KINDS = ["uniform", "gaussian", "lattice", "far", "points", "equal"]


def sums(activation, unit, position, mass, x, r):
    """(f, bound on its error, g, bound on its error) per rounding, in float64."""
    sigma, slope, steepest = SIGMA[activation]
    a, w = position[:, : unit.outputs], position[:, unit.outputs]
    b = position[:, -1] if unit.bias else np.zeros(len(w))
    z = w[:, None] * x[:, 0] + b[:, None]
    h, far = sigma(z), np.abs(x).max()
    spread = 1 + 2 / np.pi * np.log(NODES[-1])  # Λ, at most
    row = spread * ((NODES[-1] + 3) * spread + 5 + NODES[-1] + M + len(x) + 8)
    size = np.abs(w) * far + np.abs(b)
    term = row * (np.abs(sigma(0)) + steepest * size) + spread * 3 * steepest * size + steepest * np.abs(w) * far
    f, f_bound = h.T @ (mass[:, None] * a), np.broadcast_to(term @ (mass[:, None] * np.abs(a)), (len(x), a.shape[1]))
    s, s_size = (a @ r.T) * slope(z), np.abs(a) @ np.abs(r).sum(axis=0)
    slopes = s_size * (row * steepest + spread * 3 * size + steepest)
    g, g_bound = [h @ r, s @ x], [term[:, None] * np.abs(r).sum(axis=0), slopes[:, None] * far]
    if unit.bias:
        g.append(s.sum(axis=1, keepdims=True))
        g_bound.append(slopes[:, None])
    return f, f_bound, np.hstack(g), np.hstack(g_bound)


@eqx.filter_jit
def both(kernel, unit, mu, x, r):
    f, kept = kernel.forward(unit, mu, x)
    return f, kernel.backward(unit, mu, x, kept, r)


def excess(kernel, activation, bias, k, kind, dtype, largest=4.0, seed=0):
    """The largest errors of f and g in units of their bounds."""
    rng = np.random.default_rng(seed)
    unit = mf.Neuron(activation, bias=bias, outputs=k)
    position = rng.normal(size=(M, unit.size(1)))
    position[:, k] *= largest / np.abs(position[:, k]).max()
    if kind == "far" and bias:
        position[:, -1] -= 1000 * position[:, k]
    x, r, mass = samples(kind, rng), rng.normal(size=(N, k)), rng.uniform(size=M)
    position, mass, x, r = (np.asarray(part, dtype) for part in (position, mass, x, r[: len(x)]))
    exact = [np.asarray(part, float) for part in (position, mass, x, r)]
    f, f_bound, g, g_bound = sums(activation, unit, *exact)
    mu = mf.Particles(jnp.asarray(position), jnp.asarray(mass))
    got = both(kernel, unit, mu, jnp.asarray(x), jnp.asarray(r[:, 0] if k == 1 else r))
    assert all(part.dtype == dtype for part in got)
    eps = np.finfo(dtype).eps
    return [
        np.max(np.abs(np.reshape(part, value.shape) - value) / (eps * bound))
        for part, value, bound in zip(got, (f, g), (f_bound, g_bound), strict=True)
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("activation", SIGMA)
def test_agreement(activation, kind):
    with jax.enable_x64(False):
        assert (
            max(excess(mf.integrals.Interpolated(NODES, mf.integrals.Dense()), activation, True, 1, kind, "float32"))
            <= 1
        )


@pytest.mark.parametrize("activation", SIGMA)
def test_float64_agrees_too(activation, x64):
    for kind in KINDS:
        assert (
            max(excess(mf.integrals.Interpolated(NODES, mf.integrals.Dense()), activation, True, 1, kind, "float64"))
            <= 1
        )


def test_a_single_sample():
    with jax.enable_x64(False):
        assert (
            max(excess(mf.integrals.Interpolated(NODES, mf.integrals.Dense()), "tanh", True, 1, "one", "float32")) <= 1
        )


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("k", [1, 3])
def test_several_outputs_by_tiles(k, bias):
    with jax.enable_x64(False):
        assert (
            max(
                excess(
                    mf.integrals.Interpolated(32, mf.integrals.Blocked(8, 16)),
                    "tanh",
                    bias,
                    k,
                    "uniform",
                    "float32",
                    1.5,
                )
            )
            <= 1
        )


@pytest.mark.parametrize("inner", [mf.integrals.Dense(), mf.integrals.Blocked(8)])
def test_prepared_or_not(inner, x64):
    """`at` computes beforehand what every call computes otherwise; the inner kernel may keep arrays of its own."""
    rng = np.random.default_rng(1)
    unit, x, r = mf.Neuron("tanh", bias=True), jnp.asarray(rng.uniform(size=(N, 1))), jnp.asarray(rng.normal(size=N))
    mu = mf.Particles(jnp.asarray(rng.normal(size=(M, 3))))
    kernel = mf.integrals.Interpolated(32, inner)
    for one, other in zip(both(kernel, unit, mu, x, r), both(kernel.at(unit, x), unit, mu, x, r), strict=True):
        assert np.abs(one - other).max() <= 1e-14 * np.abs(one).max()


class AtPoints(mf.integrals.Dense):  # type: ignore[misc]
    """Answers at Chebyshev points only: at the samples themselves, nan."""

    def predict(self, unit, mu, x):
        return self.forward(unit, mu, x)[0]

    def forward(self, unit, mu, x):
        f, kept = super().forward(unit, mu, x)
        return (f * jnp.nan if len(x) == N else f), kept

    def backward(self, unit, mu, x, kept, r):
        g = super().backward(unit, mu, x, kept, r)
        return g * jnp.nan if len(x) == N else g


@pytest.mark.parametrize("activation", SIGMA)
def test_large_weights_are_summed_at_the_samples(activation):
    """One particle beyond what is certified is enough; and what is summed then is right."""
    eps = float(jnp.finfo(jnp.float32).eps)
    reach = strip.largest_reach(activation, NODES[-1], eps)
    with jax.enable_x64(False):
        for factor, taken in ((0.99, True), (1.01, False), (1e6, False)):
            problem = (activation, True, 1, "lattice", "float32", factor * reach / 2)  # on [−2, 2]
            errors = excess(mf.integrals.Interpolated(NODES, AtPoints()), *problem)
            assert np.all(np.isnan(errors)) != taken
            assert np.all(np.isfinite(errors)) == taken
            assert max(excess(mf.integrals.Interpolated(NODES, mf.integrals.Dense()), *problem)) <= 1


class Uncertified(mf.integrals.Interpolated):  # type: ignore[misc]
    """Wrong on purpose: takes the fewest points, whatever the weights."""

    def _limits(self, name, mu, x):
        return jnp.full(len(self.nodes), jnp.inf)


class OneLevelShort(mf.integrals.Interpolated):  # type: ignore[misc]
    """Wrong on purpose: takes the number of points before the certified one."""

    def _limits(self, name, mu, x):
        limits = super()._limits(name, mu, x)
        return jnp.append(limits[1:], limits[-1])


@pytest.mark.parametrize("wrong", [Uncertified, OneLevelShort])
def test_the_comparison_rejects_wrong_kernels(wrong, x64):
    """In float64, where bounds on roundings leave room for nothing else."""
    problem = ("erf", True, 1, "uniform", "float64", 4.0)
    assert max(excess(mf.integrals.Interpolated(NODES, AtPoints()), *problem)) <= 1
    assert min(excess(wrong(NODES, AtPoints()), *problem)) > 100


def interpolation_errors(activation, count, reach):
    """The largest errors over many biases of σ, σ' and xσ' on [−1, 1] in the units of `strip.log_error`."""
    x = jnp.linspace(-1, 1, 1001)[:, None]
    interval = Interval(x)
    t, matrix = np.asarray(points(interval, count)), np.asarray(interpolation(interval, x, count))
    x = np.asarray(x)
    b = np.linspace(-1.6 * reach, 1.6 * reach, 101)
    sigma, slope, steepest = SIGMA[activation]
    for function, size in (
        (lambda x: sigma(reach * x + b), steepest * reach),
        (lambda x: slope(reach * x + b), steepest),
        (lambda x: x * slope(reach * x + b), steepest),
    ):
        yield np.abs(matrix @ function(t) - function(x)).max() / size


CASES = [(count, reach) for count in (3, 8, 24, 64, 160) for reach in (0.3, 1.0, 3.0, 10.0, 30.0)]


def slack(activation):
    """Bound over error, for all cases with errors between rounding and one."""
    return [
        (np.exp(bound) / max(interpolation_errors(activation, count, reach)), count)
        for count, reach in CASES
        if np.log(1e-11) < (bound := strip.log_error(activation, reach, count)) < np.log(3)
    ]


@pytest.mark.parametrize("activation", SIGMA)
def test_the_certificate_is_a_bound(activation, x64):
    """Never below the error; and above it by a factor that grows like the number of points, of which it costs few."""
    found = slack(activation)
    assert len(found) > 5
    for factor, count in found:
        assert 1 <= factor <= 5 + 4 * count


def test_a_strip_beyond_the_pole_is_no_certificate(monkeypatch, x64):
    monkeypatch.setitem(strip.STRIPS, "tanh", (np.array([2.5]), np.zeros_like))
    assert min(slack("tanh"))[0] < 0.01


@pytest.mark.parametrize("activation", SIGMA)
def test_growth_bounds_hold_on_the_strip(activation):
    """sup |σ'| on |Im z| ≤ s, by differences of σ along the imaginary direction in complex arithmetic."""
    complex_slope = {
        "tanh": lambda z: 1 / np.cosh(z) ** 2,
        "sigmoid": lambda z: 1 / (2 * np.cosh(z / 2)) ** 2,
        "softplus": lambda z: 1 / (1 + np.exp(-z)),
        "erf": lambda z: 2 / SQRTPI * np.exp(-(z**2)),
        "gelu": lambda z: (1 + special.erf(z / SQRT2)) / 2 + z * np.exp(-(z**2) / 2) / SQRT2 / SQRTPI,
        "cosine": np.sin,
    }[activation]
    widths, growth = strip.STRIPS[activation]
    for s in widths[widths < 8]:
        z = np.linspace(-12, 12, 801) + 1j * s * np.linspace(0, 1, 41)[:, None]
        assert np.log(np.abs(complex_slope(z)).max() / SIGMA[activation][2]) <= growth(s) + 1e-12


def test_derivatives_of_predict(x64):
    """Forward and reverse mode, against the dense kernel; prepared, and under jit."""
    rng = np.random.default_rng(3)
    x, unit = jnp.asarray(rng.uniform(-1, 1, size=(N, 1))), mf.Neuron("tanh", bias=True, outputs=2)
    q, dq = jnp.asarray(rng.uniform(-1, 1, size=(2, 17, 4)))
    r = jnp.asarray(rng.normal(size=(N, 2)))
    mu = mf.Particles(q, jnp.asarray(rng.uniform(size=17)))

    @eqx.filter_jit
    def derivatives(kernel):
        def f(q):
            return kernel.predict(unit, mu.moved(q), x)

        return jax.jvp(f, (q,), (dq,))[1], jax.vjp(f, q)[1](r)[0]

    kernel = mf.integrals.Interpolated((48, 64), AtPoints()).at(unit, x)
    for mine, other in zip(derivatives(kernel), derivatives(mf.integrals.Dense()), strict=True):
        # Λ ≤ 4 times sums of at most N + 17 + 64 terms, each below 4 in size.
        assert np.abs(mine - other).max() <= 4 * (N + 17 + 64) ** 2 * 4 * np.finfo(float).eps


@pytest.mark.parametrize("largest", [1.0, 1e4])
def test_replicas_take_one_branch(largest):
    """Under vmap a choice stays a choice, made by the largest weight of all."""
    rng = np.random.default_rng(4)
    x, unit = jnp.asarray(rng.uniform(-1, 1, size=(N, 1))), mf.Neuron("tanh")
    q = jnp.asarray(rng.uniform(-1, 1, size=(3, 5, 2))).at[1, 2, 1].set(largest)
    r = jnp.asarray(rng.normal(size=N))

    def sums(kernel, q):
        mu = mf.Particles(q)
        return kernel.predict(unit, mu, x), kernel.backward(unit, mu, x, kernel.forward(unit, mu, x)[1], r)

    def together(kernel):
        return jax.vmap(lambda q: sums(kernel, q))

    program = str(jax.make_jaxpr(together(mf.integrals.Interpolated(64, mf.integrals.Dense()).at(unit, x)))(q))
    assert program.count(" cond[") == 3
    refused = together(mf.integrals.Interpolated(64, AtPoints()).at(unit, x))(q)
    assert all(np.all(np.isnan(part) == (largest > 1)) for part in refused)
    got = together(mf.integrals.Interpolated(64, mf.integrals.Dense()).at(unit, x))(q)
    dense = [sums(mf.integrals.Dense(), each)[0] for each in q]
    assert np.abs(got[0] - jnp.stack(dense)).max() <= 1000 * jnp.finfo(x.dtype).eps


@pytest.mark.parametrize(("place", "value"), [(0, np.nan), (0, np.inf), (1, np.nan)])
def test_a_non_finite_particle_is_not_hidden(place, value):
    """Divergence has to show in the predictions, or a simulation would go on."""
    x = jnp.linspace(-1, 1, N)[:, None]
    position = jnp.ones((3, 3)).at[1, place].set(value)
    mu = eqx.tree_at(lambda nu: nu.position, mf.Particles(jnp.ones((3, 3))), position)
    assert not np.any(
        np.isfinite(mf.integrals.Interpolated(64, mf.integrals.Dense()).predict(mf.Neuron("tanh", bias=True), mu, x))
    )


def test_an_objective_takes_it():
    x = np.linspace(-1, 1, N)[:, None]
    unit = mf.Neuron("gelu", bias=True)
    mu = mf.Particles(jnp.asarray(np.random.default_rng(0).uniform(-1, 1, size=(M, 3))))

    def velocity(kernel):
        return mf.Objective(unit, mf.Square(), x, np.sin(x[:, 0]), kernel=kernel).bind(mu).velocity(mu)

    difference = velocity(mf.integrals.Interpolated(48, mf.integrals.Blocked(10))) - velocity(mf.integrals.Blocked(10))
    assert np.abs(difference).max() <= 1000 * jnp.finfo(difference.dtype).eps


@pytest.mark.usefixtures("uncompiled")
def test_the_plan_takes_it_where_it_pays():
    unit = mf.Neuron("tanh", bias=True)

    def chosen(unit=unit, m=10**6, n=1000, d=1, **more):
        return choose(unit, m, n, d, np.float32, **{"platform": "cpu", **more})

    assert chosen().kernel.nodes == (64, 96, 160, 256)
    assert chosen().bytes <= 1 << 24
    assert chosen().operations < chosen(d=2).operations / 3
    assert chosen(n=10**5, memory=1 << 28).kernel.nodes == (64, 96, 160, 256)
    assert "64 to 256 points do for 1000 samples" in str(chosen())
    for other in (
        chosen(d=2),
        chosen(mf.Neuron(jnp.sin)),  # the user's own: no certificate
        chosen(mf.Neuron("squared_relu")),
        chosen(n=100),  # hardly fewer points than samples
        chosen(m=100, n=10**6),  # hardly more particles than points
        chosen(memory=1000),
    ):
        assert isinstance(other.kernel, mf.integrals.Blocked)
    assert isinstance(chosen(m=1000).kernel, mf.integrals.Dense)
    assert not isinstance(chosen(platform="gpu").kernel, mf.integrals.Interpolated)


@pytest.mark.parametrize(
    ("unit", "d", "why"),
    [
        (mf.Neuron(jnp.sin), 1, "a bound on the error of interpolation is known for the activations tanh, sigmoid"),
        (mf.Neuron("relu"), 1, "a bound on the error"),
        (mf.Neuron("tanh"), 2, "inputs have dimension 2"),
    ],
)
def test_others_are_refused(unit, d, why):
    objective = mf.Objective(
        unit, mf.Square(), np.ones((5, d)), np.ones(5), kernel=mf.integrals.Interpolated(8, mf.integrals.Dense())
    )
    with pytest.raises(ValueError, match=rf"kernel=Interpolated\(…\): {why}.*use Blocked or leave the choice to plan"):
        objective.predict(mf.Particles(np.ones((3, unit.size(d)))))


@pytest.mark.parametrize("nodes", [0, 1, (), (8, 8), (16, 8), (0, 8)])
def test_bad_numbers_of_nodes(nodes):
    with pytest.raises(ValueError, match="nodes="):
        mf.integrals.Interpolated(nodes, mf.integrals.Dense())

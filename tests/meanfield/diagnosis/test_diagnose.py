"""The diagnosis against NumPy, in two gauges, on lazy and rich networks, and on models of one's own."""

import json
import subprocess
import sys
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf
from tests.meanfield.diagnosis.by_numpy import flat, forward, jacobian, unflat

N, D, M = 30, 4, 24
ZERO = {"W": np.zeros((M, D)), "a": np.zeros((1, M))}


def data(n=N, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, D))
    return x, np.maximum(x @ np.array([1.0, -1.0, 0.5, 0.0]), 0) - 0.4


def start(seed=1, m=M):
    """PyTorch's default law for two dense layers."""
    rng = np.random.default_rng(seed)
    u = lambda fan, *shape: rng.uniform(-1, 1, shape) / np.sqrt(fan)  # noqa: E731
    return {"W": u(D, m, D), "b": u(D, m), "a": u(m, 1, m), "c": u(m, 1)}


@cache
def trained(s=1.0, rate=0.05, steps=300):
    """A network after gradient descent on half the mean of squares, and the parameters of its linearisation."""
    x, y = data()
    p = first = start()
    f0, j0, moved = forward(first, x, s), jacobian(first, x, s), np.zeros(len(flat(first)))
    for _ in range(steps):
        p = unflat(flat(p) - rate * jacobian(p, x, s).T @ (forward(p, x, s) - y) / N, p)
        with np.errstate(over="ignore", invalid="ignore"):  # beyond 2/λ
            moved = moved - rate * j0.T @ (f0 + j0 @ moved - y) / N
    return first, p, moved


def report(s=1.0, rate=0.05, steps=300, **options):
    first, last, _ = trained(s, rate, steps)
    with jax.enable_x64(True):
        kind = mf.Parametrisation(particles=M, multiplier=s)
        settings = {"step": rate, "steps": steps, "parametrisation": kind, "resamples": 200, **options}
        return mf.diagnose(first, last, *data(), *data(40, 5), **settings)


@pytest.mark.fast
@pytest.mark.parametrize("s", [1.0, 1 / 30])
def test_numbers_are_those_of_numpy(s):
    rate = 0.05 if s == 1 else 1.5
    first, last, moved = trained(s, rate)
    found = report(s, rate)
    x, y = data()
    xt, yt = data(40, 5)
    k0, k1 = (jacobian(p, x, s) @ jacobian(p, x, s).T for p in (first, last))
    size = np.linalg.norm
    assert found.kernel_change.value == pytest.approx(size(k1 - k0) / size(k0), rel=1e-10)
    assert found.kernel_cosine.value == pytest.approx(np.sum(k0 * k1) / size(k0) / size(k1), rel=1e-10)
    f, f0 = forward(last, xt, s), forward(first, xt, s)
    lin = f0 + jacobian(first, xt, s) @ moved
    assert found.linear_gap.value == pytest.approx(size(f - lin) / size(f - f0), rel=1e-8)
    assert found.risk.value == pytest.approx(np.mean((f - yt) ** 2) / 2, rel=1e-10)
    assert found.linear_risk.value == pytest.approx(np.mean((lin - yt) ** 2) / 2, rel=1e-8)
    assert found.curves["risk"][-1] == pytest.approx(np.mean((forward(last, x, s) - y) ** 2) / 2, rel=1e-8)
    centred = y - y.mean()
    assert found.alignment[1] == pytest.approx(centred @ k1 @ centred / size(k1) / (centred @ centred), rel=1e-10)
    assert found.spectra[0][0] == pytest.approx(np.linalg.eigvalsh(k0 / N)[-1], rel=1e-10)
    # The Hessian by central differences of the gradient: of relative error 1e-6 or so, away from kinks.
    gradient = lambda v: jacobian(unflat(v, last), x, s).T @ (forward(unflat(v, last), x, s) - y) / N  # noqa: E731
    v, e = flat(last), 1e-6
    hessian = np.array([(gradient(v + e * unit) - gradient(v - e * unit)) / (2 * e) for unit in np.eye(len(v))])
    assert found.largest_step.value == pytest.approx(2 / np.linalg.eigvalsh((hessian + hessian.T) / 2)[-1], rel=1e-5)
    for interval in (found.kernel_change, found.kernel_cosine, found.linear_gap, found.risk, found.largest_step):
        assert interval.low <= interval.value <= interval.high
    assert str(found).startswith(f"{found.verdict}: {found.reason}")


def test_the_gauge_does_not_matter_and_the_metric_does():
    """Output weights c times as large and input weights 1/c times, with steps c² and 1/c² times: the same training."""
    first, last, _ = trained()
    factors = {"W": 1 / 3, "b": 1 / 3, "a": 3.0, "c": 1.0}
    turned = [{name: factors[name] * value for name, value in p.items()} for p in (first, last)]
    with jax.enable_x64(True):
        given = (*data(), *data(40, 5))
        plain = mf.diagnose(first, last, *given, 0.05, 300, resamples=50)
        steps = {name: 0.05 * factor**2 for name, factor in factors.items()}
        other = mf.diagnose(*turned, *given, steps, 300, resamples=50)
        wrong = mf.diagnose(*turned, *given, 0.05, 300, resamples=50)
    for name in ("kernel_change", "kernel_cosine", "linear_gap", "risk", "linear_risk"):
        np.testing.assert_allclose(getattr(other, name), getattr(plain, name), rtol=1e-8)
    # A mapping of steps has one number for all: by how much they may grow together.
    assert other.largest_step.value / max(steps.values()) == pytest.approx(plain.largest_step.value / 0.05, rel=1e-6)
    assert abs(wrong.kernel_change.value / plain.kernel_change.value - 1) > 0.05


def test_particles_are_their_own_weights():
    first, last, _ = trained()
    with jax.enable_x64(True):
        networks = [mf.from_weights(p) for p in (first, last)]
        for c in (True, False):
            arrays = [{k: v for k, v in p.items() if c or k != "c"} for p in (first, last)]
            plain = mf.diagnose(*arrays, *data(), resamples=50)
            if c:
                np.testing.assert_allclose(
                    mf.diagnose(*networks, *data(), resamples=50).kernel_change, plain.kernel_change
                )


def test_a_model_of_ones_own_is_as_the_network_that_it_is():
    first, last, _ = trained()

    def model(p, x):
        return (jnp.maximum(x @ p["W"].T + p["b"], 0) @ p["a"].T + p["c"])[:, 0]

    with jax.enable_x64(True):
        plain = mf.diagnose(first, last, *data(), step=0.05, steps=300, resamples=50)
        other = mf.diagnose(first, last, *data(), step=0.05, steps=300, model=model, resamples=50)
    for name in ("kernel_change", "linear_gap", "risk", "largest_step"):
        np.testing.assert_allclose(getattr(other, name), getattr(plain, name), rtol=1e-9)
    assert other.movement is None
    assert "of a model of your own" in str(other)
    with pytest.raises(ValueError, match="no two-layer network"):
        other.largest_step_at(100)


def test_blocks_of_samples_change_nothing(monkeypatch):
    plain = report()
    monkeypatch.setattr("meanfield.diagnosis.linearised.BLOCK", 7 * M)
    np.testing.assert_allclose(report().linear_gap, plain.linear_gap, rtol=1e-9)


def test_where_the_linearised_network_diverges_it_says_so():
    """At 1.5 times 2/λ of the start the network itself survives, in fewer steps than rounding takes to be seen."""
    for steps in (100, 2000):  # of a growing, then of an infinite risk
        found = report(rate=1.0, steps=steps)
        assert found.replay_gap.value < 1e-3
        assert found.verdict == "rich"
        assert "diverges at this step" in found.reason
    assert json.loads(json.dumps(found.as_json(), allow_nan=False))["linear_risk"]["value"] is None


def test_the_largest_step_at_another_width_is_by_counting():
    first, last, _ = trained()
    for kind, power in (("standard", -1), ("tangent", 0), ("mean_field", 1)):
        found = mf.diagnose(first, last, *data(), parametrisation=kind, resamples=20)
        assert found.largest_step_at(10 * M) == pytest.approx(found.largest_step.value * 10.0**power)


def test_from_hidden_weights_of_zero_the_way_is_infinite():
    first, last, _ = trained()
    found = mf.diagnose({name: 0 * value for name, value in first.items()}, last, *data(), resamples=20)
    assert (found.verdict, found.movement) == ("rich", np.inf)
    assert json.loads(json.dumps(found.as_json(), allow_nan=False))["movement"] is None


def test_losses_by_name():
    first, last, _ = trained()
    x, y = data()
    half = mf.diagnose(first, last, x, y, step=0.05, steps=5, resamples=20)
    whole = mf.diagnose(first, last, x, y, step=0.025, steps=5, loss="mse", resamples=20)
    assert whole.risk.value == pytest.approx(2 * half.risk.value, rel=1e-6)
    assert whole.linear_gap.value == pytest.approx(half.linear_gap.value, rel=1e-4)
    assert whole.largest_step.value == pytest.approx(half.largest_step.value / 2, rel=1e-5)
    labels = mf.diagnose(first, last, x, np.sign(y), step=0.05, steps=5, loss="logistic", resamples=20)
    f = forward(last, x)
    assert labels.risk.value == pytest.approx(np.mean(np.log1p(np.exp(-np.sign(y) * f))), rel=1e-5)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"x": np.ones((1, 4)), "y": np.ones(1)}, "x has 1 row: expected at least 2"),
        ({"y": np.ones(7)}, "y has 7 rows: expected 30"),
        ({"x": np.ones((30, 5))}, "x has 5 columns: the network has 4 inputs"),
        ({"x_test": np.ones((3, 4))}, "x_test, y_test: expected both"),
        ({"x_test": np.ones((3, 5)), "y_test": np.ones(3)}, "x_test has 5 columns: expected 4"),
        ({"steps": 10}, "steps=10: expected the step as well"),
        ({"step": -1.0, "steps": 10}, "step=-1.0"),
        ({"step": {"W": 1.0}, "steps": 10}, "step has W: expected W, b, a, c"),
        ({"loss": "hinge"}, "loss='hinge'"),
        ({"model": 3}, "model=3: expected a function"),
        ({"trained": {**start(), "W": np.ones((M, 3))}}, "x has|W has shape"),
        ({"trained": {"W": start(m=9)["W"], "a": start(m=9)["a"]}}, "trained: W has shape"),
        ({"initial": ZERO, "trained": ZERO}, "no derivative at these inputs"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_a_sentence(options, sentence):
    first, last, _ = trained()
    x, y = data()
    with pytest.raises(ValueError, match=sentence):
        mf.diagnose(**{"initial": first, "trained": last, "x": x, "y": y, "resamples": 5, **options})


@pytest.mark.full
def test_memory_does_not_grow_with_the_samples():
    """The hidden layer of all samples would be 8 MB, then 410 MB; data and their copies are 5 MB."""
    code = """
import resource, sys
import numpy as np
import meanfield as mf
n, m = int(sys.argv[1]), 1024
rng = np.random.default_rng(0)
x = rng.normal(size=(n, 10)).astype(np.float32)
first = {"W": rng.normal(size=(m, 10)) / 3, "a": rng.normal(size=(1, m)) / 32}
last = {"W": 1.01 * first["W"], "a": first["a"]}
mf.diagnose(first, last, x, x[:, 0], x[: n // 2], x[: n // 2, 0], step=1e-3, steps=3)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""

    def peak(n):
        done = subprocess.run([sys.executable, "-c", code, str(n)], capture_output=True, text=True, check=True)
        return int(done.stdout) / 1e3

    assert peak(100_000) < peak(2_000) + 80

"""Networks beside kernel regression: errors of both against other code, and the linearised motion against descent."""

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge

import simulations
from simulations.regimes.hidden_direction import STRENGTHS, HiddenDirection, Subspace
from simulations.regimes.kernel_change import lazy_limit, linear_drift
from theory import arc_cosine
from theory.neurons import Network


@pytest.mark.parametrize("target", ["direction", "many"])
def test_errors_are_shares_of_the_variance(target):
    """f = 0 at the start; and kernel regression is scikit-learn's, with the ridge that is best on the test samples."""
    run = HiddenDirection(target=target, samples=20, time=4.0, dimension=4, particles=8)
    found, _ = run.run()
    task = run.tasks[""]
    power = np.mean(task.clean**2) / np.var(task.clean)
    assert found["net_error"][0] == pytest.approx(power, rel=1e-5)
    x, z = task.x / 2, task.x_test / 2  # inputs are of length √d
    kernel, cross = arc_cosine.tangent_kernel(x), arc_cosine.tangent_kernel(z, x)
    errors = []
    for strength in STRENGTHS:
        model = KernelRidge(alpha=strength * len(x), kernel="precomputed").fit(kernel, task.y)
        errors.append(np.mean((model.predict(cross) - task.clean) ** 2) / np.var(task.clean))
    assert found["kernel_error"] == pytest.approx(min(errors), rel=1e-6)


def test_a_task_in_a_subspace_is_the_same_task():
    run = Subspace(dimension=9, intrinsic=3, samples=12)
    lifted, small = run.tasks[""], run.tasks["reference_"]
    np.testing.assert_allclose(lifted.x @ lifted.x_test.T, small.x @ small.x_test.T, atol=1e-12)
    np.testing.assert_array_equal(lifted.y, small.y)
    np.testing.assert_allclose(lifted.x @ lifted.direction, small.x[:, 0], atol=1e-12)
    assert np.var(lifted.theta[:, 1:]) == pytest.approx(1 / 3, rel=0.25)


def test_linear_drift_is_descent_of_the_tangent_model():
    """Loops over steps, for two networks, against the closed form; the root of the mean square of both."""
    random, alpha, step = np.random.default_rng(3), 50.0, 0.5
    draws = [(random.normal(size=(6, 3)), random.normal(size=6), random.normal(size=(8, 4))) for _ in range(2)]
    squares = []
    for x, y, theta in draws:
        start = Network(theta, "tanh")
        kernel, f, moved = start.tangent_kernel(x)[:, 0, :, 0], np.zeros(6), np.zeros_like(theta)
        for _ in range(40):
            residual = y - f
            moved += step / 6 * start.gradients(x, residual[:, None]).sum(axis=0)
            f = f + step / 6 * kernel @ residual
        later = Network(theta + moved / alpha, "tanh").tangent_kernel(x)[:, 0, :, 0]
        squares.append(np.sum((later - kernel) ** 2) / np.sum(kernel**2))
    found = linear_drift("tanh", alpha, step, np.array([0, 40]), draws)
    assert found[0] == 0
    assert found[1] == pytest.approx(np.mean(squares) ** 0.5, rel=1e-9)


def test_limit_of_a_series():
    """1 + 3/α − 20/α² has the limit 1, to rounding; what the parabola adds to the line is in the error."""
    alphas = (10.0, 20.0, 40.0)
    runs = [({"alpha": alpha, "seed": seed}, 1 + (3 + seed) / alpha - 20 / alpha**2)
            for seed in range(4) for alpha in alphas]  # fmt: skip
    records = simulations.Records(simulations.Record(held, {"v": np.array(value)}) for held, value in runs)

    def judged(predicted):
        return lazy_limit(records, select=lambda all: all, value=lambda one: one["v"], what="v", predicted=predicted)

    assert judged(1.0).measured == pytest.approx(1, abs=1e-12)
    assert judged(1.0).error == pytest.approx(20 / 20 / 40, abs=1e-10)
    assert judged(1.02).passed
    assert not judged(1.03).passed

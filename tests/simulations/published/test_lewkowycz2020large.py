"""Units of Lewkowycz et al. (2020): their descent, written out, is the engine's at the same step."""

import jax
import numpy as np
import pytest

import meanfield as mf
from simulations.published import lewkowycz2020large as study


def authors(theta, x, y, step, steps, relu=False):
    """Descend f = n^−½ v·σ(u x) on (1/2N) Σ (f − y)² by steps η; rows of the result are (v_j, u_j)."""
    v, u = theta[:, 0].copy(), theta[:, 1:].copy()
    for _ in range(steps):
        z = u @ x.T
        slope = (z > 0).astype(float) if relu else np.ones_like(z)
        features = z * slope
        residual = (v @ features / np.sqrt(len(v)) - y) / len(y)
        grad_v = features @ residual / np.sqrt(len(v))
        grad_u = (v[:, None] * slope * residual) @ x / np.sqrt(len(v))
        v, u = v - step * grad_v, u - step * grad_u
    return np.column_stack([v, u])


def engine(setup, steps):
    run = mf.simulate(setup.problem, setup.flow, setup.start, times=[0, steps])
    return np.asarray(run.particles.position)


def test_a_step_of_the_warm_up_model_is_theirs():
    """A step moves every weight by η times the gradient of f²/2: to rounding after twelve, a catapult among them."""
    with jax.enable_x64(True):
        run = study.Warmup(particles=40, ratio=3.0, seed=3)
        found = engine(run._setups()[""], 12)
    expected = authors(run.theta, *study.datum(), run.step, 12)
    assert np.max(np.abs(expected - run.theta)) > 0.1
    np.testing.assert_allclose(found, expected, atol=1e-11)
    wrong = authors(run.theta, *study.datum(), run.step / np.sqrt(40), 12)  # the step of another scale
    assert np.max(np.abs(found - wrong)) > 0.1


def test_the_curvature_is_that_of_their_loss():
    """ηλ₀ is the ratio: λ₀ is the largest eigenvalue of the Hessian of the loss in the weights where f = y."""
    run = study.Warmup(particles=5, ratio=3.0, seed=1)
    gradient = np.concatenate([run.theta[:, 1], run.theta[:, 0]]) / np.sqrt(5)
    assert run.step * gradient @ gradient == pytest.approx(3.0, rel=1e-12)


def test_a_step_on_images_is_theirs():
    with jax.enable_x64(True):
        run = study.Images(particles=30, samples=12, share=0.1, seed=2)
        setup = run.setups()["ratios"][0]
        found = engine(setup, 3)
    expected = authors(run.theta, *run.data, study.TRIED_RELU[0] / run.curvature, 3, relu=True)
    np.testing.assert_allclose(found, expected, atol=2e-5)  # images and weights are single precision
    assert np.max(np.abs(expected - run.theta)) > 1e-2
    jacobian = [np.ravel(mf_gradient(run.theta, x)) for x in run.data[0]]
    kernel = np.array(jacobian) @ np.array(jacobian).T / run.samples
    assert run.curvature == pytest.approx(np.linalg.eigvalsh(kernel)[-1], rel=1e-10)


def mf_gradient(theta, x):
    """The derivatives of the author's f at one input in all weights."""
    active = (theta[:, 1:] @ x > 0)[:, None]
    return active * np.column_stack([theta[:, 1:] @ x, theta[:, :1] * x]) / np.sqrt(len(theta))


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_the_mean_has_its_share_of_the_images_power(share):
    x, y = study.Images(share=share, seed=1).data
    assert np.mean(np.sum(x**2, axis=1)) == pytest.approx(1, rel=1e-12)
    assert np.sum(x.mean(axis=0) ** 2) == pytest.approx(share, abs=1e-12)
    assert set(y) == {-1.0, 1.0}


def test_a_phase_ends_between_the_steps_that_were_tried():
    tried = np.array([1.0, 2.0, 4.0])
    assert study.ends(tried, np.array([False, True, True])) == 1.5
    assert study.ends(tried, np.array([False, False, True])) == 3.0
    assert study.ends(tried, np.array([False, False, False])) == 4.0
    assert study.ends(tried, np.array([True, True, True])) == 1.0

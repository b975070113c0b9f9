"""What the conic study builds on: its unit, its starts, and its refusals."""

import jax.numpy as jnp
import numpy as np
import pytest

from simulations.limits._conic import SMOOTHING, Parameters, Rounded, problem
from theory.conic import sphere_flow


def test_rounded_unit_is_two_homogeneous_and_that_of_theory():
    rng = np.random.default_rng(0)
    theta, x = rng.normal(size=4), rng.normal(size=3)
    value, tripled = (float(Rounded()(jnp.asarray(at), jnp.asarray(x))) for at in (theta, 3 * theta))
    assert tripled == pytest.approx(9 * value, rel=1e-6)
    flow = sphere_flow(theta[None], x[None], [0.0], [0.0], smoothing=SMOOTHING["rounded"])
    assert flow.predictions[0, 0] == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize(("start", "share"), [("balanced", 1.0), ("unbalanced", 0.5)])
def test_starts(start, share):
    theta, x, _ = problem(Parameters(start=start, seed=3))
    assert np.allclose(np.abs(theta[..., 0]), share * np.linalg.norm(theta[..., 1:], axis=2))
    assert np.allclose(np.linalg.norm(x, axis=2), 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"flow": "heun"}, "flow='heun': expected one of euler, runge_kutta, conic"),
        ({"activation": "tanh"}, "activation='tanh': expected one of rounded, relu"),
        ({"steps": 0}, "steps=0: expected a whole number of at least 1"),
        ({"alpha": 0.0}, "alpha=0.0: expected a finite number above 0"),
        ({"time": -1.0}, "time=-1.0: expected a finite number at least 0"),
    ],
)
def test_bad_input_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        Parameters(**change)

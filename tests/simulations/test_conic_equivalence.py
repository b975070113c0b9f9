"""What the conic study builds on: its unit, its starts, and its refusals."""

import jax.numpy as jnp
import numpy as np
import pytest

from simulations.limits.conic_equivalence import STUDY, Descent
from simulations.limits.first_variation import SMOOTHING, Rounded
from theory.conic import sphere_flow

pytestmark = pytest.mark.fast


def test_rounded_unit_is_two_homogeneous_and_that_of_theory():
    rng = np.random.default_rng(0)
    theta, x = rng.normal(size=4), rng.normal(size=3)
    value, tripled = (float(Rounded()(jnp.asarray(at), jnp.asarray(x))) for at in (theta, 3 * theta))
    assert tripled == pytest.approx(9 * value, rel=1e-6)
    flow = sphere_flow(theta[None], x[None], [0.0], [0.0], smoothing=SMOOTHING["rounded"])
    assert flow.predictions[0, 0] == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize(("balanced", "share"), [(True, 1.0), (False, 0.5)])
def test_starts(balanced, share):
    theta, x, _ = Descent(balanced=balanced, seed=3).data
    assert np.allclose(np.abs(theta[..., 0]), share * np.linalg.norm(theta[..., 1:], axis=2))
    assert np.allclose(np.linalg.norm(x, axis=2), 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"experiment": "heun"}, "experiment='heun': expected one of descent, runge_kutta, conic, first_variation"),
        ({"experiment": "conic", "activation": "tanh"}, "activation='tanh': expected one of rounded, relu"),
        ({"experiment": "descent", "steps": 0}, "steps=0: expected a whole number of at least 1"),
        ({"experiment": "descent", "alpha": 0.0}, "alpha=0.0: expected a number above 0"),
        ({"experiment": "descent", "time": -1.0}, "time=-1.0: expected a number above 0"),
        ({"experiment": "descent", "decay": -1.0}, "decay=-1.0: expected a number of at least 0"),
    ],
)
def test_bad_input_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        STUDY.make(change)

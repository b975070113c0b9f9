"""What the conic study builds on: its unit, its starts, and its refusals."""

import jax.numpy as jnp
import numpy as np
import pytest

from simulations.limits.conic_equivalence import STUDY, Descent
from simulations.limits.first_variation import SMOOTHING, WIDE, Rounded, Rounding
from theory.conic import first_variation, sphere_flow

pytestmark = pytest.mark.fast


def test_rounded_unit_is_two_homogeneous_and_that_of_theory():
    rng = np.random.default_rng(0)
    theta, x = rng.normal(size=4), rng.normal(size=3)
    value, tripled = (float(Rounded()(jnp.asarray(at), jnp.asarray(x))) for at in (theta, 3 * theta))
    assert tripled == pytest.approx(9 * value, rel=1e-6)
    flow = sphere_flow(theta[None], x[None], [0.0], [0.0], smoothing=SMOOTHING["rounded"])
    assert flow.predictions[0, 0] == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.5])
@pytest.mark.parametrize("particles", [3, 300])
def test_bound_of_rounding_is_of_the_size_of_rounding(smoothing, particles):
    """Gradients and slopes in single precision, whose errors are a part of the bound: not all, and not next to none."""
    rng = np.random.default_rng(particles)
    setting = (50.0, 0.02, smoothing)
    theta, toward = rng.normal(size=(2, particles, 4)).astype(np.float32).astype(float)
    x, y = (rng.normal(size=size).astype(np.float32).astype(float) for size in ((10, 3), 10))

    def both(kind):
        """(∇F'[μ](θ_j), ∫ F' d(ν − μ)) with all numbers of this kind."""
        a, b, inputs, targets = (one.astype(kind) for one in (theta, toward, x, y))
        scale, decay, smooth = map(kind, setting)

        def unit(of):
            z = of[:, 1:] @ inputs.T
            root = np.sqrt(z * z + smooth**2 * np.sum(of[:, 1:] ** 2, axis=1, keepdims=True))
            slope = (1 + z / np.where(root > 0, root, 1)) / 2 if smooth else (z > 0).astype(kind)
            return (z + root) / 2, slope, smooth**2 / (2 * root) if smooth else np.zeros_like(z)

        phi, slope, radial = unit(a)
        r = (scale / kind(particles) * (a[:, 0] @ phi) - targets) / (scale * kind(10))
        inner = a[:, :1] * ((r * slope) @ inputs + np.sum(r * radial, axis=1, keepdims=True) * a[:, 1:])
        values = [of[:, 0] * (unit(of)[0] @ r) + decay / kind(2) * np.sum(of * of, axis=1) for of in (b, a)]
        gradient = np.column_stack([phi @ r, inner]) + decay * a
        return gradient, np.mean(values[0]) - np.mean(values[1])

    bound = Rounding(theta, x, y, *setting)
    (rough, slope), (exact, same) = both(np.float32), both(np.float64)
    known = first_variation(theta, x, y, strength=0.02, scale=50.0, smoothing=smoothing)
    assert exact == pytest.approx(known[1], abs=1e-12)
    ratio = np.abs(rough - exact) / (WIDE * bound.gradient() * 2**29)  # units in the last place: 2^−24 and 2^−53
    assert 0.05 < ratio.max() < 1
    assert abs(slope - same) < WIDE * bound.along(toward) * 2**29 < 500 * abs(slope - same)


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

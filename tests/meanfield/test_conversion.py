"""What arrays say beside their numbers is kept or refused, and numbers are checked in the type they are used in."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

import meanfield as mf
from meanfield.arguments import floating_array, positive_scalar

pytestmark = pytest.mark.fast

UNIT, THREE = mf.Neuron("relu"), mf.Neuron("relu", outputs=3)
X = np.arange(8.0).reshape(4, 2)


@pytest.fixture(autouse=True)
def narrow():
    with jax.enable_x64(False):
        yield


def test_an_array_is_the_engine_s_own():
    """JAX shares the memory of large arrays on processors, and what their owner writes later would change the data."""
    x = np.ones((50_000, 2), np.float32)
    objective = mf.Objective(UNIT, mf.Square(), x, x[:, 0])
    x[:] = np.nan
    assert bool(jnp.all(objective.x == 1))
    assert bool(jnp.all(objective.y == 1))


@pytest.mark.parametrize("dtype", [np.float16, jnp.bfloat16])
def test_half_precision_is_computed_in_single(dtype):
    x = jnp.asarray(X, dtype)
    mu = mf.Particles(jnp.ones((5, 3), dtype))
    objective = mf.Objective(UNIT, mf.Square(), x, x[:, 0])
    assert objective.x.dtype == mu.dtype == objective.velocity(mu).dtype == np.float32
    assert np.array_equal(objective.x, np.asarray(x, np.float32))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.ma.masked_array(X, X > 6), "x holds 1 masked"),
        ([np.ma.masked_array([1.0, 2.0], [True, False])] * 4, "x holds 1 masked"),
        (pd.DataFrame([[1, None]] * 4, dtype="Int64"), "x holds <NA>"),
        (1.7e9 + X, "column 0 of x runs from 1700000000 to 1700000006, which float32 can't tell apart"),
        ((2**30 + X).astype(np.int32), "column 0 of x runs from"),
        (X * 1e-300, "x holds nothing above 7e-300, which is 0 in float32"),
        (X * 1e300, r"x holds 1e\+300, beyond the range of float32"),
        (X.astype("datetime64[s]"), r"x has type datetime64\[s\]"),
        (X.astype(str), "x holds text such as '0.0'.*Did you mean it as numbers"),
    ],
)
def test_refused(value, message):
    with pytest.raises(ValueError, match=message):
        floating_array("x", value, "n d")


def test_a_column_of_ones_up_to_rounding_is_taken():
    column = 1 + np.array([0, 1, 2, 0]) * np.finfo(float).eps
    assert bool(jnp.all(floating_array("x", column, "n") == 1))


def test_whole_numbers_of_python_keep_their_digits():
    with jax.enable_x64(True):
        found = floating_array("x", np.array([2**52 + 1, 2**52 + 3], object), "n")
        assert found.tolist() == [2.0**52 + 1, 2.0**52 + 3]


@pytest.mark.parametrize(("value", "kind"), [(1e-50, "0"), (1e300, "infinite"), (1e-40, "0")])
def test_numbers_are_checked_as_they_are_used(value, kind):
    """1e-40 is a subnormal number of float32, and compilers take it for 0."""
    with pytest.raises(ValueError, match=f"step={value!r}: {kind} in float32".replace("+", r"\+")):
        positive_scalar("step", value)
    with jax.enable_x64(True):
        assert float(positive_scalar("step", value)) == value


def test_a_step_that_the_particles_do_not_hold():
    with jax.enable_x64(True):
        mu = mf.Particles(np.ones((5, 3), np.float32))
        objective = mf.Objective(UNIT, mf.Square(), np.float32(X), np.float32(X[:, 0]))
        with pytest.raises(ValueError, match="step=1e-50: 0 in float32"):
            mf.simulate(objective, mf.GradientFlow(1e-50), mu, times=1e-48)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["0", "1", "2", "0"], "y holds text such as '0'.*Did you mean it as numbers"),
        (np.array([0, "1", 2, 0], object), "y holds '1'"),
        ([1, 2, 3, 1], "y holds the class 3.*Did you mean y - 1"),
        (2 * np.eye(3)[[0, 1, 2, 0]] - 1, r"y holds rows of -1 and \+1.*Did you mean \(y \+ 1\) / 2"),
    ],
)
def test_labels_that_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        mf.Objective(THREE, mf.Logistic(), X, labels)


@pytest.mark.parametrize("dtype", [">i2", ">f8", "u1", object, np.float16, float])
def test_labels_of_every_type(dtype):
    y = np.array([0, 2, 1, 0]).astype(dtype)
    assert np.array_equal(mf.Objective(THREE, mf.Logistic(), X, y).y, np.eye(3)[[0, 2, 1, 0]])

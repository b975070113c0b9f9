"""MNIST-1D: the published samples, not merely samples alike."""

import hashlib

import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf
from meanfield.datasets.signals import LENGTH, signals, templates

pytestmark = pytest.mark.fast

# Read off the data set that the authors' own package makes with its defaults (version 0.0.2), to six decimals.
FIRST = [-0.332006, -0.471910, -0.778697, -1.009741]
LAST = [0.659876, 0.877734, 1.193152]
THIRD_MOMENT = -0.065631
LABELS = "4f5f4160c519e3c4"


def test_published_samples():
    """The same signals in the same order; every digit 500 times."""
    x, digit = signals()
    assert x.shape == (5000, LENGTH)
    assert np.abs(x[0, :4] - FIRST).max() < 1e-6
    assert np.abs(x[-1, -3:] - LAST).max() < 1e-6
    assert abs((x**3).mean() - THIRD_MOMENT) < 1e-6
    assert hashlib.sha256(digit.astype(np.int8).tobytes()).hexdigest()[:16] == LABELS
    assert np.bincount(digit).tolist() == [500] * 10
    assert abs(x.mean()) < 1e-12
    assert abs(x.std() - 1) < 1e-12


def test_another_seed_is_another_draw_of_the_same_law():
    """Means over signals of either draw agree within z = 5 standard errors, point by point; the signals do not."""
    x, digit = signals(1000)
    other, other_digit = signals(1000, seed=7)
    assert not np.array_equal(x, other)
    for number in range(10):
        one, two = x[digit == number], other[other_digit == number]
        error = np.sqrt(one.var(axis=0) / len(one) + two.var(axis=0) / len(two))
        assert np.all(np.abs(one.mean(axis=0) - two.mean(axis=0)) < 5 * error)


def test_templates():
    lines = templates()
    assert lines.shape == (10, 12)
    assert np.abs(lines.std(axis=1) - 1 / 6).max() < 1e-12
    assert np.all(lines[:, 0] == 0)
    # six is zero upside down
    assert np.abs(lines[0] + lines[6]).max() < 1e-12


def test_data_set():
    """The published split is number 0; a linear classifier gets a third right, the nearest neighbour far more."""
    x, digit = signals()
    data = mf.datasets.mnist1d()
    assert (data.x.shape, data.y.shape, data.x_test.shape, data.y_test.shape) == (
        (4000, 40),
        (4000, 10),
        (1000, 40),
        (1000, 10),
    )
    assert np.array_equal(data.x, jnp.asarray(x[:4000], data.x.dtype))
    assert np.array_equal(np.argmax(data.y_test, axis=1), digit[4000:])
    from sklearn.linear_model import LogisticRegression

    linear = LogisticRegression(max_iter=300).fit(x[:4000], digit[:4000]).score(x[4000:], digit[4000:])
    # 0.32 is published; a share of 1000 has a standard error of 0.015
    assert abs(linear - 0.32) < 0.06


def test_splits():
    first, other = mf.datasets.mnist1d(n=100, n_test=50), mf.datasets.mnist1d(n=100, n_test=50, split=1)
    assert not np.array_equal(first.x, other.x)
    assert np.array_equal(other.x, mf.datasets.mnist1d(n=100, n_test=50, split=1).x)
    rows = {row.tobytes() for row in np.asarray(other.x)} & {row.tobytes() for row in np.asarray(other.x_test)}
    assert not rows
    assert "split 1: 100 for training, 50 for test" in other.statement


def test_bad_input():
    with pytest.raises(ValueError, match="count=15: expected a multiple of 10"):
        signals(15)
    with pytest.raises(ValueError, match="n=4500 and n_test=1000: mnist1d has 5000 samples"):
        mf.datasets.mnist1d(n=4500)

"""Data sets: what the statement says is what the arrays are, and a split is the same everywhere."""

import hashlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits

import meanfield as mf

pytestmark = pytest.mark.turns(4)

KEY = jax.random.key(0)
EPS = float(jnp.finfo(jnp.result_type(float)).eps)


def test_digits():
    """Ten one-hot classes of unit-norm, centred images; parity is the same split with labels ±1."""
    data, parity = mf.datasets.digits(), mf.datasets.digits(task="parity")
    assert (data.x.shape, data.y.shape, data.x_test.shape, data.y_test.shape) == (
        (1000, 64),
        (1000, 10),
        (797, 64),
        (797, 10),
    )
    assert (data.d, data.outputs, parity.outputs) == (64, 10, 1)
    assert np.all(np.asarray(data.y).sum(axis=1) == 1)
    assert np.array_equal(data.x, parity.x)
    even = np.argmax(data.y, axis=1) % 2 == 0
    assert np.array_equal(parity.y, np.where(even, 1.0, -1.0))
    assert data.name == "digits_classes"
    assert "split 0: 1000 for training, 797 for test" in data.statement


def test_breast_cancer():
    """Labels ±1, benign the more frequent; each feature standardised on the training part."""
    data = mf.datasets.breast_cancer()
    assert (data.x.shape, data.x_test.shape, data.outputs) == ((400, 30), (169, 30), 1)
    assert set(np.unique(data.y)) == {-1.0, 1.0}
    # 357 benign of 569
    both = np.concatenate([data.y, data.y_test])
    assert (both > 0).sum() == 357


REAL = {
    "digits": (lambda **o: mf.datasets.digits(**o), load_digits, False, "b1b1d3de6a6c0cf6"),
    "breast_cancer": (lambda **o: mf.datasets.breast_cancer(**o), load_breast_cancer, True, "6235c8319abfcb6c"),
}


@pytest.mark.parametrize("name", REAL)
def test_standardisation_is_as_stated(name):
    """Statistics of the training part alone, then unit length; redone here from the raw data."""
    make, load, scaled, _ = REAL[name]
    data = make(n=300, n_test=200)
    assert f"split 0: 300 for training, 200 for test; {'standardised' if scaled else 'centred'}" in data.statement
    raw = load().data
    order = np.random.default_rng(0).permutation(len(raw))
    train, test = raw[order[:300]], raw[order[300:500]]
    mean, spread = train.mean(axis=0), train.std(axis=0)
    spread = np.where(spread > 0, spread, 1) if scaled else 1.0
    for measured, part in ((data.x, train), (data.x_test, test)):
        expected = (part - mean) / spread
        expected /= np.sqrt((expected**2).sum(axis=1, keepdims=True))
        assert np.abs(measured - expected).max() <= 8 * EPS
        assert np.abs(np.linalg.norm(measured, axis=1) - 1).max() <= 8 * EPS


@pytest.mark.parametrize("name", REAL)
def test_splits(name):
    """Fixed by a number: the same again, another for another number; training and test share no sample."""
    make, load, _, digest = REAL[name]
    first, again, other = make(), make(), make(split=1)
    assert np.array_equal(first.x, again.x)
    assert not np.array_equal(first.x, other.x)
    total = len(load().data)
    assert len(first.x) + len(first.x_test) == total
    rows = {row.tobytes() for row in np.asarray(first.x)} & {row.tobytes() for row in np.asarray(first.x_test)}
    assert not rows
    # the labels in their order, as they were when this was written: on every machine, Python and JAX
    labels = np.asarray(first.y if first.y.ndim == 1 else np.argmax(first.y, axis=1)).astype(np.int8)
    assert hashlib.sha256(labels.tobytes()).hexdigest()[:16] == digest


def test_teacher():
    """Unit inputs and targets of power one, up to the error of 10 000 samples; noise adds its own."""
    data = mf.datasets.teacher(KEY, 50, 5, n_test=4000, neurons=4)
    assert (data.x.shape, data.y.shape, data.x_test.shape, data.y_test.shape) == ((50, 5), (50,), (4000, 5), (4000,))
    assert np.abs(np.linalg.norm(data.x, axis=1) - 1).max() <= 8 * EPS
    squares = np.asarray(data.y_test, dtype=float) ** 2
    # two samples of the power, of 10 000 and of 4000 inputs: z = 5 standard errors of their difference
    error = squares.std() * np.sqrt(1 / 4000 + 1 / 10_000)
    assert abs(squares.mean() - 1) <= 5 * error
    noisy = mf.datasets.teacher(KEY, 50, 5, n_test=4000, neurons=4, noise=0.5)
    assert np.array_equal(noisy.x, data.x)
    gap = np.concatenate([noisy.y - data.y, noisy.y_test - data.y_test]).astype(float)
    # variance of a normal variance estimate: 2σ⁴/N
    assert abs((gap**2).mean() - 0.25) <= 5 * 0.25 * np.sqrt(2 / gap.size)
    assert "noise 0.5" in noisy.statement


def test_teacher_can_be_learnt():
    """A neuron at the right place reproduces the targets: they are a network of the stated kind."""
    data = mf.datasets.teacher(KEY, 200, 2, neurons=1)
    x, y = np.asarray(data.x, dtype=float), np.asarray(data.y, dtype=float)
    active = y > 0
    # where the one relu is on, the targets are linear; elsewhere they vanish
    w = np.linalg.lstsq(x[active], y[active], rcond=None)[0]
    assert np.abs(np.maximum(x @ w, 0) - y).max() <= 64 * EPS * np.abs(w).max()


def test_random_labels_and_sphere():
    """Independent of the inputs: mean and correlations of normal targets vanish within z = 5 standard errors."""
    data = mf.datasets.random_labels(KEY, 4000, 3)
    y, x = np.asarray(data.y, dtype=float), np.asarray(data.x, dtype=float)
    assert abs(y.mean()) <= 5 / np.sqrt(4000)
    assert abs((y**2).mean() - 1) <= 5 * np.sqrt(2 / 4000)
    assert np.abs(x.T @ y / 4000).max() <= 5 / np.sqrt(3 * 4000)
    assert np.abs(x.mean(axis=0)).max() <= 5 / np.sqrt(3 * 4000)


@pytest.mark.parametrize("make", [mf.datasets.digits, mf.datasets.breast_cancer])
def test_types(make, x64):
    assert make(n=10, n_test=5).x.dtype == jnp.float64
    assert make(n=10, n_test=5, dtype=jnp.float32).y.dtype == jnp.float32


def test_synthetic_data_do_not_depend_on_the_default_float():
    """float32 data are the same with and without 64-bit numbers."""
    draws = []
    for wide in (False, True):
        with jax.enable_x64(wide):
            draws.append(np.asarray(mf.datasets.on_sphere(jax.random.key(3), 4, 3, dtype=jnp.float32)))
    assert np.array_equal(*draws)

"""Real data sets that ship with scikit-learn, and the signals of MNIST-1D, which a published recipe makes.

Every one comes split, with its standardisation stated in `Dataset.statement`. The split is drawn by numpy from `split`
and is the same on every machine.
"""

import functools

import jax.numpy as jnp
import numpy as np

from meanfield.arguments import float_type, one_of, positive_count
from meanfield.datasets.dataset import Dataset, generator
from meanfield.datasets.samplers import OfSamples
from meanfield.datasets.signals import signals


def digits(*, task: str = "classes", n: int = 1000, n_test: int = 797, split: int = 0, dtype=None) -> Dataset:
    r"""Handwritten digits, 8 × 8 pixels, 1797 images (UCI; as shipped with scikit-learn).

    `task="classes"`: ten classes, one-hot targets [n, 10]. `"parity"`: even digits +1, odd digits −1, targets [n].
    The mean image of the training part is subtracted from all images, and each is then divided by its Euclidean norm.

    >>> import meanfield as mf
    >>> data = mf.datasets.digits(n=500)
    >>> data.x.shape, data.y.shape, data.x_test.shape
    ((500, 64), (500, 10), (797, 64))
    """
    one_of("task", task, ("classes", "parity"))
    pixels, label = _shipped("load_digits")
    targets = np.eye(10)[label] if task == "classes" else np.where(label % 2 == 0, 1.0, -1.0)
    return _real(f"digits_{task}", pixels, targets, n, n_test, split, dtype)


def breast_cancer(*, n: int = 400, n_test: int = 169, split: int = 0, dtype=None) -> Dataset:
    r"""Breast cancer (Wisconsin), 30 features of 569 tumours; benign +1, malignant −1 (as shipped with scikit-learn).

    Each feature is standardised on the training part, and each sample is then divided by its Euclidean norm.
    """
    features, label = _shipped("load_breast_cancer")
    return _real("breast_cancer", features, 2.0 * label - 1, n, n_test, split, dtype, unit_variance=True)


def mnist1d(*, n: int = 4000, n_test: int = 1000, split: int = 0, dtype=None) -> Dataset:
    r"""MNIST-1D (Greydanus & Kobak, 2020): 5000 signals of 40 points in ten classes, one-hot targets [n, 10].

    Made by the published recipe with its seed 42 (`meanfield.datasets.signals`), with no download, and as published:
    mean 0 and variance 1 over all signals together. `split=0` keeps their published order, whose first 4000 are for
    training and whose last 1000 for test; any other number draws an order. A linear classifier is right on a third of
    the test signals only.

    >>> import meanfield as mf
    >>> data = mf.datasets.mnist1d(n=300)
    >>> data.x.shape, data.y.shape, data.x_test.shape
    ((300, 40), (300, 10), (1000, 40))
    """
    x, digit = signals()
    n, n_test = _fits("mnist1d", n, n_test, len(x))
    rng = generator("split", split)
    order = np.arange(len(x)) if np.all(np.asarray(split) == 0) else rng.permutation(len(x))
    train, test = order[:n], order[-n_test:]
    x, y = jnp.asarray(x, float_type(dtype)), jnp.asarray(np.eye(10)[digit], float_type(dtype))
    statement = f"split {split}: {n} for training, {n_test} for test; mean 0 and variance 1 over all 5000 signals"
    return Dataset("mnist1d", x[train], y[train], x[test], y[test], statement, sampler=_drawn(x[train], y[train]))


@functools.cache
def _shipped(loader: str) -> tuple[np.ndarray, np.ndarray]:
    """(features, label) of a data set inside scikit-learn, unpacked once: it takes longer than a small simulation."""
    import sklearn.datasets

    features, label = getattr(sklearn.datasets, loader)(return_X_y=True)
    return features, label


def _real(name, features, targets, n, n_test, split, dtype, unit_variance=False) -> Dataset:
    total = len(features)
    n, n_test = _fits(name, n, n_test, total)
    order = generator("split", split).permutation(total)
    train, test = order[:n], order[n : n + n_test]
    features = features - features[train].mean(axis=0)
    if unit_variance:
        spread = features[train].std(axis=0)
        features = features / np.where(spread > 0, spread, 1.0)
    features = features / np.linalg.norm(features, axis=1, keepdims=True)
    x, y, x_test, y_test = (
        jnp.asarray(part, float_type(dtype))
        for part in (features[train], targets[train], features[test], targets[test])
    )
    scaled = "standardised" if unit_variance else "centred"
    statement = f"split {split}: {n} for training, {n_test} for test; {scaled} on the training part, then unit length"
    return Dataset(name, x, y, x_test, y_test, statement, sampler=_drawn(x, y))


def _drawn(x, y) -> OfSamples:
    """The law of the training samples themselves: of real ones there are no more."""
    return OfSamples(x, y, jnp.zeros((), x.dtype))


def _fits(name: str, n: int, n_test: int, total: int) -> tuple[int, int]:
    n, n_test = positive_count("n", n), positive_count("n_test", n_test)
    if n + n_test > total:
        raise ValueError(f"n={n} and n_test={n_test}: {name} has {total} samples, expected no more than that together.")
    return n, n_test

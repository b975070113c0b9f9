"""The margin and its norms by hand; clusters and discs are where they say."""

import jax
import numpy as np
import pytest

import meanfield as mf

pytestmark = pytest.mark.fast


@pytest.fixture
def classifier(x64):
    rng = np.random.default_rng(0)
    x, y, theta = rng.normal(size=(6, 3)), rng.choice([-1.0, 1.0], 6), rng.normal(size=(5, 4))
    mass = rng.uniform(0.1, 1, size=5)
    return mf.Objective(mf.Neuron("relu"), mf.Exponential(), x, y, scale=3.0), mf.Particles(theta, mass)


def test_margin_over_each_norm(classifier):
    objective, mu = classifier
    theta, p = np.asarray(mu.position), np.asarray(mu.mass)
    f = 3 * np.maximum(np.asarray(objective.x) @ theta[:, 1:].T, 0) @ (p * theta[:, 0])
    margin = np.min(np.asarray(objective.y) * f)
    squares = p @ np.sum(theta**2, axis=1)
    norms = {"variation": 1.5 * squares, "squared": 3 * squares, "output": 3 * np.sqrt(p @ theta[:, 0] ** 2), "none": 1}
    for name, norm in norms.items():
        assert float(mf.observables.Margin(name)(objective, mu, None)) == pytest.approx(margin / norm, rel=1e-13)


def test_margin_refuses():
    with pytest.raises(
        ValueError, match=r"norm='outputs': expected one of variation, squared, output, none\. Did you mean"
    ):
        mf.observables.Margin("outputs")
    objective = mf.Objective(mf.Neuron("relu", outputs=2), mf.Exponential(), np.eye(2), [0, 1])
    with pytest.raises(ValueError, match="outputs=2: the margin is defined for one output"):
        mf.observables.Margin()(objective, mf.Particles(np.ones((3, 4))), None)


@pytest.mark.parametrize(("k", "gap"), [(2, 0.0), (3, 1.0)])
def test_clusters(k, gap):
    data = mf.datasets.clusters(jax.random.key(1), 5 * k * k, 6, n_test=40, k=k, gap=gap)
    x, y = (np.concatenate(parts) for parts in ((data.x, data.x_test), (data.y, data.y_test)))
    assert x.shape == (5 * k * k + 40, 6)
    assert np.abs(x[:, :-1]).max() <= 0.5
    assert np.all(x[:, -1] == 1)
    side = 1 / (k + (k - 1) * gap)
    place = (x[:, :2] + 0.5) / side / (1 + gap)
    cell, within = np.floor(place + 1e-6), (place - np.floor(place + 1e-6)) * (1 + gap)
    assert within.max() <= 1 + 1e-4  # nothing in the gaps
    number = cell[:, 0] * k + cell[:, 1]
    assert np.all(np.bincount(number[: 5 * k * k].astype(int), minlength=k * k) == 5)
    labels = [set(y[number == c]) for c in range(k * k)]
    assert all(len(label) == 1 for label in labels)
    assert set(y) == {-1.0, 1.0}


def test_labels_are_never_all_alike():
    draw = jax.jit(lambda key: mf.datasets.clusters(key, 4, 3, n_test=1, k=2).y)
    seen = [set(draw(jax.random.key(s)).tolist()) for s in range(30)]
    assert all(labels == {-1.0, 1.0} for labels in seen)


def test_clusters_refuse():
    key = jax.random.key(0)
    with pytest.raises(ValueError, match="d=2: expected at least 3, a plane and the constant"):
        mf.datasets.clusters(key, 10, 2)
    with pytest.raises(ValueError, match="k=0: expected a whole number of at least 1"):
        mf.datasets.clusters(key, 10, 3, k=0)
    with pytest.raises(ValueError, match="gap=-1: expected a finite number at least 0"):
        mf.datasets.clusters(key, 10, 3, gap=-1)


def test_discs():
    """Samples lie in the discs, uniform in radius; half of the discs is −1; all are hit alike."""
    k, n = 3, 4000
    data = mf.datasets.discs(jax.random.key(1), n, 6, n_test=40, k=k)
    x, y = (np.concatenate(parts) for parts in ((data.x, data.x_test), (data.y, data.y_test)))
    assert x.shape == (n + 40, 6)
    assert np.all(x[:, -1] == 1)
    assert np.abs(x[:, 2:-1]).max() <= 0.5
    radius = 1 / (3 * k - 1)
    lines = radius * (1 + 3 * np.arange(k)) - 0.5
    centres = np.stack(np.meshgrid(lines, lines), axis=-1).reshape(-1, 2)
    assert np.abs(centres).max() == pytest.approx(0.5 - radius)  # the outermost discs touch ±½
    away = np.linalg.norm(x[:, None, :2] - centres, axis=-1)
    disc, away = away.argmin(axis=1), away.min(axis=1) / radius
    assert away.max() <= 1 + 1e-5
    # Means of uniform numbers within five standard errors: of the distance ½, and not the ⅔ of a uniform law in area.
    assert abs(away.mean() - 1 / 2) <= 5 / np.sqrt(12 * len(x))
    share = 1 / k**2
    assert np.abs(np.bincount(disc) / len(x) - share).max() <= 5 * np.sqrt(share * (1 - share) / len(x))
    labels = [set(y[disc == c]) for c in range(k * k)]
    assert all(len(label) == 1 for label in labels)
    assert sum(label == {-1.0} for label in labels) == (k * k) // 2
    first = {mf.datasets.discs(jax.random.key(s), 1, 3, n_test=1).y.item() for s in range(20)}
    assert first == {-1.0, 1.0}


def test_discs_refuse():
    key = jax.random.key(0)
    with pytest.raises(ValueError, match="d=2: expected at least 3, a plane and the constant"):
        mf.datasets.discs(key, 10, 2)
    with pytest.raises(ValueError, match="k=0: expected a whole number of at least 1"):
        mf.datasets.discs(key, 10, 3, k=0)

"""Samplers of data sets: fresh samples of the same law, for one pass over a stream."""

import jax
import numpy as np
import pytest

import meanfield as mf

KEY, OTHER = jax.random.key(0), jax.random.key(1)
B = 2048
DATA = {
    "teacher": lambda: mf.datasets.teacher(KEY, n=B, d=4, n_test=2),
    "noisy teacher": lambda: mf.datasets.teacher(KEY, n=B, d=4, n_test=2, noise=0.5, signs="random", amplitude=3.0),
    "random labels": lambda: mf.datasets.random_labels(KEY, n=B, d=3),
    "clusters": lambda: mf.datasets.clusters(KEY, n=B, d=5, n_test=2, k=2, gap=0.5),
    "discs": lambda: mf.datasets.discs(KEY, n=B, d=4, n_test=2),
    "spikes": lambda: mf.datasets.spikes(0, 3, noise=0.3),
    "spikes at": lambda: mf.datasets.spikes_at([[0.2], [0.7]], [1.0, -2.0], 2),
    "digits": lambda: mf.datasets.digits(),
    "breast cancer": lambda: mf.datasets.breast_cancer(),
    "mnist1d": lambda: mf.datasets.mnist1d(n=200),
}


LAWS = ["noisy teacher", "random labels", "clusters", "discs"]
TABLES = ["spikes", "spikes at", "digits", "breast cancer", "mnist1d"]


def moments(x, y):
    """Means, second moments, and those of the inputs times the target."""
    both = np.column_stack([x, y])
    products = (both[:, :, None] * both[:, None, :]).reshape(len(both), -1)
    return np.column_stack([both, products, products * np.asarray(y)[:, None]])


def differ(one, other):
    """Return the largest difference of moments over its standard error, for samples that are independent."""
    parts = [moments(*one), moments(*other)]
    error = np.sqrt(sum(part.var(axis=0) / len(part) for part in parts))
    apart = np.abs(parts[0].mean(axis=0) - parts[1].mean(axis=0))
    return float(np.max(np.where(error > 1e-6, apart / np.maximum(error, 1e-6), np.where(apart > 1e-5, np.inf, 0))))


@pytest.mark.parametrize("name", LAWS)
def test_samples_have_the_law_of_the_data(name):
    """To 5 standard errors in each of a hundred moments at most; with targets of other samples they do not."""
    data = DATA[name]()
    x, y = data.sampler(OTHER, B)
    assert x.shape == (B, data.d)
    assert (x.dtype, y.dtype) == (data.x.dtype, data.y.dtype)
    assert differ((x, y), (data.x, data.y)) < 5
    if name != "random labels":  # which have nothing to do with the inputs
        assert differ((x[::-1], y), (data.x, data.y)) > 5


@pytest.mark.parametrize("name", TABLES)
def test_samples_are_rows_of_the_table(name):
    """Each with its own targets, and each as often: counts have the variance of a multinomial law."""
    data = DATA[name]()
    x, y = (np.asarray(part) for part in data.sampler(OTHER, B))
    rows = {row.tobytes(): i for i, row in enumerate(np.asarray(data.x))}
    found = np.array([rows[row.tobytes()] for row in x])
    targets = np.asarray(data.y_test if name == "spikes" else data.y)[found]  # whose own noise is one draw
    noise = 0.3 if name == "spikes" else 0.0
    assert abs((y - targets).std() - noise) <= 5 * noise / np.sqrt(2 * B)
    counts = np.bincount(found, minlength=len(data.x))
    n = len(rows)
    assert abs(counts.var() / (B / n * (1 - 1 / n)) - 1) < 5 * np.sqrt(2 / n)


@pytest.mark.parametrize("name", ["teacher", "noisy teacher"])
def test_targets_are_those_of_the_truth(name, x64):
    data = DATA[name]()
    x, y = data.sampler(OTHER, 2000)
    f = np.maximum(x @ data.truth.position[:, 1:].T, 0) @ (data.truth.mass * data.truth.position[:, 0])
    errors = np.asarray(y - f)
    noise = 0.5 if name == "noisy teacher" else 0.0
    assert abs(errors.std() - noise) <= 5 * noise / np.sqrt(2 * len(y)) + 1e-14
    np.testing.assert_allclose(np.linalg.norm(x, axis=1), 1, rtol=1e-12)


def test_a_teacher_of_given_amplitude(x64):
    """Not normalised: the sum of ± amplitude times its neurons, with both signs among many teachers."""
    made = [mf.datasets.teacher(jax.random.key(k), 5, 3, signs="random", amplitude=100.0) for k in range(12)]
    for data in made:
        a, w = np.asarray(data.truth.position[:, 0]), np.asarray(data.truth.position[:, 1:])
        np.testing.assert_allclose(data.truth.mass, 100, rtol=1e-14)
        np.testing.assert_allclose(data.y, 100 * np.maximum(data.x @ w.T, 0) @ a, rtol=0, atol=1e-12 * 100)
    signs = {tuple(data.truth.position[:, 0].tolist()) for data in made}
    assert len(signs) > 3
    assert (1.0, 1.0, 1.0) in signs or (-1.0, -1.0, -1.0) in signs  # which do not alternate
    # Without either it is as it was.
    assert "targets of unit power" in mf.datasets.teacher(KEY, 5, 3).statement


@pytest.mark.parametrize("name", DATA)
def test_samples_are_fresh(name):
    """Another key, other samples; none of them are those of the data set, where its law has a density."""
    data = DATA[name]()
    one, other, again = (np.column_stack(data.sampler(key, 50)) for key in (KEY, OTHER, KEY))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    if name in ("teacher", "noisy teacher", "random labels", "clusters", "discs"):
        old = {row.tobytes() for row in np.asarray(data.x)}
        assert not old & {row.tobytes() for row in np.asarray(data.sampler(KEY, 50)[0])}


@pytest.mark.parametrize("name", ["teacher", "clusters", "digits"])
def test_a_flow_takes_them(name):
    data = DATA[name]()
    unit = mf.Neuron("relu", outputs=data.outputs)
    problem = mf.Objective(unit, mf.Square(), data.x[:8], data.y[:8])
    start = mf.Particles.gaussian(KEY, unit, m=6, d=data.d)
    run = mf.simulate(problem, mf.SGD(0.1, 4, sampler=data.sampler), start, times=[0.0, 0.5], key=KEY)
    assert run.done


@pytest.mark.parametrize(("arguments", "sentence"), [
    ({"signs": "mixed"}, "signs='mixed': expected one of alternating, random"),
    ({"amplitude": 0.0}, "amplitude=0.0: expected a finite number above 0"),
])  # fmt: skip
def test_teachers_that_are_none(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        mf.datasets.teacher(KEY, 5, 3, **arguments)

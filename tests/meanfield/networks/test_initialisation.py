"""Starts of frameworks: their documented formulas by hand, moments of draws, and what they are as particles."""

import jax
import numpy as np
import pytest

import meanfield as mf

D, M, K = 12, 300, 3
HAND = {  # standard deviations of W, b, a and c, and the largest |W| there can be
    "pytorch": (1 / 6, 1 / 6, 1 / 30, 1 / 30, 1 / np.sqrt(12)),
    "equinox": (1 / 6, 1 / 6, 1 / 30, 1 / 30, 1 / np.sqrt(12)),
    "flax": (1 / np.sqrt(12), 0, 1 / np.sqrt(300), 0, 2 / np.sqrt(12) / 0.8796),
    "keras": (np.sqrt(2 / 312), 0, np.sqrt(2 / 303), 0, np.sqrt(6 / 312)),
    "kaiming": (1 / np.sqrt(6), 0, np.sqrt(2 / 300), 0, np.inf),
    "mup": (1 / np.sqrt(12), 0, 1 / 300, 0, np.inf),
}
SCALE = {
    "pytorch": 10, "equinox": 10, "flax": np.sqrt(300),
    "keras": 300 * np.sqrt(2 / 303), "kaiming": np.sqrt(600), "mup": 1,
}  # fmt: skip


@pytest.mark.parametrize("name", HAND)
def test_deviations_by_hand_and_of_draws(name):
    start = mf.networks.initialisation(name, inputs=D, width=M, outputs=K)
    drawn = start.draw(jax.random.key(0))
    assert [np.shape(array) for array in drawn] == [(M, D), (M,), (K, M), (K,)]
    laws = (start.hidden, start.offset, start.output, start.constant)
    for law, array, std in zip(laws, drawn, HAND[name], strict=False):
        assert law.std == pytest.approx(std, rel=1e-12)
        # The mean of squares of n numbers of kurtosis at most 3 is off by at most five deviations √(2/n).
        assert np.mean(np.square(array)) == pytest.approx(std**2, rel=5 * np.sqrt(2 / np.size(array)))
    assert np.abs(drawn[0]).max() <= HAND[name][4] * (1 + 1e-4)
    assert start.scale == pytest.approx(SCALE[name], rel=1e-12)


@pytest.mark.parametrize("name", HAND)
def test_the_scale_is_that_of_particles_of_unit_output_weights(name):
    start = mf.networks.initialisation(name, inputs=D, width=M)
    layers = start.draw(jax.random.key(1))
    network = mf.from_weights(*layers)
    x = np.random.default_rng(0).normal(size=(5, D))
    units = np.maximum(x @ np.asarray(layers[0], float).T + np.asarray(layers[1], float), 0)
    own = np.asarray(layers[2], float)[0] / start.output.std
    f = start.scale * np.mean(own * units, axis=1) + float(layers[3][0])
    np.testing.assert_allclose(network.predict(x), f, rtol=1e-4, atol=1e-5)
    for again, array in zip(mf.to_weights(network), layers, strict=True):
        np.testing.assert_array_equal(again, array)


def test_only_mup_keeps_its_scale():
    powers = {}
    for name in HAND:
        narrow, wide = (mf.networks.initialisation(name, inputs=D, width=m).scale for m in (10_000, 40_000))
        powers[name] = np.log(wide / narrow) / np.log(4)
    assert powers.pop("mup") == 0
    assert all(power == pytest.approx(0.5, abs=1e-4) for power in powers.values())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"name": "torch"}, "name='torch': expected one of pytorch"),
        ({"inputs": 0}, "inputs=0"),
        ({"width": 2.5}, "width=2.5"),
        ({"outputs": -1}, "outputs=-1"),
    ],
)
def test_refusals(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        mf.networks.initialisation(**{"name": "pytorch", "inputs": 2, "width": 3} | options)

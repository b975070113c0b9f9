"""What the margin study builds on: labels, a run that can't succeed, and its refusals."""

import numpy as np
import pytest

from simulations.generalisation.implicit_bias import BothLayers, Errors, OutputLayer

pytestmark = pytest.mark.fast


def test_labels_alternate_or_are_spread():
    run = BothLayers(clusters=2, samples=16)
    x, y = run.data
    theta = run.theta
    assert np.array_equal(y, np.sign(x[:, 0] * x[:, 1]))
    assert np.array_equal(theta[:50, 1:], theta[50:, 1:])
    assert np.array_equal(theta[:50, 0], -theta[50:, 0])
    _, spread, _, spread_test = Errors(clusters=2, samples=16, dimension=3, labels="spread").data
    assert np.mean(spread_test) == 0  # cut at the median
    assert not np.array_equal(spread, y)


def test_all_trainings_of_a_seed_share_their_samples():
    run = OutputLayer(seed=3)
    for other in (BothLayers(seed=3), BothLayers(seed=3, alpha=100.0)):
        assert all(np.array_equal(*parts) for parts in zip(run.data, other.data, strict=True))
        assert np.array_equal(run.theta, other.theta)
    assert not np.array_equal(OutputLayer(seed=4).data[0], run.data[0])


def test_too_few_features_are_a_status(x64):
    values, status = OutputLayer(particles=2, samples=12).run()
    assert status == "stopped at t = 0: the features of the start do not separate the samples; raise particles"
    assert values["kernel_margin"] == 0
    assert values["variation_lower"] > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"particles": 5}, "particles=5: expected an even number"),
        ({"samples": 1}, "samples=1: expected a whole number of at least 2"),
        ({"samples": 400}, "samples=400: a certificate in dimension 3 would look at 159602 cells"),
        ({"dimension": 2}, "dimension=2: expected a whole number of at least 3"),
        ({"target": 0.0}, "target=0.0: expected a number above 0"),
    ],
)
def test_bad_input_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        BothLayers(**change)


def test_an_odd_number_of_particles_is_none_of_a_doubled_law():
    with pytest.raises(ValueError, match="particles=5: expected an even number"):
        Errors(particles=5)

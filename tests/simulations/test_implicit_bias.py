"""What the margin study builds on: labels, a run that can't succeed, and its refusals."""

import numpy as np
import pytest

from simulations.generalisation._margins import Parameters, problem, train


def test_labels_alternate_or_are_spread():
    x, y, *_, theta = problem(Parameters(clusters=2, samples=16))
    assert np.array_equal(y, np.sign(x[:, 0] * x[:, 1]))
    assert np.array_equal(theta[:50, 1:], theta[50:, 1:])
    assert np.array_equal(theta[:50, 0], -theta[50:, 0])
    _, spread, _, spread_test, _ = problem(Parameters(clusters=2, samples=16, labels="spread"))
    assert np.mean(spread_test) == 0  # cut at the median
    assert not np.array_equal(spread, y)


def test_too_few_features_are_a_status():
    values, status = train(Parameters(layers="output", particles=2, samples=12))
    assert status == "stopped at t = 0: the features of the start do not separate the samples; raise particles"
    assert values["kernel_margin"] == 0
    assert values["variation_lower"] > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"particles": 5}, "particles=5: expected an even number"),
        ({"samples": 1}, "samples=1: expected at least 2"),
        ({"samples": 400}, "samples=400: a certificate in dimension 3 would look at 159602 cells"),
        ({"dimension": 2}, "dimension=2: expected at least 3"),
        ({"replicas": 2}, "replicas=2: expected 1 for margin"),
        ({"look": "both"}, "look='both': expected one of margin, error"),
        ({"target": 0.0}, "target=0.0: expected a finite number above 0"),
    ],
)
def test_bad_input_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        Parameters(**change)

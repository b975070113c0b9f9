"""What the Langevin study rests on: networks side by side, mirror images, and which runs have an exact law."""

from dataclasses import asdict, replace

import jax
import numpy as np
import pytest

from meanfield.streams import stream
from simulations.limits import _langevin as study
from simulations.limits import _langevin_measures as measure
from simulations.limits._langevin import Parameters

RUN = Parameters(particles=4, replicas=3, time=2.0, temperature=0.4, final_temperature=0.1, cooling=1.0)


def alone(run, theta, noise):
    """One network, [m], and noise [steps, m], in numpy: −m ∂F/∂θ_j of the square loss and the penalty."""
    y = study.LINES[run.problem].targets
    for k, tau in enumerate(run.temperatures):
        z = np.multiply.outer(study.INPUTS, theta) + study.SHIFT
        r = np.tanh(z).mean(axis=1) - y
        slopes = study.INPUTS[:, None] / np.cosh(z) ** 2
        theta = theta - run.step * (r @ slopes / len(y) + run.strength * theta) + np.sqrt(2 * tau * run.step) * noise[k]
    return theta


def test_outputs_are_networks_of_their_own_and_mirror_images_have_the_opposite_noise():
    """Every column of one simulation is a network with a column of the noise, and reflected it has that of −ξ."""
    key, line = jax.random.key(3), study.LINES["tanh"]
    unit, normal = study.Networks(3, study._tanh), np.random.default_rng(0).normal(size=(4, 3))
    ends = [
        study._trajectory(RUN, unit, sign * study.INPUTS[:, None], line.targets, start, key).particles.position
        for sign, start in ((1, line.mean + normal), (-1, normal - line.mean))
    ]
    noise = np.array([jax.random.normal(stream(key, "noise of Langevin", k), (4, 3), ends[0].dtype) for k in range(20)])
    for r in range(3):
        # 20 steps in single precision
        assert np.allclose(ends[0][:, r], alone(RUN, line.mean + normal[:, r], noise[..., r]), atol=2e-5)
        assert np.allclose(-ends[1][:, r], alone(RUN, line.mean - normal[:, r], -noise[..., r]), atol=2e-5)
    assert np.abs(ends[0][:, 0] - alone(RUN, line.mean + normal[:, 0], noise[..., 1])).max() > 0.1


def test_temperature_falls_linearly_and_stays():
    assert RUN.temperatures == pytest.approx([0.4 - 0.03 * k for k in range(10)] + [0.1] * 10)
    assert Parameters(time=0.5).temperatures.tolist() == [0.15] * 5
    assert RUN.stops.tolist() == [0, 1, 2, 5, 10, 20]


def test_runs_without_an_exact_law_are_left_out():
    """Too little noise for the nodes, or steps that make particles swing: a record all the same, and no claim on it."""
    for run in (replace(RUN, temperature=1e-4, final_temperature=1e-4, cooling=0.0), replace(RUN, step=4.0, time=8.0)):
        assert study.nodes(run) is None
        assert study.exact(run) is None
        assert study.predict(run) == {}
    values, status = study.simulate(replace(RUN, temperature=1e-4, final_temperature=1e-4, cooling=0.0))
    assert status == "done"
    assert "histogram" not in values


def test_prediction_is_what_is_measured():
    """Mean and covariance of 2000 networks within 5 standard errors of what `predict` says of the run."""
    run = replace(RUN, particles=8, replicas=2000)
    values, _ = study.simulate(run)
    exact = study.predict(run)
    errors = np.sqrt(np.einsum("tii->ti", values["pair_covariance"]) / run.replicas)
    assert np.all(np.abs(values["mean"] - exact["mean"])[:, [0, 1, 3, 4]] < 5 * errors[:, [0, 1, 3, 4]] + 1e-3)
    ratio = np.trace(values["covariance"], axis1=1, axis2=2) / np.trace(exact["covariance"], axis1=1, axis2=2)
    assert np.all(np.abs(ratio - 1) < 5 * np.sqrt(2 / run.replicas) + 0.1)  # 0.1 for O(1/m²)


def test_bound_exponent_grows_and_is_below_the_rate_at_the_minimum():
    run = Parameters(time=4.0)
    exponent = measure.bound_exponent(run)
    assert exponent[0] == 0
    assert np.all(np.diff(exponent) > 0)
    assert np.all(np.diff(exponent) <= np.diff(measure.bound_exponent(run, linearised=1.0)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"replicas": 1}, "replicas=1: expected at least 2"),
        (
            {"cooling": 0.0},
            "final_temperature=0.1: expected temperature=0.4, as cooling=0 keeps the temperature constant",
        ),
        ({"problem": "linear"}, "cooling=1: expected 0, since the linear problem has one temperature"),
        ({"time": 0.05}, "time=0.05: shorter than one step; expected at least step=0.1"),
        ({"problem": "well"}, "Did you mean 'wells'?"),
    ],
)
def test_bad_input_is_named(change, message):
    with pytest.raises(ValueError, match=message.replace("?", r"\?")):
        Parameters(**{**asdict(RUN), **change})

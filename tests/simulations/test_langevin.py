"""What the Langevin study rests on: networks side by side, mirror images, and which runs have an exact law."""

from dataclasses import asdict, replace

import jax
import numpy as np
import pytest

from meanfield.streams import stream
from simulations.limits import laws_on_the_line as laws
from simulations.limits.langevin import Cooled, Line, Plane, Wells, stops

pytestmark = pytest.mark.fast

RUN = Cooled(particles=4, replicas=3, time=2.0, temperature=0.4, final_temperature=0.1, cooling=1.0)


def alone(run, theta, noise):
    """One network, [m], and noise [steps, m], in numpy: −m ∂F/∂θ_j of the square loss and the penalty."""
    y = run.descent.targets.y
    for k, tau in enumerate(run.descent.temperatures):
        z = np.multiply.outer(laws.INPUTS, theta) + laws.SHIFT
        r = np.tanh(z).mean(axis=1) - y
        slopes = laws.INPUTS[:, None] / np.cosh(z) ** 2
        theta = theta - run.step * (r @ slopes / len(y) + run.strength * theta) + np.sqrt(2 * tau * run.step) * noise[k]
    return theta


def test_outputs_are_networks_of_their_own_and_mirror_images_have_the_opposite_noise():
    """Every column of one simulation is a network with a column of the noise, and reflected it has that of −ξ."""
    key, normal = RUN.key("noise of 4 particles"), np.random.default_rng(0).normal(size=(4, 3))
    mean = RUN.descent.targets.mean
    starts = ((1, mean + normal), (-1, normal - mean))
    ends = [RUN.paths(sign * laws.INPUTS, start).values["positions"][-1] for sign, start in starts]
    noise = np.array([jax.random.normal(stream(key, "noise of Langevin", k), (4, 3), ends[0].dtype) for k in range(20)])
    for r in range(3):
        # 20 steps in single precision
        assert np.allclose(ends[0][:, r], alone(RUN, mean + normal[:, r], noise[..., r]), atol=2e-5)
        assert np.allclose(-ends[1][:, r], alone(RUN, mean - normal[:, r], -noise[..., r]), atol=2e-5)
    assert np.abs(ends[0][:, 0] - alone(RUN, mean + normal[:, 0], noise[..., 1])).max() > 0.1


def test_temperature_falls_linearly_and_stays():
    assert RUN.descent.temperatures == pytest.approx([0.4 - 0.03 * k for k in range(10)] + [0.1] * 10)
    assert Line(time=0.5).descent.temperatures.tolist() == [0.15] * 5
    assert stops(RUN.step, RUN.time).tolist() == [0, 1, 2, 5, 10, 20]


def test_runs_without_an_exact_law_are_left_out():
    """Too little noise for the nodes, or steps that make particles swing: a record all the same, and no claim on it."""
    quiet = Line(particles=4, replicas=3, time=2.0, temperature=1e-4)
    for run in (quiet, replace(quiet, temperature=0.1, step=4.0, time=8.0), replace(RUN, step=4.0, time=8.0)):
        assert run.descent.nodes is None
        assert laws.exact(run.descent) is None
        values, status = run.run()
        assert status == "done"
        assert not {"histogram", "exact_mean"} & set(values)


def test_theory_is_what_is_measured():
    """Mean and squared distance of 2000 networks within 5 standard errors of what theory says of the run."""
    values, _ = Line(particles=8, replicas=2000, time=2.0, temperature=0.25).run()
    errors = np.sqrt(np.einsum("tii->ti", values["pair_covariance"]) / 2000)
    assert np.all(np.abs(values["mean"] - values["exact_mean"])[:, [0, 1, 3, 4]] < 5 * errors[:, [0, 1, 3, 4]] + 1e-3)
    ratio = 8 * np.trace(values["covariance"], axis1=1, axis2=2) / values["limit_squares"]
    assert np.all(np.abs(ratio - 1) < 5 * np.sqrt(2 / 2000) + 0.1)  # 0.1 for O(1/m²)


def test_a_falling_temperature_is_what_theory_says():
    """Mean of 2000 networks within 5 standard errors of the exact law at a temperature that falls."""
    values, _ = replace(RUN, particles=8, replicas=2000).run()
    errors = np.sqrt(np.einsum("tii->ti", values["pair_covariance"]) / 2000)
    assert np.all(np.abs(values["mean"] - values["exact_mean"])[:, [0, 1, 3, 4]] < 5 * errors[:, [0, 1, 3, 4]] + 1e-3)


def test_bound_exponent_grows_and_is_below_the_rate_at_the_minimum():
    run = Line(particles=8, replicas=20, time=4.0)
    values, exponent = run.run()[0], laws.bound_exponent(run.descent)
    assert exponent[0] == 0
    assert np.all(np.diff(exponent) > 0)
    assert np.all(np.diff(exponent) <= values["decay_rate"] * run.step)


@pytest.mark.parametrize(
    ("run", "change", "message"),
    [
        (RUN, {"replicas": 1}, "replicas=1: expected a whole number of at least 2"),
        (RUN, {"cooling": 0.0}, "cooling=0.0: expected a number above 0"),
        (RUN, {"time": 0.05}, "time=0.05: expected a number of at least step=0.1"),
        (Plane(), {"time": 0.05}, "time=0.05: expected a number of at least step=0.4"),
        (Wells(), {"temperature": 0.0}, "temperature=0.0: expected a number above 0"),
    ],
)
def test_bad_input_is_named(run, change, message):
    values = {name: value for name, value in asdict(run).items() if name != "experiment"}
    with pytest.raises(ValueError, match=message):
        type(run)(**{**values, **change})

"""As many values come back as times were asked for, each at its nearest step; what can't be reached is refused."""

import decimal
import fractions
import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import meanfield as mf
from meanfield.flows import clocks
from meanfield.simulation.times import time_grid

pytestmark = [pytest.mark.turns(4), pytest.mark.fast]

UNIT = mf.Neuron("tanh")
OBJECTIVE = mf.Objective(UNIT, mf.Square(), np.eye(2), np.ones(2))
MU = mf.Particles(np.linspace(-1, 1, 12).reshape(4, 3))
KEY = jax.random.key(0)


def run(flow, times, **more):
    options = {"observables": [mf.Risk(), mf.Positions()], "key": KEY}
    return mf.simulate(OBJECTIVE, flow, MU, times=times, **options | more)


def together(flows, times, **more):
    options = {"observables": [mf.Risk(), mf.Positions()], "keys": KEY}
    return mf.simulate_replicas(OBJECTIVE, flows, MU, times=times, **options | more)


FIXED = {
    "gradient": mf.GradientFlow(0.5),
    "schedule": mf.GradientFlow(lambda k: 0.5 + 0.0 * k),
    "Runge–Kutta": mf.RungeKutta(0.5),
    "optimiser": mf.OptimiserFlow(optax.sgd(0.1), interval=0.5),
    "heavy ball": mf.HeavyBall(0.25, 0.5),
    "Langevin": mf.Langevin(0.5, 0.01),
    "samples": mf.SGD(0.5, batch=1),
    "scheduled samples": mf.ScheduledSGD(0.5, 1, most=2),
    "conic": mf.ConicFlow(0.5),
    "births": mf.BirthDeath(0.5),
    "finite sums": mf.SAGA(0.5),
    "epochs": mf.SVRG(0.5, 4),
    "tangent": mf.TangentFlow(0.5),
    "outputs": mf.OutputFlow(0.5),
}


@pytest.mark.parametrize("name", FIXED)
@pytest.mark.turns(4)
def test_as_many_values_as_times(name):
    flow = FIXED[name]
    asked = [0, 0.3, 0.6, 0.9, 1.1]
    seen = run(flow, asked)
    first = flow.clock(np.array([1e-9, 100.0]))[1]
    assert first[0] == 0
    assert seen.done
    assert seen.values["risk"].shape == (5,)
    assert seen.times.shape == (5,)
    numbers, stamps = flow.clock(np.array(asked, float))
    assert np.array_equal(seen.times, stamps)
    assert seen.stats["steps"] == numbers[-1]
    # Each is the state of that step, as a simulation that ends there finds it.
    for i, number in enumerate(numbers):
        if number:
            alone = run(flow, [stamps[i]])
            assert alone.stats["steps"] == number
            assert alone.values["positions"][0].tobytes() == seen.values["positions"][i].tobytes()


def test_the_nearest_step():
    """Steps of 0.5: 0.3, 0.6 and 0.74 are nearest to 0.5, 0.76 and 1.1 to 1."""
    seen = run(mf.GradientFlow(0.5), [0, 0.2, 0.3, 0.6, 0.74, 0.76, 1.1])
    assert seen.times.tolist() == [0, 0, 0.5, 0.5, 0.5, 1, 1]
    assert len(set(seen.values["risk"].tolist())) == 3


def test_replicas_have_as_many_too():
    flows = [mf.GradientFlow(h) for h in (0.5, 0.25, 0.1)]
    asked = [0, 0.05, 0.3, 0.6, 0.9, 1.1]
    for seen, flow in zip(together(flows, asked), flows, strict=True):
        alone = run(flow, asked)
        assert np.array_equal(seen.times, alone.times)
        assert seen.times.shape == (6,)
        np.testing.assert_allclose(seen.values["positions"], alone.values["positions"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("chunk", [1, 2, 3, 50])
def test_observations_and_chunks_change_nothing(chunk):
    """No step is cut short: the same bits at the end, whatever was looked at on the way."""
    flow, reference = mf.Langevin(0.1, 0.01), run(mf.Langevin(0.1, 0.01), [2.0])
    seen = run(flow, [0, 0.01, 0.02, 0.33, 0.34, 0.36, 1.999, 2.0], chunk=chunk)
    assert seen.particles.position.tobytes() == reference.particles.position.tobytes()
    (batch,) = together([flow], [0, 0.01, 0.02, 0.33, 0.34, 0.36, 1.999, 2.0], chunk=chunk)
    (end,) = together([flow], [2.0])
    assert batch.particles.position.tobytes() == end.particles.position.tobytes()
    assert np.array_equal(batch.times, seen.times)


@pytest.mark.parametrize("step", [0.5, 0.03, 3.0])
def test_the_default_grid_lies_on_different_steps(step):
    (batch,) = together([mf.GradientFlow(step)], 3.0)
    for seen in (run(mf.GradientFlow(step), 3.0), batch):
        number = np.rint(seen.times / step)
        np.testing.assert_allclose(seen.times, number * step, rtol=1e-6)
        assert np.all(np.diff(number) > 0)
        assert (number[0], number[-1]) == (0, round(3.0 / step))
        assert seen.values["risk"].shape == seen.times.shape


def refused(call, sentence):
    with pytest.raises(ValueError, match=sentence) as raised:
        call()
    assert "times" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("times", [0.2, [0.2], [0, 0.2], [0, 0.1, 0.24], 1e-300])
def test_a_last_time_of_no_step_is_refused(times):
    for call in (run, lambda flow, times: together([flow], times)):
        refused(lambda call=call: call(mf.GradientFlow(0.5), times), r"expected 0, or times near 0\.5, where the first")
        refused(
            lambda call=call: call(mf.GradientFlow(lambda k: 0.5 + 0 * k), times), r"expected 0, or times near 0\.5"
        )


@pytest.mark.parametrize("times", [1e19, [0, 1e19], [0, 1e300], [0, 3e8], 1e308])
def test_more_steps_than_can_be_counted_are_refused(times):
    last = re.escape(f"expected times up to {(2**31 - 1) * 0.1:.6g}, since 2147483647 steps can be counted.")
    for call in (run, lambda flow, times: together([flow], times)):
        refused(lambda call=call: call(mf.GradientFlow(0.1), times), last)
    refused(
        lambda: run(mf.GradientFlow(1e-30), 1.0), r"times ends at 1, after 1e\+30 steps of 1e-30: expected times up"
    )


def test_the_last_step_that_can_be_counted():
    number, stamps = clocks.constant_clock(0.5, np.array([0.0, (2**31 - 1) * 0.5]))
    assert number.tolist() == [0, 2**31 - 1]
    assert stamps[-1] == (2**31 - 1) * 0.5


@pytest.mark.parametrize("flow", [mf.AdaptiveFlow(), mf.StabilisedFlow()], ids=["adaptive", "stabilised"])
@pytest.mark.parametrize(
    ("times", "sentence"),
    [
        (1.7e9 + np.arange(3), "1699999872, 1700000000 and 1700000128, or float64 particles"),
        ([0, 1.0, 1.0 + 1e-9], "times holds 1 and 1.0000000010000001, which are one number in float32"),
        ([0, 1e300], r"times ends at 1e\+300: expected at most 3\.40282e\+38 in float32"),
        (1e-300, r"times holds 1e-303, which is 0 in float32: expected 0, or times from 1\.17549e-38 on"),
        ([0, 1e-40, 1.0], r"times holds 1e-40, which is 0 in float32"),
    ],
)
def test_times_that_the_clock_cannot_tell_apart(flow, times, sentence):
    mu = mf.Particles(np.asarray(MU.position, np.float32))
    refused(lambda: mf.simulate(OBJECTIVE, flow, mu, times=times), sentence)
    refused(lambda: mf.simulate_replicas(OBJECTIVE, [flow], mu, times=times), sentence)


def test_wide_clocks_tell_them_apart(x64):
    mu = mf.Particles(np.linspace(-1, 1, 12).reshape(4, 3))
    objective = mf.Objective(UNIT, mf.Square(), np.eye(2), np.ones(2))
    seen = mf.simulate(objective, mf.AdaptiveFlow(), mu, times=[0, 1.0, 1.0 + 1e-9])
    assert seen.done
    assert seen.values["risk"].shape == (3,)


SHORT = {
    "0 in the end": (
        optax.linear_schedule(0.1, 0.0, 10),
        r"reaches time 0\.55 and not 10000, the last of times: after \d+ steps it is 0 from there",
    ),
    "negative in the end": (
        lambda k: 0.1 * (5 - k),
        r"reaches time 1\.5 and .*: after 6 steps it is negative or not finite there;",
    ),
    "not finite": (
        lambda k: jnp.where(k < 3, 0.5, jnp.inf),
        r"reaches time 1\.5 and .*: after 3 steps it is negative or not finite there;",
    ),
    "nan": (
        lambda k: jnp.where(k < 3, 0.5, jnp.nan),
        r"reaches time 1\.5 and .*: after 3 steps it is negative or not finite there;",
    ),
    "0 from the start": (lambda k: 0.0 * k, "reaches time 0 and .*: after 4096 steps it is 0 from there on"),
    "ever smaller": (lambda k: 0.5**k, "reaches time 2 and not 10000, "),
    "hardly any": (lambda k: 1e-7 + 0 * k, "it is too small there;"),
}


@pytest.mark.parametrize("name", SHORT)
@pytest.mark.turns(4)
def test_schedules_that_never_arrive(name):
    schedule, sentence = SHORT[name]
    for flow in (mf.GradientFlow(schedule), mf.SGD(schedule, batch=1)):
        refused(lambda flow=flow: run(flow, [0, 1e4]), sentence)


def test_schedules_that_end_later_arrive():
    """What a schedule does after the last time is of no importance."""
    flow = mf.GradientFlow(lambda k: 0.1 * (5 - k))  # 0, 0.5, 0.9, 1.2, 1.4, 1.5, and down
    seen = run(flow, [0, 0.6, 0.75, 1.25, 1.5])
    np.testing.assert_allclose(seen.times, [0, 0.5, 0.9, 1.2, 1.5], rtol=1e-6)
    assert run(mf.GradientFlow(optax.linear_schedule(0.1, 0.0, 10)), [0, 0.5]).done


def test_schedules_that_wait():
    """Steps of size 0 move no clock: the first of several steps at one time is taken."""
    number, stamps = mf.GradientFlow(lambda k: jnp.where(k % 2 == 0, 0.5, 0.0)).clock(np.array([0.0, 0.5, 1.0]))
    assert number.tolist() == [0, 1, 3]
    assert stamps.tolist() == [0, 0.5, 1.0]


def test_the_clock_of_a_schedule_is_its_running_sum():
    """Over several blocks, at times on and between steps, near their ends and over them."""
    schedule = lambda k: 0.5 / (1 + k) ** 0.5  # noqa: E731
    stamps = np.concatenate([[0.0], np.cumsum(np.asarray(jax.vmap(schedule)(jnp.arange(3 * 4096)), float))])
    draw = np.random.default_rng(0)
    times = np.unique(np.r_[0, stamps[[1, 4095, 4096, 4097, 8192]], draw.uniform(0, stamps[-2], 200)])
    number, found = mf.GradientFlow(schedule).clock(times)
    np.testing.assert_array_equal(number, [np.argmin(np.abs(stamps - time)) for time in times])
    np.testing.assert_allclose(found, stamps[number], rtol=1e-12)


MEANT = {
    "array": np.array([0, 0.5, 1.0]),
    "big-endian": np.array([0, 0.5, 1.0], ">f8"),
    "half": np.array([0, 0.5, 1.0], np.float16),
    "longdouble": np.array([0, 0.5, 1.0], np.longdouble),
    "JAX": jnp.array([0, 0.5, 1.0]),
    "bfloat16": jnp.array([0, 0.5, 1.0], jnp.bfloat16),
    "fractions": [0, fractions.Fraction(1, 2), 1],
    "tuple": (0, 0.5, 1),
    "masked nowhere": np.ma.masked_array([0, 0.5, 1.0]),
}


@pytest.mark.parametrize("kind", MEANT)
def test_times_in_every_form(kind):
    assert time_grid(MEANT[kind]).times.tolist() == [0, 0.5, 1.0]


WRONG = {
    "None": None,
    "text": "1.0",
    "texts": ["0", "1"],
    "bytes": b"1",
    "truth": True,
    "truths": [False, True],
    "complex": [0, 1j],
    "dates": np.array(["2020-01-01"], "datetime64[s]"),
    "masked": np.ma.masked_array([0, 1.0], [False, True]),
    "a set": {0.0, 1.0},
    "a function": lambda: 1.0,
    "ragged": [[0.0], [0.0, 1.0]],
    "a class": float,
    "empty": [],
    "a table": [[0.0, 1.0]],
    "falling": [1.0, 0.5],
    "twice": [0.0, 1.0, 1.0],
    "one in float64": [2**53, 2**53 + 1],
    "negative": [-1.0, 1.0],
    "a negative end": -1.0,
    "no time": 0.0,
    "nan": np.nan,
    "infinite": [0, np.inf],
    "beyond": 10**400,
    "beyond, listed": [0, 10**400],
    "long": np.longdouble("1e4000"),
    "tiny": 5e-324,
    "decimal": decimal.Decimal("NaN"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_time(kind):
    refused(lambda: run(mf.GradientFlow(0.5), WRONG[kind]), "^times")
    refused(lambda: together([mf.GradientFlow(0.5)], WRONG[kind]), "^times")


def test_an_endless_count_ends(monkeypatch):
    """A flow that chooses its steps stops, with a sentence, where its steps can't be counted any more."""
    from meanfield.simulation import simulate as simulation

    monkeypatch.setattr(simulation, "MAX_STEPS", 5)
    seen = run(mf.AdaptiveFlow(), [0, 1e6])
    assert seen.stats["steps"] == 5
    assert seen.outcome is mf.Outcome.STEP_LIMIT
    assert seen.status.endswith(": as many steps were taken as can be counted")

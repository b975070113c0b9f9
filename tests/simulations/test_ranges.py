"""Values of a parameter: those of a range are the decimals that would be typed, and every number is checked as used."""

import itertools
from decimal import Decimal

import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import simulations
from simulations import coerce
from simulations.study.ranges import MOST, expanded
from simulations.study.study import canonical

pytestmark = pytest.mark.fast

STUDY = simulations.find("lazy_scaling")


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("0.1:0.5:5", [0.1, 0.2, 0.3, 0.4, 0.5]),
        ("0.1:1:10", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]),
        ("-0.3:0.3:7", [-0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3]),
        ("1e-3:1e3:7log", [0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0]),
        ("1:10:4log", [1.0, 2.154434690031884, 4.641588833612779, 10.0]),
        ("0:1:4", [0.0, 0.3333333333333333, 0.6666666666666666, 1.0]),
        ("1e-300:1e300:3log", [1e-300, 1.0, 1e300]),
    ],
)
def test_a_range_holds_the_decimals_that_would_be_typed(text, typed):
    assert expanded("alpha", float, text) == typed
    assert not any(np.signbit(value) for value in expanded("alpha", float, text) if value == 0)


@given(st.integers(-(10**6), 10**6), st.integers(1, 10**4), st.integers(2, 40), st.integers(-12, 12))
def test_evenly_spaced_decimals_are_exact(first, step, count, exponent):
    decimals = [Decimal(first + i * step).scaleb(exponent) for i in range(count)]
    made = expanded("alpha", float, f"{decimals[0]}:{decimals[-1]}:{count}")
    assert made == [float(value) for value in decimals]


@pytest.mark.parametrize(
    "text",
    ["nan:1:3", "0:inf:3", "0:1e400:3", "1:0:3", "0:1:1", "0:1:3log", "1e-400:1:3log", "a:1:3", f"0:1:{MOST + 1}"],
)
def test_what_is_no_range_is_refused(text):
    with pytest.raises(ValueError, match=r"^alpha='.*': expected .*\.$"):
        expanded("alpha", float, text)


def test_the_same_number_in_another_form_is_the_same_run():
    forms = [
        [0.1, 0.2, 0.3], ["0.1", "0.2", "0.3"], (0.1, 0.2, 0.3), {0.3, 0.1, 0.2}, np.array([0.1, 0.2, 0.3]),
        np.array([0.1, 0.2, 0.3], np.float32), np.array([0.1, 0.2, 0.3], ">f8"), np.array([0.1, 0.2, 0.3], np.float16),
        np.array([0.1, 0.2, 0.3], np.longdouble), np.array([0.1, 0.2, 0.3], object), jnp.linspace(0.1, 0.3, 3),
        pd.Series([0.1, 0.2, 0.3]), pd.Series([0.1, 0.2, 0.3], dtype="Float64"), iter([0.1, 0.2, 0.3]), "0.1:0.3:3",
    ]  # fmt: skip
    for form in forms:
        runs = STUDY.combinations({"alpha": form})
        assert [run.alpha for run in runs] == [0.1, 0.2, 0.3], form
    plan = simulations.prepare(
        STUDY, particles=["1e3", 1000, 1000.0, np.int64(1000), np.array(1000)], alpha=[0.0 + 1, 1]
    )
    assert len(plan) == 1


@pytest.mark.parametrize(
    "value",
    [
        float("nan"), float("inf"), "nan", "inf", "1e400", 10**400, np.nan, np.float32(np.inf), True, np.True_, None,
        1j, b"1", np.datetime64("2020"), np.datetime64(1, "ns"), np.timedelta64(1, "s"), np.ma.masked,
        np.longdouble("1e400"), np.array([[1.0]]),
        np.ma.array([1.0, 2.0], mask=[True, False]), pd.Series([1.0, None], dtype="Float64"),
        {"a": 1.0}, pd.DataFrame([[1.0]]), [], np.array([]), [1.0, [2.0]], "one", object(), float, "",
    ],
)  # fmt: skip
def test_what_is_no_number_is_refused_by_name(value):
    with pytest.raises(ValueError, match=r"^alpha") as problem:
        simulations.prepare(STUDY, alpha=value)
    assert "\n" not in str(problem.value)
    assert len(str(problem.value)) < 200


@pytest.mark.parametrize(
    "value", [0.5, True, 10**30, "1.5", float("nan"), "0x10", np.float32(0.5), None, 1 << 63, [[]]]
)
def test_what_is_no_whole_number_is_refused_by_name(value):
    with pytest.raises(ValueError, match=r"^particles"):
        simulations.prepare(STUDY, particles=value)


@pytest.mark.parametrize("seed", [-1, 1 << 32, 10**30, 0.5, True, "x"])
def test_seeds_that_are_none_are_refused_wherever_they_come_from(seed):
    calls = [
        lambda: simulations.prepare(STUDY, seed=seed),
        lambda: simulations.prepare(STUDY, "smoke", first_seed=seed),
        lambda: simulations.prepare(STUDY, alpha=1.0, first_seed=seed),
        lambda: simulations.sweep(STUDY, {"seed": [seed]}),
        lambda: simulations.run(STUDY, seed=seed),
        lambda: STUDY.make({"seed": seed}),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="seed="):
            call()


@pytest.mark.parametrize("values", [range(10**18), range(10**30), itertools.count()])
def test_endless_values_are_refused_before_they_are_counted(values):
    with pytest.raises(ValueError, match=rf"^seed=.*: expected at most {MOST} values"):
        STUDY.combinations({"seed": values})
    with pytest.raises(ValueError, match=rf"^seeds=1{18 * '0'}: expected at most {MOST}"):
        simulations.prepare(STUDY, "smoke", seeds=10**18)


def test_numbers_of_low_precision_are_the_decimals_that_they_are_printed_as():
    assert coerce("alpha", float, np.float32(0.1)) == coerce("alpha", float, np.float16(0.1)) == 0.1
    assert coerce("alpha", float, jnp.asarray(0.1)) == 0.1
    assert coerce("alpha", float, ml_dtypes.bfloat16(0.1)) == pytest.approx(0.1, rel=2**-8)
    assert coerce("alpha", float, np.float64(0.1)) == coerce("alpha", float, np.longdouble("0.1")) == 0.1
    assert str(coerce("alpha", float, -0.0)) == "0.0"


def test_words_are_words():
    assert coerce("problem", str, np.str_("teacher")) == "teacher"
    for value in (1, None, str, b"teacher", ["teacher"]):
        with pytest.raises(ValueError, match=r"^problem=.*: expected a word"):
            coerce("problem", str, value)


def test_addresses_of_packaged_sizes_are_what_they_were():
    """A run is found again by its canonical text, which no rounding of ranges touches."""
    (one,) = STUDY.combinations({"alpha": "0.1", "particles": "1e3"})
    assert '"alpha":0.1,' in canonical(one)
    assert '"particles":1000,' in canonical(one)

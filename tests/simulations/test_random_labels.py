"""What the study of random labels builds on: labels, measures of what is known, refusals."""

import dataclasses
import itertools

import numpy as np
import pytest

import meanfield as mf
from simulations import Record, Records
from simulations.generalisation import label_memorisation as measure
from simulations.generalisation.digits import IMAGES, corrupted, replaced, two_digits
from simulations.generalisation.label_capacity import Capacity, separable
from simulations.generalisation.random_labels import Training
from simulations.study import starts

KNOWN = Training(samples=32, tested=20, steps=300, particles=4, levels=3)


@pytest.fixture(scope="module")
def exact():
    """A record whose networks do just what the kernel says."""
    values = KNOWN.theory()
    return Record(dataclasses.asdict(KNOWN), values | {"f": values["limit_f"], "error": values["limit_error"]})


def test_levels_are_nested():
    y = np.ones(10)
    counts = replaced(10, 6)
    assert counts.tolist() == [0, 2, 4, 6, 8, 10]
    labels = corrupted(y, counts, np.random.default_rng(0))
    assert np.array_equal(labels[0], y)
    for low, high in itertools.pairwise(labels):
        assert np.all(high[low < 0] < 0)
    # Every sign is drawn once: half of the labels that all replacements give are wrong, within 5 standard errors.
    draws = [corrupted(y, counts, np.random.default_rng(seed))[-1] for seed in range(200)]
    assert abs(np.mean(draws)) < 5 / np.sqrt(2000)


def test_two_digits():
    def split(seed):
        return np.random.default_rng(seed)

    x, y, x_test, y_test = two_digits(3, 8, 200, 157, split(0))
    assert len(x) + len(x_test) == IMAGES[3] + IMAGES[8]
    assert np.sum(np.concatenate([y, y_test]) > 0) == IMAGES[3]
    assert np.abs(np.linalg.norm(np.concatenate([x, x_test]), axis=1) - 1).max() < 1e-12
    assert two_digits(3, 8, 50, 20, split(0), 5)[0].shape == (50, 5)
    assert not np.array_equal(two_digits(3, 8, 200, 157, split(1))[0], x)


def test_what_obeys_the_prediction_is_measured_so(exact):
    for level in (0, -1):
        assert measure.loss_error(level)(exact) < 1e-12
    assert measure.loss_error(0, predicted=-1)(exact) > 0.2
    assert measure.all_loss_errors(exact) < 1e-12
    assert measure.all_loss_errors(exact, other=True) > 0.1
    assert measure.slowdown_over_predicted(exact) == pytest.approx(1)
    assert measure.log_slowdown(exact) > 1
    assert measure.cost_over_predicted(exact) == pytest.approx(1)
    assert measure.wrong_less_predicted(exact) == 0
    assert measure.wrong_less_predicted(exact, level=-1) < -0.1
    # The loss at the time found, between two looks, is the level.
    times, steps = measure.memorised_after(exact), exact["steps"]
    for level, time in enumerate(times):
        logs = 2 * np.log(measure.residual_norm(exact)[level])
        assert np.interp(time, steps, logs) == pytest.approx(np.log(measure.LEVEL), abs=1e-9)


def test_shares_of_right_labels(exact):
    middle = measure.middle(exact)
    assert middle == 1
    false = measure.wrong(exact)[middle]
    assert 0 < np.sum(false) < false.size / 2
    by_hand = [
        np.mean(exact["f"][middle, t][false] * exact["labels"][middle][false] > 0) for t in range(len(exact["steps"]))
    ]
    found = measure.right(exact, middle, false)
    np.testing.assert_allclose(found, by_hand)
    assert found[-1] == 1


def test_gini():
    assert measure.gini(np.ones(5)) == pytest.approx(0)
    assert measure.gini(np.array([0, 0, 0, 1.0])) == pytest.approx(3 / 4)
    values = np.random.default_rng(0).exponential(size=200)
    pairs = np.abs(values[:, None] - values).mean() / (2 * values.mean())
    assert measure.gini(values) == pytest.approx(pairs)


def test_limit_in_either_order():
    """1 + m^−½ and 1 + m^−1 both have the limit 1; 1.2 + m^−½ has not."""

    def verdict(law):
        records = Records(
            Record({"particles": m, "seed": seed}, {"value": np.asarray(law(m) + 1e-4 * seed)})
            for seed in range(4)
            for m in (100, 200, 400)
        )
        settings = {"select": lambda r: r, "x": "particles", "value": lambda r: float(r["value"]), "what": "value"}
        return measure.limit_either(records, predicted=1.0, **settings)

    either = verdict(lambda m: 1 + m**-0.5)
    # Both orders, each with Student's interval of four seeds, through 1.05 at m = 400 and 1 + 200^−½.
    width = 12.924 * 1e-4 * np.std([0, 1, 2, 3], ddof=1) / 2
    ends = 1 + 1.5e-4 - width, 1.05 - (200**-0.5 - 0.05) + 1.5e-4 + width
    assert (either.measured, either.error) == pytest.approx((np.mean(ends), np.ptp(ends) / 2), rel=1e-4)
    assert either.passed is True
    assert verdict(lambda m: 1 + 1 / m).passed is True
    assert verdict(lambda m: 1.2 + m**-0.5).passed is False
    settings = {"x": "particles", "value": measure.gini, "what": "value"}
    assert measure.limit_either(Records([]), select=lambda r: r, predicted=1.0, **settings).passed is None


def test_wrong_labels_when_true_ones_are_fitted_by_half():
    """y u of true labels goes 0, 0.4, 0.8, and that of wrong ones 0, −0.2, 0.2: −0.1 where the former is a half."""
    labels, truth = np.array([[1.0, -1.0, 1.0]]), np.array([1.0, -1.0, -1.0])
    f = np.array([[[0.0, 0.0, 0.0], [0.3, -0.5, -0.2], [0.7, -0.9, 0.2]]])
    record = Record({}, {"labels": labels, "truth": truth, "f": f, "limit_f": 0 * f})
    assert measure.wrong_fitted(record) == pytest.approx(-0.1)
    with pytest.raises(ValueError, match="never fitted"):
        measure.wrong_less_predicted(record)


def test_cost_over_predicted():
    """From an error of 0.1 to one of 0.5, where 0.2 and 0.6 are predicted, and 0.4 for the level between."""
    error, limit = np.array([[0.9, 0.1], [0.9, 0.3], [0.9, 0.5]]), np.array([[0.9, 0.2], [0.9, 0.4], [0.9, 0.6]])
    record = Record({}, {"error": error, "limit_error": limit})
    assert measure.cost_over_predicted(record) == pytest.approx(1)
    assert measure.cost_over_predicted(record, level=1) == pytest.approx(2)


def test_distance_over_predicted():
    record = Record({}, {"travelled": np.array([2.0, 9.0]), "limit_travelled": np.array([2.0, 3.0])})
    assert measure.travelled_over_predicted(record) == pytest.approx(2)
    assert measure.travelled_over_predicted(record, other=True) == pytest.approx((2 / 3 + 9 / 2) / 2)


def test_separable_labellings():
    """Against a linear program, and exhaustively for as many samples as units: then all labellings are."""
    from scipy.optimize import linprog

    random = np.random.default_rng(0)
    for n, m in ((6, 3), (8, 5), (4, 4)):
        rows = random.normal(size=(n, m))
        for _ in range(40):
            signed = rows * random.choice([-1.0, 1.0], (n, 1))
            known = linprog(np.zeros(m), A_ub=-signed, b_ub=-np.ones(n), bounds=(None, None)).status == 0
            assert separable(signed) == known
            assert known or n > m


def test_units_without_mass_change_nothing():
    mu = mf.Particles(*starts.filled(np.ones((5, 3), "float32"), 64))
    assert mu.position.shape == (64, 3)
    assert np.sum(mu.mass > 0) == 5
    assert np.sum(mu.mass) == pytest.approx(1)
    run = Capacity(samples=20, components=3, particles=5)
    objective, few, many = run.problem(), run.start().position[:5], run.start()
    np.testing.assert_allclose(objective.predict(many), objective.predict(mf.Particles(few)), rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"first": 10}, "first=10: expected a whole number from 0 to 9"),
        ({"second": 3}, "second=3: expected another digit than first"),
        ({"samples": 300}, "samples=300 and tested=100: expected at most 357 images together"),
        ({"samples": 2}, "samples=2: expected a whole number of at least 4"),
        ({"components": 64}, "components=64: expected at most 63"),
        ({"levels": 1}, "levels=1: expected a whole number of at least 2"),
        ({"share": 2.0}, "share=2.0: expected a number above 0 and below 2"),
        ({"particles": 5}, "particles=5: expected an even number"),
    ],
)
def test_bad_input_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        Training(**change)

"""A prediction refuses what an experiment could not be compared with."""

import dataclasses

import numpy as np
import pytest

from theory.prediction import Prediction

pytestmark = pytest.mark.fast


@pytest.mark.parametrize("relation", ["=", "<=", ">=", "slope"])
def test_a_scalar_becomes_a_float(relation):
    prediction = Prediction(np.float32(0.5), relation, "Assumptions.", "key")
    assert type(prediction.value) is float
    assert (prediction.value, prediction.relation) == (0.5, relation)


def test_an_array_is_copied_and_frozen():
    values = np.array([1.0, 2.0])
    prediction = Prediction(values, "=", "Assumptions.", "key")
    values[0] = 5.0
    np.testing.assert_array_equal(prediction.value, [1.0, 2.0])
    assert isinstance(prediction.value, np.ndarray)
    with pytest.raises(ValueError, match="read-only"):
        prediction.value[0] = 3.0


def test_fields_cannot_be_assigned():
    prediction = Prediction(1.0, "=", "Assumptions.", "key")
    with pytest.raises(dataclasses.FrozenInstanceError):
        prediction.value = 2.0  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"value": np.nan}, r"value must be finite, got nan at index \(\)"),
        ({"value": [1.0, np.inf]}, r"value must be finite, got inf at index \(1,\)"),
        ({"value": "half"}, "value must hold real numbers, got 'half' of dtype <U4"),
        ({"value": []}, r"value must not be empty, got shape \(0,\)"),
        ({"relation": "=="}, "relation must be one of =, <=, >=, slope, got '=='; did you mean '='"),
        ({"relation": None}, "relation must be one of =, <=, >=, slope, got None"),
        ({"holds": " "}, "holds must be a sentence naming the assumptions, got ' '"),
        ({"holds": None}, "holds must be a sentence naming the assumptions, got None"),
        ({"reference": ""}, "reference must be a key of theory/references.bib, got ''"),
        ({"reference": "Chizat 2019"}, "reference must be a key of theory/references.bib, got 'Chizat 2019'"),
    ],
)
def test_bad_fields_are_named(changes, message):
    good = {"value": 1.0, "relation": "=", "holds": "Assumptions.", "reference": "key"}
    with pytest.raises(ValueError, match=message):
        Prediction(**(good | changes))

"""The comparison of matrix-product precisions: what is refused is said, what is measured obeys its bound."""

import numpy as np
import pytest

from meanfield.integrals.precision import PRESETS, compare_precisions

pytestmark = pytest.mark.fast

D = 40
UNIT_ROUNDOFF = {
    "highest": 2.0**-24,
    "high": 2.0**-11,  # a backend may take this for one pass of TF32, or do better
    "default": 2.0**-8,  # or for one of bfloat16
    "tf32": 2.0**-11,
    "tf32_x3": 2.0**-20,
    "bf16_x3": 2.0**-15,
    "bf16_x6": 2.0**-21,
    "bf16_x9": 2.0**-23,
}


@pytest.fixture(scope="module")
def measured():
    return compare_precisions(30, 20, D)


def test_every_preset_is_measured_or_refused(measured):
    assert measured.keys() == PRESETS.keys() == UNIT_ROUNDOFF.keys()
    for result in measured.values():
        assert (result.error is None) == (result.seconds is None) == (result.refusal is not None)
    assert measured["highest"].refusal is None


@pytest.mark.parametrize("name", PRESETS)
def test_errors_obey_their_bound(name, measured):
    """Two operands rounded to the parts kept, and d products added in float32."""
    if measured[name].refusal is not None:
        pytest.skip(measured[name].refusal)
    assert 0 < measured[name].error <= 2.02 * UNIT_ROUNDOFF[name] + D * 2.0**-24
    assert measured[name].seconds > 0


@pytest.mark.gpu
def test_three_passes_beat_one_on_a_gpu():
    measured = compare_precisions(500, 400, 512)
    assert measured["tf32_x3"].error < measured["tf32"].error / 8


def test_sizes():
    with pytest.raises(ValueError, match="d=0"):
        compare_precisions(1, 1, 0)
    assert np.isfinite(compare_precisions(1, 1, 1)["highest"].error)

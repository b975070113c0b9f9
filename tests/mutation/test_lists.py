"""The lists of mistakes are those of today's source: each changes a text that stands there once."""

import pytest

from tests.mutation.__main__ import ROOT, mistakes, place

pytestmark = pytest.mark.fast


def test_every_mistake_is_a_change_of_the_source():
    listed = mistakes()
    assert len({one["id"] for one in listed}) == len(listed) >= 150
    for one in listed:
        assert place(one) != (ROOT / one["file"]).read_text(), one["id"]
        assert [test for test in one["tests"] if not (ROOT / test).is_file()] == [], one["id"]
        assert one["tests"] or one.get("studies") or one.get("equivalent"), f"{one['id']}: nothing would notice it"

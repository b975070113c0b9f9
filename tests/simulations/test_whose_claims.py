"""What is said of claims that a grid leaves untested names a command that can be run."""

import dataclasses
import io

import pytest

import simulations
from simulations.verdicts.table_text import print_untested


@pytest.mark.parametrize(("own", "said"), [(False, "verify lazy_scaling`"), (True, "verify FILE.py`")])
def test_a_study_of_ones_own_is_verified_by_its_file(own, said):
    study = simulations.find("lazy_scaling")
    entry = simulations.verify(study, simulations.Records([]))[0]
    stream = io.StringIO()
    print_untested([dataclasses.replace(entry, study="mine") if own else entry], stream)
    assert said in " ".join(stream.getvalue().split())

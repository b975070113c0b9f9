"""Every example in the engine's docstrings runs and prints what it says."""

import doctest
import importlib
import pkgutil

import jax
import pytest

import meanfield

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(meanfield.__path__, "meanfield.")
    if module.name != "meanfield.__main__"
)


@pytest.mark.turns(2)
@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    with jax.debug_key_reuse(True):  # examples are copied: none may draw twice from one key
        result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0


def test_there_are_examples():
    """The walk finds the modules: an empty list would pass the test above."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    count = sum(len(test.examples) for name in MODULES for test in finder.find(importlib.import_module(name)))
    assert count >= 30

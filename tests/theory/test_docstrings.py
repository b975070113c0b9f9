"""The examples in the docstrings run."""

import doctest
import importlib
import pkgutil

import pytest

import theory

pytestmark = pytest.mark.fast


@pytest.mark.parametrize("module", [info.name for info in pkgutil.iter_modules(theory.__path__)])
def test_examples(module):
    assert doctest.testmod(importlib.import_module(f"theory.{module}")).failed == 0

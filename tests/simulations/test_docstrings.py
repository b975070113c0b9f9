"""The examples in the docstrings of studies and figures run."""

import doctest
import importlib
import pkgutil

import pytest

import figures
import simulations

MODULES = [
    module.name
    for package in (simulations, figures)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0

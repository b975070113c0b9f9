"""One smoke run serves all tests of the study."""

import pytest

import simulations


@pytest.fixture(scope="session")
def smoke_directory(tmp_path_factory):
    """A directory with the records of lazy_scaling at smoke size."""
    directory = tmp_path_factory.mktemp("smoke")
    simulations.run("lazy_scaling", "smoke", out=directory)
    return directory


@pytest.fixture(scope="session")
def smoke(smoke_directory):
    """Those records."""
    return simulations.complete("lazy_scaling", smoke_directory)

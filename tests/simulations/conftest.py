"""One smoke run of a study serves all of its tests."""

import os

import pytest

import simulations


@pytest.fixture(scope="session")
def smoke_directory(tmp_path_factory):
    """A directory for the records of the smoke runs; those of lazy_scaling are in it.

    All test processes have the same: what one of them computes, or is computing, the others take from there.
    """
    directory = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        directory = directory.parent
    simulations.run("lazy_scaling", "smoke", out=directory / "smoke")
    return directory / "smoke"


@pytest.fixture(scope="session")
def smoke_of(smoke_directory):
    """The records of a study at smoke size, made when they are first asked for."""
    made: dict[str, simulations.Records] = {}

    def records(study: str) -> simulations.Records:
        if study not in made:
            made[study] = simulations.run(study, "smoke", out=smoke_directory)
        return made[study]

    return records


@pytest.fixture(scope="session")
def smoke(smoke_of):
    """The records of lazy_scaling."""
    return smoke_of("lazy_scaling")

"""One smoke run of a study serves all of its tests."""

import pytest

import simulations


@pytest.fixture(scope="session")
def smoke_directory(tmp_path_factory):
    """A directory for the records of the smoke runs; those of lazy_scaling are in it."""
    directory = tmp_path_factory.mktemp("smoke")
    simulations.run("lazy_scaling", "smoke", out=directory)
    return directory


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

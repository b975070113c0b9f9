"""What all tests share: the long-test flag, the GPU skip, 64-bit numbers, and shape checks on the engine."""

import importlib.util
import os
import signal
import zlib
from collections import Counter
from pathlib import Path

import jax
import jaxtyping
import pytest
import scipy.linalg  # noqa: F401  # loads the BLAS whose threads are limited below
from threadpoolctl import threadpool_limits

UNCHECKED = ""
if importlib.util.find_spec("beartype") is None:
    UNCHECKED = "beartype is not installed (the extra `test` holds it)"
elif jaxtyping.config.jaxtyping_disable:
    UNCHECKED = "JAXTYPING_DISABLE is set"
else:
    # On in tests only: every annotation of the engine (types, and shapes by jaxtyping) is checked at each call.
    jaxtyping.install_import_hook("meanfield", "beartype.beartype")


# Tests run in as many processes as there are cores: threads of linear algebra would wait for one another, at a hundred
# times the cost of a small eigenproblem.
threadpool_limits(1, user_api="blas")


# What is started in the background ignores Ctrl-C, and so do its children; tests that press it need it to be heard.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
    parser.addoption("--validate", action="store_true", help="run the longer validation tests as well")
    every = (
        "of tests with many parameters run every Nth, in test_studies those of every Nth study, of those without "
        "parameters every third, and none marked `once` (with --validate all)"
    )
    text = "directory of smoke records that are taken where they are there, and left there; a new one if not given"
    parser.addoption("--smoke-records", metavar="DIR", help=text)
    parser.addoption("--every", type=int, default=1, metavar="N", help=every)


def pytest_report_header(config):
    checks = f"OFF, because {UNCHECKED}" if UNCHECKED else "on"
    return [f"meanfield: shape checks {checks}; JAX {jax.__version__} on {jax.default_backend()}"]


def pytest_collection_modifyitems(config, items):
    import simulations  # not before shapes are checked

    long = pytest.mark.skip(reason="longer validation: run with --validate")
    gpu = pytest.mark.skip(reason="no GPU visible to JAX")
    every = 1 if config.getoption("--validate") else config.getoption("--every")
    other = pytest.mark.skip(reason=f"--every {every}: has its turn where all have it")
    turn = pytest.mark.skip(reason="another parameter's turn: run with --validate")
    studies, seen = list(simulations.STUDIES), Counter()
    for item in items:
        if hasattr(item, "callspec"):
            test = (item.path, item.originalname)
            study = item.callspec.params.get("study") if item.path.name == "test_studies.py" else None
            place = seen[test] if study is None else studies.index(study)
            seen[test] += 1
            if place % every and item.get_closest_marker("turns") is None:
                item.add_marker(other)
        elif every > 1 and zlib.crc32(item.nodeid.encode()) % 3:
            item.add_marker(other)
        if every > 1 and "once" in item.keywords:
            item.add_marker(other)
        if "validate" in item.keywords and not config.getoption("--validate"):
            item.add_marker(long)
        if "gpu" in item.keywords and jax.default_backend() == "cpu":
            item.add_marker(gpu)
    if not config.getoption("--validate"):
        take_turns(items, every, turn)


def take_turns(items, every, skip):
    """Mark with `skip` those of the tests marked `turns(n)` that have not their turn: all but one in n, or in `every`.

    Which ones follows from their names, so that no two parameters go in step. A run with `--every` takes others than
    one without, and the gate has both.
    """
    tests = {}
    for item in items:
        marker = item.get_closest_marker("turns")
        if marker is not None:
            tests.setdefault((item.path, item.originalname, *marker.args), []).append(item)
    for (*_, n), several in tests.items():
        several.sort(key=lambda item: zlib.crc32(item.name.encode()))
        first = 1 if every > 1 and len(several) > 1 else 0
        for item in set(several) - set(several[first :: max(n, every)]):
            item.add_marker(skip)


@pytest.fixture
def x64():
    """64-bit numbers for one test, whatever JAX_ENABLE_X64 says."""
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="session")
def smoke_directory(request, tmp_path_factory):
    """A directory for the records of the smoke runs.

    All test processes have the same: what one of them computes, or is computing, the others take from there.
    """
    given = request.config.getoption("--smoke-records")
    if given:
        return Path(given)
    directory = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        directory = directory.parent
    return directory / "smoke"


@pytest.fixture(scope="session")
def smoke_of(smoke_directory):
    """The records of a study at smoke size, made when they are first asked for."""
    import simulations  # not before shapes are checked

    made = {}

    def records(study):
        if study not in made:
            made[study] = simulations.run(study, "smoke", out=smoke_directory)
        return made[study]

    return records


@pytest.fixture(scope="session")
def smoke(smoke_of):
    """The records of lazy_scaling."""
    return smoke_of("lazy_scaling")

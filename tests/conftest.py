"""What all tests share: the flag for all tests, the GPU skip, 64-bit numbers, and shape checks on the engine."""

import os
import signal
import zlib
from pathlib import Path

import jax
import jaxtyping
import pytest
import scipy.linalg  # noqa: F401  # loads the BLAS whose threads are limited below
from threadpoolctl import threadpool_limits

from tests.shape_checks import UNCHECKED

os.environ["MEANFIELD_TUNING"] = "off"  # plans do not depend on what somebody has tuned; processes inherit it

ENGINE = Path(__file__).parent / "meanfield"
"""The tests of the engine."""

# What one process has compiled the others load: two workers, and whatever they start. It stays for the next time.
COMPILED = os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache/compiled"))
LEAST = os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")
jax.config.update("jax_compilation_cache_dir", COMPILED)
jax.config.update("jax_persistent_cache_min_compile_time_secs", float(LEAST))

if not UNCHECKED:
    # On in tests only: every annotation of the engine (types, and shapes by jaxtyping) is checked at each call.
    jaxtyping.install_import_hook("meanfield", "beartype.beartype")
    jaxtyping.config.update("jaxtyping_disable", True)  # not what test files compute when they are imported


# Tests run in as many processes as there are cores: threads of linear algebra would wait for one another, at a hundred
# times the cost of a small eigenproblem.
threadpool_limits(1, user_api="blas")


# What is started in the background ignores Ctrl-C, and so do its children; tests that press it need it to be heard.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
    parser.addoption("--validate", action="store_true", help="run the tests marked `full` as well, with all parameters")
    text = "directory of smoke records that are taken where they are there, and left there; a new one if not given"
    parser.addoption("--smoke-records", metavar="DIR", help=text)


def pytest_report_header(config):
    checks = f"OFF, because {UNCHECKED}" if UNCHECKED else "on for tests of the engine"
    return [f"meanfield: shape checks {checks}; JAX {jax.__version__} on {jax.default_backend()}"]


def pytest_collection_modifyitems(config, items):
    long = pytest.mark.skip(reason="full: run with --validate")
    gpu = pytest.mark.skip(reason="no GPU visible to JAX")
    every = config.getoption("--validate")
    for item in items:
        if "full" in item.keywords and not every:
            item.add_marker(long)
        if "gpu" in item.keywords and jax.default_backend() == "cpu":
            item.add_marker(gpu)
    if not every:
        take_turns(items, pytest.mark.skip(reason="another parameter's turn: run with --validate"))


def take_turns(items, skip):
    """Mark with `skip` those of the tests marked `turns(n)` that have not their turn: all but one in n.

    Which ones follows from their names, so that no two parameters go in step.
    """
    tests = {}
    for item in items:
        marker = item.get_closest_marker("turns")
        if marker is not None and hasattr(item, "callspec"):
            tests.setdefault((item.path, item.originalname, *marker.args), []).append(item)
    for (*_, n), several in tests.items():
        several.sort(key=lambda item: zlib.crc32(item.name.encode()))
        for item in set(several) - set(several[::n]):
            item.add_marker(skip)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Check shapes in tests of the engine alone: others call it a hundred times as often, and would check the same."""
    if not UNCHECKED:
        jaxtyping.config.update("jaxtyping_disable", not item.path.is_relative_to(ENGINE))


@pytest.fixture
def x64():
    """64-bit numbers for one test, whatever JAX_ENABLE_X64 says."""
    with jax.enable_x64(True):
        yield


@pytest.fixture
def uncompiled(monkeypatch):
    """A machine on which no kernel can be compiled, whatever is installed on this one."""
    from meanfield.integrals import compiled  # not before shapes are checked

    monkeypatch.setattr(compiled, "missing", lambda: compiled.NOT_INSTALLED)


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

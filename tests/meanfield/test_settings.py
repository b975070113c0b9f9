"""Whatever changes numbers without being an argument is observed at the time of computing."""

import contextlib
import ctypes
import ctypes.util
import os
import subprocess
import sys

import jax
import pytest

from meanfield.environment import settings as _settings
from meanfield.environment.settings import FLAGS, MACHINE, USUAL, VARIABLES, differences, observed

pytestmark = pytest.mark.fast


@pytest.fixture
def quiet(monkeypatch):
    """An environment in which nothing is set."""
    for name in (*FLAGS, *VARIABLES, *MACHINE):
        monkeypatch.delenv(name, raising=False)


def test_nothing_is_said_where_nothing_is_set(quiet):
    usual = {"jax_enable_x64"} if jax.config.jax_enable_x64 else set()  # pyright: ignore[reportAttributeAccessIssue]
    assert {name for name in observed() if name in USUAL} == usual


CONTEXTS = {
    "jax_default_matmul_precision": lambda: jax.default_matmul_precision("bfloat16"),
    "jax_enable_x64": lambda: jax.enable_x64(not jax.config.jax_enable_x64),  # pyright: ignore
    "jax_default_prng_impl": lambda: jax.default_prng_impl("rbg"),
    "jax_threefry_partitionable": lambda: jax.threefry_partitionable(False),
    "jax_numpy_dtype_promotion": lambda: jax.numpy_dtype_promotion("strict"),
    "jax_numpy_rank_promotion": lambda: jax.numpy_rank_promotion("raise"),
    "jax_disable_jit": lambda: jax.disable_jit(True),
}


@pytest.mark.parametrize("name", CONTEXTS)
def test_contexts_are_seen_while_they_last(quiet, name):
    before = observed()
    with CONTEXTS[name]():
        inside = observed()
    assert {key for key in before.keys() | inside.keys() if before.get(key) != inside.get(key)} == {name}
    assert observed() == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("jax_softmax_custom_jvp", True),
        ("jax_random_seed_offset", 3),
        ("jax_high_dynamic_range_gumbel", True),
        ("jax_disable_most_optimizations", True),
        ("jax_optimization_level", "O1"),
        ("jax_use_direct_linearize", False),
        ("jax_compiler_enable_remat_pass", False),
    ],
)
def test_switches_of_the_whole_process(quiet, name, value):
    before = jax.config.values[name]
    jax.config.update(name, value)
    try:
        assert name in observed()
    finally:
        jax.config.update(name, before)
    assert name not in observed()


@pytest.mark.parametrize(
    ("name", "value"),
    [("jax_log_compiles", True), ("jax_debug_nans", True), ("jax_traceback_filtering", "off")],
)
def test_what_only_logs_or_checks_is_none(quiet, name, value):
    before, seen = getattr(jax.config, name), observed()
    jax.config.update(name, value)
    try:
        assert observed() == seen
    finally:
        jax.config.update(name, before)


@pytest.mark.parametrize("name", [*VARIABLES, *MACHINE])
def test_variables_of_the_environment(quiet, monkeypatch, name):
    monkeypatch.setenv(name, "1")
    assert observed()[name] == "1"


@pytest.mark.parametrize("name", FLAGS)
def test_options_of_compilers_in_any_order_and_without_paths(quiet, monkeypatch, name):
    assert name not in observed()
    monkeypatch.setenv(name, "--xla_b=1 --xla_cpu_enable_fast_math=true --xla_dump_to=/home/somebody")
    assert observed()[name] == "--xla_b=1 --xla_cpu_enable_fast_math=true"
    monkeypatch.setenv(name, "--xla_force_host_platform_device_count=4")
    assert name not in observed()


def test_variables_that_jax_reads_when_it_is_imported():
    """They show in JAX's own switches."""
    code = "from meanfield.environment.settings import observed; print(sorted(observed()))"
    switches = {"JAX_SOFTMAX_CUSTOM_JVP": "1", "JAX_ENABLE_X64": "1", "JAX_RANDOM_SEED_OFFSET": "5"}
    clean = {name: value for name, value in os.environ.items() if name not in (*FLAGS, *VARIABLES, *MACHINE)}
    answer = subprocess.run([sys.executable, "-c", code], env=clean | switches, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    assert all(name.lower() in answer.stdout for name in switches)


@contextlib.contextmanager
def rounding(mode):
    library = ctypes.CDLL(ctypes.util.find_library("m") or "libm.so.6")
    before = library.fegetround()
    assert library.fesetround(mode) == 0
    try:
        yield
    finally:
        library.fesetround(before)


@pytest.mark.skipif(sys.platform != "linux" or os.uname().machine != "x86_64", reason="numbers of modes differ")
@pytest.mark.parametrize("mode", [0x400, 0x800, 0xC00], ids=["down", "up", "to zero"])
def test_a_mode_of_rounding_that_a_library_left_behind(quiet, mode):
    assert "rounding" not in observed()
    with rounding(mode):
        seen = observed()
    assert seen["rounding"] == "not to nearest"


def test_differences_are_named_with_both_values():
    old = {"jax_softmax_custom_jvp": "True", "NVIDIA_TF32_OVERRIDE": "0", "OMP_NUM_THREADS": "2"}
    assert differences(old, old) == []
    assert differences(old, {"NVIDIA_TF32_OVERRIDE": "1"}) == [
        "NVIDIA_TF32_OVERRIDE (0 then, 1 now)",
        "jax_softmax_custom_jvp (True then, False now)",
    ]
    assert differences({}, {"XLA_FLAGS": "--a=1"}) == ["XLA_FLAGS (not set then, --a=1 now)"]
    assert differences({}, {"jax_switch_of_another_version": "7"}) == []
    assert differences({"jax_switch_of_another_version": "6"}, {"jax_switch_of_another_version": "7"})


def test_every_switch_that_may_change_numbers_has_a_usual_value():
    assert not _settings._switches().keys() - USUAL.keys() or jax.__version_info__ >= (0, 11)

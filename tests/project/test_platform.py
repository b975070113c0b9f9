"""Platforms and settings of JAX that are not there: one sentence, and status 2."""

import os
import subprocess
import sys

import pytest

RUN = ("run", "langevin/line", "--seed", "0", "--time", "1")
SETTINGS = [
    (
        ("info", "--json"),
        "JAX_PLATFORMS",
        "bogus",
        "JAX_PLATFORMS='bogus': JAX cannot start its platform; expected one",
    ),
    (RUN, "JAX_PLATFORMS", "bogus", "JAX_PLATFORMS='bogus': JAX cannot start its platform; expected one"),
    (RUN, "XLA_FLAGS", "--bogus", "XLA_FLAGS='--bogus': expected flags that XLA knows; it says: Unknown flag"),
    (("info", "--json"), "JAX_PLATFORMS", "cpu,bogus", "JAX_PLATFORMS='cpu,bogus': JAX cannot start its platform"),
    (("info", "--json"), "JAX_PLATFORM_NAME", "bogus", "JAX_PLATFORM_NAME='bogus': JAX cannot start its platform"),
    (
        ("info", "--json"),
        "XLA_FLAGS",
        "--bogus",
        "XLA_FLAGS='--bogus': expected flags that XLA knows; it says: Unknown flag",
    ),
    (
        ("info", "--json"),
        "XLA_FLAGS",
        "nowhere",
        "XLA_FLAGS='nowhere': expected flags that XLA knows; it says: Could not open file",
    ),
    (
        ("info", "--json"),
        "JAX_ENABLE_X64",
        "maybe",
        "JAX cannot be imported with the settings in its environment: invalid truth value",
    ),
]


@pytest.mark.parametrize(("arguments", "name", "value", "sentence"), SETTINGS)
@pytest.mark.turns(4)
def test_what_jax_can_not_start_is_one_sentence(arguments, name, value, sentence, tmp_path):
    environment = {key: text for key, text in os.environ.items() if not key.startswith(("JAX_", "XLA_"))}
    environment |= {"PYTHONPATH": os.pathsep.join(sys.path), name: value}
    done = subprocess.run(
        [sys.executable, "-m", "meanfield", *arguments],
        capture_output=True, text=True, env=environment, cwd=tmp_path, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"meanfield: {sentence}")
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.rglob("*.npz"))

"""Settings that change numbers and are no arguments: JAX's configuration, the environment, the processor's modes.

`observed` reads them when it is called. What has its usual value is left out, so that the answer is short and that two
answers are equal where the same is computed; switches of another JAX that are not known here are given as they are.
"""

import enum
import os
import re
from typing import Any

import jax
import numpy as np

_NO_NUMBERS = re.compile(
    "array_garbage|async_dispatch|backend|bwd_checks|cache|captured|check|collectives|cross_host|debug|device|"
    "distributed|dump|embedded|error|export|frames|include_full|jax2tf|leak|legacy_prng|locations|log_|logging|"
    "mesh_context|mock|mosaic_allow|mutable|no_execution|no_tracing|partitioning_ptr|pgle|pjrt|platform|pprint|preemption|"
    "profile|recoverability|refs_to_pins|serialization|share_binary|source|thread_guard|timeout|topology|traceback|"
    "transfer|verbose|visible"
)
"""Switches of JAX that log, check, store, place or show, and change no number; devices are noted by those who ask."""

USUAL = {
    "eager_constant_folding": "False",
    "jax_allow_f16_reductions": "True",
    "jax_auto_pcast": "True",
    "jax_bcoo_cusparse_lowering": "False",
    "jax_compiler_enable_remat_pass": "True",
    "jax_custom_vjp3": "False",
    "jax_default_matmul_precision": "None",
    "jax_default_prng_impl": "threefry2x32",
    "jax_disable_jit": "False",
    "jax_disable_most_optimizations": "False",
    "jax_enable_custom_prng": "False",
    "jax_enable_x64": "False",
    "jax_exec_time_optimization_effort": "0.0",
    "jax_explicit_x64_dtypes": "WARN",
    "jax_high_dynamic_range_gumbel": "False",
    "jax_memory_fitting_effort": "0.0",
    "jax_memory_fitting_level": "O2",
    "jax_numpy_dtype_promotion": "STANDARD",
    "jax_numpy_rank_promotion": "allow",
    "jax_optimization_level": "UNKNOWN",
    "jax_pallas_poison_buffers": "False",
    "jax_pallas_use_mosaic_gpu": "True",
    "jax_ragged_dot_use_gpu_pallas_triton_lowering": "False",
    "jax_ragged_dot_use_ragged_dot_instruction": "True",
    "jax_random_seed_offset": "0",
    "jax_remat3": "False",
    "jax_remove_size_one_mesh_axis_from_type": "False",
    "jax_scan3": "False",
    "jax_softmax_custom_jvp": "False",
    "jax_threefry_gpu_kernel_lowering": "False",
    "jax_threefry_partitionable": "True",
    "jax_use_direct_linearize": "True",
    "jax_use_emit_pipeline_primitive": "False",
    "jax_use_magma": "auto",
    "jax_use_shardy_partitioner": "True",
    "jax_use_simplified_jaxpr_constants": "False",
}
"""Switches of JAX 0.10 that may change numbers, with the values that they have if nobody changes them."""

FLAGS = ("XLA_FLAGS", "LIBTPU_INIT_ARGS", "TF_XLA_FLAGS")
"""Variables of the environment that hold options of a compiler."""

_NO_NUMBERS_FLAG = re.compile("cache|device_count|_dir|dump|log|path|profile|timeout")

VARIABLES = (
    "CUBLAS_WORKSPACE_CONFIG",
    "CUDNN_DETERMINISTIC",
    "NPY_DISABLE_CPU_FEATURES",
    "NPY_ENABLE_CPU_FEATURES",
    "NVIDIA_TF32_OVERRIDE",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "ONEDNN_MAX_CPU_ISA",
    "TF_CUDNN_DETERMINISTIC",
    "TF_DETERMINISTIC_OPS",
    "TF_ENABLE_ONEDNN_OPTS",
    "XLA_ALLOW_EXCESS_PRECISION",
)
"""Variables that libraries below JAX, NumPy and SciPy read, and that may change what they compute."""

MACHINE = (
    "BLIS_NUM_THREADS",
    "GOTO_NUM_THREADS",
    "MKL_CBWR",
    "MKL_ENABLE_INSTRUCTIONS",
    "MKL_NUM_THREADS",
    "NPROC",
    "OMP_NUM_THREADS",
    "OPENBLAS_CORETYPE",
    "OPENBLAS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
"""Variables about threads and processors: like another machine, they may change the order of sums."""


def observed() -> dict[str, str]:
    """Return every setting that has another value than the usual one, by name, as short texts without a path.

    >>> import jax
    >>> with jax.default_matmul_precision("bfloat16"):
    ...     observed()["jax_default_matmul_precision"]
    'bfloat16'
    """
    found = {name: _text(value) for name, value in _switches().items()}
    found = {name: value for name, value in found.items() if value != USUAL.get(name)}
    for name in FLAGS:
        options = [flag for flag in os.environ.get(name, "").split() if not _NO_NUMBERS_FLAG.search(flag)]
        if options:
            found[name] = " ".join(sorted(options))
    found |= {name: os.environ[name] for name in (*VARIABLES, *MACHINE) if os.environ.get(name)}
    return found | _processor()


def differences(then: dict[str, str], now: dict[str, str]) -> list[str]:
    """Return the settings that are not what they were, each as a phrase; what only a machine has is left out.

    A switch that `then` or `now` does not know, because it belongs to another version of JAX, is no difference.
    """
    names = [name for name in sorted(then.keys() | now.keys()) if name not in MACHINE]
    phrases = []
    for name in names:
        old, new = (one.get(name, USUAL.get(name)) for one in (then, now))
        unknown = name.startswith("jax_") and name not in USUAL and None in (old, new)
        if old != new and not unknown:
            phrases.append(f"{name} ({old or 'not set'} then, {new or 'not set'} now)")
    return phrases


def _switches() -> dict[str, Any]:
    """Switches of JAX that may change numbers; the attributes, unlike `values`, know of contexts such as
    `jax.enable_x64(True)`."""
    values = getattr(jax.config, "values", {})
    held = {name: getattr(jax.config, name, values.get(name)) for name in {*USUAL, *values}}
    held = {name: value for name, value in held.items() if name in values or hasattr(jax.config, name)}
    return {name: value for name, value in held.items() if name in USUAL or not _NO_NUMBERS.search(name)}


def _text(value: Any) -> str:
    return value.name if isinstance(value, enum.Enum) else str(value)


def _processor() -> dict[str, str]:
    """Modes of this thread's arithmetic that a library may have switched: what is below the normal range, rounding."""
    tiny, one, unit = np.float64(5e-324), np.float64(1), np.float64(2.0**-53)
    found = {}
    if tiny * one == 0 or np.finfo(np.float64).tiny * np.float64(0.5) == 0:
        found["subnormal numbers"] = "taken for zero"
    if one + unit != one or -one - unit != -one or one + 1.5 * unit == one:
        found["rounding"] = "not to nearest"
    return found

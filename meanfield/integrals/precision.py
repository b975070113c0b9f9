"""Error and time of the library's matrix product at each precision on offer, for inputs too large to fuse."""

import time
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from meanfield.arguments import positive_count

PRESETS = {
    "highest": jax.lax.Precision.HIGHEST,
    "high": jax.lax.Precision.HIGH,
    "default": jax.lax.Precision.DEFAULT,
    "tf32": jax.lax.DotAlgorithmPreset.TF32_TF32_F32,
    "tf32_x3": jax.lax.DotAlgorithmPreset.TF32_TF32_F32_X3,
    "bf16_x3": jax.lax.DotAlgorithmPreset.BF16_BF16_F32_X3,
    "bf16_x6": jax.lax.DotAlgorithmPreset.BF16_BF16_F32_X6,
    "bf16_x9": jax.lax.DotAlgorithmPreset.BF16_BF16_F32_X9,
}
"""The three of `jax.lax.Precision`, whose meaning each backend chooses, and sums of one to nine products of parts."""

REPEATS = 5


class Measured(NamedTuple):
    """`error` and `seconds` of one preset, or the `refusal` of the backend (then both are None).

    `error` is max_ij |C_ij − Ĉ_ij| / (|W| |Xᵀ|)_ij against float64, the quantity that rounding bounds by d·2⁻²⁴ for
    float32 (Higham, Accuracy and Stability of Numerical Algorithms, eq. 3.13). `seconds` is the fastest of a few runs.
    """

    error: float | None
    seconds: float | None
    refusal: str | None


def compare_precisions(m: int, n: int, d: int, seed: int = 0) -> dict[str, Measured]:
    """Forms Ĉ = W Xᵀ with W [m, d] and X [n, d] standard normal, in float32 on JAX's default device, in every preset.

    The host holds three m × n arrays of float64. Raises `ValueError` for sizes below one.
    """
    m, n, d = (positive_count(name, value) for name, value in (("m", m), ("n", n), ("d", d)))
    rng = np.random.default_rng(seed)
    w, x = (rng.standard_normal((rows, d), dtype=np.float32) for rows in (m, n))
    exact = w.astype(np.float64) @ x.T.astype(np.float64)
    scale = np.abs(w).astype(np.float64) @ np.abs(x.T).astype(np.float64)
    operands = jnp.asarray(w), jnp.asarray(x)
    return {name: _measure(precision, operands, exact, scale) for name, precision in PRESETS.items()}


def _measure(precision, operands, exact: np.ndarray, scale: np.ndarray) -> Measured:
    product = jax.jit(lambda w, x: jnp.matmul(w, x.T, precision=precision))
    try:
        computed = np.asarray(product(*operands), dtype=np.float64)
    except (ValueError, NotImplementedError, jax.errors.JaxRuntimeError) as error:
        return Measured(None, None, " ".join(str(error).split())[:200])
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        product(*operands).block_until_ready()
        seconds.append(time.perf_counter() - start)
    return Measured(float(np.max(np.abs(computed - exact) / scale)), min(seconds), None)

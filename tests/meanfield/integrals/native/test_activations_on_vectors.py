"""σ and σ' on vectors, against SciPy's in 64 bits (80 bits where they are 64 themselves), at ten million points."""

import ctypes

import numpy as np
import pytest
import scipy.special

llvmlite = pytest.importorskip("llvmlite", reason="llvmlite is not installed: no kernel is compiled")

from llvmlite import ir  # noqa: E402

from meanfield.integrals.native import library  # noqa: E402
from meanfield.integrals.native.activations import BY_NAME  # noqa: E402
from meanfield.integrals.native.task import lane_bytes  # noqa: E402
from meanfield.integrals.native.vectors import WORD, Registers, loaded, loop, stored, word  # noqa: E402
from meanfield.units.activations import ACTIVATIONS  # noqa: E402

ROUNDINGS = 9
"""Most ε by which σ and σ' may be off, beside the largest of 1 and their size."""


def density(z):
    return np.exp(-z * z / 2) / np.sqrt(2 * np.pi)


EXACT = {
    "relu": (lambda z: np.maximum(z, 0), lambda z: z > 0),
    "leaky_relu": (lambda z: np.where(z > 0, z, z / 100), lambda z: np.where(z > 0, 1, 0.01)),
    "squared_relu": (lambda z: np.maximum(z, 0) ** 2, lambda z: 2 * np.maximum(z, 0)),
    "tanh": (np.tanh, lambda z: np.cosh(np.minimum(np.abs(z), 300)) ** -2.0),
    "erf": (scipy.special.erf, lambda z: 2 / np.sqrt(np.pi) * np.exp(-z * z)),
    "sigmoid": (scipy.special.expit, lambda z: scipy.special.expit(z) * scipy.special.expit(-z)),
    "softplus": (lambda z: np.logaddexp(0, z), scipy.special.expit),
    "gelu": (lambda z: z * scipy.special.ndtr(z), lambda z: scipy.special.ndtr(z) + z * density(z)),
    "cosine": (np.cos, lambda z: -np.sin(z)),
    "linear": (lambda z: z, np.ones_like),
}


@pytest.fixture(scope="module")
def on_vectors():
    engines = []

    def compute(name, dtype, z):
        kind = Registers(dtype, lane_bytes() // np.dtype(dtype).itemsize)
        module = ir.Module("test")
        pointers = [kind.scalar.as_pointer()] * 3
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), [*pointers, WORD]), "both")
        b = ir.IRBuilder(function.append_basic_block())
        source, *targets, count = function.args

        def body(i, _):
            for value, target in zip(BY_NAME[name](loaded(b, kind, source, i)), targets, strict=True):
                stored(b, value, target, i)
            return []

        loop(b, word(0), count, kind.lanes, [], body)
        b.ret_void()
        engines.append(library.engine(str(module)))
        z = np.ascontiguousarray(np.concatenate([z, np.zeros(-len(z) % kind.lanes)]), dtype)
        h, slope = np.zeros_like(z), np.zeros_like(z)
        call = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3, ctypes.c_int64)(engines[-1].get_function_address("both"))
        call(*(array.ctypes.data for array in (z, h, slope)), len(z))
        return z, h, slope

    return compute


def test_every_named_activation_is_there():
    assert set(BY_NAME) == set(ACTIVATIONS)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", list(EXACT))
def test_values_and_slopes(on_vectors, name, dtype):
    points = np.concatenate([np.linspace(-30, 30, 600_001), np.linspace(-2, 2, 400_001), np.logspace(-30, 2, 10_000)])
    z, *found = on_vectors(name, dtype, points)
    eps = np.finfo(dtype).eps
    for value, exact in zip(found, EXACT[name], strict=True):
        wanted = np.asarray(exact(z.astype(float)), float)
        assert np.max(np.abs(value - wanted) / np.maximum(1, np.abs(wanted))) <= ROUNDINGS * eps
    if name in ("tanh", "erf"):  # odd functions keep the digits of small arguments
        small = np.abs(z) < 0.1
        wanted = EXACT[name][0](z[small].astype(float))
        assert np.all(np.abs(found[0][small] - wanted) <= ROUNDINGS * eps * np.abs(wanted))


@pytest.mark.parametrize("name", list(EXACT))
def test_what_is_no_number_is_not_hidden(on_vectors, name):
    _, h, slope = on_vectors(name, "float32", np.array([np.nan] * 16))
    assert np.all(np.isnan(h))
    if name not in ("relu", "leaky_relu", "linear"):  # whose slopes ask for a sign alone, as those of the other kernels
        assert np.all(np.isnan(slope))
    _, h, _ = on_vectors(name, "float32", np.array([np.inf] * 8 + [-np.inf] * 8))
    limits = {
        "tanh": (1, -1),
        "erf": (1, -1),
        "sigmoid": (1, 0),
        "cosine": (np.nan, np.nan),
        "linear": (np.inf, -np.inf),
    }
    limits |= {
        "relu": (np.inf, 0),
        "squared_relu": (np.inf, 0),
        "softplus": (np.inf, 0),
        "leaky_relu": (np.inf, -np.inf),
    }
    if name != "gelu":  # ∞ · 0 on one side, as by definition
        np.testing.assert_allclose(h[[0, 15]], limits[name], atol=1e-6)


@pytest.mark.parametrize("size", [1e3, 1e6, 1e12, 1e30])
def test_cosines_of_large_arguments_are_known_as_far_as_these_are(on_vectors, size):
    z, h, slope = on_vectors("cosine", "float32", size * np.linspace(0.5, 1, 1000))
    known = np.finfo(np.float32).eps * np.abs(z.astype(float)) + 1e-6
    assert np.all(np.abs(h - np.cos(z.astype(float))) <= known)
    assert np.all(np.abs(slope + np.sin(z.astype(float))) <= known)
    assert np.all(np.abs(h) <= 1.001)

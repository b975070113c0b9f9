"""Dictionaries of PyTorch, Flax, Equinox and Keras, and files: which array is which."""

import subprocess
import sys

import equinox as eqx
import jax
import numpy as np
import pytest

import meanfield as mf

RNG = np.random.default_rng(0)
W, B, A, C = (RNG.normal(size=shape).astype(np.float32) for shape in ((5, 3), (5,), (2, 5), (2,)))

STATES = {
    "PyTorch": {"fc1.weight": W, "fc1.bias": B, "fc2.weight": A, "fc2.bias": C},
    "Sequential": {"0.weight": W, "0.bias": B, "2.weight": A, "2.bias": C},
    "words": {"hidden.weight": W, "hidden.bias": B, "readout.weight": A, "readout.bias": C},
    "sorted": {"a_out.bias": C, "a_out.weight": A, "hidden.bias": B, "hidden.weight": W},
    "underscores": {"fc1_weight": W, "fc1_bias": B, "fc2_weight": A, "fc2_bias": C},
    "Flax": {"params": {"Dense_0": {"bias": B, "kernel": W.T}, "Dense_1": {"bias": C, "kernel": A.T}}},
    "Keras": [W.T, B, A.T, C],
    "ours": {"W": W, "b": B, "a": A, "c": C},
}


@pytest.mark.fast
@pytest.mark.parametrize("name", STATES)
def test_arrays_are_found(name):
    for value, given in zip(mf.to_weights(mf.from_weights(STATES[name])), (W, B, A, C), strict=True):
        assert np.array_equal(value, given)


def test_the_bias_of_one_output_may_have_no_axis():
    found = mf.to_weights(mf.from_weights({"0.weight": W, "2.weight": A[:1], "2.bias": np.float32(0.5)}))
    assert found.c.tolist() == [0.5]


def test_an_equinox_module():
    module = eqx.nn.MLP(3, 2, width_size=5, depth=1, activation=jax.nn.relu, key=jax.random.key(0))
    x = RNG.normal(size=(4, 3)).astype(np.float32)
    expected = jax.vmap(module)(x)
    np.testing.assert_allclose(mf.from_weights(module).predict(x), expected, rtol=0, atol=1e-6)


def test_square_matrices_are_told_apart_by_numbers_then_by_order():
    one, two = np.eye(3, dtype=np.float32), 2 * np.eye(3, dtype=np.float32)
    assert np.array_equal(mf.to_weights(mf.from_weights({"l10.weight": two, "l9.weight": one})).W, one)
    assert np.array_equal(mf.to_weights(mf.from_weights({"in.weight": two, "out.weight": one})).W, two)


def test_files_are_read(tmp_path):
    np.savez(tmp_path / "net.npz", **STATES["PyTorch"])
    assert np.array_equal(mf.to_weights(mf.from_weights(tmp_path / "net.npz")).W, W)
    safetensors = pytest.importorskip("safetensors.numpy")
    safetensors.save_file(STATES["PyTorch"], tmp_path / "net.safetensors")
    assert np.array_equal(mf.to_weights(mf.from_weights(str(tmp_path / "net.safetensors"))).a, A)


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ({"weight": W, "bias": B}, r"holds weight \[5, 3\], bias \[5\]; expected those of two dense layers"),
        ({"0.weight": W, "2.weight": A.T}, "expected two matrices of which one maps"),
        ({"0.weight": W, "2.weight": A, "norm.scale": B}, "expected no vectors besides one bias a layer"),
        ({"conv.weight": np.ones((2, 2, 2)), "0.weight": W, "2.weight": A}, "expected those of two dense layers"),
        ({}, "W: it holds nothing"),
        ({"0.weight": "text", "2.weight": A}, "expected those of two dense layers"),
    ],
)
def test_what_is_no_two_layer_network_is_a_sentence(state, sentence):
    with pytest.raises(ValueError, match=sentence):
        mf.from_weights(state)


def test_files_that_cannot_be_read_are_a_sentence(tmp_path):
    with pytest.raises(ValueError, match=r"there is no such file"):
        mf.from_weights(tmp_path / "none.npz")
    with pytest.raises(ValueError, match=r"expected a file that ends with .npz or .safetensors"):
        mf.from_weights("net.pt")
    (tmp_path / "bad.npz").write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match="is damaged or no archive of arrays"):
        mf.from_weights(tmp_path / "bad.npz")
    np.savez(tmp_path / "objects.npz", a=np.array([print], object))
    with pytest.raises(ValueError, match="NumPy can't read it"):
        mf.from_weights(tmp_path / "objects.npz")


def test_without_safetensors_a_sentence_says_what_to_install(tmp_path):
    (tmp_path / "net.safetensors").write_bytes(b"")
    code = "import sys; sys.modules['safetensors'] = None\nimport meanfield as mf\nmf.from_weights(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "net.safetensors")], capture_output=True, text=True
    )
    assert "expected a .npz file, or the extra `weights`" in done.stderr

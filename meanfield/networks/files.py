"""Arrays in files of other programs: NumPy's `.npz` and `.safetensors`."""

import zipfile
from pathlib import Path

import numpy as np


def read_arrays(name: str, path: str | Path) -> dict[str, np.ndarray]:
    """Return the arrays of a `.npz` or `.safetensors` file, by name.

    Nothing in the file is run: pickled objects are refused. Raises `ValueError` for a file that isn't there, is of
    another kind, or can't be read. `.safetensors` needs the extra `weights`.
    """
    path = Path(path)
    if path.suffix not in (".npz", ".safetensors"):
        raise ValueError(f"{name}={str(path)!r}: expected a file that ends with .npz or .safetensors.")
    if path.is_dir():
        raise ValueError(f"{name}={str(path)!r}: is a directory, expected a file.")
    if not path.is_file():
        raise ValueError(f"{name}={str(path)!r}: there is no such file.")
    if path.suffix == ".safetensors":
        return _safetensors(name, path)
    if not zipfile.is_zipfile(path):
        raise ValueError(
            f"{name}={str(path)!r}: is damaged or no archive of arrays, expected one that np.savez(file, name=array) "
            "wrote."
        )
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except Exception as problem:  # zip, header and pickle errors are of many classes
        raise ValueError(
            f"{name}={str(path)!r}: NumPy can't read it ({problem}); expected arrays of numbers."
        ) from None


def _safetensors(name: str, path: Path) -> dict[str, np.ndarray]:
    try:
        from safetensors import SafetensorError
        from safetensors.numpy import load_file
    except ImportError:
        raise ValueError(
            f"{name}={str(path)!r}: safetensors is not installed; expected a .npz file, or the extra `weights` "
            "(pip install 'meanfield-particles[weights]')."
        ) from None
    try:
        return load_file(path)
    except (SafetensorError, TypeError, KeyError) as problem:
        raise ValueError(f"{name}={str(path)!r}: safetensors can't read it ({problem}).") from None

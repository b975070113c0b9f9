"""Matplotlib, loaded whatever backend and file of settings the environment names: pictures need neither."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path


def load() -> None:
    """Import matplotlib; raises `ValueError` for a file of settings in the working folder that can't be read."""
    try:
        import matplotlib
    except ValueError:  # a backend that is none, a file that is no text
        for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
            del sys.modules[name]  # half of it, which would be taken for all
        spec = find_spec("matplotlib")
        assert spec is not None
        assert spec.origin is not None
        settings = {"MPLBACKEND": "agg", "MATPLOTLIBRC": str(Path(spec.origin).parent / "mpl-data" / "matplotlibrc")}
        before = {name: os.environ.get(name) for name in settings}
        os.environ.update(settings)
        try:
            import matplotlib  # noqa: F401
        except ValueError as problem:
            raise ValueError(f"matplotlib cannot be loaded with the file 'matplotlibrc' here: {problem}.") from None
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value

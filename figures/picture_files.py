"""Pictures that no study is behind, written as files that say who wrote them."""

import io
from collections.abc import Iterable
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from figures import signature
from figures.style import styled


def save_picture(figure: Figure, out: Path, name: str, formats: Iterable[str], text: str) -> list[Path]:
    """Write `name` into a directory in these formats, with a `text` in the files, and return the paths.

    Raises what `signature.write` does: `ValueError` for a file that is there and was not written by this package.
    """
    files = {}
    for kind in formats:
        content = io.BytesIO()
        with styled():
            figure.savefig(content, format=kind, metadata=signature.metadata(kind, text))
        files[out / f"{name}.{kind}"] = content.getvalue()
    plt.close(figure)
    signature.write(files)
    return list(files)

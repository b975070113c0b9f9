"""Every example as a notebook, beside the pages: README and pages as they are written, which the tests execute from
these cells; tutorials as they were executed while the pages were built. And the explorer, which needs nothing at all.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
README = HERE.parent / "README.md"

FENCE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def setup(app) -> dict:
    app.connect("build-finished", _written)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def examples() -> list[Path]:
    """Return the README and the pages that have Python to run."""
    return [page for page in (README, *sorted(HERE.glob("*.md"))) if FENCE.search(page.read_text(encoding="utf-8"))]


def notebook(page: Path) -> dict:
    """Return a page as a notebook (nbformat 4): its Python as cells of code, all else as text between them."""
    cells = []
    for k, part in enumerate(FENCE.split(page.read_text(encoding="utf-8"))):
        source = part.strip() if k % 2 else _without_links(part).strip()
        if source:
            cells.append(_cell("code" if k % 2 else "markdown", source, f"cell-{k}"))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def _cell(kind: str, source: str, name: str) -> dict:
    cell = {"cell_type": kind, "id": name, "metadata": {}, "source": source}
    return cell | {"execution_count": None, "outputs": []} if kind == "code" else cell


def _without_links(text: str) -> str:
    """Return text without links and pictures of this checkout, which lead nowhere from a notebook, and comments."""
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r"!\[[^\]]*\]\((?!http)[^)]*\)", "", text)
    return re.sub(r"\[([^\]]+)\]\((?!http)[^)\s]*\)", r"\1", text)


def _written(app, failed: Exception | None) -> None:
    """Write all notebooks, and the explorer of lazy training, beside the pages."""
    if failed is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir) / "notebooks"
    folder.mkdir(exist_ok=True)
    for page in examples():
        (folder / f"{page.stem}.ipynb").write_text(json.dumps(notebook(page), indent=1), encoding="utf-8")
    for tutorial in sorted((HERE / "tutorials").glob("*.py")):
        executed = Path(app.outdir).parent / "jupyter_execute/tutorials" / f"{tutorial.stem}.ipynb"
        shutil.copy(executed, folder)
    with tempfile.TemporaryDirectory() as records:
        command = [sys.executable, "-m", "meanfield", "explore", "lazy_scaling", "--size", "smoke", "--from", records]
        subprocess.run([*command, "--out", str(Path(app.outdir) / "explorer.html")], check=True, capture_output=True)

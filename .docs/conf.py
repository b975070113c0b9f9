"""How the pages are built: `sphinx-build -W -b html .docs .docs/_build/html`, without network."""

import logging
import os
import re
import sys
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
# The tutorials run in processes of their own: with this checkout, and one thread each, like the tests.
os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
logging.getLogger("traitlets").setLevel(logging.WARNING)

project = "meanfield"
author = copyright = "the meanfield authors"
engine = import_module("meanfield")
version = release = engine.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "_markdown_docstrings", "_mathml", "_notebooks"]
exclude_patterns = ["_build", "conf.py", "_*.py", "pictures"]

# Tutorials are scripts in the percent format, executed while the pages are built: one that fails fails the build.
nb_custom_formats = {".py": ["jupytext.reads", {"fmt": "py:percent"}]}
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "substitution", "attrs_inline"]
myst_heading_anchors = 3
_moved = [(f"mf.{name}", f"mf.{home}.{name}") for home, names in engine.MOVED.items() for name in names.split()]
_rows = [f"| `{old}` | `{new}` |" for old, new in sorted(_moved)]
myst_substitutions = {"moved": "\n".join(["| was | is |", "|---|---|", *_rows])}

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "signature"
python_maximum_signature_line_length = 80

suppress_warnings = ["ref.python"]  # a field called `bytes` is not what the annotation `bytes` means

html_theme = "furo"
html_title = "meanfield"
html_math_renderer = "mathml"
html_show_sphinx = False
html_copy_source = False
html_static_path = []

MADE = {"gallery": "README.md", "published": "PUBLISHED.md"}
"""Pages that stand beside the pictures in a checkout, `figures/`, and are pages here, too."""


def _linked(app, name: str, source: list[str]) -> None:
    if name in MADE:
        text = (HERE.parent / "figures" / MADE[name]).read_text(encoding="utf-8")
        text = text.replace("](gallery/", "](../figures/gallery/").replace("](PUBLISHED.md", "](published.md")
        source[0] = re.sub(r'<a id="(\w+)"></a>', r"[]{#\1}", text)
    for page, made in MADE.items():
        source[0] = source[0].replace(f"](../figures/{made}", f"]({page}.md")


def setup(app) -> None:
    app.connect("source-read", _linked)

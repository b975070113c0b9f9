"""Draw the picture of the README by its own lines of Python.

Run from the root of the repository: python .docs/pictures/lazy.py.
"""

import re
from pathlib import Path

import matplotlib

HERE = Path(__file__).parent
(EXAMPLE,) = re.findall(r"^```python\n(.*?)^```$", (HERE.parents[1] / "README.md").read_text("utf-8"), re.M | re.S)

if __name__ == "__main__":
    matplotlib.use("agg")
    exec(EXAMPLE.replace('"lazy.png"', repr(str(HERE / "lazy.png"))), {"__name__": "example"})

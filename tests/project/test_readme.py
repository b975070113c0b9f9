"""What the README shows in Python runs as it stands, with one key for everything that JAX finds nowhere used twice."""

import contextlib
import io
import re
from pathlib import Path

import jax

README = Path(__file__).parents[2] / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
ENGINE = [block for block in BLOCKS if "simulations.sweep" not in block and "mf.shard" not in block]


def test_examples_of_the_engine():
    assert len(ENGINE) == 3  # a simulation, flows as products, and a certificate
    said = io.StringIO()
    with jax.debug_key_reuse(True), contextlib.redirect_stdout(said):
        exec("\n".join(ENGINE), {"__name__": "example"})
    status, gap = said.getvalue().splitlines()
    assert status.startswith("done ")
    assert gap.startswith("within ")
    assert "certified" in gap

"""A docstring is a sentence that a student reads once: it opens with a verb, or with a noun for what is not called."""

import ast
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.fast

ROOT = Path(__file__).parents[2]
PACKAGES = ("meanfield", "theory", "simulations", "figures")

OPENINGS = re.compile(r"(What|Who|Whether|The same|Of those|Its)\b")
"""Words that begin half a sentence, whose other half is in the reader's head or in the docstring above."""

DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def half_sentences(source: str) -> list[str]:
    """Return "line: docstring" for every docstring in `source` that opens with one of these words."""
    found = []
    for node in ast.walk(ast.parse(source)):
        said = ast.get_docstring(node) if isinstance(node, DOCUMENTED) else None
        if said and OPENINGS.match(said):
            found.append(f"{node.body[0].lineno}: {said.splitlines()[0]}")
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_docstrings_are_sentences(package):
    paths = sorted((ROOT / package).rglob("*.py"))
    assert paths
    sources = {path.relative_to(ROOT): path.read_text(encoding="utf-8") for path in paths}
    found = [f"{name}:{half}" for name, source in sources.items() for half in half_sentences(source)]
    assert not found, "\n".join(found)


def test_a_half_sentence_is_seen():
    source = '''"""What a file is about."""

class State:
    """The state of a run. What follows the first word is free, and so are itself and whatever."""

    def done(self):
        """Whether it is."""

        async def inner():
            """Its root."""

    def finite(self):
        """Return True if all numbers are finite."""

def whatever():
    """Whatever is given, itself included."""
'''
    assert half_sentences(source) == ["1: What a file is about.", "7: Whether it is.", "10: Its root."]

"""Formulas of docstrings, set: they are written in Unicode, indented, with `_` and `^` for what stands low and high.

    h*_m = h_∞ + (1/m) Σ_j ψ(θ_j) + O(m^{−2})

What follows `_` or `^` is a group in braces, one in parentheses (then these stay), or a word. Letters that stand alone
are variables, in italics; words are words.
"""

import html
import re

from docutils import nodes

RAISED = "²³¹⁰⁴-⁹⁻⁺ᵀ"
"""Characters that are raised already, and so end a word that stands low."""

_WORD = rf"[−-]?(?:(?![{RAISED}])\w|[∞*])+"
_INDEX = re.compile(rf"([_^])(?:\{{([^{{}}]*)\}}|(\([^()]*(?:\([^()]*\)[^()]*)*\))|({_WORD}))")
_VARIABLE = re.compile(rf"(?<![\w&;])([^\W\d_ΣΠ][\u0300-\u036f]?)(?!(?![₀-₉{RAISED}])[\w;])")


def typeset(text: str) -> str:
    """Return a formula, or several lines of them, as HTML."""
    lines = [_line(line) for line in text.rstrip().split("\n")]
    return f'<div class="formula" style="{STYLE}">' + "\n".join(lines) + "</div>"


STYLE = "white-space: pre-wrap; overflow-x: auto; font-family: math, serif; margin: 0.6em 0 0.6em 2em"


def _line(text: str) -> str:
    made, place = [], 0
    for found in _INDEX.finditer(text):
        made.append(_upright(text[place : found.start()]))
        mark, braced, parenthesised, word = found.groups()
        kind = "sub" if mark == "_" else "sup"
        made.append(f"<{kind}>{_line(braced if braced is not None else parenthesised or word)}</{kind}>")
        place = found.end()
    return "".join([*made, _upright(text[place:])])


def _upright(text: str) -> str:
    return _VARIABLE.sub(r"<i>\1</i>", html.escape(text, quote=False))


def set_formulas(document: nodes.Node) -> None:
    """Set what stands indented in a docstring, and is no example and no drawing."""
    for block in list(document.findall(nodes.literal_block)):
        text = block.astext()
        if block.get("language", "none") in ("none", "default", "text") and re.search(r"[=≤≥∝←≈]", text):
            block.parent.replace(block, nodes.raw("", typeset(text), format="html"))

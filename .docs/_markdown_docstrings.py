"""Docstrings are Markdown; autodoc hands its text to reStructuredText. This puts the Markdown parser in between."""

import re

from _formulas import set_formulas
from docutils import nodes
from docutils.utils import new_document
from myst_parser.mdit_to_docutils.sphinx_ import SphinxRenderer
from myst_parser.parsers.mdit import create_md_parser
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


def setup(app: Sphinx) -> dict:
    app.add_directive("markdown", Markdown)
    app.connect("autodoc-process-docstring", _as_markdown)
    app.connect("autodoc-process-signature", _shorter)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class Markdown(SphinxDirective):
    """Its content, read as Markdown; the argument names the docstring in warnings."""

    has_content, required_arguments = True, 1

    def run(self) -> list[nodes.Node]:
        # Without links: in F'[μ](θ) the bracket is no text, and the parenthesis no address. A dollar is a dollar.
        config = self.env.myst_config.copy(disable_syntax=["link"], enable_extensions=set())
        document = new_document(f"docstring of {self.arguments[0]}", self.state.document.settings)
        parser = create_md_parser(config, SphinxRenderer)
        parser.options["document"] = document
        parser.render("\n".join(self.content))
        set_formulas(document)
        return document.children


def _as_markdown(app, what, name, thing, options, lines: list[str]) -> None:
    if any(lines):
        lines[:] = [
            f".. markdown:: {name}",
            "",
            *(f"   {line}".rstrip() for line in fenced(lines)),
            "",
        ]


def fenced(lines: list[str]) -> list[str]:
    """The lines with every example, from its first prompt to the next blank line, in a fence: in Markdown `>>>` would
    be three quotations.
    """
    made, inside = [], False
    for line in lines:
        starts, ends = (
            line.lstrip().startswith(">>>") and not inside,
            not line.strip() and inside,
        )
        made += ["", "```pycon"] * starts + ["```"] * ends + [line]
        inside = (inside or starts) and not ends
    return made + ["```"] * inside


def _shorter(app, what, name, thing, options, signature: str | None, returned: str | None):
    """Annotations by the words of the source: arrays are `Array`, the kinds of a random key are one."""

    def short(text: str | None) -> str | None:
        if text is None:
            return None
        text = re.sub(r"~?(jaxtyping\.)", "", text.replace("jaxlib._jax.Array", "Array"))
        text = re.sub(r"Key\[Array, ''\] \| UInt32\[Array, '2'\] \| UInt32\[Array, '4'\]", "Random", text)
        return re.sub(
            r"~?(numpy\.)?ndarray\[tuple\[[^]]*\], ~?(numpy\.)?dtype\[~?(numpy\.)?(\w+)\]\]", r"NDArray[\4]", text
        )

    return short(signature), short(returned)

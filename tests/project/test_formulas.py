"""Formulas of docstrings on the pages: indices low and high, variables in italics, words as they are."""

import importlib.util
import re
from pathlib import Path

import pytest

pytest.importorskip("docutils", reason="docutils is not installed: no pages are built")
FILE = Path(__file__).parents[2] / ".docs/_formulas.py"
if not FILE.is_file():
    pytest.skip("the pages are not here: this is no checkout", allow_module_level=True)
_spec = importlib.util.spec_from_file_location("formulas", FILE)
formulas = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(formulas)


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("f_m(x_i)", "f_m(x_i)|f sub m ( x sub i )"),
        ("Λ_l = s_w² K_{l−1}", "Λ sub l  = s sub w ² K sub {l−1}"),
        ("m^(c−1+1/b)", "m sup (c−1+1/b)"),
        ("λ_max(Σ_i z_i)", "λ sub max (Σ sub i  z sub i )"),
        ("a < b & c", "a &lt; b &amp; c"),
    ],
)
def test_indices_and_variables(text, made):
    found = formulas.typeset(text)
    inner = re.search(r">(.*)</div>", found).group(1)
    plain = re.sub(r"</?i>", "", inner)
    said = re.sub(r"<(sub|sup)>(.*?)</\1>", lambda m: f" {m[1]} {m[2]} ", plain)
    words = made.rpartition("|")[2].replace("{", "").replace("}", "")
    assert "".join(said.split()) == "".join(words.split())
    assert "_" not in inner
    assert "^" not in inner


def test_single_letters_are_variables_and_words_are_not():
    assert "<i>f</i><sub><i>m</i></sub>" in formulas.typeset("f_m")
    assert "<sub>max</sub>" in formulas.typeset("λ_max(A)")
    assert "min over weights <i>p</i>" in formulas.typeset("min over weights p")

"""Every source that the package names is in the bibliography, and theory stands alone."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import theory
from theory import initial_law, references, scaling
from theory.arc_cosine import tangent_fluctuation
from theory.lazy_bound import lazy_gap_bound

FOLDER = Path(theory.__file__).parent
MODULES = sorted(path.stem for path in FOLDER.glob("*.py"))


def test_keys_are_unique_and_complete_entries():
    keys = references.keys()
    assert len(keys) == len(set(keys)) > 5
    text = (FOLDER / "references.bib").read_text(encoding="utf-8")
    entries = re.split(r"^@", text, flags=re.MULTILINE)[1:]
    assert len(entries) == len(keys)
    for entry in entries:
        assert {"author", "title"} <= set(re.findall(r"^\s*(\w+)\s*=", entry, re.MULTILINE)), entry
        assert entry.count("{") == entry.count("}"), entry


def test_citations_are_plain_text():
    known = references.keys()
    for key in known:
        text = references.citation(key)
        assert not re.search(r"[\\{}]|\.\.|\?\.", text), text
        assert text.endswith((".", "?"))
    assert references.citation("chizat2019lazy") == (
        "Lénaïc Chizat, Edouard Oyallon and Francis Bach. On Lazy Training in Differentiable Programming. "
        "Advances in Neural Information Processing Systems 32, 2019. arXiv:1812.07956."
    )
    assert "Stanisław Jastrzębski" in references.citation("fort2019stiffness")
    assert references.citation("arpit2017closer").startswith("Devansh Arpit et al. A Closer")


@pytest.mark.parametrize("module", MODULES)
def test_sources_named_in_docstrings_exist(module):
    text = (FOLDER / f"{module}.py").read_text(encoding="utf-8")
    # "Source: `a`, Theorem 2; `b`." may run over the end of a line, up to a blank line or the closing quotes.
    passages = re.findall(r'Source: (.*?)(?:\n\s*\n|""")', text, re.DOTALL)
    cited = {key for passage in passages for key in re.findall(r"`([^`]+)`", passage)}
    assert cited <= set(references.keys())


def test_sources_of_predictions_exist():
    predictions = [
        tangent_fluctuation([[1.0]]),
        initial_law.output_kurtosis(3),
        lazy_gap_bound([1.0], [[1.0]], [[1.0]], [1.0], 1.0, 1.0).prediction(),
        lazy_gap_bound([1.0], [[1.0]], [[1.0]], [1.0], 1.0, 1.0).movement(),
        scaling.movement_exponent(),
        scaling.criterion_exponent(0.5),
        *(scaling.output_gap_exponent(i, s) for i in ("centred", "doubled") for s in (True, False)),
        *(scaling.displacement_exponent(s) for s in ("mean-field", "tangent")),
        *(
            scaling.kernel_change_exponent(s, smooth, even)
            for s in ("mean-field", "tangent")
            for smooth in (True, False)
            for even in (True, False)
        ),
    ]
    assert {prediction.reference for prediction in predictions} <= set(references.keys())


@pytest.mark.parametrize("module", [name for name in MODULES if name != "__init__"])
@pytest.mark.turns(6)
def test_every_module_imports_alone(module):
    # jax would make the oracle share code with the engine; the other two cost a good part of a second.
    heavy = {"jax", "equinox", "meanfield", "scipy.stats", "scipy.integrate"}
    code = f"import sys, theory.{module}; print(*sorted({heavy} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=FOLDER.parent)
    assert found.stdout.strip() == ""

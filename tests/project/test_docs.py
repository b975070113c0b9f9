"""Pages: every public name is on one, tutorials are listed and can fail, what the contributor's page names exists."""

import ast
import functools
import importlib
import inspect
import re
from pathlib import Path

import pytest

import figures
import meanfield
import simulations
import theory

pytestmark = pytest.mark.fast

ROOT = Path(__file__).parents[2]
DOCS = ROOT / ".docs"
THEORY = sorted(path.stem for path in Path(theory.__file__).parent.glob("[!_]*.py"))

if not DOCS.is_dir():
    pytest.skip("the pages are not here: this is no checkout", allow_module_level=True)

PAGES = "\n".join(path.read_text(encoding="utf-8") for path in sorted((DOCS / "api").glob("*.md")))
NAMED = set(re.findall(r"^\.\. auto(?:class|function|exception|data):: (\S+)$", PAGES, re.MULTILINE))
# Modules whose members are shown, that is, without an option that says otherwise.
WHOLE = set(re.findall(r"^\.\. automodule:: (\S+)$(?!\n   :no-members:)", PAGES, re.MULTILINE))
TOUCHED = WHOLE | set(re.findall(r"^\.\. automodule:: (\S+)$", PAGES, re.MULTILINE))


def named(line: str):
    """Return what a dotted name stands for: a module, or what an attribute of one is."""
    thing, *path = line.split(".")
    thing = importlib.import_module(thing)
    for name in path:
        home = getattr(thing, "__name__", "")
        thing = getattr(thing, name) if hasattr(thing, name) else importlib.import_module(f"{home}.{name}")
    return thing


@functools.cache
def shown() -> list:
    """Return all that pages show by a line of its own."""
    return [named(line) for line in sorted(NAMED)]


def on_no_page(package) -> list[str]:
    """Return the public names of a package that no page shows: by a line, or as a member, with a docstring, of a module
    or package that is shown whole. Of a module inside, each of its names has to be shown.
    """
    missing = []
    for name in package.__all__:
        thing = getattr(package, name)
        if inspect.ismodule(thing):
            if thing.__name__ not in WHOLE and thing.__name__ != package.__name__:
                missing += on_no_page(thing) if hasattr(thing, "__all__") else members_on_no_page(thing)
            continue
        whole = {package.__name__, getattr(thing, "__module__", None)} & WHOLE
        if not (whole and (thing.__doc__ or "").strip()) and not any(thing is one for one in shown()):
            missing.append(f"{package.__name__}.{name}")
    return missing


def members_on_no_page(module) -> list[str]:
    own = {name: thing for name, thing in vars(module).items() if getattr(thing, "__module__", "") == module.__name__}
    return [name for name, thing in own.items() if name[0] != "_" and not any(thing is one for one in shown())]


@pytest.mark.parametrize("package", [meanfield, simulations, figures], ids=lambda package: package.__name__)
def test_every_public_name_is_on_a_page(package):
    assert on_no_page(package) == []


@pytest.mark.parametrize("module", THEORY)
def test_every_public_function_of_theory_is_on_a_page(module):
    found = importlib.import_module(f"theory.{module}")
    own = [thing for name, thing in vars(found).items() if not name.startswith("_") and callable(thing)]
    own = [thing for thing in own if getattr(thing, "__module__", None) == found.__name__]
    assert found.__name__ in WHOLE
    assert [thing.__name__ for thing in own if not (thing.__doc__ or "").strip()] == []  # else it is left out


def test_every_study_is_on_a_page():
    homes = {
        f"simulations.{study.group}.{study.name}"
        for study in (*simulations.STUDIES.values(), *simulations.PUBLISHED.values())
    }
    assert homes <= TOUCHED


def test_nothing_on_a_page_is_gone():
    """Before the build would say so."""
    for name in sorted(NAMED):
        assert named(name) is not None, name


def test_tutorials_are_listed_and_can_fail():
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    scripts = sorted((DOCS / "tutorials").glob("*.py"))
    assert len(scripts) >= 5
    for script in scripts:
        assert f"tutorials/{script.stem}\n" in index
        tree = ast.parse(script.read_text(encoding="utf-8"))
        assert sum(isinstance(node, ast.Assert) for node in ast.walk(tree)) >= 3, script.name


def test_what_the_contributors_page_names_exists():
    text = (DOCS / "contributing.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(\.?\w[\w./]*/[\w./]*)`", text))
    assert len(named) > 20
    assert [path for path in sorted(named) if not (ROOT / path).exists() and not re.search("[A-Z]{4}", path)] == []
    for path, name in ((p, n) for n, p in re.findall(r"`(\w+)` (?:in|of)\s+`([\w./]+\.py)`", text)):
        assert re.search(rf"\b{name}\b", (ROOT / path).read_text(encoding="utf-8")), (path, name)

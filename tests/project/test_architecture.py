"""The import contract, the promised top level, and the rules of the house that a machine can read."""

import ast
import importlib
import pkgutil
import subprocess
import sys
import types
from pathlib import Path

import pytest

import meanfield

ROOT = Path(__file__).parents[2]
PACKAGES = ("meanfield", "theory", "simulations", "figures")


def lint(root: Path) -> subprocess.CompletedProcess:
    """import-linter on a tree, in a process of its own: it reconfigures logging."""
    code = (
        "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports; "
        "sys.exit(lint_imports(no_cache=True))"
    )
    return subprocess.run([sys.executable, "-P", "-c", code], cwd=root, capture_output=True, text=True, check=False)


def test_import_contract():
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout


def test_import_contract_would_see_a_breach(tmp_path):
    """The same contract on a tree where theory imports the engine must fail."""
    for package in PACKAGES:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("import meanfield\n" if package == "theory" else "")
    contract = (ROOT / "pyproject.toml").read_text().split("[tool.importlinter]")[1]
    lines = [line for line in contract.splitlines() if not line.startswith("ignore_imports")]
    assert len(lines) == len(contract.splitlines()) - 4
    (tmp_path / "pyproject.toml").write_text("[tool.importlinter]" + "\n".join(lines))
    done = lint(tmp_path)
    assert done.returncode == 1
    assert "theory is not allowed to import meanfield" in done.stdout


def test_top_level_is_as_fixed():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout: what belongs to the project can't be told from what lies about")
    top = {line.split("/")[0] for line in listed.stdout.splitlines()}
    fixed = {"pyproject.toml", "README.md", "meanfield", "simulations", "theory", "tests", "figures", "LICENSE"}
    assert {name for name in top if not name.startswith(".")} == fixed


@pytest.mark.parametrize("package", PACKAGES)
def test_public_jax_only(package):
    """No module of the package reaches into what JAX keeps private."""
    breaches = []
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            else:
                continue
            breaches += [
                f"{path}: {name}" for name in names if name.startswith(("jax._src", "jax.core", "jax.interpreters"))
            ]
    assert not breaches


@pytest.mark.parametrize("package", PACKAGES)
def test_no_exception_is_swallowed(package):
    """No bare except, no `except …: pass` that catches everything: what is caught is raised, or handed to a future."""
    breaches = []
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ExceptHandler):
                broad = node.type is None or (
                    isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")
                )
                inside = list(ast.walk(node))
                raises = any(isinstance(inner, ast.Raise) for inner in inside)
                handed = any(isinstance(inner, ast.Attribute) and inner.attr == "set_exception" for inner in inside)
                if broad and not (raises or handed):
                    breaches.append(f"{path}:{node.lineno}")
    assert not breaches


def test_the_root_of_the_engine_is_as_fixed():
    """Six files, with py.typed beside them; all else is in a folder."""
    root = ROOT / "meanfield"
    files = {path.name for path in root.iterdir() if path.is_file() and path.name != "py.typed"}
    assert files == {"__init__.py", "__init__.pyi", "__main__.py", "particles.py", "plot.py", "streams.py"}


def overridden(modules) -> list[str]:
    """Return the methods of classes in `modules` that stand in the place of one that has a body already."""
    classes = {of for module in modules for of in vars(module).values() if isinstance(of, type)}
    classes = {of for of in classes if of.__module__ in {module.__name__ for module in modules}}
    found = []
    for of in classes:
        for base in set(of.__mro__[1:]) & classes:
            for name in vars(of).keys() & vars(base).keys():
                before = vars(base)[name]
                body = isinstance(before, types.FunctionType | property | staticmethod | classmethod)
                if body and not name.startswith("__") and not getattr(before, "__isabstractmethod__", False):
                    found.append(f"{of.__module__}.{of.__qualname__}.{name}")
    return sorted(found)


def test_no_concrete_method_is_overridden():
    """A method of the engine is abstract or final: what is read in a class is what runs."""
    names = [found.name for found in pkgutil.walk_packages(meanfield.__path__, "meanfield.")]
    modules = [importlib.import_module(name) for name in names if name != "meanfield.__main__"]
    assert overridden(modules) == []


def test_an_overridden_method_is_seen():
    module = types.ModuleType("strange")
    exec(
        "import abc\n"
        "class A(abc.ABC):\n"
        "    def full(self): return 1\n"
        "    @abc.abstractmethod\n"
        "    def empty(self): ...\n"
        "class B(A):\n"
        "    def full(self): return 2\n"
        "    def empty(self): return 3\n",
        vars(module),
    )
    assert overridden([module]) == ["strange.B.full"]

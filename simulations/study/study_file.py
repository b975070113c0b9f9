"""A study in a file of the user's, known by its path: what `meanfield run path/to/study.py` runs."""

import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

from simulations.study.study import Study

MARK = "__study_file__"
"""What the module of such a file has beside what it defines. Workers can't import it: it is sent to them by value."""


def names_a_file(study: str) -> bool:
    """Return True for the path of a Python file, with the name of a study in it or without."""
    return study.rpartition(":")[0].endswith(".py") or study.endswith(".py")


def load(study: str) -> Study:
    """Return the study in a file: `path/to/study.py`, or `path/to/study.py:NAME` where the file has several.

    The file is run once in a process, as `import` would, with its folder at the end of the search path. Raises
    `ValueError` for a file that is missing, that raises, or that has no study, or several and no name.
    """
    path, name = (study, "") if study.endswith(".py") else study.rpartition(":")[::2]
    module = _module(study, Path(path).absolute())
    found = {key: value for key, value in vars(module).items() if isinstance(value, Study)}
    if name:
        if name not in found:
            raise ValueError(f"study={study!r}: {name} is no Study there; expected {_listed(found)}.")
        return found[name]
    different = {id(value): key for key, value in found.items()}
    if len(different) != 1:
        raise ValueError(f"study={study!r}: expected one Study at the top of the file, there is {_listed(found)}.")
    return next(iter(found.values()))


def by_value(module: str) -> bool:
    """Return True for the name of a module that a worker can't import."""
    return module == "__main__" or hasattr(sys.modules.get(module), MARK)


def _module(study: str, path: Path) -> ModuleType:
    if not path.is_file():
        raise ValueError(f"study={study!r}: there is no such file.")
    known = next((module for module in list(sys.modules.values()) if getattr(module, MARK, None) == path), None)
    if known is not None:
        return known
    spec = importlib.util.spec_from_file_location(f"{path.stem}_study_file", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    sys.modules[spec.name] = module  # dataclasses look up their module while it runs
    try:
        spec.loader.exec_module(module)
    except Exception as problem:  # the file is code of the user's, which raises what it likes
        del sys.modules[spec.name]
        lines = [frame.lineno for frame in traceback.extract_tb(problem.__traceback__) if frame.filename == str(path)]
        at = problem.lineno if isinstance(problem, SyntaxError) else lines[-1] if lines else None
        said = " ".join(str(problem).split()).rstrip(".")
        where = "" if at is None else f" in line {at}"
        raise ValueError(
            f"study={study!r}: the file raises {type(problem).__name__}{where}: {said[:200]}."
        ) from problem
    setattr(module, MARK, path)
    import cloudpickle

    cloudpickle.register_pickle_by_value(module)
    return module


def _listed(found: dict[str, Study]) -> str:
    return " and ".join(found) or "none"

"""All that the engine makes public, at its top and in the modules of the top."""

import inspect
from types import ModuleType
from typing import Any

import meanfield as mf


def public_names() -> dict[str, Any]:
    """Return every public object once, by its path below `meanfield`, such as `datasets.teacher`."""
    found: dict[str, Any] = {}
    waiting: list[tuple[str, ModuleType]] = [("", mf)]
    for prefix, place in waiting:
        for name in getattr(place, "__all__", None) or own_names(place):
            value = getattr(place, name)
            if inspect.ismodule(value):
                waiting.append((f"{prefix}{name}.", value))
            elif not any(value is other for other in found.values()):
                found[f"{prefix}{name}"] = value
    return found


def own_names(module: ModuleType) -> list[str]:
    """Return the public names that a module without `__all__` defines, it or what is inside it."""
    homes = {name: f"{getattr(value, '__module__', '')}." for name, value in vars(module).items() if name[0] != "_"}
    return [name for name, home in homes.items() if home.startswith(f"{module.__name__}.")]

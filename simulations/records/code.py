"""The code that computes a study's records, as a digest: what its runs import counts, and nothing else.

A comment, a docstring or a blank line changes nothing. No git is asked and no file but the packages' own is read, so
that an installed package has the same digest as the checkout that it was built from.
"""

import functools
import hashlib
import importlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import meanfield
import simulations
import theory
from meanfield.checkpoints.identity import behaviour, computes
from simulations.study.registry import is_own
from simulations.study.study import Study

_TOPS: dict[str, ModuleType] = {"meanfield": meanfield, "theory": theory, "simulations": simulations}

_FROM = re.compile(
    r"^[ \t]*from[ \t]+((?:meanfield|theory|simulations)[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)", re.M
)
_IMPORT = re.compile(r"^[ \t]*import[ \t]+((?:meanfield|theory|simulations)[\w.]*)(?:[ \t]+as[ \t]+(\w+))?", re.M)
_ROOMS = "study|verdicts|records|sweeps|costs"
_KEEPING = re.compile(
    rf"simulations\.(?!study\.(?:animation|experiment|parameters|simulation)$)(?:\w+|(?:{_ROOMS})\.\w+)"
)
"""The modules that keep and judge records; an experiment's machinery makes them."""
_WORD = re.compile(r"\w+")
_QUOTES = re.compile(r"[rR]?(\"{3}|'{3})")
_GOES_ON = tuple("([{,=+\\")
"""How a line ends after which a text is an argument and no docstring."""


@dataclass(frozen=True)
class Identity:
    """The identity of a study's code: a digest of what a user has defined, and modules of ours."""

    definition: str
    modules: tuple[str, ...]

    @property
    def code(self) -> str:
        """The digest in hexadecimal, for the packages as they are in this process, which may be a worker's."""
        return hashlib.sha256(f"{self.definition}\n{sources(self.modules)}".encode()).hexdigest()[:32]


def identify(study: Study) -> Identity:
    """The identity of a study: of its run and its parameters, alone and in batches, and of nothing of its claims.

    Of a user's study all that he has defined counts, and the engine as a whole.
    """
    computing: list[Any] = list(study.experiments)
    if is_own(study):
        return Identity("", tuple(sorted({_module(part) for part in computing})))
    return Identity(behaviour(computing), _engine())


def judged(study: Study) -> str:
    """Return a digest of the code that checks the records of a study, as far as it is not the code of its runs."""
    if is_own(study):
        return sources((_module(study.page),))
    return behaviour([check for claim in study.claims for check in (claim.check, claim.control)])


@functools.cache
def _engine() -> tuple[str, ...]:
    """The modules of the engine that compute."""
    root = Path(str(meanfield.__file__)).parent
    names = [path.relative_to(root).as_posix() for path in sorted(root.rglob("*.py"))]
    modules = [f"meanfield.{name[:-3].replace('/', '.')}" for name in names if computes(name)]
    return tuple(name.removesuffix(".__init__") for name in modules)


@functools.cache
def sources(modules: tuple[str, ...]) -> str:
    """A digest of the sources of these modules of ours, and of all of ours that they import, at whatever place."""
    found = hashlib.sha256()
    for name in sorted(_closure(modules)):
        text = _source(name)
        if text is not None:
            found.update(f"{name}\n{text}\n".encode())
    return found.hexdigest()


def _closure(modules: Iterable[str]) -> set[str]:
    known, waiting = set(), list(modules)
    while waiting:
        name = waiting.pop()
        if name not in known and _path(name) is not None:
            known.add(name)
            waiting += _imported(name)
    # The packages around them run too, but what they only hand on to others need not.
    return known | {name.rpartition(".")[0] for name in known if "." in name}


@functools.cache
def _imported(name: str) -> tuple[str, ...]:
    """Return the modules of ours that one of them imports; of a package that loads its names when they are used, as
    the top ones do, the homes of those that it uses.

    Those of `simulations` that belong to no study keep and judge records, and are followed no further.
    """
    if name in _TOPS or _KEEPING.fullmatch(name):
        return ()
    if _hands_on(name):  # the package as such: whatever it has
        public = importlib.import_module(name).__all__
        return tuple(part for word in public for part in _homes(name, [word]))
    text = _source(name) or ""
    found = []
    for home, names in _FROM.findall(text):
        words = _WORD.findall(re.sub(r"#[^\n]*", "", names))
        found += [f"{home}.{word}" for word in words if _path(f"{home}.{word}")]
        found += [part for word in words for part in _homes(home, [word])] if _hands_on(home) else [home]
    for home, short in _IMPORT.findall(text):
        used = set(re.findall(rf"\b{short or home}((?:\.\w+)+)", text))
        found += [part for path in used for part in _homes(home, path[1:].split("."))] if _hands_on(home) else [home]
    return tuple(found)


def _hands_on(name: str) -> bool:
    """Return True for a package that only hands on what its modules define: names say which of them are used."""
    if name in _TOPS:
        return True
    path = _path(name)
    return path is not None and path.with_suffix(".pyi").is_file()


def _homes(package: str, words: list[str]) -> list[str]:
    """Return the module in which a public name of a package is defined, in a list; none for a name that is none.

    The words after a name are its attributes, or names in a package inside.
    """
    value = getattr(importlib.import_module(package), words[0], None)
    home = _module(value)
    if isinstance(value, ModuleType) and words[1:] and home not in _TOPS and _hands_on(home):
        return _homes(home, words[1:])
    return [home] if home else []


def _module(value: Any) -> str:
    """The module of ours in which something is defined, or which it is; empty for what is not ours."""
    name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
    return name if isinstance(name, str) and name.partition(".")[0] in _TOPS else ""


@functools.cache
def _path(name: str) -> Path | None:
    """The file of a module of ours."""
    top, *rest = name.split(".")
    place = Path(str(_TOPS[top].__file__)).parent.joinpath(*rest)
    paths = (place / "__init__.py", place.with_name(f"{place.name}.py")) if rest else (place / "__init__.py",)
    return next((path for path in paths if path.is_file()), None)


@functools.cache
def _source(name: str) -> str | None:
    path = _path(name)
    return None if path is None else bare(path.read_text("utf-8"))


def bare(text: str) -> str:
    """A source without comments on lines of their own, docstrings, empty lines and blanks at the ends of lines.

    >>> bare('# Why.\\ndef f():\\n    \\"\\"\\"Return one.\\"\\"\\"\\n\\n    return 1  \\n')
    'def f():\\n    return 1\\n'
    """
    lines: list[str] = []
    said, held = "", ""  # the quotes of the docstring, or of another text, that the line is in
    for line in text.splitlines():
        word = line.strip()
        if said:
            said = "" if said in word else said
        elif held:
            lines.append(line)
            held = "" if line.count(held) % 2 else held
        elif not word or word[0] == "#":
            continue
        elif '"' * 3 not in word and "'" * 3 not in word:
            lines.append(line.rstrip())
        elif (quotes := _QUOTES.match(word)) and not (lines and lines[-1].endswith(_GOES_ON)):
            said = "" if quotes[1] in word[quotes.end() :] else quotes[1]
        else:
            lines.append(line.rstrip())
            held = next((mark for mark in ('"' * 3, "'" * 3) if line.count(mark) % 2), "")
    return "".join(f"{line}\n" for line in lines)

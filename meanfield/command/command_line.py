"""Reading a command line with tyro: options of a command, parameters of a study, and a sentence for what is neither."""

import ast
import contextlib
import dataclasses
import difflib
import inspect
import io
import textwrap
import types
import typing
from collections.abc import Callable, Iterable
from typing import Any


class _Nothing(tuple):
    """No values; not the same as a parameter that was named and given none."""


_ABSENT = _Nothing()


class Refused(Exception):
    """Bad usage or bad input, as one sentence for the user; or, with another exit status, what else ends a command."""

    def __init__(self, sentence: str, status: int = 2):
        super().__init__(sentence)
        self.status = status


@dataclasses.dataclass(frozen=True)
class Line:
    """A command line that was read: the command's options, the bare words, and the parameters that were given."""

    options: Any
    words: list[str]
    parameters: dict[str, tuple[str, ...]]
    """As text: the study knows ranges and types."""


def nearest(word: str, names: Iterable[str]) -> str:
    """ " Did you mean …?", or nothing."""
    near = difflib.get_close_matches(word, list(names), n=1)
    return f" Did you mean {near[0]}?" if near else ""


def read(
    command: str,
    options: type,
    arguments: list[str],
    coerce: Callable[[str, Any, Any], Any],
    *,
    docs: dict[str, str],
    words: tuple[str, str] = ("", ""),
    parameters: type | None = None,
    parameter_docs: dict[str, str] | None = None,
) -> Line:
    """Return the line that was read. Print help and leave with status 0 when it is asked for.

    `words` are for the help: the bare words that the command takes, and what they are.
    Values are taken as text and turned into the type of their field by `coerce`, so that every error is one sentence.
    """
    import tyro

    taken = {field.name: field for field in dataclasses.fields(options)}
    studied = (
        {} if parameters is None else {field.name: field for field in dataclasses.fields(parameters) if field.init}
    )
    fields = [_option(field, docs[name]) for name, field in taken.items()]
    fields += [_parameter(field, (parameter_docs or {})[name]) for name, field in studied.items()]
    kind = dataclasses.make_dataclass("Arguments", fields, frozen=True)
    asked = any(word in ("-h", "--help") for word in arguments)
    config = (tyro.conf.FlagCreatePairsOff,)
    about = "\n\n".join(part for part in (described(options), words[1]) if part)
    spoken = io.StringIO()
    try:
        with contextlib.nullcontext() if asked else contextlib.redirect_stderr(spoken):
            found, rest = tyro.cli(
                kind,
                prog=f"meanfield {command} {words[0]}".rstrip(),
                description=about,
                args=arguments,
                return_unknown_args=True,
                config=config,
            )
    except SystemExit:
        if asked:
            raise
        raise Refused(
            f"{command}: {' '.join(arguments)!r} can't be read; expected options followed by their values "
            f"(see `meanfield {command} --help`)."
        ) from None
    names = [_flag(name) for name in (*taken, *studied)]
    for word in rest:
        if word.startswith("-"):
            raise Refused(f"{word} is not an option of {command}.{nearest(word, names)}")
    values = {name: getattr(found, name) for name in taken}
    values = {
        name: taken[name].default if value in ("", ()) else _typed(name, taken[name].type, value, coerce)
        for name, value in values.items()
    }
    given = {name: getattr(found, name) for name in studied if getattr(found, name) is not _ABSENT}
    return Line(options(**values), rest, given)


def described(kind: type) -> str:
    """Return the docstring of a class, read from its file: Python leaves it out where it is told to optimise."""
    (found,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    return ast.get_docstring(found) or "" if isinstance(found, ast.ClassDef) else ""


def _typed(name: str, kind: Any, value: Any, coerce: Callable) -> Any:
    if typing.get_origin(kind) is tuple or kind is bool:
        return value
    if typing.get_origin(kind) is types.UnionType:
        kind = typing.get_args(kind)[0]
    return coerce(name, kind, value)


def _option(field: dataclasses.Field, doc: str) -> tuple:
    import tyro

    if field.type is bool:
        return field.name, typing.Annotated[bool, tyro.conf.arg(help=doc)], dataclasses.field(default=False)
    several = typing.get_origin(field.type) is tuple
    usual: Any = field.default
    hint = "" if usual in (None, "", ()) else f"(default: {' '.join(usual) if several else usual})"
    kind = field.type if isinstance(field.type, type) else typing.get_args(field.type)[0]
    mark = tyro.conf.arg(
        name=field.name.rstrip("_").replace("_", "-"),
        help=doc,
        metavar=_metavar(kind, several),
        help_behavior_hint=hint,
    )
    if several:
        return field.name, typing.Annotated[tuple[str, ...], mark], dataclasses.field(default=())
    return field.name, typing.Annotated[str, mark], dataclasses.field(default="")


def _parameter(field: dataclasses.Field, doc: str) -> tuple:
    import tyro

    mark = tyro.conf.arg(
        help=doc, metavar=_metavar(field.type, several=True), help_behavior_hint=f"(default: {field.default})"
    )
    return field.name, typing.Annotated[tuple[str, ...], mark], dataclasses.field(default=_ABSENT)


def _metavar(kind: Any, several: bool) -> str:
    word = {int: "INT", float: "NUMBER", bool: "BOOL"}.get(kind, "WORD")
    return f"{word} [{word} …]" if several else word


def _flag(name: str) -> str:
    return "--" + name.rstrip("_").replace("_", "-")

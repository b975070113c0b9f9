"""Standard streams that are closed, absent, full, or of an encoding without the field's letters."""

import codecs
import contextlib
import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

WORDS = {
    "−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "±": "+/-", "×": "x", "·": "*", "⋅": "*", "÷": "/", "∕": "/",
    "≤": "<=", "≥": ">=", "≠": "!=", "≈": "~", "∞": "inf", "√": "sqrt", "∇": "grad ", "∂": "d", "Σ": "sum", "∑": "sum",
    "∫": "integral ", "→": "->", "←": "<-", "↦": "->", "⇒": "=>", "…": "...", "‘": "'", "’": "'", "“": '"', "”": '"',
    "•": "*", "∈": " in ", "°": " degrees", "∝": "~", "‖": "||", "│": "|", "┃": "|", "─": "-", "━": "-", "╌": "-",
    "═": "=", "╴": "-", "╸": "-", "╺": "-", "≪": "<<", "≫": ">>", "⟨": "<", "⟩": ">", "′": "'", "∘": "o", "⋯": "...",
    "ß": "ss", "ø": "o", "Ø": "O", "æ": "ae", "ł": "l", "Ł": "L", "µ": "mu", "λ": "lambda", "Λ": "Lambda",
    "\u202f": " ",
}  # fmt: skip
"""What a letter that the encoding lacks is written as; Greek ones are written by their names."""

NARROWEST, WIDEST = 40, 1000
"""Columns for which help and tables are laid out: libraries never come to an end with fewer than none."""

ERRORS = "meanfield-words"
"""The name of that way with what cannot be encoded."""


def in_ascii(letter: str) -> str:
    """One letter in ASCII.

    >>> "".join(map(in_ascii, "α² ≤ ½, Erdős"))
    'alpha^2 <= 1/2, Erdos'
    """
    if letter.isascii():
        return letter
    if letter in WORDS:
        return WORDS[letter]
    name = unicodedata.name(letter, "")
    if name.startswith(("GREEK SMALL LETTER ", "GREEK CAPITAL LETTER ")):
        word = name.split(" ")[3]
        return word.lower() if "SMALL" in name else word.capitalize()
    if name.startswith("BOX DRAWINGS"):
        return "+"
    if unicodedata.combining(letter):
        return ""
    kind, _, points = unicodedata.decomposition(letter).rpartition("> ")
    raised = {"<super": "^", "<sub": "_"}.get(kind, "")
    parts = "".join(chr(int(point, 16)) for point in points.split())
    plain = "".join(WORDS.get(part, part) for part in parts.replace("\u2044", "/") if not unicodedata.combining(part))
    return raised + plain if plain.isascii() and plain else "?"


def _words(problem: UnicodeError) -> tuple[str | bytes, int]:
    """Return (what is written in the place of letters that an encoding lacks, where to go on)."""
    if not isinstance(problem, UnicodeEncodeError):
        raise problem
    letters = problem.object[problem.start : problem.end]
    if all("\udc80" <= letter <= "\udcff" for letter in letters):  # bytes of a file's name that were no text
        return letters.encode("ascii", "surrogateescape"), problem.end
    text = "".join(map(in_ascii, letters))
    return re.sub(r"(?<=([_^])[-+\w])\1", "", text), problem.end  # 10⁻¹ is 10^-1, not 10^-^1


class Unwritable(Exception):
    """Output that was asked for could not be written; `problem` says why."""

    def __init__(self, problem: OSError):
        super().__init__(f"standard output cannot be written to ({problem.strerror or problem})")
        self.problem = problem


class Guarded:
    """A standard stream whose failures to write go to `failed`."""

    def __init__(self, stream: Any, failed: Callable[[Any, OSError], None]):
        self._stream, self._failed = stream, failed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, or tell of it where that failed."""
        try:
            self._stream.write(text)
        except OSError as problem:
            self._failed(self._stream, problem)
        return len(text)

    def flush(self) -> None:
        """Bring it to who reads, or tell of it where that failed."""
        try:
            self._stream.flush()
        except OSError as problem:
            self._failed(self._stream, problem)


def _refuse(stream: Any, problem: OSError) -> None:
    """Output that was asked for is lost: its failure is told from those of other files."""
    _abandon(stream)
    raise Unwritable(problem) from None


def _go_on(stream: Any, problem: OSError) -> None:
    """Messages that nobody can read stop nothing."""


@contextlib.contextmanager
def dependable() -> Iterator[None]:
    """A context in which both standard streams can be written to: what is closed leads nowhere, letters that an
    encoding lacks are written in ASCII, and messages that nobody can read stop nothing.
    """
    _occupy()
    codecs.register_error(ERRORS, _words)
    before = sys.stdout, sys.stderr
    changed: list[tuple[Any, Any]] = []
    with contextlib.ExitStack() as stack:
        stack.enter_context(_columns())
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if stream is None or stream.closed:
                stream = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
                setattr(sys, name, stream)
            if hasattr(stream, "reconfigure"):
                changed.append((stream, stream.errors))
                stream.reconfigure(errors=ERRORS)
        sys.stdout, sys.stderr = Guarded(sys.stdout, _refuse), Guarded(sys.stderr, _go_on)  # type: ignore[assignment]
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before
            for stream, errors in changed:
                with contextlib.suppress(OSError):  # messages that nobody can read
                    stream.reconfigure(errors=errors)


@contextlib.contextmanager
def _columns() -> Iterator[None]:
    """A context in which the variable COLUMNS, where it is set, is a width in which something can be written."""
    given = os.environ.get("COLUMNS")
    if given is None:
        yield
        return
    if given.isdecimal() and int(given) > 0:
        os.environ["COLUMNS"] = str(min(max(int(given), NARROWEST), WIDEST))
    else:
        del os.environ["COLUMNS"]
    try:
        yield
    finally:
        os.environ["COLUMNS"] = given


def width(stream: Any, usual: int) -> int:
    """Columns of a table: of the terminal or the variable COLUMNS; `usual`, where there is neither."""
    if stream.isatty() or os.environ.get("COLUMNS"):
        return max(NARROWEST, shutil.get_terminal_size((usual, 24)).columns)
    return usual


def _occupy() -> None:
    """Let closed descriptors of the standard streams lead nowhere: the next file to be opened would take their place,
    and a message of some library would be written into it.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)


def _abandon(stream: Any) -> None:
    """Let a stream that can't be written to lead nowhere, so that Python does not try again at its end."""
    with contextlib.suppress(OSError, ValueError):  # one without a descriptor has nothing to be written at the end
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)

"""The bibliography: which keys may stand in `Prediction.reference`, and what they stand for."""

import difflib
import functools
import re
import unicodedata
from pathlib import Path

from theory import _checks

_ENTRY = re.compile(r"^@\w+\{\s*([^,\s]+)\s*,(.*?)^\}", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r"^\s*(\w+)\s*=\s*\{(.*?)\},?$", re.MULTILINE | re.DOTALL)
_ACCENT = re.compile(r"\\(['`\"^~=.]|[cvuHk](?=\W))\s*\{?\\?(\w)\}?")
_COMBINING = dict(
    zip("'`\"^~=.cvuHk", "\u0301\u0300\u0308\u0302\u0303\u0304\u0307\u0327\u030c\u0306\u030b\u0328", strict=True)
)
_LETTERS = {r"\ss": "ß", r"\o": "ø", r"\O": "Ø", r"\l": "ł", r"\L": "Ł", r"\aa": "å", r"\&": "&", "--": "–", "~": " "}


def keys() -> tuple[str, ...]:
    """Return the keys of `theory/references.bib`, in the order of the file.

    >>> "chizat2019lazy" in keys()
    True
    """
    return tuple(_entries())


def citation(key: str) -> str:
    """Return authors, title, where and when: one line of plain text. Raises `ValueError` for a key that is none.

    >>> citation("cho2009kernel")  # doctest: +ELLIPSIS
    'Youngmin Cho and Lawrence K. Saul. Kernel Methods for Deep Learning. Advances in Neural ... Systems 22, 2009.'
    """
    if not isinstance(key, str) or key not in _entries():
        near = difflib.get_close_matches(str(key), keys(), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"key must be one of theory/references.bib, got {_checks.shown(key)}{hint}")
    fields = _entries()[key]
    where = " ".join(fields[name] for name in ("journal", "booktitle", "publisher", "howpublished") if name in fields)
    where = " ".join(part for part in (where, fields.get("volume", "")) if part)
    where = ", ".join(part for part in (where, fields.get("year", "")) if part)
    parts = [_authors(fields.get("author", "")), fields["title"], where, fields.get("note", "")]
    if "eprint" in fields:
        parts.append(f"arXiv:{fields['eprint']}")
    return " ".join(part if part.endswith(("?", ".")) else f"{part}." for part in parts if part)


def _authors(field: str) -> str:
    """ "A and B", "A, B and C", and the first of many with "et al."."""
    names = [" ".join(reversed(name.split(", "))) for name in field.split(" and ")]
    if len(names) > 4:
        return f"{names[0]} et al"
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


@functools.cache
def _entries() -> dict[str, dict[str, str]]:
    text = Path(__file__).with_name("references.bib").read_text(encoding="utf-8")
    return {
        key: {name.lower(): _plain(value) for name, value in _FIELD.findall(body)} for key, body in _ENTRY.findall(text)
    }


def _plain(value: str) -> str:
    """TeX's accents, letters and braces as plain letters."""
    value = _ACCENT.sub(lambda found: unicodedata.normalize("NFC", found[2] + _COMBINING[found[1]]), value)
    for tex, letter in _LETTERS.items():
        value = value.replace(tex, letter)
    return " ".join(value.replace("{", "").replace("}", "").split())

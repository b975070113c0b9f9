"""The bibliography: which keys may stand in `Prediction.reference`."""

import re
from pathlib import Path

_ENTRY = re.compile(r"^@\w+\{\s*([^,\s]+)\s*,", re.MULTILINE)


def keys() -> tuple[str, ...]:
    """Return the keys of `theory/references.bib`, in the order of the file.

    >>> "chizat2019lazy" in keys()
    True
    """
    return tuple(_ENTRY.findall(Path(__file__).with_name("references.bib").read_text(encoding="utf-8")))

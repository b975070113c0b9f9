"""Summaries beside the gallery's pictures: what the checks of each study saw, from which its verdicts follow again."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import simulations
from figures import origin, signature
from simulations import Records, Study


def content(study: Study, records: Records, size: str) -> bytes:
    """Return the summary of a study as the content of its file, with the size, the seeds and the versions of its runs.

    A claim is a line; the same records give the same bytes.
    """
    made = simulations.summary(study, records)
    about = {
        "by": f"{signature.SIGNATURE} gallery, for simulations.judge",
        "size": size,
        "count": len(records),
        "seeds": origin.seeds(records),
        "packages": origin.versions(records),
    }
    lines = [f"{_text(name)}: {_part(part)}" for name, part in {**about, **made}.items()]
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def read(path: Path) -> dict[str, Any]:
    """Return a summary that was written by the gallery; raises `ValueError` for another file, `OSError` for none."""
    text = path.read_text(encoding="utf-8")
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not str(found.get("by", "")).startswith(signature.SIGNATURE):
        raise ValueError(f"{str(path)!r}: is no summary that `meanfield gallery` wrote.")
    return found


def _part(part: Any) -> str:
    if not isinstance(part, Mapping) or not all(isinstance(one, Mapping) for one in part.values()):
        return _text(part)
    lines = [f"{_text(name)}: {_text(one)}" for name, one in part.items()]
    return "{\n" + ",\n".join(lines) + "}" if lines else "{}"


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

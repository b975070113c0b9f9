"""Records that other code has made: how many, of which revisions, said in one sentence or refused.

A record holds the digest of the code that computed it (`simulations.records.code`). One from before there were digests
is told by its revision, and where packages are installed by their version.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from simulations.records.code import Identity, identify
from simulations.records.provenance import origin
from simulations.records.record import Record
from simulations.study.study import Study

logger = logging.getLogger("meanfield")


ANEW = "another directory, or this one without them, has them computed anew"


class OtherCode(ValueError):
    """Records that other code has made, where such are not allowed."""


def made_by_others(records: Iterable[Record], code: str) -> list[Record]:
    """Those that were made by other code than that with this digest."""
    return [record for record in records if not _is_same(record.provenance, code)]


def _is_same(provenance: Mapping[str, Any], code: str) -> bool:
    if "code" in provenance:
        return provenance["code"] == code
    here = origin()
    if here["revision"] is None:
        return provenance.get("revision") is None and _version(provenance) == _version(here)
    return provenance.get("revision") == here["revision"] and not (provenance.get("dirty") or here["dirty"])


def sentence(study: str, others: list[Record], total: int, directory) -> str:
    """How many of `total` records other code has made, and which."""
    here = _name(origin())
    names = Counter(_name(record.provenance) for record in others)
    again = names.pop(here, 0)
    parts = [f"{count} by {name}" for name, count in sorted(names.items(), key=lambda item: (-item[1], item[0]))]
    parts += [f"{again} by {here} with other changes"] if again else []
    were = "was" if len(others) == 1 else "were"
    return (
        f"{study}: {len(others)} of {total} records in {str(directory)!r} {were} made by other code "
        f"({', '.join(parts)}; this is {here})"
    )


def tell_others(study: Study, identity: Identity | None, records: Iterable[Record], directory, *, strict: bool) -> None:
    """Say in one line which of these records of a study other code has made, or raise `OtherCode` if `strict`."""
    found = [record for record in records if record.values]  # without values: failed, and computed again
    others = made_by_others(found, (identity or identify(study)).code) if found else []
    if not others:
        return
    said = sentence(study.name, others, len(found), directory)
    if strict:
        raise OtherCode(f"strict=True: {said}; {ANEW}.")
    logger.warning("%s; --strict (strict=True) refuses them, %s.", said, ANEW)


def _name(provenance: Mapping[str, Any]) -> str:
    revision = provenance.get("revision")
    if not isinstance(revision, str):
        return f"version {_version(provenance)}"
    return f"revision {revision[:7]}{' with changes' if provenance.get('dirty') else ''}"


def _version(provenance: Mapping[str, Any]) -> str:
    versions = provenance.get("versions")
    return str(versions.get("meanfield", "unknown")) if isinstance(versions, dict) else "unknown"

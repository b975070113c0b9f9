"""The origin of records in words: for a picture's own description, the gallery's page and the explorer."""

from collections.abc import Iterable

from simulations import Record

FIRST = ("meanfield", "jax")


def seeds(records: Iterable[Record]) -> str:
    """ "seed 3" or "seeds 0 to 11"; empty where no run has one.

    >>> seeds([Record({"seed": 2}, {}), Record({"seed": 0}, {})])
    'seeds 0 to 2'
    """
    known = {int(record.parameters["seed"]) for record in records if "seed" in record.parameters}
    if not known:
        return ""
    return f"seed {min(known)}" if len(known) == 1 else f"seeds {min(known)} to {max(known)}"


def versions(records: Iterable[Record]) -> str:
    """ "meanfield 0.1.0, jax 0.10.2, …", of the first record; the same text for a record that was made and one that
    was read. Empty where it tells none.
    """
    found: dict[str, str] = next((record.provenance.get("versions", {}) for record in records), {})
    names = [name for name in FIRST if name in found] + sorted(set(found) - set(FIRST))
    return ", ".join(f"{name} {found[name]}" for name in names)

"""The parts of the gallery's page, one a study: made from records, or kept from an earlier page."""

import re
from dataclasses import dataclass

from simulations import STUDIES

VERDICT = re.compile(
    r"(\d+) runs?\b[^*\n]*: \*\*((\d+) of (\d+) claims hold[^*\n]*)\*\*(?:; (\d+) of (\d+) sanity checks hold)?"
)
"""What a part says of its study: runs, and the verdict with its counts, and those of the sanity checks."""


@dataclass(frozen=True)
class Part:
    """The part of the page on one study, from its heading to the next."""

    name: str
    body: str

    @property
    def runs(self) -> int:
        return int(self._said(1) or 0)

    @property
    def verdict(self) -> str:
        """ "18 of 18 claims hold", with what does not."""
        return str(self._said(2))

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """How many claims hold, of how many, and how many sanity checks, of how many."""
        holding, claims, sane, checks = (int(self._said(which) or 0) for which in range(3, 7))
        return holding, claims, sane, checks

    @property
    def cited(self) -> set[str]:
        """The sources of its claims."""
        return set(re.findall(r"\| \[([^]]+)\]\(#\1\) \|$", self.body, re.MULTILINE))

    def _said(self, which: int) -> str | None:
        found = VERDICT.search(self.body)
        if found is None:
            raise ValueError(f"the part {self.name!r} of the page says no verdict; expected one that gallery wrote.")
        return found[which]


def kept(page: str) -> dict[str, Part]:
    """The parts of a page that was written before, of the studies that there are."""
    pieces = re.split(r"^### (\w+)\n", page, flags=re.MULTILINE)
    bodies = dict(zip(pieces[1::2], pieces[2::2], strict=True))
    return {
        name: Part(name, f"### {name}\n{re.split(r'^## ', body, flags=re.MULTILINE)[0].rstrip()}\n")
        for name, body in bodies.items()
        if name in STUDIES
    }


def cell(words: str) -> str:
    """Text that stays in its cell of a table, and is no markup."""
    return " ".join(plain(words.replace("`", "")).replace("|", "\\|").split())


def plain(words: str) -> str:
    """Text whose letters are no markup; what stands in backticks is code."""
    pieces = words.split("`")
    pieces[::2] = [re.sub(r"([\\*_<]|\](?=\())", r"\\\1", piece) for piece in pieces[::2]]
    return "`".join(pieces)

"""The times that runs took, setting by setting, and the times that others will take by that."""

import math
from bisect import bisect
from collections.abc import Iterable
from dataclasses import asdict
from statistics import median
from typing import Any

RATE = 1e9
"""Products a second where nothing says better: one core, small arrays."""

BASE = 5e-3
"""Seconds that a run takes however small it is."""


def operations(run: Any) -> float:
    """Products of a run, read off the names that studies share: m n (1 + d), as often as there are steps and
    replicas.
    """
    sizes = [_number(run, name) or 1.0 for name in ("particles", "samples", "replicas", "instances")]
    steps = _number(run, "steps") or _number(run, "updates")
    if not steps:
        steps = (_number(run, "time") or 1.0) / (_number(run, "step") or 1.0)
    return math.prod(sizes) * (1 + (_number(run, "dimension") or 1.0)) * max(1.0, steps)


def _number(run: Any, name: str) -> float:
    """A number of that name, 0 where a study has none or means something else by it."""
    value = getattr(run, name, 0)
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else 0.0


def all_operations(runs: Iterable[Any]) -> float:
    """Those of all these runs."""
    return sum(map(operations, runs))


class Known:
    """The times that runs took, setting by setting: (run, seconds) of each; a run is a dataclass of parameters."""

    def __init__(self, runs: Iterable[tuple[Any, float]]):
        self.settings: dict[tuple, list[float]] = {}
        self.sizes: dict[float, list[tuple]] = {}
        self._order: list[float] = []
        self.add(runs)

    def add(self, runs: Iterable[tuple[Any, float]]) -> None:
        """Count these runs, too."""
        for run, seconds in runs:
            setting = setting_of(run)
            if setting not in self.settings:
                self.sizes.setdefault(operations(run), []).append(setting)
            self.settings.setdefault(setting, []).append(seconds)

    @property
    def count(self) -> int:
        return sum(map(len, self.settings.values()))

    def has(self, run: Any) -> bool:
        return setting_of(run) in self.settings

    def total(self, runs: Iterable[Any]) -> float:
        """Seconds of these runs: the first of every setting, and as often as there are more the others'."""
        counts: dict[tuple, list] = {}
        for run in runs:
            counts.setdefault(setting_of(run), []).append(run)
        return sum(self._of(setting, some[0], len(some)) for setting, some in counts.items())

    def _of(self, setting: tuple, run: Any, count: int) -> float:
        seen = self.settings.get(setting)
        if seen is not None:
            return _repeated(seen, count)
        if not self.sizes:
            return count * (BASE + operations(run) / RATE)
        size, sizes = operations(run), self._sorted()
        place = bisect(sizes, size)
        # The nearest by ratio; of two as near the smaller.
        nearest = min(sizes[max(0, place - 1) : place + 1], key=lambda other: abs(math.log(other / size)))
        return median(_repeated(self.settings[other], count, size / nearest) for other in self.sizes[nearest])

    def _sorted(self) -> list[float]:
        if len(self._order) != len(self.sizes):
            self._order = sorted(self.sizes)
        return self._order


def _repeated(seen: list[float], count: int, ratio: float = 1.0) -> float:
    """Seconds of `count` runs of a setting, `ratio` times as large as the one of which some runs took `seen`.

    The longest of these compiled its programs, as one of the others will, which takes as long for every size. Of a
    single run it is not known how much of it was compiling: the answer is between those for all and none of it, and is
    their geometric mean.
    """
    if len(seen) == 1:
        return seen[0] * math.sqrt(ratio * count)
    *others, longest = sorted(seen)
    later = median(others)
    return longest - later + count * (min(BASE, later) + ratio * max(0.0, later - BASE))


def setting_of(run: Any) -> tuple:
    """All parameters of a run but its seed."""
    return tuple(sorted((name, value) for name, value in asdict(run).items() if name != "seed"))

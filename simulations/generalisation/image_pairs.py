"""Pairs of images, by class and by distance, and means of a cosine over them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

GROUPS = ("within", "between", "near", "far", "close", "apart", "mixed_within", "mixed_between")
"""Pairs of one class or of two; of one class, the nearest quarter and the farthest; of two classes, the same; of one
class or of two, where classes are dealt out at random.
"""

BINS = np.linspace(0, np.sqrt(2), 13)
"""Edges of the bins of distance."""


@dataclass(frozen=True)
class ImagePairs:
    """All pairs i < k of images [n, d] of unit length, of these classes [n], and of classes dealt out at random [n]."""

    images: np.ndarray
    classes: np.ndarray
    dealt: np.ndarray

    @cached_property
    def indices(self) -> tuple[np.ndarray, np.ndarray]:
        """Return i and k of every pair."""
        return np.triu_indices(len(self.images), 1)

    @cached_property
    def distance(self) -> np.ndarray:
        """Return |x_i − x_k| of every pair."""
        i, k = self.indices
        return np.sqrt(np.maximum(2 - 2 * np.sum(self.images[i] * self.images[k], axis=1), 0))

    @cached_property
    def groups(self) -> dict[str, np.ndarray]:
        """Return which pairs each of `GROUPS` has."""
        i, k = self.indices
        within, chance = self.classes[i] == self.classes[k], self.dealt[i] == self.dealt[k]
        low, high = (np.quantile(self.distance[within], share) for share in (0.25, 0.75))
        near, wide = (np.quantile(self.distance[~within], share) for share in (0.25, 0.75))
        chosen = (
            within,
            ~within,
            within & (self.distance <= low),
            within & (self.distance >= high),
            ~within & (self.distance <= near),
            ~within & (self.distance >= wide),
            chance,
            ~chance,
        )
        return dict(zip(GROUPS, chosen, strict=True))

    def means(self, cosines: np.ndarray) -> dict[str, np.ndarray]:
        """Return means of cosines [times, n, n]: over `groups`, over pairs of `classes`, and `along` the distance for
        pairs of one class and of two.
        """
        i, k = self.indices
        flat, within = cosines[:, i, k], self.groups["within"]
        bins = [_binned(flat[:, part], self.distance[part]) for part in (within, ~within)]
        by_group = [flat[:, self.groups[name]].mean(axis=1) for name in GROUPS]
        return {
            "groups": np.stack(by_group, axis=1),
            "classes": self._by_class(cosines),
            "along": np.stack(bins, axis=1),
        }

    def _by_class(self, cosines: np.ndarray) -> np.ndarray:
        """Return the mean cosine of every two classes [times, 10, 10]; NaN where there is no pair."""
        member = np.eye(10)[self.classes]
        number = member.sum(axis=0)
        counts = np.outer(number, number) - np.diag(number)
        apart = cosines - np.eye(len(member)) * cosines
        sums = np.einsum("tik,ia,kb->tab", apart, member, member, optimize=True)
        return np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)


def pairs(images: np.ndarray, targets: np.ndarray, random: np.random.Generator) -> ImagePairs:
    """Return the pairs of images, by their classes and by classes that are dealt out at random."""
    classes = np.argmax(targets, axis=1)
    return ImagePairs(images, classes, random.permutation(classes))


def _binned(values: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Return means of the rows of `values` in every bin of distance; NaN where a bin is empty."""
    inside = np.eye(len(BINS) - 1)[np.clip(np.digitize(distance, BINS) - 1, 0, len(BINS) - 2)]
    counts = inside.sum(axis=0)
    return np.divide(values @ inside, counts, out=np.full((len(values), len(counts)), np.nan), where=counts > 0)

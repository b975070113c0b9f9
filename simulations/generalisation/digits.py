"""Two of the ten digits as labels ±1, and labels that are partly replaced by random ones."""

import functools

import numpy as np

from simulations import Experiment, count

IMAGES = (178, 182, 177, 183, 181, 182, 181, 179, 174, 180)
"""Images of each digit in the data set that ships with scikit-learn (count)."""

PIXELS = 64


def digits_refusal(first: int, second: int, samples: int, tested: int) -> str | None:
    """Return why these are no two digits, or more samples than there are images of them; None for what there is."""
    if first == second:
        return f"second={second}: expected another digit than first."
    most = IMAGES[first] + IMAGES[second]
    if samples + tested > most:
        return f"samples={samples} and tested={tested}: expected at most {most} images together."
    return None


def two_digits(
    first: int, second: int, samples: int, tested: int, split: np.random.Generator, components: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return (x, y, x_test, y_test): images centred on the training part, each then of unit length; `first` is +1.

    `components` keeps so many principal components of the training part (0: all pixels). `split` draws which images
    are those of training.
    """
    pixels, label = images(first, second)
    chosen = split.permutation(len(label))
    train, test = chosen[:samples], chosen[samples : samples + tested]
    x = pixels - pixels[train].mean(axis=0)
    if components:
        x = x @ np.linalg.svd(x[train], full_matrices=False)[2][:components].T
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    return x[train], label[train], x[test], label[test]


@functools.lru_cache(maxsize=64)
def images(first: int, second: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (pixels [n, 64], labels [n]) of two digits as they are shipped; `first` is +1."""
    import sklearn.datasets

    pixels, digit = (np.asarray(part) for part in sklearn.datasets.load_digits(return_X_y=True))
    chosen = (digit == first) | (digit == second)
    return pixels[chosen], np.where(digit[chosen] == first, 1.0, -1.0)


def replaced(samples: int, levels: int) -> np.ndarray:
    """Return how many labels are replaced at each level, from none to all, [levels]."""
    return np.rint(np.linspace(0, samples, levels)).astype(int)


def corrupted(y: np.ndarray, counts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return labels of which so many are replaced by random signs, [levels, n].

    What one level replaces the next does too.
    """
    order, signs = rng.permutation(len(y)), rng.choice([-1.0, 1.0], len(y))
    rank = np.empty(len(y), int)
    rank[order] = np.arange(len(y))
    return np.where(rank < counts[:, None], signs, y)


class TwoDigits(Experiment):
    """Experiments on images of two digits, of which a seed draws those of training."""

    first: int = count(3, "", "digit labelled +1", at_least=0, at_most=9)
    second: int = count(8, "", "digit labelled −1", at_least=0, at_most=9)
    samples: int = count(64, "n", "training samples", at_least=4)
    tested: int = count(100, "", "test samples, whose labels are the true ones")
    components: int = count(0, "", "principal components of the images that are kept; 0 for all", at_least=0)

    def refusal(self):
        if (why := digits_refusal(self.first, self.second, self.samples, self.tested)) is not None:
            return why
        if self.components >= min(PIXELS + 1, self.samples):
            most = min(PIXELS, self.samples - 1)
            return f"components={self.components}: expected at most {most}, of {PIXELS} pixels and fewer than samples."
        return None

    @functools.cached_property
    def data(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Training images and true labels, test images and theirs."""
        split = self.generator("split of the images")
        return two_digits(self.first, self.second, self.samples, self.tested, split, self.components)

"""The flow of the soft-min, against descent with small steps, and the largest margin of given neurons."""

import numpy as np
import pytest

from theory import margin, soft_margin

RNG = np.random.default_rng(4)
X = np.column_stack([RNG.normal(size=(8, 2)), np.ones(8)])
Y = np.sign(X[:, 0] * X[:, 1])
KERNEL = np.exp(-np.sum((X[:, None] - X) ** 2, axis=2))


def test_flow_is_the_limit_of_descent_and_tends_to_the_largest_margin():
    margins, norms = soft_margin.flow(KERNEL, Y, [0.0, 2.0, 5000.0])
    assert margins[0] == norms[0] == 0
    coarse, fine = (soft_margin.descent(KERNEL, Y, 2.0 / count, count) for count in (2000, 4000))
    assert 2 * fine[0] - coarse[0] == pytest.approx(margins[1], rel=1e-5)
    assert 2 * fine[1] - coarse[1] == pytest.approx(norms[1], rel=1e-5)
    largest = margin.kernel_margin(KERNEL, Y).upper
    assert 0.98 * largest < margins[2] / norms[2] < largest
    assert 0 < largest * norms[2] - margins[2] < np.log(8)


def test_one_step_of_descent_by_hand():
    """From f = 0 all weights are 1/n: f = step · K y / n."""
    found = soft_margin.descent(KERNEL, Y, 0.5, 1)
    c = 0.5 * Y / 8
    assert found == pytest.approx((np.min(Y * (KERNEL @ c)), np.sqrt(c @ KERNEL @ c)), rel=1e-12)


def test_margin_of_neurons_is_the_largest_where_they_are_the_best():
    best = margin.variation_margin(X, Y, gap=1e-9)
    position = np.column_stack([best.measure[:, 0], 3 * best.measure[:, 1:]])
    assert soft_margin.of_neurons(position, X, Y) == pytest.approx(best.lower, rel=1e-8)
    assert soft_margin.of_neurons(-position * [1, -1, -1, -1], X, Y) < 0  # of the other signs
    assert soft_margin.of_neurons(position[1:], X, Y) < best.lower * (1 - 1e-6)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: soft_margin.flow(KERNEL, Y, [1.0, 0.5]), "fall"),
        (lambda: soft_margin.flow(KERNEL, 2 * Y, [1.0]), "labels"),
        (lambda: soft_margin.descent(KERNEL, Y, 0.0, 1), "step"),
        (lambda: soft_margin.of_neurons(np.zeros((2, 4)), X, Y), "position must"),
    ],
)
def test_bad_input_is_one_sentence(call, words):
    with pytest.raises(ValueError, match=words):
        call()

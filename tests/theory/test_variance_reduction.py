"""Exact means of SAGA, SVRG and SAG, and SVRG's second moment, against every sequence of samples and snapshots."""

import itertools

import numpy as np
import pytest

from theory import variance_reduction
from theory.finite_sums import LeastSquares

START, STEP, STEPS = np.array([1.0, -2.0, 0.5, 0.25]), 0.3, 4


@pytest.fixture
def problem():
    rng = np.random.default_rng(5)
    return LeastSquares(rng.normal(size=(3, 4)) / 2, rng.normal(size=3), 0.1)


def gradients(problem, b):
    """∇F_i(b), [n, p]."""
    return (problem.features @ b - problem.targets)[:, None] * problem.features + problem.ridge * b


def remembered(problem, biased):
    """The ends of SAGA or SAG for all sequences of samples, which are equally likely."""
    for sequence in itertools.product(range(3), repeat=STEPS):
        b, table = START, np.zeros((3, 4)) if biased else gradients(problem, START)
        for i in sequence:
            new = gradients(problem, b)[i]
            change, mean = new - table[i], table.mean(axis=0)
            b = b - STEP * (mean + change / (3 if biased else 1))
            table = np.where(np.arange(3)[:, None] == i, new, table)
        yield b


def snapshots(problem, epoch):
    """The ends of SVRG with their probabilities."""
    for sequence in itertools.product(range(3), repeat=STEPS):
        for renewed in itertools.product((True, False), repeat=STEPS):
            b = anchor = START
            for i, renew in zip(sequence, renewed, strict=True):
                move = gradients(problem, b)[i] - gradients(problem, anchor)[i] + gradients(problem, anchor).mean(0)
                anchor = b if renew else anchor
                b = b - STEP * move
            yield b, np.prod([1 / epoch if renew else 1 - 1 / epoch for renew in renewed]) / 3**STEPS


def test_means_are_those_of_all_sequences(problem):
    unbiased = variance_reduction.unbiased_mean(problem, START, STEP, [0, STEPS])
    biased = variance_reduction.sag_mean(problem, START, STEP, [0, STEPS])
    assert np.abs(unbiased[0] - START).max() < 1e-14
    assert np.abs(biased[0] - START).max() < 1e-14
    assert np.abs(unbiased[1] - np.mean(list(remembered(problem, False)), axis=0)).max() < 1e-13
    assert np.abs(biased[1] - np.mean(list(remembered(problem, True)), axis=0)).max() < 1e-13
    assert np.abs(unbiased[1] - sum(b * chance for b, chance in snapshots(problem, 2.5))).max() < 1e-13


def test_second_moment_of_svrg_is_that_of_all_sequences(problem):
    found = variance_reduction.svrg_excess(problem, START, STEP, 2.5, [STEPS, 0])
    exact = sum(float(problem.excess(b)) * chance for b, chance in snapshots(problem, 2.5))
    assert found[0] == pytest.approx(exact, rel=1e-12)
    assert found[1] == pytest.approx(float(problem.excess(START)), rel=1e-12)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda p: variance_reduction.unbiased_mean(p, START, 0.0, [1]), "step"),
        (lambda p: variance_reduction.sag_mean(p, START, 0.1, [0.5]), "stops"),
        (lambda p: variance_reduction.svrg_excess(p, START, 0.1, 0.5, [1]), "epoch"),
    ],
)
def test_bad_input_is_one_sentence(problem, call, words):
    with pytest.raises(ValueError, match=words):
        call(problem)

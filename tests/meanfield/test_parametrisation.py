"""Networks as papers write them: gradient descent in their terms, in NumPy, against the engine's, to rounding."""

import dataclasses

import numpy as np
import pytest

import meanfield as mf

N, D, M, STEPS = 7, 3, 6, 12
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(N, D)), RNG.normal(size=N)
XI = RNG.normal(size=(M, D + 1))
"""The start at radius 1."""


def descended(multiplier, radius, weight, input_rate, degree, rate, decay):
    """Return f after every step of gradient descent on c R + λ/2 Σ_j |θ_j|², R = mean ½ (f − y)²."""
    a, w = radius * XI[:, 0], radius * XI[:, 1:]
    outputs = []
    for _ in range(STEPS + 1):
        z = np.maximum(X @ w.T, 0)
        feature, slope = z ** (degree - 1), (degree - 1) * np.where(z > 0, z, 1) ** (degree - 2) * (z > 0)
        outputs.append(multiplier * feature @ a)
        r = weight * multiplier * (outputs[-1] - Y) / N
        along_a, along_w = feature.T @ r, a[:, None] * ((slope * r[:, None]).T @ X)
        a, w = a - rate * (along_a + decay * a), w - rate * input_rate * (along_w + decay * w)
    return np.array(outputs)


def simulated(paper, degree, rate, decay):
    unit = mf.Neuron("relu" if degree == 2 else "squared_relu")
    penalty = mf.WeightDecay(paper.weight_decay(decay)) if decay else None
    problem = mf.Objective(unit, mf.Square(), paper.inputs(X), Y, scale=paper.scale, penalty=penalty)
    step = paper.step(rate)
    times = step * np.arange(STEPS + 1)
    start = paper.start(mf.Particles(XI))
    return mf.simulate(problem, mf.GradientFlow(step), start, times=times, observables=[mf.Predictions()])


CASES = [
    (1.0, 1.0, 1.0, 1.0, 2, 0.05, 0.0),
    (1.0, 0.3, 1.0, 1.0, 2, 0.2, 0.0),  # a sum from a small start
    (M**-0.5, 1.0, float(M), 1.0, 2, 0.05, 0.1),  # R/s², as authors of the lazy regime have it
    (1 / M, 2.0, 2.0, 1.0, 2, 0.05, 0.02),  # a mean of squares
    (1 / M, 0.7, 1.0, 4.0, 2, 0.1, 0.0),  # inputs move four times as fast
    (0.5, 0.8, float(N), 1.0, 3, 0.02, 0.05),  # a sum of squares, of a unit of degree 3
]


@pytest.mark.parametrize("case", CASES)
def test_steps_are_those_of_the_paper(case, x64):
    multiplier, radius, weight, input_rate, degree, rate, decay = case
    paper = mf.Parametrisation(M, multiplier, radius, weight, input_rate, degree)
    expected = descended(*case)
    found = simulated(paper, degree, rate, decay).values["predictions"]
    assert np.abs(expected[-1] - expected[0]).max() > 1e-3  # something was learned
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("field", ["particles", "multiplier", "radius", "weight", "input_rate", "degree"])
def test_another_number_gives_other_steps(field, x64):
    """Each number matters: with another one the same descent is not found."""
    case = (1 / M, 0.7, 2.0, 4.0, 2, 0.1, 0.0)
    paper = mf.Parametrisation(M, *case[:5])
    other = dataclasses.replace(paper, **{field: 2 * getattr(paper, field)})
    found = simulated(other, 2, 0.1, 0.0).values["predictions"]
    assert np.abs(found - descended(*case)).max() > 1e-3


def test_rates_come_back():
    paper = mf.Parametrisation(50, 0.3, 0.2, 2.0)
    assert paper.rate(paper.step(0.7)) == pytest.approx(0.7, rel=1e-15)


def test_the_inputs_of_a_paper_are_its_own_where_both_layers_move_alike():
    paper, mu = mf.Parametrisation(M), mf.Particles(XI)
    np.testing.assert_array_equal(paper.inputs(X), mf.Parametrisation(2, radius=3.0).inputs(X))
    np.testing.assert_array_equal(paper.start(mu).position, mu.position)


@pytest.mark.parametrize(("arguments", "sentence"), [
    ({"particles": 0}, "particles=0: expected"),
    ({"particles": 5, "radius": 0.0}, "radius=0.0: expected a finite number above 0"),
    ({"particles": 5, "multiplier": -1.0}, "multiplier=-1.0: expected"),
    ({"particles": 5, "weight": np.inf}, "weight=inf: expected"),
    ({"particles": 5, "input_rate": "fast"}, "input_rate='fast': expected"),
    ({"particles": 5, "degree": None}, "degree=None: expected"),
])  # fmt: skip
def test_what_is_no_parametrisation(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        mf.Parametrisation(**arguments)


def test_what_is_no_rate():
    paper = mf.Parametrisation(5)
    for refused in (lambda: paper.step(0), lambda: paper.rate(-1.0), lambda: paper.weight_decay(-0.1)):
        with pytest.raises(ValueError, match="expected a finite number"):
            refused()

"""Small problems: of few inputs they are compiled where that can be, of many inputs, or of the fewest pairs, dense."""

import numpy as np
import pytest

import meanfield as mf
from meanfield.integrals import compiled
from meanfield.integrals.plan import choose

pytestmark = pytest.mark.fast

CAN = compiled.unavailable(mf.Neuron("relu"), np.float32, "cpu") is None


def label(m, n, d, activation="relu", **more):
    return choose(mf.Neuron(activation), m, n, d, np.float32, **{"platform": "cpu", **more}).kernel.label()


@pytest.mark.parametrize(
    ("activation", "few", "many"), [("relu", 30, 60), ("leaky_relu", 30, 60), ("tanh", 20, 40), ("softplus", 20, 40)]
)
def test_few_inputs_are_compiled_and_many_are_kept(activation, few, many):
    assert label(2617, 426, few, activation) == ("compiled" if CAN else "dense")
    assert label(2617, 426, many, activation) == "dense"


def test_few_pairs_are_not_worth_compiling():
    pairs = compiled.FEW_PAIRS
    assert label(64, pairs // 64 - 1, 5) == "dense"
    assert label(64, pairs // 64, 5) == ("compiled" if CAN else "dense")
    said = dict(choose(mf.Neuron("relu"), 100, 100, 5, np.float32, platform="cpu").others)["compiled"]
    assert said.startswith("100 × 100 pairs are few")


def test_small_problems_elsewhere_are_dense():
    assert label(2617, 426, 5, platform="gpu") == "dense"


@pytest.mark.skipif(not CAN, reason="no code can be compiled here")
def test_what_is_compiled_for_a_small_problem_is_exact_to_rounding():
    """In float32 against float64: |f̂ − f| ≤ (m + d + 3) ε Σ_j |p_j a_j| |w_j|·|x|, as of any order of the sums."""
    rng = np.random.default_rng(0)
    m, n, d = 700, 120, 5
    x, y = (rng.normal(size=shape).astype(np.float32) for shape in ((n, d), (n,)))
    mu = mf.Particles(rng.normal(size=(m, d + 1)).astype(np.float32))
    objective = mf.Objective(mf.Neuron("relu"), mf.Square(), x, y)
    assert objective.bind(mu).kernel.label() == "compiled"
    theta, inputs = np.asarray(mu.position, float), x.astype(float)
    pa, w = np.asarray(mu.mass, float) * theta[:, 0], theta[:, 1:]
    found = np.asarray(objective.predict(mu), float)
    exact = pa @ np.maximum(w @ inputs.T, 0)
    bound = (m + d + 3) * 2.0**-24 * (np.abs(pa) @ (np.abs(w) @ np.abs(inputs).T))
    assert np.all(np.abs(found - exact) <= bound)
    assert np.abs(found - exact).max() > 0

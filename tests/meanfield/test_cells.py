"""Cells of the product that flows are, each against its formula; what is not trained keeps its bits."""

import functools
from dataclasses import replace
from itertools import combinations, product

import jax
import numpy as np
import pytest

from tests.meanfield import cells
from tests.meanfield.cells import Cell

pytestmark = pytest.mark.usefixtures("x64")
SEED, STEPS = 1, 3
BOUND = 1e3 * np.finfo(float).eps
SQUARED = 100
"""Spectral steps come from C = VᵀV, which has the squares of the singular values: those here are at most 1 to 10."""
"""Three steps of sums of some ten numbers of size one, in two orders; Adam divides by what may be a tenth."""
FIXED = cells.fixed_cells()


@functools.cache
def trajectory(cell):
    """Positions, masses and time after each step of the engine."""
    problem, mu, _ = cells.problem(cell)
    flow = cells.flow(cell)
    states = cells.jitless(flow, flow.prepare(problem, mu), mu, jax.random.key(SEED), STEPS)
    return [tuple(np.asarray(of) for of in (s.particles.position, s.particles.mass, s.time)) for s in states[1:]]


def by_formulas(cell, problem=None, flow=None):
    _, mu, known = cells.problem(cell)
    theta, mass = np.asarray(mu.position), np.asarray(mu.mass)
    problem, flow = problem or known, flow or cells.formulas(cell)
    return flow.run(problem, theta, mass, jax.random.key(SEED), STEPS)


def deviation(cell, expected):
    """The largest relative difference of positions, masses and times from the formulas."""
    pairs = zip(trajectory(cell), expected, strict=True)
    both = [parts for got, true in pairs for parts in zip(got, true, strict=True)]
    return np.max([np.abs(a - b).max() / np.abs(b).max() for a, b in both])  # NaN where anything is


@pytest.mark.parametrize("cell", FIXED, ids=str)
@pytest.mark.turns(12)
def test_three_steps_are_their_formulas(cell):
    assert deviation(cell, by_formulas(cell)[0]) <= BOUND * (SQUARED if cell.stepper == "Spectral" else 1)


@pytest.mark.parametrize("cell", [cell for cell in FIXED if cell.trained != "all"], ids=str)
@pytest.mark.turns(6)
def test_what_is_not_trained_keeps_its_bits(cell):
    start, end = np.asarray(cells.problem(cell)[1].position), trajectory(cell)[-1][0]
    stay = np.setdiff1d(np.arange(cells.p_of(cell)), cells.columns(cell))
    assert end[:, stay].tobytes() == start[:, stay].tobytes()
    assert np.all(end[:, cells.columns(cell)] != start[:, cells.columns(cell)])


def test_cells_meet_each_other():
    """Any two levels of two factors that are not refused together are in one of the cells above."""
    levels = [cells.GRADIENTS, cells.FIXED, cells.NOISES, cells.REACTIONS, cells.TRAINED, cells.PROBLEMS]
    levels += [cells.OUTPUTS, cells.LOSSES, (False, True), (False, True)]
    allowed = set()
    for values in product(*levels[:8]):
        if cells.refusal(Cell(*values)) is None:
            allowed |= set(combinations(enumerate(values), 2))
    for i, j in ((i, j) for i in range(9) for j in (8, 9) if i < j):
        allowed |= {((i, one), (j, other)) for one in levels[i] for other in levels[j]}
    seen = {pair for cell in FIXED for pair in combinations(enumerate(cell), 2)}
    assert seen == allowed


def wrong_stepper(**other):
    return lambda problem, flow: (problem, replace(flow, stepper=replace(flow.stepper, **other)))


def wrong_gradient(**other):
    return lambda problem, flow: (problem, replace(flow, gradient=replace(flow.gradient, **other)))


def wrong_reaction(**other):
    return lambda problem, flow: (problem, replace(flow, reaction=replace(flow.reaction, **other)))


def wrong_flow(**other):
    return lambda problem, flow: (problem, replace(flow, **other))


def wrong_problem(**other):
    return lambda problem, flow: (replace(problem, **other), flow)


CONTROLS = {
    "scale": ({}, wrong_problem(scale=2.1)),
    "penalty": ({"reaction": "Growth", "variant": False}, wrong_problem(decay=0.0)),
    "loss": ({"loss": "logistic", "outputs": 3}, wrong_problem(loss="square")),
    "centre": ({"centred": True}, wrong_problem(reference=None)),
    "anchor": ({"problem": "linearised"}, wrong_problem(anchor=None)),
    "part": ({"trained": "output", "outputs": 1}, wrong_problem(columns=np.arange(4))),
    "samples": ({"gradient": "batch"}, wrong_gradient(replacement=False)),
    "batch": ({"gradient": "distinct"}, wrong_gradient(batch=3)),
    "schedule": ({"gradient": "scheduled"}, wrong_gradient(batch=lambda k: 2)),
    "stream": ({"gradient": "stream"}, wrong_gradient(batch=4)),
    "SAGA": ({"gradient": "SAGA"}, wrong_gradient(biased=True)),
    "SAG": ({"gradient": "SAG"}, wrong_gradient(biased=False)),
    "SVRG": ({"gradient": "SVRG"}, wrong_gradient(epoch=99.0)),
    "transport": ({"stepper": "Euler", "variant": True}, wrong_stepper(transport=1.0)),
    "Heun": ({"stepper": "Heun"}, wrong_stepper(weights=(1, 0))),
    "RK4": ({"stepper": "RK4"}, wrong_stepper(places=(0.5, 0.5, 0.5))),
    "momentum": ({"stepper": "HeavyBall"}, wrong_stepper(momentum=0.8)),
    "buffer": ({"stepper": "HeavyBall"}, wrong_stepper(buffer=None)),
    "interval": ({"stepper": "HeavyBall", "reaction": "Growth", "variant": True}, wrong_stepper(interval=0.3)),
    "moments": ({"stepper": "adam"}, wrong_stepper(decays=(0.9, 0.99))),
    "rate": ({"stepper": "sgd"}, wrong_stepper(rate=0.2)),
    "noise": ({"noise": "Brownian"}, wrong_flow(temperature=cells.TEMPERATURE / 2)),
    "growth": ({"reaction": "Growth"}, wrong_reaction(rate=cells.GROWTH / 2)),
    "births": ({"reaction": "BirthDeath"}, wrong_reaction(rate=cells.RATE / 4)),
    "spread": ({"reaction": "BirthDeath", "variant": False}, wrong_reaction(spread=None)),
    "prior": ({"reaction": "BirthDeath", "variant": True}, wrong_reaction(prior=None)),
    "heirs": ({"gradient": "batch", "stepper": "adam", "reaction": "BirthDeath"}, wrong_flow(inherited=False)),
}


@pytest.mark.parametrize("name", CONTROLS)
@pytest.mark.turns(3)
def test_a_wrong_formula_is_noticed(name):
    fields, wrong = CONTROLS[name]
    cell = next(cell for cell in FIXED if all(getattr(cell, field) == value for field, value in fields.items()))
    right = cells.problem(cell)[2], cells.formulas(cell)
    assert deviation(cell, by_formulas(cell, *right)[0]) <= BOUND
    assert deviation(cell, by_formulas(cell, *wrong(*right))[0]) > 1e6 * BOUND

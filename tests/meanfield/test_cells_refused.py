"""Of the whole product that flows are, DESIGN's list is refused, in one sentence each, and nothing else."""

import functools
from collections import Counter

import pytest

import meanfield as mf
from tests.meanfield import cells
from tests.meanfield.cells import Cell

pytestmark = pytest.mark.usefixtures("x64")
FORGOTTEN = {"noise": None, "reaction": None, "trained": "all", "problem": "network", "loss": "square"}
"""What wrong lists take a factor for, whatever it is."""


@pytest.mark.full
def test_every_cell_is_refused_or_not(monkeypatch):
    # What is left out takes long and refuses none of these: optimisers are traced in the cells above.
    monkeypatch.setattr(mf.steppers.Optax, "prepare", lambda *_: None)
    monkeypatch.setattr(mf.Objective, "bind", lambda self, mu: self)
    counts, problem = Counter(), functools.cache(cells.problem)
    factor, noise = functools.cache(lambda kind, cell: kind(cell)[0]), mf.noises.Brownian(0.1)

    def told(make, *arguments):
        try:
            return make(*arguments), None
        except ValueError as error:
            return None, str(error)

    for cell in cells.every_cell():
        task = Cell(trained=cell.trained, problem=cell.problem, outputs=cell.outputs, loss=cell.loss)
        stepper, gradient, reaction = (
            factor(kind, task._replace(trained="all", problem="network", **{name: getattr(cell, name)}))
            for name, kind in (("stepper", cells.stepper), ("gradient", cells.gradient), ("reaction", cells.reaction))
        )
        made, said = told(mf.Flow, stepper, gradient, noise if cell.noise else None, reaction)
        engine, mu, _ = problem(task)
        if made is not None:
            _, said = told(made.prepare, engine, mu)
        expected = cells.refusal(cell)
        assert (said is None) == (expected is None), f"{cell}: {said}"
        assert said is None or expected in said, f"{cell}: {said}"
        counts[expected] += 1
        for field, value in FORGOTTEN.items():
            counts[field] += (said is None) != (cells.refusal(cell._replace(**{field: value})) is None)
    assert len(counts) == 5 + len(FORGOTTEN)
    assert min(counts.values()) > 0  # as well of cells in which a list that forgets a rule would be noticed


class Velocities(mf.objectives.AbstractObjective):
    """A problem of velocities alone."""

    network: mf.Objective
    unit = property(lambda self: self.network.unit)
    loss = property(lambda self: self.network.loss)
    x = property(lambda self: self.network.x)
    y = property(lambda self: self.network.y)
    scale = property(lambda self: self.network.scale)
    penalty = property(lambda self: self.network.penalty)

    def bind(self, mu):
        return self

    def predict(self, mu, x=None):
        return self.network.predict(mu, x)

    def risk(self, mu):
        return self.network.risk(mu)

    def value(self, mu):
        return self.network.value(mu)

    def velocity(self, mu):
        return self.network.velocity(mu)


@pytest.mark.parametrize("gradient", cells.GRADIENTS[1:])
def test_gradients_by_samples_need_samples(gradient):
    network, mu, _ = cells.problem(Cell())
    flow = cells.flow(Cell(gradient))
    with pytest.raises(ValueError, match="expected a mean over samples"):
        flow.prepare(Velocities(network), mu)
    flow.prepare(network, mu)
    cells.flow(Cell()).prepare(Velocities(network), mu)

"""What objects say of themselves, on a line and as a table: the numbers that matter, in all that is public."""

import xml.etree.ElementTree as ElementTree

import diffrax
import equinox as eqx
import jax
import numpy as np
import pytest

import meanfield as mf
from simulations import Record, Records

pytestmark = pytest.mark.fast

TYPE = jax.numpy.result_type(float)
UNIT = mf.Neuron("relu")
MU = mf.Particles(np.ones((4, 3)))
PROBLEM = mf.Objective(UNIT, mf.Square(), np.eye(2), np.ones(2), scale=10, penalty=mf.WeightDecay(1e-3))
NETWORK = "Objective(Neuron(activation=relu, outputs=1), Square(), n=2, d=2, scale=10, WeightDecay(strength=0.001))"
RUN = mf.simulate(PROBLEM, mf.GradientFlow(0.1), MU, times=[0, 1.0], observables=[mf.Risk(), mf.Predictions()])
RECORDS = Records(Record({"m": m, "alpha": 1.0}, {"risk": np.zeros(2)}) for m in (10, 20))

LINES = {
    "unit": (UNIT, "Neuron(activation=relu, outputs=1)"),
    "particles": (MU, f"Particles(m=4, p=3, {TYPE})"),
    "masses": (mf.Particles(MU.position, np.arange(4.0)), f"Particles(m=4, p=3, {TYPE}, masses=0 to 3)"),
    "objective": (PROBLEM, NETWORK),
    "bound": (PROBLEM.bind(MU), f"Bound({NETWORK}, kernel=dense)"),
    "trained": (PROBLEM.trained("output"), f"TrainedObjective({NETWORK}, columns=[0])"),
    "kernel": (
        PROBLEM.with_kernel(mf.integrals.Blocked(2)),
        NETWORK[:-1] + ", kernel=blocked",
    ),
    "flow": (mf.GradientFlow(0.1), "Flow(Euler(step=0.1), Full())"),
    "noise": (mf.Langevin(0.1, 0.2), "Flow(Euler(step=0.1), Full(), Brownian(temperature=0.2))"),
    "schedule": (mf.GradientFlow(lambda k: 0.1), "Flow(Euler(step=λ), Full())"),
    "others' parts": (
        mf.steppers.Diffrax(diffrax.Tsit5(), diffrax.PIDController(1e-3, 1e-6)),
        "Diffrax(Tsit5(), PIDController(rtol=0.001, atol=1e-06",
    ),
    "records": (RECORDS, "Records(2 runs, m=[10, 20], values=risk)"),
}


@pytest.mark.parametrize("kind", LINES)
def test_lines(kind):
    value, line = LINES[kind]
    shown = repr(value)
    assert shown.startswith(line) if kind in ("kernel", "others' parts") else shown == line


def test_a_trajectory_says_how_it_ended_and_what_became_of_its_values():
    first, last = RUN.values["risk"]
    said = repr(RUN)
    assert said.startswith(
        f"Trajectory(done, t=0 … 1 (2 times), risk={first:.4g} → {last:.4g}, predictions={TYPE}[2, 2]"
    )
    assert f"Particles(m=4, p=3, {TYPE}), steps=10, seconds=" in said
    stopped = mf.simulate(PROBLEM, mf.GradientFlow(0.1), MU, times=[0, 1.0], time_limit=0.0)
    assert "the time limit was reached" in repr(stopped)
    assert "t=" not in repr(mf.simulate(PROBLEM, mf.GradientFlow(1e30), MU, times=[1e30, 2e30])).partition(":")[2]


def test_numbers_are_read_from_the_object():
    assert repr(PROBLEM) != repr(mf.Objective(UNIT, mf.Square(), np.eye(2), np.ones(2), scale=11))
    assert "0.25" in repr(mf.GradientFlow(0.25))


def test_what_is_traced_has_a_type_and_no_number():
    said = []
    jax.jit(lambda h, mu: (said.append((repr(mf.GradientFlow(h)), repr(mu))), mu)[1])(0.1, MU)
    assert said == [(f"Flow(Euler(step={TYPE}), Full())", f"Particles(m=4, p=3, {TYPE})")]


def test_a_line_of_a_users_own_is_kept():
    class Loud(eqx.Module):
        def __call__(self, theta):
            return theta[0] ** 2

        def __repr__(self):
            return "LOUD"

    assert "LOUD" in repr(mf.Objective(UNIT, mf.Square(), np.eye(2), np.ones(2), penalty=Loud()))


@pytest.mark.parametrize(
    "value", [PROBLEM, MU, RUN, RECORDS, mf.TangentFlow(mf.SGD(0.1, 2))], ids=lambda v: type(v).__name__
)
def test_tables_hold_the_same_and_are_well_formed(value):
    table = ElementTree.fromstring(value._repr_html_())
    assert table.find("caption").text == type(value).__name__
    cells = [cell.text for cell in table.iter("td")]
    assert len(cells) == len(list(table.iter("tr"))) > 2


def test_tables_hold_text_and_no_markup():
    table = Records([Record({"name": "<b>"}, {}), Record({"name": "&"}, {})])._repr_html_()
    assert "<b>" not in table
    assert "&lt;b&gt;" in table

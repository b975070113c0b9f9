"""What the gradient flow costs at a given accuracy: evaluations of the velocity, method against method.

Error at a time: root mean square over particles' parameters of θ(t) − θ*(t), in units of how far they have moved from
the start at the end; θ* is a run of Tsitouras' pair at a far lower tolerance. The largest over t = T, T/2, T/4, … is
compared with the target. Teacher and student have the same unit; d = 5; initial laws are doubled Gaussian ones.

Each method at its cheapest: the tolerance of an adaptive one is lowered by factors of 10^{1/2}, Euler's step by factors
of 1.1, from where it is just unstable, until the target is reached.
"""

import functools

import jax
import numpy as np
import pytest

import meanfield as mf

pytestmark = pytest.mark.turns(4)

RATIO = 5
"""What is asked of the better of the two flows that choose their steps, against Euler's method."""

PROBLEMS = {
    # activation, α, m, n, T, halvings of T observed, tolerance of the reference
    "lazy tanh": ("tanh", 100.0, 100, 40, 2e4, 7, 1e-9),
    "lazy relu": ("relu", 100.0, 100, 40, 2e4, 7, 1e-8),
    "sqrt(m) tanh": ("tanh", 10.0, 100, 40, 2e4, 7, 1e-9),
    "mean-field tanh": ("tanh", 1.0, 100, 1000, 300.0, 3, 1e-8),
    "mean-field relu": ("relu", 1.0, 100, 1000, 300.0, 3, 1e-6),
    "short tanh": ("tanh", 1.0, 100, 1000, 100.0, 3, 1e-9),
}


class Problem:
    """A teacher–student problem with its reference, and what a method costs on it."""

    def __init__(self, activation, scale, m, n, end, halvings, precise):
        unit = mf.Neuron(activation)
        data = mf.datasets.teacher(jax.random.key(0), n, 5, n_test=1, unit=unit)
        self.objective = mf.Objective(unit, mf.Square(), data.x, data.y, scale)
        self.mu = mf.Particles.doubled(jax.random.key(1), unit, m, 5)
        self.scale, self.end, self.grain = scale, end, 2**halvings
        self.times = np.concatenate([[0.0], end / 2.0 ** np.arange(halvings, -1, -1)])
        self.exact = self.run(mf.AdaptiveFlow(precise, precise)).values["positions"]
        self.moved = rms(self.exact[-1] - self.exact[0])
        self.rho = np.linalg.eigvalsh(np.asarray(mf.tangent_kernel(unit, self.mu, data.x)))[-1] / n

    def run(self, flow):
        return mf.simulate(self.objective, flow, self.mu, times=self.times, observables=[mf.Positions()])

    def error(self, flow):
        """(Largest error over the times, evaluations); infinite for a run that diverged."""
        run = self.run(flow)
        if not run.done:
            return np.inf, run.stats["evaluations"]
        assert np.allclose(run.times, self.times)
        return max(map(rms, run.values["positions"] - self.exact)) / self.moved, run.stats["evaluations"]

    def euler(self, evaluations):
        """Error of Euler's method in so many steps, rounded up to where the observed times are steps."""
        steps = self.grain * -(-evaluations // self.grain)
        return self.error(mf.GradientFlow(self.end / steps))[0]

    def cheapest(self, flow, target):
        """Evaluations of the cheapest tolerance that reaches the target."""
        for power in np.arange(-1.5, -7, -0.5):
            tolerance = 10.0**power / self.scale  # lazy particles move by 1/α
            error, evaluations = self.error(flow(tolerance, tolerance))
            if error <= target:
                return evaluations
        raise AssertionError(f"{flow.__name__} does not reach {target}")

    def cheapest_euler(self, target):
        steps = self.end * self.rho / 2
        while self.euler(int(steps)) > target:
            steps *= 1.1
        return self.grain * -(-int(steps) // self.grain)


def rms(difference):
    return np.sqrt(np.mean(np.square(difference)))


@functools.cache
def problem(name):
    return Problem(*PROBLEMS[name])


FEW = ("lazy tanh", "mean-field relu")
"""A lazy and a mean-field problem, a smooth unit and a kink; the other pairs are longer validation."""


@pytest.mark.parametrize(
    "name",
    [name if name in FEW else pytest.param(name, marks=pytest.mark.full) for name in PROBLEMS if name != "short tanh"],
)
@pytest.mark.full
def test_a_fifth_of_the_evaluations_of_euler(x64, name):
    """With up to five times the evaluations of the stabilised flow, Euler's method misses 1 % at all its steps."""
    target = 0.01
    here = problem(name)
    evaluations = here.cheapest(mf.StabilisedFlow, target)
    assert min(here.euler(int(evaluations * factor)) for factor in (1, 1.5, 2, 3, 4, RATIO)) > target
    # control: it is no fault of the reference that Euler's method misses; it gets there with smaller steps
    assert here.euler(60 * evaluations) <= target


MEASURED = {
    # (Euler, AdaptiveFlow, StabilisedFlow): the evaluations that the docstring of StabilisedFlow and its users go by
    ("lazy tanh", 1e-2): (3968, 10872, 393),
    ("lazy tanh", 1e-3): (17792, 10854, 488),
    ("lazy relu", 1e-2): (3328, 11112, 436),
    ("lazy relu", 1e-3): (22016, 11196, 1682),
    ("sqrt(m) tanh", 1e-2): (17792, 11154, 397),
    ("sqrt(m) tanh", 1e-3): (159104, 11130, 588),
    ("mean-field tanh", 1e-2): (1488, 360, 93),
    ("mean-field tanh", 1e-3): (14640, 372, 177),
    ("mean-field relu", 1e-2): (984, 636, 121),
    ("mean-field relu", 1e-3): (9664, 936, 426),
}


@pytest.mark.full
@pytest.mark.parametrize(("name", "target"), MEASURED)
def test_table_of_evaluations(x64, name, target):
    """The recorded table, up to what another rounding may do to the choice of a tolerance."""
    here = problem(name)
    found = (
        here.cheapest_euler(target),
        here.cheapest(mf.AdaptiveFlow, target),
        here.cheapest(mf.StabilisedFlow, target),
    )
    # half a decade of tolerance is a factor 10^{1/6} in steps of order two, and 10^{1/2} at most where kinks rule
    assert all(old / 3.2 <= new <= 3.2 * old for new, old in zip(found, MEASURED[name, target], strict=True)), found
    assert found[0] >= RATIO * min(found[1:])


@pytest.mark.full
def test_where_tsitouras_wins(x64):
    """Control: a smooth problem, 24 times 1/ρ long, to 1e-4: order five pays, and stability costs nothing."""
    here = problem("short tanh")
    adaptive, stabilised = (here.cheapest(flow, 1e-4) for flow in (mf.AdaptiveFlow, mf.StabilisedFlow))
    assert adaptive < 0.7 * stabilised

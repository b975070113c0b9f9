"""The best step against the width: exponents that counting gives, and the parts that find them."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import meanfield as mf
import simulations
from simulations.transfers import exponent, search
from simulations.transfers.optimisers import FACTORS, factor_of, optimiser, polar
from simulations.transfers.scalings import SCALINGS
from simulations.transfers.training import Task

DATA = mf.datasets.teacher(jax.random.key(0), n=16, d=4, n_test=1)
X, Y = DATA.x * 2, DATA.y

CASES = [
    ("mup", "sgd", {}, 0.0),
    ("standard", "sgd", {}, -1.0),
    ("mup", "muon", {"factor": "ratio", "momentum": 0.0}, 0.0),
    ("mup", "muon", {"factor": "none", "momentum": 0.0}, -0.5),
]


@pytest.mark.parametrize(("parametrisation", "name", "options", "predicted"), CASES)
def test_exponents_are_those_of_counting(parametrisation, name, options, predicted):
    report = simulations.transfer(parametrisation, name, [64, 128, 256], x=X, y=Y, updates=40, seeds=4, **options)
    assert report.predicted == predicted
    assert abs(report.measured - predicted) < report.error + 0.1  # what is of order 1/m, and m^-1/2, at these widths
    assert abs(report.measured - {0.0: -0.5, -1.0: 0.0, -0.5: 0.0}[predicted]) > report.error  # another's exponent
    if predicted:
        assert report.verdict == f"drifts as m^{report.measured:.2f}"


@pytest.mark.full
@pytest.mark.parametrize(("parametrisation", "name", "options", "predicted"), CASES)
def test_exponents_from_256_on_are_within_their_intervals(parametrisation, name, options, predicted):
    report = simulations.transfer(parametrisation, name, "256:4096", **options)
    assert abs(report.measured - predicted) < report.error < 0.15
    assert report.verdict == ("drifts as m^" + f"{report.measured:.2f}" if predicted else "transfers")
    assert not report.notes


def steps_of(name, scaling="mup", m=8, updates=1, step=0.1, factor="ratio"):
    """The problem, and particles before and after updates, of a network of m neurons."""
    chosen, unit = SCALINGS[scaling], mf.Neuron("relu", bias=True)
    task = Task(X, Y, optimiser(name, 0.0), chosen, polar=name == "muon", factor=factor_of(name, factor))
    problem = mf.Objective(unit, mf.Square(), X, Y, scale=chosen.scale(m))
    start = chosen.start(jax.random.key(1), unit, m, X.shape[1], X.dtype)
    run = mf.simulate(problem, task.flows(m, np.array([step]))[0], start, times=updates)
    return problem, start, run.particles.position


@pytest.mark.parametrize(("scaling", "time"), [("mup", 1.0), ("tangent", 1.0), ("standard", 8.0)])
def test_a_learning_rate_is_a_step_of_the_engine(scaling, time):
    problem, start, moved = steps_of("sgd", scaling, updates=5, step=0.01)
    flow = mf.GradientFlow(0.01 * time)
    other = mf.simulate(problem, flow, start, times=5 * 0.01 * time).particles.position
    np.testing.assert_allclose(moved, other, rtol=0, atol=2e-6 * float(jnp.abs(other).max()))


def test_a_learning_rate_is_that_of_weights_in_their_own_shapes():
    """Against the gradient of a network that is written out, in the standard parametrisation."""
    _, start, moved = steps_of("sgd", "standard")

    def risk(theta):
        a, w, b = theta[:, 0], theta[:, 1:-1], theta[:, -1]
        return jnp.mean((jax.nn.relu(X @ w.T + b) @ a - Y) ** 2) / 2

    expected = start.position - 0.1 * jax.grad(risk)(start.position)
    np.testing.assert_allclose(moved, expected, rtol=0, atol=1e-5)


def test_spectral_steps_are_those_of_the_engine():
    problem, start, moved = steps_of("spectral")
    flow = mf.SpectralFlow(0.1)
    np.testing.assert_allclose(moved, mf.simulate(problem, flow, start, times=0.1).particles.position, atol=2e-4)


@pytest.mark.parametrize("factor", FACTORS)
def test_muon_moves_every_layer_by_its_factor(factor):
    """In muP its output weights are a/m: all singular values of a layer's change are the factor times the step."""
    m = 8
    _, start, moved = steps_of("muon", m=m, factor=factor)
    change = moved - start.position
    np.testing.assert_allclose(jnp.linalg.norm(change[:, 0]) / m, 0.1 * FACTORS[factor](1, m), rtol=1e-3)
    values = jnp.linalg.svd(change[:, 1:], compute_uv=False)
    np.testing.assert_allclose(values, 0.1 * FACTORS[factor](m, X.shape[1] + 1), rtol=2e-2)


def test_a_polar_factor_has_singular_values_one():
    matrix = jax.random.normal(jax.random.key(0), (7, 3))
    for one in (matrix, matrix.T, 1e-20 * matrix):
        np.testing.assert_allclose(jnp.linalg.svd(polar(one), compute_uv=False), 1, rtol=1e-4)
    assert not jnp.any(polar(jnp.zeros((4, 2))))


def test_a_loss_of_which_nothing_is_left_is_told():
    report = simulations.transfer("mup", "adam", [32, 64, 128], x=X[:2], y=Y[:2], updates=100, seeds=3)
    assert "fewer updates make the best one sharper" in str(report)


def test_any_optimiser_of_optax():
    report = simulations.transfer("mup", optax.adamw, [8, 16, 32], x=X, y=Y, updates=10, seeds=3)
    assert report.predicted is None
    assert report.optimiser == "adamw"
    assert "theory does not say" in str(report)


def parabola(best, width=64, seeds=4, noise=0.0):
    """Losses exp((log h − log best_s)²) of seeds whose own best steps scatter."""
    own = best * np.exp(noise * np.random.default_rng(width).normal(size=seeds))
    return lambda steps: (np.exp((np.log(steps[:, None]) - np.log(own)) ** 2), np.full(seeds, np.inf))


def test_a_parabola_is_found_between_the_steps_of_the_grid():
    for best in (0.3, 1e-9, 1e7):  # also beyond the grid that is tried first
        curve = search.curve(64, parabola(best))
        assert curve.inside
        assert np.exp(exponent.least(curve, np.full((1, 4), 0.25))) == pytest.approx(best, rel=1e-6)
    assert search.curve(64, parabola(0.3), near=100.0).best == pytest.approx(0.3, rel=0.1)


def test_a_loss_that_only_falls_has_no_best_step():
    curve = search.curve(64, lambda steps: (1 / steps[:, None] * np.ones(3), np.full(3, np.inf)))
    assert not curve.inside


def test_a_minimum_beyond_the_largest_stable_step_is_not_taken():
    """Losses that jump up and down beyond a step of 0.001, below which they fall steadily."""

    def losses(steps):
        disorder = 0.5 + 0.4 * np.sin(7 * np.log(steps))
        return np.where(steps < 1e-3, 1e-5 / steps, disorder)[:, None] * np.ones(3), np.full(3, np.inf)

    assert search.curve(64, losses, near=1.0).best == pytest.approx(1e-3, rel=0.2)


def test_runs_that_diverged_count_with_their_start():
    curve = search.curve(64, lambda steps: (np.where(steps[:, None] < 1, 1 / (1 + steps[:, None]), np.inf)
                                            * np.ones(3), np.full(3, 2.0)))  # fmt: skip
    assert curve.losses.max() == 2.0
    assert curve.best < 1


def test_intervals_hold_a_known_exponent():
    """Of 60 sets of seeds at least 51 intervals of 95 % hold −0.7: fewer have a probability below a thousandth."""
    held = 0
    for repeat in range(60):
        rng = np.random.default_rng(repeat)
        curves = []
        for width in (256, 512, 1024, 2048):
            own = np.exp(-0.7 * np.log(width) + 0.5 * rng.normal(size=6))
            steps = 2.0 ** (np.arange(-80, 0) / 4)
            losses = np.exp(0.1 * (np.log(steps[:, None]) - np.log(own)) ** 2)
            curves.append(search.Curve(width, steps, losses, True, 1.0))
        found = exponent.law(curves, 256, seed=repeat)
        held += abs(found.exponent + 0.7) < found.error
    assert held >= 51


def test_the_step_elsewhere_is_on_the_line():
    steps = 2.0 ** (np.arange(-60, 0) / 4)
    curves = [
        search.Curve(width, steps, np.exp((np.log(steps[:, None]) - np.log(1 / width)) ** 2) * np.ones(4), True, 9.0)
        for width in (256, 1024, 4096)
    ]
    law = exponent.law(curves, 256)
    assert law.exponent == pytest.approx(-1, abs=1e-6)
    assert law.at(65536).value == pytest.approx(1 / 65536, rel=1e-4)
    assert law.at(65536).high / law.at(65536).low > law.at(1024).high / law.at(1024).low > 1


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"parametrisation": "mpu"}, "Did you mean 'mup'"),
        ({"optimiser": "adm"}, "Did you mean 'adam'"),
        ({"widths": "32:64"}, "widths=32, 64: expected three or more"),
        ({"widths": "64:32"}, "low:high"),
        ({"widths": [8, "x", 16]}, "widths='x'"),
        ({"seeds": 2}, "seeds=2: expected 3 or more"),
        ({"momentum": 1.0}, "momentum=1"),
        ({"optimiser": "muon", "factor": "ration"}, "Did you mean 'ratio'"),
        ({"layers": "hidden"}, "only muon"),
        ({"x": [[1.0]]}, "expected both of them"),
        ({"x": [[1.0]], "y": [1.0, 2.0]}, "y has 2 rows"),
        ({"updates": 0}, "updates=0"),
        ({"loss": "hinge"}, "loss='hinge'"),
        ({"activation": "rleu"}, "relu"),
    ],
)
def test_what_is_wrong_is_one_sentence(options, sentence):
    with pytest.raises(ValueError, match=r"^[^\n]+$") as problem:
        simulations.transfer(**options)
    assert sentence in str(problem.value)

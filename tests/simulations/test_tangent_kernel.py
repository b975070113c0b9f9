"""The tangent-kernel study: its measures where the answer is known, its own checks, and its messages."""

import dataclasses

import numpy as np
import pytest

import meanfield as mf
from simulations import Record, Records
from simulations.regimes import eigendirections, kernel_methods
from simulations.regimes.approach import approached
from simulations.regimes.eigendirections import Directions
from simulations.regimes.kernel_methods import Accuracy
from simulations.regimes.tangent_kernel import STUDY, Start
from simulations.study import starts
from simulations.study.simulation import run_experiment
from simulations.verdicts.checks import half_width, mean

pytestmark = pytest.mark.fast

KNOWN = Directions(samples=20, steps=60, particles=8, labels="even")


@pytest.fixture(scope="module")
def exact():
    """A record whose network does just what the limiting kernel says."""
    values = KNOWN.theory()
    return Record(dataclasses.asdict(KNOWN), values | {"residuals": values["limit_residuals"]})


def test_what_obeys_the_prediction_is_measured_so(exact):
    """Between two looks a residual falls by a constant factor, so that interpolation is exact."""
    assert eigendirections.residual_error(exact) < 1e-12
    assert eigendirections.exponent(exact) == pytest.approx(-1, abs=1e-9)
    assert eigendirections.prefactor(exact) == pytest.approx(1, abs=1e-9)
    assert eigendirections.scatter(exact) < 1e-9
    predicted, measured = eigendirections.learnt(exact)
    assert len(predicted) >= 5
    assert measured.shape == predicted.shape


def test_what_does_not_obey_is_measured_so(exact):
    """The wrong predictions of the controls are far off, on the same record."""
    assert eigendirections.slow_error(exact) > 0.5
    assert eigendirections.dealt_error(exact) > 0.5
    assert eigendirections.dealt_exponent(exact) > -0.8
    predicted, _ = eigendirections.learnt(exact)
    dealt = np.mean(predicted[::-1] / predicted)
    assert eigendirections.dealt_prefactor(exact) == pytest.approx(dealt)
    assert dealt > 1.5
    # Learnt at half the rate: twice the time, the same exponent.
    late = exact["limit_residuals"][:1] * np.abs(exact["limit_residuals"] / exact["limit_residuals"][:1]) ** 0.5
    slow = Record(exact.parameters, exact.values | {"residuals": late})
    assert eigendirections.prefactor(slow) == pytest.approx(0.5, rel=1e-6)
    assert eigendirections.exponent(slow) == pytest.approx(-1, abs=1e-6)


def test_labels():
    """Even labels have the same size along every eigenvector; all labels have the power of ±1."""
    for labels in ("true", "random", "even"):
        problem = dataclasses.replace(KNOWN, labels=labels).spectrum
        assert np.sum(problem.y**2) == pytest.approx(20)
        along = np.abs(problem.y @ problem.vectors)
        assert (along.max() - along.min() < 1e-9) == (labels == "even")
    # The projections of the prediction are powers of 1 − hλ/n; the step takes the first one to 1 − share.
    problem = KNOWN.spectrum
    assert problem.step * problem.values[0] / 20 == pytest.approx(KNOWN.share)
    exact = KNOWN.theory()["limit_residuals"]
    assert np.abs(problem.residuals(problem.values) - exact).max() < 1e-9


def test_units_without_mass_change_nothing():
    theta = starts.doubled(np.random.default_rng(0).normal(size=(3, 4)).astype("float32"))
    unit, x = mf.Neuron("erf"), np.random.default_rng(1).normal(size=(5, 3)).astype("float32")
    position, mass = starts.filled(theta, 8)
    assert position.shape == (8, 4)
    assert position.dtype == mass.dtype == theta.dtype
    plain = mf.tangent_kernel(unit, mf.Particles(theta), x)
    assert np.abs(mf.tangent_kernel(unit, mf.Particles(position, mass), x) - plain).max() < 1e-6
    assert np.array_equal(theta[:3, 0], -theta[3:, 0])
    assert np.array_equal(theta[:3, 1:], theta[3:, 1:])


def test_best_kernel_is_chosen_without_the_test_part():
    """Of a kernel that knows the classes and one that knows nothing the former is taken."""
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, size=60)
    x = np.where(label, 1.0, -1.0)[:, None] + 0.1 * rng.normal(size=(60, 2))
    noise = rng.normal(size=(60, 2))
    kernels = [z @ z[:40].T for z in (noise, x)]
    f = kernel_methods.best(kernels, label[:40])
    assert f.shape == (20, 10)
    assert np.mean(f.argmax(axis=1) == label[40:]) == 1


def test_accuracy_is_the_share_that_is_right():
    f = np.eye(10)[[3, 1, 4, 1]]
    assert kernel_methods._share(f, np.array([3, 1, 4, 2])) == 0.75


def test_networks_see_test_inputs_in_whole_thousands():
    """One program for all data sets; the rows beyond are zero, and no prediction at them is counted."""
    run = Accuracy(data="breast_cancer", samples=50, tested=269, particles=2, steps=1)
    (watched,) = run.setups()["lazy"].observe
    assert watched.x.shape == (1000, 64)
    assert not np.any(watched.x[269:])


@pytest.mark.parametrize("data", ["digits", "breast_cancer", "mnist1d"])
def test_inputs_are_of_unit_length_and_centred(data):
    x, label, x_test, label_test = Accuracy(data=data, samples=50, tested=20).split
    assert (len(x), len(label), len(x_test), len(label_test)) == (50, 50, 20, 20)
    assert np.abs(np.linalg.norm(np.concatenate([x, x_test]), axis=1) - 1).max() < 1e-5
    assert set(label) <= set(range(10))


def records(values):
    """Three sizes and as many seeds as `values` has rows."""
    return Records(
        Record({"particles": m, "seed": seed}, {"value": np.asarray(row[i])})
        for seed, row in enumerate(values)
        for i, m in enumerate((10, 100, 1000))
    )


def test_limit_allows_for_the_last_step():
    settings = {"select": lambda r: r, "x": "particles", "value": lambda r: float(r["value"]), "what": "value"}
    drifting = records([[1.5, 1.3, 1.1], [1.5, 1.3, 1.101], [1.5, 1.3, 1.099]])
    found = approached(drifting, predicted=1.0, **settings)
    assert found.passed is True
    assert found.measured == pytest.approx(1.1)
    assert found.error == pytest.approx(0.2 + half_width(np.array([1.1, 1.101, 1.099])))
    assert approached(drifting, predicted=0.5, **settings).passed is False
    assert approached(drifting.where(seed=0), predicted=1.0, **settings).passed is None
    assert approached(Records([]), predicted=1.0, **settings).passed is None
    assert approached(drifting, predicted=1.0, widest=0.1, **settings).passed is None


def test_what_training_leaves_is_part_of_the_error():
    """Means of seeds, and of what is left: 1 ± Student's half-width and 0.2."""
    settings = {"select": lambda r: r, "value": lambda r: float(r["value"]), "what": "value"}
    settings["left"] = lambda r: {10: 0.1, 100: 0.2, 1000: 0.3}[r["particles"]]
    several = records([[1.0, 1.2, 1.4], [1.1, 1.3, 1.5], [1.2, 1.4, 1.6]])
    found = mean(several, predicted=1.2, **settings)
    assert found.measured == pytest.approx(1.3)
    assert found.error == pytest.approx(0.2 + half_width(np.array([1.2, 1.3, 1.4])))
    assert found.passed is True
    assert mean(several, predicted=4.0, **settings).passed is False
    assert mean(several.where(seed=[0, 1]), predicted=1.2, **settings).passed is None


def test_a_bound_that_may_be_attained():
    settings = {"select": lambda r: r, "value": lambda r: float(r["value"]), "what": "value", "predicted": 0.0}
    settings |= {"relation": ">=", "attained": True}
    at = [[1, 1, 1], [1.01, 1.01, 1.01], [0.99, 0.99, 0.99]]
    assert mean(records(at), **settings).passed is True
    assert mean(records(-np.array(at)), **settings).passed is False
    assert mean(records(0.001 - 0.01 * np.array(at) + 0.01), **settings).passed is True
    assert mean(records(at[:1]), **settings).passed is None


@pytest.mark.parametrize(
    ("experiment", "changed", "message"),
    [
        (Directions, {"data": "sphere"}, "data='sphere': expected one of digits, breast_cancer"),
        (Accuracy, {"data": "sphere"}, "data='sphere': expected one of digits, breast_cancer, mnist1d"),
        (Directions, {"labels": "wrong"}, "labels='wrong': expected one of true, random, even"),
        (Directions, {"activation": "tanh"}, "activation='tanh': expected one of"),
        (Start, {"initial": "centred"}, "initial='centred': expected one of plain, doubled"),
        (Directions, {"particles": 3}, "particles=3: expected an even number"),
        (Start, {"particles": 3, "initial": "doubled"}, "particles=3: expected an even number"),
        (Directions, {"share": 2.5}, "share=2.5: expected a number above 0 and below 2"),
        (Accuracy, {"share": 2.5}, "share=2.5: expected a number above 0 and below 2"),
        (Directions, {"samples": 1}, "samples=1: expected a whole number of at least 2"),
        (Directions, {"samples": 2000}, "samples=2000: expected at most 1796 of digits"),
        (
            Accuracy,
            {"samples": 1500, "tested": 900},
            "samples=1500: expected at most 897 of digits",
        ),
        (Directions, {"steps": 0}, "steps=0: expected a whole number of at least 1"),
    ],
)
def test_bad_input_is_one_sentence(experiment, changed, message):
    with pytest.raises(ValueError, match=message) as caught:
        experiment(**changed)
    assert "\n" not in str(caught.value)


def test_parameters_of_another_experiment_are_refused():
    """Kernels at the start have no data set, and test accuracy compares with ReLU kernels alone."""
    for experiment, name, value in (("start", "data", "digits"), ("accuracy", "activation", "erf")):
        with pytest.raises(ValueError, match=f"parameter={name!r}"):
            STUDY.make({"experiment": experiment, name: value})


def test_runs_of_other_settings():
    """What the sizes do not hold runs as well, and says what theory says."""
    one = Start(activation="linear", initial="doubled", output="signs", particles=6, replicas=2)
    values = one.run()
    assert values["distance_both"].shape == (2,)
    independent = dataclasses.replace(one, particles=8, replicas=1, initial="plain")
    assert np.array_equal(independent.run()["constant_input"], values["constant_input"])
    two = Directions(data="breast_cancer", activation="erf", particles=2, samples=5, steps=1)
    values, status = run_experiment(two)
    assert status == "done"
    assert np.array_equal(two.theory()["limit_residuals"], values["limit_residuals"])


def test_runs_too_short_to_judge():
    """No claim breaks over them: what can't be judged is not tested."""
    runs = [
        Directions(data="breast_cancer", particles=m, samples=3, steps=1, seed=seed, labels="even", share=1.0)
        for m in (2, 4, 6)
        for seed in range(3)
    ]
    found = Records(Record(dataclasses.asdict(one), run_experiment(one)[0]) for one in runs)
    verdicts = {claim.name: claim.check(found).passed for claim in (*STUDY.claims, *STUDY.sanity)}
    assert verdicts["learning_time"] is None
    assert verdicts["learning_constant"] is None
    assert verdicts["curve"] is None

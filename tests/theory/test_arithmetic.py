"""Theory computes the same whatever its caller has set for floating-point errors, and refuses what leaves float64."""

import doctest
import importlib
import inspect
import math
import pickle
import pkgutil
import threading
import warnings

import numpy as np
import pytest
from scipy import special

import theory
from theory import arc_cosine, cost, deep_kernels, double_descent, kernel_flow, large_steps
from theory.finite_sums import LeastSquares

MODULES = [info.name for info in pkgutil.iter_modules(theory.__path__) if not info.name.startswith("_")]
WORDS = {"references"}
"""Modules without numbers."""

SETTINGS = {
    "raise": {"all": "raise"},
    "raise, but for underflow": {"over": "raise", "divide": "raise", "invalid": "raise", "under": "ignore"},
    "ignore": {"all": "ignore"},
    "warn": {"all": "warn"},
}


@pytest.mark.parametrize("module", sorted(set(MODULES) - WORDS))
def test_all_that_is_public_is_guarded(module):
    """A module whose last line is forgotten is found here."""
    namespace = vars(importlib.import_module(f"theory.{module}"))
    own = {name: value for name, value in namespace.items() if getattr(value, "__module__", "") == f"theory.{module}"}
    functions = {name: value for name, value in own.items() if inspect.isfunction(value) and not name.startswith("_")}
    assert all(hasattr(function, "__wrapped__") for function in functions.values())
    for owner in filter(inspect.isclass, own.values()):
        members = {name: member for name, member in vars(owner).items() if not name.startswith("_")}
        if not owner.__name__.startswith("_"):
            assert all(hasattr(value, "__wrapped__") for value in members.values() if inspect.isfunction(value))


@pytest.mark.parametrize("setting", ["raise", "warn"])
@pytest.mark.parametrize("module", MODULES)
def test_examples_hold_under_any_setting(module, setting):
    """Where underflow is to raise or to warn, too; pytest turns each warning into an error."""
    with np.errstate(**SETTINGS[setting]), special.errstate(all="raise"), np.printoptions(precision=8):
        assert doctest.testmod(importlib.import_module(f"theory.{module}")).failed == 0


def calls():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((12, 3)), rng.standard_normal(12)
    x[1], x[2] = x[3], 0.0
    x[5] = 1e-200
    kernel = arc_cosine.tangent_kernel(x)
    for activation in ("relu", "leaky_relu", "squared_relu", "erf", "cosine", "linear"):
        yield lambda a=activation: arc_cosine.tangent_kernel(x, activation=a)
        yield lambda a=activation: deep_kernels.deep_kernels(x, depths=(1, 5), activation=a).tangent
    yield lambda: kernel_flow.train(kernel, y, [0, 1e6, 1e300, np.inf])
    yield lambda: kernel_flow.test(kernel, kernel[:3], y, [0, 1e6, 1e300, np.inf])
    yield lambda: kernel_flow.train_discrete(kernel, y, 0.1, [0, 10**7, 2**53])
    yield lambda: kernel_flow.ridge(kernel, kernel[:3], y, 0.0)


@pytest.mark.parametrize("setting", list(SETTINGS))
def test_numbers_are_those_of_the_ordinary_setting(setting):
    for call in calls():
        plain = call()
        with np.errstate(**SETTINGS[setting]), warnings.catch_warnings():
            warnings.simplefilter("error")
            np.testing.assert_array_equal(call(), plain)


def test_threads_of_other_settings_compute_alike():
    plain, found = [call() for call in calls()], []

    def raising():
        with np.errstate(all="raise"):
            found.extend(call() for call in calls())

    thread = threading.Thread(target=raising)
    with np.errstate(all="ignore"):
        thread.start()
        again = [call() for call in calls()]
        thread.join()
    for results in (found, again):
        assert all(np.array_equal(one, other) for one, other in zip(results, plain, strict=True))


@pytest.mark.parametrize("setting", list(SETTINGS))
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: arc_cosine.conjugate_kernel([[1e300]]), "x1.* small enough for float64"),
        (lambda: kernel_flow.risk([1e300], [0.0]), "f must be of a size that float64 can compute with, got 1e\\+300"),
        (lambda: double_descent.isotropic_risk(3, 9, 1e300, 0.0), "signal must be of a size .*, got 1e\\+300"),
        (lambda: LeastSquares([[1e200]], [1.0], 0.0).hessian, "features must be of a size .*, got 1e\\+200"),
        (lambda: cost.attainable(1e300, 1.0, 1e-300, 1.0), "(operations|rate) must be of a size"),
    ],
)
def test_what_overflows_is_named_under_any_setting(call, message, setting):
    with np.errstate(**SETTINGS[setting]), pytest.raises(ValueError, match=message):
        call()


def test_the_settings_of_the_caller_stay_what_they_were():
    with np.errstate(over="raise", under="warn", divide="ignore", invalid="raise"):
        before = np.geterr()
        kernel_flow.risk([1.0], [0.0])
        with pytest.raises(ValueError, match="f must be"):
            kernel_flow.risk([1e300], [0.0])
        assert np.geterr() == before


def test_infinities_leave_only_where_they_are_stated():
    assert double_descent.isotropic_risk(10, 10, 1.0, 1.0) == math.inf
    f, _ = large_steps.catapult(1.0, 5.0, 1.0, 1.0, 50)
    assert np.isinf(f[-1])


def test_guarded_functions_are_pickled_by_name():
    assert pickle.loads(pickle.dumps(kernel_flow.train)) is kernel_flow.train

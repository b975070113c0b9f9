"""Every public function of the oracle, each argument replaced by what users hold in its place: right, or a sentence."""

import dataclasses
import importlib
import inspect
import pkgutil
import warnings
from collections.abc import Iterator

import pytest

import theory
from tests.every_argument import judge, replacements
from tests.theory.legal_arguments import table

pytestmark = pytest.mark.turns(4)

INFINITE = {
    "birthday.poisson_interval",
    "birthday.moment_interval",
    "birthday.disjoint_interval",
    "double_descent.isotropic_risk",
    "exponential_rate.lasts",
    "large_steps.catapult",
    "noise_stability.noise_gain",
    "normalised_descent.rounding_covariance",
    "normalised_descent.rounding_bound",
    "normalised_descent.prediction_bound",
    "saddle_escape.exit_times",
    "saddle_escape.crossings",
    "stiffness.rounding",
}
"""Functions whose docstrings say when they are infinite."""


def public() -> Iterator[str]:
    """Names of all public functions, of classes that check what they are given, and of their methods.

    Classes without a check hold results, and are made by functions alone.
    """
    for info in pkgutil.iter_modules(theory.__path__):
        if info.name.startswith("_"):
            continue
        module = importlib.import_module(f"theory.{info.name}")
        for name, member in vars(module).items():
            if name.startswith("_") or not callable(member) or getattr(member, "__module__", "") != module.__name__:
                continue
            if not inspect.isclass(member):
                yield f"{info.name}.{name}"
                continue
            if _checks_arguments(member):
                yield f"{info.name}.{name}"
            for method, value in vars(member).items():
                if inspect.isfunction(value) and not method.startswith("_"):
                    yield f"{info.name}.{name}.{method}"


def _checks_arguments(kind: type) -> bool:
    plain = issubclass(kind, tuple) or (
        dataclasses.is_dataclass(kind) and inspect.unwrap(kind.__init__).__code__.co_filename == "<string>"
    )
    return hasattr(kind, "__post_init__") or not plain


PUBLIC = sorted(public())


def test_no_public_function_is_missing():
    assert sorted(table()) == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
@pytest.mark.turns(6)
def test_each_argument(name):
    call, arguments = table()[name]
    if not isinstance(call, type):
        assert set(arguments) == set(inspect.signature(call).parameters), "every argument has to be in the table"
    call(**arguments)
    for argument, value in arguments.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # to hold a numpy.matrix is worth a warning to NumPy
            held = list(replacements(value))
        for replaced in held:
            judge(call, arguments, argument, replaced, infinite=name in INFINITE)

"""The front door: every name of the stub is loaded from where it says, and every promised name is there."""

import ast
import importlib
import inspect
import operator
import pathlib

import pytest

import meanfield as mf
from tests.public_names import public_names

pytestmark = pytest.mark.fast

# What users may rely on of the engine as it stands.
PROMISED = {
    "Neuron": "activation bias outputs",
    "Particles": "position mass",
    "Objective": "unit loss x y scale penalty centred",
    "Square": "",
    "Logistic": "",
    "Exponential": "",
    "WeightDecay": "strength",
    "GradientFlow": "step",
    "AdaptiveFlow": "rtol atol",
    "TangentFlow": "",
    "OptimiserFlow": "optimiser",
    "simulate": "objective flow mu times observables key checkpoint",
    "Checkpoint": "directory minutes",
    "Trajectory": "times values particles status stats",
    "tangent_kernel": "unit mu x1 x2",
    "plan": "objective m",
    "optimality_gap": "objective mu method tolerance seconds",
    "certificates.OptimalityGap": "gap lower_bound certified",
    "certified_minimum": "objective tolerance",
    "certificates.CertifiedMinimum": "particles gap proved",
    "ConicFlow": "step growth transport",
    "SGD": "step batch",
    "Langevin": "step temperature",
    "BirthDeath": "step rate",
    "OutputFlow": "",
    "InputFlow": "",
    "HeavyBall": "step momentum decay decoupled buffer batch",
    "ScheduledSGD": "step batch most",
    "SAGA": "step biased",
    "SVRG": "step epoch",
    "units.NormalisedNeuron": "activation bias outputs",
    "units.DeepLinear": "hidden outputs",
    "units.DeepNetwork": "",
    "objectives.AdversarialObjective": "unit x generators penalty rate loss",
    "units.Dual": "unit dimension",
    "losses.Power": "exponent",
    "penalties.ParameterDecay": "",
    "observables.Sharpness": "iterations",
    "observables.stiffness": "objective mu x y",
    "observables.cushions": "",
    "observables.critical_samples": "",
    "observables.loss_sensitivity": "",
    "observables.linear_spline": "",
    "RungeKutta": "step order",
    "units.Spike": "",
}


@pytest.mark.parametrize("name", PROMISED)
def test_promised_names_and_arguments(name):
    parameters = list(inspect.signature(operator.attrgetter(name)(mf)).parameters)
    assert [p for p in PROMISED[name].split() if p not in parameters] == []


def test_no_name_is_also_that_of_a_module():
    """Importing the module would put it where the name was."""
    files = {path.stem for path in pathlib.Path(mf.__file__).parent.iterdir()}
    modules = {name for name in mf.__all__ if inspect.ismodule(getattr(mf, name))}
    assert files & set(mf.__all__) <= modules


def test_promised_methods():
    for method in ("value", "risk", "predict", "first_variation", "velocity"):
        assert callable(getattr(mf.Objective, method))
    for law in ("gaussian", "sphere", "doubled", "grid"):
        assert callable(getattr(mf.Particles, law))
    for data in ("teacher", "digits", "breast_cancer", "mnist1d", "random_labels", "clusters", "spikes", "on_sphere"):
        assert callable(getattr(mf.datasets, data))


ROOT = pathlib.Path(mf.__file__).parents[1]
STUBS = sorted((ROOT / "meanfield").rglob("__init__.pyi"))


@pytest.mark.parametrize("stub", STUBS, ids=[stub.parent.name for stub in STUBS])
def test_names_are_those_of_the_stub_and_lie_where_it_says(stub):
    package = importlib.import_module(".".join(stub.parent.relative_to(ROOT).parts))
    nodes = [node for node in ast.parse(stub.read_text("ascii")).body if isinstance(node, ast.ImportFrom)]
    assert all(node.level == 1 and alias.asname == alias.name for node in nodes for alias in node.names)
    homes = {alias.name: node.module for node in nodes for alias in node.names}
    assert sorted(homes) == package.__all__ == sorted(package.__all__)
    for name, module in homes.items():
        value = getattr(package, name)
        home = f"{package.__name__}.{module}" if module else package.__name__
        assert (value.__name__ if inspect.ismodule(value) else value.__module__).startswith(home)
    assert set(package.__all__) <= set(dir(package))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Nueron'"):
        _ = mf.Nueron


def test_every_public_object_says_what_it_is():
    """A docstring each, of its own and not inherited."""
    assert [name for name, thing in public_names().items() if not (thing.__doc__ or "").strip()] == []


def test_the_top_has_the_names_that_most_scripts_need():
    assert len(mf.__all__) < 60


@pytest.mark.parametrize(("home", "name"), [(home, name) for home in mf.MOVED for name in mf.MOVED[home].split()])
def test_a_name_that_moved_says_where_it_is(home, name):
    assert operator.attrgetter(f"{home}.{name}")(mf) is not None
    with pytest.warns(
        DeprecationWarning, match=rf"^meanfield\.{name} has moved: it is meanfield\.{home}\.{name} now\.$"
    ):
        assert getattr(mf, name) is operator.attrgetter(f"{home}.{name}")(mf)


def test_a_name_that_is_gone_says_what_to_write_instead():
    with pytest.raises(
        AttributeError, match=r"^mf\.AbstractFlow: flows are made of factors; write a subclass of mf\.steppers"
    ):
        mf.AbstractFlow  # noqa: B018

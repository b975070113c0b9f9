"""The front door: the lazy table says what the imports for type checkers say, and every promised name is there."""

import ast
import inspect
import pathlib

import pytest

import meanfield as mf

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
    "optimality_gap": "objective mu",
    "OptimalityGap": "gap lower_bound certified",
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
    "NormalisedNeuron": "activation bias outputs",
    "DeepLinear": "hidden outputs",
    "DeepNetwork": "",
    "AdversarialObjective": "unit x generators penalty rate loss",
    "Dual": "unit dimension",
    "Power": "exponent",
    "ParameterDecay": "",
    "Sharpness": "iterations",
    "stiffness": "objective mu x y",
    "cushions": "",
    "critical_samples": "",
    "loss_sensitivity": "",
    "linear_spline": "",
    "RungeKutta": "step order",
    "Spike": "",
}


@pytest.mark.parametrize("name", PROMISED)
def test_promised_names_and_arguments(name):
    parameters = list(inspect.signature(getattr(mf, name)).parameters)
    assert [p for p in PROMISED[name].split() if p not in parameters] == []


def test_no_name_is_also_that_of_a_module():
    """Importing the module would put it where the name was."""
    files = {path.stem for path in pathlib.Path(mf.__file__).parent.iterdir()}
    assert files & set(mf.__all__) == set(mf._MODULES)


def test_promised_methods():
    for method in ("value", "risk", "predict", "first_variation", "velocity"):
        assert callable(getattr(mf.Objective, method))
    for law in ("gaussian", "sphere", "doubled", "grid"):
        assert callable(getattr(mf.Particles, law))
    for data in ("teacher", "digits", "breast_cancer", "mnist1d", "random_labels", "clusters", "spikes", "on_sphere"):
        assert callable(getattr(mf.datasets, data))


def test_lazy_names_are_the_names_that_type_checkers_see():
    """Two lists of the same names, one for Python and one for type checkers: same names, same homes."""
    tree = ast.parse(pathlib.Path(mf.__file__).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    seen = {alias.asname: node.module for node in block.body for alias in node.names}
    assert all(alias.asname == alias.name for node in block.body for alias in node.names)
    assert sorted(seen) == mf.__all__ == sorted(mf.__all__)
    for name, module in seen.items():
        value = getattr(mf, name)
        if inspect.ismodule(value):
            assert value.__name__ == f"meanfield.{name}"
        else:
            assert value.__module__.startswith(module)
    assert set(mf.__all__) <= set(dir(mf))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Nueron'"):
        _ = mf.Nueron


def test_every_public_object_says_what_it_is():
    """A docstring each, of its own and not inherited."""
    assert [name for name in mf.__all__ if not (getattr(mf, name).__doc__ or "").strip()] == []

"""A trained model as a function of its parameters, with the step that each of them is trained with."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from meanfield.arguments import floating_array, positive_number
from meanfield.networks.layers import Layers
from meanfield.networks.weights import arrays_of
from meanfield.objectives.losses import AbstractLoss
from meanfield.units.neuron import Neuron


class Model(NamedTuple):
    """f(params, x) → [n, k], at the start and after training; `rates` are relative steps, one a leaf of the parameters.

    The metric Σ_l |δ_l|²/rate_l on parameters is the one in which gradient descent with these steps is steepest.
    """

    apply: Callable[[Any, jax.Array], jax.Array]
    initial: Any
    trained: Any
    rates: Any
    hidden: Any
    """True for the leaves that are hidden weights, where they are known; None where not."""


class TwoLayers(eqx.Module):
    """s a σ(W x + b) + c, as a function of a dictionary of the arrays; equal ones are compiled once."""

    sigma: Callable = eqx.field(static=True)
    multiplier: float = eqx.field(static=True)

    def __call__(self, params: Any, x: jax.Array) -> jax.Array:
        z = x @ params["W"].T + params.get("b", 0)
        return self.multiplier * self.sigma(z) @ params["a"].T + params.get("c", 0)


class Function(eqx.Module):
    """A function of one's own, whose outputs are one axis more where it has a single one."""

    function: Callable = eqx.field(static=True)

    def __call__(self, params: Any, x: jax.Array) -> jax.Array:
        f = self.function(params, x)
        return f[:, None] if f.ndim == 1 else f


def risks(loss: AbstractLoss, f: jax.Array, y: jax.Array) -> jax.Array:
    """Return the risks of the samples one by one, [n], of predictions [n, k]."""
    one = jax.vmap(lambda g, t: loss.risk(g[None], t[None]))
    return one(f[:, 0], y) if f.shape[1] == 1 else one(f, y)


def two_layers(initial: Any, trained: Any, activation: Any, multiplier: float, step: Any) -> Model:
    """Return s Σ_j a_j σ(w_j·x + b_j) + c; raises `ValueError` for weights of another network or kind."""
    first, last = arrays_of("initial", initial), arrays_of("trained", trained)
    for name, one, other in zip(Layers._fields, first, last, strict=True):
        shapes = [None if value is None else value.shape for value in (one, other)]
        if None in shapes and shapes[0] != shapes[1]:
            has, misses = ("initial", "trained") if shapes[1] is None else ("trained", "initial")
            raise ValueError(f"trained: {has} has a bias {name} that {misses} has not; expected the same network.")
        if shapes[0] != shapes[1]:
            raise ValueError(f"trained: {name} has shape {shapes[1]}, expected {shapes[0]}, as in the initial weights.")
    params = [{k: v for k, v in layers._asdict().items() if v is not None} for layers in (first, last)]
    hidden = {name: name in ("W", "b") for name in params[0]}
    return Model(
        TwoLayers(Neuron(activation).activation, multiplier), params[0], params[1], _rates(params[0], step), hidden
    )


def of_function(function: Callable, initial: Any, trained: Any, step: Any) -> Model:
    """Return a model of one's own; raises `ValueError` for parameters whose trees or shapes differ."""
    leaves, shape = jax.tree.flatten(initial)
    others, same = jax.tree.flatten(trained)
    if shape != same or [jnp.shape(one) for one in leaves] != [jnp.shape(one) for one in others]:
        raise ValueError("trained: expected parameters with the names and shapes of the initial ones.")
    start = jax.tree.unflatten(shape, [floating(f"initial{_name(i, leaves)}", one) for i, one in enumerate(leaves)])
    end = jax.tree.unflatten(shape, [floating(f"trained{_name(i, leaves)}", one) for i, one in enumerate(others)])
    return Model(Function(function), start, end, _rates(start, step), None)


def _name(i: int, leaves: list) -> str:
    return f"[leaf {i}]" if len(leaves) > 1 else ""


def floating(name: str, value: Any) -> jax.Array:
    """Return an array of any number of axes of finite numbers."""
    shape = jnp.shape(value)
    return floating_array(name, jnp.reshape(jnp.asarray(value), (-1,)), "n").reshape(shape)


def _rates(params: Any, step: Any) -> Any:
    """Steps of all leaves over the largest; of a mapping by the names of the parameters."""
    if not isinstance(step, Mapping):
        return jax.tree.map(lambda leaf: jnp.ones((), leaf.dtype), params)
    if not isinstance(params, Mapping) or set(step) != set(params):
        names = ", ".join(params) if isinstance(params, Mapping) else "one number for all parameters"
        raise ValueError(f"step has {', '.join(map(str, step))}: expected {names}.")
    steps = {name: float(positive_number(f"step[{name!r}]", value, zero=True)) for name, value in step.items()}
    if max(steps.values()) == 0:
        raise ValueError("step: all are 0; expected one above 0.")
    largest = max(steps.values())
    return {name: jnp.asarray(steps[name] / largest, jnp.result_type(leaf)) for name, leaf in params.items()}


def largest(step: Any) -> float:
    """Return the step that rates are relative to."""
    return float(max(step.values())) if isinstance(step, Mapping) else float(positive_number("step", step))

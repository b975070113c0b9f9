"""Objects that enter: one clear sentence for a bad one, and what was probably meant where that can be known."""

import difflib
import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from meanfield.arguments.conversion import said

KINDS = {
    "AbstractUnit": "a unit such as Neuron('relu')",
    "Neuron": "a unit such as Neuron('relu')",
    "AbstractLoss": "a loss such as Square()",
    "AbstractObjective": "an objective such as Objective(unit, loss, x, y)",
    "Objective": "an Objective(unit, loss, x, y)",
    "Flow": "a flow such as GradientFlow(0.1)",
    "AbstractStepper": "a stepper such as steppers.Euler(0.1)",
    "AbstractGradient": "a gradient such as gradients.Minibatch(64)",
    "AbstractNoise": "a noise such as noises.Brownian(0.1)",
    "AbstractReaction": "a reaction such as reactions.Growth()",
    "AbstractObservable": "an observable such as Risk()",
    "AbstractKernel": "a kernel such as Blocked(512)",
    "Particles": "particles such as Particles(position)",
    "Trajectory": "a Trajectory, as simulate returns it",
}
"""How an argument of a class is called in a sentence."""


OTHER_NAMES = {
    "mse": "Square",
    "l2": "Square",
    "bce": "Logistic",
    "cross-entropy": "Logistic",
    "cross_entropy": "Logistic",
}
"""What losses are called elsewhere."""


def instance(name: str, value: Any, kind: type) -> Any:
    """`value` itself, when it is an instance of `kind`; the error says what was probably meant."""
    if isinstance(value, kind):
        return value
    hint = _hint(value, kind)
    raise ValueError(
        f"{shown(name, value)}: expected {KINDS[kind.__name__]}.{f' Did you mean {hint}?' if hint else ''}"
    )


def instances(**given: tuple[Any, type]) -> None:
    """Refuse, by name, values that are no instances of their kinds; where these are in another order, say so."""
    values, kinds = [value for value, _ in given.values()], [kind for _, kind in given.values()]
    if all(map(isinstance, values, kinds)):
        return
    mixed = any(all(map(isinstance, order, kinds)) for order in itertools.permutations(values))
    for name, (value, kind) in given.items():
        if mixed and not isinstance(value, kind):
            raise ValueError(
                f"{shown(name, value)}: expected {KINDS[kind.__name__]}. Did you mean the order {', '.join(given)}?"
            )
        instance(name, value, kind)


def shown(name: str, value: Any) -> str:
    """The argument and its value as the head of a sentence; of the package's own objects the class alone."""
    if isinstance(value, eqx.Module) or hasattr(value, "particles"):
        return f"{name}={type(value).__name__}(…)"
    return said(name, value)


def _hint(value: Any, kind: type) -> str | None:
    """Return what was probably meant by a value that is no instance of `kind`, or None if nothing is known."""
    found = getattr(value, {"Particles": "particles"}.get(kind.__name__, "objective"), None)
    if isinstance(found, kind):
        return f"the run's .{'particles' if kind.__name__ == 'Particles' else 'objective'}"
    if isinstance(value, type):
        return call(value) if issubclass(value, kind) else None
    if isinstance(value, list | tuple) and len(value) == 1 and isinstance(value[0], kind):
        return "its one item"
    if isinstance(value, str):
        return _by_name(value, kind)
    if isinstance(value, np.ndarray | jax.Array) and kind.__name__ == "Particles" and value.ndim == 2:
        return "Particles(…) of it"
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind.__name__ == "AbstractStepper" and number:
        return f"steppers.Euler({value!r})"
    if kind.__name__ == "Flow":
        if callable(value) and getattr(value, "__module__", "") == "meanfield.flows.named":
            return f"{value.__name__}(…)"
        if any(base.__name__ == "AbstractStepper" for base in inspect.getmro(type(value))):
            return f"Flow({type(value).__name__}(…))"
        if number:
            return f"GradientFlow({value!r})"
        if hasattr(value, "init") and hasattr(value, "update"):
            return "OptimiserFlow(…) of it"
    if kind.__name__ == "AbstractUnit" and callable(value):
        return "Neuron(…) of it"
    return None


def _by_name(word: str, kind: type) -> str | None:
    """A call of the public subclass whose name is nearest to `word`, or a neuron of that activation."""
    if kind.__name__ == "AbstractUnit":
        from meanfield.units.activations import ACTIVATIONS

        near = difflib.get_close_matches(word.lower(), list(ACTIVATIONS), n=1)
        if near:
            return f"Neuron({near[0]!r})"
    if kind.__name__ == "Flow":
        from meanfield import flows

        short = {name.lower(): name for name in vars(flows) if callable(vars(flows)[name]) and name != "State"}
        near = difflib.get_close_matches(word.lower().replace(" ", "").replace("_", ""), list(short), n=1)
        return f"{short[near[0]]}(…)" if near else None
    word = OTHER_NAMES.get(word.lower(), word)
    names = {of.__name__.lower(): of for of in _subclasses(kind) if not of.__name__.startswith(("_", "Abstract"))}
    near = difflib.get_close_matches(word.lower().replace(" ", "").replace("_", ""), list(names), n=1)
    return call(names[near[0]]) if near else None


def _subclasses(kind: type) -> Iterator[type]:
    for of in kind.__subclasses__():
        yield of
        yield from _subclasses(of)


def call(of: type) -> str:
    """How an instance of the class is made, `Square()` or `GradientFlow(…)`."""
    required = [p for p in inspect.signature(of).parameters.values() if p.default is p.empty]
    return f"{of.__name__}({'…' if required else ''})"


def function(name: str, value: Any, count: int, what: str) -> Callable:
    """`value` itself, when it can be called with `count` arguments; `what` says which function is expected."""
    if isinstance(value, type):
        meant = f" Did you mean {call(value)}?" if _makes(value) else ""
        raise ValueError(f"{said(name, value)}: expected {what}, not a class.{meant}")
    if not callable(value):
        raise ValueError(f"{shown(name, value)}: expected {what}.")
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):  # a function that doesn't say what it takes
        return value
    try:
        signature.bind(*[None] * count)
    except TypeError:
        raise ValueError(f"{name}={_named(value)}{signature}: expected {what}.") from None
    return value


def _makes(of: type) -> bool:
    """Return True if instances of the class can be called."""
    return "__call__" in {word for base in of.__mro__[:-1] for word in vars(base)}


def _named(value: Any) -> str:
    return getattr(value, "__name__", type(value).__name__)


def returns(name: str, value: Callable, given: tuple, shapes: tuple[tuple[int, ...], ...], what: str) -> Callable:
    """`value` itself, when at arrays like those `given` it returns a real array of one of `shapes`."""
    made = jax.eval_shape(value, *given)
    real = hasattr(made, "dtype") and any(jnp.issubdtype(made.dtype, kind) for kind in (jnp.floating, jnp.integer))
    if not real or made.shape not in shapes:
        found = (
            f"an array of shape {made.shape} and type {made.dtype}" if hasattr(made, "dtype") else type(made).__name__
        )
        raise ValueError(f"{name} returned {found}: expected {what}.")
    return value


def observed(given: Any, kind: type) -> Mapping | Sequence:
    """A list of observables, or a mapping from names to them and to functions, as `given`."""
    allowed = "a list of observables, or a mapping from names to functions (objective, particles) ↦ array"
    if isinstance(given, kind) or (isinstance(given, type) and issubclass(given, kind)):
        made = call(given) if isinstance(given, type) else call(type(given))
        raise ValueError(f"{shown('observables', given)}: expected {allowed}. Did you mean [{made}]?")
    if isinstance(given, Mapping):
        for name, watch in given.items():
            if not isinstance(name, str):
                raise ValueError(f"observables names {name!r}: expected text for a name.")
            if not isinstance(watch, kind):
                function(f"observables[{name!r}]", watch, 2, "a function (objective, particles) ↦ array")
        return given
    if not isinstance(given, Sequence) or isinstance(given, str | bytes):
        meant = _by_name(given, kind) if isinstance(given, str) else None
        hint = f" Did you mean [{meant}]?" if meant else ""
        raise ValueError(f"{shown('observables', given)}: expected {allowed}.{hint}")
    for watch in given:
        if not isinstance(watch, kind):
            meant = _hint(watch, kind) or ("a mapping, {'name': function}" if callable(watch) else None)
            hint = f" Did you mean {meant}?" if meant else ""
            raise ValueError(f"observables holds {said('', watch).lstrip('=')}: expected {allowed}.{hint}")
    return given


def reporting(progress: Any) -> Any:
    """`progress` itself, when it is True, False, None, or can be told of progress."""
    methods = ("update", "close")
    able = not isinstance(progress, type) and all(callable(getattr(progress, name, None)) for name in methods)
    if progress is None or isinstance(progress, bool | np.bool_) or able:
        return progress
    raise ValueError(f"{said('progress', progress)}: expected True, False, or an object with update and close.")


def schedule(name: str, value: Any, shapes: tuple[tuple[int, ...], ...] | None = ((),)) -> Callable:
    """`value` itself, when it is a function of the step number that returns one real number (or what `shapes` say)."""
    function(name, value, 1, "a number, or a function of the step number")
    if shapes is None:
        return value
    return returns(name, value, (jax.ShapeDtypeStruct((), jnp.int32),), shapes, "one real number a step")


def potential(value: Any, p: int, dtype) -> Any:
    """`value` itself, when it is a function of one particle's p parameters that returns one real number."""
    if callable(value) and isinstance(value, eqx.Module) and type(value).__module__.startswith("meanfield."):
        return value
    given = function("penalty", value, 1, "a function of one particle's parameters, or None")
    return returns("penalty", given, (jax.ShapeDtypeStruct((p,), dtype),), ((),), "one real number a particle")


def activation(name: str, value: Any) -> Callable:
    """`value` itself, when it is a real function that acts on arrays of any shape elementwise."""
    function(name, value, 1, "a name or a function of one array")
    like = jax.ShapeDtypeStruct((2, 3), jnp.result_type(float))
    return returns(name, value, (like,), ((2, 3),), "an array of the shape of its own, real numbers one an entry")


def random_key(name: str, key: Any) -> Any:
    """`key` itself, when it is one key of JAX's, typed or raw."""
    if isinstance(key, int | np.integer) and not isinstance(key, bool):
        raise ValueError(f"{said(name, key)}: expected a key of random numbers. Did you mean jax.random.key({key})?")
    if not isinstance(key, jax.Array | np.ndarray):
        raise ValueError(f"{said(name, key)}: expected a key of random numbers such as jax.random.key(0).")
    typed = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    several = key.ndim if typed else key.ndim - 1
    if not typed and (key.dtype != np.uint32 or several < 0):
        raise ValueError(f"{said(name, key)} of type {key.dtype}: expected a key such as jax.random.key(0).")
    if several:
        raise ValueError(f"{name} holds {key.shape[0]} keys: expected one of them.")
    if not typed and key.shape != jax.eval_shape(lambda: jax.random.key_data(jax.random.key(0))).shape:
        raise ValueError(f"{name} has shape {key.shape}: expected a key such as jax.random.key(0).")
    return key

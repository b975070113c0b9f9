"""Equal code and values have one digest in every process, and any change of either another one."""

import ast
import importlib
import os
import shutil
import subprocess
import sys
import threading
import types
from pathlib import Path

import numpy as np
import pytest

import meanfield as mf
from meanfield.checkpoints.identity import behaviour, code_of, engine

USER = """
import enum, functools, math, weakref
from dataclasses import dataclass, field
import equinox as eqx, jax, jax.numpy as jnp, numpy as np, optax
import meanfield as mf
import own_constants
import own_constants as renamed
from own_constants import RATE

SLOPE = 0.5
TABLE = {"low": 1.0, "high": [2.0, 3.0]}

def helper(z):
    return SLOPE * z

def nested(z):
    def inner(y):
        return helper(y) + 1.0
    return inner(z)

def by_module(z):
    return own_constants.RATE * z

def by_package(z):
    return renamed.inner.DEPTH * z

def by_import(z):
    from own_constants import RATE as rate
    return rate * z

def defaults(z, by=2.0, *, power=3):
    return by * z**power

def scaled(by):
    return lambda z: by * z

def even(n):
    return n == 0 or odd(n - 1)

def odd(n):
    return n != 0 and even(n - 1)

def comprehension(z):
    return [SLOPE * y for y in z]

class Base:
    factor = 2.0
    def __call__(self, z):
        return self.factor * self.twice(z)
    @staticmethod
    def twice(z):
        return 2 * z
    @classmethod
    def made(cls):
        return cls()
    @property
    def half(self):
        return self.factor / 2
    @functools.cached_property
    def third(self):
        return self.factor / 3

class Law(Base):
    __slots__ = ("power",)
    def __init__(self, power=2):
        self.power = power

class Mode(enum.Enum):
    LOW = 1
    HIGH = 2

@dataclass(frozen=True)
class Settings:
    rate: float = 0.1
    names: tuple = ("a",)
    more: list = field(default_factory=list)

class Own(mf.AbstractUnit):
    outputs: int = eqx.field(static=True, default=1)
    def size(self, d):
        return d + 1
    def __call__(self, theta, x):
        return theta[0] * jnp.sin(theta[1:] @ x)

class Decay(eqx.Module):
    strength: jax.Array
    def __call__(self, theta):
        return self.strength * helper(jnp.sum(theta**2))

@jax.custom_jvp
def rounded(z):
    return jnp.round(z)

@rounded.defjvp
def _(primals, tangents):
    return rounded(primals[0]), 1.0 * tangents[0]

@functools.lru_cache
def cached(z):
    return SLOPE * z

def schedule(k):
    return RATE / (1 + k)

THINGS = {
    "helper": helper, "nested": nested, "by_module": by_module, "by_package": by_package, "by_import": by_import,
    "defaults": defaults, "closure": scaled(2.0), "mutual": even, "comprehension": comprehension,
    "class": Law, "object": Law(3), "method": Law(3).__call__, "enum": Mode.HIGH, "settings": Settings(),
    "unit": Own(), "unit_class": Own, "penalty": Decay(jnp.ones(())), "custom_jvp": rounded, "cached": cached,
    "jit": jax.jit(helper), "vmap": jax.vmap(helper), "grad": jax.grad(helper),
    "partial": functools.partial(defaults, by=4.0),
    "filter_jit": eqx.filter_jit(helper), "tree_partial": jax.tree_util.Partial(helper),
    "neuron": mf.Neuron(helper), "flow": mf.GradientFlow(schedule),
    "sgd": mf.SGD(schedule, batch=2, sampler=lambda key, b: helper(key)),
    "optimiser": mf.OptimiserFlow(optax.chain(optax.scale_by_adam(), optax.scale_by_schedule(schedule))),
    "observable": mf.observables.Function(lambda objective, mu: helper(mu.mass)),
    "objective": mf.Objective(mf.Neuron("relu"), mf.Square(), np.eye(2), np.ones(2),
                              penalty=lambda theta: helper(theta[0])),
    "containers": [{"a": {1, 2, "x"}, "b": frozenset((1, 2))}, TABLE, (np.ones(3), np.float32(2))],
    "numpy": np.tanh, "math": math.sin, "ufunc": jnp.add, "builtin": len, "nothing": None,
}
"""
CONSTANTS = {"__init__.py": "from own_constants import inner\nRATE = 1.0\n", "inner.py": "DEPTH = 3\n"}


def write(folder, user=USER):
    package = folder / "own_constants"
    package.mkdir(parents=True)
    for name, text in CONSTANTS.items():
        (package / name).write_text(text)
    (folder / "user.py").write_text(user)


def elsewhere(folder, *, user=USER, seed="0", before=""):
    """{name: digest} of `THINGS`, made in a process of its own from files in `folder`."""
    write(folder, user)
    lines = ["from meanfield.checkpoints.identity import behaviour", "import user", before]
    lines += ["print({name: behaviour(thing) for name, thing in user.THINGS.items()})"]
    environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}
    answer = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], env=environment, capture_output=True, text=True, timeout=240
    )
    assert answer.returncode == 0, answer.stderr[-3000:]
    return ast.literal_eval(answer.stdout)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A function that makes `THINGS` in this process, from another text or with other constants."""
    write(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)

    def digests(text=USER, rate=1.0, depth=3, **more):
        own = importlib.import_module("own_constants")
        monkeypatch.setattr(own, "RATE", rate)
        monkeypatch.setattr(own.inner, "DEPTH", depth)
        for name, value in more.items():
            monkeypatch.setattr(own, name, value, raising=False)
        user = types.ModuleType("user")
        exec(compile(text, "user.py", "exec"), user.__dict__)
        return {name: behaviour(thing) for name, thing in user.THINGS.items()}

    yield digests
    for name in ("own_constants", "own_constants.inner"):
        sys.modules.pop(name, None)


def test_the_same_in_every_process(tmp_path):
    """Another seed of hashes, another folder, moved lines, comments, docstrings, and caches that were used before."""
    moved = '"""Said."""\n# said\n\n\n' + USER.replace(
        "def helper(z):\n", 'def helper(z: "anything") -> float:\n    """Said."""\n    # said\n\n'
    )
    used = "user.cached(2.0); user.Law(3).third; user.THINGS['jit'](1.0); user.np.random.rand()"
    first = elsewhere(tmp_path / "near", seed="1")
    assert elsewhere(tmp_path / "far" / "away", user=moved, seed="2", before=used) == first


AROUND_SLOPE = {"helper", "nested", "jit", "vmap", "grad", "filter_jit", "tree_partial", "neuron", "sgd", "penalty"}
AROUND_SLOPE |= {"observable", "objective"}
CHANGES = {
    "a constant of the module": ("SLOPE = 0.5", "SLOPE = 0.25", AROUND_SLOPE | {"comprehension", "cached"}),
    "a constant in code": ("return SLOPE * z\n\ndef nested", "return SLOPE * z * 2\n\ndef nested", AROUND_SLOPE),
    "a nested function": ("return helper(y) + 1.0", "return helper(y) - 1.0", {"nested"}),
    "a default": ("by=2.0, *", "by=2.5, *", {"defaults", "partial"}),
    "a keyword's default": ("power=3", "power=4", {"defaults", "partial"}),
    "a closure": ('"closure": scaled(2.0)', '"closure": scaled(3.0)', {"closure"}),
    "a bound argument": ("defaults, by=4.0", "defaults, by=5.0", {"partial"}),
    "one of two that call each other": ("return n != 0 and", "return n == 0 and", {"mutual"}),
    "an inherited method": ("return self.factor * self", "return -self.factor * self", {"class", "object", "method"}),
    "an inherited attribute": ("factor = 2.0", "factor = 2.5", {"class", "object", "method"}),
    "a static method": ("return 2 * z", "return 3 * z", {"class", "object", "method"}),
    "a class method": ("return cls()", "return cls(1)", {"class", "object", "method"}),
    "a property": ("self.factor / 2", "self.factor / 4", {"class", "object", "method"}),
    "a cached property": ("self.factor / 3", "self.factor / 6", {"class", "object", "method"}),
    "a constructor": ("power=2)", "power=1)", {"class", "object", "method"}),
    "a slot": ('"object": Law(3)', '"object": Law(4)', {"object"}),
    "an enumeration": ("HIGH = 2", "HIGH = 3", {"enum"}),
    "which member": ("Mode.HIGH", "Mode.LOW", {"enum"}),
    "a field's default": ("rate: float = 0.1", "rate: float = 0.2", {"settings"}),
    "a field's factory": ("default_factory=list", "default_factory=lambda: [1]", {"settings"}),
    "a method of a unit": ("jnp.sin(theta", "jnp.cos(theta", {"unit", "unit_class"}),
    "a size of a unit": ("return d + 1", "return d + 2", {"unit", "unit_class"}),
    "a derivative": ("1.0 * tangents", "2.0 * tangents", {"custom_jvp"}),
    "a schedule": ("RATE / (1 + k)", "RATE / (2 + k)", {"flow", "sgd", "optimiser"}),
    "a value far inside": ('"high": [2.0, 3.0]', '"high": [2.0, 4.0]', {"containers"}),
    "which function of a library": ("np.tanh", "np.cosh", {"numpy"}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_is_seen_where_it_matters(here, change):
    old, new, where = CHANGES[change]
    assert USER.count(old) == 1
    before, after = here(), here(USER.replace(old, new))
    assert {name for name in before if after[name] != before[name]} == where


def test_constants_of_other_modules(here):
    before = here()
    for options, where in [
        ({"rate": 2.0}, {"by_module", "by_import", "flow", "sgd", "optimiser"}),
        ({"depth": 4}, {"by_package"}),
        ({"UNREAD": 5}, set()),
    ]:
        after = here(**options)
        assert {name for name in before if after[name] != before[name]} == where


def test_all_that_is_different_is_told_apart(here):
    """But for what is the same function in another place."""
    found = here()
    assert found["sgd"] != found["flow"]
    assert len(set(found.values())) == len(found)


def test_the_order_of_dictionaries_and_sets_is_nothing():
    assert behaviour({"a": 1, "b": 2}) == behaviour({"b": 2, "a": 1})
    assert behaviour({(1, 2), "x", 3.0}) == behaviour({3.0, "x", (1, 2)})
    assert behaviour({1: "a", "1": "b"}) == behaviour({"1": "b", 1: "a"})


def test_arrays_of_objects_and_views():
    """What they hold counts, not where it lies."""
    assert behaviour(np.array([[1, 2], "x", None], object)) == behaviour(np.array([[1, 2], "x", None], object))
    assert behaviour(np.array(["a" * 50], object)) != behaviour(np.array(["b" * 50], object))
    grid = np.arange(12.0).reshape(3, 4)
    assert behaviour(grid.T) == behaviour(np.ascontiguousarray(grid.T))
    assert behaviour(np.ma.masked_array([1.0, 2.0], [True, False])) != behaviour(np.ma.masked_array([1.0, 2.0]))
    assert behaviour(np.random.default_rng(0)) == behaviour(np.random.default_rng(0))
    assert behaviour(np.random.default_rng(0)) != behaviour(np.random.default_rng(1))


def test_objects_that_hold_themselves_and_what_cannot_be_copied():
    class Node:
        def __init__(self, value):
            self.value, self.lock, self.next = value, threading.Lock(), self

    assert behaviour(Node(1)) == behaviour(Node(1))
    assert behaviour(Node(1)) != behaviour(Node(2))


def test_the_engine_is_its_code(tmp_path):
    """A changed number in any file is seen; comments, docstrings and files that compute nothing are not."""
    root = Path(mf.__file__).parent
    copy = Path(shutil.copytree(root, tmp_path / "meanfield", ignore=shutil.ignore_patterns("__pycache__")))
    assert code_of(copy) == code_of(root) == engine()
    losses, plot = copy / "objectives/losses.py", copy / "plot.py"
    plot.write_text(plot.read_text() + "\nMORE = 1\n")
    losses.write_text(losses.read_text().replace('"""Square loss', '"""The square loss') + "# more\n")
    assert code_of(copy) == engine()
    losses.write_text(losses.read_text().replace("return f - y", "return y - f"))
    assert code_of(copy) != engine()

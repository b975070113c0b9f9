"""Experiments: runs of one kind, of which a study has one or several; the machinery does what all of them need."""

import dataclasses
import functools
import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, dataclass_transform

import jax
import numpy as np

from meanfield.arguments import one_of
from meanfield.streams import stream, tag
from simulations.records.record import Selection, runs
from simulations.study.parameters import count, kinds, require_fields
from simulations.study.ranges import in_short

SIZES = ("smoke", "default", "large")

SEEDS = 1 << 32
"""Seeds are below: of larger ones JAX takes the last 32 bits where numbers have no more, and two would be one."""

Values = Mapping[str, Any]
"""What a run found, by name: arrays, and numbers."""


@dataclass_transform(kw_only_default=True, frozen_default=True)
@dataclasses.dataclass(frozen=True, kw_only=True)
class Experiment(ABC):
    """Runs of one kind. An experiment of your own has fields, `sizes` and `run`; it becomes a frozen dataclass.

    A run is an instance, whose fields are its parameters: the address of its record is their hash. `sizes` says which
    runs a size has, as `grid` makes it. `precision` is what networks are computed in, entered for the run; a field of
    that name wins. Random numbers come from `self.key("a name")`, or from `self.generator("a name")` for NumPy.

    >>> import numpy as np, simulations
    >>> class Throws(simulations.Experiment):
    ...     dice: int = simulations.count(10, "n", "dice of a throw")
    ...     sizes = simulations.grid(smoke={"dice": (10, 100), "seeds": 5})
    ...     def run(self):
    ...         return {"mean": self.generator("dice").integers(1, 7, self.dice).mean()}
    >>> study = simulations.Study("throws", "limits", "means of dice", experiments=(Throws,))
    >>> records = simulations.run(study, "smoke")
    >>> len(records), sorted(set(records.column("dice").tolist()))
    (10, [10, 100])
    """

    experiment: str = dataclasses.field(default="", init=False)
    """The name of the experiment: that of the class, in small letters, unless `name` says another."""
    seed: int = count(0, "", "number that all random numbers of the run follow from", at_least=0, at_most=SEEDS - 1)
    name: ClassVar[str] = "experiment"
    sizes: ClassVar[Mapping[str, tuple[Mapping[str, Any], ...]]] = {}
    precision: ClassVar[str] = "float64"

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        if "name" not in vars(cls):
            cls.name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()
        cls.__annotations__ = {**inspect.get_annotations(cls), "experiment": str}
        cls.experiment = dataclasses.field(default=cls.name, init=False)  # type: ignore[assignment]
        dataclasses.dataclass(frozen=True, kw_only=True)(cls)
        require_fields(cls)

    def __post_init__(self):
        known = kinds(type(self))
        for name, kind in known.items():
            object.__setattr__(self, name, kind.checked(name, getattr(self, name)))
        for name, kind in known.items():  # when all fields are numbers
            if any(isinstance(end.at, str) for end in kind.bounds):
                kind.checked(name, getattr(self, name), self)
        if (why := self.refusal()) is not None:
            raise ValueError(why)

    def refusal(self) -> str | None:
        """Return why parameters do not go together, None where they do; each of them alone is checked by its field."""
        return None

    @abstractmethod
    def run(self) -> Values | tuple[Values, str]:
        """Return what the run found; beside it a status other than "done" where a simulation in it ended early."""

    @classmethod
    def at(cls, *names: str, **parameters: Any) -> Selection:
        """Return the selection of this experiment's records that hold these names and have these parameters, as `runs`:
        `Descent.at("risk", step=between(2, 4), particles=max)`.
        """
        return runs(*names, experiment=cls.name, **parameters)

    def key(self, name: str) -> jax.Array:
        """Return the key of a stream of random numbers: another name, or another seed, has other numbers."""
        return stream(jax.random.key(self.seed), name)

    def generator(self, name: str) -> np.random.Generator:
        """Return NumPy's generator of a stream."""
        return generator(name, self.seed)


def generator(name: str, seed: int = 0) -> np.random.Generator:
    """Return NumPy's generator of a stream of this name."""
    return np.random.default_rng([tag(name), seed])


def grid(**sizes: Mapping[str, Any] | Iterable[Mapping[str, Any]]) -> dict[str, tuple[Mapping[str, Any], ...]]:
    """Return the runs of every size: `grid(smoke={"particles": (10, 100), "seeds": 5}, default=[{…}, {…}])`.

    A value in brackets is an axis; the runs are all combinations, for as many `seeds` (1 if not given). A size that is
    a list has the runs of all its entries. Raises `ValueError` for a size that there is not, and for what are no runs.
    """
    found: dict[str, tuple[Mapping[str, Any], ...]] = {}
    for size, parts in sizes.items():
        one_of("size", size, SIZES)
        listed: Any = [parts] if isinstance(parts, Mapping) else parts
        if not (isinstance(listed, list | tuple) and all(_is_grid(part) for part in listed)):
            raise ValueError(
                f"{size}={in_short(parts)}: expected a mapping from parameters to values, or a list of such."
            )
        found[size] = tuple(listed)
    return found


def _is_grid(part: Any) -> bool:
    return isinstance(part, Mapping) and all(isinstance(name, str) for name in part)


def runs_of(experiment: type[Experiment], size: str, seeds: int | None, first: int) -> list[Experiment]:
    """Return the runs of one size, seed by seed; `seeds` replaces the number of seeds that the size says."""
    found: list[tuple[int, Experiment]] = []
    for part in experiment.sizes.get(size, ()):
        values = {name: value for name, value in part.items() if name != "seeds"}
        rows: list[dict[str, Any]] = [{}]
        for name, axis in values.items():
            several = axis if isinstance(axis, tuple | list | range) else (axis,)
            rows = [{**row, name: value} for row in rows for value in several]
        for seed in range(first, first + (part.get("seeds", 1) if seeds is None else seeds)):
            found += [(seed, experiment(**row, seed=seed)) for row in rows]
    return [run for _, run in sorted(found, key=lambda pair: pair[0])]


@functools.lru_cache(maxsize=64)  # of a study it is asked for again and again
def together_fields(experiments: tuple[type[Experiment], ...]) -> type:
    """Return a class with the parameters of all these experiments, for help and for the command's options."""
    if len(experiments) == 1:
        return experiments[0]
    found: dict[str, tuple[str, Any, Any]] = {}
    for one in reversed(experiments):
        for field in dataclasses.fields(one):
            if field.init:
                found[field.name] = (field.name, field.type, _copy(field))
    return dataclasses.make_dataclass("Parameters", list(found.values()), frozen=True, kw_only=True)


def _copy(field: dataclasses.Field) -> Any:
    return dataclasses.field(default=field.default, metadata=field.metadata)

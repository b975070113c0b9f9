"""The study: parameters, runs, claims, and for each claim a check and a control in which it must fail."""

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from meanfield.arguments import one_of
from simulations.records.record import Records, canonical_text, plain_name, require_function
from simulations.study.animation import Animation
from simulations.study.experiment import SEEDS as SEEDS
from simulations.study.experiment import SIZES as SIZES
from simulations.study.experiment import Experiment, runs_of, together_fields
from simulations.study.given import instance
from simulations.study.machine import refuse_absurd
from simulations.study.parameters import kinds
from simulations.study.ranges import coerce as coerce
from simulations.study.ranges import expanded, in_short, plain_type
from simulations.study.simulation import batch_bytes, batch_key, run_experiment, simulated
from simulations.verdicts.checks import Verdict
from theory.prediction import Prediction

PRECISIONS = ("float64", "float32", "bfloat16", "float16")

DERIVED = ("parameters", "grid", "run", "predict", "together")
"""What a study has from its experiments."""

MOST_RUNS = 1_000_000
"""Runs of one sweep: a grid of more is a slip of the finger."""


@dataclass(frozen=True)
class Claim:
    """One statement, how it is checked, and a deliberately wrong setting in which the same check must fail.

    `check` and `control` are the same function with other arguments (`functools.partial`): what the control turns down
    is what the check would have turned down.
    """

    name: str
    statement: str
    reference: str
    relation: str
    check: Callable[[Records], Verdict]
    control: Callable[[Records], Verdict]
    wrong: str
    """What is wrong in the control."""

    def __post_init__(self):
        _check_words(self, "name", "statement", "reference", "relation", "wrong")
        for name in ("check", "control"):
            require_function(name, getattr(self, name))

    def __reduce_ex__(self, protocol):
        from simulations.study import registry  # which knows studies, and they know claims

        study = registry.owner(self)
        return super().__reduce_ex__(protocol) if study is None else (registry.claim_of, (study, self.name))


def claim(
    name: str,
    statement: str,
    predicted: Prediction,
    check: Callable,
    *,
    wrong: str,
    control: Mapping[str, Any],
    **settings,
) -> Claim:
    """A claim on a prediction of theory, whose control is its own check with some settings replaced."""
    if not isinstance(predicted, Prediction):
        raise ValueError(f"predicted={in_short(predicted)}: expected a theory.prediction.Prediction.")
    if not isinstance(control, Mapping) or not control:
        raise ValueError(f"control={in_short(control)}: expected settings of the check that make it wrong.")
    if not callable(check):
        raise ValueError(f"check={in_short(check)}: expected a check, such as simulations.checks.slope.")
    known = inspect.signature(check).parameters
    if not any(one.kind is one.VAR_KEYWORD for one in known.values()):
        for setting in (*settings, *control):
            one_of("setting of the check", setting, [*known][1:])
    settings = {"predicted": float(predicted.value), **settings}
    return Claim(
        name=name,
        statement=statement,
        reference=predicted.reference,
        relation=predicted.relation,
        check=partial(check, **settings),
        control=partial(check, **{**settings, **control}),
        wrong=wrong,
    )


@dataclass(frozen=True)
class Together:
    """Runs that differ in values only, computed as one batch."""

    alike: Callable[[Any], Hashable]
    """What runs of one batch have in common; others have arrays of other shapes, or another program."""
    run: Callable[[list], list[tuple[dict[str, np.ndarray], str]]]
    """Values and status of every run, as `Study.run` would give them up to rounding."""
    bytes: Callable[[Any], int]
    """Memory that one run takes in a batch."""

    def __post_init__(self):
        for name in ("alike", "run", "bytes"):
            require_function(name, getattr(self, name))


@dataclass(frozen=True)
class Study:
    """A question, the runs that answer it, and the claims about the answer.

    The runs are those of its `experiments`. Or they are made by functions: `grid(size, seeds, first)` lists the
    parameters of all runs; `run(parameters)` makes one record's values and status; `predict(parameters)` is what theory
    says of the same run.
    """

    name: str
    group: str
    summary: str
    # Set from the experiments where these are given, and asked for where they are not.
    parameters: type = None  # type: ignore[assignment]
    grid: Callable[[str, int | None, int], list] = None  # type: ignore[assignment]
    run: Callable[[Any], tuple[dict[str, np.ndarray], str]] = None  # type: ignore[assignment]
    predict: Callable[[Any], dict[str, np.ndarray]] = None  # type: ignore[assignment]
    claims: tuple[Claim, ...] = ()
    cost: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Wall time of each size on two cores, as measured."""
    together: Together | None = None
    """How several runs are computed at once, for studies that can."""
    precision: str | Callable[[Any], str] = "float64"
    """What networks are trained in, or a function of the parameters that says so; a parameter of that name wins."""
    draw: Callable[[Records], Any] | None = None
    """The figure of one's own study: records ↦ a matplotlib `Figure`. Without it a table is drawn, as of a grid."""
    experiments: tuple[type[Experiment], ...] = ()
    """In the place of `parameters`, `grid`, `run`, `predict` and `together`: the kinds of its runs."""
    usual: type[Experiment] | None = None
    """The experiment that is meant where parameters are those of several; none is, and they are refused, if None."""
    animation: Animation | None = None
    """Runs whose particles are kept at many times, and the words of the moving picture that is made of them."""
    whole: "Study | None" = None
    """The study of which this one has some of the experiments."""

    def __post_init__(self):
        if not isinstance(self.experiments, tuple | list):
            raise ValueError(f"experiments={in_short(self.experiments)}: expected a tuple of subclasses of Experiment.")
        if self.experiments:
            self._of_experiments()
        _check_words(self, "name", "group", "summary")
        if not plain_name(self.name):
            raise ValueError(f"name={self.name!r:.60}: expected a plain name of letters, digits and underscores.")
        if not (isinstance(self.parameters, type) and dataclasses.is_dataclass(self.parameters)):
            raise ValueError(f"parameters={in_short(self.parameters)}: expected a dataclass.")
        require_function("grid", self.grid, "size", None, 0)
        for name in ("run", "predict"):
            require_function(name, getattr(self, name))
        if not (isinstance(self.claims, tuple | list) and all(isinstance(one, Claim) for one in self.claims)):
            raise ValueError(f"claims={in_short(self.claims)}: expected a tuple of simulations.Claim.")
        if not isinstance(self.cost, Mapping):
            raise ValueError(f"cost={in_short(self.cost)}: expected a mapping from sizes to times.")
        if self.together is not None:
            instance("together", self.together, Together)
        if self.draw is not None:
            require_function("draw", self.draw)
        if self.usual is not None and self.usual not in (self.whole or self).experiments:
            raise ValueError(f"usual={in_short(self.usual)}: expected one of the experiments.")
        if self.animation is not None:
            instance("animation", self.animation, Animation)
        if callable(self.precision):
            require_function("precision", self.precision)
        else:
            one_of("precision", coerce("precision", str, self.precision), PRECISIONS)

    def _of_experiments(self) -> None:
        """Fill in what the machinery asks of a study."""
        given = [name for name in DERIVED if getattr(self, name) is not None]
        if given and self.run is not run_experiment:
            raise ValueError(f"experiments and {', '.join(given)}: expected one or the other.")
        for one in self.experiments:
            if not (isinstance(one, type) and issubclass(one, Experiment)):
                raise ValueError(f"experiments={in_short(self.experiments)}: expected subclasses of Experiment.")
        names = [one.name for one in self.experiments]
        if len(set(names)) < len(names):
            raise ValueError(f"experiments={', '.join(names)}: expected names that differ.")
        derived = {
            "experiments": tuple(self.experiments),
            "parameters": together_fields(self.experiments),
            "grid": partial(_grid, tuple(self.experiments)),
            "run": run_experiment,
            "predict": _nothing,
            "together": Together(batch_key, simulated, batch_bytes),
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    def __reduce_ex__(self, protocol):
        """A packaged study is pickled by its name; of one's own all parts must be such that pickle can find them."""
        from simulations.study import registry

        if not registry.is_own(self):
            return super().__reduce_ex__(protocol)
        return registry.own, (self.name, *(one.name for one in self.experiments if self.whole))

    def precision_of(self, parameters: Any) -> str:
        """Return the precision in which the networks of a run are trained."""
        usual = self.precision if isinstance(self.precision, str) else self.precision(parameters)
        return getattr(parameters, "precision", usual)

    def experiment(self, experiment: str) -> type[Experiment]:
        """Return the experiment of that name; raises `ValueError` for a name that is none, with the nearest one."""
        watched = () if self.animation is None else (self.animation.experiment,)
        known = {one.name: one for one in (*self.experiments, *watched)}
        if not known:
            raise ValueError(
                f"experiment={in_short(experiment)}: {self.name} is not made of experiments; expected none."
            )
        return known[one_of("experiment", experiment, known)]

    def only(self, experiment: str) -> "Study":
        """Return the study of this experiment alone, whose records are those of the whole."""
        one, whole = self.experiment(experiment), self.whole or self
        return remade(self, **dict.fromkeys(DERIVED), experiments=(one,), usual=None, whole=whole)

    def _kind(self, names: Iterable[str], experiment: Any = None) -> type:
        """The class of runs with these parameters: that of the experiment, or of the only one that has them all."""
        if not self.experiments:
            return self.parameters
        if experiment is not None:
            return self.experiment(experiment)
        names = list(names)
        fits = [one for one in self.experiments if set(names) <= {field.name for field in dataclasses.fields(one)}]
        if len(fits) == 1:
            return fits[0]
        if self.usual is not None and self.usual in fits:
            return self.usual
        every = {field.name for one in self.experiments for field in dataclasses.fields(one)}
        for name in names:
            one_of("parameter", name, every)
        several = [f"{self.name}/{one.name}" for one in fits or self.experiments]
        have = "are parameters of several experiments" if fits else "are not parameters of one experiment"
        raise ValueError(f"{', '.join(names) or 'no parameters'}: {have}; expected one of {', '.join(several)}.")

    @property
    def page(self) -> Any:
        """A part of the study whose file is that of the study."""
        return self.experiments[0] if self.experiments else self.grid

    @property
    def about(self) -> str:
        """The text at the head of the study's file; empty where there is none."""
        module = inspect.getmodule(self.page)
        if module is None:
            return ""
        try:  # Python leaves it out of the module where it is told to optimise
            return ast.get_docstring(ast.parse(inspect.getsource(module))) or ""
        except (OSError, TypeError):  # of a notebook or a session, which has no file
            return inspect.getdoc(module) or ""

    def make(self, values: Mapping[str, Any]) -> Any:
        """Parameters from names and values; raises `ValueError` for a name that is none or a value of another kind."""
        if not isinstance(values, Mapping):
            raise ValueError(f"values={in_short(values)}: expected a mapping from parameters to values.")
        parameters = self._kind(values, values.get("experiment"))
        fields = {field.name: field for field in dataclasses.fields(parameters)}
        for name in values:
            one_of("parameter", name, fields)
        given = {name: value for name, value in values.items() if fields[name].init}
        made = parameters(**{name: coerce(name, fields[name].type, value) for name, value in given.items()})
        refuse_absurd(made)
        check_seed(made)
        return made

    def combinations(self, grid: Mapping[str, Iterable]) -> list:
        """The parameters of every combination of the values in `grid`; what is not named keeps its default.

        Seed by seed: runs of one seed share data, which are made once a batch, and a sweep that is stopped early has
        all settings for some seeds.
        """
        if not isinstance(grid, Mapping):
            raise ValueError(f"grid={in_short(grid)}: expected a mapping from parameters to values.")
        experiment = grid.get("experiment")
        if isinstance(experiment, list | tuple) and len(experiment) == 1:
            (experiment,) = experiment
        parameters = self._kind(grid, experiment)
        rows: list[dict[str, Any]] = [{"experiment": getattr(parameters, "name", "")} if self.experiments else {}]
        grid = {name: values for name, values in grid.items() if not (self.experiments and name == "experiment")}
        types = {field.name: plain_type(field.type) for field in dataclasses.fields(parameters)}
        for name, values in sorted(grid.items(), key=lambda item: item[0] != "seed"):
            values = expanded(name, types[one_of("parameter", name, types)], values)
            if len(rows) * len(values) > MOST_RUNS:
                raise ValueError(f"{name}: makes {len(rows) * len(values)} runs, expected at most {MOST_RUNS}.")
            rows = [{**row, name: value} for row in rows for value in values]
        return [self.make(row) for row in rows]


def remade(study: Study, **changes: Any) -> Study:
    """Return the study with these changes; what follows from experiments is filled in anew."""
    derived = dict.fromkeys(DERIVED) if study.experiments else {}
    return dataclasses.replace(study, **derived | changes)


def _grid(experiments: tuple[type[Experiment], ...], size: str, seeds: int | None = None, first: int = 0) -> list:
    """The runs of all experiments of a size."""
    return [run for one in experiments for run in runs_of(one, size, seeds, first)]


def _nothing(parameters: Any) -> dict[str, np.ndarray]:
    """Return nothing: an experiment stores what theory says of a run in its record."""
    return {}


def _check_words(thing: Any, *names: str) -> None:
    for name in names:
        coerce(name, str, getattr(thing, name))


def check_seed(parameters: Any) -> None:
    """Raise `ValueError` for a seed that is none; parameters without one are as good as any."""
    seed = getattr(parameters, "seed", 0)
    if not 0 <= seed < SEEDS:
        raise ValueError(f"seed={seed}: expected a whole number from 0 to {SEEDS - 1}.")


def field_docs(parameters: type) -> dict[str, str]:
    """The text under each field of a dataclass, by name; raises `ValueError` for a field without one."""
    if not (isinstance(parameters, type) and dataclasses.is_dataclass(parameters)):
        raise ValueError(f"parameters={in_short(parameters)}: expected a dataclass.")
    told = {name: kind.help for name, kind in kinds(parameters).items()}
    if told or issubclass(parameters, Experiment):
        return told
    found = [kind for kind in reversed(parameters.__mro__) if dataclasses.is_dataclass(kind)]
    return {name: text for kind in found for name, text in _own_docs(kind).items()}


def _own_docs(parameters: type) -> dict[str, str]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(parameters))).body[0]
    assert isinstance(tree, ast.ClassDef)
    docs = {}
    for statement, below in pairwise(tree.body):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            text = below.value.value if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) else None
            if not isinstance(text, str):
                raise ValueError(f"{parameters.__name__}.{statement.target.id} has no text under it.")
            docs[statement.target.id] = " ".join(text.split())
    return docs


def canonical(parameters: Any) -> str:
    """The parameters of a run as its canonical text."""
    return canonical_text(dataclasses.asdict(parameters))

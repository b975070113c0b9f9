"""The study: parameters, runs, claims, and for each claim a check and a control in which it must fail."""

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

from meanfield.arguments import one_of
from simulations.records.record import Records, canonical_text, plain_name, require_function
from simulations.study.animation import Animation
from simulations.study.experiment import SEEDS as SEEDS
from simulations.study.experiment import SIZES as SIZES
from simulations.study.experiment import Experiment, runs_of, together_fields
from simulations.study.given import instance
from simulations.study.machine import refuse_absurd
from simulations.study.panel import Panel
from simulations.study.parameters import kinds
from simulations.study.published import PublishedFigure, Reading
from simulations.study.ranges import coerce as coerce
from simulations.study.ranges import expanded, in_short, plain_type
from simulations.verdicts.checks import EQUALITIES, Verdict
from theory.prediction import Prediction

PRECISIONS = ("float64", "float32", "bfloat16", "float16")

KINDS = ("equality", "bound", "identity", "ordering")
"""What a claim says: a number is what theory says it is; it is on one side of what is proved; a deviation is at most
what rounding can do; one of two things is larger, or something happens at all.
"""

WIDEST = 0.2
"""An equality whose error is a larger share of the prediction is untested, unless the claim says otherwise."""

SLACK = 10.0
"""A bound that is further from what is seen, by this factor, would let pass what it is there to find."""

READ = 0.05
"""The level of intervals that are compared with a reading, as error bars of figures usually have it."""

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
    kind: str = "ordering"
    """Which of `KINDS` it is."""
    accuracy: float = 0.0
    """How far a published value may be from what the paper has, where it was read off a figure; 0 of a theory."""

    def __post_init__(self):
        _check_words(self, "name", "statement", "reference", "relation", "wrong", "kind")
        one_of("kind", self.kind, KINDS)
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
    kind: str | None = None,
    widest: float | None = None,
    **settings,
) -> Claim:
    """A claim on a prediction of theory, whose control is its own check with some settings replaced.

    Its `kind` follows from the relation and the check where it is not said: an equality for "=" and "slope", a bound
    for a check that is `proved`, as the largest and the least of all runs are, else an ordering. An equality decides
    nothing where its error is above `widest`, a fifth of the prediction if not given; of a prediction of 0 it must be
    given. What was read off a figure (`simulations.reading`) is compared to within its accuracy and our 95 % interval,
    and `widest` then is no less than that accuracy.
    """
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
    decided: dict[str, Any] = {"relation": predicted.relation} if "relation" in known else {}
    kind = _kind_of(predicted.relation, check) if kind is None else kind
    accuracy = predicted.accuracy if isinstance(predicted, Reading) else 0.0
    if accuracy:
        if "accuracy" not in known:
            raise ValueError(f"check={in_short(check)}: expected a check that takes the accuracy of a reading.")
        decided |= {"accuracy": accuracy, "level": READ}
    if kind == "equality" and "widest" in known:
        widest = max(accuracy, WIDEST * abs(float(predicted.value))) if widest is None else widest
        if widest == 0:
            raise ValueError(f"widest: the prediction of {name!r:.40} is 0; expected the largest error that decides.")
        decided["widest"], control = widest, {"widest": None, **control}
    settings = {"predicted": float(predicted.value), **decided, **settings}
    return Claim(
        name=name,
        statement=statement,
        reference=predicted.reference,
        relation=predicted.relation,
        check=partial(check, **settings),
        control=partial(check, **{**settings, **control}),
        wrong=wrong,
        kind=kind,
        accuracy=accuracy,
    )


def _kind_of(relation: str, check: Callable) -> str:
    if relation in EQUALITIES:
        return "equality"
    return "bound" if getattr(check, "proved", False) else "ordering"


@dataclass(frozen=True)
class Study:
    """A question, the experiments that answer it, and the claims about the answer.

    >>> import simulations
    >>> class Throws(simulations.Experiment):
    ...     sizes = simulations.grid(smoke={"seeds": 5})
    ...     def run(self):
    ...         return {"face": self.generator("die").integers(1, 7)}
    >>> study = simulations.Study("throws", "limits", "faces of a die", experiments=(Throws,))
    >>> len(simulations.run(study, "smoke"))
    5
    """

    name: str
    group: str
    summary: str
    experiments: tuple[type[Experiment], ...]
    """The kinds of its runs."""
    claims: tuple[Claim, ...] = ()
    """What is counted in the ledger."""
    sanity: tuple[Claim, ...] = ()
    """What has to hold as well and proves little: orderings that nobody doubts, identities of the code with itself."""
    usual: type[Experiment] | None = None
    """The experiment that is meant where parameters are those of several; none is, and they are refused, if None."""
    draw: Callable[[Records], Any] | None = None
    """The figure of one's own study: records ↦ a matplotlib `Figure`. Without it its panels are drawn."""
    panels: tuple[Panel, ...] = ()
    """What the parts of the figure show. Without them and `draw` a table is drawn, as of a grid."""
    animation: Animation | None = None
    """Runs whose particles are kept at many times, and the words of the moving picture that is made of them."""
    published: tuple[PublishedFigure, ...] = ()
    """The figures of a paper that it makes again: what `meanfield reproduce` lists."""
    whole: "Study | None" = None
    """The study of which this one has some of the experiments."""

    def __post_init__(self):
        _check_words(self, "name", "group", "summary")
        if not plain_name(self.name):
            raise ValueError(f"name={self.name!r:.60}: expected a plain name of letters, digits and underscores.")
        listed = self.experiments if isinstance(self.experiments, tuple | list) else ()
        if not listed or not all(isinstance(one, type) and issubclass(one, Experiment) for one in listed):
            raise ValueError(f"experiments={in_short(self.experiments)}: expected a tuple of subclasses of Experiment.")
        names = [one.name for one in listed]
        if len(set(names)) < len(names):
            raise ValueError(f"experiments={', '.join(names)}: expected names that differ.")
        object.__setattr__(self, "experiments", tuple(listed))
        for one in listed:
            one_of("precision", coerce("precision", str, one.precision), PRECISIONS)
        for name in ("claims", "sanity"):
            listed = getattr(self, name)
            if not (isinstance(listed, tuple | list) and all(isinstance(one, Claim) for one in listed)):
                raise ValueError(f"{name}={in_short(listed)}: expected a tuple of simulations.Claim.")
        if self.draw is not None:
            require_function("draw", self.draw)
        if not (isinstance(self.panels, tuple | list) and all(isinstance(one, Panel) for one in self.panels)):
            raise ValueError(f"panels={in_short(self.panels)}: expected a tuple of simulations.Panel.")
        if self.animation is not None:
            instance("animation", self.animation, Animation)
        self._check_published()
        if self.usual is not None and self.usual not in (self.whole or self).experiments:
            raise ValueError(f"usual={in_short(self.usual)}: expected one of the experiments.")

    def _check_published(self) -> None:
        """Raise `ValueError` for published figures that are none, or whose runs and claims the study does not have."""
        listed = self.published
        if not (isinstance(listed, tuple | list) and all(isinstance(one, PublishedFigure) for one in listed)):
            raise ValueError(f"published={in_short(listed)}: expected a tuple of simulations.PublishedFigure.")
        names, claims = [one.name for one in listed], [one.name for one in self.claims]
        if len(set(names)) < len(names):
            raise ValueError(f"published={', '.join(names)}: expected names that differ.")
        for figure in listed:
            for one in figure.experiments:
                if one not in (self.whole or self).experiments:
                    raise ValueError(f"published: {figure.name} is made by {one.name}; expected experiments of it.")
            for name in figure.claims:
                one_of(f"claim of figure {figure.name}", name, claims)

    @property
    def parameters(self) -> type:
        """The class with the parameters of all experiments, for help and for the command's options."""
        return together_fields(self.experiments)

    def grid(self, size: str, seeds: int | None = None, first: int = 0) -> list[Experiment]:
        """Return the runs of all experiments of a size, with so many seeds, from the first on."""
        return [run for one in self.experiments for run in runs_of(one, size, seeds, first)]

    def __reduce_ex__(self, protocol):
        """A packaged study is pickled by its name; of one's own all parts must be such that pickle can find them."""
        from simulations.study import registry

        if not registry.is_own(self):
            return super().__reduce_ex__(protocol)
        return registry.own, (self.name, *(one.name for one in self.experiments if self.whole))

    def figure(self, figure: str) -> PublishedFigure:
        """Return the published figure of that name; raises `ValueError` for a name that is none, with the nearest."""
        known = {one.name: one for one in self.published}
        return known[one_of("figure", figure, known)]

    def experiment(self, experiment: str) -> type[Experiment]:
        """Return the experiment of that name; raises `ValueError` for a name that is none, with the nearest one."""
        watched = () if self.animation is None else (self.animation.experiment,)
        known = {one.name: one for one in (*self.experiments, *watched)}
        return known[one_of("experiment", experiment, known)]

    def making(self, figure: str) -> "Study":
        """Return the study of the experiments that make a published figure."""
        return self.only(*(one.name for one in self.figure(figure).experiments))

    def only(self, *experiments: str) -> "Study":
        """Return the study of these experiments alone, whose records are those of the whole."""
        chosen = tuple(self.experiment(one) for one in experiments)
        return dataclasses.replace(self, experiments=chosen, usual=None, whole=self.whole or self)

    def _kind(self, names: Iterable[str], experiment: Any = None) -> type:
        """The class of runs with these parameters: that of the experiment, or of the only one that has them all."""
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
        own = [one for one in self.experiments if one.__module__.rpartition(".")[2] == self.name]
        return (own or self.experiments)[0]

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
        rows: list[dict[str, Any]] = [{"experiment": parameters.name}]
        grid = {name: values for name, values in grid.items() if name != "experiment"}
        types = {field.name: plain_type(field.type) for field in dataclasses.fields(parameters)}
        for name, values in sorted(grid.items(), key=lambda item: item[0] != "seed"):
            values = expanded(name, types[one_of("parameter", name, types)], values)
            if len(rows) * len(values) > MOST_RUNS:
                raise ValueError(f"{name}: makes {len(rows) * len(values)} runs, expected at most {MOST_RUNS}.")
            rows = [{**row, name: value} for row in rows for value in values]
        return [self.make(row) for row in rows]


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

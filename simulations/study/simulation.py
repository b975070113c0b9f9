"""Experiments whose runs are simulations of particles: those of many runs are computed in one program."""

import dataclasses
import logging
import math
from abc import abstractmethod
from collections.abc import Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any, ClassVar

import jax
import numpy as np

import meanfield as mf
from simulations.study.experiment import Experiment, Values
from simulations.study.parameters import kinds


@dataclasses.dataclass(frozen=True)
class Setup:
    """One simulation: the problem, the particles at time zero, their flow, the times, and what is observed then."""

    problem: mf.objectives.AbstractObjective
    start: mf.Particles
    flow: mf.Flow
    times: Iterable[float]
    observe: list | Mapping[str, Any] = dataclasses.field(default_factory=lambda: [mf.Risk()])


class Simulation(Experiment):
    """Experiments whose run is one simulation of particles. Yours has `problem`, `start`, `flow` and `times`.

    Runs that differ in their seed, and in fields that are numbers, are computed in one program, as
    `mf.simulate_replicas` does. A record holds the times, what was observed, and what `measure` and `theory` add.

    Where `divergence` is a finding, a run that diverges counts as done: what was observed is infinite from there on,
    and `reached` says so.
    """

    divergence: ClassVar[bool] = False

    @abstractmethod
    def problem(self) -> mf.objectives.AbstractObjective:
        """Return the problem that is descended."""

    @abstractmethod
    def start(self) -> mf.Particles:
        """Return the particles at time zero."""

    @abstractmethod
    def flow(self) -> mf.Flow:
        """Return the flow that they follow."""

    @abstractmethod
    def times(self) -> Iterable[float]:
        """Return the times at which is observed."""

    def observe(self) -> list | dict:
        """Return the observables, as `mf.simulate` takes them."""
        return [mf.Risk()]

    def measure(self, run: mf.Trajectory) -> Values:
        """Return what a record holds beside the values that were observed, from the run as a whole."""
        return {}

    def theory(self, start: mf.Particles) -> Values:
        """Return what theory says of a run from these particles; it is stored beside what was found."""
        return {}

    def run(self) -> tuple[Values, str]:
        return simulated([self])[0]

    def _setups(self) -> dict[str, Setup]:
        return {"": Setup(self.problem(), self.start(), self.flow(), self.times(), self.observe())}

    def _values(self, setups: Mapping[str, Any], runs: Mapping[str, Any]) -> dict[str, Any]:
        setup, run = setups[""], runs[""]
        values = {"times": run.times, **run.values}
        if self.divergence and run.outcome is not mf.Outcome.DONE:
            values = _filled(np.asarray([*setup.times], float), run)
        reached = {"reached": run.done} if self.divergence else {}
        return _joined(self, values, reached, self.measure(run), self.theory(setup.start))


class Simulations(Experiment):
    """Experiments whose run is several simulations, to be compared. Yours has `setups` and `measure`.

    The simulations of one name are computed in one program for all runs that differ in their seed, and in fields that
    are numbers; a list under one name holds simulations that differ in values of arrays only, such as replicas. A
    record holds what `measure` and `theory` give.

    Where a simulation ends early, nothing is measured: a record holds the status, and what theory says. But where
    `divergence` is a finding, a run of which a simulation diverges is measured and counts as done.

    >>> import meanfield as mf, simulations
    >>> class Steps(simulations.Simulations):
    ...     step: float = simulations.number(0.1, "h", "step", above=0)
    ...     def setups(self):
    ...         unit = mf.Neuron("tanh")
    ...         problem = mf.Objective(unit, mf.Square(), [[1.0], [2.0]], [1.0, 0.0])
    ...         start = mf.Particles.gaussian(self.key("start"), unit, m=20, d=1)
    ...         flows = {"whole": mf.GradientFlow(self.step), "half": mf.GradientFlow(self.step / 2)}
    ...         return {name: simulations.Setup(problem, start, flow, [0, 1.0]) for name, flow in flows.items()}
    ...     def measure(self, runs):
    ...         return {"difference": runs["whole"].values["risk"][-1] - runs["half"].values["risk"][-1]}
    >>> study = simulations.Study("steps", "limits", "the error of a step", experiments=(Steps,))
    >>> (record,) = simulations.run(study, step=0.01)
    >>> abs(float(record["difference"])) < 0.01
    True
    """

    divergence: ClassVar[bool] = False

    @abstractmethod
    def setups(self) -> Mapping[str, Setup | list[Setup]]:
        """Return the simulations of a run by name; random numbers of their flows are streams of their own."""

    @abstractmethod
    def measure(self, runs: Mapping[str, Any]) -> Values:
        """Return what a record holds, from the `mf.Trajectory` (or list of such) of every name."""

    def theory(self) -> Values:
        """Return what theory says of a run; it is stored beside what was found."""
        return {}

    def run(self) -> tuple[Values, str]:
        return simulated([self])[0]

    def _setups(self) -> Mapping[str, Setup | list[Setup]]:
        return self.setups()

    def _values(self, setups: Mapping[str, Any], runs: Mapping[str, Any]) -> dict[str, Any]:
        found = self.measure(runs) if _status(self, runs) == "done" else {}
        return _joined(self, found, self.theory())


def batch_key(run: Experiment) -> Hashable | None:
    """Return what runs of one program have in common, or None for a run that is computed alone."""
    return program_key(run) if isinstance(run, Simulation | Simulations) else None


def program_key(run: Experiment) -> Hashable:
    """Return the parameters of a run but for its seed and those that are numbers: who shares them is compiled alike."""
    own = kinds(type(run))
    free = {field.name for field in dataclasses.fields(run) if field.name in own and own[field.name].batched}
    names = (field.name for field in dataclasses.fields(run) if field.name not in free | {"seed"})
    return type(run), *((name, getattr(run, name)) for name in names)


def batch_bytes(run: Experiment) -> int:
    """Return the memory that one run takes in a batch, estimated from its counts: particles × samples, eight times."""
    counts = [getattr(run, name, 1) for name in ("particles", "samples", "replicas")]
    return 64 * math.prod(counts) * (1 + getattr(run, "dimension", 1))


def run_experiment(run: Experiment) -> tuple[Values, str]:
    """Return values and status of one run."""
    found = run.run()
    return found if isinstance(found, tuple) else (found, "done")


def simulated(several: list[Any]) -> list[tuple[dict[str, Any], str]]:
    """Return values and status of runs with one `batch_key`, computed in one program where there are several."""
    asked = [run._setups() for run in several]
    answers: list[dict[str, Any]] = [{} for _ in several]
    quiet = several[0].divergence
    for name in dict.fromkeys(name for setups in asked for name in setups):
        rows: list[tuple[int, Setup, jax.Array]] = []
        for i, (run, setups) in enumerate(zip(several, asked, strict=True)):
            wanted = setups.get(name, [])
            key = run.key(f"the flow of {name}" if name else "the flow")
            if isinstance(wanted, Setup):
                rows.append((i, wanted, key))
            else:
                rows += [(i, one, jax.random.fold_in(key, j)) for j, one in enumerate(wanted)]
        with _without_warnings() if quiet else nullcontext():
            found = _together([row[1:] for row in rows])
        for (i, _, _), answer in zip(rows, found, strict=True):
            if isinstance(asked[i][name], Setup):
                answers[i][name] = answer
            else:
                answers[i].setdefault(name, []).append(answer)
    return [
        (run._values(setups, runs), _status(run, runs))
        for run, setups, runs in zip(several, asked, answers, strict=True)
    ]


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Leave out the engine's warnings, where it is a finding that simulations diverge."""
    logger = logging.getLogger("meanfield")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _together(rows: list[tuple[Setup, jax.Array]]) -> list[mf.Trajectory]:
    """The simulations of one name, in one program for all that have the same times."""
    groups: dict[bytes, list[int]] = {}
    times = [np.asarray([*setup.times], float) for setup, _ in rows]
    for i, one in enumerate(times):
        groups.setdefault(one.tobytes(), []).append(i)
    answers: list[Any] = [None] * len(rows)
    for group in groups.values():
        setups, keys = [rows[i][0] for i in group], [rows[i][1] for i in group]
        if len(group) == 1:
            (one,) = setups
            found = [
                mf.simulate(
                    one.problem, one.flow, one.start, times=times[group[0]], observables=one.observe, key=keys[0]
                )
            ]
        else:
            # One flow for all runs whose flows are equal: what it prepares for the first then serves the others.
            flows = [setups[0].flow if _equal(setups[0].flow, one.flow) else one.flow for one in setups]
            parts = [one.problem for one in setups], flows, [one.start for one in setups]
            watched = [one.observe for one in setups]
            found = mf.simulate_replicas(*parts, times=times[group[0]], observables=watched, keys=keys)
        for i, answer in zip(group, found, strict=True):
            answers[i] = answer
    return answers


def _equal(flow: mf.Flow, other: mf.Flow) -> bool:
    """Return True if two flows have the same form and the same numbers."""
    (leaves, form), (others, its) = jax.tree.flatten(flow), jax.tree.flatten(other)
    return form == its and all(np.array_equal(one, two) for one, two in zip(leaves, others, strict=True))


def _status(run: Any, runs: Mapping[str, Any]) -> str:
    """The status of the first simulation that did not end as the experiment wants it to."""
    fine = (mf.Outcome.DONE, mf.Outcome.DIVERGED) if run.divergence else (mf.Outcome.DONE,)
    every = [one for found in runs.values() for one in (found if isinstance(found, list) else [found])]
    return next((one.status for one in every if one.outcome not in fine), "done")


def _joined(run: Experiment, *parts: Values) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for more in parts:
        if twice := sorted(set(more) & set(values)):
            raise ValueError(f"{run.name}: {', '.join(twice)} is observed, measured or predicted twice.")
        values |= more
    return values


def _filled(times: np.ndarray, run: mf.Trajectory) -> dict[str, np.ndarray]:
    """The values of a run at all times that were asked for: infinite where it was not reached."""
    found = {name: np.asarray(value) for name, value in run.values.items()}
    late = {name: np.full((len(times) - len(value), *value.shape[1:]), np.inf) for name, value in found.items()}
    reached = {name: np.concatenate([value, late[name]]) for name, value in found.items()}
    return {"times": np.concatenate([run.times, times[len(run.times) :]]), **reached}

"""States of a long simulation on disk, so that it goes on where it was when the machine died."""

import importlib.metadata
import logging
import os
import shutil
import sys
import tempfile
import time as clock
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np

import meanfield
from meanfield.arguments import positive_number
from meanfield.checkpoints import folder
from meanfield.checkpoints.identity import PACKAGES, digest, engine
from meanfield.checkpoints.orbax import Orbax
from meanfield.checkpoints.packing import packed, unpacked
from meanfield.devices.placement import Placement
from meanfield.environment.settings import MACHINE, differences, observed
from meanfield.environment.signals import Signals
from meanfield.flows.state import State
from meanfield.integrals.tuning import from_numbers, in_force, tuned

logger = logging.getLogger("meanfield")


@dataclass(frozen=True)
class Checkpoint:
    """Where and how often `simulate` saves the state of a long simulation, to go on from it after a crash.

    **Arguments:**

    - `directory`: a folder for this simulation alone, made if it is not there. With several processes all must see it.
    - `minutes`: wall time between two saves; 0 saves after every chunk of steps. The last two are kept, so that there
      must be room for three states with all that was observed.

    The state is also saved when the time limit is reached and on SIGTERM and SIGINT (Ctrl-C), which then end the
    simulation. The same call goes on from there, and gives what it would have given without a stop, bit for bit on the
    same device with the same versions, with tiles of the sizes that it began with. Who calls again after the simulation
    has reached its end starts anew, because the end removes its checkpoints.

    Raises `ValueError` for what is not a path, and for a time that is negative or not finite. `simulate` raises it for
    a folder with checkpoints of another simulation: another objective, flow, start, key, grid of times, precision,
    number of devices, other observables, settings of JAX or code of this package. Functions, classes and schedules of
    your own count by what they do: by their code and all that it reads by name, closures and defaults included. Without
    orbax-checkpoint it raises `ImportError`.

    >>> import meanfield as mf
    >>> mf.Checkpoint("runs/long", minutes=5.0).minutes
    5.0
    """

    directory: str | os.PathLike
    minutes: float | int = 10.0

    def __post_init__(self):
        if not isinstance(self.directory, str | os.PathLike) or not os.fspath(self.directory):
            raise ValueError(f"directory={self.directory!r}: expected the path of a folder.")
        positive_number("minutes", self.minutes, zero=True)


class Unsaved:
    """A simulation without checkpoints: `Saves` that do nothing."""

    seconds = 0.0

    def begun(self, state: State) -> tuple[State, list[dict[str, np.ndarray]]]:
        return state, []

    def look(self, state: State, seen: list) -> bool:
        return False

    def heard(self) -> bool:
        return False

    def ended(self, stopped: bool, state: State, seen: list) -> str:
        return ""

    def listening(self) -> AbstractContextManager[None]:
        return nullcontext()


def tuned_as_begun(checkpoint) -> AbstractContextManager[Any]:
    """Return a context in which plans are made as when the simulation began whose checkpoints these are."""
    directory = checkpoint.directory if isinstance(checkpoint, Checkpoint) else checkpoint
    said = folder.described(Path(directory)) if isinstance(directory, str | os.PathLike) else None
    begun = from_numbers(said["tuning"]) if said and "tuning" in said else in_force()
    # Where nothing changes, nothing is compiled anew.
    return nullcontext() if begun == in_force() else tuned(begun)


def saves(checkpoint, place: Placement, names: list[str], made_of: Mapping[str, Any]) -> "Unsaved | Saves":
    """The checkpoints of a simulation that observes `names`; raises `ValueError` for what `checkpoint` can't be."""
    if checkpoint is None:
        return Unsaved()
    if isinstance(checkpoint, str | os.PathLike):
        checkpoint = Checkpoint(checkpoint)
    if not isinstance(checkpoint, Checkpoint):
        raise ValueError(f"checkpoint={checkpoint!r}: expected a Checkpoint, or the path of a folder.")
    if jax.process_count() > 1 and not place.several:  # orbax saves nothing of one process among several
        raise ValueError(
            f"checkpoint={str(checkpoint.directory)!r}: expected particles shared out among all {jax.process_count()} "
            f"processes, or a job of one process."
        )
    return Saves(checkpoint, place, names, made_of)


class Saves:
    """The checkpoints of one simulation, `made_of` all that makes a difference to its result."""

    def __init__(self, checkpoint: Checkpoint, place: Placement, names: list[str], made_of: Mapping[str, Any]):
        self.directory, self.interval = Path(checkpoint.directory).absolute(), 60 * checkpoint.minutes
        self.place, self.names = place, names
        self.writes = place.speaks
        self.orbax = Orbax()
        # Processes hold different shares of the particles; together they are one simulation.
        self.made_of = {part: digest(place.every(_bytes(digest(value)))).hex() for part, value in made_of.items()}
        self.made_of["code of meanfield"] = engine()
        self.began = self.last = clock.monotonic()
        self.seconds = 0.0
        """What earlier calls have taken."""
        self.next = 1
        self.signals = Signals()

    def begun(self, state: State) -> tuple[State, list[dict[str, np.ndarray]]]:
        """The newest state that can be trusted, and the values observed on the way to it; else the given one."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.directory):
                pass
        except OSError as problem:
            raise ValueError(f"checkpoint={str(self.directory)!r}: cannot write there ({problem.strerror}).") from None
        newest = 0
        if self.writes:
            folder.clear(self.directory)
            newest = folder.newest(self.directory)
            self.next = folder.unused(self.directory)
        newest, self.next = self.place.every(np.array([newest, self.next], np.int32))[0].tolist()
        return self._restored(folder.numbered(self.directory, newest), state) if newest else (state, [])

    def _restored(self, path: Path, state: State) -> tuple[State, list[dict[str, np.ndarray]]]:
        """Return the state and observed values in `path`; `state` gives structure, devices and what is not stored."""
        said = folder.sealed(path)
        self._recognise(said)
        like = [np.zeros(tuple(shape), np.dtype(name)) for shape, name in said["seen"]]
        found = self.orbax.restore(path / folder.STATE, packed(state, like))
        state, columns = unpacked(found, state, like)
        rows = len(columns[0]) if columns else 0
        seen = [{name: column[i, ...] for name, column in zip(self.names, columns, strict=True)} for i in range(rows)]
        self.seconds = said["seconds"]
        logger.info("simulation goes on from %s", path)
        return state, seen

    def look(self, state: State, seen: list) -> bool:
        """Between two chunks: save if it is time to; whether a signal has asked to stop, in any process."""
        if self.heard():
            return True
        if self.place.common(clock.monotonic() - self.last >= self.interval):
            self._save(state, seen)
        return False

    def ended(self, stopped: bool, state: State, seen: list) -> str:
        """Save a simulation that stopped and return how to go on; of one that has come to its end nothing is left."""
        if not stopped:
            if self.writes:
                folder.remove(self.directory)
            self.place.common(True)  # no process begins anew in a folder that is being removed
            return ""
        return f"to go on from {self.directory}" if self._save(state, seen) else ""

    def listening(self) -> AbstractContextManager[None]:
        """A context in which the first signal is heard, not obeyed; the second one acts as ever."""
        return self.signals.listening()

    def heard(self) -> bool:
        """Return True if a signal has asked any process to stop, and note that it is obeyed."""
        if self.place.every(np.array(self.signals.heard, np.int32)).any():
            self.signals.obeyed = True
        return self.signals.obeyed

    def _recognise(self, said: dict) -> None:
        other = [part for part in self.made_of if said["made_of"].get(part) != self.made_of[part]]
        other += differences(said.get("settings", {}), observed())
        now = made_with()
        changed = [f"{what} {old}" for what, old in said["made_with"].items() if now.get(what) != old]
        if other:
            versions = f" (it was made with {', '.join(changed)})" if changed else ""
            raise ValueError(
                f"checkpoint={str(self.directory)!r}: it holds a checkpoint of another simulation, which differs in "
                f"{', '.join(other)}{versions}; expected a folder for this simulation alone."
            )
        if changed:
            logger.warning("%s was made with %s: last digits may differ", self.directory, ", ".join(changed))

    def _save(self, state: State, seen: list[dict[str, np.ndarray]]) -> bool:
        """Save a checkpoint and return True, or warn and return False: a full disk does not end a simulation.

        Where there are several processes, the error is raised instead.
        """
        columns = [np.stack([row[name] for row in seen]) for name in self.names] if seen else []
        tree = packed(state, columns)
        said = {
            "made_of": self.made_of,
            "made_with": made_with(),
            "settings": observed(),
            "tuning": in_force()._asdict(),
            "seen": [[column.shape, str(column.dtype)] for column in columns],
            "seconds": self.seconds + clock.monotonic() - self.began,
            "step": int(state.step),
        }
        path = folder.numbered(self.directory, self.next)
        try:
            if self.writes:
                folder.partial(path).mkdir(parents=True)
            self.orbax.save(folder.partial(path) / folder.STATE, tree)
            if self.writes:
                folder.seal(path, said)
        except (OSError, ValueError) as problem:  # tensorstore's name for a full disk is ValueError
            if self.place.several:
                raise  # the others wait for this one
            shutil.rmtree(folder.partial(path), ignore_errors=True)
            logger.warning("no checkpoint was saved in %s: %s", self.directory, str(problem)[:200])
            return False
        finally:
            self.next += 1
            self.last = clock.monotonic()
        return True


def made_with() -> dict[str, str]:
    """Versions, the kind of device and what MACHINE names: they may change the last digits of a result."""
    versions = {package: importlib.metadata.version(package) for package in PACKAGES if package != "meanfield"}
    versions |= {"meanfield": meanfield.__version__, "python": ".".join(map(str, sys.version_info[:2]))}
    machine = {name: value for name, value in observed().items() if name in MACHINE}
    return versions | machine | {"device": jax.devices()[0].device_kind}


def layout(state: State) -> list:
    """Names, shapes and types of the arrays in `state`."""
    leaves = jax.tree_util.tree_leaves_with_path(eqx.filter(state, eqx.is_array))
    return [(jax.tree_util.keystr(path), leaf.shape, str(leaf.dtype)) for path, leaf in leaves]


def _bytes(content: bytes) -> np.ndarray:
    return np.frombuffer(content, np.uint8)

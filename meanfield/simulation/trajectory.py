"""The trajectory that a simulation returns, and the file that keeps it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from meanfield.arguments.described import Described, Phrase, html, text
from meanfield.objectives.abstract import AbstractObjective
from meanfield.particles import Particles
from meanfield.simulation import trajectory_file as file
from meanfield.simulation.outcome import Ending, Outcome

if TYPE_CHECKING:
    import xarray


@dataclass(frozen=True)
class Trajectory:
    """The result of a simulation, however it ended.

    `times` [T] and `values[name]` [T, …] stop where the simulation did; `particles` are the last finite ones.
    `ended` is how: its `outcome`, the time, and advice; `status` says the same in a sentence.
    `objective` is the one that was descended (with the reference of a centred model, or linearised), or None for a
    trajectory that was loaded from a file without it. `stats` counts steps, evaluations of the velocity, and seconds.
    """

    times: np.ndarray
    values: dict[str, np.ndarray]
    particles: Particles
    status: str
    stats: dict[str, int | float]
    objective: AbstractObjective | Any
    ended: Ending

    __repr__, _repr_html_ = text, html

    def _described(self) -> Described:
        yield "", Phrase(self.status)
        if len(self.times):
            yield "t", Phrase(f"{self.times[0]:.4g} … {self.times[-1]:.4g} ({len(self.times)} times)")
        for name, value in self.values.items():
            plain = value.ndim == 1 and len(value)
            yield name, Phrase(f"{value[0]:.4g} → {value[-1]:.4g}" if plain else f"{value.dtype}{list(value.shape)}")
        yield "", self.particles
        yield "steps", self.stats.get("steps")
        yield "seconds", Phrase(f"{self.stats.get('seconds', 0.0):.3g}")

    @property
    def outcome(self) -> Outcome:
        """How it ended: `Outcome.DONE`, DIVERGED, INTERRUPTED, TIME_LIMIT or STEP_LIMIT."""
        return self.ended.outcome

    @property
    def done(self) -> bool:
        """Return True if the final time was reached."""
        return self.outcome is Outcome.DONE

    def save(self, path) -> None:
        """Write the trajectory to one file, an npz archive of arrays that NumPy opens too; nothing in it is pickled.

        The file is written beside its place and then renamed: it is there whole, or not at all. The objective goes with
        it where it consists of parts of this package; of one with functions or classes of your own the file notes what
        they do, so that `load` can tell whether it is given the same.

        Raises `ValueError` where nothing can be written, and for a file that is there and is no trajectory.

        >>> import tempfile, jax, jax.numpy as jnp, meanfield as mf
        >>> unit = mf.Neuron("tanh")
        >>> objective = mf.Objective(unit, mf.Square(), x=jnp.eye(2), y=jnp.ones(2))
        >>> mu = mf.Particles.gaussian(jax.random.key(0), unit, m=20, d=2)
        >>> run = mf.simulate(objective, mf.GradientFlow(0.5), mu, times=[0, 1.0])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run.save(f"{folder}/run.npz")
        ...     again = mf.Trajectory.load(f"{folder}/run.npz")
        >>> again.status, again.times.tolist(), bool(again.objective.risk(again.particles) == again.values["risk"][-1])
        ('done', [0.0, 1.0], True)
        """
        named = {name: getattr(self, name) for name in ("times", "values", "stats")}
        named |= {"outcome": self.outcome.name, "time": self.ended.time, "advice": self.ended.advice}
        file.write(path, {**named, "position": self.particles.position, "mass": self.particles.mass}, self.objective)

    @staticmethod
    def load(path, *, objective=None) -> "Trajectory":
        """Return the trajectory that `save` wrote.

        `objective` is for one that the file can't hold, because functions or classes of your own are part of it. Give
        what `Trajectory.objective` was; without it, the objective is then None.

        Raises `ValueError` for a file that is missing, damaged or no trajectory, for another objective than the one of
        the file, and for float64 particles where JAX has no 64-bit numbers.
        """
        found, held = file.read(path, objective)
        particles = Particles(found.pop("position"), found.pop("mass"))
        ended = Ending(Outcome[found.pop("outcome")], found.pop("time"), found.pop("advice"))
        return Trajectory(**found, particles=particles, status=str(ended), ended=ended, objective=held)

    def to_xarray(self) -> "xarray.Dataset":
        """Return the values as a labelled table: dimension `time`, then those of each value, `name_0`, `name_1`, ….

        `final_position` and `final_mass` are the particles; the status and the counts are attributes. A value that is
        called `time` makes the dimension `observation`. Raises `ImportError` without xarray (the extra `data`).

        >>> import jax, jax.numpy as jnp, meanfield as mf
        >>> unit = mf.Neuron("tanh")
        >>> objective = mf.Objective(unit, mf.Square(), x=jnp.eye(2), y=jnp.ones(2))
        >>> mu = mf.Particles.gaussian(jax.random.key(0), unit, m=20, d=2)
        >>> run = mf.simulate(objective, mf.GradientFlow(0.1), mu, times=[0, 1.0, 2.0])
        >>> dict(run.to_xarray().sizes)
        {'time': 3, 'particle': 20, 'parameter': 3}
        """
        try:
            import xarray
        except ImportError:
            raise ImportError("to_xarray needs xarray: pip install xarray (the extra `data`).") from None
        time = "observation" if "time" in self.values else "time"
        variables: dict[str, Any] = {}
        for name, value in self.values.items():
            variables[name] = (time, *(f"{name}_{axis}" for axis in range(value.ndim - 1))), value
        last = {"final_position": ("particle", "parameter"), "final_mass": ("particle",)}
        for (name, axes), value in zip(last.items(), (self.particles.position, self.particles.mass), strict=True):
            variables.setdefault(name, (axes, np.asarray(value)))
        return xarray.Dataset(variables, {time: self.times}, {"status": self.status, **self.stats})

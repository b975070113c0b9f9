"""A study of quick runs, for tests of what sweeps do with runs, whatever they compute."""

import numpy as np

import simulations
from simulations.study import simulation


def quick_study(run=None, batch=None):
    """Return a study whose runs are what `run` gives for each, and for several at once what `batch` gives.

    Without `run` a run gives its α and its seed. With `batch` they are simulations, so that sweeps put them together,
    and `simulated` below computes them.
    """
    base = simulations.Experiment if batch is None else simulations.Simulation

    class Quick(base):
        """Runs that take no time."""

        name = "quick"
        particles: int = simulations.count(10, "m", "particles")
        alpha: float = simulations.number(1.0, "α", "output scale", above=0)
        batch_of = staticmethod(batch)

        def run(self):
            if run is not None:
                return run(self)
            if batch is not None:
                return batch([self])[0]
            return {"risk": np.array([self.alpha, self.seed])}, "done"

        def problem(self):
            raise NotImplementedError

        start = flow = times = problem

    return simulations.Study("lazy_scaling", "regimes", "quick runs", experiments=(Quick,))


def simulated(several):
    """Compute runs together: those of a quick study by what it was given, and all others as they are."""
    batch = getattr(several[0], "batch_of", None)
    return simulation.simulated(several) if batch is None else batch(several)

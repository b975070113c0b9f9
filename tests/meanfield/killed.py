"""Run by `test_checkpoint`, which takes its cases from here: simulations that are killed midway.

Arguments: a folder for the checkpoints, then the names of the cases. The second simulation begins when the first one is
midway, and so on, and the last one kills the process. With "slowly" before the names, each runs to its end, step by
step, unless somebody else kills the process.
"""

import os
import signal
import sys
from pathlib import Path

import jax
import numpy as np

import meanfield as mf

UNIT = mf.Neuron("tanh", bias=True)
FLOWS = {
    "gradient": mf.GradientFlow(0.25),
    "adaptive": mf.AdaptiveFlow(1e-3, 1e-5),
    "Langevin": mf.Langevin(0.25, temperature=0.05),
    "minibatches": mf.SGD(0.25, batch=3),
}


def case(name):
    """Arguments and options of `simulate`."""
    x = np.random.default_rng(0).normal(size=(7, 2))
    objective = mf.Objective(UNIT, mf.Square(), x, np.sin(3 * x[:, 0]), penalty=mf.WeightDecay(1e-3))
    mu = mf.Particles.gaussian(jax.random.key(1), UNIT, m=12, d=2)
    watched = [mf.Risk(), mf.Displacement(), mf.Positions()]
    return (objective, FLOWS[name], mu), {"times": [0, 1.5, 4, 80], "observables": watched, "key": jax.random.key(2)}


class At:
    """Does something when it is told for the `n`-th time."""

    def __init__(self, n, act):
        self.left, self.act = n, act

    def update(self, time, final, step, risk):
        self.left -= 1
        if self.left == 0:
            self.act()

    def close(self):
        pass


def killed(folder, names):
    if not names:
        os.kill(os.getpid(), signal.SIGKILL)
    arguments, options = case(names[0])
    midway = At(3, lambda: killed(folder, names[1:]))
    mf.simulate(*arguments, **options, chunk=4, checkpoint=mf.Checkpoint(folder / names[0], 0), progress=midway)


def slowly(folder, names):
    for name in names:
        arguments, options = case(name)
        mf.simulate(*arguments, **options, chunk=1, checkpoint=mf.Checkpoint(folder / name, 0))


if __name__ == "__main__":
    assert callable(mf.simulate)
    assert "orbax" not in sys.modules  # loaded by those who need it
    target, names = Path(sys.argv[1]), sys.argv[2:]
    if names[0] == "slowly":
        slowly(target, names[1:])
    else:
        killed(target, names)

"""Run by `test_sharding`, twice at a time: simulations on the devices of both processes that are killed and go on.

Arguments: the port of the coordinator on loopback, the number of this process, a folder for checkpoints, and "kill" or
"resume", which prints one JSON object.
"""

import json
import os
import signal
import sys
from pathlib import Path

import jax
import numpy as np

import meanfield as mf
from meanfield.checkpoints.checkpoint import Saves

UNIT = mf.Neuron("tanh", bias=True)


def problem():
    x = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    mu = mf.Particles.gaussian(jax.random.key(1), UNIT, 64, 3)
    return mf.Objective(UNIT, mf.Square(), x, np.sin(x[:, 0]), penalty=mf.WeightDecay(1e-3)), mu


def simulated(flow, mu, **more):
    observables = [mf.Risk(), mf.Displacement(), mf.Positions()]
    options = {"times": [0, 1, 20], "key": jax.random.key(2), "observables": observables, "chunk": 6}
    return mf.simulate(problem()[0], flow, mu, **options | more)


def same(one, other):
    """Whether statuses, steps, values and this process's particles are the same bit for bit."""

    def held(run):
        shares = [np.asarray(share.data) for share in run.particles.position.addressable_shards]
        return [run.times, *run.values.values(), *shares]

    bits = all(left.tobytes() == right.tobytes() for left, right in zip(held(one), held(other), strict=True))
    return [one.status, one.stats["steps"]] == [other.status, other.stats["steps"]] and bits


def looked(times, act):
    """Let something happen when a simulation looks whether it should save for the `times`-th time."""
    look, left = Saves.look, [times]

    def patched(self, state, seen):
        left[0] -= 1
        if left[0] == 0:
            act()
        return look(self, state, seen)

    Saves.look = patched


def killed(folder):
    looked(4, lambda: os.kill(os.getpid(), signal.SIGKILL))
    simulated(mf.GradientFlow(0.25), mf.shard(problem()[1]), checkpoint=mf.Checkpoint(folder / "killed", 0))


def resumed(process, folder):
    mu = problem()[1]
    shared, found = mf.shard(mu), {}
    found["saved"] = sorted(path.name for path in (folder / "killed").glob("checkpoint-*"))
    again = simulated(mf.GradientFlow(0.25), shared, checkpoint=folder / "killed")
    found["goes on"] = same(again, simulated(mf.GradientFlow(0.25), shared))
    if process == 1:  # the other one does not hear it
        looked(3, lambda: signal.raise_signal(signal.SIGTERM))
    flow = mf.Langevin(0.25, temperature=0.01)
    found["stopped"] = simulated(flow, shared, checkpoint=folder / "stopped").status
    found["shares"] = shared.position.addressable_shards[0].data.shape[0]
    try:
        moved = mf.Particles(mu.position.at[-1].add(process), mu.mass)  # process 1 holds another last particle
        simulated(flow, mf.shard(moved), checkpoint=folder / "stopped")
    except ValueError as error:
        found["refused"] = str(error)
    found["goes on after SIGTERM"] = same(
        simulated(flow, shared, checkpoint=folder / "stopped"), simulated(flow, shared)
    )
    try:
        simulated(flow, mf.shard(mu, jax.local_devices()), checkpoint=folder / "alone")
    except ValueError as error:
        found["alone"] = str(error)
    found["left"] = [path.name for path in folder.iterdir()]
    return found


if __name__ == "__main__":
    port, process, folder, what = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
    jax.distributed.initialize(coordinator_address=f"localhost:{port}", num_processes=2, process_id=process)
    if what == "kill":
        killed(folder)
    else:
        print(json.dumps(resumed(process, folder)))

"""Run by `test_sharding`, twice at a time: one simulation on the devices of both processes; prints one JSON object.

Arguments: the port of the coordinator on loopback, and the number of this process.
"""

import json
import sys

import jax
import numpy as np

import meanfield as mf


def problem():
    unit = mf.Neuron("tanh", bias=True)
    draw = np.random.default_rng(0)
    x = draw.normal(size=(20, 3)).astype(np.float32)
    mu = mf.Particles.gaussian(jax.random.key(1), unit, 64, 3)
    return mf.Objective(unit, mf.Square(), x, np.sin(x[:, 0]), penalty=mf.WeightDecay(1e-3)), mu


class Reported:
    """Counts what it is told."""

    def __init__(self):
        self.updates = 0

    def update(self, time, final, step, risk):
        self.updates += 1

    def close(self):
        pass


def difference(run, control):
    return max(float(np.max(abs(run.values[name] - control.values[name]))) for name in control.values)


def measured(process):
    objective, mu = problem()
    shared = mf.shard(mu)
    observables = [mf.Risk(), mf.Displacement(), mf.Positions()]
    found = {"devices": jax.device_count(), "addressable": shared.position.is_fully_addressable}
    for name, flow in {"GradientFlow": mf.GradientFlow(0.25), "AdaptiveFlow": mf.AdaptiveFlow(1e-3, 1e-3)}.items():
        # Only the first process asks for progress; if that changed what the processes run, they would wait for ever.
        told = Reported()
        progress = told if process == 0 else None
        run = mf.simulate(objective, flow, shared, times=[0, 1, 50], observables=observables, progress=progress)
        control = mf.simulate(objective, flow, mu, times=[0, 1, 50], observables=observables)
        found[name] = {
            "difference": difference(run, control),
            "steps": [run.stats["steps"], control.stats["steps"]],
            "updates": told.updates,
            "risk": float(run.values["risk"][-1]),
        }
    flow = mf.GradientFlow(1e4)
    diverged = mf.simulate(objective, flow, shared, times=[0, 1e6], observables=observables)
    found["diverged"] = [diverged.status, bool(jax.numpy.isfinite(diverged.particles.position).all())]
    flow = mf.GradientFlow(0.25)
    limited = mf.simulate(objective, flow, shared, times=[0, 50], observables=observables, time_limit=0)
    found["limited"] = [limited.status, limited.times.tolist()]
    try:
        other = mf.Objective(objective.unit, objective.loss, objective.x + process, objective.y)
        mf.simulate(other, flow, shared, times=[0, 1])
    except AssertionError as error:
        found["unequal data"] = str(error)
    if process == 1:  # alone: particles on its own devices wait for nobody
        own = mf.simulate(objective, mf.GradientFlow(0.25), mf.shard(mu, jax.local_devices()), times=[0, 1])
        found["alone"] = [own.status, len(own.particles.position.sharding.device_set)]
    return found


if __name__ == "__main__":
    port, process = sys.argv[1], int(sys.argv[2])
    jax.distributed.initialize(coordinator_address=f"localhost:{port}", num_processes=2, process_id=process)
    print(json.dumps(measured(process)))

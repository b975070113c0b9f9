"""Run by `test_sharding` in a process with eight virtual devices, with the names of cases: measures, prints one JSON
list, judges nothing.
"""

import functools
import json
import re
import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from meanfield.devices.sharding import mesh_of
from meanfield.integrals import Blocked, Dense, Sorted
from meanfield.integrals.sharded import Sharded
from meanfield.simulation.simulate import _advance

M, N = 512, 37  # 64 particles a device, and tiles that divide neither
COLLECTIVE = re.compile(
    r"= (.+?) (all-reduce|all-gather|all-to-all|collective-permute|collective-broadcast|reduce-scatter)(-start)?\("
)


class Bump(mf.AbstractUnit):
    """A unit that kernels know as a function only."""

    outputs: int = 1

    def size(self, d):
        return 1 + d

    def __call__(self, theta, x):
        return theta[0] * jnp.sin(jnp.dot(theta[1:], x))


CASES = {
    "dense": (mf.Neuron("tanh", bias=True), 5, Dense(), "float32"),
    "dense, float64": (mf.Neuron("tanh", bias=True), 5, Dense(), "float64"),
    "blocked, three outputs": (mf.Neuron("tanh", bias=True, outputs=3), 4, Blocked(24, 10), "float32"),
    "blocked, signs kept, float64": (mf.Neuron("relu", bias=True), 4, Blocked(24, keep_signs=True), "float64"),
    "sorted, two outputs": (mf.Neuron("relu", outputs=2), 2, Sorted(), "float32"),
    "a unit of one's own": (Bump(), 3, Dense(), "float32"),
}


def problem(unit, d, kernel, dtype, m=M):
    """Uneven masses, among them zeros; and an objective with every term."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(N, d)).astype(dtype)
    y = draw.normal(size=(N,) if unit.outputs == 1 else (N, unit.outputs)).astype(dtype)
    mass = draw.uniform(size=m) * (draw.uniform(size=m) > 0.1)
    mu = mf.Particles(draw.normal(size=(m, unit.size(d))).astype(dtype), mass / mass.sum())
    return mf.Objective(unit, mf.Square(), x, y, scale=2.0, penalty=mf.WeightDecay(1e-2), kernel=kernel), mu


@eqx.filter_jit
def everything(objective, mu):
    """Predictions, velocity, and derivatives of predictions both ways, in particles and inputs."""
    push = jax.jvp(lambda q: objective.predict(mu.moved(q)), (mu.position,), (jnp.cos(mu.position),))[1]
    f, pull = jax.vjp(lambda q, p, x: objective.predict(eqx.tree_at(parts, mu, (q, p)), x), *parts(mu), objective.x)
    return f, objective.velocity(mu), push, *pull(objective.loss.residual(f, objective.y))


def parts(mu):
    return mu.position, mu.mass


def gamma(terms, dtype):
    u = float(jnp.finfo(dtype).eps) / 2
    return terms * u / (1 - terms * u)


def bounds(objective, mu, f, devices=8):
    """The bounds of `shard`'s docstring on the difference in f and in v, from data in float64."""
    unit, dtype = objective.unit, mu.dtype
    theta, p, x, y = (np.asarray(array, float) for array in (*parts(mu), objective.x, objective.y))
    m, alpha, k, d = mu.m, float(objective.scale), unit.outputs, x.shape[1]
    a, w = abs(theta[:, :k]), abs(theta[:, k : k + d])
    z = w @ abs(x).T + (abs(theta[:, -1:]) if theta.shape[1] > k + d else 0)  # bounds |z|, and so |σ(z)|
    rounding = gamma(m, dtype) + gamma(m // devices + devices, dtype) + 2 * gamma(d + 8, dtype)
    df = alpha * rounding * (z.T @ (p[:, None] * a))
    # Each of the n terms of v: residuals that differ, then their own rounding (the last 12 for σ' and products).
    r = df + 2 * gamma(N + d + 12, dtype) * (abs(np.reshape(f - y, (N, -1))) + df)
    slope = 1 + z  # |σ'| plus what a rounded z does to it
    parts_of_v = [z @ r, (slope * (a @ r.T)) @ abs(x), (slope * (a @ r.T)).sum(1, keepdims=True)]
    dv = np.concatenate(parts_of_v, axis=1)[:, : theta.shape[1]] / (alpha * N) + 4 * gamma(1, dtype) * abs(theta)
    return df.reshape(np.shape(objective.y)), dv


def differences(name):
    """Largest |difference| over bound in f and v; for derivatives over their size; and where it was computed."""
    unit, d, kernel, dtype = CASES[name]
    with jax.enable_x64(dtype == "float64"):
        objective, mu = problem(unit, d, kernel, dtype)
        nu = mf.shard(mu)
        one, many = objective.bind(mu), objective.bind(nu)
        # The control: one particle of 512 lost, the smallest mistake in sharing out.
        lost = eqx.tree_at(lambda rho: rho.mass, nu, nu.mass.at[jnp.argmax(nu.mass)].set(0))
        shared = everything(many, nu)
        rows = [shard.data.shape[0] for shard in shared[1].addressable_shards]
        alone, shared, less = jax.device_get((everything(one, mu), shared, everything(many, lost)))
        bound = bounds(one, mu, alone[0])
        return {
            "sharded": isinstance(many.kernel, Sharded),
            "rows": rows,
            "f": float(np.max(abs(shared[0] - alone[0]) / bound[0])),
            "v": float(np.max(abs(shared[1] - alone[1]) / bound[1])),
            "lost f": float(np.max(abs(less[0] - alone[0]) / bound[0])),
            "lost v": float(np.max(abs(less[1] - alone[1]) / bound[1])),
            "derivatives": [
                float(np.max(abs(s - a)) / np.max(abs(a)) / jnp.finfo(dtype).eps)
                for a, s in zip(alone[2:], shared[2:], strict=True)
            ],
        }


def collectives(function, *arguments):
    """What the compiled program sends: kinds with shapes, in the order of its text."""
    arrays, rest = eqx.partition(arguments, eqx.is_array)
    text = jax.jit(lambda given: function(*eqx.combine(given, rest))).lower(arrays).compile().as_text()
    return [f"{found[2]} {found[1]}" for found in map(COLLECTIVE.search, text.splitlines()) if found]


def step(flow, objective, state):
    return flow.step(objective, state)


def chunk(flow, objective, state):
    return _advance(objective, flow, state, np.int32(5))


def communication():
    flow, linear, found = mf.GradientFlow(0.1), mf.TangentFlow(0.1), {}
    for k in (3, 1):
        network, mu = problem(mf.Neuron("relu", outputs=k), 5, Blocked(24, 10), "float32")
        nu = mf.shard(mu)
        objective = network.bind(nu)
        state = flow.init(objective, nu)
        found[f"step, k={k}"] = collectives(step, flow, objective, state)
    spectral = mf.SpectralFlow(0.1)
    tangent = linear.prepare(network, nu)
    compiler = eqx.tree_at(lambda o: o.kernel, objective, objective.kernel.inner)
    return found | {
        "chunk": collectives(chunk, flow, objective, state),
        "spectral step": collectives(step, spectral, objective, spectral.init(objective, nu)),
        "tangent step": collectives(step, linear, tangent, linear.init(tangent, nu)),
        "control: left to the compiler": collectives(step, flow, compiler, state),
    }


def simulations():
    """Whole runs: largest differences in particles, in values, and what bounds them."""
    objective, mu = problem(mf.Neuron("tanh", bias=True), 3, None, "float64", m=64)
    observables = {
        "risk": mf.Risk(),
        "displacement": mf.Displacement(),
        "predictions": mf.Predictions(),
        "positions": mf.Positions(),
        "moments": lambda objective, mu: mu.mass @ mu.position**2,
        "signs": mf.observables.ChangedSigns(),
        "drift": mf.observables.KernelDrift(),
    }
    found = {}
    flows = {
        "GradientFlow": mf.GradientFlow(0.25),
        "TangentFlow": mf.TangentFlow(0.25),
        "SpectralFlow": mf.SpectralFlow(0.05),
        "AdaptiveFlow": mf.AdaptiveFlow(1e-6, 1e-6),
    }
    for name, flow in flows.items():
        watched = observables if name == "GradientFlow" else {"predictions": mf.Predictions()}
        run, control = (
            mf.simulate(objective, flow, start, times=[0.0, 0.5, 2.0], observables=watched)
            for start in (mf.shard(mu), mu)
        )
        found[name] = {
            "status": [run.status, control.status],
            "steps": [run.stats["steps"], control.stats["steps"]],
            "stays": mesh_of(run.particles) == mesh_of(mf.shard(mu)),
            "particles": difference(run.particles.position, control.particles.position),
            "values": {name: difference(run.values[name], control.values[name]) for name in watched},
            "sizes": {name: float(np.max(abs(control.values[name]))) for name in watched},
        }
    velocity = eqx.filter_jit(lambda q: objective.velocity(mu.moved(q.reshape(mu.position.shape))).ravel())
    jacobian = jax.jacobian(velocity)(mu.position.ravel())
    return found | {
        "lipschitz": float(np.linalg.norm(np.asarray(jacobian), 2)),
        "theta": float(np.linalg.norm(np.asarray(mu.position))),
        "velocity bound": float(np.linalg.norm(bounds(objective, mu, np.asarray(objective.predict(mu)))[1])),
    }


def difference(a, b):
    return float(np.max(abs(np.asarray(a) - np.asarray(b))))


def other():
    """Errors, drawing in place, centred models, the inputs of others."""
    objective, mu = problem(mf.Neuron("tanh"), 3, None, "float32")
    said = []
    for m in (513, 7):
        try:
            mf.shard(mf.Particles(np.ones((m, 4))))
        except ValueError as error:
            said.append(str(error))
    draw = functools.partial(mf.Particles.gaussian, jax.random.key(3), objective.unit, M, 3)
    drawn, whole = mf.shard(draw), draw()
    centred = mf.Objective(objective.unit, objective.loss, objective.x, objective.y, centred=mu).bind(mf.shard(mu))
    elsewhere, moved = np.full((5, 3), 0.5, np.float32), mu.moved(mu.position + 1)
    return {
        "errors": said,
        "drawn": difference(drawn.position, whole.position) / float(np.max(abs(np.asarray(whole.position)))),
        "drawn rows": [shard.data.shape[0] for shard in drawn.position.addressable_shards],
        "four": len(mf.shard(mu, jax.devices()[4:]).position.sharding.device_set),
        "centred": float(np.max(abs(np.asarray(centred.predict(mf.shard(mu)))))),
        "reference rows": centred.reference.position.addressable_shards[0].data.shape[0],
        "elsewhere": difference(
            objective.bind(mf.shard(mu)).predict(mf.shard(moved), elsewhere), objective.predict(moved, elsewhere)
        ),
        "variation": difference(
            objective.bind(mf.shard(mu)).first_variation(mf.shard(mu), mu.position[:3]),
            objective.first_variation(mu, mu.position[:3]),
        ),
        "label": objective.bind(mf.shard(mu)).kernel.label(),
    }


if __name__ == "__main__":
    assert jax.device_count() == 8
    agreement = {name: differences(name) for name in sys.argv[1:]}
    with jax.enable_x64(True):  # where a bound on rounding that compounds is still far below what it must tell apart
        runs = simulations()
    print(json.dumps([agreement, communication(), runs, other()]))

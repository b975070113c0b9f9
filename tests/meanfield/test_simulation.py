"""The loop: what is and is not part of a result, what compiles once, and every way to end."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import meanfield as mf

pytestmark = pytest.mark.turns(4)

N, D, M = 5, 2, 6
RNG = np.random.default_rng(0)
X, Y, THETA = RNG.normal(size=(N, D)), RNG.normal(size=N), RNG.normal(size=(M, D + 1))


def network(activation="tanh", **options):
    return mf.Objective(mf.Neuron(activation), mf.Square(), X, Y, **options)


def particles():
    return mf.Particles(THETA)


class Reporter:
    """Remembers what it is told; interrupts at a given update."""

    def __init__(self, interrupt_at=None):
        self.seen, self.closed, self.interrupt_at = [], 0, interrupt_at

    def update(self, time, final, step, risk):
        self.seen.append((time, final, step, risk))
        if len(self.seen) == self.interrupt_at:
            raise KeyboardInterrupt

    def close(self):
        self.closed += 1


FLOWS = {
    "gradient": mf.GradientFlow(0.1),
    "adaptive": mf.AdaptiveFlow(1e-3, 1e-4),
    "stabilised": mf.StabilisedFlow(1e-5, 1e-5),
    "optimiser": mf.OptimiserFlow(optax.adam(0.02), interval=0.1),
    "tangent": mf.TangentFlow(0.1),
}
_OBJECTIVE = network()


@pytest.mark.parametrize("name", FLOWS)
def test_chunks_and_progress_are_not_part_of_the_result(name):
    """The same bits for chunks of 1, 7 and 1000 steps, for chunks that grow, and with a reporter watching."""

    def run(**options):
        watched = [mf.Risk(), mf.Displacement()]
        return mf.simulate(_OBJECTIVE, FLOWS[name], particles(), times=[0, 1.3, 4.0], observables=watched, **options)

    first = run()
    assert first.done
    for options in (
        {"chunk": 1},
        {"chunk": 7},
        {"chunk": 1000},
        {"progress": Reporter()},
        {"chunk": 3, "progress": Reporter()},
    ):
        other = run(**options)
        assert other.status == "done"
        assert np.array_equal(other.times, first.times)
        assert np.array_equal(other.particles.position, first.particles.position)
        assert all(np.array_equal(other.values[key], first.values[key]) for key in first.values)
        assert other.stats["steps"] == first.stats["steps"]


def counted(sigma=jnp.tanh):
    """An activation that counts how often Python calls it: once or more a trace, never at run time."""
    calls = [0]

    def activation(z):
        calls[0] += 1
        return sigma(z)

    return activation, calls


def numbers(flow=None, scale=1.0, strength=0.1):
    return {"flow": mf.GradientFlow(0.1) if flow is None else flow, "scale": scale, "strength": strength}


SWEEPS = {
    "step": [numbers(mf.GradientFlow(h)) for h in (0.1, 0.05, 0.2, 0.3, 0.01)],
    "scale": [numbers(scale=alpha) for alpha in (1.0, 2.0, 10.0, 100.0, 1e4)],
    "strength": [numbers(strength=s) for s in (0.1, 0.0, 0.01, 1.0, 0.3)],
    "rtol": [numbers(mf.AdaptiveFlow(rtol, 1e-5)) for rtol in (1e-3, 2e-3, 1e-4, 1e-2, 3e-3)],
    "stabilised rtol": [numbers(mf.StabilisedFlow(rtol, 1e-5)) for rtol in (1e-3, 2e-3, 1e-4, 1e-2, 3e-3)],
    "tangent": [numbers(mf.TangentFlow(h)) for h in (0.1, 0.05, 0.2, 0.3, 0.01)],
}


@pytest.mark.parametrize("name", SWEEPS)
def test_five_values_compile_once(name):
    """Step sizes, α, penalty strengths and tolerances are arrays: the second to fifth run call no Python activation."""
    activation, calls = counted()
    unit = mf.Neuron(activation)
    traced, ends = [], []
    for case in SWEEPS[name]:
        objective = mf.Objective(unit, mf.Square(), X, Y, case["scale"], mf.WeightDecay(case["strength"]))
        run = mf.simulate(objective, case["flow"], particles(), times=[0, 1.0])
        ends.append(np.asarray(run.particles.position))
        traced.append(calls[0])
    assert traced[0] > 0
    assert traced == [traced[0]] * 5
    # and the value is not baked in: five values, five results
    assert all(np.abs(a - b).max() > 0 for i, a in enumerate(ends) for b in ends[:i])


def test_a_static_value_would_compile_again():
    """Control of the count above: an activation for each run is traced for each run."""
    calls = []
    for _ in range(2):
        activation, count = counted()
        mf.simulate(network(activation), mf.GradientFlow(0.1), particles(), times=[0.5])
        calls.append(count[0])
    assert min(calls) > 0


def test_centred_runs_of_five_scales_compile_once():
    """The centred model computes its reference outside the loop: there too one trace of the loop serves all α."""
    activation, calls = counted()
    unit, traced = mf.Neuron(activation), []
    for alpha in (1.0, 2.0, 10.0, 100.0, 1e4):
        objective = mf.Objective(unit, mf.Square(), X, Y, alpha, centred=True)
        mf.simulate(objective, mf.GradientFlow(0.1), particles(), times=[0, 1.0])
        traced.append(calls[0])
    # each new reference is one prediction on the host, which calls the activation once
    assert np.all(np.diff(traced) == 1)


def test_times():
    """A scalar: 0 and 32 log-spaced times; a list as it is, at the nearest steps, as many as were asked for."""
    flow = mf.AdaptiveFlow(1e-2, 1e-2)
    final = mf.simulate(_OBJECTIVE, flow, particles(), times=3.0).times
    np.testing.assert_allclose(final, np.r_[0, np.geomspace(3e-3, 3, 32)], rtol=1e-12)
    listed = mf.simulate(_OBJECTIVE, flow, particles(), times=[0.5, 0.75])
    assert listed.times.tolist() == [0.5, 0.75]
    assert listed.values["risk"].shape == (2,)
    merged = mf.simulate(_OBJECTIVE, mf.GradientFlow(0.25), particles(), times=[0, 0.1, 0.2, 0.3, 0.4, 1.0])
    assert merged.times.tolist() == [0, 0, 0.25, 0.25, 0.5, 1.0]
    assert merged.values["risk"].shape == (6,)
    assert merged.stats["steps"] == 4
    start = mf.simulate(_OBJECTIVE, mf.GradientFlow(0.25), particles(), times=[0.0])
    assert start.done
    assert np.array_equal(start.particles.position, particles().position)


def test_statistics():
    """Steps, evaluations of the velocity (six an attempt for the Runge–Kutta pair) and seconds."""
    run = mf.simulate(_OBJECTIVE, mf.AdaptiveFlow(1e-3, 1e-4), particles(), times=[4.0])
    assert run.stats["evaluations"] == 6 * run.stats["steps"] > 0
    assert run.stats["seconds"] > 0
    # without a key and without observables: the risk is watched, and the objective is handed back
    assert list(run.values) == ["risk"]
    # the same formula compiled twice: a few ε
    again = float(run.objective.risk(run.particles))
    assert abs(run.values["risk"][-1] - again) <= 64 * float(jnp.finfo(run.particles.dtype).eps) * again


def downhill(theta):
    """A penalty without a lower bound: V = −Σ θ⁴. Its flow blows up in finite time."""
    return -jnp.sum(theta**4)


@pytest.mark.parametrize("chunk", [1, 5, None])
def test_divergence_of_gradient_descent(chunk):
    """It stops at the last finite step, the one that a loop of single steps finds, with advice and no exception."""
    objective, flow, mu = network(penalty=downhill), mf.GradientFlow(0.05), particles()
    position, steps = mu.position, 0
    step = jax.jit(lambda q: q + jnp.asarray(0.05, q.dtype) * objective.velocity(mu.moved(q)))
    while np.all(np.isfinite(following := step(position))):
        position, steps = following, steps + 1
    assert 5 < steps < 100
    # observed only at the start and at the end, so that only the particles can give the divergence away
    run = mf.simulate(objective, flow, mu, times=[0, 10.0], chunk=chunk)
    assert (
        run.status == f"diverged at t = {run.stats['steps'] * 0.05:.6g}: lower the step (now 0.05) or use AdaptiveFlow"
    )
    assert run.stats["steps"] == steps
    assert np.all(np.isfinite(run.particles.position))
    # the last step multiplies by huge numbers: relative agreement, with room for the order of operations
    np.testing.assert_allclose(run.particles.position, position, rtol=1e-3)
    assert run.times.tolist() == [0]
    assert run.values["risk"].shape == (1,)
    assert not run.done


@pytest.mark.parametrize("flow", [mf.AdaptiveFlow(), mf.StabilisedFlow()], ids=["adaptive", "stabilised"])
def test_divergence_of_a_flow_that_chooses_its_steps(flow):
    """Steps that shrink to nothing end a run; without that it would try for ever."""
    run = mf.simulate(network(penalty=downhill), flow, particles(), times=[0, 0.01, 10.0], time_limit=60.0)
    assert run.status.startswith("diverged at t = ")
    assert "bounded below" in run.status
    assert np.all(np.isfinite(run.particles.position))
    assert run.times.tolist() == [0, 0.01]


def test_divergence_from_the_start():
    """A velocity that is infinite at once: no step is taken, by any flow."""
    objective = network(penalty=lambda theta: jnp.sum(jnp.exp(1e6 * theta**2)))
    for flow in (mf.GradientFlow(0.1), mf.AdaptiveFlow(), mf.StabilisedFlow()):
        run = mf.simulate(objective, flow, particles(), times=[1.0], time_limit=60.0)
        assert run.status.startswith("diverged at t = 0: ")
        assert run.stats["steps"] == 0
        assert np.array_equal(run.particles.position, particles().position)
        assert run.times.size == 0


def test_infinite_objective_is_never_done():
    """Finite particles whose F overflows have diverged, also where no step was left to show it."""
    huge = mf.Particles(np.full((M, D + 1), float(jnp.finfo(jnp.result_type(float)).max) ** 0.4))
    run = mf.simulate(network("squared_relu"), mf.GradientFlow(0.1), huge, times=[0.0])
    assert run.status.startswith("diverged at t = 0: ")
    assert run.times.size == 0


def test_time_limit():
    """A limit of zero seconds is reached before the first chunk; what was observed is returned."""
    run = mf.simulate(_OBJECTIVE, mf.GradientFlow(0.1), particles(), times=[0, 4.0], time_limit=0.0)
    assert run.status == "stopped at t = 0: the time limit was reached"
    assert run.times.tolist() == [0]
    assert run.values["risk"].shape == (1,)


@pytest.mark.parametrize("flow", [mf.GradientFlow(0.125), mf.AdaptiveFlow(1e-3, 1e-4)], ids=["gradient", "adaptive"])
def test_interruption(flow):
    """Ctrl-C returns the times and values that were observed and the particles of the last chunk."""
    reporter, times = Reporter(interrupt_at=7), [0, 0.25, 40.0]
    watched = [mf.Risk(), mf.Positions()]
    run = mf.simulate(_OBJECTIVE, flow, particles(), times=times, chunk=1, progress=reporter, observables=watched)
    assert run.status == f"stopped at t = {reporter.seen[-1][0]:.6g}: interrupted"
    assert run.stats["steps"] == reporter.seen[-1][2] == 7
    assert run.times.tolist() == [0, 0.25]
    assert reporter.closed == 1
    full = mf.simulate(_OBJECTIVE, flow, particles(), times=[0, 0.25, reporter.seen[-1][0]], observables=watched)
    assert np.array_equal(run.values["risk"], full.values["risk"][:2])
    if flow.stepper.length is not None:  # the adaptive one cuts its steps at other times
        assert np.array_equal(run.particles.position, full.values["positions"][2])


def test_an_error_in_a_reporter_is_an_error():
    """Only Ctrl-C is an ending; a reporter that breaks is not swallowed, and is closed."""

    class Broken(Reporter):
        def update(self, time, final, step, risk):
            raise RuntimeError("broken")

    reporter = Broken()
    with pytest.raises(RuntimeError, match="broken"):
        mf.simulate(_OBJECTIVE, mf.GradientFlow(0.1), particles(), times=[1.0], progress=reporter)
    assert reporter.closed == 1


def test_reporter_is_told_the_truth():
    """Time, final time, step and risk of each chunk."""
    reporter = Reporter()
    run = mf.simulate(
        _OBJECTIVE,
        mf.GradientFlow(0.25),
        particles(),
        times=[0.5, 1.0],
        chunk=2,
        progress=reporter,
        observables=[mf.Risk()],
    )
    times, finals, steps, risks = zip(*reporter.seen, strict=True)
    assert times == (0.5, 1.0)
    assert finals == (1.0, 1.0)
    assert steps == (2, 4)
    # the same formula compiled twice: a few ε
    np.testing.assert_allclose(risks, run.values["risk"], rtol=64 * np.finfo(np.asarray(run.values["risk"]).dtype).eps)


def test_observables_by_name():
    """A mapping names functions and observables alike, and tells two of a kind apart."""
    other = mf.TestRisk(X[:2], Y[:2])
    run = mf.simulate(
        _OBJECTIVE,
        mf.GradientFlow(0.25),
        particles(),
        times=[0, 1.0],
        observables={"train": mf.Risk(), "few": other, "mean": lambda o, mu: mu.position.mean(axis=0)},
    )
    assert list(run.values) == ["train", "few", "mean"]
    assert run.values["mean"].shape == (2, D + 1)
    np.testing.assert_allclose(run.values["mean"][0], particles().position.mean(axis=0), rtol=1e-6, atol=1e-7)


@pytest.mark.full
def test_types_of_a_run(x64):
    """float32 particles stay float32 among 64-bit numbers, float64 ones stay float64."""
    for dtype in (np.float32, np.float64):
        objective = mf.Objective(
            mf.Neuron("tanh"), mf.Square(), X.astype(dtype), Y.astype(dtype), penalty=mf.WeightDecay(0.1)
        )
        for flow in (
            mf.GradientFlow(0.1),
            mf.AdaptiveFlow(1e-3, 1e-4),
            mf.StabilisedFlow(1e-3, 1e-4),
            mf.TangentFlow(0.1),
        ):
            run = mf.simulate(objective, flow, mf.Particles(THETA.astype(dtype)), times=[0, 0.5])
            assert run.done
            assert run.particles.dtype == dtype
            assert run.values["risk"].dtype == dtype

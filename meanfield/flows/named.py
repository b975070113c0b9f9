"""The flows that have a name of their own: short calls of `Flow`."""

from collections.abc import Callable
from typing import Any

from meanfield.arguments import INT32, flag, one_of, positive_count, positive_scalar
from meanfield.arguments.meant import instance
from meanfield.flows.flow import Flow
from meanfield.flows.gradients import SAGA as SAGAGradient
from meanfield.flows.gradients import SVRG as SVRGGradient
from meanfield.flows.gradients import Minibatch, Stream
from meanfield.flows.noises import Brownian
from meanfield.flows.reactions import BirthDeath as Births
from meanfield.flows.reactions import Growth
from meanfield.flows.steppers import RK4, RKC, Diffrax, Euler, Heun, Optax, Spectral, SphereEuler
from meanfield.flows.steppers import HeavyBall as HeavyBallStepper
from meanfield.flows.transformed import Both, Linearised, Trained


def GradientFlow(step) -> Flow:
    """Return gradient descent θ_j ← θ_j + h v_j: `Flow(steppers.Euler(step))`.

    >>> import jax, jax.numpy as jnp, meanfield as mf
    >>> unit, key = mf.Neuron("tanh"), jax.random.key(0)
    >>> objective = mf.Objective(unit, mf.Square(), x=jnp.eye(2), y=jnp.ones(2))
    >>> mu = mf.Particles.gaussian(key, unit, m=20, d=2)
    >>> mf.simulate(objective, mf.GradientFlow(0.1), mu, times=10.0).status
    'done'
    """
    return Flow(Euler(step))


def RungeKutta(step, order: int = 4) -> Flow:
    """Return fixed steps of order 4 or 2: `Flow(steppers.RK4(step))` or `Flow(steppers.Heun(step))`."""
    order = one_of("order", positive_count("order", order), (2, 4))
    return Flow(RK4(step) if order == 4 else Heun(step))


def AdaptiveFlow(rtol=1e-4, atol=1e-6) -> Flow:
    """Return the gradient flow to a tolerance, by Tsitouras' 5(4) pair with a PI controller: a `steppers.Diffrax`.

    **Arguments:** `rtol`, `atol`: relative and absolute tolerance on a particle's parameters, one step at a time.
    Raises `ValueError` for tolerances that are not positive, or that the particles' type can't resolve.
    """
    import diffrax  # imported here because it takes longer to load than the rest of the package

    rtol, atol = positive_scalar("rtol", rtol), positive_scalar("atol", atol)
    return Flow(Diffrax(diffrax.Tsit5(), diffrax.PIDController(rtol, atol, pcoeff=0.3, icoeff=0.4)))


def StabilisedFlow(rtol=1e-4, atol=1e-6) -> Flow:
    """Return the gradient flow to a tolerance where it is stiff: `Flow(steppers.RKC(rtol, atol))`.

    >>> import jax, jax.numpy as jnp, meanfield as mf
    >>> unit = mf.Neuron("tanh")
    >>> objective = mf.Objective(unit, mf.Square(), x=jnp.eye(2), y=jnp.ones(2), scale=10.0)
    >>> mu = mf.Particles.doubled(jax.random.key(0), unit, m=20, d=2)
    >>> run = mf.simulate(objective, mf.StabilisedFlow(rtol=1e-4, atol=1e-4), mu, times=1000.0)
    >>> run.status, bool(run.values["risk"][-1] < 1e-4)
    ('done', True)
    """
    return Flow(RKC(rtol, atol))


def SGD(step, batch: int, *, replacement: bool = True, sampler: Callable | None = None) -> Flow:
    """Return stochastic gradient descent: Euler steps along `gradients.Minibatch(batch)`, or along
    `gradients.Stream(sampler, batch)` where a sampler is given.

    >>> import jax, jax.numpy as jnp, meanfield as mf
    >>> unit, key = mf.Neuron("tanh"), jax.random.key(0)
    >>> objective = mf.Objective(unit, mf.Square(), x=jnp.eye(4), y=jnp.ones(4))
    >>> mu = mf.Particles.gaussian(key, unit, m=20, d=4)
    >>> run = mf.simulate(objective, mf.SGD(0.1, batch=2), mu, times=[0, 10.0], key=key)
    >>> bool(run.values["risk"][1] < run.values["risk"][0])
    True
    """
    replacement = flag("replacement", replacement)
    return Flow(Euler(step), Minibatch(batch, replacement=replacement) if sampler is None else Stream(sampler, batch))


def ScheduledSGD(step, batch, *, most: int, replacement: bool = True) -> Flow:
    """Return stochastic gradient descent whose batch is an array's value or a schedule: Euler steps along
    `gradients.Minibatch(batch, max_batch=most)`.
    """
    return Flow(
        Euler(step), Minibatch(batch, max_batch=positive_count("most", most, most=INT32), replacement=replacement)
    )


def SAGA(step, *, biased: bool = False) -> Flow:
    """Return Euler steps along `gradients.SAGA()`, or along `gradients.SAG()` with `biased`."""
    return Flow(Euler(step), SAGAGradient(biased=biased))


def SVRG(step, epoch) -> Flow:
    """Return Euler steps along `gradients.SVRG(epoch)`."""
    return Flow(Euler(step), SVRGGradient(epoch))


def HeavyBall(
    step,
    momentum: Any = 0.0,
    *,
    decay: Any = 0.0,
    decoupled: Any = 0.0,
    buffer: Any = None,
    batch: int | None = None,
    replacement: bool = True,
    interval: Any = 1.0,
) -> Flow:
    """Return heavy-ball descent, `Flow(steppers.HeavyBall(step, momentum, …))`, on all samples or a `batch` of them.

    Times are numbers of steps, unless another `interval` is given.

    >>> import jax, jax.numpy as jnp, meanfield as mf
    >>> unit, key = mf.Neuron("tanh"), jax.random.key(0)
    >>> objective = mf.Objective(unit, mf.Square(), x=jnp.eye(4), y=jnp.ones(4))
    >>> mu = mf.Particles.gaussian(key, unit, m=20, d=4)
    >>> run = mf.simulate(objective, mf.HeavyBall(0.1, momentum=0.9, decay=1e-3), mu, times=[0, 100])
    >>> bool(run.values["risk"][1] < 0.01 * run.values["risk"][0])
    True
    """
    stepper = HeavyBallStepper(step, momentum, decay=decay, decoupled=decoupled, buffer=buffer, interval=interval)
    replacement = flag("replacement", replacement)
    return Flow(stepper, None if batch is None else Minibatch(batch, replacement=replacement))


def OptimiserFlow(optimiser: Any, interval=1.0) -> Flow:
    """Return the flow of an optax optimiser on all samples: `Flow(steppers.Optax(optimiser))`.

    >>> import jax, jax.numpy as jnp, meanfield as mf, optax
    >>> unit = mf.Neuron("tanh")
    >>> objective = mf.Objective(unit, mf.Square(), x=jnp.eye(2), y=jnp.ones(2))
    >>> mu = mf.Particles.gaussian(jax.random.key(0), unit, m=20, d=2)
    >>> run = mf.simulate(objective, mf.OptimiserFlow(optax.adam(1e-2)), mu, times=[0, 100])
    >>> bool(run.values["risk"][-1] < run.values["risk"][0])
    True
    """
    return Flow(Optax(optimiser, interval))


def SpectralFlow(step, *, order: Any = float("inf"), readout: str = "spectral", outputs: Any = 1) -> Flow:
    """Return spectral descent, whose steps are √m times the polar factor of the gradient as Muon's are:
    `Flow(steppers.Spectral(step, order, readout, outputs))`.

    >>> import jax, jax.numpy as jnp, meanfield as mf
    >>> unit = mf.Neuron("tanh")
    >>> objective = mf.Objective(unit, mf.Square(), x=jnp.eye(2), y=jnp.ones(2))
    >>> mu = mf.Particles.gaussian(jax.random.key(0), unit, m=20, d=2)
    >>> run = mf.simulate(objective, mf.SpectralFlow(0.02), mu, times=[0, 1.0])
    >>> bool(run.values["risk"][-1] < 0.1 * run.values["risk"][0])
    True
    """
    return Flow(Spectral(step, order, readout, outputs))


def Langevin(step, temperature) -> Flow:
    """Return noisy gradient descent: Euler steps with `noises.Brownian(temperature)`.

    >>> import jax, jax.numpy as jnp, meanfield as mf
    >>> unit, key = mf.Neuron("tanh"), jax.random.key(0)
    >>> objective = mf.Objective(unit, mf.Square(), x=jnp.eye(2), y=jnp.ones(2), penalty=mf.WeightDecay(0.1))
    >>> mu = mf.Particles.gaussian(key, unit, m=20, d=2)
    >>> cooling = lambda k: 0.1 / (1 + k)
    >>> mf.simulate(objective, mf.Langevin(0.1, cooling), mu, times=10.0, key=key).status
    'done'
    """
    return Flow(Euler(step), noise=Brownian(temperature))


def ConicFlow(step, growth=1.0, transport=1.0, signed: bool = False, sphere: bool = False) -> Flow:
    """Return conic particle descent, by which particles move and their masses grow or shrink: Euler steps of speed
    `transport` with `reactions.Growth(growth)`.

    **Arguments:** `signed`: with True output weights stay what they are (such as the sign ±1 of a particle), and the
    rest of θ moves. `sphere`: with True what moves stays on the unit sphere, by `steppers.SphereEuler`.

    Two flows of particles in a vector space are this one, up to O(h). For Φ and V of degree 2 in θ, θ = r u with
    |u| = 1 and mass r² is ConicFlow on the sphere of all parameters, growth and transport 1. For a ReLU with
    |a| = |w|, the mass |a||w| on the directions w/|w| with the sign of a fixed is ConicFlow on the sphere of the input
    weights, growth ½ and transport 1.

    >>> import jax.numpy as jnp, meanfield as mf
    >>> unit, x, y = mf.Neuron("tanh"), jnp.eye(2), jnp.ones(2)
    >>> objective = mf.Objective(unit, mf.Square(), x, y)
    >>> mu = mf.Particles([[1.0, 0.5, 0.5], [-1.0, 0.5, 0.5]])
    >>> run = mf.simulate(objective, mf.ConicFlow(0.1, signed=True), mu, times=5.0)
    >>> run.particles.position[:, 0].tolist(), bool(run.particles.mass[0] > run.particles.mass[1])
    ([1.0, -1.0], True)
    """
    transport = positive_scalar("transport", transport, zero=True)
    stepper = SphereEuler(step, transport) if flag("sphere", sphere) else Euler(step, transport)
    on = Trained("input") if flag("signed", signed) else None
    return Flow(stepper, reaction=Growth(positive_scalar("growth", growth, zero=True)), on=on)


def BirthDeath(step, rate=1.0, transport=1.0, spread=None, prior=None) -> Flow:
    """Return gradient descent of particles that die where F' is high and are cloned where it is low: Euler steps of
    speed `transport` with `reactions.BirthDeath(rate, spread, prior)`.

    >>> import jax, jax.numpy as jnp, meanfield as mf
    >>> unit, key = mf.Neuron("tanh"), jax.random.key(0)
    >>> objective = mf.Objective(unit, mf.Square(), x=jnp.eye(2), y=jnp.ones(2))
    >>> mu = mf.Particles.gaussian(key, unit, m=20, d=2)
    >>> mf.simulate(objective, mf.BirthDeath(0.1, rate=2.0), mu, times=10.0, key=key).status
    'done'
    """
    return Flow(Euler(step, positive_scalar("transport", transport, zero=True)), reaction=Births(rate, spread, prior))


def TangentFlow(flow) -> Flow:
    """Return a flow of the tangent model f_lin(x; μ) = f(x; μ_0) + α Σ_j p_j ∇Φ(θ_j⁰; x)·(θ_j − θ_j⁰), the lazy limit.

    **Arguments:** `flow`: how the linear model is integrated: a number is the step of gradient descent; or any other
    flow, such as `AdaptiveFlow(rtol=1e-6, atol=1e-9)`.

    Predictions and observables of the run are those of the linear model (`Trajectory.objective`). The same for a
    problem of your own: `problem.linearised(mu0)`. Source: Chizat, Oyallon & Bach (2019).
    """
    flow = integrator(flow)
    if _linearises(flow.on):
        raise ValueError("flow=TangentFlow: expected a step or a flow that is not itself linearised.")
    return _after(flow, Linearised())


def OutputFlow(flow) -> Flow:
    r"""Return a flow of the output weights alone: f is linear in them, with random features φ_j(x) = σ(w_j·x + b_j).

    **Arguments:** `flow`: a number is the step of gradient descent; or any other flow. The same for a problem of your
    own: `problem.trained("output")`. A penalty acts on the output weights alone. Source: Chizat & Bach (2020).

    >>> import jax, jax.numpy as jnp, meanfield as mf
    >>> unit = mf.Neuron("relu")
    >>> objective = mf.Objective(unit, mf.Square(), x=jnp.eye(2), y=jnp.ones(2))
    >>> mu = mf.Particles.gaussian(jax.random.key(0), unit, m=20, d=2)
    >>> run = mf.simulate(objective, mf.OutputFlow(0.1), mu, times=10.0)
    >>> bool(jnp.all(run.particles.position[:, 1:] == mu.position[:, 1:]))
    True
    """
    return _after(integrator(flow), Trained("output"))


def InputFlow(flow) -> Flow:
    r"""Return a flow of the input layer alone (weights and bias), at output weights that stay as they are.

    For α → ∞, or α = √m and m → ∞, it is kernel descent with `tangent_kernel(…, layers="input")`.

    **Arguments:** `flow`: a number is the step of gradient descent; or any other flow. The same for a problem of your
    own: `problem.trained("input")`. A penalty acts on the input layer alone. Source: Arora et al. (2019).
    """
    return _after(integrator(flow), Trained("input"))


def integrator(flow) -> Flow:
    """Return the flow itself; for a number, or a schedule, gradient descent with that step."""
    if isinstance(flow, type | str) or hasattr(flow, "update"):
        instance("flow", flow, Flow)
    try:
        return flow if isinstance(flow, Flow) else GradientFlow(flow)
    except ValueError as problem:
        raise ValueError(str(problem).replace("step", "flow", 1)) from None


def _after(flow: Flow, transformation: Any) -> Flow:
    """Return the flow of the problem that is transformed once more, at the end."""
    on = transformation if flow.on is None else Both(flow.on, transformation)
    return Flow(flow.stepper, flow.gradient, flow.noise, flow.reaction, on)


def _linearises(on: Any) -> bool:
    if isinstance(on, Both):
        return _linearises(on.first) or _linearises(on.second)
    return isinstance(on, Linearised)

"""The cells of the product that flows are: the levels of every factor, in the engine and in the reference."""

import itertools
from typing import NamedTuple

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import optax

import meanfield as mf
from tests.meanfield import reference_step as reference

N, D, M, H, TOLERANCE = 6, 2, 5, 0.3, 1e-4
SCALE, DECAY, TEMPERATURE, GROWTH, RATE, INTERVAL = 2.0, 0.1, 0.05, 0.4, 20.0, 0.25
SIZES = (2, 4, 1)  # a schedule of batches

GRADIENTS = ("full", "batch", "distinct", "scheduled", "stream", "SAGA", "SAG", "SVRG")
FIXED = ("Euler", "Heun", "RK4", "HeavyBall", "adam", "sgd", "Spectral")
CONTROLLED = ("Tsit5", "RKC")
NOISES = (None, "Brownian")
REACTIONS = (None, "Growth", "BirthDeath")
TRAINED = ("all", "output", "input", "mask")
PROBLEMS = ("network", "linearised")
OUTPUTS = (1, 3)
LOSSES = ("square", "logistic")


class Cell(NamedTuple):
    """A flow and its problem."""

    gradient: str = "full"
    stepper: str = "Euler"
    noise: str | None = None
    reaction: str | None = None
    trained: str = "all"
    problem: str = "network"
    outputs: int = 1
    loss: str = "square"
    centred: bool = False
    variant: bool = False
    """Of factors that have options: steps for each parameter, a prior of births, no penalty, …"""

    def __str__(self):
        return "-".join(str(value) for value in self[:8]) + "-centred" * self.centred + "-variant" * self.variant


def refusal(cell):
    """Return words of the sentence that refuses a cell, or None: DESIGN's list and nothing else."""
    if cell.stepper in CONTROLLED and (cell.gradient != "full" or cell.noise or cell.reaction):
        return "chooses its steps to a tolerance"
    if cell.gradient != "full" and cell.loss == "exponential":
        return "a mean over samples"
    if cell.reaction and cell.problem == "linearised":
        return "objective is linearised"
    if cell.reaction == "BirthDeath" and cell.trained != "all":
        return "replaces particles as a whole"
    return None


def p_of(cell):
    return cell.outputs + D + 1


def columns(cell):
    """The parameters that move."""
    mask = [index % 2 == 0 for index in range(p_of(cell))]
    several = {
        "all": range(p_of(cell)),
        "output": range(cell.outputs),
        "input": range(cell.outputs, p_of(cell)),
        "mask": np.flatnonzero(mask),
    }
    return np.array(several[cell.trained])


def arrays(cell):
    """(x, targets as the user gives them, positions, masses, another system of particles)."""
    rng = np.random.default_rng(cell.outputs)
    x, theta, other = rng.normal(size=(N, D)), rng.normal(size=(M, p_of(cell))), rng.normal(size=(3, p_of(cell)))
    y = rng.normal(size=N if cell.outputs == 1 else (N, cell.outputs))
    if cell.loss != "square":
        y = np.sign(y) if cell.outputs == 1 else np.argmax(y, axis=1)
    return x, y, theta, rng.uniform(0.1, 0.3, size=M), (other, np.array([0.2, 0.3, 0.5]))


def sampler(cell):
    """Fresh samples, for the engine and for the reference."""

    def sample(key, batch):
        x = jax.random.normal(key, (batch, D))
        y = jnp.sin(3 * x[:, 0]) if cell.outputs == 1 else jnp.sin(jnp.arange(1.0, 4.0) * x[:, :1])
        if cell.loss != "square":
            y = jnp.sign(y) if cell.outputs == 1 else jnp.argmax(y, axis=1)
        return x, y

    return sample


def plain(cell, y):
    """Targets as formulas take them: [n, k]."""
    if cell.loss == "square" or cell.outputs == 1:
        return y.reshape(len(y), -1)
    return np.eye(cell.outputs)[y]


def problem(cell):
    """(the engine's problem, its particles, the reference's problem)."""
    x, y, theta, mass, other = arrays(cell)
    loss = {"square": mf.Square, "logistic": mf.Logistic, "exponential": mf.Exponential}[cell.loss]()
    decay = 0.0 if cell.variant else DECAY
    mu, centre = mf.Particles(theta, mass), mf.Particles(*other) if cell.centred else False
    unit, penalty = mf.Neuron("tanh", bias=True, outputs=cell.outputs), mf.WeightDecay(decay) if decay else None
    engine = mf.Objective(unit, loss, x, y, SCALE, penalty, centred=centre)
    if cell.problem == "linearised":
        # About other particles than the start, where the model and its linearisation differ.
        engine = engine.linearised(mf.Particles(theta + 0.3, mass))
    if cell.trained != "all":
        mask = np.isin(np.arange(p_of(cell)), columns(cell))
        engine = engine.trained(mask if cell.trained == "mask" else cell.trained)
    formulas = reference.Problem(
        x,
        plain(cell, y),
        cell.loss,
        SCALE,
        decay,
        columns(cell),
        reference=other if cell.centred else None,
        anchor=(theta + 0.3, mass) if cell.problem == "linearised" else None,
    )
    return engine, mu, formulas


def size_of(k):
    return jnp.array(SIZES)[k % len(SIZES)]


def gradient(cell):
    """(the engine's gradient, the reference's)."""
    if cell.gradient == "stream":
        sample = sampler(cell)
        return mf.gradients.Stream(sample, 3), reference.Stream(sample, 3, lambda y: plain(cell, y))
    if cell.gradient == "scheduled":
        free = cell.outputs == 1
        known = reference.Minibatch(lambda k: SIZES[k % len(SIZES)], free, 4)
        return mf.gradients.Minibatch(size_of, max_batch=4, replacement=free), known
    return {
        "full": (mf.gradients.Full(), reference.Full()),
        "batch": (mf.gradients.Minibatch(2), reference.Minibatch(2)),
        "distinct": (mf.gradients.Minibatch(4, replacement=False), reference.Minibatch(4, False)),
        "SAGA": (mf.gradients.SAGA(), reference.SAGA()),
        "SAG": (mf.gradients.SAG(), reference.SAGA(biased=True)),
        "SVRG": (mf.gradients.SVRG(2), reference.SVRG(2)),
    }[cell.gradient]


def stepper(cell):
    """(the engine's stepper, the reference's); None for what is compared with an integrator."""
    each = np.linspace(0.1, 0.3, p_of(cell))
    if cell.stepper == "HeavyBall":
        buffer = np.arange(M * p_of(cell)).reshape(M, -1) / 30
        options = {"momentum": 0.9, "decay": each, "decoupled": 0.05, "buffer": buffer}
        size, own = (each, {"interval": INTERVAL}) if cell.variant else (H, {})
        return mf.steppers.HeavyBall(size, **options, **own), reference.HeavyBall(size, **options, **own)
    if cell.stepper == "Spectral":
        order, readout = (3.0, "gradient") if cell.variant else (np.inf, "spectral")
        known = reference.Spectral(H, outputs=cell.outputs, order=order, plain=cell.variant)
        return mf.steppers.Spectral(H, float(order), readout, cell.outputs), known
    speed = each if cell.variant else None
    controller = diffrax.PIDController(TOLERANCE, TOLERANCE)
    return {
        "Euler": (mf.steppers.Euler(H, speed), reference.Euler(H, 1.0 if speed is None else speed)),
        "Heun": (mf.steppers.Heun(H), reference.heun(H)),
        "RK4": (mf.steppers.RK4(H), reference.rk4(H)),
        "adam": (mf.steppers.Optax(optax.adam(0.1), INTERVAL), reference.Adam(0.1, INTERVAL)),
        "sgd": (mf.steppers.Optax(optax.sgd(0.1), INTERVAL), reference.SGD(0.1, INTERVAL)),
        "Tsit5": (mf.steppers.Diffrax(diffrax.Tsit5(), controller), None),
        "RKC": (mf.steppers.RKC(TOLERANCE, TOLERANCE), None),
    }[cell.stepper]


def reaction(cell):
    """(the engine's reaction, the reference's)."""
    if cell.reaction is None:
        return None, None
    if cell.reaction == "Growth":
        return mf.reactions.Growth(GROWTH), reference.Growth(GROWTH)
    if not cell.variant:
        return mf.reactions.BirthDeath(RATE, 0.1), reference.BirthDeath(RATE, 0.1)
    prior = arrays(cell)[4]
    return mf.reactions.BirthDeath(RATE, prior=mf.Particles(*prior)), reference.BirthDeath(RATE, prior=prior)


def flow(cell):
    """Return the engine's flow."""
    noise = mf.noises.Brownian(TEMPERATURE) if cell.noise else None
    return mf.Flow(stepper(cell)[0], gradient(cell)[0], noise, reaction(cell)[0])


def formulas(cell):
    """Return the reference's flow."""
    temperature = TEMPERATURE if cell.noise else None
    return reference.Flow(gradient(cell)[1], stepper(cell)[1], temperature, reaction(cell)[1])


def fixed_cells():
    """Return a cell for every gradient, stepper of fixed steps and reaction, with noise in every other one, so that
    every three of these factors are there in all combinations. All else takes turns: with every gradient, and with
    every stepper, each part of each problem is trained.
    """
    chosen = []
    for (g, gradient), (s, stepper), (a, reaction) in itertools.product(*map(enumerate, (GRADIENTS, FIXED, REACTIONS))):
        turn = g + 3 * s  # of 8 parts of problems, of which reactions bear 4 or 1
        trained = "all" if reaction == "BirthDeath" else TRAINED[turn % 4]
        problem = "linearised" if reaction is None and (turn // 4 + g) % 2 else "network"
        noise, outputs = NOISES[(g + s + a) % 2], OUTPUTS[(g // 2 + s + a) % 2]
        loss = LOSSES[(g // 4 + s // 2 + a // 2) % 2]
        centred, variant = (g + s // 3) % 2 == 1, (g // 2 + s // 2 + a) % 2 == 1
        chosen.append(Cell(gradient, stepper, noise, reaction, trained, problem, outputs, loss, centred, variant))
    return chosen


def controlled_cells():
    """Return cells of the two steppers that choose their steps: all parts of all problems, with one or the other."""
    return [
        Cell("full", stepper, None, None, trained, problem, OUTPUTS[t // 2], LOSSES[s], t in (0, 3))
        for s, stepper in enumerate(CONTROLLED)
        for t, trained in enumerate(TRAINED)
        for q, problem in enumerate(PROBLEMS)
        if (s + t + q) % 2
    ]


def every_cell():
    """Return the whole product."""
    return itertools.starmap(
        Cell,
        itertools.product(
            GRADIENTS, FIXED + CONTROLLED, NOISES, REACTIONS, TRAINED, PROBLEMS, OUTPUTS, ("square", "exponential")
        ),
    )


def jitless(flow, bound, mu, key, steps):
    """Return the states after each of so many steps, run line by line: to compile each cell would take minutes."""
    with jax.disable_jit():
        states = [flow.init(bound, mu, key=key)]
        for _ in range(steps):
            states.append(flow.step(bound, states[-1]))
    return states

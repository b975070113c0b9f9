# ---
# jupyter:
#   jupytext:
#     text_representation:
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A network of PyTorch, step by step
#
# Two dense layers of PyTorch are particles under gradient descent. This page trains the same network twice, there and
# here, and compares weights after every step; then it asks whether the network was lazy. Without PyTorch (the extra
# `torch`) the steps that it takes are written out in NumPy.

# %%
import importlib.util

import jax
import numpy as np

import meanfield as mf

INPUTS, WIDTH, SAMPLES, RATE, STEPS = 4, 64, 40, 0.02, 20
x = np.random.default_rng(0).normal(size=(SAMPLES, INPUTS)).astype(np.float32)
y = np.sin(2 * x[:, 0]).astype(np.float32)

# %% [markdown]
# ## How PyTorch starts it
#
# Each framework has its law. PyTorch's is uniform in every layer, which makes the output scale α = √(m/3): it grows with
# the width, so that wide networks are lazy.

# %%
law = mf.networks.initialisation("pytorch", inputs=INPUTS, width=WIDTH)
print(law.hidden, law.output, f"α = {law.scale:.2f}")
start = law.draw(jax.random.key(0))
assert abs(law.scale - (WIDTH / 3) ** 0.5) < 1e-12

# %% [markdown]
# ## Its own training


# %%
def by_torch(start, steps):
    """Weights before training and after each step of SGD on half the mean squared error; the output bias stays."""
    import torch

    net = torch.nn.Sequential(
        torch.nn.Linear(INPUTS, WIDTH), torch.nn.ReLU(), torch.nn.Linear(WIDTH, 1)
    )
    given = {
        "0.weight": start.W,
        "0.bias": start.b,
        "2.weight": start.a,
        "2.bias": start.c,
    }
    net.load_state_dict(
        {name: torch.tensor(np.asarray(value)) for name, value in given.items()}
    )
    net[2].bias.requires_grad_(False)
    optimiser = torch.optim.SGD(
        [p for p in net.parameters() if p.requires_grad], lr=RATE
    )
    seen = []
    for step in range(steps + 1):
        seen.append(
            {name: value.numpy().copy() for name, value in net.state_dict().items()}
        )
        if step < steps:
            optimiser.zero_grad()
            (
                torch.nn.functional.mse_loss(
                    net(torch.tensor(x))[:, 0], torch.tensor(y)
                )
                / 2
            ).backward()
            optimiser.step()
    return seen


def by_numpy(start, steps):
    """The same by its formulas."""
    W, b, a, c = (np.asarray(value, np.float64) for value in start)
    seen = []
    for _ in range(steps + 1):
        seen.append(
            {
                "0.weight": W.copy(),
                "0.bias": b.copy(),
                "2.weight": a.copy(),
                "2.bias": c.copy(),
            }
        )
        z = x @ W.T + b
        error = (np.maximum(z, 0) @ a[0] + c[0] - y) / SAMPLES
        inner = (z > 0) * error[:, None] * a[0]
        W, b, a = (
            W - RATE * inner.T @ x,
            b - RATE * inner.sum(0),
            a - RATE * error @ np.maximum(z, 0),
        )
    return seen


there = importlib.util.find_spec("torch") is not None
theirs = by_torch(start, STEPS) if there else by_numpy(start, STEPS)
print("trained in PyTorch" if there else "PyTorch is not here: its formulas in NumPy")

# %% [markdown]
# ## The same as particles
#
# `mf.from_weights` takes the weights as they are, in PyTorch's names: a neuron is a particle of mass 1/m, and the output
# scale is m. A learning rate η is a step η m in mean-field time.

# %%
network = mf.from_weights(theirs[0])
problem = mf.Objective(
    network.unit, mf.Square(), x, y - network.constant, scale=network.scale
)
step = RATE * WIDTH
times = [k * step for k in range(STEPS + 1)]
run = mf.simulate(
    problem,
    mf.GradientFlow(step),
    network.particles,
    times=times,
    observables=[mf.Positions()],
)

furthest = 0.0
for weights, theta in zip(theirs, run.values["positions"], strict=True):
    ours = mf.to_weights(network._replace(particles=mf.Particles(theta)))
    for name, value in (("0.weight", ours.W), ("0.bias", ours.b), ("2.weight", ours.a)):
        furthest = max(
            furthest,
            float(np.max(np.abs(np.asarray(weights[name]) - np.asarray(value)))),
        )
print(f"largest difference of a weight after {STEPS} steps: {furthest:.1e}")
assert furthest < 1e-5  # rounding of 32 bits, twenty times

# %% [markdown]
# ## Was it lazy?

# %%
report = mf.diagnose(theirs[0], theirs[-1], x, y)
print(report)
assert report.verdict == "lazy"

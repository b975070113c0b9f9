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
# # On a GPU, and on several devices
#
# Nothing changes on a GPU but the installation (`pip install '.[cuda13]'`): the same
# script runs there. What does change is which kernel is chosen, what rounding sums
# have, and how large $m$ may be. This page runs on any machine. Where it finds no
# accelerator it asks JAX to split the processor into four devices, which shows what is
# computed where, but not how fast that would be: the four share the same cores. The
# flag has to be set before JAX starts, and means nothing to a GPU.

# %%
import os

os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=4"
)

import functools
import importlib.util
import textwrap
import time

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import meanfield as mf
import simulations
from figures.style import LAZY, THEORY, points, styled

devices = jax.devices()
on_cpu = jax.default_backend() == "cpu"
print(len(devices), "devices:", {device.device_kind for device in devices})
assert not on_cpu or len(devices) == 4

# %% [markdown]
# ## Which kernel, and what it costs
#
# Every flow needs two integrals, predictions over particles and the pullback over
# samples. `plan` says how they will be computed for $m$ particles, and why: exact sums
# in sorted order for ReLU in the plane, one array while it is small, and when it is not,
# compiled code on processors (tiles where the extra `native` is not installed) and a
# fused kernel on NVIDIA GPUs, neither of which writes the $m \times n$ array.
# `meanfield info` prints the same for three shapes.

# %%
key = jax.random.key(0)


def objective_of(d, n=256):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, d)) / np.sqrt(d)
    return mf.Objective(mf.Neuron("relu"), mf.Square(), x, np.abs(x[:, 0]))


for d, m in ((2, 10**6), (20, 100), (20, 10**6)):
    chosen = objective_of(d).plan(m)
    print(textwrap.fill(f"d = {d}, m = {m}: {chosen}", 84, subsequent_indent="    "))
    assert chosen.bytes < 2**29  # never the m × n array of a large problem
assert type(objective_of(2).plan(10**6).kernel).__name__ == "Sorted"
if on_cpu:
    native = importlib.util.find_spec("llvmlite") is not None
    large = type(objective_of(20).plan(10**6).kernel).__name__
    assert large == ("Compiled" if native else "Blocked")

# %% [markdown]
# ## An equal share of the particles on every device
#
# `mf.shard` puts $m/D$ particles on each of $D$ devices, and a simulation that starts
# from them stays there. Given a function that draws the particles, every device draws
# its own share, and no device ever holds all.

# %%
unit, objective = mf.Neuron("relu"), objective_of(20)
draw = functools.partial(mf.Particles.doubled, key, unit, m=4000, d=20)
everywhere = mf.shard(draw)
here = mf.shard(draw, devices[:1])
print(
    "particles on each device:",
    [shard.data.shape[0] for shard in everywhere.position.addressable_shards],
)
assert len(everywhere.position.sharding.device_set) == len(devices)

runs = {
    name: mf.simulate(objective, mf.GradientFlow(0.5), mu, times=[0.0, 5.0, 20.0])
    for name, mu in (("one device", here), ("all devices", everywhere))
}
for name, run in runs.items():
    print(f"{name:12}{run.status}, risk {run.values['risk'][-1]:.6f}")
stayed = runs["all devices"].particles.position.sharding.device_set
assert len(stayed) == len(devices)
np.testing.assert_allclose(
    runs["all devices"].values["risk"], runs["one device"].values["risk"], rtol=1e-3
)

# %% [markdown]
# ## Precision
#
# Numbers are float32 unless `jax.enable_x64(True)`; products of matrices run at the
# full precision of the type, on GPUs too, where the default would be TF32 with 11 bits.
# What several devices change is the order of a sum of $m$ terms, so predictions differ
# by rounding:
#
# $$\lvert f_D - f_1 \rvert \le (\gamma_m + \gamma_{m/D + D} + 2 \gamma_{d+8})\, \alpha \sum_j p_j \lvert a_j \rvert \lvert w_j \rvert \lvert x \rvert, \qquad
#   \gamma_l = \frac{l u}{1 - l u},$$
#
# with $u$ half the type's epsilon. The same bound with 64-bit numbers, where $u$ is
# $2^{29}$ times smaller, turns the float32 result down: that is the control.


# %%
def gamma(count, u):
    return count * u / (1 - count * u)


def bound(mu, x, u, parts):
    a, w, _ = unit.split(mu.position)
    size = jnp.sum(
        mu.mass * jnp.abs(a[:, 0]) * jnp.linalg.norm(w, axis=1)
    ) * jnp.linalg.norm(x, axis=1)
    return (
        gamma(mu.m, u) + gamma(mu.m / parts + parts, u) + 2 * gamma(x.shape[1] + 8, u)
    ) * np.asarray(size, float)


mu = mf.Particles.gaussian(key, unit, m=4000, d=20)
one, all_of_them = (
    np.asarray(objective.predict(mf.shard(mu, these)), float)
    for these in (devices[:1], devices)
)
with jax.enable_x64(True):
    exact = objective_of(20)
    x = np.asarray(objective.x, float)
    exact = np.asarray(exact.predict(mf.Particles(np.asarray(mu.position, float)), x))
for name, value in (
    ("all devices against one", all_of_them - one),
    ("one device against 64 bits", one - exact),
):
    share = np.max(np.abs(value) / bound(mu, objective.x, 2.0**-24, len(devices)))
    print(
        f"{name}: largest difference {np.max(np.abs(value)):.1e}, {share:.1e} of the bound"
    )
    assert share <= 1
assert np.max(np.abs(one - exact) / bound(mu, objective.x, 2.0**-53, len(devices))) > 1

# %% [markdown]
# ## How long a step takes
#
# `meanfield bench` measures this machine in two minutes: the time of a step at eight
# shapes (more on a GPU, up to $m = 10^8$), plain JAX taking turns with it, and the
# share of the machine's own limit that is reached. Here is the idea of it in a few
# lines: the time of a step in $m$, on one device, least of two loops in each of four
# rounds. Where arithmetic decides it is proportional to $m$. Below, caches help a
# processor, and a GPU shows what it costs to start a step, up to a much larger $m$:
# look where the line is straight before you believe an exponent. Other work on the
# machine is in the error bar.

# %%
sizes = np.array([16000, 64000, 256000])
plain = objective_of(20, n=64)
seconds = np.empty((4, len(sizes)))


@jax.jit
def step(position):
    return position + 1e-3 * plain.velocity(mf.Particles(position))


starts = [mf.Particles.gaussian(key, unit, m=int(m), d=20).position for m in sizes]
for position in starts:
    step(position).block_until_ready()  # compiled before it is timed
for i in range(len(seconds)):
    for j, position in enumerate(starts):
        tries = []
        for _ in range(2):
            began = time.perf_counter()
            step(position).block_until_ready()
            tries.append(time.perf_counter() - began)
        seconds[i, j] = min(tries)

law = simulations.fit_power_law(sizes, seconds)
print(
    f"seconds of a step ∝ m^p with p = {law.slope:.2f} ± {law.width:.2f} (95 % over rounds)"
)
assert np.all(seconds > 0)

# %%
with styled():
    figure, axes = plt.subplots(figsize=(5, 3.4), layout="constrained")
    points(axes, sizes, seconds, "measured", LAZY)
    mean = np.exp(np.log(seconds[:, -1]).mean())
    proportional = mean * sizes / sizes[-1]
    axes.plot(
        sizes, proportional, color=THEORY, ls="--", label="theory: proportional to m"
    )
    axes.set(xscale="log", yscale="log", xlabel="particles m")
    axes.set(ylabel="time of a step (seconds), n = 64, d = 20")
    axes.set(title=f"A step takes as m^p, p = {law.slope:.2f} ± {law.width:.2f}")
    axes.set_xticks(sizes, [str(m) for m in sizes])
    axes.xaxis.minorticks_off()
    axes.legend()
plt.show()

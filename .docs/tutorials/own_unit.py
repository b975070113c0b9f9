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
# # Your own unit, loss and penalty
#
# A unit, a loss, a penalty are small objects, and yours count as much as those of the
# package: all flows, observables and kernels take them. Here a bump replaces the
# neuron, a robust loss the square, and a penalty of your own holds the bumps together.
# Each is checked against `jax.grad` of the formula before anything is believed.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import meanfield as mf
from figures.style import GREY, LAZY, MEAN_FIELD, THEORY, styled

# %% [markdown]
# ## A unit
#
# $$\Phi(\theta; x) = a\, e^{-\lvert x - c \rvert^2 / 2 s^2}, \qquad \theta = (a, c_1, \ldots, c_d).$$
#
# A unit needs three members: `outputs`, `size(d)` (how many parameters a particle has)
# and `__call__`. Output weights come first in $\theta$, and $\Phi$ is linear in them.
# The width $s$ is a field: one number for all particles.


# %%
class Bump(mf.AbstractUnit):
    width: float
    outputs: int = 1

    def size(self, d):
        return 1 + d

    def __call__(self, theta, x):
        return theta[0] * jnp.exp(
            -jnp.sum(jnp.square(x - theta[1:])) / (2 * self.width**2)
        )


# %% [markdown]
# If only the activation is yours there is nothing to write: `mf.Neuron(jnp.sin)`.
#
# ## A loss
#
# A loss says what it takes for targets, the risk $R(f)$, and the residual
# $r_i = n\, \partial R / \partial f_i$. This one is quadratic for small errors and
# linear for large ones:
#
# $$R(f) = \frac1n \sum_i \log\cosh(f_i - y_i), \qquad r_i = \tanh(f_i - y_i).$$


# %%
class LogCosh(mf.AbstractLoss):
    def targets(self, y, outputs, dtype):
        return mf.Square().targets(
            y, outputs, dtype
        )  # any real numbers, in the shape of the outputs

    def risk(self, f, y):
        error = f - y
        return jnp.mean(jnp.logaddexp(error, -error) - jnp.log(2.0))

    def residual(self, f, y):
        return jnp.tanh(f - y)


# %% [markdown]
# ## A penalty
#
# Any function of one particle's $\theta$. This one costs nothing inside the unit box
# and grows outside:


# %%
def fence(theta):
    return 0.05 * jnp.sum(jnp.square(jax.nn.relu(jnp.abs(theta[1:]) - 1)))


# %% [markdown]
# ## Checked
#
# The residual is a derivative that you wrote by hand, so it is the place for a slip.
# And the velocity $-m\, \nabla_{\theta_j} F$ that the engine forms from your pieces
# must be that of $F$ written out in one line. Both are compared in 64-bit numbers,
# where rounding is about $10^{-16}$.


# %%
def written_out(position, x, y, alpha):
    phi = position[:, :1] * jnp.exp(
        -jnp.square(x.T - position[:, 1:]) / (2 * 0.3**2)
    )  # [m, n], for d = 1
    error = alpha * jnp.mean(phi, axis=0) - y
    penalty = 0.05 * jnp.square(jnp.maximum(jnp.abs(position[:, 1]) - 1, 0))
    return jnp.mean(jnp.log(jnp.cosh(error))) / alpha**2 + jnp.mean(penalty)


with jax.enable_x64(True):
    rng = np.random.default_rng(0)
    x, y, f = rng.uniform(-1, 1, (20, 1)), rng.normal(size=20), rng.normal(size=20)
    by_hand = LogCosh().residual(f, y)
    by_jax = 20 * jax.grad(LogCosh().risk)(f, y)
    print("residual: largest difference", float(jnp.max(jnp.abs(by_hand - by_jax))))
    np.testing.assert_allclose(by_hand, by_jax, atol=1e-14)

    mu = mf.Particles(rng.normal(size=(7, 2)))
    objective = mf.Objective(Bump(0.3), LogCosh(), x, y, scale=3.0, penalty=fence)
    by_engine = objective.velocity(mu)
    by_jax = -mu.m * jax.grad(written_out)(mu.position, x, y, 3.0)
    print("velocity: largest difference", float(jnp.max(jnp.abs(by_engine - by_jax))))
    np.testing.assert_allclose(by_engine, by_jax, atol=1e-14)

# %% [markdown]
# Would the check see a mistake? A residual without its derivative (the error itself)
# must be turned down:

# %%
with jax.enable_x64(True):
    wrong = float(jnp.max(jnp.abs((f - y) - 20 * jax.grad(LogCosh().risk)(f, y))))
print("a wrong residual differs by", wrong)
assert wrong > 0.1

# %% [markdown]
# ## Simulated
#
# A wave on the line, one target in ten far off. The square loss runs after them, the
# robust one does not. The start is bumps of height zero at independent places.
# Everything is drawn from one seed, so that five seeds give an error bar.


# %%
def problem(seed):
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(-1, 1, (100, 1)), axis=0)
    truth = np.sin(3 * np.pi * x[:, 0] / 2)
    y = truth + 0.1 * rng.normal(size=100) + 4.0 * (rng.uniform(size=100) < 0.1)
    return (
        x,
        y,
        truth,
        mf.Particles(np.column_stack([np.zeros(200), rng.uniform(-1, 1, 200)])),
    )


def furthest(objective, mu):
    return jnp.max(jnp.abs(mu.position[:, 1]))


runs, errors = {"square": [], "log cosh": []}, {"square": [], "log cosh": []}
for name, loss in {"square": mf.Square(), "log cosh": LogCosh()}.items():
    for seed in range(5):
        x, y, truth, mu = problem(seed)
        objective = mf.Objective(Bump(0.3), loss, x, y, scale=10.0, penalty=fence)
        run = mf.simulate(
            objective,
            mf.GradientFlow(0.5),
            mu,
            times=400.0,
            observables={"furthest": furthest},
        )
        runs[name].append(run)
        errors[name].append(
            float(np.sqrt(np.mean(np.square(objective.predict(run.particles) - truth))))
        )
assert all(run.done for name in runs for run in runs[name])

# %% [markdown]
# An observable of your own is a function of objective and particles: `furthest` says
# how far the fence let bumps go. What counts is the error against the truth, which no
# training target holds. Both losses had the same five data sets, so their difference is
# taken data set by data set.

# %%
print(
    f"the furthest bump stands at {max(run.values['furthest'][-1] for run in runs['log cosh']):.3f}"
)
assert max(run.values["furthest"][-1] for run in runs["log cosh"]) < 1.2
for name, values in errors.items():
    print(f"{name:9}root mean square error against the truth {np.mean(values):.3f}")
gain = np.log(errors["square"]) - np.log(errors["log cosh"])
half = 2.776 * gain.std(ddof=1) / np.sqrt(5)  # Student, 95 %, four degrees of freedom
print(f"log(error of square / error of log cosh) = {gain.mean():.2f} ± {half:.2f}")
assert gain.mean() > half

# %%
x, y, truth, _ = problem(4)
with styled():
    figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
    axes.plot(x[:, 0], y, ".", color=GREY, label="targets, one in ten spoilt")
    axes.plot(x[:, 0], truth, color=THEORY, label="truth")
    for name, color in (("square", LAZY), ("log cosh", MEAN_FIELD)):
        axes.plot(
            x[:, 0],
            runs[name][4].objective.predict(runs[name][4].particles),
            color=color,
            lw=1.8,
            label=name,
        )
    axes.set(
        title="The robust loss resists what is spoilt",
        xlabel="input x",
        ylabel="output f(x), target y",
    )
    axes.legend()
plt.show()

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
# # Your own study
#
# A study is a question, the runs that answer it, and claims about the answer. Each
# claim has a check whose tolerance is an error bar, and a control: a deliberately wrong
# setting in which the same check must fail. A check that passes whatever is put in says
# nothing.
#
# The question here: two networks of $m$ particles are trained at $\alpha = 1$ from
# independent starts. How far apart do they end? As $m \to \infty$ both follow the same
# flow of measures, and the rest falls as $m^{-1/2}$. At $\alpha = \sqrt m$ it does not:
# there the start is a Gaussian process of fixed size, and so is what remains of it.

# %%
import tempfile

import jax
import numpy as np

import figures
import meanfield as mf
import simulations
from simulations import checks, count, number
from theory.initial_law import output_covariance
from theory.prediction import Prediction

# %% [markdown]
# ## An experiment
#
# A study is made of experiments. An experiment is a class whose fields are the
# parameters of a run: each with its default, its symbol, what it is and what is
# allowed. They are the address under which a run is stored, so everything that decides
# the result belongs here; the seed is a field of every experiment. `sizes` says which
# runs there are: all combinations of the values in brackets.
#
# `run` returns named arrays, and a status where a simulation ended early. At the start the predictor is known exactly at every $m$:
# $\mathbb{E} f(x)^2 = (\alpha^2 / m)\, \mathbb{E}\, \sigma(w \cdot x)^2$. Theory comes
# from the package `theory`, which shares no code with the engine. Random numbers come
# from named streams, `self.key("…")`, and `precision` is entered before a run.


# %%
class Pairs(simulations.Experiment):
    """Pairs of networks from independent starts."""

    particles: int = count(100, "m", "particles of each network")
    exponent: float = number(
        0.0, "p", "output scale α = m^p: 0 mean-field, 0.5 neural-tangent"
    )
    time: float = number(4.0, "T", "training", unit="mean-field time", above=0)
    replicas: int = count(32, "", "pairs of networks in one run, averaged")

    precision = "float32"
    sizes = simulations.grid(
        smoke={"particles": (32, 128, 512), "exponent": (0.0, 0.5), "seeds": 7},
        default={
            "particles": (32, 128, 512, 2048),
            "exponent": (0.0, 0.5),
            "seeds": 10,
        },
        large={
            "particles": (32, 128, 512, 2048, 8192),
            "exponent": (0.0, 0.5),
            "seeds": 50,
        },
    )

    def run(self):
        m = self.particles
        data = mf.datasets.teacher(
            jax.random.key(0), n=24, d=3, n_test=100
        )  # the same for all runs
        unit, alpha = mf.Neuron("relu"), float(m**self.exponent)
        objective = mf.Objective(unit, mf.Square(), data.x, data.y, scale=alpha)
        keys = jax.random.split(self.key("starts"), 2 * self.replicas)
        ends = mf.simulate_replicas(
            objective,
            mf.GradientFlow(0.1),
            [mf.Particles.gaussian(key, unit, m=m, d=3) for key in keys],
            times=[0.0, self.time],
            observables=[mf.Predictions(data.x_test)],
        )
        outputs = np.stack([end.values["predictions"] for end in ends])
        apart = np.square(outputs[::2] - outputs[1::2])  # [pairs, times, inputs]
        exact = np.mean(np.diag(output_covariance(data.x_test, m, alpha, "relu")))
        return {
            "times": ends[0].times,
            "distance": np.sqrt(np.mean(apart, axis=(0, 2)) / 2),
            "power": np.mean(np.square(outputs), axis=(0, 2)) / exact,
        }, next((end.status for end in ends if not end.done), "done")


# %% [markdown]
# Where a run is one simulation, a `simulations.Simulation` says what it consists of
# (`problem`, `start`, `flow`, `times`, `observe`), and its seeds are trained together in
# one program, as the pairs are here.
#
# ## Claims
#
# `claim` takes a name, a sentence, the prediction, and a check of `simulations.checks`
# with its settings. `control` is what is replaced in the wrong setting, and `wrong`
# says so in words. `slope` fits an exponent seed by seed; `mean` takes the mean over
# seeds; the relation of the prediction decides what is asked of it. Both use Student's
# interval over seeds at the level of one false alarm in a thousand.

# %%
CHAOS = Prediction(
    -0.5, "slope", "α = 1, independent particles, fixed time, m → ∞", "mei2018mean"
)
START = Prediction(
    1.0, "=", "independent units, Gaussian weights of variance 1, every m", "meanfield"
)


def at_end(record):
    return float(record["distance"][-1])


def power_at_start(record):
    return float(record["power"][0])


def power_at_end(record):
    return float(record["power"][-1])


claims = (
    simulations.claim(
        "chaos",
        "two trained networks differ by O(m^-1/2)",
        CHAOS,
        checks.slope,
        select=simulations.runs("distance", exponent=0.0),
        x="particles",
        value=at_end,
        wrong="α = √m",
        control={"select": simulations.runs("distance", exponent=0.5)},
    ),
    simulations.claim(
        "start",
        "m f² at the start over its exact mean",
        START,
        checks.mean,
        select=simulations.runs("power"),
        value=power_at_start,
        what="m f² / (α² E σ²)",
        widest=0.3,  # a larger error decides nothing; a fifth of the prediction if not said
        wrong="after training",
        control={"value": power_at_end},
    ),
)

STAYS = Prediction(0.0, "slope", "α = √m, independent particles, m → ∞", "lee2018deep")

STUDY = simulations.Study(
    "independent_starts",
    "limits",
    "two networks trained from independent starts come together as m grows",
    experiments=(Pairs,),
    claims=claims,
    panels=(
        simulations.Panel(
            "Closer at α = 1, and not at α = √m",
            Pairs.at("distance"),
            x="particles",
            y=at_end,
            series="exponent",
            theory={0.0: CHAOS, 0.5: STAYS},
            ylabel="root mean square distance",
        ),
    ),
)

# %% [markdown]
# ## Run, stored
#
# Each run is one file under `records/`, at the hash of its parameters. The same call
# again computes nothing: a sweep that was stopped goes on where it was.

# %%
folder = tempfile.TemporaryDirectory()
records = simulations.run(STUDY, "smoke", out=folder.name)
print(records, "statuses:", sorted({record.status for record in records}))
assert len(records) == 42

there = []
simulations.run(
    STUDY, "smoke", out=folder.name, report=lambda now: there.append(now.found)
)
print(f"the second time {there[-1]} of {len(records)} runs were there")
assert there[-1] == len(records)

# %% [markdown]
# ## Verified
#
# A claim counts when its check passes and its control fails. The errors are half-widths
# of 99.9 % intervals. `simulations.print_ledger(entries, sys.stdout)` makes a table of
# them.

# %%
entries = simulations.verify(STUDY, records)
for entry in entries:
    found, wrong = entry.verdict, entry.control
    print(f"{entry.claim.name}: {entry.claim.statement}")
    print(
        f"   predicted {found.expected}, found {found.measured:.3f} ± {found.error:.3f}"
    )
    print(f"   control, {entry.claim.wrong}: {wrong.measured:.3f} ± {wrong.error:.3f}")
    assert found.passed
    assert wrong.passed is False

# %% [markdown]
# Too few records decide nothing, and the verdict says what is missing. It is neither
# passed nor failed.

# %%
(undecided,) = (
    entry
    for entry in simulations.verify(STUDY, records.where(seed=0))
    if entry.claim.name == "chaos"
)
print(undecided.passed, "-", undecided.verdict.statistic)
assert undecided.passed is None

# %% [markdown]
# ## Drawn
#
# The study says what its panels show, and `figures.draw` draws them: means over seeds
# with the intervals of the verdicts, and theory in black, here through the last point.
# `draw=` of a study takes any function from records to a matplotlib figure instead.

# %%
from IPython.display import Image

figure = figures.draw(STUDY, records)
assert figure.axes[0].get_title("left") == "Closer at α = 1, and not at α = √m"
(picture,) = figures.render(STUDY, records, "png")
Image(picture)

# %% [markdown]
# Records are also a table with named dimensions (extra `data`).

# %%
table = records.to_xarray("distance").distance.isel(time=-1)
print(dict(table.sizes))

# %% [markdown]
# ## In several processes, from the command, on a cluster
#
# The same study runs in two processes with `simulations.run(STUDY, workers=2)`, here in
# a notebook as in a script, or on a cluster with `scheduler="tcp://…"` (dask). In a file
# of its own it is as a packaged one:
#
# ```text
# meanfield run own_study.py --size smoke --workers 2
# meanfield run own_study.py/pairs --particles 64 256 --exponent 0 0.25 0.5 --seeds 7
# meanfield verify own_study.py --size smoke
# ```
#
# and its claims are a test of your own repository in three lines:
#
# ```python
# @pytest.mark.parametrize("entry", simulations.verify(STUDY), ids=str)
# def test_claims(entry):
#     assert entry.passed
# ```

# %% [markdown]
# A study that should stay gets a file in `simulations/` and a figure of the same name
# in `figures/`; the contributor's page says how, and which tests then look at it.

# %%
chaos = entries[0].verdict
print(
    f"exponent {chaos.measured:.3f} ± {chaos.error:.3f} (99.9 %), predicted {chaos.expected}"
)
folder.cleanup()

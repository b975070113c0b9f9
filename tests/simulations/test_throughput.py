"""The throughput study: what it measures, and that its checks can fail. Times are not asserted here,
where other programs run beside; `--validate` does.
"""

import numpy as np
import pytest

import figures
import simulations
from simulations.records.record import Record, Records, runs
from simulations.scale import throughput, timing
from simulations.scale.descent_steps import engine, plain_step, problem
from simulations.verdicts.checks import median_slope, slope

STUDY = simulations.find("throughput")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Records of every part of the study, at sizes of no weight."""
    out = tmp_path_factory.mktemp("throughput")
    small = {"repeats": 2}
    grids = [
        {"experiment": "particles", "particles": [300, 600, 1200], **small},
        {"experiment": "square", "particles": [300, 600, 1200], "kernel": "sorted", **small},
        {"experiment": "panel", "particles": [300], "samples": 500, "dimension": [2, 10], **small},
        {"experiment": "dense", "particles": [3000], "samples": 3000, **small},
    ]
    return Records([record for grid in grids for record in simulations.sweep(STUDY, grid, out=out)])


def test_records_hold_what_the_claims_ask_for(tiny):
    assert all(record.status == "done" for record in tiny)
    assert all(np.all(record["seconds"] > 0) for record in tiny)
    (plane, space) = tiny.where(experiment="panel")
    assert plane["label"][0] == "sorted"
    assert {len(space[name]) for name in ("seconds", "plain_seconds")} == {2}
    assert space["rate"][0] > space["bandwidth"][0] / 100 > 0


def test_all_programs_take_the_same_step():
    """The baseline is a baseline only if it computes the same thing."""
    position, x, y = (np.asarray(part, float) for part in problem(200, 100, 3))
    (ours,) = (leaf for leaf in _leaves(engine(200, 100, 3, "blocked").call()) if leaf.shape == (200, 4))
    plain = plain_step(200, 100, 3, 1)
    assert plain is not None
    a, w = position[:, :1], position[:, 1:]
    z = w @ x.T
    r = (a.T @ np.maximum(z, 0))[0] / 200 - y
    gradient = np.hstack([np.maximum(z, 0) @ r[:, None], a * ((z > 0) * r) @ x]) / 100
    expected = position - 0.1 * gradient
    # Sums of 300 terms below 20, and a step of a tenth.
    bound = 300 * 20 * np.finfo(np.float32).eps
    assert np.abs(ours - expected).max() <= bound
    assert np.abs(np.asarray(plain()) - expected).max() <= bound


def _leaves(tree):
    import jax

    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]


def test_memory_is_told_from_the_dense_kernel(tiny):
    (entry,) = (entry for entry in simulations.verify(STUDY, tiny) if entry.claim.name == "memory")
    assert entry.verdict.passed
    assert entry.control.passed is False


def times(exponent, noise=0.0, seeds=3, points=(100, 200, 400, 800, 1600)):
    """Records whose seconds are a power of m, with disturbances that only add."""
    rng = np.random.default_rng(0)
    return Records(
        Record(
            {"experiment": "particles", "particles": m, "samples": 100, "dimension": 10, "seed": seed},
            {"seconds": 1e-9 * m**exponent * (1 + noise * rng.exponential(size=3))},
        )
        for m in points
        for seed in range(seeds)
    )


def test_a_pooled_line_shrugs_off_disturbances():
    """A measurement of five that took ten times as long, at any point, or seeds for which the machine was slower as a
    whole, change nothing; a wrong exponent is seen.
    """
    settings = {"select": runs("seconds"), "x": "particles", "value": throughput.seconds, "predicted": 1.0}

    def disturbed(exponent):
        made = list(times(exponent, noise=0.02, seeds=5))
        for k in range(5):  # another seed at every one of the five points
            made[5 * k + k].values["seconds"][:] *= 10
        for record in made:
            record.values["seconds"][:] *= 1 + record["seed"]
        return Records(made)

    good = median_slope(disturbed(1.0), **settings)
    assert good.passed
    assert good.error < 0.1
    assert not median_slope(disturbed(2.0), **settings).passed
    assert slope(disturbed(1.0), **settings).error > 10 * good.error


def test_turns_are_taken():
    """Every program is called twice a round, and only the second call is timed."""
    calls: list[str] = []
    seconds = timing.by_turns({name: lambda name=name: calls.append(name) for name in "ab"}, 3)
    assert calls == list("aabb" * 3)
    assert {name: taken.shape for name, taken in seconds.items()} == {"a": (3,), "b": (3,)}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"particles": 0}, "particles=0: expected a whole number of at least 1"),
        ({"samples": -1}, "samples=-1: expected a whole number of at least 1"),
        ({"kernel": "sort"}, "kernel='sort': expected one of auto, dense, blocked, sorted, fused"),
        ({"kernel": "sorted"}, "dimension=10: expected at most 2 with kernel=sorted"),
    ],
)
def test_parameters_that_make_no_sense(given, sentence):
    with pytest.raises(ValueError, match=sentence):
        throughput.Panel(**given)


def test_plain_jax_is_not_asked_for_what_does_not_fit():
    assert plain_step(10**8, 1000, 10, 1) is None


def test_the_figure_draws_what_there_is(tiny):
    figure = figures.draw(STUDY, tiny)
    assert [axes.get_title(loc="left")[:1] for axes in figure.axes] == ["a", "b", "c"]
    figures.draw(STUDY, Records([]))


@pytest.mark.full
def test_claims_hold_at_smoke_size(tmp_path):
    records = simulations.run(STUDY, "smoke", out=tmp_path)
    failed = [entry.claim.name for entry in simulations.verify(STUDY, records) if not entry.passed]
    assert not failed, failed


def test_a_run_says_what_it_was():
    values = throughput.Panel(particles=100, samples=50, repeats=1).run()
    assert values["label"][0] == "dense"
    assert values["shape"].tolist() == [100, 50, 10]


def test_sizes_of_a_line_take_turns():
    """All of a seed, then all of the next: a machine that is slower for a while is so for a whole line."""
    lines = [run for run in STUDY.grid("smoke", 2, 0) if run.experiment == "particles"]
    assert [run.seed for run in lines] == [0] * 3 + [1] * 3
    assert [run.particles for run in lines[:3]] == [run.particles for run in lines[3:]] == [10_000, 50_000, 250_000]


def test_plain_jax_against_itself(tiny):
    """The control of what is faster: call by call, it is not always."""
    record = next(iter(tiny.where(experiment="panel")))
    found = throughput.plain_over_itself(record)
    np.testing.assert_allclose(found, [record["plain_seconds"][1] / record["plain_seconds"][0]])
    expected = np.median(record["seconds"]) / np.median(record["plain_seconds"])
    assert throughput.over_plain(record) == pytest.approx(expected)

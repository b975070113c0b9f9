"""Summaries: verdicts from them are those from records, and the page is that of its summaries and of today's claims."""

import copy
import dataclasses
import json
import math
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import simulations
from figures import signature, summaries
from figures.page import Chapter, row, write
from figures.parts import Part, kept
from simulations import Record, Records, Study, checks
from simulations.records.record import runs
from simulations.verdicts import measured
from simulations.verdicts.checks import Estimate, student
from simulations.verdicts.measured import chosen, outcomes
from theory.prediction import Prediction

PAGE = Path(__file__).parents[2] / "figures" / "README.md"


class Draws(simulations.Experiment):
    """Draws whose mean falls as 1/m."""

    particles: int = simulations.count(10, "m", "particles")
    sizes = simulations.grid(smoke={"particles": (10, 20, 40, 80), "seeds": 7})

    def run(self):
        raise NotImplementedError


def noisy_records(seeds=7):
    """Records of a value that falls as 1/m, several outcomes in each run."""
    rng = np.random.default_rng(0)
    return Records(
        Record(
            {"experiment": "draws", "particles": m, "seed": seed},
            {"y": (1 + rng.normal(0, 0.05, 5)) / m, "won": rng.random(5) < 0.9},
            {"versions": {"meanfield": "1", "jax": "2"}, "revision": "abc", "dirty": False},
        )
        for seed in range(seeds)
        for m in (10, 20, 40, 80)
    )


def y(record, power=1.0):
    return record["y"] ** power


def scaled(record, factor=1.0):
    return record["particles"] * record["y"] * factor


def won(record, other=False):
    return record["won"] ^ other


def above(record, bound=0.0):
    return record["y"] > bound


def means_of_pairs(records):
    """Return records that are no runs: the mean of two neighbouring m, at a parameter that no run has."""
    return Records(
        Record({"seed": seed, "pair": pair}, {"y": np.mean([one["y"] for one in two], axis=0)})
        for seed in np.unique(records.column("seed")).tolist()
        for pair, two in enumerate(list(records.where(seed=seed, particles=ms)) for ms in ((10, 20), (40, 80)))
    )


@checks.check("=")
def median(records, *, select, value, shift, sides: int, level: float):
    """Compare the median outcome of all runs: a statistic of a user's own, with a function that reads no run."""
    samples = np.array([shift(np.median(seen)) for _, seen in outcomes(chosen(records, select), value)])
    return student(samples, "median", sides, level)


@checks.check(">=", proved=True)
def excess(records, *, select, fewer, value):
    """Compare the least outcome of some runs with the largest of others."""
    some, others = (np.concatenate([one for _, one in outcomes(chosen(records, of), value)]) for of in (select, fewer))
    return Estimate(float(some.min() - others.max()), 0.0, f"{len(some)} against {len(others)}")


@measured.tested
def plain(records, *, select, value, predicted: float):
    """Compare a mean without the decorator for statistics."""
    if not len(select(records)):
        raise measured.Untested("needs a run")
    found = float(np.mean([np.mean(value(record)) for record in select(records)]))
    return checks.Verdict(abs(found - predicted) < 0.1, found, 0.1, predicted, "mean")


def doubled(value):
    return 2 * value


def claims():
    """Return claims by every common check, and by statistics of a user's own."""
    one, law = Prediction(1.0, "=", "a", "meanfield"), Prediction(-1.0, "slope", "a", "meanfield")
    below, likely = Prediction(0.15, "<=", "a", "meanfield"), Prediction(0.5, ">=", "a", "meanfield")
    falls, half = {"select": runs("y"), "x": "particles", "value": y}, {"value": partial(y, power=0.5)}
    mean = {"select": runs("y"), "value": scaled, "what": "m y"}
    twice = {"value": partial(scaled, factor=2.0)}
    none, two = Prediction(0.0, ">=", "a", "meanfield"), Prediction(2.0, "=", "a", "meanfield")
    made = [
        ("mean", one, checks.mean, mean, twice),
        ("mean_above", likely, checks.mean, mean, {"predicted": 1.5}),
        ("largest", below, checks.largest, {**mean, "value": y}, {"value": partial(y, power=0.5)}),
        ("least", likely, checks.least, mean, {"value": y}),
        ("share", likely, checks.share, {**mean, "value": won}, {"value": partial(won, other=True)}),
        ("slope", law, checks.slope, {**falls, "last": 3}, half),
        ("asymptotic_slope", law, checks.asymptotic_slope, falls, half),
        ("median_slope", law, checks.median_slope, falls, half),
        ("limit", one, checks.limit, {**falls, "value": scaled, "order": 1.0, "what": "m y"}, twice),
        ("median", two, median, {"select": runs("y"), "value": scaled, "shift": doubled}, twice),
        ("excess", none, excess, {"select": runs("y", particles=10), "fewer": runs("y", particles=80), "value": y},
         {"fewer": runs("y")}),
        ("pairs", none, checks.least, {**mean, "select": means_of_pairs, "value": y}, {"predicted": 1.0}),
        ("plain", one, plain, {"select": runs("y"), "value": scaled}, twice),
        ("nothing", one, checks.mean, {**mean, "select": runs("y", particles=7)}, twice),
        ("holes", one, checks.mean, {**mean, "value": lambda record: np.log(record["y"] - 1.0)}, twice),
    ]  # fmt: skip
    return tuple(
        simulations.claim(name, name, predicted, check, wrong="it is wrong", control=control, **settings)
        for name, predicted, check, settings, control in made
    )


CLAIMS = claims()
# The page has parts of the package's studies alone, so it takes the name of one.
STUDY = simulations.Study("lazy_scaling", "regimes", "draws", experiments=(Draws,), claims=CLAIMS, sanity=CLAIMS[:2])
RECORDS = noisy_records()


def told(study=STUDY, records=RECORDS):
    """Return the summary as it is read from a file."""
    return json.loads(json.dumps(simulations.summary(study, records), allow_nan=False))


def alike(ours, theirs):
    return math.isclose(ours, theirs, rel_tol=1e-9) or (math.isnan(ours) and math.isnan(theirs))


def same(entries, others):
    for one, other in zip(entries, others, strict=True):
        assert (one.study, one.claim, one.level, one.passed) == (other.study, other.claim, other.level, other.passed)
        for verdict, wanted in ((one.verdict, other.verdict), (one.control, other.control)):
            assert (verdict.passed, verdict.statistic) == (wanted.passed, wanted.statistic)
            for name in ("measured", "error", "expected", "p", "seen"):
                ours, theirs = getattr(verdict, name), getattr(wanted, name)
                assert ours is theirs is None or alike(ours, theirs), (str(one), name, ours, theirs)
    return True


@pytest.mark.parametrize("seeds", [7, 2, 0])
def test_verdicts_are_those_of_records(seeds):
    records = noisy_records(seeds)
    entries = simulations.verify(STUDY, records)
    assert same(simulations.judge(STUDY, told(STUDY, records)), entries)
    assert sum(entry.verdict.passed is not None for entry in entries) >= {7: 13, 2: 4, 0: 0}[seeds]


def test_sanity_checks_and_another_level():
    assert same(simulations.judge(STUDY, told(), sanity=True), simulations.verify(STUDY, RECORDS, sanity=True))
    study = dataclasses.replace(STUDY, claims=[one for one in STUDY.claims if one.name != "plain"])  # it has no level
    assert same(simulations.judge(study, told(study), level=1e-6), simulations.verify(study, RECORDS, level=1e-6))


def test_too_few_seeds_decide_as_little():
    records = noisy_records(4)
    kept = told(STUDY, records)
    assert kept["short"] == "4 of 7 seeds"
    entries = simulations.verify(STUDY, records)
    assert same(simulations.judge(STUDY, kept), entries)
    assert any("undecided" in entry.verdict.statistic for entry in entries)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The paths of a gallery of this study."""
    return gallery(tmp_path_factory.mktemp("gallery"))


def gallery(directory):
    entries, sane = (simulations.verify(STUDY, RECORDS, sanity=sanity) for sanity in (False, True))
    return write([Chapter(STUDY, RECORDS, entries, sane)], directory, "smoke")


def test_outcomes_are_reduced_to_what_the_statistic_needs():
    seen = told()["claims"]
    kept = {name: claim["check"]["asked"]["value"].get("kept") for name, claim in seen.items()}
    some = {"mean": "mean", "slope": "mean", "largest": "largest", "least": "least", "share": "successes"}
    assert {name: kept[name] for name in some} == some
    assert kept["median"] == "all"
    assert "value" not in seen["mean_above"]["control"]["asked"]
    assert seen["median"]["check"]["asked"]["shift"] == {"is": "doubled", "itself": True}
    assert max(len(repr(one)) for one in seen["mean"]["check"]["asked"]["value"]["outcomes"]) < 16  # not 17 digits


def test_a_changed_number_changes_the_verdict():
    kept = told()
    before = simulations.judge(STUDY, kept)
    for name, run, change in (("mean", 0, 2.0), ("largest", 0, 5.0), ("slope", -1, 0.5), ("limit", -1, 3.0)):
        other = copy.deepcopy(kept)
        other["claims"][name]["check"]["asked"]["value"]["outcomes"][run] *= change
        after = {entry.claim.name: entry for entry in simulations.judge(STUDY, other)}
        for entry in before:
            unchanged = alike(after[entry.claim.name].verdict.measured, entry.verdict.measured)
            assert unchanged == (entry.claim.name != name)
    other["claims"]["share"]["check"]["asked"]["value"]["outcomes"] = [[0, 5]] * 28
    [share] = [entry for entry in simulations.judge(STUDY, other) if entry.claim.name == "share"]
    assert share.passed is False


def test_changed_claims_are_told():
    kept = told()
    first, *rest = STUDY.claims
    fewer = dataclasses.replace(STUDY, claims=rest)
    with pytest.raises(ValueError, match="summary: 'mean' is in it and not in the study; expected one that was made"):
        simulations.judge(fewer, kept)
    with pytest.raises(ValueError, match="summary: 'mean' is in the study and not in it"):
        simulations.judge(STUDY, told(fewer))
    with pytest.raises(ValueError, match="is of the study 'lazy_scaling', not of 'depth'"):
        simulations.judge(simulations.find("depth"), kept)
    other = dataclasses.replace(first, check=partial(first.check, value=y))
    with pytest.raises(ValueError, match="the check of 'mean' has the value y, and had scaled"):
        simulations.judge(dataclasses.replace(STUDY, claims=(other, *rest)), kept)
    other = dataclasses.replace(first, control=partial(first.control, select=runs("y", particles=10)))
    with pytest.raises(ValueError, match=r"the control of 'mean' has the select .*particles: 10.*, and had Selection"):
        simulations.judge(dataclasses.replace(STUDY, claims=(other, *rest)), kept)
    other = dataclasses.replace(first, check=partial(checks.share, **first.check.keywords))
    with pytest.raises(ValueError, match=r"has the statistic simulations.verdicts.checks.share, and had .*checks.mean"):
        simulations.judge(dataclasses.replace(STUDY, claims=(other, *rest)), kept)
    stricter = dataclasses.replace(first, check=partial(first.check, widest=1e-6))
    entry, *_ = simulations.judge(dataclasses.replace(STUDY, claims=(stricter, *rest)), kept)
    assert entry.passed is None  # a setting that is no function is that of today


def test_a_check_that_reads_records_by_itself_is_refused():
    @checks.check("=")
    def hidden(records, *, sides: int, level: float):
        return student(np.array([one["y"].mean() for one in records]), "hidden", sides, level)

    predicted = Prediction(1.0, "=", "a", "meanfield")
    claim = simulations.claim("hidden", "a", predicted, hidden, wrong="b", control={"predicted": 2.0})
    with pytest.raises(ValueError, match="claim 'hidden': its check reads more of the records than functions among"):
        simulations.summary(dataclasses.replace(STUDY, claims=(claim,)), RECORDS)
    with pytest.raises(ValueError, match=r"summary=\{\}: expected what simulations.summary made"):
        simulations.judge(STUDY, {})


def test_runs_that_ended_early_and_infinite_outcomes():
    [first, *rest] = RECORDS
    records = Records([dataclasses.replace(first, provenance={"status": "diverged"}), *rest])
    assert same(simulations.judge(STUDY, told(STUDY, records)), simulations.verify(STUDY, records))
    records = Records([dataclasses.replace(first, values={"y": np.full(5, np.inf), "won": first["won"]}), *rest])
    assert same(simulations.judge(STUDY, told(STUDY, records)), simulations.verify(STUDY, records))
    records = Records([dataclasses.replace(first, values={"y": np.full(5, np.nan), "won": first["won"]}), *rest])
    assert same(simulations.judge(STUDY, told(STUDY, records)), simulations.verify(STUDY, records))


def test_the_gallery_writes_them(written):
    *_, path, page = written
    assert path == page.parent / "gallery" / "lazy_scaling.json"
    kept = summaries.read(path)
    assert (kept["size"], kept["count"], kept["seeds"]) == ("smoke", len(RECORDS), "seeds 0 to 6")
    assert (kept["packages"], kept["revisions"]) == ("meanfield 1, jax 2", ["abc"])
    assert same(simulations.judge(STUDY, kept), simulations.verify(STUDY, RECORDS))
    assert not problems(STUDY, path, part("lazy_scaling", page), holding=False)
    assert path.read_bytes() == summaries.content(STUDY, RECORDS, "smoke")
    assert signature.SIGNATURE.encode() in path.read_bytes()[:100]


def test_files_of_somebody_else_are_refused(tmp_path):
    mine = tmp_path / "gallery" / "lazy_scaling.json"
    mine.parent.mkdir()
    mine.write_text("{}")
    with pytest.raises(ValueError, match=re.escape("lazy_scaling.json': is not a file that meanfield wrote")):
        gallery(tmp_path)
    assert mine.read_text() == "{}"
    with pytest.raises(ValueError, match="is no summary that `meanfield gallery` wrote"):
        summaries.read(mine)


def test_a_claim_without_its_row_in_the_summary_is_told(written, tmp_path):
    *_, path, page = written
    other = tmp_path / "lazy_scaling.json"
    other.write_bytes(path.read_bytes().replace(b'"median":', b'"other":', 1))
    [said] = problems(STUDY, other, part("lazy_scaling", page), holding=False)
    assert "'median' is in the study and not in it; 'other' is in it and not in the study" in said


NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[-+]\d+)?")


def shown_alike(one, other):
    """Return True for rows with equal words, and numbers that differ by no more than a unit of their last digit."""
    pairs = zip(NUMBER.findall(one), NUMBER.findall(other), strict=False)
    near = all(a == b or abs(float(a) - float(b)) <= 1.001 * max(last_digit(a), last_digit(b)) for a, b in pairs)
    return near and NUMBER.split(one) == NUMBER.split(other)


def last_digit(number):
    digits, _, power = number.partition("e")
    return 10.0 ** (int(power or 0) - len(digits.partition(".")[2]))


def test_what_is_shown_alike():
    assert shown_alike("slope −1.017 ± 0.16", "slope −1.018 ± 0.16")
    assert shown_alike("9.999e-05", "0.0001")
    assert not shown_alike("slope −1.017 ± 0.16", "slope −1.019 ± 0.16")
    assert not shown_alike("slope −1.017 ± 0.16", "slope 1.017 ± 0.16")
    assert not shown_alike("3 seeds", "3 seeds, 4")


def part(name, page):
    return kept(page.read_text(encoding="utf-8"))[name]


def problems(study: Study, path: Path, shown: Part, holding: bool = True) -> list[str]:
    """Return what does not agree between a study, its summary and its part of the page."""
    kept = summaries.read(path)
    try:
        entries = simulations.judge(study, kept)
        sane = simulations.judge(study, kept, sanity=True)
    except ValueError as problem:
        return [str(problem)]
    said = [f"{entry} does not hold: {entry.verdict}" for entry in (*entries, *sane) if holding and not entry.passed]
    holding = sum(entry.passed is True for entry in sane), len(sane)
    if shown.counts[2:] != holding:
        said.append(f"sanity checks: the summary gives {holding} and the page has {shown.counts[2:]}")
    rows = {one.split("**")[1]: one for one in shown.body.splitlines() if one.startswith("| **")}
    for entry in entries:
        made = row(entry)
        there = rows.pop(made.split("**")[1], "no row")
        if not shown_alike(made, there):
            said.append(f"{entry}: the summary gives\n{made}\nand the page has\n{there}")
    said += [f"the page has a row of {one}, which the study has not" for one in rows]
    words = [f"{kept['count']} run", kept["seeds"], kept["packages"], f"`meanfield run {study.name}"]
    words += [f"--size {kept['size']}"] if kept["size"] != "default" else []
    return said + [f"the page does not say {word!r}" for word in words if word not in shown.body]


def test_a_page_of_other_numbers_is_told(written):
    *_, path, page = written
    shown = part("lazy_scaling", page)
    line = next(one for one in shown.body.splitlines() if one.startswith("| **median**"))
    other = Part(shown.name, shown.body.replace(line, line.replace("| 2.", "| 7.").replace("| 1.", "| 7.")))
    assert other.body != shown.body
    [said] = problems(STUDY, path, other, holding=False)
    assert said.startswith("lazy_scaling: median: the summary gives\n| **median")
    [said] = problems(STUDY, path, Part(shown.name, shown.body.replace(line, "")), holding=False)
    assert said.endswith("and the page has\nno row")
    assert any("does not hold" in said for said in problems(STUDY, path, shown))


@pytest.mark.parametrize("name", simulations.STUDIES)
def test_page_from_summaries(name):
    """Where this fails, a claim or the page changed, and `meanfield gallery` was not run for the study since."""
    path, shown = PAGE.parent / "gallery" / f"{name}.json", part(name, PAGE)
    if not path.is_file():
        there = [*path.parent.glob("*.json")]
        assert not there or not shown.runs, f"no summary of {name}: run `meanfield gallery {name}`"
        pytest.skip("the gallery has no summaries yet" if not there else "the page has no runs of this study")
    found = problems(simulations.find(name), path, shown)
    assert not found, "\n".join([*found, f"Run `meanfield gallery {name}`."])


def test_no_summary_of_what_is_no_study():
    assert {path.stem for path in (PAGE.parent / "gallery").glob("*.json")} <= set(simulations.STUDIES)

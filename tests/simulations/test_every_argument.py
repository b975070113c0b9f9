"""Every public callable, each argument replaced by what users hold in its place: right, or refused in one sentence."""

import inspect
import io
import tempfile
from pathlib import Path

import jax
import numpy as np
import pytest

import meanfield as mf
import simulations
from simulations import Claim, PowerLaw, Record, Records, Study, checks
from tests.every_argument import judge, replacements
from theory.prediction import Prediction


class Draw(simulations.Experiment):
    """Draws of the tiny study."""

    particles: int = simulations.count(10, "m", "particles")
    alpha: float = simulations.number(1.0, "α", "scale")
    sizes = simulations.grid(smoke={"particles": (10, 20, 40), "seeds": 3})

    def run(self):
        draws = self.generator(f"{self.particles} particles").normal(1.0, 0.1, 3)
        return {"times": np.arange(3.0), "risk": self.alpha * draws / self.particles}


def figure(records):
    return None


def select(records):
    return records.where(alpha=1.0)


def risk(record):
    return float(record["risk"][-1])


def root(record):
    return risk(record) ** 0.5


HALF = Prediction(-1.0, "slope", "independent draws", "meanfield")
CLAIM = simulations.claim(
    "rate", "falls as 1/m", HALF, checks.slope, select=select, x="particles", value=risk, wrong="its root",
    control={"value": root},
)  # fmt: skip
PANEL = simulations.Panel("Falls", select, "particles", risk, "alpha", HALF, "xy", "m", "risk")
PARTS = {
    "name": "draws", "group": "limits", "summary": "draws", "claims": (CLAIM,), "draw": figure, "panels": (PANEL,),
}  # fmt: skip
STUDY = Study(**PARTS, experiments=(Draw,))
RECORDS = simulations.run(STUDY, "smoke")
FILMED = mf.simulate(
    mf.Objective(mf.Neuron("relu"), mf.Square(), np.eye(2), np.ones(2)), mf.GradientFlow(0.5),
    mf.Particles.gaussian(jax.random.key(0), mf.Neuron("relu"), m=4, d=2), times=[0, 1], observables=[mf.Positions()],
)  # fmt: skip
RECORD = next(iter(RECORDS))
X = np.array([10.0, 100.0, 1000.0])
TABLE = np.outer([1.0, 2.0, 4.0], [0.1, 0.01, 0.001]) * np.random.default_rng(0).lognormal(0.0, 0.1, (3, 3))
LAW = simulations.fit_power_law(X, TABLE)
PLACE = Path(tempfile.mkdtemp())
simulations.run(STUDY, "smoke", out=PLACE)


class Throws(simulations.Experiment):
    """Throws of dice."""

    dice: int = simulations.count(10, "n", "dice")
    sizes = simulations.grid(smoke={"seeds": 2})

    def run(self):
        return {"mean": self.generator("dice").integers(1, 7, self.dice).mean()}


THROWS = Study("throws", "limits", "means of dice", experiments=(Throws,))

OF_DICE = simulations.claim(
    "mean", "The mean is a half.", simulations.reading(3.5, 0.5, "meanfield"), checks.mean,
    select=Throws.at("mean"), value=lambda record: record["mean"], what="mean", wrong="twice it",
    control={"value": lambda record: 2 * record["mean"]},
)  # fmt: skip
FIGURE = simulations.PublishedFigure("1a", "Means of dice.", (Throws,), ("mean",), "A table.", "Nothing.")
PUBLISHED = Study("throws", "published", "means of dice", experiments=(Throws,), claims=(OF_DICE,), published=(FIGURE,))


def field_of(made):
    """The default of a field, and what its kind says of it."""
    (kind,) = made.metadata.values()
    return [made.default, kind.help, kind.allowed()]


def verdict(check):
    """The check, of whose verdict only what was measured is looked at; NaN is how a verdict says that nothing was."""

    def told(**arguments):
        found = check(**arguments)
        return [found.passed, found.expected, *([] if found.passed is None else [found.measured, found.error])]

    return told


def printed(name, argument, value):
    """A call of what prints an answer, which returns what it wrote; and its arguments."""

    def call(stream, **answer):
        getattr(simulations, f"print_{name}")(answer[argument], stream)
        return stream.getvalue() if isinstance(stream, io.StringIO) else None

    return call, {argument: value, "stream": io.StringIO()}


ANSWERS = (
    ("calibration", "rows", simulations.calibrate(STUDY, "smoke", 1, out=PLACE)),
    ("ledger", "entries", simulations.verify(STUDY, RECORDS)),
    ("sanity", "entries", simulations.verify(STUDY, RECORDS)),
    ("status", "rows", simulations.status(PLACE)),
    ("table", "made", simulations.table(RECORDS)),
    ("untested", "entries", simulations.verify(STUDY, RECORDS)),
)


def one_run(records):
    return select(records).where(seed=0, particles=10)


MEAN = {"records": RECORDS, "select": select, "value": risk, "predicted": 0.05, "what": "risk"}
SLOPE = {"records": RECORDS, "select": select, "x": "particles", "value": risk, "predicted": -1.0}
CHECKS = {
    "slope": {**SLOPE, "last": 0, "relation": "slope", "attained": False},
    "asymptotic_slope": {**SLOPE, "last": 0},
    "median_slope": SLOPE,
    "limit": {**SLOPE, "order": 1.0, "what": "risk"},
    "mean": {**MEAN, "relation": "<=", "attained": True, "accuracy": 0.01},
    "single": {**MEAN, "select": one_run},
    **dict.fromkeys(("largest", "least", "share"), MEAN),
}

CALLS = {
    "Claim": (
        Claim,
        {
            "name": "a",
            "statement": "b",
            "reference": "c",
            "relation": "=",
            "check": select,
            "control": select,
            "wrong": "d",
        },
    ),
    "Record": (Record, {"parameters": {"m": 1}, "values": {"v": np.ones(2)}, "provenance": {}}),
    "Record.__getitem__": (RECORD.__getitem__, {"name": "risk"}),
    "Records": (Records, {"records": [RECORD]}),
    "Records.where": (
        lambda condition, particles, alpha: [*RECORDS.where(condition, particles=particles, alpha=alpha)],
        {"condition": lambda record: True, "particles": 10, "alpha": 1.0},
    ),
    "Records.column": (RECORDS.column, {"name": "particles"}),
    "Records.last": (RECORDS.last, {"name": "risk"}),
    "Records.to_pandas": (
        lambda names: RECORDS.to_pandas(names).values.astype(float, copy=False)[:, 0],
        {"names": "risk"},
    ),
    "Records.to_xarray": (lambda names: RECORDS.to_xarray(names).risk.values, {"names": "risk"}),
    "Study": (lambda **parts: Study(**parts, experiments=(Draw,)).name, PARTS),
    "Panel": (
        simulations.Panel,
        {
            "title": "a",
            "select": select,
            "x": "particles",
            "y": risk,
            "series": "alpha",
            "theory": HALF,
            "log": "xy",
            "xlabel": "m",
            "ylabel": "risk",
        },
    ),
    "judge": (
        lambda study, summary, level, sanity: [
            entry.verdict.measured for entry in simulations.judge(study, summary, level=level, sanity=sanity)
        ],
        {"study": STUDY, "summary": simulations.summary(STUDY, RECORDS), "level": 1e-3, "sanity": False},
    ),
    "summary": (
        lambda study, records: simulations.summary(study, records)["runs"]["settings"][0][1],
        {"study": STUDY, "records": RECORDS},
    ),
    "keep_costs": (
        lambda study, size, records: str(simulations.keep_costs(study, size, records)),
        {"study": THROWS, "size": "smoke", "records": simulations.run(THROWS, "smoke")},
    ),
    "Study, of experiments": (
        lambda experiments: [one.name for one in Study("a", "b", "c", experiments=experiments).experiments],
        {"experiments": (Throws,)},
    ),
    "Animation": (
        lambda **parts: type(simulations.Animation(**parts)).__name__,
        {"experiment": Throws, "scene": simulations.motion("lazy_scaling").scene},
    ),
    "Study.experiment": (lambda experiment: THROWS.experiment(experiment).name, {"experiment": "throws"}),
    "Study.only": (lambda experiment: THROWS.only(experiment).parameters.__name__, {"experiment": "throws"}),
    "Study.making": (lambda figure: len(PUBLISHED.making(figure).experiments), {"figure": "1a"}),
    "Study.figure": (lambda figure: PUBLISHED.figure(figure).statement, {"figure": "1a"}),
    "between": (lambda low, high: simulations.between(low, high)(1.5), {"low": 1.0, "high": 2.0}),
    "choice": (
        lambda **kind: field_of(simulations.choice(**kind)),
        {"default": "a", "about": "b", "among": ("a", "c")},
    ),
    "count": (
        lambda **kind: field_of(simulations.count(**kind)),
        {"default": 4, "symbol": "m", "about": "b", "at_least": 1, "at_most": 9.0, "multiple_of": 2},
    ),
    "flag": (lambda **kind: field_of(simulations.flag(**kind)), {"default": True, "about": "b"}),
    "number": (
        lambda **kind: field_of(simulations.number(**kind)),
        {"default": 0.5, "symbol": "h", "about": "b", "unit": "c", "above": 0.0, "at_most": 9.0, "batched": True},
    ),
    "number, the other bounds": (
        lambda **kind: field_of(simulations.number(**kind)),
        {"default": 0.5, "at_least": 0.0, "below": 9.0},
    ),
    "reading": (
        lambda value, accuracy, reference, relation: (
            simulations.reading(value, accuracy, reference, relation=relation).value
        ),
        {"value": 0.5, "accuracy": 0.1, "reference": "meanfield", "relation": "<="},
    ),
    "Study.make": (STUDY.make, {"values": {"particles": 10}}),
    "Study.combinations": (STUDY.combinations, {"grid": {"particles": [10]}}),
    "PowerLaw.__call__": (LAW, {"x": 10.0}),
    "Plan.execute": (
        lambda in_flight, executor, report: simulations.prepare(STUDY, "smoke").execute(report, executor, in_flight),
        {"in_flight": 2, "executor": None, "report": None},
    ),
    "execute": (
        lambda plans, **more: simulations.execute(plans, **more),
        {"plans": [simulations.prepare(STUDY, seed=0)], "in_flight": 2, "executor": None, "report": None},
    ),
    "claim": (
        lambda **parts: simulations.claim(**parts, select=select, x="particles", value=risk),
        {
            "name": "a",
            "statement": "b",
            "predicted": HALF,
            "check": checks.slope,
            "wrong": "c",
            "control": {"predicted": 1.0},
        },
    ),
    "coerce": (lambda value: simulations.coerce("value", float, value), {"value": 0.5}),
    "compare": (simulations.compare, {"study": PUBLISHED, "figure": "1a", "records": RECORDS}),
    "complete": (simulations.complete, {"study": STUDY, "directory": PLACE, "size": "smoke", "strict": False}),
    "all_passed": (simulations.all_passed, {"parts": [True, None]}),
    "by_chance": (simulations.by_chance, {"count": 3, "level": 0.01}),
    "family_level": (simulations.family_level, {"count": 30}),
    "calibrate": (
        lambda study, size, count, out: [
            (row.alarms, row.reseedings) for row in simulations.calibrate(study, size, count, out=out)
        ],
        {"study": STUDY, "size": "smoke", "count": 1, "out": PLACE},
    ),
    "computing": (
        lambda **arguments: simulations.computing(**arguments).__enter__(),
        {"executor": None, "scheduler": None},
    ),
    "differing": (simulations.differing, {"plan": simulations.prepare(STUDY, "smoke")}),
    "expected": (simulations.expected, {"plan": simulations.prepare(STUDY, "smoke")}),
    "estimate": (simulations.estimate, {"plan": simulations.prepare(STUDY, "smoke")}),
    "field_docs": (simulations.field_docs, {"parameters": Draw}),
    "find": (simulations.find, {"study": STUDY}),
    "fit_power_law": (lambda **law: numbers(simulations.fit_power_law(**law)), {"x": X, "table": TABLE, "level": 0.9}),
    "last": (lambda name: simulations.last(name)(next(iter(RECORDS))), {"name": "risk"}),
    "load": (simulations.load, {"directory": PLACE, "study": "draws", "strict": False}),
    "motion": (simulations.motion, {"study": "lazy_scaling"}),
    "own_motion": (lambda **arguments: simulations.own_motion(**arguments)[0].scene, {"runs": FILMED, "title": "a"}),
    "transfer": (
        lambda **given: list(simulations.transfer(**given, updates=3, seeds=3).rows[0].values()),
        {
            "parametrisation": "mup",
            "optimiser": "sgd",
            "widths": [4, 6, 8],
            "x": np.eye(3),
            "y": np.ones(3),
            "factor": "ratio",
            "layers": "both",
            "momentum": 0.5,
            "activation": "relu",
            "loss": "square",
            "batch": 2,
        },
    ),
    "power_law": (
        lambda **law: numbers(simulations.power_law(**law)),
        {"records": RECORDS, "x": "particles", "value": "risk", "select": select, "level": 0.9},
    ),
    "prepare": (
        simulations.prepare,
        {"study": STUDY, "size": "smoke", "out": None, "seeds": 1, "first_seed": 0, "write": True},
    ),
    "print_comparison": (
        simulations.print_comparison,
        {"figure": FIGURE, "entries": simulations.compare(PUBLISHED, "1a", RECORDS), "stream": io.StringIO()},
    ),
    **{f"print_{name}": printed(name, argument, value) for name, argument, value in ANSWERS},
    "reporter": (
        lambda **arguments: simulations.reporter(**arguments).names,
        {"name": "a", "total": 3, "stream": io.StringIO(), "names": ["alpha"], "expected": 2.0},
    ),
    "run": (
        lambda study, particles, alpha, seed: simulations.run(study, particles=particles, alpha=alpha, seed=seed),
        {"study": STUDY, "particles": np.array([10, 20]), "alpha": 0.5, "seed": 3},
    ),
    "runs": (lambda names: simulations.runs(names)(RECORDS), {"names": "risk"}),
    "status": (simulations.status, {"directory": PLACE, "strict": False}),
    "sweep": (
        simulations.sweep,
        {"study": STUDY, "grid": {"alpha": [0.5]}, "out": None, "seeds": 1, "first_seed": 0, "strict": False},
    ),
    "table": (lambda records, level: simulations.table(records, level=level).rows, {"records": RECORDS, "level": 0.95}),
    "verify": (simulations.verify, {"study": STUDY, "records": RECORDS}),
    **{f"checks.{name}": (verdict(getattr(checks, name)), arguments) for name, arguments in CHECKS.items()},
}

NOT_CALLED = {
    # answers
    "Alarms", "Batch", "Entry", "Estimate", "PublishedFigure", "Reading",
    "OwnMotion", "Plan", "PowerLaw", "Progress", "Scene", "Status", "Table", "TransferReport",
    "Verdict",
    "DamagedRecord", "NoWorkers", "NotSendable", "OtherCode",  # exceptions
    "Experiment", "Simulation", "Simulations", "Setup", "grid", "shared",  # tested with an experiment and its fields
    "GROUPS", "MOTIONS", "PUBLISHED", "STUDIES", "checks",  # values
}  # fmt: skip

MAPPINGS = {
    ("grid", "smoke"),
    ("Study.make", "values"),
    ("Study.combinations", "grid"),
    ("sweep", "grid"),
    ("claim", "control"),
}

NO_METHODS = {"Records.done", "Record.status", "Plan.there", "Plan.batches", "Study.about"}
NO_METHODS |= {"Study.grid"}  # whose sizes and seeds are checked by `prepare`


def numbers(law: PowerLaw) -> list:
    return [law.slope, law.prefactor, law.width, law.r_squared, law.seeds, *law.x]


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.filterwarnings("ignore:the matrix subclass")  # of the harness
@pytest.mark.full
def test_every_argument_is_right_or_refused(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    call, arguments = CALLS[name]
    failures = []
    for argument, value in arguments.items():
        for replaced in replacements(value):
            if replaced.value is None and value is None:
                continue
            try:
                if replaced.label == "a dictionary" and (name, argument) in MAPPINGS:
                    with pytest.raises(ValueError, match="='a': expected one of"):  # a mapping is right there
                        call(**{**arguments, argument: replaced.value})
                    continue
                judge(call, arguments, argument, replaced, infinite=True)
            except (AssertionError, pytest.fail.Exception) as problem:
                failures.append(f"{argument}, {replaced.label}: {problem}")
    assert not failures, "\n".join(failures)


def test_no_public_callable_is_missing():
    public = {name for name in simulations.__all__ if name not in NOT_CALLED}
    own = {name: check for name, check in vars(checks).items() if check.__class__ is not type and name[0] != "_"}
    public |= {f"checks.{name}" for name, check in own.items() if hasattr(check, "__wrapped__") and name != "one_of"}
    for kind in (Record, Records, Study, simulations.Plan):
        methods = [name for name, member in vars(kind).items() if inspect.isfunction(member) and name[0] != "_"]
        public |= {f"{kind.__name__}.{name}" for name in methods} - NO_METHODS
    assert public <= set(CALLS), sorted(public - set(CALLS))

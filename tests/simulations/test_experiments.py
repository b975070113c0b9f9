"""Studies of experiments: a user's own, with several kinds of runs, as the machinery sees them."""

import io
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf
import simulations
from meanfield.command.main import main
from simulations import Record, Records, between, checks, choice, count, flag, grid, number, runs
from simulations.records.record import canonical_text
from simulations.records.store import Store
from simulations.study.parameters import kinds
from simulations.study.simulation import batch_key, simulated
from theory.prediction import Prediction

X = np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])


class Descent(simulations.Simulation):
    """Particles on three samples."""

    particles: int = count(8, "m", "particles")
    alpha: float = number(1.0, "α", "output scale", above=0)
    time: float = number(1.0, "T", "end", unit="mean-field time", at_least=0, batched=False)
    activation: str = choice("tanh", "of the units", among=("tanh", "relu"))
    sizes = grid(
        smoke={"particles": (4, 8), "alpha": (1.0, 10.0), "seeds": 9},
        default=[{"particles": 16, "seeds": 3}, {"alpha": (2.0, 3.0)}],
    )

    def problem(self):
        return mf.Objective(mf.Neuron(self.activation), mf.Square(), X, X[:, 0] - X[:, 1], scale=self.alpha)

    def start(self):
        return mf.Particles.gaussian(self.key("start"), mf.Neuron(self.activation), m=self.particles, d=2)

    def flow(self):
        return mf.GradientFlow(0.1)

    def times(self):
        return [0.0, self.time]

    def measure(self, run):
        return {"ends": run.particles.position}

    def theory(self, start):
        return {"mass": np.sum(start.mass)}


class Bounded(simulations.Experiment):
    """Fields with bounds of every kind, of which some are other fields."""

    time: float = number(8.0, "T", "end", at_least="step")
    step: float = number(0.5, "h", "step", above=0)
    share: float = number(1.0, "", "of the largest step", above=0, below=2)
    inside: int = count(2, "k", "dimensions", at_least=2, at_most="dimension")
    dimension: int = count(6, "d", "inputs")
    particles: int = count(8, "m", "particles", multiple_of=4)

    def run(self):
        return {}


def bounded_by(field):
    """An experiment whose time is at least a field of this name."""

    class Wrong(Bounded):
        time: float = number(8.0, "T", "end", at_least=field)

    return Wrong


def test_bounds_that_are_other_fields():
    assert Bounded(time=0.5).time == Bounded().step
    assert Bounded(inside=6, share=1.99, particles=4).inside == 6
    assert kinds(Bounded)["time"].allowed() == "a number of at least step"


def test_what_runs_share_is_worked_out_once():
    made = []

    class Sharing(Bounded):
        @simulations.shared(particles=4, share=0.5)
        def data(self):
            made.append((self.particles, self.share, self.seed))
            return len(made)

        @simulations.shared(partciles=4)
        def misspelt(self):
            return 0

    assert [Sharing(particles=m, seed=s).data() for s in (0, 1) for m in (8, 12)] == [1, 1, 2, 2]
    assert made == [(4, 0.5, 0), (4, 0.5, 1)]
    assert Sharing(dimension=7).data() == 3
    with pytest.raises(ValueError, match="shared='partciles': expected one of"):
        Sharing().misspelt()


class Dice(simulations.Experiment):
    """Throws of dice."""

    dice: int = count(10, "n", "dice")
    fair: bool = flag(True, "whether all faces are as likely")
    precision = "float32"
    sizes = grid(smoke={"dice": (10, 40), "seeds": 5})

    def refusal(self):
        return "dice=13 and fair=False: expected luck." if self.dice == 13 and not self.fair else None

    def run(self):
        faces = self.generator("dice").integers(1, 7, self.dice)
        return {"mean": faces.mean(), "wide": np.asarray(jnp.zeros(1)).dtype.itemsize}


def mean(record):
    return float(record["mean"])


OLD = {"study": "own_pairs", "status": "done", "seconds": 0.1}
MEAN = Prediction(3.5, "=", "fair dice", "meanfield")
CLAIMS = (
    simulations.claim(
        "mean", "dice show 3.5 in the mean", MEAN, checks.mean, select=simulations.runs("mean", experiment="dice"),
        value=mean, what="mean", wrong="from 0 to 5", widest=5.0, control={"value": lambda record: mean(record) - 1},
    ),
)  # fmt: skip
STUDY = simulations.Study("own_pairs", "limits", "two kinds of runs", experiments=(Descent, Dice), claims=CLAIMS)


def test_a_size_is_the_runs_of_all_experiments_seed_by_seed():
    runs = STUDY.grid("smoke", None, 0)
    assert len(runs) == 2 * 2 * 9 + 2 * 5
    assert [run.seed for run in runs[:8]] == [0, 0, 0, 0, 1, 1, 1, 1]
    assert {run.experiment for run in runs} == {"descent", "dice"}
    assert [(run.alpha, run.seed) for run in STUDY.only("descent").grid("default", None, 4)] == [
        (1.0, 4), (2.0, 4), (3.0, 4), (1.0, 5), (1.0, 6)
    ]  # fmt: skip
    assert len(STUDY.grid("smoke", 2, 0)) == 2 * (4 + 2)
    assert STUDY.grid("large", None, 0) == []


def test_records_are_those_of_the_runs_alone(tmp_path):
    """36 simulations in batches of nine seeds and two scales, each as it is alone, and stored under its own address."""
    records = simulations.run(STUDY, "smoke", out=tmp_path)
    assert len(records) == 46
    assert set(records.column("experiment").tolist()) == {"descent", "dice"}
    for record in list(records.where(experiment="descent"))[::7]:
        run = Descent(**{name: record[name] for name in ("particles", "alpha", "seed")})
        with jax.enable_x64(True):
            ((alone, status),) = simulated([run])
        assert (status, record.status) == ("done", "done")
        for name in ("risk", "ends", "times", "mass"):
            np.testing.assert_allclose(record[name], alone[name], rtol=1e-12, atol=1e-14)
        assert record["ends"].dtype == np.float64
    again = []
    simulations.run(STUDY, "smoke", out=tmp_path, report=lambda now: again.append(now.found))
    assert again[-1] == 46


def test_batches_are_runs_of_one_shape():
    plan = simulations.prepare(STUDY, "smoke")
    assert sorted(len(batch) for batch in plan.batches) == [1] * 10 + [18, 18]
    one, other = Descent(alpha=2.0, seed=3), Descent()
    assert batch_key(one) == batch_key(other)
    for changed in (Descent(particles=9), Descent(time=2.0), Descent(activation="relu")):
        assert batch_key(changed) != batch_key(other)
    assert batch_key(Dice()) is None


def test_precision_is_entered_and_observed(tmp_path):
    """64 bits for the one, 32 for the other: as JAX saw it in the run."""
    records = simulations.run(STUDY, "smoke", seeds=1)
    assert {record["ends"].dtype for record in records.where(experiment="descent")} == {np.dtype(np.float64)}
    assert {int(record["wide"]) for record in records.where(experiment="dice")} == {4}
    assert {record.provenance["precision"] for record in records if "ends" in record} == {"float64"}


def test_streams_differ_by_name_and_seed():
    draws = [
        float(jax.random.uniform(run.key(name))) for run in (Descent(), Descent(seed=1)) for name in ("start", "noise")
    ]
    assert len(set(draws)) == 4
    assert Dice().generator("a").random() != Dice().generator("b").random() != Dice(seed=1).generator("b").random()
    assert Dice().generator("a").random() == Dice().generator("a").random()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Descent(alpha=0.0), r"alpha=0.0: expected a number above 0\."),
        (lambda: Descent(particles=0), r"particles=0: expected a whole number of at least 1\."),
        (lambda: Descent(particles=2.5), "particles=2.5: expected a whole number"),
        (lambda: Descent(activation="tan"), r"activation='tan': expected one of tanh, relu\."),
        (lambda: Descent(time=-1.0), "time=-1.0: expected a number of at least 0"),
        (lambda: Dice(fair="perhaps"), "fair='perhaps': expected true or false"),
        (lambda: Dice(dice=13, fair=False), "expected luck"),
        (lambda: Dice(seed=-1), "seed=-1: expected a whole number from 0 to 4294967295"),
        (lambda: simulations.sweep(STUDY, {"seed": [0, 1]}), "seed: are parameters of several experiments; expected"),
        (lambda: simulations.sweep(STUDY, {"dice": 2, "alpha": 3.0}), "are not parameters of one experiment"),
        (lambda: simulations.sweep(STUDY, {"dise": 2}), "dise.*Did you mean 'dice'"),
        (lambda: simulations.sweep(STUDY.only("dice"), {"alpha": 2.0}), "alpha"),
        (
            lambda: simulations.run(STUDY, "large"),
            "size='large': own_pairs has no runs.*expected one of smoke, default",
        ),
        (lambda: grid(smoke=3), "smoke=3: expected a mapping from parameters to values, or a list of such"),
        (lambda: grid(smal={}), "size='smal': expected one of smoke"),
        (lambda: number(1.0, above=0, at_least=0), "above=0 and at_least=0: expected one of them"),
        (lambda: number(-1.0, above=0), r"default=-1.0: expected a number above 0, by above=0.0\."),
        (lambda: number(1.0, below=2, at_most=2), "below=2 and at_most=2: expected one of them"),
        (lambda: count(3, multiple_of=2), "default=3: expected an even number of at least 2, by .*multiple_of=2"),
        (lambda: count(2, multiple_of=0), "multiple_of=0: expected a whole number of at least 1"),
        (lambda: Bounded(particles=6), r"particles=6: expected a multiple of 4 of at least 4\."),
        (lambda: Bounded(particles=0), r"particles=0: expected a multiple of 4 of at least 4\."),
        (lambda: Bounded(share=2), r"share=2.0: expected a number above 0 and below 2\."),
        (lambda: Bounded(time=0.4), r"time=0.4: expected a number of at least step=0.5\."),
        (lambda: Bounded(step=9.0), r"time=8.0: expected a number of at least step=9\."),
        (lambda: Bounded(inside=7), r"inside=7: expected a whole number from 2 to dimension=6\."),
        (lambda: bounded_by("spet"), "at_least of time='spet': expected one of .*step"),
        (lambda: bounded_by("time"), "at_least of time='time': expected one of .*step"),
        (lambda: STUDY.only("dize"), "Did you mean 'dice'"),
        (lambda: simulations.find("langevin/dice"), "experiment='dice': expected one of"),
        (lambda: simulations.Study("a", "b", "c", experiments=(Dice, Dice)), "expected names that differ"),
        (lambda: simulations.Study("a", "b", "c", experiments=(int,)), "expected a tuple of subclasses of Experiment"),
        (lambda: simulations.Study("a", "b", "c", experiments=()), r"experiments=\(\): expected a tuple of subclasses"),
    ],
)
def test_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_the_experiment_is_the_one_that_has_the_parameters():
    assert {record["experiment"] for record in simulations.sweep(STUDY, {"dice": [2, 3]}, seeds=2)} == {"dice"}
    assert len(simulations.sweep(STUDY.only("descent"), {"seed": "0:3:4"})) == 4


def test_what_another_experiment_lacks_selects_none_of_it():
    records = Records(list(simulations.run(STUDY, "smoke", seeds=1)))
    assert len(Dice.at(dice=10)(records)) == 1
    assert len(Dice.at(dice=10)(Descent.at()(records))) == 0
    with pytest.raises(ValueError, match="dicee"):
        Dice.at(dicee=10)(records)


def test_where_takes_conditions_and_extremes_as_selections_do():
    """The extreme is that of the records that meet all else; one that lacks a parameter meets no condition on it."""
    at = [(1.0, 10), (3.0, 10), (3.0, 40), (9.0, 80)]
    made = [Record({"step": step, "particles": m}, {}) for step, m in at]
    records = Records([*made, Record({"particles": 90}, {})])
    middle = records.where(step=between(2, 4), particles=max)
    assert [record.parameters for record in middle] == [{"step": 3.0, "particles": 40}]
    assert [record.parameters["particles"] for record in records.where(step=min)] == [10]
    assert len(records.where(step=between(100, 200), particles=max)) == 0
    for parameters in ({"step": between(2, 4), "particles": max}, {"step": 3.0}, {"step": min}):
        assert [*runs(**parameters)(records)] == [*records.where(**parameters)]
    wide = runs().where(lambda record: record["particles"] > 10)
    assert [record.parameters["particles"] for record in wide(records)] == [40, 80, 90]
    assert [record.parameters["particles"] for record in wide.where(step=min)(records)] == [40]
    with pytest.raises(ValueError, match=r"stepp=.*: is no parameter of the records.*Did you mean 'step'"):
        records.where(stepp=max)


def test_what_is_found_twice_is_refused():
    class Twice(Descent):
        def theory(self, start):
            return {"risk": 0.0}

    with pytest.raises(ValueError, match="twice: risk is observed, measured or predicted twice"):
        simulated([Twice()])


def test_verified_in_three_lines():
    """Few dice miss by chance once in a thousand; the control is one too low."""
    (entry,) = simulations.verify(STUDY.only("dice"))
    assert entry.passed, entry
    assert str(entry) == "own_pairs: mean"
    (short,) = simulations.verify(STUDY.only("dice"), simulations.run(STUDY.only("dice"), "smoke", seeds=3))
    assert short.control.passed in (None, False)


def test_records_of_an_earlier_form_are_left_out_with_a_word(tmp_path, caplog, monkeypatch):
    """Of schema 1, without an experiment: read and counted, in no claim and no figure, and never deleted."""
    store = Store(tmp_path, "own_pairs")
    old = {"particles": 8, "part": "descent", "seed": 0}
    with monkeypatch.context() as patch:
        patch.setattr("simulations.records.store.SCHEMA", 1)
        store.save({canonical_text(old): Record(old, {"mean": np.ones(1)}, OLD)})
    files = set(store.directory.iterdir())
    with pytest.raises(ValueError, match="no records of descent, dice, of own_pairs"):
        simulations.complete(STUDY, tmp_path)
    simulations.run(STUDY.only("dice"), "smoke", out=tmp_path)
    caplog.clear()
    found = simulations.complete(STUDY, tmp_path)
    assert len(found) == 10
    said = "1 record is of an earlier form, without experiments; they belong to no size."
    assert f"{said} They are left out." in caplog.text
    caplog.clear()
    records = simulations.load(tmp_path)
    assert (len(records), said in caplog.text) == (11, True)
    assert [record.provenance.get("schema") for record in records].count(1) == 1
    (row,) = simulations.status(tmp_path)
    assert (row.done, row.earlier, row.other, row.damaged) == (11, 1, 0, 0)
    told = io.StringIO()
    simulations.print_status([row], told)
    assert "earlier" in told.getvalue()
    assert files < set(store.directory.iterdir())
    assert len(simulations.runs(experiment="dice")(Records([Record(old, {"mean": np.ones(1)})]))) == 0


OWN = '''
"""Throws."""
import simulations
from simulations import count, grid


class Throws(simulations.Experiment):
    """Throws of dice."""

    dice: int = count(10, "n", "dice of a throw")
    sizes = grid(smoke={"dice": (10, 40), "seeds": 3})

    def run(self):
        return {"mean": self.generator("dice").integers(1, 7, self.dice).mean()}


class Coins(Throws):
    """Coins in the place of dice."""

    sizes = grid(smoke={"seeds": 2})


STUDY = simulations.Study("throws", "limits", "means of dice", experiments=(Throws, Coins))
'''


def test_from_the_command_with_workers(tmp_path, capsys, monkeypatch):
    """The experiment is named behind the file; all of it is sent to two workers by value."""
    path = tmp_path / "throws.py"
    path.write_text(OWN)
    out = ["--out", str(tmp_path / "out"), "--json"]
    assert main(["run", str(path), "--size", "smoke", "--workers", "2", *out]) == 3  # nothing is claimed
    assert len(simulations.load(tmp_path / "out")) == 8
    assert main(["run", f"{path}/coins", "--dice", "3", "5", "--seeds", "2", *out]) == 3
    found = simulations.load(tmp_path / "out").where(experiment="coins", dice=(3, 5))
    assert len(found) == 4
    capsys.readouterr()
    assert main(["run", str(path), "--dice", "7", *out]) == 2
    said = capsys.readouterr().err
    assert "dice: are parameters of several experiments; expected one of throws/throws, throws/coins." in said
    assert main(["run", f"{path}/coin", *out]) == 2
    assert "Did you mean 'coins'" in capsys.readouterr().err
    assert main(["run", f"{path}/coins", "--size", "smoke", "--dry-run", *out]) == 0
    assert json.loads(capsys.readouterr().out)["runs"] == 2


def test_of_several_complete_sizes_the_largest_is_taken(tmp_path):
    class Sized(simulations.Experiment):
        """Runs of two sizes, of which each has settings that the other has not."""

        particles: int = simulations.count(1, "m", "particles")
        sizes = simulations.grid(smoke={"particles": (1, 2), "seeds": 2}, default={"particles": (3, 4), "seeds": 2})

        def run(self):
            return {"y": float(self.particles)}

    study = simulations.Study("sized", "limits", "sizes", experiments=(Sized,))
    for size in ("smoke", "default"):
        simulations.run(study, size, out=tmp_path)
    assert set(simulations.complete(study, tmp_path).column("particles")) == {3, 4}
    assert set(simulations.complete(study, tmp_path, "smoke").column("particles")) == {1, 2}

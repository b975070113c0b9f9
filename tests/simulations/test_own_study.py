"""The tutorial's own study, in a file of the user's: with workers, from the command, and on a cluster."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import simulations
from meanfield.command.main import main

TUTORIAL = Path(__file__).parents[2] / ".docs" / "tutorials" / "own_study.py"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A file with what the tutorial says up to its first run: imports, experiment, claims, study."""
    path = tmp_path_factory.mktemp("mine") / "own_study.py"
    text, _, rest = TUTORIAL.read_text().partition("# %% [markdown]\n# ## Run, stored")
    assert rest
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def alone(path, tmp_path_factory):
    """Its records, computed in this process."""
    return simulations.run(str(path), "smoke", out=tmp_path_factory.mktemp("alone"))


def same(records, others) -> bool:
    """Return True if these are the same runs with the same numbers, in whatever order."""
    assert len(records) == len(others)
    records, others = (sorted(part, key=lambda one: sorted(one.parameters.items())) for part in (records, others))
    return all(
        (one.parameters, one.status) == (other.parameters, "done")
        and all(np.array_equal(value, other.values[name]) for name, value in one.values.items())
        for one, other in zip(records, others, strict=True)
    )


def test_two_workers_from_the_command_compute_what_one_process_does(path, alone, tmp_path, capsys):
    options = ["--size", "smoke", "--workers", "2", "--out", str(tmp_path), "--format", "png", "--json"]
    assert main(["run", str(path), *options]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["passed"], len(answer["claims"])) == (True, 2)
    assert [Path(figure).name for figure in answer["figures"]] == ["independent_starts.png"]
    assert same(simulations.load(tmp_path, "independent_starts"), alone)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_dask_computes_the_same(path, alone, tmp_path):
    pytest.importorskip("distributed", reason="the extra `cluster` holds dask.distributed")
    from tests.simulations.test_dask import cluster

    with cluster(tmp_path, 2) as (address, _):
        records = simulations.run(str(path), "smoke", out=tmp_path, scheduler=address)
    assert same(records, alone)


def test_its_experiment_has_a_grid_of_its_own(path, tmp_path, capsys):
    grid = ["--particles", "16", "32", "--exponent", "0.25", "--seeds", "3"]
    out = ["--out", str(tmp_path), "--format", "png"]
    assert main(["run", f"{path}/pairs", *grid, *out]) == 3  # no claim can be tested
    assert "distance" in capsys.readouterr().out
    assert len(simulations.load(tmp_path, "independent_starts")) == 6


def test_its_page_is_written(path, alone):
    """Picture, verdicts and numbers, as of a packaged study."""
    import figures

    study = simulations.find(str(path))
    drawn = figures.draw(study, alone)
    assert drawn.axes[0].get_xlabel() == "particles of each network, m"
    labels = {text.get_text() for text in drawn.axes[0].get_legend().get_texts()}
    assert labels == {"p = 0", "theory: ∝ $m^{-0.5}$", "p = 0.5", "theory: ∝ $m^{0}$"}
    (title,) = {one.get_title("left") for one in drawn.axes}
    assert re.match("Closer at α = 1", title)

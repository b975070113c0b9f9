"""Figures of papers are drawn from whatever runs there are: none, one, and runs of other sizes than the study's."""

import pytest

import figures
import simulations
from figures.style import EMPTY
from simulations.records.record import Records

ODD = {
    "arora2019fine/descent": {"particles": 20, "samples": 12, "tested": 8, "steps": 3},
    "arora2019fine/complexity": {"samples": 12, "tested": 8, "draws": 3},
    "cohen2021gradient/descent": {"particles": 4, "samples": 5, "duration": 4.0},
    "four_points/tangent": {"output": 3.0, "reach": 2.0, "samples": 3},
    "four_points/adaptive": {"output": 3.0, "samples": 3, "cells": 2, "time": 1.0},
    "lewkowycz2020large/warmup": {"particles": 8, "steps": 4},
    "lewkowycz2020large/phases": {"particles": 8, "steps": 4},
    "lewkowycz2020large/images": {"particles": 8, "samples": 8, "steps": 2},
}
"""Experiments of papers, each with a run that is in none of its sizes."""


@pytest.mark.parametrize("study", sorted({name.partition("/")[0] for name in ODD}))
def test_no_records(study):
    axes = figures.draw(simulations.find(study), Records([])).axes
    assert axes
    assert all(one.get_label() == EMPTY for one in axes)


@pytest.mark.parametrize("study", ODD)
def test_one_run(study, tmp_path):
    records = simulations.run(study, **ODD[study], out=tmp_path)
    assert len(records) == 1
    figure = figures.draw(simulations.find(study.partition("/")[0]), records)
    figure.savefig(tmp_path / "figure.png", dpi=30)

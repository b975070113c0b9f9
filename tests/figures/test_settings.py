"""Pictures are the same bytes whatever the user's settings of matplotlib are."""

import os
import subprocess
import sys
import warnings

import matplotlib as mpl
import pytest

import figures
import simulations

STUDY = simulations.find("noise_stability")
NONE = simulations.Records([])
FORMATS = ("png", "svg", "pdf")


@pytest.mark.parametrize(
    "settings",
    [
        {"text.usetex": True},
        {"axes.facecolor": "black", "figure.facecolor": "black", "axes.grid": True, "text.color": "red"},
        {"font.family": "monospace", "mathtext.fontset": "cm", "savefig.transparent": True, "savefig.pad_inches": 3},
        {"svg.fonttype": "path", "pdf.compression": 0, "path.sketch": (1, 100, 2), "figure.figsize": (1, 1)},
        {"axes.prop_cycle": mpl.cycler(color=["red"]), "lines.linestyle": "--", "xtick.direction": "in"},
    ],
)
@pytest.mark.turns(4)
def test_settings_of_the_user_do_not_reach_pictures(settings):
    usual = figures.render(STUDY, NONE, *FORMATS)
    with mpl.rc_context(settings):
        before = dict(mpl.rcParams)
        assert figures.render(STUDY, NONE, *FORMATS) == usual
        assert dict(mpl.rcParams) == before


def test_style_sheets_do_not_reach_pictures():
    usual = figures.render(STUDY, NONE, *FORMATS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sheet = mpl.style.context("dark_background")
    with sheet:
        assert figures.render(STUDY, NONE, *FORMATS) == usual


def test_a_backend_that_is_none_and_a_file_that_is_none_stop_no_picture(tmp_path):
    (tmp_path / "settings").write_bytes(b"text.color: \xff\n")
    code = "import sys; from meanfield.command.main import main; sys.exit(main(sys.argv[1:]))"
    records = simulations.run("lazy_scaling", samples=4, time=1.0, particles=10, out=tmp_path / "here")
    assert len(records) == 1
    for settings in ({"MPLBACKEND": "bogus"}, {"MATPLOTLIBRC": str(tmp_path / "settings")}):
        arguments = ["figure", "lazy_scaling", "--from", "here"]
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=tmp_path, check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **settings}, timeout=120,
        )  # fmt: skip
        assert "Traceback" not in done.stderr
        assert done.returncode == 0, done.stderr

"""What the command says of itself, on lines of every length, and names of studies as people write them."""

import dataclasses

import pytest

import meanfield
import simulations
from meanfield.command.command_line import described
from meanfield.command.main import COMMANDS, main
from meanfield.command.run import Run
from meanfield.command.verify import Verify

pytestmark = pytest.mark.fast


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_version(capsys, option):
    assert main([option]) == 0
    assert capsys.readouterr().out == f"meanfield {meanfield.__version__}\n"


def helped(capsys, *arguments) -> str:
    with pytest.raises(SystemExit) as left:
        main([*arguments])
    assert left.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_in_three_ways(capsys, command):
    said = helped(capsys, command, "--help")
    assert f"usage: meanfield {command}" in said
    assert helped(capsys, command, "-h") == said
    assert helped(capsys, "help", command) == said


def test_help_of_a_study(capsys):
    assert helped(capsys, "help", "run", "lazy_scaling") == helped(capsys, "run", "lazy_scaling", "-h")


@pytest.mark.parametrize(
    ("command", "usage", "words"),
    [
        ("verify", "meanfield verify [STUDY …]", "STUDY is one of lazy_scaling, "),
        (
            "gallery",
            "meanfield gallery [STUDY …]",
            "or the path of a file with a study of your own, such as ./study.py; all if none is given",
        ),
        ("status", "meanfield status [DIRECTORY]", "DIRECTORY is one that run or verify wrote; results if none"),
        ("run", "meanfield run STUDY", "STUDY is one of lazy_scaling"),
    ],
)
def test_help_says_what_words_a_command_takes(capsys, command, usage, words):
    said = helped(capsys, command, "--help")
    assert usage in said
    assert words in said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["help", "runn"], "runn is not a command: expected one of list, run, verify"),
        (["--versoin"], "Did you mean --version?"),
        (["hlep"], "Did you mean help?"),
        (["list", "all"], "'all' is not an argument of list; expected options"),
        (["verify", "limits/lazy_scaling"], "not in the group limits. Did you mean 'regimes/lazy_scaling'?"),
        (["verify", "regimes/lazy_scalin"], "Did you mean 'regimes/lazy_scaling'?"),
        (["run", "nowhere/at_all"], "expected one of regimes/lazy_scaling, "),
        (["run", "lazy_scaling", "--x", "particles"], "--x: of a grid only; expected parameters"),
        (["run", "lazy_scaling", "--particles", "2", "4", "--x", "alpha"], "x='alpha': expected a parameter"),
    ],
)  # fmt: skip
def test_what_was_meant(capsys, arguments, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("name", simulations.STUDIES)
def test_a_study_is_known_by_its_name_and_with_its_group(name):
    study = simulations.find(name)
    assert simulations.find(f"{study.group}/{name}") is study


def test_list_fits_narrow_terminals(capsys, monkeypatch):
    for columns in (40, 60, 79):
        monkeypatch.setenv("COLUMNS", str(columns))
        assert main(["list"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert max(map(len, lines)) <= columns
        assert [line.strip() for line in lines if line[:2] == "  " and line[2] != " "] == [
            *simulations.STUDIES,
            *simulations.PUBLISHED,
        ]


@pytest.mark.parametrize("kind", [Run, Verify])
def test_what_options_say_of_themselves_does_not_need_docstrings(kind):
    """Python strips them where PYTHONOPTIMIZE is 2."""
    assert described(kind) == " ".join((kind.__doc__ or "").split()) or "\n" in described(kind)
    assert all(simulations.field_docs(kind)[field.name] for field in dataclasses.fields(kind))

"""Standard streams that are closed, full, read by nobody, or of an encoding without the field's letters."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from meanfield.command.main import main
from meanfield.environment.standard_streams import dependable, in_ascii
from meanfield.simulation.progress import Quiet, progress_on

TINY = ("run", "lazy_scaling", "--samples", "4", "--time", "1", "--particles", "10")
"""A grid of one run."""


def shell(line: str, *arguments: str, cwd: Path, **settings: str):
    """A command line in which "$@" is the command, with environment variables of its own."""
    return subprocess.run(
        ["sh", "-c", line, "sh", sys.executable, "-m", "meanfield", *arguments],
        capture_output=True, cwd=cwd, check=False, timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **settings},
    )  # fmt: skip


@pytest.fixture
def stdout(monkeypatch):
    """A standard output of a given encoding, and what was written to it."""

    def made(encoding: str) -> io.BytesIO:
        content = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(content, encoding=encoding, errors="strict"))
        return content

    return made


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "koi8-r", "shift_jis", "utf-8"])
def test_letters_that_an_encoding_lacks_are_written_in_ascii(stdout, encoding):
    content = stdout(encoding)
    text = "α = √m, −1 ± 2 ≤ ∞: μ₀ ∈ ℝ³, 10⁻¹²"
    with dependable():
        print(text, end="")
        sys.stdout.flush()
    written = content.getvalue().decode(encoding)
    kept = "".join(letter if letter in written else in_ascii(letter) for letter in text)
    assert "?" not in written
    if encoding == "utf-8":
        assert written == text
    if encoding == "ascii":
        assert written == "alpha = sqrtm, -1 +/- 2 <= inf: mu_0  in  R^3, 10^-12"
    assert len(written) >= len(text) - 2, kept


def test_a_stream_is_as_strict_as_before_afterwards(stdout):
    stdout("ascii")
    with dependable():
        print("α")
    with pytest.raises(UnicodeEncodeError):
        sys.stdout.write("α")


def test_bytes_of_a_file_name_that_are_no_text_are_written_as_they_are(stdout):
    content = stdout("utf-8")
    with dependable():
        print(os.fsdecode(b"f\xff"), end="")
        sys.stdout.flush()
    assert content.getvalue() == b"f\xff"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_commands_speak_in_every_encoding(stdout, encoding):
    for arguments in ([], ["list"]):
        content = stdout(encoding)
        main(arguments)
        assert len(content.getvalue().decode(encoding)) > 500
    for arguments in (["run", "lazy_scaling", "--help"], ["verify", "-h"]):
        content = stdout(encoding)
        with pytest.raises(SystemExit):
            main(arguments)
        assert len(content.getvalue().decode(encoding)) > 500


def test_json_is_ascii_in_every_encoding(stdout):
    content = stdout("ascii")
    assert main(["list", "--json"]) == 0
    assert len(json.loads(content.getvalue())) > 20


class Full(io.StringIO):
    """A stream of a disk without room."""

    def write(self, text):
        raise OSError(28, "No space left on device")


def test_output_that_can_not_be_written_is_one_sentence(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdout", Full())
    assert main(["list"]) == 2
    said = capsys.readouterr().err
    assert said == "meanfield: standard output cannot be written to (No space left on device).\n"


def test_messages_that_can_not_be_written_stop_nothing(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(sys, "stderr", Full())
    assert main([*TINY, "--out", str(tmp_path), "--format", "png"]) in (0, 3)
    assert "lazy_scaling" in capsys.readouterr().out
    assert main(["statu"]) == 2


def test_streams_that_are_not_there(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert main(["list"]) == 0
    assert main(["lst"]) == 2
    assert isinstance(progress_on(True), Quiet)
    assert sys.stdout is None


def test_progress_on_a_closed_stream_says_nothing(monkeypatch):
    stream = io.StringIO()
    stream.close()
    monkeypatch.setattr(sys, "stderr", stream)
    assert isinstance(progress_on(True), Quiet)


def test_closed_descriptors_are_not_given_to_files(tmp_path):
    """What is closed leads nowhere: the work is done, and no message is written into a record."""
    done = shell('"$@" 2>&- >&- <&-', *TINY, "--format", "png", cwd=tmp_path)
    assert done.returncode in (0, 3)
    assert len(list(tmp_path.rglob("*.npz"))) == 1
    assert main(["status", str(tmp_path / "results")]) == 0


def test_a_full_disk_is_one_sentence_at_the_end_of_the_process_too(tmp_path):
    done = shell('"$@" >/dev/full', "list", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == b"meanfield: standard output cannot be written to (No space left on device).\n"


@pytest.mark.parametrize("columns", ["0", "-5", "1", "many", "100000000000000"])
def test_odd_widths(monkeypatch, capsys, columns):
    with monkeypatch.context() as inside:  # and not until the test's end: pytest's own lines would be as wide
        inside.setenv("COLUMNS", columns)
        with pytest.raises(SystemExit):
            main(["status", "--help"])
        assert "DIRECTORY" in capsys.readouterr().out
        assert os.environ["COLUMNS"] == columns

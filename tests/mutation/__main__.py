"""Put deliberate mistakes into a copy of the source, one at a time, and say which of them nothing notices.

    python -m tests.mutation             all mistakes of the lists: the tests that each concerns, then its studies
    python -m tests.mutation meanfield-  these alone: a word stands for all whose name begins so
    python -m tests.mutation --ledger    mistakes in the engine, by the claims of its studies at smoke size alone

A mistake is noticed if a test fails, or if a claim of its studies does not hold, or the run raises or takes more than
ten minutes of a processor. The lists are the TOML files in `mistakes`: `file`, `old` and `new` text, `tests` and
`studies`, and for a change that is none `equivalent`, the reason. The exit status is 1 if fewer than 95 of 100 are
noticed in some package, 90 by the ledger.
"""

import argparse
import concurrent.futures
import os
import queue
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("meanfield", "theory", "simulations", "figures")
SCORE = {False: 95, True: 90}
"""Percent that have to be noticed: by tests and claims, by the claims alone."""
LIMIT = 600
"""Processor seconds after which a process counts as stuck, which is noticed."""

UNTRIED = (3, 4, 5)
"""The exit status of pytest where it broke, was misused, or collected nothing."""

VERIFY = """
import sys, tempfile, simulations
for name in sys.argv[1:]:
    study = simulations.find(name)
    with tempfile.TemporaryDirectory() as out:
        records = simulations.run(study, "smoke", out=out)
    entries = [*simulations.verify(study, records), *simulations.verify(study, records, sanity=True)]
    for entry in entries:
        if entry.passed is not True:
            sys.exit(f"{entry}: {entry.verdict.measured:.6g} ± {entry.verdict.error:.2g}, "
                     f"predicted {entry.verdict.expected:.6g}, control {entry.control.measured:.6g}")
"""


def mistakes() -> list[dict[str, Any]]:
    """Return the entries of all lists."""
    found = []
    for path in sorted((ROOT / "tests/mutation/mistakes").glob("*.toml")):
        found += tomllib.loads(path.read_text())["mistake"]
    return found


def place(mistake: dict[str, Any], root: Path = ROOT) -> str:
    """Return the file with the mistake in it; raises `ValueError` where its text isn't there just once."""
    text = (root / mistake["file"]).read_text()
    if text.count(mistake["old"]) != 1:
        raise ValueError(f"{mistake['id']}: its text is {text.count(mistake['old'])} times in {mistake['file']}.")
    return text.replace(mistake["old"], mistake["new"])


def copy(into: Path) -> Path:
    """Return a copy of the tree, without what git does not keep."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in listed.splitlines():
        if (ROOT / name).is_file() and not name.startswith("figures/gallery"):
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, into / name)
    return into


def noticed(mistake: dict[str, Any], tree: Path, records: Path | None, *, ledger: bool) -> str:
    """Return what noticed the mistake; nothing did if empty."""
    path = tree / mistake["file"]
    before = path.read_text()
    path.write_text(place(mistake, tree))
    try:
        tests = [] if ledger else mistake.get("tests", [])
        if tests:
            # What figures show does not change the runs behind it; all else may, and makes its own.
            given = [f"--smoke-records={records}"] if records and mistake["file"].startswith("figures/") else []
            told = process(["-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *given, *tests], tree)
            if told:
                return told
        studies = mistake.get("studies", [])
        return process(["-c", VERIFY, *studies], tree) if studies else ""
    finally:
        path.write_text(before)


def process(arguments: list[str], tree: Path) -> str:
    """Run Python there and return the last word of a process that failed, or nothing.

    Raises `RuntimeError` where pytest was given what it can't run, or found no test: nothing was tried there.
    """
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (LIMIT, LIMIT + 5)),
    )
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return f"longer than {LIMIT} s of a processor"
    if done.returncode == 0:
        return ""
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    if "pytest" in arguments and done.returncode in UNTRIED:
        raise RuntimeError(f"{' '.join(arguments)}: {lines[-1] if lines else 'no test ran'}")
    failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    return (failed or lines or ["failed"])[-1 if not failed else 0][:160]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="beginnings of names; all mistakes if none is given")
    parser.add_argument("--ledger", action="store_true", help="the claims of the studies alone, for the engine")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    parser.add_argument("--smoke-records", type=Path, help="records of the unchanged code, for figures")
    options = parser.parse_args()
    every = mistakes()
    for name in options.names:
        if not any(one["id"].startswith(name) for one in every):
            parser.error(f"names={name}: expected beginnings of {every[0]['id']}, …, {every[-1]['id']}")
    chosen = [one for one in every if not options.names or one["id"].startswith(tuple(options.names))]
    if options.ledger:
        chosen = [one for one in chosen if one["file"].startswith("meanfield/") and one.get("studies")]
    tried = [one for one in chosen if "equivalent" not in one]
    found: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        trees: queue.Queue[Path] = queue.Queue()
        for number in range(options.jobs):
            trees.put(copy(Path(folder) / str(number)))

        def one(mistake: dict[str, Any]) -> None:
            tree = trees.get()
            try:
                found[mistake["id"]] = noticed(mistake, tree, options.smoke_records, ledger=options.ledger)
            finally:
                trees.put(tree)
            print(f"{mistake['id']}: {found[mistake['id']] or 'SURVIVES'}", flush=True)

        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            list(pool.map(one, tried))
    for mistake in chosen:
        if "equivalent" in mistake:
            print(f"{mistake['id']}: equivalent, {mistake['equivalent']}")
    return report(tried, found, SCORE[options.ledger])


def report(tried: list[dict[str, Any]], found: dict[str, str], least: int) -> int:
    """Print the score of each package, and return 1 if one is below the least."""
    low = False
    for package in PACKAGES:
        those = [one["id"] for one in tried if one["file"].startswith(f"{package}/")]
        caught = sum(bool(found[name]) for name in those)
        if those:
            print(f"{package}: {caught} of {len(those)} noticed, {100 * caught / len(those):.0f} %")
            low |= 100 * caught < least * len(those)
    return int(low)


if __name__ == "__main__":
    sys.exit(main())

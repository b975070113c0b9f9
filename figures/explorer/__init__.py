"""An explorer: one HTML file in which time and the parameters of a motion are dragged, and the picture follows.

The page holds the records, plotly.js and its own script, and loads nothing: its content policy allows no request.
"""

import functools
import html
import json
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from figures import origin, signature
from figures.explorer._facts import facts
from figures.explorer._packing import Block, compressed
from simulations import Motion, OwnMotion, Records, own_motion

__all__ = ["explore", "page", "save", "writable"]


SCRIPTS = ("read.js", "draw.js", "steer.js")


def writable(out: str | Path) -> Path:
    """The path of the file to be written, looked at before anything is computed.

    Raises `ValueError` for a path that is no HTML file in a directory that is there, for a file that is there and that
    this package did not write, and without plotly.
    """
    path = Path(out)
    if path.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"out={str(out)!r}: expected the path of an .html file.")
    if path.is_dir():
        raise ValueError(f"out={str(out)!r}: is a directory; expected the path of an .html file.")
    if not path.parent.is_dir():
        raise ValueError(f"out={str(out)!r}: there is no directory {str(path.parent)!r}.")
    signature.refuse_others([path])
    _plotly()
    return path


def save(motion: Motion | OwnMotion, records: Records, out: str | Path) -> Path:
    """Write the page, whole or not at all; returns its path. The same records give the same bytes.

    Raises what `writable` and `page` raise, and `OSError` when the file can't be written.
    """
    path = writable(out)
    signature.write({path: page(motion, records).encode()})
    return path


def explore(runs, out: str | Path, title: str = "Particles and what they predict") -> Path:
    """Write the page of runs of your own: a `mf.Trajectory`, or several by a number or word, which becomes a slider.

    Their observables have `mf.Positions()` among them. Returns the path; raises what `simulations.own_motion` and
    `writable` raise.

    >>> import tempfile, jax, meanfield as mf
    >>> from figures import explorer
    >>> unit, data = mf.Neuron("relu"), mf.datasets.teacher(jax.random.key(0), n=20, d=2)
    >>> start = mf.Particles.doubled(jax.random.key(1), unit, m=10, d=2)
    >>> problems = {scale: mf.Objective(unit, mf.Square(), data.x, data.y, scale=scale) for scale in (1.0, 100.0)}
    >>> seen = [mf.Positions(), mf.Risk()]
    >>> runs = {
    ...     scale: mf.simulate(problem, mf.GradientFlow(0.5), start, times=[0, 1, 2], observables=seen)
    ...     for scale, problem in problems.items()
    ... }
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     explorer.explore(runs, f"{folder}/mine.html").name
    'mine.html'
    """
    path = writable(out)
    return save(*own_motion(runs, title), path)


def page(motion: Motion | OwnMotion, records: Records) -> str:
    """The page as text. Positions, weights and functions are rounded to 1/65534 of their range within a run, curves to
    32-bit floats; of more than 1000 particles a random part is drawn.

    Raises `ValueError` without a run that reached its end, for two runs of one setting, and without plotly.
    """
    version, plotly = _plotly()
    block = Block()
    told = facts(motion, records, block)
    words = {
        "title": motion.scene.title,
        "look": f"{motion.study.summary[:1].upper()}{motion.study.summary[1:]}.",
        "dot": motion.scene.dot,
        "made": _made(motion, records, version),
    }
    template = files("figures.explorer")
    parts = {name: html.escape(text) for name, text in words.items()} | {
        "style": template.joinpath("page.css").read_text("utf-8"),
        "script": "\n".join(template.joinpath(name).read_text("utf-8") for name in SCRIPTS),
        "facts": _within_script(told),
        "arrays": block.text(),
        "plotly": plotly,
    }
    return _filled(template.joinpath("page.html").read_text("utf-8"), parts)


def _filled(template: str, parts: Mapping[str, str]) -> str:
    """Every {{name}} replaced, in one pass: what is put in is not looked at again."""
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], template)


def _within_script(value: Any) -> str:
    """JSON that no HTML parser can leave: a `<` in a text is written as its number."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


@functools.cache
def _plotly() -> tuple[str, str]:
    """(version, compressed source) of plotly.js, which its Python package holds."""
    try:
        from plotly.offline import get_plotlyjs, get_plotlyjs_version
    except ImportError:
        raise ValueError("explore: needs plotly: pip install plotly (the extra `explore`).") from None
    return get_plotlyjs_version(), compressed(get_plotlyjs().encode())


def _made(motion: Motion | OwnMotion, records: Records, plotly: str) -> str:
    """Return the origin of the page: versions, seeds, device and parameters that all runs share; no date, no path."""
    first = next(iter(records.done))
    shared = {
        name: value
        for name, value in first.parameters.items()
        if name != "seed" and all(record.parameters.get(name) == value for record in records.done)
    }
    parts = [
        f"Study {motion.study.name}, {len(records.done)} runs",
        origin.seeds(records.done),
        ", ".join(
            f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in shared.items()
        ),
        f"computed on {first.provenance['device']}" if "device" in first.provenance else "",
        f"{origin.versions(records.done)}, plotly.js {plotly}",
    ]
    return "; ".join(part for part in parts if part) + "."

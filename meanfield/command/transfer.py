"""`meanfield transfer`: how the step that trains best moves with the width, measured beside what theory says."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from meanfield.command.data import read_data
from meanfield.command.reading import read_options
from meanfield.command.sentences import check_place, refusing


@dataclass(frozen=True)
class Transfer:
    """Find the best step at every width, the power of the width that it goes as, and whether it transfers.

    Networks of every width take the same number of updates with each step of a grid, from several starts, as one batch.
    The best step is the one whose mean training loss, over seeds and the last tenth of the updates, is least. Exit
    status: 0 a verdict was reached, 3 it is undecided.
    """

    parametrisation: str = "mup"
    """standard (dense layers as frameworks start them), tangent (1/√m in front) or mup (mean-field, 1/m in front)."""
    optimiser: str = "sgd"
    """sgd, momentum, adam, muon or spectral. From Python any optax optimiser."""
    widths: tuple[str, ...] = ("32:4096",)
    """Widths: numbers, or low:high for low, 2 low, 4 low, … up to high. The exponent is of those from 256 on."""
    at: tuple[str, ...] = ()
    """Widths at which to say the step to use."""
    data: str = ""
    """File .npz with the arrays x and y; without it 64 samples of a teacher of three ReLU neurons in 8 dimensions."""
    updates: int = 100
    """Number of updates."""
    batch: int | None = None
    """Samples of an update, drawn with replacement; all of them if not given."""
    seeds: int = 8
    """Starts at each width, 3 or more: intervals are over them."""
    momentum: float = 0.9
    """Momentum of momentum and muon."""
    factor: str = "ratio"
    """Of muon, what a polar step is multiplied by: none, ratio (√(out/in)), clipped (√max(1, out/in)) or rms
    (0.2 √max(out, in))."""
    layers: str = "both"
    """Layers that muon trains: both, or hidden beside gradient descent of the readout."""
    activation: str = "relu"
    """The activation: relu, tanh, gelu, …"""
    loss: str = "square"
    """square (half the mean of squares), mse (the mean of squares) or logistic."""
    out: str = "results"
    """Directory for the picture."""
    format: tuple[str, ...] = ("png",)
    """Formats of the picture: png, svg, pdf."""
    json: bool = False
    """One JSON object on standard output."""


def compare_widths(arguments: list[str]) -> int:
    """Print the report, draw its picture, and return 0 if a verdict was reached, 3 if it is undecided."""
    options = read_options("transfer", Transfer, arguments, words=False).options
    import figures
    import simulations
    from simulations.transfers.widths import width_of

    folder = Path(options.out) / "figures"

    def report(curve) -> None:
        print(f"transfer: width {curve.width}, best step {curve.best:.3g}", file=sys.stderr, flush=True)

    with refusing():
        figures.check_formats(options.format)
        check_place("out", folder)
        figures.refuse_others(folder / f"transfer.{kind}" for kind in options.format)
        asked = [width_of("at", width) for width in options.at]
        x, y = read_data(options.data)[:2] if options.data else (None, None)
        found = simulations.transfer(
            options.parametrisation, options.optimiser, options.widths, x=x, y=y, updates=options.updates,
            batch=options.batch, seeds=options.seeds, momentum=options.momentum, factor=options.factor,
            layers=options.layers, activation=options.activation, loss=options.loss, progress=report,
        )  # fmt: skip
    with refusing(out=folder):
        drawn = figures.save_transfer(found, folder, options.format)
    status = 3 if found.verdict == "undecided" else 0
    steps = {width: found.step_at(width) for width in asked}
    if options.json:
        print(json.dumps({**found.as_json(), "step_at": steps, "figures": [str(path) for path in drawn]}))
        return status
    print(found)
    for width, step in steps.items():
        print(f"  step at width {width}: {step['best']:.3g} ({step['low']:.3g} to {step['high']:.3g})")
    for path in drawn:
        print(f"figure: {path}")
    return status

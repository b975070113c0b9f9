"""`meanfield diagnose`: is a trained network of one's own lazy? From files of its weights and its data."""

import json
from dataclasses import dataclass
from pathlib import Path

from meanfield.command.command_line import Refused
from meanfield.command.data import read_data
from meanfield.command.reading import read_options
from meanfield.command.sentences import check_place, refusing


@dataclass(frozen=True)
class Diagnose:
    """Say whether a trained two-layer network is lazy: whether training moved it out of its tangent space."""

    initial: str = ""
    """File with the weights before training, .safetensors or .npz, as PyTorch, Flax, Equinox or Keras name them."""
    trained: str = ""
    """File with the weights after training."""
    data: str = ""
    """File .npz with the arrays x and y, and x_test and y_test if there are test data."""
    step: float | None = None
    """Learning rate of full gradient descent; with it and `steps` the linearised network is trained alike."""
    steps: int | None = None
    """Number of steps."""
    activation: str = "relu"
    """The activation: relu, tanh, gelu, … No file says it."""
    parametrisation: str = "standard"
    """What the sum over neurons is multiplied by: standard (1), tangent (1/√m) or mean_field (1/m)."""
    multiplier: float | None = None
    """Instead: that number itself."""
    loss: str = "square"
    """square (half the mean of squares), mse (the mean of squares) or logistic."""
    width: int | None = None
    """Another width, at which to say the largest stable step in the same parametrisation."""
    out: str = "results"
    """Directory for the picture."""
    format: tuple[str, ...] = ("png",)
    """Formats of the picture: png, svg, pdf."""
    json: bool = False
    """One JSON object on standard output."""


def diagnose_network(arguments: list[str]) -> int:
    """Print the report, draw its picture, and return 0: a verdict was reached."""
    options = read_options("diagnose", Diagnose, arguments, words=False).options
    for name in ("initial", "trained", "data"):
        if not getattr(options, name):
            raise Refused(f"{name}: expected a file (see --help).")
    if options.step is not None and options.steps is None:
        raise Refused(f"step={options.step}: expected the number of steps as well.")
    import figures
    import meanfield as mf

    folder = Path(options.out) / "figures"
    with refusing():
        figures.check_formats(options.format)
        check_place("out", folder)
        figures.refuse_others(folder / f"diagnosis.{kind}" for kind in options.format)
        data = read_data(options.data)
        parametrisation = options.parametrisation
        if options.multiplier is not None:
            m = mf.networks.arrays_of("initial", options.initial).W.shape[0]
            parametrisation = mf.Parametrisation(particles=m, multiplier=options.multiplier)
        report = mf.diagnose(
            options.initial, options.trained, *data, step=options.step, steps=options.steps,
            activation=options.activation, parametrisation=parametrisation, loss=options.loss,
        )  # fmt: skip
        steps = {} if options.width is None else {options.width: report.largest_step_at(options.width)}
    with refusing(out=folder):
        drawn = figures.save_diagnosis(report, folder, options.format)
    if options.json:
        print(json.dumps({**report.as_json(), "largest_step_at": steps, "figures": [str(path) for path in drawn]}))
        return 0
    print(report)
    for width, step in steps.items():
        print(f"  {f'largest stable step at width {width}':44}{step:.3g}")
    for path in drawn:
        print(f"figure: {path}")
    return 0

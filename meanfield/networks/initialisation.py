r"""How frameworks start a two-layer network, as laws of particles and an output scale.

f(x) = Σ_j a_j σ(w_j·x + b_j) + c with independent weights. In units of the output weights' standard deviation,
a_j = (α/m) a'_j with E a'² = 1, it is the mean-field network f = α ∫ a' σ dμ of scale α = m std(a). Frameworks make the
output layer's variance 1/m, up to a constant, so that α is a constant times √m: the scaling of the tangent kernel, in
which wide networks are lazy; with muP α does not grow.

| name | hidden W, d inputs | b | output a, m neurons, k outputs | c | α |
|---|---|---|---|---|---|
| `pytorch`, `equinox` | uniform, ±1/√d | as W | uniform, ±1/√m | as a | √(m/3) |
| `flax` (LeCun) | normal cut at two deviations, variance 1/d | 0 | the same, 1/m | 0 | √m |
| `keras` (Glorot) | uniform, ±√(6/(d + m)) | 0 | uniform, ±√(6/(m + k)) | 0 | m √(2/(m + k)) |
| `kaiming` (He) | normal, variance 2/d | 0 | normal, 2/m | 0 | √(2m) |
| `mup` | normal, variance 1/d | 0 | normal, variance 1/m² | 0 | 1 |
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from meanfield.arguments import one_of, positive_count
from meanfield.arguments.typing import Random
from meanfield.networks.layers import Layers
from meanfield.streams import stream

CUT = 0.87962566103423978
"""Standard deviation of a normal number that is drawn again beyond two deviations."""


class Law(NamedTuple):
    """The law of independent weights: "uniform" on ±√3 std, "normal", "truncated" normal, or "zero"."""

    kind: str
    std: float

    def draw(self, key, shape: tuple[int, ...]) -> jax.Array:
        """Return weights of this law."""
        if self.kind == "uniform":
            half = math.sqrt(3) * self.std
            return jax.random.uniform(key, shape, minval=-half, maxval=half)
        if self.kind == "normal":
            return self.std * jax.random.normal(key, shape)
        if self.kind == "truncated":
            return self.std / CUT * jax.random.truncated_normal(key, -2.0, 2.0, shape)
        return jnp.zeros(shape)


ZERO = Law("zero", 0.0)


class Initialisation(NamedTuple):
    """A framework's start: laws of the four arrays, and the output scale α = m std(a)."""

    name: str
    inputs: int
    width: int
    outputs: int
    hidden: Law
    offset: Law
    output: Law
    constant: Law

    @property
    def scale(self) -> float:
        """α of the mean-field network whose output weights have standard deviation 1."""
        return self.width * self.output.std

    def draw(self, key: Random) -> Layers:
        """Return a network that is started like that, in PyTorch's shapes: W [m, d], b [m], a [k, m], c [k]."""
        m, d, k = self.width, self.inputs, self.outputs
        return Layers(
            W=self.hidden.draw(stream(key, "hidden weights"), (m, d)),
            b=self.offset.draw(stream(key, "offsets"), (m,)),
            a=self.output.draw(stream(key, "output weights"), (k, m)),
            c=self.constant.draw(stream(key, "constants"), (k,)),
        )


def initialisation(name: str, *, inputs, width, outputs=1) -> Initialisation:
    """Return how a framework starts a two-layer network of so many inputs, neurons and outputs.

    **Arguments:** `name`: "pytorch", "equinox", "flax", "keras", "kaiming" or "mup", a row of the module's table.
    `inputs`, `width`, `outputs`: d, m and k.

    >>> import jax, meanfield as mf
    >>> start = mf.networks.initialisation("pytorch", inputs=10, width=300)
    >>> round(start.scale, 6), start.hidden.kind, round(start.hidden.std * 30**0.5, 6)
    (10.0, 'uniform', 1.0)
    >>> particles, unit, scale, constant = mf.from_weights(*start.draw(jax.random.key(0)))
    >>> particles.m, scale
    (300, 300.0)

    Raises `ValueError` for another name, and for counts that are not positive whole numbers.

    Source: the documentation of `torch.nn.Linear`, `flax.linen.Dense`, `keras.layers.Dense` and `equinox.nn.Linear`;
    He et al. (2015) for `kaiming`; Yang & Hu (2021) for `mup`.
    """
    d, m, k = positive_count("inputs", inputs), positive_count("width", width), positive_count("outputs", outputs)
    one_of("name", name, LAWS)
    return Initialisation(name, d, m, k, *LAWS[name](d, m, k))


def _torch(d: int, m: int, k: int) -> tuple[Law, Law, Law, Law]:
    first, second = Law("uniform", 1 / math.sqrt(3 * d)), Law("uniform", 1 / math.sqrt(3 * m))
    return first, first, second, second


def _flax(d: int, m: int, k: int) -> tuple[Law, Law, Law, Law]:
    return Law("truncated", 1 / math.sqrt(d)), ZERO, Law("truncated", 1 / math.sqrt(m)), ZERO


def _keras(d: int, m: int, k: int) -> tuple[Law, Law, Law, Law]:
    return Law("uniform", math.sqrt(2 / (d + m))), ZERO, Law("uniform", math.sqrt(2 / (m + k))), ZERO


def _kaiming(d: int, m: int, k: int) -> tuple[Law, Law, Law, Law]:
    return Law("normal", math.sqrt(2 / d)), ZERO, Law("normal", math.sqrt(2 / m)), ZERO


def _mup(d: int, m: int, k: int) -> tuple[Law, Law, Law, Law]:
    return Law("normal", 1 / math.sqrt(d)), ZERO, Law("normal", 1 / m), ZERO


LAWS = {"pytorch": _torch, "equinox": _torch, "flax": _flax, "keras": _keras, "kaiming": _kaiming, "mup": _mup}

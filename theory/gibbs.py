"""Networks of one-dimensional particles at a temperature: free energy, Gibbs measures, log-Sobolev constants.

A particle is a point θ of the line, laws are densities on equally spaced nodes, and integrals are sums over the nodes
(exact beyond all powers of the spacing for smooth densities that vanish at both ends).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from theory import _arithmetic, _checks
from theory._checks import Array


@dataclass(frozen=True, eq=False)
class Line:
    """A network f(x; μ) = ∫ Φ(θ; x) μ(dθ) and its objective F(μ) = (1/2n) Σ_i (f_i − y_i)² + (λ/2) ∫ θ² μ(dθ).

    `nodes` [N] are equally spaced; `features` and `slopes` [n, N] hold Φ(θ; x_i) and its derivative in θ; `targets` [n]
    are y; `strength` is λ. Made by `line`.
    """

    nodes: Array
    features: Array
    slopes: Array
    targets: Array
    strength: float

    @property
    def spacing(self) -> float:
        """The weight of every node."""
        return float(self.nodes[1] - self.nodes[0])


def line(
    x: ArrayLike,
    y: ArrayLike,
    strength: float,
    *,
    unit: Callable[[Array], Array] = np.tanh,
    slope: Callable[[Array], Array] = lambda z: 1 / np.cosh(np.clip(z, -300, 300)) ** 2,
    shift: float = 0.5,
    reach: float = 6.0,
    count: int = 400,
) -> Line:
    """The network of units Φ(θ; x) = `unit`(θx + `shift`) on `count` nodes from −`reach` to `reach`.

    `x` and `y` are [n]; `slope` is the derivative of `unit`. Raises ValueError for arrays of other or unequal shapes,
    for a strength or reach that is not positive and for fewer than three nodes.

    >>> line([-1.0, 1.0], [0.5, -0.5], 0.25, count=100).features.shape
    (2, 100)

    Source: `meanfield`.
    """
    x, y = _checks.array("x", x, ["[n]"]), _checks.array("y", y, ["[n]"])
    _checks.same("y", len(y), "x", len(x))
    strength = _checks.number("strength", strength, exclusive=True)
    reach = _checks.number("reach", reach, exclusive=True)
    nodes = np.linspace(-reach, reach, _checks.integer("count", count, minimum=3))
    z = x[:, None] * nodes + _checks.number("shift", shift, minimum=-np.inf)
    return Line(nodes, _values("unit", unit, z), x[:, None] * _values("slope", slope, z), y, strength)


def _values(name: str, function: Callable[[Array], Array], z: Array) -> Array:
    try:
        values = function(z)
    except TypeError as error:
        raise ValueError(f"{name} must be a function of an array, got {_checks.shown(function)}: {error}") from error
    values = _checks.array(name, values)
    _checks.same(f"the shape of {name}", values.shape, "its argument", z.shape)
    return values


def normal(problem: Line, mean: float, deviation: float) -> Array:
    """The density of N(`mean`, `deviation`²) on the nodes, [N], of mass one.

    >>> problem = line([1.0], [0.0], 1.0)
    >>> round(float(normal(problem, 1.0, 0.5) @ problem.nodes * problem.spacing), 12)
    1.0

    Source: `meanfield`.
    """
    deviation = _checks.number("deviation", deviation, exclusive=True)
    mean = _checks.number("mean", mean, minimum=-np.inf)
    density = np.exp(-(((problem.nodes - mean) / deviation) ** 2) / 2)
    if not density.any():
        raise ValueError(f"mean and deviation must leave mass on the nodes, got {mean:g} and {deviation:g}")
    return density / (density.sum() * problem.spacing)


def predictions(problem: Line, density: ArrayLike) -> Array:
    """f_i = ∫ Φ(θ; x_i) μ(dθ) for densities [..., N]; the result is [..., n].

    >>> problem = line([0.0], [0.0], 1.0, shift=0.0)
    >>> predictions(problem, normal(problem, 0.0, 1.0)).tolist()
    [0.0]

    Source: `meanfield`.
    """
    density = _checks.array("density", density)
    _checks.same("entries of density", density.shape[-1:], "nodes", problem.nodes.shape)
    return density @ problem.features.T * problem.spacing


def potential(problem: Line, f: ArrayLike) -> Array:
    """F'[μ](θ) = (1/n) Σ_i (f_i − y_i) Φ(θ; x_i) + λθ²/2 on the nodes, [N], for a measure of predictions f, [n].

    >>> float(potential(line([1.0], [2.0], 2.0, count=3, reach=1.0), [2.0])[0])
    1.0

    Source: `meanfield`.
    """
    residual = _checks.array("f", f, ["[n]"]) - problem.targets
    return residual @ problem.features / len(residual) + problem.strength / 2 * problem.nodes**2


def gibbs(problem: Line, f: ArrayLike, temperature: float) -> Array:
    """The proximal Gibbs measure exp(−F'[μ]/τ)/Z of a measure of predictions f, as a density [N].

    >>> problem = line([1.0], [0.0], 0.5, count=401)
    >>> density = gibbs(problem, [0.0], 0.25)  # the data have no say: N(0, τ/λ)
    >>> round(float(density @ problem.nodes**2 * problem.spacing), 9)
    0.5

    Raises ValueError for a temperature that is not positive. Source: `nitanda2022convex`.
    """
    temperature = _checks.number("temperature", temperature, exclusive=True)
    exponent = -potential(problem, f) / temperature
    density = np.exp(exponent - exponent.max())
    return density / (density.sum() * problem.spacing)


def free_energy(problem: Line, density: ArrayLike, temperature: float) -> Array:
    """F(μ) + τ ∫ μ log μ for densities [..., N]; the result is [...].

    >>> problem = line([1.0], [0.0], 1.0, shift=0.0, reach=8.0)
    >>> density = normal(problem, 0.0, 1.0)
    >>> round(float(free_energy(problem, density, 1.0) + np.log(2 * np.pi) / 2), 9)
    0.0

    Source: `mei2018mean`.
    """
    density = _checks.array("density", density, minimum=0.0)
    _checks.same("entries of density", density.shape[-1:], "nodes", problem.nodes.shape)
    temperature = _checks.number("temperature", temperature)
    risk = np.mean((predictions(problem, density) - problem.targets) ** 2, axis=-1) / 2
    penalty = problem.strength / 2 * (density @ problem.nodes**2) * problem.spacing
    entropy = np.sum(density * np.log(np.where(density > 0, density, 1.0)), axis=-1) * problem.spacing
    return risk + penalty + temperature * entropy


def equilibrium(problem: Line, temperature: float) -> Array:
    """The minimum of the free energy, the Gibbs measure μ ∝ exp(−F'[μ]/τ) of itself, as a density [N].

    With Z(f) the normalising constant at predictions f, f − E_{μ_f} Φ is the gradient of the strictly convex function
    |f|²/2 + nτ log Z(f), whose Hessian is I + Cov_{μ_f}(Φ)/(nτ): Newton's method with backtracking finds its zero.

    >>> problem = line([-1.0, 1.0], [0.5, -0.5], 0.25)
    >>> density = equilibrium(problem, 0.1)
    >>> bool(np.allclose(gibbs(problem, predictions(problem, density), 0.1), density, rtol=1e-9))
    True

    Raises ValueError for a temperature that is not positive. Source: `mei2018mean`.
    """
    temperature = _checks.number("temperature", temperature, exclusive=True)
    n, f = len(problem.targets), problem.targets.copy()

    def convex(f: Array) -> float:
        exponent = -potential(problem, f) / temperature
        return float(f @ f / 2 + n * temperature * (exponent.max() + np.log(np.exp(exponent - exponent.max()).sum())))

    for _ in range(100):
        density = gibbs(problem, f, temperature)
        mean = predictions(problem, density)
        spread = problem.features - mean[:, None]
        covariance = (spread * density) @ spread.T * problem.spacing
        gradient = f - mean
        move = np.linalg.solve(np.eye(n) + covariance / (n * temperature), gradient)
        if np.abs(move).max() <= 1e-14 * (1 + np.abs(f).max()):
            break
        size, before, fall = 1.0, convex(f), float(gradient @ move)
        # Where the fall is below rounding, the full step is Newton's last.
        while fall > 1e-12 and convex(f - size * move) > before - size * fall / 4:
            size /= 2
        f = f - size * move
    return gibbs(problem, f, temperature)


def oscillation(problem: Line, f: ArrayLike) -> Array:
    """max − min over θ of the data's part of F'[μ], for predictions f of shape [..., n]; the result is [...].

    >>> float(oscillation(line([1.0], [0.0], 1.0, shift=0.0, reach=50.0), [3.0]))
    6.0

    Source: `meanfield`.
    """
    part = (_checks.array("f", f) - problem.targets) @ problem.features / len(problem.targets)
    return part.max(axis=-1) - part.min(axis=-1)


def log_sobolev(oscillation: float, strength: float, temperature: float) -> float:
    """ρ = (λ/τ) e^{−osc/τ}: the Gibbs measure of a potential λθ²/2 + U with osc U = max U − min U has at least this ρ.

    In KL(ν|μ) ≤ I(ν|μ)/(2ρ). The Gaussian has λ/τ (Bakry and Émery), and a bounded factor e^{−U/τ} of its density
    costs e^{−osc/τ} (Holley and Stroock). The free energy along the flow then falls by at least e^{−2τρt} over its
    minimum, if ρ holds for every Gibbs measure on the way.

    >>> log_sobolev(0.0, strength=0.5, temperature=0.25)
    2.0

    Raises ValueError for a negative oscillation and for a strength or temperature that is not positive. Source:
    `holley1987logarithmic`; `nitanda2022convex`.
    """
    oscillation = _checks.number("oscillation", oscillation)
    strength = _checks.number("strength", strength, exclusive=True)
    temperature = _checks.number("temperature", temperature, exclusive=True)
    return strength / temperature * float(np.exp(-oscillation / temperature))


_arithmetic.guard(__name__)

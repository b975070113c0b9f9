"""How fast conic particle descent converges to a sparse optimum: three families of modes, exact for every step size.

Particles of sign s, mass p and position x follow p ← p exp(−4αJ'_s(x)), x ← x − β∇J'_s(x) (one step of h = 1). Near the
optimum Σ w_i δ_{x_i} the linearised steps fall apart:

- *collective*: the weight and the mean position of each cluster. Their distance to (w, x) shrinks by 1 − κ a step, κ
  the eigenvalues of diag(4α|w|, β/|w|)·∇²J(w, x), however many particles a cluster holds.
- *spread*: the differences of positions within cluster i shrink by 1 − βh, h the eigenvalues of ∇²J'(x_i).
- *far*: a particle at a local minimum x of J'_s with J'_s(x) > 0 stays there, and its mass shrinks by exp(−4αJ'_s(x)).
"""

from dataclasses import dataclass

import numpy as np

from theory import _arithmetic, _checks
from theory._checks import Array
from theory.sparse_optimum import Optimum, _side


@dataclass(frozen=True, eq=False)
class Collective:
    """Modes of (w_1 … w_k, x_1 … x_k): `kappa` [q] ascending, `right` [q, q] (columns), `left` = right⁻¹ (rows)."""

    kappa: Array
    right: Array
    left: Array
    hessian: Array
    """∇²J(w, x) at fixed signs, [q, q]."""

    @property
    def rates(self) -> Array:
        """−ln|1 − κ|, decay of the distance a step."""
        return _decay(self.kappa)


def collective(optimum: Optimum, growth: float, transport: float) -> Collective:
    """The collective modes for α = `growth` and β = `transport`, both above 0.

    Raises ValueError for α or β that is not positive.

    >>> from theory.deconvolution import Problem
    >>> from theory.sparse_optimum import solve
    >>> one = solve(Problem([1.0, 2**0.5, 0.0], 1, 1, 0.1), [0.5], [[0.0]], side=64)
    >>> collective(one, 0.1, 0.01).kappa.round(4)
    array([0.2632, 0.36  ])

    Source: `chizat2022sparse`.
    """
    growth = _checks.number("growth", growth, exclusive=True)
    transport = _checks.number("transport", transport, exclusive=True)
    size = np.abs(optimum.weights)
    metric = np.concatenate([4 * growth * size, np.repeat(transport / size, optimum.problem.dimension)])
    _, _, hessian = optimum.problem.derivatives(optimum.weights, optimum.positions)
    root = np.sqrt(metric)
    kappa, modes = np.linalg.eigh(root[:, None] * hessian * root)
    # Eigenvalues are exact to rounding of the largest: what is smaller than that is not known, and no sign of it.
    if np.abs(kappa).min() < 1e-12 * np.abs(kappa).max() and metric.min() < 1e-6 * metric.max():
        raise ValueError(
            f"growth and transport must be of like sizes, got {growth:g} and {transport:g}: the slower mode's rate is "
            "below the rounding of the faster one's"
        )
    return Collective(kappa, root[:, None] * modes, modes.T / root, hessian)


def curvatures(optimum: Optimum) -> tuple[Array, Array]:
    """Eigenvalues [k, d] and eigenvectors [k, d, d] (columns) of ∇²J'_s = −λ s ∇²η at the spikes, s = sign w.

    A particle that is δx off the mean of its cluster is (1 − βh)δx off one step later: the variance falls at the rate
    −2 ln|1 − βh| a step.

    Source: `chizat2022sparse`.
    """
    _, _, bent = optimum.problem.certificate(optimum.residual, optimum.positions)
    values, vectors = np.linalg.eigh(-optimum.problem.strength * np.sign(optimum.weights)[:, None, None] * bent)
    return values, vectors


def far_minima(optimum: Optimum, side: int) -> tuple[Array, Array, Array]:
    """(s, x, J'_s(x)) of the local minima of J'_s = λ(1 − sη) off the spikes, shapes [l], [l, d], [l].

    They are searched for on `side` points an axis, and then found by Newton's method; J'_s ≥ 0 there, and the mass of a
    particle that sits there falls at the rate 4αJ'_s a step.

    Source: `chizat2022sparse`.
    """
    d, side = optimum.problem.dimension, _side(optimum.problem, side)
    grid = optimum.problem.on_grid(optimum.residual, side)
    around = [shift for shift in np.ndindex(*(3,) * d) if shift != (1,) * d]
    signs, places = [], []
    for sign in (1.0, -1.0):
        high = np.all([sign * grid > np.roll(sign * grid, np.array(at) - 1, tuple(range(d))) for at in around], axis=0)
        found = np.argwhere(high) / side
        signs.append(np.full(len(found), sign))
        places.append(found)
    s, x = np.concatenate(signs), np.concatenate(places)
    for _ in range(8):
        _, slope, bent = optimum.problem.certificate(optimum.residual, x)
        step = np.linalg.solve(bent, slope[..., None])[..., 0]
        x = x - np.clip(step, -1 / side, 1 / side)
    value = optimum.problem.strength * (1 - s * optimum.problem.certificate(optimum.residual, x)[0])
    away = np.abs((x[:, None] - optimum.positions + 0.5) % 1 - 0.5).max(axis=2)
    spike = np.any((away < 2 / side) & (s[:, None] == np.sign(optimum.weights)), axis=1)
    return s[~spike], np.asarray(x[~spike] % 1, float), value[~spike]


def slowest(optimum: Optimum, growth: float, transport: float, side: int) -> float:
    """The rate per step at which J − min J falls in the end if all modes are excited: the least of the three families.

    It is the least of −2 ln|1 − κ|, −2 ln|1 − βh| and 4αJ'_s. An infinite exponential rate is impossible; 0 or less
    says that the optimum is degenerate.

    Source: `chizat2022sparse`.
    """
    inward = collective(optimum, growth, transport)
    h, _ = curvatures(optimum)
    _, _, far = far_minima(optimum, side)
    rates = [2 * inward.rates, 2 * _decay(transport * h).ravel(), 4 * growth * far]
    if inward.kappa[0] <= 0 or h.min() <= 0:
        return 0.0
    return float(np.concatenate(rates).min())


def _decay(kappa: Array) -> Array:
    """−ln|1 − κ| with all digits where κ is small."""
    small = np.minimum(kappa, 0.5)
    return np.where(kappa < 0.5, -np.log1p(-small), -np.log(np.abs(1 - np.maximum(kappa, 0.5))))


_arithmetic.guard(__name__)

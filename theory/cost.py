"""The cost of predict and pullback: operation counts, their growth, and the roofline that bounds their speed.

For m particles, n samples and d inputs, one velocity of a neuron takes two products of 2mnd operations, one that forms
the pre-activations and one that pulls residuals back, by any kernel that looks at every pair. Piecewise-linear units in
two dimensions need not: sorted samples give the same sums in O((m + n) log n).
"""

from theory import _arithmetic, _checks
from theory.prediction import Prediction

KERNELS = ("pairs", "sorted")
SLOPES = ("piecewise constant", "smooth")
PREACTIVATIONS = ("formed again", "kept")


def particle_exponent(kernel: str = "pairs") -> Prediction:
    """Exponent of m in the time of a velocity, n fixed and m ≫ n: 1 for every kernel.

    >>> particle_exponent().value
    1.0
    """
    _checks.choice("kernel", kernel, KERNELS)
    return Prediction(1.0, "slope", "n and d fixed, m so large that fixed costs vanish.", "meanfield")


def joint_exponent(kernel: str = "pairs") -> Prediction:
    """Exponent of m in the time of a velocity with as many samples as particles, n = m.

    2 for a kernel that looks at all pairs; 1 for sorted samples, whose time is divided by log m.

    >>> joint_exponent("sorted").value, joint_exponent("pairs").value
    (1.0, 2.0)
    """
    _checks.choice("kernel", kernel, KERNELS)
    value = {"pairs": 2.0, "sorted": 1.0}[kernel]
    return Prediction(value, "slope", "n = m, d fixed, time over log m where sorted; fixed costs vanish.", "meanfield")


def pair_operations(m: int, n: int, d: int) -> int:
    """4mnd: one product for the pre-activations and one for the pullback, 2mnd operations each."""
    return 4 * _checks.integer("m", m) * _checks.integer("n", n) * _checks.integer("d", d)


def multiply_adds(
    m: int, n: int, d: int, outputs: int = 1, *, slope: str = "piecewise constant", preactivations: str = "formed again"
) -> int:
    """The multiplications with an addition of one velocity of neurons with k outputs, by a kernel that looks at every
    pair.

    Predictions take d + k a pair: d for w·x, k for the sums of a σ. The pullback forms w·x again, or has it `kept`, and
    adds a multiple of x to ∂_w, d each. For one output and a σ' that is piecewise constant, as that of ReLU, nothing is
    to be added, since ∂_a follows from ∂_w by Euler's identity; for a smooth σ' there are k more for ∂_a, and k − 1 for
    the sum over outputs by which σ' is multiplied. A bias needs no more.

    >>> multiply_adds(1, 1, 10), multiply_adds(1, 1, 10, preactivations="kept"), multiply_adds(1, 1, 10, slope="smooth")
    (31, 21, 32)
    """
    _checks.choice("slope", slope, SLOPES)
    _checks.choice("preactivations", preactivations, PREACTIVATIONS)
    m, n, d, k = (_checks.integer(name, value) for name, value in {"m": m, "n": n, "d": d, "outputs": outputs}.items())
    free = slope == "piecewise constant" and k == 1
    pullback = d * (1 if preactivations == "kept" else 2) + (0 if free else 2 * k - 1)
    return m * n * (d + k + pullback)


def particle_bytes(m: int, p: int, size: int = 4) -> int:
    """Bytes that pass to and from memory at least: m particles of p numbers are read twice, and written once.

    >>> particle_bytes(1000, 3)
    36000
    """
    return 3 * _checks.integer("m", m) * _checks.integer("p", p) * _checks.integer("size", size)


def attainable(operations: float, traffic: float, rate: float, bandwidth: float) -> float:
    """The least seconds for `operations` and `traffic` bytes at `rate` operations and `bandwidth` bytes a second.

    The roofline: max(operations / rate, traffic / bandwidth). Raises ValueError for a rate that is not positive.
    Source: `williams2009roofline`.

    >>> attainable(1e9, 1e6, rate=1e11, bandwidth=1e10)
    0.01
    """
    rate, bandwidth = (
        _checks.number(name, value, exclusive=True) for name, value in {"rate": rate, "bandwidth": bandwidth}.items()
    )
    return max(_checks.number("operations", operations) / rate, _checks.number("traffic", traffic) / bandwidth)


_arithmetic.guard(__name__)

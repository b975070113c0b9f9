"""The cost of predict and pullback: operation counts, their growth, and the roofline that bounds their speed.

For m particles, n samples and d inputs, one velocity of a neuron takes two products of 2mnd operations, one that forms
the pre-activations and one that pulls residuals back, by any kernel that looks at every pair. Piecewise-linear units in
two dimensions need not: sorted samples give the same sums in O((m + n) log n).
"""

from theory import _arithmetic, _checks
from theory.prediction import Prediction

KERNELS = ("pairs", "sorted")


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

"""Nodes and weights that stand for a law of inputs: exact means of polynomials, and no noise of samples."""

import math

import numpy as np

from meanfield.arguments import array_of, one_of, positive_count

MOST = 1 << 24
"""Nodes at most: more fit into no memory."""

LAWS = ("gaussian", "cube", "circle")


def quadrature(law: str, d: int, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    r"""Return nodes x [N, d] and weights w [N] of sum 1 with Σ_i w_i g(x_i) ≈ E g(x) for a law of inputs.

    **Arguments:**

    - `law`: "gaussian" (N(0, I), tensor Gauss–Hermite), "cube" (uniform on [−1, 1]^d, tensor Gauss–Legendre) or
      "circle" (uniform on the unit circle, d = 2, equidistant angles).
    - `nodes`: K along each axis; N = K^d, and K on the circle.

    Exact for polynomials of degree 2K − 1 in each coordinate, on the circle for trigonometric ones of degree K − 1.
    What is not smooth converges slowly, such as the kinks of ReLU: compare two K.

    Raises `ValueError` for an unknown law, a dimension that is not the law's, and more than 2²⁴ nodes.

    >>> import meanfield as mf
    >>> x, w = mf.datasets.quadrature("gaussian", 2, 8)
    >>> x.shape, round(float(w @ x[:, 0] ** 4), 6)  # E x⁴ = 3
    ((64, 2), 3.0)
    >>> problem = mf.Objective(mf.Neuron("tanh"), mf.Square(), x, x[:, 0], weights=w)

    Source: Golub & Welsch (1969).
    """
    law, d, nodes = one_of("law", law, LAWS), positive_count("d", d), positive_count("nodes", nodes)
    if law == "circle":
        if d != 2:
            raise ValueError(f"d={d}: expected 2, the dimension in which the circle lies.")
        array_of("nodes", nodes, 2, float)
        angle = 2 * np.pi * (np.arange(nodes) + 0.5) / nodes
        return np.stack([np.cos(angle), np.sin(angle)], axis=1), np.full(nodes, 1 / nodes)
    if d * math.log2(nodes) > math.log2(MOST):
        most = int(MOST ** (1 / d) + 1e-9)
        raise ValueError(f"nodes={nodes}: expected at most {most} an axis for d={d}, {MOST} in all.")
    if law == "gaussian":
        x, w = np.polynomial.hermite_e.hermegauss(nodes)
    else:
        x, w = np.polynomial.legendre.leggauss(nodes)
    grid, weights = np.meshgrid(*[x] * d, indexing="ij"), np.meshgrid(*[w / w.sum()] * d, indexing="ij")
    points = np.stack([axis.ravel() for axis in grid], axis=1)
    return points, np.prod([axis.ravel() for axis in weights], axis=0)

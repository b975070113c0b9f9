"""The ℓ_p loss: regression in which large residuals count for more, or for less, than their squares."""

import jax
import jax.numpy as jnp

from meanfield._typing import Outputs, Scalar
from meanfield.arguments import host, positive_scalar
from meanfield.losses import AbstractLoss, Square


class Power(AbstractLoss):
    r"""Loss of the p-th power: R(f) = (1/n) Σ_i (1/p) |f_i − y_i|^p, r = |f − y|^{p−1} sign(f − y).

    For several outputs |·|^p is summed over them. `p=2` is `Square`; the residual of `p=1` is the sign.

    **Arguments:** `exponent`: p ≥ 1, a value and no shape, so that losses of several p share a program. Raises
    `ValueError` for any other p.

    >>> import jax.numpy as jnp, meanfield as mf
    >>> loss = mf.Power(4.0)
    >>> f, y = jnp.array([2.0, -1.0]), jnp.zeros(2)
    >>> float(loss.risk(f, y)), loss.residual(f, y).tolist()
    (2.125, [8.0, -1.0])
    """

    exponent: Scalar

    def __init__(self, exponent):
        self.exponent = positive_scalar("exponent", exponent)
        known = host(self.exponent)
        if known is not None and known < 1:
            raise ValueError(f"exponent={known.item()!r}: expected a number of at least 1.")

    def targets(self, y, outputs: int, dtype) -> Outputs:
        return Square().targets(y, outputs, dtype)

    def risk(self, f: Outputs, y: Outputs) -> Scalar:
        p = self.exponent.astype(f.dtype)
        return jnp.sum(_power(f - y, p)) / (p * f.shape[0])

    def residual(self, f: Outputs, y: Outputs) -> Outputs:
        return jnp.sign(f - y) * _power(f - y, self.exponent.astype(f.dtype) - 1)


def _power(e: Outputs, p: jax.Array) -> Outputs:
    """|e|^p with 0^p = 0 for p > 0, and derivatives that are finite at 0 for p ≥ 1."""
    some = e != 0
    return jnp.where(some, jnp.where(some, jnp.abs(e), 1) ** p, 0)

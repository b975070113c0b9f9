"""Losses: the risk R(f) of predictions f against targets y, its derivative and its curvature.

A loss acts on all samples at once, because the soft-min does not split into a mean over samples. Flows need only the
*residual* r_i = n ∂R/∂f_i; for a mean of pointwise losses this is ℓ'(f_i, y_i).
"""

from abc import abstractmethod
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from meanfield.arguments import floating_array, host, positive_scalar, real_numbers
from meanfield.arguments.described import html, text
from meanfield.arguments.pickling import getstate, setstate
from meanfield.arguments.typing import Outputs, Scalar


class AbstractLoss(eqx.Module):
    """R(f), with f and y of shape [n] (one output) or [n, k] (several)."""

    __getstate__, __setstate__ = getstate, setstate
    __repr__, _repr_html_ = text, html

    mean: ClassVar[bool] = True
    """Whether R is a mean over samples, of which a few then give an unbiased estimate."""

    @abstractmethod
    def targets(self, y, outputs: int, dtype) -> Outputs:
        """y as this loss wants it; raises `ValueError` for targets that do not fit."""

    @abstractmethod
    def risk(self, f: Outputs, y: Outputs) -> Scalar:
        """R(f)."""

    @abstractmethod
    def residual(self, f: Outputs, y: Outputs) -> Outputs:
        """r = n ∂R/∂f, of the shape of f."""

    def curvature(self, f: Outputs, y: Outputs, v: Outputs) -> Outputs:
        """n ∂²R/∂f² applied to v, of the shape of f."""
        return jax.jvp(lambda g: self.residual(g, y), (f,), (v,))[1]


class Square(AbstractLoss):
    """Square loss R(f) = (1/n) Σ_i ½|f_i − y_i|², r = f − y.

    >>> import jax.numpy as jnp, meanfield as mf
    >>> float(mf.Square().risk(jnp.array([1.0, 3.0]), jnp.array([0.0, 0.0])))
    2.5
    """

    def targets(self, y, outputs: int, dtype) -> Outputs:
        return _numbers(y, outputs, dtype)

    def risk(self, f: Outputs, y: Outputs) -> Scalar:
        return 0.5 * jnp.sum(jnp.square(f - y)) / f.shape[0]

    def residual(self, f: Outputs, y: Outputs) -> Outputs:
        return f - y


class Logistic(AbstractLoss):
    """Logistic loss: R(f) = (1/n) Σ_i log(1 + exp(−y_i f_i)) for labels ±1.

    With several outputs the cross-entropy R(f) = (1/n) Σ_i [log Σ_c exp f_ic − f_{i,y_i}], for classes 0 … k−1 or
    their one-hot rows.
    """

    def targets(self, y, outputs: int, dtype) -> Outputs:
        return _labels(y, outputs, dtype)

    def risk(self, f: Outputs, y: Outputs) -> Scalar:
        if f.ndim == 1:
            return jnp.mean(jax.nn.softplus(-y * f))
        return jnp.mean(jax.nn.logsumexp(f, axis=1) - jnp.sum(y * f, axis=1))

    def residual(self, f: Outputs, y: Outputs) -> Outputs:
        if f.ndim == 1:
            return -y * jax.nn.sigmoid(-y * f)
        return jax.nn.softmax(f, axis=1) - y


class Exponential(AbstractLoss):
    """Exponential loss in its soft-min form R(f) = log (1/n) Σ_i exp(−y_i f_i) for labels ±1.

    −R is a smooth minimum of the margins, so descent on R maximises the margin at a rate that does not die out as
    exp(−yf) itself would (Chizat & Bach 2020). With several outputs the sum runs over the margins f_{i,y_i} − f_ic,
    c ≠ y_i.
    """

    mean: ClassVar[bool] = False

    def targets(self, y, outputs: int, dtype) -> Outputs:
        return _labels(y, outputs, dtype)

    def _exponents(self, f: Outputs, y: Outputs):
        if f.ndim == 1:
            return -y * f
        own = jnp.sum(y * f, axis=1, keepdims=True)
        return jnp.where(y > 0, -jnp.inf, f - own)

    def risk(self, f: Outputs, y: Outputs) -> Scalar:
        return jax.nn.logsumexp(self._exponents(f, y)) - jnp.log(float(f.shape[0]))

    def residual(self, f: Outputs, y: Outputs) -> Outputs:
        n = f.shape[0]
        weights = n * jax.nn.softmax(self._exponents(f, y), axis=None if f.ndim > 1 else 0)
        if f.ndim == 1:
            return -y * weights
        return weights - y * jnp.sum(weights, axis=1, keepdims=True)


class Power(AbstractLoss):
    r"""Loss of the p-th power: R(f) = (1/n) Σ_i (1/p) |f_i − y_i|^p, r = |f − y|^{p−1} sign(f − y).

    For several outputs |·|^p is summed over them. `p=2` is `Square`; the residual of `p=1` is the sign.

    **Arguments:** `exponent`: p ≥ 1, a value and no shape, so that losses of several p share a program. Raises
    `ValueError` for any other p.

    >>> import jax.numpy as jnp, meanfield as mf
    >>> loss = mf.losses.Power(4.0)
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
        return _numbers(y, outputs, dtype)

    def risk(self, f: Outputs, y: Outputs) -> Scalar:
        p = self.exponent.astype(f.dtype)
        return jnp.sum(_power(f - y, p)) / (p * f.shape[0])

    def residual(self, f: Outputs, y: Outputs) -> Outputs:
        return jnp.sign(f - y) * _power(f - y, self.exponent.astype(f.dtype) - 1)


class Contrast(AbstractLoss):
    """The loss R(f) = −(1/n) Σ_i y_i f_i of labels y_i = ±1: a difference of means.

    It is not bounded below: it needs a penalty on f, or a critic that is held back otherwise.

    >>> import jax.numpy as jnp, meanfield as mf
    >>> float(mf.losses.Contrast().risk(jnp.array([1.0, 3.0]), jnp.array([1.0, -1.0])))
    1.0
    """

    def targets(self, y, outputs: int, dtype) -> Outputs:
        return floating_array("y", y, "n" if outputs == 1 else "n k", dtype=dtype)

    def risk(self, f: Outputs, y: Outputs) -> Scalar:
        return -jnp.sum(y * f) / f.shape[0]

    def residual(self, f: Outputs, y: Outputs) -> Outputs:
        return -y


def _numbers(y, outputs: int, dtype) -> Outputs:
    if outputs == 1:
        return floating_array("y", y, "n", dtype=dtype)
    y = floating_array("y", y, "n k", dtype=dtype)
    if y.shape[1] != outputs:
        raise ValueError(f"y has shape {y.shape}: expected [n, {outputs}], a column for each output of the unit.")
    return y


def _labels(y, outputs: int, dtype) -> Outputs:
    """±1 for one output; one-hot rows for several, from classes or from such rows."""
    y = real_numbers("y", y, "labels, one a sample" if outputs == 1 else "classes, one a sample, or one-hot rows")
    known = host(y)
    if known is None:
        # Labels made inside of a program, such as fresh samples, can't be looked at; classes are known by their shape.
        return _numbers(jax.nn.one_hot(y, outputs) if outputs > 1 and y.ndim == 1 else y, outputs, dtype)
    known = known.astype(float)
    if outputs == 1:
        wrong = known[~np.isin(known, (-1, 1))]
        if wrong.size:
            meant = " Did you mean 2*y - 1?" if np.isin(known, (0, 1)).all() else ""
            raise ValueError(f"y holds the label {wrong.flat[0]:.12g}: this loss takes labels -1 and +1.{meant}")
        return _numbers(known, outputs, dtype)
    if known.ndim == 1:
        wrong = known[~np.isin(known, np.arange(outputs))]
        if wrong.size:
            meant = " Did you mean y - 1?" if known.min() == 1 and known.max() == outputs else ""
            said = f"y holds the class {wrong.flat[0]:.12g}"
            raise ValueError(f"{said}: this loss takes classes 0 to {outputs - 1}.{meant}")
        known = np.eye(outputs)[known.astype(int)]
    elif np.shape(known)[1:] == (outputs,) and set(np.unique(known)) == {-1, 1} and np.all(np.sum(known > 0, 1) == 1):
        raise ValueError("y holds rows of -1 and +1: this loss takes rows with a single 1. Did you mean (y + 1) / 2?")
    hot = _numbers(known, outputs, dtype)
    if not (np.isin(known, (0, 1)).all() and (known.sum(axis=1) == 1).all()):
        raise ValueError("y has rows that are not one-hot: this loss takes classes, or rows with a single 1.")
    return hot


def _power(e: Outputs, p: jax.Array) -> Outputs:
    """|e|^p with 0^p = 0 for p > 0, and derivatives that are finite at 0 for p ≥ 1."""
    some = e != 0
    return jnp.where(some, jnp.where(some, jnp.abs(e), 1) ** p, 0)

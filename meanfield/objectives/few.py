"""A loss over the first samples of a batch, whose number need not be known when a program is compiled."""

import jax
import jax.numpy as jnp

from meanfield.arguments.typing import Outputs, Scalar
from meanfield.objectives.losses import AbstractLoss


class FirstOnly(AbstractLoss):
    """A loss that is the mean over the first `count` samples of a batch."""

    loss: AbstractLoss
    count: Scalar

    def targets(self, y, outputs: int, dtype) -> Outputs:
        return self.loss.targets(y, outputs, dtype)

    def risk(self, f: Outputs, y: Outputs) -> Scalar:
        # A mean of losses of one sample each, weighted like the residuals.
        risks = jax.vmap(lambda one, target: self.loss.risk(one[None], target[None]))(f, y)
        return jnp.mean(self._weights(f) * risks)

    def residual(self, f: Outputs, y: Outputs) -> Outputs:
        return self.loss.residual(f, y) * self._weights(f).reshape(f.shape[0], *[1] * (f.ndim - 1))

    def _weights(self, f: Outputs):
        n = f.shape[0]
        return jnp.where(jnp.arange(n) < self.count.astype(jnp.int32), n / self.count, 0).astype(f.dtype)

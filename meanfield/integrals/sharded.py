"""Any kernel on several devices: particles shared out, one sum over devices of the n predictions, nothing else sent."""

from typing import Any

import equinox as eqx
import jax
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P

from meanfield.arguments.typing import Inputs, Outputs, Position
from meanfield.devices.sharding import AXIS
from meanfield.integrals.abstract import AbstractKernel
from meanfield.particles import Particles
from meanfield.units.neuron import AbstractUnit


class Sharded(AbstractKernel):
    r"""Lets every device of `mesh` run `inner` on its own m/D particles: f = Σ_devices f_device, g_j where j is.

    **Arguments:** the kernel `inner`, and the `mesh` of one axis "particles" on which `meanfield.shard` has put μ.

    A particle is nowhere moved, and what `inner` keeps stays where it was made. Particles that do not divide evenly
    can't have been shared out, and are left to `inner` alone.
    """

    inner: AbstractKernel
    mesh: Mesh = eqx.field(static=True)

    def at(self, unit: AbstractUnit, x: Inputs) -> "Sharded":
        return Sharded(self.inner.at(unit, x), self.mesh)

    def predict(self, unit: AbstractUnit, mu: Particles, x: Inputs) -> Outputs:
        if mu.m % self.mesh.size:
            return self.inner.predict(unit, mu, x)
        return _everywhere(_predict, P(), self.mesh, (self.inner, unit, x), mu)

    def forward(self, unit: AbstractUnit, mu: Particles, x: Inputs) -> tuple[Outputs, Any]:
        if mu.m % self.mesh.size:
            return self.inner.forward(unit, mu, x)
        return _everywhere(_forward, (P(), P(AXIS)), self.mesh, (self.inner, unit, x), mu)

    def backward(self, unit: AbstractUnit, mu: Particles, x: Inputs, kept: Any, r: Outputs) -> Position:
        if mu.m % self.mesh.size:
            return self.inner.backward(unit, mu, x, kept, r)
        return _everywhere(_backward, P(AXIS), self.mesh, (self.inner, unit, x, r), mu, kept)

    def label(self) -> str:
        return f"{self.inner.label()} on each of {self.mesh.size} devices"


def spread(kernel: AbstractKernel, mesh: Mesh | None) -> AbstractKernel:
    """`kernel` on every device of `mesh`: itself without one, or where it is spread already."""
    return kernel if mesh is None or isinstance(kernel, Sharded) else Sharded(kernel, mesh)


def _predict(kernel: AbstractKernel, unit: AbstractUnit, x: Inputs, mu: Particles) -> Outputs:
    return jax.lax.psum(kernel.predict(unit, mu, x), AXIS)


def _forward(kernel: AbstractKernel, unit: AbstractUnit, x: Inputs, mu: Particles) -> tuple[Outputs, Any]:
    f, kept = kernel.forward(unit, mu, x)
    return jax.lax.psum(f, AXIS), kept


def _backward(kernel: AbstractKernel, unit: AbstractUnit, x: Inputs, r: Outputs, mu: Particles, kept: Any) -> Position:
    return kernel.backward(unit, mu, x, kept, r)


@eqx.filter_jit  # outside of a simulation too: primitive by primitive it would take a hundred times as long
def _everywhere(body, out_specs, mesh: Mesh, whole: tuple, *shares):
    """`body(*whole, *shares)` on every device, with all of `whole` and its share of `shares`."""
    arrays, rest = eqx.partition(whole, eqx.is_array)

    def local(arrays, shares):
        return body(*eqx.combine(arrays, rest), *shares)

    # No check of what varies over devices: loops inside kernels start from zeros, which do not vary, and end with sums
    # that do. The tests compare values and both kinds of derivatives with one device instead.
    mapped = jax.shard_map(local, mesh=mesh, in_specs=(P(), P(AXIS)), out_specs=out_specs, check_vma=False)
    return mapped(arrays, shares)

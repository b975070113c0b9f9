"""Deep fully connected networks with random weights, their conjugate kernels and their tangent kernel.

Two-layer networks are measures of particles; these are not, and no flow trains them. They are here to be compared with
their limits: a Gaussian process at the start, and a kernel.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from meanfield.arguments import array_of, finite_result, float_type, floating_array, positive_count, positive_scalar
from meanfield.arguments.described import html, text
from meanfield.arguments.meant import activation as elementwise
from meanfield.arguments.pickling import getstate, setstate
from meanfield.arguments.typing import Inputs, Random, Scalar
from meanfield.streams import stream
from meanfield.units.activations import named


class DeepNetwork(eqx.Module):
    r"""A network of L hidden layers of N units and one output.

    z_1 = s_w W_1 x + s_b b_1,   h_l = σ(z_l),   z_{l+1} = (s_w/√N) W_{l+1} h_l + s_b b_{l+1},   f = (1/√N) a·h_L.

    The factors stand before the weights, which are all of size one (neural-tangent parametrisation): kernels of wide
    networks have limits. L = 1 with s_w = 1 and s_b = 0 is the two-layer network of `Neuron` at α = √N.

    **Arguments:**

    - `first`: W_1, [N, d]. `hidden`: W_2 … W_L, [L − 1, N, N]. `biases`: b_1 … b_L, [L, N]. `output`: a, [N].
    - `activation`: σ, by name or as a function.
    - `weight_scale`: s_w; √2 keeps the norm of h through layers of ReLU. `bias_scale`: s_b.

    Networks are drawn by `DeepNetwork.gaussian`. A module like any other: `eqx.filter_vmap` over keys draws and looks
    at many networks in one program. Raises `ValueError` for shapes that do not match, numbers that are not finite, a
    `weight_scale` that is not positive and a negative `bias_scale`.

    Source: Jacot, Gabriel & Hongler (2018).

    >>> import jax, jax.numpy as jnp, meanfield as mf
    >>> net = mf.units.DeepNetwork.gaussian(jax.random.key(0), width=64, depth=3, d=2, weight_scale=2**0.5)
    >>> net.predict(jnp.eye(2)).shape, net.conjugate_kernels(jnp.eye(2)).shape, net.tangent_kernel(jnp.eye(2)).shape
    ((2,), (3, 2, 2), (2, 2))
    """

    __getstate__, __setstate__ = getstate, setstate
    __repr__, _repr_html_ = text, html

    first: Float[Array, "N d"]
    hidden: Float[Array, "L1 N N"]
    biases: Float[Array, "L N"]
    output: Float[Array, " N"]
    weight_scale: Scalar
    bias_scale: Scalar
    activation: Callable = eqx.field(static=True)

    def __init__(
        self,
        first,
        hidden,
        biases,
        output,
        activation: str | Callable = "relu",
        *,
        weight_scale=1.0,
        bias_scale=0.0,
    ):
        self.first = floating_array("first", first, "N d")
        dtype, (width, _) = self.first.dtype, self.first.shape
        self.biases = floating_array("biases", biases, "L N", dtype=dtype)
        depth = self.biases.shape[0]
        self.output = floating_array("output", output, "N", dtype=dtype)
        # One hidden layer has no weights between hidden layers.
        empty = depth == 1 and hasattr(hidden, "__len__") and len(hidden) == 0
        self.hidden = (
            jnp.zeros((0, width, width), dtype) if empty else floating_array("hidden", hidden, "L1 N N", dtype=dtype)
        )
        shapes = {"hidden": (depth - 1, width, width), "biases": (depth, width), "output": (width,)}
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise ValueError(
                    f"{name} has shape {getattr(self, name).shape}: expected {shape}, {depth} layers of {width} units."
                )
        self.weight_scale = positive_scalar("weight_scale", weight_scale, dtype)
        self.bias_scale = positive_scalar("bias_scale", bias_scale, dtype, zero=True)
        word = isinstance(activation, str)
        self.activation = named(activation).function if word else elementwise("activation", activation)

    @staticmethod
    def gaussian(
        key: Random,
        width: int,
        depth: int,
        d: int,
        activation: str | Callable = "relu",
        *,
        weight_scale=1.0,
        bias_scale=0.0,
        dtype=None,
    ) -> "DeepNetwork":
        r"""A network of `depth` hidden layers of `width` units for inputs of dimension `d`, all weights N(0, 1)."""
        n, layers, d = positive_count("width", width), positive_count("depth", depth), positive_count("d", d)
        sizes = [n * d, (layers - 1) * n * n, layers * n, n]
        # One draw for all weights: random numbers take longer to compile than all the rest.
        dtype = float_type(dtype)
        largest = max({"width": n, "depth": layers, "d": d}.items(), key=lambda item: item[1])
        array_of(*largest, -(-sum(sizes) // largest[1]), dtype)
        normal = jax.random.normal(stream(key, "deep network"), (sum(sizes),), dtype)
        ends = [sum(sizes[: i + 1]) for i in range(3)]
        first, hidden, biases, output = jnp.split(normal, ends)
        return DeepNetwork(
            first.reshape(n, d),
            hidden.reshape(layers - 1, n, n),
            biases.reshape(layers, n),
            output,
            activation,
            weight_scale=weight_scale,
            bias_scale=bias_scale,
        )

    @property
    def depth(self) -> int:
        """L, the number of hidden layers."""
        return self.biases.shape[0]

    @property
    def width(self) -> int:
        """N, units of a hidden layer."""
        return self.first.shape[0]

    def layers(self, x) -> Float[Array, "L n N"]:
        """h_1 … h_L at the inputs `x`, [n, d]."""
        return finite_result(self._layers(self._inputs("x", x)), "a layer", x=x)

    def predict(self, x) -> Float[Array, " n"]:
        """f at the inputs `x`, [n, d]."""
        return finite_result(self._output(self._layers(self._inputs("x", x))[-1]), "f", x=x)

    def conjugate_kernels(self, x1, x2=None) -> Float[Array, "L n1 n2"]:
        """h_l(x1)·h_l(x2)/N for every layer l: the kernel of its features. `x2` is `x1` if not given.

        That of layer L is the covariance of f over the output weights.
        """
        kernels = self._conjugate(self._inputs("x1", x1), None if x2 is None else self._inputs("x2", x2))
        return finite_result(kernels, "a kernel", x1=x1, x2=x1 if x2 is None else x2)

    def tangent_kernel(self, x1, x2=None) -> Float[Array, "n1 n2"]:
        r"""∇f(x1)·∇f(x2), derivatives in all weights and biases; `x2` is `x1` if not given.

        Σ_l (δ_l·δ_l')(h_{l−1}·h_{l−1}' s_w²/N + s_b²) + h_L·h_L'/N, with δ_l = ∂f/∂z_l by one reverse pass for all
        inputs: no derivative in a weight is ever stored.
        """
        kernel = self._tangent(self._inputs("x1", x1), None if x2 is None else self._inputs("x2", x2))
        return finite_result(kernel, "the kernel", x1=x1, x2=x1 if x2 is None else x2)

    def _inputs(self, name: str, x) -> Inputs:
        x = floating_array(name, x, "n d", dtype=self.first.dtype)
        if x.shape[1] != self.first.shape[1]:
            raise ValueError(f"{name} has {x.shape[1]} columns: the network has {self.first.shape[1]} inputs.")
        return x

    # Programs of their own, compiled once a shape: each holds a loop over layers, which is compiled at each call else.

    @eqx.filter_jit
    def _layers(self, x: Inputs, added: Float[Array, "L n N"] | None = None) -> Float[Array, "L n N"]:
        """h_1 … h_L, where `added` is added to z_1 … z_L if given."""
        if added is None:
            added = jnp.zeros((self.depth, x.shape[0], self.width), x.dtype)
        with jax.default_matmul_precision("highest"):
            shifts = self.bias_scale * self.biases[:, None, :] + added
            first = self.activation(self.weight_scale * (x @ self.first.T) + shifts[0])
            factor = self.weight_scale / self.width**0.5

            def on(h, layer):
                weights, shift = layer
                h = self.activation(factor * (h @ weights.T) + shift)
                return h, h

            rest = jax.lax.scan(on, first, (self.hidden, shifts[1:]))[1]
            return jnp.concatenate([first[None], rest])

    def _output(self, h: Float[Array, "n N"]) -> Float[Array, " n"]:
        with jax.default_matmul_precision("highest"):
            return h @ self.output / self.width**0.5

    @eqx.filter_jit
    def _conjugate(self, x1: Float[Array, "n1 d"], x2: Float[Array, "n2 d"] | None) -> Float[Array, "L n1 n2"]:
        first = self._layers(x1)
        second = first if x2 is None else self._layers(x2)
        return jnp.einsum("lin,lkn->lik", first, second, precision="highest") / self.width

    @eqx.filter_jit
    def _tangent(self, x1: Float[Array, "n1 d"], x2: Float[Array, "n2 d"] | None) -> Float[Array, "n1 n2"]:
        first = self._derivatives(x1)
        second = first if x2 is None else self._derivatives(x2)
        fan = jnp.full(self.depth, self.width, self.first.dtype).at[0].set(1)
        (below1, slopes1, last1), (below2, slopes2, last2) = first, second
        with jax.default_matmul_precision("highest"):
            inner = [below1[0] @ below2[0].T, jnp.einsum("lin,lkn->lik", below1[1], below2[1])]
            inner = jnp.concatenate([inner[0][None], inner[1]])
            inputs = jnp.square(self.weight_scale) * inner / fan[:, None, None] + jnp.square(self.bias_scale)
            return jnp.einsum("lik,lin,lkn->ik", inputs, slopes1, slopes2) + last1 @ last2.T / self.width

    def _derivatives(self, x: Inputs):
        """((x, h_1 … h_{L−1}), δ_1 … δ_L, h_L) at every input."""

        def outputs(added):
            h = self._layers(x, added)
            return self._output(h[-1]), h

        none = jnp.zeros((self.depth, x.shape[0], self.width), x.dtype)
        f, pull, h = jax.vjp(outputs, none, has_aux=True)
        # f of one input depends on what is added at that input alone.
        return (x, h[:-1]), pull(jnp.ones_like(f))[0], h[-1]

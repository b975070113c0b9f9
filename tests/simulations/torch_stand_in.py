"""A module in PyTorch's place that knows just what a step asks for: arrays of NumPy, and derivatives by a tape."""

import importlib.machinery
import types

import numpy as np


class Tensor:
    """An array, and of which tensors it is made with which transposed derivatives."""

    def __init__(self, value, parents=()):
        self.value, self.parents = np.asarray(value), parents

    @property
    def shape(self):
        return self.value.shape

    @property
    def T(self):
        return Tensor(self.value.T, [(self, lambda g: g.T)])

    def __getitem__(self, index):
        def back(g):
            whole = np.zeros_like(self.value)
            whole[index] = g
            return whole

        return Tensor(self.value[index], [(self, back)])

    def __matmul__(self, other):
        one, two = self.value, other.value
        left = (lambda g: np.outer(g, two)) if two.ndim == 1 else (lambda g: g @ two.T)
        return Tensor(one @ two, [(self, left), (other, lambda g: one.T @ g)])

    def __rmul__(self, number):
        return Tensor(number * self.value, [(self, lambda g: number * g)])

    def __truediv__(self, number):
        return (1 / number) * self

    def __sub__(self, other):
        return Tensor(self.value - other.value, [(self, lambda g: g), (other, lambda g: -g)])

    def __pow__(self, power):
        return Tensor(self.value**power, [(self, lambda g: g * power * self.value ** (power - 1))])

    def detach(self):
        return Tensor(self.value)

    def requires_grad_(self, _):
        return self


def relu(z):
    return Tensor(np.maximum(z.value, 0), [(z, lambda g: g * (z.value > 0))])


def mean(v):
    return Tensor(v.value.mean(), [(v, lambda g: np.full(v.shape, g / v.value.size))])


def grad(value, of):
    def through(tensor, g):
        here = g if tensor is of else 0
        return here + sum(through(parent, back(g)) for parent, back in tensor.parents)

    return (Tensor(through(value, 1.0)),)


def module(compiled: list) -> types.ModuleType:
    """Return the module; `compiled` receives the functions that it is told to compile."""
    torch = types.ModuleType("torch")
    torch.__spec__ = importlib.machinery.ModuleSpec("torch", None)
    torch.__version__ = "0.stand-in"
    torch.tensor, torch.relu, torch.mean = Tensor, relu, mean
    torch.autograd = types.SimpleNamespace(grad=grad)

    def compile_(function):
        compiled.append(function)
        return function

    torch.compile = compile_
    return torch

"""The network s Σ_j a_j relu(w_j·x + b_j) + c, its derivatives and its linearisation, in NumPy."""

import numpy as np


def forward(p, x, s=1.0):
    return s * np.maximum(x @ p["W"].T + p["b"], 0) @ p["a"][0] + p["c"]


def jacobian(p, x, s=1.0):
    """Derivatives of f in W, b, a, c, flat: [n, P]."""
    z = x @ p["W"].T + p["b"]
    inner = s * p["a"][0] * (z > 0)
    through = inner[:, :, None] * x[:, None, :]
    return np.concatenate([through.reshape(len(x), -1), inner, s * np.maximum(z, 0), np.ones((len(x), 1))], axis=1)


def flat(p):
    return np.concatenate([p[name].ravel() for name in ("W", "b", "a", "c")])


def unflat(v, like):
    ends = np.cumsum([0, *(like[name].size for name in ("W", "b", "a", "c"))])
    return {name: v[i:j].reshape(like[name].shape) for name, i, j in zip("Wbac", ends, ends[1:], strict=False)}

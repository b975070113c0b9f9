"""Small inputs, targets, kernels and particles, all numbers of few digits."""

import numpy as np

X = np.array([[0.6, 0.8], [1.0, 0.25], [-0.5, 1.0]])
"""Three inputs in the plane, no two on a line through the origin."""
Y = np.array([1.0, -0.5, 0.75])
SIGNS = np.array([1.0, -1.0, 1.0])
KERNEL = np.array([[2.0, 0.5, 0.25], [0.5, 1.5, 0.5], [0.25, 0.5, 1.0]])
CROSS = np.array([[0.5, 0.25, 0.125], [0.25, 0.5, 0.75]])
THETA = np.array([[1.0, 0.5, -0.25], [-0.75, 0.25, 1.0]])
"""Two neurons (a, w) of two inputs."""
LAW = np.array([0.5, 0.25, 0.25])
INCREASING = np.array([0.0, 1.0, 2.5])

"""Compute kernels: the two integrals in which every flow spends its time.

predict   f_i = Σ_j p_j Φ(θ_j; x_i)            shape [n] or [n, k]
pullback  g_j = Σ_i r_i ∇_θ Φ(θ_j; x_i)        shape [m, p]
"""

from meanfield.kernels.blocked import Blocked
from meanfield.kernels.dense import Dense
from meanfield.kernels.interpolated import Interpolated
from meanfield.kernels.pallas import Pallas
from meanfield.kernels.plan import Plan, plan
from meanfield.kernels.sharded import Sharded
from meanfield.kernels.sorted import Sorted

__all__ = ["Blocked", "Dense", "Interpolated", "Pallas", "Plan", "Sharded", "Sorted", "plan"]

"""Compute kernels: the two integrals in which every flow spends its time.

predict   f_i = Σ_j p_j Φ(θ_j; x_i)            shape [n] or [n, k]
pullback  g_j = Σ_i r_i ∇_θ Φ(θ_j; x_i)        shape [m, p]
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""Certificates of global optimality, computed on the host in float64."""

from meanfield.certificates.gap import OptimalityGap, optimality_gap

__all__ = ["OptimalityGap", "optimality_gap"]

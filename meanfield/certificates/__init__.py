"""Certificates of global optimality, computed on the host in float64."""

from meanfield.certificates.gap import OptimalityGap, optimality_gap
from meanfield.certificates.minimum import CertifiedMinimum, certified_minimum

__all__ = ["CertifiedMinimum", "OptimalityGap", "certified_minimum", "optimality_gap"]

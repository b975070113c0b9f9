"""Sweeps: which runs are missing, who computes them, and what is said meanwhile."""

"""Simulations: one, many replicas at once, their progress and their trajectories."""

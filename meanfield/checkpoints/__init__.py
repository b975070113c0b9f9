"""Checkpoints: states of a long simulation on disk, and what identifies the simulation they belong to."""

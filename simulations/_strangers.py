"""Imported first: a stranger who answers to the name of a sibling is told of before he is asked for what he lacks."""

from meanfield.environment.siblings import require

require("theory")

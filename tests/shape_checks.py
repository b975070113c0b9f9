"""Whether shapes are checked in tests of the engine: as it is when this is imported, before any test says otherwise."""

import importlib.util

import jaxtyping

UNCHECKED = ""
"""Why they are not; empty if they are."""
if importlib.util.find_spec("beartype") is None:
    UNCHECKED = "beartype is not installed (the extra `test` holds it)"
elif jaxtyping.config.jaxtyping_disable:
    UNCHECKED = "JAXTYPING_DISABLE is set"

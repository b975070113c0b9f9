"""The user's folder for what can be made anew: compiled programs, and tile sizes found for this machine."""

import logging
import os
import sys
from pathlib import Path

logger = logging.getLogger("meanfield")

VARIABLE = "MEANFIELD_CACHE"
"""The variable of the environment that names another folder, or is "off"."""


def location() -> Path | None:
    """Return the folder; None where nothing is to be kept.

    It is $MEANFIELD_CACHE if that is set, else `meanfield` in $XDG_CACHE_HOME or ~/.cache, in ~/Library/Caches on
    macOS, and in %LOCALAPPDATA% on Windows.
    """
    given = os.environ.get(VARIABLE, "")
    if given.lower() == "off":
        return None
    try:
        return Path(given).expanduser().absolute() if given else _of_user() / "meanfield"
    except RuntimeError as problem:  # a user without a home
        logger.debug("nothing is kept between processes: %s", problem)
        return None


def _of_user() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    stated = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return stated if stated.is_absolute() else Path.home() / ".cache"  # relative ones count as not set, says XDG

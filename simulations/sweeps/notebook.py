"""The progress of a sweep in a notebook: a bar of the page, which needs no extension."""

import html
import sys
import time
from typing import Any

SHELL = "ZMQInteractiveShell"
"""What IPython calls the shell that stands behind a notebook."""

EVERY = 0.2
"""Seconds between two pictures of the bar."""


def in_notebook() -> bool:
    """Return True if this process answers a notebook; one that never loaded IPython does not."""
    found: Any = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return found is not None and type(found()).__name__ == SHELL


class NotebookBar:
    """A bar below the cell that runs, with how many runs are done."""

    def __init__(self, name: str, total: int):
        from IPython.display import display

        self._name, self._total, self._began = name, total, time.monotonic()
        self._drawn = self._began
        self._words = self._picture(0, "")
        self._shown: Any = display(self._words, raw=True, display_id=True)

    def update(self, done: int, aside: str) -> None:
        """Move the bar, a few times a second at most."""
        self._words = self._picture(done, aside)
        if time.monotonic() - self._drawn >= EVERY or done == self._total:
            self._draw()

    def close(self) -> None:
        """Leave the bar as it is."""
        self._draw()

    def _draw(self) -> None:
        self._drawn = time.monotonic()
        if self._shown is not None:
            self._shown.update(self._words, raw=True)

    def _picture(self, done: int, aside: str) -> dict[str, str]:
        seconds = time.monotonic() - self._began
        text = f"{done} of {self._total} runs{aside}, {seconds:.0f} s"
        bar = f'<progress value="{done}" max="{self._total}" style="width: 20em"></progress>'
        page = f"{html.escape(self._name)} {bar} {html.escape(text)}"
        return {"text/plain": f"{self._name}: {text}", "text/html": page}

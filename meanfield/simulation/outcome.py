"""How a simulation ended: an outcome, when, and what to do about it."""

import enum
from dataclasses import dataclass


class Outcome(enum.Enum):
    """How a simulation ended."""

    DONE = "done"
    """The final time was reached."""
    DIVERGED = "diverged"
    """Particles or objective are not finite any more; the trajectory ends before that."""
    INTERRUPTED = "interrupted"
    """Ctrl-C, or a signal that asks to stop."""
    TIME_LIMIT = "the time limit was reached"
    """`time_limit` seconds have passed."""
    STEP_LIMIT = "as many steps were taken as can be counted"
    """2³¹ − 1 of them."""


@dataclass(frozen=True)
class Ending:
    """An outcome, the time t at which it came, and advice: what to try, or where a checkpoint lets it go on."""

    outcome: Outcome
    time: float
    advice: str = ""

    def __str__(self) -> str:
        """Return the sentence that stands in `Trajectory.status`."""
        if self.outcome is Outcome.DONE:
            return "done"
        if self.outcome is Outcome.DIVERGED:
            return f"diverged at t = {self.time:.6g}: {self.advice}"
        advice = f", {self.advice}" if self.advice else ""
        return f"stopped at t = {self.time:.6g}{advice}: {self.outcome.value}"

    @property
    def stopped(self) -> bool:
        """Return True if the simulation could have gone on."""
        return self.outcome not in (Outcome.DONE, Outcome.DIVERGED)

"""Which method bounds the largest slope, by the size of the problem and the time given, and on how many threads."""

from contextlib import AbstractContextManager, nullcontext

from threadpoolctl import threadpool_limits

from meanfield.certificates.lifted import lifted_memory

METHODS = ("planar", "branching", "lifted", "relaxation", "ascent")

WIDEST = 6
"""Columns up to which cones are split without being asked for."""

MOST = 14
"""Columns up to which cones can be split: 2^columns of them are there from the start."""

SIZE, STEP = 221, 5e-3
"""A step of the lifted method at this size of its matrix takes about so many seconds of a processor."""

STEPS, UNASKED = 600, 60.0
"""Steps until its bound is good, about, and how long they may take without `seconds`."""

ALONE = 400
"""Samples up to which one thread is as quick as several."""

MEMORY = 8 * 2**30
"""Bytes that the lifted method may take without being asked for."""


def chosen(n: int, q: int, outputs: int, seconds: float | None) -> tuple[str, str]:
    """(method, why) for n samples of q columns, the bias included, and so many outputs."""
    columns = "1 column" if q == 1 else f"{q} columns"
    if outputs == 1 and q <= 2:
        return "planar", f"{columns}: exact, arc by arc"
    if outputs == 1 and q <= WIDEST:
        return "branching", f"{columns}: up to {WIDEST} cones are split until the bound is exact"
    why = f"{columns}: beyond {WIDEST} cones are too many" if outputs == 1 else f"{outputs} outputs"
    expected, memory = lifted_seconds(n, q), lifted_memory(n, q)
    if not chosen_lifted(n, q, seconds):
        less = "give seconds= for a tighter bound" if memory <= MEMORY and seconds is None else "too little"
        given = "" if seconds is None else f" of {seconds:.3g} s"
        return "relaxation", (
            f"{why}, and for {n} samples the lifted bound takes about {expected:.2g} s and {memory / 2**20:.0f} MiB"
            f"{given}: {less}"
        )
    return "lifted", f"{why}, and {n} samples are within reach of the lifted bound"


def chosen_lifted(n: int, q: int, seconds: float | None) -> bool:
    """Return True if the lifted method is within the time and the memory that it may take."""
    in_time = lifted_seconds(n, q) <= (UNASKED if seconds is None else seconds)
    return in_time and lifted_memory(n, q) <= MEMORY


def lifted_seconds(n: int, q: int) -> float:
    """About how long the lifted method takes for a good bound, on one processor."""
    return STEPS * STEP * ((1 + min(n, q) + n) / SIZE) ** 3


def refuse(method: str, q: int, outputs: int) -> None:
    """Raise `ValueError` where a method that was asked for does not apply."""
    if method in ("planar", "branching") and outputs > 1:
        raise ValueError(f"method={method!r}: expected one output, and there are {outputs}; take 'lifted'.")
    if method == "planar" and q > 2:
        raise ValueError(f"method='planar': expected at most 2 columns (with the bias), and there are {q}.")
    if method == "branching" and q > MOST:
        raise ValueError(f"method='branching': expected at most {MOST} columns (with the bias), and there are {q}.")


def suitable_threads(n: int) -> AbstractContextManager:
    """Return the context in which matrices of so many rows are computed with: on one thread where they are small.

    There threads of linear algebra spend more time waiting for each other than they save, most of all on
    a busy machine.
    """
    return threadpool_limits(1, user_api="blas") if n <= ALONE else nullcontext()

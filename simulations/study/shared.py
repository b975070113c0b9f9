"""Answers that many runs share, such as the data of a seed or the limit of infinitely many particles."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, TypeVar

from meanfield.arguments import one_of

T = TypeVar("T")


def shared(**alike: Any) -> Callable[[Callable[[Any], T]], Callable[[Any], T]]:
    """Return the decorator of a method whose answer all runs share that differ in these fields alone.

    The method is called once for all of them, on a run that has the values given here, so that its answer can't depend
    on these fields. The last 64 answers are kept in the process.

    >>> import simulations
    >>> class Networks(simulations.Experiment):
    ...     particles: int = simulations.count(10, "m", "particles")
    ...     @simulations.shared(particles=1)
    ...     def data(self):
    ...         return self.generator("data").normal(size=3)
    ...     def run(self):
    ...         return {"mean": self.data().mean()}
    >>> Networks(particles=10).data() is Networks(particles=20).data()
    True

    Raises `ValueError`, when it is called, for a name that is none of the fields.
    """

    def decorate(method: Callable[[Any], T]) -> Callable[[Any], T]:
        once = functools.lru_cache(maxsize=64)(method)

        @functools.wraps(method)
        def asked(run: Any) -> T:
            for name in alike:
                one_of("shared", name, [field.name for field in dataclasses.fields(run)])
            return once(dataclasses.replace(run, **alike))

        return asked

    return decorate
